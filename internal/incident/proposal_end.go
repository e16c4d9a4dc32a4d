package incident

import (
	"context"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// confirming is the event of a request, which can say that it carries out a proposal, and with which word that was proposed.
type confirming interface {
	confirm(proposal string, w *Word)
}

func (f *follows) confirm(proposal string, w *Word)  { f.Confirms, f.Word = proposal, w }
func (r *released) confirm(proposal string, w *Word) { r.Confirms, r.Word = proposal, w }

// Confirm carries out a proposal as the incident stands now. The affected state's coordinator confirms; of what starts something a regional
// officer may, and then it stands without the affected state's own word. Whoever has to confirm is judged by what it would do now. What is
// recorded says on whose word it was proposed, who entered it and who confirmed it. Faults: NotFound, Forbidden; State when it can no
// longer be done, or when a key time that it would set was set otherwise since.
func (d *Desk) Confirm(ctx context.Context, scope access.Scope, w access.Write, id, proposal string) (Done[Incident], error) {
	out, err := d.commandWith(ctx, scope, w, id, true, func(t turn) (ledger.Decision, error) {
		p, err := t.proposal(proposal)
		if err != nil {
			return ledger.Decision{}, err
		}
		var r request
		if p.Kind != ProposeOpening {
			if r, err = p.request(); err != nil {
				return ledger.Decision{}, err
			}
		}
		if err := t.must(p.Confirms(), ""); err != nil {
			return ledger.Decision{}, err
		}
		if err := t.matches(p.Seq, false); err != nil {
			return ledger.Decision{}, err
		}
		t.settled = true
		events, err := t.carryOut(p, r)
		return ledger.Decision{Events: events}, err
	})
	return d.incidentDone(out, err)
}

// proposal gives one that waits. What has expired waits no longer, also while nobody has swept it away.
func (t turn) proposal(id string) (*Proposal, error) {
	p, ok := t.Proposals[id]
	if !ok || !p.ExpiresAt.After(t.wall) {
		return nil, fault.New(fault.NotFound, "proposal_not_found", "No such proposal waits in this incident.")
	}
	return t.asItStands(p), nil
}

// carryOut gives the events of a proposal; r is nil for an opening.
func (t turn) carryOut(p *Proposal, r request) ([]ledger.Event, error) {
	var events []ledger.Event
	err := t.unmoved(p)
	switch {
	case err != nil:
	case r == nil:
		events, err = t.release()
	default:
		events, err = r.decide(t)
	}
	if err != nil {
		return nil, err
	}
	if len(events) == 0 { // it has come about by itself
		return one(EventProposalEnded, proposalEnded{ID: p.ID, Kind: p.Kind, By: p.By, How: ProposalWithdrawn}), nil
	}
	word := WordOf(p.Relay, EnteredBy{Role: p.ByRole, Party: p.By})
	word.ConfirmedBy = &EnteredBy{Role: t.scope.Role, Party: t.scope.Party}
	events[0].Data.(confirming).confirm(p.ID, word)
	return append(events, t.endOfUnnamed(events[0], p.ID)...), nil
}

// unmoved refuses a proposal that would set an anchor back which was set to something else since it was proposed.
func (t turn) unmoved(p *Proposal) error {
	for _, want := range p.Asked().Anchors {
		now, ok := t.Anchors[want.Name]
		if ok && now.Seq > p.Seq && (!now.At.Equal(want.At) || now.Kind != want.Kind) {
			return fault.New(fault.State, "anchor_moved_since",
				"%s was set to something else since this was proposed. If what was proposed still holds, set it anew.", want.Name)
		}
	}
	return nil
}

// endOfUnnamed gives the ends of the proposals that a state made, or that speak for one, which the event names no more. The proposal but is
// the one that the event carries out.
func (t turn) endOfUnnamed(e ledger.Event, but string) []ledger.Event {
	change, ok := e.Data.(*receiversChanged)
	if !ok {
		return nil
	}
	gone := func(p place.Party) bool {
		return slices.ContainsFunc(change.Unnamed, func(q place.Party) bool { return covers(p, q) || covers(q, p) })
	}
	var events []ledger.Event
	for _, p := range t.proposals() {
		if p.ID != but && p.Kind != ProposeOpening && (gone(p.By) || gone(place.Party(p.Relay.OnBehalfOf))) {
			events = append(events, t.endProposal(p, ProposalUnnamed, "", t.now)...)
		}
	}
	return events
}

// Withdraw takes a proposal back, or declines it: whoever's party proposed it withdraws, whoever could confirm it declines. A draft that was
// proposed is stood down. reason may be empty.
func (d *Desk) Withdraw(ctx context.Context, scope access.Scope, w access.Write, id, proposal, reason string) (Done[Incident], error) {
	c := w.Check()
	check.Reason(&c, "/reason", &reason, false)
	if err := c.Err(); err != nil {
		return Done[Incident]{}, err
	}
	out, err := d.commandWith(ctx, scope, w, id, true, func(t turn) (ledger.Decision, error) {
		p, err := t.proposal(proposal)
		if err != nil {
			return ledger.Decision{}, err
		}
		if err := t.must(p.Drops(), p.By); err != nil {
			return ledger.Decision{}, err
		}
		if err := t.matches(p.Seq, false); err != nil {
			return ledger.Decision{}, err
		}
		how := ProposalWithdrawn
		if !scope.ActsFor(p.By) {
			how = ProposalDeclined
		}
		return ledger.Decision{Events: t.endProposal(p, how, reason, t.now)}, nil
	})
	return d.incidentDone(out, err)
}

// endProposal gives the event with which a proposal ends. now is scenario time.
func (s *state) endProposal(p *Proposal, how ProposalEnd, reason string, now time.Time) []ledger.Event {
	if p.Kind == ProposeOpening {
		return one(EventStoodDown, &ended{At: now, Reason: "proposal_" + string(how)})
	}
	return one(EventProposalEnded, proposalEnded{ID: p.ID, Kind: p.Kind, By: p.By, How: how, Reason: reason})
}
