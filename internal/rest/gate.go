package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"landfall/internal/fault"
)

// Bounds of the gate. A body of the largest size costs no more memory or time than one that is well meant.
const (
	depthMax  = 32
	valuesMax = 50_000
)

// admit reads a request body as JSON and refuses what no JSON library refuses for us: a byte order mark, bad UTF-8, half of a surrogate pair,
// a member named twice, nesting deeper than 32, control characters other than line feed and tab in a string, numbers that no
// double can hold, and anything after the value. The answer is made of map[string]any, []any, string, json.Number,
// bool and nil. Errors are faults of kind Invalid that point at the place.
//
// What the members may be is the contract's business; see (*contract).body.
func admit(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, refuseBody("not_utf8", "", "is not valid UTF-8")
	}
	if bytes.HasPrefix(body, []byte("\ufeff")) {
		return nil, refuseBody("byte_order_mark", "", "begins with a byte order mark; send plain UTF-8")
	}
	r := reader{text: body}
	r.space()
	if r.at == len(r.text) {
		return nil, refuseBody("body_required", "", "is empty; send a JSON object")
	}
	v, err := r.value(0)
	if err != nil {
		return nil, err
	}
	r.space()
	if r.at < len(r.text) {
		return nil, refuseBody("malformed_json", "", fmt.Sprintf("has something after the JSON value, at byte %d", r.at))
	}
	return v, nil
}

func refuseBody(code, pointer, reason string) error {
	return &fault.Error{Kind: fault.Invalid, Code: code, Detail: "The body is not acceptable JSON.",
		Fields: []fault.Field{{Pointer: pointer, Reason: reason}}}
}

// reader is a strict JSON parser (RFC 8259) that knows where it is.
type reader struct {
	text   []byte
	at     int
	values int
	path   []string // reference tokens of the value being read
}

func (r *reader) pointer() string { return pointerTo(r.path...) }

func (r *reader) malformed(what string) error {
	return refuseBody("malformed_json", r.pointer(), fmt.Sprintf("%s, at byte %d", what, r.at))
}

func (r *reader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// peek gives the next byte, or 0 at the end: no JSON token begins with 0.
func (r *reader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *reader) value(depth int) (any, error) {
	if r.values++; r.values > valuesMax {
		return nil, refuseBody("too_many_values", "", fmt.Sprintf("has more than %d values", valuesMax))
	}
	switch c := r.peek(); {
	case c == '{' || c == '[':
		if depth == depthMax {
			return nil, refuseBody("too_deep", r.pointer(), fmt.Sprintf("is nested deeper than %d levels", depthMax))
		}
		if c == '{' {
			return r.object(depth + 1)
		}
		return r.array(depth + 1)
	case c == '"':
		return r.str()
	case c == '-' || '0' <= c && c <= '9':
		return r.number()
	case c == 0:
		return nil, r.malformed("ends too early or holds a zero byte")
	}
	for _, w := range literals {
		if bytes.HasPrefix(r.text[r.at:], w.text) {
			r.at += len(w.text)
			return w.value, nil
		}
	}
	return nil, r.malformed("is not a JSON value")
}

var literals = [...]struct {
	text  []byte
	value any
}{{[]byte("true"), true}, {[]byte("false"), false}, {[]byte("null"), nil}}

func (r *reader) object(depth int) (any, error) {
	members := map[string]any{}
	r.at++ // {
	r.space()
	if r.peek() == '}' {
		r.at++
		return members, nil
	}
	for {
		if r.peek() != '"' {
			return nil, r.malformed("needs the name of a member in quotes")
		}
		name, err := r.str()
		if err != nil {
			return nil, err
		}
		r.path = append(r.path, name)
		if _, twice := members[name]; twice {
			return nil, refuseBody("duplicate_member", r.pointer(), "stands twice in its object")
		}
		if r.space(); r.peek() != ':' {
			return nil, r.malformed("needs a colon after its name")
		}
		r.at++
		r.space()
		if members[name], err = r.value(depth); err != nil {
			return nil, err
		}
		r.path = r.path[:len(r.path)-1]
		r.space()
		switch r.peek() {
		case ',':
			r.at++
			r.space()
		case '}':
			r.at++
			return members, nil
		default:
			return nil, r.malformed("needs a comma or a closing brace")
		}
	}
}

func (r *reader) array(depth int) (any, error) {
	items := []any{}
	r.at++ // [
	r.space()
	if r.peek() == ']' {
		r.at++
		return items, nil
	}
	for {
		r.path = append(r.path, strconv.Itoa(len(items)))
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		r.path = r.path[:len(r.path)-1]
		items = append(items, v)
		r.space()
		switch r.peek() {
		case ',':
			r.at++
			r.space()
		case ']':
			r.at++
			return items, nil
		default:
			return nil, r.malformed("needs a comma or a closing bracket")
		}
	}
}

// str reads a string. The common one, without escapes, is copied once.
func (r *reader) str() (string, error) {
	r.at++ // "
	start := r.at
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			s := string(r.text[start:r.at])
			r.at++
			return s, r.clean(s)
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return "", r.malformed("has a raw control character in a string")
		default:
			r.at++
		}
	}
	return "", r.malformed("has a string that does not end")
}

