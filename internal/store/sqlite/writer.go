package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	lib "modernc.org/sqlite/lib"

	"landfall/internal/store"
)

// Group is what one transaction of the writer did, for metrics.
type Group struct {
	Durable  bool // synced before its requests were answered
	Requests int
	Writes   int
	Took     time.Duration // from BEGIN to COMMIT; zero without Options.Now
	Err      error         // nothing of the group was written
}

// writer owns the writing connection. Only its goroutine touches it.
type writer struct {
	s *Store
	c *conn
	q *queue

	full    bool     // the connection's synchronous is FULL, else NORMAL
	passed  int      // durable groups since the lazy writes last had their turn, while some waited
	current *request // a lazy request cut between two writes
	pages   int      // written to the log since the last checkpoint was asked for
	done    chan struct{}
}

// run serves until the queue is closed and empty.
func (w *writer) run() {
	for {
		durable, lazy, tidy, closed := w.q.look()
		if tidy {
			w.s.checkpoint(w.c)
		}
		lazy = lazy || w.current != nil
		turn := w.passed >= w.s.o.LazyEvery
		switch {
		case lazy && (turn || !durable):
			w.passed = 0
			w.lazyGroup(turn)
		case durable:
			if lazy {
				w.passed++
			}
			w.durableGroup(w.q.takeDurable(w.s.o.MaxGroup))
		case closed:
			return
		default:
			<-w.q.ready
			continue
		}
		w.countPages()
	}
}

// durableGroup writes the requests in one synced transaction.
func (w *writer) durableGroup(group []*request) {
	if len(group) == 0 {
		return
	}
	err := w.transaction(Group{Durable: true}, func() ([]*request, error) {
		for i, r := range group {
			for !r.finished() {
				if _, err := w.step(r); err != nil {
					return group, err
				}
				if i < len(group)-1 || !r.finished() {
					w.at(true, PointGroupAmid, "")
				}
			}
		}
		return group, nil
	})
	if len(group) > 1 && separable(err) {
		for _, r := range group {
			w.durableGroup([]*request{r})
		}
		return
	}
	for _, r := range group {
		r.answer(err)
	}
}

// lazyGroup writes a slice of what waits, without a sync: as much as a group may hold, but only as long as nobody waits for a
// sync, or, when it is the lazy writes' turn, at least LazySlice writes.
func (w *writer) lazyGroup(turn bool) {
	atLeast := 1
	if turn {
		atLeast = w.s.o.LazySlice
	}
	last := w.current
	if w.current = nil; last == nil {
		last = w.q.takeLazy()
	}
	if last == nil {
		return
	}
	group := []*request{last}
	err := w.transaction(Group{}, func() ([]*request, error) {
		size := last.size
		for n := 0; n < w.s.o.MaxGroup && size < maxGroupBytes; {
			if n >= atLeast && w.q.hurried() {
				break
			}
			if last.finished() {
				r := w.q.takeLazy()
				if r == nil {
					break
				}
				last = r
				group = append(group, r)
				size += r.size
				continue
			}
			rows, err := w.step(last)
			if err != nil {
				return group, err
			}
			n += max(rows, 1)
			if !last.finished() {
				w.at(false, "", PointLazyAmid)
			}
		}
		return group, nil
	})
	if len(group) > 1 && separable(err) {
		for _, r := range group {
			w.lazyAlone(r)
		}
		return
	}
	for _, r := range group {
		if err != nil || r.finished() {
			r.answer(err)
		} else {
			w.current = r // only the last can be
		}
	}
}

// lazyAlone finishes one request of a group that failed.
func (w *writer) lazyAlone(r *request) {
	var err error
	for err == nil && !r.finished() {
		err = w.transaction(Group{}, func() ([]*request, error) {
			for n := 0; n < w.s.o.MaxGroup && !r.finished(); {
				rows, err := w.step(r)
				if err != nil {
					return []*request{r}, err
				}
				n += max(rows, 1)
			}
			return []*request{r}, nil
		})
	}
	r.answer(err)
}

