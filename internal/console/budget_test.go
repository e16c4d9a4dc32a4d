package console_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"landfall/internal/console"
	"landfall/internal/harness"
)

// What people may be made to load, in bytes on the wire: docs/performance.md.
const (
	pageMost      = 14 << 10 // any page
	firstViewMost = 50_000   // the first view, with everything that it loads
)

// season is a service in the middle of one: two events with five parties each, and what a coordinator and a liaison have gathered.
type season struct {
	*harness.World
	dma, atg                                              *harness.Client
	story, eruption, planned, draft                       *harness.Incident
	announced, departed, unit, alert, subscription, given string
}

// inSeason brings that about over the interface, in the middle of which the hurricane's steps have begun to fall due.
func inSeason(t *testing.T) *season {
	t.Helper()
	w, far := harness.New(t), harness.NewReceiver(t)
	s := &season{World: w, dma: w.Account("DMA", "coordinator"), atg: w.Account("ATG", "official")}
	vct, lca := w.Account("VCT", "coordinator"), w.Account("LCA", "official")
	s.subscription, _ = harness.Subscribe(s.dma, far, nil)
	for n := range 24 {
		target := fmt.Sprintf("%s/office/%d", far.URL(), n)
		s.dma.Post("/api/v1/subscriptions", harness.Object{"channel": "webhook", "target": target, "filter": harness.Object{"kinds": []string{"alert.*"}}}).Want(http.StatusCreated)
	}
	four := []string{"ATG", "LCA", "GRD", "KNA"}
	s.draft = w.Maria(s.dma, four, harness.Object{"draft": true})
	s.planned = w.Maria(s.dma, four, nil)
	s.story = w.Maria(s.dma, four, nil)
	s.story.Activate(w.Clock.Now().Add(48 * time.Hour))
	s.eruption = eruption(w, vct)
	for n := range 26 { // more than a page of incidents
		w.Maria(s.dma, four, harness.Object{"title": fmt.Sprintf("Exercise of the season, number %d", n), "exercise": true})
	}

	for n := range 52 { // more than a page of figures, and of the timeline
		figure := harness.Figure("DMA", 100+n, w.Clock.Now())
		figure["parts"] = []harness.Object{{"setting": "public_shelter", "number": 40}, {"setting": "host_family", "number": n}}
		s.story.Post(s.story.Path+"/figures", figure).Want(http.StatusCreated)
		s.story.Post(s.story.Path+"/steps/HUR-05/note", harness.Object{"note": fmt.Sprintf("Call %d: the line to the prefecture is down, try the satellite telephone", n)}).Want(http.StatusOK)
	}
	for range 12 {
		s.announced, s.departed = movement(w, s.story, "ATG"), movement(w, s.story, "LCA")
		s.story.Post(s.story.Path+"/movements/"+s.departed+"/depart", harness.Object{}).Want(http.StatusOK)
	}
	for _, c := range []*harness.Client{s.atg, lca} {
		for n := range 3 {
			answer := harness.Object{"kind": "accept", "ceiling": 300 + n, "conditions": []string{"Two ports only", "Six months at most", "Host homes that the office has seen"}}
			c.Post(s.story.Path+"/answers", answer).Want(http.StatusCreated)
			c.Post(s.eruption.Path+"/answers", answer).Want(http.StatusCreated)
		}
	}
	s.prepare(40)
	w.Pass(24 * time.Hour)
	s.dma, s.atg = w.Account("DMA", "coordinator"), w.Account("ATG", "official") // sessions last a day
	s.alert = fmt.Sprint(s.atg.AwaitAlert("activation", 1)[0]["id"])
	far.Await("figure.reported", 52)
	s.given = fmt.Sprint(s.dma.Get("/api/v1/deliveries?limit=1").Want(http.StatusOK).Items()[0]["id"])
	return s
}

