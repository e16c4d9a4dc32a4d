// Package guard keeps one mistake in the program from ending the process, and remembers it for the operator's alarms.
//
// Every goroutine of the service has an owner, and at its top a call of Do or Keep. A panic below it becomes an error like any other:
// whoever waited is answered with a fault of kind Internal, the owner logs it with its stack, and everything else goes on.
//
// What fails again and again for one subject, such as a stream that nobody can fold, is set aside: it is left alone for a pause
// that doubles with every further failure, so that it holds up no other.
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

// Recovered notes a panic that a caller has recovered itself, and gives the fault to answer with: of kind Internal, with the stack as its
// private cause. The caller logs it or returns it.
func (g *Guard) Recovered(where string, p any) error {
	g.mu.Lock()
	g.panics.Count++
	g.panics.Last, g.panics.Where = g.now(), where
	g.mu.Unlock()
	return fault.Wrap(fmt.Errorf("panic: %v\n%s", p, debug.Stack()), fault.Internal, "panic", "Something went wrong in %s.", where)
}

// Run calls f once and logs its panic: for work that nobody waits for the end of.
func (g *Guard) Run(where string, f func()) {
	if err := g.Do(where, func() error { f(); return nil }); err != nil {
		g.log.Error("a part of the service failed", "part", where, "error", err)
	}
}

// Keep calls f until it returns in order or ctx ends. After a panic, which is logged, f is called again after a pause of a second.
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

// Fails notes that work on a subject, such as "sweep of incident/1", failed for a reason of its own. From now on it is left alone for a second, and twice as long after each
// further failure, at most 5 minutes. The subject that is set aside with this failure is logged as an error; every other failure is the
// caller's to log.
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
