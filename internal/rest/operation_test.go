package rest

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/fault"
)

// restored is a service that waits to be released.
type restored struct {
	mu         sync.Mutex
	released   bool
	releasedBy access.Scope
	with       access.Write
	broken     error
	aside      []StreamAside
	retriedBy  access.Scope
}

func (r *restored) Status(context.Context) (OperationStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	status := OperationStatus{
		Version: "1.0.0", Roles: []ProcessRole{ProcessRoleAPI}, Engine: OperationStatusEngineSqlite, Bus: OperationStatusBusEmbedded, Held: !r.released, Epoch: 2,
		SetAside:  r.aside,
		Processes: []RunningProcess{{Process: "a", Name: "one", Version: "1.0.0", Since: start.In(time.FixedZone("", -4*3600)), LastSeen: start}},
	}
	if !r.released {
		status.WouldFire = &WouldFire{OverdueSteps: 3}
	}
	return status, r.broken
}

func (r *restored) Release(_ context.Context, scope access.Scope, w access.Write) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.released, r.releasedBy, r.with = true, scope, w
	return r.broken
}

func TestAHeldServiceShowsWhatWouldFireAndIsReleasedByWhoOperatesIt(t *testing.T) {
	t.Parallel()
	service := &restored{}
	w := newWorld(t, func(o *Options) { o.Operation = service }).cast()
	w.enroll("administrator", access.RoleAdministrator, "ATG")
	w.enroll("operator", access.RoleAdministrator, "ORG-CDEMA")
	w.enroll("officer", access.RoleRegionalOfficer, "ORG-CDEMA")

	for _, as := range []string{"first", "administrator", "operator", "auditor"} {
		held := w.get(as, "/api/v1/operation").want(200)
		if diff := cmp.Diff(map[string]any{"overdue_steps": 3.0, "deliveries": 0.0}, held.members["would_fire"]); held.members["held"] != true || diff != "" {
			t.Errorf("%s reads %s", as, held.body)
		}
		if since := held.members["processes"].([]any)[0].(map[string]any)["since"]; since != "2026-09-01T12:00:00Z" {
			t.Errorf("since %v, want it in UTC", since)
		}
	}
	for _, as := range []string{"origin", "receiver", "stranger", "liaison", "officer"} {
		w.get(as, "/api/v1/operation").refused(403, "operators_only")
		w.post(as, "/api/v1/operation/release", "").refused(403, "operators_only")
	}
	for _, as := range []string{"auditor", "administrator"} { // of one party: the hold is everybody's
		w.post(as, "/api/v1/operation/release", "").refused(403, "operators_only")
	}
	if service.released {
		t.Fatal("somebody who may not released it")
	}

	for range 2 { // a repeat over a bad line changes nothing
		a := w.do(w.request("operator", "POST", "/api/v1/operation/release", "", "Idempotency-Key", "release-1")).want(200)
		if a.members["held"] != false || a.members["would_fire"] != nil {
			t.Errorf("released, it says %s", a.body)
		}
	}
	if service.releasedBy.Account != w.account["operator"] || service.with.Key != "release-1" {
		t.Errorf("released by %+v with %+v", service.releasedBy, service.with)
	}
}

func (r *restored) Retry(_ context.Context, scope access.Scope, stream string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if stream != "incident/bad" {
		return fault.New(fault.NotFound, "no_such_stream", "There is no such stream.")
	}
	r.aside, r.retriedBy = nil, scope
	return r.broken
}

func TestWhatIsSetAsideIsShownAndTakenUpByWhoOperatesTheService(t *testing.T) {
	t.Parallel()
	service := &restored{aside: []StreamAside{{
		Stream: "incident/bad", Work: StreamAsideWorkDocuments, Since: start.In(time.FixedZone("", -4*3600)), Again: start, Version: 9, Tries: 3, Reason: "It is poison.", Process: "one",
	}}}
	w := newWorld(t, func(o *Options) { o.Operation = service }).cast()
	w.enroll("administrator", access.RoleAdministrator, "ATG")
	w.enroll("operator", access.RoleAdministrator, "ORG-CDEMA")
	const path, bad = "/api/v1/operation/retry", `{"stream":"incident/bad"}`
	for _, as := range []string{"first", "administrator", "operator", "auditor"} {
		shown := w.get(as, "/api/v1/operation").want(200).members["set_aside"].([]any)[0].(map[string]any)
		if shown["stream"] != "incident/bad" || shown["work"] != "documents" || shown["since"] != "2026-09-01T12:00:00Z" {
			t.Errorf("%s is shown %v", as, shown)
		}
	}
	for _, as := range []string{"origin", "receiver", "liaison", "auditor", "administrator"} {
		w.post(as, path, bad).refused(403, "operators_only")
	}
	for _, wrong := range []string{`{}`, `{"stream":"bad"}`, `{"stream":"incident/"}`, `{"stream":"incident/bad\n"}`, `{"stream":""}`} {
		w.post("operator", path, wrong).refused(400, "invalid")
	}
	w.post("operator", path, `{"stream":"incident/good"}`).refused(404, "no_such_stream")
	for range 2 { // a repeat over a bad line changes nothing
		if list := w.post("operator", path, bad).want(200).members["set_aside"].([]any); len(list) != 0 {
			t.Errorf("taken up, it shows %v", list)
		}
	}
	if service.retriedBy.Account != w.account["operator"] {
		t.Errorf("taken up by %+v", service.retriedBy)
	}
}

