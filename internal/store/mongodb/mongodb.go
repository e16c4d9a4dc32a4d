package mongodb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"landfall/internal/guard"
	"landfall/internal/store"
)

// Options tune the engine.
type Options struct {
	Database string           // default "landfall"
	Now      func() time.Time // required: this process's wall clock, compared with the server's
	Logger   *slog.Logger     // nil: nothing is logged
	Guard    *guard.Guard     // recovers panics of this process; nil: one of the store's own

	// PoolSize bounds the connections to each server. Default 32.
	PoolSize int

	// OpTimeout bounds every operation, on the server (maxTimeMS) and here, whatever its context says. An append gives up after a
	// quarter of it, so that its caller has time to find out what became of it. Default 10 s.
	OpTimeout time.Duration

	// Observe is called after every operation of the store, with its name (`append`, `bulk`, `find`, ...) and its error, and after every
	// command that carries several appends (`append_group`). It must be quick.
	Observe func(op string, took time.Duration, err error)

	// At is called at the named points, on the goroutine that has come there. It is for tests.
	At func(point string)
}

func (o Options) withDefaults() Options {
	if o.Database == "" {
		o.Database = "landfall"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Guard == nil {
		o.Guard = guard.New(o.Logger, o.Now)
	}
	if o.PoolSize <= 0 {
		o.PoolSize = 32
	}
	if o.OpTimeout <= 0 {
		o.OpTimeout = 10 * time.Second
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, error) {}
	}
	if o.At == nil {
		o.At = func(string) {}
	}
	return o
}

// Store is an opened database. All methods may be called concurrently.
type Store struct {
	o         Options
	client    *mongo.Client
	db        *mongo.Database
	commitsC  *mongo.Collection
	kinds     map[string]*kind
	appends   *appender
	retryable bool // the server carries out a repeated write once

	mu      sync.Mutex
	closed  bool
	work    sync.WaitGroup // operations under way
	closing sync.Once
	failure error // of closing
}

var _ store.Store = (*Store)(nil)

// Open connects to the database and brings it to these kinds: collections and indexes that are missing are made; several processes may
// do so at once. An index that another version declared stays; Check names it. The URI may say where and how to connect; what it
// says of write and read concern, read preference, retries and time-outs is overruled.
func Open(ctx context.Context, uri string, kinds []store.Kind, opt Options) (*Store, error) {
	if opt.Now == nil {
		return nil, errors.New("mongodb: no clock to compare with the server's")
	}
	s := &Store{o: opt.withDefaults()}
	var err error
	if s.kinds, err = declare(kinds); err != nil {
		return nil, err
	}
	if err := s.connect(ctx, uri); err != nil {
		return nil, fmt.Errorf("mongodb: %w", err)
	}
	s.commitsC = s.db.Collection(commitsName)
	for _, k := range s.kinds {
		k.coll = s.db.Collection(k.name)
	}
	s.appends = newAppender(s)
	for _, step := range []func(context.Context) error{s.refuseFormer, s.makeIndexes} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("mongodb: %w", err), s.Close())
		}
	}
	return s, nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.work.Wait() // each operation is bounded
		ctx, cancel := context.WithTimeout(context.Background(), s.o.OpTimeout)
		defer cancel()
		if err := s.client.Disconnect(ctx); err != nil {
			s.failure = fmt.Errorf("mongodb: close: %w", err)
		}
	})
	return s.failure
}

// enter counts an operation in, unless the store is closed; leave counts it out.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.work.Add(1)
	return nil
}

func (s *Store) leave() { s.work.Done() }

// do carries out one operation: bounded in time, counted, observed, its error in the words of the contract.
func (s *Store) do(ctx context.Context, op string, call func(ctx context.Context) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	began := s.o.Now()
	err := s.bounded(ctx, s.o.OpTimeout, call)
	s.o.Observe(op, s.o.Now().Sub(began), err)
	if err != nil {
		return fmt.Errorf("mongodb: %s: %w", op, err)
	}
	return nil
}

// bounded calls with a deadline, which the driver turns into maxTimeMS.
func (s *Store) bounded(ctx context.Context, limit time.Duration, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return inContract(call(ctx))
}

// ErrSkew says that the server's clock and this process's are too far apart. Deadlines, leases and recorded times would disagree between
// processes; the remedy is time synchronisation on every machine.
var ErrSkew = errors.New("mongodb: the clocks of this machine and of the database server differ too much")

// maxSkew is how far apart the clocks may be.
const maxSkew = 2 * time.Second

// Ping implements store.Store. Besides what every engine means by it, it fails with ErrSkew when the server's clock is more than
// two seconds away from ours, for certain.
func (s *Store) Ping(ctx context.Context) error {
	h, err := s.hello(ctx)
	if err != nil {
		return err
	}
	if !h.Writable {
		return errors.New("mongodb: the server takes no writes")
	}
	if skew := h.skew.Abs(); skew-h.doubt > maxSkew {
		return fmt.Errorf("%w: by %v", ErrSkew, h.skew.Round(time.Millisecond))
	}
	return nil
}

// Skew gives the server's clock minus ours, as exactly as one round trip tells.
func (s *Store) Skew(ctx context.Context) (time.Duration, error) {
	h, err := s.hello(ctx)
	return h.skew, err
}

// hello is what a server says of itself.
type hello struct {
	Writable bool      `bson:"isWritablePrimary"`
	Time     time.Time `bson:"localTime"`
	Set      string    `bson:"setName"` // of a replica set's member
	Message  string    `bson:"msg"`     // "isdbgrid" of a router of a sharded cluster
	Sessions *int32    `bson:"logicalSessionTimeoutMinutes"`

	skew  time.Duration
	doubt time.Duration // half of the round trip: the skew may be wrong by as much
}

func (s *Store) hello(ctx context.Context) (h hello, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.OpTimeout/4) // whoever asks whether the server is there wants to know soon
	defer cancel()
	err = s.do(ctx, "hello", func(ctx context.Context) (err error) {
		h, err = greet(ctx, s.db, s.o.Now)
		return err
	})
	return h, err
}

func greet(ctx context.Context, db *mongo.Database, now func() time.Time) (h hello, err error) {
	sent := now()
	if err := db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&h); err != nil {
		return h, err
	}
	if h.Time.IsZero() {
		return h, errors.New("the server does not tell the time")
	}
	h.doubt = now().Sub(sent) / 2
	h.skew = h.Time.Sub(sent.Add(h.doubt))
	return h, nil
}
