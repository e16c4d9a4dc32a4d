// Package check checks what people and programs send: the rules that all nouns share.
//
// It refuses times that cannot be, texts that a reader cannot see, ids that are none, and free text that looks like personal data: the
// records cannot forget what stands in them, so a warning would come too late. It decides nothing about the field and reads no clock.
// Every check records what is wrong at a JSON pointer and goes on, so that one answer names everything.
package check

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Bounds of what a request may say.
const (
	MaxTitle     = 200
	MaxReason    = 500
	MaxPlace     = 120 // a town or a port, or who carries
	MaxReference = 200
	MaxCount     = 10_000_000 // above every population of the region

	// Skew is how far ahead of our clock somebody may say that something has happened.
	Skew = 10 * time.Minute
)

var (
	earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) // exclusive
)

// Instant brings a time of a request to the form in which records keep it.
func Instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Time requires a time between 1900 and 2199.
func Time(c *fault.Check, pointer string, t time.Time) {
	switch {
	case t.IsZero():
		c.Field(pointer, "is required")
	case t.Before(earliest) || !t.Before(latest):
		c.Field(pointer, "must lie in the years 1900 to 2199")
	}
}

// OptionalTime is Time for a time that may be absent.
func OptionalTime(c *fault.Check, pointer string, t time.Time) {
	if !t.IsZero() {
		Time(c, pointer, t)
	}
}

// Reason is for the sentence that says why. It stands in the record for ever.
func Reason(c *fault.Check, pointer, s string, required bool) {
	if required {
		Required(c, pointer, s, MaxReason, true)
	} else {
		Text(c, pointer, s, MaxReason, true)
	}
	Plain(c, pointer, s)
}

// Past requires a time that has come: nobody reports what is still to happen.
func Past(c *fault.Check, pointer string, t, now time.Time) {
	if t.After(now.Add(Skew)) {
		c.Field(pointer, "lies in the future; only what has happened can be reported")
	}
}

// Text requires a text of at most limit characters without control characters. lines permits line breaks.
func Text(c *fault.Check, pointer, s string, limit int, lines bool) {
	switch {
	case !utf8.ValidString(s):
		c.Field(pointer, "is not valid UTF-8")
	case utf8.RuneCountInString(s) > limit:
		c.Field(pointer, "has more than %d characters", limit)
	case strings.ContainsFunc(s, func(r rune) bool { return unprintable(r, lines) }):
		c.Field(pointer, "holds control or direction characters")
	}
}

// Required is Text for a text that must say something.
func Required(c *fault.Check, pointer, s string, limit int, lines bool) {
	if strings.TrimSpace(s) == "" {
		c.Field(pointer, "is required and must not be blank")
		return
	}
	Text(c, pointer, s, limit, lines)
}

// unprintable reports signs that a reader cannot see: controls, and those that turn the direction of what follows.
func unprintable(r rune, lines bool) bool {
	switch {
	case r == '\n' || r == '\t':
		return !lines
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff':
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}

// telling is a pattern that tells what a text holds.
type telling struct {
	pattern *regexp.Regexp
	what    string
}

// looksPersonal lists what must not be stored anywhere (domain: data protection), as far as a pattern can tell it from a reference number, a
// date or a count. What has no telling form, a name above all, is kept out by having no field to put it in.
var looksPersonal = []telling{
	{regexp.MustCompile(`\+\d[\d ().-]{6,16}\d|\(\d{3}\) ?\d{3}[ .-]\d{4}|\b\d{3}[ .-]\d{3}[ .-]\d{4}\b|\b0\d([ .-]\d{2}){4}\b`), "a telephone number"},
	{regexp.MustCompile(`[\w.+-]+@[\w-]+\.\w+`), "an e-mail address"},
	{regexp.MustCompile(`(?i)\b(passport|passeport|visa|national id|id card|carte d'identité|ticket|permit)\b[^\n;]{0,20}?\b[a-z]{0,3}-?\d{6,}`), "the number of a personal document"},
	{regexp.MustCompile(`(?i)\b(d\.?o\.?b\b|born|date of birth|née?\b|date de naissance)[^\n;]{0,24}?\d{1,4}[ ./-](\d{1,2}|[a-z]{3,9})[ ./-]\d{2,4}`), "a date of birth"},
}

// Plain refuses free text that looks like personal data. The records cannot forget what stands in them, so a warning would come
// too late; references of public documents are not asked.
func Plain(c *fault.Check, pointer, s string) {
	if what := Personal(s); what != "" {
		c.Field(pointer, "looks like it holds %s; Landfall keeps no personal data. Give counts and public references only", what)
	}
}

// Personal says what a text is taken for; "" for nothing personal.
func Personal(text string) string {
	for _, p := range looksPersonal {
		if p.pattern.MatchString(text) {
			return p.what
		}
	}
	return ""
}

// ID accepts an absent id, or a UUID in its canonical form.
func ID(c *fault.Check, id string) {
	if id != "" && !IsID(id) {
		c.Field("/id", "must be a UUID in lower-case letters")
	}
}

// IsID reports whether the text is a UUID as Landfall writes it. Anything else names nothing.
func IsID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.String() == id && u != uuid.Nil
}

// Party requires a party that is a known place or organisation.
func Party(c *fault.Check, pointer string, p place.Party) {
	if _, err := place.ParseParty(string(p)); err != nil {
		c.Field(pointer, "%s", DetailOf(err))
	}
}

// Word requires one of a closed list.
func Word[W ~string](c *fault.Check, pointer string, w W, list []W) {
	for _, known := range list {
		if w == known {
			return
		}
	}
	c.Field(pointer, "must be one of %s", words(list))
}

func words[W ~string](list []W) string {
	text := make([]string, len(list))
	for i, w := range list {
		text[i] = string(w)
	}
	return strings.Join(text, ", ")
}

// Count requires a number of people or places that can be.
func Count(c *fault.Check, pointer string, n int) {
	switch {
	case n < 0:
		c.Field(pointer, "must not be negative")
	case n > MaxCount:
		c.Field(pointer, "must not exceed %d", MaxCount)
	}
}

// DetailOf gives the words of a fault as a reason for a field.
func DetailOf(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Detail
	}
	return "cannot be accepted"
}

// Relays gives the ways in which a word is passed on (domain: speaking for others).
func Relays() []string { return []string{"phone", "radio", "satellite", "in_person", "paper"} }

// Relay reads on whose behalf somebody speaks: on_behalf_of, relayed_by and said_at. It gives the party, or an Invalid fault.
func Relay(r *ledger.Relay, now time.Time) (place.Party, error) {
	var c fault.Check
	party := place.Party(r.OnBehalfOf)
	Party(&c, "/on_behalf_of", party)
	Word(&c, "/relayed_by", r.RelayedBy, Relays())
	if r.SaidAt != nil {
		Time(&c, "/said_at", *r.SaidAt)
		Past(&c, "/said_at", *r.SaidAt, now)
	}
	return party, c.Err()
}
