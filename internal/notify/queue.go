package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"landfall/internal/store"
)

// queue inserts the deliveries of the batch and hands to the sender those that this call inserted and that fit in memory.
func (r *Router) queue(ctx context.Context, b *batch) (inserted int, err error) {
	wanted, err := r.deliveriesOf(ctx, b)
	if len(wanted) == 0 {
		return 0, err
	}
	now := r.now()
	slices.SortStableFunc(wanted, func(a, b *job) int { return cmp.Compare(b.v.class(), a.v.class()) }) // urgent ones first
	for chunk := range slices.Chunk(wanted, r.bulk(len(wanted))) {
		ops := make([]store.Op, len(chunk))
		reserved := make([]bool, len(chunk))
		for i, j := range chunk {
			var next bool
			if reserved[i], next = r.sender.reserve(j.v); reserved[i] {
				j.v.lease(r.opt.Process, now)
			}
			if next {
				j.v.Status = Sending
			}
			ops[i] = j.v.insert()
		}
		changed, failure := r.st.Bulk(ctx, ops)
		if failure != nil {
			changed = make([]bool, len(chunk)) // those that were inserted nevertheless are found when their leases run out
		}
		for i, j := range chunk {
			switch {
			case reserved[i] && changed[i]:
				r.sender.add(j)
			case reserved[i]:
				r.sender.unreserve(j.v)
			case changed[i]:
				r.sender.due(j.v.Subscription, j.v.class(), now)
			}
			if changed[i] {
				inserted++
			}
		}
		if failure != nil {
			b.failAll()
			return inserted, errors.Join(err, unavailable(failure))
		}
		if chunk[len(chunk)-1] != wanted[len(wanted)-1] {
			r.at(PointQueuedHalf)
		}
	}
	r.at(PointQueued)
	return inserted, err
}

// deliveriesOf gives the deliveries that follow from the batch, each once. Commits whose deliveries cannot be told fail.
func (r *Router) deliveriesOf(ctx context.Context, b *batch) ([]*job, error) {
	announced := false
	for _, n := range b.notices {
		announced = announced || len(n) > 0
	}
	if !announced {
		return nil, nil
	}
	list, err := r.roster.current(ctx)
	if err != nil {
		b.failAll()
		return nil, err
	}
	now := r.now()
	var jobs []*job
	var errs []error
	for i := range b.commits {
		for _, n := range b.notices[b.ref(i)] {
			if n.only != "" {
				s, err := r.d.subs.Load(ctx, n.only)
				if err != nil {
					b.failed[b.ref(i)] = true
					errs = append(errs, fmt.Errorf("target of %s: %w", n.EventID, err))
					continue
				}
				jobs = append(jobs, &job{v: newDelivery(n, s.Value, r.mask(s.Value), now), n: n})
				continue
			}
			if !published(n.Type) {
				continue
			}
			subs := onceEach(matching(list, n.Announcement, now), list, n.Announcement, now)
			if len(n.Targets) > 0 {
				if subs, err = r.withFrozen(ctx, subs, n.Targets, list); err != nil {
					b.failed[b.ref(i)] = true
					errs = append(errs, fmt.Errorf("targets of %s: %w", n.EventID, err))
				}
			}
			for _, s := range subs {
				jobs = append(jobs, &job{v: newDelivery(n, s, r.mask(s), now), n: n})
			}
		}
	}
	return jobs, errors.Join(errs...)
}

// withFrozen adds the targets that were frozen when an alert was raised. One deleted since is added too: its delivery will be
// cancelled, and show why.
func (r *Router) withFrozen(ctx context.Context, subs []*Subscription, targets []string, list []*Subscription) ([]*Subscription, error) {
	subs = slices.Clip(subs)
	for _, id := range targets {
		is := func(s *Subscription) bool { return s.ID == id }
		if slices.ContainsFunc(subs, is) {
			continue
		}
		if i := slices.IndexFunc(list, is); i >= 0 {
			subs = append(subs, list[i])
			continue
		}
		gone, err := r.d.subs.Load(ctx, id)
		if err != nil {
			return subs, err
		}
		subs = append(subs, gone.Value)
	}
	return subs, nil
}

func (r *Router) mask(s *Subscription) string { return r.d.mask(s) }

func (d *Desk) mask(s *Subscription) string {
	if c, ok := d.channels[s.Channel]; ok {
		return c.Mask(s.Target)
	}
	return ""
}
