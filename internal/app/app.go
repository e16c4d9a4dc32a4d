// Package app builds Landfall out of its parts, starts it and stops it. It is the only place that
// knows which parts are embedded and which are clustered, and the only one besides cmd that reads
// files.
//
// Start is one straight function: every part that came up pushes its stop, and a failed start, like
// Stop, runs those in reverse. Stopping is bounded in time. The next start finds what was left
// undone, because everything accepted is in the store and says what it owes.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/google/uuid"

	"landfall/internal/access"
	"landfall/internal/backup"
	"landfall/internal/bus"
	"landfall/internal/guard"
	"landfall/internal/head"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/limit"
	"landfall/internal/notify"
	"landfall/internal/notify/email"
	"landfall/internal/notify/logfile"
	"landfall/internal/notify/webhook"
	"landfall/internal/preparedness"
	"landfall/internal/relay"
	"landfall/internal/store"
	"landfall/internal/watch"
)

// App is one running process of Landfall.
type App struct {
	opt     Options
	log     *slog.Logger
	guard   *guard.Guard
	since   time.Time
	life    string // of this process: no two have the same
	folder  *folder
	store   store.Store
	ledger  *ledger.Ledger
	bus     *bus.Bus
	relay   *relay.Relay
	router  *notify.Router
	watch   *watch.Watch
	server  server
	metrics *metrics
	alarms  *alarms
	traces  *traces
	limiter *limit.Limiter
	pace    pace

	heads         *heads // nil without the role watch
	headDesk      *head.Desk
	headsRecorded int64 // where the stream of heads ended at the start

	access    *access.Desk
	incidents *incident.Desk
	prepared  *preparedness.Desk
	notify    *notify.Desk

	firstToken string
	fatal      chan error
	swept      atomic.Bool // the first sweep has succeeded
	full       atomic.Bool // the last transaction found the disk full
	disbelief  disbelief

	held     atomic.Bool // a restore was not released yet
	holding  sync.Mutex  // held while the notifier starts or stops
	consumer atomic.Pointer[bus.Subscription]

	peers           atomic.Int32 // processes that notify, as last seen
	presenceVersion int64        // version of this process's document; only the presence job uses it

	// How far back the bus must be told again, and the incarnation of the stream that this was
	// measured on. Only the job uses them once the watch runs.
	forgotten   time.Duration
	incarnation string

	mu    sync.Mutex
	stops []stop // in order of starting
}

type stop struct {
	what string
	do   func(context.Context) error
}

