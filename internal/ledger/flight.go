package ledger

import (
	"context"
	"errors"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// flight is one batch under way.
type flight[S any] struct {
	base      *folded[S] // what its first command was decided on
	guess     bool       // nobody has looked whether base was the tail
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
	told   []Announcement // for a caller that tells of it itself
}

// follower is a command whose answer hangs on the batch without being a commit of it.
type follower[S any] struct {
	p     *pending[S]
	of    int   // index of the proposal it was decided after; -1: the base of the batch
	again bool  // it repeats that proposal
	err   error // it was refused
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
		t.err = l.opt.Guard.Do("an append", func() (err error) {
			t.n, err = l.store.Append(ctx, commits)
			return err
		})
	})
	return t
}

// dropLate has the fold of a stream forgotten once a batch that was given up has ended: it may have been written after all.
func (l *Ledger) dropLate(stream Stream, t store.Ticket) {
	l.work.Go(func() {
		l.opt.Guard.Keep(l.ctx, "a late append", func() {
			select {
			case <-t.Done():
				l.cache.outdate(stream, l.opt.Now())
			case <-l.ctx.Done():
			}
		})
	})
}

type appendTicket struct {
	done chan struct{}
	n    int
	err  error
}

func (t *appendTicket) Done() <-chan struct{} { return t.done }
func (t *appendTicket) Result() (int, error)  { return t.n, t.err }

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
			w.took = took
			l.opt.Observe(n, took)
			return n, nil
		case errors.Is(err, store.ErrFull) && f.guess && n == 0:
			return 0, nil // what is there already needs no space: a look will tell
		case errors.Is(err, store.ErrFull):
			return n, fault.Wrap(err, fault.Full, "disk_full", "There is no space left to record anything. Nothing was changed.")
		case errors.Is(err, store.ErrClosed):
			return n, fault.Wrap(err, fault.Unavailable, "closing", "The service is stopping. Nothing was changed.")
		}
		// Lost, or not known: the stream itself says which.
		mine, theirs, readErr := w.compare(f, n)
		n += mine
		switch {
		case n == len(commits):
			continue
		case readErr == nil && (theirs || errors.Is(err, store.ErrSeqTaken)):
			return n, nil
		case readErr == nil && f.ctx.Err() == nil:
			// Absent: insert the same commits again.
			f.ticket = w.submit(f.ctx, commits[n:])
			select {
			case <-f.ticket.Done():
				var k int
				k, err = f.ticket.Result()
				n += k
			case <-f.ctx.Done():
				err = context.Cause(f.ctx)
			}
			continue
		}
		w.giveUp(f)
		return n, errUnknown(errors.Join(err, readErr))
	}
}

const codeUnknown = "outcome_unknown"

func errUnknown(err error) error {
	return fault.Wrap(err, fault.Unavailable, codeUnknown, "It is not known whether the change was recorded. Repeat it with the same key.")
}

// giveWay leaves the stream alone for about one append after a batch while another process writes to it, so that nobody starves.
func (w *worker[S]) giveWay(ctx context.Context) {
	if !w.shared {
		return
	}
	w.shared = false
	_ = wait(ctx, min(w.took, 100*time.Millisecond)) // who asks sees for itself that ctx has ended
}

// compare reads what stands where the batch's commits from the n-th on were to go: how many of them are there, and whether another's is.
func (w *worker[S]) compare(f *flight[S], n int) (mine int, theirs bool, err error) {
	rest := f.proposals[n:]
	found, err := w.s.l.store.ReadStream(f.ctx, string(w.stream), rest[0].commit.Seq-1, max(len(rest), snapshotEvery))
	if err != nil {
		return 0, false, err
	}
	for mine < len(found) && mine < len(rest) && found[mine].ID == rest[mine].commit.ID {
		mine++
	}
	if mine == len(rest) || mine == len(found) {
		return mine, false, nil
	}
	w.learn(f, n+mine, found[mine:])
	return mine, true, nil
}

// learn folds what another process has written behind the first n proposals of the batch, so that nobody has to read it again to decide.
func (w *worker[S]) learn(f *flight[S], n int, theirs []store.Commit) {
	base := f.base
	if n > 0 {
		base = f.proposals[n-1].after
	}
	next := w.s.clone(base)
	for _, c := range theirs {
		if _, err := w.s.apply(next, c); err != nil {
			return // whoever reads the tail will say what is wrong with it
		}
	}
	if w.s.l.opt.Shared {
		w.learned = next
		w.s.keep(w.stream, next, f.began)
	}
}
