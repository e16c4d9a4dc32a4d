// Package app builds Landfall out of its parts, starts it and stops it. It is the only place that knows which parts are embedded and
// which are clustered, and the only one besides cmd that reads files.
//
// Start is one straight function: every part that came up pushes its stop, and a failed start, like Stop, runs those in
// reverse. Stopping is bounded in time; whatever it leaves is found again at the next start, because everything accepted is in the
// store and still marked pending.
package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"landfall/internal/access"
	"landfall/internal/bus"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/notify/webhook"
	"landfall/internal/relay"
	"landfall/internal/rest"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
	"landfall/internal/watch"
)

// Options are all that can be said about one process. The zero value of an optional field takes the default named there.
type Options struct {
	Data    string           // required: data folder
	Listen  string           // host:port to serve on
	Offline bool             // no listener and no schedule: for tools on a stopped folder
	Now     func() time.Time // required: the wall clock
	Logger  *slog.Logger     // slog.Default()
	Version string

	PublicURL           string   // address under which people reach the service; "" when nobody confirmed one
	TrustedProxies      []string // CIDR networks whose X-Forwarded-For is believed
	WebhookAllowPrivate bool     // webhooks may go to private and loopback addresses

	// NoSchedule leaves the jobs to RunOnce: for tests that own the clock.
	NoSchedule bool
	// Retries replaces the schedule of delivery attempts; nil keeps the default of package notify.
	Retries []time.Duration
}

// App is one running process of Landfall.
type App struct {
	opt     Options
	log     *slog.Logger
	folder  *folder
	store   *sqlite.Store
	ledger  *ledger.Ledger
	bus     *bus.Bus
	relay   *relay.Relay
	router  *notify.Router
	watch   *watch.Watch
	server  *rest.Server
	metrics *metrics

	access    *access.Desk
	incidents *incident.Desk
	notify    *notify.Desk

	firstToken string
	fatal      chan error
	swept      atomic.Bool // the first sweep has ended well
	full       atomic.Bool // the last transaction found the disk full

	// What the bus must be told again, and of which stream that was said; the job's alone once the watch runs.
	forgotten   time.Duration
	incarnation string

	mu    sync.Mutex
	stops []stop // in order of starting
}

type stop struct {
	what string
	do   func(context.Context) error
}

// Kinds lists every kind of document there is.
func Kinds() []store.Kind {
	var all []store.Kind
	for _, kinds := range [][]store.Kind{ledger.Kinds(), access.Kinds(), incident.Kinds(), notify.Kinds()} {
		all = append(all, kinds...)
	}
	return append(all, store.Kind{Name: kindProbe})
}

// Start brings a process up: when it returns, what was left undone before is being followed up and requests are answered. Stop it.
func Start(ctx context.Context, opt Options) (_ *App, err error) {
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	proxies, err := networks(opt.TrustedProxies)
	if err != nil {
		return nil, err
	}
	a := &App{opt: opt, log: opt.Logger, metrics: newMetrics(), fatal: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.rollBack(ctx))
		}
	}()

	// The folder and the store.
	if a.folder, err = openFolder(opt.Data); err != nil {
		return nil, err
	}
	a.push("data folder", func(context.Context) error { return a.folder.close() })
	key, err := a.folder.secretKey()
	if err != nil {
		return nil, err
	}
	a.store, err = sqlite.Open(ctx, a.folder.database(), Kinds(), sqlite.Options{
		Now: opt.Now, Logger: a.log, OnGroup: a.grouped, OnFatal: a.fail,
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "store", "The records in %s cannot be opened.", a.folder.path)
	}
	a.push("store", func(context.Context) error { return a.store.Close() })

	// The bus, before the ledger that publishes to it.
	a.bus, err = bus.Open(ctx, bus.Config{Dir: a.folder.jetstream(), Now: opt.Now, Log: a.log})
	if err != nil {
		return nil, err
	}
	a.push("bus", a.bus.Close)
	a.relay = relay.New(relay.Options{Publish: a.publish, Local: a.handOver, Logger: a.log})
	a.push("relay", func(context.Context) error { a.relay.Stop(); return nil })

	// The ledger and the nouns.
	a.ledger = ledger.New(a.store, ledger.Options{Now: opt.Now, Logger: a.log, Publish: a.accept, Observe: a.metrics.appended})
	a.push("ledger", a.ledger.Close)
	if err := a.desks(key); err != nil {
		return nil, err
	}
	if err := a.firstAccount(ctx); err != nil {
		return nil, err
	}

	// Notifier, watch and the HTTP server.
	if err := a.startNotifier(ctx); err != nil {
		return nil, err
	}
	a.watch = watch.New(a.jobs(), watch.Options{Now: opt.Now, Logger: a.log, Done: a.metrics.jobDone(opt.Now)})
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

