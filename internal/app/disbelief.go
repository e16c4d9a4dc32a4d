package app

import (
	"sync"
	"time"
)

// disbeliefFor is how long a message of the bus that was not believed is an alarm.
const disbeliefFor = 5 * time.Minute

// disbelief remembers the last message of the bus that was not believed. The zero value is ready.
type disbelief struct {
	mu  sync.Mutex
	why string
	at  time.Time
}

func (d *disbelief) note(why string, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.why, d.at = why, at
}

func (d *disbelief) last() (why string, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.why, d.at
}

// disbelieved is told of each message of the bus that nobody believes.
func (a *App) disbelieved(why string) {
	a.metrics.disbelieved.WithLabelValues(why).Inc()
	a.disbelief.note(why, a.opt.Now())
}
