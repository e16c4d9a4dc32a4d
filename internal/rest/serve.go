package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"landfall/internal/fault"
)

// Times of the HTTP server. A client that sends or takes its bytes slower than this is let go.
const (
	headerTime = 5 * time.Second
	writeTime  = 30 * time.Second
	idleTime   = 2 * time.Minute
)

// open makes the HTTP server and its listener. When that fails nothing is left open.
func (s *Server) open(e http.Handler) (_ *Server, err error) {
	s.echo = e
	var secured *tls.Config
	if s.opt.TLS != nil {
		if secured, err = serverTLS(s.opt.TLS); err != nil {
			return nil, err
		}
	}
	if s.meter, err = newMeter(s.opt.Registerer); err != nil {
		return nil, err
	}
	s.limiter.Count(s.meter.refused)
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler: e, TLSConfig: secured, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: headerTime, ReadTimeout: s.limiter.Limits.BodyTime(), WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: 32 << 10,
	}
	if s.opt.Listen == "" {
		return s, nil
	}
	if s.listener, err = new(net.ListenConfig).Listen(s.stopping, "tcp", s.opt.Listen); err != nil {
		s.stop()
		return nil, fmt.Errorf("listen on %s: %w", s.opt.Listen, err)
	}
	s.listener = s.limiter.Listener(s.listener, s.fromProxy)
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
		if err := s.opt.Guard.Do("the HTTP server", s.serve); !errors.Is(err, http.ErrServerClosed) {
			s.failure = fmt.Errorf("serve on %s: %w", s.listener.Addr(), err)
		}
	}()
	return nil
}

func (s *Server) serve() error {
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(s.listener, "", "") // the certificate is in the configuration
	}
	return s.http.Serve(s.listener)
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

// Stop ends event streams, answers new requests with 503 for Options.Drain, closes the listener, waits for requests in flight and returns. When ctx ends
// first, the time of draining is cut short and connections are cut; give it more than Drain. It may be called at any time and more than once.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	if s.stopping.Err() == nil {
		s.stop()
		if s.started && s.opt.Drain > 0 {
			time.AfterFunc(s.opt.Drain, func() { close(s.drained) })
		} else {
			close(s.drained)
		}
	}
	started := s.started
	s.mu.Unlock()
	if s.listener != nil && !started {
		return s.closeListener()
	}
	if !started {
		return nil
	}
	select {
	case <-s.drained:
	case <-s.served: // it ended by itself, or by another who stopped it
	case <-ctx.Done():
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

// staying refuses new requests once the server stops. Probes are answered to the end.
func (s *Server) staying(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if k := callOf(c); s.stopping.Err() == nil || k.op != nil && k.op.probe {
			return next(c)
		}
		// What the client is still sending is read first: else it could meet a closed connection before it reads the answer.
		_, _ = io.Copy(io.Discard, http.MaxBytesReader(c.Response(), c.Request().Body, s.opt.BodyLimit))
		f := fault.New(fault.Unavailable, "stopping", "This process is stopping. Ask again, and another one answers.")
		f.RetryAfter = retrySoon
		return f
	}
}

// partFrom has a connection end with the answer whose header this is, once the server stops: the client opens its next one elsewhere.
func (s *Server) partFrom(h http.Header) {
	if s.stopping.Err() != nil {
		h.Set(echo.HeaderConnection, "close")
	}
}
