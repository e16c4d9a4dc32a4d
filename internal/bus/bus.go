package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/fault"
	"landfall/internal/guard"
)

// Config says where the bus is. Exactly one of Dir and URL is set.
type Config struct {
	Dir    string // folder of the embedded server, nothing else lies in it; made when absent
	Listen string // host:port where the embedded server takes readers too; empty: nobody else can connect
	Token  string // their password, see Reader; required with Listen, on a loopback address too

	URL         string // one or more nats:// or tls:// addresses, separated by commas, of an external server
	Credentials string // file with the JWT and seed for URL, read at each connection; empty: none
	CA          string // file with the certificates of the authorities that may vouch for URL; empty: those the machine trusts
	Replicas    int    // copies of the streams on an external cluster; 0 means 1. Those that exist are never made fewer

	Copies bool // publish a copy of each message for every state that may see it

	Keys [][]byte // secret keys of the records, today's first: from them come the keys that seal messages and verify them

	// Read is called with each message that event streams get, once for all of them, and what it gives is Item.Value. A message that cannot be
	// read is dropped. nil: Value is nil.
	Read func(Message) (any, error)

	// Dropped is told of each message that was received and is not believed: for want of a "seal" that holds, or of another "epoch"; or that
	// event streams cannot read: "unreadable". It must not block. nil: nobody is told.
	Dropped func(why string)

	Now func() time.Time // wall clock, names folders moved aside and spaces attempts
	Log *slog.Logger

	Guard *guard.Guard // recovers panics of this process; one of the bus's own
}

func (c Config) check() error {
	var bad fault.Check
	bad.That((c.Dir == "") != (c.URL == ""), "/dir", "exactly one of a folder and a URL is needed")
	bad.That(c.URL != "" || c.Replicas <= 1, "/replicas", "the embedded server keeps one copy")
	bad.That(c.Replicas >= 0 && c.Replicas <= 5, "/replicas", "must be 0 to 5")
	bad.That(c.URL == "" || c.Listen == "", "/listen", "only the embedded server listens")
	c.checkExternal(&bad)
	bad.That(c.Listen == "" || c.Token != "", "/token", "is required by a listener")
	bad.That(len(c.Keys) > 0, "/keys", "a key is needed, by which messages are known")
	bad.That(c.Now != nil, "/now", "is required")
	bad.That(c.Log != nil, "/log", "is required")
	return bad.Err()
}

// Bus is an open bus. Close it.
type Bus struct {
	log        *slog.Logger
	guard      *guard.Guard
	now        func() time.Time
	replicas   int
	servers    string // external addresses, without what admits to them
	seals      *seals
	dropped    func(why string)
	read       func(Message) (any, error)
	continuity Continuity
	server     *embedded // nil for an external one
	conn       *nats.Conn
	js         jetstream.JetStream

	ensuring    chan struct{} // one token: who makes sure of the stream
	later       atomic.Pointer[postponement]
	tide        tide          // of an external stream
	wary        chan struct{} // one token: look at the external stream now
	refused     atomic.Bool   // a Publish had all its time and not one acknowledgement, and there was none since
	incarnation atomic.Pointer[string]
	changed     atomic.Pointer[chan struct{}] // closed when the incarnation changes

	life  context.Context // ends when Close begins
	end   context.CancelFunc
	lanes chan struct{} // one token for each chunk on its way to the stream
	hub   *hub
	desk  *copyDesk

	mu      sync.Mutex
	closed  bool
	work    sync.WaitGroup // publishes, subscriptions, the hub, the copies, the watch over the server
	closing chan struct{}  // closed when the one Close that does the work has returned
	result  error          // of that Close
}

// Open starts or reaches the server and makes sure of the stream.
//
// Embedded, it always ends with a working stream unless the folder cannot be written (Unavailable, "bus_folder", or Full,
// "disk_full"), the address is taken ("bus_listen") or the server hangs ("bus_stuck"): a folder the server cannot start on is
// renamed to `<dir>.damaged-<time>`, which is logged as an error, and an empty one is used. Starting is bounded by ctx and by a minute.
//
// External, it waits up to 20 seconds for servers that are on their way up or elect a leader. Then it gives a fault whose text names
// the addresses and never what admits to them: Unavailable with "bus_unreachable", "bus_refused" (the credentials), "bus_tls",
// "bus_no_jetstream" or "bus_no_room", or, at once, State with "bus_stream", "bus_subjects" or "bus_replicas" for what the server
// cannot be made to do. A stream with other limits, or fewer copies, is brought to ours.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.URL != "" {
		return openExternal(ctx, cfg)
	}
	return openEmbedded(ctx, cfg)
}

func openEmbedded(ctx context.Context, cfg Config) (*Bus, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, folderFault(err)
	}
	b := newBus(cfg)
	b.server = &embedded{folder: folder{path: dir, now: cfg.Now}, listen: cfg.Listen, token: cfg.Token, own: rand.Text(), log: cfg.Log, guard: b.guard}
	if b.continuity, err = b.launch(ctx); err != nil {
		return nil, unavailable(errors.Join(err, b.abandon(ctx)))
	}
	b.keep("the watch over the bus server", b.watchServer)
	b.desk.open()
	return b, nil
}

