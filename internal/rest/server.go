// Package rest is Landfall's HTTP interface for machines: the contract of api/openapi.yaml on Echo.
//
// A request goes through these stations, and the first that refuses it answers with a problem (RFC 9457):
//
//	observe ▶ capacity ▶ deadline ▶ authenticate ▶ parameters ▶ gate ▶ contract ▶ handler ▶ one Desk call
//	request id, log,    503       10 s   bearer → Scope  query, path  strict JSON  schema    read, check,
//	metrics, panics                                                                         call, answer
//
// What it promises: nothing reaches a desk that the contract does not allow; a repeat with the same Idempotency-Key is answered as the first
// time; an error tells a client what to mend and nothing about our inside; answers follow the contract (the tests hold every one
// against it). What it refuses: rules of the field. Those are the nouns', and so is every question of who may see what: a handler
// hands over the Scope and shows what it is given.
//
// Handlers have four steps: read, check, one Desk call, answer.
package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"landfall/api"
	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/notify"
)

// Check is one thing that must be well before the process is ready. Run gives what is wrong in words fit for the open.
type Check struct {
	Name string
	Run  func(context.Context) error
}

// Options configure a Server. A zero value takes the default named with it.
type Options struct {
	Listen string      // host:port; "" means no listener, for use through Handler only
	TLS    *tls.Config // nil: plain HTTP

	Access    *access.Desk
	Incidents *incident.Desk
	Notify    *notify.Desk
	Feed      Feed                   // events as they happen
	ETag      func(seq int64) string // (*ledger.Ledger).ETag

	Now            func() time.Time      // required: the wall clock
	Logger         *slog.Logger          // slog.Default()
	Registerer     prometheus.Registerer // nil: no metrics are kept
	Metrics        http.Handler          // answers /metrics; nil: 404
	Ready          []Check
	TrustedProxies []*net.IPNet // whose X-Forwarded-For is believed; none: nobody's

	BodyLimit     int64         // bytes of a request body; 1 MiB
	Timeout       time.Duration // of one request, streams excepted; 10 s
	MaxConcurrent int           // requests at once, streams excepted; 512
	MaxStreams    int           // event streams at once; 1024
	Heartbeat     time.Duration // between comments on an event stream; 15 s
}

func (o *Options) defaults() {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.BodyLimit == 0 {
		o.BodyLimit = 1 << 20
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = 512
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = 1024
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 15 * time.Second
	}
}

// Server answers the contract. Create one with New; all methods may be called concurrently.
type Server struct {
	opt      Options
	log      *slog.Logger
	now      func() time.Time
	access   *access.Desk
	incident *incident.Desk
	notify   *notify.Desk
	contract *contract
	docs     leaf
	yaml     leaf
	echo     *echo.Echo
	http     *http.Server
	listener net.Listener
	meter    *meter
	slots    chan struct{}
	streams  chan struct{}

	stopping context.Context // ends when Stop begins: streams end with it
	stop     context.CancelFunc

	mu      sync.Mutex
	started bool
	served  chan struct{} // closed when serving is over
	failure error         // why it ended by itself; read after served
}

// Times of the HTTP server. A client that sends or takes its bytes slower than this is let go.
const (
	headerTime = 5 * time.Second
	readTime   = 15 * time.Second
	writeTime  = 30 * time.Second
	idleTime   = 2 * time.Minute
)

// New builds the server and opens its listener, so that a port in use is an error here. Stop it even if it was never started.
func New(opt Options) (*Server, error) {
	opt.defaults()
	c, err := loadContract(api.OpenAPI)
	if err != nil {
		return nil, err
	}
	page, err := renderDocs(c)
	if err != nil {
		return nil, err
	}
	docs, err := newLeaf(echo.MIMETextHTMLCharsetUTF8, page)
	if err != nil {
		return nil, err
	}
	yaml, err := newLeaf("application/yaml", api.OpenAPI)
	if err != nil {
		return nil, err
	}
	s := &Server{
		opt: opt, log: opt.Logger, now: opt.Now, access: opt.Access, incident: opt.Incidents, notify: opt.Notify,
		contract: c, docs: docs, yaml: yaml, slots: make(chan struct{}, opt.MaxConcurrent), streams: make(chan struct{}, opt.MaxStreams),
		served: make(chan struct{}),
	}
	if s.meter, err = newMeter(opt.Registerer); err != nil {
		return nil, err
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.echo = s.routes()
	s.http = &http.Server{
		Handler: s.echo, TLSConfig: opt.TLS, ErrorLog: slog.NewLogLogger(opt.Logger.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: 32 << 10,
	}
	if opt.Listen != "" {
		if s.listener, err = new(net.ListenConfig).Listen(s.stopping, "tcp", opt.Listen); err != nil {
			s.stop()
			return nil, fmt.Errorf("listen on %s: %w", opt.Listen, err)
		}
		if opt.TLS != nil {
			s.listener = tls.NewListener(s.listener, opt.TLS)
		}
	}
	return s, nil
}

// Handler gives the whole interface for a server of somebody else.
func (s *Server) Handler() http.Handler { return s.echo }

// Addr gives the address the server listens on, "" without a listener.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

var errStarted = errors.New("rest: started or stopped before")

// Start begins to answer. It returns at once; Done tells when serving ends by itself.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.started || s.stopping.Err() != nil:
		return errStarted
	case s.listener == nil:
		return errors.New("rest: no listener")
	}
	s.started = true
	go func() {
		defer close(s.served)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failure = fmt.Errorf("serve on %s: %w", s.listener.Addr(), err)
		}
	}()
	return nil
}

// Done is closed when serving is over; Err then says why, nil after Stop.
func (s *Server) Done() <-chan struct{} { return s.served }

// Err gives why serving ended by itself. Call it after Done.
func (s *Server) Err() error {
	select {
	case <-s.served:
		return s.failure
	default:
		return nil
	}
}

// Stop closes the listener, ends event streams, waits for requests in flight and returns. When ctx ends first the connections are cut. It may be called
// at any time and more than once.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stop()
	started := s.started
	s.mu.Unlock()
	if s.listener != nil && !started {
		return s.closeListener()
	}
	if !started {
		return nil
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop serving: %w", context.Cause(ctx)), s.http.Close())
	}
	<-s.served
	return err
}

func (s *Server) closeListener() error {
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// routes builds the router: stations first, then every operation of the contract.
func (s *Server) routes() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(discard{})
	e.HTTPErrorHandler = s.fail
	e.IPExtractor = clientAddress(s.opt.TrustedProxies)
	e.Use(s.observe, s.capacity, s.deadline, s.authenticate, s.admission)
	RegisterHandlers(withHead{e}, s)
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

// clientAddress gives the address of the peer, or, when the peer is a trusted proxy, the one it forwards for.
func clientAddress(proxies []*net.IPNet) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		trust = append(trust, echo.TrustIPRange(p))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
