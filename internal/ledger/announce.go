package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"landfall/internal/store"
)

// ErrNewer says that a commit holds what only a newer version of Landfall understands: its consequences are not ours to draw.
var ErrNewer = errors.New("ledger: record of a newer version")

// Events gives the events of a stored commit, in order. It trusts the record, as every reader does; Verify does not.
func Events(c store.Commit) ([]Recorded, error) {
	_, events, err := unseal(c)
	return events, err
}

// EventTypes lists every event type that this process knows, sorted.
func (l *Ledger) EventTypes() []string {
	types := map[string]bool{}
	for _, n := range l.nouns {
		if s, ok := n.(interface{ eventTypes() []string }); ok {
			for _, t := range s.eventTypes() {
				types[t] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(types))
}

// TypesDigest tells whether two processes know the same event types: what one that knows others says of a commit is not to be relied upon. It may
// be asked for once every noun is registered.
func (l *Ledger) TypesDigest() string {
	l.typesOnce.Do(func() {
		sum := sha256.Sum256([]byte(strings.Join(l.EventTypes(), "\n")))
		l.types = hex.EncodeToString(sum[:4])
	})
	return l.types
}

func (s *Streams[S]) eventTypes() []string { return s.fold.Events }

// Announcements gives what is announced of a commit, as AnnouncementsOf does.
func (l *Ledger) Announcements(ctx context.Context, c store.Commit) ([]Announcement, error) {
	found, err := l.AnnouncementsOf(ctx, []store.Commit{c})
	return found[refOf(c)], err
}

// AnnouncementsOf gives what is announced of commits, exactly as when they were accepted: computed from the log alone. Each stream is
// folded once, however many of its commits are asked for. A commit that announces nothing has an empty entry. One whose stream does not fold, or holds what only a newer version understands
// (ErrNewer), has none, and the error says why; the others are there all the same.
func (l *Ledger) AnnouncementsOf(ctx context.Context, commits []store.Commit) (map[store.Ref][]Announcement, error) {
	byStream := map[Stream][]store.Commit{}
	for _, c := range commits {
		byStream[Stream(c.Stream)] = append(byStream[Stream(c.Stream)], c)
	}
	out := make(map[store.Ref][]Announcement, len(commits))
	var errs []error
	for _, stream := range slices.Sorted(maps.Keys(byStream)) {
		n, ok := l.nouns[stream.Noun()].(interface {
			announceAll(context.Context, []store.Commit, map[store.Ref][]Announcement) error
		})
		if !ok {
			errs = append(errs, fmt.Errorf("%w: %s", ErrNewer, stream))
			continue
		}
		err := l.opt.Guard.Do("what is announced of "+string(stream), func() error { return n.announceAll(ctx, byStream[stream], out) })
		if err != nil {
			errs = append(errs, err)
		}
	}
	return out, errors.Join(errs...)
}

// announceAll adds what is announced of commits, all of one stream, to out.
func (s *Streams[S]) announceAll(ctx context.Context, commits []store.Commit, out map[store.Ref][]Announcement) error {
	commits = slices.Clone(commits)
	slices.SortStableFunc(commits, func(a, b store.Commit) int { return cmp.Compare(a.Seq, b.Seq) })
	first, last := commits[0], commits[len(commits)-1]
	stream := Stream(first.Stream)
	if s.fold.Announce == nil {
		for _, c := range commits {
			_, events, err := unseal(c)
			if err != nil {
				return err
			}
			if i := slices.IndexFunc(events, func(e Recorded) bool { return !s.known[e.Type] }); i >= 0 {
				return fmt.Errorf("%w: %s in %s/%d", ErrNewer, events[i].Type, stream, c.Seq)
			}
			out[refOf(c)] = nil
		}
		return nil
	}
	if f, ok := s.cached(stream); ok && first.Seq == last.Seq && f.Seq == last.Seq && f.unknown == "" {
		_, events, err := unseal(last)
		if err == nil {
			out[refOf(last)] = s.announcements(f, events)
		}
		return err
	}
	f, ok := s.cached(stream)
	if ok && f.Seq < first.Seq {
		f = s.clone(f)
	} else if f = s.fromSnapshot(ctx, stream); f.Seq >= first.Seq {
		f = s.empty(stream)
	}
	wanted := map[int64]bool{}
	for _, c := range commits {
		wanted[c.Seq] = true
	}
	each := func(c store.Commit) (bool, error) {
		events, err := s.apply(f, c)
		if err != nil {
			return false, err
		}
		if f.unknown != "" {
			return false, fmt.Errorf("%w: %s in %s/%d", ErrNewer, f.unknown, stream, c.Seq)
		}
		if wanted[c.Seq] {
			out[refOf(c)] = s.announcements(f, events)
			f = s.clone(f) // what was announced may refer to the state; the walk goes on with a copy
		}
		return c.Seq < last.Seq, nil
	}
	if first.Seq == f.Seq+1 && last.Seq-first.Seq == int64(len(commits)-1) { // nothing is missing between what is known and what is asked
		for _, c := range commits {
			if _, err := each(c); err != nil {
				return err
			}
		}
	} else if err := s.l.walk(ctx, stream, f.Seq, each); err != nil {
		return err
	}
	if f.Seq == last.Seq && s.l.opt.Shared {
		s.keep(stream, f, time.Time{}) // the next commits of the stream come soon; whether it is the tail, nobody has looked
	}
	return nil
}

func refOf(c store.Commit) store.Ref { return store.Ref{Stream: c.Stream, Seq: c.Seq} }
