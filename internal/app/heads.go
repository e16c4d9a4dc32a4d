package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"landfall/internal/fault"
	"landfall/internal/head"
	"landfall/internal/proof"
	"landfall/internal/store"
)

const (
	// headTries bounds how often a head is made again because another process has signed one
	// meanwhile.
	headTries = 5
	// seenMost bounds how many heads of other processes are copied into the file at once.
	seenMost = 10_000
	// lostFor is how long lost records are an alarm. The page of records shows them for ever.
	lostFor = 7 * 24 * time.Hour
)

// heads is what a process with the role watch signs heads with.
type heads struct {
	dir     string
	key     ed25519.PrivateKey
	trusted proof.Keys
	desk    *head.Desk // of the ledger

	mu       sync.Mutex // one signing at a time
	log      *proof.Log // nil while the folder cannot be used
	lost     *losses    // found at the start, and not signed yet
	restored *proof.WentBack
	trouble  string   // why the last head is not in the file; "" when it is
	notes    []string // what was wrong with files, since the process has started
}

// headsFolder gives the folder of the files of heads.
func (r Records) headsFolder() string {
	if r.Heads != "" {
		return r.Heads
	}
	return filepath.Join(r.Data, "heads")
}

// openHeads opens the files of heads. A folder that cannot be used is an alarm, and no reason not
// to start.
func openHeads(dir string, secret []byte) (*heads, error) {
	key, err := proof.KeyFrom(secret)
	if err != nil {
		return nil, err
	}
	h := &heads{dir: dir, key: key, trusted: proof.KeysOf(proof.PublicOf(key))}
	h.reopen()
	return h, nil
}

// believe reports why a head in the file is not this service's own: this key must have signed it, or
// one whose heads it has taken on by a rotation.
func (h *heads) believe(s proof.Signed) error { return s.Verify(h.trusted) }

// trustFormer adds the keys that this one was rotated from, as the heads in the records say.
func (h *heads) trustFormer(recorded []proof.Signed) error {
	beside, err := proof.KeysIn(h.dir)
	if err != nil {
		return err
	}
	h.trusted = proof.Predecessors(proof.PublicOf(h.key), beside, recorded)
	return nil
}

// reopen tries to use the folder, unless it is in use.
func (h *heads) reopen() {
	if h.log != nil {
		return
	}
	log, err := proof.OpenLog(h.dir)
	if err == nil {
		err = log.AddKey(proof.PublicOf(h.key))
	}
	if err != nil {
		h.trouble = err.Error()
		return
	}
	h.log, h.trouble = log, ""
	h.notes = append(h.notes, log.Notes()...)
}

// covered gives the newest head of the file that this key, or one that it was rotated from, has
// signed over the leaves that are there.
func (h *heads) covered() (proof.Signed, *proof.Tree, bool) {
	if h.log == nil {
		return proof.Signed{}, &proof.Tree{}, false
	}
	covered, tree, ok := h.log.Covered()
	if !ok {
		return covered, tree, false
	}
	if err := h.doubt(covered, tree); err != nil {
		err = h.log.SetAside(fmt.Sprintf("head %d: %v", covered.Head.Number, err))
		h.notes = append(h.notes, h.log.Notes()...)
		if err != nil {
			h.trouble = err.Error()
		}
		return proof.Signed{}, &proof.Tree{}, false
	}
	return covered, tree, true
}

// doubt reports why a head of the file cannot be believed to cover these leaves.
func (h *heads) doubt(covered proof.Signed, tree *proof.Tree) error {
	if err := h.believe(covered); err != nil {
		return err
	}
	if tree.Root() != covered.Head.Root {
		return errors.New("its leaves are not those that were signed")
	}
	return nil
}

// signHead signs a head over everything that is recorded by now: into the stream of heads, and then
// into the file. What this process does not sign, because it has another role, is not an error.
func (a *App) signHead(ctx context.Context, why proof.Why) error {
	if a.heads == nil {
		return nil
	}
	h := a.heads
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reopen()
	for range headTries {
		err := a.signOnce(ctx, why)
		if !errors.Is(err, head.ErrOvertaken) {
			return err
		}
		if why == proof.WhyHour {
			return nil // somebody else has just signed one
		}
	}
	return errOvertaken()
}

func errOvertaken() error {
	return fault.New(fault.Unavailable, "heads_overtaken", "Other processes sign heads at the same time, again and again.")
}

func (a *App) signOnce(ctx context.Context, why proof.Why) error {
	h := a.heads
	next, err := h.draft(ctx, a.store, proof.Head{Epoch: a.ledger.Epoch(), At: a.opt.Now(), Why: why}, h.sign)
	if err != nil {
		return err
	}
	states, err := a.access.States(ctx)
	if err != nil {
		return err
	}
	if err := h.keep(ctx, next, states, a.at); err != nil {
		return err
	}
	if lost := next.Head.Lost; lost != nil {
		a.log.Error("records that an earlier head covers are not there any more", "streams", lost.Streams,
			"commits", lost.Commits, "runbook", "docs/runbooks/records-lost.md")
	}
	h.lost, h.restored = nil, nil
	a.log.Info("signed a head over the records", "number", next.Head.Number, "why", string(why))
	return nil
}

// draft is a head that is signed and stands nowhere yet.
type draft struct {
	proof.Signed
	tree  *proof.Tree // what it covers
	lost  *losses     // what it says was lost
	after int64       // where the stream of heads ended
}

// sign signs a head with the key of the service.
func (h *heads) sign(next proof.Head) (proof.Signed, error) { return proof.Sign(next, h.key) }

