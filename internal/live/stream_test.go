package live_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"landfall/internal/fault"
	"landfall/internal/guard"
	"landfall/internal/live"
)

// reader takes what a stream writes, with the times since the beginning. A slow one takes no event
// until its deadline has passed.
type reader struct {
	mu       sync.Mutex
	began    time.Time
	slow     bool
	deadline chan struct{}
	got      []string
	at       []time.Duration
}

func newReader() *reader { return &reader{began: time.Now(), deadline: make(chan struct{}, 8)} }

func (r *reader) Header() http.Header { return http.Header{} }
func (r *reader) WriteHeader(int)     {}
func (r *reader) Flush()              {}

func (r *reader) SetWriteDeadline(t time.Time) error {
	if !t.IsZero() {
		r.deadline <- struct{}{}
	}
	return nil
}

func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	slow := r.slow && strings.HasPrefix(string(p), "event")
	r.got, r.at = append(r.got, string(p)), append(r.at, time.Since(r.began))
	r.mu.Unlock()
	if slow {
		<-r.deadline
		return 0, errors.New("the deadline has passed")
	}
	return len(p), nil
}

const beat = 15 * time.Second

// always lets the reader listen on.
func always(context.Context) error { return nil }

// every gives something each period: text, or "" for what is not for the reader.
func every(period time.Duration, text string) live.Source {
	tick := time.NewTicker(period)
	return func(ctx context.Context) (string, error) {
		select {
		case <-tick.C:
			return text, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func open(t *testing.T, r *reader) *live.Stream {
	t.Helper()
	return live.Open(r, guard.New(slog.New(slog.DiscardHandler), nil))
}

func TestASignOfLifeIsDueByTheTimeSinceTheLastByte(t *testing.T) {
	t.Parallel()
	for name, period := range map[string]time.Duration{
		"nothing happens":                            time.Hour,
		"much happens that is not for the reader":    time.Millisecond,
		"something happens at times, and not for it": 4 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newReader()
			s := open(t, r)
			ctx, stop := context.WithTimeout(t.Context(), time.Minute+time.Second)
			defer stop()
			if err := s.Run(ctx, beat, always, every(period, "")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if len(r.got) != 5 || r.got[4] != ": still here\n\n" || r.at[1] < beat || r.at[4] > time.Minute+4*time.Second {
				t.Errorf("%s: %q at %v", name, r.got, r.at)
			}
		})
	}
}

func TestWhatIsWrittenPutsTheSignOfLifeOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		s := open(t, r)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := s.Run(ctx, beat, always, every(14*time.Second, "event\n\n")); err != nil {
			t.Error(err)
		}
		if text := strings.Join(r.got, ""); strings.Contains(text, "still here") || strings.Count(text, "event") != 4 {
			t.Errorf("wrote %q", text)
		}
	})
}

func TestAStreamEndsWithinFiveSecondsOfWhatItStandsOn(t *testing.T) {
	t.Parallel()
	unauthenticated := fault.New(fault.Unauthenticated, "unauthenticated", "Over.")
	for _, c := range []struct {
		name string
		slow bool
		wait time.Duration // of one look
		err  error         // what a look finds
		most time.Duration
	}{
		{name: "it is over", err: unauthenticated, most: 5 * time.Second},
		{name: "it is over while a write waits", slow: true, err: unauthenticated, most: 5 * time.Second},
		{name: "it is over, and looking takes its time", wait: time.Second, err: unauthenticated, most: 5 * time.Second},
		{name: "nobody can tell", err: errors.New("no answer"), most: 10 * time.Second},
		{name: "looking takes for ever", wait: time.Hour, most: 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newReader()
			s := open(t, r)
			r.slow = c.slow
			over := r.began.Add(30*time.Second + 1) // right after a look
			still := func(ctx context.Context) error {
				if time.Now().Before(over) {
					return nil
				}
				select {
				case <-time.After(c.wait):
					return c.err
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if err := s.Run(t.Context(), time.Hour, still, every(29*time.Second, "event\n\n")); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if took := time.Since(over); took > c.most || took < 0 {
				t.Errorf("%s: it ends after %s, want %s at most", c.name, took, c.most)
			}
			if s.Write("more\n\n") == nil {
				t.Errorf("%s: it writes on", c.name)
			}
		})
	}
}

func TestAnEventThatPanicsIsPassedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		s := open(t, r)
		n := 0
		err := s.Run(t.Context(), time.Hour, always, func(context.Context) (string, error) {
			if n++; n == 2 || n > 3 {
				panic("no event")
			}
			return fmt.Sprint("event ", n, "\n\n"), nil
		})
		if text := strings.Join(r.got, ""); !strings.Contains(text, "event 1") || !strings.Contains(text, "event 3") {
			t.Errorf("wrote %q", text)
		}
		if err == nil || n != 6 { // not for ever
			t.Errorf("after %d events the stream ended with %v", n, err)
		}
	})
}

func TestALookThatPanicsEndsTheStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, newReader())
		still := func(context.Context) error { panic("no look") }
		if err := s.Run(t.Context(), time.Hour, still, every(time.Minute, "event\n\n")); err != nil {
			t.Error(err)
		}
	})
}

func TestOneDoubtEndsNoStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, newReader())
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		looks := 0
		still := func(context.Context) error {
			if looks++; looks%2 == 0 {
				return errors.New("no answer")
			}
			return nil
		}
		if err := s.Run(ctx, beat, still, every(time.Minute, "")); err != nil || ctx.Err() == nil {
			t.Errorf("it ends after %d looks: %v", looks, err)
		}
	})
}

func TestAReaderThatTakesNothingIsLetGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		s := open(t, r)
		r.slow = true
		if err := s.Run(t.Context(), beat, always, every(time.Second, "event\n\n")); err != nil {
			t.Error(err)
		}
		if took := time.Since(r.began); took > 12*time.Second {
			t.Errorf("let go after %s", took)
		}
	})
}

func TestAFailureIsToldAndEndsTheStream(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	s := open(t, newReader())
	fails := func(context.Context) (string, error) { return "", broken }
	if err := s.Run(t.Context(), beat, always, fails); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestAFrameHoldsOneEventWhateverItsData(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ id, data, want string }{
		{"a-1", `{"a":1}` + "\n", "event: e\nid: a-1\ndata: {\"a\":1}\n\n"},
		{"", "one\n\nevent: forged", "event: e\ndata: one\ndata: \ndata: event: forged\n\n"},
	} {
		if got := live.Frame("e", c.id, c.data); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
