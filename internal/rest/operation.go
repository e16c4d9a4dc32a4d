package rest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"

	"github.com/labstack/echo/v4"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/place"
)

// Operation is how the service runs and how an operator sets it going. Package app implements it.
type Operation interface {
	// Status tells how the service runs, seen from this process.
	Status(ctx context.Context) (OperationStatus, error)
	// Release ends the held state after a restore, in the name of the scope. Releasing what is not held changes nothing. Who may, rest has asked.
	Release(ctx context.Context, scope access.Scope, w access.Write) error
	// Retry takes up again what is set aside of a stream, in the name of the scope. When nothing of
	// it is set aside, nothing changes. NotFound when there is no such stream. Who may, rest has
	// asked.
	Retry(ctx context.Context, scope access.Scope, stream string) error
}

// GetHealth says that the process is alive, and nothing more.
func (s *Server) GetHealth(c echo.Context) error {
	return c.JSON(http.StatusOK, Health{Status: HealthStatusAlive})
}

// GetReadiness runs every check. One that fails makes the process not ready and says why. A process that stops is not ready, whatever its checks say.
func (s *Server) GetReadiness(c echo.Context) error {
	answer := Readiness{Ready: true, Checks: make(map[string]string, len(s.opt.Ready))}
	if s.stopping.Err() != nil {
		answer.Ready, answer.Checks["process"] = false, "stopping"
		return unready(c, answer)
	}
	for _, check := range s.opt.Ready {
		answer.Checks[check.Name] = "ok"
		if err := check.Run(c.Request().Context()); err != nil {
			answer.Ready = false
			answer.Checks[check.Name] = cut(faultOf(err).Detail, pointerMax)
		}
	}
	if !answer.Ready {
		return unready(c, answer)
	}
	return c.JSON(http.StatusOK, answer)
}

func unready(c echo.Context, answer Readiness) error {
	c.Response().Header().Set(echo.HeaderRetryAfter, inSeconds(retrySoon))
	return c.JSON(http.StatusServiceUnavailable, answer)
}

// GetMetrics hands over to the metrics handler of the process, for whoever may read them.
func (s *Server) GetMetrics(c echo.Context) error {
	if s.opt.Metrics == nil {
		return echo.ErrNotFound
	}
	if err := s.mayMeasure(c.Request()); err != nil {
		return err
	}
	s.opt.Metrics.ServeHTTP(c.Response(), c.Request())
	return nil
}

// mayMeasure refuses who may not read the metrics, since they tell strangers how much happens, and
// cost something: with a token for metrics whoever does not show it, without one whoever does not
// ask from this machine itself. What came through a proxy did not, wherever the proxy is.
func (s *Server) mayMeasure(r *http.Request) error {
	if want := s.opt.MetricsToken; want != "" {
		got, wanted := sha256.Sum256([]byte(bearer(r.Header))), sha256.Sum256([]byte(want))
		if subtle.ConstantTimeCompare(got[:], wanted[:]) == 1 {
			return nil
		}
		return fault.New(fault.Unauthenticated, "metrics_token", "Show the token for metrics: Authorization: Bearer <token>.")
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	forwarded := slices.ContainsFunc([]string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"}, func(name string) bool {
		return r.Header.Get(name) != ""
	})
	if err != nil || forwarded || !from.Addr().Unmap().IsLoopback() {
		return fault.New(fault.Forbidden, "metrics_local", "Without --metrics-token, metrics are for this machine only.")
	}
	return nil
}

// GetOperation shows how the service runs.
func (s *Server) GetOperation(c echo.Context) error {
	scope := callOf(c).scope
	if s.opt.Operation == nil {
		return echo.ErrNotFound
	}
	if !scope.May(access.ReadService, access.Thing{}) {
		return access.Refusal(access.ReadService, access.Thing{})
	}
	return s.showOperation(c)
}

// ReleaseOperation ends the held state.
func (s *Server) ReleaseOperation(c echo.Context, _ ReleaseOperationParams) error {
	k := callOf(c)
	if s.opt.Operation == nil {
		return echo.ErrNotFound
	}
	if !s.operates(k.scope, access.ReleaseService) {
		return access.Refusal(access.ReleaseService, access.Thing{})
	}
	if err := s.opt.Operation.Release(c.Request().Context(), k.scope, k.write); err != nil {
		return err
	}
	return s.showOperation(c)
}

// RetryStream takes up again what is set aside of a stream.
func (s *Server) RetryStream(c echo.Context, _ RetryStreamParams) error {
	if s.opt.Operation == nil {
		return echo.ErrNotFound
	}
	scope := callOf(c).scope
	if !s.operates(scope, access.RetryStream) {
		return access.Refusal(access.RetryStream, access.Thing{})
	}
	in, err := read[StreamRetry](c)
	if err != nil {
		return err
	}
	if err := s.opt.Operation.Retry(c.Request().Context(), scope, in.Stream); err != nil {
		return err
	}
	return s.showOperation(c)
}

// operates reports whether the scope operates the service for all states: the first account, and
// administrators of the parties that were named as operators. That there is a service is no secret,
// so who does not is Forbidden, and not told that it is absent.
func (s *Server) operates(scope access.Scope, act access.Act) bool {
	return scope.All || slices.ContainsFunc(s.opt.Operators, func(p place.Party) bool {
		return scope.May(act, access.Thing{Owner: p})
	})
}

func (s *Server) showOperation(c echo.Context) error {
	status, err := s.opt.Operation.Status(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, whole(status))
}

// whole gives the status as the contract has it: lists are there, times are in UTC.
func whole(v OperationStatus) OperationStatus {
	v.Roles = append([]ProcessRole{}, v.Roles...)
	v.Processes = each(v.Processes, func(p RunningProcess) RunningProcess {
		p.Roles, p.Since, p.LastSeen = append([]ProcessRole{}, p.Roles...), p.Since.UTC(), p.LastSeen.UTC()
		return p
	})
	v.Alarms = each(v.Alarms, func(a OperatorAlarm) OperatorAlarm {
		a.Since = a.Since.UTC()
		return a
	})
	v.SetAside = each(v.SetAside, func(a StreamAside) StreamAside {
		a.Since, a.Again = a.Since.UTC(), a.Again.UTC()
		return a
	})
	return v
}
