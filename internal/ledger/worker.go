package ledger

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// pipelineDepth is how many batches of one stream may be under way at once, each decided on the one before, where the engine
// keeps their order.
const pipelineDepth = 8

// worker decides and appends the commands of one stream until there are no more. It is one goroutine; nothing of it is shared.
//
//	waiting ─▶ decide on what is ahead ─▶ submit ─▶ under way ─▶ landed: publish, answer
//	   ▲                                                │
//	   └──────── decide again ◀── another writer was first, or the batch before failed
//
// Nobody learns of anything, not even of a refusal, before what it was decided on has landed.
type worker[S any] struct {
	s       *Streams[S]
	stream  Stream
	q       *queue
	submit  func(context.Context, []store.Commit) store.Ticket
	depth   int
	ahead   *folded[S]    // the fold behind everything under way; nil: to be read
	flights []*flight[S]  // under way, oldest first
	again   []*pending[S] // to be decided again, before what waits
	yield   time.Duration // how long to leave the stream to another process after the next batch
}

// flight is one batch under way.
type flight[S any] struct {
	base      *folded[S] // what its first command was decided on
	proposals []proposal[S]
	followers []follower[S]
	ticket    store.Ticket // of the proposals; nil when there are none
	began     time.Time
	ctx       context.Context // ends when the outcome has been unknown for too long
	cancel    context.CancelFunc
}

// proposal is one command of a batch that became a commit.
type proposal[S any] struct {
	p      *pending[S]
	commit store.Commit
	after  *folded[S] // the fold right after it
	events []Recorded
}

// follower is a command whose answer hangs on the batch without being a commit of it.
type follower[S any] struct {
	p     *pending[S]
	of    int   // index of the proposal it was decided after; -1: the base of the batch
	again bool  // it repeats that proposal
	err   error // it was refused
}

func newWorker[S any](s *Streams[S], stream Stream, q *queue) *worker[S] {
	w := &worker[S]{s: s, stream: stream, q: q, depth: 1, submit: s.l.appendAsTicket}
	if p, ok := s.l.store.(store.Pipeline); ok && !s.l.opt.Shared {
		w.depth = pipelineDepth
		w.submit = func(_ context.Context, commits []store.Commit) store.Ticket { return p.Submit(commits) }
	}
	return w
}

func (w *worker[S]) run() {
	for {
		w.fill()
		if len(w.flights) == 0 {
			if w.leave() {
				return
			}
			continue
		}
		var arrived <-chan struct{}
		if len(w.flights) < w.depth {
			arrived = w.q.arrived
		}
		oldest := w.flights[0]
		select {
		case <-oldest.done():
			w.land()
		case <-oldest.ctx.Done():
			w.land()
		case <-arrived:
		}
	}
}

// leave gives up the queue when nothing waits.
func (w *worker[S]) leave() bool {
	l := w.s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(w.q.waiting) > 0 || len(w.again) > 0 {
		return false
	}
	delete(l.queues, w.stream)
	return true
}

// take gives the commands of the next batch.
func (w *worker[S]) take() []*pending[S] {
	n := min(len(w.again), batchMax)
	batch := slices.Clone(w.again[:n])
	w.again = w.again[n:]
	l := w.s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(w.q.waiting) > 0 && len(batch) < batchMax {
		batch = append(batch, w.q.waiting[0].(*pending[S]))
		w.q.waiting = w.q.waiting[1:]
	}
	return batch
}

// fill decides what waits and sends it on its way, as far as there is room.
func (w *worker[S]) fill() {
	for len(w.flights) < w.depth {
		cmds := w.take()
		if len(cmds) == 0 {
			return
		}
		if w.ahead == nil {
			tail, err := w.s.tail(w.s.l.ctx, w.stream)
			if err != nil {
				for _, p := range cmds {
					p.answer(Outcome[S]{}, err)
				}
				continue
			}
			w.ahead = tail
		}
		w.launch(cmds)
	}
}