// abandon closes a bus that did not come up.
func (b *Bus) abandon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return b.Close(ctx)
}

func newBus(cfg Config) *Bus {
	if cfg.Guard == nil {
		cfg.Guard = guard.New(cfg.Log, cfg.Now)
	}
	if cfg.Dropped == nil {
		cfg.Dropped = func(string) {}
	}
	if cfg.Read == nil {
		cfg.Read = func(Message) (any, error) { return nil, nil }
	}
	b := &Bus{
		seals: newSeals(cfg.Keys), dropped: cfg.Dropped, read: cfg.Read,
		log: cfg.Log, guard: cfg.Guard, now: cfg.Now, replicas: max(cfg.Replicas, 1), ensuring: make(chan struct{}, 1), wary: make(chan struct{}, 1),
		lanes: make(chan struct{}, publishLanes), closing: make(chan struct{}),
	}
	b.changed.Store(newSignal())
	b.life, b.end = context.WithCancel(context.Background())
	b.hub = newHub(b)
	b.desk = newCopyDesk(b, cfg.Copies)
	return b
}

// connect opens the one connection of this process. It reconnects for ever; what is published meanwhile is not kept back.
func (b *Bus) connect(ctx context.Context, url string, opts []nats.Option) error {
	opts = append([]nats.Option{
		nats.Name("landfall"),
		nats.Timeout(apiTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.log.Warn("bus connection", "error", err)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if b.life.Err() == nil {
				b.log.Warn("bus disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			b.log.Info("bus connected again", "server", c.ConnectedServerName())
			b.beWary()
		}),
	}, opts...)
	if err := ctx.Err(); err != nil {
		return err
	}
	conn, err := nats.Connect(url, opts...)
	if err != nil {
		return err
	}
	b.conn = conn
	b.js, err = jetstream.New(conn,
		jetstream.WithDefaultTimeout(apiTimeout),
		jetstream.WithPublishAsyncTimeout(b.ackPatience()),
		jetstream.WithPublishAsyncMaxPending(2*publishLanes*publishChunk))
	return err
}

// Continuity says how far the stream found by Open could be believed. It does not change.
func (b *Bus) Continuity() Continuity { return b.continuity }

// Incarnation names the stream as last seen; the call is cheap. It changes when what was in the stream is gone or can no
// longer be believed.
func (b *Bus) Incarnation() string { return *b.incarnation.Load() }

// Listening gives the address other clients of the embedded server use, or "" when there is none.
func (b *Bus) Listening() string {
	if b.server == nil {
		return ""
	}
	return b.server.listening()
}

// keep has a loop run until the bus is closed.
func (b *Bus) keep(what string, loop func()) {
	b.work.Go(func() { b.guard.Keep(b.life, what, loop) })
}

// Servers gives the addresses of the external servers as they were named, without what admits to
// them; "" for the embedded one.
func (b *Bus) Servers() string { return b.servers }

// begin registers work that Close waits for; done ends it.
func (b *Bus) begin() (done func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed()
	}
	b.work.Add(1)
	return b.work.Done, nil
}

func errClosed() error { return fault.New(fault.Unavailable, "bus_closed", "The bus is closed.") }

// unavailable makes a fault of what NATS says; nil stays nil, a fault stays itself.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "bus_unavailable", "The message bus does not answer.")
}

// Close refuses new work, waits for publishes and handlers under way, ends feeds and stops the embedded server, all
// until ctx ends; then it stops what is left without waiting and returns an error. It may be called often and
// concurrently: every call returns when the bus is closed, or its own ctx ends.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	first := !b.closed
	b.closed = true
	b.mu.Unlock()
	if first {
		b.result = b.close(ctx)
		close(b.closing)
		return b.result
	}
	select {
	case <-b.closing:
		return b.result
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *Bus) close(ctx context.Context) error {
	b.end()
	err := b.awaitWork(ctx)
	var stopped mark
	if b.js != nil && err == nil {
		stopped, err = b.lastMark(ctx)
	}
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server == nil {
		return err
	}
	stopErr := b.server.stop(ctx)
	if err == nil && stopErr == nil && stopped.Stopped {
		err = b.server.folder.leave(stopped)
	}
	return errors.Join(err, stopErr)
}

// awaitWork waits for everything begun.
func (b *Bus) awaitWork(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.guard.Run("closing the bus", b.work.Wait)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("publishes or handlers have not ended: %w", ctx.Err())
	}
}

// lastMark is the mark of a stream nobody writes any more. A stream that is missing is no reason to fail a stop.
func (b *Bus) lastMark(ctx context.Context) (mark, error) {
	if b.server == nil || b.server.running() == nil || b.incarnation.Load() == nil {
		return mark{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	s, err := b.js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, err
	}
	info := s.CachedInfo()
	return mark{Stopped: true, Incarnation: info.Config.Metadata[incarnationKey], LastSeq: info.State.LastSeq}, nil
}
