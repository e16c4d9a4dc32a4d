package notify

import (
	"maps"
	"slices"
)

// Channels gives the names of the channels that subscriptions can be made for, in order.
func (d *Desk) Channels() []string { return slices.Sorted(maps.Keys(d.channels)) }

// Kinds gives the kinds of events that a subscription can name, "noun.verb", in order.
func (d *Desk) Kinds() []string {
	var kinds []string
	for _, t := range d.l.EventTypes() {
		if kind := kindOf(t); published(t) && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Masked gives what lists may show of a subscription's target; "" when its channel is not offered any more.
func (d *Desk) Masked(s *Subscription) string { return d.mask(s) }
