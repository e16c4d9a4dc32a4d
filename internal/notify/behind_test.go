package notify_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"landfall/internal/notify"
	"landfall/internal/store"
)

// holding is a far side that answers when it is told to, in the order in which it was asked.
type holding struct {
	*receiver
	mu    sync.Mutex
	asked []chan struct{}
}

func newHolding(t *testing.T) *holding {
	h, over := &holding{}, make(chan struct{})
	h.receiver = newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		answer := make(chan struct{})
		h.mu.Lock()
		h.asked = append(h.asked, answer)
		h.mu.Unlock()
		select {
		case <-answer:
		case <-over: // also who has not been counted yet when the test ends
		}
		w.WriteHeader(http.StatusNoContent)
	})
	t.Cleanup(func() { close(over) })
	return h
}

// open returns how many wait for an answer.
func (h *holding) open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.asked)
}

// answer answers the first n that wait.
func (h *holding) answer(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, answer := range h.asked[:n] {
		close(answer)
	}
	h.asked = h.asked[n:]
}

// behind expects the router to be so far behind.
func (w *world) behind(what string, want time.Duration) {
	w.t.Helper()
	if got := w.router.Behind(); got != want {
		w.t.Errorf("%s: behind by %s, want %s", what, got, want)
	}
}

// keepsUp lets time pass until the router is not behind, as it must be once what is in hand is
// handled.
func (w *world) keepsUp(what string) {
	w.t.Helper()
	w.eventually(what, func() bool {
		w.clock.forward(time.Second)
		return w.router.Behind() == 0
	})
}

// stuck has the first bulk with new deliveries wait, and returns what waits for that and what lets
// it go on.
func (w *world) stuck() (reached, goOn func()) {
	in, out := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.st.onBulk(func(ops []store.Op) moment {
		if writes(ops, store.OpInsert, "delivery", "") {
			once.Do(func() { close(in); <-out })
		}
		return survive
	})
	reached = func() {
		w.t.Helper()
		select {
		case <-in:
		case <-time.After(30 * time.Second):
			w.t.Fatal("waited too long until new deliveries are written")
		}
	}
	return reached, sync.OnceFunc(func() { close(out) })
}

var figuresOnly = notify.Filter{Kinds: []string{"figure.*"}}

func TestChangesWhoseNoticesAreNotWrittenAreBehindUntilTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(204))
	s := w.subscribe("ATG", to, figuresOnly)
	w.openIncident("maria", "ATG")
	w.quiet()
	reached, goOn := w.stuck()
	defer goOn()
	event := w.play("maria", figure, act{})
	reached()
	w.behind("just recorded", 0)
	w.clock.forward(1200 * time.Millisecond)
	w.behind("while they are written", 1200*time.Millisecond)
	goOn()
	w.becomes(event, s, notify.Delivered)
	w.keepsUp("when they are written")
}

// What the bus did not bring is found by the sweep, which is late by design: neither a bus that is
// lost nor what was set aside slows anybody.
func TestWhatTheSweepFindsIsNotBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribe("ATG", newReceiver(t, answering(204)), figuresOnly)
	w.openIncident("maria", "ATG")
	w.quiet()
	w.deaf.Store(true)
	w.play("maria", figure, act{})
	w.clock.forward(3 * time.Second)
	w.behind("while the bus is lost", 0)
	reached, goOn := w.stuck()
	defer goOn()
	var swept sync.WaitGroup
	swept.Go(func() { w.sweepAt(w.clock.now()) })
	reached()
	w.behind("while the sweep writes them", 0)
	goOn()
	swept.Wait()
	w.quiet()
}

func TestARouterThatDoesNotRunIsNotBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openIncident("maria", "ATG")
	w.halt()
	w.clock.forward(time.Hour)
	w.behind("after its end", 0)
}

func TestDueDeliveriesWithoutAPlaceAreBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(notify.Limits{Sends: 2, SendsTarget: 1, SlowAfter: time.Hour}))
	to := newHolding(t)
	for range 9 {
		w.subscribe("ATG", to.receiver, figuresOnly)
	}
	w.openIncident("maria", "ATG")
	w.play("maria", figure, act{})
	came := func(n int) {
		w.eventually("the next are sent", func() bool { return len(to.got()) == n && to.open() == 2 })
	}
	came(2)
	w.quietBut(9)
	const each = 200 * time.Millisecond
	for n := range 6 { // a receiver answers within half a second, and others come into its place
		w.behind("some have no place", time.Duration(n)*each)
		w.clock.forward(each)
		to.answer(1)
		came(3 + n)
	}
	w.behind("one has no place", 6*each)
	to.answer(1)
	came(9)
	w.behind("all have a place", 0)
}

