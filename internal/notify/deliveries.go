package notify

import (
	"context"
	"fmt"
	"slices"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/store"
)

// DeliveryQuery narrows a list of deliveries; empty members narrow nothing.
type DeliveryQuery struct {
	Status   Status
	Channel  string
	Incident string
}

// Deliveries lists the deliveries to the targets of the scope's party (the first account: all), newest first. Listed.Seq is the
// version of the document and no ETag of a stream.
func (d *Desk) Deliveries(ctx context.Context, scope access.Scope, in DeliveryQuery, p Paging) (Page[*Delivery], error) {
	var c fault.Check
	c.That(in.Status == "" || slices.Contains(Statuses(), in.Status), "?status", "is not a status of deliveries")
	if err := c.Err(); err != nil {
		return Page[*Delivery]{}, err
	}
	q := store.Query{Kind: kindDelivery, Filter: onlyIf(onlyIf(nil, "status", string(in.Status)), "channel", in.Channel)}
	if in.Incident != "" {
		q.Index, q.Equal = "incident", []any{in.Incident}
	}
	return find[*Delivery](ctx, d, scope, q, p)
}

// Delivery gives one delivery. NotFound when there is none to a target of the scope's party.
func (d *Desk) Delivery(ctx context.Context, scope access.Scope, id string) (*Delivery, error) {
	docs, err := d.docs.Get(ctx, kindDelivery, id)
	if err != nil {
		return nil, unavailable(err)
	}
	doc, ok := docs[id]
	if !ok {
		return nil, notFound("delivery")
	}
	v, err := readDelivery(doc)
	if err != nil {
		return nil, err
	}
	if !scope.All && !scope.ActsFor(v.Party) {
		return nil, notFound("delivery")
	}
	return v, nil
}

// replayTries bounds how often a replay starts over because a process marked the delivery at the same time.
const replayTries = 5

// Replay has a delivery that is over, or waits for another attempt, tried at once and then on a fresh schedule, under the same id. Permission
// is looked at again when it is sent. State when it is under way already.
func (d *Desk) Replay(ctx context.Context, scope access.Scope, id string) (*Delivery, error) {
	for range replayTries {
		v, err := d.Delivery(ctx, scope, id)
		if err != nil {
			return nil, err
		}
		if err := mayWrite(scope); err != nil {
			return nil, err
		}
		if v.Status == Queued || v.Status == Sending {
			return nil, fault.New(fault.State, "delivery_under_way", "This delivery is already under way.")
		}
		now := d.l.Now()
		v.Replays = append(v.Replays, Replay{At: now, Account: scope.Account})
		v.Round, v.WaitingSince = len(v.Attempts), &now
		v.release(now)
		changed, err := d.docs.Bulk(ctx, []store.Op{v.put()})
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "store_unavailable", "The replay could not be recorded. Try again.")
		}
		if changed[0] {
			if r := d.router.Load(); r != nil {
				r.sender.due(v.Subscription, now)
			}
			return v, nil
		}
	}
	return nil, fault.Wrap(fmt.Errorf("%d tries", replayTries), fault.Unavailable, "busy", "The delivery is changing at this moment. Try again.")
}
