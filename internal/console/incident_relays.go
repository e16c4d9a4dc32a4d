package console

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/locale"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// proposalLine is one thing that waits to be confirmed.
type proposalLine struct {
	*incident.Proposal
	What, Who string
	Details   []string
	Confirm   *workButton // nil: the account may not confirm it
	Told      []workTold  // whom confirming it alerts
	Notes     []workNote
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
		line, err := v.proposalLine(view.about, p)
		if err != nil {
			return err
		}
		view.Proposals = append(view.Proposals, line)
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

func (v *visit) proposalLine(a about, p *incident.Proposal) (proposalLine, error) {
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
		return line, nil
	}
	if v.scope.May(p.Confirms(), thing) {
		if err := v.proposalSends(&line, &a.I, asked); err != nil {
			return line, err
		}
	}
	if v.scope.May(p.Drops(), thing) {
		line.Drops = string(t.Decline)
		if v.scope.ActsFor(p.By) {
			line.Drops = string(t.Withdraw)
		}
	}
	return line, nil
}

// proposalSends says of a proposal what its button sends: each state that is alerted, with what reaches it, or that NOBODY is reached there.
func (v *visit) proposalSends(line *proposalLine, i *incident.Incident, asked incident.Asked) error {
	t, w := v.L.Page.Incidents.Relays, v.L.Page.Work
	line.Confirm = &workButton{"confirm", string(t.Confirm), "primary"}
	told, request := i.Receivers, protocol.ActivationRequest
	switch line.Kind {
	case incident.ProposeReceivers:
		told = append(workWithout(asked.Named, told), workWithout(asked.Unnamed, workWithout(asked.Unnamed, told))...)
	case incident.ProposeMonitor:
		request = protocol.PlanningRequest
	case incident.ProposeAnchor: // it alerts no receiving state
		if told = nil; v.scope.ActsFor(i.Origin) {
			return nil
		}
	case incident.ProposeOpening, incident.ProposeActivate, incident.ProposeStandDown, incident.ProposeClose:
	}
	if i.Status == incident.Draft && line.Kind != incident.ProposeOpening {
		return nil // nobody is told before it is opened
	}
	if !v.scope.ActsFor(i.Origin) { // its word was confirmed by another
		told = append(slices.Clip(told), i.Origin)
	}
	now := v.console.workNow(i)
	var p workPage
	reached, err := v.workReach(&p, i, told, func(r place.Party) string {
		if r == i.Origin {
			return string(t.OriginTold)
		}
		switch line.Kind {
		case incident.ProposeMonitor, incident.ProposeActivate:
			by, _ := protocol.RequiredBy(request, now, place.Zone(r))
			return w.Start.ReplyIn.Say(locale.Name{Name: v.L.Span(by.Sub(now).Round(time.Minute))})
		case incident.ProposeReceivers:
			if slices.Contains(asked.Named, r) {
				return string(w.Open.ToldWhat)
			}
		case incident.ProposeOpening:
			return string(w.Open.ToldWhat)
		case incident.ProposeAnchor, incident.ProposeStandDown, incident.ProposeClose:
		}
		return string(w.Receivers.UnnamedTold)
	})
	if err != nil {
		return err
	}
	press := t.Press
	if i.Exercise {
		line.Confirm.Class, press = "rehearsal", t.PressExercise
	}
	line.Confirm.Text = v.workPress(reached, press, t.PressNobody)
	v.workGoesOut(&p, i.Exercise, reached)
	line.Told, line.Notes = p.Told, p.Notes
	return nil
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

// Unconfirmed says of something that the incident goes on by what it is, how the word came, and that it is not confirmed.
func (p *page) Unconfirmed(r *incident.Relayed) string {
	t := p.L.Page.Incidents
	what := p.L.Joins.Colon.Say(locale.Pair{A: t.Event.Of(strings.TrimSuffix(r.Type, ".v1")), B: p.Relayed(r.Word())})
	return what + string(p.L.Joins.Between) + t.Relays.Open.Say(locale.Name{Name: p.L.Party(place.Party(r.Relay.OnBehalfOf))})
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
