package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// Restore makes a store out of an archive. The store must be empty, or hold what an interrupted restore of the same archive has left, and nobody
// else may write to it. kinds are all that this version knows, as the engine was opened with them.
//
// The first write marks the store as being restored, and the last one, after the whole archive was proven, removes the mark: the store is then held,
// and has a new epoch. Whatever ends a restore in between leaves a store that ReadState refuses, and that another Restore of the same archive
// finishes: commits that are there already are recognised by their hashes, documents are written again. Derived documents are
// not in an archive: Options.Derive makes them.
//
// A commit that erases a value owes its documents when that value is in the archive nevertheless, which was copied before: it is erased again by the
// start after it.
func Restore(ctx context.Context, r io.Reader, st store.Store, kinds []store.Kind, opt Options) (Summary, error) {
	if mark, _, err := readMark(ctx, st); err != nil {
		return Summary{}, err
	} else if mark == nil {
		if err := mustBeEmpty(ctx, st, kinds); err != nil {
			return Summary{}, err
		}
	}
	p := &restoring{ctx: ctx, st: st, opt: opt, kinds: make(map[string]store.Kind)}
	for _, k := range kept(kinds, opt) {
		p.kinds[k.Name] = k
	}
	for _, k := range kinds {
		if k.Derived {
			p.derived = append(p.derived, k.Name)
		}
	}
	sum, err := read(ctx, r, visitor{header: p.header, commit: p.commit, records: p.records, document: p.document}, opt)
	if p.load != nil { // reading has failed before the records ended
		p.load.cancel(err)
		_ = p.load.stop()
	}
	sum.Warnings = append(sum.Warnings, p.warnings...)
	if p.work == nil {
		return sum, restoreFault(ctx, err) // nothing was written
	}
	if err == nil && len(sum.Damaged) > 0 && !opt.AcceptDamaged {
		err = damagedFault(sum)
	}
	if err == nil {
		err = p.open(&sum)
	}
	return sum, restoreFault(ctx, p.work.End(err))
}

// open finishes a store whose archive was read and proven: it is held, and has a new epoch.
func (p *restoring) open(sum *Summary) error {
	if err := p.flush(); err != nil {
		return err
	}
	p.opt.at(PointRestoreWritten)
	if p.opt.Derive != nil {
		if err := p.opt.Derive(p.ctx); err != nil {
			return err
		}
	}
	p.opt.at(PointRestoreDerived)
	_, version, err := readState(p.ctx, p.st)
	if err != nil {
		return err
	}
	at := instant(p.opt.Now())
	sum.RestoredEpoch = nextEpoch(sum.Epoch, at)
	ours, err := writeState(p.ctx, p.st, State{Epoch: sum.RestoredEpoch, Held: true, RestoredAt: &at, TakenAt: &sum.TakenAt}, version+1)
	if err != nil || !ours {
		return errors.Join(err, whenFalse(ours, errNotAlone))
	}
	p.opt.at(PointRestoreHeld)
	return nil
}

var errNotAlone = fault.New(fault.Conflict, "restore_not_alone", "Somebody else has written to the store while it was restored. Empty it and restore again.")

// mustBeEmpty refuses a store that holds anything.
func mustBeEmpty(ctx context.Context, st store.Store, kinds []store.Kind) error {
	if s, err := ReadState(ctx, st); err != nil {
		return err
	} else if s != (State{}) {
		return notEmpty("it was restored before")
	}
	names, err := st.Streams(ctx, "", "", 1)
	if err != nil {
		return restoreFault(ctx, err)
	}
	if len(names) > 0 {
		return notEmpty("it holds records, such as " + names[0])
	}
	for _, k := range kinds {
		page, err := st.Find(ctx, store.Query{Kind: k.Name, Limit: 1})
		if err != nil {
			return restoreFault(ctx, err)
		}
		if len(page.Docs) > 0 {
			return notEmpty("it holds documents of kind " + k.Name)
		}
	}
	return nil
}

func notEmpty(why string) error {
	return fault.New(fault.Conflict, "store_not_empty",
		"A backup is restored into an empty store only, and this one is not empty: %s. Name another folder or database. Nothing has been changed.", why)
}

func restoreFault(ctx context.Context, err error) error {
	if _, ok := fault.As(err); ok || err == nil || ctx.Err() != nil {
		return err
	}
	if errors.Is(err, store.ErrFull) {
		return fault.Wrap(err, fault.Full, "disk_full", "The disk is full: the backup could not be restored. Make space and run the same command again.")
	}
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The store did not take the backup. Run the same command again.")
}

// restoring is one Restore.
type restoring struct {
	ctx      context.Context // the work's, once it has begun
	work     *Work           // nil before the header is read
	st       store.Store
	opt      Options
	kinds    map[string]store.Kind // that are restored
	derived  []string
	load     *loader
	skip     map[string]bool // kinds of the archive that are left out
	ops      []store.Op
	size     int
	warnings []string
}

