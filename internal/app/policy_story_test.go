package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/head"
)

// listened gives one account of each role and relation a subscription of each channel, from the beginning, and lets the subscriptions of one
// receiver fail for days.
func (s *stage) listened(t testing.TB, out *waysOut) {
	for _, of := range [][2]string{
		{"coordinator", "DMA"}, {"liaison", "DMA"}, {"official", "ATG"}, {"liaison", "ATG"}, {"administrator", "ATG"}, {"coordinator", "KNA"},
		{"coordinator", "LCA"}, {"official", "GRD"}, {"coordinator", "ATG-BARBUDA"}, {"regional_officer", "ORG-CDEMA"}, {"regional_officer", "ORG-IOM"},
	} {
		out.subscribe(t, s, s.caller(of[0], of[1]))
	}
	s.early = map[string]bool{string(head.Stream): true} // signed at the start
	s.began = s.firstEvent(t)
	s.lapsed(t, out)
}

// lapsed has a subscription disabled, because its receiver failed for five days, and enabled again, and another one expire.
func (s *stage) lapsed(t testing.TB, out *waysOut) {
	t.Helper()
	const mine = "/api/v1/subscriptions"
	official := s.caller("official", "ATG")
	out.hooks.answer("/failing", http.StatusServiceUnavailable)
	out.hooks.answer("/gone", http.StatusGone)
	only := func(path, kind string) string {
		body := fmt.Sprintf(`{"channel":"webhook","target":%q,"filter":{"kinds":[%q]}}`, out.url+path, kind)
		return s.made(t, official, mine, body).text("id")
	}
	only("/gone", "incident.released") // what dies there is told to those who may read how their party is told of things
	id := only("/failing", "unit.retired")
	s.made(t, official, mine, fmt.Sprintf(`{"channel":"webhook","target":%q,"expires_at":%q}`, out.url+"/expiring", noon.Add(-time.Hour).Format(time.RFC3339)))
	for day := range 5 {
		s.moveTo(noon.Add(-6*24*time.Hour - 4*time.Hour + time.Duration(day)*30*time.Hour))
		test := s.made(t, official, mine+"/"+id+"/test", "").text("id")
		s.until(t, "a test has failed", func() bool {
			is := s.sent(t, official, "GET", "/api/v1/deliveries/"+test, "").text("status")
			return is != "queued" && is != "sending"
		})
	}
	s.until(t, "it is disabled", func() bool {
		return s.sent(t, official, "GET", mine+"/"+id, "").text("status") == "disabled"
	})
	out.hooks.answer("/failing", 0)
	s.made(t, official, mine+"/"+id+"/enable", "")
	s.moveTo(noon.Add(-4 * time.Hour))
}

