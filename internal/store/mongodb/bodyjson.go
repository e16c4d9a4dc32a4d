package mongodb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// decodeBody turns what encodeBody made back into JSON. A value that only a person with a database tool can have put there is read too when
// JSON has it (a 32-bit integer), and refused otherwise.
func decodeBody(doc bson.Raw) ([]byte, error) {
	if text, ok := only(doc, jsonName); ok {
		return []byte(text), nil
	}
	return appendObject(make([]byte, 0, len(doc)+len(doc)/4), doc)
}

// only gives the text of a document that has nothing but one text of this name.
func only(doc bson.Raw, name string) (string, bool) {
	e, err := doc.IndexErr(0)
	if err != nil || e.Key() != name || len(doc) != len(e)+5 {
		return "", false
	}
	return e.Value().StringValueOK()
}

func appendObject(dst []byte, doc bson.Raw) ([]byte, error) {
	elements, err := doc.Elements()
	if err != nil {
		return nil, err
	}
	dst = append(dst, '{')
	for i, e := range elements {
		name, err := unescapeName(e.Key())
		if err != nil {
			return nil, err
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, name), ':')
		if dst, err = appendValue(dst, e.Value()); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendArray(dst []byte, array bson.RawArray) ([]byte, error) {
	values, err := array.Values()
	if err != nil {
		return nil, err
	}
	dst = append(dst, '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendValue(dst, v); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendValue(dst []byte, v bson.RawValue) ([]byte, error) {
	switch v.Type { //nolint:exhaustive // JSON has no more
	case bson.TypeString:
		return appendText(dst, v.StringValue()), nil
	case bson.TypeInt64, bson.TypeInt32:
		return strconv.AppendInt(dst, v.AsInt64(), 10), nil
	case bson.TypeDouble:
		f := v.Double()
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, fmt.Errorf("a body holds the number %v, which JSON has not", f)
		}
		return appendDouble(dst, f), nil
	case bson.TypeBoolean:
		return strconv.AppendBool(dst, v.Boolean()), nil
	case bson.TypeNull:
		return append(dst, "null"...), nil
	case bson.TypeEmbeddedDocument:
		doc := v.Document()
		if number, ok := only(doc, numberName); ok && json.Valid([]byte(number)) {
			return append(dst, number...), nil
		}
		return appendObject(dst, doc)
	case bson.TypeArray:
		return appendArray(dst, v.Array())
	}
	return nil, fmt.Errorf("a body holds a BSON %s, which JSON has not", v.Type)
}

// appendDouble writes a number as encoding/json does.
func appendDouble(dst []byte, f float64) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}

func appendText(dst []byte, s string) []byte {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == '\u2028' || r == '\u2029' }) {
		return append(append(append(dst, '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // text always has a JSON form
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
