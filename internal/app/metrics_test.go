package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"landfall/internal/ledger"
)

func TestMetricsAreGatheredOnceASecondHoweverOftenTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	now := time.Date(2026, 9, 18, 12, 0, 0, 0, time.UTC)
	unread := func(context.Context) (time.Time, error) { return time.Time{}, errors.New("cannot be read") }
	q := &queues{
		owed: func(context.Context, ledger.Work) (int64, time.Time, error) { return asked.Add(1), time.Time{}, nil },
		now:  func() time.Time { return now }, oldest: unread, due: unread, inHand: func() int { return 3 },
		circuits: func(context.Context) (int64, error) { return 1, nil },
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "failures"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(q)
	metrics := newExposition(registry, time.Second, q.now)
	for _, step := range []struct {
		pass time.Duration
		read float64
	}{{0, 1}, {999 * time.Millisecond, 1}, {time.Millisecond, 2}, {0, 2}, {-time.Hour, 3}} {
		now = now.Add(step.pass)
		answer := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
		request.Header.Set("Accept-Encoding", "gzip")
		metrics.ServeHTTP(answer, request)
		text := answer.Body.String()
		for name, want := range map[string]float64{
			`landfall_pending_commits{debt="documents"}`: 2*step.read - 1, `landfall_pending_commits{debt="notices"}`: 2 * step.read, "landfall_relay_commits": 3, "failures": 2 * step.read,
		} {
			if line := fmt.Sprintf("\n%s %v\n", name, want); !strings.Contains(text, line) {
				t.Errorf("after %s more: no %q in\n%s", step.pass, line, text)
			}
		}
		kind := answer.Header().Get("Content-Type")
		if answer.Code != http.StatusOK || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
			t.Errorf("answered %d, %s", answer.Code, kind)
		}
	}
}
