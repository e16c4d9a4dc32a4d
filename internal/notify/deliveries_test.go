package notify_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/notify"
	"landfall/internal/store"
)

// pages reads the deliveries of a query to the end, n at a time, and gives their ids in order and in how many pages they came.
func (w *world) pages(party string, q notify.DeliveryQuery, n int) (ids []string, pages int) {
	w.t.Helper()
	p := notify.Paging{Limit: n}
	for {
		page, err := w.desk.Deliveries(w.t.Context(), state(party), q, p)
		if err != nil {
			w.t.Fatal(err)
		}
		pages++
		for _, d := range page.Items {
			ids = append(ids, d.Value.ID)
		}
		if page.Next == "" {
			return ids, pages
		}
		p.Cursor = page.Next
	}
}

func TestTheDeliveriesOfOneSubscriptionArePagedWhateverLiesBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(http.StatusOK))
	rare := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"step.*"}})
	for range 4 {
		w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	}
	w.openIncident("maria", "ATG")
	w.openIncident("irma", "ATG")
	var want []string // newest first
	for n := range 7 {
		incident := []string{"maria", "irma"}[n%2]
		want = append(want, notify.DeliveryID(w.play(incident, overdue, act{Step: "HUR-05"}), rare.Value.ID))
		for range 20 {
			w.play(incident, figure, act{})
		}
		w.quiet()
		w.clock.forward(time.Second)
	}
	slices.Reverse(want)
	one := notify.DeliveryQuery{Subscription: rare.Value.ID}
	for _, n := range []int{3, 7, 100} { // each page is full but the last: nothing is looked through
		if ids, pages := w.pages("ATG", one, n); !slices.Equal(ids, want) || pages != (len(want)+n-1)/n {
			t.Errorf("%d at a time: %v in %d pages, want %v", n, ids, pages, want)
		}
	}
	narrower := one
	narrower.Incident, narrower.Status, narrower.Channel = "irma", notify.Delivered, "webhook"
	if ids, _ := w.pages("ATG", narrower, 2); len(ids) != 3 {
		t.Errorf("%d of irma, want 3", len(ids))
	}
	if ids, _ := w.pages("LCA", one, 100); len(ids) != 0 {
		t.Errorf("another state sees %v", ids)
	}
	page, err := w.desk.Deliveries(t.Context(), state("ATG"), one, notify.Paging{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Deliveries(t.Context(), state("ATG"), notify.DeliveryQuery{}, notify.Paging{Limit: 3, Cursor: page.Next}); !fault.Is(err, fault.Invalid) {
		t.Errorf("its cursor in the list of all: %v", err)
	}
}

// toFormer puts all deliveries back as an earlier version kept them, and gives them. The world must be halted.
func (w *world) toFormer() map[string]*notify.Delivery {
	w.t.Helper()
	all := map[string]*notify.Delivery{}
	page, err := w.raw.Find(w.t.Context(), store.Query{Kind: "delivery.v2", Limit: 10_000})
	if err != nil {
		w.t.Fatal(err)
	}
	var ops []store.Op
	for _, doc := range page.Docs {
		v := new(notify.Delivery)
		if err := json.Unmarshal(doc.Body, v); err != nil {
			w.t.Fatal(err)
		}
		v.Version = doc.Version
		all[v.ID] = v
		ops = append(ops, store.Op{Do: store.OpDelete, Kind: "delivery.v2", Doc: store.Doc{ID: doc.ID}}, w.formerOp(doc))
	}
	if _, err := w.raw.Bulk(w.t.Context(), ops); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// formerOp writes a delivery as an earlier version did.
func (w *world) formerOp(doc store.Doc) store.Op {
	doc.Index = maps.Clone(doc.Index)
	delete(doc.Index, "subscription")
	return store.Op{Do: store.OpInsert, Kind: "delivery", Doc: doc}
}

func TestDeliveriesOfAnEarlierVersionAreFoundAndSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(http.StatusOK))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	for range 600 { // more than are brought over in one write
		w.play("maria", figure, act{})
	}
	w.quiet()
	to.answers(answering(http.StatusServiceUnavailable))
	owed := w.play("maria", figure, act{})
	w.becomes(owed, s, notify.Retrying)
	w.halt()
	before := w.toFormer()

	to.answers(answering(http.StatusOK))
	w.restart()
	if d := w.deliveryOf(owed, s); d == nil || d.Status != notify.Retrying || len(d.Attempts) != 1 {
		t.Fatalf("what waits is not there when the process has started: %+v", d)
	}
	w.clock.forward(time.Minute)
	w.becomes(owed, s, notify.Delivered)
	w.eventually("all are found by their subscription", func() bool {
		ids, _ := w.pages("ATG", notify.DeliveryQuery{Subscription: s.Value.ID}, 100)
		return len(ids) == len(before)
	})
	for id, d := range w.deliveries() {
		if was := before[id]; id != notify.DeliveryID(owed, s.Value.ID) && (d.Status != was.Status || len(d.Attempts) != len(was.Attempts)) {
			t.Errorf("%s is %s after %d attempts, was %s after %d", id, d.Status, len(d.Attempts), was.Status, len(was.Attempts))
		}
	}
	if left, err := w.raw.Count(t.Context(), store.Query{Kind: "delivery", Limit: 1}); err != nil || left != 0 {
		t.Errorf("%d are left behind, %v", left, err)
	}
	w.quiet()
	if n := len(to.ids()); n != 601 {
		t.Errorf("%d different messages arrived", n)
	}
	for id, times := range to.ids() {
		if id != notify.DeliveryID(owed, s.Value.ID) && times != 1 {
			t.Errorf("%s was sent %d times", id, times)
		}
	}
}

func TestWhatAProcessOfAnEarlierVersionStillWritesIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(http.StatusOK))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	event := w.play("maria", figure, act{})
	w.quiet()
	// It had the same event in hand, and writes over what was brought over already.
	doc, err := w.raw.Get(t.Context(), "delivery.v2", notify.DeliveryID(event, s.Value.ID))
	if err != nil {
		t.Fatal(err)
	}
	var ops []store.Op
	for _, d := range doc {
		d.Version += 5
		ops = append(ops, w.formerOp(d))
		var other notify.Delivery
		if err := json.Unmarshal(d.Body, &other); err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			other.ID = fmt.Sprint("another-", n)
			d.ID, d.Body = other.ID, mustJSON(t, other)
			ops = append(ops, w.formerOp(d))
		}
	}
	if _, err := w.raw.Bulk(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	w.eventually("they are brought over", func() bool {
		n, err := w.raw.Count(t.Context(), store.Query{Kind: "delivery", Limit: 1})
		return err == nil && n == 0
	})
	if d := w.deliveryOf(event, s); d.Status != notify.Delivered || len(d.Attempts) != 1 {
		t.Errorf("what was there did not stand: %+v", d)
	}
	if ids, _ := w.pages("ATG", notify.DeliveryQuery{Subscription: s.Value.ID}, 100); len(ids) != 4 {
		t.Errorf("%v", ids)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
