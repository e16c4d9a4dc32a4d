package protocol

import "time"

// The margins of domain rules. All of them are proposals.
const (
	grace           = 2 * time.Hour    // from actionable to due, at least
	graceLifeSafety = time.Hour        // the same for life-safety steps
	moveFloor       = 60 * time.Minute // no anchor move makes a step due earlier than this from now
	silentMove      = 3 * time.Hour    // a forecast moved by less than this may be silent
	silentHorizon   = 6 * time.Hour    // unless it pushes a step into this time from now
)

// Granted gives when a step counts as due: as planned, but never before those who must do it had a fair chance from the
// moment it became actionable (2 h; 1 h for life-safety steps). No step is born overdue. Overdue, due soon and the ladder count
// from here; the planned time stays visible.
func Granted(planned, actionable time.Time, lifeSafety bool) time.Time {
	fair := grace
	if lifeSafety {
		fair = graceLifeSafety
	}
	return later(planned, actionable.Add(fair)).UTC()
}

// Regranted gives the due time after an anchor moved: `granted` anew, except that no move makes a step due earlier than
// 60 min from now. A step that was already due sooner than that keeps its time. A zero `before` means that the step had no due
// time yet.
func Regranted(before, granted, now time.Time) time.Time {
	if before.IsZero() || !granted.Before(before) {
		return granted.UTC()
	}
	return earlier(before, later(granted, now.Add(moveFloor))).UTC()
}

// DueSoonAt gives when a step begins to be shown as due soon: for the last quarter of the time between actionable and
// granted, at least 15 min and at most 12 h. Never before actionable, never after granted.
func DueSoonAt(actionable, granted time.Time) time.Time {
	lead := min(max(granted.Sub(actionable)/4, 15*time.Minute), 12*time.Hour)
	return earlier(granted, later(actionable, granted.Add(-lead))).UTC()
}

// DueChange is a due time before and after an anchor moved.
type DueChange struct {
	Before, After time.Time // zero: none
}

// Silent reports whether a moved anchor is recorded without telling anybody: a forecast replaced by a forecast less than
// 3 h away that pushes no step into the next 6 h. Eight advisories a day must not be eight alarms.
func Silent(before, after Value, dues []DueChange, now time.Time) bool {
	if !before.Known() || !after.Known() || before.Kind != Forecast || after.Kind != Forecast {
		return false
	}
	if after.At.Sub(before.At).Abs() >= silentMove {
		return false
	}
	horizon := now.Add(silentHorizon)
	for _, d := range dues {
		pushed := !d.After.IsZero() && !d.After.After(horizon) && (d.Before.IsZero() || d.Before.After(horizon))
		if pushed {
			return false
		}
	}
	return true
}

// Ladder gives how long after the due time each of the four levels is called, for a step that had `allowed` from actionable
// to granted: L1 the responsible agency's head, L2 the national disaster coordinator, L3 the permanent or cabinet secretary, L4
// the regional coordination centre. Strictly increasing for every length.
func Ladder(allowed time.Duration) [4]time.Duration {
	return [4]time.Duration{
		0,
		max(30*time.Minute, min(12*time.Hour, allowed/4)),
		max(time.Hour, min(24*time.Hour, allowed/2)),
		max(2*time.Hour, min(48*time.Hour, allowed)),
	}
}

// Request is a kind of message that wants an answer by a time.
type Request string

// The requests.
const (
	MovementNotice    Request = "movement_notice"
	ActivationRequest Request = "activation_request"
	PlanningRequest   Request = "planning_request"
)

// The hours in which planning requests are counted, local time.
const (
	dayOpens  = 7
	dayCloses = 21
)

// RequiredBy gives when a request sent at `at` must be answered: a movement notice in 15 min, an activation request in
// 30 min, a planning request in 4 h counted between 07:00 and 21:00 in the zone of the party asked. False for an unknown
// request.
func RequiredBy(r Request, at time.Time, zone *time.Location) (time.Time, bool) {
	switch r {
	case MovementNotice:
		return at.Add(15 * time.Minute).UTC(), true
	case ActivationRequest:
		return at.Add(30 * time.Minute).UTC(), true
	case PlanningRequest:
		return afterOpenHours(4*time.Hour, at.In(zone)).UTC(), true
	default:
		return time.Time{}, false
	}
}

// afterOpenHours counts `left` from t, only between opening and closing in t's zone.
func afterOpenHours(left time.Duration, t time.Time) time.Time {
	for day := 0; ; day++ {
		opens := time.Date(t.Year(), t.Month(), t.Day()+day, dayOpens, 0, 0, 0, t.Location())
		closes := time.Date(t.Year(), t.Month(), t.Day()+day, dayCloses, 0, 0, 0, t.Location())
		from := later(opens, t)
		open := closes.Sub(from)
		if left <= open {
			return from.Add(left)
		}
		left -= max(open, 0)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
