package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"landfall/internal/access"
	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/head"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/preparedness"
	"landfall/internal/store"
	"landfall/internal/store/mongodb"
	"landfall/internal/store/sqlite"
)

// Records say where the records are: in the data folder, or on a server.
type Records struct {
	Data            string // data folder; on a server's side it holds only what is this process's own
	MongoDBURI      string // "" means the data folder
	MongoDBDatabase string // landfall
	Heads           string // folder of the files of signed heads; "" is heads in the data folder
}

// onServer reports whether the records are on a server, where other processes may write them too.
func (r Records) onServer() bool { return r.MongoDBURI != "" }

func (r Records) database() string {
	if r.MongoDBDatabase == "" {
		return "landfall"
	}
	return r.MongoDBDatabase
}

// where names the place of the records for people; never with credentials.
func (r Records) where() string {
	if r.onServer() {
		return "the MongoDB database " + r.database()
	}
	return r.Data
}

func (r Records) cannotOpen(err error) error {
	return fault.Wrap(err, fault.Unavailable, "store", "The records in %s cannot be opened.", r.where())
}

// Kinds lists every kind of document there is.
func Kinds() []store.Kind {
	var all []store.Kind
	for _, kinds := range [][]store.Kind{ledger.Kinds(), access.Kinds(), incident.Kinds(), preparedness.Kinds(), notify.Kinds(), backup.Kinds(), head.Kinds(), kinds} {
		all = append(all, kinds...)
	}
	return all
}

// kinds are the documents of the processes themselves. All are working state.
var kinds = []store.Kind{
	{Name: kindProbe},
	{Name: kindProcess},
	{Name: kindClaim},
}

// openRecords opens the records to serve from them.
func (a *App) openRecords(ctx context.Context) (store.Store, error) {
	opt := &a.opt
	if !opt.onServer() {
		st, err := sqlite.Open(ctx, a.folder.database(), Kinds(), sqlite.Options{
			Now: opt.Now, Logger: a.log, Guard: a.guard, OnGroup: a.grouped, OnFatal: a.fail, At: opt.At,
		})
		if err != nil {
			return nil, opt.cannotOpen(err)
		}
		return st, nil
	}
	st, err := mongodb.Open(ctx, opt.MongoDBURI, Kinds(), mongodb.Options{
		Database: opt.database(), Now: opt.Now, Logger: a.log, Guard: a.guard, Observe: a.metrics.served, At: opt.At,
	})
	if err != nil {
		return nil, opt.cannotOpen(err)
	}
	return st, nil
}

// openBeside opens the records for reading beside a service that may be running.
func (r Records) openBeside(ctx context.Context, now func() time.Time, log *slog.Logger) (store.Store, error) {
	if r.onServer() {
		st, err := mongodb.Open(ctx, r.MongoDBURI, Kinds(), mongodb.Options{Database: r.database(), Now: now, Logger: log})
		if err != nil {
			return nil, r.cannotOpen(err)
		}
		return st, nil
	}
	if err := r.mustExist(); err != nil {
		return nil, err
	}
	st, err := sqlite.OpenReadOnly(ctx, filepath.Join(r.Data, "landfall.db"), Kinds(), sqlite.Options{Logger: log})
	if err != nil {
		return nil, r.cannotOpen(err)
	}
	return st, nil
}

// openToSign opens the records for one more head beside a service that may be running.
func (r Records) openToSign(ctx context.Context, now func() time.Time, log *slog.Logger) (store.Store, error) {
	if r.onServer() {
		return r.openBeside(ctx, now, log)
	}
	if err := r.mustExist(); err != nil {
		return nil, err
	}
	st, err := sqlite.OpenBeside(ctx, filepath.Join(r.Data, "landfall.db"), Kinds(), sqlite.Options{Now: now, Logger: log})
	if err != nil {
		return nil, r.cannotOpen(err)
	}
	return st, nil
}

// openAlone opens the records for a change that no service may see half done: none may be running. close releases everything.
func (r Records) openAlone(ctx context.Context, now func() time.Time, log *slog.Logger) (_ store.Store, closeAll func() error, err error) {
	if r.onServer() {
		st, err := mongodb.Open(ctx, r.MongoDBURI, Kinds(), mongodb.Options{Database: r.database(), Now: now, Logger: log})
		if err != nil {
			return nil, nil, r.cannotOpen(err)
		}
		if err := nobodyRuns(ctx, st, now()); err != nil {
			return nil, nil, errors.Join(err, st.Close())
		}
		return st, st.Close, nil
	}
	f, err := openFolder(r.Data)
	if err != nil {
		return nil, nil, err
	}
	st, err := sqlite.Open(ctx, f.database(), Kinds(), sqlite.Options{Now: now, Logger: log})
	if err != nil {
		return nil, nil, errors.Join(r.cannotOpen(err), f.close())
	}
	return st, func() error { return errors.Join(st.Close(), f.close()) }, nil
}

// mustExist refuses a folder without records, so that a mistyped name is no empty success.
func (r Records) mustExist() error {
	if r.onServer() {
		return nil
	}
	if _, err := os.Stat(filepath.Join(r.Data, "landfall.db")); err != nil {
		return fault.Wrap(err, fault.NotFound, "no_records", "There are no records in %s.", r.Data)
	}
	return nil
}
