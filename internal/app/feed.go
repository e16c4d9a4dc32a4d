package app

import (
	"context"

	"landfall/internal/bus"
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
