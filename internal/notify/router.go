package notify

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"landfall/internal/fault"
	"landfall/internal/guard"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// RouterOptions configure a Router. The zero value of a field takes the default named there.
type RouterOptions struct {
	// Process names this process in leases and journals; it must be new at each start. A fresh id.
	Process string

	// Alone says that no other process uses the store: leases of others are then those of the dead.
	Alone bool

	// Source is the CloudEvents source of what is sent. DefaultSource.
	Source string

	// Rates limits how fast channels send, by name; a channel that is not named sends as fast as it can.
	Rates map[string]Rate

	// Peers gives how many processes send at present, this one included: each takes its part of the rates. It is asked now and then and
	// must not block. nil: this one is alone.
	Peers func() int

	// NoticeAge is how old an event may be when its turn comes: older ones are not sent in a burst after a long silence, but recorded as
	// expired, a failure that is shown. Alerts are sent however old they are, and so is what somebody replays. 24 h; less than 0: no limit.
	NoticeAge time.Duration

	// KeepDeliveries is how long deliveries that are over are kept, see Retain. 90 days.
	KeepDeliveries time.Duration

	// Retries is the schedule of further attempts; nil: DefaultRetries(). Not nil and empty: one attempt.
	Retries Retries

	// Publish puts on the bus what a sweep found; nil: nothing is published. When it fails the commits are handled all the same:
	// the bus is a hint, deliveries are not.
	Publish func(ctx context.Context, notes []Note) error

	// InHand reports whether a commit is still on its way through this process's relay; sweeps leave it alone. nil: none is.
	InHand func(store.Ref) bool

	// Waiting gives when the oldest message was published that waits on the bus for some notifier; zero: none does. Sweeps take nothing that may
	// be among what waits: being late must not make more work. nil: nothing waits.
	Waiting func(ctx context.Context) time.Time

	// Withdraw removes what partners have been given of an incident from the states that the event un-names. It is owed until it succeeds.
	// nil: nobody has been given anything.
	Withdraw func(ctx context.Context, n ledger.Announcement) error

	// Guard recovers panics of this process. One of the router's own.
	Guard *guard.Guard

	// PendingAge is how old a pending commit must be for a sweep to take it. 2 s.
	PendingAge time.Duration

	// At is called with the name of a point that commits, deliveries or attempts have reached (see Points), before anything further is done
	// with them. nil: nothing is called.
	At func(point string)

	Limits Limits
	Hooks  Hooks
	Logger *slog.Logger // slog.Default()
}

// Limits bound what a Router holds in memory and does at once. The zero value of a field takes the default named there.
type Limits struct {
	Sends        int           // attempts under way at once, not counting those that take long; 256
	SendsTarget  int           // attempts under way at once to one target; 16, and 1 after a failed one
	SlowAfter    time.Duration // an attempt that takes longer leaves its place to others while it goes on; 2 s
	QueueTarget  int           // deliveries in memory that wait for one target; 1024. The others wait in the store
	Queue        int           // deliveries in memory that wait; 8192
	JournalEvery time.Duration // how long an outcome waits for others to be chained with; 250 ms
	JournalMax   int           // outcomes in one journal commit; 500
	Tick         time.Duration // how often due deliveries are looked for; 200 ms
	Rescan       time.Duration // how often all queues in the store are visited; 10 s
	RecentBytes  int           // memory for recent events; 16 MiB
}

// Hooks are told what happens: for metrics. Any may be nil. They must not block.
type Hooks struct {
	Handled   func(commits, deliveries int, took time.Duration)      // after each batch
	Absent    func(n int)                                            // the bus named commits that the store does not have
	Attempted func(channel, code string, sent bool, d time.Duration) // after each attempt
	Finished  func(channel string, s Status, age time.Duration)      // a delivery is over; age since somebody began to wait for it
	Journaled func(outcomes int)

	// Attempting is called before an attempt with the delivery's trace. The attempt is made in the context it gives; end is called with what came
	// of it.
	Attempting func(ctx context.Context, trace, channel, deliveryID string) (attempt context.Context, end func(code string, sent bool))

	Dead           func(channel string)                     // a delivery failed for good, also one of those that raise no alert
	CircuitChanged func(channel, state string)              // a target's circuit: closed, open, disabled
	Throttled      func(channel string, wait time.Duration) // a target's next attempt waits for its rate
}

