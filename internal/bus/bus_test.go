package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"landfall/internal/bus"
)

// patience bounds every wait for something that must happen.
const patience = 10 * time.Second

// within gives a context that ends with the test or after patience.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// journal collects what the bus logs.
type journal struct {
	mu    sync.Mutex
	lines []slog.Record
}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }
func (j *journal) Handle(_ context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, r)
	return nil
}

func (j *journal) at(level slog.Level) (texts []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.lines {
		if r.Level >= level {
			text := r.Message
			r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
			texts = append(texts, text)
		}
	}
	return texts
}

func config(dir string) bus.Config {
	return bus.Config{Dir: dir, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

// open opens a bus and closes it with the test.
func open(t testing.TB, cfg bus.Config) *bus.Bus {
	t.Helper()
	b, err := bus.Open(within(t), cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return b
}

func shut(t testing.TB, b *bus.Bus) {
	t.Helper()
	if err := b.Close(within(t)); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func publish(t testing.TB, b *bus.Bus, msgs ...bus.Message) {
	t.Helper()
	if err := b.Publish(within(t), msgs); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

func message(id string) bus.Message {
	return bus.Message{Subject: bus.Subject(false, "DMA", "maria", "step.overdue.v1"), ID: id, Body: []byte(`{"n":"` + id + `"}`)}
}

func messages(prefix string, n int) []bus.Message {
	out := make([]bus.Message, n)
	for i := range out {
		out[i] = message(fmt.Sprintf("%s-%d", prefix, i))
	}
	return out
}

// inbox is a handler that remembers what it was given.
type inbox struct {
	mu      sync.Mutex
	seen    map[string]int
	batches []int
	news    chan struct{}
}

func newInbox() *inbox { return &inbox{seen: map[string]int{}, news: make(chan struct{}, 1)} }

func (in *inbox) handle(_ context.Context, batch []bus.Delivery) {
	in.mu.Lock()
	for _, d := range batch {
		in.seen[d.ID]++
	}
	in.batches = append(in.batches, len(batch))
	in.mu.Unlock()
	select {
	case in.news <- struct{}{}:
	default:
	}
}

func (in *inbox) count(id string) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.seen[id]
}

func (in *inbox) distinct() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.seen)
}

// until waits for a condition on the inbox.
func (in *inbox) until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	limit := time.After(patience)
	for !ok() {
		select {
		case <-in.news:
		case <-limit:
			t.Fatalf("waited %v for %s; have %d ids", patience, what, in.distinct())
		}
	}
}

// poll asks until the answer is yes. It is for what the server does in its own time.
func poll(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func consume(t testing.TB, b *bus.Bus, in *inbox) *bus.Subscription {
	t.Helper()
	s, err := b.Consume(t.Context(), "router", in.handle)
	if err != nil {
		t.Fatalf("consume: %v", err)
	}
	t.Cleanup(s.Stop)
	return s
}

func asideFolders(t testing.TB, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(dir + ".damaged-*")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func removeAll(t testing.TB, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
