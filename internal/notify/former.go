package notify

import (
	"context"
	"time"

	"landfall/internal/store"
)

const kindFormer = "delivery"

// formerKind is how deliveries were kept before they could be found by their subscription. Each process that notifies brings over what it finds
// there, for as long as processes of a version that writes it may run beside it; it goes when none does.
var formerKind = store.Kind{
	Name: kindFormer,
	Fields: []store.Field{
		{Name: "queue", Type: store.String}, {Name: "due_at", Type: store.Time}, {Name: "waiting_since", Type: store.Time},
		{Name: "created_at", Type: store.Time}, {Name: "state", Type: store.String}, {Name: "party", Type: store.String},
		{Name: "incident", Type: store.String}, {Name: "event_type", Type: store.String},
		{Name: "status", Type: store.String}, {Name: "channel", Type: store.String},
	},
	Indexes: []store.Index{
		{Name: "waiting", Fields: []string{"waiting_since"}},
		{Name: "recent", Fields: []string{"created_at"}},
	},
}

// formerBatch is how many deliveries are brought over in one write.
const formerBatch = 500

// bringWaiting brings over the deliveries that are not over, the longest waiting first: they are to be sent.
func (r *Router) bringWaiting(ctx context.Context) error {
	return r.bring(ctx, store.Query{Kind: kindFormer, Index: "waiting", From: time.Unix(0, 0).UTC(), Limit: formerBatch})
}

// bringFormer brings over all others, the newest first, and then, until ctx ends, what processes of an earlier version still write.
func (r *Router) bringFormer(ctx context.Context) {
	again := time.NewTicker(r.opt.Limits.Rescan)
	defer again.Stop()
	for {
		err := r.bringWaiting(ctx)
		if err == nil {
			err = r.bring(ctx, store.Query{Kind: kindFormer, Index: "recent", Desc: true, Limit: formerBatch})
		}
		if err != nil && ctx.Err() == nil {
			r.log.Warn("deliveries of an earlier version could not be brought over; trying again", "error", err)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

// bring writes what the query finds as deliveries of today, with their versions, and removes it where it was, in that order. One that is there
// already stands: at worst something is sent once more under its id.
func (r *Router) bring(ctx context.Context, q store.Query) error {
	for {
		page, err := r.st.Find(ctx, q)
		if err != nil {
			return unavailable(err)
		}
		ops := make([]store.Op, 0, 2*len(page.Docs))
		var waiting []*Delivery
		for _, doc := range page.Docs {
			v, err := readDelivery(doc)
			if err != nil {
				r.log.Error("a delivery of an earlier version cannot be read and is passed over", "delivery", doc.ID, "error", err)
				continue
			}
			ops = append(ops, v.insert(), store.Op{Do: store.OpDelete, Kind: kindFormer, Doc: store.Doc{ID: v.ID}})
			if !v.Status.terminal() {
				waiting = append(waiting, v)
			}
		}
		if len(ops) > 0 {
			if _, err := r.st.Bulk(ctx, ops); err != nil {
				return unavailable(err)
			}
		}
		for _, v := range waiting {
			r.sender.due(v.Subscription, v.class(), r.now())
		}
		if page.Next == "" {
			return nil
		}
		q.After = page.Next
	}
}