// header decides whether the archive can be restored here, and marks the store.
func (p *restoring) header(h header) error {
	if h.KeyPrint != "" && h.KeyPrint != p.opt.KeyPrint {
		if !p.opt.WithoutSecrets {
			here := "there is no key here"
			if p.opt.KeyPrint != "" {
				here = "the key here is " + p.opt.KeyPrint
			}
			return fault.New(fault.State, "other_key",
				"The secrets in the backup are sealed with the key %s, and %s. Put the secret.key of the lost service into the data folder, or give --secret-key; or restore with --without-secrets, and give every subscription a new secret.",
				h.KeyPrint, here)
		}
		p.warnings = append(p.warnings, "the secrets of subscriptions cannot be read with the key that is used here: each needs a new one")
	}
	p.skip = make(map[string]bool)
	for _, k := range h.Kinds {
		if err := p.decide(h, k); err != nil {
			return err
		}
	}
	marking := p.opt.Marking
	marking.Now, marking.At = p.opt.Now, p.opt.At
	of := fmt.Sprintf("taken at %s in epoch %d", h.TakenAt.Format(time.RFC3339Nano), h.Epoch)
	work, err := Begin(p.ctx, p.st, CommandRestore, of, marking)
	if err != nil {
		return err
	}
	p.work, p.ctx = work, work.Context()
	if work.Resumed {
		if err := p.empty(); err != nil {
			return err
		}
	}
	p.load = startLoader(p.ctx, p.st, p.opt)
	return nil
}

// empty removes the working documents that an interrupted restore has written: they may come from a damaged copy of the archive, and unlike commits
// they carry no hash.
func (p *restoring) empty() error {
	for name := range p.kinds {
		for q := (store.Query{Kind: name, Limit: documentPage}); ; {
			page, err := p.st.Find(p.ctx, q)
			if err != nil {
				return err
			}
			for _, d := range page.Docs {
				p.ops = append(p.ops, store.Op{Do: store.OpDelete, Kind: name, Doc: store.Doc{ID: d.ID}})
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		if err := p.flush(); err != nil {
			return err
		}
	}
	p.opt.at(PointRestoreEmptied)
	return nil
}

// decide says what becomes of the documents of one kind.
func (p *restoring) decide(h header, k kindHeader) error {
	newer := func(what string) error {
		return fault.New(fault.State, codeNewer,
			"The backup was written by Landfall %s and holds %s, which this version does not know and would lose. Use that version, or a later one.", h.Version, what)
	}
	ours, known := p.kinds[k.Name]
	switch {
	case slices.Contains(p.opt.Transient, k.Name), k.Name == KindService:
		p.skip[k.Name] = true
		return nil
	case slices.Contains(p.opt.Retired, k.Name):
		p.skip[k.Name] = true
		p.warnings = append(p.warnings, fmt.Sprintf("documents of kind %s are left out: this version has no use for them", k.Name))
		return nil
	case slices.Contains(p.derived, k.Name):
		p.skip[k.Name] = true
		p.warnings = append(p.warnings, fmt.Sprintf("documents of kind %s are left out: this version derives them from the records", k.Name))
		return nil
	case !known:
		return newer("documents of kind " + k.Name)
	}
	declared := kindHeaderOf(ours)
	for _, f := range k.Fields {
		if declared.typeOf(f.Name) != f.Type {
			return newer(fmt.Sprintf("the field %s of %s", f.Name, k.Name))
		}
	}
	return nil
}

func (p *restoring) commit(c store.Commit) error { return p.load.add(c) }

// records waits until every commit is written: documents come after them.
func (p *restoring) records() error {
	load := p.load
	p.load = nil
	if err := load.stop(); err != nil {
		return err
	}
	p.opt.at(PointRestoreRecorded)
	return nil
}

func (p *restoring) document(kind string, d store.Doc) error {
	if p.skip[kind] {
		return nil
	}
	p.ops = append(p.ops, store.Op{Do: store.OpInsert, Kind: kind, Doc: d})
	p.size += len(d.Body)
	if len(p.ops) < documentPage && p.size < batchBytes && p.opt.At == nil { // each alone for who wants to be told of points
		return nil
	}
	err := p.flush()
	p.opt.at(PointRestoreDocuments)
	return err
}

// flush writes the documents that wait.
func (p *restoring) flush() error {
	if len(p.ops) == 0 {
		return nil
	}
	err := insist(p.ctx, func() error {
		_, err := p.st.Bulk(p.ctx, p.ops)
		return err
	})
	p.ops, p.size = p.ops[:0], 0
	return err
}
