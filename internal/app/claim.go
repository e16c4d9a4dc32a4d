package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// kindClaim are pieces of work that one process does for all: whoever inserts the claim does it, and marks it done. A claim whose holder
// died is free again when its lease is over, and at once for the next process on the same data folder.
const kindClaim = "claimed_job"

type claim struct {
	By    string    `json:"by"`   // the data folder of the process
	Life  string    `json:"life"` // of that process: another one after each start
	Until time.Time `json:"until"`
	Done  bool      `json:"done"`
}

// once does a piece of work unless it is done, or in hand elsewhere. What failed is tried again when its lease is over. The work must be safe
// to do twice: a lease can run out on a process that is only slow.
func (a *App) once(ctx context.Context, key string, lease time.Duration, do func(context.Context) error) error {
	mine, version, err := a.claim(ctx, key, lease)
	if err != nil || !mine {
		return err
	}
	if err := do(ctx); err != nil {
		return err
	}
	return a.putClaim(ctx, key, version+1, claim{By: a.folder.id, Life: a.life, Until: a.opt.Now().UTC(), Done: true})
}

// claim takes the work in hand; false when it is done or in hand elsewhere.
func (a *App) claim(ctx context.Context, key string, lease time.Duration) (mine bool, version int64, err error) {
	now := a.opt.Now().UTC()
	c := claim{By: a.folder.id, Life: a.life, Until: now.Add(lease)}
	body, err := json.Marshal(c)
	if err != nil {
		return false, 0, err
	}
	changed, err := a.store.Bulk(ctx, []store.Op{{Do: store.OpInsert, Kind: kindClaim, Doc: store.Doc{ID: key, Version: 1, Body: body}}})
	if err != nil {
		return false, 0, unclaimed(err)
	}
	if changed[0] {
		return true, 1, nil
	}
	docs, err := a.store.Get(ctx, kindClaim, key)
	if err != nil {
		return false, 0, unclaimed(err)
	}
	var held claim
	doc, ok := docs[key]
	if !ok {
		return false, 0, nil // freed a moment ago: the next run takes it
	}
	if err := json.Unmarshal(doc.Body, &held); err != nil {
		return false, 0, fmt.Errorf("claim %s: %w", key, err)
	}
	// Only one process at a time holds a folder: what another life of this one had in hand, nobody has. And a lease that ends further ahead than
	// any is given was given by a clock that was wrong.
	mineOnce := held.By == a.folder.id && held.Life != a.life
	if held.Done || !mineOnce && now.Before(held.Until) && held.Until.Before(now.Add(2*lease)) {
		return false, 0, nil
	}
	changed, err = a.store.Bulk(ctx, []store.Op{{Do: store.OpPut, Kind: kindClaim, Doc: store.Doc{ID: key, Version: doc.Version + 1, Body: body}}})
	if err != nil {
		return false, 0, unclaimed(err)
	}
	return changed[0], doc.Version + 1, nil
}

func (a *App) putClaim(ctx context.Context, key string, version int64, c claim) error {
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := a.store.Bulk(ctx, []store.Op{{Do: store.OpPut, Kind: kindClaim, Doc: store.Doc{ID: key, Version: version, Body: body}}}); err != nil {
		return unclaimed(err)
	}
	return nil
}

func unclaimed(err error) error {
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "It is not known whether the work is in hand already.")
}