// Start brings a process up. When it returns, the process answers requests and follows up what an
// earlier one left undone. The caller must Stop it.
func Start(ctx context.Context, opt Options) (_ *App, err error) {
	if err := opt.prepare(); err != nil {
		return nil, err
	}
	limits, err := opt.limits()
	if err != nil {
		return nil, err
	}
	proxies, err := networks(opt.TrustedProxies)
	if err != nil {
		return nil, err
	}
	a := &App{
		opt: opt, log: opt.Logger, guard: guard.New(opt.Logger, opt.Now),
		since: opt.Now().UTC(), life: uuid.NewString(), metrics: newMetrics(), fatal: make(chan error, 1),
		limiter: limit.New(limits, opt.Now),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.rollBack(ctx))
		}
	}()
	if a.traces, err = newTraces(opt); err != nil {
		return nil, err
	}
	a.push("traces", a.traces.stop)

	// The folder, the records, and the key that secrets in them are encrypted with.
	if a.folder, err = openFolder(opt.Data); err != nil {
		return nil, err
	}
	a.push("data folder", func(context.Context) error { return a.folder.close() })
	if a.store, err = a.openRecords(ctx); err != nil {
		return nil, err
	}
	a.push("store", func(context.Context) error { return a.store.Close() })
	state, err := backup.ReadState(ctx, a.store)
	if err != nil {
		return nil, err
	}
	a.held.Store(state.Held)
	key, err := a.secretKey(ctx)
	if err != nil {
		return nil, err
	}

	// The bus, before the ledger that publishes to it.
	if a.bus, err = a.openBus(ctx, key, state.Held); err != nil {
		return nil, err
	}
	a.push("bus", a.bus.Close)
	if err := a.oneBus(ctx); err != nil {
		return nil, err
	}
	if !opt.Offline {
		if err := a.present(ctx, false); err != nil {
			return nil, err
		}
		a.push("presence", func(ctx context.Context) error { return a.present(ctx, true) })
	}
	// A command that marks the records looks for processes afterwards: one of the two sees the other.
	if err := backup.Finished(ctx, a.store); err != nil {
		return nil, err
	}
	if state, err = a.compareRecords(ctx, key, state); err != nil {
		return nil, err
	}
	a.bus.SetEpoch(state.Epoch)
	a.relay = relay.New(relay.Options{Publish: a.tell, Local: a.local(), Guard: a.guard, Logger: a.log, At: opt.At})
	a.push("relay", func(context.Context) error { a.relay.Stop(); return nil })

	// The ledger and the nouns.
	a.pace.own = func() time.Duration { return a.router.Behind() } // the router comes with the desks, before the first change
	a.pace.given = a.metrics.paced
	a.ledger = ledger.New(a.store, ledger.Options{
		Now: opt.Now, Logger: a.log, Process: opt.Name, Guard: a.guard, Shared: opt.onServer(), Epoch: state.Epoch,
		Publish: a.relay.Accept, Pace: a.pace.delay, Observe: a.metrics.appended, Trace: a.traces.of, At: opt.At,
	})
	a.push("ledger", a.ledger.Close)
	if err := a.desks(key); err != nil {
		return nil, err
	}
	if opt.has(RoleAPI) {
		if err := a.firstAccount(ctx); err != nil {
			return nil, err
		}
	}

	// Notifier, watch and the HTTP server.
	if !opt.Offline {
		a.push("heads", a.lastHead)
	}
	a.push("notifier", a.stopNotifier)
	if !state.Held {
		if err := a.startNotifier(ctx); err != nil {
			return nil, err
		}
	}
	a.watch = watch.New(a.jobs(), watch.Options{
		Now: opt.Now, Logger: a.log, Guard: a.guard, Done: a.metrics.jobDone(opt.Now),
	})
	a.alarms = newAlarms(a.log, a.metrics.alarm, a.watchers())
	a.firstHead(ctx)
	if opt.Offline {
		return a, nil
	}
	if !opt.NoSchedule {
		a.push("watch", func(ctx context.Context) error { a.watch.Stop(ctx); return nil })
		if err := a.watch.Start(); err != nil {
			return nil, err
		}
	}
	a.observe()
	if err := a.serve(proxies); err != nil {
		return nil, err
	}
	return a, nil
}

// openBus starts the embedded bus, or connects to the one that the options name. After a restore it
// empties the bus, which may hold messages about records that were not restored.
func (a *App) openBus(ctx context.Context, key []byte, empty bool) (*bus.Bus, error) {
	cfg := bus.Config{
		Dir: a.folder.jetstream(), Listen: a.opt.NATSListen, Token: a.opt.NATSToken,
		Copies: a.opt.NATSListen != "", Now: a.opt.Now, Log: a.log, Guard: a.guard,
	}
	if a.opt.NATSURL != "" {
		cfg = a.opt.externalBus()
		cfg.Guard = a.guard
	}
	former, err := a.formerKeys()
	if err != nil {
		return nil, err
	}
	cfg.Keys, cfg.Dropped = append([][]byte{key}, former...), a.disbelieved
	cfg.Read = readEvent
	b, err := bus.Open(ctx, cfg)
	if err != nil || !empty {
		return b, err
	}
	if err := b.Purge(ctx, "landfall"); err != nil {
		return nil, errors.Join(err, b.Close(ctx))
	}
	return b, nil
}

// desks makes the desk of every noun, which registers the noun with the ledger, and then the router.
// It must come before the first commit.
func (a *App) desks(key []byte) (err error) {
	a.access = access.NewDesk(a.ledger, a.store, access.Options{
		Now: a.opt.Now, Logger: a.log, Sessions: a.limiter.Limits.Sessions, Tokens: a.limiter.Limits.Tokens,
		Accounts: a.limiter.Limits.Accounts,
	})
	a.headDesk = head.NewDesk(a.ledger, a.store)
	if a.heads != nil {
		a.heads.desk = a.headDesk
	}
	a.incidents = incident.NewDesk(a.ledger, a.store, nil)
	a.prepared = preparedness.NewDesk(a.ledger, a.store, situation{a.incidents})
	a.incidents.SetPlausible(a.opt.Plausible)
	a.prepared.SetPlausible(a.opt.Plausible)
	channels, err := a.channels()
	if err != nil {
		return err
	}
	a.notify, err = notify.NewDesk(a.ledger, a.store, notify.DeskOptions{
		Channels: channels, Visibility: a.incidents, SealKey: key, Logger: a.log,
		Subscriptions: a.limiter.Limits.Subscriptions,
	})
	if err != nil {
		return err
	}
	a.router = a.newRouter()
	return nil
}

