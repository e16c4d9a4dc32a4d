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