// escaped reads on from the first backslash of a string that began at start.
func (r *reader) escaped(start int) (string, error) {
	out := append([]byte(nil), r.text[start:r.at]...)
	for r.at < len(r.text) {
		c := r.text[r.at]
		r.at++
		switch {
		case c == '"':
			s := string(out)
			return s, r.clean(s)
		case c < ' ':
			return "", r.malformed("has a raw control character in a string")
		case c != '\\':
			out = append(out, c)
			continue
		}
		c = r.peek()
		r.at++
		if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 && c != 0 {
			out = append(out, "\"\\/\b\f\n\r\t"[i])
			continue
		}
		if c != 'u' {
			return "", r.malformed("has an escape in a string that JSON does not know")
		}
		char, ok := r.hex4()
		if ok && utf16.IsSurrogate(char) {
			low := rune(-1)
			if r.peek() == '\\' && r.at+1 < len(r.text) && r.text[r.at+1] == 'u' {
				r.at += 2
				low, ok = r.hex4()
			}
			char = utf16.DecodeRune(char, low)
			ok = ok && char != utf8.RuneError
		}
		if !ok {
			return "", r.malformed("has a \\u escape in a string that is no character")
		}
		out = utf8.AppendRune(out, char)
	}
	return "", r.malformed("has a string that does not end")
}

func (r *reader) hex4() (rune, bool) {
	if r.at+4 > len(r.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r.text[r.at:r.at+4]), 16, 16)
	r.at += 4
	return rune(n), err == nil
}

// clean refuses control characters, the C1 ones included, but for line feed and tab. Which members may hold those two the contract says.
func (r *reader) clean(s string) error {
	for _, c := range s {
		if isControl(c) && c != '\n' && c != '\t' {
			return refuseBody("control_character", r.pointer(), fmt.Sprintf("holds the control character U+%04X", c))
		}
	}
	return nil
}

func isControl(c rune) bool { return c < 0x20 || 0x7f <= c && c < 0xa0 }

// number reads a number as it is written. One that overflows a double is refused here, so that nobody later finds an infinity.
func (r *reader) number() (any, error) {
	start := r.at
	digits := func() bool {
		from := r.at
		for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
			r.at++
		}
		return r.at > from
	}
	if r.peek() == '-' {
		r.at++
	}
	ok := true
	if r.peek() == '0' {
		r.at++
	} else {
		ok = digits()
	}
	if ok && r.peek() == '.' {
		r.at++
		ok = digits()
	}
	if c := r.peek(); ok && (c == 'e' || c == 'E') {
		r.at++
		if c := r.peek(); c == '+' || c == '-' {
			r.at++
		}
		ok = digits()
	}
	if !ok {
		return nil, r.malformed("has a number that JSON does not know")
	}
	n := json.Number(r.text[start:r.at])
	if _, err := n.Float64(); errors.Is(err, strconv.ErrRange) {
		return nil, refuseBody("number_too_large", r.pointer(), "is a number too large to hold")
	}
	return n, nil
}

// pointerTo gives the JSON pointer (RFC 6901) of reference tokens.
func pointerTo(tokens ...string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(t))
	}
	return b.String()
}
