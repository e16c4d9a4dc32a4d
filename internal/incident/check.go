package incident

import (
	"slices"
	"time"

	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/place"
)

// Bounds of what a request may say, besides those of package check.
const (
	maxNote      = 2000
	maxReceivers = 40
	maxBands     = 40
)

// checkReceivers is checkStates for those that are to receive people. The affected state is one only when an island of it is affected.
func checkReceivers(c *fault.Check, states []place.Party, origin place.Party) {
	checkStates(c, "/receivers", states)
	if n := slices.Index(states, origin); n >= 0 && origin.Island() == "" {
		c.Field("/receivers/"+itoa(n), "is the affected state itself, which receives only for one of its islands")
	}
}

// plausible asks to confirm a time that lies far outside the incident: from where it began until now, on its own clock.
func (t turn) plausible(c *fault.Check, pointer string, at time.Time) {
	if t.settled { // whoever proposed it has confirmed it
		return
	}
	began := t.OccurredAt
	if began.After(t.now) {
		began = t.now
	}
	check.Plausible(c, pointer, at, began, later(t.now, t.OccurredAt), t.desk.plausible)
}

// said holds the time of a word that is passed on against the incident.
func (t turn) said() error {
	c := t.w.Check()
	began := t.OpenedAt
	if t.OccurredAt.Before(began) {
		began = t.OccurredAt
	}
	check.Said(&c, t.w.Relay, began.Add(-check.Fresh), t.wall, t.now) // the first words come before anybody opens it
	return c.Err()
}

// inRange refuses what would fall due outside the years that records hold.
func (f *follows) inRange(pointer string) error {
	var c fault.Check
	beyond := func(s stepTimes) bool {
		return !s.Plan.At.IsZero() && !check.InRange(s.Plan.At) || !s.DueAt.IsZero() && !check.InRange(s.DueAt)
	}
	made := slices.ContainsFunc(f.Steps, func(s stepMade) bool { return beyond(s.stepTimes) })
	c.That(!made && !slices.ContainsFunc(f.Changed, beyond), pointer, "makes something fall due outside the years 1900 to 2199")
	return c.Err()
}

// checkStates requires known states, each once.
func checkStates(c *fault.Check, pointer string, states []place.Party) {
	if len(states) > maxReceivers {
		c.Field(pointer, "names more than %d states", maxReceivers)
		return
	}
	seen := map[place.Party]bool{}
	for i, s := range states {
		at := pointer + "/" + itoa(i)
		if _, err := place.ParseState(string(s)); err != nil {
			c.Field(at, "%s", check.DetailOf(err))
		} else if seen[s] {
			c.Field(at, "names a state twice")
		}
		seen[s] = true
	}
}
