package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	driversqlite "modernc.org/sqlite"

	"landfall/internal/guard"
	"landfall/internal/store"
)

// Options tune the engine. The zero value is right for a disaster office; the numbers are for tests and measurements.
type Options struct {
	Now    func() time.Time // measures groups; nil: they are not measured
	Logger *slog.Logger     // nil: nothing is logged
	Guard  *guard.Guard     // recovers panics of this process; nil: one of the store's own

	// OnFatal is called once, from a goroutine of the store, when a sync has failed and nobody can know what the disk
	// holds. Every write fails from then on; the process should end without closing the store. It must not wait for the store.
	OnFatal func(error)

	// OnGroup is called by the writer after every transaction and must be quick.
	OnGroup func(Group)

	// At is called by the writer with the name of a point that a transaction has reached (see Points), before anything further is done
	// with it. nil: nothing is called.
	At func(point string)

	BusyTimeout     time.Duration // how long to wait for another process that writes; default 5 s
	Readers         int           // connections that read; default 4
	MaxGroup        int           // writes in one transaction; default 512
	LazyEvery       int           // durable groups that may pass a waiting lazy write; default 4
	LazySlice       int           // lazy writes then done before the next durable group; default 256
	CheckpointPages int           // pages of 4 KiB in the log before it is copied back; default 1000
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Guard == nil {
		o.Guard = guard.New(o.Logger, o.Now)
	}
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = 5 * time.Second
	}
	for _, d := range []struct {
		n *int
		v int
	}{{&o.Readers, 4}, {&o.MaxGroup, 512}, {&o.LazyEvery, 4}, {&o.LazySlice, 256}, {&o.CheckpointPages, 1000}} {
		if *d.n <= 0 {
			*d.n = d.v
		}
	}
	return o
}

// Store is an opened file. All methods may be called concurrently.
type Store struct {
	o       Options
	tables  map[string]*table
	readers *pool

	queue  *queue // nil when opened for reading only, like the two below
	writer *writer
	keeper *keeper

	failed  atomic.Pointer[error]
	closing sync.Once
	closed  error
}

var _ store.Store = (*Store)(nil)

// errReadOnly refuses writes to a store opened with OpenReadOnly.
var errReadOnly = errors.New("sqlite: opened for reading only")

// Open opens the file, creates it (readable by its owner alone) when it is not there, and brings it to these kinds. One process
// at a time may have it open for writing; that is the caller's lock to take.
//
// The process syncs with fdatasync from then on where the system has it: as durable, without a journal write for the
// file's times.
func Open(ctx context.Context, path string, kinds []store.Kind, o Options) (*Store, error) {
	return open(ctx, path, kinds, o, false)
}

// OpenBeside opens an existing file for a few writes beside the process that has it open. SQLite lets one transaction in at a time, and each
// process waits for the other up to its BusyTimeout. Tables and indexes stay as they are: they are the other process's.
//
// The caller must write only what the other process finds out by itself: commits of streams that it decides on again when another writer was
// first, and documents of versions.
func OpenBeside(ctx context.Context, path string, kinds []store.Kind, o Options) (*Store, error) {
	return open(ctx, path, kinds, o, true)
}

