package notify_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/guard"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/store"
)

// watched starts a process whose guard the test can look at.
func watched(t *testing.T, opts ...option) (*world, *guard.Guard) {
	t.Helper()
	var g *guard.Guard
	w := newWorld(t, append(opts, func(w *world) {
		g = guard.New(slog.New(slog.DiscardHandler), w.clock.now)
		w.opt.Guard = g
	})...)
	return w, g
}

// aside returns what this process has set aside.
func (w *world) aside() []ledger.Aside {
	w.t.Helper()
	err := w.l.Asides().Sync(w.t.Context())
	list, failed := ledger.ListAside(w.t.Context(), w.raw)
	if err := errors.Join(err, failed); err != nil {
		w.t.Fatal(err)
	}
	return list
}

func TestAStreamThatCannotBeFollowedUpHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"step.*"}})
	w.openIncident("bad", "ATG")
	w.openIncident("good", "ATG")
	w.quiet()
	w.deaf.Store(true)
	w.play("bad", overdue, act{Step: "poison"})
	for n := range 3 {
		w.play("good", overdue, act{Step: "HUR-05"})
		w.clock.forward(10 * time.Second)
		if _, err := w.router.Sweep(t.Context(), w.clock.now()); err == nil || !strings.Contains(err.Error(), "incident/bad") {
			t.Errorf("the sweep said %v", err)
		}
		w.eventually("the other stream's event arrives", func() bool { return to.types()["landfall.step.overdue.v1"] == n+1 })
	}
	if list := w.aside(); len(list) != 1 || list[0].Stream != "incident/bad" || list[0].Work != ledger.Notices || list[0].Seq == 0 {
		t.Errorf("set aside: %+v", list)
	}
	if _, err := w.router.Sweep(t.Context(), w.clock.now()); err != nil {
		t.Errorf("what is set aside was tried at once again: %v", err)
	}
	// The commit is owed until somebody was told: it is the only one.
	w.eventually("everything else is done", func() bool {
		n, _, err := w.raw.PendingStats(t.Context(), store.OwesAll, nil)
		return err == nil && n == 1
	})
	// A change of the stream that can be told is told at once, and what failed is set aside still.
	w.deaf.Store(false)
	w.play("bad", overdue, act{Step: "HUR-05"})
	w.eventually("the stream's next event arrives", func() bool { return to.types()["landfall.step.overdue.v1"] == 4 })
	w.clock.forward(10 * time.Second)
	if list := w.aside(); len(list) != 1 {
		t.Errorf("set aside: %+v", list)
	}
	w.mended.Store(true)
	w.sweep()
	w.eventually("the stream's event arrives", func() bool { return to.types()["landfall.step.overdue.v1"] == 5 })
	w.eventually("nothing is set aside", func() bool { return len(w.aside()) == 0 })
}

// clumsy is a channel that cannot send one type of event.
type clumsy struct{ notify.Channel }

func (c clumsy) Send(ctx context.Context, m notify.Message) notify.Result {
	if m.Type == "landfall.step.overdue.v1" {
		panic("no message")
	}
	return c.Channel.Send(ctx, m)
}

func TestAMessageThatCannotBeMadeIsGivenUpLikeAnyOther(t *testing.T) {
	t.Parallel()
	w, g := watched(t, withRetries(), func(w *world) { w.channel = func(c notify.Channel) notify.Channel { return clumsy{c} } })
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	poisoned := w.play("maria", overdue, act{Step: "HUR-05"})
	after := w.play("maria", figure, act{})
	if d := w.becomes(poisoned, s, notify.Dead); len(d.Attempts) != 1 || d.Attempts[0].Code != "panic" {
		t.Errorf("given up after %+v", d.Attempts)
	}
	w.becomes(after, s, notify.Delivered)
	if g.Panics().Count != 1 {
		t.Errorf("remembered: %+v", g.Panics())
	}
}

func TestOnlyWhatIsUnderAttemptIsShownAsSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	let := make(chan struct{})
	var asked atomic.Int64
	fails := atomic.Bool{}
	to := newReceiver(t, func(rw http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		if fails.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		select {
		case <-let:
		case <-req.Context().Done():
		}
	})
	w.subscribe("ATG", to, notify.Filter{})
	shown := func(want int) {
		t.Helper()
		w.eventually("as many are shown as sending as there are", func() bool {
			count := map[notify.Status]int{}
			for _, d := range w.deliveries() {
				count[d.Status]++
			}
			return count[notify.Sending] == want && count[notify.Queued] == 40-want
		})
	}
	for range 40 {
		w.openIncident("maria", "ATG")
	}
	w.eventually("the receiver hangs in all attempts", func() bool { return asked.Load() == 16 })
	shown(16)
	close(let)
	w.quiet()

	fails.Store(true)
	failed := w.play("maria", figure, act{})
	w.eventually("an attempt fails", func() bool {
		for _, d := range w.deliveries() {
			if d.EventID == failed && d.Status == notify.Retrying {
				return true
			}
		}
		return false
	})
	let = make(chan struct{})
	defer close(let)
	fails.Store(false)
	asked.Store(0)
	second, third := w.play("maria", figure, act{}), w.play("maria", figure, act{})
	w.eventually("one is tried and shown as sending, and the other waits", func() bool {
		status := map[notify.Status]int{}
		for _, d := range w.deliveries() {
			if d.EventID == second || d.EventID == third {
				status[d.Status]++
			}
		}
		return asked.Load() == 1 && status[notify.Sending] == 1 && status[notify.Queued] == 1
	})
}

func TestTakingAwayWhatAStateWasGivenIsOwedUntilItSucceeds(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	w := newWorld(t, func(w *world) {
		w.opt.Withdraw = func(_ context.Context, n ledger.Announcement) error {
			if len(n.Closes) != 1 || n.Incident != "maria" {
				t.Errorf("asked to withdraw %+v", n)
			}
			if calls.Add(1) < 3 {
				return errors.New("the bus has no leader")
			}
			return nil
		}
	})
	to := newReceiver(t, answering(200))
	w.subscribe("DMA", to, notify.Filter{Kinds: []string{"alert.*"}})
	w.openIncident("maria", "ATG", "LCA")
	w.play("maria", activated, activation("ATG", "LCA"))
	w.alerted("ATG", 1)
	w.quiet()
	w.play("maria", changed, act{Unnamed: []string{"ATG"}, Closes: []ledger.AlertClose{{Party: "ATG", Reason: "unnamed"}}})
	w.eventually("its alerts are closed all the same", func() bool { return to.types()["landfall.alert.closed.v1"] == 1 })
	w.eventually("it was tried", func() bool { return calls.Load() == 1 })
	w.eventually("it is owed, alone", func() bool {
		n, _, err := w.raw.PendingStats(t.Context(), store.OwesAll, nil)
		return err == nil && n == 1
	})
	w.sweep()
	w.sweep()
	if list := w.aside(); calls.Load() != 3 || len(list) != 0 {
		t.Errorf("tried %d times, set aside %+v", calls.Load(), list)
	}
	w.sweep()
	w.quiet()
	if calls.Load() != 3 {
		t.Errorf("tried %d times", calls.Load())
	}
}
