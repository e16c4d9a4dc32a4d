package mongodb

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"landfall/internal/store"
)

// instant is how times are stored: UTC, microseconds, fixed width, so that bytewise order is the order of time. A BSON date has
// milliseconds only.
const instant = "2006-01-02T15:04:05.000000Z"

func formatTime(t time.Time) (string, error) {
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return "", fmt.Errorf("%w: year %d cannot be stored", store.ErrBadQuery, y)
	}
	return t.Format(instant), nil
}

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(instant, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("stored instant: %w", err)
	}
	return t, nil
}

// stored gives the stored form of a field's value: nil, string, int64, bool or []string. Anything but the declared Go type is
// the caller's mistake.
func stored(f store.Field, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch v := v.(type) {
	case string:
		if f.Type == store.String {
			return v, isText(f, v)
		}
	case int64:
		if f.Type == store.Int {
			return v, nil
		}
	case bool:
		if f.Type == store.Bool {
			return v, nil
		}
	case time.Time:
		if f.Type == store.Time {
			return formatTime(v)
		}
	case []string:
		if f.Type == store.Strings {
			return storedSet(f, v)
		}
	}
	return nil, fmt.Errorf("%w: field %s cannot be a %T", store.ErrBadQuery, f.Name, v)
}

// isText refuses what BSON text cannot hold.
func isText(f store.Field, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: field %s: not UTF-8", store.ErrBadQuery, f.Name)
	}
	return nil
}

// storedSet stores a set sorted, each member once.
func storedSet(f store.Field, members []string) (any, error) {
	if members == nil {
		return nil, nil
	}
	for _, m := range members {
		if !utf8.ValidString(m) || strings.ContainsRune(m, 0) {
			return nil, fmt.Errorf("%w: field %s: a member is not text", store.ErrBadQuery, f.Name)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(members))), nil
}

// member is the declaration of one member of a set, which is what an equality on the set compares.
func member(f store.Field) store.Field {
	if f.Type == store.Strings {
		f.Type = store.String
	}
	return f
}

// appendStored appends a stored value as an element.
func appendStored(dst []byte, name string, v any) []byte {
	switch v := v.(type) {
	case string:
		return bsoncore.AppendStringElement(dst, name, v)
	case int64:
		return bsoncore.AppendInt64Element(dst, name, v)
	case bool:
		return bsoncore.AppendBooleanElement(dst, name, v)
	case []string:
		at, dst := bsoncore.AppendArrayElementStart(dst, name)
		for i, m := range v {
			dst = bsoncore.AppendStringElement(dst, arrayKey(i), m)
		}
		dst, _ = bsoncore.AppendArrayEnd(dst, at) // the start is right before
		return dst
	default:
		return bsoncore.AppendNullElement(dst, name)
	}
}

// readStored gives the stored form of a stored element's value.
func readStored(f store.Field, v bson.RawValue) (any, error) {
	switch f.Type {
	case store.String, store.Time:
		if s, ok := v.StringValueOK(); ok {
			return s, nil
		}
	case store.Int:
		if n, ok := v.AsInt64OK(); ok && v.Type != bson.TypeDouble {
			return n, nil
		}
	case store.Bool:
		if b, ok := v.BooleanOK(); ok {
			return b, nil
		}
	case store.Strings:
		if members, ok := v.ArrayOK(); ok {
			return readSet(f, members)
		}
	}
	if v.Type == bson.TypeNull {
		return nil, nil
	}
	return nil, fmt.Errorf("field %s holds a BSON %s", f.Name, v.Type)
}

func readSet(f store.Field, members bson.RawArray) (any, error) {
	values, err := members.Values()
	if err != nil {
		return nil, err
	}
	set := make([]string, len(values))
	for i, v := range values {
		s, ok := v.StringValueOK()
		if !ok {
			return nil, fmt.Errorf("field %s holds a set with a BSON %s", f.Name, v.Type)
		}
		set[i] = s
	}
	return set, nil
}

// field gives the Go value of a stored value.
func field(f store.Field, v any) (any, error) {
	if s, ok := v.(string); ok && f.Type == store.Time {
		return parseTime(s)
	}
	return v, nil
}

// lowest is the smallest stored value of a scalar type: "at or above the lowest" is "not null" in a form every index serves.
func lowest(t store.FieldType) any {
	switch t {
	case store.Int:
		return int64(math.MinInt64)
	case store.Bool:
		return false
	default:
		return ""
	}
}

// arrayKey is the name of the i-th element of a BSON array.
func arrayKey(i int) string { return strconv.Itoa(i) }
