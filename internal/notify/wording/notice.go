// Package wording turns an event, as every receiver gets it, into words for people in their language: a subject, a short text, and the
// parts of a longer one as plain text and as HTML.
//
// What it promises: an exercise says so first, in the subject, the short text and the body. A notice says what happened, which incident that is, which states
// it is about, who is asked to do what by when (in their time and in UTC), which version it shows, and how to get to it: a link where a public address
// is confirmed, else the code to be quoted and whom to call. An event it has no words for is told honestly by type and code; a notice is never
// empty, and nothing in an event makes it fail. Words of the event are cleaned of control characters and bounded.
//
// What it refuses: to know anything that the event does not say, and to decide who gets it. Events hold no personal data of the displaced, so
// notices hold none. Channels for people call it; it may be called concurrently.
package wording

import (
	"regexp"
	"strings"

	"landfall/internal/locale"
	"landfall/internal/place"
)

// Options are what a notice needs to know of the service.
type Options struct {
	PublicURL string // confirmed address of the service, without a slash at its end; "": messages carry no links
	Callback  string // telephone to call; "": none
}

// Bounds of what a notice shows, in characters.
const (
	maxSubject  = 150
	maxHeadline = 110 // of it, so that the code is always seen
	maxShort    = 300
	maxValue    = 400 // of one value
	maxShown    = 10  // entries of a list
)

// Notice is what a person is told of one event. All texts are plain; HTML escapes them.
type Notice struct {
	Language locale.Language
	Exercise bool
	Subject  string // one line, at most 150 characters
	Short    string // one line, at most 300 characters unless the public address alone is longer than half of that: for SMS
	Incident string // id of the incident; "" when it has none

	Mark     string // what says that it is an exercise; "" when it is none
	Headline string
	Asked    []string // who must do what by when
	Said     []string // what else must be known
	Facts    []Fact
	Lists    []List
	LinkText string
	Link     string   // "" when no public address is confirmed
	Reach    []string // how to get to it otherwise
	Foot     []string
}

// Fact is one thing that is so.
type Fact struct{ Label, Value string }

// List is several things under a heading.
type List struct {
	Heading string
	Items   []string
}

// Of gives the notice for an event in a language (BCP 47; English for any but French). Type is the CloudEvents type, for when the body
// cannot be read.
func Of(eventType string, body []byte, language string, opt Options) Notice {
	w := &writer{Locale: locale.For(language), e: read(eventType, body)}
	w.n = Notice{Language: w.Language, Exercise: w.e.Exercise, Incident: w.e.Data.Incident.ID}
	w.tell()
	w.header()
	w.close(opt)
	w.lines()
	return w.n
}

// writer writes one notice.
type writer struct {
	*locale.Locale
	e event
	n Notice

	deadline string // until when an answer is asked for, as it follows a headline
}

// lines writes subject and short text from what stands in the notice.
func (w *writer) lines() {
	if w.e.Exercise {
		w.n.Mark = string(w.Notice.ExerciseLine)
	}
	code := w.e.code()
	line := func(headline string) string {
		parts := []string{headline + w.deadline}
		if code != "" {
			parts = append(parts, code)
		}
		if title := w.e.title(); title != "" {
			parts = append(parts, title)
		}
		if w.e.Exercise {
			parts = append([]string{string(w.Notice.Exercise)}, parts...)
		}
		return strings.Join(parts, " – ")
	}
	// The headline gives way before the deadline and the code do.
	w.n.Subject = cut(line(cut(w.n.Headline, maxHeadline-len([]rune(w.deadline)))), maxSubject)
	short := append([]string{line(w.n.Headline) + "."}, w.n.Reach...)
	if w.n.Link != "" {
		// The link whole, or it is of no use: the rest gives way.
		short = []string{cut(short[0], max(maxSubject, maxShort-len([]rune(w.n.Link))-1)), w.n.Link}
		w.n.Short = strings.Join(short, " ")
		return
	}
	w.n.Short = cut(strings.Join(short, " "), maxShort)
}

// close says how to get to what the notice is about.
func (w *writer) close(opt Options) {
	if opt.PublicURL != "" {
		w.n.LinkText, w.n.Link = string(w.Notice.Close.Open), opt.PublicURL+w.e.path()
	}
	code, phone := w.e.code(), plain(opt.Callback, maxValue)
	switch {
	case code != "" && phone != "":
		w.reach(w.Notice.Close.QuoteCall.Say(locale.Call{Code: code, Phone: phone}))
	case phone != "":
		w.reach(w.Notice.Close.Call.Say(locale.Name{Name: phone}))
	case code != "" && w.n.Link == "":
		w.reach(w.Notice.Close.Quote.Say(locale.Name{Name: code}))
	}
	w.n.Foot = append(w.n.Foot, string(w.Notice.Close.Automatic), w.Notice.Close.Event.Say(locale.Trace{Type: w.e.kind(), Event: w.e.ID}))
}

var id = regexp.MustCompile(`\A[A-Za-z0-9-]{1,64}\z`)

// path is where the console shows what the event is about. The addresses are part of the product's contract with its readers: old mails
// hold them for years.
func (e *event) path() string {
	switch {
	case id.MatchString(e.Data.Alert.ID):
		return "/alerts/" + e.Data.Alert.ID
	case id.MatchString(e.Data.Incident.ID):
		return "/incidents/" + e.Data.Incident.ID
	}
	return "/"
}

func (w *writer) ask(text string)   { w.n.Asked = append(w.n.Asked, text) }
func (w *writer) say(text string)   { w.n.Said = append(w.n.Said, text) }
func (w *writer) reach(text string) { w.n.Reach = append(w.n.Reach, text) }

// fact adds a fact, unless there is nothing to say.
func (w *writer) fact(label locale.Phrase, value string) {
	if value = plain(value, maxValue); value != "" {
		w.n.Facts = append(w.n.Facts, Fact{string(label), value})
	}
}

// changed adds a fact, and what it was before a correction, when that was another.
func (w *writer) changed(label locale.Phrase, value, before string) {
	if before != "" && before != value {
		value = w.Notice.Say.Before.Say(locale.Pair{A: value, B: before})
	}
	w.fact(label, value)
}

// list adds a list of at most maxShown entries, and says how many are left out.
func (w *writer) list(heading locale.Phrase, items []string) {
	if len(items) == 0 {
		return
	}
	if left := len(items) - maxShown; left > 0 {
		items = append(items[:maxShown:maxShown], w.Count(left, w.Counts.More))
	}
	w.n.Lists = append(w.n.Lists, List{string(heading), items})
}

func (w *writer) name(p string) string { return w.Party(place.Party(plain(p, maxValue))) }

func (w *writer) names(list []string) string {
	names := make([]string, 0, len(list))
	for _, p := range list {
		names = append(names, w.name(p))
	}
	if len(names) > maxShown {
		names = append(names[:maxShown:maxShown], "…")
	}
	return strings.Join(names, string(w.Joins.Between))
}
