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

// batchMax is how many commands of one stream are decided in a row and inserted as one ordered batch.
const batchMax = 32

// Existence says what a command expects of its stream.
type Existence uint8

// What a command may expect.
const (
	MustExist    Existence = iota // else NotFound
	MustNotExist                  // else Conflict
	MayExist
)

// Command is one change that somebody asks for.
type Command[S any] struct {
	Actor  Actor
	Relay  *Relay
	Expect Existence

	// Key is the caller's idempotency key, unique for the actor's account; Digest is the SHA-256 of the request it came with.
	// Empty: every call is a change of its own.
	Key    string
	Digest []byte

	// Decide turns the state into what happens. It must not change s. It may be called several times: each time on a newer state,
	// when another writer was first. No events and no error means: nothing to do.
	Decide func(s S, at Moment) (Decision, error)

	// Await holds the answer back until the projections are written too: for changes that narrow who may see.
	Await bool
}

// Moment is what a decision may know besides the state.
type Moment struct {
	Now time.Time // what recorded_at will be: never before the stream's last
	Seq int64     // the tail of the stream; the commit will be Seq+1
}

// Decision is what a command makes happen: events of one commit.
type Decision struct {
	Events   []Event
	Exercise bool              // the exercise flag of the commit
	Detach   map[string]string // erasable values by name; events refer to them by that name
}

// Outcome is the answer to a command.
type Outcome[S any] struct {
	State[S]            // the fold right after the commit, or the current one when nothing was to be done
	Events   []Recorded // what happened; none when nothing was to be done
	Repeated bool       // the command had been carried out before, under the same key
}

// Execute carries out a command on the stream of id and answers when its commit is durable. Errors: those of Decide; NotFound or
// Conflict by Expect; Conflict "idempotency_key_reused"; Full when the disk is full (nothing was written);
// Unavailable "outcome_unknown" when the store could not say in time: repeating with the same key is then safe;
// the context's error when it ended before the command was decided.
func (s *Streams[S]) Execute(ctx context.Context, id string, c Command[S]) (Outcome[S], error) {
	stream := StreamOf(s.fold.Noun, id)
	p := &pending[S]{ctx: ctx, cmd: c, done: make(chan struct{})}
	if err := enqueue(s, stream, p); err != nil {
		return Outcome[S]{}, err
	}
	// A command that has been taken is pursued to its end, whatever becomes of its caller; an answer that nobody waits
	// for is dropped.
	select {
	case <-p.done:
	case <-ctx.Done():
		return Outcome[S]{}, fault.Wrap(context.Cause(ctx), fault.Unavailable, "outcome_unknown",
			"The request ended before the answer was known. Repeat it with the same key.")
	}
	if p.err != nil {
		return Outcome[S]{}, p.err
	}
	if c.Await {
		if err := s.l.projects.settle(ctx); err != nil {
			return Outcome[S]{}, fault.Wrap(err, fault.Unavailable, "outcome_unknown",
				"The change is recorded; its effects were not all written in time. Repeat it with the same key.")
		}
	}
	return p.out, nil
}

// Erase removes a detached value: a commit says so, and with it the value and its salt leave the record. The chain stays valid.
func (s *Streams[S]) Erase(ctx context.Context, id string, actor Actor, e Erased) error {
	_, err := s.Execute(ctx, id, Command[S]{Actor: actor, Decide: func(_ S, at Moment) (Decision, error) {
		if e.Seq < 1 || e.Seq > at.Seq {
			return Decision{}, fault.New(fault.NotFound, "value_not_found", "There is no such record.")
		}
		return Decision{Events: []Event{{Type: EventErased, Data: e}}}, nil
	}})
	if err != nil {
		return err
	}
	return s.l.eraseValue(ctx, StreamOf(s.fold.Noun, id), e)
}

// pending is one command on its way through a queue.
type pending[S any] struct {
	ctx  context.Context
	cmd  Command[S]
	done chan struct{}
	out  Outcome[S]
	err  error
}

func (p *pending[S]) answer(out Outcome[S], err error) {
	p.out, p.err = out, err
	close(p.done)
}

// queue orders the commands of one stream. It exists while there are any.
type queue struct {
	waiting []any // *pending[S] of the stream's noun
}

