package console

import (
	"strconv"
	"strings"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/locale"
	"landfall/internal/place"
)

// proposalLine is one thing that waits to be confirmed.
type proposalLine struct {
	*incident.Proposal
	What, Who string
	Details   []string
	Confirms  bool   // the account may confirm it
	Drops     string // what its button to drop it says; "" for none
	Form      *form
}

// relayedLine is one thing that was entered in the name of the account's party and is not confirmed.
type relayedLine struct {
	*incident.Relayed
	What, Who string
	Form      *form
}

// relays fills in what waits to be confirmed, and what was entered for the account's own party, for whoever reads the incident's inside.
func (view *overviewView) relays(v *visit) error {
	if !view.Whole {
		return nil
	}
	for _, p := range view.I.Proposals {
		view.Proposals = append(view.Proposals, v.proposalLine(view.about, p))
	}
	if !v.scope.MayWrite() {
		return nil
	}
	relayed, err := v.console.incident.Relays(v.ctx(), v.scope, view.I.ID)
	if err != nil {
		return err
	}
	for _, r := range relayed {
		owner := place.Party(r.Relay.OnBehalfOf)
		if r.Settled() || v.scope.All || !v.scope.May(access.ConfirmRelay, view.I.Thing(owner)) {
			continue
		}
		view.Unconfirmed = append(view.Unconfirmed, relayedLine{
			Relayed: r, What: v.L.Page.Incidents.Event.Of(strings.TrimSuffix(r.Type, ".v1")),
			Who: v.bare().Relayed(r.Word()), Form: newForm(),
		})
	}
	return nil
}

func (v *visit) proposalLine(a about, p *incident.Proposal) proposalLine {
	t, thing := v.L.Page.Incidents.Relays, a.I.Thing(p.By)
	line := proposalLine{
		Proposal: p, What: workCapital(v.L.Codes.Proposal.Of(string(p.Kind))), Form: newForm().with("etag", v.console.incident.ETag(p.Seq)),
		Who: v.enteredBy(p.Relay, p.ByRole, p.By),
	}
	asked := p.Asked()
	said := v.L.Page.Incidents.Said
	for _, detail := range []string{
		v.saidOf(said.Named, asked.Named), v.saidOf(said.Unnamed, asked.Unnamed), asked.Reason,
	} {
		if detail != "" {
			line.Details = append(line.Details, detail)
		}
	}
	if asked.Protocol != "" {
		line.Details = append(line.Details, v.L.Codes.Protocol.Of(asked.Protocol))
	}
	clock := v.clock(a.Now, a.I.Origin)
	for _, k := range asked.Anchors {
		line.Details = append(line.Details, v.L.Joins.Colon.Say(locale.Pair{A: v.anchorWord(k.Name), B: clock.When(k.At)}))
	}
	if !v.scope.MayWrite() {
		return line
	}
	line.Confirms = v.scope.May(p.Confirms(), thing)
	if v.scope.May(p.Drops(), thing) {
		line.Drops = string(t.Decline)
		if v.scope.ActsFor(p.By) {
			line.Drops = string(t.Withdraw)
		}
	}
	return line
}

// saidOf says something of parties; "" when there are none.
func (v *visit) saidOf(text locale.Text[locale.Name], parties []place.Party) string {
	if len(parties) == 0 {
		return ""
	}
	return text.Say(locale.Name{Name: v.L.Parties(parties)})
}

// enteredBy says how a word came and who entered it, and when it was said.
func (v *visit) enteredBy(r ledger.Relay, role access.Role, by place.Party) string {
	return v.bare().Relayed(incident.WordOf(r, incident.EnteredBy{Role: role, Party: by}))
}

// settleProposal confirms or drops what waits: the button that was pressed says which.
func (c *Console) settleProposal(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	id, proposal, done := v.Param("id"), v.Param("proposal"), "proposal_confirmed"
	switch f.Value("act") {
	case "confirm":
		_, err = c.incident.Confirm(v.ctx(), v.scope, v.write(f), id, proposal)
	case "drop":
		done = "proposal_withdrawn"
		_, err = c.incident.Withdraw(v.ctx(), v.scope, v.write(f), id, proposal, "")
	default:
		err = fault.New(fault.Invalid, "form_unreadable", "The form cannot be read.")
	}
	if err != nil {
		return err
	}
	return v.to("/incidents/"+id, done)
}

// confirmRelay records that the account's party stands by what was entered for it.
func (c *Console) confirmRelay(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	seq, err := strconv.ParseInt(v.Param("version"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "relay_not_found", "Nothing of this number was entered for another party in this incident.")
	}
	if _, err := c.incident.ConfirmRelay(v.ctx(), v.scope, v.write(f), v.Param("id"), seq); err != nil {
		return err
	}
	return v.to("/incidents/"+v.Param("id"), "relay_confirmed")
}

// Confirmation says whether the party spoken for stands by an entry of the timeline; "" for one that nobody passed on.
func (l entryLine) confirmation(v *visit) string {
	if l.Relayed == nil {
		return ""
	}
	party := place.Party(l.Relay.OnBehalfOf)
	said := v.L.Page.Incidents.Relays
	switch {
	case l.Relayed.Confirmed():
		return v.settledBy(said.Confirmed, string(l.Relayed.ConfirmedBy), party, l.Relayed.ConfirmedAt)
	case l.Relayed.Settled():
		return v.settledBy(said.Corrected, string(l.Relayed.CorrectedBy), party, l.Relayed.CorrectedAt)
	}
	return said.Open.Say(locale.Name{Name: v.L.Party(party)})
}
