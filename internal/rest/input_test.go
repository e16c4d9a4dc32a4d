package rest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAFilterThatIsNotUnderstoodNeverWidensAList asks every list of the contract with every parameter that it has.
func TestAFilterThatIsNotUnderstoodNeverWidensAList(t *testing.T) {
	w := newWorld(t).cast()
	s := w.stage()
	ids := strings.NewReplacer("{incident_id}", s.active, "{unit_id}", s.incident, "{hazard_id}", s.hazard, "{alert_id}", s.alert, "{subscription_id}", s.subscription,
		"{delivery_id}", s.alert, "{account_id}", s.token, "{token_id}", s.token, "{movement_id}", s.movement, "{step_key}", "HUR-07.ATG", "{anchor}", "LANDFALL",
		"{protocol}", "hurricane")
	lists := 0
	for _, o := range w.server.contract.operations {
		if o.method != http.MethodGet || o.public || o.stream {
			continue
		}
		at := ids.Replace(o.path)
		queries := []string{"colour=red", "%zz", "a;b", "=", "limit=1;cursor=x"}
		for name := range o.query {
			lists++
			queries = append(queries, name+"=", name, name+"=1&"+name+"=2", name+"=%", name+"=1;x=2", strings.ToUpper(name)+"=1")
		}
		for _, q := range queries {
			r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, at, http.NoBody)
			r.URL.RawQuery = q
			r.Header.Set("Authorization", "Bearer "+w.tokens["first"])
			if a := w.do(r); a.code != 400 || len(a.pointers()) == 0 {
				t.Errorf("%s?%s answers %d: %.200s", at, q, a.code, a.body)
			}
		}
	}
	if lists < 20 {
		t.Errorf("only %d parameters were tried", lists)
	}
	for path, pointer := range map[string]string{
		"/api/v1/incidents?status=closed;exercise=true": "?", "/api/v1/incidents?status=%zz": "?", "/api/v1/incidents?q=%20": "?q",
		"/api/v1/incidents?q=%E2%80%8B": "?q", "/api/v1/incidents/" + s.active + "?as_known_at=2026-09-01T1:00:00Z": "?as_known_at",
	} {
		if got := w.get("origin", path).want(400).pointers(); len(got) != 1 || got[0] != pointer {
			t.Errorf("%s names %v", path, got)
		}
	}
}

func TestAUUIDInCapitalsIsTheSame(t *testing.T) {
	w := newWorld(t).cast()
	s := w.stage()
	upper := strings.ToUpper
	if got := w.get("origin", "/api/v1/incidents/"+upper(s.active)).want(200).text("id"); got != s.active {
		t.Errorf("answered as %s", got)
	}
	w.get("origin", "/api/v1/incidents/"+upper(s.active)+"/movements/"+upper(s.movement)).want(200)
	w.get("origin", "/api/v1/incidents/"+upper(s.active)+"/steps/HUR-16."+upper(s.movement)).want(200)
	id := "0198C0DE-0000-7000-8000-00000000ABCD"
	body := `{"id":"` + id + `","title":"Maria","hazard_id":"` + upper(s.hazard) + `","origin":"DMA","severity":"minor","occurred_at":"2026-09-01T12:00:00Z"}`
	first := w.do(w.request("origin", "POST", "/api/v1/incidents", body, "Idempotency-Key", "capitals")).want(201)
	if first.text("id") != strings.ToLower(id) || first.text("hazard_id") != s.hazard {
		t.Errorf("recorded as %s on %s", first.text("id"), first.text("hazard_id"))
	}
	small := strings.ReplaceAll(strings.ReplaceAll(body, id, strings.ToLower(id)), upper(s.hazard), s.hazard)
	if again := w.do(w.request("origin", "POST", "/api/v1/incidents", small, "Idempotency-Key", "capitals")).want(201); again.text("code") != first.text("code") {
		t.Error("the same request in small letters is another one")
	}
}

func TestTimesAreRFC3339Only(t *testing.T) {
	w := newWorld(t).cast()
	for _, at := range []string{"2026-09-01T1:00:00Z", "2026-09-01T10:00:00+24:00", "2026-09-01T10:00:00,5Z", "2026-09-01T10:00Z", "2026-09-01", "2026-09-01T10:00:00"} {
		w.postf("origin", "/api/v1/hazards", `{"name":"Maria","type":"TC","started_at":%q}`, at).refused(400, "invalid", "/started_at")
	}
}

