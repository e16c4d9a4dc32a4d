package notify_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/notify"
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
