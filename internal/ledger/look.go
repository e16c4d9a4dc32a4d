package ledger

import (
	"context"
	"errors"
	"sync"
	"time"
)

var errLookBroken = errors.New("ledger: the read that was waited for did not end")

// looks lets those who want the newest fold of a stream at the same moment share one read. A read shows everything recorded before it began, so
// whoever comes while one is under way waits for the next, and all who wait share that. The zero value is ready. All methods may be called
// concurrently.
//
//	first ──▶ read ─────────────┐
//	second, third ──▶ wait ─────┴─▶ one of them reads for both
type looks struct {
	mu      sync.Mutex
	streams map[Stream]*looking
}

// looking is one stream that is being read.
type looking struct {
	next *look // not begun; nil while nobody waits
}

// look is one read.
type look struct {
	waiting int           // who share it; guarded by the mutex of looks
	lead    chan struct{} // holds one token once it may begin: who takes it reads
	done    chan struct{}
	fold    any
	err     error
}

// newest gives what read gives, read after the call began. The read is carried out in the context of one of the callers, whose end does not
// break it off.
func (l *looks) newest(ctx context.Context, stream Stream, read func(context.Context) (any, error)) (any, error) {
	l.mu.Lock()
	s, busy := l.streams[stream]
	if !busy {
		if l.streams == nil {
			l.streams = map[Stream]*looking{}
		}
		s = &looking{}
		l.streams[stream] = s
		l.mu.Unlock()
		defer l.pass(stream, s)
		return read(context.WithoutCancel(ctx))
	}
	if s.next == nil {
		s.next = &look{lead: make(chan struct{}, 1), done: make(chan struct{})}
	}
	mine := s.next
	mine.waiting++
	l.mu.Unlock()

	select {
	case <-mine.done:
	case <-mine.lead:
		l.mu.Lock()
		s.next = nil // who comes from here on is too late for this one
		l.mu.Unlock()
		defer l.pass(stream, s)
		defer close(mine.done)
		mine.err = errLookBroken // stands only should read panic
		mine.fold, mine.err = read(context.WithoutCancel(ctx))
	case <-ctx.Done():
		l.leave(stream, s, mine)
		return nil, context.Cause(ctx)
	}
	return mine.fold, mine.err
}

// pass lets the next read begin, or forgets the stream when nobody waits.
func (l *looks) pass(stream Stream, s *looking) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.next == nil {
		delete(l.streams, stream)
		return
	}
	s.next.lead <- struct{}{}
}

// leave takes one who waited out. When nobody else does and the read was to begin, the stream is forgotten.
func (l *looks) leave(stream Stream, s *looking, mine *look) {
	l.mu.Lock()
	defer l.mu.Unlock()
	mine.waiting--
	if mine.waiting > 0 || s.next != mine {
		return
	}
	s.next = nil
	select {
	case <-mine.lead: // it was this one's turn
		delete(l.streams, stream)
	default: // the read under way passes to nobody
	}
}

// lookFresh is for how long a look at a stream that other processes write to spares another one
// before deciding. The append itself is the proof.
const lookFresh = 20 * time.Millisecond

// likelyTail gives the fold to decide on. It may be a guess, which costs nothing when it is right,
// and of which the append itself is the proof: the empty fold for a command that begins the stream,
// and, where other processes write too, one that was the tail a moment ago. shared says that
// another process has written the stream since this one last did.
func (s *Streams[S]) likelyTail(
	ctx context.Context, stream Stream, begins bool,
) (f *folded[S], guess, shared bool, err error) {
	f, looked, held := s.held(stream)
	switch {
	case !held && begins:
		return s.empty(stream), true, false, nil
	case !s.l.opt.Shared:
		f, err = s.tail(ctx, stream)
		return f, false, false, err
	}
	if guess = held && s.l.opt.Now().Sub(looked).Abs() < lookFresh; !guess {
		if f, err = s.tail(ctx, stream); err != nil {
			return nil, false, false, err
		}
	}
	return f, guess, s.l.rivals.behind(stream, f.Seq, s.l.opt.Now()), nil
}