func TestAQuickTargetThatGetsMoreThanItsPlacesIsBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(notify.Limits{SendsTarget: 1, SlowAfter: time.Hour}))
	to := newHolding(t)
	w.subscribe("ATG", to.receiver, figuresOnly)
	w.openIncident("maria", "ATG")
	for range 5 {
		w.play("maria", figure, act{})
	}
	came := func(n int) {
		t.Helper()
		w.eventually("the next is sent", func() bool { return len(to.got()) == n && to.open() == 1 })
	}
	came(1)
	w.quietBut(5)
	const each = 60 * time.Millisecond
	w.behind("nobody knows how soon it answers", 0)
	for n := range 3 {
		w.clock.forward(each)
		to.answer(1)
		came(2 + n)
		w.behind("others wait for the place", time.Duration(1+n)*each)
	}
	w.clock.forward(2 * each)
	w.behind("it does not answer any more", 0)
	to.answer(1)
	came(5)
	w.behind("nothing waits", 0)
	to.answer(1)
	w.quiet()
}

// However long all places have been taken: what counts is how long something has waited for one.
func TestBusyPlacesAreNoDelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(notify.Limits{Sends: 1, SlowAfter: time.Hour}))
	to := newHolding(t)
	for range 2 {
		w.subscribe("ATG", to.receiver, figuresOnly)
	}
	w.openIncident("maria", "ATG")
	w.play("maria", figure, act{})
	w.quietBut(2)
	const each = 200 * time.Millisecond
	for n := range 5 {
		came := func(more int) {
			t.Helper()
			w.eventually("the next is sent", func() bool { return len(to.got()) == 2*n+more && to.open() == 1 })
		}
		came(1)
		w.clock.forward(each)
		w.behind("the other waits for the place", each)
		to.answer(1)
		came(2)
		w.play("maria", figure, act{})
		w.quietBut(3)
		to.answer(1)
	}
	to.receiver.answers(answering(http.StatusNoContent))
	w.eventually("all are sent", func() bool { to.answer(to.open()); return len(to.got()) == 12 })
	w.quiet()
}

func TestSlowReceiversAreNotTheRoutersDelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(notify.Limits{Sends: 4, SendsTarget: 2, SlowAfter: time.Hour})) // SlowAfter is real time
	slow, quick := newHolding(t), newReceiver(t, answering(204))
	steps := notify.Filter{Kinds: []string{"step.*"}}
	w.subscribe("ATG", slow.receiver, steps)
	w.openIncident("maria", "ATG")
	sent := func(n int) {
		t.Helper()
		w.eventually("they are sent", func() bool { return slow.open() == n })
	}
	for range 4 {
		w.play("maria", overdue, act{Step: "HUR-05"})
	}
	sent(2)
	w.quietBut(4)
	w.keepsUp("one receiver has its own two places, and others wait for them")

	w.subscribe("ATG", slow.receiver, steps)
	for range 4 {
		w.play("maria", overdue, act{Step: "HUR-06"})
	}
	sent(4)
	w.clock.forward(time.Second)
	s := w.subscribe("ATG", quick, figuresOnly)
	event := w.play("maria", figure, act{})
	w.becomes(event, s, notify.Queued)
	w.keepsUp("slow ones have all places")
	slow.answer(4)
	w.becomes(event, s, notify.Delivered)
	sent(4)
	w.behind("and again", 0)
	slow.receiver.answers(answering(http.StatusNoContent))
	slow.answer(4)
	w.quiet()
}

func TestWhatWaitsForARateOrACircuitIsNotBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(notify.Limits{Sends: 1}), withRate(notify.Rate{PerSecond: .1}))
	to := newReceiver(t, answering(204))
	w.subscribe("ATG", to, figuresOnly)
	w.openIncident("maria", "ATG")
	for range 5 {
		w.play("maria", figure, act{})
	}
	w.quietBut(4)
	w.keepsUp("throttled")

	w = newWorld(t, withLimits(notify.Limits{Sends: 1}))
	s := w.subscribe("ATG", newReceiver(t, answering(503)), figuresOnly)
	w.openIncident("maria", "ATG")
	for range 9 {
		w.play("maria", figure, act{})
	}
	w.eventually("the circuit opens", func() bool { return w.health(s).Circuit == notify.CircuitOpen })
	w.quietBut(9)
	w.keepsUp("behind an open circuit")
}
