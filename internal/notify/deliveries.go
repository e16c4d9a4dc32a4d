package notify

import (
	"context"
	"slices"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/store"
)

// DeliveryQuery narrows a list of deliveries; empty members narrow nothing.
type DeliveryQuery struct {
	Status       Status
	Channel      string
	Incident     string
	Subscription string
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
	switch {
	case in.Subscription != "":
		q.Index, q.Equal, q.Filter = "subscription", []any{in.Subscription}, onlyIf(q.Filter, "incident", in.Incident)
	case in.Incident != "":
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
	if !scope.May(access.ReadOperation, access.Thing{Owner: v.Party}) {
		return nil, notFound("delivery")
	}
	return v, nil
}