// open opens a file for writing; beside another process nothing of it is made or brought to these kinds.
func open(ctx context.Context, path string, kinds []store.Kind, o Options, beside bool) (_ *Store, err error) {
	s := &Store{o: o.withDefaults()}
	if s.tables, err = declare(kinds); err != nil {
		return nil, err
	}
	if _, err := driversqlite.Fdatasync(true); err != nil && !errors.Is(err, driversqlite.ErrFdatasyncUnavailable) {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if !beside {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("sqlite: %w", err)
		}
	}
	busy := fmt.Sprintf("busy_timeout = %d", s.o.BusyTimeout.Milliseconds())
	w, err := connect(ctx, path, "rw", busy, "journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0",
		fmt.Sprintf("journal_size_limit = %d", 64<<20), "cache_size = -8000", "temp_store = MEMORY", "secure_delete = ON")
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", path, err)
	}
	if beside {
		err = written(ctx, w)
	} else {
		err = migrate(ctx, w, s.tables)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %s: %w", path, err), w.close())
	}
	k, err := connect(ctx, path, "rw", busy, "synchronous = FULL", "wal_autocheckpoint = 0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open %s: %w", path, err), w.close())
	}
	s.readers = newPool(s.o.Readers, func(ctx context.Context) (*conn, error) {
		return connect(ctx, path, "rw", busy, "query_only = ON", "cache_size = -4000", "temp_store = MEMORY")
	})
	s.queue = newQueue()
	s.writer = &writer{s: s, c: w, q: s.queue, full: true, done: make(chan struct{})}
	s.keeper = newKeeper(s, k)
	go func() {
		defer close(s.writer.done)
		s.o.Guard.Keep(context.Background(), "the store's writer", s.writer.run)
	}()
	go func() {
		defer close(s.keeper.done)
		s.o.Guard.Keep(context.Background(), "the store's checkpoints", s.keeper.run)
	}()
	return s, nil
}

// OpenReadOnly opens an existing file beside the process that writes it, or after it. Nothing in it is changed; every
// write is refused. A kind or index that the file does not have makes only the questions about it fail.
func OpenReadOnly(ctx context.Context, path string, kinds []store.Kind, o Options) (_ *Store, err error) {
	s := &Store{o: o.withDefaults()}
	if s.tables, err = declare(kinds); err != nil {
		return nil, err
	}
	s.readers = newPool(s.o.Readers, func(ctx context.Context) (*conn, error) {
		return connect(ctx, path, "ro", fmt.Sprintf("busy_timeout = %d", s.o.BusyTimeout.Milliseconds()),
			"query_only = ON", "cache_size = -4000", "temp_store = MEMORY")
	})
	err = s.readers.use(ctx, func(c *conn) error { return written(ctx, c) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %s: %w", path, err), s.readers.close())
	}
	return s, nil
}

// written refuses a file that no Landfall has written, and one of a newer version.
func written(ctx context.Context, c *conn) error {
	fresh, err := checkVersion(ctx, c)
	if err == nil && fresh {
		err = errors.New("an empty file")
	}
	return err
}

// create makes the file for its owner alone; SQLite gives the log the same permissions.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.readers.use(ctx, func(c *conn) error {
		return c.query(ctx, "SELECT 1 FROM commits LIMIT 1", nil, func([]driver.Value) error { return nil })
	})
}

// Close implements store.Store. After a failed sync the writing connections are left to the end of the process: closing
// them would copy a log nobody can trust into the file.
func (s *Store) Close() error {
	s.closing.Do(func() {
		if s.queue == nil {
			s.closed = s.readers.close()
			return
		}
		s.queue.close()
		<-s.writer.done
		close(s.keeper.stop)
		<-s.keeper.done
		s.closed = s.readers.close()
		if err := s.failure(); err != nil {
			s.closed = errors.Join(s.closed, err)
			return
		}
		s.closed = errors.Join(s.closed, s.keeper.c.close(), s.writer.c.close())
	})
	return s.closed
}

// put hands a request to the writer.
func (s *Store) put(ctx context.Context, r *request, durable bool) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.submit(r, durable); err != nil {
		return nil, err
	}
	return r.wait(ctx)
}

// submit hands a request to the writer, which answers it.
func (s *Store) submit(r *request, durable bool) error {
	if s.queue == nil {
		return errReadOnly
	}
	return s.queue.put(r, durable)
}

// fail records that a sync has failed. Only the first counts.
func (s *Store) fail(err error) {
	err = fmt.Errorf("sqlite: the outcome of a sync is unknown, writing has ended: %w", err)
	if !s.failed.CompareAndSwap(nil, &err) {
		return
	}
	s.o.Logger.Error("sync failed", "error", err)
	if s.o.OnFatal != nil {
		s.o.OnFatal(err)
	}
}

func (s *Store) failure() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}
