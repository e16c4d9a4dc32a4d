// Package guard keeps one mistake in the program from ending the process, and remembers it for the operator's alarms.
//
// Every goroutine of the service has an owner and begins with a call of Do, Run or Keep. A panic below that call becomes an error
// like any other: whoever waited for the work gets a fault of kind Internal, the owner logs it with its stack, and everything else
// goes on.
package guard

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"landfall/internal/fault"
)

// pause is how long a part of the service waits before it is started again.
const pause = time.Second

// Guard recovers panics and remembers them. Make one with New for each process. All methods may be called concurrently.
type Guard struct {
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex
	panics Panics
}

// Panics are what a process has recovered from since it started.
type Panics struct {
	Count int
	Last  time.Time // zero: none
	Where string    // the last one
}

// New makes a guard. A nil log is slog's default. A nil now is for an owner that only calls Do and Keep.
func New(log *slog.Logger, now func() time.Time) *Guard {
	if log == nil {
		log = slog.Default()
	}
	if now == nil {
		now = func() time.Time { return time.Time{} }
	}
	return &Guard{log: log, now: now}
}

// Do calls f and gives its error, or what Recovered makes of its panic.
func (g *Guard) Do(where string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = g.Recovered(where, p)
		}
	}()
	return f()
}

// Recovered notes a panic that a caller has recovered itself. It gives the fault to answer with, which is of kind Internal and has
// the stack as its private cause. The caller logs it or returns it.
func (g *Guard) Recovered(where string, p any) error {
	g.mu.Lock()
	g.panics.Count++
	g.panics.Last, g.panics.Where = g.now(), where
	g.mu.Unlock()
	cause := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	return fault.Wrap(cause, fault.Internal, "panic", "Something went wrong in %s.", where)
}

// Run calls f once and logs its panic. It is for work whose end nobody waits for.
func (g *Guard) Run(where string, f func()) {
	if err := g.Do(where, func() error { f(); return nil }); err != nil {
		g.log.Error("a part of the service failed", "part", where, "error", err)
	}
}

// Keep calls f until it returns in order or ctx ends. It logs a panic and calls f again after a pause of a second.
func (g *Guard) Keep(ctx context.Context, where string, f func()) {
	for {
		err := g.Do(where, func() error { f(); return nil })
		if err == nil {
			return
		}
		g.log.Error("a part of the service failed and is started again", "part", where, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Panics gives what has been recovered from.
func (g *Guard) Panics() Panics {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.panics
}
