package watch

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

// fromAhead is a schedule as it looks to a cron whose clock was a day ahead when it worked out the next time, and is right now.
type fromAhead struct{ asked atomic.Int64 }

func (s *fromAhead) Next(t time.Time) time.Time {
	if s.asked.Add(1) == 1 {
		return t.Add(24 * time.Hour)
	}
	return t.Add(time.Second)
}

func TestAClockSetBackDelaysNoJob(t *testing.T) {
	start := time.Date(2026, 9, 16, 13, 0, 0, 0, time.UTC)
	var ahead atomic.Int64
	ahead.Store(int64(24 * time.Hour))
	ran := make(chan struct{}, 100)
	w := New([]Job{{Name: "due", Every: time.Second, Run: func(context.Context, time.Time) error {
		ran <- struct{}{}
		return nil
	}}}, Options{Now: func() time.Time { return start.Add(time.Duration(ahead.Load())) }, Logger: slog.New(slog.DiscardHandler)})
	w.schedule = func(Job) cron.Schedule { return new(fromAhead) }
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop(t.Context())
	ahead.Store(0)
	for range 2 {
		select {
		case <-ran:
		case <-time.After(30 * time.Second):
			t.Fatal("the job waits for the time by the clock that was wrong")
		}
	}
}
