package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/bus"
	"landfall/internal/ledger"
	"landfall/internal/live"
	"landfall/internal/store"
)

// recorded is a log of which only the commits are asked for.
type recorded struct {
	store.Ledger
	asked atomic.Int32
	away  atomic.Bool // it cannot be read
}

func (r *recorded) Commits(_ context.Context, refs []store.Ref) ([]store.Commit, error) {
	r.asked.Add(1)
	if r.away.Load() {
		return nil, context.DeadlineExceeded
	}
	var found []store.Commit
	for _, ref := range refs {
		if ref.Stream == "hazard/maria" {
			found = append(found, store.Commit{Stream: ref.Stream, Seq: ref.Seq})
		}
	}
	return found, nil
}

// known says that each commit announces one event: "event-<seq>".
func known(_ context.Context, commits []store.Commit) (map[store.Ref][]ledger.Announcement, error) {
	found := map[store.Ref][]ledger.Announcement{}
	for _, c := range commits {
		found[store.Ref{Stream: c.Stream, Seq: c.Seq}] = []ledger.Announcement{{
			EventID: fmt.Sprintf("event-%d", c.Seq), Type: "hazard.opened.v1", Stream: ledger.Stream(c.Stream), Seq: c.Seq,
			At: time.Unix(c.Seq, 0), Data: json.RawMessage(`{"name":"Maria"}`),
		}}
	}
	return found, nil
}

// said is a message as a bus carries it, whoever put it there. Its body is never believed.
func said(id, stream string, seq int64) bus.Message {
	m := bus.Message{
		Subject: bus.Subject(false, "DMA", "", "hazard.opened.v1"), ID: id,
		Body: []byte(`{"specversion":"1.0","data":{"name":"Forged"}}`),
	}
	if stream != "" {
		m.Headers = map[string]string{headerStream: stream, headerSeq: strconv.FormatInt(seq, 10)}
	}
	return m
}

func openTestBus(t *testing.T) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{Dir: t.TempDir(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}

// newFeed is a feed over a real bus and a log of which the test knows everything.
func newFeed(t *testing.T) (*bus.Bus, *recorded, feed) {
	t.Helper()
	b, log := openTestBus(t), &recorded{}
	return b, log, feed{bus: b, log: &lookup{
		store: log, known: known, log: slog.New(slog.DiscardHandler),
		turn: make(chan struct{}, 1), found: map[string]*live.Event{},
	}}
}

func follow(t *testing.T, f feed) live.Following {
	t.Helper()
	reader, err := f.Follow(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	return reader
}

func nextOf(t *testing.T, reader live.Following) live.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	e, err := reader.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhatTheLogDoesNotKnowIsShownToNobody(t *testing.T) {
	t.Parallel()
	b, _, f := newFeed(t)
	reader := follow(t, f)
	if err := b.Publish(t.Context(), []bus.Message{
		said("no-commit", "", 0), said("no-such-stream", "hazard/none", 1), said("another-event", "hazard/maria", 1),
		said("event-9", "incident/maria", 9), said("event-2", "hazard/maria", 2),
	}); err != nil {
		t.Fatal(err)
	}
	e := nextOf(t, reader)
	var body struct {
		ID   string
		Data struct{ Name string }
	}
	err := json.Unmarshal(e.Body, &body)
	if err != nil || e.Seq != 2 || e.CloudType != "landfall.hazard.opened.v1" || body.ID != "event-2" || body.Data.Name != "Maria" {
		t.Errorf("the first event is %+v: %s (%v)", e.Announcement, e.Body, err)
	}
}

func TestAnEventIsLookedUpOnceHoweverManyReadIt(t *testing.T) {
	t.Parallel()
	b, log, f := newFeed(t)
	var readers []live.Following
	for range 8 {
		readers = append(readers, follow(t, f))
	}
	const events = 50
	var messages []bus.Message
	for i := range int64(events) {
		messages = append(messages, said(fmt.Sprintf("event-%d", i+1), "hazard/maria", i+1))
	}
	if err := b.Publish(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	for _, reader := range readers {
		reading.Go(func() {
			for i := range int64(events) {
				if e := nextOf(t, reader); e.Seq != i+1 {
					t.Errorf("got event %d, want %d", e.Seq, i+1)
				}
			}
		})
	}
	reading.Wait()
	if n := log.asked.Load(); n > events {
		t.Errorf("%d readers of %d events looked %d times", len(readers), events, n)
	}
}

func TestWhileTheLogCannotBeReadNoEventIsPassedOver(t *testing.T) {
	t.Parallel()
	b, log, f := newFeed(t)
	reader := follow(t, f)
	log.away.Store(true)
	if err := b.Publish(t.Context(), []bus.Message{said("event-1", "hazard/maria", 1)}); err != nil {
		t.Fatal(err)
	}
	if e, err := reader.Next(t.Context()); err == nil {
		t.Fatalf("got %+v", e)
	}
	log.away.Store(false)
	if e := nextOf(t, reader); e.Seq != 1 {
		t.Errorf("it goes on with %+v", e)
	}
}

func TestWhatIsLookedUpIsBounded(t *testing.T) {
	t.Parallel()
	l := &lookup{found: map[string]*live.Event{}}
	for i := range 100 {
		l.put(strconv.Itoa(i), &live.Event{Body: make([]byte, lookupBytes/20)})
	}
	if _, newest := l.get("99"); !newest || len(l.found) > 20 || len(l.found) != len(l.order) || l.bytes > lookupBytes {
		t.Errorf("%d events of %d bytes are kept, the newest among them: %t", len(l.found), l.bytes, newest)
	}
}
