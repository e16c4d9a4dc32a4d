package rest

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"landfall/internal/fault"
	"landfall/internal/guard"
	"landfall/internal/limit"
)

// HealthOptions configure a Server of probes. A zero value takes the default named with it.
type HealthOptions struct {
	Listen string      // host:port; "" means no listener, for use through Handler only
	TLS    *tls.Config // nil: plain HTTP

	Now        func() time.Time      // required: the wall clock
	Logger     *slog.Logger          // slog.Default()
	Guard      *guard.Guard          // remembers panics of this process; one of the server's own
	Registerer prometheus.Registerer // nil: requests are not counted
	Metrics    http.Handler          // answers /metrics; nil: 404
	// MetricsToken is what /metrics asks for; "": it answers this machine alone.
	MetricsToken string
	Ready        []Check
	Limiter      *limit.Limiter // nil: one of its own with limit.Defaults
	Drain        time.Duration  // between the begin of Stop and the closing of the listener; 0: none
}

// NewHealth builds a server for a process that does not answer the contract: /healthz, /readyz and /metrics, as New answers them, and nothing
// else. It opens its listener, so that a port in use is an error here.
func NewHealth(opt HealthOptions) (*Server, error) {
	s, err := assemble(Options{
		Listen: opt.Listen, TLS: opt.TLS, Now: opt.Now, Logger: opt.Logger, Guard: opt.Guard, Registerer: opt.Registerer,
		Metrics: opt.Metrics, MetricsToken: opt.MetricsToken, Ready: opt.Ready, Drain: opt.Drain, Limiter: opt.Limiter,
	})
	if err != nil {
		return nil, err
	}
	e := s.router()
	e.Use(s.observe, s.staying, s.deadline)
	probes := ServerInterfaceWrapper{Handler: s}
	r := withHead{e}
	r.GET("/healthz", probes.GetHealth)
	r.GET("/readyz", probes.GetReadiness)
	r.GET("/metrics", probes.GetMetrics)
	e.RouteNotFound("/*", func(echo.Context) error {
		return fault.New(fault.NotFound, "route_not_found", "This process answers /healthz, /readyz and /metrics only.")
	})
	return s.open(e)
}
