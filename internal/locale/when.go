package locale

import (
	"fmt"
	"strings"
	"time"

	"landfall/internal/place"
)

// Clock says instants to somebody who looks at a page: in one line, by the clock of one party, as seen from now.
type Clock struct {
	L      *Locale
	Now    time.Time   // on the same time line as the instants: wall time, or an exercise's own
	Of     place.Party // whose clock it is
	Offset bool        // the reader may take it for another clock: say how far it is from UTC
	UTC    bool        // say the time in UTC too
}

// At gives the day and the time: "23:29 today", "yesterday 15:20", "14 Apr 11:20", and in another year "14 Apr 2021 11:20". Where the clock of one of
// others differs, the time there follows: "17:00 today (16:00 Jamaica)".
func (c Clock) At(t time.Time, others ...place.Party) string {
	at, now := t.In(place.Zone(c.Of)), c.Now.In(place.Zone(c.Of))
	text := c.day(at, now)
	var beside []string
	if c.Offset {
		beside = append(beside, Offset(at))
	}
	seen := []string{Offset(at)}
	for _, p := range others {
		there := t.In(place.Zone(p))
		if offset := Offset(there); p != "" && there.Location() != time.UTC && len(appendNew(seen, offset)) > len(seen) {
			seen = append(seen, offset)
			beside = append(beside, c.beside(there, at)+" "+c.L.Party(p.StateParty()))
		}
	}
	if c.UTC {
		beside = append(beside, c.beside(t.UTC(), at)+" UTC")
	}
	if len(beside) == 0 {
		return text
	}
	return text + " (" + strings.Join(beside, ", ") + ")"
}

// When is At with how far from now it is, where that is near: "23:29 today, 4 min ago", "yesterday 15:20, 26 h ago", "18:55 today, in 73 min".
func (c Clock) When(t time.Time, others ...place.Party) string {
	text := c.At(t, others...)
	if c.near(t) == 0 {
		return text
	}
	d := c.Now.Sub(t)
	if d.Abs() >= 24*time.Hour { // the day and the time say the minutes
		d = d.Truncate(time.Hour)
	}
	return text + ", " + c.L.away(d)
}

// Due is At with how far from now it is, or how late: "18:55 today, in 73 min", "16:00 today, 1 h 42 min late".
func (c Clock) Due(t time.Time, others ...place.Party) string {
	return c.At(t, others...) + ", " + c.L.Due(t, c.Now)
}

// near gives -1 for yesterday, 1 for tomorrow, 2 for today, and 0 for any other day.
func (c Clock) near(t time.Time) int {
	at, now := t.In(place.Zone(c.Of)), c.Now.In(place.Zone(c.Of))
	switch {
	case sameDay(at, now):
		return 2
	case sameDay(at, now.AddDate(0, 0, -1)):
		return -1
	case sameDay(at, now.AddDate(0, 0, 1)):
		return 1
	}
	return 0
}

func (c Clock) day(at, now time.Time) string {
	minute := at.Format("15:04")
	switch c.near(at) {
	case 2:
		return c.L.Times.Today.Say(Name{minute})
	case -1:
		return c.L.Times.Yesterday.Say(Name{minute})
	case 1:
		return c.L.Times.Tomorrow.Say(Name{minute})
	}
	date := c.L.short(at)
	if at.Year() != now.Year() {
		date += fmt.Sprintf(" %d", at.Year())
	}
	return date + " " + minute
}

// beside gives the time on another clock, with its day where that is another.
func (c Clock) beside(there, here time.Time) string {
	if sameDay(there, here) {
		return there.Format("15:04")
	}
	return c.L.short(there) + " " + there.Format("15:04")
}

// short gives a day and its month: "14 Apr".
func (l *Locale) short(at time.Time) string {
	day := fmt.Sprint(at.Day())
	if at.Day() == 1 {
		day = string(l.Times.First)
	}
	return day + " " + string(l.Times.ShortMonths[at.Month()-1])
}

// Since says how long ago, or in how long, an instant is from now: "2 h 10 min ago", "in 35 min", "now".
func (l *Locale) Since(t, now time.Time) string { return l.away(now.Sub(t)) }

// Due is Since for what is due: once it is past, it says how late that is.
func (l *Locale) Due(t, now time.Time) string {
	if d := now.Sub(t); d >= time.Minute {
		return l.Times.Late.Say(Name{l.Span(d)})
	}
	return l.Since(t, now)
}

func (l *Locale) away(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return l.Times.Ago.Say(Name{l.Span(d)})
	case d <= -time.Minute:
		return l.Times.In.Say(Name{l.Span(-d)})
	}
	return string(l.Times.Now)
}

// The lengths of time that are told in minutes, and in hours and minutes. From there on they are told in days.
const (
	minutesUnder = 100 * time.Minute
	hoursUnder   = 48 * time.Hour
)

// Span says a length of time: "95 min", "1 h 42 min", "47 h", "3 days". What is left of a minute, and from two days on of a day, is left out.
func (l *Locale) Span(d time.Duration) string {
	hours, minutes := int(d/time.Hour), int(d%time.Hour/time.Minute)
	switch {
	case d < minutesUnder:
		return l.Count(int(d/time.Minute), l.Times.Minute)
	case d >= hoursUnder:
		return l.Count(hours/24, l.Times.Day)
	case minutes == 0:
		return l.Count(hours, l.Times.Hour)
	}
	return l.Count(hours, l.Times.Hour) + " " + l.Count(minutes, l.Times.Minute)
}
