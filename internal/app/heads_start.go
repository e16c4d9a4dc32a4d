package app

import (
	"context"
	"slices"

	"landfall/internal/backup"
	"landfall/internal/head"
	"landfall/internal/ledger"
	"landfall/internal/proof"
	"landfall/internal/store"
)

// busRecent is how many of the newest messages of the bus a start compares with the records.
const busRecent = 2000

// losses are what was found lost or altered.
type losses struct {
	since int64 // number of the head that covers them; 0 when only the bus knows of them
	list  []proof.Loss
}

// with gives the losses and others; nil when there are none. Of one stream the greater loss counts.
func (l *losses) with(found []proof.Loss, since int64) *losses {
	out := &losses{since: since}
	if l != nil {
		out.since, out.list = max(l.since, since), slices.Clone(l.list)
	}
	for _, f := range found {
		i := slices.IndexFunc(out.list, func(have proof.Loss) bool { return have.Stream == f.Stream })
		switch {
		case i < 0:
			out.list = append(out.list, f)
		case f.Had > out.list[i].Had:
			out.list[i] = f
		}
	}
	if len(out.list) == 0 {
		return nil
	}
	return out
}

// signed gives the losses as a head names them.
func (l *losses) signed() *proof.Lost {
	if l == nil {
		return nil
	}
	out := &proof.Lost{Since: l.since, Streams: int64(len(l.list)), First: l.list[:min(len(l.list), proof.LossesNamed)]}
	for _, one := range l.list {
		out.Commits += max(one.Had-one.Has, 1)
	}
	return out
}

func (l *losses) streams() []string {
	if l == nil {
		return nil
	}
	names := make([]string, len(l.list))
	for i, one := range l.list {
		names[i] = one.Stream
	}
	return names
}

// compareRecords looks whether the records hold what the last head covers, and what the bus has
// been told. What is missing raises the epoch before anything is built on the records: no ETag of
// what was lost may fit what comes after it. The first head says it.
func (a *App) compareRecords(ctx context.Context, secret []byte, state backup.State) (backup.State, error) {
	if !a.opt.has(RoleWatch) {
		return state, nil
	}
	h, err := openHeads(a.opt.headsFolder(), secret)
	if err != nil {
		return state, err
	}
	if a.heads = h; a.opt.Offline {
		return state, nil
	}
	if err := h.trustRecorded(ctx, a.store); err != nil {
		return state, a.opt.cannotOpen(err)
	}
	covered, tree, _ := h.covered()
	last, filed, err := a.recordedHead(ctx)
	if err != nil {
		return state, err
	}
	found, err := head.Compare(ctx, a.store, tree)
	if err != nil {
		return state, a.opt.cannotOpen(err)
	}
	newest := last
	if filed != nil && filed.Head.Number > last.Head.Number {
		newest = *filed
		missing := filed.Head.Number - last.Head.Number
		found = append(found, proof.Loss{
			Stream: string(head.Stream), What: proof.Shorter, Had: a.headsRecorded + missing, Has: a.headsRecorded,
		})
	}
	if state.RestoredAt != nil && state.Epoch > newest.Head.Epoch {
		// The restore has raised the epoch, and the operator knows of it.
		h.restored = &proof.WentBack{Number: last.Head.Number, RestoredAt: state.RestoredAt.UTC()}
		if state.TakenAt != nil {
			h.restored.TakenAt = state.TakenAt.UTC()
		}
		if last.Head.Number > 0 {
			h.restored.Head = last.Hash()
		}
		h.lost = h.lost.with(found, covered.Head.Number)
		return state, nil
	}
	told, err := a.toldOf(ctx)
	if err != nil {
		a.log.Warn("what the bus has been told could not be compared with the records", "error", err)
	}
	if h.lost = h.lost.with(append(found, told...), covered.Head.Number); h.lost == nil {
		return state, nil
	}
	return backup.RaiseEpoch(ctx, a.store, newest.Head.Epoch, a.opt.Now())
}

// trustRecorded finds out whose heads this key has taken on, where the file ends with another key's.
func (h *heads) trustRecorded(ctx context.Context, st store.Store) error {
	if h.log == nil {
		return nil
	}
	last, ok := h.log.Last()
	covered, _, known := h.log.Covered()
	if (!ok || h.believe(last) == nil) && (!known || h.believe(covered) == nil) {
		return nil
	}
	recorded, err := head.Recorded(ctx, st)
	if err != nil {
		return err
	}
	return h.trustFormer(append(recorded, last))
}

// recordedHead gives the newest head in the records and, if there is any that this key signed, the
// newest in the file.
func (a *App) recordedHead(ctx context.Context) (last proof.Signed, filed *proof.Signed, err error) {
	l := ledger.New(a.store, ledger.Options{Now: a.opt.Now, Logger: a.log, Shared: true})
	last, a.headsRecorded, err = head.NewDesk(l, a.store).Last(ctx)
	if err != nil {
		return last, nil, err
	}
	if err := l.Close(ctx); err != nil {
		return last, nil, err
	}
	if a.heads.log == nil {
		return last, nil, nil
	}
	if s, ok := a.heads.log.Last(); ok && a.heads.believe(s) == nil {
		filed = &s
	}
	return last, filed, nil
}

// toldOf gives what is missing of the commits that the newest messages on the bus are about.
// Nothing is published before it is durable, so what the bus knows the records must have.
func (a *App) toldOf(ctx context.Context) ([]proof.Loss, error) {
	messages, err := a.bus.Recent(ctx, busRecent)
	if err != nil {
		return nil, err
	}
	newest := map[string]int64{}
	for _, m := range messages {
		if ref, ok := refIn(m); ok {
			newest[ref.Stream] = max(newest[ref.Stream], ref.Seq)
		}
	}
	refs := make([]store.Ref, 0, len(newest))
	for stream, seq := range newest {
		refs = append(refs, store.Ref{Stream: stream, Seq: seq})
	}
	return head.Absent(ctx, a.store, refs)
}