func TestMetricsAreForWhoShowsTheirTokenOrAsksFromThisMachine(t *testing.T) {
	t.Parallel()
	figures := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = io.WriteString(rw, "landfall_http_in_flight 1\n")
	})
	with := newWorld(t, func(o *Options) { o.Metrics = figures })
	without := newWorld(t, func(o *Options) { o.Metrics, o.MetricsToken = figures, "" })
	for _, c := range []struct {
		name, from string
		w          *world
		as         string
		headers    []string
		want       int
		code       string
	}{
		{"the token", "203.0.113.9:1234", with, "scraper", nil, 200, ""},
		{"no token", "203.0.113.9:1234", with, "nobody", nil, 401, "metrics_token"},
		{"an account's token", "203.0.113.9:1234", with, "first", nil, 401, "metrics_token"},
		{"no token, from this machine", "127.0.0.1:1234", with, "nobody", nil, 401, "metrics_token"},
		{"none is set, from elsewhere", "203.0.113.9:1234", without, "nobody", nil, 403, "metrics_local"},
		{"none is set, from elsewhere with some token", "203.0.113.9:1234", without, "scraper", nil, 403, "metrics_local"},
		{"none is set, from this machine", "127.0.0.1:1234", without, "nobody", nil, 200, ""},
		{"none is set, from this machine by IPv6", "[::1]:1234", without, "nobody", nil, 200, ""},
		{"none is set, by a proxy here", "127.0.0.1:1234", without, "nobody", []string{"X-Forwarded-For", "203.0.113.9"}, 403, "metrics_local"},
		{"none is set, by another one", "127.0.0.1:1234", without, "nobody", []string{"Via", "1.1 proxy"}, 403, "metrics_local"},
		{"none is set, from nowhere", "", without, "nobody", nil, 403, "metrics_local"},
	} {
		r := c.w.request(c.as, "GET", "/metrics", "", c.headers...)
		r.RemoteAddr = c.from
		if a := c.w.do(r); c.code != "" {
			a.refused(c.want, c.code)
		} else if a.code != c.want {
			t.Errorf("%s: %d %s", c.name, a.code, a.body)
		}
	}
}

func TestAServiceThatNobodyOperatesHasNoSuchAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	w.get("first", "/api/v1/operation").refused(404, "route_not_found")
	w.post("first", "/api/v1/operation/release", "").refused(404, "route_not_found")
	w.get("nobody", "/api/v1/operation").want(401)
}

func TestEveryAnswerOfNotNowSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	service := &restored{broken: fault.New(fault.Unavailable, "store_unavailable", "Try again.")}
	w := newWorld(t, func(o *Options) {
		o.Operation = service
		o.Ready = []Check{{"store", func(context.Context) error { return service.broken }}}
	})
	for _, c := range []struct{ as, path string }{{"first", "/api/v1/operation"}, {"nobody", "/readyz"}} {
		if a := w.get(c.as, c.path).want(503); a.header.Get("Retry-After") != "1" {
			t.Errorf("%s says Retry-After %q", c.path, a.header.Get("Retry-After"))
		}
	}
	later := fault.New(fault.Unavailable, "soon", "Later.")
	later.RetryAfter = 1500 * time.Millisecond
	service.broken = later
	if a := w.get("first", "/api/v1/operation").want(503); a.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q, want whole seconds and not too few", a.header.Get("Retry-After"))
	}
	later.RetryAfter = 1000 * time.Hour
	if a := w.get("first", "/api/v1/operation").want(503); a.header.Get("Retry-After") != "86400" {
		t.Errorf("Retry-After %q, want a day at most", a.header.Get("Retry-After"))
	}
}
