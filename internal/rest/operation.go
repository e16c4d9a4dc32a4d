package rest

import (
	"context"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"landfall/internal/access"
	"landfall/internal/fault"
)

// Operation is how the service runs and how an operator sets it going. Package app implements it.
type Operation interface {
	// Status tells how the service runs, seen from this process.
	Status(ctx context.Context) (OperationStatus, error)
	// Release ends the held state after a restore, in the name of the scope. Releasing what is not held changes nothing. Who may, rest has asked.
	Release(ctx context.Context, scope access.Scope, w access.Write) error
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

// GetMetrics hands over to the metrics handler of the process.
func (s *Server) GetMetrics(c echo.Context) error {
	if s.opt.Metrics == nil {
		return echo.ErrNotFound
	}
	s.opt.Metrics.ServeHTTP(c.Response(), c.Request())
	return nil
}

// GetOperation shows how the service runs.
func (s *Server) GetOperation(c echo.Context) error {
	if err := s.mayOperate(callOf(c).scope, access.RoleAdministrator, access.RoleAuditor); err != nil {
		return err
	}
	return s.showOperation(c)
}

// ReleaseOperation ends the held state.
func (s *Server) ReleaseOperation(c echo.Context, _ ReleaseOperationParams) error {
	k := callOf(c)
	if err := s.mayOperate(k.scope, access.RoleAdministrator); err != nil {
		return err
	}
	if err := s.opt.Operation.Release(c.Request().Context(), k.scope, k.write); err != nil {
		return err
	}
	return s.showOperation(c)
}

// mayOperate refuses who is neither the first account nor of one of the roles. That there is a service is no secret, so it is Forbidden and not absent.
func (s *Server) mayOperate(scope access.Scope, roles ...access.Role) error {
	switch {
	case s.opt.Operation == nil:
		return echo.ErrNotFound
	case scope.All || slices.Contains(roles, scope.Role):
		return nil
	default:
		return fault.New(fault.Forbidden, "operators_only", "Only who operates the service may: administrators, and auditors to read.")
	}
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
	return v
}
