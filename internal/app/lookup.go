package app

import (
	"context"
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

const (
	// lookupBatch is how many messages are looked up at once: those of one stream cost one walk of
	// it.
	lookupBatch = 256
	// lookupBytes bounds what is kept of the newest events.
	lookupBytes = 8 << 20
)

// lookup finds what the log says of messages of the bus, once for each message, however many
// readers the feed has. It may be used concurrently.
type lookup struct {
	store store.Ledger
	known func(ctx context.Context, commits []store.Commit) (map[store.Ref][]ledger.Announcement, error)
	log   *slog.Logger
	turn  chan struct{} // held by the one reader that looks up

	mu    sync.Mutex
	found map[string]*live.Event // by place in the feed; nil: the log does not know it
	order []string               // the places, oldest first
	bytes int
}

func newLookup(st store.Ledger, l *ledger.Ledger, log *slog.Logger) *lookup {
	return &lookup{
		store: st, known: l.AnnouncementsOf, log: log,
		turn: make(chan struct{}, 1), found: map[string]*live.Event{},
	}
}

// find gives the event that a message stands for, nil when the log has none, and takes the messages
// that wait behind it along.
func (l *lookup) find(ctx context.Context, item bus.Item, rest *bus.Feed) (*live.Event, error) {
	if e, ok := l.get(item.ID); ok {
		return e, nil
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if e, ok := l.get(item.ID); ok {
		return e, nil
	}
	items := []bus.Item{item}
	for _, next := range rest.Ahead(lookupBatch - 1) {
		if _, ok := l.get(next.ID); !ok {
			items = append(items, next)
		}
	}
	found, err := l.announced(ctx, items)
	if err != nil {
		return nil, err
	}
	for i := range items {
		l.put(items[i].ID, found[i])
	}
	return found[0], nil
}

// announced reads what messages stand for from the log. A message is one commit's when it has the
// id of an event that the commit announces; its body is not read.
func (l *lookup) announced(ctx context.Context, items []bus.Item) ([]*live.Event, error) {
	refs := make([]store.Ref, 0, len(items))
	seen := map[store.Ref]bool{}
	for _, item := range items {
		if ref, ok := refIn(item.Message); ok && !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
	}
	commits, err := l.store.Commits(ctx, refs)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "store_unavailable", "What happened cannot be read at the moment.")
	}
	known, err := l.known(ctx, commits)
	switch {
	case fault.Is(err, fault.Unavailable) || ctx.Err() != nil:
		return nil, err
	case err != nil:
		l.log.WarnContext(ctx, "event streams leave out what cannot be read", "error", err)
	}
	found := make([]*live.Event, len(items))
	unknown := 0
	for i, item := range items {
		ref, _ := refIn(item.Message)
		for _, a := range known[ref] {
			if a.EventID == item.Message.ID {
				found[i] = &live.Event{
					ID: item.ID, Announcement: a,
					CloudType: bus.EventType(a.Type), Body: notify.RenderEvent(notify.DefaultSource, a),
				}
			}
		}
		if found[i] == nil {
			unknown++
		}
	}
	if unknown > 0 {
		l.log.WarnContext(ctx, "messages on the bus stand for nothing that can be read in the log; nobody is shown them",
			"messages", unknown)
	}
	return found, nil
}

func (l *lookup) get(place string) (*live.Event, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.found[place]
	return e, ok
}

func (l *lookup) put(place string, e *live.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.found[place]; ok {
		return
	}
	l.found[place], l.order = e, append(l.order, place)
	for l.bytes += sizeOf(e); l.bytes > lookupBytes; l.order = l.order[1:] {
		l.bytes -= sizeOf(l.found[l.order[0]])
		delete(l.found, l.order[0])
	}
}

// sizeOf estimates what an event takes in memory, in bytes.
func sizeOf(e *live.Event) int {
	if e == nil {
		return 256
	}
	return 1024 + len(e.Data) + len(e.Body)
}

// refIn gives the commit that a message names; false when it names none.
func refIn(m bus.Message) (store.Ref, bool) {
	seq, err := strconv.ParseInt(m.Headers[headerSeq], 10, 64)
	return store.Ref{Stream: m.Headers[headerStream], Seq: seq}, err == nil && m.Headers[headerStream] != ""
}