// Router makes alerts and deliveries of commits, and sends them. One for each process in the notify role. All methods may be called
// concurrently.
type Router struct {
	d   *Desk
	st  store.Store
	opt RouterOptions
	log *slog.Logger

	roster  *roster
	recent  *recent
	sender  *sender
	breaker *breaker
	journal *journalist
	offered chan []store.Commit
	taken   taken
	mute    atomic.Int64   // Unix nanoseconds until which alerts are not told at once, since the bus refused one
	owed    chan store.Ref // journal commits of this process whose dead letters nobody has been told of

	mu    sync.Mutex
	hand  map[store.Ref]bool // commits being handled here
	state runState
	stop  context.CancelFunc // ends the loops
	abort context.CancelFunc // ends attempts under way
	loops sync.WaitGroup
	ended chan struct{} // closed when Stop is through
}

type runState uint8

const (
	runNew runState = iota
	runStarted
	runStopped
)

// NewRouter makes a router of the desk's subscriptions, alerts and deliveries. Start it before its first use.
func NewRouter(d *Desk, st store.Store, opt RouterOptions) *Router {
	orDefault(&opt.Process, ledger.NewID())
	orDefault(&opt.Source, DefaultSource)
	orDefault(&opt.PendingAge, 2*time.Second)
	orDefault(&opt.NoticeAge, 24*time.Hour)
	orDefault(&opt.KeepDeliveries, 90*24*time.Hour)
	orDefault(&opt.Limits.Sends, 256)
	orDefault(&opt.Limits.SendsTarget, 16)
	orDefault(&opt.Limits.SlowAfter, 2*time.Second)
	orDefault(&opt.Limits.QueueTarget, 1024)
	orDefault(&opt.Limits.Queue, 8192)
	orDefault(&opt.Limits.JournalEvery, 250*time.Millisecond)
	orDefault(&opt.Limits.JournalMax, 500)
	orDefault(&opt.Limits.Tick, 200*time.Millisecond)
	orDefault(&opt.Limits.Rescan, 10*time.Second)
	orDefault(&opt.Limits.RecentBytes, 16<<20)
	if opt.Retries == nil {
		opt.Retries = DefaultRetries()
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	opt.Hooks.fill()
	r := &Router{
		d: d, st: st, opt: opt, log: opt.Logger,
		roster: d.roster, recent: newRecent(opt.Limits.RecentBytes),
		offered: make(chan []store.Commit, 1024), owed: make(chan store.Ref, 64), hand: map[store.Ref]bool{}, ended: make(chan struct{}),
	}
	if r.opt.Withdraw == nil {
		r.opt.Withdraw = func(context.Context, ledger.Announcement) error { return nil }
	}
	if r.opt.Guard == nil {
		r.opt.Guard = guard.New(opt.Logger, r.now)
	}
	r.sender = newSender(opt.Limits, r.now, r.opt.Guard, r.attempt)
	r.sender.rates, r.sender.throttle = opt.Rates, opt.Hooks.Throttled
	r.breaker = newBreaker(r)
	r.journal = newJournalist(r)
	d.router.Store(r)
	return r
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (h *Hooks) fill() {
	if h.Handled == nil {
		h.Handled = func(int, int, time.Duration) {}
	}
	if h.Absent == nil {
		h.Absent = func(int) {}
	}
	if h.Attempted == nil {
		h.Attempted = func(string, string, bool, time.Duration) {}
	}
	if h.Finished == nil {
		h.Finished = func(string, Status, time.Duration) {}
	}
	if h.Journaled == nil {
		h.Journaled = func(int) {}
	}
	if h.Dead == nil {
		h.Dead = func(string) {}
	}
	if h.CircuitChanged == nil {
		h.CircuitChanged = func(string, string) {}
	}
	if h.Throttled == nil {
		h.Throttled = func(string, time.Duration) {}
	}
}

// Start begins to send what is due: leases that a dead process left behind are taken over. A second
// Start, or one after Stop, is an error.
func (r *Router) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != runNew {
		return errors.New("notify: router started twice or after stop")
	}
	r.state = runStarted
	loops, stop := context.WithCancel(context.Background())
	sends, abort := context.WithCancel(context.Background())
	r.stop, r.abort = stop, abort
	if r.opt.Peers != nil {
		r.sender.divide(r.opt.Peers())
	}
	r.sender.open(sends)
	r.journal.start()
	for part, loop := range map[string]func(context.Context){
		"the queues of deliveries": r.feed, "commits handed over": r.handleOffered, "dead letters": r.handleOwed,
	} {
		r.loops.Go(func() { r.opt.Guard.Keep(loops, part, func() { loop(loops) }) })
	}
	return nil
}

// Stop takes no new work, gives back what was not sent, lets attempts under way finish until ctx ends and then breaks them off, chains every
// outcome, and returns when no goroutine is left. It may be called more than once, and before Start. Handle must not be called after it.
func (r *Router) Stop(ctx context.Context) error {
	r.mu.Lock()
	before := r.state
	r.state = runStopped
	r.mu.Unlock()
	switch before {
	case runNew:
		close(r.ended)
		return nil
	case runStopped:
		<-r.ended
		return nil
	case runStarted:
	}
	defer close(r.ended)
	r.stop()
	r.loops.Wait()
	// At once, and not after attempts that may hang: who takes them need not wait for us.
	err := r.giveBack(ctx, r.sender.close())
	defer r.abort()
	if !r.sender.wait(ctx) {
		r.abort()
		r.sender.wait(context.Background()) // attempts end with their context
	}
	err = errors.Join(err, r.journal.stop(ctx))
	if ctx.Err() == nil {
		err = errors.Join(err, r.breaker.flush(ctx))
	}
	return err
}

// giveBack returns deliveries that were not sent to their queues, so that another process need not wait for the leases to run out.
func (r *Router) giveBack(ctx context.Context, jobs []*job) error {
	if r.opt.Alone || len(jobs) == 0 {
		return nil // the next start voids them
	}
	for chunk := range slices.Chunk(jobs, bulkMax) {
		ops := make([]store.Op, 0, len(chunk))
		for _, j := range chunk {
			if j.v.LeaseOwner == r.opt.Process {
				j.v.release(r.now())
				ops = append(ops, j.v.put())
			}
		}
		if _, err := r.st.Bulk(ctx, ops); err != nil {
			return fault.Wrap(err, fault.Unavailable, "leases_kept", "Deliveries that were not sent wait until their leases run out.")
		}
	}
	return nil
}

func (r *Router) now() time.Time { return r.d.l.Now() }

// Offer hands over commits of this process that nobody announces on the bus. It does not block; what does not fit is left to the sweep.
func (r *Router) Offer(commits []store.Commit) {
	commits = slices.DeleteFunc(commits, func(c store.Commit) bool { return r.journal.owns(refOf(c)) }) // the journalist marks its own
	if len(commits) == 0 {
		return
	}
	select {
	case r.offered <- commits:
	default:
	}
}

// offeredMax bounds one batch of offered commits.
const offeredMax = 256

func (r *Router) handleOffered(ctx context.Context) {
	for {
		var commits []store.Commit
		select {
		case commits = <-r.offered:
		case <-ctx.Done():
			return
		}
	more:
		for len(commits) < offeredMax {
			select {
			case next := <-r.offered:
				commits = append(commits, next...)
			default:
				break more
			}
		}
		if err := r.Handle(ctx, commits); err != nil && ctx.Err() == nil {
			r.log.Warn("commits could not be handled; the sweep takes them", "commits", len(commits), "error", err)
		}
	}
}

// OldestUndelivered gives since when the oldest thing waits that has not reached its target and has
// not been given up: a commit whose notices are not written and not set aside, or a delivery,
// throttled and retrying ones included. Zero when nothing waits.
func (r *Router) OldestUndelivered(ctx context.Context) (time.Time, error) {
	_, oldest, err := ledger.Owed(ctx, r.st, ledger.Notices)
	if err != nil {
		return time.Time{}, err
	}
	page, err := r.st.Find(ctx, store.Query{Kind: kindDelivery, Index: "waiting", From: time.Unix(0, 0).UTC(), Limit: 1})
	if err != nil {
		return time.Time{}, unavailable(err)
	}
	if len(page.Docs) == 0 {
		return oldest, nil
	}
	v, err := readDelivery(page.Docs[0])
	if err != nil {
		return time.Time{}, err
	}
	if v.WaitingSince != nil && (oldest.IsZero() || v.WaitingSince.Before(oldest)) {
		oldest = *v.WaitingSince
	}
	return oldest, nil
}

// OpenCircuits gives how many targets fail at present and are only probed, whichever process found out.
func (r *Router) OpenCircuits(ctx context.Context) (int64, error) {
	n, err := r.st.Count(ctx, store.Query{Kind: kindCircuit, Index: "state", Equal: []any{CircuitOpen}, Limit: 1})
	if err != nil {
		return 0, unavailable(err)
	}
	return n, nil
}
