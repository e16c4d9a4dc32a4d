package console_test

import (
	"net/http"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/harness"
)

func TestAnOpenPageIsHintedAtNothingOnceItsSessionHasEnded(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	leaving, losing, staying := w.Account("DMA", "coordinator"), w.Account("ATG", "official"), w.Account("LCA", "official")
	out, lost, on := leaving.Visit("en"), losing.Visit("en"), staying.Visit("en")
	pages := []*harness.Listening{out.Listen("hazard"), lost.Listen("hazard"), on.Listen("hazard")}
	happens := func(name string) {
		w.Admin.Post("/api/v1/hazards", map[string]any{"name": name, "type": "TC", "exercise": true, "started_at": w.Clock.Now().Add(-time.Hour)}).Want(http.StatusCreated)
	}
	happens("Maria")
	for _, page := range pages {
		page.Await(1)
	}
	out.Get("/style").Form("/sign-out").Send().Want(http.StatusOK)
	revoke(w, losing)
	happens("Jose")
	pages[2].Await(2)
	pages[0].AwaitEnd()
	pages[1].AwaitEnd()
	w.Clock.Advance(access.SessionTime)
	happens("Irma")
	pages[2].AwaitEnd()
	for n, want := range []int{1, 1, 2} {
		if hints := pages[n].Hints(); len(hints) != want {
			t.Errorf("page %d was hinted at %q, want %d hints", n, hints, want)
		}
	}
}
