package console

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/locale"
	"landfall/internal/place"
)

// form is a form as it was sent, or is to be filled in: what was typed, and what is wrong with it.
//
// Two hidden fields go with every form that changes something: "key", under which it is recorded once however often it is sent, and "etag",
// the version of the part that the person saw.
type form struct {
	Values  url.Values
	Errors  map[string]string // by field, in the reader's language
	order   []string          // fields with errors, as they were found
	Summary string            // what is wrong with all of it
	Stale   bool              // somebody else changed the part meanwhile

	asks map[string][]string // by field: the pointers that are to be confirmed
	yes  string              // what confirms them, in the reader's language
}

// newForm gives an empty form with a fresh key.
func newForm() *form {
	return &form{Values: url.Values{"key": {uuid.NewString()}}, Errors: map[string]string{}}
}

// with fills in a field.
func (f *form) with(name, value string) *form {
	f.Values.Set(name, value)
	return f
}

// drop empties the named fields that still hold what the form began with.
func (f *form) drop(begun *form, names ...string) {
	for _, name := range names {
		if f.Value(name) == begun.Value(name) {
			f.with(name, "")
		}
	}
}

// form reads what was sent. Space around values is none of theirs, and lines end in LF.
func (v *visit) form() (*form, error) {
	r := v.Request()
	if err := r.ParseForm(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "form_unreadable", "The form cannot be read.")
	}
	f := &form{Values: url.Values{}, Errors: map[string]string{}}
	for name, values := range r.PostForm {
		for _, value := range values {
			f.Values.Add(name, strings.TrimSpace(strings.ReplaceAll(value, "\r\n", "\n")))
		}
	}
	return f, nil
}

// Value gives what stands in a field.
func (f *form) Value(name string) string { return f.Values.Get(name) }

// Has reports whether a field holds a value: a box is ticked, a choice taken.
func (f *form) Has(name, value string) bool { return slices.Contains(f.Values[name], value) }

// Error gives what is wrong with a field.
func (f *form) Error(name string) string { return f.Errors[name] }

// Failed reports whether anything is wrong.
func (f *form) Failed() bool { return len(f.Errors) > 0 || f.Summary != "" || f.Stale }

// Wrong gives the fields with errors, in order.
func (f *form) Wrong() []string { return f.order }

// wrong says what is wrong with a field; the first thing stands.
func (f *form) wrong(name, text string) {
	if _, ok := f.Errors[name]; !ok {
		f.Errors[name] = text
		f.order = append(f.order, name)
	}
}

// Confirmed gives the pointers that somebody has confirmed, and that are not asked for again: they go on with the form.
func (f *form) Confirmed() []string {
	return slices.DeleteFunc(f.confirmed(), func(pointer string) bool {
		for _, asked := range f.asks {
			if slices.Contains(asked, pointer) {
				return true
			}
		}
		return false
	})
}

// confirmed gives the pointers of members that are meant as they are: the field "confirm", see fault.Check.
func (f *form) confirmed() []string {
	var all []string
	for _, one := range f.Values["confirm"] {
		all = append(all, strings.Fields(one)...)
	}
	return all
}

// check begins checks of what stands in the form.
func (f *form) check() fault.Check { return fault.Check{Confirmed: f.confirmed()} }

// write gives what goes with the change: the key, what it was sent with, what the person saw, and what is meant as it is.
func (v *visit) write(f *form) access.Write {
	w := access.Write{IfMatch: f.Value("etag"), Confirm: f.confirmed()}
	if key := f.Value("key"); key != "" {
		h := sha256.New()
		fmt.Fprintf(h, "%s\n%s", v.Request().URL.Path, f.Values.Encode())
		w.Key, w.Digest = key, h.Sum(nil)
	}
	return w
}

// relay reads on whose behalf a form speaks: fields on_behalf_of, relayed_by, said_at. nil when it speaks for itself.
func (v *visit) relay(f *form) *ledger.Relay {
	party := f.Value("on_behalf_of")
	if party == "" {
		return nil
	}
	if _, err := place.ParseParty(party); err != nil {
		f.wrong("on_behalf_of", string(v.L.Page.Form.Listed))
	}
	if f.Value("relayed_by") == "" {
		f.wrong("relayed_by", string(v.L.Page.Form.Required))
	}
	relay := &ledger.Relay{OnBehalfOf: party, RelayedBy: f.Value("relayed_by")}
	if at := v.moment(f, "said_at", place.Party(party)); !at.IsZero() {
		relay.SaidAt = &at
	}
	return relay
}

