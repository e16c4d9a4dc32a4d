package notify_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/bus"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/store"
)

func TestWhatTheBusLostIsFoundBySweepingAndPublishedThen(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var published []string
	w := newWorld(t, func(w *world) {
		w.opt.Publish = func(_ context.Context, notes []notify.Note) error {
			mu.Lock()
			defer mu.Unlock()
			for _, n := range notes {
				if !n.Told {
					t.Errorf("%s: a notifier would take it up again", n.Type)
				}
				published = append(published, n.Type)
			}
			return errors.New("half of it was lost again")
		}
	})
	w.deaf.Store(true)
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	event := w.play("maria", activated, activation("ATG"))
	if found, err := w.router.Sweep(t.Context(), w.clock.now()); err != nil || found != 0 {
		t.Fatalf("the sweep took %d fresh commits, %v", found, err)
	}
	w.sweep()
	w.becomes(event, s, notify.Delivered)
	w.sweep()
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(published)
	// Whoever raises an alert tells of it; what fails of that is left to the sweep.
	if diff := cmp.Diff([]string{"alert.raised.v1", "alert.raised.v1", activated, opened}, published); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	w.quiet()
}

func TestTheSweepLeavesAloneWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	var busy atomic.Bool
	busy.Store(true)
	w := newWorld(t, func(w *world) { w.opt.InHand = func(store.Ref) bool { return busy.Load() } })
	w.deaf.Store(true)
	w.openIncident("maria", "ATG")
	w.clock.forward(time.Minute)
	if found, err := w.router.Sweep(t.Context(), w.clock.now()); err != nil || found != 0 {
		t.Errorf("took %d, %v", found, err)
	}
	busy.Store(false)
	if found, err := w.router.Sweep(t.Context(), w.clock.now()); err != nil || found != 1 {
		t.Errorf("took %d, %v, want 1", found, err)
	}
}

func TestACommitThatTheStoreDoesNotHaveIsCountedAndDropped(t *testing.T) {
	t.Parallel()
	var absent atomic.Int64
	w := newWorld(t, func(w *world) { w.opt.Hooks.Absent = func(n int) { absent.Add(int64(n)) } })
	if err := w.router.HandleRefs(t.Context(), refs("incident/lost", 1, 2, 3)); err != nil {
		t.Fatal(err)
	}
	if absent.Load() != 3 {
		t.Errorf("%d counted", absent.Load())
	}
}

func TestABatchCostsFewCallsToTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deaf.Store(true)
	to := newReceiver(t, answering(200))
	for range 3 {
		w.subscribe("ATG", to, notify.Filter{})
	}
	w.openIncident("maria", "ATG")
	var seqs []int64
	for i := range 255 {
		w.play("maria", figure, act{})
		seqs = append(seqs, int64(i+2))
	}
	w.l.Settle(t.Context(), 5*time.Second)
	var bulks atomic.Int64
	w.st.onBulk(func(ops []store.Op) moment {
		if !writes(ops, store.OpPut, "delivery", "") && !writes(ops, store.OpPut, "circuit", "") && !writes(ops, store.OpPut, ledger.KindWake, "") && !writes(ops, store.OpPay, "", "") {
			bulks.Add(1)
		}
		return survive
	})
	if err := w.router.HandleRefs(t.Context(), append(refs("incident/maria", seqs...), refs("incident/maria", 1)...)); err != nil {
		t.Fatal(err)
	}
	if n := bulks.Load(); n != 1 {
		t.Errorf("256 commits with 768 deliveries took %d writes besides those of debts, want 1", n)
	}
	w.sweep() // the subscriptions' own commits
	w.quiet()
	if n := len(to.ids()); n != 768 {
		t.Errorf("%d arrived", n)
	}
}