// launch decides the commands one on another and submits what they give as one batch.
func (w *worker[S]) launch(cmds []*pending[S]) {
	l := w.s.l
	f := &flight[S]{base: w.ahead, began: l.opt.Now()}
	for _, p := range cmds {
		if err := p.ctx.Err(); err != nil {
			p.answer(Outcome[S]{}, fault.Wrap(err, fault.Unavailable, "not_done", "The request ended before it was carried out."))
			continue
		}
		if p.cmd.Key != "" && w.repeats(p, f) {
			continue
		}
		next, err := w.decide(p, w.ahead)
		if err != nil || next == nil {
			f.followers = append(f.followers, follower[S]{p: p, of: len(f.proposals) - 1, err: err})
			continue
		}
		f.proposals = append(f.proposals, *next)
		w.ahead = next.after
	}
	if len(f.proposals) == 0 && len(f.followers) == 0 {
		return
	}
	f.ctx, f.cancel = context.WithTimeout(l.ctx, l.opt.OutcomeTimeout)
	if len(f.proposals) > 0 {
		f.ticket = w.submit(f.ctx, f.commits())
	}
	w.flights = append(w.flights, f)
}

// repeats looks whether the command's key was used before. If so its answer is given, or hangs on the batch that used it.
func (w *worker[S]) repeats(p *pending[S], current *flight[S]) bool {
	key := keyDigest(p.cmd.Actor.Account, p.cmd.Key)
	for _, f := range append(slices.Clip(w.flights), current) {
		for i, pr := range f.proposals {
			if !slices.Equal(pr.commit.Key, key) {
				continue
			}
			again := follower[S]{p: p, of: i, again: true}
			if !slices.Equal(pr.p.cmd.Digest, p.cmd.Digest) {
				again.err = errKeyReused()
			}
			f.followers = append(f.followers, again)
			return true
		}
	}
	if current.base.Seq == 0 {
		return false
	}
	ctx := w.s.l.ctx
	seq, err := w.s.l.store.FindKey(ctx, string(w.stream), key)
	if err != nil {
		p.answer(Outcome[S]{}, unavailable(err))
		return true
	}
	if seq == 0 || seq > current.base.Seq {
		return false
	}
	then, events, digest, err := w.s.at(ctx, w.stream, seq)
	switch {
	case err != nil:
		p.answer(Outcome[S]{}, err)
	case digest != hex.EncodeToString(p.cmd.Digest):
		p.answer(Outcome[S]{}, errKeyReused())
	default:
		p.answer(Outcome[S]{State: then.State, Events: events, Repeated: true}, nil)
	}
	return true
}

func errKeyReused() error {
	return fault.New(fault.Conflict, "idempotency_key_reused", "This Idempotency-Key was used for another request. Use a new key for a new request.")
}

// decide carries out one command on a fold, which it leaves as it is. nil: nothing to do.
func (w *worker[S]) decide(p *pending[S], f *folded[S]) (*proposal[S], error) {
	noun := w.s.fold.Noun
	switch {
	case f.unknown != "":
		return nil, errReadOnly(w.stream, f.unknown)
	case f.Seq == 0 && p.cmd.Expect == MustExist:
		return nil, errNotFound(noun)
	case f.Seq > 0 && p.cmd.Expect == MustNotExist:
		return nil, fault.New(fault.Conflict, "id_taken", "This %s id is already taken.", noun)
	}
	now := w.s.l.Now()
	if now.Before(f.RecordedAt) {
		now = f.RecordedAt
	}
	d, err := p.cmd.Decide(f.Value, Moment{Now: now, Seq: f.Seq})
	if err != nil || len(d.Events) == 0 {
		return nil, err
	}
	e := envelope{
		Stream: w.stream, Seq: f.Seq + 1, ID: NewID(), RecordedAt: now,
		Actor: p.cmd.Actor, Relay: p.cmd.Relay, Exercise: d.Exercise, Prev: hex.EncodeToString(f.Hash),
	}
	if p.cmd.Key != "" {
		e.Key, e.Digest = hex.EncodeToString(keyDigest(p.cmd.Actor.Account, p.cmd.Key)), hex.EncodeToString(p.cmd.Digest)
	}
	for _, ev := range d.Events {
		if !w.s.known[ev.Type] {
			return nil, fmt.Errorf("ledger: %s decided an event it does not know: %s", noun, ev.Type)
		}
		data, err := marshal(ev.Data)
		if err != nil {
			return nil, fmt.Errorf("ledger: %s: %w", ev.Type, err)
		}
		e.Events = append(e.Events, envelopeEvent{Type: ev.Type, Data: data})
	}
	c, err := seal(e, d.Detach)
	if err != nil {
		return nil, fmt.Errorf("ledger: seal %s/%d: %w", w.stream, e.Seq, err)
	}
	// What is published is folded from the record as it will be read, not from what was decided.
	after := w.s.clone(f)
	events, err := w.s.apply(after, c)
	if err != nil {
		return nil, fmt.Errorf("ledger: decided what does not fold: %w", err)
	}
	return &proposal[S]{p: p, commit: c, after: after, events: events}, nil
}