// need says of each field that is empty that it is required.
func (v *visit) need(f *form, names ...string) {
	for _, name := range names {
		if f.Value(name) == "" {
			f.wrong(name, string(v.L.Page.Form.Required))
		}
	}
}

// number reads a whole number; nil when the field is empty or wrong, which is said.
func (v *visit) number(f *form, name string, low, high int) *int {
	if f.Value(name) == "" {
		return nil
	}
	n, ok := check.ParseNumber(f.Value(name))
	switch {
	case !ok:
		f.wrong(name, string(v.L.Page.Form.Number))
		return nil
	case n < low || n > high:
		f.wrong(name, v.L.Page.Form.Between.Say(locale.Pair{A: v.L.Number(low), B: v.L.Number(high)}))
		return nil
	}
	return &n
}

// decimal reads a number that may have a fraction; 0 when the field is empty or wrong, which is said.
func (v *visit) decimal(f *form, name string) float64 {
	if f.Value(name) == "" {
		return 0
	}
	n, ok := check.ParseDecimal(f.Value(name))
	if !ok {
		f.wrong(name, string(v.L.Page.Form.Decimal))
	}
	return n
}

// momentForm is how browsers write a local date and time.
const momentForm = "2006-01-02T15:04"

// moment reads a date and time of the clock of the reader, or of party for who acts for everybody. Zero when the field is empty or
// wrong, which is said. A time that the clock never shows, and digits that are missing, are wrong.
func (v *visit) moment(f *form, name string, party place.Party) time.Time {
	text := f.Value(name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{momentForm, "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, place.Zone(v.zone(party))); err == nil && t.Format(layout) == text {
			return t.UTC()
		}
	}
	f.wrong(name, string(v.L.Page.Form.Moment))
	return time.Time{}
}

// local gives an instant as a field of a form holds it.
func (v *visit) local(t time.Time, party place.Party) string {
	if t.IsZero() {
		return ""
	}
	return t.In(place.Zone(v.zone(party))).Format(momentForm)
}

// refused takes what a desk refused into the form: fields by pointer, as in {"/ceiling": "ceiling"}; a pointer that is not there is its field's
// name with the slash gone. It reports whether the form is to be shown again; anything else is an error of the page.
func (v *visit) refused(f *form, err error, fields map[string]string) bool {
	e, ok := fault.As(err)
	if !ok {
		return false
	}
	switch e.Kind {
	case fault.Invalid:
		for _, wrong := range e.Fields {
			name, ok := fields[wrong.Pointer]
			if !ok {
				name = strings.TrimPrefix(wrong.Pointer, "/")
			}
			f.wrong(name, v.reason(wrong.Reason))
			if wrong.Confirmable {
				f.ask(name, wrong.Pointer, string(v.L.Page.Form.Confirm))
			}
		}
		if len(e.Fields) == 0 {
			f.Summary = v.said(e)
		}
	case fault.Precondition:
		f.Stale = true
	case fault.State, fault.Conflict, fault.Forbidden, fault.Full:
		f.Summary = v.said(e)
		if e.Kind == fault.Conflict {
			f.Values.Set("key", uuid.NewString())
		}
	case fault.Unavailable:
		f.Summary = string(v.L.Page.Form.Unknown)
	default:
		return false
	}
	return true
}

// ask has a field ask whether it is meant as it is.
func (f *form) ask(name, pointer, yes string) {
	if f.asks == nil {
		f.asks = map[string][]string{}
	}
	f.asks[name], f.yes = append(f.asks[name], pointer), yes
}

// status gives the HTTP status under which a form that was refused is shown again.
func (f *form) status() int {
	switch {
	case f.Stale:
		return statuses[fault.Precondition]
	case len(f.Errors) > 0:
		return statuses[fault.Invalid]
	}
	return statuses[fault.State]
}

// reason gives what is wrong with a field in the reader's language, or as it stands where nobody has put it into words yet.
func (v *visit) reason(english string) string {
	words := v.L.Page.Refusal.Reason
	if text, ok := words[english]; ok {
		return text
	}
	for _, p := range reasonPatterns() {
		if args := p.shape.FindStringSubmatch(english); args != nil {
			return v.fill(words[p.key], args[1:])
		}
	}
	return english
}
