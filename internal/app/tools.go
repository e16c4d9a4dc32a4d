package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"landfall/internal/access"
	"landfall/internal/backup"
	"landfall/internal/head"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/preparedness"
	"landfall/internal/store"
)

// Verify proves every record, by itself and by the heads that were signed over it. It only reads, and may run beside
// the service: what that recorded in the last moments, by the wall clock now, may not be projected yet. Records that a
// command has not finished are refused.
func Verify(
	ctx context.Context, records Records, against Against, now func() time.Time, log *slog.Logger,
) (r Report, err error) {
	st, err := records.openBeside(ctx, now, log)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := backup.Finished(ctx, st); err != nil {
		return r, err
	}
	l, err := reader(st, now, log)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	if r.Report, err = l.Verify(ctx, Kinds(), nil); err != nil {
		return r, err
	}
	err = verifyHeads(ctx, st, records, against, &r)
	return r, err
}

// reader gives a ledger that knows every noun and is used for reading and deriving only.
func reader(st store.Store, now func() time.Time, log *slog.Logger) (*ledger.Ledger, error) {
	l, _, err := nouns(st, ledger.Options{Now: now, Logger: log, Shared: true}, make([]byte, 32))
	return l, err
}

// nouns gives a ledger that knows every noun, for a command, and the desk whose secrets are sealed with a key.
func nouns(st store.Store, opt ledger.Options, key []byte) (*ledger.Ledger, *notify.Desk, error) {
	l := ledger.New(st, opt)
	access.NewDesk(l, st, access.Options{Now: opt.Now, Logger: opt.Logger})
	head.NewDesk(l, st)
	incidents := incident.NewDesk(l, st, nil)
	preparedness.NewDesk(l, st, situation{incidents})
	desk, err := notify.NewDesk(l, st, notify.DeskOptions{Visibility: incidents, SealKey: key, Logger: opt.Logger})
	return l, desk, err
}
