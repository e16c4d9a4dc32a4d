package notify_test

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"landfall/internal/store"
)

// errDead is what a dead process would get, if it could get anything.
var errDead = errors.New("the process is dead")

// frail is a real store under a process that may die at any moment: from then on nothing reaches the store. The moment is chosen by
// what is written.
type frail struct {
	store.Store
	dead atomic.Bool
	// The two look at a write before it is done and say whether the process dies: before it, in the middle (bulk only), after it.
	appended atomic.Pointer[func([]store.Commit) moment]
	bulked   atomic.Pointer[func([]store.Op) moment]
	read     atomic.Pointer[func(stream string)]
	asked    atomic.Pointer[atomic.Int64] // counts what is asked for documents
	keys     atomic.Int64                 // counts the keys that are looked up
}

func (f *frail) count() {
	if n := f.asked.Load(); n != nil {
		n.Add(1)
	}
}

func (f *frail) onAppend(look func([]store.Commit) moment) { f.appended.Store(&look) }
func (f *frail) onBulk(look func([]store.Op) moment)       { f.bulked.Store(&look) }
func (f *frail) onRead(look func(stream string))           { f.read.Store(&look) }

type moment uint8

const (
	survive moment = iota
	dieBefore
	dieAmid
	dieAfter
	loseReply // it is written and the process lives, but is told that it failed
)

func (f *frail) die() { f.dead.Store(true) }

func (f *frail) err() error {
	if f.dead.Load() {
		return errDead
	}
	return nil
}

func (f *frail) Append(ctx context.Context, commits []store.Commit) (int, error) {
	if err := f.err(); err != nil {
		return 0, err
	}
	m := survive
	if look := f.appended.Load(); look != nil {
		m = (*look)(commits)
	}
	if m == dieBefore {
		f.die()
		return 0, errDead
	}
	n, err := f.Store.Append(ctx, commits)
	switch m {
	case dieAfter:
		f.die()
		return 0, errDead
	case loseReply:
		return 0, errDead
	}
	return n, err
}

func (f *frail) Bulk(ctx context.Context, ops []store.Op) ([]bool, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	m := survive
	if look := f.bulked.Load(); look != nil {
		m = (*look)(ops)
	}
	switch m {
	case dieBefore:
		f.die()
		return nil, errDead
	case dieAmid:
		ops = ops[:(len(ops)+1)/2]
	}
	changed, err := f.Store.Bulk(ctx, ops)
	if m != survive {
		f.die()
		return nil, errDead
	}
	return changed, err
}

func (f *frail) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	if look := f.read.Load(); look != nil {
		(*look)(stream)
	}
	return f.Store.ReadStream(ctx, stream, after, limit)
}

func (f *frail) FindKey(ctx context.Context, stream string, key []byte) (int64, error) {
	f.keys.Add(1)
	return f.Store.FindKey(ctx, stream, key)
}

func (f *frail) Commits(ctx context.Context, refs []store.Ref) ([]store.Commit, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.Commits(ctx, refs)
}

func (f *frail) Pending(ctx context.Context, debt store.Debt, before time.Time, after store.Ref, limit int) ([]store.Commit, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.Pending(ctx, debt, before, after, limit)
}

func (f *frail) Get(ctx context.Context, kind string, ids ...string) (map[string]store.Doc, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	f.count()
	return f.Store.Get(ctx, kind, ids...)
}

func (f *frail) Find(ctx context.Context, q store.Query) (store.Page, error) {
	if err := f.err(); err != nil {
		return store.Page{}, err
	}
	f.count()
	return f.Store.Find(ctx, q)
}

func (f *frail) Count(ctx context.Context, q store.Query) (int64, error) {
	if err := f.err(); err != nil {
		return 0, err
	}
	f.count()
	return f.Store.Count(ctx, q)
}
