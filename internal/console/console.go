// Package console is Landfall for people: pages in a browser, on a phone first, in English and French.
//
// A page is one GET: read what the scope may see through the desks, put it into words, render one template. A change is one POST of a plain
// form: read the form, one Desk call, and a redirect to where the change is seen; what is refused comes back as the same form, with
// everything that was typed and what is wrong beside its field. Everything works without JavaScript; with it, pages follow what happens, and a
// form that cannot be sent stays on the page.
//
//	browser ─▶ rest (request id, log, metrics, capacity) ─▶ console: headers ▶ origin ▶ session ▶ handler ─▶ Desk
//	   ▲                                                                                                │
//	   └── /live: hints that something changed; the page is read again ◀── feed of the bus ◀────────────┘
//	                                                                   ◀── looks, at what no bus carries
//
// What it promises: a form sent twice, or again after a broken connection, is recorded once (its hidden key is an Idempotency-Key); what somebody
// else changed meanwhile is shown and never overwritten unseen (its hidden ETag is an If-Match); a session ends at once with the token
// it stands on; every text is in the reader's language and every time in the reader's zone. What it refuses: rules of the field, which
// are the nouns', and questions of who may see what: every call hands over the Scope.
//
// Names: a page's texts are a group of locale.Page, its template a file of templates/, its handlers a file of this package.
package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/guard"
	"landfall/internal/head"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/limit"
	"landfall/internal/live"
	"landfall/internal/notify"
	"landfall/internal/preparedness"
)

// Options configure a Console. The desks and Now are required.
type Options struct {
	Access       *access.Desk
	Incidents    *incident.Desk
	Notify       *notify.Desk
	Preparedness *preparedness.Desk
	Heads        *head.Desk
	// Asides returns what is set aside, longest first; nil: nothing is.
	Asides func(ctx context.Context) ([]ledger.Aside, error)
	Feed   live.Feed        // what happens, as it happens; nil: pages do not follow
	Now    func() time.Time // the wall clock
	Logger *slog.Logger     // slog.Default()
	Guard  *guard.Guard     // remembers panics of this process; one of the console's own
	Secure bool             // people reach the service over HTTPS: cookies are for HTTPS only
	// Limiter bounds what one account and one address take, pages and API together; nil: nothing does.
	Limiter *limit.Limiter
	// Address gives where a request comes from; nil: the peer.
	Address echo.IPExtractor
	// Origins besides our own whose pages may sign somebody in, such as "http://127.0.0.1:8081": for the demo. None may send any other form.
	TrustedOrigins []string
}

// Console answers every address that the contract of package rest does not have. All methods may be called concurrently.
type Console struct {
	opt      Options
	log      *slog.Logger
	now      func() time.Time
	access   *access.Desk
	incident *incident.Desk
	notify   *notify.Desk
	prepared *preparedness.Desk
	heads    *head.Desk
	sessions *scs.SessionManager
	origin   *http.CrossOriginProtection // of every form
	entrance *http.CrossOriginProtection // of the form that signs in
	pages    pages
	assets   *assets
	echo     *echo.Echo
	looking  chan struct{} // held by the one open page that looks, see liveByLooking
}

// New makes the console.
func New(opt Options) (*Console, error) {
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if opt.Guard == nil {
		opt.Guard = guard.New(opt.Logger, opt.Now)
	}
	if opt.Limiter == nil {
		opt.Limiter = limit.New(limit.Limits{}, opt.Now)
	}
	c := &Console{
		opt: opt, log: opt.Logger, now: opt.Now,
		access: opt.Access, incident: opt.Incidents, notify: opt.Notify, prepared: opt.Preparedness, heads: opt.Heads,
		sessions: newSessions(opt), origin: http.NewCrossOriginProtection(), entrance: http.NewCrossOriginProtection(),
		looking: make(chan struct{}, 1),
	}
	if opt.Asides == nil {
		c.opt.Asides = func(context.Context) ([]ledger.Aside, error) { return nil, nil }
	}
	for _, o := range opt.TrustedOrigins {
		if err := c.entrance.AddTrustedOrigin(o); err != nil {
			return nil, err
		}
	}
	var err error
	if c.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if c.pages, err = parsePages(c.assets); err != nil {
		return nil, err
	}
	c.echo = echo.New()
	c.echo.HideBanner, c.echo.HidePort = true, true
	if c.echo.IPExtractor = opt.Address; opt.Address == nil {
		c.echo.IPExtractor = echo.ExtractIPDirect()
	}
	c.echo.HTTPErrorHandler = func(err error, e echo.Context) { c.Fail(e.Response(), e.Request(), err) }
	c.echo.Use(c.headers, middleware.GzipWithConfig(middleware.GzipConfig{Level: 5, MinLength: 1024, Skipper: c.uncompressed}))
	c.routes()
	return c, nil
}