// channels makes every channel that this process was told how to use.
func (a *App) channels() ([]notify.Channel, error) {
	hooks := webhook.New(webhook.Options{
		AllowPrivate: a.opt.WebhookAllowPrivate, Now: a.opt.Now, UserAgent: userAgent(a.opt.Version),
	})
	a.push("webhooks", func(context.Context) error { hooks.Close(); return nil })
	list := []notify.Channel{hooks}
	if a.opt.SMTPURL != "" {
		mail, err := email.New(email.Options{
			SMTPURL: a.opt.SMTPURL, From: a.opt.MailFrom, PublicURL: a.opt.PublicURL, Callback: a.opt.Callback,
			Now: a.opt.Now, Logger: a.log, Guard: a.guard,
		})
		if err != nil {
			return nil, err
		}
		a.push("e-mail", func(context.Context) error { mail.Close(); return nil })
		list = append(list, mail)
	}
	if a.opt.LogfileDir != "" {
		files, err := logfile.New(logfile.Options{Dir: a.opt.LogfileDir, Now: a.opt.Now, Guard: a.guard})
		if err != nil {
			return nil, err
		}
		a.push("log files", func(context.Context) error { files.Close(); return nil })
		list = append(list, files)
	}
	return list, nil
}

// Stop stops the parts in the reverse order of their start, within ctx. It may be called more than
// once. The next start finds what ctx cut off.
func (a *App) Stop(ctx context.Context) error { return a.rollBack(ctx) }

func (a *App) rollBack(ctx context.Context) error {
	a.mu.Lock()
	stops := a.stops
	a.stops = nil
	a.mu.Unlock()
	var failed error
	for i := len(stops) - 1; i >= 0; i-- {
		if err := stops[i].do(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("stop %s: %w", stops[i].what, err))
		}
	}
	return failed
}

func (a *App) push(what string, do func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stops = append(a.stops, stop{what, do})
}

// fail reports an error with which the process cannot go on. Only the first one is kept.
func (a *App) fail(err error) {
	select {
	case a.fatal <- err:
	default:
	}
}

// Fatal gives an error with which the process cannot go on. The caller must then Stop the app and end
// the process.
func (a *App) Fatal() <-chan error { return a.fatal }

// Jobs lists what the watch does.
func (a *App) Jobs() []watch.Job { return a.watch.Jobs() }

// RunOnce runs one job now.
func (a *App) RunOnce(ctx context.Context, job string) error { return a.watch.RunOnce(ctx, job) }

// Alarms lists what an operator must know of, as this process last saw it.
func (a *App) Alarms() []Alarm { return a.alarms.list() }

// Release ends the held state after a restore, in the name of by. Releasing what is not held changes nothing.
func (a *App) Release(ctx context.Context, by string) error {
	if err := backup.Release(ctx, a.store, by, a.opt.Now()); err != nil {
		return err
	}
	return a.unhold(ctx, a.opt.Now())
}

// observe registers the gauges, which are read at every scrape.
func (a *App) observe() {
	q := &queues{
		owed: func(ctx context.Context, work ledger.Work) (int64, time.Time, error) {
			return ledger.Owed(ctx, a.store, work)
		},
		now: a.opt.Now, inHand: a.relay.Waiting,
		oldest: a.router.OldestUndelivered, due: a.oldestDue, circuits: a.router.OpenCircuits,
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "landfall_gauge_failures_total", Help: "Gauges that could not be read at a scrape.",
		}),
	}
	if a.opt.has(RoleNotify) {
		q.lag = func(ctx context.Context) (int64, error) {
			lag, err := a.bus.Lag(ctx, routerDurable)
			return lag.Waiting + lag.Unacked, err
		}
	}
	a.metrics.registry.MustRegister(q)
	if lost := a.opt.LogLinesLost; lost != nil {
		a.metrics.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "landfall_log_lines_lost_total", Help: "Lines of the log that were dropped, because nobody read them.",
		}, func() float64 { return float64(lost()) }))
	}
}
