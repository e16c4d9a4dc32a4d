package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/guard"
	"landfall/internal/ledger"
	"landfall/internal/limit"
)

// streams lists everything that was ever stored in a stream.
func (w *world) streams() []string {
	w.t.Helper()
	all, err := w.store.Streams(context.Background(), "", "", 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func TestHostileBodiesAreRefusedByNameAndStoreNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	i := w.open()
	at := "/api/v1/incidents/" + i.text("id")
	incident := func(members string) string {
		return fmt.Sprintf(`{"title":"T","hazard_id":%q,"origin":"DMA","severity":"minor","occurred_at":"2026-09-01T12:00:00Z"%s}`, i.text("hazard_id"), members)
	}
	before := w.streams()
	for _, c := range []struct {
		name, path, body, code string
		status                 int
		pointer                string
	}{
		{"no body", "/api/v1/hazards", "", "body_required", 400, ""},
		{"100,000 levels", "/api/v1/incidents", nested(100_000), "too_deep", 400, strings.Repeat("/0", 32)},
		{"4 MB", "/api/v1/incidents", `{"title":"` + strings.Repeat("a", 4<<20) + `"}`, "body_too_large", 413, ""},
		{"1 MB of members", "/api/v1/incidents", manyMembers(40_000), "invalid", 400, ""},
		{"bad UTF-8", "/api/v1/incidents", incident(",\"x\":\"\xff\""), "not_utf8", 400, ""},
		{"a byte order mark", "/api/v1/incidents", "\ufeff" + incident(""), "byte_order_mark", 400, ""},
		{"a member twice", "/api/v1/incidents", incident(`,"title":"U"`), "duplicate_member", 400, "/title"},
		{"a member twice, deep", at + "/activate", `{"protocol":"hurricane","anchors":{"LANDFALL":{"at":"2026-09-03T01:15:00Z","kind":"forecast","kind":"observed"}}}`, "duplicate_member", 400, "/anchors/LANDFALL/kind"},
		{"an unknown member", "/api/v1/incidents", incident(`,"passport":"X123"`), "invalid", 400, "/passport"},
		{"an unknown member, deep", at + "/movements", `{"mode":"sea","to":{"party":"ATG","street":"x"},"departs_at":"2026-09-01T13:00:00Z","eta":"2026-09-01T14:00:00Z","people":{"total":1,"names":["x"]}}`, "invalid", 400, "/people/names"},
		{"a list instead of an object", "/api/v1/incidents", `[]`, "invalid", 400, ""},
		{"null", "/api/v1/incidents", `null`, "invalid", 400, ""},
		{"a null member", "/api/v1/incidents", incident(`,"receivers":null`), "invalid", 400, "/receivers"},
		{"a text for a number", at + "/answers", `{"kind":"accept","ceiling":"300"}`, "invalid", 400, "/ceiling"},
		{"a fraction for a count", at + "/answers", `{"kind":"accept","ceiling":3.5}`, "invalid", 400, "/ceiling"},
		{"a whole number with an exponent", at + "/answers", `{"kind":"accept","ceiling":3e2}`, "invalid", 400, "/ceiling"},
		{"a negative count", at + "/answers", `{"kind":"accept","ceiling":-1}`, "invalid", 400, "/ceiling"},
		{"a count beyond everybody", at + "/answers", `{"kind":"accept","ceiling":9007199254740993}`, "invalid", 400, "/ceiling"},
		{"a number that overflows", at + "/answers", `{"kind":"accept","ceiling":1e999}`, "number_too_large", 400, "/ceiling"},
		{"a control character", "/api/v1/incidents", incident(`,"origin_island":"\u0007"`), "control_character", 400, "/origin_island"},
		{"a line feed in a title", "/api/v1/hazards", `{"name":"a\nb","type":"TC","started_at":"2026-08-30T12:00:00Z"}`, "invalid", 400, "/name"},
		{"a text that turns direction", "/api/v1/hazards", `{"name":"a\u202eb","type":"TC","started_at":"2026-08-30T12:00:00Z"}`, "invalid", 400, "/name"},
		{"a blank title", "/api/v1/hazards", `{"name":"   ","type":"TC","started_at":"2026-08-30T12:00:00Z"}`, "invalid", 400, "/name"},
		{"a title of 201 characters", "/api/v1/incidents", strings.Replace(incident(""), `"T"`, `"`+strings.Repeat("é", 201)+`"`, 1), "invalid", 400, "/title"},
		{"an unknown state", "/api/v1/incidents", incident(`,"receivers":["ATG","ZZZ"]`), "invalid", 400, "/receivers/1"},
		{"a state in lower case", "/api/v1/incidents", incident(`,"receivers":["atg"]`), "invalid", 400, "/receivers/0"},
		{"a state twice", "/api/v1/incidents", incident(`,"receivers":["ATG","ATG"]`), "invalid", 400, "/receivers"},
		{"an unknown word", "/api/v1/incidents", strings.Replace(incident(""), `"minor"`, `"apocalyptic"`, 1), "invalid", 400, "/severity"},
		{"an unknown hazard", "/api/v1/incidents", strings.Replace(incident(""), i.text("hazard_id"), "0198c0de-0000-7000-8000-00000000dead", 1), "invalid", 400, "/hazard_id"},
		{"an id that is no UUID", "/api/v1/incidents", incident(`,"id":"1"`), "invalid", 400, "/id"},
		{"the nil UUID", "/api/v1/incidents", incident(`,"id":"00000000-0000-0000-0000-000000000000"`), "invalid", 400, "/id"},
		{"the year 1", "/api/v1/incidents", strings.Replace(incident(""), "2026-09-01", "0001-01-01", 1), "invalid", 400, "/occurred_at"},
		{"the year 9999", "/api/v1/incidents", strings.Replace(incident(""), "2026-09-01", "9999-12-31", 1), "invalid", 400, "/occurred_at"},
		{"2200 by its offset", "/api/v1/incidents", strings.Replace(incident(""), "2026-09-01T12:00:00Z", "2199-12-31T23:00:00-04:00", 1), "invalid", 400, "/occurred_at"},
		{"the 60th second", "/api/v1/incidents", strings.Replace(incident(""), "12:00:00Z", "23:59:60Z", 1), "invalid", 400, "/occurred_at"},
		{"the 31st of February", "/api/v1/incidents", strings.Replace(incident(""), "09-01", "02-31", 1), "invalid", 400, "/occurred_at"},
		{"a time without offset", "/api/v1/incidents", strings.Replace(incident(""), "12:00:00Z", "12:00:00", 1), "invalid", 400, "/occurred_at"},
		{"half of a relay", "/api/v1/incidents", incident(`,"relayed_by":"radio"`), "invalid", 400, "/relayed_by"},
		{"a relay by nobody", "/api/v1/incidents", incident(`,"on_behalf_of":"ATG"`), "invalid", 400, "/relayed_by"},
		{"an anchor that is none", at + "/activate", `{"protocol":"hurricane","anchors":{"DOOMSDAY":{"at":"2026-09-03T01:15:00Z","kind":"forecast"}}}`, "invalid", 400, "/anchors/DOOMSDAY"},
		{"a telephone number", at + "/stand-down", `{"reason":"Call +1 767 448 7777 for more"}`, "invalid", 400, "/reason"},
		{"a subscription until 9999", "/api/v1/subscriptions", `{"channel":"webhook","target":"https://x.example/","expires_at":"9999-12-31T00:00:00Z"}`, "invalid", 400, "/expires_at"},
		{"a private address in a webhook", "/api/v1/subscriptions", `{"channel":"webhook","target":"ftp://x.example/"}`, "invalid", 400, "/target"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			as := "origin"
			if strings.HasSuffix(c.path, "/answers") {
				as = "receiver"
			}
			a := w.do(w.request(as, "POST", c.path, c.body, "Content-Type", "application/json"))
			a.refused(c.status, c.code)
			if c.status == 400 && c.name != "1 MB of members" && !slices.Contains(a.pointers(), c.pointer) {
				t.Errorf("blames %q, want %q: %s", a.pointers(), c.pointer, cut(string(a.body), 1000))
			}
			if len(a.body) > 32<<10 {
				t.Errorf("an answer of %d bytes", len(a.body))
			}
		})
	}
	w.t = t
	if after := w.streams(); !slices.Equal(after, before) {
		t.Errorf("something was stored: %d streams before, %d after", len(before), len(after))
	}
	if n := w.get("origin", at).members["version"]; n != 1.0 {
		t.Errorf("the incident is at version %v", n)
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	b.WriteString("{")
	for i := range n {
		fmt.Fprintf(&b, `"m%d":1,`, i)
	}
	return b.String() + `"z":1}`
}

func TestHostileParametersAreRefusedByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	i := w.open()
	at := "/api/v1/incidents/" + i.text("id")
	for _, c := range []struct{ path, pointer string }{
		{"/api/v1/incidents?limit=0", "?limit"},
		{"/api/v1/incidents?limit=501", "?limit"},
		{"/api/v1/incidents?limit=-1", "?limit"},
		{"/api/v1/incidents?limit=many", "?limit"},
		{"/api/v1/incidents?limit=99999999999999999999", "?limit"},
		{"/api/v1/incidents?limit=1&limit=2", "?limit"},
		{"/api/v1/incidents?limit=", "?limit"},
		{"/api/v1/incidents?cursor=hello", "?cursor"},
		{"/api/v1/incidents?cursor=", "?cursor"},
		{"/api/v1/incidents?cursor=%00", "?cursor"},
		{"/api/v1/incidents?cursor=" + strings.Repeat("A", 1025), "?cursor"},
		{"/api/v1/hazards?cursor=..%2F..%2Fetc", "?cursor"},
		{"/api/v1/alerts?cursor=AAAA", "?cursor"},
		{"/api/v1/subscriptions?cursor=AAAA", "?cursor"},
		{"/api/v1/deliveries?cursor=AAAA", "?cursor"},
		{"/api/v1/tokens?cursor=AAAA", "?cursor"},
		{at + "/steps?cursor=%3D%3D", "?cursor"},
		{at + "/movements?cursor=-1", "?cursor"},
		{at + "/movements?cursor=9x", "?cursor"},
		{at + "/answers?cursor=1e3", "?cursor"},
		{at + "/figures?cursor=AAAA", "?cursor"},
		{at + "/timeline?cursor=-5", "?cursor"},
		{"/api/v1/incidents?status=dramatic", "?status"},
		{"/api/v1/incidents?status=active,dramatic", "?status"},
		{"/api/v1/incidents?state=Dominica", "?state"},
		{"/api/v1/incidents?state=ZZZ", "?state"},
		{"/api/v1/incidents?hazard_type=XX", "?hazard_type"},
		{"/api/v1/incidents?exercise=maybe", "?exercise"},
		{"/api/v1/incidents?q=a%0Ab", "?q"},
		{"/api/v1/incidents?severity=extreme", "?severity"},
		{at + "?as_known_at=yesterday", "?as_known_at"},
		{at + "?as_known_at=0001-01-01T00:00:00Z", "?as_known_at"},
		{at + "/steps?overdue=1x", "?overdue"},
		{at + "/figures?role=best", "?role"},
		{"/api/v1/alerts?incident_id=1", "?incident_id"},
	} {
		a := w.get("origin", c.path)
		a.want(400)
		if !slices.Contains(a.pointers(), c.pointer) {
			t.Errorf("%s blames %q, want %q: %s", c.path, a.pointers(), c.pointer, a.body)
		}
	}
	for _, path := range []string{
		"/api/v1/incidents/1", "/api/v1/incidents/%00", "/api/v1/incidents/..%2f..%2fetc", at + "/steps/DROP%20TABLE", at + "/anchors/x",
		at + "/movements/1", "/api/v1/tokens/1", "/api/v1/protocols/..", "/api/v1/incidents/0198C0DE-0000-7000-8000-000000000001",
	} {
		w.get("origin", path).want(404)
	}
	for _, c := range []struct{ name, value string }{
		{"Idempotency-Key", strings.Repeat("k", 201)}, {"Idempotency-Key", "a b"}, {"Idempotency-Key", "é"}, {"If-Match", "\x01"}, {"If-Match", `7`}, {"If-Match", `"1-2-3"`},
	} {
		w.do(w.request("origin", "POST", at+"/open", `{}`, c.name, c.value)).want(map[bool]int{true: 400, false: 409}[c.value != `7` && c.value != `"1-2-3"`])
	}
}

func TestWhatIsNotPlainJSONIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	body := `{"name":"Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`
	for header, value := range map[string]string{
		"Content-Type":     "text/plain",
		"content-type":     "application/json; charset=latin1",
		"Content-type":     "application/x-www-form-urlencoded",
		"CONTENT-TYPE":     "application/merge-patch+json",
		"Content-Encoding": "gzip",
	} {
		w.do(w.request("origin", "POST", "/api/v1/hazards", body, header, value)).refused(415, "unsupported_media_type")
	}
	r := w.request("origin", "POST", "/api/v1/hazards", body)
	r.Header.Del("Content-Type")
	w.do(r).refused(415, "unsupported_media_type")
	w.do(w.request("origin", "POST", "/api/v1/hazards", body, "Content-Type", "application/json; charset=UTF-8")).want(201)
	w.do(w.request("origin", "GET", "/api/v1/hazards", `{}`)).refused(400, "no_body")
}

func TestAddressesAndMethodsThatDoNotExistAreProblemsToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	w.get("origin", "/api/v1/nothing").refused(404, "route_not_found")
	w.get("nobody", "/").refused(404, "route_not_found")
	a := w.do(w.request("origin", "PATCH", "/api/v1/incidents", `{}`)).refused(405, "method_not_allowed")
	if allow := a.header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "POST") {
		t.Errorf("Allow: %q", allow)
	}
	options := w.do(w.request("nobody", "OPTIONS", "/api/v1/incidents", "")).want(204)
	if !strings.Contains(options.header.Get("Allow"), "POST") || options.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("OPTIONS answers %v", options.header)
	}
	head := w.do(w.request("origin", "HEAD", "/api/v1/incidents", "")).want(200)
	if !strings.HasPrefix(head.header.Get("Content-Type"), "application/json") {
		t.Errorf("HEAD answers %v", head.header)
	}
	if missing := w.do(w.request("origin", "HEAD", "/api/v1/nothing", "")).want(404); len(missing.body) > 0 {
		t.Errorf("HEAD answers a body: %s", missing.body)
	}
}

