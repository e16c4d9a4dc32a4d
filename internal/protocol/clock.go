package protocol

import "time"

// The bounds of an exercise's speed.
const (
	SlowestSpeed = 1
	FastestSpeed = 240
)

// Clock ties scenario time to wall time. It is fixed when an incident opens and never changes. Due times, working days,
// ladders and staleness are scenario time; wake-ups, retries and recording are wall time. With speed 1 and equal starts the two are
// the same, as for every actual incident; the zero value is that clock too.
type Clock struct {
	ScenarioStart time.Time `json:"scenario_start"`
	WallStart     time.Time `json:"wall_start"`
	Speed         int       `json:"speed"` // scenario seconds in a wall second, 1 to 240
}

const nanosPerSecond = int64(time.Second)

// Scenario gives the scenario time at a wall time, in UTC.
func (c Clock) Scenario(wall time.Time) time.Time {
	if c.identity() {
		return wall.UTC()
	}
	s, n := since(c.WallStart, wall)
	speed := c.speed()
	return at(c.ScenarioStart, s*speed, n*speed)
}

// Wall gives the first wall nanosecond at which the scenario has reached an instant: Scenario(Wall(t)) is never before t,
// so whoever wakes then finds t due. Order is kept: what is due earlier in the scenario is never later on the wall.
func (c Clock) Wall(scenario time.Time) time.Time {
	if c.identity() {
		return scenario.UTC()
	}
	s, n := since(c.ScenarioStart, scenario)
	speed := c.speed()
	whole, rest := s/speed, s%speed
	if rest < 0 {
		whole, rest = whole-1, rest+speed
	}
	nanos := (rest*nanosPerSecond + n + speed - 1) / speed // rounded up
	return at(c.WallStart, whole, nanos)
}

func (c Clock) identity() bool {
	return c.speed() == SlowestSpeed && c.ScenarioStart.Equal(c.WallStart)
}

func (c Clock) speed() int64 { return int64(max(c.Speed, SlowestSpeed)) }

// since gives b − a as whole seconds, rounded down, and nanoseconds from 0: a Duration ends after 292 years, a scenario at 240
// times the speed of the wall does not.
func since(a, b time.Time) (seconds, nanos int64) {
	seconds, nanos = b.Unix()-a.Unix(), int64(b.Nanosecond()-a.Nanosecond())
	if nanos < 0 {
		seconds, nanos = seconds-1, nanos+nanosPerSecond
	}
	return seconds, nanos
}

func at(start time.Time, seconds, nanos int64) time.Time {
	return time.Unix(start.Unix()+seconds, int64(start.Nanosecond())+nanos).UTC()
}
