package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

const (
	bulkMax    = 1000            // operations of one bulk write
	sweepPage  = 256             // pending commits handled at a time
	settleWait = 5 * time.Second // how long the projections of this process's own commits are waited for
)

// batch is the commits that one call handles, with what they announce.
type batch struct {
	commits []store.Commit // in order of stream and seq
	notices map[store.Ref][]*notice
	traces  map[store.Ref]string
	failed  map[store.Ref]bool // notices not all written: they are owed still
	raised  []store.Ref        // commits of the alerts that the batch raised
	stood   []store.Ref        // and of those that somebody had raised before
}

func (b *batch) failAll() {
	for i := range b.commits {
		b.failed[b.ref(i)] = true
	}
}

// done gives the commits whose consequences are all written.
func (b *batch) done() []store.Commit {
	return slices.DeleteFunc(slices.Clone(b.commits), func(c store.Commit) bool { return b.failed[refOf(c)] })
}

func (b *batch) ref(i int) store.Ref { return refOf(b.commits[i]) }

func refOf(c store.Commit) store.Ref { return store.Ref{Stream: c.Stream, Seq: c.Seq} }

// Handle writes the notices that commits owe, and then says that they are paid: deliveries for matching subscriptions
// and for the targets of alerts, alerts raised and closed, deliveries marked. It is idempotent, and
// safe to run beside itself here and in other processes. Commits that owe no notices, or that another call here has in
// hand, are dropped unseen. When some commits fail, the others are done; those stay pending and the sweep takes them. What cannot be done together
// is done stream by stream, so that one that nobody can follow up holds up no other.
func (r *Router) Handle(ctx context.Context, commits []store.Commit) error {
	return r.handleAll(ctx, commits, incoming{})
}

