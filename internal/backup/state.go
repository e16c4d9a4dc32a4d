package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// KindService is the kind of what a store knows of the service it belongs to: of its restores, and of the key that its secrets are sealed
// with. No backup holds it, because a restored store belongs to another service.
const KindService = "service"

// idState is the document that says what a restore has made of a store.
const idState = "state"

// Kinds lists the documents this package keeps; the engine must be opened with them.
func Kinds() []store.Kind { return []store.Kind{{Name: KindService}} }

// State is what a store knows of its own restores. The zero value is that of a store that never was restored.
type State struct {
	Epoch      int64      `json:"epoch"` // first part of every ETag
	Held       bool       `json:"held"`  // nothing falls due and nothing is sent until somebody releases it
	RestoredAt *time.Time `json:"restored_at,omitempty"`
	TakenAt    *time.Time `json:"taken_at,omitempty"` // of the backup
	ReleasedAt *time.Time `json:"released_at,omitempty"`
	ReleasedBy string     `json:"released_by,omitempty"` // account, or "command line"
}

// ReadState gives the state of a store. One in which a command is under way, or was cut off, is refused as Finished says: nothing may be
// served from it.
func ReadState(ctx context.Context, docs store.Documents) (State, error) {
	if err := Finished(ctx, docs); err != nil {
		return State{}, err
	}
	s, _, err := readState(ctx, docs)
	return s, err
}

func readState(ctx context.Context, docs store.Documents) (s State, version int64, err error) {
	found, err := docs.Get(ctx, KindService, idState)
	if err != nil {
		return State{}, 0, unreadable(err)
	}
	doc, ok := found[idState]
	if !ok {
		return State{}, 0, nil
	}
	if err := json.Unmarshal(doc.Body, &s); err != nil {
		return State{}, 0, fmt.Errorf("backup: state of the store: %w", err)
	}
	return s, doc.Version, nil
}

func unreadable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The records cannot be read at the moment. Try again.")
}

// writeState writes the state unless somebody else was first.
func writeState(ctx context.Context, docs store.Documents, s State, version int64) (bool, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return false, fmt.Errorf("backup: state of the store: %w", err)
	}
	op := store.Op{Do: store.OpPut, Kind: KindService, Doc: store.Doc{ID: idState, Version: version, Body: body}}
	if version == 1 {
		op.Do = store.OpInsert
	}
	changed, err := docs.Bulk(ctx, []store.Op{op})
	return err == nil && changed[0], err
}

// Release ends the held state of a restored store and records who did and when. by is an account, or a word such as "command line". Releasing
// what is not held, or was released by somebody else meanwhile, changes nothing and is success.
func Release(ctx context.Context, docs store.Documents, by string, now time.Time) error {
	if err := Finished(ctx, docs); err != nil {
		return err
	}
	for {
		s, version, err := readState(ctx, docs)
		if err != nil || !s.Held {
			return err
		}
		at := instant(now)
		s.Held, s.ReleasedAt, s.ReleasedBy = false, &at, by
		done, err := writeState(ctx, docs, s, version+1)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The release could not be recorded. Try again.")
		}
		if done {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// nextEpoch gives the epoch of a store restored from one of epoch old. It is the Unix time in seconds: above every epoch there was, and
// another one for every restore, of the same archive too. Where a clock is behind the last epoch, chance keeps two restores apart.
func nextEpoch(old int64, now time.Time) int64 {
	if at := now.Unix(); at > old {
		return at
	}
	return old + 1 + rand.Int64N(1<<20)
}

// RaiseEpoch gives the store an epoch above its own and above least, because records that were answered for are there no more: no ETag handed
// out before may be taken for one of what follows.
func RaiseEpoch(ctx context.Context, docs store.Documents, least int64, now time.Time) (State, error) {
	for {
		s, version, err := readState(ctx, docs)
		if err != nil {
			return s, err
		}
		s.Epoch = nextEpoch(max(s.Epoch, least), now)
		done, err := writeState(ctx, docs, s, version+1)
		if err != nil {
			return s, fault.Wrap(err, fault.Unavailable, "store_unavailable", "The epoch could not be raised.")
		}
		if done || ctx.Err() != nil {
			return s, context.Cause(ctx)
		}
	}
}

// WouldFire is what a held store would do at once if it were released.
type WouldFire struct {
	Wakes      int64            // streams of which something has fallen due
	Oldest     time.Time        // since when the first of them; zero when there is none
	First      []Due            // the first of them, at most 20, longest due first
	Deliveries int64            // deliveries that are not over
	ByStatus   map[string]int64 // those, by status
	Pending    int64            // accepted changes whose consequences are not all written
}

// Due is one stream of which something has fallen due.
type Due struct {
	Stream string
	At     time.Time
}

// What is asked about other packages' documents; their names stand in the store for ever.
const (
	kindDelivery   = "delivery"
	indexWaiting   = "waiting"
	fieldStatus    = "status"
	indexWake      = "at"
	firstDue       = 20
	waitingForever = 9999 // year
)

// waitingStatuses are those of deliveries that are not over.
var waitingStatuses = []string{"queued", "sending", "retrying"}

// Waiting counts what a store would do at once. Its derived documents must be there: rebuild them after a restore.
func Waiting(ctx context.Context, st store.Store, now time.Time) (w WouldFire, err error) {
	failed := func(err error) (WouldFire, error) {
		return WouldFire{}, unreadable(err)
	}
	due := store.Query{Kind: ledger.KindWake, Index: indexWake, Until: instant(now).Add(time.Microsecond), Limit: firstDue}
	if w.Wakes, err = st.Count(ctx, due); err != nil {
		return failed(err)
	}
	page, err := st.Find(ctx, due)
	if err != nil {
		return failed(err)
	}
	for _, d := range page.Docs {
		at, _ := d.Index[indexWake].(time.Time)
		w.First = append(w.First, Due{d.ID, at})
	}
	if len(w.First) > 0 {
		w.Oldest = w.First[0].At
	}
	w.ByStatus = make(map[string]int64, len(waitingStatuses))
	for _, status := range waitingStatuses {
		n, err := st.Count(ctx, store.Query{
			Kind: kindDelivery, Index: indexWaiting, Until: time.Date(waitingForever, 1, 1, 0, 0, 0, 0, time.UTC), Limit: 1,
			Filter: []store.Cond{{Field: fieldStatus, Any: []any{status}}},
		})
		if err != nil {
			return failed(err)
		}
		w.ByStatus[status] = n
		w.Deliveries += n
	}
	if w.Pending, _, err = st.PendingStats(ctx, store.OwesNotices, nil); err != nil {
		return failed(err)
	}
	return w, nil
}
