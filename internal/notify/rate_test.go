package notify_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"landfall/internal/notify"
	"landfall/internal/notify/webhook"
	"landfall/internal/store"
)

func TestARateIsKeptAndWaitingForItIsNoAttempt(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var waits []time.Duration
	w := newWorld(t, withRate(notify.Rate{PerSecond: 10, Burst: 3}), func(w *world) {
		w.opt.Hooks.Throttled = func(channel string, wait time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			if channel != webhook.Name {
				t.Errorf("channel %q", channel)
			}
			waits = append(waits, wait)
		}
	})
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	start := w.clock.now()
	for range 33 {
		w.play("maria", figure, act{})
	}
	w.exactly(to, 3)
	w.quietBut(30)
	h := w.health(s)
	if h.Waiting != 30 || h.EstimateSeconds == nil || *h.EstimateSeconds != 3 || h.OldestWaitingAt == nil || !h.OldestWaitingAt.Equal(start) {
		t.Errorf("health %+v", h)
	}
	if oldest, err := w.router.OldestUndelivered(t.Context()); err != nil || !oldest.Equal(start) {
		t.Errorf("what waits for its turn is not counted: %s, %v", oldest, err)
	}
	for n := range 5 {
		w.clock.forward(101 * time.Millisecond)
		w.exactly(to, 4+n)
	}
	w.clock.forward(time.Hour) // an idle hour saves up no more than a burst
	w.exactly(to, 8+3)
	for len(to.got()) < 33 {
		before := len(to.got())
		w.clock.forward(310 * time.Millisecond)
		w.eventually("three more", func() bool { return len(to.got()) >= min(33, before+3) })
	}
	w.quiet()
	for id, d := range w.deliveries() {
		if len(d.Attempts) != 1 {
			t.Errorf("%s took %d attempts", id, len(d.Attempts))
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(waits) == 0 || waits[0] <= 0 || waits[0] > 100*time.Millisecond {
		t.Errorf("told to wait %v", waits)
	}
	w.verified()
}

// quietBut waits until everything is handled and n deliveries wait.
func (w *world) quietBut(n int64) {
	w.t.Helper()
	w.eventually("the rest waits", func() bool {
		pending, _, err := w.raw.PendingStats(w.t.Context(), store.OwesAll, nil)
		waiting := int64(0)
		for _, d := range w.deliveries() {
			if d.WaitingSince != nil {
				waiting++
			}
		}
		return err == nil && pending == 0 && waiting == n
	})
}

func TestTargetsOfAnAccountShareItsRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRate(notify.Rate{PerSecond: 1, Burst: 2, Shared: true}))
	var all []*receiver
	var s notify.Subscribed
	for range 4 {
		to := newReceiver(t, answering(200))
		all = append(all, to)
		s = w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	}
	w.openIncident("maria", "ATG")
	got := func() (n int) {
		for _, to := range all {
			n += len(to.got())
		}
		return n
	}
	for range 5 {
		w.play("maria", figure, act{})
	}
	w.eventually("a burst", func() bool { return got() == 2 })
	w.quietBut(18)
	if h := w.health(s); h.EstimateSeconds == nil || *h.EstimateSeconds != 18 {
		t.Errorf("the queue of all of them is not what is estimated: %+v", h)
	}
	for n := range 18 {
		w.clock.forward(1001 * time.Millisecond)
		w.eventually("one more", func() bool { return got() >= 3+n })
		if n := got() - n; n != 3 {
			t.Fatalf("%d more than the rate allows", n-3)
		}
		for _, to := range all { // they take turns
			if least := (3 + n) / 4; len(to.got()) < least-1 {
				t.Errorf("one target got %d of %d", len(to.got()), 3+n)
			}
		}
	}
	w.quiet()
}

func TestProcessesDivideARate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRate(notify.Rate{PerSecond: 10, Burst: 4}), func(w *world) { w.opt.Peers = func() int { return 4 } })
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	for range 10 {
		w.play("maria", figure, act{})
	}
	w.exactly(to, 1)
	w.clock.forward(401 * time.Millisecond)
	w.exactly(to, 2)
	if h := w.health(s); h.EstimateSeconds == nil || *h.EstimateSeconds > 0.9 {
		t.Errorf("the estimate is for one process alone: %v", *h.EstimateSeconds)
	}
}

// position gives how many requests came before the first of a type; -1 when it has not come.
func position(to *receiver, eventType string) int {
	for i, a := range to.got() {
		if a.Type == eventType {
			return i
		}
	}
	return -1
}

