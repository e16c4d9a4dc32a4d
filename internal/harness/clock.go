package harness

import (
	"sync/atomic"
	"time"
)

// Clock is a wall clock that the test moves. It ticks one microsecond at every look, as real ones do, so that things that happen one after
// another have different times.
type Clock struct{ at atomic.Int64 }

// NewClock gives a clock that stands at t.
func NewClock(t time.Time) *Clock {
	c := &Clock{}
	c.at.Store(t.UnixMicro())
	return c
}

// Now gives the time.
func (c *Clock) Now() time.Time { return time.UnixMicro(c.at.Add(1)).UTC() }

// Advance lets d pass; a negative d sets the clock back.
func (c *Clock) Advance(d time.Duration) { c.at.Add(d.Microseconds()) }
