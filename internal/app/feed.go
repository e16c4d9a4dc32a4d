package app

import (
	"context"

	"landfall/internal/bus"
	"landfall/internal/console"
	"landfall/internal/rest"
)

// feed gives the events of the bus to the edges, which do not know what a bus is.
type feed struct{ bus *bus.Bus }

// Follow implements rest.Feed.
func (f feed) Follow(ctx context.Context, after string) (rest.Following, error) {
	items, err := f.bus.Events(ctx, after, []string{"landfall.>"})
	if err != nil {
		return nil, err
	}
	return following{items}, nil
}

type following struct{ items *bus.Feed }

// Next implements rest.Following.
func (f following) Next(ctx context.Context) (rest.Event, error) {
	item, err := f.items.Next(ctx)
	if err != nil || item.Reset {
		return rest.Event{ID: item.ID, Reset: item.Reset}, err
	}
	e, err := bus.Decode(item.Message.Body)
	if err != nil {
		return rest.Event{}, err
	}
	return rest.Event{ID: item.ID, Type: e.Type, Stream: e.Subject, Seq: e.StreamVersion, Body: item.Message.Body}, nil
}

// Close implements rest.Following.
func (f following) Close() { f.items.Close() }

// hints gives the same to the pages, which read for themselves what changed.
type hints struct{ bus *bus.Bus }

// Follow implements console.Feed.
func (h hints) Follow(ctx context.Context, after string) (console.Following, error) {
	items, err := feed(h).Follow(ctx, after)
	if err != nil {
		return nil, err
	}
	return hint{items}, nil
}

type hint struct{ rest.Following }

// Next implements console.Following.
func (h hint) Next(ctx context.Context) (console.Happened, error) {
	e, err := h.Following.Next(ctx)
	return console.Happened{ID: e.ID, Reset: e.Reset, Type: e.Type, Stream: e.Stream}, err
}
