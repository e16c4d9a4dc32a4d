package incident

import (
	"context"
	"encoding/json"
	"time"

	"landfall/internal/ledger"
)

// What tests may look at that nobody else may.

var (
	CodeOf   = codeOf
	FoldText = foldText
)

// Fold is the fold of an incident as JSON, and its next wake.
func (d *Desk) Fold(ctx context.Context, id string) (fold []byte, wake time.Time, err error) {
	found, err := d.incidents.Load(ctx, id)
	if err != nil {
		return nil, time.Time{}, err
	}
	fold, err = json.Marshal(found.Value)
	return fold, nextWake(found.Value), err
}

// Refold folds the log of an incident from its first event.
func (d *Desk) Refold(ctx context.Context, id string) ([]byte, error) {
	found, err := d.incidents.LoadAsKnownAt(ctx, id, d.ledger.Now().Add(time.Hour))
	if err != nil {
		return nil, err
	}
	return json.Marshal(found.Value)
}

// History gives the recorded events of an incident.
func (d *Desk) History(ctx context.Context, id string) ([]ledger.Recorded, error) {
	return d.incidents.History(ctx, id, 0, 0)
}

// Bounds is what tests may see of the bounds.
type Bounds struct{ Parties, Steps, Movements, Figures, Answers int }

// DefaultBounds gives the bounds of an incident.
func DefaultBounds() Bounds {
	return Bounds{defaultBounds.parties, defaultBounds.steps, defaultBounds.movements, defaultBounds.figures, defaultBounds.answers}
}

// Bound sets every bound to n, but for those of parties and steps, which an activation alone would
// break.
func (d *Desk) Bound(n int) {
	d.bounds = bounds{defaultBounds.parties, defaultBounds.steps, n, n, n, n, n, n}
}

// BoundNaming sets the bounds of parties and steps.
func (d *Desk) BoundNaming(parties, steps int) { d.bounds.parties, d.bounds.steps = parties, steps }

// Bounded says whether a step, or a movement, more would be too many for an incident, for each
// event that may bring one, handed on by value and by pointer.
func (d *Desk) Bounded(ctx context.Context, id string) (refused, taken []error, err error) {
	found, err := d.incidents.Load(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	t := turn{state: found.Value, desk: d}
	ask := func(events ...any) (errs []error) {
		for _, data := range events {
			errs = append(errs, t.bounded(one("any", data)))
		}
		return errs
	}
	more := follows{Steps: []stepMade{{stepTimes: stepTimes{Key: "HUR-99"}}}}
	return ask(receiversChanged{follows: more}, &receiversChanged{follows: more}, started{follows: more}, &started{follows: more},
			anchorMoved{follows: more}, &anchorMoved{follows: more}, movementAnnounced{follows: more}, &movementAnnounced{follows: more},
			movementAnnounced{}, &movementAnnounced{}),
		ask(movementReported{follows: more}, &movementReported{follows: more}), nil
}
