package notify

import (
	"context"
	"maps"
	"slices"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// reasonSettled is why an alert about telling is closed: what it told of is over.
const reasonSettled = "settled"

// revived reports whether a delivery that had been dead has arrived.
func (o outcome) revived() bool { return o.Status == Delivered && o.Replay > 0 }

// closeDead closes the alerts about deliveries that have arrived after all: those of every time they had died.
func (r *Router) closeDead(ctx context.Context, outcomes []outcome) error {
	revived := map[string]outcome{}
	for _, o := range outcomes {
		if o.revived() {
			revived[o.Delivery] = o
		}
	}
	if len(revived) == 0 {
		return nil
	}
	docs, err := r.st.Get(ctx, kindDelivery, slices.Collect(maps.Keys(revived))...)
	if err != nil {
		return unavailable(err)
	}
	for id, o := range revived {
		doc, ok := docs[id]
		if !ok {
			continue // gone with its retention
		}
		v, err := readDelivery(doc)
		if err != nil {
			return err
		}
		for replay := range o.Replay {
			alert := alertID(v.EventID, string(v.Party), KindDeliveryDead, deadSubject(id, replay))
			if err := r.closeAlert(ctx, alert, alertClosed{reasonSettled, o.chained}); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeDisabled closes the alerts that a subscription was disabled, once the commit has enabled it again or ended it.
func (r *Router) closeDisabled(ctx context.Context, c store.Commit) error {
	events, err := ledger.Events(c)
	if err != nil {
		return err
	}
	for _, e := range events {
		if !slices.Contains([]string{EventSubscriptionEnabled, EventUnsubscribed, EventSubscriptionExpired}, e.Type) {
			continue
		}
		// What is to be closed may not have been raised yet.
		n := &notice{Announcement: ledger.Announcement{Stream: e.Stream, Seq: e.Seq}}
		if err := r.raiseEarlier(ctx, n, make(chan struct{}, alarmsAtOnce)); err != nil {
			return err
		}
		past, err := r.d.subs.History(ctx, e.Stream.ID(), 0, 0)
		if err != nil {
			return err
		}
		for _, p := range past {
			var d subscriptionDisabled
			if p.Type != EventSubscriptionDisabled || p.Seq >= e.Seq {
				continue
			}
			if err := p.Into(&d); err != nil {
				return err
			}
			alert := alertID(p.ID(), string(d.Party), KindSubscriptionDisabled, e.Stream.ID())
			if err := r.closeAlert(ctx, alert, alertClosed{reasonSettled, e.ID()}); err != nil {
				return err
			}
		}
	}
	return nil
}
