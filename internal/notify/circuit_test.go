package notify_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/notify"
	"landfall/internal/store"
)

// circuitLog keeps what Hooks.CircuitChanged is told.
type circuitLog struct {
	mu     sync.Mutex
	states []string
}

func (c *circuitLog) changed(_, state string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states = append(c.states, state)
}

func (c *circuitLog) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.states)
}

// health gives how sending to a subscription's target goes.
func (w *world) health(s notify.Subscribed) notify.TargetHealth {
	w.t.Helper()
	all, err := w.desk.Health(w.t.Context(), first, s.Value.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return all[s.Value.ID]
}

// exactly waits until the receiver has got n requests, and a while longer to see that no more come.
func (w *world) exactly(to *receiver, n int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%d requests", n), func() bool { return len(to.got()) >= n })
	if got := w.settled(to); got != n {
		w.t.Fatalf("%d requests arrived, want %d", got, n)
	}
}

// settled waits until no more requests come, and gives how many have.
func (w *world) settled(to *receiver) int {
	w.t.Helper()
	looks, last := 0, -1
	w.eventually("the requests end", func() bool {
		if now := len(to.got()); now != last {
			looks, last = 0, now
		}
		looks++
		return looks > 15
	})
	return last
}

func TestBehindAnOpenCircuitOneIsTriedAndTheOthersBurnNoAttempts(t *testing.T) {
	t.Parallel()
	var log circuitLog
	w := newWorld(t, withLimits(notify.Limits{SendsTarget: 2}), func(w *world) { w.opt.Hooks.CircuitChanged = log.changed })
	to := newReceiver(t, answering(503))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	var events []string
	for range 40 {
		events = append(events, w.play("maria", figure, act{}))
	}
	w.eventually("the circuit opens", func() bool { return w.health(s).Circuit == notify.CircuitOpen })
	opened := len(to.got())
	if opened > 7 {
		t.Errorf("%d attempts until the circuit opened", opened)
	}
	for n := range 4 {
		w.exactly(to, opened+n)
		w.clock.forward(5 * time.Second)
	}
	w.exactly(to, opened+4)
	h := w.health(s)
	if h.Waiting != 40 || h.OldestWaitingAt == nil || h.FailingSince == nil || h.NextProbeAt == nil || h.LastCode != "503" || h.LastSuccessAt != nil {
		t.Errorf("health %+v", h)
	}
	// What waits behind the circuit counts as undelivered.
	if oldest, err := w.router.OldestUndelivered(t.Context()); err != nil || !oldest.Equal(*h.OldestWaitingAt) {
		t.Errorf("the oldest undelivered is of %s, %v, want %s", oldest, err, h.OldestWaitingAt)
	}
	if n, err := w.router.OpenCircuits(t.Context()); err != nil || n != 1 {
		t.Errorf("%d circuits are open, %v", n, err)
	}
	untouched := 0
	for _, d := range w.deliveries() {
		if len(d.Attempts) == 0 {
			untouched++
		}
	}
	if untouched < 40-opened-4 {
		t.Errorf("%d have all their attempts left, want %d", untouched, 40-opened-4)
	}
	// The first success lets everything go at once, what waits for a later attempt included.
	to.answers(answering(200))
	w.clock.forward(5 * time.Second)
	for _, event := range events {
		w.becomes(event, s, notify.Delivered)
	}
	w.quiet()
	if h := w.health(s); h.Circuit != notify.CircuitClosed || h.Waiting != 0 || h.OldestWaitingAt != nil || h.FailingSince != nil || h.LastSuccessAt == nil {
		t.Errorf("health %+v", h)
	}
	if got := log.got(); !slices.Equal(got, []string{notify.CircuitOpen, notify.CircuitClosed}) {
		t.Errorf("told of %v", got)
	}
	w.verified()
}

func TestAnOpenCircuitStaysOpenThroughARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(503))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	for range 30 {
		w.play("maria", figure, act{})
	}
	w.eventually("the circuit opens", func() bool { return w.health(s).Circuit == notify.CircuitOpen })
	since := w.health(s).FailingSince
	w.restart()
	before := len(to.got())
	w.exactly(to, before)
	if h := w.health(s); h.Circuit != notify.CircuitOpen || !h.FailingSince.Equal(*since) {
		t.Errorf("after the restart %+v", h)
	}
	w.clock.forward(5 * time.Second)
	w.exactly(to, before+1)
}