func TestAnErrorNobodyClassifiedIsBlandAndLoggedOnce(t *testing.T) {
	t.Parallel()
	panics := guard.New(slog.New(slog.DiscardHandler), time.Now)
	w := newWorld(t, func(o *Options) {
		o.Guard = panics
		o.Ready = []Check{{"broken", func(context.Context) error { panic("secret of the store") }}}
	})
	a := w.do(w.request("nobody", "GET", "/readyz", "", "X-Request-Id", "trace-0123456789"))
	if a.code != 500 || strings.Contains(string(a.body), "secret") || a.text("code") != "internal" || a.header.Get("X-Request-Id") != "trace-0123456789" {
		t.Errorf("answered %d %s", a.code, a.body)
	}
	if n := strings.Count(w.log.String(), "secret of the store"); n != 1 {
		t.Errorf("logged %d times: %s", n, w.log)
	}
	if !strings.Contains(w.log.String(), "trace-0123456789") {
		t.Error("the log does not name the request")
	}
	if p := panics.Panics(); p.Count != 1 || p.Where != "GET /readyz" {
		t.Errorf("for the operator's alarm: %+v", p)
	}
}

func TestEveryKindOfFaultHasItsStatus(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind]int{
		fault.Internal: 500, fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.Conflict: 409,
		fault.State: 409, fault.Precondition: 412, fault.PreconditionRequired: 428, fault.TooLarge: 413, fault.TooMany: 429, fault.Full: 507, fault.Unavailable: 503,
	}
	for kind := fault.Internal; kind <= fault.Unavailable; kind++ {
		err := fmt.Errorf("somewhere: %w", fault.Wrap(errors.New("private cause"), kind, "a_code", "Said so."))
		p, _ := problemOf(err, "/x")
		if p.Status != want[kind] || strings.Contains(fmt.Sprint(p), "private") {
			t.Errorf("%s: %+v, want status %d", kind, p, want[kind])
		}
		if kind != fault.Internal && (p.Code != "a_code" || p.Detail != "Said so.") {
			t.Errorf("%s: %+v", kind, p)
		}
	}
	if len(want) != len(status) {
		t.Errorf("%d kinds have a status, %d are tested", len(status), len(want))
	}
	if p, _ := problemOf(errors.New("pq: password of the database"), "/x"); p.Status != 500 || strings.Contains(p.Detail, "password") {
		t.Errorf("an unknown error tells %+v", p)
	}
	if p, _ := problemOf(context.DeadlineExceeded, "/x"); p.Status != 503 || p.Code != "timed_out" {
		t.Errorf("a timeout is %+v", p)
	}
}

