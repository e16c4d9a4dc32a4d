package check

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"landfall/internal/fault"
)

// Text brings a text to the form in which records keep it (Unicode's form C) and requires that it has at most limit characters, that a reader can see it,
// and that nothing in it turns the direction of what follows. lines permits line breaks. An absent text is fine.
func Text(c *fault.Check, pointer string, s *string, limit int, lines bool) {
	if *s == "" {
		return
	}
	if !utf8.ValidString(*s) {
		c.Field(pointer, "is not valid UTF-8")
		return
	}
	*s = norm.NFC.String(*s)
	switch {
	case !Visible(*s):
		c.Field(pointer, "holds nothing that can be seen")
	case utf8.RuneCountInString(*s) > limit:
		c.Field(pointer, "has more than %d characters", limit)
	case !Printable(*s) || !lines && strings.ContainsAny(*s, "\n\t"):
		c.Field(pointer, "holds control or direction characters")
	}
}

// Required is Text for a text that must say something.
func Required(c *fault.Check, pointer string, s *string, limit int, lines bool) {
	if !Visible(*s) {
		c.Field(pointer, "is required and must not be blank")
		return
	}
	Text(c, pointer, s, limit, lines)
}

// Line is Text, in one line and without personal data: names of places and offices, titles, carriers.
func Line(c *fault.Check, pointer string, s *string, limit int) {
	Text(c, pointer, s, limit, false)
	Plain(c, pointer, *s)
}

// Title is Line for a text that must say something.
func Title(c *fault.Check, pointer string, s *string, limit int) {
	Required(c, pointer, s, limit, false)
	Plain(c, pointer, *s)
}

// Prose is free text of several lines without personal data; required says whether it must say something.
func Prose(c *fault.Check, pointer string, s *string, limit int, required bool) {
	if required {
		Required(c, pointer, s, limit, true)
	} else {
		Text(c, pointer, s, limit, true)
	}
	Plain(c, pointer, *s)
}

// Reason is for the sentence that says why. It stands in the record for ever.
func Reason(c *fault.Check, pointer string, s *string, required bool) {
	Prose(c, pointer, s, MaxReason, required)
}

// Printable reports whether a text is free of controls, but for line feeds and tabs, and of characters that turn the direction of what follows.
func Printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		switch {
		case r == '\n' || r == '\t':
			return false
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff':
			return true
		}
		return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	})
}

// Visible reports whether a text holds a character that leaves a mark: no space, control, joiner, filler, selector or mark without a letter.
func Visible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.In(r, unicode.Zs, unicode.Mn, unicode.Me, unicode.Cf,
			unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) && r != '\u2800' && r != utf8.RuneError
	})
}

// telling is a pattern that tells what a text holds.
type telling struct {
	pattern *regexp.Regexp
	what    string
}

// looksPersonal lists what must not be stored anywhere (domain: data protection), as far as a pattern can tell it from a reference number, a
// date or a count. A list of names has no such form; see Names.
var looksPersonal = []telling{
	{regexp.MustCompile(`\+\d[\d ().-]{6,16}\d|\(\d{3}\) ?\d{3}[ .-]\d{4}|\b\d{3}[ .-]\d{3}[ .-]\d{4}\b|\b0\d([ .-]\d{2}){4}\b`), "a telephone number"},
	{regexp.MustCompile(`[\w.+-]+@[\w-]+\.\w+`), "an e-mail address"},
	{regexp.MustCompile(`(?i)\b(passport|passeport|visa|national id|id card|carte d'identité|ticket|permit)\b[^\n;]{0,20}?\b[a-z]{0,3}-?\d{6,}`), "the number of a personal document"},
	{regexp.MustCompile(`(?i)\b(d\.?o\.?b\b|born|date of birth|née?\b|date de naissance)[^\n;]{0,24}?\d{1,4}[ ./-](\d{1,2}|[a-z]{3,9})[ ./-]\d{2,4}`), "a date of birth"},
}

// Plain refuses free text that looks like personal data. The records cannot forget what stands in them, so a warning would come
// too late; references of public documents are not asked. What looks like a list of people's names may be one of places: the sender confirms it.
func Plain(c *fault.Check, pointer, s string) {
	if what := Personal(s); what != "" {
		c.Field(pointer, "looks like it holds %s; Landfall keeps no personal data. Give counts and public references only", what)
	} else if Names(s) {
		c.Doubt(pointer, "looks like a list of people's names; Landfall keeps none. Give counts only, or confirm that no person is named")
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