// draft makes a head of what is given, over where the streams end now, behind the newest head there is.
func (h *heads) draft(
	ctx context.Context, st store.Store, next proof.Head, sign func(proof.Head) (proof.Signed, error),
) (draft, error) {
	prev, after, err := h.newest(ctx)
	if err != nil {
		return draft{}, err
	}
	next.At = next.At.UTC()
	base, tree, known := h.covered()
	var since time.Time
	whole := next.Why == proof.WhyBackup || next.Why == proof.WhyRotation // others build on these: they look at every stream
	if known && !whole && h.lost == nil && h.restored == nil &&
		base.Head.At.YearDay() == next.At.YearDay() && base.Head.At.Before(next.At) {
		since = base.Head.At.Add(-head.Overlap)
	}
	found, err := head.Reach(ctx, st, tree, since)
	if err != nil {
		return draft{}, err
	}
	lost := h.lost.with(found, base.Head.Number)
	next.Number, next.Streams, next.Root = prev.Head.Number+1, int64(tree.Len()), tree.Root()
	next.Lost, next.WentBack = lost.signed(), h.restored
	if next.Number > 1 {
		next.Prev = prev.Hash()
	}
	signed, err := sign(next)
	return draft{Signed: signed, tree: tree, lost: lost, after: after}, err
}

// keep records a draft, and then puts it into the file. Its error is head.ErrOvertaken when another
// head was recorded since the draft was made; what the file does not take is only a trouble.
func (h *heads) keep(ctx context.Context, d draft, states []string, at func(point string)) error {
	at(head.PointSigned)
	if err := h.desk.Record(ctx, d.Signed, d.after, states); err != nil {
		return err
	}
	at(head.PointRecorded)
	h.write(ctx, d.Signed, d.tree, d.lost.streams())
	at(head.PointWritten)
	return nil
}

// newest gives the newest head there is, in the records or in the file, and where the stream of
// heads ends.
func (h *heads) newest(ctx context.Context) (proof.Signed, int64, error) {
	last, after, err := h.desk.Last(ctx)
	if err != nil || h.log == nil {
		return last, after, err
	}
	if filed, ok := h.log.Last(); ok && filed.Head.Number > last.Head.Number && h.believe(filed) == nil {
		last = filed
	}
	return last, after, nil
}

// write appends a recorded head to the file, with those of other processes before it.
func (h *heads) write(ctx context.Context, s proof.Signed, tree *proof.Tree, forget []string) {
	if h.log == nil {
		return
	}
	var seen []proof.Signed
	var err error
	if filed, ok := h.log.Last(); ok && filed.Head.Number+1 < s.Head.Number {
		seen, err = h.desk.After(ctx, filed.Head.Number, seenMost)
	}
	if err == nil {
		err = h.log.Append(s, tree, seen, forget)
	}
	h.trouble = ""
	if err != nil {
		h.trouble = err.Error()
	}
	h.notes = append(h.notes, h.log.Notes()...)
}

// hourly is the job: it signs a head when the last one is old enough, and when the clock was set
// back behind it.
func (a *App) hourly(ctx context.Context, now time.Time) error {
	last, _, err := a.heads.desk.Last(ctx)
	if err != nil {
		return err
	}
	if age := now.Sub(last.Head.At); age < a.opt.HeadEvery && age > -head.Overlap {
		return nil
	}
	key := fmt.Sprintf("head/%d", last.Head.Number+1)
	return a.once(ctx, key, 10*time.Minute, func(ctx context.Context) error { return a.signHead(ctx, proof.WhyHour) })
}

// lastHead is how a stopping process signs: what it cannot sign the next start looks at all the
// same.
func (a *App) lastHead(ctx context.Context) error {
	if err := a.signHead(ctx, proof.WhyStop); err != nil {
		a.log.Warn("the service stops without a head over its last records", "error", err)
	}
	return nil
}

// firstHead signs the head of the start, which says what was found lost. Records that take nothing
// more, as on a full disk, are no reason not to start: the job tries again.
func (a *App) firstHead(ctx context.Context) {
	if a.heads == nil || a.opt.Offline {
		return
	}
	why := proof.WhyStart
	if a.heads.restored != nil {
		why = proof.WhyRestore
	}
	if err := a.signHead(ctx, why); err != nil {
		a.log.Error("the service starts without a head over its records", "error", err)
	}
}

// headTrouble and recordsLost are the alarms about heads.
func (a *App) headTrouble(context.Context, time.Time) (string, error) {
	if a.heads == nil {
		return "", nil
	}
	a.heads.mu.Lock()
	defer a.heads.mu.Unlock()
	var text string
	if a.heads.trouble != "" {
		text = fmt.Sprintf("Heads are not kept in %s: %s.", a.heads.dir, a.heads.trouble)
	}
	if len(a.heads.notes) > 0 {
		text += fmt.Sprintf(" Files of heads in %s were not as they should be: %s.",
			a.heads.dir, strings.Join(a.heads.notes, "; "))
	}
	return strings.TrimSpace(text), nil
}

func (a *App) recordsLost(ctx context.Context, now time.Time) (string, error) {
	lost, ok, err := a.headDesk.LastLost(ctx)
	if err != nil || !ok || now.Sub(lost.Head.At) > lostFor {
		return "", err
	}
	l := lost.Head.Lost
	return fmt.Sprintf("At %s records were missing or altered that had been signed or announced: "+
		"%d streams, %d commits. The first: %s.",
		lost.Head.At.Format(time.RFC3339), l.Streams, l.Commits, describe(l.First)), nil
}

// describe names the first few losses.
func describe(list []proof.Loss) string {
	words := make([]string, 0, asideNamed)
	for _, l := range list[:min(len(list), asideNamed)] {
		words = append(words, fmt.Sprintf("%s (%s: had %d, has %d)", l.Stream, l.What, l.Had, l.Has))
	}
	return strings.Join(words, ", ")
}