func TestTooManyRequestsAtOnceAreTurnedAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, within(limit.Limits{Requests: limit.Share{Total: 1}}))
	back, err := w.server.limiter.Requests.One(false)
	if err != nil {
		t.Fatal(err)
	}
	a := w.get("first", "/api/v1/me").refused(503, "busy")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	w.get("nobody", "/healthz").want(200)
	back()
	w.get("first", "/api/v1/me").want(200)
}

func TestASaneRequestIDIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for given, taken := range map[string]bool{"0af7651916cd43dd": true, "short": false, strings.Repeat("x", 65): false, "with space in it": false, "<script>alert": false} {
		got := w.do(w.request("nobody", "GET", "/healthz", "", "X-Request-Id", given)).header.Get("X-Request-Id")
		if (got == given) != taken || got == "" {
			t.Errorf("%q became %q", given, got)
		}
	}
}

func TestTheLogNamesAccountAndCommitOfAWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	w.log.Reset()
	i := w.open()
	commits, err := w.store.ReadStream(context.Background(), string(ledger.StreamOf("incident", i.text("id"))), 0, 0)
	if err != nil || len(commits) != 1 {
		t.Fatal(commits, err)
	}
	for _, want := range []string{`"operation":"openIncident"`, `"commit":"` + commits[0].ID + `"`, `"account":"` + w.account["origin"] + `"`, `"status":201`} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("%s is not in the log: %s", want, w.log)
		}
	}
	if strings.Contains(w.log.String(), w.tokens["origin"]) {
		t.Error("a secret is in the log")
	}
}

func TestNoAnswerDependsOnAProxyNobodyTrusts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodGet, "/api/v1/me", http.NoBody)
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	w.log.Reset()
	w.do(r).refused(401, "unauthenticated")
	if strings.Contains(w.log.String(), "203.0.113.9") {
		t.Errorf("the log believes the caller: %s", w.log)
	}
}
