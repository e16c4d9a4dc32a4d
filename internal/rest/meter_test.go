package rest

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"landfall/api"
)

// A scrape comes every few seconds, over whatever line there is.
func TestTheMetricsOfAllOperationsStaySmall(t *testing.T) {
	t.Parallel()
	c, err := loadContract(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	m, err := newMeter(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range c.operations {
		for _, status := range []int{200, 400, 401, 404, 429} {
			m.answered(op.method, &call{op: op}, status, 1234, 7*time.Millisecond)
		}
	}
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	const budget = 80 << 10
	if n := answer.Body.Len(); n > budget {
		t.Errorf("%d bytes for %d operations, want %d at most", n, len(c.operations), budget)
	} else {
		t.Logf("%d bytes for %d operations", n, len(c.operations))
	}
}
