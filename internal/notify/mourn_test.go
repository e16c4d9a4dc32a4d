package notify_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/notify"
	"landfall/internal/store"
)

// deadAlerts gives the subjects of a party's alerts about dead deliveries, newest first.
func (w *world) deadAlerts(scope access.Scope) []string {
	w.t.Helper()
	var out []string
	for _, a := range w.inbox(scope, notify.AlertQuery{Kind: notify.KindDeliveryDead}) {
		out = append(out, strings.Fields(a)[1])
	}
	return out
}

func TestADeadLetterIsAnAlertOnceForEachTimeItDies(t *testing.T) {
	t.Parallel()
	var dead atomic.Int64
	w := newWorld(t, func(w *world) { w.opt.Hooks.Dead = func(string) { dead.Add(1) } })
	to, good := newReceiver(t, answering(http.StatusGone)), newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"step.*"}})
	w.subscribe("ATG", good, notify.Filter{Kinds: []string{"alert.*"}})
	w.subscribe("DMA", newReceiver(t, answering(200)), notify.Filter{})
	w.openIncident("maria", "ATG")
	event := w.play("maria", overdue, act{Step: "HUR-05"})
	d := w.becomes(event, s, notify.Dead)
	w.eventually("its owner is told", func() bool { return good.types()["landfall.alert.raised.v1"] == 1 })
	if diff := cmp.Diff([]string{d.ID}, w.deadAlerts(state("ATG"))); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	var told struct {
		Data struct {
			Incident struct{ ID, Title string }
			Alert    struct{ Kind, Party, Subject string }
			Delivery struct {
				ID, Code, Channel string
				EventType         string `json:"event_type"`
				Attempts          int
			}
		}
	}
	if err := json.Unmarshal(good.got()[0].Body, &told); err != nil {
		t.Fatal(err)
	}
	if v := told.Data; v.Incident.Title != "Hurricane" || v.Alert.Kind != notify.KindDeliveryDead || v.Alert.Party != "ATG" || v.Alert.Subject != d.ID ||
		v.Delivery.ID != d.ID || v.Delivery.Code != "410" || v.Delivery.Attempts != 1 || v.Delivery.EventType != "landfall.step.overdue.v1" {
		t.Errorf("told %s", good.got()[0].Body)
	}
	// It is for operators: nobody else's business, and not part of who was told of the incident.
	if got := w.deadAlerts(state("DMA")); len(got) != 0 {
		t.Errorf("the origin is told %v", got)
	}
	if list, err := w.desk.ForIncident(t.Context(), state("DMA"), "maria"); err != nil || len(list) != 0 {
		t.Errorf("told of the incident: %v, %v", list, err)
	}
	// The next death is another one.
	for n := range 2 {
		w.clock.forward(time.Minute)
		if _, err := w.desk.Replay(t.Context(), state("ATG"), access.Write{}, d.ID); err != nil {
			t.Fatal(err)
		}
		w.eventually("it dies again", func() bool { return len(w.deadAlerts(state("ATG"))) == n+2 })
	}
	if diff := cmp.Diff([]string{d.ID + "/2", d.ID + "/1", d.ID}, w.deadAlerts(state("ATG"))); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	w.sweep()
	w.quiet()
	if n := dead.Load(); n != 3 {
		t.Errorf("%d deaths counted", n)
	}
	// Once it has arrived, none of its deaths wants anything any more.
	to.answers(answering(200))
	w.clock.forward(time.Minute)
	if _, err := w.desk.Replay(t.Context(), state("ATG"), access.Write{}, d.ID); err != nil {
		t.Fatal(err)
	}
	w.eventually("its alerts are closed", func() bool {
		return len(w.inbox(state("ATG"), notify.AlertQuery{Kind: notify.KindDeliveryDead, Status: notify.AlertClosed})) == 3
	})
	w.verified()
}

