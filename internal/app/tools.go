package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

// Verify proves every record of a data folder. It only reads, and may run beside the service: what that recorded in the last moments, by
// the wall clock now, may not be projected yet.
func Verify(ctx context.Context, data string, now func() time.Time, log *slog.Logger) (_ ledger.Report, err error) {
	if err := mustHoldRecords(data); err != nil {
		return ledger.Report{}, err
	}
	st, err := sqlite.OpenReadOnly(ctx, filepath.Join(data, "landfall.db"), Kinds(), sqlite.Options{Logger: log})
	if err != nil {
		return ledger.Report{}, fault.Wrap(err, fault.Unavailable, "store", "The records in %s cannot be opened.", data)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	l, err := reader(st, now, log)
	if err != nil {
		return ledger.Report{}, err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	return l.Verify(ctx, Kinds(), nil)
}

// Rebuild drops and derives again every derived document of a stopped data folder; it gives the number of streams.
func Rebuild(ctx context.Context, data string, now func() time.Time, log *slog.Logger) (_ int64, err error) {
	if err := mustHoldRecords(data); err != nil {
		return 0, err
	}
	f, err := openFolder(data)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	st, err := sqlite.Open(ctx, f.database(), Kinds(), sqlite.Options{Logger: log})
	if err != nil {
		return 0, fault.Wrap(err, fault.Unavailable, "store", "The records in %s cannot be opened.", data)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	l, err := reader(st, now, log)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	return l.Rebuild(ctx, Kinds(), nil)
}

func mustHoldRecords(data string) error {
	if _, err := os.Stat(filepath.Join(data, "landfall.db")); err != nil {
		return fault.Wrap(err, fault.NotFound, "no_records", "There are no records in %s.", data)
	}
	return nil
}

// reader gives a ledger that knows every noun and is used for reading and deriving only.
func reader(st store.Store, now func() time.Time, log *slog.Logger) (*ledger.Ledger, error) {
	l := ledger.New(st, ledger.Options{Now: now, Logger: log})
	access.NewDesk(l, st, access.Options{Now: now, Logger: log})
	incidents := incident.NewDesk(l, st, nil)
	_, err := notify.NewDesk(l, st, notify.DeskOptions{Visibility: incidents, SealKey: make([]byte, 32), Logger: log})
	return l, err
}