// step carries out the next write of the request in the open transaction and gives how many rows it changed.
func (w *writer) step(r *request) (rows int, err error) {
	wr := r.writes[r.reached]
	n, err := w.c.exec(context.Background(), wr.sql, wr.args)
	switch {
	case err != nil && (outOfSpace(err) || code(err)&0xff == lib.SQLITE_IOERR):
		return 0, err
	case err != nil:
		return 0, memberFault{err}
	}
	r.changed[r.reached] = n > 0
	switch {
	case r.repeat && n > 0:
	case r.chain && n == 0:
		r.reached = len(r.writes)
	default:
		r.reached++
	}
	return int(n), nil
}

// memberFault is a failure of one statement, which says nothing about the others of its group.
type memberFault struct{ error }

func (f memberFault) Unwrap() error { return f.error }

func separable(err error) bool {
	var f memberFault
	return errors.As(err, &f)
}

// transaction runs the writes of body, which says whose they were, and commits them or none of them.
func (w *writer) transaction(g Group, body func() ([]*request, error)) error {
	if err := w.s.failure(); err != nil {
		return err
	}
	var began time.Time
	if w.s.o.Now != nil {
		began = w.s.o.Now()
	}
	var group []*request
	err := w.s.o.Guard.Do("a transaction", func() (err error) {
		group, err = w.attempt(g.Durable, body)
		return err
	})
	for _, r := range group {
		if err == nil {
			g.Writes += r.reached - r.committed
			r.committed = r.reached
		} else {
			r.reached = r.committed
			clear(r.changed[r.committed:])
		}
	}
	if err != nil {
		_, _ = w.c.exec(context.Background(), "ROLLBACK", nil) // SQLite may have done so already
		if syncFailed(err) {
			w.s.fail(err)
		}
	}
	if w.s.o.OnGroup != nil && len(group) > 0 {
		g.Requests, g.Err = len(group), err
		if w.s.o.Now != nil {
			g.Took = w.s.o.Now().Sub(began)
		}
		w.s.o.Guard.Run("what is told of a transaction", func() { w.s.o.OnGroup(g) })
	}
	return err
}

func (w *writer) attempt(durable bool, body func() ([]*request, error)) ([]*request, error) {
	ctx := context.Background()
	if w.full != durable {
		level := "NORMAL"
		if durable {
			level = "FULL"
		}
		if err := w.c.script(ctx, "PRAGMA synchronous = "+level); err != nil {
			return nil, fmt.Errorf("sqlite: %w", err)
		}
		w.full = durable
	}
	if _, err := w.c.exec(ctx, "BEGIN IMMEDIATE", nil); err != nil {
		return nil, failed("begin", err, outOfSpace(err))
	}
	group, err := body()
	if err != nil {
		return group, failed("write", err, outOfSpace(err))
	}
	w.at(durable, PointGroupWritten, PointLazyWritten)
	_, err = w.c.exec(ctx, "COMMIT", nil)
	if err == nil {
		w.at(durable, PointGroupSynced, PointLazyDone)
	}
	// Past the log's sync even a full disk would leave the outcome unknown: the commit may be in the log and yet not shown.
	return group, failed("commit", err, code(err)&0xff == lib.SQLITE_FULL)
}

func failed(what string, err error, full bool) error {
	switch {
	case err == nil:
		return nil
	case full:
		return fmt.Errorf("%w: %s: %w", store.ErrFull, what, err)
	}
	return fmt.Errorf("sqlite: %s: %w", what, err)
}

// countPages asks for a checkpoint when the log has grown enough.
func (w *writer) countPages() {
	n, err := w.c.pagesWritten()
	if err != nil {
		w.s.o.Logger.Warn("log size unknown", "error", err)
		return
	}
	if w.pages += n; w.pages >= w.s.o.CheckpointPages {
		w.pages = 0
		w.s.keeper.ask()
	}
}
