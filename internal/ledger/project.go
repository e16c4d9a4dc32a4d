package ledger

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"landfall/internal/store"
)

// projectorBatch bounds the operations of one bulk write.
const projectorBatch = 2048

// projector writes the documents that follow from this process's own commits: in order, in bulk, behind the answers. What it
// cannot write it keeps and tries again; what is lost with the process is found by the sweep.
type projector struct {
	l *Ledger

	mu      sync.Mutex
	wake    chan struct{} // capacity 1
	pending []projection
	added   uint64              // promises ever made
	open    map[uint64]struct{} // promises not yet kept: their projections are not written
	moved   chan struct{}

	once sync.Once
	quit chan struct{}
	gone chan struct{}
}

type projection struct {
	promise uint64
	stream  Stream
	commits []store.Commit // that owe the documents
	ops     []store.Op
	failed  error // they could not be derived
}

func projectionsOf(stream Stream) string { return "projections of " + string(stream) }

func newProjector(l *Ledger) *projector {
	p := &projector{l: l, wake: make(chan struct{}, 1), open: map[uint64]struct{}{}, moved: make(chan struct{}), quit: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(p.gone)
		l.opt.Guard.Keep(l.ctx, "the projections", p.run)
	}()
	return p
}

// promise says that a projection will be added: who settles from now on waits for it.
func (p *projector) promise() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.added++
	p.open[p.added] = struct{}{}
	return p.added
}