func eruption(w *harness.World, vct *harness.Client) *harness.Incident {
	now := w.Clock.Now().Truncate(time.Second)
	hazard := vct.Post("/api/v1/hazards", harness.Object{"name": "La Soufrière", "type": "VO", "glide": []string{"VO-2021-000034-VCT"}, "started_at": now}).Want(http.StatusCreated)
	a := vct.Post("/api/v1/incidents", harness.Object{
		"title": "La Soufrière: Saint Vincent", "hazard_id": hazard.Str("id"), "origin": "VCT", "receivers": []string{"ATG", "GRD", "LCA", "DMA"}, "severity": "extreme", "occurred_at": now,
	}).Want(http.StatusCreated)
	i := &harness.Incident{Client: vct, ID: a.Str("id"), Path: "/api/v1/incidents/" + a.Str("id")}
	i.Post(i.Path+"/activate", harness.Object{
		"protocol": "volcano", "anchors": harness.Object{"RED": harness.Object{"at": now, "kind": "observed"}},
	}).Want(http.StatusOK)
	return i
}

// prepare registers units of Dominica, of which a third are assessed.
func (s *season) prepare(units int) {
	liaison := s.Account("DMA", "liaison")
	visitor := liaison.Visit("en")
	for n := range units {
		s.unit = liaison.Post("/api/v1/preparedness/units", harness.Object{
			"kind": "property", "name": fmt.Sprintf("Hotel of the bay, number %d", n), "town": "Portsmouth", "rooms": 20 + n,
		}).Want(http.StatusCreated).Str("id")
		if n%3 == 0 {
			assess(visitor.Get("/preparedness/units/"+s.unit), "Assess it", "P05").Send().Want(http.StatusOK)
		}
	}
}

// sights gives addresses for every route of a page: what is looked at, and by whom.
func (s *season) sights(language string) map[string][]sight {
	dominica, antigua, office := s.dma.Visit(language), s.atg.Visit(language), s.Account("ORG-CDEMA", "regional_officer").Visit(language)
	liaison := s.Account("DMA", "liaison").Visit(language)
	story, erupts := "/incidents/"+s.story.ID, "/incidents/"+s.eruption.ID
	all := map[string][]sight{
		"/":                         {{dominica, "/"}, {antigua, "/"}, {office, "/"}, {liaison, "/"}},
		"/sign-in":                  {{dominica, "/sign-in"}},
		"/style":                    {{dominica, "/style"}},
		"/records":                  {{s.Admin.Visit(language), "/records"}},
		"/alerts":                   {{dominica, "/alerts"}, {antigua, "/alerts"}, {office, "/alerts"}},
		"/alerts/:id":               {{antigua, "/alerts/" + s.alert}},
		"/relay":                    {{dominica, "/relay"}, {dominica, "/relay?incident=" + s.story.ID}, {dominica, "/relay?incident=" + s.story.ID + "&party=ATG"}},
		"/incidents":                {{dominica, "/incidents"}, {office, "/incidents"}},
		"/incidents/new":            {{dominica, "/incidents/new"}},
		"/incidents/:id/open":       {{dominica, "/incidents/" + s.draft.ID + "/open"}},
		"/incidents/:id/monitor":    {{dominica, "/incidents/" + s.planned.ID + "/monitor"}},
		"/incidents/:id/activate":   {{dominica, "/incidents/" + s.planned.ID + "/activate"}},
		"/preparedness":             {{liaison, "/preparedness"}, {office, "/preparedness"}},
		"/preparedness/units/new":   {{liaison, "/preparedness/units/new"}},
		"/subscriptions":            {{dominica, "/subscriptions"}},
		"/subscriptions/new":        {{dominica, "/subscriptions/new"}},
		"/subscriptions/:id":        {{dominica, "/subscriptions/" + s.subscription}},
		"/subscriptions/:id/change": {{dominica, "/subscriptions/" + s.subscription + "/change"}},
		"/deliveries":               {{dominica, "/deliveries"}},
		"/deliveries/:id":           {{dominica, "/deliveries/" + s.given}},
	}
	for _, form := range []string{"receivers", "stand-down", "close", "movements/new", "figures/new"} {
		all["/incidents/:id/"+form] = []sight{{dominica, story + "/" + form}}
	}
	for _, look := range []string{"", "/steps", "/timeline", "/figures", "/answers", "/movements", "/told", "/told?all=1", "/known", "/known?steps=1"} {
		route, _, _ := strings.Cut("/incidents/:id"+look, "?")
		all[route] = append(all[route], sight{dominica, story + look}, sight{dominica, erupts + look}, sight{office, story + look})
	}
	all["/incidents/:id/steps/:key"] = []sight{{dominica, story + "/steps/HUR-05"}}
	all["/incidents/:id/answers/new"] = []sight{{antigua, story + "/answers/new"}}
	all["/incidents/:id/key-times/:name"] = []sight{{dominica, story + "/key-times/LANDFALL"}}
	all["/incidents/:id/movements/:movement"] = []sight{{dominica, story + "/movements/" + s.departed}}
	for form, which := range map[string]string{"depart": s.announced, "arrive": s.departed, "cancel": s.announced, "correct": s.departed} {
		all["/incidents/:id/movements/:movement/"+form] = []sight{{dominica, story + "/movements/" + which + "/" + form}}
	}
	for _, look := range []string{"", "/assess", "/capacity", "/visitors"} {
		all["/preparedness/units/:id"+look] = []sight{{liaison, "/preparedness/units/" + s.unit + look}}
	}
	return all
}

