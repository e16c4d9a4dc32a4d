package mongodb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"landfall/internal/store"
)

// Names that no member of a JSON object gets by escaping: there a percent sign is followed by two hexadecimal digits or by nothing.
const (
	numberName = "%number"
	jsonName   = "%json"
)

// maxDepth is how deep a body may be nested to be kept as native BSON; servers differ in how much deeper they would go.
const maxDepth = 60

// encodeBody turns a JSON object into a BSON document that comes back as the same JSON value:
//
//	string, true, false, null, array, object   the same in BSON
//	number, whole, within 64 bits              int64
//	number that a double holds exactly         double ("exactly": its shortest decimal form is this number)
//	any other number                           {"%number": "12345678901234567890"}
//	a name with a dot, a leading dollar,       escaped: "%2E", "%24", "%00", "%25"; an empty name is "%"
//	  a zero byte or a percent sign
//	an object nested deeper than maxDepth      the whole body is {"%json": "<text>"}
//
// Of members with the same name the last counts, as everywhere in Go; text that is not UTF-8 is replaced as encoding/json does.
func encodeBody(body []byte) (bson.Raw, error) {
	p := parser{text: body}
	p.space()
	if p.at >= len(body) || body[p.at] != '{' || !json.Valid(body) {
		return nil, fmt.Errorf("%w: the body is not a JSON object", store.ErrBadQuery)
	}
	out, err := p.object(make([]byte, 0, len(body)+len(body)/4+16), 1)
	if errors.Is(err, errDeep) {
		at, dst := bsoncore.AppendDocumentStart(nil)
		return bsoncore.AppendDocumentEnd(bsoncore.AppendStringElement(dst, jsonName, string(body)), at)
	}
	return out, err
}

var errDeep = errors.New("nested too deeply")

// parser walks a text that is known to be valid JSON.
type parser struct {
	text []byte
	at   int
}

func (p *parser) space() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t' || p.text[p.at] == '\n' || p.text[p.at] == '\r') {
		p.at++
	}
}

// pass passes white space and the sign that must follow.
func (p *parser) pass() {
	p.space()
	p.at++
}

func (p *parser) object(dst []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	at, dst := bsoncore.AppendDocumentStart(dst)
	p.pass() // {
	var seen names
	for first := true; ; first = false {
		p.space()
		if p.text[p.at] == '}' {
			p.at++
			return bsoncore.AppendDocumentEnd(dst, at)
		}
		if !first {
			p.pass() // ,
		}
		p.space()
		name := escapeName(p.string())
		p.pass() // :
		dst = seen.add(dst, name)
		var err error
		if dst, err = p.value(dst, name, depth); err != nil {
			return nil, err
		}
	}
}

func (p *parser) value(dst []byte, name string, depth int) ([]byte, error) {
	p.space()
	switch p.text[p.at] {
	case '{':
		return p.object(bsoncore.AppendHeader(dst, bsoncore.TypeEmbeddedDocument, name), depth+1)
	case '[':
		return p.array(bsoncore.AppendHeader(dst, bsoncore.TypeArray, name), depth+1)
	case '"':
		return bsoncore.AppendStringElement(dst, name, p.string()), nil
	case 't':
		p.at += len("true")
		return bsoncore.AppendBooleanElement(dst, name, true), nil
	case 'f':
		p.at += len("false")
		return bsoncore.AppendBooleanElement(dst, name, false), nil
	case 'n':
		p.at += len("null")
		return bsoncore.AppendNullElement(dst, name), nil
	default:
		return appendNumber(dst, name, p.number()), nil
	}
}

func (p *parser) array(dst []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	at, dst := bsoncore.AppendArrayStart(dst)
	p.pass() // [
	for i := 0; ; i++ {
		p.space()
		if p.text[p.at] == ']' {
			p.at++
			return bsoncore.AppendArrayEnd(dst, at)
		}
		if i > 0 {
			p.pass() // ,
		}
		var err error
		if dst, err = p.value(dst, arrayKey(i), depth); err != nil {
			return nil, err
		}
	}
}

