package incident

import (
	"context"
	"slices"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// maxObstacles bounds how many reasons a refusal to close lists.
const maxObstacles = 100

// StandDown ends an incident before its work is done: the storm turned away, or the draft is not wanted. Open steps are cancelled, save those that
// the protocol asks for after standing down (the review of what was learnt). reason is required.
func (d *Desk) StandDown(ctx context.Context, scope access.Scope, w access.Write, id, reason string) (Done[Incident], error) {
	return d.end(ctx, scope, w, id, reason, EventStoodDown)
}

func (t turn) standDown(reason string) ([]ledger.Event, error) {
	if t.Status != Draft && t.Status != Monitoring && t.Status != Active {
		return nil, fault.New(fault.State, "cannot_stand_down", "The incident is in %s; it is closed, not stood down.", t.Status)
	}
	e := &ended{At: t.now, Reason: reason, follows: follows{Alerts: t.informAll(alertStoodDown)}}
	kept := map[string]bool{}
	if t.Running != nil {
		template, err := t.template()
		if err != nil {
			return nil, err
		}
		next := t.clone()
		next.Anchors[string(protocol.AnchorStandDown)] = &Anchor{Name: string(protocol.AnchorStandDown), At: t.now, Kind: protocol.Observed}
		for _, c := range follow(next, template, t.now).Changed {
			if c.Plan.Anchor == protocol.AnchorStandDown {
				e.Changed = append(e.Changed, c)
			}
		}
		for _, i := range t.steps() {
			if step, ok := template.Step(i.Code); ok && reviewsStandDown(step.DeadlineIn(t.Running.Mode)) {
				kept[i.Key] = true
			}
		}
	}
	for _, i := range t.steps() {
		if i.Open() && !kept[i.Key] {
			e.Cancelled = append(e.Cancelled, stepClosed{Key: i.Key, Reason: "stood_down"})
		}
	}
	return one(EventStoodDown, e), nil
}

// informAll calls for alerts of everybody who was told of the incident, but for the affected state, whose word it is.
func (t turn) informAll(kind string) []ask {
	if !t.Told {
		return nil
	}
	return inform(kind, without(t.parties(), []place.Party{t.Origin})...)
}

func reviewsStandDown(d protocol.Deadline) bool {
	return slices.ContainsFunc(d.Terms, func(t protocol.Term) bool { return t.Anchor == protocol.AnchorStandDown })
}

// Close ends an incident whose work is done. It is refused while a step is open, proof is owed, people are on their way, or a state that people
// arrived in has given no final figure; the fault lists every one of them.
func (d *Desk) Close(ctx context.Context, scope access.Scope, w access.Write, id, reason string) (Done[Incident], error) {
	return d.end(ctx, scope, w, id, reason, EventClosed)
}

func (t turn) close(reason string) ([]ledger.Event, error) {
	if t.Status == Draft {
		return nil, fault.New(fault.State, "incident_draft", "The incident is a draft. Stand it down instead.")
	}
	if left := t.unfinished(); len(left) > 0 {
		f := fault.New(fault.State, "unfinished", "%d things are left to do before the incident can be closed.", len(left))
		f.Fields = left[:min(len(left), maxObstacles)]
		return nil, f
	}
	return one(EventClosed, &ended{At: t.now, Reason: reason, follows: follows{Alerts: t.informAll(alertClosed)}}), nil
}

func (d *Desk) end(ctx context.Context, scope access.Scope, w access.Write, id, reason, eventType string) (Done[Incident], error) {
	c := w.Check()
	check.Reason(&c, "/reason", &reason, eventType == EventStoodDown)
	if err := c.Err(); err != nil {
		return Done[Incident]{}, err
	}
	return d.lead(ctx, scope, w, id, endAsked{StandDown: eventType == EventStoodDown, Reason: reason})
}

func (t turn) end(r endAsked) ([]ledger.Event, error) {
	if t.ended() {
		return nil, errEnded(t.Status)
	}
	if err := t.matches(t.Seq, false); err != nil {
		return nil, err
	}
	if r.StandDown {
		return t.standDown(r.Reason)
	}
	return t.close(r.Reason)
}

// unfinished lists what keeps an incident from being closed.
func (s *state) unfinished() []fault.Field {
	var left []fault.Field
	for _, i := range s.steps() {
		switch {
		case i.Open():
			left = append(left, fault.Field{Pointer: "/steps/" + i.Key, Reason: "is open"})
		case i.ProofOwed:
			left = append(left, fault.Field{Pointer: "/steps/" + i.Key, Reason: "owes its proof"})
		}
	}
	arrived := map[place.Party]bool{}
	for _, id := range s.Order {
		switch m := s.Movements[id]; m.Status {
		case Announced, Departed:
			left = append(left, fault.Field{Pointer: "/movements/" + id, Reason: "is " + string(m.Status)})
		case Arrived:
			arrived[m.Receiver] = true
		case MovementCancelled:
		}
	}
	for _, p := range sortedKeys(arrived) {
		if !s.hasFinalFigure(p) {
			left = append(left, fault.Field{Pointer: "/figures", Reason: "a final figure for " + string(p) + " is missing"})
		}
	}
	return left
}

func (s *state) hasFinalFigure(p place.Party) bool {
	for m := range s.Figures.all() {
		if m.Final && m.SupersededBy == "" && covers(p, m.Of) {
			return true
		}
	}
	return false
}
