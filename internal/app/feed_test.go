package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"landfall/internal/bus"
	"landfall/internal/ledger"
	"landfall/internal/live"
	"landfall/internal/notify"
)

var busKey = []byte("a key of the records of a test, 1")

func openTestBus(t *testing.T) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{
		Dir: t.TempDir(), Keys: [][]byte{busKey}, Read: readEvent, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
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

// opened is the event that a hazard was opened, as a commit announces it.
func opened(seq int64) ledger.Announcement {
	return ledger.Announcement{
		EventID: fmt.Sprintf("event-%d", seq), Type: "hazard.opened.v1", Stream: "hazard/maria", Seq: seq, At: time.Unix(seq, 0).UTC(),
		Data: json.RawMessage(`{"name":"Maria"}`), Parties: []string{"DMA"}, Level: ledger.Public,
	}
}

func publishAll(t *testing.T, b *bus.Bus, notes []notify.Note) {
	t.Helper()
	var messages []bus.Message
	for _, n := range notes {
		messages = append(messages, bus.Message{Subject: bus.Subject(false, "DMA", "", n.Type), ID: n.EventID, Body: n.Body, Notice: n.Notice()})
	}
	if err := b.Publish(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
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

func TestEveryReaderGetsTheEventInTheBytesThatWereSent(t *testing.T) {
	t.Parallel()
	b := openTestBus(t)
	var readers []live.Following
	for range 8 {
		readers = append(readers, follow(t, feed{bus: b}))
	}
	var announced []ledger.Announcement
	for i := range int64(50) {
		announced = append(announced, opened(i+1))
	}
	notes := notify.NotesOf(notify.DefaultSource, announced, true)
	publishAll(t, b, notes)
	var reading sync.WaitGroup
	for _, reader := range readers {
		reading.Go(func() {
			for i, n := range notes {
				e := nextOf(t, reader)
				if string(e.Body) != string(n.Body) || e.CloudType != "landfall.hazard.opened.v1" || e.Seq != int64(i+1) || e.Level != ledger.Public || e.Parties[0] != "DMA" {
					t.Errorf("event %d is %+v: %s", i+1, e.Announcement, e.Body)
				}
			}
		})
	}
	reading.Wait()
}
