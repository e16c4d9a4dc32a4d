package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"landfall/internal/app"
)

// Both desks ask about what lies further away than the operator allows.
func TestTheOperatorSaysHowFarATimeMayLie(t *testing.T) {
	t.Parallel()
	opt := unscheduled(t.TempDir())
	opt.Plausible = 2 * time.Hour
	a := start(t, opt)
	post := func(path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+a.FirstToken())
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		return w
	}
	hazard := func(age time.Duration) *httptest.ResponseRecorder {
		at := time.Now().Add(-age).UTC().Format(time.RFC3339)
		return post("/api/v1/hazards", fmt.Sprintf(`{"name":"Maria","type":"TC","started_at":%q}`, at))
	}
	if w := hazard(time.Hour); w.Code != http.StatusCreated {
		t.Errorf("an hour ago: %d %s", w.Code, w.Body)
	}
	if w := hazard(3 * time.Hour); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "/started_at") {
		t.Errorf("three hours ago: %d %s", w.Code, w.Body)
	}
	unit := post("/api/v1/preparedness/units", `{"party":"ATG","kind":"property","name":"Palmhaven","rooms":20}`)
	_, id, _ := strings.Cut(unit.Body.String(), `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	at := time.Now().Add(-3 * time.Hour).UTC().Format(time.RFC3339)
	count := fmt.Sprintf(`{"as_of":%q,"counts":[{"nationality":"GBR","setting":"hotel","number":4}]}`, at)
	if w := post("/api/v1/preparedness/units/"+id+"/caseload", count); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "/as_of") {
		t.Errorf("visitors three hours ago: %d %s", w.Code, w.Body)
	}
	opt.Plausible = -time.Hour
	found := app.Check(t.Context(), opt)
	if len(found) != 1 || !strings.Contains(found[0].What, "--plausible-within") {
		t.Errorf("less than nothing: %+v", found)
	}
}
