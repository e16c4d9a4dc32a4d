package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// GetHealth says that the process is alive, and nothing more.
func (s *Server) GetHealth(c echo.Context) error {
	return c.JSON(http.StatusOK, Health{Status: HealthStatusAlive})
}

// GetReadiness runs every check. One that fails makes the process not ready and says why.
func (s *Server) GetReadiness(c echo.Context) error {
	answer := Readiness{Ready: true, Checks: make(map[string]string, len(s.opt.Ready))}
	for _, check := range s.opt.Ready {
		answer.Checks[check.Name] = "ok"
		if err := check.Run(c.Request().Context()); err != nil {
			answer.Ready = false
			answer.Checks[check.Name] = cut(faultOf(err).Detail, pointerMax)
		}
	}
	if !answer.Ready {
		return c.JSON(http.StatusServiceUnavailable, answer)
	}
	return c.JSON(http.StatusOK, answer)
}

// GetMetrics hands over to the metrics handler of the process.
func (s *Server) GetMetrics(c echo.Context) error {
	if s.opt.Metrics == nil {
		return echo.ErrNotFound
	}
	s.opt.Metrics.ServeHTTP(c.Response(), c.Request())
	return nil
}
