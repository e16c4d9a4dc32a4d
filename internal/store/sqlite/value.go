package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"landfall/internal/store"
)

// instant is how times are stored: UTC, microseconds, fixed width, so that bytewise order is the order of time.
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
		return time.Time{}, fmt.Errorf("sqlite: stored instant: %w", err)
	}
	return t, nil
}

// column gives the stored form of a field's value. Anything but the declared Go type is the caller's mistake.
func column(f store.Field, v any) (driver.Value, error) {
	if v == nil {
		return nil, nil
	}
	switch v := v.(type) {
	case string:
		if f.Type == store.String {
			return v, nil
		}
	case int64:
		if f.Type == store.Int {
			return v, nil
		}
	case bool:
		if f.Type == store.Bool {
			if v {
				return int64(1), nil
			}
			return int64(0), nil
		}
	case time.Time:
		if f.Type == store.Time {
			return formatTime(v)
		}
	case []string:
		if f.Type == store.Strings {
			return columnSet(f, v)
		}
	}
	return nil, fmt.Errorf("%w: field %s cannot be a %T", store.ErrBadQuery, f.Name, v)
}

// columnSet stores a set as a sorted JSON array.
func columnSet(f store.Field, members []string) (driver.Value, error) {
	if members == nil {
		return nil, nil
	}
	for _, m := range members {
		if !utf8.ValidString(m) || strings.ContainsRune(m, 0) {
			return nil, fmt.Errorf("%w: field %s: a member is not text", store.ErrBadQuery, f.Name)
		}
	}
	set := slices.Compact(slices.Sorted(slices.Values(members)))
	if set == nil {
		set = []string{}
	}
	text, err := json.Marshal(set)
	return string(text), err
}

// member is the declaration of one member of a set, which is what an equality on the set compares.
func member(f store.Field) store.Field {
	if f.Type == store.Strings {
		f.Type = store.String
	}
	return f
}

// field gives the Go value of a stored column.
func field(f store.Field, v driver.Value) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		switch f.Type {
		case store.String:
			return v, nil
		case store.Time:
			return parseTime(v)
		case store.Strings:
			var set []string
			err := json.Unmarshal([]byte(v), &set)
			return set, err
		case store.Int, store.Bool: // kept as numbers
		}
	case int64:
		switch f.Type {
		case store.Int:
			return v, nil
		case store.Bool:
			return v != 0, nil
		case store.String, store.Time, store.Strings: // kept as text
		}
	}
	return nil, fmt.Errorf("sqlite: field %s holds a %T", f.Name, v)
}

// lowest is the smallest stored value of a scalar type: `f >= lowest` is "not null" in a form every index serves.
func lowest(t store.FieldType) driver.Value {
	if t == store.Int || t == store.Bool {
		return int64(math.MinInt64)
	}
	return ""
}
