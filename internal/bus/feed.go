package bus

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// Item is what a Feed gives: a message, or word that the reader must start over.
type Item struct {
	ID      string // position after this item: "<incarnation>-<sequence>"
	Reset   bool   // messages are missing before this position: read the lists again. Message is empty
	Message Message
	Value   any // what Config.Read made of Message
}

// Feed follows the stream for one reader. Close it. Next is for one goroutine.
type Feed struct {
	hub    *hub
	filter []string
	wake   chan struct{} // one token: something may be there
	closed chan struct{}

	// Guarded by hub.mu.
	incarnation string
	after       uint64 // sequence of the last message given or passed over
	reset       bool   // the next item is a Reset
	gone        bool
}

// Events opens a feed of the messages whose subject one of the filter's patterns covers (NATS wildcards `*` and `>`; no
// pattern: all). after is the id of the last item the reader has seen: the feed continues behind it. It gives a Reset first
// when that position is unknown: another incarnation, garbage, or further back than the 4,096 messages (or 8 MiB) kept at hand. Empty
// means from now on.
//
// All feeds of a process share one consumer and one copy of the messages, started by the first of them. A feed costs
// the stream nothing; a reader that lags by more than what is kept gets a Reset.
func (b *Bus) Events(ctx context.Context, after string, filter []string) (*Feed, error) {
	if err := checkPatterns(filter); err != nil {
		return nil, err
	}
	if err := b.hub.start(ctx); err != nil {
		return nil, err
	}
	f := &Feed{hub: b.hub, filter: slices.Clone(filter), wake: make(chan struct{}, 1), closed: make(chan struct{})}
	b.hub.add(f, after)
	return f, nil
}

// Next waits for the next item. It returns ctx's error, or a fault ("bus_closed") after Close of the feed or of the bus.
func (f *Feed) Next(ctx context.Context) (Item, error) {
	for {
		if item, ok := f.hub.next(f); ok {
			return item, nil
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return Item{}, ctx.Err()
		case <-f.closed:
			return Item{}, errClosed()
		case <-f.hub.bus.life.Done():
			return Item{}, errClosed()
		}
	}
}

// Close ends the feed; a Next under way returns. It may be called often.
func (f *Feed) Close() { f.hub.remove(f) }

// position builds the id of a Server-Sent Event.
func position(incarnation string, seq uint64) string {
	return incarnation + "-" + strconv.FormatUint(seq, 10)
}

// parsePosition reads an id; ok is false for anything position did not build.
func parsePosition(id string) (incarnation string, seq uint64, ok bool) {
	incarnation, digits, found := strings.Cut(id, "-")
	seq, err := strconv.ParseUint(digits, 10, 64)
	return incarnation, seq, found && err == nil && position(incarnation, seq) == id
}