// land takes the oldest batch, and those behind it that are through as well, out of the air: what stands is published and answered,
// what does not is answered with the failure or decided again.
func (w *worker[S]) land() {
	var accepted []proposal[S]
	var landed []*flight[S]
	var n int
	var failure error
	for len(w.flights) > 0 {
		f := w.flights[0]
		if len(landed) > 0 && !f.isDone() {
			break
		}
		w.flights = w.flights[1:]
		landed = append(landed, f)
		n, failure = w.outcome(f)
		f.cancel()
		accepted = append(accepted, f.proposals[:n]...)
		if n < len(f.proposals) {
			break
		}
	}
	last := len(landed) - 1
	lost := n < len(landed[last].proposals)
	follow := w.publish(accepted)
	if lost {
		w.s.l.cache.drop(w.stream) // somebody else was here, or nobody knows: read again
	}
	for _, f := range landed[:last] {
		w.answer(f, len(f.proposals), nil)
	}
	w.answer(landed[last], n, failure)
	follow()
	if lost {
		w.ground(failure)
	}
	if len(w.flights) == 0 {
		w.ahead = nil
	}
	if !lost {
		w.giveWay(w.s.l.ctx)
	}
}

// ground brings down the batches behind one that failed: they were decided on what did not happen. The engine has not written them
// either, unless the outcome of the first is unknown; then so is theirs.
func (w *worker[S]) ground(failure error) {
	behind := w.flights
	w.flights = nil
	for _, f := range behind {
		if f.ticket != nil && fault.CodeOf(failure) != codeUnknown {
			select {
			case <-f.ticket.Done():
				if _, err := f.ticket.Result(); !refused(err) {
					failure = errUnknown(err)
				}
			case <-f.ctx.Done():
				failure = errUnknown(context.Cause(f.ctx))
			}
		}
		f.cancel()
		w.answer(f, -1, failure)
	}
}

// refused says that an append has certainly not been written.
func refused(err error) bool {
	return errors.Is(err, store.ErrSeqTaken) || errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrClosed)
}

// answer answers the commands of a batch of which the first n proposals stand. The others get the failure; without one they are
// decided again. n is -1 when not even what the batch was decided on stands.
func (w *worker[S]) answer(f *flight[S], n int, failure error) {
	for i, pr := range f.proposals {
		switch {
		case i < n:
			pr.p.answer(Outcome[S]{State: pr.after.State, Events: pr.events}, nil)
		case failure != nil:
			pr.p.answer(Outcome[S]{}, failure)
		default:
			w.again = append(w.again, pr.p)
		}
	}
	for _, fo := range f.followers {
		switch {
		case fo.of >= n && failure != nil:
			fo.p.answer(Outcome[S]{}, failure)
		case fo.of >= n:
			w.again = append(w.again, fo.p)
		case fo.err != nil:
			fo.p.answer(Outcome[S]{}, fo.err)
		case fo.of < 0:
			fo.p.answer(Outcome[S]{State: f.base.State}, nil)
		default:
			out := Outcome[S]{State: f.proposals[fo.of].after.State, Repeated: fo.again}
			if fo.again {
				out.Events = f.proposals[fo.of].events
			}
			fo.p.answer(out, nil)
		}
	}
}

