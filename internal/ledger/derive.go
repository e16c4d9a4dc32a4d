package ledger

import (
	"context"
	"fmt"

	"landfall/internal/store"
)

// projectSince derives and writes the documents that follow from what was recorded after a seq up to which everything has been derived.
func (l *Ledger) projectSince(ctx context.Context, stream Stream, after int64) error {
	n, ok := l.nouns[stream.Noun()]
	if !ok {
		return fmt.Errorf("%w: %s", ErrNewer, stream)
	}
	var ops []store.Op
	err := l.opt.Guard.Do(projectionsOf(stream), func() (err error) {
		ops, err = n.deriveSince(ctx, stream, after)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := l.store.Bulk(ctx, ops); err != nil {
		return unavailable(err)
	}
	return nil
}

// reproject derives and writes the documents of a whole stream.
func (l *Ledger) reproject(ctx context.Context, stream Stream) error {
	n, ok := l.nouns[stream.Noun()]
	if !ok {
		return nil
	}
	commits, err := l.store.ReadStream(ctx, string(stream), 0, 0)
	if err != nil {
		return unavailable(err)
	}
	ops, _, err := n.derive(stream, commits)
	if err != nil {
		return err
	}
	if _, err := l.store.Bulk(ctx, ops); err != nil {
		return unavailable(err)
	}
	return nil
}

// deriveSince folds what was recorded after a seq on what is known of the stream, and gives the documents that follow.
func (s *Streams[S]) deriveSince(ctx context.Context, stream Stream, after int64) ([]store.Op, error) {
	f, ok := s.cached(stream)
	if ok {
		f = s.clone(f)
	} else {
		f = s.fromSnapshot(ctx, stream)
	}
	var events []Recorded
	err := s.l.walk(ctx, stream, min(after, f.Seq), func(c store.Commit) (bool, error) {
		_, recorded, err := unseal(c)
		if err != nil {
			return false, err
		}
		if c.Seq > after {
			events = append(events, recorded...)
		}
		if c.Seq > f.Seq {
			err = s.evolve(f, c, recorded)
		}
		return true, err
	})
	if err != nil || f.Seq == 0 {
		return nil, err
	}
	if f.unknown != "" {
		return nil, fmt.Errorf("%w: %s in %s", ErrNewer, f.unknown, stream)
	}
	return s.projection(f, events), nil
}

// derive folds commits, all of the stream's, and gives the documents that follow.
func (s *Streams[S]) derive(stream Stream, commits []store.Commit) ([]store.Op, Head, error) {
	f := s.empty(stream)
	var events []Recorded
	for _, c := range commits {
		recorded, err := s.apply(f, c)
		if err != nil {
			return nil, Head{}, err
		}
		events = append(events, recorded...)
	}
	if f.Seq == 0 {
		return nil, f.Head, nil
	}
	return s.projection(f, events), f.Head, nil
}
