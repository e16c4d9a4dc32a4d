package incident

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"landfall/internal/fault"
	"landfall/internal/place"
)

// Bounds of what a request may say.
const (
	maxTitle     = 200
	maxReason    = 500
	maxNote      = 2000
	maxPlace     = 120 // a town or a port, or who carries
	maxReference = 200
	maxReceivers = 40
	maxCount     = 10_000_000 // above every population of the region
	maxBands     = 40

	// skew is how far ahead of our clock somebody may say that something has happened.
	skew = 10 * time.Minute
)

var (
	earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) // exclusive
)

// instant brings a time of a request to the form in which records keep it.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// checkTime requires a time between 1900 and 2199.
func checkTime(c *fault.Check, pointer string, t time.Time) {
	switch {
	case t.IsZero():
		c.Field(pointer, "is required")
	case t.Before(earliest) || !t.Before(latest):
		c.Field(pointer, "must lie in the years 1900 to 2199")
	}
}

// checkOptionalTime is checkTime for a time that may be absent.
func checkOptionalTime(c *fault.Check, pointer string, t time.Time) {
	if !t.IsZero() {
		checkTime(c, pointer, t)
	}
}

// checkReason is for the sentence that says why. It stands in the record for ever.
func checkReason(c *fault.Check, pointer, s string, required bool) {
	if required {
		checkRequired(c, pointer, s, maxReason, true)
	} else {
		checkText(c, pointer, s, maxReason, true)
	}
	plain(c, pointer, s)
}

// checkPast requires a time that has come: nobody reports what is still to happen.
func checkPast(c *fault.Check, pointer string, t, now time.Time) {
	if t.After(now.Add(skew)) {
		c.Field(pointer, "lies in the future; only what has happened can be reported")
	}
}

// checkText requires a text of at most limit characters without control characters. lines permits line breaks.
func checkText(c *fault.Check, pointer, s string, limit int, lines bool) {
	switch {
	case !utf8.ValidString(s):
		c.Field(pointer, "is not valid UTF-8")
	case utf8.RuneCountInString(s) > limit:
		c.Field(pointer, "has more than %d characters", limit)
	case strings.ContainsFunc(s, func(r rune) bool { return unprintable(r, lines) }):
		c.Field(pointer, "holds control or direction characters")
	}
}

// checkRequired is checkText for a text that must say something.
func checkRequired(c *fault.Check, pointer, s string, limit int, lines bool) {
	if strings.TrimSpace(s) == "" {
		c.Field(pointer, "is required and must not be blank")
		return
	}
	checkText(c, pointer, s, limit, lines)
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

// plain refuses free text that looks like personal data. The records cannot forget what stands in them, so a warning would come
// too late; references of public documents are not asked.
func plain(c *fault.Check, pointer, s string) {
	for _, p := range looksPersonal {
		if p.pattern.MatchString(s) {
			c.Field(pointer, "looks like it holds %s; Landfall keeps no personal data. Give counts and public references only", p.what)
			return
		}
	}
}

// checkID accepts an absent id, or a UUID in its canonical form.
func checkID(c *fault.Check, id string) {
	if id != "" && !isID(id) {
		c.Field("/id", "must be a UUID in lower-case letters")
	}
}

// isID reports whether the text is a UUID as Landfall writes it. Anything else names nothing.
func isID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.String() == id && u != uuid.Nil
}

// checkStates requires known states, each once.
func checkStates(c *fault.Check, pointer string, states []place.Party) {
	if len(states) > maxReceivers {
		c.Field(pointer, "names more than %d states", maxReceivers)
		return
	}
	seen := map[place.Party]bool{}
	for i, s := range states {
		at := pointer + "/" + itoa(i)
		if _, err := place.ParseState(string(s)); err != nil {
			c.Field(at, "%s", detailOf(err))
		} else if seen[s] {
			c.Field(at, "names a state twice")
		}
		seen[s] = true
	}
}

// checkParty requires a party that is a known place or organisation.
func checkParty(c *fault.Check, pointer string, p place.Party) {
	if _, err := place.ParseParty(string(p)); err != nil {
		c.Field(pointer, "%s", detailOf(err))
	}
}

// checkWord requires one of a closed list.
func checkWord[W ~string](c *fault.Check, pointer string, w W, list []W) {
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

// checkCount requires a number of people or places that can be.
func checkCount(c *fault.Check, pointer string, n int) {
	switch {
	case n < 0:
		c.Field(pointer, "must not be negative")
	case n > maxCount:
		c.Field(pointer, "must not exceed %d", maxCount)
	}
}

func detailOf(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Detail
	}
	return "cannot be accepted"
}
