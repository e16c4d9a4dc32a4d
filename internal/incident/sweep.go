package incident

import (
	"context"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
)

// due is what the next look at a step must tell, and when (scenario time).
type due struct {
	at        time.Time
	eventType string
}

// nextDue gives what there is still to tell of a step's present due time; false when nothing is. A step that is overdue is not told due
// soon any more.
func (i *Instance) nextDue() (due, bool) {
	switch {
	case !i.counts() || i.OverdueTold == i.DueRevision:
		return due{}, false
	case i.SoonTold == i.DueRevision:
		return due{i.DueAt, EventStepOverdue}, true
	}
	return due{i.soonAt(), EventStepDueSoon}, true
}

// nextWake gives the wall time at which the first step is to be told due soon or overdue, or a proposal expires; zero: nothing of that is to come.
func nextWake(s *state) time.Time {
	var first time.Time
	for _, i := range s.Steps {
		if d, ok := i.nextDue(); ok && (first.IsZero() || d.at.Before(first)) {
			first = d.at
		}
	}
	if !first.IsZero() {
		first = s.wallOf(first)
	}
	for _, p := range s.Proposals {
		if first.IsZero() || p.ExpiresAt.Before(first) {
			first = p.ExpiresAt
		}
	}
	return first
}

// Sweep tells, in one commit, everything of an incident that is due by now (wall time) and not yet told, and says how much that was.
// It may be called at any time, by any number of processes: what is due is told once for each due revision. When nothing was due the
// wake is put again, so that a stale one does not call for ever.
func (d *Desk) Sweep(ctx context.Context, id string, now time.Time) (fired int, err error) {
	out, err := d.incidents.Execute(ctx, id, ledger.Command[*state]{
		Actor: ledger.System,
		Decide: func(s *state, at ledger.Moment) (ledger.Decision, error) {
			wall := later(at.Now, now)
			events := s.fall(s.scenario(wall))
			for _, p := range s.proposals() {
				if !p.ExpiresAt.After(wall) {
					events = append(events, s.endProposal(p, ProposalExpired, "", s.scenario(wall))...)
				}
			}
			return ledger.Decision{Events: events, Exercise: s.Exercise}, nil
		},
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return 0, nil
	case err != nil:
		return 0, err
	case len(out.Events) == 0:
		return 0, d.incidents.Rewake(ctx, id)
	}
	return len(out.Events), nil
}

// fall gives the events for everything due at a scenario time and not yet told, in the order of steps.
func (s *state) fall(now time.Time) []ledger.Event {
	var events []ledger.Event
	for _, i := range s.steps() {
		d, ok := i.nextDue()
		if !ok || d.at.After(now) {
			continue
		}
		if !i.DueAt.After(now) {
			d.eventType = EventStepOverdue
		}
		events = append(events, ledger.Event{Type: d.eventType, Data: stepFell{Key: i.Key, DueAt: i.DueAt, Revision: i.DueRevision}})
	}
	return events
}
