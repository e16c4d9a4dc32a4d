package console

import (
	"bytes"
	"context"
	"html/template"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/locale"
	"landfall/internal/place"
)

// visit is one request of one person.
type visit struct {
	echo.Context
	console *Console
	L       *locale.Locale
	scope   access.Scope
	me      access.Account
}

func (c *Console) visit(e echo.Context) *visit {
	return &visit{Context: e, console: c, L: locale.For(preferred(e.Request()))}
}

// ctx gives the context of the request.
func (v *visit) ctx() context.Context { return v.Request().Context() }

// preferred gives the language somebody chose, or else the one that the browser asks for.
func preferred(r *http.Request) string {
	if chosen, err := r.Cookie(languageCookie); err == nil {
		return chosen.Value
	}
	return string(accepted(r.Header.Values("Accept-Language")))
}

// accepted gives the language of ours that Accept-Language weighs most (RFC 9110, section 12.5.4), the first of equals. A language with a region, as
// in fr-MQ, is that language. A member that cannot be read counts for nothing; the others still do.
func accepted(headers []string) locale.Language {
	best, most := locale.EN, float32(0)
	for one := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		tags, weights, err := language.ParseAcceptLanguage(one)
		if err != nil || len(tags) != 1 || weights[0] <= most {
			continue
		}
		base, _ := tags[0].Base()
		if l := locale.Language(base.String()); l == locale.FR || l == locale.EN {
			best, most = l, weights[0]
		}
	}
	return best
}

// zone gives the party whose clock the reader reads: its own, or that of fallback for who acts for everybody.
func (v *visit) zone(fallback place.Party) place.Party {
	if v.scope.Party != "" {
		return v.scope.Party
	}
	return fallback
}

// to leads on after a change, and has the page say what was done (a code of Shell.Done).
func (v *visit) to(path, done string) error {
	if done != "" {
		path += "?done=" + done
	}
	return v.Redirect(http.StatusSeeOther, path)
}

// page is what every template is given. Its methods put things into the reader's words; Body is the page's own.
type page struct {
	*visit
	Title    string
	Body     any
	Exercise bool   // what is shown is of an exercise
	Live     string // streams to follow, separated by spaces: "incident/<id>", or a noun: "alert"
	Section  string // of the navigation: home, incidents, alerts, prepare, told
	Back     *link  // where one comes from
	Again    string // where a browser without scripts looks after two seconds
	Answers  bool   // it answers a form that was taken as far as this, such as with a review
}

// link is somewhere to go.
type link struct{ Href, Text string }

// option changes what surrounds a page.
type option func(*page)

// during says that what is shown is of an exercise, or not.
func during(exercise bool) option { return func(p *page) { p.Exercise = exercise } }

// following has a page follow streams, or all that is seen of a noun.
func following(streams string) option { return func(p *page) { p.Live = streams } }

// again has a browser without scripts, whose page follows nothing, look once more after two seconds.
func again(path string) option { return func(p *page) { p.Again = path } }

// in names the section of the navigation.
func in(section string) option { return func(p *page) { p.Section = section } }

// backTo gives the way back.
func backTo(href, text string) option { return func(p *page) { p.Back = &link{href, text} } }

