package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"landfall/internal/access"
	"landfall/internal/limit"
)

// within has the server keep these limits, by the clock of the world.
func within(l limit.Limits) func(*Options) {
	return func(o *Options) { o.Limiter = limit.New(l, o.Now) }
}

// pass moves the clock of the world.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func TestAnAfternoonsFiguresAreEnteredInOneGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, within(limit.Defaults())).cast()
	at := "/api/v1/incidents/" + w.open().text("id")
	for range 200 {
		w.post("origin", at+"/figures", aFigure).want(201)
	}
}

func TestAnAccountThatRunsAwayIsSlowedDownAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, within(limit.Limits{AccountRate: limit.Rate{PerSecond: 0.5, Burst: 20}})).cast()
	for range 20 {
		w.get("origin", "/api/v1/me").want(200)
	}
	a := w.get("origin", "/api/v1/me").refused(429, "account_rate")
	if a.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	hazard := `{"name":"Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`
	streams := len(w.streams())
	w.do(w.request("origin", "POST", "/api/v1/hazards", hazard, "Idempotency-Key", "one")).refused(429, "account_rate")
	if len(w.streams()) != streams {
		t.Error("what was turned away was done")
	}
	w.get("receiver", "/api/v1/me").want(200)
	for range 100 {
		w.get("origin", "/healthz").want(200)
	}
	w.get("origin", "/readyz").want(200)
	w.get("origin", "/docs").want(200)

	w.pass(2 * time.Second)
	w.do(w.request("origin", "POST", "/api/v1/hazards", hazard, "Idempotency-Key", "one")).want(201)
	w.get("origin", "/api/v1/me").want(429)
	w.pass(-24 * time.Hour)
	w.pass(24*time.Hour + 2*time.Second)
	w.get("origin", "/api/v1/me").want(200)
}

func TestTokensThatOpenNothingAreLookedUpOnlySoOften(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := newWorld(t, within(limit.Limits{AddressRate: limit.Rate{PerSecond: 1, Burst: 3}}), func(o *Options) {
		o.Registerer, o.Metrics = registry, promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	}).cast()
	from := func(address, secret string) *answered {
		w.t.Helper()
		r := w.request("nobody", "GET", "/api/v1/me", "", "Authorization", "Bearer "+secret)
		if secret == "" {
			r.Header.Del("Authorization")
		}
		r.RemoteAddr = address
		return w.do(r)
	}
	from("192.0.2.7:4000", w.tokens["origin"]).want(200)
	for range 3 {
		from("192.0.2.7:1000", access.NewSecret()).refused(401, "unauthenticated")
	}
	for range 3 {
		if a := from("192.0.2.7:2000", access.NewSecret()).refused(429, "address_rate"); a.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
		}
	}
	from("192.0.2.7:3000", "").refused(401, "unauthenticated")
	from("192.0.2.8:1000", access.NewSecret()).refused(401, "unauthenticated")

	// Who has been let in before goes on, though somebody at the same address guesses.
	from("192.0.2.7:4000", w.tokens["origin"]).want(200)
	if text := string(w.get("scraper", "/metrics").body); !strings.Contains(text, `landfall_http_limited_total{by="address_rate"} 3`) {
		t.Error("what was turned away is not counted")
	}

	// A token that was revoked is not known any more: it opens nothing, and then is one of those.
	tokens := w.get("origin", "/api/v1/tokens").want(200).items()
	w.do(w.request("first", "DELETE", "/api/v1/tokens/"+tokens[0]["id"].(string), "", "If-Match", "*")).want(204)
	from("192.0.2.7:4000", w.tokens["origin"]).want(401)
	from("192.0.2.7:4000", w.tokens["origin"]).want(429)

	// One machine has a whole network in IPv6.
	for i := range 3 {
		from(fmt.Sprintf("[2001:db8:1:2::%d]:1", i), access.NewSecret()).want(401)
	}
	from("[2001:db8:1:2:ffff::9]:1", access.NewSecret()).want(429)
	from("[2001:db8:1:3::1]:1", access.NewSecret()).want(401)
}

func TestAMachineWithAnOldTokenDoesNotLockItsOfficeOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, within(limit.Limits{AddressRate: limit.Rate{PerSecond: 1, Burst: 3}})).cast()
	old := access.NewSecret()
	w.tokens["machine"] = old
	for range 3 {
		w.get("machine", "/api/v1/me").refused(401, "unauthenticated")
	}
	for range 100 {
		w.get("machine", "/api/v1/me").refused(429, "address_rate")
	}
	w.get("origin", "/api/v1/me").want(200) // for the first time from there
	w.pass(time.Second)
	w.get("machine", "/api/v1/me").want(401)
	w.get("machine", "/api/v1/me").want(429)
}

func TestNobodyIsLimitedWhereTheOperatorWantsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, within(limit.Limits{BodySeconds: 1})).cast()
	for range 300 {
		w.get("origin", "/api/v1/me").want(200)
		w.do(w.request("nobody", http.MethodGet, "/api/v1/me", "", "Authorization", "Bearer "+access.NewSecret())).want(401)
	}
}