func TestWhatDoesNotFitInMemoryWaitsInTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(notify.Limits{QueueTarget: 8, Queue: 16, SendsTarget: 2, Sends: 4, JournalMax: 10}))
	gate := make(chan struct{})
	to := newReceiver(t, until(gate))
	good := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	s := w.subscribe("DMA", good, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	var last string
	for range 200 {
		last = w.play("maria", figure, act{})
	}
	w.becomes(last, s, notify.Delivered)
	w.eventually("the other has everything", func() bool { return len(good.ids()) == 200 })
	waiting := 0
	for _, d := range w.deliveries() {
		if d.Status == notify.Queued {
			waiting++
		}
	}
	if waiting < 150 {
		t.Errorf("%d wait in the store, want most of 200", waiting)
	}
	if oldest, err := w.router.OldestUndelivered(t.Context()); err != nil || oldest.IsZero() {
		t.Errorf("the oldest waits since %s, %v", oldest, err)
	}
	close(gate)
	w.quiet()
	if got, ids := len(to.got()), len(to.ids()); ids != 200 || got != 200 {
		t.Errorf("%d requests with %d ids, want 200", got, ids)
	}
	w.verified()
}

func TestAQuietCommitIsHandledWhenOffered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deaf.Store(true)
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{})
	commits, err := w.raw.Commits(t.Context(), refs("subscription/"+s.Value.ID, 1))
	if err != nil {
		t.Fatal(err)
	}
	w.router.Offer(commits)
	w.eventually("it is not pending any more", func() bool {
		n, _, err := w.raw.PendingStats(t.Context(), store.OwesAll, nil)
		return err == nil && n == 0
	})
}

func TestAnEventOfANewerVersionStaysPending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openIncident("maria", "ATG")
	w.quiet()
	w.halt()
	newer := ledger.New(w.raw, ledger.Options{Now: w.clock.now})
	streams := ledger.Register(newer, ledger.Fold[int]{
		Noun: "incident", Version: 1, Events: []string{opened, "incident.merged.v1"},
		New: func(string) int { return 0 }, Clone: func(n int) int { return n },
		Evolve: func(n int, _ ledger.Recorded) (int, error) { return n + 1, nil },
	})
	if _, err := streams.Execute(t.Context(), "maria", ledger.Command[int]{Actor: ledger.System, Decide: func(int, ledger.Moment) (ledger.Decision, error) {
		return ledger.Decision{Events: []ledger.Event{{Type: "incident.merged.v1", Data: struct{}{}}}}, nil
	}}); err != nil {
		t.Fatal(err)
	}
	if err := newer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.restart()
	w.openIncident("irma", "ATG") // beside it
	w.clock.forward(time.Minute)
	if _, err := w.router.Sweep(t.Context(), w.clock.now()); !errors.Is(err, ledger.ErrNewer) {
		t.Errorf("the sweep says %v", err)
	}
	told := notify.NotesOf(notify.DefaultSource, newer.TypesDigest(), []ledger.Announcement{{
		EventID: commitID(t, w.raw, 2) + "-0", Type: "incident.merged.v1", Stream: "incident/maria", Seq: 2, Incident: "maria",
		Parties: []string{"DMA", "ATG"},
	}}, false)
	if err := w.router.Receive(t.Context(), told); !errors.Is(err, ledger.ErrNewer) {
		t.Errorf("told of it by the bus it says %v", err)
	}
	w.eventually("the other commit is handled", func() bool {
		n, _, err := w.raw.PendingStats(t.Context(), store.OwesAll, nil)
		return err == nil && n == 1
	})
}

