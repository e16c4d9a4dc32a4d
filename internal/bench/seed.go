package main

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"landfall/internal/app"
	"landfall/internal/store"
	"landfall/internal/store/mongodb"
	"landfall/internal/store/sqlite"
)

// openRecords opens records that nobody else writes at the moment.
func openRecords(ctx context.Context, r app.Records) (store.Store, error) {
	if r.MongoDBURI != "" {
		return mongodb.Open(ctx, r.MongoDBURI, app.Kinds(), mongodb.Options{Database: r.MongoDBDatabase, Now: time.Now, OpTimeout: 60 * time.Second})
	}
	return sqlite.Open(ctx, filepath.Join(r.Data, "landfall.db"), app.Kinds(), sqlite.Options{})
}

// withRecords opens the records for do.
func withRecords(ctx context.Context, r app.Records, do func(store.Store) error) (err error) {
	st, err := openRecords(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return do(st)
}

const (
	seeders  = 48  // appends under way at once: the engines group them
	seedBulk = 200 // documents in one bulk
)

// seed writes n copies of the template and gives the ids of their incidents.
func seed(ctx context.Context, st store.Store, t *template, n int) (ids []string, err error) {
	var left atomic.Int64
	left.Store(int64(n))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range seeders {
		wg.Go(func() {
			var ops []store.Op
			var mine []string
			failure := func() error {
				for left.Add(-1) >= 0 {
					id, streams, docs, err := t.another()
					if err != nil {
						return err
					}
					for _, commits := range streams {
						if _, err := st.Append(ctx, commits); err != nil {
							return err
						}
					}
					mine = append(mine, id)
					if ops = append(ops, docs...); len(ops) >= seedBulk {
						if _, err := st.Bulk(ctx, ops); err != nil {
							return err
						}
						ops = nil
					}
				}
				_, err := st.Bulk(ctx, ops)
				return err
			}()
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids, mine...)
			err = errors.Join(err, failure)
		})
	}
	wg.Wait()
	return ids, err
}

// seeded starts Landfall for a moment on empty records, lets it make one incident, and writes that n times again. The incidents lie two days before a
// landfall. It gives the ids of all incidents, the original first, and of all alerts.
func seeded(ctx context.Context, records app.Records, n int) (ids []string, err error) {
	r, err := startReal(ctx, records)
	if err != nil {
		return nil, err
	}
	ids, err = r.incidents(ctx, 1)
	if err == nil {
		err = r.quiet(ctx)
	}
	if err := errors.Join(err, r.stop()); err != nil {
		return nil, err
	}
	err = withRecords(ctx, records, func(st store.Store) error {
		t, err := takeTemplate(ctx, st, ids[0], true)
		if err != nil {
			return err
		}
		more, err := seed(ctx, st, t, n-1)
		ids = append(ids, more...)
		return err
	})
	return ids, err
}