// routes is the map of the console. get and post are for people who are signed in; each post is one form.
func (c *Console) routes() {
	c.read(assetPath, c.asset)
	c.read(iconPath, c.favicon)
	c.read(signInPath, c.open(asked([]string{"next", "out", "ended"}, c.signInPage)))
	c.echo.POST(signInPath, c.open(c.signIn))
	c.post("/sign-out", c.signOut)
	c.echo.POST("/language", c.open(c.language))
	c.post("/utc", c.showUTC)
	c.get("/style", c.style)
	c.get(livePath, c.live, "of")
	c.get(recordsPath, c.records, "cursor")

	c.homeRoutes()
	c.incidentRoutes()
	c.workRoutes()
	c.alertRoutes()
	c.toldRoutes()
	c.preparednessRoutes()
}

// handler answers one request of somebody whose language, and mostly whose scope, is known.
type handler func(v *visit) error

// get registers a page for people who are signed in, with the names of what its address may ask for.
func (c *Console) get(path string, h handler, names ...string) {
	c.read(path, c.signedIn(asked(names, h)))
}

// read registers what answers GET, and HEAD as GET without a body (RFC 9110, section 9.3.2).
func (c *Console) read(path string, h echo.HandlerFunc) {
	c.echo.GET(path, h)
	c.echo.HEAD(path, h)
}

// post registers what a form does for people who are signed in.
func (c *Console) post(path string, h handler) { c.echo.POST(path, c.signedIn(h)) }

// Routes gives every address that the console answers with its method, as in "GET /incidents/:id", sorted.
func (c *Console) Routes() []string {
	var all []string
	for _, r := range c.echo.Routes() {
		all = append(all, r.Method+" "+r.Path)
	}
	slices.Sort(all)
	return all
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.echo.ServeHTTP(w, r) }

// Streams reports whether the answer to a request goes on until somebody stops it.
func (c *Console) Streams(r *http.Request) bool { return r.URL.Path == livePath }

// Urgent reports whether a request cannot wait: the forms that acknowledge an alert, answer a request
// for reception or record an arrival, and the pages that lead to them.
func (c *Console) Urgent(r *http.Request) bool { return urgent.MatchString(r.URL.Path) }

var urgent = regexp.MustCompile(`\A/alerts/[^/]+(?:/acknowledge|/correct|/answer)?\z` +
	`|\A/incidents/[^/]+/(?:answers/new|movements/[^/]+(?:/arrive)?)\z`)

// uncompressed says what is not compressed on its way: what streams, and files, which are compressed already.
func (c *Console) uncompressed(e echo.Context) bool {
	return c.Streams(e.Request()) || e.Path() == assetPath || e.Path() == iconPath
}

// policy lets a page load what is ours and nothing else: no script or style of a page's own, no frame, nothing from elsewhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers says how browsers are to treat an answer.
func (c *Console) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(e echo.Context) error {
		h := e.Response().Header()
		h.Set(echo.HeaderContentSecurityPolicy, policy)
		h.Set(echo.HeaderXContentTypeOptions, "nosniff")
		h.Set(echo.HeaderXFrameOptions, "DENY")
		h.Set(echo.HeaderReferrerPolicy, "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set(echo.HeaderCacheControl, "no-store")
		return next(e)
	}
}

// bodyMax bounds a form, in bytes.
const bodyMax = 256 << 10

// open answers whoever comes: language is known, nobody is signed in.
func (c *Console) open(h handler) echo.HandlerFunc {
	return func(e echo.Context) error {
		r := e.Request()
		if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
			return fault.Wrap(err, fault.Invalid, "query_unreadable", "The address cannot be read.")
		}
		r.URL.RawQuery = lowerIDs(r.URL.RawQuery)
		values := slices.Clone(e.ParamValues())
		for n := range values {
			values[n] = lowerIDs(values[n])
		}
		e.SetParamValues(values...)
		if r.Method == http.MethodPost {
			guard := c.origin
			if r.URL.Path == signInPath {
				guard = c.entrance
			}
			if err := guard.Check(r); err != nil {
				return fault.Wrap(err, fault.Forbidden, "cross_origin", "This form was sent by a page of somebody else.")
			}
			r.Body = http.MaxBytesReader(e.Response(), r.Body, bodyMax)
		}
		return h(c.visit(e))
	}
}

