package notify_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/notify"
	"landfall/internal/store"
)

// writes reports whether one of the operations is of the kind.
func writes(ops []store.Op, do store.OpKind, kind, idPrefix string) bool {
	for _, op := range ops {
		id := op.Doc.ID
		if do == store.OpPay {
			id = op.Ref.Stream
		}
		if op.Do == do && op.Kind == kind && strings.HasPrefix(id, idPrefix) {
			return true
		}
	}
	return false
}

func appends(commits []store.Commit, noun string) bool {
	return strings.HasPrefix(commits[0].Stream, noun+"/")
}

// TestKilledAnywhereTheSameArrives is the kill walk: the process dies at one point of the path, a new one starts on the file, and
// what the receivers have in the end is what a run that was not killed would have given them, each event under one id.
func TestKilledAnywhereTheSameArrives(t *testing.T) {
	t.Parallel()
	onAppend := func(noun string, m moment) func(*frail) {
		return func(f *frail) {
			f.onAppend(func(c []store.Commit) moment {
				if appends(c, noun) {
					return m
				}
				return survive
			})
		}
	}
	onBulk := func(do store.OpKind, kind, idPrefix string, m moment) func(*frail) {
		return func(f *frail) {
			f.onBulk(func(ops []store.Op) moment {
				if writes(ops, do, kind, idPrefix) {
					return m
				}
				return survive
			})
		}
	}
	for _, point := range []struct {
		name string
		at   func(*frail)
	}{
		{"never", func(*frail) {}},
		{"after the commit", onAppend("incident", dieAfter)},
		{"before an alert is raised", onAppend("alert", dieBefore)},
		{"after an alert was raised", onAppend("alert", dieAfter)},
		{"before an alert's document", onBulk(store.OpPut, "alert", "", dieBefore)},
		{"after an alert's document", onBulk(store.OpPut, "alert", "", dieAfter)},
		{"before an alert's debt is paid", onBulk(store.OpPay, "", "alert/", dieBefore)},
		{"before the deliveries", onBulk(store.OpInsert, "delivery", "", dieBefore)},
		{"after half of the deliveries", onBulk(store.OpInsert, "delivery", "", dieAmid)},
		{"after all deliveries", onBulk(store.OpInsert, "delivery", "", dieAfter)},
		{"before the debt is paid", onBulk(store.OpPay, "", "incident/", dieBefore)},
		{"after the debt was paid", onBulk(store.OpPay, "", "incident/", dieAfter)},
		{"after an attempt, before its outcome is chained", onAppend("journal", dieBefore)},
		{"after the outcome was chained", onAppend("journal", dieAfter)},
		{"in the middle of marking", onBulk(store.OpPut, "delivery", "", dieAmid)},
		{"after marking", onBulk(store.OpPut, "delivery", "", dieAfter)},
		{"before the journal's debt is paid", onBulk(store.OpPay, "", "journal/", dieBefore)},
	} {
		t.Run(point.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			receivers := map[string]*receiver{}
			for _, party := range []string{"ATG", "DMA", "LCA"} {
				receivers[party] = newReceiver(t, answering(200))
				w.subscribe(party, receivers[party], notify.Filter{})
			}
			w.quiet()
			w.openIncident("maria", "ATG", "LCA")
			w.quiet()
			point.at(w.st)
			// The caller may never learn that it was accepted; it is on disk all the same, or repeated by the caller.
			if _, err := w.tryPlay("maria", activated, activation("ATG", "LCA")); err == nil && point.name != "never" {
				w.eventually("the process dies", func() bool { return w.st.dead.Load() })
			}
			if point.name != "never" {
				if !w.st.dead.Load() {
					t.Fatal("the process did not die where it should have")
				}
				w.kill()
				w.restart()
				w.sweep()
			}
			w.sweep() // alerts raised by the sweep itself
			w.quiet()
			want := map[string]map[string]int{
				"ATG": {"landfall.incident.opened.v1": 1, "landfall.incident.activated.v1": 1, "landfall.alert.raised.v1": 1},
				"DMA": {"landfall.incident.opened.v1": 1, "landfall.incident.activated.v1": 1, "landfall.alert.raised.v1": 2},
				"LCA": {"landfall.incident.opened.v1": 1, "landfall.incident.activated.v1": 1, "landfall.alert.raised.v1": 1},
			}
			got := map[string]map[string]int{}
			for party, to := range receivers {
				got[party] = to.types()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("distinct events that arrived (-want +got):\n%s", diff)
			}
			for id, d := range w.deliveries() {
				if d.Status != notify.Delivered || len(d.Attempts) < 1 {
					t.Errorf("delivery %s of %s is %s", id, d.EventType, d.Status)
				}
			}
			if n, _, err := w.raw.PendingStats(t.Context(), store.OwesAll, nil); err != nil || n != 0 {
				t.Errorf("%d commits are pending, %v", n, err)
			}
			w.verified()
		})
	}
}

