package harness_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/app"
	. "landfall/internal/harness"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

func TestASessionIsGoodAtEveryProcessAndEndsAtEveryProcess(t *testing.T) {
	t.Parallel()
	w := NewInRegion(t)
	doors := w.Doors()
	if len(doors) != 2 {
		t.Fatalf("%d processes answer", len(doors))
	}
	c := w.Account("DMA", "coordinator")
	signIn := func() (here, there *Visitor) {
		here = c.Visit("en").At(doors[0])
		there = here.At(doors[1])
		for _, at := range []*Visitor{here, there} {
			at.Get("/subscriptions").Want(http.StatusOK).Says("Dominica", "Where your alerts go")
		}
		return here, there
	}
	const ended = "Your session has ended"

	here, there := signIn()
	here.Get("/").Form("/sign-out").Send().Want(http.StatusOK).Says("You are signed out.")
	there.Get("/subscriptions").Want(http.StatusOK).Says(ended).Silent("Where your alerts go")

	here, there = signIn()
	page := there.Get("/subscriptions").Listen()
	account := c.Get("/api/v1/me").Want(http.StatusOK).Str("id")
	for _, k := range w.Admin.Get("/api/v1/tokens?account_id=" + account).Want(http.StatusOK).Items() {
		w.Admin.Do(http.MethodDelete, "/api/v1/tokens/"+k["id"].(string), nil, IfMatch("*")).Want(http.StatusNoContent)
	}
	for _, at := range []*Visitor{here, there} {
		at.Get("/subscriptions").Want(http.StatusOK).Says(ended).Silent("Where your alerts go")
	}
	page.AwaitEnd()
}

func TestASessionThatHasEndedIsForgotten(t *testing.T) {
	t.Parallel()
	w := NewOnFolder(t)
	kept := func() int64 {
		s, err := sqlite.OpenReadOnly(t.Context(), filepath.Join(w.Dir, "landfall.db"), app.Kinds(), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		n, err := s.Count(t.Context(), store.Query{Kind: "session", Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	w.Admin.Visit("en")
	w.Clock.Advance(access.SessionTime - time.Minute)
	later := w.Admin.Visit("fr")
	w.Run("sessions")
	if n := kept(); n != 2 {
		t.Errorf("%d sessions are kept, want both", n)
	}
	w.Clock.Advance(time.Minute)
	w.Run("sessions")
	if n := kept(); n != 1 {
		t.Errorf("%d sessions are kept, want the one that goes on", n)
	}
	later.Get("/subscriptions").Want(http.StatusOK)
}
