package ledger

import (
	"context"
	"encoding/hex"
	"errors"
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
	learned *folded[S]    // what a lost batch has shown of the stream; nil: nothing
	guess   bool          // nobody has looked yet whether what ahead began with was the tail
	flights []*flight[S]  // under way, oldest first
	again   []*pending[S] // to be decided again, before what waits
	open    []*pending[S] // taken, and perhaps not answered yet
	shared  bool          // another process has written since this one last did: it gets its turn after the next batch
	took    time.Duration // of the last append that went well
}

func newWorker[S any](s *Streams[S], stream Stream, q *queue) *worker[S] {
	w := &worker[S]{s: s, stream: stream, q: q, depth: 1, submit: s.l.appendAsTicket}
	if p, ok := s.l.store.(store.Pipeline); ok && !s.l.opt.Shared {
		w.depth = pipelineDepth
		w.submit = func(_ context.Context, commits []store.Commit) store.Ticket { return p.Submit(commits) }
	}
	return w
}

// run serves the commands. A mistake of the worker's own leaves nobody waiting: what became of their commands is then not known.
func (w *worker[S]) run() {
	l := w.s.l
	err := l.opt.Guard.Do("the commands of "+string(w.stream), func() error { w.serve(); return nil })
	if err == nil {
		return
	}
	l.log.Error("commands were given up", "stream", w.stream, "error", err)
	l.mu.Lock()
	delete(l.queues, w.stream)
	l.mu.Unlock() // nothing is added to the queue from here on
	for _, p := range w.q.waiting {
		w.open = append(w.open, p.(*pending[S]))
	}
	for _, p := range w.open {
		p.answer(Outcome[S]{}, errUnknown(err))
	}
	for _, f := range w.flights {
		w.giveUp(f)
	}
	l.cache.drop(w.stream)
}

func (w *worker[S]) serve() {
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
	w.open = append(slices.DeleteFunc(w.open, func(p *pending[S]) bool { return p.over }), batch...)
	return batch
}

// fill decides what waits and sends it on its way, as far as there is room.
func (w *worker[S]) fill() {
	for len(w.flights) < w.depth {
		cmds := w.take()
		if len(cmds) == 0 {
			return
		}
		if w.learned != nil && len(w.flights) == 0 {
			w.ahead, w.guess, w.learned = w.learned, true, nil
		}
		if w.ahead == nil {
			tail, guess, shared, err := w.s.likelyTail(w.s.l.ctx, w.stream, cmds[0].cmd.Expect.begins() && !w.shared)
			if err != nil {
				for _, p := range cmds {
					p.answer(Outcome[S]{}, err)
				}
				continue
			}
			w.ahead, w.guess, w.shared = tail, guess, w.shared || shared
		}
		w.launch(cmds)
	}
}