// handleAll is Handle for commits of which something is known already.
func (r *Router) handleAll(ctx context.Context, commits []store.Commit, in incoming) error {
	left, err := r.handle(ctx, commits, in)
	if err == nil || ctx.Err() != nil || r.d.l.Writable(ctx) != nil {
		return err
	}
	slices.SortStableFunc(left, func(a, b store.Commit) int { return cmp.Compare(a.Stream, b.Stream) })
	var errs []error
	for len(left) > 0 {
		stream := left[0].Stream
		n := slices.IndexFunc(left, func(c store.Commit) bool { return c.Stream != stream })
		if n < 0 {
			n = len(left)
		}
		if _, err := r.handle(ctx, left[:n], in); err != nil && ctx.Err() == nil {
			r.d.l.Asides().Fails(ledger.Notices, ledger.Stream(stream), left[n-1].Seq, err)
			errs = append(errs, fmt.Errorf("%s: %w", stream, err))
		}
		left = left[n:]
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// handle is Handle for all at once, and gives the commits that are not done.
func (r *Router) handle(ctx context.Context, commits []store.Commit, in incoming) (left []store.Commit, err error) {
	b := &batch{commits: r.take(commits), notices: maps.Clone(in.notices), traces: in.traces, failed: map[store.Ref]bool{}}
	if len(b.commits) == 0 {
		return nil, nil
	}
	defer r.letGo(b.commits)
	start := r.now()
	queued := 0
	finished := false
	err = r.opt.Guard.Do("the follow-up of commits", func() error {
		var errs []error
		add := func(err error) {
			if err != nil {
				errs = append(errs, err)
			}
		}
		add(r.announce(ctx, b))
		// Deliveries first: they are one write, and whoever waits for them should not wait for the alerts' appends.
		n, err := r.queue(ctx, b)
		queued = n
		add(err)
		add(r.alarm(ctx, b))
		add(r.settleOwn(ctx, b))
		if err := r.findable(ctx, b); err != nil {
			return errors.Join(append(errs, err)...)
		}
		r.finish(b.done())
		finished = true
		return errors.Join(errs...)
	})
	if err != nil {
		for _, c := range b.commits {
			if !finished || b.failed[refOf(c)] {
				left = append(left, c)
			}
		}
	}
	r.opt.Hooks.Handled(len(b.commits), queued, r.now().Sub(start))
	return left, err
}

// Receive handles the commits that notes of the bus tell of, without reading them: who sent the
// notes has read them, and they were sealed. Notes that say told are passed over: their sender sees
// to their commits. Some commits are read all the same, and dropped when they owe nothing more:
// those of which a process of another version tells; those that close alerts, since a message that
// came a second time would close what has been raised since; and those of several events, whose
// notices are owed together, once their last note is there.
func (r *Router) Receive(ctx context.Context, notes []Note) error {
	var commits []store.Commit
	var refs []store.Ref
	in := incoming{map[store.Ref][]*notice{}, map[store.Ref]string{}}
	letGo := r.taken.take(notes, r.now)
	defer letGo()
	types := r.d.l.TypesDigest()
	for _, n := range notes {
		ref := n.Ref()
		switch {
		case n.Told || in.notices[ref] != nil:
		case n.Log || n.Events > 1 || len(n.Closes) > 0 || n.Types != types:
			if n.N == n.Events {
				refs, in.traces[ref] = append(refs, ref), n.Trace
			}
		default:
			in.notices[ref] = []*notice{newNotice(n.Announcement, func() []byte { return n.Body })}
			r.recent.put(ref, in.notices[ref])
			commits = append(commits, store.Commit{Stream: ref.Stream, Seq: ref.Seq, Pending: store.OwesNotices})
		}
	}
	return errors.Join(r.handleAll(ctx, commits, in), r.handleRefs(ctx, refs, in))
}

// incoming is what is known of commits that are about to be handled.
type incoming struct {
	notices map[store.Ref][]*notice // what they announce
	traces  map[store.Ref]string    // which requests are behind them, which the log does not keep
}

// HandleRefs reads the commits and handles them. Refs that the store does not have are counted and dropped: the bus may remember
// what a restored store does not.
func (r *Router) HandleRefs(ctx context.Context, refs []store.Ref) error {
	return r.handleRefs(ctx, refs, incoming{})
}

func (r *Router) handleRefs(ctx context.Context, refs []store.Ref, in incoming) error {
	wanted := make([]store.Ref, 0, len(refs))
	for _, ref := range refs {
		if !r.journal.owns(ref) { // the journalist marks its own
			wanted = append(wanted, ref)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	commits, err := r.st.Commits(ctx, wanted)
	if err != nil {
		return unavailable(err)
	}
	if absent := len(wanted) - len(commits); absent > 0 {
		r.opt.Hooks.Absent(absent)
	}
	return r.handleAll(ctx, commits, in)
}

// Sweep handles every commit that owes notices, is old enough and not in hand here, after putting it on the bus: what the bus lost, what a dead
// process left, what failed before. It gives how many there were. One failing commit holds up no other. Now and then those are old enough
// too that were recorded at a time which has not come yet.
func (r *Router) Sweep(ctx context.Context, now time.Time) (found int, err error) {
	before := now
	if r.opt.Waiting != nil {
		if oldest := r.opt.Waiting(ctx); !oldest.IsZero() && oldest.Before(now) {
			before = oldest
		}
	}
	_, err = r.d.l.Sweep(ctx, store.OwesNotices, before.Add(-r.opt.PendingAge), now, func(page []store.Commit) error {
		left := slices.DeleteFunc(page, func(c store.Commit) bool {
			return r.inHand(refOf(c)) || r.opt.InHand != nil && r.opt.InHand(refOf(c)) || r.d.l.Asides().Leaves(ledger.Notices, ledger.Stream(c.Stream))
		})
		found += len(left)
		if err := r.publish(ctx, left); err != nil && ctx.Err() == nil {
			r.log.Warn("the bus did not take what the sweep found; it is delivered all the same", "commits", len(left), "error", err)
		}
		return r.Handle(ctx, left)
	})
	return found, err
}

func (r *Router) publish(ctx context.Context, commits []store.Commit) error {
	if r.opt.Publish == nil || len(commits) == 0 {
		return nil
	}
	b := &batch{commits: commits, failed: map[store.Ref]bool{}}
	err := r.announce(ctx, b)
	var notes []Note
	for i := range b.commits {
		var announced []ledger.Announcement
		for _, n := range b.notices[b.ref(i)] {
			if published(n.Type) {
				announced = append(announced, n.Announcement)
			}
		}
		notes = append(notes, NotesOf(r.opt.Source, r.d.l.TypesDigest(), announced, true)...)
	}
	if len(notes) > 0 {
		err = errors.Join(err, r.opt.Publish(ctx, notes))
	}
	return err
}

// take gives the commits that owe notices and that nobody here has in hand, and takes them in hand.
func (r *Router) take(commits []store.Commit) []store.Commit {
	r.mu.Lock()
	defer r.mu.Unlock()
	var mine []store.Commit
	for _, c := range commits {
		if ref := refOf(c); c.Pending&store.OwesNotices != 0 && !r.hand[ref] {
			r.hand[ref] = true
			mine = append(mine, c)
		}
	}
	slices.SortStableFunc(mine, func(a, b store.Commit) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Seq, b.Seq))
	})
	return mine
}

func (r *Router) letGo(commits []store.Commit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range commits {
		delete(r.hand, refOf(c))
	}
}

func (r *Router) inHand(ref store.Ref) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hand[ref]
}