// add keeps a promise with the operations for commits of a stream.
func (p *projector) add(next projection) {
	p.mu.Lock()
	p.pending = append(p.pending, next)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// settle waits until everything promised before the call is written, or let go. The error says why it did not wait, or that what follows from
// the stream was let go.
func (p *projector) settle(ctx context.Context, stream Stream) error {
	p.mu.Lock()
	target := p.added
	for p.owes(target) {
		moved := p.moved
		p.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		p.mu.Lock()
	}
	p.mu.Unlock()
	if stream != "" && p.l.asides.Leaves(Documents, stream) {
		return errLetGo
	}
	return nil
}

var errLetGo = errors.New("ledger: the projections of the stream are left to the sweep")

// owes reports whether a promise up to target is not kept yet.
func (p *projector) owes(target uint64) bool {
	for promise := range p.open {
		if promise <= target {
			return true
		}
	}
	return false
}

func (p *projector) stop() {
	p.once.Do(func() { close(p.quit) })
	<-p.gone
}

func (p *projector) run() {
	for {
		p.drain()
		select {
		case <-p.wake:
		case <-p.quit:
			p.drain()
			return
		}
	}
}

// drain writes until nothing is left or the ledger gives up. A batch that cannot be written is written stream by stream, so that one the store
// refuses holds up no other.
func (p *projector) drain() {
	for {
		batch := p.next()
		if len(batch) == 0 {
			return
		}
		if p.attempt(batch) != nil {
			for i := range batch {
				if !p.alone(batch[i : i+1]) {
					return
				}
			}
		}
		p.mu.Lock()
		p.pending = p.pending[len(batch):]
		for _, done := range batch {
			delete(p.open, done.promise)
		}
		close(p.moved)
		p.moved = make(chan struct{})
		p.mu.Unlock()
	}
}

// next gives what is to be written together.
func (p *projector) next() []projection {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, ops := 0, 0
	for n < len(p.pending) && (n == 0 || ops+len(p.pending[n].ops) <= projectorBatch) {
		ops += len(p.pending[n].ops)
		n++
	}
	return p.pending[:n:n]
}

// attempt writes a batch once, but for streams that are left alone.
func (p *projector) attempt(batch []projection) error {
	l := p.l
	var ops []store.Op
	var ready []projection
	for _, b := range batch {
		if err := l.finishErasures(l.ctx, b.commits); err != nil { // whatever becomes of the documents
			return err
		}
		switch {
		case b.failed != nil:
			return b.failed
		case l.LeavesAlone(b.stream):
		default:
			ready, ops = append(ready, b), append(ops, b.ops...)
		}
	}
	err := l.opt.Guard.Do("the projections", func() error { return p.write(wakesLast(newest(ops))) })
	if err != nil {
		return err
	}
	for _, b := range ready {
		for _, c := range b.commits {
			l.Paid(store.OwesDocuments, refOf(c))
		}
	}
	return nil
}

// triesAlone is how often the projections of one stream must fail while the store takes others, for the fault to be the stream's.
const triesAlone = 3

// alone writes the projections of one stream and tries until that succeeds. A stream at whose fault it fails is let go: its commits are pending, and
// the sweep tries again. False when the ledger gives up, or when it stops and one more try fails: the sweep of the next start does the work then.
func (p *projector) alone(one []projection) bool {
	stream := one[0].stream
	for tries, wait := 1, 50*time.Millisecond; ; tries, wait = tries+1, min(2*wait, 2*time.Second) {
		err := p.attempt(one)
		if err == nil {
			return true
		}
		if p.l.ctx.Err() != nil {
			return false
		}
		if one[0].failed != nil || tries >= triesAlone && p.l.Writable(p.l.ctx) == nil {
			p.l.log.Warn("projections could not be written; they are left to the sweep", "stream", stream, "error", err)
			p.l.asides.Fails(Documents, stream, newestSeq(one[0].commits), err)
			return true
		}
		p.l.log.Warn("projections could not be written; trying again", "stream", stream, "error", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-p.l.ctx.Done():
			timer.Stop()
			return false
		case <-p.quit:
			timer.Stop()
			return p.attempt(one) == nil
		}
	}
}

// Writable fails when the store takes nothing at the moment. It writes nothing.
func (l *Ledger) Writable(ctx context.Context) error {
	if _, err := l.store.Bulk(ctx, []store.Op{{Do: store.OpDelete, Kind: KindWake, Doc: store.Doc{ID: "-"}}}); err != nil {
		return unavailable(err)
	}
	return nil
}

// wakesLast moves the wakes behind everything else: a watch that is woken finds the lists as they should be.
func wakesLast(ops []store.Op) []store.Op {
	slices.SortStableFunc(ops, func(a, b store.Op) int {
		switch aw, bw := a.Kind == KindWake, b.Kind == KindWake; {
		case aw == bw:
			return 0
		case bw:
			return -1
		}
		return 1
	})
	return ops
}

// newest leaves out puts that a later put of the same document in the same bulk makes void: under load an incident changes many times
// between two writes.
func newest(ops []store.Op) []store.Op {
	type key struct{ kind, id string }
	last := make(map[key]int, len(ops))
	for i, op := range ops {
		last[key{op.Kind, op.Doc.ID}] = i
	}
	if len(last) == len(ops) {
		return ops
	}
	kept := ops[:0]
	for i, op := range ops {
		if op.Do != store.OpPut || last[key{op.Kind, op.Doc.ID}] == i {
			kept = append(kept, op)
		}
	}
	return kept
}

// write writes the operations. While points are called, the wakes are written by themselves, so that there is a moment before them.
func (p *projector) write(ops []store.Op) error {
	bulk := func(ops []store.Op) error {
		if len(ops) == 0 {
			return nil
		}
		_, err := p.l.store.Bulk(p.l.ctx, ops)
		return err
	}
	if p.l.opt.At == nil {
		return bulk(ops)
	}
	wakes := func(op store.Op) bool { return op.Kind == KindWake }
	if err := bulk(slices.DeleteFunc(slices.Clone(ops), wakes)); err != nil {
		return err
	}
	p.l.at(PointProjected)
	if err := bulk(slices.DeleteFunc(slices.Clone(ops), func(op store.Op) bool { return !wakes(op) })); err != nil {
		return err
	}
	p.l.at(PointWoken)
	return nil
}
