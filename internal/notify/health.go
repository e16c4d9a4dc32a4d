package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"landfall/internal/access"
	"landfall/internal/store"
)

// TargetHealth is how sending to one subscription's target goes.
type TargetHealth struct {
	Circuit         string     // closed, open, half_open, disabled
	FailingSince    *time.Time // first failure after the last success; nil: it does not fail
	LastSuccessAt   *time.Time // up to a minute behind; nil: never
	NextProbeAt     *time.Time // while the circuit is open
	OldestWaitingAt *time.Time // since when the first thing waits that has not arrived; nil: nothing waits
	Waiting         int64      // deliveries that have not arrived and are not given up, whatever they wait for
	EstimateSeconds *float64   // until the queue is empty, at the configured rate and if all goes well; nil: there is no limit
	LastCode        string     // of the last attempt
}

// healthGlance is how many waiting deliveries are looked at to answer for any number of subscriptions; only when more wait are they counted one by
// one.
const healthGlance = 1000

// Health says how sending to the targets of subscriptions goes. Subscriptions that the scope may not see are left out. While no more than a
// thousand deliveries wait in all it asks the store three questions, whatever the number of subscriptions, and one for each channel that shares a
// rate; else up to two more for each subscription.
func (d *Desk) Health(ctx context.Context, scope access.Scope, subscriptions ...string) (map[string]TargetHealth, error) {
	if len(subscriptions) == 0 {
		return map[string]TargetHealth{}, nil
	}
	d.l.Settle(ctx, listWait)
	docs, err := d.docs.Get(ctx, kindSubscription, subscriptions...)
	if err != nil {
		return nil, unavailable(err)
	}
	subs := make(map[string]*Subscription, len(docs))
	ids := make([]string, 0, len(docs))
	for id, doc := range docs {
		s := new(Subscription)
		if err := json.Unmarshal(doc.Body, s); err != nil {
			return nil, fmt.Errorf("subscription %s: %w", id, err)
		}
		if s.Status != SubscriptionDeleted && scope.May(access.ReadOperation, s.Owner.Thing()) {
			subs[id], ids = s, append(ids, id)
		}
	}
	out := make(map[string]TargetHealth, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	circuits, err := d.circuits(ctx, ids)
	if err != nil {
		return nil, err
	}
	waiting, err := d.waiting(ctx, ids)
	if err != nil {
		return nil, err
	}
	estimate, err := d.estimator(ctx)
	if err != nil {
		return nil, err
	}
	now := d.l.Now()
	for _, id := range ids {
		c, w := circuits[id], waiting[id]
		h := TargetHealth{
			Circuit: c.state(now), FailingSince: c.FailingSince, LastSuccessAt: c.LastSuccessAt, NextProbeAt: c.NextProbeAt, LastCode: c.LastCode,
			Waiting: w.n, EstimateSeconds: estimate(subs[id].Channel, w.n),
		}
		if subs[id].Status == SubscriptionDisabled {
			h.Circuit, h.NextProbeAt = CircuitDisabled, nil
		}
		if !w.since.IsZero() {
			h.OldestWaitingAt = &w.since
		}
		out[id] = h
	}
	return out, nil
}

// circuits gives the circuits of subscriptions, as the store and this process know them.
func (d *Desk) circuits(ctx context.Context, ids []string) (map[string]circuit, error) {
	docs, err := d.docs.Get(ctx, kindCircuit, ids...)
	if err != nil {
		return nil, unavailable(err)
	}
	out := map[string]circuit{}
	if r := d.router.Load(); r != nil {
		out = r.breaker.of(ids)
	}
	for id, doc := range docs {
		c, err := readCircuit(doc)
		if err != nil {
			return nil, err
		}
		if ours, ok := out[id]; ok {
			c = merged(c, ours)
		}
		out[id] = c
	}
	return out, nil
}

// waited is what waits for one target.
type waited struct {
	n     int64
	since time.Time // zero: nothing
}

// waiting gives what waits for targets.
func (d *Desk) waiting(ctx context.Context, ids []string) (map[string]waited, error) {
	glance := store.Query{Kind: kindDelivery, Index: "waiting", From: time.Unix(0, 0).UTC(), Limit: healthGlance}
	page, err := d.docs.Find(ctx, glance)
	if err != nil {
		return nil, unavailable(err)
	}
	out := make(map[string]waited, len(ids))
	for _, doc := range page.Docs {
		v, err := readDelivery(doc)
		if err != nil {
			return nil, err
		}
		w := out[v.Subscription]
		if w.n++; w.since.IsZero() && v.WaitingSince != nil {
			w.since = *v.WaitingSince // the first is the oldest
		}
		out[v.Subscription] = w
	}
	if page.Next == "" {
		return out, nil
	}
	for _, id := range ids {
		w := out[id]
		// Its two queues stand beside each other.
		n, err := d.docs.Count(ctx, store.Query{Kind: kindDelivery, Index: "queue", From: id, Until: queueOf(id, urgent) + " ", Limit: 1})
		if err != nil {
			return nil, unavailable(err)
		}
		if w.n = n; n > 0 && w.since.IsZero() {
			if w.since, err = d.oldestOf(ctx, glance, id); err != nil {
				return nil, err
			}
		}
		out[id] = w
	}
	return out, nil
}

// oldestOf gives since when the first delivery to a target waits, when that was not among the first of all.
func (d *Desk) oldestOf(ctx context.Context, glance store.Query, id string) (time.Time, error) {
	glance.Filter, glance.Limit = []store.Cond{onlyAny("queue", queueOf(id, routine), queueOf(id, urgent))}, 1
	page, err := d.docs.Find(ctx, glance)
	if err != nil {
		return time.Time{}, unavailable(err)
	}
	for _, doc := range page.Docs {
		v, err := readDelivery(doc)
		if err != nil {
			return time.Time{}, err
		}
		if v.WaitingSince != nil {
			return *v.WaitingSince, nil
		}
	}
	return time.Time{}, nil
}

// estimator gives how long n deliveries of a channel take at its rate. Where targets share a rate, what waits for any of them counts.
func (d *Desk) estimator(ctx context.Context) (func(channel string, n int64) *float64, error) {
	none := func(string, int64) *float64 { return nil }
	r := d.router.Load()
	if r == nil {
		return none, nil
	}
	shared := map[string]int64{}
	for channel, rate := range r.opt.Rates {
		if !rate.Shared || rate.PerSecond <= 0 {
			continue
		}
		n, err := d.docs.Count(ctx, store.Query{
			Kind: kindDelivery, Index: "waiting", From: time.Unix(0, 0).UTC(), Filter: []store.Cond{only("channel", channel)}, Limit: 1,
		})
		if err != nil {
			return nil, unavailable(err)
		}
		shared[channel] = n
	}
	return func(channel string, n int64) *float64 {
		rate, ok := r.opt.Rates[channel]
		if !ok || rate.PerSecond <= 0 {
			return nil
		}
		if rate.Shared && n > 0 {
			n = shared[channel]
		}
		seconds := float64(n) / rate.PerSecond
		return &seconds
	}, nil
}
