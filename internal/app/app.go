// Package app builds Landfall out of its parts, starts it and stops it. It is the only place that knows which parts are embedded and
// which are clustered, and the only one besides cmd that reads files.
//
// Start is one straight function: every part that came up pushes its stop, and a failed start, like Stop, runs those in
// reverse. Stopping is bounded in time; whatever it leaves is found again at the next start, because everything accepted is in the
// store and still marked pending.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"landfall/internal/access"
	"landfall/internal/backup"
	"landfall/internal/bus"
	"landfall/internal/console"
	"landfall/internal/fault"
	"landfall/internal/guard"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/notify/email"
	"landfall/internal/notify/logfile"
	"landfall/internal/notify/webhook"
	"landfall/internal/preparedness"
	"landfall/internal/relay"
	"landfall/internal/rest"
	"landfall/internal/store"
	"landfall/internal/watch"
)

// App is one running process of Landfall.
type App struct {
	opt     Options
	log     *slog.Logger
	guard   *guard.Guard
	since   time.Time
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

	access    *access.Desk
	incidents *incident.Desk
	prepared  *preparedness.Desk
	notify    *notify.Desk

	firstToken string
	fatal      chan error
	swept      atomic.Bool // the first sweep has ended well
	full       atomic.Bool // the last transaction found the disk full

	held     atomic.Bool // restored, and not released yet
	holding  sync.Mutex  // while the notifier is started or stopped
	consumer atomic.Pointer[bus.Subscription]

	peers           atomic.Int32 // processes that notify, as last seen
	presenceVersion int64        // of this process's document; its job's alone

	// What the bus must be told again, and of which stream that was said; the job's alone once the watch runs.
	forgotten   time.Duration
	incarnation string

	mu    sync.Mutex
	stops []stop // in order of starting
}

// server is what answers over HTTP: the whole interface, or in a process without the api role only the operator's part.
type server interface {
	Start() error
	Stop(ctx context.Context) error
	Addr() string
	Done() <-chan struct{}
	Err() error
}

type stop struct {
	what string
	do   func(context.Context) error
}