// outcome says how many proposals of the batch stand. With a failure that is what the others are answered; without one they lost
// against another writer, or stand behind a batch that did.
func (w *worker[S]) outcome(f *flight[S]) (n int, failure error) {
	if f.ticket == nil {
		return 0, nil
	}
	l, commits := w.s.l, f.commits()
	err := context.Cause(f.ctx)
	if f.isDone() {
		n, err = f.ticket.Result()
	}
	for {
		took := l.opt.Now().Sub(f.began)
		switch {
		case n == len(commits):
			l.opt.Observe(n, took)
			return n, nil
		case errors.Is(err, store.ErrFull):
			return n, fault.Wrap(err, fault.Full, "disk_full", "There is no space left to record anything. Nothing was changed.")
		case errors.Is(err, store.ErrClosed):
			return n, fault.Wrap(err, fault.Unavailable, "closing", "The service is stopping. Nothing was changed.")
		}
		// Lost, or not known: the stream itself says which.
		mine, theirs, readErr := w.compare(f.ctx, commits[n:])
		n += mine
		switch {
		case n == len(commits):
			continue
		case readErr == nil && (theirs || errors.Is(err, store.ErrSeqTaken)):
			w.yield = took
			return n, nil
		case readErr == nil && f.ctx.Err() == nil:
			// Absent: insert the same commits again.
			var k int
			k, err = l.store.Append(f.ctx, commits[n:])
			n += k
			continue
		}
		return n, errUnknown(errors.Join(err, readErr))
	}
}

const codeUnknown = "outcome_unknown"

func errUnknown(err error) error {
	return fault.Wrap(err, fault.Unavailable, codeUnknown, "It is not known whether the change was recorded. Repeat it with the same key.")
}

// giveWay leaves the stream alone for about one append after a batch while another process writes to it, so that nobody starves.
func (w *worker[S]) giveWay(ctx context.Context) {
	if w.yield == 0 {
		return
	}
	timer := time.NewTimer(min(w.yield, 100*time.Millisecond))
	defer timer.Stop()
	w.yield = 0
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// compare reads what stands where the commits were to go: how many of them are there, and whether another's is.
func (w *worker[S]) compare(ctx context.Context, commits []store.Commit) (mine int, theirs bool, err error) {
	found, err := w.s.l.store.ReadStream(ctx, string(w.stream), commits[0].Seq-1, len(commits))
	if err != nil {
		return 0, false, err
	}
	for i, c := range found {
		if c.ID != commits[i].ID {
			return mine, true, nil
		}
		mine++
	}
	return mine, false, nil
}

// publish makes accepted proposals visible to readers and promises their projections. What it gives is to be called after the answers: it
// derives the projections and hands them on, and the announcements.
func (w *worker[S]) publish(accepted []proposal[S]) (follow func()) {
	if len(accepted) == 0 {
		return func() {}
	}
	s, l := w.s, w.s.l
	base, last := accepted[0].commit.Seq-1, accepted[len(accepted)-1].after
	l.cache.put(w.stream, last, last.size)
	promise := l.projects.promise()
	return func() {
		for _, p := range accepted {
			l.opt.Publish(Appended{
				Stream: w.stream, Seq: p.commit.Seq, CommitID: p.commit.ID, RecordedAt: p.commit.RecordedAt,
				Announcements: s.announcements(p.after, p.events),
			})
		}
		var events []Recorded
		for _, p := range accepted {
			events = append(events, p.events...)
		}
		ops := s.projection(last, events)
		if last.Seq/snapshotEvery != base/snapshotEvery {
			if op, err := s.snapshot(last); err != nil {
				l.log.Error("a snapshot could not be made; the stream stays readable without", "stream", w.stream, "error", err)
			} else {
				ops = append([]store.Op{op}, ops...)
			}
		}
		l.projects.add(promise, w.stream, base, last.Seq, ops)
	}
}

func (f *flight[S]) commits() []store.Commit {
	commits := make([]store.Commit, len(f.proposals))
	for i, p := range f.proposals {
		commits[i] = p.commit
	}
	return commits
}

// landedAlready is the channel of batches that write nothing.
var landedAlready = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (f *flight[S]) done() <-chan struct{} {
	if f.ticket == nil {
		return landedAlready
	}
	return f.ticket.Done()
}

func (f *flight[S]) isDone() bool {
	select {
	case <-f.done():
		return true
	default:
		return false
	}
}

// appendAsTicket is Submit for an engine that has only Append: one batch of a stream at a time.
func (l *Ledger) appendAsTicket(ctx context.Context, commits []store.Commit) store.Ticket {
	t := &appendTicket{done: make(chan struct{})}
	l.work.Go(func() {
		defer close(t.done)
		t.n, t.err = l.store.Append(ctx, commits)
	})
	return t
}

type appendTicket struct {
	done chan struct{}
	n    int
	err  error
}

func (t *appendTicket) Done() <-chan struct{} { return t.done }
func (t *appendTicket) Result() (int, error)  { return t.n, t.err }
