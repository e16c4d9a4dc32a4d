package rest

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/fault"
)

// placeholder is a part of a path that a request fills in.
var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// FuzzRequest sends one request of any operation to the whole interface: nothing that a caller can write makes an
// answer that is the service's own fault, and every refusal is a problem with a code that follows the contract.
func FuzzRequest(f *testing.F) {
	w := newWorld(f).cast()
	opened := w.open().text("id")
	var operations []*operation
	for _, key := range slices.Sorted(maps.Keys(w.server.contract.operations)) {
		if o := w.server.contract.operations[key]; !o.stream {
			operations = append(operations, o)
		}
	}
	callers := []string{"origin", "receiver", "liaison", "first", "nobody"}
	for n, o := range operations {
		example := "{}"
		if o.body != nil && o.body.Example != nil {
			text, err := json.Marshal(o.body.Example)
			if err != nil {
				f.Fatal(err)
			}
			example = string(text)
		}
		f.Add(uint8(n), uint8(n%2), opened, "", example, "", "")
	}
	for n, seed := range []struct{ id, query, body, match, key string }{
		{opened, "status=closed;exercise=true", `{"title":"\u200b"}`, `W/"1-1"`, "k"},
		{opened, "status=%zz", `{"at":"2071-01-01T1:00:00Z","number":12.5}`, `"1-1", "1-2"`, strings.Repeat("k", 300)},
		{opened, "cursor=AAAA&limit=0", `{"outcome":"received","version":9007199254740991}`, `"1-9223372036854775808"`, "\x00"},
		{strings.ToUpper(opened), "known_at=1990-01-01T00:00:00+24:00", `{"on_behalf_of":"DMA","said":{"by":"radio","at":"1990-01-01T00:00:00Z"}}`, "*", "k"},
		{"..%2f..", "q=%00", "[[[[", `"`, ""},
		{"incident/x", "limit=99999999999999999999", "\ufeff{}", "", "é"},
		{"", "a=1&a=2&=", `{"a":1,"a":2}`, `"1--1"`, " "},
	} {
		for o := range operations {
			f.Add(uint8(o), uint8(n), seed.id, seed.query, seed.body, seed.match, seed.key)
		}
	}
	f.Fuzz(func(t *testing.T, which, as uint8, id, query, body, match, key string) {
		o := operations[int(which)%len(operations)]
		path := placeholder.ReplaceAllLiteralString(o.path, url.PathEscape(id))
		r := httptest.NewRequest(o.method, "/", strings.NewReader(body))
		if o.body == nil {
			r.Body, r.ContentLength = http.NoBody, 0
		}
		at, err := url.ParseRequestURI(path)
		if err != nil {
			t.Skip("no client can write this address")
		}
		r.URL = at
		r.URL.RawQuery, r.RequestURI = query, path+"?"+query
		r.Header = http.Header{"Content-Type": {"application/json"}}
		for name, value := range map[string]string{"If-Match": match, "Idempotency-Key": key} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		if secret := w.tokens[callers[int(as)%len(callers)]]; secret != "" {
			r.Header.Set("Authorization", "Bearer "+secret)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		r = r.WithContext(ctx)
		rec := w.serve(r)
		a := &answered{t: t, what: o.OperationID, code: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
		if a.code >= 500 {
			t.Fatalf("%s %s?%s answered %d: %s", o.method, path, query, a.code, a.body)
		}
		if err := w.server.contract.fits(r, a); err != nil {
			t.Fatalf("%s %s?%s: %d does not follow the contract: %v\n%s", o.method, path, query, a.code, err, a.body)
		}
		var problem struct{ Code string }
		if a.code >= 400 && o.method != http.MethodHead && (json.Unmarshal(a.body, &problem) != nil || problem.Code == "") {
			t.Fatalf("%s %s?%s: %d without a code: %s", o.method, path, query, a.code, a.body)
		}
	})
}

// FuzzQuery reads a query: what is not refused is known to the operation, stands once, and reads the same when it is written again.
func FuzzQuery(f *testing.F) {
	w := newWorld(f)
	o := w.server.contract.find(http.MethodGet, "/api/v1/incidents")
	for _, seed := range []string{"", "status=closed;exercise=true", "status=%zz", "limit=5&cursor=x", "limit=5&limit=6", "limit=", "nothing=1", "&&", "%00=1", "limit=+5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var check fault.Check
		query := o.readQuery(&http.Request{URL: &url.URL{RawQuery: text}}, &check)
		if check.Err() != nil {
			return
		}
		for name, values := range query {
			if !o.query[name] || len(values) != 1 || values[0] == "" {
				t.Fatalf("%q: %q is taken as %q", text, name, values)
			}
		}
		again, err := url.ParseQuery(query.Encode())
		if err != nil || !maps.EqualFunc(query, again, slices.Equal) {
			t.Fatalf("%q is read as %v, and that as %v", text, query, again)
		}
	})
}

// FuzzHeaders reads the headers that are lists, and those that proxies write.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{
		"", "gzip;q=0", "gzip, *;q=0", "x-gzip ; Q=0.5", "gzip;q=NaN", "203.0.113.9:4711", "[2001:db8::1]:4711, 10.0.0.1", `"203.0.113.9"`,
		"10.0.0.1, 10.0.0.2", "fe80::1%eth0", "[", "]:", `W/"1-1", "1-2"`, ",,,", "*",
	} {
		f.Add(seed)
	}
	_, inside, err := net.ParseCIDR("10.0.0.0/8")
	if err != nil {
		f.Fatal(err)
	}
	address := ClientAddress([]*net.IPNet{inside})
	f.Fuzz(func(t *testing.T, text string) {
		r := &http.Request{RemoteAddr: "10.0.0.9:1", URL: &url.URL{}, Header: http.Header{
			"Accept-Encoding": {text}, "X-Forwarded-For": {text}, "If-Match": {text}, "If-None-Match": {text, text}, "Idempotency-Key": {text},
		}}
		if takesGzip([]string{text}) && !strings.ContainsAny(strings.ToLower(text), "g*") {
			t.Fatalf("%q names no gzip", text)
		}
		if client := address(r); client != "10.0.0.9" {
			a, err := netip.ParseAddr(client)
			if err != nil || a.String() != client || a.Zone() != "" {
				t.Fatalf("%q: the client is %q", text, client)
			}
		}
		direct := &http.Request{RemoteAddr: "203.0.113.1:1", Header: r.Header}
		if client := address(direct); client != "203.0.113.1" {
			t.Fatalf("%q: who is no proxy says that it is %q", text, client)
		}
		var check fault.Check
		oneLine(r.Header, &check)
		if len(r.Header.Values("If-None-Match")) != 1 || check.Err() != nil {
			t.Fatalf("%q: %v, %v", text, r.Header, check.Err())
		}
		if tag := `"1-1"`; holds(r, tag) && text != "*" && !strings.Contains(text, tag) && strings.Trim(text, " \t*,") != "" {
			t.Fatalf("%q does not name %s", text, tag)
		}
	})
}
