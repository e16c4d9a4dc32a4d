package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"landfall/internal/access"
	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/head"
	"landfall/internal/ledger"
	"landfall/internal/proof"
	"landfall/internal/store"
)

// signBeside signs a head over the records from outside the service, which may be running: into the
// stream of heads and then into the file, as the service does. Whichever of the two comes second
// signs behind the other.
//
// It only adds to what is in order. A head that says that records were lost or went back is signed
// by a start, which raises the epoch before: here that is a fault.
func (r Records) signBeside(
	ctx context.Context, secretKey string, opt backup.Options, log *slog.Logger,
) (_ proof.Head, err error) {
	secret, err := ownSecret(r, secretKey)
	if err != nil {
		return proof.Head{}, err
	}
	if secret == nil {
		return proof.Head{}, fault.New(fault.Invalid, "secret_key", "The secret key is not in %s.", r.Data)
	}
	st, err := r.openToSign(ctx, opt.Now, log)
	if err != nil {
		return proof.Head{}, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	own, err := recordedPrint(ctx, st)
	if err != nil {
		return proof.Head{}, r.cannotOpen(err)
	}
	if own != keyPrint(secret) {
		return proof.Head{}, fault.New(fault.Invalid, "secret_key", "The secret key is not that of the records.")
	}
	h, err := openHeads(r.headsFolder(), secret)
	if err != nil {
		return proof.Head{}, err
	}
	for _, note := range h.notes {
		log.Warn("a file of heads was not as it should be", "folder", h.dir, "what", note)
	}
	l := ledger.New(st, ledger.Options{Now: opt.Now, Logger: log, Shared: true})
	defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(ctx))) }()
	h.desk = head.NewDesk(l, st)
	states, err := access.NewDesk(l, st, access.Options{Now: opt.Now, Logger: log}).States(ctx)
	if err != nil {
		return proof.Head{}, err
	}
	at := opt.At
	if at == nil {
		at = func(string) {}
	}
	for range headTries {
		next, err := h.draftBeside(ctx, st, opt)
		if err == nil {
			err = h.keep(ctx, next, states, at)
		}
		if errors.Is(err, head.ErrOvertaken) {
			continue
		}
		if err != nil {
			return proof.Head{}, err
		}
		if h.trouble != "" {
			log.Warn("the head is recorded, and not in the file", "folder", h.dir, "what", h.trouble)
		}
		return next.Head, nil
	}
	return proof.Head{}, errOvertaken()
}

// draftBeside is draft for records and heads that are in order.
func (h *heads) draftBeside(ctx context.Context, st store.Store, opt backup.Options) (draft, error) {
	if h.log == nil {
		return draft{}, fault.New(fault.Unavailable, "heads_folder", "The folder of heads cannot be used: %s.", h.trouble)
	}
	if err := h.trustRecorded(ctx, st); err != nil {
		return draft{}, err
	}
	filed, ok := h.log.Last()
	covered, tree, known := h.log.Covered()
	err := h.believe(filed)
	if known {
		err = errors.Join(err, h.doubt(covered, tree))
	}
	if ok && err != nil {
		return draft{}, lostBeside(fmt.Sprintf("head %d in %s cannot be believed", filed.Head.Number, h.dir))
	}
	state, err := backup.ReadState(ctx, st)
	if err != nil {
		return draft{}, err
	}
	last, _, err := h.desk.Last(ctx)
	switch {
	case err != nil:
		return draft{}, err
	case state.RestoredAt != nil && state.Epoch > max(last.Head.Epoch, filed.Head.Epoch):
		return draft{}, fault.New(fault.State, "never_started",
			"The records were restored and not started since: their first start signs what they went back to.")
	case filed.Head.Number > last.Head.Number:
		return draft{}, lostBeside(fmt.Sprintf("head %d is not in the records", filed.Head.Number))
	}
	next, err := h.draft(ctx, st, proof.Head{Epoch: state.Epoch, At: opt.Now(), Why: proof.WhyBackup}, h.sign)
	if err == nil && next.lost != nil {
		err = lostBeside(describe(next.lost.list))
	}
	return next, err
}

// lostBeside refuses to sign over records that are not as an earlier head says.
func lostBeside(what string) error {
	return fault.New(fault.State, "records_lost",
		"Records are missing or altered that an earlier head covers: %s. See docs/runbooks/records-lost.md.", what)
}
