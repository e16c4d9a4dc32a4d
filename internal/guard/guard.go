// Package guard keeps one mistake in the program from ending the process, and remembers it for the operator's alarms.
//
// Every goroutine of the service has an owner and begins with a call of Do, Run or Keep. A panic below that call becomes an error
// like any other: whoever waited for the work gets a fault of kind Internal, the owner logs it with its stack, and everything else
// goes on.
//
// A subject whose work fails again and again, such as a stream that nobody can fold, is set aside. It is left alone for a pause that
// doubles with every further failure, so that it holds up no other subject.
//
//	well ──Fails──▶ left alone ──pause is over──▶ tried ──Works──▶ well
//	                    ▲                           │
//	                    └──────────Fails────────────┘   from the third time on: listed for the operator
package guard

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"landfall/internal/fault"
)

const (
	// asideAfter is how many failures in a row set a subject aside for the operator to see.
	asideAfter = 3

	shortestPause = time.Second
	longestPause  = 5 * time.Minute

	// subjectsMax bounds the subjects that are remembered. What is forgotten is tried at once.
	subjectsMax = 1000
)

// Guard recovers panics and remembers them. Make one with New for each process. All methods may be called concurrently.
type Guard struct {
	log *slog.Logger
	now func() time.Time

	mu       sync.Mutex
	panics   Panics
	subjects map[string]*trouble
}

// Panics are what a process has recovered from since it started.
type Panics struct {
	Count int
	Last  time.Time // zero: none
	Where string    // the last one
}

// Aside is a subject that has been set aside.
type Aside struct {
	Subject string
	Since   time.Time // its first failure
	Again   time.Time // it is not tried before
}

type trouble struct {
	failures     int
	since, again time.Time
}

// New makes a guard. A nil log is slog's default. A nil now is for an owner that only calls Do and Keep.
func New(log *slog.Logger, now func() time.Time) *Guard {
	if log == nil {
		log = slog.Default()
	}
	if now == nil {
		now = func() time.Time { return time.Time{} }
	}
	return &Guard{log: log, now: now, subjects: map[string]*trouble{}}
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
		timer := time.NewTimer(shortestPause)
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

// Fails notes that work on a subject, such as "sweep of incident/1", failed for a reason of its own. The subject is left alone for a
// second, and twice as long after each further failure, at most for 5 minutes. Fails logs the failure that sets the subject aside;
// the caller logs every other one.
func (g *Guard) Fails(subject string, err error) {
	now := g.now()
	g.mu.Lock()
	t, ok := g.subjects[subject]
	if !ok {
		if len(g.subjects) >= subjectsMax {
			clear(g.subjects)
		}
		t = &trouble{since: now}
		g.subjects[subject] = t
	}
	pause := min(longestPause, shortestPause<<min(t.failures, 16))
	t.failures++
	t.again = now.Add(pause)
	set := t.failures == asideAfter
	g.mu.Unlock()
	if set {
		g.log.Error("what fails again and again is set aside; everything else goes on", "what", subject, "error", err)
	}
}

// Works notes that work on a subject went well.
func (g *Guard) Works(subject string) {
	g.mu.Lock()
	t, ok := g.subjects[subject]
	delete(g.subjects, subject)
	g.mu.Unlock()
	if ok && t.failures >= asideAfter {
		g.log.Info("what had been set aside works again", "what", subject)
	}
}

// Leaves reports whether a subject is to be left alone at the moment.
func (g *Guard) Leaves(subject string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.subjects[subject]
	// A clock that was set back must not lengthen the pause.
	return ok && t.again.After(g.now()) && t.again.Sub(g.now()) <= longestPause
}

// SetAside lists the subjects that have been set aside, by name.
func (g *Guard) SetAside() []Aside {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []Aside
	for subject, t := range g.subjects {
		if t.failures >= asideAfter {
			out = append(out, Aside{Subject: subject, Since: t.since, Again: t.again})
		}
	}
	slices.SortFunc(out, func(a, b Aside) int { return strings.Compare(a.Subject, b.Subject) })
	return out
}
