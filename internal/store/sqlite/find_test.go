package sqlite

import (
	"database/sql/driver"
	"path/filepath"
	"strings"
	"testing"

	"landfall/internal/store"
)

// Cost must follow what a page shows, not what is stored: every range is a search of its index, never a scan or a sort.
func TestEveryPageIsAWalkOfItsIndex(t *testing.T) {
	k := store.Kind{Name: "thing", Fields: []store.Field{{Name: "a", Type: store.String}, {Name: "n", Type: store.Int}, {Name: "at", Type: store.Time}, {Name: "s", Type: store.Strings}},
		Indexes: []store.Index{{Name: "plain", Fields: []string{"a", "n", "at"}}, {Name: "set", Fields: []string{"s", "n", "at"}}}}
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "landfall.db"), []store.Kind{k}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	filter := []store.Cond{{Field: "a", Any: []any{"x", nil}}, {Field: "a", Contains: "y"}}
	queries := []store.Query{{}, {Index: "plain"}, {Index: "plain", Equal: []any{"x"}}, {Index: "plain", Equal: []any{nil}, From: int64(1), Until: int64(5)},
		{Index: "plain", From: "a"}, {Index: "set", Equal: []any{"x"}}, {Index: "set", Equal: []any{"x"}, Until: int64(3), Filter: filter}, {Index: "plain", Filter: filter}}
	for _, q := range queries {
		for _, desc := range []bool{false, true} {
			q.Kind, q.Desc = "thing", desc
			p, err := s.search(q)
			if err != nil {
				t.Fatal(err)
			}
			last := make([]driver.Value, len(p.order))
			for i, f := range p.order {
				last[i] = lowest(f.Type)
			}
			nulls := append(make([]driver.Value, len(last)-1), "id")
			parts := append(append([]stretch{{}}, p.after(last)...), p.after(nulls)...)
			for i, part := range parts {
				sql := p.sql(p.table.columns, part) + p.orderBy(part.from)
				args := append(append(append([]driver.Value{}, p.args...), part.args...), int64(10))
				whole := i == 0 && len(p.where) == len(q.Filter) // the first page of a whole order reads the index from its start
				s.plan(t, sql, args, whole)
			}
		}
	}
	for _, sql := range []string{streamSQL, commitSQL, keySQL, pendingSQL, paySQL, detachedSQL} {
		s.plan(t, sql, make([]driver.Value, strings.Count(sql, "?")), false)
	}
}

func (s *Store) plan(t *testing.T, sql string, args []driver.Value, whole bool) {
	t.Helper()
	var plan []string
	err := s.read(t.Context(), "explain", "EXPLAIN QUERY PLAN "+sql, args, func(v []driver.Value) error {
		plan = append(plan, v[3].(string))
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	text := strings.Join(plan, "; ")
	if strings.Contains(text, "TEMP B-TREE") || strings.Contains(text, "SCAN") && (!whole || !strings.Contains(text, "USING INDEX")) {
		t.Errorf("%s\n  %s", sql, text)
	}
}

func FuzzCursor(f *testing.F) {
	order := []store.Field{{Name: "a", Type: store.String}, {Name: "n", Type: store.Int}, {Name: "b", Type: store.Bool}, {Name: "at", Type: store.Time}, idField}
	fp := fingerprintOf("query")
	f.Add(encodeCursor(fp, []driver.Value{"x", int64(-1), int64(1), nil, "id"}))
	f.Add(encodeCursor(fp, []driver.Value{nil, nil, nil, "2017-09-18T21:35:00.000000Z", ""}))
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		values, err := decodeCursor(cursor, fp, order)
		if err != nil {
			return
		}
		again, err := decodeCursor(encodeCursor(fp, values), fp, order)
		if err != nil {
			t.Fatalf("%q decodes and its values do not: %v", cursor, err)
		}
		for i := range values {
			if values[i] != again[i] {
				t.Fatalf("%q: value %d is %v, then %v", cursor, i, values[i], again[i])
			}
		}
	})
}