// show renders a page.
func (v *visit) show(status int, name, title string, body any, opts ...option) error {
	p := &page{visit: v, Title: title, Body: body, Answers: status == http.StatusOK && v.Request().Method == http.MethodPost}
	for _, o := range opts {
		o(p)
	}
	t := v.console.pages[name]
	if t == nil {
		return fault.New(fault.Internal, "no_template", "There is no template %q.", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", p); err != nil {
		return err
	}
	v.Response().Header().Set("Content-Language", string(v.L.Language))
	v.Response().Header().Add(echo.HeaderVary, "Accept-Language, Cookie")
	return v.HTMLBlob(status, b.Bytes())
}

// statuses gives the HTTP status of each kind of fault.
var statuses = map[fault.Kind]int{
	fault.Internal: http.StatusInternalServerError, fault.Invalid: http.StatusBadRequest, fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden: http.StatusForbidden, fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.State: http.StatusConflict,
	fault.Precondition: http.StatusPreconditionFailed, fault.PreconditionRequired: http.StatusPreconditionRequired,
	fault.TooLarge: http.StatusRequestEntityTooLarge, fault.TooMany: http.StatusTooManyRequests, fault.Full: http.StatusInsufficientStorage,
	fault.Unavailable: http.StatusServiceUnavailable,
}

// wrongView is a page about something that went wrong.
type wrongView struct {
	Title, Text string
	Detail      string // what exactly, "" for faults of ours
	Reference   string
	Again       bool // trying again makes sense
}

// wrong shows a fault as a page.
func (v *visit) wrong(f *fault.Error, id string) error {
	status := statuses[f.Kind]
	if f.Kind == fault.Unauthenticated {
		return v.String(status, string(v.L.Page.Shell.SignIn.Ended)) // only for what no person reads
	}
	shown := strconv.Itoa(status)
	switch status {
	case http.StatusPreconditionRequired:
		shown = "412"
	default:
	}
	texts := v.L.Page.Shell.Wrong
	view := wrongView{Title: texts.Title.Of(shown), Text: texts.Text.Of(shown), Reference: id}
	if f.Kind != fault.Internal && f.Code != "page_not_found" {
		view.Detail = v.said(f)
	}
	if f.Kind == fault.Unavailable || f.Kind == fault.Internal || f.Kind == fault.TooMany {
		view.Again = v.Request().Method == http.MethodGet
	}
	if f.Kind == fault.Unavailable || f.Kind == fault.TooMany {
		wait := max(2*time.Second, f.RetryAfter)
		v.Response().Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	return v.show(status, "wrong", view.Title, view)
}

// said gives a fault in the reader's language: by its code, or as it stands where nobody has put it into words yet.
func (v *visit) said(f *fault.Error) string {
	if text, ok := v.L.Page.Refusal.Fault[f.Code]; ok {
		return text
	}
	return f.Detail
}

// SignedIn reports whether somebody is.
func (p *page) SignedIn() bool { return p.scope.Account != "" }

// Me gives the account that is signed in.
func (p *page) Me() access.Account { return p.me }

// Role gives the role of the account in words.
func (p *page) Role() string { return p.L.Page.Shell.Role.Of(string(p.me.Role)) }

// Office gives whom the account acts for.
func (p *page) Office() string {
	if p.scope.Party == "" {
		return string(p.L.Page.Shell.Everything)
	}
	return p.L.Party(p.scope.Party)
}

// MayWrite reports whether the account changes anything at all.
func (p *page) MayWrite() bool { return p.scope.MayWrite() }

// Here gives the address of the page.
func (p *page) Here() string { return p.Request().URL.RequestURI() }

// Other gives the language that the page is not in.
func (p *page) Other() locale.Language {
	if p.L.Language == locale.EN {
		return locale.FR
	}
	return locale.EN
}

// Done gives what was just done, "" when nothing was.
func (p *page) Done() string { return p.L.Page.Shell.Done[p.QueryParam("done")] }

// Asset gives the address of a file of ours.
func (p *page) Asset(name string) string { return p.console.assets.href(name) }

// Party gives the name of a party.
func (p *page) Party(party place.Party) string { return p.L.Party(party) }

// Number gives a whole number in words of the language.
func (p *page) Number(n int) string { return p.L.Number(n) }

// Text gives a text of data in the reader's language.
func (p *page) Text(t place.Text) string { return t.In(string(p.L.Language)) }

// Moment shows an instant as the reader, and then the others, read it; with UTC.
func (p *page) Moment(t time.Time, parties ...place.Party) template.HTML {
	if t.IsZero() {
		return ""
	}
	if p.scope.Party != "" {
		parties = append([]place.Party{p.scope.Party}, parties...)
	}
	return stamp(t, p.L.Moment(t, parties...))
}

// stamp is the element time of HTML.
func stamp(t time.Time, text string) template.HTML {
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `">` + unbroken(text) + `</time>`) //nolint:gosec // all parts are ours, and the text is escaped
}

// unbroken escapes a text in which the name of a zone does not break.
func unbroken(text string) string {
	return zoneName.ReplaceAllString(template.HTMLEscapeString(text), `<span class="nobreak">$0</span>`)
}

// zoneName finds "(UTC-4)", which may not break at its hyphen.
var zoneName = regexp.MustCompile(`\(UTC[^)]*\)`)

// codes are what names a step, which may not break at its hyphen: "VOL-12".
var codes = regexp.MustCompile(`\b[A-Z]{3}-\d\d[A-Z0-9.]*`)

// Coded shows a text whose codes of steps do not break.
func (p *page) Coded(text string) template.HTML {
	return template.HTML(codes.ReplaceAllString(template.HTMLEscapeString(text), `<span class="nobreak">$0</span>`)) //nolint:gosec // the text is escaped
}

// Now gives the wall time.
func (p *page) Now() time.Time { return p.console.now() }
