package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"landfall/internal/guard"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

const (
	loaders      = 32 // appends under way at once, each of another stream: an engine that groups them syncs once for all
	batchCommits = 64
	batchBytes   = 1 << 20
	patience     = 5 // times something is tried whose outcome is unknown
	pause        = 200 * time.Millisecond
)

// loader appends commits to a store, those of one stream in their order. It is used from one goroutine and must be stopped.
type loader struct {
	st     store.Store
	opt    Options
	ctx    context.Context
	cancel context.CancelCauseFunc
	seed   maphash.Seed
	queues [loaders]chan []store.Commit
	work   sync.WaitGroup
	guard  *guard.Guard

	batch []store.Commit // of one stream
	size  int
}

func startLoader(ctx context.Context, st store.Store, opt Options) *loader {
	l := &loader{st: st, opt: opt, seed: maphash.MakeSeed(), guard: guard.New(nil, nil)}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	for i := range l.queues {
		queue := make(chan []store.Commit, 1)
		l.queues[i] = queue
		l.work.Go(func() {
			for batch := range queue {
				if l.ctx.Err() != nil {
					continue // to the end, so that nobody waits
				}
				if err := l.guard.Do("a part of the restore", func() error { return l.write(batch) }); err != nil {
					l.cancel(err)
				}
				l.opt.at(PointRestoreCommits)
			}
		})
	}
	return l
}

// add takes one commit; an error is that of an earlier one.
func (l *loader) add(c store.Commit) error {
	if len(l.batch) > 0 && (l.batch[0].Stream != c.Stream || l.batch[len(l.batch)-1].Seq+1 != c.Seq ||
		len(l.batch) >= batchCommits || l.size >= batchBytes) {
		if err := l.pass(); err != nil {
			return err
		}
	}
	l.batch = append(l.batch, c)
	l.size += len(c.Body) + len(c.Detached)
	return nil
}

func (l *loader) pass() error {
	if len(l.batch) == 0 {
		return context.Cause(l.ctx)
	}
	queue := l.queues[maphash.String(l.seed, l.batch[0].Stream)%loaders]
	batch := l.batch
	l.batch, l.size = nil, 0
	select {
	case queue <- batch:
		return nil
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	}
}

// stop writes what waits, and returns when everything is written or has failed.
func (l *loader) stop() error {
	err := l.pass()
	for _, queue := range l.queues {
		close(queue)
	}
	l.work.Wait()
	if err == nil {
		err = context.Cause(l.ctx)
	}
	l.cancel(nil)
	return err
}

// write appends one batch. What is there already, because a reply was lost or an earlier restore was interrupted, is recognised by its hash.
func (l *loader) write(batch []store.Commit) error {
	if err := l.markErasures(batch); err != nil {
		return err
	}
	return insist(l.ctx, func() error {
		for len(batch) > 0 {
			n, err := l.st.Append(l.ctx, batch)
			batch = batch[n:]
			if err == nil {
				return nil
			}
			if errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrClosed) {
				return err
			}
			n, lookErr := l.there(batch)
			if lookErr != nil {
				return lookErr
			}
			if n == 0 {
				return err
			}
			batch = batch[n:]
		}
		return nil
	})
}

// there gives how many commits of the batch, from its first on, the store holds.
func (l *loader) there(batch []store.Commit) (n int, err error) {
	held, err := l.st.ReadStream(l.ctx, batch[0].Stream, batch[0].Seq-1, len(batch))
	if err != nil {
		return 0, err
	}
	for i, c := range held {
		if !bytes.Equal(c.Hash, batch[i].Hash) {
			return 0, errNotAlone
		}
	}
	return len(held), nil
}

// markErasures has those commits owe documents that erase a value which came with the archive nevertheless: it was copied before it was erased.
func (l *loader) markErasures(batch []store.Commit) error {
	for i, c := range batch {
		if c.Pending&store.OwesDocuments != 0 || !bytes.Contains(c.Body, []byte(ledger.EventErased)) {
			continue
		}
		events, err := ledger.Events(c)
		if err != nil {
			continue // damaged, and restored as it is
		}
		for _, e := range events {
			var erased ledger.Erased
			if e.Type != ledger.EventErased || e.Into(&erased) != nil {
				continue
			}
			held, err := l.detached(batch, store.Ref{Stream: c.Stream, Seq: erased.Seq})
			if err != nil {
				return err
			}
			var values map[string]json.RawMessage
			if len(held) > 0 && json.Unmarshal(held, &values) == nil && values[erased.Name] != nil {
				batch[i].Pending |= store.OwesDocuments
			}
		}
	}
	return nil
}

// detached gives the detached values of a commit of the batch's stream, in the batch or before it.
func (l *loader) detached(batch []store.Commit, ref store.Ref) ([]byte, error) {
	if i := ref.Seq - batch[0].Seq; i >= 0 && i < int64(len(batch)) {
		return batch[i].Detached, nil
	}
	var found []store.Commit
	err := insist(l.ctx, func() (err error) {
		found, err = l.st.Commits(l.ctx, []store.Ref{ref})
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0].Detached, nil
}

// insist tries something that is safe to repeat until it succeeds, a few times.
func insist(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == patience || ctx.Err() != nil || errors.Is(err, errNotAlone) ||
			errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrClosed) || errors.Is(err, store.ErrBadQuery) {
			if err != nil && try == patience {
				err = fmt.Errorf("tried %d times: %w", try, err)
			}
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}
