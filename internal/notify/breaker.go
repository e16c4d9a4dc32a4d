package notify

import (
	"context"
	"sync"
	"time"

	"landfall/internal/store"
)

// breaker keeps the circuits of all targets that this process has tried. What changes is written with the next outcomes that are marked, so
// that a healthy target costs no write of its own; the other processes learn of it there, and whoever wants to probe asks the store first.
type breaker struct {
	r *Router

	mu    sync.Mutex
	known map[string]*breakerEntry
	dirty map[string]bool // to be written
	stale map[string]bool // another process wrote first: to be read again
}

type breakerEntry struct {
	circuit
	version int64     // of the document as last read or written
	saved   time.Time // when an attempt was last written down
	claimed time.Time // until when a probe is this process's to make; zero: it is not
	doubted time.Time // when it was last found that the failure may be our own
}

func newBreaker(r *Router) *breaker {
	return &breaker{r: r, known: map[string]*breakerEntry{}, dirty: map[string]bool{}, stale: map[string]bool{}}
}

func (b *breaker) entry(target, channel string) *breakerEntry {
	e, ok := b.known[target]
	if !ok {
		e = &breakerEntry{circuit: circuit{Subscription: target, Channel: channel}}
		b.known[target] = e
	}
	return e
}

// note takes the result of an attempt into account and has the sender act on it.
func (b *breaker) note(v *Delivery, res Result, now time.Time) {
	b.mu.Lock()
	e := b.entry(v.Subscription, v.Channel)
	before := e.OpenSince != nil
	failing := e.FailingSince != nil
	if res.Sent {
		e.success(now, res.Code)
	} else {
		e.failure(now, res)
	}
	open := e.OpenSince != nil
	e.claimed = time.Time{}
	if before || open || failing != (e.FailingSince != nil) || now.Sub(e.saved).Abs() >= notedEvery {
		b.dirty[v.Subscription], e.saved = true, now
	}
	gate := e.gate()
	b.mu.Unlock()
	b.r.sender.judge(v.Subscription, res.Sent, gate)
	if before != open {
		b.r.changed(v.Subscription, v.Channel, open, res.Code)
	}
	if before && !open {
		b.r.look(v.Subscription, now) // what waits for its next attempt need not wait any more
	}
}

// look has both queues of a target read at t.
func (r *Router) look(target string, t time.Time) {
	for c := range class(classes) {
		r.sender.due(target, c, t)
	}
}

// gate gives the time before which nothing is sent; zero: now.
func (c *circuit) gate() time.Time {
	if c.OpenSince == nil || c.NextProbeAt == nil {
		return time.Time{}
	}
	return *c.NextProbeAt
}

func (r *Router) changed(target, channel string, open bool, code string) {
	state := CircuitClosed
	if open {
		state = CircuitOpen
		r.log.Warn("a target fails; one delivery is tried now and then and the others wait", "subscription", target, "channel", channel, "code", code)
	} else {
		r.log.Info("a target answers again", "subscription", target, "channel", channel)
	}
	r.opt.Hooks.CircuitChanged(channel, state)
}

// claim reports whether this process may make an attempt at the target now. Where other processes may probe it too, the one whose write
// is taken does. Not now: at is when to look again.
func (b *breaker) claim(ctx context.Context, target string, now time.Time) (at time.Time, ok bool, err error) {
	for range markTries {
		b.mu.Lock()
		e, known := b.known[target]
		if !known || e.OpenSince == nil || b.r.opt.Alone || e.claimed.After(now) { // claimed before, and nothing was sent
			b.mu.Unlock()
			return time.Time{}, true, nil
		}
		if gate := e.gate(); gate.After(now) {
			b.mu.Unlock()
			b.r.sender.judge(target, false, gate)
			return gate, false, nil
		}
		next, claimed := now.Add(probeEvery), e.circuit
		claimed.NextProbeAt = &next
		doc := claimed.doc(e.version + 1)
		b.mu.Unlock()
		changed, err := b.r.st.Bulk(ctx, []store.Op{{Do: store.OpPut, Kind: kindCircuit, Doc: doc}})
		if err != nil {
			return time.Time{}, false, err
		}
		if changed[0] {
			b.mu.Lock()
			e.version, e.claimed = max(e.version, doc.Version), next
			if e.OpenSince != nil {
				e.NextProbeAt = &next
			}
			b.mu.Unlock()
			return time.Time{}, true, nil
		}
		if err := b.read(ctx, []string{target}, true); err != nil {
			return time.Time{}, false, err
		}
	}
	return now.Add(probeEvery), false, nil
}

// hurry has the next probe of a target made now: a person waits for it.
func (b *breaker) hurry(target string, now time.Time) {
	b.mu.Lock()
	e, ok := b.known[target]
	if !ok || !e.gate().After(now) {
		b.mu.Unlock()
		return
	}
	e.NextProbeAt = &now
	b.mu.Unlock()
	b.r.sender.judge(target, false, now)
}