// desks makes the desks of all nouns, which makes the nouns known to the ledger, and the router, before anything is recorded.
func (a *App) desks(key []byte) (err error) {
	a.access = access.NewDesk(a.ledger, a.store, access.Options{Now: a.opt.Now, Logger: a.log})
	a.incidents = incident.NewDesk(a.ledger, a.store, nil)
	hooks := webhook.New(webhook.Options{AllowPrivate: a.opt.WebhookAllowPrivate, Now: a.opt.Now, UserAgent: "Landfall/" + userAgentVersion(a.opt.Version)})
	a.push("webhooks", func(context.Context) error { hooks.Close(); return nil })
	a.notify, err = notify.NewDesk(a.ledger, a.store, notify.DeskOptions{
		Channels: []notify.Channel{hooks}, Visibility: a.incidents, SealKey: key, Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.router = a.newRouter()
	return nil
}

// serve opens the listener and answers requests.
func (a *App) serve(proxies []*net.IPNet) (err error) {
	a.server, err = rest.New(rest.Options{
		Listen: a.opt.Listen, Access: a.access, Incidents: a.incidents, Notify: a.notify, Feed: feed{a.bus}, ETag: a.ledger.ETag,
		Now: a.opt.Now, Logger: a.log, Registerer: a.metrics.registry, Ready: a.checks(), TrustedProxies: proxies,
		Metrics: promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}),
	})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "listen", "It is not possible to serve on %s.", a.opt.Listen)
	}
	if err := a.server.Start(); err != nil {
		return errors.Join(err, a.server.Stop(context.Background()))
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		<-a.server.Done()
		if err := a.server.Err(); err != nil {
			a.fail(err)
		}
	})
	a.push("http server", func(ctx context.Context) error {
		err := a.server.Stop(ctx)
		ended.Wait()
		return err
	})
	a.log.Info("ready", "url", a.URL(), "version", a.opt.Version, "data", a.folder.path)
	return nil
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
	if errors.Is(err, fs.ErrNotExist) {
		secret = access.NewSecret()
		err = writeSecret(a.folder.token(), secret+"\n")
	}
	if err != nil {
		return err
	}
	created, err := a.access.Bootstrap(ctx, secret)
	if created {
		a.firstToken = secret
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
	if a.opt.PublicURL != "" {
		return strings.TrimSuffix(a.opt.PublicURL, "/")
	}
	return "http://" + a.server.Addr()
}

// FirstToken gives the token of the first account, when this start made it; "" otherwise.
func (a *App) FirstToken() string { return a.firstToken }

// TokenPath gives where that token is kept.
func (a *App) TokenPath() string { return a.folder.token() }

// Jobs lists what the watch does.
func (a *App) Jobs() []watch.Job { return a.watch.Jobs() }

// RunOnce runs one job now.
func (a *App) RunOnce(ctx context.Context, job string) error { return a.watch.RunOnce(ctx, job) }

// checks are what must be well before the process calls itself ready.
func (a *App) checks() []rest.Check {
	return []rest.Check{
		{Name: "store", Run: a.store.Ping},
		{Name: "bus", Run: a.bus.Ready},
		{Name: "first sweep", Run: func(context.Context) error {
			if !a.swept.Load() {
				return fault.New(fault.Unavailable, "first_sweep", "What was left undone before the start is still being looked for.")
			}
			return nil
		}},
		{Name: "disk", Run: a.diskSpace},
	}
}

// observe registers the gauges that are read at every scrape.
func (a *App) observe() {
	a.metrics.registry.MustRegister(&queues{
		store: a.store, now: a.opt.Now, inHand: a.relay.Waiting, oldest: a.router.OldestUndelivered,
		lag: func(ctx context.Context) (int64, error) {
			lag, err := a.bus.Lag(ctx, routerDurable)
			return lag.Waiting + lag.Unacked, err
		},
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "landfall_gauge_failures_total", Help: "Gauges that could not be read at a scrape.",
		}),
	})
}

// userAgentVersion gives the version as one word.
func userAgentVersion(version string) string {
	if version == "" {
		return "0"
	}
	return strings.ReplaceAll(version, " ", "-")
}

// networks reads CIDR notation.
func networks(texts []string) ([]*net.IPNet, error) {
	var nets []*net.IPNet
	for _, text := range texts {
		_, n, err := net.ParseCIDR(text)
		if err != nil {
			return nil, fault.New(fault.Invalid, "trusted_proxies", "%q is not a network such as 10.0.0.0/8.", text)
		}
		nets = append(nets, n)
	}
	return nets, nil
}
