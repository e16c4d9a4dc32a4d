package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"landfall/internal/store"
)

// counted is a store of which only the pending commits are asked for.
type counted struct {
	store.Ledger
	asked atomic.Int64
}

func (c *counted) PendingStats(context.Context) (int64, time.Time, error) {
	return c.asked.Add(1), time.Time{}, nil
}

func TestWhatWaitsIsReadOnceASecondHoweverOftenItIsAskedFor(t *testing.T) {
	t.Parallel()
	st, now := &counted{}, time.Date(2026, 9, 18, 12, 0, 0, 0, time.UTC)
	unread := func(context.Context) (time.Time, error) { return time.Time{}, errors.New("cannot be read") }
	q := &queues{
		store: st, now: func() time.Time { return now }, oldest: unread, due: unread, inHand: func() int { return 3 },
		circuits: func(context.Context) (int64, error) { return 1, nil },
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "failures"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(q)
	for _, step := range []struct {
		pass time.Duration
		read float64
	}{{0, 1}, {999 * time.Millisecond, 1}, {time.Millisecond, 2}, {0, 2}, {-time.Hour, 3}} {
		now = now.Add(step.pass)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			got := f.GetMetric()[0].GetGauge().GetValue()
			switch want := map[string]float64{"landfall_pending_commits": step.read, "landfall_relay_commits": 3}[f.GetName()]; {
			case want != 0 && got != want:
				t.Errorf("after %s more: %s is %v, want %v", step.pass, f.GetName(), got, want)
			case f.GetName() == "failures" && f.GetMetric()[0].GetCounter().GetValue() != 2*step.read:
				t.Errorf("after %s more: %v failures", step.pass, f.GetMetric()[0].GetCounter().GetValue())
			}
		}
	}
}