// play has everything happen that the matrix of events needs.
func (s *stage) play(t testing.TB) {
	t.Helper()
	const said = `"relayed_by":"radio","said_at":"2026-09-16T12:59:00Z"`
	official, dma := s.caller("official", "ATG"), s.caller("coordinator", "DMA")
	main := s.share(t, "full")
	at := "/api/v1/incidents/" + main["incident_id"]
	post := func(c *caller, path, body string) *heard { t.Helper(); return s.made(t, c, path, body) }
	for _, step := range []string{"HUR-08.ATG", "HUR-23.ATG", "HUR-03", "HUR-04"} {
		post(s.first, at+"/steps/"+step+"/start", "")
		said := map[string]string{"HUR-23.ATG": "TourismNote", "HUR-03": "Rooms"}[step]
		if said == "" {
			said = "HiddenNote"
		}
		post(s.first, at+"/steps/"+step+"/complete", fmt.Sprintf(`{"evidence":{"type":"notice","reference":%q}}`, said))
		post(s.first, at+"/steps/"+step+"/reopen", fmt.Sprintf(`{"reason":%q}`, said))
		post(s.first, at+"/steps/"+step+"/not-applicable", fmt.Sprintf(`{"reason":%q}`, said))
	}
	post(dma, at+"/steps/HUR-07.ATG/note", `{"note":"HiddenNote","on_behalf_of":"ATG",`+said+`}`)
	relay := s.sent(t, s.first, "GET", at+"/relays", "").items()[0]["version"]
	post(official, at+fmt.Sprintf("/relays/%v/confirm", relay), "")
	s.sent(t, s.first, "PUT", at+"/anchors/LANDFALL", `{"at":"2026-09-18T03:00:00Z","kind":"forecast"}`, "If-Match", "*")
	boat := at + "/movements/" + main["movement_id"]
	post(s.first, boat+"/depart", "")
	post(s.first, boat+"/correct", `{"reason":"HiddenNote","people":{"total":741174}}`)
	post(s.first, boat+"/arrive", `{"people":{"total":741174}}`)
	other := post(s.first, at+"/movements", movementOf(721172)).text("id")
	post(s.first, at+"/movements/"+other+"/cancel", `{"reason":"HiddenNote"}`)
	end := post(official, at+"/stand-down", `{"reason":"It turned north.","on_behalf_of":"DMA",`+said+`}`).text("id")
	post(official, at+"/proposals/"+end+"/withdraw", "")
	post(official, "/api/v1/alerts/"+s.alerted(t, "alert")["alert_id"]+"/acknowledge", `{"outcome":"received","note":"HiddenNote"}`)

	post(official, "/api/v1/alerts/"+s.alerted(t, "alert")["alert_id"]+"/correct", `{"outcome":"question","reason":"Pressed too soon."}`)

	draft := s.thing(t, "draft")
	post(s.first, "/api/v1/incidents/"+draft["incident_id"]+"/open", "")
	post(s.first, "/api/v1/incidents/"+draft["incident_id"]+"/close", "{}")
	planned := s.thing(t, "start_proposed") // regional bodies take part until it is withdrawn
	post(official, "/api/v1/incidents/"+planned["incident_id"]+"/proposals/"+planned["proposal_id"]+"/withdraw", "")
	post(s.first, "/api/v1/incidents/"+planned["incident_id"]+"/monitor", landfall)
	post(s.first, "/api/v1/incidents/"+planned["incident_id"]+"/stand-down", `{"reason":"It turned north."}`)

	unit := s.thing(t, "used_unit")
	units := "/api/v1/preparedness/units/" + unit["unit_id"]
	post(s.first, units+"/capacity/release", `{"rooms":2,"beds":4}`)
	s.sent(t, s.first, "PUT", units, `{"name":"Palmhaven","rooms":21}`, "If-Match", "*")
	post(s.first, units+"/invalidate", `{"trigger":"major_damage","reason":"Roof lost"}`)
	s.sent(t, s.first, "POST", units+"/retire", `{"reason":"Closed for good"}`, "If-Match", "*")

	one := s.sent(t, official, "GET", "/api/v1/deliveries?limit=1&status=delivered", "").items()[0]["id"].(string)
	s.made(t, official, "/api/v1/deliveries/"+one+"/replay", "")
	hook := "/api/v1/subscriptions/" + s.thing(t, "subscription")["subscription_id"]
	s.sent(t, official, "PUT", hook, `{"language":"fr"}`, "If-Match", "*")
	s.made(t, official, hook+"/rotate-secret", "")
	s.made(t, official, hook+"/test", "")
	s.sent(t, official, "DELETE", hook, "", "If-Match", "*")
	s.moveTo(noon.Add(50 * time.Minute)) // of the steps that are due within the hour, the last quarter has begun
	if err := s.app.RunOnce(t.Context(), "due"); err != nil {
		t.Fatal(err)
	}
	token := s.thing(t, "token")["token_id"]
	s.sent(t, s.first, "DELETE", "/api/v1/tokens/"+token, "", "If-Match", "*")
	s.raised(t)
}

// raised waits until the alerts of everything played are there.
func (s *stage) raised(t testing.TB) {
	t.Helper()
	for _, kind := range []string{"withdrawn", "planning", "relayed", "proposed", "step_overdue", "departure", "delivery_dead"} {
		s.awaited(t, "/api/v1/alerts?limit=500", func(a map[string]any) bool { return strings.HasPrefix(fmt.Sprint(a["kind"]), kind) })
	}
	s.sentAll(t)
}

// firstEvent opens a hazard and gives the event's place in the stream.
func (s *stage) firstEvent(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/events", nil)
	r.Header.Set("Authorization", "Bearer "+s.first.token)
	l := &listener{header: http.Header{}, last: "\nid: ", leave: cancel}
	var listening sync.WaitGroup
	listening.Go(func() { s.app.Handler().ServeHTTP(l, r) })
	for ctx.Err() == nil { // one that is opened before the reader listens is not heard
		s.early["hazard/"+s.thing(t, "hazard")["hazard_id"]] = true
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	listening.Wait()
	_, after, ok := strings.Cut(l.text.String(), "\nid: ")
	if !ok {
		t.Fatalf("no event comes: %s", l.text.String())
	}
	id, _, _ := strings.Cut(after, "\n")
	return id
}
