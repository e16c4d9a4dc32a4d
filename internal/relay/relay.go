// Package relay carries accepted commits from the ledger to the bus.
//
// It promises haste, not safety: every commit it is given owes its notices in the store until a notifier has written
// them. What the relay cannot publish it lets go of, and the sweep publishes it instead, under the same ids.
//
//	ledger ──Accept──▶ queue ──▶ announced commits: Publish (bus) ──▶ durable consumer ──▶ Router.Receive
//	                     └─────▶ commits nobody announces: Local  ──────────────────────▶ Router.Handle
//
// Accept never blocks, so a dead bus never delays an answer.
package relay

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"landfall/internal/guard"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// Options configure a Relay.
type Options struct {
	// Publish puts on the bus what commits announce, in order, and gives an error when not all of it got there. Required.
	Publish func(ctx context.Context, batch []ledger.Appended) error

	// Local is handed commits that announce nothing (journals, subscriptions, replays), when this process also notifies. It
	// must not block. nil: they wait for the sweep of a process that does.
	Local func(commits []store.Commit)

	// Bound is how many bytes of commits may be in hand; beyond it they are left to the sweep. 32 MiB.
	Bound int

	// Timeout bounds one publishing. 5 s.
	Timeout time.Duration

	Logger *slog.Logger
	Guard  *guard.Guard // recovers panics of this process; one of the relay's own

	// At is called with the name of a point that commits have reached (see Points), before anything further is done with them. nil:
	// nothing is called.
	At func(point string)
}

// The points of Options.At, at which the kill walk of package harness ends the process.
const (
	PointPublished  = "relay.published"   // what a batch announces is on the bus
	PointHandedOver = "relay.handed_over" // commits that announce nothing are given to this process's notifier
)

// Points lists the points of this package in order.
func Points() []string { return []string{PointPublished, PointHandedOver} }

// batchMax bounds one publishing; a longer queue is published in several.
const batchMax = 512

// Relay is the queue between one process's ledger and the bus.
type Relay struct {
	opt Options

	mu      sync.Mutex
	queue   []ledger.Appended
	hand    map[store.Ref]struct{} // accepted here and not yet published
	size    int                    // bytes of them
	stopped bool

	wake chan struct{} // capacity 1
	done chan struct{}
}

// New makes a relay and starts it. Stop it after the ledger is closed and before the bus is.
func New(opt Options) *Relay {
	if opt.Bound == 0 {
		opt.Bound = 32 << 20
	}
	if opt.Timeout == 0 {
		opt.Timeout = 5 * time.Second
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if opt.Guard == nil {
		opt.Guard = guard.New(opt.Logger, nil)
	}
	if opt.At == nil {
		opt.At = func(string) {}
	}
	r := &Relay{opt: opt, hand: map[store.Ref]struct{}{}, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		opt.Guard.Keep(context.Background(), "the relay", r.run)
	}()
	return r
}

// sizeOf estimates the memory of an accepted commit.
func sizeOf(a ledger.Appended) int {
	const each = 256 // headers and the like
	n := each + len(a.Commit.Body) + len(a.Commit.Detached)
	for _, m := range a.Announcements {
		n += each + len(m.Data)
		for _, call := range m.Alerts {
			n += each + len(call.Data)
		}
		n += each * len(m.Closes)
	}
	return n
}

// Accept takes an accepted commit. It is the ledger's Publish option.
func (r *Relay) Accept(a ledger.Appended) {
	size := sizeOf(a)
	r.mu.Lock()
	if r.stopped || r.size+size > r.opt.Bound {
		r.mu.Unlock()
		return
	}
	r.size += size
	r.queue = append(r.queue, a)
	r.hand[store.Ref{Stream: string(a.Stream), Seq: a.Seq}] = struct{}{}
	r.mu.Unlock()
	r.signal()
}

// InHand reports whether the commit is still on its way through this relay; the sweep then leaves it alone.
func (r *Relay) InHand(ref store.Ref) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.hand[ref]
	return ok
}

// Waiting gives how many commits are in hand.
func (r *Relay) Waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.hand)
}

// Stop publishes what is in hand, each batch bounded by the time-out, and returns. It may be called more than once.
func (r *Relay) Stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.signal()
	<-r.done
}

func (r *Relay) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Relay) run() {
	for {
		batch, stopped := r.take()
		switch {
		case len(batch) > 0:
			r.opt.Guard.Run("handing over what was accepted", func() { r.carry(batch) })
		case stopped:
			return
		default:
			<-r.wake
		}
	}
}

func (r *Relay) take() (batch []ledger.Appended, stopped bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.queue), batchMax)
	batch, r.queue = r.queue[:n:n], r.queue[n:]
	if len(r.queue) == 0 {
		r.queue = nil
	}
	return batch, r.stopped
}

// carry publishes one batch and lets go of it, whether that worked or not.
func (r *Relay) carry(batch []ledger.Appended) {
	defer r.letGo(batch)
	var announced []ledger.Appended
	var quiet []store.Commit
	for _, a := range batch {
		if len(a.Announcements) == 0 {
			quiet = append(quiet, a.Commit)
		} else {
			announced = append(announced, a)
		}
	}
	if len(announced) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), r.opt.Timeout)
		if err := r.opt.Publish(ctx, announced); err != nil {
			r.opt.Logger.Warn("the bus did not take everything; the sweep will publish the rest", "commits", len(announced), "error", err)
		} else {
			r.opt.At(PointPublished)
		}
		cancel()
	}
	if len(quiet) > 0 && r.opt.Local != nil {
		r.opt.Local(quiet)
		r.opt.At(PointHandedOver)
	}
}

func (r *Relay) letGo(batch []ledger.Appended) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range batch {
		r.size -= sizeOf(a)
		delete(r.hand, store.Ref{Stream: string(a.Stream), Seq: a.Seq})
	}
}
