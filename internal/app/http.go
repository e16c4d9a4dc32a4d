package app

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"

	"landfall/internal/console"
	"landfall/internal/fault"
	"landfall/internal/rest"
)

// server answers over HTTP: the whole interface, or only the operator's part in a process without
// the api role.
type server interface {
	Start() error
	Stop(ctx context.Context) error
	Addr() string
	Done() <-chan struct{}
	Err() error
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
	a.log.Info("ready", "url", a.URL(), "version", a.opt.Version,
		"roles", roleNames(a.opt.Roles), "records", a.opt.where())
	return nil
}

func (a *App) newServer(proxies []*net.IPNet) (server, error) {
	tlsConfig, err := a.tls()
	if err != nil {
		return nil, err
	}
	metrics := newExposition(a.metrics.registry, a.opt.MetricsEvery, a.opt.Now)
	if !a.opt.has(RoleAPI) {
		return rest.NewHealth(rest.HealthOptions{
			Listen: a.opt.Listen, TLS: tlsConfig, Ready: a.checks(), Logger: a.log, Guard: a.guard,
			Metrics: metrics, MetricsToken: a.opt.MetricsToken,
			Now: a.opt.Now, Registerer: a.metrics.registry, Drain: a.opt.Drain, Limiter: a.limiter,
		})
	}
	happens := feed{bus: a.bus, log: eventLog{a.store, a.ledger, a.log}}
	pages, err := console.New(console.Options{
		Limiter: a.limiter, Address: rest.ClientAddress(proxies),
		Access: a.access, Incidents: a.incidents, Notify: a.notify, Preparedness: a.prepared, Heads: a.headDesk, Asides: a.ledger.Asides().List,
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
		Now: a.opt.Now, Logger: a.log, Guard: a.guard, Registerer: a.metrics.registry,
		Ready: a.checks(), TrustedProxies: proxies,
		Metrics: metrics, MetricsToken: a.opt.MetricsToken, Pages: pages,
		Heads: a.headDesk, Operation: operation{a}, Operators: a.opt.operators(),
		Tracer: a.traces.provider(), Limiter: a.limiter, Drain: a.opt.Drain,
	})
}

// tls gives the configuration of the service's own certificate, or nil when it has none.
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

// checks lists what must succeed before the process calls itself ready.
func (a *App) checks() []rest.Check {
	checks := []rest.Check{{Name: "store", Run: a.store.Ping}}
	if !a.opt.has(RoleAPI) || a.opt.NATSURL == "" {
		// Answering requests needs the records and not the bus, so the loss of an external bus must not
		// take every process with the API role out of the load balancer.
		checks = append(checks, rest.Check{Name: "bus", Run: a.bus.Ready})
	}
	return append(checks, []rest.Check{
		{Name: "first sweep", Run: func(context.Context) error {
			if !a.swept.Load() {
				return fault.New(fault.Unavailable, "first_sweep",
					"What was left undone before the start is still being looked for.")
			}
			return nil
		}},
		{Name: "disk", Run: a.diskSpace},
	}...)
}
