package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"landfall/internal/fault"
	"landfall/internal/guard"
	"landfall/internal/store"
)

// Command is a long command that leaves the records in between what they were and what they become.
type Command string

// The commands that mark the records.
const (
	CommandRestore   Command = "restore"
	CommandRebuild   Command = "rebuild"
	CommandRotateKey Command = "rotate-key"
)

// idMark is the document of the mark. There is at most one, since one such command runs at a time.
const idMark = "unfinished"

const (
	// markRenewed is how often a command on a server says that it is still at work.
	markRenewed = 5 * time.Second
	// markLife is how long such a command counts as running after it was last heard of.
	markLife = 30 * time.Second
)

// Mark says which command has begun to change the records. It is written before the command's first change and removed after
// its last one: records with a mark are refused by every start, and by whatever reads them as a whole.
type Mark struct {
	Command Command   `json:"command"`
	Of      string    `json:"of,omitempty"` // what the command was given: a backup, a pair of keys
	Begun   time.Time `json:"begun"`
	By      string    `json:"by"`   // the process that works on it
	Seen    time.Time `json:"seen"` // when that was last heard of; kept up where records are on a server
}

// Marking says how Begin marks.
type Marking struct {
	Now func() time.Time
	By  string // this process; unique

	// Shared records lie on a server, where the lock of a folder keeps nobody away. The mark is then renewed while the work goes on, and
	// a process that finds a mark that is still renewed leaves it alone.
	Shared bool

	// Alone, if not nil, is asked once the mark stands whether nobody else works on the records. Its error takes a new mark away again.
	Alone func(context.Context) error

	At func(point string) // see Points; may be nil
}

// Work is a command that has marked the records. Its methods are for one goroutine.
type Work struct {
	docs    store.Documents
	opt     Marking
	mark    Mark
	version int64
	outer   context.Context // given to Begin
	ctx     context.Context
	cancel  context.CancelCauseFunc
	renewal sync.WaitGroup
	guard   *guard.Guard
	Resumed bool // an earlier run of the same command was cut off
}

var errLostMark = fault.New(fault.Conflict, "mark_lost",
	"Another process has taken over this command, because this one was not heard of for a while. Let it finish.")

// Begin marks the records for a command, before the first change. A mark that an interrupted run of the same command left is
// taken over. Errors: State naming the command that has to be finished first, or that was given something else; Conflict
// when the same command is running; those of Marking.Alone; Unavailable.
func Begin(ctx context.Context, docs store.Documents, command Command, of string, opt Marking) (*Work, error) {
	held, version, err := readMark(ctx, docs)
	if err != nil {
		return nil, err
	}
	now := instant(opt.Now())
	w := &Work{docs: docs, opt: opt, version: version + 1, guard: guard.New(nil, opt.Now), Resumed: held != nil}
	w.mark = Mark{Command: command, Of: of, Begun: now, By: opt.By, Seen: now}
	if held != nil {
		if held.Command != command || held.Of != of {
			return nil, held.refuse()
		}
		if since := now.Sub(held.Seen); opt.Shared && held.By != opt.By && since < markLife {
			return nil, fault.New(fault.Conflict, "command_running",
				"landfall %s was still running %s ago. Let it finish; one that was killed counts as ended after %s.",
				command, max(0, since).Round(time.Second), markLife)
		}
		w.mark.Begun = held.Begun
	}
	if ours, err := w.put(ctx); err != nil || !ours {
		return nil, errors.Join(err, whenFalse(ours, errLostMark))
	}
	w.at(PointMarked)
	if opt.Alone != nil {
		if err := opt.Alone(ctx); err != nil {
			if !w.Resumed {
				err = errors.Join(err, w.remove(context.WithoutCancel(ctx)))
			}
			return nil, err
		}
	}
	w.outer = ctx
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	if opt.Shared {
		w.renewal.Go(func() { w.guard.Run("the mark of a command", w.renew) })
	}
	return w, nil
}

// Context ends when the mark is lost to another process, and when the context given to Begin does. The work is done with it.
func (w *Work) Context() context.Context { return w.ctx }

