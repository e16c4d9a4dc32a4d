package console

import (
	"fmt"
	"strings"

	"landfall/internal/locale"
)

// field is one field of a form, for the templates of parts.html. Its methods change and give it, so that a template says
// {{template "input" (($f.Text "title" $t.Title).Need)}}.
type field struct {
	Form     *form
	Name     string
	Label    string
	Hint     string
	Type     string // of the input element; "area", "select", "radios", "boxes"
	Required bool
	Mode     string // input mode of a keyboard
	Auto     string // autocomplete
	Max      int    // characters
	Step     string
	List     string // id of the datalist that proposes values
	Choices  []choice
	Exercise map[string]string // the choices that are exercises: value → the word that says so
	Empty    string            // what a select says while nothing is chosen
}

// choice is one of several things to choose.
type choice struct {
	Value, Label, Hint string
}

// choicesOf gives a closed list as choices, in the words of the language.
func choicesOf[W ~string](list []W, words locale.Words) []choice {
	out := make([]choice, len(list))
	for n, w := range list {
		out[n] = choice{Value: string(w), Label: words.Of(string(w))}
	}
	return out
}

func (f *form) field(kind, name string, label any) *field {
	return &field{Form: f, Name: name, Label: fmt.Sprint(label), Type: kind, Auto: "off"}
}

// Text is a line of text.
func (f *form) Text(name string, label any) *field { return f.field("text", name, label) }

// Area is several lines of text.
func (f *form) Area(name string, label any) *field { return f.field("area", name, label) }

// Count is a whole number.
func (f *form) Count(name string, label any) *field {
	n := f.field("text", name, label)
	n.Mode = "numeric"
	return n
}

// When is a date and time of the reader's clock.
func (f *form) When(name string, label any) *field { return f.field("datetime-local", name, label) }

// Secret is a line that nobody looks at over a shoulder.
func (f *form) Secret(name string, label any) *field { return f.field("password", name, label) }

// Select is one of a list.
func (f *form) Select(name string, label any, choices []choice) *field {
	s := f.field("select", name, label)
	s.Choices = choices
	return s
}

// Radios is one of a few, all in view.
func (f *form) Radios(name string, label any, choices []choice) *field {
	s := f.field("radios", name, label)
	s.Choices = choices
	return s
}

// Boxes is any of several.
func (f *form) Boxes(name string, label any, choices []choice) *field {
	s := f.field("boxes", name, label)
	s.Choices = choices
	return s
}

// Need makes the field one that must be filled in. It is checked by the service, which says so in the reader's language.
func (d *field) Need() *field {
	d.Required = true
	return d
}

// Hinted adds what helps to fill it in.
func (d *field) Hinted(hint any) *field {
	d.Hint = fmt.Sprint(hint)
	return d
}

// AtMost bounds the characters.
func (d *field) AtMost(n int) *field {
	d.Max = n
	return d
}

// From proposes the values of a datalist.
func (d *field) From(list string) *field {
	d.List = list
	return d
}

// Saying is what a select shows while nothing is chosen.
func (d *field) Saying(text any) *field {
	d.Empty = fmt.Sprint(text)
	return d
}

// Rehearsing marks the choices that are exercises, by value, with the word that says so. They are out of sight while the form's field
// "exercise" says no.
func (d *field) Rehearsing(words map[string]string) *field {
	d.Exercise = words
	return d
}

// Value gives what stands in the field.
func (d *field) Value() string { return d.Form.Value(d.Name) }

// Error gives what is wrong with it.
func (d *field) Error() string { return d.Form.Error(d.Name) }

// Confirms gives the pointers that the field asks to confirm, "" for none.
func (d *field) Confirms() string { return strings.Join(d.Form.asks[d.Name], " ") }

// Yes is what confirms them.
func (d *field) Yes() string { return d.Form.yes }

// Has reports whether a choice is taken.
func (d *field) Has(value string) bool { return d.Form.Has(d.Name, value) }

// Described gives the ids of what describes the field, for assistive technology.
func (d *field) Described() string {
	out := ""
	if d.Hint != "" {
		out = d.Name + "-hint"
	}
	if d.Error() != "" {
		if out != "" {
			out += " "
		}
		out += d.Name + "-error"
	}
	return out
}
