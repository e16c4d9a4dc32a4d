package ledger

import (
	"context"
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

	through map[Stream]int64 // how far this process has written the projections of a stream; run's alone, bounded

	once sync.Once
	quit chan struct{}
	gone chan struct{}
}

type projection struct {
	promise uint64
	stream  Stream
	base    int64 // seq before its first commit
	seq     int64
	ops     []store.Op
}

func newProjector(l *Ledger) *projector {
	p := &projector{l: l, wake: make(chan struct{}, 1), open: map[uint64]struct{}{}, moved: make(chan struct{}), through: map[Stream]int64{}, quit: make(chan struct{}), gone: make(chan struct{})}
	go p.run()
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

// add keeps a promise with the operations for the commits of a stream after base, up to seq.
func (p *projector) add(promise uint64, stream Stream, base, seq int64, ops []store.Op) {
	p.mu.Lock()
	p.pending = append(p.pending, projection{promise, stream, base, seq, ops})
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// settle waits until everything promised before the call is written.
func (p *projector) settle(ctx context.Context) error {
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
	return nil
}

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
	defer close(p.gone)
	for {
		select {
		case <-p.wake:
			p.drain()
		case <-p.quit:
			p.drain()
			return
		}
	}
}

// drain writes until nothing is left or the ledger gives up.
func (p *projector) drain() {
	for {
		p.mu.Lock()
		n, ops := 0, []store.Op(nil)
		for n < len(p.pending) && (n == 0 || len(ops)+len(p.pending[n].ops) <= projectorBatch) {
			ops = append(ops, p.pending[n].ops...)
			n++
		}
		batch := p.pending[:n:n]
		p.mu.Unlock()
		if n == 0 {
			return
		}
		if !p.catchUp(batch) || !p.write(wakesLast(newest(ops))) {
			return
		}
		p.mu.Lock()
		p.pending = p.pending[n:]
		for _, done := range batch {
			delete(p.open, done.promise)
		}
		close(p.moved)
		p.moved = make(chan struct{})
		p.mu.Unlock()
	}
}

// throughMax bounds what is remembered of streams; forgetting one costs a read.
const throughMax = 10_000

// catchUp derives whole streams whose earlier commits this process has not projected itself and whose wake does not show that somebody has:
// a wake of version n promises that the documents of everything up to n are there. False when the ledger gives up.
func (p *projector) catchUp(batch []projection) bool {
	if len(p.through) > throughMax {
		clear(p.through)
	}
	var gaps []projection // whose stream another process has written to in between
	var ids []string
	for _, b := range batch {
		if through, ours := p.through[b.stream]; b.base > 0 && (!ours || through != b.base) {
			gaps, ids = append(gaps, b), append(ids, string(b.stream))
		}
		p.through[b.stream] = b.seq
	}
	if len(gaps) == 0 {
		return true
	}
	done := map[Stream]int64{} // up to where everything is derived
	if !p.insist(func() error { return p.l.wakesOf(p.l.ctx, ids, done) }, "streams", len(ids)) {
		return false
	}
	for _, b := range gaps {
		if done[b.stream] >= b.base {
			continue
		}
		if !p.insist(func() error { return p.l.projectSince(p.l.ctx, b.stream, done[b.stream]) }, "stream", b.stream) {
			return false
		}
		done[b.stream] = b.base
	}
	return true
}

// wakesLast moves the wakes behind everything else: an engine may carry out the operations of one kind together, and a wake says that
// everything before it is written.
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

// write tries until the operations are written; false when the ledger gives up first.
func (p *projector) write(ops []store.Op) bool {
	bulk := func(ops []store.Op) bool {
		return len(ops) == 0 || p.insist(func() error {
			_, err := p.l.store.Bulk(p.l.ctx, ops)
			return err
		}, "operations", len(ops))
	}
	if p.l.opt.At == nil {
		return bulk(ops)
	}
	wakes := func(op store.Op) bool { return op.Kind == KindWake }
	documents := slices.DeleteFunc(slices.Clone(ops), wakes)
	if !bulk(documents) {
		return false
	}
	p.l.at(PointProjected)
	if !bulk(slices.DeleteFunc(slices.Clone(ops), func(op store.Op) bool { return !wakes(op) })) {
		return false
	}
	p.l.at(PointWoken)
	return true
}

// insist tries until do succeeds; false when the ledger gives up first, or when it stops and one more try fails: the sweep of
// the next start does the work then.
func (p *projector) insist(do func() error, about ...any) bool {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := do()
		if err == nil {
			return true
		}
		if p.l.ctx.Err() != nil {
			return false
		}
		p.l.log.Warn("projections could not be written; trying again", append(about, "error", err)...)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-p.l.ctx.Done():
			timer.Stop()
			return false
		case <-p.quit:
			timer.Stop()
			return do() == nil
		}
	}
}

