package incident

import (
	"context"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
)

// Known is an incident with its hazard as they could be known at a moment.
type Known struct {
	Incident    Incident
	Hazard      *Hazard          // nil when it was recorded later than the moment
	Known       map[string]int64 // stream → seq of the last commit that counts; a report that keeps it can be repeated
	At          time.Time
	Provisional bool // the moment is so young that more may yet turn out to have been recorded until then

	then  *state
	scope access.Scope
	today access.Thing // permission is today's
}

// GetAsKnownAt gives an incident as it could be known at a wall time. Who may see it is asked today; a receiver finds nothing of
// the time before it was first named.
func (d *Desk) GetAsKnownAt(ctx context.Context, scope access.Scope, id string, at time.Time) (Known, error) {
	var c fault.Check
	check.Time(&c, "?as_known_at", at)
	if err := c.Err(); err != nil {
		return Known{}, err
	}
	today, err := d.load(ctx, scope, id)
	if err != nil {
		return Known{}, err
	}
	if since := today.Value.knownSince(scope); at.Before(since.At) {
		return Known{}, errNoIncident()
	}
	then, err := d.incidents.LoadAsKnownAt(ctx, id, at)
	if err != nil {
		return Known{}, err
	}
	k := Known{
		Incident: incidentOf(then.Value), At: at, Known: map[string]int64{string(then.Stream): then.Seq},
		Provisional: at.After(d.ledger.Now().Add(-provisionalFor)), then: then.Value, scope: scope,
		today: today.Value.thing(""),
	}
	hazard, err := d.hazards.LoadAsKnownAt(ctx, then.Value.HazardID, at)
	switch {
	case err == nil:
		k.Hazard, k.Known[string(hazard.Stream)] = hazard.Value, hazard.Seq
	case !fault.Is(err, fault.NotFound):
		return Known{}, err
	}
	return k, nil
}

// Scenario gives the moment on the clock of the incident.
func (k Known) Scenario() time.Time { return k.then.scenario(k.At) }

// Steps gives the steps as they stood, in the order of the template: what was overdue is what was overdue at that moment. A tourism
// liaison sees the tourism steps of its own state.
func (k Known) Steps() []Step {
	now := k.Scenario()
	var all []Step
	for _, i := range k.then.steps() {
		if shows(k.scope, k.today, i) {
			all = append(all, k.then.view(i, now))
		}
	}
	return all
}

// Movements gives the movements as they stood, in the order in which they were announced; none to who sees the headline only.
func (k Known) Movements() []*Movement {
	var all []*Movement
	if !k.scope.May(access.ReadInside, k.today) {
		return all
	}
	for _, m := range k.then.Order {
		all = append(all, k.then.Movements[m])
	}
	return all
}

// Answers gives what the receiving states had said, in the order in which it was recorded; none to who sees the headline only.
func (k Known) Answers() []*Answer {
	if !k.scope.May(access.ReadInside, k.today) {
		return nil
	}
	return slices.Clone(k.then.Answers)
}

// FiguresAsKnownAt gives the figures that were recorded by then, by the date they speak of, the latest first, at most so many; more reports whether
// there are others. None to who sees the headline only.
func (d *Desk) FiguresAsKnownAt(ctx context.Context, k Known, most int) (figures []Figure, more bool, err error) {
	if !k.scope.May(access.ReadInside, k.today) {
		return nil, false, nil
	}
	for cursor := ""; ; {
		page, err := d.Figures(ctx, k.scope, k.Incident.ID, "", PageRequest{Limit: maxLimit, Cursor: cursor})
		if err != nil {
			return nil, false, err
		}
		for _, f := range page.Items {
			mark, known := k.then.Figures.get(f.ID)
			if !known {
				continue
			}
			if len(figures) == most {
				return figures, true, nil
			}
			f.SupersededBy = mark.SupersededBy
			figures = append(figures, f)
		}
		if cursor = page.Next; cursor == "" {
			return figures, false, nil
		}
	}
}
