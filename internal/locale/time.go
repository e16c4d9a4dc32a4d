package locale

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"landfall/internal/place"
)

// Moment gives an instant as the parties read it, and in UTC: "18 September 2017, 17:00 (UTC-4), 21:00 UTC". Where their clocks differ, each is
// named: "18 September 2017, 17:00 (Dominica, UTC-4), 16:00 (Jamaica, UTC-5), 21:00 UTC". The date is said again where it is another.
// Without parties it is UTC alone. Minutes, never seconds; the offset always: a time without one is an accident between two islands.
func (l *Locale) Moment(t time.Time, parties ...place.Party) string {
	var clocks []clock
	for _, p := range parties {
		zone := place.Zone(p)
		if p == "" || zone == time.UTC {
			continue
		}
		at := t.In(zone)
		if i := sameClock(clocks, at); i >= 0 {
			clocks[i].names = appendNew(clocks[i].names, l.Party(p.StateParty()))
			continue
		}
		clocks = append(clocks, clock{at: at, names: []string{l.Party(p.StateParty())}})
	}
	clocks = append(clocks, clock{at: t.UTC()})
	out := ""
	for i, c := range clocks {
		switch {
		case i == 0:
			out = l.Date(c.at) + ", "
		case !sameDay(c.at, clocks[i-1].at):
			out += ", " + l.day(c.at) + " "
		default:
			out += ", "
		}
		out += c.at.Format("15:04")
		switch offset := Offset(c.at); {
		case i == len(clocks)-1:
			out += " UTC"
		case len(clocks) == 2:
			out += " (" + offset + ")"
		default:
			out += " (" + strings.Join(c.names, string(l.Joins.Between)) + ", " + offset + ")"
		}
	}
	return out
}

// Brief gives an instant as a party reads it, for a line of little room: "18 Sep 17:00 (UTC-4)".
func (l *Locale) Brief(t time.Time, p place.Party) string {
	at := t.In(place.Zone(p))
	return fmt.Sprintf("%d %s %s (%s)", at.Day(), l.Times.ShortMonths[at.Month()-1], at.Format("15:04"), Offset(at))
}

// Date gives the day of an instant, in the zone it is in: "18 September 2017".
func (l *Locale) Date(t time.Time) string { return l.day(t) + " " + strconv.Itoa(t.Year()) }

func (l *Locale) day(t time.Time) string {
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		day = string(l.Times.First)
	}
	return day + " " + string(l.Times.Months[t.Month()-1])
}

// Offset gives how far an instant's zone is from UTC: "UTC-4", "UTC+5:30", "UTC".
func Offset(t time.Time) string {
	_, seconds := t.Zone()
	if seconds == 0 {
		return "UTC"
	}
	sign, minutes := "+", seconds/60
	if minutes < 0 {
		sign, minutes = "-", -minutes
	}
	out := "UTC" + sign + strconv.Itoa(minutes/60)
	if minutes%60 > 0 {
		out += fmt.Sprintf(":%02d", minutes%60)
	}
	return out
}

// clock is an instant as those read it whose clocks agree.
type clock struct {
	at    time.Time
	names []string
}

func sameClock(clocks []clock, at time.Time) int {
	for i, c := range clocks {
		_, a := c.at.Zone()
		if _, b := at.Zone(); a == b {
			return i
		}
	}
	return -1
}

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	return ay == by && am == bm && ad == bd
}

func appendNew(list []string, s string) []string {
	for _, in := range list {
		if in == s {
			return list
		}
	}
	return append(list, s)
}
