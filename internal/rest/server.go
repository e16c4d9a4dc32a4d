// Package rest is Landfall's HTTP interface for machines: the contract of api/openapi.yaml on Echo.
//
// A request goes through these stations, and the first that refuses it answers with a problem (RFC 9457):
//
//	observe ▶ staying ▶ address ▶ authenticate ▶ moderate ▶ body ▶ room ▶ deadline ▶ parameters ▶ gate ▶ contract ▶ handler
//	request id, 503 when  429      bearer → Scope,  429      429,   503    10 s       query,       strict  schema     read, check,
//	log, trace, it stops  by share 429 by           by share 503             path         JSON               call, answer
//	panics                         wrong tokens     and rate
//
// A body is read whole, under a deadline of seconds, before the request takes one of the slots that all share, so that
// what is half sent stands in nobody's way. Shares, rates and what is kept for acknowledgements, arrivals and answers are
// those of package limit.
//
// What it promises: nothing reaches a desk that the contract does not allow; a repeat with the same Idempotency-Key is answered as the first
// time; an error tells a client what to mend and nothing about our inside; answers follow the contract (the tests hold every one
// against it). What it refuses: rules of the field. Those are the nouns', and so is every question of who may see what: a handler
// hands over the Scope and shows what it is given.
//
// Handlers have four steps: read, check, one Desk call, answer.
//
// Stopping has steps too, so that a client behind a balancer meets a 503 at worst, and no broken connection:
//
//	serving ▶ Stop: draining, for Options.Drain           ▶ listener closed, requests in flight are finished ▶ done
//	          /readyz 503, new requests 503 with Retry-After,
//	          every answer ends its connection, event streams end with a time to come back
//
// A process that does not answer the contract (a notifier, a watch) serves /healthz, /readyz and /metrics alone: see NewHealth.
package rest

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"landfall/api"
	"landfall/internal/access"
	"landfall/internal/guard"
	"landfall/internal/head"
	"landfall/internal/incident"
	"landfall/internal/limit"
	"landfall/internal/live"
	"landfall/internal/notify"
	"landfall/internal/place"
	"landfall/internal/preparedness"
)

// Check is one thing that must be well before the process is ready. Run gives what is wrong in words fit for the open.
type Check struct {
	Name string
	Run  func(context.Context) error
}

// Options configure a Server. A zero value takes the default named with it.
type Options struct {
	Listen string      // host:port; "" means no listener, for use through Handler only
	TLS    *tls.Config // nil: plain HTTP. With it HTTPS from TLS 1.2 on, HTTP/2 too; see Certificate

	Access       *access.Desk
	Incidents    *incident.Desk
	Notify       *notify.Desk
	Preparedness *preparedness.Desk
	Pages        Pages         // nil: there are none
	Operators    []place.Party // whose administrators operate the service for all
	Heads        *head.Desk
	Operation    Operation              // how the service runs; nil: 404
	Feed         live.Feed              // events as they happen
	ETag         func(seq int64) string // (*ledger.Ledger).ETag

	Now            func() time.Time      // required: the wall clock
	Logger         *slog.Logger          // slog.Default()
	Guard          *guard.Guard          // remembers panics of this process; one of the server's own
	Registerer     prometheus.Registerer // nil: no metrics are kept
	Metrics        http.Handler          // answers /metrics; nil: 404
	MetricsToken   string                // what /metrics asks for; "": it answers this machine alone
	Tracer         trace.TracerProvider  // nil: nothing is traced, at no cost
	Ready          []Check
	TrustedProxies []*net.IPNet // whose X-Forwarded-For and X-Forwarded-Proto are believed; none: nobody's

	Limiter   *limit.Limiter // shared with the pages; nil: one of its own with limit.Defaults
	Drain     time.Duration  // between the begin of Stop and the closing of the listener; 0: none
	BodyLimit int64          // bytes of a request body; 1 MiB
	Timeout   time.Duration  // of one request whose body has been read, streams excepted; 10 s
	Heartbeat time.Duration  // between comments on an event stream; 15 s
}

func (o *Options) defaults() {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Guard == nil {
		o.Guard = guard.New(o.Logger, o.Now)
	}
	if o.BodyLimit == 0 {
		o.BodyLimit = 1 << 20
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Limiter == nil {
		o.Limiter = limit.New(limit.Defaults(), o.Now)
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 15 * time.Second
	}
}

// Server answers the contract, or the probes alone. Create one with New or NewHealth; all methods may be called concurrently.
type Server struct {
	opt      Options
	log      *slog.Logger
	now      func() time.Time
	access   *access.Desk
	incident *incident.Desk
	notify   *notify.Desk
	prepared *preparedness.Desk
	contract *contract
	docs     leaf
	yaml     leaf
	echo     http.Handler
	http     *http.Server
	listener net.Listener
	meter    *meter
	limiter  *limit.Limiter
	tracer   trace.Tracer // nil: off

	stopping context.Context // ends when Stop begins: streams end with it
	stop     context.CancelFunc
	drained  chan struct{} // closed when the listener may be

	mu      sync.Mutex
	started bool
	served  chan struct{} // closed when serving is over
	failure error         // why it ended by itself; read after served
}

// New builds the server and opens its listener, so that a port in use is an error here. Stop it even if it was never started.
func New(opt Options) (*Server, error) {
	s, err := assemble(opt)
	if err != nil {
		return nil, err
	}
	page, err := renderDocs(s.contract)
	if err != nil {
		return nil, err
	}
	if s.docs, err = newLeaf(echo.MIMETextHTMLCharsetUTF8, page); err != nil {
		return nil, err
	}
	if s.yaml, err = newLeaf("application/yaml", api.OpenAPI()); err != nil {
		return nil, err
	}
	e := s.router()
	e.Use(s.observe, s.staying, s.address, s.authenticate, s.moderate, s.body, s.room, s.deadline, s.admission)
	RegisterHandlers(withHead{e}, s)
	return s.open(oneCoding(s.withPages(e)))
}

// assemble makes a server without routes and listener.
func assemble(opt Options) (*Server, error) {
	opt.defaults()
	c, err := loadContract(api.OpenAPI())
	if err != nil {
		return nil, err
	}
	s := &Server{
		opt: opt, log: opt.Logger, now: opt.Now, access: opt.Access, incident: opt.Incidents, notify: opt.Notify, prepared: opt.Preparedness, contract: c,
		limiter: opt.Limiter, served: make(chan struct{}), drained: make(chan struct{}),
	}
	if opt.Tracer != nil {
		s.tracer = opt.Tracer.Tracer(tracerName)
	}
	return s, nil
}

// router makes a router without routes. Errors are answered as problems, and by observe; Echo has nothing to say of its own.
func (s *Server) router() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(discard{})
	e.HTTPErrorHandler = s.fail
	e.IPExtractor = ClientAddress(s.opt.TrustedProxies)
	return e
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// withHead registers HEAD wherever the contract has GET (RFC 9110, section 9.3.2). The HTTP server drops the body.
type withHead struct{ *echo.Echo }

// GET registers both methods.
func (w withHead) GET(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	w.Echo.HEAD(path, h, m...)
	return w.Echo.GET(path, h, m...)
}