// EnsureProjected makes sure that what follows from every commit inside the store is there, whoever accepted it: projections, wake, and the
// removal of values that the commit erases. It is how the handling of a commit repairs what a killed process left undone; for
// commits followed up already it costs one read for all.
func (l *Ledger) EnsureProjected(ctx context.Context, commits []store.Commit) error {
	if err := l.finishErasures(ctx, commits); err != nil {
		return err
	}
	tails := map[string]int64{}
	ids := make([]string, 0, len(commits))
	for _, c := range commits {
		if _, ok := tails[c.Stream]; !ok {
			ids = append(ids, c.Stream)
		}
		tails[c.Stream] = max(tails[c.Stream], c.Seq)
	}
	wakes, err := l.store.Get(ctx, KindWake, ids...)
	if err != nil {
		return unavailable(err)
	}
	for _, id := range ids {
		w := wakes[id] // the zero version when there is none
		if w.Version >= tails[id] {
			continue
		}
		if err := l.projectSince(ctx, Stream(id), w.Version); err != nil {
			return err
		}
	}
	return nil
}

// wakesOf fills in up to which seq everything of the streams has been derived, by their wakes; 0 for a stream without one.
func (l *Ledger) wakesOf(ctx context.Context, ids []string, seqs map[Stream]int64) error {
	wakes, err := l.store.Get(ctx, KindWake, ids...)
	if err != nil {
		return unavailable(err)
	}
	for _, id := range ids {
		seqs[Stream(id)] = wakes[id].Version
	}
	return nil
}

// projectSince derives and writes the documents that follow from what was recorded after a seq up to which everything has been derived.
func (l *Ledger) projectSince(ctx context.Context, stream Stream, after int64) error {
	n, ok := l.nouns[stream.Noun()]
	if !ok {
		return nil // a newer version's stream: none of our documents follow from it
	}
	ops, err := n.deriveSince(ctx, stream, after)
	if err != nil {
		return err
	}
	if _, err := l.store.Bulk(ctx, ops); err != nil {
		return unavailable(err)
	}
	return nil
}

// reproject derives and writes the documents of a whole stream.
func (l *Ledger) reproject(ctx context.Context, stream Stream) error {
	n, ok := l.nouns[stream.Noun()]
	if !ok {
		return nil
	}
	commits, err := l.store.ReadStream(ctx, string(stream), 0, 0)
	if err != nil {
		return unavailable(err)
	}
	ops, _, err := n.derive(stream, commits)
	if err != nil {
		return err
	}
	if _, err := l.store.Bulk(ctx, ops); err != nil {
		return unavailable(err)
	}
	return nil
}

// deriveSince folds what was recorded after a seq on what is known of the stream, and gives the documents that follow.
func (s *Streams[S]) deriveSince(ctx context.Context, stream Stream, after int64) ([]store.Op, error) {
	f, ok := s.cached(stream)
	if ok {
		f = s.clone(f)
	} else {
		f = s.fromSnapshot(ctx, stream)
	}
	var events []Recorded
	err := s.l.walk(ctx, stream, min(after, f.Seq), func(c store.Commit) (bool, error) {
		_, recorded, err := unseal(c)
		if err != nil {
			return false, err
		}
		if c.Seq > after {
			events = append(events, recorded...)
		}
		if c.Seq > f.Seq {
			err = s.evolve(f, c, recorded)
		}
		return true, err
	})
	if err != nil || f.Seq == 0 {
		return nil, err
	}
	return s.projection(f, events), nil
}

// derive folds commits, all of the stream's, and gives the documents that follow.
func (s *Streams[S]) derive(stream Stream, commits []store.Commit) ([]store.Op, Head, error) {
	f := s.empty(stream)
	var events []Recorded
	for _, c := range commits {
		recorded, err := s.apply(f, c)
		if err != nil {
			return nil, Head{}, err
		}
		events = append(events, recorded...)
	}
	if f.Seq == 0 {
		return nil, f.Head, nil
	}
	return s.projection(f, events), f.Head, nil
}
