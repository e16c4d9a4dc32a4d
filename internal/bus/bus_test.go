package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/bus"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// keys are the secret keys of the records of a test.
var keys = [][]byte{[]byte("a key of thirty-two bytes, really")}

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
	return bus.Config{Keys: keys, Dir: dir, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

// open opens a bus and closes it with the test.
func open(t testing.TB, cfg bus.Config) *bus.Bus {
	t.Helper()
	b, err := bus.Open(within(t), cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { closeAfter(t, b) })
	return b
}

// closeAfter closes the bus when the context of the test has ended.
func closeAfter(t testing.TB, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
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

// reserve has everything kept for the consumer from now on.
func reserve(t testing.TB, b *bus.Bus) {
	t.Helper()
	consume(t, b, newInbox()).Stop()
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

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// logger gives a logger that writes to the journal.
func (j *journal) logger() *slog.Logger { return slog.New(j) }

// about gives the lines, of any level, that contain the words.
func (j *journal) about(words string) (found []string) {
	for _, line := range j.at(slog.LevelDebug) {
		if strings.Contains(line, words) {
			found = append(found, line)
		}
	}
	return found
}

// copying is an embedded bus that publishes copies and lets an operator look.
func copying(dir string) bus.Config {
	cfg := config(dir)
	cfg.Copies, cfg.Listen, cfg.Token = true, "127.0.0.1:0", "secret"
	return cfg
}

// copiesIn lists the states and incidents there are copies for.
func copiesIn(t *testing.T, b *bus.Bus) string {
	t.Helper()
	stream, err := outside(t, b).Stream(within(t), "LANDFALL_FOR")
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(within(t), jetstream.WithSubjectFilter("landfall.for.>"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for subject := range info.State.Subjects {
		words := strings.Split(subject, ".")
		found = append(found, words[2]+"."+words[5])
	}
	slices.Sort(found)
	return strings.Join(slices.Compact(found), " ")
}

// plain is a client of the servers at url that can do what an operator can.
func plain(t testing.TB, url string) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// carry copies until either side is closed.
func carry(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}
