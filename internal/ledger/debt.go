package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"landfall/internal/store"
)

// A commit is born owing what must follow from it: documents, and unless its noun is quiet, notices. Whoever has written one of the two says
// so with Paid. What a dead process owed is found by the sweeps: of documents here, of notices in package notify.

const (
	payEvery   = 100 * time.Millisecond // how long a payment waits for others
	payAgain   = time.Second            // how long until one is tried again that the store did not take
	payMost    = 1000                   // payments in one write
	debtPage   = 256                    // commits that are taken together
	aheadEvery = 10 * time.Second       // how often commits of the future are looked for
	clockSlack = 5 * time.Second        // how far apart the clocks of two processes may be without one of them being wrong

	documentAge = 2 * time.Second // how old a commit must be to be taken from the process that accepted it
)

// Everything is further ahead than any clock is wrong.
const Everything = 100 * 365 * 24 * time.Hour

// payments collects what has been written, and takes it off the commits' debts many at a time: what two parts of this process have paid of one
// commit is one write. A payment that is lost with the process is work done twice, which changes nothing.
type payments struct {
	l *Ledger

	mu     sync.Mutex
	due    map[store.Ref]store.Debt // paid and not written down
	looked map[store.Debt]time.Time // when commits of the future were last looked for
	wake   chan struct{}            // capacity 1
	once   sync.Once
	quit   chan struct{}
	gone   chan struct{}
}

func newPayments(l *Ledger) *payments {
	p := &payments{l: l, due: map[store.Ref]store.Debt{}, looked: map[store.Debt]time.Time{}, wake: make(chan struct{}, 1), quit: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(p.gone)
		l.opt.Guard.Keep(l.ctx, "the payments of debts", p.run)
	}()
	return p
}

// Paid says that what the commits owed of debt is written. It does not block.
func (l *Ledger) Paid(debt store.Debt, refs ...store.Ref) {
	p := l.payments
	p.mu.Lock()
	for _, ref := range refs {
		p.due[ref] |= debt
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Owing gives up to limit commits that owe something of debt, as store.Ledger.Pending does, and after which to ask on. What this process
// has paid and not written down yet is left out, so a page may be empty before the end; next is the zero Ref at the end.
func (l *Ledger) Owing(ctx context.Context, debt store.Debt, before time.Time, after store.Ref, limit int) (owing []store.Commit, next store.Ref, err error) {
	page, err := l.store.Pending(ctx, debt, before, after, limit)
	if err != nil {
		return nil, store.Ref{}, unavailable(err)
	}
	if len(page) == limit {
		next = refOf(page[limit-1])
	}
	return l.payments.unpaid(page, debt), next, nil
}

// unpaid leaves out the commits that owe nothing of debt, or whose payment is not written down yet.
func (p *payments) unpaid(commits []store.Commit, debt store.Debt) []store.Commit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(commits, func(c store.Commit) bool { return c.Pending&debt&^p.due[refOf(c)] == 0 })
}

// run writes payments down, and ends with a last try.
func (p *payments) run() {
	for {
		select {
		case <-p.wake:
		case <-p.quit:
			p.write()
			return
		}
		for wait := payEvery; p.pause(wait); wait = payAgain {
			if p.write() {
				break
			}
		}
	}
}

// pause waits, and reports that nobody ends the payments meanwhile.
func (p *payments) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.quit:
	case <-p.l.ctx.Done():
	}
	return false
}

// write takes what is due off the debts, and reports whether nothing of it is left. What the store does not take stays due.
func (p *payments) write() bool {
	p.mu.Lock()
	due := maps.Clone(p.due)
	p.mu.Unlock()
	var ops []store.Op
	for ref, debt := range due {
		ops = append(ops, store.Op{Do: store.OpPay, Ref: ref, Debt: debt})
	}
	for some := range slices.Chunk(ops, payMost) {
		if _, err := p.l.store.Bulk(p.l.ctx, some); err != nil {
			if p.l.ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
				p.l.log.Warn("what was written could not be taken off the debts; trying again", "commits", len(ops), "error", err)
			}
			return false
		}
		p.mu.Lock()
		for _, op := range some {
			if p.due[op.Ref] &^= op.Debt; p.due[op.Ref] == 0 {
				delete(p.due, op.Ref)
			}
		}
		p.mu.Unlock()
		p.l.at(PointPaid)
	}
	return true
}

func (p *payments) stop() {
	p.once.Do(func() { close(p.quit) })
	<-p.gone
}

