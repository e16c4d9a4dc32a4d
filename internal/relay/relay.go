// Package relay carries accepted commits from the ledger to the bus.
//
// It promises haste, not safety: every commit it is given is pending in the store, and stays so until the notifier has
// handled it. What the relay cannot publish it lets go of, and the sweep publishes it instead, under the same ids.
//
//	ledger ──Accept──▶ queue ──▶ announced commits: Publish (bus) ──▶ durable consumer ──▶ Router.Handle
//	                     └─────▶ commits nobody announces: Local  ──────────────────────▶ Router.Handle
//
// Accept never blocks, so a dead bus never delays an answer.
package relay

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// Options configure a Relay.
type Options struct {
	// Publish puts announcements on the bus, in order, and gives an error when not all of them got there. Required.
	Publish func(ctx context.Context, batch []ledger.Announcement) error

	// Local is handed commits that announce nothing (journals, subscriptions, accounts), when this process also notifies. It
	// must not block. nil: they wait for the sweep of a process that does.
	Local func(refs []store.Ref)

	// Bound is how many commits may wait here; beyond it they are left to the sweep. 20,000.
	Bound int

	// Timeout bounds one publishing. 5 s.
	Timeout time.Duration

	Logger *slog.Logger

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
	stopped bool

	wake chan struct{} // capacity 1
	done chan struct{}
}

// New makes a relay and starts it. Stop it after the ledger is closed and before the bus is.
func New(opt Options) *Relay {
	if opt.Bound == 0 {
		opt.Bound = 20_000
	}
	if opt.Timeout == 0 {
		opt.Timeout = 5 * time.Second
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if opt.At == nil {
		opt.At = func(string) {}
	}
	r := &Relay{opt: opt, hand: map[store.Ref]struct{}{}, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go r.run()
	return r
}

// Accept takes an accepted commit. It is the ledger's Publish option.
func (r *Relay) Accept(a ledger.Appended) {
	r.mu.Lock()
	if r.stopped || len(r.queue) >= r.opt.Bound {
		r.mu.Unlock()
		return
	}
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
	defer close(r.done)
	for range r.wake {
		for {
			batch, stopped := r.take()
			if len(batch) == 0 {
				if stopped {
					return
				}
				break
			}
			r.carry(batch)
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
	var announced []ledger.Announcement
	var quiet []store.Ref
	for _, a := range batch {
		if len(a.Announcements) == 0 {
			quiet = append(quiet, store.Ref{Stream: string(a.Stream), Seq: a.Seq})
		}
		announced = append(announced, a.Announcements...)
	}
	if len(announced) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), r.opt.Timeout)
		if err := r.opt.Publish(ctx, announced); err != nil {
			r.opt.Logger.Warn("the bus did not take everything; the sweep will publish the rest", "announcements", len(announced), "error", err)
		} else {
			r.opt.At(PointPublished)
		}
		cancel()
	}
	if len(quiet) > 0 && r.opt.Local != nil {
		r.opt.Local(quiet)
		r.opt.At(PointHandedOver)
	}
	r.mu.Lock()
	for _, a := range batch {
		delete(r.hand, store.Ref{Stream: string(a.Stream), Seq: a.Seq})
	}
	r.mu.Unlock()
}
