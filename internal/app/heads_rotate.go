package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"time"

	"landfall/internal/fault"
	"landfall/internal/head"
	"landfall/internal/ledger"
	"landfall/internal/proof"
	"landfall/internal/store"
)

// rotateHeads lets the old secret key sign a head that names the next one, and the next one accept
// it: whoever believes one of them believes what the other signs. Nothing else may run on the
// records. It may be done again.
func rotateHeads(
	ctx context.Context, st store.Store, records Records, old, next []byte, now func() time.Time, log *slog.Logger,
) (err error) {
	h, err := openHeads(records.headsFolder(), old)
	if err != nil {
		return err
	}
	if h.log == nil {
		return fault.New(fault.Unavailable, "heads_folder", "The folder of heads cannot be used: %s.", h.trouble)
	}
	nextKey, err := proof.KeyFrom(next)
	if err != nil {
		return err
	}
	recorded, err := head.Recorded(ctx, st)
	if err == nil {
		err = h.trustFormer(recorded)
	}
	if err != nil {
		return err
	}
	l := ledger.New(st, ledger.Options{Now: now, Logger: log, Shared: true})
	defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(ctx))) }()
	h.desk = head.NewDesk(l, st)
	if last, ok := h.log.Last(); !ok || !names(last, nextKey) {
		if err := h.rotate(ctx, st, nextKey, now().UTC()); err != nil {
			return err
		}
	}
	if err := h.log.AddKey(proof.PublicOf(nextKey)); err != nil {
		return fault.Wrap(err, fault.Unavailable, "heads_folder", "The new key cannot be written into %s.", h.dir)
	}
	return nil
}

// names reports whether the head is a rotation to the key.
func names(s proof.Signed, key ed25519.PrivateKey) bool {
	next, err := s.NextKey()
	return err == nil && next != nil && next.Equal(key.Public())
}

// rotate signs, records and files the head of a rotation.
func (h *heads) rotate(ctx context.Context, st store.Store, nextKey ed25519.PrivateKey, now time.Time) error {
	last, _, err := h.desk.Last(ctx)
	if err != nil {
		return err
	}
	next, err := h.draft(ctx, st, proof.Head{Epoch: last.Head.Epoch, At: now, Why: proof.WhyRotation},
		func(next proof.Head) (proof.Signed, error) { return proof.Rotate(next, h.key, nextKey) })
	if err != nil {
		return err
	}
	if err := h.keep(ctx, next, nil, func(string) {}); err != nil {
		return err
	}
	if h.trouble != "" {
		return fault.New(fault.Unavailable, "heads_folder", "The head of the rotation is not in %s: %s.", h.dir, h.trouble)
	}
	return nil
}
