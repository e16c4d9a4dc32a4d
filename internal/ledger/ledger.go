// Package ledger keeps what happened. It is the heart of Landfall: everything else is told by it or derived from it.
//
// A stream is the history of one aggregate (`incident/<id>`, `alert/<id>`, ...). A commit is one record in a stream; inserting
// it is the change, the version check, the audit log and the outbox in one atomic write. State is never stored as truth:
// it is the fold of a stream's commits.
//
//	command ─▶ decide(state, now) ─▶ events ─▶ one commit ─▶ store.Append ─▶ evolve(state, event) ─▶ published state
//	                                                            │                                        │
//	                                                     durable, hash-chained            projections, wake, announcement
//
// What the package promises:
//
//   - A command gives at most one commit, and its caller gets an answer only after that commit is durable.
//   - Of two commands on one stream, one is decided on the outcome of the other: in this process by a queue per stream, between
//     processes by the uniqueness of (stream, seq).
//   - The same idempotency key with the same request gives the same answer; with another request it is refused.
//   - Evolve reads nothing but the event, so an old log folds to the same state for ever.
//   - A byte changed in a commit, in a detached value or in a lifted field is found and named by Verify.
//
// What it refuses: to write to a stream that holds an event type this process does not know, and to order streams among
// each other. Nouns (incident, notify, access, ...) call it through Register; nobody else writes commits.
package ledger

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"landfall/internal/guard"
	"landfall/internal/store"
)

// Stream names one aggregate: noun, slash, id.
type Stream string

// StreamOf gives the stream of a noun's aggregate.
func StreamOf(noun, id string) Stream { return Stream(noun + "/" + id) }

// Noun gives the part before the first slash.
func (s Stream) Noun() string {
	noun, _ := s.cut()
	return noun
}

// ID gives the part after the first slash.
func (s Stream) ID() string {
	_, id := s.cut()
	return id
}

// Options configure a Ledger. The zero value of a field takes the default named there.
type Options struct {
	Now    func() time.Time // required: the wall clock
	Logger *slog.Logger     // slog.Default()

	// Shared says that other processes write to the same store: every read then first fetches newer commits.
	Shared bool

	// Epoch is raised by a restore; it is the first part of every ETag.
	Epoch int64

	// CacheBytes bounds the memory for folded states, estimated by their size as JSON. 64 MiB.
	CacheBytes int64

	// OutcomeTimeout bounds how long an unknown outcome is pursued before the caller is told so. 5 s.
	OutcomeTimeout time.Duration

	// Process names this process for people, where it says what it has set aside.
	Process string

	// Guard recovers panics of this process. One of the ledger's own.
	Guard *guard.Guard

	// Publish is called, in order of seq for each stream, with every accepted commit right after it became durable. It must
	// not block: what it drops is found again by the sweep, because the commit is still pending.
	Publish func(Appended)

	// Pace returns how long a change waits at present before it is taken, 0 for not at all: while
	// what earlier ones caused is behind. It must not block. What Landfall does by itself, commands
	// that are prompt, and nouns of which nobody is told, do not wait. nil: nothing waits.
	Pace func() time.Duration

	// Observe is called after every batch with its size and the time the append took.
	Observe func(commits int, took time.Duration)

	// Trace gives the W3C traceparent of a request's context, "" when it is not traced; it travels with what the request's change
	// announces and is recorded nowhere in the log. nil: nothing is traced.
	Trace func(context.Context) string

	// At is called on the way of every batch with the name of a point it has reached (see Points), before anything further is done with
	// it; nil: nothing is called. While it is set, projections are written in two steps, so that there is a moment between them.
	At func(point string)
}

// Ledger executes commands against streams and reads their folds. Create one with New for each process and register every noun before
// its first use. All methods may be called concurrently.
type Ledger struct {
	store    store.Store
	opt      Options
	log      *slog.Logger
	nouns    map[string]noun
	cache    *cache
	projects *projector
	payments *payments
	asides   *Asides
	rivals   rivals
	looks    looks
	erasing  sync.Mutex

	typesOnce sync.Once
	types     string // digest of the event types

	mu     sync.Mutex
	queues map[Stream]*queue
	closed bool
	work   sync.WaitGroup

	ctx    context.Context // ends when Close gives up waiting
	cancel context.CancelFunc
}

// New makes a ledger over the store. Close it before the store.
func New(st store.Store, opt Options) *Ledger {
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if opt.CacheBytes == 0 {
		opt.CacheBytes = 64 << 20
	}
	if opt.OutcomeTimeout == 0 {
		opt.OutcomeTimeout = 5 * time.Second
	}
	if opt.Guard == nil {
		opt.Guard = guard.New(opt.Logger, opt.Now)
	}
	if opt.Publish == nil {
		opt.Publish = func(Appended) {}
	}
	if opt.Pace == nil {
		opt.Pace = func() time.Duration { return 0 }
	}
	if opt.Observe == nil {
		opt.Observe = func(int, time.Duration) {}
	}
	if opt.Trace == nil {
		opt.Trace = func(context.Context) string { return "" }
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &Ledger{
		store: st, opt: opt, log: opt.Logger,
		nouns: map[string]noun{}, cache: newCache(opt.CacheBytes), queues: map[Stream]*queue{},
		ctx: ctx, cancel: cancel,
	}
	l.asides = &Asides{l: l, known: map[asideKey]*trouble{}}
	l.projects = newProjector(l)
	l.payments = newPayments(l)
	return l
}

// Close refuses new commands, waits until every accepted one is answered and every projection of this process is
// written, and returns; it may be called more than once. When ctx ends first, what is left is abandoned: it is all found again after the next start.
func (l *Ledger) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()

	done := make(chan struct{})
	go func() {
		defer close(done)
		l.opt.Guard.Keep(l.ctx, "closing the ledger", func() {
			l.work.Wait()
			l.projects.stop()
			l.payments.stop()
		})
	}()
	select {
	case <-done:
		l.cancel()
		return nil
	case <-ctx.Done():
		l.cancel()
		<-done
		return context.Cause(ctx)
	}
}

// Epoch gives the epoch that this ledger's ETags carry.
func (l *Ledger) Epoch() int64 { return l.opt.Epoch }

// Now gives the ledger's wall clock in the precision of records.
func (l *Ledger) Now() time.Time { return instant(l.opt.Now()) }

// Kinds lists the documents the ledger itself keeps; the engine must be opened with them.
func Kinds() []store.Kind {
	return []store.Kind{
		{Name: KindSnapshot, Derived: true},
		{Name: KindAside},
		{
			Name: KindWake, Derived: true,
			Fields:  []store.Field{{Name: "at", Type: store.Time}},
			Indexes: []store.Index{{Name: "at", Fields: []string{"at"}, Sparse: true}},
		},
	}
}

// The ledger's own kinds of document.
const (
	KindSnapshot = "snapshot"  // id: stream
	KindAside    = "set_aside" // id: work, slash, stream; what every process leaves alone
	KindWake     = "wake"      // id: a stream that may want to be looked at; at: when it does, null for never
)

// errClosing answers commands that come after Close.
var errClosing = errors.New("ledger: closing")

// NewID gives a fresh identifier, a UUID version 7. Nothing ever reads the time in it.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// instant brings a time to the form in which records keep it: UTC, microseconds, no monotonic reading.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