// string passes a JSON string and gives its value.
func (p *parser) string() string {
	begin := p.at
	p.at++
	plain := true
	for p.text[p.at] != '"' {
		if p.text[p.at] == '\\' {
			plain = false
			p.at++
		}
		p.at++
	}
	p.at++
	if inside := p.text[begin+1 : p.at-1]; plain && utf8.Valid(inside) {
		return string(inside)
	}
	var s string
	_ = json.Unmarshal(p.text[begin:p.at], &s) // it is valid
	return s
}

// number passes a JSON number and gives its text.
func (p *parser) number() string {
	begin := p.at
	for p.at < len(p.text) && bytes.IndexByte([]byte("+-.0123456789Ee"), p.text[p.at]) >= 0 {
		p.at++
	}
	return string(p.text[begin:p.at])
}

// names are the members of one object so far, and where each begins.
type names struct {
	list  []memberStart
	index map[string]int // of a long list
}

type memberStart struct {
	name  string
	begin int
}

// add notes that a member begins at the end of dst. One of the same name is taken out.
func (n *names) add(dst []byte, name string) []byte {
	if i := n.find(name); i >= 0 {
		begin, end := n.list[i].begin, len(dst)
		if i+1 < len(n.list) {
			end = n.list[i+1].begin
		}
		dst = slices.Delete(dst, begin, end)
		n.list = slices.Delete(n.list, i, i+1)
		for j := i; j < len(n.list); j++ {
			n.list[j].begin -= end - begin
		}
		n.index = nil
	}
	n.list = append(n.list, memberStart{name, len(dst)})
	if n.index != nil {
		n.index[name] = len(n.list) - 1
	}
	return dst
}

func (n *names) find(name string) int {
	if len(n.list) < 16 {
		return slices.IndexFunc(n.list, func(m memberStart) bool { return m.name == name })
	}
	if n.index == nil {
		n.index = make(map[string]int, 2*len(n.list))
		for i, m := range n.list {
			n.index[m.name] = i
		}
	}
	if i, ok := n.index[name]; ok {
		return i
	}
	return -1
}

// escapeName gives the name under which BSON keeps a member: BSON cannot hold a zero byte in a name, and servers and tools read
// dots and leading dollars as something else.
func escapeName(name string) string {
	if name != "" && name[0] != '$' && !strings.ContainsAny(name, "%.\x00") {
		return name
	}
	var b strings.Builder
	if name == "" {
		b.WriteByte('%')
	}
	for i := range len(name) {
		if c := name[i]; c == '%' || c == '.' || c == 0 || c == '$' && i == 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescapeName undoes escapeName.
func unescapeName(name string) (string, error) {
	if name == "%" {
		return "", nil
	}
	if !strings.Contains(name, "%") {
		return name, nil
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '%' {
			b.WriteByte(name[i])
			continue
		}
		if i+3 > len(name) {
			return "", fmt.Errorf("member %q of a body is not escaped well", name)
		}
		c, err := strconv.ParseUint(name[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("member %q of a body is not escaped well", name)
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}

// appendNumber appends a JSON number in the plainest form that holds it exactly.
func appendNumber(dst []byte, name, text string) []byte {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && text != "-0" {
		return bsoncore.AppendInt64Element(dst, name, n)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) && decimal(text) == decimal(strconv.FormatFloat(f, 'e', -1, 64)) {
		return bsoncore.AppendDoubleElement(dst, name, f)
	}
	at, dst := bsoncore.AppendDocumentElementStart(dst, name)
	dst, _ = bsoncore.AppendDocumentEnd(bsoncore.AppendStringElement(dst, numberName, text), at) // the start is right before
	return dst
}

// decimal is a number as sign, digits without zeros at either end, and exponent of ten: what two texts of the same number share. An
// exponent beyond reason keeps the text as it is, which equals no double's.
func decimal(text string) string {
	number, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	shift := 0
	if exponent != "" {
		n, err := strconv.Atoi(exponent)
		if err != nil {
			return text
		}
		shift = n
	}
	digits, negative := strings.CutPrefix(number, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	shift -= len(fraction)
	trimmed := strings.TrimRight(digits, "0")
	shift += len(digits) - len(trimmed)
	if trimmed == "" {
		shift = 0
	}
	return fmt.Sprint(negative, trimmed, "e", shift)
}
