package console

import (
	"html/template"
	"net/http"
	"time"

	"landfall/internal/locale"
	"landfall/internal/place"
)

// utcCookie says that somebody wants UTC beside every time.
const utcCookie = "utc"

// showUTC remembers whether UTC is wanted beside every time, and goes back.
func (c *Console) showUTC(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	age := 365 * 24 * 3600
	if f.Value("show") == "" {
		age = -1
	}
	v.SetCookie(&http.Cookie{
		Name: utcCookie, Value: "1", Path: "/", MaxAge: age, HttpOnly: true, Secure: c.opt.Secure, SameSite: http.SameSiteLaxMode,
	})
	return v.Redirect(http.StatusSeeOther, local(f.Value("back")))
}

// UTC reports whether UTC is wanted beside every time.
func (v *visit) UTC() bool {
	_, err := v.Cookie(utcCookie)
	return err == nil
}

// Clock says whose clock the reader reads, and how far it is from UTC; "" for who acts for everybody, to whom every time says it.
func (p *page) Clock() string {
	zone := p.zone("")
	if zone == "" {
		return ""
	}
	return p.L.Page.Shell.Clock.Say(locale.Name{Name: p.L.Party(zone.StateParty()) + " (" + locale.Offset(p.Now().In(place.Zone(zone))) + ")"})
}

// clock gives the clock that somebody reads who looks at now: their own, or that of party for who acts for everybody.
func (v *visit) clock(now time.Time, party place.Party) locale.Clock {
	return locale.Clock{L: v.L, Now: now, Of: v.zone(party), Offset: v.scope.Party == "", UTC: v.UTC()}
}

// When shows an instant in one line, as seen from now, which is of the same clock: see locale.Clock. party is whom it concerns: its time and that of
// others follow where their clocks differ from the reader's.
func (p *page) When(t, now time.Time, party place.Party, others ...place.Party) template.HTML {
	return p.shown(t, now, party, others, locale.Clock.When)
}

// Due is When for what is due: it says how late it is.
func (p *page) Due(t, now time.Time, party place.Party, others ...place.Party) template.HTML {
	return p.shown(t, now, party, others, locale.Clock.Due)
}

// At is When without how far from now it is.
func (p *page) At(t, now time.Time, party place.Party, others ...place.Party) template.HTML {
	return p.shown(t, now, party, others, locale.Clock.At)
}

// shown shows an instant; the whole of it, with UTC, is its title.
func (p *page) shown(t, now time.Time, party place.Party, others []place.Party, say func(locale.Clock, time.Time, ...place.Party) string) template.HTML {
	if t.IsZero() {
		return ""
	}
	text := say(p.clock(now, party), t, append([]place.Party{party}, others...)...)
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` + //nolint:gosec // all parts are ours, and the texts are escaped
		template.HTMLEscapeString(p.L.Moment(t, p.zone(party))) + `">` + unbroken(text) + `</time>`)
}

// near is how far from now an instant is told by the hour, in either direction; what lies beyond is told by its day and year.
const near = 14 * 24 * time.Hour

// Near shows an instant of the wall clock by the hour when it is near, and by its date with the year when it is not.
func (p *page) Near(t time.Time, party place.Party) template.HTML {
	if now := p.console.now(); t.IsZero() || now.Sub(t).Abs() < near {
		return p.When(t, now, party)
	}
	return stamp(t, p.L.Date(t.In(place.Zone(p.zone(party)))))
}
