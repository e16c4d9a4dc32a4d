package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"

	"landfall/internal/backup"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// Rebuild drops and derives again every derived document of a stopped service; it gives the number of streams. Cut off, it leaves records that
// every start refuses, and that another Rebuild finishes. Of the options, Now, Progress and At count.
func Rebuild(ctx context.Context, records Records, opt backup.Options, log *slog.Logger) (streams int64, err error) {
	if err := records.mustExist(); err != nil {
		return 0, err
	}
	st, closeAll, err := records.openAlone(ctx, opt.Now, log)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	work, err := backup.Begin(ctx, st, backup.CommandRebuild, "", records.marking(st, opt))
	if err != nil {
		return 0, err
	}
	streams, err = rebuild(work.Context(), st, opt, log)
	return streams, work.End(err)
}

func rebuild(ctx context.Context, st store.Store, opt backup.Options, log *slog.Logger) (_ int64, err error) {
	l, _, err := nouns(st, ledger.Options{Now: opt.Now, Logger: log, Shared: true, At: opt.At}, make([]byte, 32))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	return l.Rebuild(ctx, Kinds(), opt.Progress)
}

// marking says how a command marks these records.
func (r Records) marking(st store.Store, opt backup.Options) backup.Marking {
	m := backup.Marking{Now: opt.Now, At: opt.At, By: uuid.NewString(), Shared: r.onServer()}
	if r.onServer() {
		m.Alone = func(ctx context.Context) error { return nobodyRuns(ctx, st, opt.Now()) }
	}
	return m
}
