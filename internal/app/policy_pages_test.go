package app_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// page is a row of pages.csv.
type page struct {
	cell
	method, path string
	speaks       bool // who may pass on the word sees the form too
	answers      string
	fresh        bool
	with         map[string]string
	form         string
}

// parts says which member of a thing a part of an address is; ":id" is that of the kind of thing.
var parts = map[string]string{":name": "asset", ":movement": "movement_id", ":proposal": "proposal_id", ":version": "relay_version"}

var kinds = map[string]string{
	"/incidents/": "incident_id", "/alerts/": "alert_id", "/subscriptions/": "subscription_id", "/deliveries/": "delivery_id", "/preparedness/units/": "unit_id",
}

func (s *stage) pages(t testing.TB) []page {
	t.Helper()
	routes, err := s.app.Pages()
	if err != nil {
		t.Fatal(err)
	}
	routes = slices.DeleteFunc(routes, func(r string) bool { return strings.HasPrefix(r, "HEAD ") })
	var all []page
	for _, row := range rows(t, "testdata/policy/pages.csv") {
		if !slices.Contains(routes, row["page"]) {
			t.Errorf("the console has no %s", row["page"])
		}
		method, path, _ := strings.Cut(row["page"], " ")
		owner, state := strings.CutPrefix(row["owner"], "state ")
		p := page{
			cell: cell{
				name: row["page"] + " " + row["with"], thing: row["thing"], reads: row["reads"], act: row["act"], owner: owner, state: state, writes: method == "POST",
			},
			method: method, path: path, speaks: row["speaks"] == "yes", answers: row["answers"], fresh: row["fresh"] == "yes", form: row["form"], with: map[string]string{},
		}
		for pair := range strings.FieldsSeq(row["with"]) {
			name, value, _ := strings.Cut(pair, "=")
			p.with[":"+name] = value
		}
		all = append(all, p)
	}
	for _, r := range routes {
		if !slices.ContainsFunc(all, func(p page) bool { return p.method+" "+p.path == r }) {
			t.Errorf("%s has no row in testdata/policy/pages.csv", r)
		}
	}
	return all
}

// visit asks for a page or sends a form in the name of a caller.
func (s *stage) visit(c *caller, p page, m map[string]string, cookie string) *heard {
	path, form := p.path, p.form
	for name, value := range p.with {
		path = strings.ReplaceAll(path, name, value)
	}
	for name, member := range parts {
		path = strings.ReplaceAll(path, name, m[member])
	}
	for prefix, member := range kinds {
		if strings.HasPrefix(path, prefix) {
			path = strings.ReplaceAll(path, ":id", m[member])
		}
	}
	for name, value := range m {
		form = strings.ReplaceAll(form, "{"+name+"}", value)
	}
	form = strings.ReplaceAll(form, "{unique}", fmt.Sprint(s.unique.Add(1)))
	own := c.party
	if own == "" {
		own = "DMA"
	}
	form = strings.NewReplacer("{other}", otherOf(c), "{own}", own).Replace(form)
	if p.writes {
		form += "&key=" + fmt.Sprintf("0198c0de-0000-7000-8000-%012d", s.unique.Add(1))
	}
	headers := []string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}
	if cookie != "" {
		headers = append(headers, "Cookie", cookie)
	}
	return s.ask(&caller{}, p.method, path, form, headers...)
}

// otherOf is a receiver for which the caller does not act.
func otherOf(c *caller) string {
	if c.party == "KNA" {
		return "ATG"
	}
	return "KNA"
}