// Sweep hands the commits that owe something of debt and were recorded before the instant to take, a page at a time, and gives how many
// there were. Now and then those are among them that were recorded at a time that has not come yet: a clock wrote them that was put right since, and
// nothing may wait for such a time. What take could not do holds up no other page.
func (l *Ledger) Sweep(ctx context.Context, debt store.Debt, before, now time.Time, take func([]store.Commit) error) (found int, err error) {
	found, err = l.sweep(ctx, debt, before, func(store.Commit) bool { return true }, take)
	if ctx.Err() != nil || !l.payments.lookAhead(debt, now) {
		return found, err
	}
	n, ahead := l.sweep(ctx, debt, now.Add(Everything), func(c store.Commit) bool { return Misdated(c.RecordedAt, now) }, take)
	return found + n, errors.Join(err, ahead)
}

func (l *Ledger) sweep(ctx context.Context, debt store.Debt, before time.Time, wanted func(store.Commit) bool, take func([]store.Commit) error) (found int, err error) {
	var errs []error
	for after := (store.Ref{}); ; {
		page, next, err := l.Owing(ctx, debt, before, after, debtPage)
		if err != nil {
			return found, errors.Join(append(errs, err)...)
		}
		page = slices.DeleteFunc(page, func(c store.Commit) bool { return !wanted(c) })
		found += len(page)
		if len(page) > 0 {
			errs = append(errs, take(page))
		}
		if after = next; next == (store.Ref{}) || ctx.Err() != nil {
			return found, errors.Join(append(errs, ctx.Err())...)
		}
	}
}

// Misdated reports whether t, at which something has happened, has not come yet: a clock wrote it
// that has been set back since.
func Misdated(t, now time.Time) bool { return t.After(now.Add(clockSlack)) }

// lookAhead reports whether commits of the future are to be looked for.
func (p *payments) lookAhead(debt store.Debt, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := now.Sub(p.looked[debt]).Abs() >= aheadEvery
	if due {
		p.looked[debt] = now
	}
	return due
}

// SweepDocuments derives the documents that are owed for longer than they take: by a process that died, or that could not write them. It gives
// how many commits owed them. A stream whose documents cannot be derived holds up no other, and is left alone for a while.
func (l *Ledger) SweepDocuments(ctx context.Context, now time.Time) (found int, err error) {
	l.Settle(ctx, documentAge) // our own are on their way: not to be derived a second time
	return l.Sweep(ctx, store.OwesDocuments, now.Add(-documentAge), now, func(page []store.Commit) error { return l.DeriveOwed(ctx, page) })
}

// DeriveOwed writes the documents that commits owe, whoever accepted them, and removes the values that they erase. The commits are as they were
// read. For those that owe none it costs nothing.
func (l *Ledger) DeriveOwed(ctx context.Context, commits []store.Commit) error {
	owed := map[Stream][]store.Commit{}
	for _, c := range commits {
		if c.Pending&store.OwesDocuments != 0 {
			owed[Stream(c.Stream)] = append(owed[Stream(c.Stream)], c)
		}
	}
	var errs []error
	for _, stream := range slices.Sorted(maps.Keys(owed)) {
		if err := l.finishErasures(ctx, owed[stream]); err != nil { // whatever becomes of the documents
			errs = append(errs, err)
			continue
		}
		if l.LeavesAlone(stream) {
			continue
		}
		err := l.deriveOwed(ctx, stream, owed[stream])
		switch {
		case err == nil:
		case ctx.Err() != nil || l.Writable(ctx) != nil:
			return errors.Join(append(errs, err)...)
		default:
			l.asides.Fails(Documents, stream, newestSeq(owed[stream]), err)
			errs = append(errs, fmt.Errorf("%s: %w", stream, err))
		}
	}
	return errors.Join(errs...)
}

func (l *Ledger) deriveOwed(ctx context.Context, stream Stream, commits []store.Commit) error {
	refs := make([]store.Ref, len(commits))
	first := commits[0].Seq
	for i, c := range commits {
		refs[i], first = refOf(c), min(first, c.Seq)
	}
	if err := l.projectSince(ctx, stream, first-1); err != nil {
		return err
	}
	l.Paid(store.OwesDocuments, refs...)
	return nil
}

// LeavesAlone reports that the documents of the stream cannot be written at present, and are owed for a while.
func (l *Ledger) LeavesAlone(stream Stream) bool { return l.asides.Leaves(Documents, stream) }

// EnsureDocuments waits for the documents of this process's own commits, and derives those of the named commits that are owed still. It fails
// when they cannot be written.
func (l *Ledger) EnsureDocuments(ctx context.Context, refs []store.Ref) error {
	l.Settle(ctx, documentAge)
	if len(refs) == 0 {
		return nil
	}
	commits, err := l.store.Commits(ctx, refs)
	if err != nil {
		return unavailable(err)
	}
	commits = l.payments.unpaid(commits, store.OwesDocuments)
	if err := l.DeriveOwed(ctx, commits); err != nil {
		return err
	}
	if slices.ContainsFunc(commits, func(c store.Commit) bool { return l.LeavesAlone(Stream(c.Stream)) }) {
		return errLetGo
	}
	return nil
}
