package app

import (
	"context"
	"time"

	"landfall/internal/backup"
	"landfall/internal/proof"
	"landfall/internal/store"
)

// WentBack says that the records were put back by a restore, while the heads that they are held
// against are of the service before it.
type WentBack struct {
	To, Of     int64     // numbers of the last head in common, 0 for none, and of the last of that service
	At, OfTime time.Time // when those were signed
	RestoredAt time.Time
	Signed     int64        // number of the head that says so; 0 while the restored service was never started
	Streams    []proof.Loss // what the records do not have of what that service had
}

// Commits gives how many commits the streams had more.
func (w WentBack) Commits() (n int64) {
	for _, s := range w.Streams {
		n += s.Had - s.Has
	}
	return n
}

// wentBack finds the restore that has put the records back to a head of the trail, which goes on
// without it; nil when there is none. A head must say so that can be believed. Records that were
// restored and not started since have none yet: of them their state says so, and unsigned is whether
// that is enough.
func wentBack(
	ctx context.Context, st store.Store, trail *proof.Trail, recorded []proof.Signed, unsigned bool,
) (*WentBack, error) {
	last, _ := trail.Last()
	back := &WentBack{Of: last.Head.Number, OfTime: last.Head.At}
	common := func(number int64, hash proof.Hash) bool {
		filed, known := trail.Hash(number)
		return number == 0 || known && filed == hash
	}
	found := false
	for _, s := range recorded {
		b := s.Head.WentBack
		if b == nil || !trail.Believes(s) || !common(b.Number, b.Head) {
			continue
		}
		if filed, known := trail.Hash(s.Head.Number); known && filed == s.Hash() {
			continue // the trail is of the restored service itself
		}
		back.To, back.Signed, back.RestoredAt, found = b.Number, s.Head.Number, b.RestoredAt, true
		if back.RestoredAt.IsZero() {
			back.RestoredAt = s.Head.At
		}
		break
	}
	if !found && unsigned {
		state, err := backup.ReadState(ctx, st)
		if err != nil || state.RestoredAt == nil {
			return nil, err
		}
		var newest proof.Signed
		if n := len(recorded); n > 0 {
			newest = recorded[n-1]
		}
		if state.Epoch <= newest.Head.Epoch || newest.Head.Number > 0 && !common(newest.Head.Number, newest.Hash()) {
			return nil, nil
		}
		back.To, back.RestoredAt, found = newest.Head.Number, *state.RestoredAt, true
	}
	if !found {
		return nil, nil
	}
	for _, s := range recorded {
		if s.Head.Number == back.To {
			back.At = s.Head.At
			break
		}
	}
	return back, nil
}
