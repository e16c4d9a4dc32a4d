package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	"go.uber.org/goleak"

	"landfall/internal/access"
	"landfall/internal/head"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/live"
	"landfall/internal/notify"
	"landfall/internal/notify/webhook"
	"landfall/internal/place"
	"landfall/internal/preparedness"
	"landfall/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is where the clock of every world stands at first.
var start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// metricsToken is what /metrics asks for.
const metricsToken = "a token for metrics"

// world is the whole interface over real desks and a real store. Every answer that passes through do is held against the contract.
type world struct {
	t       testing.TB
	server  *Server
	store   *sqlite.Store
	ledger  *ledger.Ledger
	router  *notify.Router
	access  *access.Desk
	log     *bytes.Buffer
	hooks   int               // subscriptions made
	tokens  map[string]string // secret by the name that the test gives an account
	account map[string]string // account id by that name

	mu      sync.Mutex
	clock   time.Time
	publish func(ledger.Appended)
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// hook gives the body of a subscription that is no other's.
func (w *world) hook() string {
	w.hooks++
	return fmt.Sprintf(`{"channel":"webhook","target":"https://hooks.example.org/%d"}`, w.hooks)
}

func newWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, clock: start, log: &bytes.Buffer{}, tokens: map[string]string{"nobody": "", "scraper": metricsToken}, account: map[string]string{}}
	ctx := context.Background()
	kinds := slices.Concat(ledger.Kinds(), access.Kinds(), incident.Kinds(), preparedness.Kinds(), notify.Kinds(), head.Kinds())
	st, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "landfall.db"), kinds, sqlite.Options{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	w.store = st
	logger := slog.New(slog.NewJSONHandler(&lockedWriter{to: w.log}, nil))
	w.ledger = ledger.New(st, ledger.Options{Now: w.now, Logger: logger, Epoch: 1, Publish: func(a ledger.Appended) {
		w.mu.Lock()
		publish := w.publish
		w.mu.Unlock()
		if publish != nil {
			publish(a)
		}
	}})
	w.access = access.NewDesk(w.ledger, st, access.Options{Now: w.now, Logger: logger})
	incidents := incident.NewDesk(w.ledger, st, nil)
	hook := webhook.New(webhook.Options{Now: w.now, AllowPrivate: true})
	desk, err := notify.NewDesk(w.ledger, st, notify.DeskOptions{
		Channels: []notify.Channel{hook}, Visibility: incidents, SealKey: bytes.Repeat([]byte{7}, 32), Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.router = notify.NewRouter(desk, st, notify.RouterOptions{Alone: true, Logger: logger})
	opt := Options{
		Access: w.access, Incidents: incidents, Notify: desk, Preparedness: preparedness.NewDesk(w.ledger, st, nil), Feed: quietFeed{}, ETag: w.ledger.ETag, Now: w.now, Logger: logger,
		Heads: head.NewDesk(w.ledger, st), Ready: []Check{{Name: "store", Run: st.Ping}}, MetricsToken: metricsToken, Operators: []place.Party{"ORG-CDEMA"},
	}
	for _, c := range change {
		c(&opt)
	}
	if w.server, err = New(opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := w.server.Stop(stop); err != nil {
			t.Error(err)
		}
		if err := w.router.Stop(stop); err != nil {
			t.Error(err)
		}
		hook.Close()
		if err := w.ledger.Close(stop); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	w.tokens["first"] = access.NewSecret()
	if created, err := w.access.Bootstrap(ctx, w.tokens["first"]); err != nil || !created {
		t.Fatalf("bootstrap: %t, %v", created, err)
	}
	w.account["first"] = access.FirstAccount()
	return w
}

// quietFeed is a feed on which nothing happens.
type quietFeed struct{}

func (quietFeed) Follow(context.Context, string) (live.Following, error) { return quietFeed{}, nil }
func (quietFeed) Close()                                                 {}
func (quietFeed) Next(ctx context.Context) (live.Event, error) {
	<-ctx.Done()
	return live.Event{}, ctx.Err()
}

type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// enroll creates an account with a token, through the interface.
func (w *world) enroll(name string, role access.Role, party place.Party) {
	w.t.Helper()
	a := w.postf("first", "/api/v1/accounts", `{"name":"Desk %s","role":%q,"party":%q}`, name, role, party).want(201)
	w.account[name] = a.text("id")
	w.tokens[name] = w.postf("first", "/api/v1/tokens", `{"account_id":%q,"label":"test"}`, a.text("id")).want(201).text("secret")
}

// cast enrolls the people of most tests: the origin, a receiver that will be named, a state that will not, and two who only watch.
func (w *world) cast() *world {
	w.t.Helper()
	w.enroll("origin", access.RoleCoordinator, "DMA")
	w.enroll("receiver", access.RoleOfficial, "ATG")
	w.enroll("stranger", access.RoleCoordinator, "GRD")
	w.enroll("liaison", access.RoleLiaison, "ATG")
	w.enroll("auditor", access.RoleAuditor, "DMA")
	return w
}

// open opens a hazard and an incident from Dominica to Antigua and gives the incident.
func (w *world) open(members ...string) *answered {
	w.t.Helper()
	hazard := w.post("origin", "/api/v1/hazards", `{"name":"Hurricane Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`).want(201)
	extra := ""
	for _, m := range members {
		extra += "," + m
	}
	return w.postf("origin", "/api/v1/incidents",
		`{"title":"Hurricane Maria: Dominica","hazard_id":%q,"origin":"DMA","receivers":["ATG"],"severity":"extreme","occurred_at":"2026-09-01T12:00:00Z"%s}`,
		hazard.text("id"), extra).want(201)
}

const activation = `{"protocol":"hurricane","anchors":{"LANDFALL":{"at":"2026-09-03T01:15:00Z","kind":"forecast"}}}`

// handle does what follows from everything accepted so far: alerts and deliveries.
func (w *world) handle() {
	w.t.Helper()
	for range 20 {
		found, err := w.router.Sweep(context.Background(), w.now().Add(time.Hour))
		if err != nil {
			w.t.Fatal(err)
		}
		if found == 0 {
			return
		}
	}
	w.t.Fatal("there is always more to handle")
}

// answered is an answer that was held against the contract.
type answered struct {
	t       testing.TB
	what    string
	code    int
	header  http.Header
	body    []byte
	members map[string]any
}

func (w *world) post(as, path, body string) *answered {
	w.t.Helper()
	return w.do(w.request(as, "POST", path, body))
}

// postf is post with a body written like fmt.Sprintf.
func (w *world) postf(as, path, body string, args ...any) *answered {
	w.t.Helper()
	return w.post(as, path, fmt.Sprintf(body, args...))
}

func (w *world) get(as, path string) *answered {
	w.t.Helper()
	return w.do(w.request(as, "GET", path, ""))
}

// request builds a request of an account; headers are pairs of name and value.
func (w *world) request(as, method, path, body string, headers ...string) *http.Request {
	w.t.Helper()
	var from io.Reader = http.NoBody
	if body != "" {
		from = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, from)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	secret, known := w.tokens[as]
	if !known {
		w.t.Fatalf("nobody is called %q", as)
	}
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (w *world) serve(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, r)
	return rec
}

// do sends a request and holds the answer against the contract.
func (w *world) do(r *http.Request) *answered {
	w.t.Helper()
	rec := w.serve(r)
	a := &answered{t: w.t, what: r.Method + " " + r.URL.Path, code: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
	if strings.Contains(rec.Header().Get("Content-Type"), "json") && len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &a.members); err != nil {
			w.t.Fatalf("%s: %d: %v in %s", a.what, a.code, err, a.body)
		}
	}
	if err := w.server.contract.fits(r, a); err != nil {
		w.t.Errorf("%s: %d does not follow the contract: %v\n%s", a.what, a.code, err, a.body)
	}
	return a
}

// fits holds an answer against the contract.
func (c *contract) fits(r *http.Request, a *answered) error {
	if a.header.Get("X-Request-Id") == "" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		return fmt.Errorf("the headers of every answer are missing")
	}
	op := c.find(r.Method, r.URL.Path)
	if op == nil {
		if a.code < 400 && r.Method != http.MethodOptions && r.Method != http.MethodHead {
			return fmt.Errorf("the contract does not have this operation")
		}
		return nil
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: op.route},
		Status:                 a.code, Header: a.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, SchemaValidationOptions: formatOptions},
	}
	if strings.HasPrefix(a.header.Get("Content-Type"), "application/") && !strings.Contains(a.header.Get("Content-Type"), "yaml") {
		input.SetBodyBytes(a.body)
	} else {
		input.Options.ExcludeResponseBody = true
	}
	return openapi3filter.ValidateResponse(context.Background(), input)
}

