package app

import (
	"context"

	"landfall/internal/bus"
	"landfall/internal/live"
)

// feed gives what happens to the edges, which do not know what a bus is. A message of the bus only
// says that something may have happened: what an edge gets is what the log says of it, and what the
// log does not know never happened.
type feed struct {
	bus *bus.Bus
	log *lookup
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
	log   *lookup
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
			if item.Reset {
				return live.Event{ID: item.ID, Reset: true}, nil
			}
			f.next = &item
		}
		item := f.next
		f.next = nil // and so it stays when finding it panics: those behind it are wanted
		e, err := f.log.find(ctx, *item, f.items)
		if err != nil {
			f.next = item
			return live.Event{}, err
		}
		if e != nil {
			return *e, nil
		}
	}
}

// Close implements live.Following.
func (f *following) Close() { f.items.Close() }