func TestWhatWasAcceptedWhileEveryReceiverWasDownArrivesAfterAKill(t *testing.T) {
	t.Parallel()
	const n = 300
	w := newWorld(t)
	var up atomic.Bool
	to := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			rw.WriteHeader(http.StatusBadGateway)
		}
	})
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	var events []string
	for range n {
		events = append(events, w.play("maria", figure, act{}))
	}
	w.kill()
	up.Store(true)
	w.restart()
	w.sweep()
	w.clock.forward(time.Minute)
	for _, event := range events {
		w.becomes(event, s, notify.Delivered)
	}
	w.quiet()
	if ids := len(to.ids()); ids != n {
		t.Errorf("%d distinct ids arrived, want %d", ids, n)
	}
	w.verified()
}

func TestTwoProcessesOnOneStoreSendEachDeliveryOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared())
	other := newWorldBeside(t, w)
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	for i := range 200 {
		// Both hear of every event, as from two buses, and accept in turn.
		p := []*world{w, other}[i%2]
		p.play("maria", figure, act{})
		for _, q := range []*world{w, other} {
			if err := q.router.HandleRefs(t.Context(), refs("incident/maria", int64(i+2))); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.quiet()
	if got, ids := len(to.got()), len(to.ids()); got != 200 || ids != 200 {
		t.Errorf("%d requests with %d ids, want 200", got, ids)
	}
	other.halt()
	w.verified()
}

func TestAnotherProcessFinishesWhatADeadOneHadInHandWithinTheLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared())
	other := newWorldBeside(t, w)
	hang := make(chan struct{})
	defer close(hang)
	var hung atomic.Bool
	to := newReceiver(t, func(_ http.ResponseWriter, req *http.Request) {
		if hung.CompareAndSwap(false, true) {
			select {
			case <-hang:
			case <-req.Context().Done():
			}
		}
	})
	s := w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	w.eventually("the first process is sending", hung.Load)
	w.kill()
	w.t.Log("killed while sending")
	event := fmt.Sprintf("%s-0", commitID(t, w.raw, 1))
	if d := other.deliveryOf(event, s); d.Status != notify.Sending {
		t.Fatalf("the delivery is %s", d.Status)
	}
	w.clock.forward(19 * time.Second)
	if _, err := other.router.Sweep(t.Context(), w.clock.now()); err != nil {
		t.Fatal(err)
	}
	if n := len(to.got()); n != 1 {
		t.Errorf("%d requests while the lease holds", n)
	}
	w.clock.forward(2 * time.Second)
	other.becomes(event, s, notify.Delivered)
	if ids := to.ids(); len(ids) != 1 {
		t.Errorf("ids %v", ids)
	}
	other.halt()
	w.restart()
	w.verified()
}

// newWorldBeside starts a second process on the store of the first.
func newWorldBeside(t *testing.T, w *world) *world {
	t.Helper()
	o := &world{t: t, clock: w.clock, path: w.path, raw: w.raw, shared: true}
	o.deaf.Store(true)
	o.boot()
	o.deaf.Store(true)
	t.Cleanup(o.halt)
	return o
}

// commitID gives the id of a commit of Maria.
func commitID(t *testing.T, st store.Store, seq int64) string {
	t.Helper()
	commits, err := st.Commits(t.Context(), refs("incident/maria", seq))
	if err != nil || len(commits) != 1 {
		t.Fatalf("%d commits, %v", len(commits), err)
	}
	return commits[0].ID
}
