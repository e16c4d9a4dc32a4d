package sqlite

import (
	"context"
	"database/sql/driver"
	"sync"
	"sync/atomic"

	"landfall/internal/store"
)

// write is one statement of a request, with its arguments copied out of the caller's memory.
type write struct {
	sql  string
	args []driver.NamedValue
}

// request is what one caller wants written.
type request struct {
	writes []write
	size   int  // rough bytes, to bound a group
	chain  bool // an unchanged row ends the request: the rest of a lost append must not be written
	repeat bool // the only write is repeated until it changes nothing

	// The writer's, until done is closed.
	committed int    // writes committed
	reached   int    // writes carried out, those of the open transaction included
	changed   []bool // whether each of them changed anything
	err       error

	claimed atomic.Bool   // by the writer, which will answer, or by a caller that went away
	done    chan struct{} // closed when answered
}

func newRequest(writes []write) *request {
	r := &request{writes: writes, changed: make([]bool, len(writes)), done: make(chan struct{})}
	for _, w := range writes {
		for _, a := range w.args {
			switch v := a.Value.(type) {
			case string:
				r.size += len(v)
			case []byte:
				r.size += len(v)
			}
		}
	}
	return r
}

// wait gives the answer, or the context's error: before the writer has taken the request nothing will be written, after
// that the outcome is unknown.
func (r *request) wait(ctx context.Context) ([]bool, error) {
	select {
	case <-r.done:
		return r.changed, r.err
	case <-ctx.Done():
		r.claimed.CompareAndSwap(false, true)
		return nil, ctx.Err()
	}
}

func (r *request) finished() bool { return r.reached == len(r.writes) }

func (r *request) answer(err error) {
	r.err = err
	close(r.done)
}

// queue is where callers meet the writer. Requests that somebody has given up are dropped when the writer comes to them.
type queue struct {
	mu      sync.Mutex
	durable []*request
	lazy    []*request
	tidy    bool // a checkpoint is wanted
	closed  bool
	ready   chan struct{} // holds one token when there may be something to do
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *queue) put(r *request, durable bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return store.ErrClosed
	}
	if durable {
		q.durable = append(q.durable, r)
	} else {
		q.lazy = append(q.lazy, r)
	}
	q.wake()
	return nil
}

func (q *queue) askTidy() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tidy = true
	q.wake()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake()
}

// look says what waits. A wanted checkpoint is reported once.
func (q *queue) look() (durable, lazy, tidy, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	tidy, q.tidy = q.tidy, false
	return len(q.durable) > 0, len(q.lazy) > 0, tidy, q.closed
}

// hurried says that somebody waits for a sync.
func (q *queue) hurried() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.durable) > 0
}

// maxGroupBytes bounds what one transaction holds in memory.
const maxGroupBytes = 8 << 20

// takeDurable claims requests for one group of about maxWrites writes, at least one request.
func (q *queue) takeDurable(maxWrites int) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	var group []*request
	writes, size, n := 0, 0, 0
	for _, r := range q.durable {
		if len(group) > 0 && (writes+len(r.writes) > maxWrites || size+r.size > maxGroupBytes) {
			break
		}
		n++
		if r.claimed.CompareAndSwap(false, true) {
			group = append(group, r)
			writes, size = writes+len(r.writes), size+r.size
		}
	}
	q.durable = drop(q.durable, n)
	return group
}

// takeLazy claims the next lazy request, nil when there is none.
func (q *queue) takeLazy() *request {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.lazy) > 0 {
		r := q.lazy[0]
		q.lazy = drop(q.lazy, 1)
		if r.claimed.CompareAndSwap(false, true) {
			return r
		}
	}
	return nil
}

// drop removes the first n without keeping them reachable.
func drop(list []*request, n int) []*request {
	clear(list[:n])
	if n == len(list) {
		return list[:0]
	}
	return list[n:]
}
