package guard_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"landfall/internal/fault"
	"landfall/internal/guard"
)

func TestAPanicIsAnErrorAndIsRemembered(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	g := guard.New(slog.New(slog.DiscardHandler), func() time.Time { return at })
	own := errors.New("own")
	if err := g.Do("well", func() error { return own }); !errors.Is(err, own) || g.Panics().Count != 0 {
		t.Errorf("an error became %v with %+v", err, g.Panics())
	}
	err := g.Do("deciding", func() error { panic("no such step") })
	if fault.CodeOf(err) != "panic" || !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "guard_test.go") {
		t.Errorf("a panic became %v, without the place it happened at", err)
	}
	if p := g.Panics(); p != (guard.Panics{Count: 1, Last: at, Where: "deciding"}) {
		t.Errorf("remembered: %+v", p)
	}
}

func TestALoopGoesOnAfterAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := guard.New(slog.New(slog.DiscardHandler), time.Now)
		calls := 0
		g.Keep(t.Context(), "a loop", func() {
			if calls++; calls < 3 {
				panic(calls)
			}
		})
		if calls != 3 || g.Panics().Count != 2 {
			t.Errorf("%d calls, %d panics", calls, g.Panics().Count)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		g.Keep(ended, "a loop", func() { panic("always") }) // returns
	})
}

func TestWhatFailsAgainAndAgainIsSetAside(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	began := now
	g := guard.New(slog.New(slog.DiscardHandler), func() time.Time { return now })
	for n, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if len(g.SetAside()) != 0 {
			t.Fatalf("set aside after %d failures: %+v", n, g.SetAside())
		}
		g.Fails("incident/1", errors.New("it does not fold"))
		if now = now.Add(pause - 1); !g.Leaves("incident/1") || g.Leaves("incident/2") {
			t.Errorf("after %d failures the pause is shorter than %s, or others pause too", n+1, pause)
		}
		if now = now.Add(1); g.Leaves("incident/1") {
			t.Errorf("after %d failures the pause is longer than %s", n+1, pause)
		}
	}
	if list := g.SetAside(); len(list) != 1 || list[0].Subject != "incident/1" || !list[0].Since.Equal(began) {
		t.Fatalf("set aside: %+v", list)
	}
	for range 100 {
		g.Fails("incident/1", errors.New("it does not fold"))
	}
	if now = now.Add(5 * time.Minute); g.Leaves("incident/1") {
		t.Error("the pause grew beyond 5 minutes")
	}
	g.Fails("incident/1", errors.New("it does not fold"))
	if now = now.Add(-time.Hour); g.Leaves("incident/1") {
		t.Error("a clock that was set back lengthened the pause")
	}
	g.Works("incident/1")
	if g.Leaves("incident/1") || len(g.SetAside()) != 0 {
		t.Error("what works again is still set aside")
	}
}
