package incident

import (
	"context"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/protocol"
)

// Preview gives the steps of an incident as they would stand if its protocol started now: what Monitor or Activate would decide, and nothing is
// recorded. It is asked by whoever could start it or pass on the word to. Faults: as Activate.
func (d *Desk) Preview(ctx context.Context, scope access.Scope, id string, in Start, part protocol.Part) ([]Step, error) {
	if err := in.check(fault.Check{}, d.templates); err != nil {
		return nil, err
	}
	found, err := d.load(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	wall := d.ledger.Now()
	t := turn{state: found.Value, scope: scope, settled: true, wall: wall, now: found.Value.scenario(wall), desk: d}
	events, err := t.start(startOf(in, part == protocol.Active))
	if err != nil {
		return nil, err
	}
	next := t.clone()
	for _, e := range events {
		next.onStarted(ledger.Recorded{Type: e.Type, Seq: found.Seq + 1, RecordedAt: wall}, *e.Data.(*started))
	}
	var all []Step
	for _, i := range next.steps() {
		all = append(all, next.view(i, t.now))
	}
	return all, nil
}
