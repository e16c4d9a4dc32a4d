package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/bus"
	"landfall/internal/ledger"
	"landfall/internal/live"
	"landfall/internal/notify"
	"landfall/internal/store/sqlite"
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
	notes := notify.NotesOf(notify.DefaultSource, "", announced, true)
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

func TestFormerKeysCountForAsLongAsTheBusKeepsMessages(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Date(2026, 9, 18, 12, 0, 0, 0, time.UTC)
	for name, f := range map[string]struct {
		text string
		age  time.Duration
	}{
		currentKey:             {strings.Repeat("1", 64), 0},
		formerKey + "aa":       {strings.Repeat("2", 64) + "\n", 29 * 24 * time.Hour},
		formerKey + "bb":       {strings.Repeat("3", 64), 31 * 24 * time.Hour},
		formerKey + "bb.notes": {"kept in the safe", time.Hour},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-f.age), now.Add(-f.age)); err != nil {
			t.Fatal(err)
		}
	}
	a := &App{opt: Options{Records: Records{Data: dir}, Now: func() time.Time { return now }, FormerKey: strings.Repeat("4", 64)}}
	keys, err := a.formerKeys()
	var got []string
	for _, k := range keys {
		got = append(got, hex.EncodeToString(k)[:1])
	}
	if want := []string{"4", "2"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got keys %v, %v, want %v", got, err, want)
	}
}

func TestWhatIsTooLargeForTheBusIsReadFromTheLog(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "landfall.db"), ledger.Kinds(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(st, ledger.Options{Now: time.Now})
	t.Cleanup(func() {
		if err := errors.Join(l.Close(context.Background()), st.Close()); err != nil {
			t.Error(err)
		}
	})
	hazards := ledger.Register(l, ledger.Fold[string]{
		Noun: "hazard", Events: []string{"hazard.opened.v1"},
		New: func(string) string { return "" }, Clone: func(s string) string { return s },
		Evolve: func(s string, _ ledger.Recorded) (string, error) { return s, nil },
		Announce: func(_ string, _ ledger.Head, e ledger.Recorded) (ledger.Announcement, bool) {
			return ledger.Announcement{Data: e.Data, Level: ledger.Public}, true
		},
	})
	var notes []notify.Note
	for _, id := range []string{"maria", "irma"} {
		out, err := hazards.Execute(t.Context(), id, ledger.Command[string]{
			Actor: ledger.System, Expect: ledger.MustNotExist,
			Decide: func(string, ledger.Moment) (ledger.Decision, error) {
				return ledger.Decision{Events: []ledger.Event{{Type: "hazard.opened.v1", Data: map[string]string{"name": id}}}}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		commits, err := st.ReadStream(t.Context(), string(out.Stream), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		announced, err := l.Announcements(t.Context(), commits[0])
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, notify.NotesOf(notify.DefaultSource, "", announced, false)...)
	}
	b := openTestBus(t)
	reader := follow(t, feed{bus: b, log: eventLog{st, l, slog.New(slog.DiscardHandler)}})
	gone := notify.NotesOf(notify.DefaultSource, "", []ledger.Announcement{opened(9)}, false)[0] // no record of it
	var messages []bus.Message
	for _, n := range []notify.Note{gone, notes[0], notes[1]} {
		body, notice := n.Short(notify.DefaultSource)
		messages = append(messages, bus.Message{Subject: bus.Subject(false, "DMA", "", n.Type), ID: n.EventID, Body: body, Notice: notice})
	}
	if err := b.Publish(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		if e := nextOf(t, reader); string(e.Body) != string(n.Body) || e.Level != ledger.Public {
			t.Errorf("got %s, want %s", e.Body, n.Body)
		}
	}
}

func TestMessagesThatAreNotBelievedAreAnAlarmForAWhile(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 18, 12, 0, 0, 0, time.UTC)
	a := &App{metrics: newMetrics(), opt: Options{Now: func() time.Time { return now }}}
	look := func(at time.Time) string {
		for _, w := range a.watchers() {
			if w.code == "bus_disbelieved" {
				text, err := w.look(t.Context(), at)
				if err != nil {
					t.Error(err)
				}
				return text
			}
		}
		t.Fatal("nobody watches")
		return ""
	}
	if text := look(now); text != "" {
		t.Errorf("it says %q of nothing", text)
	}
	a.disbelieved("epoch")
	if text := look(now.Add(time.Minute)); !strings.Contains(text, "(epoch)") {
		t.Errorf("it says %q", text)
	}
	if text := look(now.Add(disbeliefFor)); text != "" {
		t.Errorf("it says %q for ever", text)
	}
}
