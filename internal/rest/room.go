package rest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"landfall/internal/fault"
	"landfall/internal/limit"
)

// holding calls next while it has what take took.
func holding(back func(), err error, c echo.Context, next echo.HandlerFunc) error {
	if err != nil {
		return err
	}
	defer back()
	return next(c)
}

// pool gives what a request is counted in.
func (s *Server) pool(k *call) *limit.Pool {
	if k.op != nil && k.op.stream {
		return s.limiter.Streams
	}
	return s.limiter.Requests
}

// address takes one of the share of the address that asks, for as long as the request lasts. Probes
// always pass.
func (s *Server) address(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		k := callOf(c)
		if k.op != nil && k.op.probe {
			return next(c)
		}
		back, err := s.pool(k).Address(c.RealIP(), k.urgent())
		if err != nil {
			s.hangUp(c)
		}
		return holding(back, err, c, next)
	}
}

// authenticate turns the bearer token into a Scope. It runs before anything of the request's
// content is read.
func (s *Server) authenticate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		k := callOf(c)
		if k.op == nil || k.op.public {
			return next(c)
		}
		// No slot is held yet, so the look-up has a deadline of its own.
		ctx, cancel := context.WithTimeout(c.Request().Context(), s.opt.Timeout)
		defer cancel()
		secret := bearer(c.Request().Header)
		if secret == "" {
			_, err := s.access.Authenticate(ctx, "")
			return err // costs nothing, so nobody counts it
		}
		err := s.limiter.Brake.Try(c.RealIP(), secret, func() (err error) {
			k.scope, err = s.access.Authenticate(ctx, secret)
			return err
		})
		if err != nil {
			return err
		}
		k.secret = secret
		return next(c)
	}
}

// moderate takes one of the share of the account, and refuses what it asks too often. The pages,
// which find out by themselves who asks, do the same.
func (s *Server) moderate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		k := callOf(c)
		if k.op == nil || k.op.public {
			return next(c)
		}
		if err := s.limiter.Ask(k.scope.Account, k.urgent()); err != nil {
			return err
		}
		back, err := s.pool(k).Account(k.scope.Account, k.urgent())
		if err != nil {
			s.hangUp(c)
		}
		return holding(back, err, c, next)
	}
}

// body reads what is sent to its end, before the request takes a slot from anybody. A client that
// takes longer than limit.Limits.BodySeconds for it is let go.
func (s *Server) body(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
			return next(c)
		}
		if r.ContentLength > s.opt.BodyLimit {
			c.Response().Header().Set(echo.HeaderConnection, "close")
			return &http.MaxBytesError{Limit: s.opt.BodyLimit}
		}
		k := callOf(c)
		var err error
		if k.body, err = s.readBody(c, k); err != nil {
			return err
		}
		// From here on the client has nothing to send, so nothing cuts its request short but its
		// own deadline.
		_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Time{})
		r.Body = io.NopCloser(bytes.NewReader(k.body)) // for the pages
		return next(c)
	}
}

// readBody reads a body while it has one of the shares of those who send one.
func (s *Server) readBody(c echo.Context, k *call) ([]byte, error) {
	var held []func()
	defer func() {
		for _, back := range held {
			back()
		}
	}()
	for _, take := range []func() (func(), error){
		func() (func(), error) { return s.limiter.Bodies.Address(c.RealIP(), k.urgent()) },
		func() (func(), error) { return s.limiter.Bodies.Account(k.scope.Account, k.urgent()) },
		func() (func(), error) { return s.limiter.Bodies.One(k.urgent()) },
	} {
		back, err := take()
		if err != nil {
			s.hangUp(c)
			return nil, err
		}
		held = append(held, back)
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, s.opt.BodyLimit))
	if err != nil {
		return nil, unreadable(err)
	}
	return body, nil
}

// hangUp ends the connection with the answer and reads nothing more of it: what a client that is
// refused is still sending would hold the connection until the deadline.
func (s *Server) hangUp(c echo.Context) {
	if r := c.Request(); r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	c.Response().Header().Set(echo.HeaderConnection, "close")
	_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Unix(1, 0))
}

// unreadable says why a body could not be read to its end.
func unreadable(err error) error {
	if faultOf(err).Kind != fault.Internal {
		return err
	}
	return fault.Wrap(err, fault.Invalid, "body_unreadable", "The body could not be read to its end.")
}

// room takes one of the slots that all share. Documents and probes always pass.
func (s *Server) room(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		k := callOf(c)
		if k.op != nil && k.op.public {
			return next(c)
		}
		back, err := s.pool(k).One(k.urgent())
		return holding(back, err, c, next)
	}
}

// urgent reports whether the request cannot wait, so that it may take what is kept: an
// acknowledgement, an arrival or an answer.
func (k *call) urgent() bool { return k.op != nil && k.op.urgent }