// launch decides the commands one on another and submits what they give as one batch.
func (w *worker[S]) launch(cmds []*pending[S]) {
	l := w.s.l
	f := &flight[S]{base: w.ahead, guess: w.guess, began: l.opt.Now()}
	for _, p := range cmds {
		if err := p.ctx.Err(); err != nil {
			p.answer(Outcome[S]{}, errNotDone(err))
			continue
		}
		if p.cmd.Key != "" && !p.cmd.Fresh && w.repeats(p, f) {
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
	if w.guess && len(f.proposals) == 0 && len(w.flights) == 0 && !w.confirm(f) {
		return
	}
	f.ctx, f.cancel = context.WithTimeout(l.ctx, l.opt.OutcomeTimeout)
	if len(f.proposals) > 0 {
		f.ticket = w.submit(f.ctx, f.commits())
	}
	w.flights = append(w.flights, f)
}

// confirm looks whether a batch that writes nothing was decided on the tail: no append will tell. If it was not, its commands are decided
// again.
func (w *worker[S]) confirm(f *flight[S]) bool {
	tail, err := w.s.tail(w.s.l.ctx, w.stream)
	switch {
	case err != nil:
		for _, fo := range f.followers {
			fo.p.answer(Outcome[S]{}, err)
		}
		w.ahead = nil
		return false
	case tail.Seq == f.base.Seq:
		w.guess = false
		return true
	}
	for _, fo := range f.followers {
		w.again = append(w.again, fo.p)
	}
	w.ahead, w.guess = tail, false
	return false
}

// repeats looks whether the command's key was used before. If so its answer is given, or hangs on the batch that used it.
func (w *worker[S]) repeats(p *pending[S], current *flight[S]) bool {
	key := keyDigest(p.cmd.Actor.Account, p.cmd.Key)
	for _, f := range append(slices.Clip(w.flights), current) {
		for i, pr := range f.proposals {
			if !slices.Equal(pr.commit.Key, key) {
				continue
			}
			again := follower[S]{p: p, of: i, again: true, err: w.allow(p, w.ahead)}
			if again.err == nil && !slices.Equal(pr.p.cmd.Digest, p.cmd.Digest) {
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
	if err := w.allowAgain(p); err != nil {
		p.answer(Outcome[S]{}, err)
		return true
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

// allowAgain is allow for a command whose answer no append will prove: it is asked on the tail.
func (w *worker[S]) allowAgain(p *pending[S]) error {
	if p.cmd.Allow == nil {
		return nil
	}
	f := w.ahead
	if w.guess {
		var err error
		if f, err = w.s.tail(w.s.l.ctx, w.stream); err != nil {
			return err
		}
	}
	return w.allow(p, f)
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
		for i := range f.proposals[:n] {
			f.proposals[i].told = w.told(f.proposals[i])
		}
		accepted = append(accepted, f.proposals[:n]...)
		if n < len(f.proposals) {
			break
		}
	}
	last := len(landed) - 1
	lost := n < len(landed[last].proposals)
	if len(accepted) > 0 {
		w.guess = false
		w.s.l.at(PointCommitted)
	}
	follow := w.publish(landed[0].base, accepted)
	if lost {
		w.meet()
	}
	for _, f := range landed[:last] {
		w.answer(f, len(f.proposals), nil)
	}
	if lost && n == 0 && landed[last].guess {
		n = -1 // nothing has shown that the guess was right
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

// meet notes that somebody else was here, or that nobody knows: what is in the cache may not be the tail.
func (w *worker[S]) meet() {
	l := w.s.l
	w.shared = true
	l.rivals.met(w.stream, l.opt.Now())
	if w.learned == nil {
		l.cache.drop(w.stream)
	}
}

// ground brings down the batches behind one that failed: they were decided on what did not happen. An engine that keeps the order has
// written nothing of them either once it is through with them; what it is not through with is as unknown as the first.
func (w *worker[S]) ground(failure error) {
	behind := w.flights
	w.flights = nil
	for _, f := range behind {
		if f.ticket != nil && fault.CodeOf(failure) != codeUnknown {
			select {
			case <-f.ticket.Done():
				if n, err := f.ticket.Result(); n > 0 || err == nil {
					failure = errUnknown(errors.New("ledger: the engine wrote a batch behind one that is not there"))
				}
			case <-f.ctx.Done():
				failure = errUnknown(context.Cause(f.ctx))
			}
		}
		w.giveUp(f)
		w.answer(f, -1, failure)
	}
}

// giveUp waits for a batch no longer.
func (w *worker[S]) giveUp(f *flight[S]) {
	f.cancel()
	if !f.isDone() {
		w.s.l.dropLate(w.stream, f.ticket)
	}
}

// answer answers the commands of a batch of which the first n proposals stand. The others get the failure; without one they are
// decided again. n is -1 when not even what the batch was decided on stands.
func (w *worker[S]) answer(f *flight[S], n int, failure error) {
	for i, pr := range f.proposals {
		switch {
		case i < n:
			pr.p.answer(Outcome[S]{State: pr.after.State, Events: pr.events, Announced: pr.told}, nil)
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