// find gives the operation of a concrete path.
func (c *contract) find(method, path string) *operation {
	have := strings.Split(path, "/")
	for _, o := range c.operations {
		want := strings.Split(o.path, "/")
		if o.method == method && len(want) == len(have) && slices.EqualFunc(want, have, func(w, h string) bool { return w == h || strings.HasPrefix(w, "{") }) {
			return o
		}
	}
	return nil
}

func (a *answered) want(code int) *answered {
	a.t.Helper()
	if a.code != code {
		a.t.Fatalf("%s answered %d, want %d: %s", a.what, a.code, code, a.body)
	}
	return a
}

// refused wants a problem with a status and a code, at pointers.
func (a *answered) refused(code int, word string, pointers ...string) *answered {
	a.t.Helper()
	a.want(code)
	if a.header.Get("Content-Type") != problemType || a.text("code") != word {
		a.t.Errorf("%s refused as %s %q, want %q: %s", a.what, a.header.Get("Content-Type"), a.text("code"), word, a.body)
	}
	for _, p := range pointers {
		if !slices.Contains(a.pointers(), p) {
			a.t.Errorf("%s blames %q, want %q", a.what, a.pointers(), p)
		}
	}
	return a
}

func (a *answered) pointers() []string {
	var all []string
	list, _ := a.members["errors"].([]any)
	for _, e := range list {
		all = append(all, e.(map[string]any)["pointer"].(string))
	}
	return all
}

func (a *answered) text(member string) string {
	s, _ := a.members[member].(string)
	return s
}

func (a *answered) items() []map[string]any {
	a.t.Helper()
	list, ok := a.members["items"].([]any)
	if !ok {
		a.t.Fatalf("%s has no items: %s", a.what, a.body)
	}
	out := make([]map[string]any, len(list))
	for i, v := range list {
		out[i] = v.(map[string]any)
	}
	return out
}

func (a *answered) etag() string { return a.header.Get("ETag") }
