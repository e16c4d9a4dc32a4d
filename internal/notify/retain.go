package notify

import (
	"context"
	"time"

	"landfall/internal/store"
)

const (
	retainBatch = 500    // deliveries removed in one write
	retainMost  = 20_000 // and by one call: what is left is for the next
)

// Retain removes deliveries that were over, and untouched since, RouterOptions.KeepDeliveries before now, oldest first, and gives how many. What
// became of them stays in the journals for good. It takes a bounded number; the next call takes more. It is a job of the watch, run
// once a day or more often; several processes may run it at once.
func (r *Router) Retain(ctx context.Context, now time.Time) (removed int, err error) {
	before := instant(now.Add(-r.opt.KeepDeliveries))
	q := store.Query{
		Kind: kindDelivery, Index: "recent", Until: before, Limit: retainBatch,
		Filter: []store.Cond{onlyAny("status", Delivered, Dead, Cancelled, Expired)},
	}
	for removed < retainMost {
		page, err := r.st.Find(ctx, q)
		if err != nil {
			return removed, unavailable(err)
		}
		var ops []store.Op
		for _, doc := range page.Docs {
			v, err := readDelivery(doc)
			if err != nil {
				return removed, err
			}
			if v.touchedAt().Before(before) {
				ops = append(ops, store.Op{Do: store.OpDelete, Kind: kindDelivery, Doc: store.Doc{ID: v.ID}})
			}
		}
		if len(ops) > 0 {
			changed, err := r.st.Bulk(ctx, ops)
			if err != nil {
				return removed, unavailable(err)
			}
			for _, ok := range changed {
				if ok {
					removed++
				}
			}
		}
		if page.Next == "" {
			return removed, nil
		}
		q.After = page.Next
	}
	return removed, nil
}

// touchedAt is when something last happened to the delivery.
func (v *Delivery) touchedAt() time.Time {
	at := v.CreatedAt
	if n := len(v.Attempts); n > 0 && v.Attempts[n-1].At.After(at) {
		at = v.Attempts[n-1].At
	}
	if n := len(v.Replays); n > 0 && v.Replays[n-1].At.After(at) {
		at = v.Replays[n-1].At
	}
	return at
}
