package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/preparedness"
	"landfall/internal/store"
)

// Verify proves every record. It only reads, and may run beside the service: what that recorded in the last moments, by the wall clock
// now, may not be projected yet.
func Verify(ctx context.Context, records Records, now func() time.Time, log *slog.Logger) (_ ledger.Report, err error) {
	st, err := records.openBeside(ctx, now, log)
	if err != nil {
		return ledger.Report{}, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	l, err := reader(st, now, log)
	if err != nil {
		return ledger.Report{}, err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	return l.Verify(ctx, Kinds(), nil)
}

// Rebuild drops and derives again every derived document of a stopped service; it gives the number of streams.
func Rebuild(ctx context.Context, records Records, now func() time.Time, log *slog.Logger) (_ int64, err error) {
	if err := records.mustExist(); err != nil {
		return 0, err
	}
	st, closeAll, err := records.openAlone(ctx, now, log)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	return rebuild(ctx, st, now, log)
}

func rebuild(ctx context.Context, st store.Store, now func() time.Time, log *slog.Logger) (_ int64, err error) {
	l, err := reader(st, now, log)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	return l.Rebuild(ctx, Kinds(), nil)
}

// reader gives a ledger that knows every noun and is used for reading and deriving only.
func reader(st store.Store, now func() time.Time, log *slog.Logger) (*ledger.Ledger, error) {
	l := ledger.New(st, ledger.Options{Now: now, Logger: log, Shared: true})
	access.NewDesk(l, st, access.Options{Now: now, Logger: log})
	incidents := incident.NewDesk(l, st, nil)
	preparedness.NewDesk(l, st, situation{incidents})
	_, err := notify.NewDesk(l, st, notify.DeskOptions{Visibility: incidents, SealKey: make([]byte, 32), Logger: log})
	return l, err
}
