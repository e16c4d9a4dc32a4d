package ledger

import (
	"context"
	"fmt"

	"landfall/internal/store"
)

// The points of Options.At at which a rebuild can be cut off.
const (
	PointDropped   = "ledger.rebuild_dropped" // the documents of one kind are removed
	PointRederived = "ledger.rebuild_derived" // those of one stream are written again
)

// RebuildPoints lists the points of Rebuild in order.
func RebuildPoints() []string { return []string{PointDropped, PointRederived} }

// Rebuild drops the derived documents of the named kinds and derives them again from every stream;
// nothing is set aside any more. Nobody else may read or write meanwhile, nor after a Rebuild that
// was cut off: the caller marks the records before it, and repeats it until it ends well. Progress,
// if not nil, is called after each stream, with how many there are; counting them costs a walk over
// their names. It gives the number of streams walked.
func (l *Ledger) Rebuild(ctx context.Context, kinds []store.Kind, progress func(done, total int64)) (int64, error) {
	total := int64(0)
	if progress != nil {
		if err := l.eachStream(ctx, func(Stream) error { total++; return nil }); err != nil {
			return 0, err
		}
	}
	for _, k := range kinds {
		if !k.Derived {
			continue
		}
		if err := l.store.Drop(ctx, k.Name); err != nil {
			return 0, fmt.Errorf("drop %s: %w", k.Name, err)
		}
		l.at(PointDropped)
	}
	if err := l.asides.clear(ctx); err != nil {
		return 0, err
	}
	var n int64
	err := l.eachStream(ctx, func(stream Stream) error {
		n++
		if err := l.reproject(ctx, stream); err != nil {
			return err
		}
		l.at(PointRederived)
		if progress != nil {
			progress(n, total)
		}
		return nil
	})
	return n, err
}
