package console

import (
	"html/template"
	"time"

	"landfall/internal/locale"
)

// functions are what templates can do beside the methods of page.
var functions = template.FuncMap{
	"named": func(name string) locale.Name { return locale.Name{Name: name} },
	"words": words,
	"tone":  toneOf,
	"pair":  func(a, b string) locale.Pair { return locale.Pair{A: a, B: b} },
	"whom":  func(party string) locale.Who { return locale.Who{Party: party} },
	"mark":  func(tone string, text any) mark { return mark{tone, words(text)} },
	"choices": func(valuesAndLabels ...string) []choice {
		var list []choice
		for i := 0; i+1 < len(valuesAndLabels); i += 2 {
			list = append(list, choice{Value: valuesAndLabels[i], Label: valuesAndLabels[i+1]})
		}
		return list
	},
	"empty": func(title, text any, href string, link any) empty {
		return empty{words(title), words(text), href, words(link)}
	},
}

// mark is a status in a word and a colour; never in a colour alone.
type mark struct{ Tone, Text string }

// The tones of marks and notes.
const (
	good = "good" // done, ready, delivered
	soon = "soon" // due soon, partial
	bad  = "bad"  // overdue, dead
	info = "info" // to be known
	idle = "idle" // not begun, unknown
)

// empty is a list without anything in it.
type empty struct{ Title, Text, Href, Link string }

func words(text any) string {
	switch t := text.(type) {
	case string:
		return t
	case locale.Phrase:
		return string(t)
	}
	return ""
}

// wrongs is what heads a form that was refused.
type wrongs struct {
	*page
	Form   *form
	labels map[string]string
}

// Wrongs gives the head of a form that was refused. labels are names of fields and their labels in turn; a field without one is
// known by its error alone.
func (p *page) Wrongs(f *form, labels ...any) wrongs {
	w := wrongs{page: p, Form: f, labels: map[string]string{}}
	for i := 0; i+1 < len(labels); i += 2 {
		w.labels[words(labels[i])] = words(labels[i+1])
	}
	return w
}

// Say says what is wrong with a field.
func (w wrongs) Say(name string) string {
	label, ok := w.labels[name]
	if !ok {
		return w.Form.Error(name)
	}
	return w.L.Page.Form.Field.Say(locale.Pair{A: label, B: w.Form.Error(name)})
}

// tones are the tones of words that stand in many places.
var tones = map[string]string{"observed": good, "forecast": info}

func toneOf(word string) string {
	if t, ok := tones[word]; ok {
		return t
	}
	return idle
}

// item is one thing of a list with the page it is on, for the templates of lines.
type item struct {
	*page
	Of any
	At time.Time // now, on the clock of the thing
}

// Item gives a template of a line what it needs.
func (p *page) Item(of any, now time.Time) item { return item{p, of, now} }

// Questions is Wrongs for a form whose fields are not known beforehand.
func (p *page) Questions(f *form, list []question) wrongs {
	t := p.L.Page.Prepare
	w := p.Wrongs(f, "assessed_at", t.When, "valid_until", t.ValidUntil, "reference", t.Reference)
	for _, q := range list {
		w.labels[q.Field.Name] = q.Field.Name + " " + q.Field.Label
	}
	return w
}

// Plus adds two numbers.
func (p *page) Plus(a, b int) int { return a + b }
