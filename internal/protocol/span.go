package protocol

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"landfall/internal/fault"
)

// Unit is a unit of time as templates write it. A day is 24 hours, a week seven days; a month is a calendar month in UTC.
type Unit string

// The units.
const (
	Minute Unit = "min"
	Hour   Unit = "h"
	Day    Unit = "d"
	Week   Unit = "w"
	Month  Unit = "mo"
)

var unitLength = map[Unit]time.Duration{Minute: time.Minute, Hour: time.Hour, Day: 24 * time.Hour, Week: 7 * 24 * time.Hour}

// Span is a length of time with the unit it was written in: 72h and 3d last equally long and are different texts. Negative
// spans lie before. The zero value lasts nothing.
type Span struct {
	N    int
	Unit Unit
}

var spanText = regexp.MustCompile(`^([+-]?)(\d{1,4})(min|h|d|w|mo)$`)

// ParseSpan reads "-72h", "+30d", "60min", "1w" or "3mo". The error is a fault of kind Invalid.
func ParseSpan(text string) (Span, error) {
	m := spanText.FindStringSubmatch(text)
	if m == nil {
		return Span{}, fault.New(fault.Invalid, "malformed_span", "must be a number with min, h, d, w or mo, like -72h")
	}
	n, err := strconv.Atoi(m[1] + m[2])
	if err != nil {
		return Span{}, fault.Wrap(err, fault.Invalid, "malformed_span", "must be a number with min, h, d, w or mo, like -72h")
	}
	return Span{N: n, Unit: Unit(m[3])}, nil
}

// String gives the text form without a plus sign.
func (s Span) String() string { return strconv.Itoa(s.N) + string(s.Unit) }

// MarshalText gives the text form; nothing for the zero span.
func (s Span) MarshalText() ([]byte, error) {
	if s == (Span{}) {
		return nil, nil
	}
	return []byte(s.String()), nil
}

// UnmarshalText is ParseSpan, with "" for the zero span.
func (s *Span) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*s = Span{}
		return nil
	}
	*s, err = ParseSpan(string(text))
	return err
}

// Duration gives the length; false for months, which have none.
func (s Span) Duration() (time.Duration, bool) {
	unit, ok := unitLength[s.Unit]
	return time.Duration(s.N) * unit, ok || s.N == 0
}

// After gives the instant one span after t, in UTC.
func (s Span) After(t time.Time) time.Time { return s.times(1, t) }

// times gives the instant k spans after t, in UTC.
func (s Span) times(k int, t time.Time) time.Time {
	t = t.UTC()
	if s.Unit == Month {
		return addMonths(t, k*s.N)
	}
	d, _ := s.Duration()
	return t.Add(time.Duration(k) * d)
}

// addMonths keeps the day of the month, or takes the month's last day where it has no such day: 31 January, 28 February.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// Every is a recurrence: the length of its period and, for a step that recurs only while a state of alert lasts, the anchor
// that began it. The zero value does not recur.
type Every struct {
	Period Span   `json:"period"`
	While  Anchor `json:"while,omitempty"`
}

// Recurs reports whether there is a next period.
func (e Every) Recurs() bool { return e.Period.N > 0 }

// Next gives the due time of the next period: the first of previous + 1 period, previous + 2 periods … that is not before
// `after`, and how many periods were passed over to reach it. It panics for a recurrence that does not recur.
func (e Every) Next(previous, after time.Time) (due time.Time, missed int) {
	if !e.Recurs() {
		panic("protocol: Next of a step that does not recur")
	}
	k := 1
	if behind := after.Sub(previous); behind > 0 {
		longest := 31 * 24 * time.Hour * time.Duration(e.Period.N) // a month is never longer
		if d, ok := e.Period.Duration(); ok {
			longest = d
		}
		k = max(1, int(behind/longest))
	}
	due = e.Period.times(k, previous)
	for due.Before(after) {
		k++
		due = e.Period.times(k, previous)
	}
	return due, k - 1
}

// String gives "every 24h", "daily", "weekly", "monthly", "quarterly" or "every 30d of ORANGE", as the tables write it.
func (e Every) String() string {
	words := map[Span]string{{1, Day}: "daily", {1, Week}: "weekly", {1, Month}: "monthly", {3, Month}: "quarterly"}
	text, ok := words[e.Period]
	if !ok {
		text = "every " + e.Period.String()
	}
	if e.While != "" {
		text = fmt.Sprintf("%s of %s", text, e.While)
	}
	return text
}