func TestTheDeathOfWhatTellsOfADeathIsNotToldOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(http.StatusGone))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"step.*", "alert.*"}})
	w.openIncident("maria", "ATG")
	w.play("maria", overdue, act{Step: "HUR-05"})
	w.eventually("the alert of the death is dead too", func() bool { return to.types()["landfall.alert.raised.v1"] == 1 })
	w.quiet()
	w.sweep()
	w.quiet()
	if got := w.deadAlerts(state("ATG")); len(got) != 1 {
		t.Errorf("alerts %v", got)
	}
	if got := to.types(); got["landfall.alert.raised.v1"] != 1 || len(to.got()) != 2 {
		t.Errorf("arrived %v", got)
	}
}

func TestADeadLetterOfNobodysPartyIsCountedAndNotAnAlert(t *testing.T) {
	t.Parallel()
	var dead atomic.Int64
	w := newWorld(t, func(w *world) { w.opt.Hooks.Dead = func(string) { dead.Add(1) } })
	to := newReceiver(t, answering(http.StatusGone))
	s, err := w.desk.Subscribe(t.Context(), first, access.Write{}, notify.SubscriptionRequest{Channel: "webhook", Target: to.url()})
	if err != nil {
		t.Fatal(err)
	}
	to.trust(s.Secret)
	w.openIncident("maria", "ATG")
	w.eventually("it is dead", func() bool { return dead.Load() == 1 })
	w.quiet()
	if got := w.inbox(first, notify.AlertQuery{}); len(got) != 0 {
		t.Errorf("alerts %v", got)
	}
}

func TestKilledAnywhereADeathIsToldOfOnce(t *testing.T) {
	t.Parallel()
	for _, point := range []struct {
		name string
		at   func(*frail)
	}{
		{"before the outcome is chained", func(f *frail) { f.onAppend(dieOn("journal", dieBefore)) }},
		{"after the outcome is chained", func(f *frail) { f.onAppend(dieOn("journal", dieAfter)) }},
		{"before the delivery is marked", func(f *frail) { f.onBulk(dieOnBulk(store.OpPut, "delivery", "", dieBefore)) }},
		{"after the delivery is marked", func(f *frail) { f.onBulk(dieOnBulk(store.OpPut, "delivery", "", dieAfter)) }},
		{"before the alert is raised", func(f *frail) { f.onAppend(dieOn("alert", dieBefore)) }},
		{"after the alert is raised", func(f *frail) { f.onAppend(dieOn("alert", dieAfter)) }},
		{"before the journal's debt is paid", func(f *frail) { f.onBulk(dieOnBulk(store.OpPay, "", "journal/", dieBefore)) }},
		{"after the journal's debt is paid", func(f *frail) { f.onBulk(dieOnBulk(store.OpPay, "", "journal/", dieAfter)) }},
	} {
		t.Run(point.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			to := newReceiver(t, answering(http.StatusGone))
			s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"step.*"}})
			w.quiet()
			w.openIncident("maria", "ATG")
			w.quiet()
			point.at(w.st)
			event := w.play("maria", overdue, act{Step: "HUR-05"})
			w.eventually("the process dies", func() bool { return w.st.dead.Load() })
			w.kill()
			w.restart()
			w.sweep()
			w.sweep()
			d := w.becomes(event, s, notify.Dead)
			w.eventually("its owner is told", func() bool { return len(w.deadAlerts(state("ATG"))) > 0 })
			w.quiet()
			if diff := cmp.Diff([]string{d.ID}, w.deadAlerts(state("ATG"))); diff != "" {
				t.Errorf("alerts (-want +got):\n%s", diff)
			}
			w.verified()
		})
	}
}

func dieOn(noun string, m moment) func([]store.Commit) moment {
	return func(c []store.Commit) moment {
		if appends(c, noun) {
			return m
		}
		return survive
	}
}

func dieOnBulk(do store.OpKind, kind, idPrefix string, m moment) func([]store.Op) moment {
	return func(ops []store.Op) moment {
		if writes(ops, do, kind, idPrefix) {
			return m
		}
		return survive
	}
}
