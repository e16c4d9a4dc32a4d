package app

import (
	"context"
	"time"

	"landfall/internal/backup"
	"landfall/internal/bus"
	"landfall/internal/watch"
)

// After a restore the service is held: it answers, and neither sends nor chases anything, because what it would send may have been sent
// before the records were lost, or may be of no use any more. A person looks at what would fire and releases it.

// unhold begins what a held process does not do, once nobody holds it any more. It is a job of the watch while the process is held.
func (a *App) unhold(ctx context.Context, _ time.Time) error {
	if !a.held.Load() {
		return nil
	}
	state, err := backup.ReadState(ctx, a.store)
	if err != nil || state.Held {
		return err
	}
	a.holding.Lock()
	defer a.holding.Unlock()
	if !a.held.Load() {
		return nil
	}
	if err := a.startNotifier(ctx); err != nil {
		return err
	}
	a.held.Store(false)
	a.log.Info("the service has been released")
	return nil
}

// unlessHeld makes a job wait for the release.
func (a *App) unlessHeld(j watch.Job) watch.Job {
	run := j.Run
	j.Run = func(ctx context.Context, now time.Time) error {
		if a.held.Load() {
			return nil
		}
		return run(ctx, now)
	}
	return j
}

// startNotifier listens to the bus, where this process notifies, and starts the router. When it fails nothing has been started, and it may be called
// again.
func (a *App) startNotifier(ctx context.Context) error {
	switch a.bus.Continuity() {
	case bus.Fresh:
		a.forgotten = afterLoss
	case bus.Doubtful:
		a.forgotten = afterUncleanStop
	case bus.Kept:
	}
	a.incarnation = a.bus.Incarnation()
	if !a.opt.has(RoleNotify) {
		return nil
	}
	// The consumer first, since the router cannot be started again once it was stopped.
	subscription, err := a.bus.Consume(context.WithoutCancel(ctx), routerDurable, a.receive)
	if err != nil {
		return err
	}
	if err := a.router.Start(ctx); err != nil {
		subscription.Stop()
		return err
	}
	a.consumer.Store(subscription)
	return nil
}

// stopNotifier ends what startNotifier began, if it did.
func (a *App) stopNotifier(ctx context.Context) error {
	a.holding.Lock()
	defer a.holding.Unlock()
	if s := a.consumer.Load(); s != nil {
		s.Stop()
	}
	return a.router.Stop(ctx)
}
