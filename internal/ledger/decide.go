package ledger

import (
	"encoding/hex"
	"fmt"

	"landfall/internal/fault"
)

// maxCommit bounds the size of one commit, in bytes: its body with its detached values. The stores take commits of several times
// this size, so none that passes here is refused there. An activation for every known state takes a twentieth of it.
const maxCommit = 4 << 20

// decide carries out one command on a fold, which it leaves as it is. nil: nothing to do. A panic fails the command alone.
func (w *worker[S]) decide(p *pending[S], f *folded[S]) (next *proposal[S], err error) {
	err = w.s.l.opt.Guard.Do("a decision on "+string(w.stream), func() (err error) {
		next, err = w.decideOn(p, f)
		return err
	})
	return next, err
}

func (w *worker[S]) decideOn(p *pending[S], f *folded[S]) (*proposal[S], error) {
	noun := w.s.fold.Noun
	if f.Seq == 0 && p.cmd.Expect == MustExist {
		return nil, errNotFound(noun)
	}
	if err := w.allow(p, f); err != nil {
		return nil, err
	}
	switch {
	case f.unknown != "":
		return nil, errReadOnly(w.stream, f.unknown)
	case f.Seq > 0 && p.cmd.Expect == MustNotExist:
		return nil, fault.New(fault.Conflict, "id_taken", "This %s id is already taken.", noun)
	}
	at := w.moment(f)
	d, err := p.cmd.Decide(f.Value, at)
	if err != nil || len(d.Events) == 0 {
		return nil, err
	}
	e := envelope{
		Stream: w.stream, Seq: f.Seq + 1, ID: NewID(), RecordedAt: at.Now,
		Actor: p.cmd.Actor, Relay: p.cmd.Relay, Exercise: d.Exercise, Prev: hex.EncodeToString(f.Hash),
	}
	if p.cmd.Key != "" {
		e.Key, e.Digest = hex.EncodeToString(keyDigest(p.cmd.Actor.Account, p.cmd.Key)), hex.EncodeToString(p.cmd.Digest)
	}
	for _, ev := range d.Events {
		if !w.s.known[ev.Type] {
			return nil, fmt.Errorf("ledger: %s decided an event it does not know: %s", noun, ev.Type)
		}
		data, err := marshal(ev.Data)
		if err != nil {
			return nil, fmt.Errorf("ledger: %s: %w", ev.Type, err)
		}
		e.Events = append(e.Events, envelopeEvent{Type: ev.Type, Data: data})
	}
	c, events, err := seal(e, d.Detach, w.s.owes())
	if err != nil {
		return nil, fmt.Errorf("ledger: seal %s/%d: %w", w.stream, e.Seq, err)
	}
	if size := len(c.Body) + len(c.Detached); size > maxCommit {
		return nil, fault.New(fault.TooLarge, "commit_too_large",
			"What follows from this takes %d bytes to record, and one change may take %d.", size, maxCommit)
	}
	// What is published is folded from the text that is recorded, not from what was decided.
	after := w.s.clone(f)
	if err := w.s.evolve(after, c, events); err != nil {
		return nil, fmt.Errorf("ledger: decided what does not fold: %w", err)
	}
	return &proposal[S]{p: p, commit: c, after: after, events: events}, nil
}

// moment is what a decision on the fold may know besides it.
func (w *worker[S]) moment(f *folded[S]) Moment {
	now := w.s.l.Now()
	if now.Before(f.RecordedAt) {
		now = f.RecordedAt
	}
	return Moment{Now: now, Seq: f.Seq}
}

// allow asks whether the command may be carried out, or answered again, at all.
func (w *worker[S]) allow(p *pending[S], f *folded[S]) error {
	if p.cmd.Allow == nil {
		return nil
	}
	return w.s.l.opt.Guard.Do("a permission on "+string(w.stream), func() error { return p.cmd.Allow(f.Value, w.moment(f)) })
}

func errKeyReused() error {
	return fault.New(fault.Conflict, "idempotency_key_reused", "This Idempotency-Key was used for another request. Use a new key for a new request.")
}
