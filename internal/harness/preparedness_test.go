package harness_test

import (
	"net/http"
	"testing"

	"landfall/internal/harness"
)

func TestUnitsAreVerifiedAndRebuiltLikeEverythingElse(t *testing.T) {
	w := harness.NewOnFolder(t)
	liaison := w.Account("LCA", "liaison")
	id := liaison.Post("/api/v1/preparedness/units", harness.Object{"kind": "property", "name": "Bay hotel A", "rooms": 120}).Want(http.StatusCreated).Str("id")
	w.Verify()
	w.Halt()
	w.Rebuild()
	w.Boot()
	if got := liaison.Get("/api/v1/preparedness/units").Want(http.StatusOK).Items(); len(got) != 1 || got[0]["id"] != id {
		t.Errorf("after a rebuild there are %v", got)
	}
	w.Verify()
}