func TestTheBusAndTheReceiversGetTheSameBytes(t *testing.T) {
	t.Parallel()
	a := ledger.Announcement{
		EventID: "0198-0", Type: "step.overdue.v1", Stream: "incident/maria", Seq: 7, At: time.Date(2017, 9, 18, 21, 0, 0, 120_000_000, time.UTC),
		Exercise: true, Origin: "DMA", Data: []byte(`{"incident":{"title":"Île & <mer>"}}`),
	}
	want, err := bus.Encode(bus.Event{
		ID: a.EventID, Source: notify.DefaultSource, Type: bus.EventType(a.Type), Subject: string(a.Stream), Time: a.At,
		Exercise: a.Exercise, Origin: a.Origin, StreamVersion: a.Seq, Data: a.Data,
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(notify.RenderEvent(notify.DefaultSource, a))); diff != "" {
		t.Errorf("(-bus +notify):\n%s", diff)
	}
}

func TestARouterStartsOnceAndStopsAsOftenAsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.router.Start(t.Context()); err == nil {
		t.Error("it started twice")
	}
	var stops sync.WaitGroup
	for range 4 {
		stops.Go(func() {
			if err := w.router.Stop(t.Context()); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
	}
	stops.Wait()
	if err := w.router.Start(t.Context()); err == nil {
		t.Error("it started after it was stopped")
	}
	fresh := notify.NewRouter(w.desk, w.st, notify.RouterOptions{Alone: true})
	if err := errors.Join(fresh.Stop(t.Context()), fresh.Stop(t.Context())); err != nil {
		t.Errorf("stop before start: %v", err)
	}
	if err := fresh.Start(t.Context()); err == nil {
		t.Error("it started after it was stopped")
	}
}

func TestStopIsBoundedAndLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stuck := make(chan struct{})
	defer close(stuck)
	to := newReceiver(t, func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-stuck:
		case <-req.Context().Done():
		}
	})
	s := w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	event := w.play("maria", activated, act{})
	w.eventually("it hangs", func() bool { return len(to.got()) == 2 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.router.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
	if d := w.deliveryOf(event, s); len(d.Attempts) != 0 {
		t.Errorf("an attempt that we broke off counts: %+v", d.Attempts)
	}
	to.answers(answering(200))
	w.restart()
	w.becomes(event, s, notify.Delivered)
	w.quiet()
}

func TestADeskRefusesToBeBuiltWithoutItsKey(t *testing.T) {
	t.Parallel()
	l := ledger.New(newWorld(t).raw, ledger.Options{Now: time.Now})
	defer func() {
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if _, err := notify.NewDesk(l, nil, notify.DeskOptions{SealKey: []byte("short"), Visibility: &named{}}); err == nil {
		t.Error("a short key was taken")
	}
	if _, err := notify.NewDesk(l, nil, notify.DeskOptions{SealKey: sealKey}); err == nil {
		t.Error("a desk that cannot ask who may see what was built")
	}
}

func TestAReplayOfWhatIsUnderWayIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gate := make(chan struct{})
	to := newReceiver(t, until(gate))
	w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	w.eventually("it is being sent", func() bool { return len(to.got()) == 1 })
	var id string
	for id = range w.deliveries() {
	}
	if _, err := w.desk.Replay(t.Context(), first, access.Write{}, id); !fault.Is(err, fault.State) {
		t.Errorf("replayed while sending: %v", err)
	}
	if _, err := w.desk.Replay(t.Context(), state("LCA"), access.Write{}, id); !fault.Is(err, fault.NotFound) {
		t.Errorf("a stranger replays: %v", err)
	}
	if _, err := w.desk.Replay(t.Context(), first, access.Write{}, "nothing"); !fault.Is(err, fault.NotFound) {
		t.Errorf("nothing is replayed: %v", err)
	}
	close(gate)
	w.quiet()
	if got, err := w.desk.Deliveries(t.Context(), state("ATG"), notify.DeliveryQuery{Status: notify.Delivered, Channel: "webhook", Incident: "maria"}, notify.Paging{}); err != nil || len(got.Items) != 1 {
		t.Errorf("%d deliveries listed, %v", len(got.Items), err)
	}
	if _, err := w.desk.Deliveries(t.Context(), first, notify.DeliveryQuery{Status: "lost"}, notify.Paging{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown status: %v", err)
	}
}
