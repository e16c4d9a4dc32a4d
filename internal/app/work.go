package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"landfall/internal/bus"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
	"landfall/internal/watch"
)

// startNotifier starts the router, listens to the bus, and tells the bus again what it forgot.
func (a *App) startNotifier(ctx context.Context) error {
	if err := a.router.Start(ctx); err != nil {
		return err
	}
	a.push("notifier", a.router.Stop)

	subscription, err := a.bus.Consume(context.WithoutCancel(ctx), routerDurable, a.receive)
	if err != nil {
		return err
	}
	a.push("bus consumer", func(context.Context) error { subscription.Stop(); return nil })

	switch a.bus.Continuity() {
	case bus.Fresh:
		a.forgotten = afterLoss
	case bus.Doubtful:
		a.forgotten = afterUncleanStop
	case bus.Kept:
	}
	a.incarnation = a.bus.Incarnation()
	return nil
}

// jobs is the table of everything that happens because time passes.
func (a *App) jobs() []watch.Job {
	wakes := &watch.Wakes{
		Store: a.store, Logger: a.log,
		Sweepers: map[string]watch.Sweeper{incident.Noun: a.incidents, notify.NounSubscription: a.notify},
		Settle:   func(ctx context.Context) { a.ledger.Settle(ctx, time.Second) },
		Observe: func(streams, fired int) {
			a.metrics.swept.Add(float64(streams))
			a.metrics.fired.Add(float64(fired))
		},
	}
	return []watch.Job{
		{Name: "due", About: "Announces what has become due, and what has expired.", Every: time.Second, Run: wakes.Run},
		{
			Name: "pending", About: "Takes up accepted changes whose consequences are not all written.", Every: time.Second,
			Run: func(ctx context.Context, now time.Time) error {
				_, err := a.router.Sweep(ctx, now)
				if !fault.Is(err, fault.Unavailable) {
					a.swept.Store(true) // what could not be taken up, such as a newer version's record, is told at every run
				}
				return err
			},
		},
		{
			Name: "bus", About: "Tells the bus again what it has forgotten.", Every: 2 * time.Second,
			Run: func(ctx context.Context, _ time.Time) error { return a.remind(ctx) },
		},
	}
}

// grouped watches the store's transactions: for metrics, and to know whether the disk is full.
func (a *App) grouped(g sqlite.Group) {
	a.metrics.grouped(g)
	a.full.Store(errors.Is(g.Err, store.ErrFull))
}

// kindProbe is the document that is written to see whether the disk has space again. Working state of no meaning.
const kindProbe = "probe"

// diskSpace is the readiness check of the disk. Once it was full, somebody must write to learn that it is not any more.
func (a *App) diskSpace(ctx context.Context) error {
	if !a.full.Load() {
		return nil
	}
	now := a.ledger.Now()
	_, err := a.store.Bulk(ctx, []store.Op{{Do: store.OpPut, Kind: kindProbe, Doc: store.Doc{
		ID: "disk", Version: now.UnixMicro(), Body: fmt.Appendf(nil, `{"at":%q}`, now.Format(time.RFC3339Nano)),
	}}})
	if err != nil {
		return fault.Wrap(err, fault.Full, "disk_full", "The disk is full: nothing more can be recorded until there is space.")
	}
	return nil
}

// newRouter makes the notifier of this process; it does nothing before it is started.
func (a *App) newRouter() *notify.Router {
	return notify.NewRouter(a.notify, a.store, notify.RouterOptions{
		Alone: true, Retries: a.opt.Retries, Publish: a.publish, InHand: a.relay.InHand, Logger: a.log,
		Hooks: notify.Hooks{
			Attempted: func(channel, _ string, sent bool, _ time.Duration) {
				outcome := "failed"
				if sent {
					outcome = "sent"
				}
				a.metrics.outcomes.WithLabelValues(channel, outcome).Inc()
			},
		},
	})
}

// accept is the ledger's Publish: the notifier may remember the content, the relay carries it.
func (a *App) accept(c ledger.Appended) {
	a.router.Remember(c)
	a.relay.Accept(c)
}