func TestAnUrgentAlertOvertakesABacklogOfThreeHundred(t *testing.T) {
	t.Parallel()
	const alert = "landfall.alert.raised.v1"
	for _, c := range []struct {
		name   string
		limits notify.Limits
	}{
		{"in memory", notify.Limits{}},
		{"in the store", notify.Limits{QueueTarget: 4, Queue: 8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, withRate(notify.Rate{PerSecond: 1}), withLimits(c.limits))
			to := newReceiver(t, answering(200))
			w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*", "alert.*"}})
			w.openIncident("maria", "ATG")
			for range 301 {
				w.play("maria", figure, act{})
			}
			w.exactly(to, 1)
			w.quietBut(300)
			w.play("maria", activated, activation("ATG"))
			w.eventually("the alert waits", func() bool {
				for _, d := range w.deliveries() {
					if d.AlertID != "" {
						return d.Urgent
					}
				}
				return false
			})
			w.clock.forward(1001 * time.Millisecond)
			w.exactly(to, 2)
			if at := position(to, alert); at != 1 {
				t.Errorf("the alert was number %d", at)
			}
		})
	}
}

func TestAnUrgentAlertToOneTargetOvertakesTheBacklogOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRate(notify.Rate{PerSecond: 1, Shared: true}))
	busy, to := newReceiver(t, answering(200)), newReceiver(t, answering(200))
	for range 3 {
		w.subscribe("LCA", busy, notify.Filter{Kinds: []string{"figure.*"}})
	}
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"alert.*"}})
	w.openIncident("maria", "ATG", "LCA")
	for range 100 {
		w.play("maria", figure, act{})
	}
	w.exactly(busy, 1)
	w.quietBut(299)
	w.play("maria", activated, activation("ATG"))
	w.quietBut(300)
	w.clock.forward(1001 * time.Millisecond)
	w.exactly(to, 1)
	w.exactly(busy, 1)
}

func TestWhatIsUrgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{Exercise: notify.ExerciseInclude})
	w.play("maria", opened, act{Origin: "DMA", Title: "Maria", Severity: "severe", Named: []string{"ATG"}})
	w.play("minor", opened, act{Origin: "DMA", Title: "Swell", Severity: "minor", Named: []string{"ATG"}})
	w.play("drill", opened, act{Origin: "DMA", Title: "Drill", Severity: "extreme", Named: []string{"ATG"}, Exercise: true})
	w.play("maria", overdue, act{Alerts: []call{{Party: "ATG", Kind: "step_overdue"}}})
	w.play("minor", overdue, act{Alerts: []call{{Party: "ATG", Kind: "step_overdue"}}})
	w.play("minor", activated, activation("ATG"))
	w.play("drill", activated, act{Exercise: true, Alerts: activation("ATG").Alerts})
	for _, kind := range []string{"movement_corrected", "movement_cancelled", "stood_down", "closed"} {
		w.play("minor", figure, act{Alerts: []call{{Party: "ATG", Kind: kind}}})
	}
	w.eventually("eight alerts", func() bool { return to.types()["landfall.alert.raised.v1"] == 8 })
	w.quiet()
	got := map[string]bool{}
	for _, a := range to.got() {
		var event struct {
			Data struct {
				Incident struct{ ID string }
				Alert    struct{ Kind string }
			}
		}
		if err := json.Unmarshal(a.Body, &event); err != nil {
			t.Fatal(err)
		}
		got[event.Data.Incident.ID+" "+event.Data.Alert.Kind] = w.deliveries()[a.ID].Urgent
	}
	for what, want := range map[string]bool{
		"maria step_overdue": true, "minor step_overdue": false, "minor activation": true, "drill activation": false, "maria ": false,
		"minor movement_corrected": true, "minor movement_cancelled": true, "minor stood_down": true, "minor closed": false,
	} {
		if urgent, ok := got[what]; !ok || urgent != want {
			t.Errorf("%s is urgent: %t, want %t", what, urgent, want)
		}
	}
}

func TestAnOldNoticeExpiresAndAnAlertNeverDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(503))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*", "alert.*"}})
	w.openIncident("maria", "ATG")
	old := w.play("maria", figure, act{})
	w.becomes(old, s, notify.Retrying)
	w.play("maria", activated, activation("ATG"))
	w.eventually("the alert was tried", func() bool { return w.answered(s) == 2 })
	w.quietBut(2)
	to.answers(answering(200))
	w.clock.forward(24*time.Hour + time.Second)
	before := len(to.got())
	d := w.becomes(old, s, notify.Expired)
	if last := d.Attempts[len(d.Attempts)-1]; last.Code != "too_old" {
		t.Errorf("expired with %q", last.Code)
	}
	w.quiet()
	if got := to.got()[before:]; len(got) != 1 || got[0].Type != "landfall.alert.raised.v1" {
		t.Errorf("%d arrived after a day, want the alert", len(got))
	}
	// Whoever wants it all the same replays it.
	if _, err := w.desk.Replay(t.Context(), state("ATG"), writeOf("again"), d.ID); err != nil {
		t.Fatal(err)
	}
	w.becomes(old, s, notify.Delivered)
	w.verified()
}
