package app

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"

	"landfall/internal/bus"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/live"
	"landfall/internal/notify"
	"landfall/internal/store"
)

// feed gives what happens to the edges, which do not know what a bus is. A message of the bus is believed for its seal.
type feed struct {
	bus *bus.Bus
	log eventLog
}

// eventLog reads from the log what is too large for the bus.
type eventLog struct {
	store  store.Ledger
	ledger *ledger.Ledger
	log    *slog.Logger
}

// readEvent is the bus's Read: what event streams show of a message.
func readEvent(m bus.Message) (any, error) {
	note, err := notify.ReadNote(m.Body, m.Notice)
	if err != nil {
		return nil, err
	}
	return &event{note: note}, nil
}

// event is what a message tells all readers.
type event struct {
	note notify.Note // as the message has it

	mu    sync.Mutex
	found bool         // the log was looked at
	whole *notify.Note // what it has; nil: nothing that can be read
}

// read gives the event, from the log where the message is a reference; nil when it cannot be read there and never will.
func (e *event) read(ctx context.Context, log eventLog) (*notify.Note, error) {
	if !e.note.Log {
		return &e.note, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.found {
		whole, err := log.find(ctx, e.note)
		if err != nil {
			return nil, err
		}
		e.whole, e.found = whole, true
	}
	return e.whole, nil
}

// Follow implements live.Feed.
func (f feed) Follow(ctx context.Context, after string) (live.Following, error) {
	items, err := f.bus.Events(ctx, after, []string{"landfall.>"})
	if err != nil {
		return nil, err
	}
	return &following{log: f.log, items: items}, nil
}

type following struct {
	log   eventLog
	items *bus.Feed
	next  *bus.Item // was taken from items and has not been given out
}

// Next implements live.Following.
func (f *following) Next(ctx context.Context) (live.Event, error) {
	for {
		if f.next == nil {
			item, err := f.items.Next(ctx)
			if err != nil {
				return live.Event{}, err
			}
			f.next = &item
		}
		item := *f.next
		if item.Reset {
			f.next = nil
			return live.Event{ID: item.ID, Reset: true}, nil
		}
		note, err := item.Value.(*event).read(ctx, f.log)
		if err != nil {
			return live.Event{}, err
		}
		f.next = nil
		if note == nil {
			continue
		}
		return live.Event{ID: item.ID, Announcement: note.Announcement, CloudType: bus.EventType(note.Type), Body: note.Body}, nil
	}
}

// find reads a note from the log; nil when it cannot be read there and never will.
func (l eventLog) find(ctx context.Context, n notify.Note) (*notify.Note, error) {
	commits, err := l.store.Commits(ctx, []store.Ref{n.Ref()})
	if err != nil {
		return nil, err
	}
	found, err := l.ledger.AnnouncementsOf(ctx, commits)
	if ctx.Err() != nil || fault.Is(err, fault.Unavailable) {
		return nil, errors.Join(err, ctx.Err())
	}
	for _, whole := range notify.NotesOf(notify.DefaultSource, "", found[n.Ref()], true) {
		if whole.EventID == n.EventID {
			return &whole, nil
		}
	}
	l.log.WarnContext(ctx, "an event stream leaves out what cannot be read in the log", "stream", n.Stream, "seq", n.Seq, "error", err)
	return nil, nil
}

// Close implements live.Following.
func (f *following) Close() { f.items.Close() }

// refIn gives the commit that a message names; false when it names none.
func refIn(m bus.Message) (store.Ref, bool) {
	seq, err := strconv.ParseInt(m.Headers[headerSeq], 10, 64)
	return store.Ref{Stream: m.Headers[headerStream], Seq: seq}, err == nil && m.Headers[headerStream] != ""
}
