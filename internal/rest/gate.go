package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"landfall/internal/fault"
)

// Bounds of the gate. A body of the largest size costs no more memory or time than one that is well meant.
const (
	depthMax  = 32
	valuesMax = 50_000
)

// admit reads a request body as JSON and refuses what JSON libraries let through: a byte order mark,
// bad UTF-8, half of a surrogate pair, a member named twice, nesting deeper than 32, control
// characters other than line feed and tab in a string, numbers that no double can hold, and anything
// after the value. The answer is made of map[string]any, []any, string, json.Number, bool and nil.
// Errors are faults of kind Invalid that point at the place.
//
// What the members may be is the contract's business; see (*contract).body.
func admit(body []byte) (any, error) {
	switch {
	case !utf8.Valid(body):
		return nil, refuseBody("not_utf8", "", "is not valid UTF-8")
	case bytes.HasPrefix(body, []byte("\ufeff")):
		return nil, refuseBody("byte_order_mark", "", "begins with a byte order mark; send plain UTF-8")
	case len(bytes.Trim(body, " \t\r\n")) == 0:
		return nil, refuseBody("body_required", "", "is empty; send a JSON object")
	}
	// Members named twice are found by the map that they go into.
	g := gate{text: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))}
	v, err := g.member()
	if err != nil {
		return nil, err
	}
	if _, err := g.text.ReadToken(); !errors.Is(err, io.EOF) {
		reason := fmt.Sprintf("has something after the JSON value, at byte %d", g.text.InputOffset())
		return nil, refuseBody("malformed_json", "", reason)
	}
	return v, nil
}

func refuseBody(code, pointer, reason string) error {
	return &fault.Error{Kind: fault.Invalid, Code: code, Detail: "The body is not acceptable JSON.",
		Fields: []fault.Field{{Pointer: pointer, Reason: reason}}}
}

// gate makes values of the tokens of one text.
type gate struct {
	text   *jsontext.Decoder
	values int
}

func (g *gate) refuse(code, reason string) error {
	return refuseBody(code, string(g.text.StackPointer()), reason)
}

func (g *gate) value(t jsontext.Token) (any, error) {
	if g.values++; g.values > valuesMax {
		return nil, refuseBody("too_many_values", "", fmt.Sprintf("has more than %d values", valuesMax))
	}
	switch t.Kind() {
	case '{', '[':
		switch {
		case g.text.StackDepth() > depthMax:
			return nil, g.refuse("too_deep", fmt.Sprintf("is nested deeper than %d levels", depthMax))
		case t.Kind() == '{':
			return g.object()
		}
		return g.array()
	case '"':
		s := t.String()
		return s, g.clean(s, false)
	case '0':
		n := json.Number(t.String())
		if _, err := n.Float64(); errors.Is(err, strconv.ErrRange) { // so that nobody later finds an infinity
			return nil, g.refuse("number_too_large", "is a number too large to hold")
		}
		return n, nil
	case 't', 'f':
		return t.Bool(), nil
	default:
		return nil, nil // null
	}
}

// member reads the value of a member, or the whole text.
func (g *gate) member() (any, error) {
	t, err := g.text.ReadToken()
	if err != nil {
		return nil, g.malformed(err)
	}
	return g.value(t)
}

func (g *gate) object() (any, error) {
	members := map[string]any{}
	for {
		t, err := g.text.ReadToken()
		switch {
		case err != nil:
			return nil, g.malformed(err)
		case t.Kind() == '}':
			return members, nil
		}
		name := t.String()
		if err := g.clean(name, true); err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, g.refuse("duplicate_member", "stands twice in its object")
		}
		if members[name], err = g.member(); err != nil {
			return nil, err
		}
	}
}

func (g *gate) array() (any, error) {
	items := []any{}
	for {
		t, err := g.text.ReadToken()
		switch {
		case err != nil:
			return nil, g.malformed(err)
		case t.Kind() == ']':
			return items, nil
		}
		v, err := g.value(t)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
}

// malformed says what is no JSON, and where. In a list that is where the next item was expected.
func (g *gate) malformed(err error) error {
	at, what := g.text.StackPointer(), "ends too early"
	var wrong *jsontext.SyntacticError
	if errors.As(err, &wrong) {
		at, what = wrong.JSONPointer, fmt.Sprintf("%v, at byte %d", wrong.Err, wrong.ByteOffset)
	}
	if kind, n := g.text.StackIndex(g.text.StackDepth()); kind == '[' {
		if at = g.text.StackPointer(); n > 0 {
			at = at.Parent()
		}
		at = at.AppendToken(strconv.FormatInt(n, 10))
	}
	return refuseBody("malformed_json", string(at), what)
}

// clean refuses control characters, the C1 ones included, but for line feed and tab, in a text or
// the name of a member. Which members may hold those two the contract says.
func (g *gate) clean(s string, name bool) error {
	for _, c := range s {
		if !isControl(c) || c == '\n' || c == '\t' {
			continue
		}
		at := g.text.StackPointer()
		if name {
			at = at.Parent()
		}
		return refuseBody("control_character", string(at), fmt.Sprintf("holds the control character U+%04X", c))
	}
	return nil
}

func isControl(c rune) bool { return c < 0x20 || 0x7f <= c && c < 0xa0 }

// pointerTo gives the JSON pointer (RFC 6901) of reference tokens.
func pointerTo(tokens ...string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(t))
	}
	return b.String()
}