// End ends the work. When it failed, which err says, the mark stays; else it is removed, and with it the refusals end. The error is err, or that
// of removing the mark; after an interrupt it is the refusal that everybody gets from now on.
func (w *Work) End(err error) error {
	w.cancel(nil)
	w.renewal.Wait()
	if cause := context.Cause(w.ctx); errors.Is(cause, errLostMark) {
		return cause
	}
	if err != nil && w.outer.Err() != nil {
		return w.mark.refuse()
	}
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(w.ctx) // everything is done: an interrupt changes nothing any more
	ours, err := w.put(ctx)
	if err != nil || !ours {
		return errors.Join(err, whenFalse(ours, errLostMark))
	}
	w.at(PointUnmarking)
	if err := w.remove(ctx); err != nil {
		return err
	}
	w.at(PointUnmarked)
	return nil
}

func whenFalse(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

// renew says that the work goes on until it ends.
func (w *Work) renew() {
	tick := time.NewTicker(markRenewed)
	defer tick.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-tick.C:
		}
		// A write that fails says nothing: the mark lives for several of them.
		if ours, err := w.put(w.ctx); err == nil && !ours {
			w.cancel(errLostMark)
		}
	}
}

// put writes the mark; false when another process has written it since.
func (w *Work) put(ctx context.Context) (bool, error) {
	w.mark.Seen = instant(w.opt.Now())
	body, err := json.Marshal(w.mark)
	if err != nil {
		return false, fmt.Errorf("backup: mark: %w", err)
	}
	op := store.Op{Do: store.OpPut, Kind: KindService, Doc: store.Doc{ID: idMark, Version: w.version, Body: body}}
	if w.version == 1 {
		op.Do = store.OpInsert
	}
	changed, err := w.docs.Bulk(ctx, []store.Op{op})
	if err != nil {
		return false, unmarked(err)
	}
	w.version++
	return changed[0], nil
}

func (w *Work) remove(ctx context.Context) error {
	_, err := w.docs.Bulk(ctx, []store.Op{{Do: store.OpDelete, Kind: KindService, Doc: store.Doc{ID: idMark}}})
	return unmarked(err)
}

func (w *Work) at(point string) {
	if w.opt.At != nil {
		w.opt.At(point)
	}
}

func unmarked(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, store.ErrFull) {
		return fault.Wrap(err, fault.Full, "disk_full", "The disk is full: make space, and run the same command again.")
	}
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The records cannot be marked at the moment. Run the same command again.")
}

// readMark gives the mark and its version; nil when there is none.
func readMark(ctx context.Context, docs store.Documents) (*Mark, int64, error) {
	found, err := docs.Get(ctx, KindService, idMark)
	if err != nil {
		return nil, 0, unreadable(err)
	}
	doc, ok := found[idMark]
	if !ok {
		return nil, 0, nil
	}
	m := new(Mark)
	if err := json.Unmarshal(doc.Body, m); err != nil {
		return nil, 0, fmt.Errorf("backup: mark: %w", err)
	}
	return m, doc.Version, nil
}

// Unfinished gives what a command was given that has marked the records and not finished; "" when there is no such mark.
func Unfinished(ctx context.Context, docs store.Documents, command Command) (of string, err error) {
	m, _, err := readMark(ctx, docs)
	if err != nil || m == nil || m.Command != command {
		return "", err
	}
	return m.Of, nil
}

// Finished refuses records that a command has marked and not finished: a State fault that names the command, with the code
// "restore_unfinished", "rebuild_unfinished" or "rotate_key_unfinished".
func Finished(ctx context.Context, docs store.Documents) error {
	m, _, err := readMark(ctx, docs)
	if err != nil || m == nil {
		return err
	}
	return m.refuse()
}

func (m *Mark) refuse() error {
	code, begun := "restore_unfinished", m.Begun.Format(time.RFC3339)
	switch m.Command {
	case CommandRebuild:
		return fault.New(fault.State, "rebuild_unfinished",
			"landfall rebuild was begun at %s and has not finished, so what is derived from the records is not whole. Run it again: landfall rebuild.", begun)
	case CommandRotateKey:
		return fault.New(fault.State, "rotate_key_unfinished",
			"landfall rotate-key was begun at %s and has not finished, so some secrets are sealed with the old key and some with the new one. "+
				"Run it again, with the same options: landfall rotate-key.", begun)
	case CommandRestore:
	}
	return fault.New(fault.State, code,
		"landfall restore was begun at %s and has not finished, so the records are not whole. Run it again with the same backup, %s. "+
			"Or empty the store (delete landfall.db, landfall.db-wal and landfall.db-shm, or drop the database) and restore another one.", begun, m.Of)
}
