package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/notify"
	"landfall/internal/preparedness"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
	"landfall/internal/watch"
)

// jobs is the table of everything that this process does because time passes.
func (a *App) jobs() []watch.Job {
	jobs := []watch.Job{
		{Name: "presence", About: "Says that this process is there, and looks for what an operator must know.", Every: presenceEvery, Run: a.presence},
	}
	add := func(role Role, j watch.Job) {
		if a.opt.has(role) {
			jobs = append(jobs, a.unlessHeld(j))
		}
	}
	if a.held.Load() {
		jobs = append(jobs, watch.Job{Name: "hold", About: "Waits for the release after a restore.", Every: time.Second, Run: a.unhold})
	}
	wakes := &watch.Wakes{
		Store: a.store, Logger: a.log, Guard: a.guard, Asides: a.ledger.Asides(),
		Sweepers: map[string]watch.Sweeper{incident.Noun: a.incidents, preparedness.Noun: a.prepared, notify.NounSubscription: a.notify},
		Settle:   func(ctx context.Context) { a.ledger.Settle(ctx, time.Second) },
		Observe: func(streams, fired int) {
			a.metrics.swept.Add(float64(streams))
			a.metrics.fired.Add(float64(fired))
		},
	}
	add(RoleWatch, watch.Job{Name: "due", About: "Announces what has become due, and what has expired.", Every: time.Second, Run: wakes.Run})
	jobs = append(jobs, watch.Job{
		Name: "set_aside", About: "Exchanges with the other processes what fails again and again.", Every: time.Second,
		Run: func(ctx context.Context, _ time.Time) error { return a.ledger.Asides().Sync(ctx) },
	}, watch.Job{
		Name: "pending", About: "Writes what accepted changes still owe: lists, alerts, messages.", Every: time.Second, Run: a.pending,
	})
	if a.opt.has(RoleAPI) && !a.opt.has(RoleNotify) {
		add(RoleAPI, watch.Job{Name: "pace", About: "Looks how far notifiers are behind.", Every: time.Second, Run: a.othersBehind})
	}
	add(RoleNotify, watch.Job{
		Name: "bus", About: "Tells the bus again what it has forgotten.", Every: 2 * time.Second,
		Run: func(ctx context.Context, _ time.Time) error { return a.remind(ctx) },
	})
	add(RoleNotify, watch.Job{
		Name: "retain", About: "Forgets deliveries that were over long ago.", Every: time.Hour,
		Run: func(ctx context.Context, now time.Time) error {
			return a.once(ctx, "retain/"+now.Format("2006-01-02"), 10*time.Minute, func(ctx context.Context) error {
				for {
					removed, err := a.router.Retain(ctx, now)
					if err != nil || removed == 0 {
						return err
					}
				}
			})
		},
	})
	add(RoleWatch, watch.Job{
		Name: "sessions", About: "Forgets browsers whose session has ended.", Every: time.Hour,
		Run: func(ctx context.Context, now time.Time) error {
			_, err := a.access.Sessions().Sweep(ctx, now)
			return err
		},
	})
	add(RoleWatch, watch.Job{
		Name: "claims", About: "Forgets which process did the work of past days.", Every: time.Hour,
		Run: func(ctx context.Context, now time.Time) error { return a.forgetClaims(ctx, now) },
	})
	if a.heads != nil {
		jobs = append(jobs, watch.Job{
			Name: "heads", About: "Signs each hour how far every record reaches.", Every: time.Minute, Run: a.hourly,
		})
	}
	if a.opt.BackupDir != "" {
		add(RoleWatch, watch.Job{
			Name: "backup", About: "Writes a backup each night, reads it back, and keeps the newest.", Every: time.Minute, Run: a.nightly,
		})
	}
	return jobs
}

// pending pays what commits owe and nobody has paid: documents in every process, notices where this one notifies.
func (a *App) pending(ctx context.Context, now time.Time) error {
	_, documents := a.ledger.SweepDocuments(ctx, now)
	var notices error
	if a.opt.has(RoleNotify) && !a.held.Load() {
		_, notices = a.router.Sweep(ctx, now)
	}
	if !fault.Is(documents, fault.Unavailable) && !fault.Is(notices, fault.Unavailable) {
		a.swept.Store(true) // what could not be taken up, such as a newer version's record, is told at every run
	}
	return errors.Join(documents, notices)
}

// at says that this process has reached a point at which a test may end it.
func (a *App) at(point string) {
	if a.opt.At != nil {
		a.opt.At(point)
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
		Alone: !a.opt.onServer(), Retries: a.opt.Retries, Publish: a.publish, Waiting: a.waiting, InHand: a.relay.InHand, Withdraw: a.withdraw, Guard: a.guard, Logger: a.log, At: a.opt.At,
		Rates: a.rates(), Peers: a.notifiers, Hooks: a.metrics.hooks(a.traces),
	})
}

// rates are the limits of each channel: of a webhook, and of the one server that takes the mail.
func (a *App) rates() map[string]notify.Rate {
	rates := map[string]notify.Rate{}
	if r := a.opt.WebhookRate; r > 0 {
		rates["webhook"] = notify.Rate{PerSecond: r, Burst: burst(r)}
	}
	if r := a.opt.MailRate; r > 0 {
		rates["email"] = notify.Rate{PerSecond: r, Burst: burst(r), Shared: true}
	}
	return rates
}

// notifiers gives how many processes notify, this one included: they share the rates.
func (a *App) notifiers() int { return max(1, int(a.peers.Load())) }

// burst lets through at once what a second lets through, and one message at least.
func burst(perSecond float64) int { return max(1, int(perSecond)) }