// lowerIDs writes UUIDs in lower case: capitals mean the same (RFC 9562, section 4), and records know one form.
func lowerIDs(s string) string { return anyID.ReplaceAllStringFunc(s, strings.ToLower) }

var anyID = regexp.MustCompile(`(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)

// queried gives one of a closed list that the address asks for, "" when it asks for none. A word that is none of them is refused: a filter that is not
// understood never widens a list.
func queried[W ~string](v *visit, name string, list []W) (W, error) {
	word := W(v.QueryParam(name))
	if word != "" && !slices.Contains(list, word) {
		return "", fault.New(fault.Invalid, "query_unreadable", "The address asks for something that there is not.")
	}
	return word, nil
}

// asked has a page refuse an address that asks for anything but the named things, or for one of them twice: a filter that is not
// understood never widens a list. Every page is told what was done before it.
func asked(names []string, h handler) handler {
	return func(v *visit) error {
		for name, values := range v.QueryParams() {
			if len(values) > 1 || name != "done" && !slices.Contains(names, name) {
				return fault.New(fault.Invalid, "query_unreadable", "The address asks for something that there is not, or for it twice.")
			}
		}
		return h(v)
	}
}

// signedIn answers whoever is signed in, and leads others to the page that signs in and back.
func (c *Console) signedIn(h handler) echo.HandlerFunc {
	return c.open(func(v *visit) error {
		switch err := v.resume(); {
		case fault.Is(err, fault.Unauthenticated):
			return v.leadIn()
		case err != nil:
			return err
		}
		back, err := v.admitted()
		if err != nil {
			return err
		}
		defer back()
		return h(v)
	})
}

// admitted refuses an account that asks too often or has its share, as the API does, and takes one of it.
func (v *visit) admitted() (back func(), err error) {
	r, l := v.Request(), v.console.opt.Limiter
	urgent := v.console.Urgent(r)
	if err := l.Ask(v.scope.Account, urgent); err != nil {
		return nil, err
	}
	if v.console.Streams(r) {
		return l.Streams.Account(v.scope.Account, urgent)
	}
	return l.Requests.Account(v.scope.Account, urgent)
}

// leadIn sends to the page that signs in. What was posted is not lost on the way back: the form is still in the browser's history, and the
// page says so.
func (v *visit) leadIn() error {
	r := v.Request()
	next := r.URL.RequestURI()
	if r.Method == http.MethodPost {
		next = "/"
		if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
			next = from.RequestURI()
		}
	}
	if r.URL.Path == livePath {
		return fault.New(fault.Unauthenticated, "unauthenticated", "The session has ended.")
	}
	query := url.Values{}
	if next != "/" {
		query.Set("next", next)
	}
	if _, err := r.Cookie(v.console.sessions.Cookie.Name); err == nil {
		query.Set("ended", "1")
	}
	target := signInPath
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return v.Redirect(http.StatusSeeOther, target)
}

// local gives a path of ours to go on to; "/" for anything else.
func local(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") {
		return "/"
	}
	return path
}

// Fail answers with the page that an error is. It logs what nobody classified, once.
func (c *Console) Fail(w http.ResponseWriter, r *http.Request, err error) {
	f := faultOf(err)
	id := w.Header().Get(echo.HeaderXRequestID)
	if f.Kind == fault.Internal {
		c.log.ErrorContext(r.Context(), "page failed", "request_id", id, "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if e, ok := w.(*echo.Response); ok && e.Committed {
		return
	}
	v := c.visit(c.echo.NewContext(r, w))
	_ = v.resume() // whoever is signed in keeps the navigation
	if err := v.wrong(f, id); err != nil {
		c.log.ErrorContext(r.Context(), "an error page could not be shown", "request_id", id, "error", err)
	}
}

// faultOf gives the fault in err, or the one that stands for it.
func faultOf(err error) *fault.Error {
	var said *echo.HTTPError
	var large *http.MaxBytesError
	f, known := fault.As(err)
	switch {
	case known:
		return f
	case errors.As(err, &large):
		return fault.Wrap(err, fault.TooLarge, "body_too_large", "The form is larger than %d bytes.", large.Limit)
	case errors.As(err, &said) && said.Code == http.StatusNotFound, errors.As(err, &said) && said.Code == http.StatusMethodNotAllowed:
		return fault.Wrap(err, fault.NotFound, "page_not_found", "There is no such page.")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Unavailable, "timed_out", "This took too long.")
	}
	return fault.Wrap(err, fault.Internal, "internal", "Something went wrong on our side.")
}
