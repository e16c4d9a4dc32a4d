package ledger

import (
	"context"
	"time"

	"landfall/internal/fault"
)

// batchMax is how many commands of one stream are decided in a row and inserted as one ordered batch.
const batchMax = 32

// Existence says what a command expects of its stream.
type Existence uint8

// What a command may expect. Those that most likely begin their stream are decided on an empty one
// without a look at it, since the append proves that it was empty.
const (
	MustExist    Existence = iota // else NotFound
	MustNotExist                  // else Conflict; most likely it does not
	MayExist                      // most likely it does
	LikelyNew                     // it may exist, and most likely it does not
)

func (e Existence) begins() bool { return e == MustNotExist || e == LikelyNew }

// Command is one change that somebody asks for.
type Command[S any] struct {
	Actor  Actor
	Relay  *Relay
	Expect Existence

	// Key is the caller's idempotency key, unique for the actor's account; Digest is the SHA-256 of the request it came with.
	// Empty: every call is a change of its own.
	Key    string
	Digest []byte

	// Fresh says that the caller has just made Key, so that nobody can have used it: it is recorded
	// and not looked up. Who repeats the command after an unknown outcome must not say so again.
	Fresh bool

	// Allow is asked first, on the newest state: whether the actor may know of the stream and speak here at all. It is asked of a repeated
	// command too, which is not decided again. nil: nothing is asked.
	Allow func(s S, at Moment) error

	// Decide turns the state into what happens. It must not change s. It may be called several times: each time on a newer state,
	// when another writer was first. No events and no error means: nothing to do.
	Decide func(s S, at Moment) (Decision, error)

	// Prompt says that the command does not wait for what is behind, see Options.Pace.
	Prompt bool

	// Trace is the W3C traceparent of the request behind a command that no request makes itself; "" is that of the context.
	Trace string

	// Told says that the caller itself tells what the commit announces, as Outcome.Announced gives
	// it, writes the notices and pays for them. Until it has, the commit owes them like any other.
	Told bool

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

	Announced []Announcement // of a command that was Told, when it was carried out now
}

// Execute carries out a command on the stream of id and answers when its commit is durable. Errors: those of Decide; NotFound or
// Conflict by Expect; Conflict "idempotency_key_reused"; Full when the disk is full (nothing was written);
// Unavailable "outcome_unknown" when the store could not say in time: repeating with the same key is then safe;
// the context's error when it ended before the command was decided.
func (s *Streams[S]) Execute(ctx context.Context, id string, c Command[S]) (Outcome[S], error) {
	stream := StreamOf(s.fold.Noun, id)
	if !s.fold.Quiet && !c.Prompt && c.Actor.Account != System.Account {
		if err := wait(ctx, s.l.opt.Pace()); err != nil {
			return Outcome[S]{}, errNotDone(err)
		}
	}
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
		if err := s.l.projects.settle(ctx, stream); err != nil {
			return Outcome[S]{}, fault.Wrap(err, fault.Unavailable, "outcome_unknown",
				"The change is recorded; its effects were not all written in time. Repeat it with the same key.")
		}
	}
	return p.out, nil
}

// wait waits for d, or until ctx ends, which is the error.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func errNotDone(err error) error {
	return fault.Wrap(err, fault.Unavailable, "not_done", "The request ended before it was carried out.")
}

// Erase removes a detached value: a commit says so, and with it the value and its salt leave the record. The chain stays valid.
func (s *Streams[S]) Erase(ctx context.Context, id string, actor Actor, e Erased) error {
	_, err := s.Execute(ctx, id, Command[S]{Actor: actor, Decide: func(_ S, at Moment) (Decision, error) {
		if e.Seq < 1 || e.Seq > at.Seq {
			return Decision{}, fault.New(fault.NotFound, "value_not_found", "There is no such record.")
		}
		return Decision{Events: []Event{{Type: EventErased, Data: e}}, Exercise: e.Exercise}, nil
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
	over bool // answered; its worker's alone
}

// answer counts once.
func (p *pending[S]) answer(out Outcome[S], err error) {
	if p.over {
		return
	}
	p.out, p.err, p.over = out, err, true
	close(p.done)
}

// queue orders the commands of one stream. It exists while there are any.
type queue struct {
	waiting []any         // *pending[S] of the stream's noun
	arrived chan struct{} // capacity 1
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
		q = &queue{arrived: make(chan struct{}, 1)}
		l.queues[stream] = q
		l.work.Add(1)
		go func() { // run recovers
			defer l.work.Done()
			newWorker(s, stream, q).run()
		}()
	}
	q.waiting = append(q.waiting, p)
	select {
	case q.arrived <- struct{}{}:
	default:
	}
	return nil
}
