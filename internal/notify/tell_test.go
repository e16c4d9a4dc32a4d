package notify_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/store"
)

// The bus loses everything here, so what arrives of an alert cannot have come back from it.
func TestWhoRaisesOrClosesAnAlertTellsOfIt(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	told := map[string]int{}
	w := newWorld(t, func(w *world) {
		w.opt.Publish = func(_ context.Context, notes []notify.Note) error {
			mu.Lock()
			defer mu.Unlock()
			for _, n := range notes {
				if told[n.Type]++; !n.Told {
					t.Errorf("%s: a notifier would take it up again", n.Type)
				}
			}
			return nil
		}
	})
	w.deaf.Store(true)
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"alert.*"}})
	w.openIncident("maria", "ATG")
	w.play("maria", activated, activation("ATG"))
	if err := w.router.Receive(t.Context(), w.notes(2, false)); err != nil {
		t.Fatal(err)
	}
	w.alerted("ATG", 1)
	w.play("maria", closed, act{Closes: []ledger.AlertClose{{Reason: "closed"}}})
	if err := w.router.Receive(t.Context(), w.notes(3, false)); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"landfall.alert.raised.v1": 1, "landfall.alert.closed.v1": 1}
	w.eventually("both have arrived", func() bool { return cmp.Equal(want, to.types()) })
	mu.Lock()
	if diff := cmp.Diff(map[string]int{"alert.raised.v1": 1, "alert.closed.v1": 1}, told); diff != "" {
		t.Errorf("told the bus (-want +got):\n%s", diff)
	}
	mu.Unlock()
	w.eventually("alerts owe nothing", func() bool {
		owing, err := w.raw.Pending(t.Context(), store.OwesAll, w.clock.plus(time.Hour), store.Ref{Stream: "alert/"}, 10)
		owing = slices.DeleteFunc(owing, func(c store.Commit) bool { return ledger.Stream(c.Stream).Noun() != notify.NounAlert })
		return err == nil && len(owing) == 0
	})
}

// A bus that is lost takes seconds to refuse each time.
func TestOneRefusalOfTheBusIsEnoughToLeaveTheRestToTheSweep(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	w := newWorld(t, func(w *world) {
		w.opt.Publish = func(context.Context, []notify.Note) error { asked.Add(1); return errors.New("no bus") }
	})
	w.deaf.Store(true)
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"alert.raised"}})
	for _, id := range []string{"maria", "irma", "luis"} {
		w.openIncident(id, "ATG")
		w.play(id, activated, activation("ATG"))
		if err := w.router.HandleRefs(t.Context(), refs("incident/"+id, 2)); err != nil {
			t.Fatal(err)
		}
	}
	w.alerted("ATG", 3)
	if n := asked.Load(); n != 1 {
		t.Errorf("the bus was asked %d times", n)
	}
	w.sweepAt(w.clock.plus(time.Minute))
	w.eventually("all have arrived", func() bool { return to.types()["landfall.alert.raised.v1"] == 3 })
	w.quiet()
}
