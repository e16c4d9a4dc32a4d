package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"landfall/internal/store"
)

// mark writes the outcomes of this process's own attempts onto their deliveries, in one write; the journal's commit then owes nothing more. Deliveries that another process has written meanwhile are read and marked again.
func (r *Router) mark(ctx context.Context, batch []entry, ref store.Ref) error {
	circuits := r.breaker.ops() // they go along with what is written anyway
	ops := make([]store.Op, 0, len(batch)+len(circuits))
	for _, e := range batch {
		e.job.v.apply(e.outcome, r.opt.Process)
		ops = append(ops, e.job.v.put())
	}
	changed, err := r.st.Bulk(ctx, append(ops, circuits...))
	if err != nil {
		r.breaker.wrote(circuits, nil)
		return unavailable(err)
	}
	r.breaker.wrote(circuits, changed[len(batch):])
	var others []outcome
	for i, e := range batch {
		if !changed[i] {
			others = append(others, e.outcome)
		}
	}
	if err := r.markAll(ctx, others); err != nil {
		return err
	}
	r.at(PointMarked)
	if slices.ContainsFunc(batch, func(e entry) bool { return (e.mourned() || e.revived()) && e.job.v.Party != "" }) {
		r.owe(ref) // it stays pending until somebody was told, or need not be any more
		return nil
	}
	r.finish([]store.Commit{{Stream: ref.Stream, Seq: ref.Seq}})
	return nil
}

// markTries bounds how often deliveries that change at the same time are marked again.
const markTries = 5

// markAll writes outcomes onto their deliveries as they stand in the store. Outcomes that are there already change nothing.
func (r *Router) markAll(ctx context.Context, outcomes []outcome) error {
	for range markTries {
		if len(outcomes) == 0 {
			return nil
		}
		var left []outcome
		for start := 0; start < len(outcomes); start += bulkMax {
			some, err := r.markSome(ctx, outcomes[start:min(start+bulkMax, len(outcomes))])
			if err != nil {
				return err
			}
			left = append(left, some...)
		}
		outcomes = left
	}
	return errors.Join(fmt.Errorf("notify: %d deliveries change too fast to be marked", len(outcomes)), ctx.Err())
}

// markSome marks once, in one read and one write, and gives the outcomes whose deliveries changed in between.
func (r *Router) markSome(ctx context.Context, outcomes []outcome) (left []outcome, err error) {
	ids := make([]string, len(outcomes))
	for i, o := range outcomes {
		ids[i] = o.Delivery
	}
	docs, err := r.st.Get(ctx, kindDelivery, ids...)
	if err != nil {
		return nil, unavailable(err)
	}
	read := map[string]*Delivery{}
	var ops []store.Op
	var of []outcome
	for _, o := range outcomes {
		v, again := read[o.Delivery]
		if !again {
			doc, ok := docs[o.Delivery]
			if !ok {
				continue // gone with its retention
			}
			if v, err = readDelivery(doc); err != nil {
				return nil, err
			}
			read[o.Delivery] = v
		}
		if v.apply(o, r.opt.Process) {
			ops, of = append(ops, v.put()), append(of, o)
		}
	}
	if len(ops) == 0 {
		return nil, nil
	}
	changed, err := r.st.Bulk(ctx, ops)
	if err != nil {
		return nil, unavailable(err)
	}
	for i, ok := range changed {
		if !ok {
			left = append(left, of[i])
		}
	}
	return left, nil
}

// endWaiting ends what waits for a subscription that nothing is sent to any more: cancelled when it is gone for good, dead when it was disabled, so
// that it can be replayed. What is in somebody's hands is left to them, since they look before they send; but they may have looked
// already, so inHand says how many there are: the commit is not done with before there are none.
func (r *Router) endWaiting(ctx context.Context, subscription string) (inHand int, err error) {
	s, err := r.d.subs.Load(ctx, subscription)
	if err != nil {
		return 0, err
	}
	status, code := s.Value.ending(r.now())
	if code == "" {
		return 0, nil
	}
	end := func(j *job) {
		o := outcomeOf(j.v, r.now())
		o.Status, o.Code = status, code
		r.journal.add(ctx, j, o)
	}
	spared := func(v *Delivery) bool { // it is tested before it is enabled again
		return code == codeDisabled && v.EventType == EventSubscriptionTested
	}
	for _, j := range r.sender.evict(subscription, spared) {
		end(j)
	}
	for c := range class(classes) {
		err = r.d.each(ctx, store.Query{Kind: kindDelivery, Index: "queue", Equal: []any{queueOf(subscription, c)}}, func(doc store.Doc) error {
			v, err := readDelivery(doc)
			if err != nil {
				return err
			}
			if spared(v) {
				return nil
			}
			if r.elsewhere(v) || !r.sender.hold(v) {
				inHand++
				return nil
			}
			end(&job{v: v})
			return nil
		})
		if err != nil {
			return inHand, err
		}
	}
	if s.Value.Status == SubscriptionDeleted {
		return inHand, r.breaker.drop(ctx, subscription)
	}
	return inHand, nil
}

// elsewhere reports whether another living process has the delivery in its hands. A lease of this one says nothing: what did not fit into its
// memory left it with the lease.
func (r *Router) elsewhere(v *Delivery) bool {
	return v.inHand() && v.LeaseOwner != r.opt.Process && !r.opt.Alone
}

// ending gives what becomes of a delivery to the subscription at now, and why; a code of "" when it is sent.
func (s *Subscription) ending(now time.Time) (Status, string) {
	switch {
	case s.Status == SubscriptionDeleted, s.Target == "":
		return Cancelled, codeDeleted
	case s.Status == SubscriptionExpired, s.ExpiresAt != nil && !now.Before(*s.ExpiresAt):
		return Cancelled, codeExpired
	case s.Status == SubscriptionDisabled:
		return Dead, codeDisabled
	}
	return "", ""
}
