package app_test

import (
	"net/http"
	"testing"
	"time"

	"landfall/internal/app"
)

func TestTheFurtherMessagesAreBehindTheLongerAChangeWaits(t *testing.T) {
	t.Parallel()
	for behind, want := range map[time.Duration]time.Duration{
		0: 0, 200 * time.Millisecond: 0, 500 * time.Millisecond: 125 * time.Millisecond, 800 * time.Millisecond: 250 * time.Millisecond, time.Hour: 250 * time.Millisecond,
	} {
		if got := app.PaceOf(behind); got != want {
			t.Errorf("behind by %s a change waits %s, want %s", behind, got, want)
		}
	}
}

// Of a change that waits somebody is told later; who is asked to come, or has come, waits for
// nobody.
func TestAcknowledgementsAnswersAndArrivalsNeverWait(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	official := s.caller("official", "ATG")
	full := s.share(t, "full")
	alert := "/api/v1/alerts/" + s.alerted(t, "alert")["alert_id"]
	at := "/api/v1/incidents/" + full["incident_id"]
	boat := at + "/movements/" + full["movement_id"]
	s.made(t, s.first, boat+"/depart", "")
	waited := s.app.Behind(time.Hour)
	for _, c := range []struct {
		who                *caller
		method, path, body string
		waits              bool
	}{
		{official, "POST", at + "/figures", figureOf(99), true},
		{official, "POST", alert + "/acknowledge", `{"outcome":"received"}`, false},
		{official, "POST", alert + "/correct", `{"outcome":"question","reason":"Pressed too soon."}`, false},
		{official, "POST", at + "/answers", `{"kind":"decline"}`, false},
		{official, "POST", boat + "/arrive", `{"people":{"total":3}}`, false},
		{official, "POST", boat + "/correct", `{"reason":"Counted again","came":{"total":4}}`, false},
		{s.first, "POST", boat + "/correct", `{"reason":"Counted again","people":{"total":4}}`, true},
	} {
		before := waited()
		if h := s.ask(c.who, c.method, c.path, c.body); h.status/100 != http.StatusOK/100 {
			t.Errorf("%s: %d %s", c.path, h.status, h.body)
		}
		if got := waited() > before; got != c.waits {
			t.Errorf("%s as %s: waited %t, want %t", c.path, c.who, got, c.waits)
		}
	}
}
