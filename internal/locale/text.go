package locale

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
)

// None is for texts without blanks.
type None struct{}

// Text is a text of the catalogue with blanks like {step}, which are the fields of A, all strings, by their names in lower snake case.
// Every translation fills in every field of A.
type Text[A any] struct {
	parts []piece
}

// piece is a bit of text, or the field of A that stands there.
type piece struct {
	text  string
	field int // -1: text
}

// Say fills in the blanks.
func (t Text[A]) Say(a A) string {
	var b strings.Builder
	v := reflect.ValueOf(a)
	for _, p := range t.parts {
		if p.field < 0 {
			b.WriteString(p.text)
		} else {
			b.WriteString(v.Field(p.field).String())
		}
	}
	return b.String()
}

// UnmarshalJSON reads a text and refuses blanks that A does not have, or has and the text has not.
func (t *Text[A]) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	fields := blanks(reflect.TypeFor[A]())
	parts, err := split(text, fields)
	if err != nil {
		return err
	}
	for i, name := range fields {
		if !slices.ContainsFunc(parts, func(p piece) bool { return p.field == i }) {
			return fmt.Errorf("%q does not say {%s}", text, name)
		}
	}
	t.parts = parts
	return nil
}

func (t *Text[A]) said() bool { return len(t.parts) > 0 }

// Phrase is a text without blanks.
type Phrase string

func (p *Phrase) said() bool { return *p != "" }

// Counted is a text about a number of things, {n}, in the forms that the language has for numbers (CLDR plural rules). The form
// "other" is always there; a form may leave {n} out.
type Counted struct {
	forms map[plural.Form][]piece
}

var formNames = map[string]plural.Form{
	"zero": plural.Zero, "one": plural.One, "two": plural.Two, "few": plural.Few, "many": plural.Many, "other": plural.Other,
}

// UnmarshalJSON reads the forms: {"one": "{n} step", "other": "{n} steps"}.
func (c *Counted) UnmarshalJSON(data []byte) error {
	var forms map[string]string
	if err := json.Unmarshal(data, &forms); err != nil {
		return err
	}
	c.forms = map[plural.Form][]piece{}
	for name, text := range forms {
		form, ok := formNames[name]
		if !ok {
			return fmt.Errorf("%q is no plural form", name)
		}
		parts, err := split(text, []string{"n"})
		if err != nil {
			return err
		}
		c.forms[form] = parts
	}
	if !slices.ContainsFunc(c.forms[plural.Other], func(p piece) bool { return p.field == 0 }) {
		return errors.New(`the form "other" is not there, or does not say {n}`)
	}
	return nil
}

func (c *Counted) said() bool { return len(c.forms) > 0 }

// Count says how many.
func (l *Locale) Count(n int, c Counted) string {
	size := max(n, -math.MaxInt) // the least number has no opposite
	parts, ok := c.forms[plural.Cardinal.MatchPlural(l.tag, max(size, -size), 0, 0, 0, 0)]
	if !ok {
		parts = c.forms[plural.Other]
	}
	var b strings.Builder
	for _, p := range parts {
		if p.field < 0 {
			b.WriteString(p.text)
		} else {
			b.WriteString(l.Number(n))
		}
	}
	return b.String()
}

// Words are the words for the codes of a closed list.
type Words map[string]string

// Of gives the word for a code; the code itself, with spaces, when a newer version knows more.
func (w Words) Of(code string) string {
	if word, ok := w[code]; ok {
		return word
	}
	return strings.NewReplacer("_", " ", ".", " ").Replace(code)
}

func (w Words) said() bool {
	for code, word := range w {
		if code == "" || word == "" {
			return false
		}
	}
	return len(w) > 0
}

// blanks gives the names of a struct's fields in lower snake case.
func blanks(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		f := t.Field(i)
		if f.Type.Kind() != reflect.String {
			panic("locale: " + t.String() + "." + f.Name + " is no string")
		}
		names[i] = snake(f.Name)
	}
	return names
}

func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// split cuts a text at its blanks.
func split(text string, fields []string) (parts []piece, err error) {
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		if before != "" {
			parts = append(parts, piece{text: before, field: -1})
		}
		if !found {
			break
		}
		blank, tail, closed := strings.Cut(after, "}")
		i := slices.Index(fields, blank)
		if !closed || i < 0 {
			return nil, fmt.Errorf("%q has a blank {%s that its type has not", text, blank)
		}
		parts = append(parts, piece{field: i})
		rest = tail
	}
	return parts, nil
}