// announce finds what the commits announce: among the recent ones, else in the log. Commits for which that is not known fail.
func (r *Router) announce(ctx context.Context, b *batch) error {
	if b.notices == nil {
		b.notices = make(map[store.Ref][]*notice, len(b.commits))
	}
	var unknown []store.Commit
	for i, c := range b.commits {
		if _, ok := b.notices[b.ref(i)]; ok {
			continue
		}
		if n, ok := r.recent.get(b.ref(i)); ok {
			b.notices[b.ref(i)] = n
		} else {
			unknown = append(unknown, c)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	found, err := r.d.l.AnnouncementsOf(ctx, unknown)
	for _, c := range unknown {
		ref := refOf(c)
		announcements, ok := found[ref]
		if !ok {
			b.failed[ref] = true
			continue
		}
		for i := range announcements {
			announcements[i].Trace = b.traces[ref]
		}
		notices, failure := r.noticesOf(c, announcements)
		if failure != nil {
			b.failed[ref] = true
			err = errors.Join(err, failure)
			continue
		}
		b.notices[ref] = notices
		r.recent.put(ref, notices)
	}
	if err != nil {
		err = fmt.Errorf("%d commits cannot be read: %w", len(b.failed), err)
	}
	return err
}

// settleOwn draws the consequences of this package's own quiet streams: a journal marks its deliveries, tells of those that died and closes what
// told of those that have arrived since; the end of a subscription ends what waits for it, and with it, or once it is enabled, the alert that it was
// disabled is closed; a replay puts deliveries back in their queues.
func (r *Router) settleOwn(ctx context.Context, b *batch) error {
	var outcomes []outcome
	var journals []store.Ref
	var errs []error
	for i, c := range b.commits {
		ref := b.ref(i)
		if b.failed[ref] {
			continue
		}
		switch stream := ledger.Stream(c.Stream); stream.Noun() {
		case NounJournal:
			chained, err := outcomesOf(c)
			if err != nil {
				b.failed[ref] = true
				errs = append(errs, err)
				continue
			}
			outcomes, journals = append(outcomes, chained...), append(journals, ref)
		case NounSubscription:
			inHand, err := r.endWaiting(ctx, stream.ID())
			if err == nil {
				err = r.closeDisabled(ctx, c)
			}
			if err != nil {
				errs = append(errs, err)
			}
			if err != nil || inHand > 0 {
				b.failed[ref] = true // the sweep looks again
			}
		case NounReplay:
			if err := r.d.requeueOf(ctx, c); err != nil {
				b.failed[ref] = true
				errs = append(errs, err)
			}
		}
	}
	err := r.markAll(ctx, outcomes)
	if err == nil {
		err = r.mourn(ctx, outcomes)
	}
	if err == nil {
		err = r.closeDead(ctx, outcomes)
	}
	if err != nil {
		for _, ref := range journals {
			b.failed[ref] = true
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// findable waits until the alerts of the batch can be found, whoever raised them: who is to close them looks for them once their cause owes nothing.
func (r *Router) findable(ctx context.Context, b *batch) error {
	look := b.stood
	left := func(ref store.Ref) bool { return r.d.l.LeavesAlone(ledger.Stream(ref.Stream)) }
	if len(b.raised) > 0 && (!r.d.l.Settle(ctx, settleWait) || slices.ContainsFunc(b.raised, left)) {
		look = append(look, b.raised...)
	}
	if len(look) == 0 {
		return nil
	}
	return r.d.l.EnsureDocuments(ctx, look)
}

// finish says that the notices of the commits are written.
func (r *Router) finish(done []store.Commit) {
	if len(done) == 0 {
		return
	}
	refs := make([]store.Ref, len(done))
	for i, c := range done {
		refs[i] = refOf(c)
	}
	r.at(PointFollowed)
	r.d.l.Paid(store.OwesNotices, refs...)
}
