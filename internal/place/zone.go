package place

import "time"

// Zone gives the time zone in which a party reads the clock; UTC for nobody and for a party this build does not know.
// The location is shared and immutable.
func Zone(p Party) *time.Location {
	g := gazetteer()
	name := g.states[p.State()].Zone
	if p.IsOrganisation() {
		name = g.organisations[p].Zone
	}
	if zone, ok := g.zones[name]; ok {
		return zone
	}
	return time.UTC
}

// localLayout shows the offset always: a time without one is an accident between two islands.
const localLayout = "2006-01-02 15:04 (UTC-07:00)"

// LocalTime shows an instant as a party reads it, to the minute, with the offset from UTC: "2017-09-18 21:15 (UTC-04:00)".
func LocalTime(t time.Time, p Party) string { return LocalTimeIn(t, Zone(p)) }

// LocalTimeIn is LocalTime for a zone.
func LocalTimeIn(t time.Time, zone *time.Location) string { return t.In(zone).Format(localLayout) }