// ops gives the writes of what has changed, to be made with others. Whoever makes them calls wrote.
func (b *breaker) ops() []store.Op {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.dirty) == 0 {
		return nil
	}
	ops := make([]store.Op, 0, len(b.dirty))
	for target := range b.dirty {
		e := b.known[target]
		e.version++
		ops = append(ops, store.Op{Do: store.OpPut, Kind: kindCircuit, Doc: e.doc(e.version)})
	}
	clear(b.dirty)
	return ops
}

// wrote says which of ops were taken; those that were not are read again, with what others know.
func (b *breaker) wrote(ops []store.Op, changed []bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, op := range ops {
		if b.known[op.Doc.ID] == nil {
			continue // its subscription was deleted meanwhile
		}
		if changed == nil {
			b.dirty[op.Doc.ID] = true // perhaps written, perhaps not: once more
		} else if !changed[i] {
			b.stale[op.Doc.ID] = true
		}
	}
}

// flush writes what has changed and went along with no other write.
func (b *breaker) flush(ctx context.Context) error {
	ops := b.ops()
	if len(ops) == 0 {
		return nil
	}
	changed, err := b.r.st.Bulk(ctx, ops)
	if err != nil {
		b.wrote(ops, nil)
		return unavailable(err)
	}
	b.wrote(ops, changed)
	return nil
}

// refresh learns what other processes wrote: of every circuit that is open, here or there, and of those that both wrote.
func (b *breaker) refresh(ctx context.Context) error {
	if err := b.flush(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	open := make([]string, 0, len(b.stale))
	for target, e := range b.known {
		if e.OpenSince != nil || b.stale[target] {
			open = append(open, target)
		}
	}
	clear(b.stale)
	b.mu.Unlock()
	if err := b.read(ctx, open, true); err != nil {
		b.mu.Lock()
		for _, target := range open {
			b.stale[target] = true
		}
		b.mu.Unlock()
		return err
	}
	return b.r.d.each(ctx, store.Query{Kind: kindCircuit, Index: "state", Equal: []any{CircuitOpen}}, func(doc store.Doc) error {
		b.learn(doc, false)
		return nil
	})
}

// read merges the documents of targets into what is known here. mine: this process has something to add, so that the merged one is
// written.
func (b *breaker) read(ctx context.Context, targets []string, mine bool) error {
	if len(targets) == 0 {
		return nil
	}
	docs, err := b.r.st.Get(ctx, kindCircuit, targets...)
	if err != nil {
		return unavailable(err)
	}
	for _, doc := range docs {
		b.learn(doc, mine)
	}
	return nil
}

func (b *breaker) learn(doc store.Doc, mine bool) {
	c, err := readCircuit(doc)
	if err != nil {
		b.r.log.Error("a circuit cannot be read; it counts as closed", "subscription", doc.ID, "error", err)
		return
	}
	b.mu.Lock()
	e := b.entry(doc.ID, c.Channel)
	if doc.Version <= e.version && !mine {
		b.mu.Unlock()
		return
	}
	before := e.OpenSince != nil
	e.circuit, e.version = merged(e.circuit, c), max(e.version, doc.Version)
	e.correct(b.r.now())
	if mine && differ(e.circuit, c) {
		b.dirty[doc.ID] = true
	}
	open, gate, code := e.OpenSince != nil, e.gate(), e.LastCode
	b.mu.Unlock()
	switch {
	case open:
		b.r.sender.judge(doc.ID, false, gate)
	case before:
		b.r.sender.judge(doc.ID, true, gate)
		b.r.look(doc.ID, b.r.now())
	}
	if before != open {
		b.r.changed(doc.ID, c.Channel, open, code)
	}
}

// differ reports whether the two are not the same.
func differ(c, o circuit) bool {
	return string(mustJSON(c)) != string(mustJSON(o))
}

// failing reports whether the last attempt at the target failed, as far as this process knows.
func (b *breaker) failing(target string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.known[target]
	return ok && e.FailingSince != nil
}

// succeededSince reports whether this process has delivered anything since by a channel, "" for any.
func (b *breaker) succeededSince(since time.Time, channel string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.known {
		if (channel == "" || channel == e.Channel) && e.LastSuccessAt != nil && e.LastSuccessAt.After(since) {
			return true
		}
	}
	return false
}

// closedAt gives when the target's circuit was last open no more; zero: it was not, or is open.
func (b *breaker) closedAt(target string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e, ok := b.known[target]; ok && e.OpenSince == nil && e.ClosedAt != nil {
		return *e.ClosedAt
	}
	return time.Time{}
}

// of gives what is known here of targets.
func (b *breaker) of(targets []string) map[string]circuit {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]circuit{}
	for _, t := range targets {
		if e, ok := b.known[t]; ok {
			out[t] = e.circuit
		}
	}
	return out
}

// drop forgets the circuit of a subscription that is gone.
func (b *breaker) drop(ctx context.Context, target string) error {
	b.mu.Lock()
	delete(b.known, target)
	delete(b.dirty, target)
	delete(b.stale, target)
	b.mu.Unlock()
	b.r.sender.judge(target, true, time.Time{})
	if _, err := b.r.st.Bulk(ctx, []store.Op{{Do: store.OpDelete, Kind: kindCircuit, Doc: store.Doc{ID: target}}}); err != nil {
		return unavailable(err)
	}
	return nil
}
