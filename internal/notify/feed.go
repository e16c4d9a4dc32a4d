package notify

import (
	"context"
	"fmt"
	"time"

	"landfall/internal/store"
)

// feed keeps the lines filled from the store until ctx ends. What it knows to be due it looks for at once; all queues are visited
// at the start and then now and again, for what other processes left behind.
func (r *Router) feed(ctx context.Context) {
	tick := time.NewTicker(r.opt.Limits.Tick)
	defer tick.Stop()
	rescan := time.NewTicker(r.opt.Limits.Rescan)
	defer rescan.Stop()
	visit := true
	for {
		if visit {
			if err := r.visitQueues(ctx); err != nil && ctx.Err() == nil {
				r.log.Warn("the queues of deliveries could not be visited; trying again", "error", err)
			} else {
				visit = false
			}
		}
		for _, target := range r.sender.starving(r.now()) {
			if ctx.Err() != nil {
				return
			}
			if err := r.refill(ctx, target); err != nil && ctx.Err() == nil {
				r.log.Warn("due deliveries could not be read; trying again", "subscription", target, "error", err)
			}
		}
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

// visitQueues notes every target that has a queue in the store. It steps from one queue to the next, whatever their lengths.
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
		r.sender.due(v.Subscription, r.now())
		from = v.Subscription + "~" // sorts after this id and before the next
	}
}

// refill reads the head of a target's queue into its line.
func (r *Router) refill(ctx context.Context, target string) error {
	room, held := r.sender.room(target)
	if room == 0 {
		return nil
	}
	limit := min(room+len(held)+1, 10_000)
	page, err := r.st.Find(ctx, store.Query{Kind: kindDelivery, Index: "queue", Equal: []any{target}, Limit: limit})
	if err != nil {
		return unavailable(err)
	}
	now := r.now()
	var jobs []*job
	var next time.Time // when what is left becomes due
	later := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if page.Next != "" {
		later(now) // there is more
	}
	for _, doc := range page.Docs {
		v, err := readDelivery(doc)
		if err != nil {
			// One that cannot be read must not keep the others from being sent.
			r.log.Error("a delivery cannot be read and is passed over", "delivery", doc.ID, "error", err)
			continue
		}
		switch at, ok := r.mine(v, now); {
		case held[v.ID]:
			later(now.Add(time.Second)) // if it is due again by then, somebody wants it sent once more
		case !ok:
			later(at)
		case len(jobs) == room:
			later(now)
		default:
			jobs = append(jobs, &job{v: v})
		}
	}
	if jobs, err = r.claim(ctx, jobs, now); err != nil {
		r.sender.due(target, now.Add(time.Second))
		return err
	}
	r.sender.take(target, jobs, next)
	return nil
}

// mine reports whether this process may take the delivery now; if not, when it is to be looked at again. A lease of another process
// holds until it runs out, unless there is no other process.
func (r *Router) mine(v *Delivery, now time.Time) (again time.Time, ok bool) {
	foreign := v.LeaseOwner != "" && v.LeaseOwner != r.opt.Process
	switch {
	case foreign && r.opt.Alone && v.Status == Sending:
		return time.Time{}, true // its holder died
	case v.dueAt().After(now):
		return v.dueAt(), false
	case foreign && !r.opt.Alone && v.LeaseUntil != nil && v.LeaseUntil.After(now):
		return *v.LeaseUntil, false
	}
	return time.Time{}, true
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