func TestAnAttemptAheadOfItsTimeCostsADeliveryNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var one, all atomic.Bool // what is taken: the next one, or everything
	to := newReceiver(t, func(rw http.ResponseWriter, req *http.Request) {
		if !all.Load() && !one.CompareAndSwap(true, false) {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	event := w.play("maria", figure, act{})
	for n := range 5 { // the circuit opens with the fifth
		w.eventually("an attempt", func() bool { d := w.deliveryOf(event, s); return d != nil && len(d.Attempts) == n+1 })
		if n < 4 {
			w.clock.forward(w.deliveryOf(event, s).NextAttemptAt.Sub(w.clock.now()))
		}
	}
	planned := *w.deliveryOf(event, s).NextAttemptAt // half an hour later
	w.clock.forward(5 * time.Second)
	one.Store(true)
	other := w.play("maria", figure, act{})
	w.becomes(other, s, notify.Delivered) // the circuit closes
	w.eventually("it is tried ahead of its time", func() bool { return len(w.deliveryOf(event, s).Attempts) == 6 })
	d := w.becomes(event, s, notify.Retrying)
	if !d.NextAttemptAt.Equal(planned) {
		t.Errorf("the next attempt is at %s, want %s as before", d.NextAttemptAt, planned)
	}
	w.clock.forward(planned.Sub(w.clock.now()))
	w.eventually("it is tried as planned", func() bool { return len(w.deliveryOf(event, s).Attempts) == 7 })
	d = w.becomes(event, s, notify.Retrying)
	if want := d.Attempts[6].At.Add(2 * time.Hour); !d.NextAttemptAt.Equal(want) {
		t.Errorf("the next attempt is at %s, want %s", d.NextAttemptAt, want)
	}
	all.Store(true)
	w.clock.forward(2 * time.Hour)
	w.becomes(event, s, notify.Delivered)
	w.verified()
}

// fails has time pass, half a day at a time, with something to send each time.
func (w *world) fails(to *receiver, s notify.Subscribed, days int) {
	w.t.Helper()
	for range 2 * days {
		before := len(to.got())
		w.play("maria", figure, act{})
		w.inTime("an attempt", func() bool { return len(to.got()) > before })
		w.eventually("its outcome is on record", func() bool { return w.answered(s) == len(to.got()) })
		w.quietly()
		w.clock.forward(12 * time.Hour)
	}
}

// answered counts the attempts on record at a subscription's target.
func (w *world) answered(s notify.Subscribed) (n int) {
	for _, d := range w.deliveries() {
		for _, a := range d.Attempts {
			if d.Subscription == s.Value.ID && (a.Code == "200" || a.Code == "503") {
				n++
			}
		}
	}
	return n
}

// inTime has time pass, second by second, until it is so.
func (w *world) inTime(what string, ok func() bool) {
	w.t.Helper()
	w.eventually(what, func() bool {
		if ok() {
			return true
		}
		w.clock.forward(time.Second)
		return false
	})
}

// quietly waits until nothing is in hand: everything that waits, waits for a time.
func (w *world) quietly() {
	w.t.Helper()
	w.eventually("every outcome is on record", func() bool {
		w.sweepAt(w.clock.plus(3 * time.Second))
		n, _, err := w.raw.PendingStats(w.t.Context(), store.OwesAll, nil)
		return err == nil && n == 0
	})
}

func TestWhatLeftMemoryBehindAnOpenCircuitEndsWithItsSubscription(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("shared=%t", shared), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withLimits(notify.Limits{SendsTarget: 2}), func(w *world) { w.shared = shared })
			to := newReceiver(t, answering(503))
			s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
			w.openIncident("maria", "ATG")
			for range 40 {
				w.play("maria", figure, act{})
			}
			w.eventually("the circuit opens", func() bool { return w.health(s).Circuit == notify.CircuitOpen })
			w.quietly() // every figure has its delivery
			held, err := w.desk.Subscription(t.Context(), state("ATG"), s.Value.ID)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.desk.Unsubscribe(t.Context(), state("ATG"), ifMatch(w, held.Seq), s.Value.ID); err != nil {
				t.Fatal(err)
			}
			w.eventually("all have ended, without waiting for any lease: the clock stands", func() bool {
				w.sweepAt(w.clock.plus(3 * time.Second))
				for _, d := range w.deliveries() {
					if d.Status != notify.Cancelled {
						return false
					}
				}
				return true
			})
		})
	}
}