func TestWhatHardlyEverIsMeantIsConfirmedByItsPointer(t *testing.T) {
	w := newWorld(t).cast()
	body := `{"name":"Maria","type":"TC","started_at":"1990-01-01T00:00:00Z"%s}`
	a := w.postf("origin", "/api/v1/hazards", body, "").refused(400, "unconfirmed", "/started_at")
	if !strings.Contains(string(a.body), `"code":"confirmable"`) {
		t.Errorf("does not say that it can be confirmed: %s", a.body)
	}
	w.postf("origin", "/api/v1/hazards", body, `,"confirm":["/name"]`).refused(400, "unconfirmed", "/started_at")
	w.postf("origin", "/api/v1/hazards", body, `,"confirm":["/started_at"]`).want(201)
	w.postf("origin", "/api/v1/hazards", `{"name":"\u200b","type":"TC","started_at":"2026-08-30T12:00:00Z"%s}`, `,"confirm":["/name"]`).refused(400, "invalid", "/name")
}

func TestHeadersAreReadAsTheRFCsSay(t *testing.T) {
	for header, takes := range map[string]bool{
		"gzip": true, "gzip;q=0": false, "gzip; q=0.000": false, "GZIP;Q=0.5": true, "br, gzip": true, "*": true, "*;q=0": false, "gzip;q=0, *": false,
		"identity": false, "": false, "gzip;q=x": false, "br;q=1.0, *;q=0.1": true, "x-gzip": true, "notgzip": false,
	} {
		if takesGzip([]string{header}) != takes {
			t.Errorf("Accept-Encoding %q: takes gzip %t", header, !takes)
		}
	}
	w := newWorld(t).cast()
	s := w.stage()
	if got := w.do(w.request("origin", "GET", "/docs", "", "Accept-Encoding", "gzip;q=0")).want(200).header.Get("Content-Encoding"); got != "" {
		t.Errorf("answered in %s", got)
	}
	at := "/api/v1/incidents/" + s.active + "/steps/HUR-07.ATG"
	tag := w.get("receiver", at).etag()
	start := func(match ...string) *answered {
		r := w.request("receiver", "POST", at+"/start", "")
		for _, m := range match {
			r.Header.Add("If-Match", m)
		}
		return w.do(r)
	}
	start("W/"+tag).refused(412, "changed_meanwhile")
	start(`"1-99", "other"`).refused(412, "changed_meanwhile")
	start("no tag").refused(400, "bad_etag")
	start(`"1-99"`, `"other", `+tag).want(200) // two lines are one list
	r := w.request("receiver", "POST", at+"/note", `{"note":"So far, so good."}`, "Idempotency-Key", "one")
	r.Header.Add("Idempotency-Key", "two")
	w.do(r).refused(400, "invalid", "Idempotency-Key")
	w.do(w.request("receiver", "GET", at, "", "If-None-Match", "*")).want(304)
}

func TestProxiesWritePortsAndBrackets(t *testing.T) {
	_, near, _ := net.ParseCIDR("10.0.0.0/8")
	_, near6, _ := net.ParseCIDR("fd00::/8")
	from := ClientAddress([]*net.IPNet{near, near6})
	for _, c := range []struct{ peer, forwarded, want string }{
		{"10.0.0.1:1000", "203.0.113.9:4711", "203.0.113.9"},
		{"10.0.0.1:1000", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:1000", "[2001:db8::1]:4711", "2001:db8::1"},
		{"10.0.0.1:1000", "[2001:db8::1]", "2001:db8::1"},
		{"10.0.0.1:1000", `2001:db8::1`, "2001:db8::1"},
		{"[fd00::1]:1000", "198.51.100.1, 203.0.113.9:1, 10.0.0.7:99", "203.0.113.9"},
		{"10.0.0.1:1000", "203.0.113.9, unknown", "10.0.0.1"},
		{"10.0.0.1:1000", "", "10.0.0.1"},
		{"192.0.2.1:1000", "203.0.113.9", "192.0.2.1"},
		{"[::ffff:10.0.0.1]:1000", "203.0.113.9:4711", "203.0.113.9"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": {c.forwarded}}}
		if got := from(r); got != c.want {
			t.Errorf("%s for %q is %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