// session signs a caller in and gives the cookie.
func (s *stage) session(t testing.TB, c *caller) string {
	t.Helper()
	if c.token == "" {
		return ""
	}
	h := s.ask(&caller{}, "POST", "/sign-in", url.Values{"token": {c.token}}.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
	for _, cookie := range (&http.Response{Header: h.header}).Cookies() {
		if cookie.Value != "" {
			return cookie.Name + "=" + cookie.Value
		}
	}
	t.Fatalf("%s cannot sign in: %d %s", c, h.status, h.body)
	return ""
}

// seen is what the table says of a page: shown or done, refused, there is no such thing, or sign in first. A form may also be shown again: then
// nothing was done.
func (s *stage) seen(t testing.TB, p page, c *caller, of standing) int {
	switch p.act {
	case "relay.role": // of some incident
		p.act, of = "relay.speak", standing{origin: c.party, named: []string{c.party}, regional: []string{c.party}}
	case "relay.other":
		p.act = "relay.speak"
	case "incident.open":
		if c.role != "first" {
			of.origin = c.party
		}
	}
	want := s.policy.expects(t, p.cell, c, of)
	whose := cmp.Or(of.owner, of.origin)
	if want == 403 && p.speaks && c.role != "auditor" && (p.act == "incident.open" || !c.actsFor(whose)) {
		k := p.cell
		k.act = "relay.speak"
		if p.act == "incident.open" {
			of.named = []string{c.party}
		}
		want = s.policy.expects(t, k, c, of)
	}
	return want
}

func (s *stage) look(t testing.TB, p page, c *caller, m map[string]string, cookie string, want int) {
	t.Helper()
	h := s.visit(c, p, m, cookie)
	s.cells.Add(1)
	if want != allowed {
		s.refusals.Add(1)
	}
	location := h.header.Get("Location")
	signIn := h.status == http.StatusSeeOther && strings.HasPrefix(location, "/sign-in")
	var ok bool
	switch {
	case p.act == "machine":
		ok = answered(h, p.answers)
	case want == 401:
		ok = signIn || h.status == 401
	case want == allowed:
		ok = answered(h, p.answers) && (!signIn || p.path == "/sign-out")
	case p.writes && want == 403:
		ok = h.status >= 400 && h.status != 404 && h.status < 500
	default:
		ok = h.status == want
	}
	if !ok {
		t.Errorf("%s as %s: %d %s, want %d (0: %s): %s", p.name, c, h.status, location, want, p.answers, wrongs(h.body))
	}
	s.leak(t, c, p.name, h.body)
}

// wrongs gives what a page says is wrong.
func wrongs(html string) string {
	if _, after, ok := strings.Cut(html, "role=\"alert\""); ok {
		return strings.Join(strings.Fields(after[:min(len(after), 600)]), " ")
	}
	return ""
}

func (s *stage) lookAround(t testing.TB, p page, cookies map[*caller]string) {
	thing := p.thing
	if thing == "session" {
		thing = ""
	}
	shared := s.share(t, thing)
	var refused, may []*caller
	want := map[*caller]int{}
	for _, c := range s.callers {
		if want[c] = s.seen(t, p, c, s.standing(thing, p.owner, c, shared)); want[c] == allowed {
			may = append(may, c)
		} else {
			refused = append(refused, c)
		}
	}
	for n, c := range slices.Concat(refused, may) {
		m, cookie := shared, cookies[c]
		if n >= len(refused) && p.fresh {
			m = s.thing(t, thing)
			if p.thing == "session" {
				cookie = s.session(t, c)
			}
		}
		s.look(t, p, c, m, cookie, want[c])
	}
}

func TestEveryPageAsksThePolicy(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	pages := s.pages(t)
	cookies := map[*caller]string{}
	for _, c := range s.callers {
		cookies[c] = s.session(t, c)
	}
	t.Run("rows", func(t *testing.T) {
		for n, p := range pages {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				s.lookAround(t, p, cookies)
			})
		}
	})
	addresses := map[string]bool{}
	for _, p := range pages {
		addresses[p.method+" "+p.path] = true
	}
	t.Logf("%d pages and forms in %d rows, %d callers: %d cells, %d refusals, %d leaks", len(addresses), len(pages), len(s.callers), s.cells.Load(), s.refusals.Load(), s.leaks.Load())
}
