package app

import (
	"context"
	"sync/atomic"
	"time"
)

// How long a change waits before it is accepted, by how far the messages of earlier ones are
// behind: not at all up to paceFrom, paceMost from paceFull on, and evenly more in between. A
// message is to be there within two seconds.
const (
	paceFrom = 200 * time.Millisecond
	paceFull = 800 * time.Millisecond
	paceMost = 250 * time.Millisecond
)

// pace says how long a change waits before it is accepted, so that its messages keep up. The
// notifier of this process says itself how far it is behind. A process without one asks the bus
// once a second how long messages wait there for the others, as long as any of those lives.
type pace struct {
	own    func() time.Duration
	others atomic.Int64 // nanoseconds
	given  func(time.Duration)
}

// delay is the ledger's Pace.
func (p *pace) delay() time.Duration {
	d := paceOf(max(p.own(), time.Duration(p.others.Load())))
	if d > 0 {
		p.given(d)
	}
	return d
}

func paceOf(behind time.Duration) time.Duration {
	part := float64(behind-paceFrom) / float64(paceFull-paceFrom)
	return time.Duration(min(max(part, 0), 1) * float64(paceMost))
}

// othersBehind is the job that asks the bus. A message that waits while nobody notifies, or the
// service is held, waits for a notifier.
func (a *App) othersBehind(ctx context.Context, now time.Time) error {
	behind := time.Duration(0)
	if a.peers.Load() > 0 && !a.held.Load() {
		if oldest := a.waiting(ctx); !oldest.IsZero() {
			behind = now.Sub(oldest)
		}
	}
	a.pace.others.Store(int64(behind))
	return nil
}
