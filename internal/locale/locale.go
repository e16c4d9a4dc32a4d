// Package locale speaks to people in the two official languages of the region, English and French: texts, numbers, and instants in the
// time of the state that reads them.
//
// The texts stand in one catalogue, a JSON file for each language, whose keys are the fields of Catalogue. A text that does not exist does not
// compile; one that a language lacks, has too many of, or that names another blank than its type does, stops the first call of
// For, which a test of this package makes. Nobody is ever shown a key. Words of closed lists (statuses, severities, ...) are looked up by code; a
// code of a newer version is shown as itself, with spaces.
//
// Whoever shows something to people may call it: package notify/wording for messages, the console for pages. It reads no clock and
// no environment, decides nothing, and escapes nothing: texts are plain, and who puts them into HTML escapes them there. A Locale is
// shared and immutable; all methods may be called concurrently.
package locale

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"landfall/internal/place"
)

// Language is a language that the catalogue speaks, as a BCP 47 tag.
type Language string

// The languages. EN is what is spoken to whoever asks for another one.
const (
	EN Language = "en"
	FR Language = "fr"
)

// Languages gives all of them, the default first.
func Languages() []Language { return []Language{EN, FR} }

// LanguageOf gives the language for a BCP 47 tag: French for any French, English for all others.
func LanguageOf(tag string) Language {
	main, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if main == string(FR) {
		return FR
	}
	return EN
}

// Locale speaks one language.
type Locale struct {
	*Catalogue
	Language Language

	tag     language.Tag
	printer *message.Printer
}

// For gives the locale for a BCP 47 tag.
func For(tag string) *Locale { return spoken()[LanguageOf(tag)] }

// spoken is built once. The catalogue is part of the binary and covered by tests, so a fault in it is a broken build.
var spoken = sync.OnceValue(func() map[Language]*Locale {
	catalogues, err := load(files)
	if err != nil {
		panic("locale: embedded catalogue: " + err.Error())
	}
	all := map[Language]*Locale{}
	for l, c := range catalogues {
		tag := language.MustParse(string(l))
		all[l] = &Locale{Catalogue: c, Language: l, tag: tag, printer: message.NewPrinter(tag)}
	}
	return all
})

// Number gives a whole number as the language writes it: "13,303", "13 303".
func (l *Locale) Number(n int) string { return l.printer.Sprint(number.Decimal(n)) }

// List joins items: "A, B and C".
func (l *Locale) List(items ...string) string {
	switch n := len(items); n {
	case 0:
		return ""
	case 1:
		return items[0]
	default:
		return l.Joins.Last.Say(Pair{A: strings.Join(items[:n-1], ", "), B: items[n-1]})
	}
}

// Party gives the name of a state, an island or an organisation; its code when nobody here knows it.
func (l *Locale) Party(p place.Party) string { return p.Name().In(string(l.Language)) }

// Office names who acted, as far as others are told: "emergency coordinator of Dominica". Role is an access.Role; the first account has no party.
func (l *Locale) Office(role string, p place.Party) string {
	word := l.Page.Shell.Role.Of(role)
	if p == "" {
		return word
	}
	return l.Source.Office.Say(Pair{A: word, B: l.Party(p)})
}

// Entered says how a word came that somebody else entered: "by radio, entered by the emergency coordinator of Dominica, said 18 Sep 18:55 (UTC-4)". The
// way is one of ledger.Relay; said is when, in words, or "".
func (l *Locale) Entered(way, role string, p place.Party, said string) string {
	text := l.Source.Entered.Say(Pair{A: l.Page.Alerts.Via.Of(way), B: l.Office(role, p)})
	if said != "" {
		text = l.Source.Said.Say(Pair{A: text, B: said})
	}
	return text
}

// Parties gives their names, separated by semicolons: "Antigua and Barbuda; Saint Kitts and Nevis".
func (l *Locale) Parties(list []place.Party) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = l.Party(p)
	}
	return strings.Join(names, string(l.Joins.Between))
}