// Start brings a process up: when it returns, what was left undone before is being followed up and requests are answered. Stop it.
func Start(ctx context.Context, opt Options) (_ *App, err error) {
	if err := opt.prepare(); err != nil {
		return nil, err
	}
	proxies, err := networks(opt.TrustedProxies)
	if err != nil {
		return nil, err
	}
	a := &App{opt: opt, log: opt.Logger, guard: guard.New(opt.Logger, opt.Now), since: opt.Now().UTC(), metrics: newMetrics(), fatal: make(chan error, 1)}
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
	if a.bus, err = a.openBus(ctx, state.Held); err != nil {
		return nil, err
	}
	a.push("bus", a.bus.Close)
	if err := a.oneBus(ctx); err != nil {
		return nil, err
	}
	a.relay = relay.New(relay.Options{Publish: a.publish, Local: a.local(), Guard: a.guard, Logger: a.log, At: opt.At})
	a.push("relay", func(context.Context) error { a.relay.Stop(); return nil })

	// The ledger and the nouns.
	a.ledger = ledger.New(a.store, ledger.Options{
		Now: opt.Now, Logger: a.log, Guard: a.guard, Shared: opt.onServer(), Epoch: state.Epoch, Publish: a.accept, Observe: a.metrics.appended, Trace: a.traces.of, At: opt.At,
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
	a.push("notifier", a.stopNotifier)
	if !state.Held {
		if err := a.startNotifier(ctx); err != nil {
			return nil, err
		}
	}
	a.watch = watch.New(a.jobs(), watch.Options{Now: opt.Now, Logger: a.log, Guard: a.guard, Done: a.metrics.jobDone(opt.Now)})
	a.alarms = newAlarms(a.log, a.metrics.alarm, a.watchers())
	if opt.Offline {
		return a, nil
	}
	if err := a.present(ctx, false); err != nil {
		return nil, err
	}
	a.push("presence", func(ctx context.Context) error { return a.present(ctx, true) })
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

// openBus starts the embedded bus, or reaches the one that was named. After a restore it is emptied: what it holds was said of records that
// are not there any more.
func (a *App) openBus(ctx context.Context, empty bool) (*bus.Bus, error) {
	cfg := bus.Config{Dir: a.folder.jetstream(), Listen: a.opt.NATSListen, Token: a.opt.NATSToken, Copies: a.opt.NATSListen != "", Now: a.opt.Now, Log: a.log, Guard: a.guard}
	if a.opt.NATSURL != "" {
		cfg = a.opt.externalBus()
		cfg.Guard = a.guard
	}
	b, err := bus.Open(ctx, cfg)
	if err != nil || !empty {
		return b, err
	}
	if err := b.Purge(ctx, "landfall"); err != nil {
		return nil, errors.Join(err, b.Close(ctx))
	}
	return b, nil
}

// desks makes the desks of all nouns, which makes the nouns known to the ledger, and the router, before anything is recorded.
func (a *App) desks(key []byte) (err error) {
	a.access = access.NewDesk(a.ledger, a.store, access.Options{Now: a.opt.Now, Logger: a.log})
	a.incidents = incident.NewDesk(a.ledger, a.store, nil)
	a.prepared = preparedness.NewDesk(a.ledger, a.store, situation{a.incidents})
	channels, err := a.channels()
	if err != nil {
		return err
	}
	a.notify, err = notify.NewDesk(a.ledger, a.store, notify.DeskOptions{
		Channels: channels, Visibility: a.incidents, SealKey: key, Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.router = a.newRouter()
	return nil
}

// channels makes every channel that this process was told how to use.
func (a *App) channels() ([]notify.Channel, error) {
	hooks := webhook.New(webhook.Options{AllowPrivate: a.opt.WebhookAllowPrivate, Now: a.opt.Now, UserAgent: userAgent(a.opt.Version)})
	a.push("webhooks", func(context.Context) error { hooks.Close(); return nil })
	list := []notify.Channel{hooks}
	if a.opt.SMTPURL != "" {
		mail, err := email.New(email.Options{
			SMTPURL: a.opt.SMTPURL, From: a.opt.MailFrom, PublicURL: a.opt.PublicURL, Callback: a.opt.Callback, Now: a.opt.Now, Logger: a.log, Guard: a.guard,
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

// serve opens the listener and answers requests.
func (a *App) serve(proxies []*net.IPNet) (err error) {
	if a.server, err = a.newServer(proxies); err != nil {
		return fault.Wrap(err, fault.Unavailable, "listen", "It is not possible to serve on %s.", a.opt.Listen)
	}
	here := "http://" + a.server.Addr()
	if a.opt.TLSCert != "" {
		here = a.URL() // a certificate names the public address
	}
	if err := errors.Join(a.folder.answers(here), a.server.Start()); err != nil {
		return errors.Join(err, a.server.Stop(context.Background()))
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		a.guard.Run("the HTTP server", func() {
			<-a.server.Done()
			if err := a.server.Err(); err != nil {
				a.fail(err)
			}
		})
	})
	a.push("http server", func(ctx context.Context) error {
		err := a.server.Stop(ctx)
		ended.Wait()
		return err
	})
	a.log.Info("ready", "url", a.URL(), "version", a.opt.Version, "roles", roleNames(a.opt.Roles), "records", a.opt.where())
	return nil
}

func (a *App) newServer(proxies []*net.IPNet) (server, error) {
	tlsConfig, err := a.tls()
	if err != nil {
		return nil, err
	}
	metrics := promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{})
	if !a.opt.has(RoleAPI) {
		return rest.NewHealth(rest.HealthOptions{
			Listen: a.opt.Listen, TLS: tlsConfig, Ready: a.checks(), Logger: a.log, Guard: a.guard,
			Metrics: metrics, MetricsToken: a.opt.MetricsToken,
			Now: a.opt.Now, Registerer: a.metrics.registry, Drain: a.opt.Drain,
		})
	}
	happens := feed{bus: a.bus, log: newLookup(a.store, a.ledger, a.log)}
	rates := a.requestRates()
	brake := rest.NewBrake(rates.Address, a.opt.Now)
	pages, err := console.New(console.Options{
		Brake: brake, Address: rest.ClientAddress(proxies),
		Access: a.access, Incidents: a.incidents, Notify: a.notify, Preparedness: a.prepared,
		Feed: happens, Now: a.opt.Now, Logger: a.log, Guard: a.guard,
		Secure: tlsConfig != nil || strings.HasPrefix(a.opt.PublicURL, "https://"), TrustedOrigins: a.opt.TrustedOrigins,
	})
	if err != nil {
		return nil, err
	}
	return rest.New(rest.Options{
		Listen: a.opt.Listen, TLS: tlsConfig,
		Access: a.access, Incidents: a.incidents, Notify: a.notify, Preparedness: a.prepared,
		Feed: happens, ETag: a.ledger.ETag,
		Now: a.opt.Now, Logger: a.log, Guard: a.guard, Registerer: a.metrics.registry, Ready: a.checks(), TrustedProxies: proxies,
		Metrics: metrics, MetricsToken: a.opt.MetricsToken, Pages: pages,
		Operation: operation{a}, Operators: a.opt.operators(),
		Tracer: a.traces.provider(), Rates: rates, Brake: brake, Drain: a.opt.Drain,
	})
}

// requestRates are how often one caller may ask. The bursts let an afternoon's figures pass in one go.
func (a *App) requestRates() rest.Rates {
	rates := rest.DefaultRates()
	if r := a.opt.RequestRate; r > 0 {
		rates.Account = rest.Rate{PerSecond: r, Burst: max(1, int(10*r))}
	} else {
		rates.Account = rest.Rate{}
	}
	return rates
}

// tls gives the configuration of the service's own certificate; nil when a proxy has one, or nobody.
func (a *App) tls() (*tls.Config, error) {
	if a.opt.TLSCert == "" {
		return nil, nil
	}
	get, err := rest.Certificate(a.opt.TLSCert, a.opt.TLSKey, a.opt.Now, a.log)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get}, nil
}

// firstAccount makes the first account where there is none, and says aloud while its token lives. The token is in its file before
// the account exists, so a crash in between leaves a token that the next start takes up.
func (a *App) firstAccount(ctx context.Context) error {
	_, err := a.access.Account(ctx, access.System, access.FirstAccount())
	if err == nil {
		a.warnFirstToken(ctx)
		return nil
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	secret, err := a.folder.readToken()
	mine := errors.Is(err, fs.ErrNotExist)
	if mine {
		secret = access.NewSecret()
		err = writeSecret(a.folder.token(), secret+"\n")
	}
	if err != nil {
		return err
	}
	created, err := a.access.Bootstrap(ctx, secret)
	switch {
	case created:
		a.firstToken = secret
		a.log.Info("first start: the token of the first account is kept in a file for its owner", "file", a.folder.token())
	case err == nil && mine:
		return os.Remove(a.folder.token()) // another process was first; this token opens nothing
	}
	return err
}

func (a *App) warnFirstToken(ctx context.Context) {
	if lives, err := a.access.FirstTokenLives(ctx); err == nil && lives {
		a.log.Warn("the first account's token is live: it acts for every party and sees everything; revoke it once there are others")
	}
}

// Stop ends the process's work in reverse order of its start, within ctx, and may be called more than once. What ctx cuts off is found again at
// the next start.
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

// fail reports what the process cannot go on with; the first time counts.
func (a *App) fail(err error) {
	select {
	case a.fatal <- err:
	default:
	}
}

// Fatal gives the error with which the process cannot go on, should there be one. Stop the app then and end the process.
func (a *App) Fatal() <-chan error { return a.fatal }

// URL gives the address the process serves on.
func (a *App) URL() string {
	switch {
	case a.opt.PublicURL != "":
		return a.opt.PublicURL
	case a.opt.TLSCert != "":
		return "https://" + a.server.Addr()
	}
	return "http://" + a.server.Addr()
}

// FirstToken gives the token of the first account, when this start made it; "" otherwise. It is for
// a person at a terminal and for no log.
func (a *App) FirstToken() string { return a.firstToken }

// TokenPath gives where that token is kept.
func (a *App) TokenPath() string { return a.folder.token() }

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

// checks are what must be well before the process calls itself ready.
func (a *App) checks() []rest.Check {
	checks := []rest.Check{{Name: "store", Run: a.store.Ping}}
	if !a.opt.has(RoleAPI) || a.opt.NATSURL == "" {
		// Who answers requests needs the records and not the bus: a cluster without a majority must not take every door out of the balancer.
		checks = append(checks, rest.Check{Name: "bus", Run: a.bus.Ready})
	}
	return append(checks, []rest.Check{
		{Name: "first sweep", Run: func(context.Context) error {
			if a.opt.has(RoleNotify) && !a.swept.Load() && !a.held.Load() {
				return fault.New(fault.Unavailable, "first_sweep", "What was left undone before the start is still being looked for.")
			}
			return nil
		}},
		{Name: "disk", Run: a.diskSpace},
	}...)
}

// observe registers the gauges that are read at every scrape.
func (a *App) observe() {
	q := &queues{
		store: a.store, now: a.opt.Now, inHand: a.relay.Waiting, oldest: a.router.OldestUndelivered, due: a.oldestDue, circuits: a.router.OpenCircuits,
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
}
