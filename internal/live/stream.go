package live

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"landfall/internal/fault"
	"landfall/internal/guard"
)

const (
	// lookAgain and lookBound together bound how long a stream outlives its token or session: 4.5
	// seconds.
	lookAgain = 3 * time.Second
	lookBound = 1500 * time.Millisecond
	// doubtsMost is how many looks in a row may find out nothing before the stream ends.
	doubtsMost = 2
	// writeBound is how long a reader may take for what is written at once.
	writeBound = 10 * time.Second

	stillHere = ": still here\n\n"
)

// Stream writes events to one reader.
type Stream struct {
	to      http.ResponseWriter
	control *http.ResponseController
	panics  *guard.Guard
	over    atomic.Bool // nothing is written any more
}

// Open begins a stream, whose panics g recovers.
func Open(to http.ResponseWriter, g *guard.Guard) *Stream {
	h := to.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies must not hold events back
	to.WriteHeader(http.StatusOK)
	return &Stream{to: to, control: http.NewResponseController(to), panics: g}
}

var errOver = errors.New("live: the stream has ended")

// Write sends text at once. A reader that does not take it within ten seconds is cut off: a
// deadline in the past ends the write that waits. An error says that the reader is gone.
func (s *Stream) Write(text string) error {
	_ = s.control.SetWriteDeadline(time.Time{}) // servers without deadlines are those of tests
	if s.over.Load() {
		return errOver
	}
	bound := time.AfterFunc(writeBound, s.cut)
	defer bound.Stop()
	if _, err := s.to.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}

// cut ends a write under way.
func (s *Stream) cut() { _ = s.control.SetWriteDeadline(time.Unix(1, 0)) }

// Source waits for something to write and gives it; "" says that there was something, and that it is
// not for this reader. Its context ends when a sign of life is due, so it is called again after that.
type Source func(ctx context.Context) (string, error)

// Run writes what next gives until ctx ends, the reader is gone or may not listen any more, or next
// fails, whose error it gives. still says whether the reader may listen on; its fault is Unauthenticated
// when not. It is asked every few seconds, also while a write waits, by a goroutine of its own.
func (s *Stream) Run(
	ctx context.Context, heartbeat time.Duration, still func(context.Context) error, next Source,
) error {
	ctx, end := context.WithCancel(ctx)
	var looking sync.WaitGroup
	defer looking.Wait()
	defer end()
	looking.Go(func() {
		ended := true // also when the look panics: in doubt nobody listens on
		s.panics.Run("the look at a reader of events", func() { ended = s.look(ctx, still) })
		if ended {
			s.over.Store(true)
			end()
			s.cut()
		}
	})
	next = s.passingOver(next)
	var err error
	for text := "retry: 3000\n: Landfall\n\n"; err == nil && ctx.Err() == nil; {
		if s.Write(text) != nil {
			return nil
		}
		text, err = sinceWritten(ctx, heartbeat, next)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// panicsMost is how often in a row what is to be written may panic before the stream ends.
const panicsMost = 3

// passingOver makes next pass over an event that panics, so that the reader, who would come back to it
// again and again, gets those behind it.
func (s *Stream) passingOver(next Source) Source {
	row := 0
	return func(ctx context.Context) (text string, err error) {
		panicked := true
		s.panics.Run("an event of a stream", func() {
			text, err = next(ctx)
			panicked = false
		})
		if !panicked {
			row = 0
			return text, err
		}
		if row++; row == panicsMost {
			return "", errPanics
		}
		return "", nil
	}
}

var errPanics = errors.New("live: what is to be written panics again and again")

// sinceWritten gives what is to be written next: what next gives, or a sign of life when the
// heartbeat has passed since the last byte, however much there was that is not for this reader.
func sinceWritten(ctx context.Context, heartbeat time.Duration, next Source) (string, error) {
	quiet, stop := context.WithTimeout(ctx, heartbeat)
	defer stop()
	for {
		text, err := next(quiet)
		switch {
		case text != "" && err == nil:
			return text, nil
		case quiet.Err() != nil:
			return stillHere, nil
		case err != nil:
			return "", err
		}
	}
}

// look looks again and again whether the reader may listen on, and reports that it may not. What
// cannot be found out is doubted twice.
func (s *Stream) look(ctx context.Context, still func(context.Context) error) (ended bool) {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for doubts := 0; doubts < doubtsMost; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
		bounded, stop := context.WithTimeout(ctx, lookBound)
		err := still(bounded)
		stop()
		switch {
		case err == nil:
			doubts = 0
		case fault.Is(err, fault.Unauthenticated):
			return true
		default:
			doubts++
		}
	}
	return ctx.Err() == nil
}

// Frame writes one event as the format has it. id may be empty: the event is then no place to go on
// from.
func Frame(event, id, data string) string {
	var b strings.Builder
	b.WriteString("event: " + event + "\n")
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	for line := range strings.Lines(strings.TrimRight(data, "\n")) {
		b.WriteString("data: " + strings.TrimSuffix(line, "\n") + "\n")
	}
	b.WriteString("\n")
	return b.String()
}