func TestATargetThatFailsForFiveDaysIsDisabled(t *testing.T) {
	t.Parallel()
	var log circuitLog
	w := newWorld(t, func(w *world) { w.opt.Hooks.CircuitChanged = log.changed; w.opt.NoticeAge = -1 })
	to, good := newReceiver(t, answering(503)), newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.subscribe("ATG", good, notify.Filter{})
	w.openIncident("maria", "ATG")
	w.fails(to, s, 5)
	if h := w.health(s); h.Circuit == notify.CircuitDisabled {
		t.Error("disabled before five days had passed")
	}
	since := *w.health(s).FailingSince
	w.play("maria", figure, act{})
	w.inTime("it is disabled", func() bool { return w.health(s).Circuit == notify.CircuitDisabled })
	got, err := w.desk.Subscription(t.Context(), state("ATG"), s.Value.ID)
	if err != nil || got.Value.Status != notify.SubscriptionDisabled || got.Value.Disabled == nil || !got.Value.Disabled.FailingSince.Equal(since) || got.Value.Disabled.Code != "503" {
		t.Fatalf("%+v, %v", got.Value, err)
	}
	w.inTime("nothing waits for it any more", func() bool {
		w.sweepAt(w.clock.plus(3 * time.Second))
		return w.health(s).Waiting == 0
	})
	w.quietly()
	w.quiet()
	dead := 0
	var id string
	for _, d := range w.deliveries() {
		if d.Subscription == s.Value.ID {
			if last := d.Attempts[len(d.Attempts)-1]; d.Status != notify.Dead || last.Code != "subscription_disabled" {
				t.Errorf("%s after %q", d.Status, last.Code)
			}
			id = d.ID
			dead++
		}
	}
	// One alert says so, and none for each of the dead.
	if got := w.inbox(state("ATG"), notify.AlertQuery{}); !slices.Equal(got, []string{"subscription_disabled " + s.Value.ID + " open"}) {
		t.Errorf("inbox %v", got)
	}
	if n := good.types()["landfall.alert.raised.v1"]; n != 1 {
		t.Errorf("its owner was told %d times elsewhere", n)
	}
	if got := log.got(); got[len(got)-1] != notify.CircuitDisabled {
		t.Errorf("told of %v", got)
	}
	// What happens now is not queued for it, and nothing of it is sent again before it is enabled.
	before := len(to.got())
	w.play("maria", figure, act{})
	if _, err := w.desk.Replay(t.Context(), state("ATG"), access.Write{}, id); fault.CodeOf(err) != "subscription_disabled" {
		t.Errorf("replayed to a disabled subscription: %v", err)
	}
	if n, err := w.desk.ReplayMatching(t.Context(), state("ATG"), access.Write{}, notify.ReplayQuery{}); err != nil || n != 0 {
		t.Errorf("%d replayed, %v", n, err)
	}
	w.quiet()
	if n := len(to.got()); n != before {
		t.Errorf("%d requests to a disabled target", n-before)
	}
	to.answers(answering(200))
	if _, err := w.desk.Enable(t.Context(), state("LCA"), access.Write{}, s.Value.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("a stranger enables it: %v", err)
	}
	if _, err := w.desk.Enable(t.Context(), state("ATG"), access.Write{}, s.Value.ID); err != nil {
		t.Fatal(err)
	}
	if again, err := w.desk.Enable(t.Context(), state("ATG"), access.Write{}, s.Value.ID); err != nil || len(again.Events) != 0 {
		t.Errorf("enabled twice: %d events, %v", len(again.Events), err)
	}
	w.inTime("the alert of it is closed", func() bool {
		return slices.Equal(w.inbox(state("ATG"), notify.AlertQuery{Status: notify.AlertClosed}), []string{"subscription_disabled " + s.Value.ID + " closed"})
	})
	event := w.play("maria", figure, act{})
	w.inTime("it is sent to again", func() bool { d := w.deliveryOf(event, s); return d != nil && d.Status == notify.Delivered })
	n, err := w.desk.ReplayMatching(t.Context(), state("ATG"), access.Write{}, notify.ReplayQuery{Subscription: s.Value.ID})
	if err != nil || n != dead {
		t.Errorf("%d replayed, want %d, %v", n, dead, err)
	}
	w.quiet()
	if h := w.health(s); h.Circuit != notify.CircuitClosed {
		t.Errorf("health %+v", h)
	}
	w.verified()
}

func TestFailureNowAndThenDisablesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to, good := newReceiver(t, answering(503)), newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.subscribe("ATG", good, notify.Filter{})
	w.openIncident("maria", "ATG")
	for range 3 {
		w.fails(to, s, 4)
		to.answers(answering(200))
		w.inTime("something arrives", func() bool {
			at := w.health(s).LastSuccessAt
			return at != nil && w.clock.now().Sub(*at) < time.Hour
		})
		to.answers(answering(503))
	}
	if h := w.health(s); h.Circuit == notify.CircuitDisabled {
		t.Errorf("health %+v", h)
	}
}

func TestWhileEveryTargetFailsNoneIsDisabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to, other := newReceiver(t, answering(503)), newReceiver(t, answering(503))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	o := w.subscribe("LCA", other, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG", "LCA")
	w.fails(to, s, 7) // our own line, as it turns out
	for _, sub := range []notify.Subscribed{s, o} {
		if h := w.health(sub); h.Circuit == notify.CircuitDisabled {
			t.Errorf("health %+v", h)
		}
	}
	other.answers(answering(200)) // or not: this one works
	w.inTime("the other answers", func() bool { return w.health(o).LastSuccessAt != nil })
	w.clock.forward(11 * time.Minute) // it is not asked all the time
	w.play("maria", figure, act{})
	w.inTime("the one that does not is disabled", func() bool { return w.health(s).Circuit == notify.CircuitDisabled })
	if h := w.health(o); h.Circuit != notify.CircuitClosed {
		t.Errorf("health of the other %+v", h)
	}
}

func TestTwoProcessesProbeOneTargetOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared())
	other := newWorldBeside(t, w)
	to := newReceiver(t, answering(503))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	for i := range 40 {
		p := []*world{w, other}[i%2]
		w.play("maria", figure, act{})
		if err := p.router.HandleRefs(t.Context(), refs("incident/maria", int64(i+2))); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []*world{w, other} {
		w.eventually("both know", func() bool { return p.health(s).Circuit == notify.CircuitOpen })
	}
	w.settled(to)
	for range 6 {
		before := len(to.got())
		w.clock.forward(5*time.Second + 50*time.Millisecond)
		w.exactly(to, before+1)
	}
	to.answers(answering(200))
	for range 8 { // not in leaps: a lease must not end under an attempt
		w.clock.forward(5 * time.Second)
		w.settled(to)
	}
	if n := w.health(s).Waiting; n != 0 {
		t.Errorf("%d wait", n)
	}
	for id, d := range w.deliveries() {
		taken := 0
		for _, a := range d.Attempts {
			if a.Code == "200" {
				taken++
			}
		}
		if d.Status != notify.Delivered || taken != 1 {
			t.Errorf("%s is %s and was taken %d times", id, d.Status, taken)
		}
	}
	other.halt()
	w.verified()
}

func TestAHealthyTargetsCircuitIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	w.play("maria", figure, act{})
	w.quiet()
	var circuits atomic.Int64
	w.st.onBulk(func(ops []store.Op) moment {
		for _, op := range ops {
			if op.Kind == "circuit" {
				circuits.Add(1)
			}
		}
		return survive
	})
	for range 10 {
		w.clock.forward(time.Minute)
		for range 50 {
			w.play("maria", figure, act{})
		}
		w.quiet()
	}
	if n := circuits.Load(); n > 10 {
		t.Errorf("500 successes in ten minutes wrote the circuit %d times", n)
	}
}