type sight struct {
	visitor *harness.Visitor
	path    string
}

func TestEveryPageFitsABadLine(t *testing.T) {
	t.Parallel()
	s := inSeason(t)
	for _, language := range []string{"en", "fr"} {
		sights := s.sights(language)
		for _, route := range console.Pages() {
			if len(sights[route]) == 0 {
				t.Errorf("nobody looks at the page %s: give it an address in this test", route)
			}
			for _, look := range sights[route] {
				page := look.visitor.Get(look.path).Want(http.StatusOK)
				if page.URL.RequestURI() != look.path && route != "/sign-in" {
					t.Errorf("%s leads to %s: give the test one that is shown", look.path, page.URL)
				}
				speaksInWords(t, page)
				t.Logf("%6d %7d %s %s", page.Packed, len(page.Raw), language, look.path)
				if page.Packed > pageMost {
					t.Errorf("%s (%s, %s) is %d bytes compressed, of at most %d", route, look.path, language, page.Packed, pageMost)
				}
			}
			delete(sights, route)
		}
		for route := range sights {
			t.Errorf("there is no page %s any more: take it out of this test", route)
		}
	}
}

func TestTheFirstViewFitsABadLine(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	client := w.Account("DMA", "coordinator")
	for _, language := range []string{"en", "fr"} {
		for _, token := range []string{"", client.Token()} {
			size, loaded := firstView(t, w.App.URL(), language, token)
			t.Logf("%s, signed in: %t: %d bytes, %v", language, token != "", size, loaded)
			if size > firstViewMost {
				t.Errorf("the first view is %d bytes on the wire, of at most %d: %v", size, firstViewMost, loaded)
			}
			if len(loaded) < 4 {
				t.Errorf("only this was loaded: %v", loaded)
			}
		}
	}
}

// firstView loads the page at / as a browser does that has never been here, after signing in with a token if there is one. It gives the bytes that
// came over the wire for it, headers included, and what was loaded.
func firstView(t *testing.T, base, language, token string) (int64, []string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req, _ := http.NewRequest(http.MethodPost, base+"/sign-in", strings.NewReader(url.Values{"token": {token}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := (&http.Client{Jar: jar}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	var came atomic.Int64
	wire := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return countedConn{c, &came}, err
	}}
	defer wire.CloseIdleConnections()
	browser := &http.Client{Jar: jar, Transport: wire, Timeout: 30 * time.Second}
	load := func(path string) io.Reader {
		req, _ := http.NewRequest(http.MethodGet, base+path, nil)
		req.Header.Set("Accept-Language", language)
		res, err := browser.Do(req) // which asks for gzip, and unpacks it
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK || !res.Uncompressed {
			t.Errorf("%s: %s, compressed: %t", path, res.Status, res.Uncompressed)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(text)
	}
	loaded := []string{"/"}
	page, err := html.Parse(load("/"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range page.Descendants() {
		for _, a := range n.Attr {
			file := n.Data == "link" && a.Key == "href" || (n.Data == "script" || n.Data == "img") && a.Key == "src"
			if file && strings.HasPrefix(a.Val, "/") && !slices.Contains(loaded, a.Val) {
				loaded = append(loaded, a.Val)
				load(a.Val)
			}
		}
	}
	return came.Load(), loaded
}

// countedConn counts what comes.
type countedConn struct {
	net.Conn
	came *atomic.Int64
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.came.Add(int64(n))
	return n, err
}