// enqueue hands p to the stream's queue and starts its worker when there is none.
func enqueue[S any](s *Streams[S], stream Stream, p *pending[S]) error {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fault.Wrap(errClosing, fault.Unavailable, "closing", "The service is stopping. Try again in a moment.")
	}
	q, ok := l.queues[stream]
	if !ok {
		q = &queue{}
		l.queues[stream] = q
		l.work.Add(1)
		go func() {
			defer l.work.Done()
			(&worker[S]{s: s, stream: stream, q: q}).run()
		}()
	}
	q.waiting = append(q.waiting, p)
	return nil
}

// worker decides and appends the commands of one stream, batch by batch, until there are no more.
type worker[S any] struct {
	s      *Streams[S]
	stream Stream
	q      *queue
	yield  time.Duration // time to leave the stream to another process after the next batch
}

func (w *worker[S]) run() {
	var carried []*pending[S] // decided again: they lost against another writer
	for {
		batch := carried
		l := w.s.l
		l.mu.Lock()
		for len(w.q.waiting) > 0 && len(batch) < batchMax {
			batch = append(batch, w.q.waiting[0].(*pending[S]))
			w.q.waiting = w.q.waiting[1:]
		}
		if len(batch) == 0 {
			delete(l.queues, w.stream)
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		carried = w.batch(batch)
	}
}

// proposal is one command of a batch that became a commit.
type proposal[S any] struct {
	p      *pending[S]
	commit store.Commit
	after  *folded[S] // the fold right after it
	events []Recorded
}

// follower is a command whose answer hangs on the batch: a repeat of, or nothing to do after, the proposal before it.
type follower[S any] struct {
	p     *pending[S]
	of    int // index of that proposal; -1: the state before the batch
	again bool
}

// batch decides the commands one on another, appends what they give and answers. It returns those to be decided again.
func (w *worker[S]) batch(cmds []*pending[S]) (again []*pending[S]) {
	s, ctx := w.s, w.s.l.ctx
	base, err := s.tail(ctx, w.stream)
	if err != nil {
		for _, p := range cmds {
			p.answer(Outcome[S]{}, err)
		}
		return nil
	}

	var proposals []proposal[S]
	var followers []follower[S]
	current := base
	for _, p := range cmds {
		if err := p.ctx.Err(); err != nil {
			p.answer(Outcome[S]{}, fault.Wrap(err, fault.Unavailable, "not_done", "The request ended before it was carried out."))
			continue
		}
		if p.cmd.Key != "" {
			i, seen, err := w.repeats(ctx, p, base, proposals)
			switch {
			case err != nil:
				p.answer(Outcome[S]{}, err)
				continue
			case seen && i >= 0:
				followers = append(followers, follower[S]{p: p, of: i, again: true})
				continue
			case seen:
				continue // answered from the log
			}
		}
		next, err := w.decide(p, current)
		switch {
		case err != nil:
			p.answer(Outcome[S]{}, err)
		case next == nil:
			followers = append(followers, follower[S]{p: p, of: len(proposals) - 1})
		default:
			proposals = append(proposals, *next)
			current = next.after
		}
	}

	n, failure := 0, error(nil)
	if len(proposals) > 0 {
		n, failure = w.append(ctx, proposals)
	}
	w.publish(proposals[:n])
	if n < len(proposals) {
		s.l.cache.drop(w.stream) // somebody else was here, or nobody knows: read again
	}
	for _, f := range followers {
		switch {
		case f.of < 0:
			f.p.answer(Outcome[S]{State: base.State, Repeated: f.again}, nil)
		case f.of < n:
			pr := proposals[f.of]
			out := Outcome[S]{State: pr.after.State, Repeated: f.again}
			if f.again {
				out.Events = pr.events
			}
			f.p.answer(out, nil)
		case failure != nil:
			f.p.answer(Outcome[S]{}, failure)
		default:
			again = append(again, f.p)
		}
	}
	for i, pr := range proposals {
		switch {
		case i < n:
			pr.p.answer(Outcome[S]{State: pr.after.State, Events: pr.events}, nil)
		case failure != nil:
			pr.p.answer(Outcome[S]{}, failure)
		default:
			again = append(again, pr.p)
		}
	}
	return again
}

// repeats looks whether the command's key was used before: by a proposal of this batch (its index, or -1 when it has been
// answered from the log).
func (w *worker[S]) repeats(ctx context.Context, p *pending[S], base *folded[S], proposals []proposal[S]) (int, bool, error) {
	key := keyDigest(p.cmd.Actor.Account, p.cmd.Key)
	for i, pr := range proposals {
		if slices.Equal(pr.commit.Key, key) {
			if !slices.Equal(pr.p.cmd.Digest, p.cmd.Digest) {
				return 0, false, errKeyReused()
			}
			return i, true, nil
		}
	}
	if base.Seq == 0 {
		return 0, false, nil
	}
	seq, err := w.s.l.store.FindKey(ctx, string(w.stream), key)
	if err != nil {
		return 0, false, unavailable(err)
	}
	if seq == 0 || seq > base.Seq {
		return 0, false, nil
	}
	f, events, digest, err := w.s.at(ctx, w.stream, seq)
	if err != nil {
		return 0, false, err
	}
	if digest != hex.EncodeToString(p.cmd.Digest) {
		return 0, false, errKeyReused()
	}
	p.answer(Outcome[S]{State: f.State, Events: events, Repeated: true}, nil)
	return -1, true, nil
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

// append writes the proposals and says how many stand. A failure answers all the others; without one they are to be decided again.
func (w *worker[S]) append(ctx context.Context, proposals []proposal[S]) (n int, failure error) {
	l := w.s.l
	commits := make([]store.Commit, len(proposals))
	for i, p := range proposals {
		commits[i] = p.commit
	}
	start := l.opt.Now()
	deadline, cancel := context.WithTimeout(ctx, l.opt.OutcomeTimeout)
	defer cancel()
	for {
		k, err := l.store.Append(deadline, commits[n:])
		n += k
		took := l.opt.Now().Sub(start)
		if n == len(commits) {
			l.opt.Observe(n, took)
			w.giveWay(ctx)
			return n, nil
		}
		if errors.Is(err, store.ErrFull) {
			return n, fault.Wrap(err, fault.Full, "disk_full", "There is no space left to record anything. Nothing was changed.")
		}
		if errors.Is(err, store.ErrClosed) {
			return n, fault.Wrap(err, fault.Unavailable, "closing", "The service is stopping. Nothing was changed.")
		}
		// Lost, or not known: the stream itself says which.
		mine, theirs, readErr := w.compare(deadline, commits[n:])
		n += mine
		switch {
		case n == len(commits):
			l.opt.Observe(n, took)
			return n, nil
		case readErr == nil && theirs:
			w.yield = took
			return n, nil
		case readErr == nil && deadline.Err() == nil:
			continue // absent: insert the same commits again
		}
		return n, fault.Wrap(errors.Join(err, readErr), fault.Unavailable, "outcome_unknown",
			"It is not known whether the change was recorded. Repeat it with the same key.")
	}
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

// publish makes accepted proposals visible: to readers, to the projector and to whoever announces.
func (w *worker[S]) publish(accepted []proposal[S]) {
	if len(accepted) == 0 {
		return
	}
	s, l := w.s, w.s.l
	last := accepted[len(accepted)-1]
	l.cache.put(w.stream, last.after, last.after.size)

	var events []Recorded
	for _, p := range accepted {
		events = append(events, p.events...)
	}
	ops := s.projection(last.after, events)
	if last.after.Seq/snapshotEvery != (accepted[0].after.Seq-1)/snapshotEvery {
		if op, err := s.snapshot(last.after); err != nil {
			l.log.Error("a snapshot could not be made; the stream stays readable without", "stream", w.stream, "error", err)
		} else {
			ops = append([]store.Op{op}, ops...)
		}
	}
	l.projects.add(w.stream, last.after.Seq, ops)
	for _, p := range accepted {
		l.opt.Publish(Appended{
			Stream: w.stream, Seq: p.commit.Seq, CommitID: p.commit.ID, RecordedAt: p.commit.RecordedAt,
			Announcements: s.announcements(p.after, p.events),
		})
	}
}
