package notify_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/notify"
)

// hears has a process take everything from the bus from now on, as a second consumer beside the first.
func (w *world) hears() { w.deaf.Store(false) }

func TestWhatTwentyWorkersGiveTwoProcessesIsNeitherLostNorDoubled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared())
	other := newWorldBeside(t, w)
	other.hears()
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	for i := range 5 {
		w.openIncident(fmt.Sprint("incident-", i), "ATG")
	}
	var workers sync.WaitGroup
	for n := range 20 {
		p := []*world{w, other}[n%2]
		workers.Go(func() {
			for range 60 {
				if _, err := p.tryPlay(fmt.Sprint("incident-", n%5), figure, act{}); err != nil {
					t.Errorf("worker %d: %v", n, err)
				}
			}
		})
	}
	workers.Wait()
	w.arrive(1200, to)
	w.quiet()
	if got, ids := len(to.got()), len(to.ids()); got != 1200 || ids != 1200 {
		t.Errorf("%d requests with %d ids, want 1200", got, ids)
	}
	other.halt()
	w.verified()
}

func TestProcessesThatSweepTogetherRaiseOneAlertAndTellItOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared())
	other := newWorldBeside(t, w)
	w.deaf.Store(true) // nobody hears of anything: all is found by sweeping
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"alert.*"}})
	w.openIncident("maria", "ATG", "LCA")
	for range 20 {
		w.play("maria", activated, activation("ATG", "LCA"))
	}
	w.clock.forward(3 * time.Second)
	for range 2 {
		var sweeps sync.WaitGroup
		for _, p := range []*world{w, other} {
			for range 2 {
				sweeps.Go(func() {
					if _, err := p.router.Sweep(t.Context(), p.clock.now()); err != nil {
						t.Errorf("sweep: %v", err)
					}
				})
			}
		}
		sweeps.Wait()
		w.clock.forward(3 * time.Second) // the alerts themselves
	}
	w.quietly()
	w.quiet()
	for _, party := range []string{"ATG", "LCA"} {
		if got := w.inbox(state(party), notify.AlertQuery{}); len(got) != 20 {
			t.Errorf("%s has %d alerts, want 20", party, len(got))
		}
	}
	if got, ids := len(to.got()), len(to.ids()); got != 20 || ids != 20 {
		t.Errorf("%d requests with %d ids, want 20", got, ids)
	}
	other.halt()
	w.verified()
}

func TestAProcessThatStopsGivesBackWhatItDidNotSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared(), withLimits(notify.Limits{Sends: 1, SendsTarget: 1}))
	other := newWorldBeside(t, w)
	var stuck atomic.Bool
	stuck.Store(true)
	to := newReceiver(t, func(_ http.ResponseWriter, req *http.Request) {
		if stuck.Load() {
			<-req.Context().Done()
		}
	})
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	for range 50 {
		w.play("maria", figure, act{})
	}
	leased := func() (n int) {
		for _, d := range w.deliveries() {
			if d.LeaseOwner != "" {
				n++
			}
		}
		return n
	}
	w.eventually("the first process has all in hand", func() bool { return leased() == 50 && len(to.got()) == 1 })
	stuck.Store(false)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := w.router.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
	// The clock stands still: no lease runs out. All but the one that was broken off is with the other process at once.
	w.eventually("the other has sent them", func() bool { return len(to.ids()) >= 49 })
	w.clock.forward(21 * time.Second)
	w.eventually("and the last one when its lease is over", func() bool { return len(to.ids()) == 50 })
	eventually(t, "everything is done", func() bool {
		oldest, err := other.router.OldestUndelivered(t.Context())
		return err == nil && oldest.IsZero()
	})
	for id, times := range to.ids() {
		if times > 2 {
			t.Errorf("%s arrived %d times", id, times)
		}
	}
	other.halt()
}
