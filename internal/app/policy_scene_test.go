package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/app"
)

// noon is where the clock of the matrix stands: two days before a landfall.
var noon = time.Date(2026, 9, 16, 13, 0, 0, 0, time.UTC)

// stage is one running service with an account of each role and party of the matrix, and the things that they try everything on.
type stage struct {
	app     *app.App
	policy  policyTable
	callers []*caller
	first   *caller

	mu     sync.Mutex
	shared map[string]*sharedThing

	began string          // the event before the first
	early map[string]bool // streams whose events came before it, and those events

	moveTo func(time.Time) // sets the clock

	unique, cells, refusals, leaks atomic.Int64
}

// parties are the callers' parties by how they stand to the incidents of the matrix.
var matrixParties = []string{
	"DMA",         // origin
	"ATG",         // named
	"KNA",         // named too
	"LCA",         // was named, and is not any more
	"GRD",         // never named
	"ATG-BARBUDA", // island of a named state
	"ORG-CDEMA",   // regional body with steps
	"ORG-IOM",     // regional body without
}

// newStage starts a service. out takes what it sends; nil: nobody subscribes to anything.
func newStage(t testing.TB, out *waysOut) *stage {
	t.Helper()
	opt := options(t.TempDir())
	var clock atomic.Int64
	moveTo := func(at time.Time) { clock.Store(at.UnixNano()) }
	moveTo(noon.Add(-4 * time.Hour))
	if out != nil {
		out.options(&opt)
		moveTo(noon.Add(-7 * 24 * time.Hour))
	}
	opt.Now = func() time.Time { return time.Unix(0, clock.Load()).UTC() }
	opt.NoSchedule, opt.WebhookAllowPrivate = true, true
	opt.Operators, opt.MetricsToken = []string{"ORG-CDEMA"}, "a token for metrics"
	opt.Logger = slog.New(slog.DiscardHandler)
	s := &stage{app: start(t, opt), policy: readPolicy(t), shared: map[string]*sharedThing{}, moveTo: moveTo}
	s.first = &caller{role: "first", token: s.app.FirstToken()}
	if err := s.app.RunOnce(t.Context(), "pending"); err != nil { // the first sweep: until then it is not ready
		t.Fatal(err)
	}
	s.callers = []*caller{s.first, {role: "nobody"}}
	for _, party := range matrixParties {
		roles := []string{"coordinator", "official", "liaison", "administrator", "auditor"}
		if strings.HasPrefix(party, "ORG-") {
			roles = []string{"regional_officer", "administrator", "auditor"}
		}
		for _, role := range roles {
			c := &caller{role: role, party: party}
			c.account = s.made(t, s.first, "/api/v1/accounts", fmt.Sprintf(`{"name":"Desk","role":%q,"party":%q}`, role, party)).text("id")
			c.token = s.made(t, s.first, "/api/v1/tokens", fmt.Sprintf(`{"account_id":%q,"label":"test"}`, c.account)).text("secret")
			s.callers = append(s.callers, c)
		}
	}
	if out != nil {
		s.listened(t, out)
	}
	s.share(t, "overdue")
	moveTo(noon)
	if err := s.app.RunOnce(t.Context(), "due"); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) caller(role, party string) *caller {
	for _, c := range s.callers {
		if c.role == role && c.party == party {
			return c
		}
	}
	panic("no " + role + " of " + party)
}

// heard is what the service answered.
type heard struct {
	status int
	header http.Header
	body   string
}

func (h *heard) text(member string) string {
	var m map[string]any
	_ = json.Unmarshal([]byte(h.body), &m)
	return fmt.Sprint(m[member])
}

func (h *heard) items() []map[string]any {
	var m struct{ Items []map[string]any }
	_ = json.Unmarshal([]byte(h.body), &m)
	return m.Items
}

// ask makes a call in the name of a caller. headers are pairs of name and value.
func (s *stage) ask(c *caller, method, path, body string, headers ...string) *heard {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, path, bytes.NewReader([]byte(body)))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	if path == "/api/v1/events" || path == "/live" {
		s.app.Handler().ServeHTTP(&leaving{rec, cancel}, r) // it goes on for as long as it is listened to
	} else {
		s.app.Handler().ServeHTTP(rec, r)
	}
	return &heard{rec.Code, rec.Header(), rec.Body.String()}
}

// leaving is a reader that goes away as soon as an answer begins.
type leaving struct {
	*httptest.ResponseRecorder
	leave func()
}

func (l *leaving) Write(b []byte) (int, error) {
	l.leave()
	return l.ResponseRecorder.Write(b)
}

func (l *leaving) WriteHeader(status int) {
	l.ResponseRecorder.WriteHeader(status)
	l.leave()
}

// made is ask for what the test needs: anything but success ends it.
func (s *stage) made(t testing.TB, c *caller, path, body string) *heard {
	t.Helper()
	return s.sent(t, c, "POST", path, body)
}

func (s *stage) sent(t testing.TB, c *caller, method, path, body string, headers ...string) *heard {
	t.Helper()
	h := s.ask(c, method, path, body, headers...)
	if h.status/100 != 2 {
		t.Fatalf("%s %s as %s: %d %s", method, path, c, h.status, h.body)
	}
	return h
}

// awaited asks until a list has an item that fits, and gives its id.
func (s *stage) awaited(t testing.TB, path string, fits func(map[string]any) bool) string {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		items := s.sent(t, s.first, "GET", path, "").items()
		for _, item := range items {
			if fits(item) {
				return item["id"].(string)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has no such item within 30 s: %v", path, items)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// What is planted where not everybody may read it. Numbers have six digits, so that no id holds one as a word.
var planted = []struct {
	what    string
	readers func(t testing.TB, s *stage, c *caller) bool
}{
	{"731173", inside}, {"741174", inside}, {"751175", inside}, {"721172", inside}, {"HiddenReference", inside}, {"HiddenNote", inside},
	{"TourismNote", func(t testing.TB, s *stage, c *caller) bool {
		of := standings["full"](c)
		of.owner = "ATG"
		return inside(t, s, c) || s.policy.may(t, c, "read.tourism", of)
	}},
	{"Zephyrine", func(t testing.TB, s *stage, c *caller) bool {
		return s.policy.may(t, c, "read.headline", standings["full"](c))
	}},
	{"711171", prepared}, {"Palmhaven", prepared},
}

func inside(t testing.TB, s *stage, c *caller) bool {
	return s.policy.may(t, c, "read.inside", standings["full"](c))
}

func prepared(t testing.TB, s *stage, c *caller) bool {
	return s.policy.may(t, c.asState(), "read.unit", standing{owner: "ATG"})
}

// leak counts what is planted and is shown to who may not read it.
func (s *stage) leak(t testing.TB, c *caller, what, body string) {
	t.Helper()
	for _, p := range planted {
		if shows(body, p.what) && !p.readers(t, s, c) {
			s.leaks.Add(1)
			t.Errorf("%s shows %s what it may not read: %s", what, c, p.what)
		}
	}
}

// shows reports whether a text has the word, and not only a longer one that contains it.
func shows(text, word string) bool {
	for {
		before, after, found := strings.Cut(text, word)
		if !found {
			return false
		}
		if !letter(before, len(before)-1) && !letter(after, 0) {
			return true
		}
		text = after
	}
}

// letter reports whether a text has a letter or digit of ASCII at a place.
func letter(text string, at int) bool {
	return at >= 0 && at < len(text) && (text[at] >= '0' && text[at] <= '9' || text[at]|0x20 >= 'a' && text[at]|0x20 <= 'z')
}
