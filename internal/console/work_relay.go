package console

import (
	"slices"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// relaysPlain is how many parties a list names without grouping them.
const relaysPlain = 12

// workRelays gives the folded block with which somebody passes on the word of another party: one of these, save those whom the account speaks
// for itself. must says that the account has no word of its own here;
// in is the incident. Nil for who passes on nothing.
func (v *visit) workRelays(f *form, must bool, in access.Thing, parties ...place.Party) []workBlock {
	if !v.scope.May(access.SpeakForOthers, in) {
		return nil
	}
	var who []choice
	for _, p := range parties {
		if p != "" && (v.scope.All || !v.scope.ActsFor(p)) && !slices.ContainsFunc(who, func(c choice) bool { return c.Value == string(p) }) {
			who = append(who, choice{Value: string(p), Label: v.L.Party(p)})
		}
	}
	if len(who) == 0 {
		return nil
	}
	t := v.L.Page.Form
	block := workBlock{Heading: string(t.Relayed), Fold: true, Opened: must, Text: string(v.L.Page.Work.RelayHint)}
	from := f.Select("on_behalf_of", t.OnBehalfOf, who).Saying(v.L.Page.Work.RelayNobody)
	if must {
		from = from.Need()
		if len(who) == 1 {
			from.Empty = ""
		}
	}
	by := f.Radios("relayed_by", t.RelayedBy, workToChoices(check.Relays(), v.L.Codes.RelayedBy))
	by.Required = must
	block.Fields = workFields(from, by, f.When("said_at", t.SaidAt))
	if len(who) > relaysPlain {
		for _, g := range v.workNeighbours("") {
			g.Choices = slices.DeleteFunc(g.Choices, func(c choice) bool { return !slices.Contains(who, c) })
			block.Fields[0].Groups = append(block.Fields[0].Groups, g)
		}
	}
	return []workBlock{block}
}

// workRelay reads what workRelays asked. Half of a relay is no word of one's own.
func (v *visit) workRelay(f *form, must bool) *ledger.Relay {
	relay := v.relay(f)
	if relay == nil && (must || f.Value("relayed_by") != "" || f.Value("said_at") != "") {
		f.wrong("on_behalf_of", string(v.L.Page.Form.Required))
	}
	return relay
}

// workRelayed says on whose word a review rests, when it is not the account's own.
func (v *visit) workRelayed(f *form) []workFact {
	party := place.Party(f.Value("on_behalf_of"))
	if party == "" {
		return nil
	}
	return []workFact{{string(v.L.Page.Form.OnBehalfOf), v.L.Party(party) + ", " + v.L.Codes.RelayedBy.Of(f.Value("relayed_by"))}}
}
