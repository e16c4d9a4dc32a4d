package notify

import (
	"context"
	"fmt"
	"time"

	"landfall/internal/store"
)

// feed keeps the lines filled from the store until ctx ends, and wakes those that wait for a time. What it knows to be due it looks for at
// once; all queues are visited at the start and then now and again, for what other processes left behind.
func (r *Router) feed(ctx context.Context) {
	tick := time.NewTimer(0)
	defer tick.Stop()
	rescan := time.NewTicker(r.opt.Limits.Rescan)
	defer rescan.Stop()
	visit := true
	for {
		if visit {
			if err := r.survey(ctx); err != nil && ctx.Err() == nil {
				r.log.Warn("the queues of deliveries could not be visited; trying again", "error", err)
			} else {
				visit = false
			}
		}
		for _, h := range r.sender.starving(r.now()) {
			if ctx.Err() != nil {
				return
			}
			if err := r.refill(ctx, h.target, h.c); err != nil && ctx.Err() == nil {
				r.log.Warn("due deliveries could not be read; trying again", "subscription", h.target, "error", err)
			}
		}
		wait := r.opt.Limits.Tick
		if next := r.sender.wake(r.now()); !next.IsZero() {
			wait = min(wait, max(next.Sub(r.now()), time.Millisecond))
		}
		tick.Reset(wait)
		select {
		case <-tick.C:
		case <-r.sender.hungry:
		case <-rescan.C:
			visit = true
		case <-ctx.Done():
			return
		}
	}
}

// survey looks at what other processes do: how many there are, which circuits are open, and what waits.
func (r *Router) survey(ctx context.Context) error {
	if r.opt.Peers != nil {
		r.sender.divide(r.opt.Peers())
	}
	if err := r.breaker.refresh(ctx); err != nil { // first: what waits behind an open circuit is not to be tried all at once
		return err
	}
	return r.visitQueues(ctx)
}

// visitQueues notes every queue in the store. It steps from one queue to the next, whatever their lengths.
func (r *Router) visitQueues(ctx context.Context) error {
	from := ""
	for {
		page, err := r.st.Find(ctx, store.Query{Kind: kindDelivery, Index: "queue", From: from, Limit: 1})
		if err != nil {
			return unavailable(err)
		}
		if len(page.Docs) == 0 {
			return nil
		}
		v, err := readDelivery(page.Docs[0])
		if err != nil {
			return err
		}
		r.sender.due(v.Subscription, v.class(), r.now())
		from = queueOf(v.Subscription, v.class()) + " " // sorts after this queue and before the next
	}
}

// refill reads the head of one of a target's queues into its line.
func (r *Router) refill(ctx context.Context, target string, c class) error {
	room, held := r.sender.room(target, c)
	if room == 0 {
		return nil
	}
	limit := min(room+len(held)+1, 10_000)
	page, err := r.st.Find(ctx, store.Query{Kind: kindDelivery, Index: "queue", Equal: []any{queueOf(target, c)}, Limit: limit})
	if err != nil {
		return unavailable(err)
	}
	closed := r.breaker.closedAt(target)
	now := r.now()
	var jobs []*job
	var next time.Time // when what is left becomes due
	later := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for i, doc := range page.Docs {
		v, err := readDelivery(doc)
		if err != nil {
			// One that cannot be read must not keep the others from being sent.
			r.log.Error("a delivery cannot be read and is passed over", "delivery", doc.ID, "error", err)
			continue
		}
		if i == len(page.Docs)-1 && page.Next != "" {
			later(v.dueAt()) // what comes after it is due no sooner
		}
		j := &job{v: v}
		at, ok := r.mine(v, now, closed)
		if ok {
			j.planned = at
		}
		switch {
		case held[v.ID]:
			later(now.Add(time.Second)) // if it is due again by then, somebody wants it sent once more
		case !ok:
			later(at)
		case len(jobs) == room:
			later(now)
		default:
			jobs = append(jobs, j)
		}
	}
	if jobs, err = r.claim(ctx, jobs, now); err != nil {
		r.sender.due(target, c, now.Add(time.Second))
		return err
	}
	r.sender.take(target, c, jobs, next)
	return nil
}

// mine reports whether this process may take the delivery now; if not, at is when it is to be looked at again, and if it may, what it was planned
// for when that is later. A lease of another process holds until it runs out, unless there is no other process. What waits for its next attempt
// is taken ahead of it when its target has answered again since the last one, at closed, first by the process that made that one.
func (r *Router) mine(v *Delivery, now, closed time.Time) (at time.Time, ok bool) {
	if v.misdated(now) {
		return time.Time{}, true
	}
	foreign := v.LeaseOwner != "" && v.LeaseOwner != r.opt.Process
	due := v.dueAt()
	if due.After(now) && v.ahead(closed) {
		if foreign && !r.opt.Alone {
			closed = closed.Add(leaseTime)
		}
		if !closed.After(now) {
			return due, true
		}
		if closed.Before(due) {
			due = closed
		}
	}
	switch {
	case foreign && r.opt.Alone && v.inHand():
		return time.Time{}, true // its holder died
	case due.After(now):
		return due, false
	case foreign && !r.opt.Alone && v.LeaseUntil != nil && v.LeaseUntil.After(now):
		return *v.LeaseUntil, false
	}
	return time.Time{}, true
}

// ahead reports whether a delivery that waits for its next attempt need not wait: its target's circuit was open and closed after the last
// one. What the far side asked for itself is waited for.
func (v *Delivery) ahead(closed time.Time) bool {
	return v.Status == Retrying && !v.Asked && len(v.Attempts) > 0 && closed.After(v.Attempts[len(v.Attempts)-1].At)
}

// claim takes the leases of jobs in the store, where other processes could take them too, and gives the jobs that it got.
func (r *Router) claim(ctx context.Context, jobs []*job, now time.Time) ([]*job, error) {
	if r.opt.Alone || len(jobs) == 0 {
		return jobs, nil
	}
	ops := make([]store.Op, len(jobs))
	for i, j := range jobs {
		j.v.lease(r.opt.Process, now)
		ops[i] = j.v.put()
	}
	changed, err := r.st.Bulk(ctx, ops)
	if err != nil {
		return nil, fmt.Errorf("lease deliveries: %w", err)
	}
	var got []*job
	for i, j := range jobs {
		if changed[i] {
			got = append(got, j)
		}
	}
	return got, nil
}
