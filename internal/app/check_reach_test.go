package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"landfall/internal/app"
)

// posted sends a request and gives what was made.
func posted(t *testing.T, a *app.App, token, path, body string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var made map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&made); err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %d %v %v", path, answer.StatusCode, made, err)
	}
	return made
}

func TestCheckNamesWhoIsReachedByNothing(t *testing.T) {
	opt := unscheduled(t.TempDir())
	opt.Now = newClock().now
	a := start(t, opt)
	first := a.FirstToken()
	h := posted(t, a, first, "/api/v1/hazards", `{"name":"Maria","type":"TC","started_at":"2026-09-16T12:00:00Z"}`)
	posted(t, a, first, "/api/v1/incidents", `{"title":"Maria","hazard_id":"`+h["id"].(string)+`","origin":"DMA","receivers":["ATG","LCA"],
		"severity":"severe","occurred_at":"2026-09-18T12:00:00Z"}`)
	account := posted(t, a, first, "/api/v1/accounts", `{"party":"LCA","role":"official","name":"Duty desk"}`)
	token := posted(t, a, first, "/api/v1/tokens", `{"account_id":"`+account["id"].(string)+`","label":"desk"}`)
	posted(t, a, token["secret"].(string), "/api/v1/subscriptions", `{"channel":"webhook","target":"https://hooks.example.org/x"}`)
	stop(t, a)
	var said string
	for _, f := range app.Check(t.Context(), opt) {
		if strings.HasPrefix(f.What, "Nothing can reach") && f.Serious {
			said += f.What
		}
	}
	for _, want := range []string{"Antigua and Barbuda (ATG)", "Dominica (DMA)", "incident DMA-2026-"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q does not name %s", said, want)
		}
	}
	if strings.Contains(said, "LCA") {
		t.Errorf("%q names who has an address", said)
	}
}
