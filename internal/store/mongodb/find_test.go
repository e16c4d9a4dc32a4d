package mongodb

import (
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"landfall/internal/store"
)

// Cost must follow what a page shows where the server can do that: each question is answered by the declared index, without reading
// the collection, and on a mongod without sorting.
func TestEveryQuestionIsAnsweredByItsIndex(t *testing.T) {
	k := store.Kind{Name: "thing", Fields: []store.Field{{Name: "a", Type: store.String}, {Name: "n", Type: store.Int}, {Name: "at", Type: store.Time}, {Name: "s", Type: store.Strings}},
		Indexes: []store.Index{{Name: "plain", Fields: []string{"a", "n", "at"}}, {Name: "set", Fields: []string{"s", "n", "at"}}}}
	s := testStore(t, []store.Kind{k})
	var ops []store.Op
	for i := range 2000 {
		ops = append(ops, store.Op{Do: store.OpPut, Kind: "thing", Doc: store.Doc{ID: fmt.Sprintf("%04d", i), Version: 1, Body: []byte(`{}`),
			Index: map[string]any{"a": fmt.Sprint(i % 10), "n": int64(i), "s": []string{fmt.Sprint(i % 7), "x"}}}})
	}
	if _, err := s.Bulk(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	filter := []store.Cond{{Field: "a", Any: []any{"x", nil}}, {Field: "a", Contains: "y"}}
	for _, q := range []store.Query{{Index: "plain"}, {Index: "plain", Equal: []any{"3"}}, {Index: "plain", Equal: []any{nil}, From: int64(1), Until: int64(5)}, {Index: "plain", From: "a"},
		{Index: "set", Equal: []any{"3"}}, {Index: "set", Equal: []any{"3"}, Until: int64(3), Filter: filter}, {Index: "plain", Filter: filter}, {}, {From: "0100", Until: "0200"}} {
		for _, desc := range []bool{false, true} {
			q.Kind, q.Desc = "thing", desc
			p, err := s.search(q)
			if err != nil {
				t.Fatal(err)
			}
			last := make([]any, len(p.order))
			for i, f := range p.order {
				last[i] = lowest(f.Type)
			}
			nulls := append(make([]any, len(last)-1), "id")
			for _, ranges := range [][][]test{nil, p.after(last), p.after(nulls)} {
				s.explained(t, question{filter: p.where(ranges), sort: p.sort(), hint: p.hint, limit: 10}.command("thing"), p.hint)
			}
		}
	}
	for index, q := range map[string]question{
		seqIndex:     {filter: bson.D{{Key: "stream", Value: "a"}, {Key: "seq", Value: above(int64(1))}}, sort: ascending("seq"), hint: seqIndex},
		keyIndex:     {filter: bson.D{{Key: "stream", Value: "a"}, {Key: "key", Value: bson.Binary{Data: []byte("k")}}}, sort: ascending("seq"), hint: keyIndex, limit: 1},
		pendingIndex: {filter: bson.D{owes(store.OwesNotices), {Key: "stream", Value: bson.D{{Key: "$gte", Value: "a"}}}}, sort: ascending("stream", "seq"), hint: pendingIndex, limit: 10},
		idIndex:      {filter: byRef([]store.Ref{{Stream: "a", Seq: 1}, {Stream: "b", Seq: 2}}), hint: idIndex},
	} {
		s.explained(t, q.command(commitsName), index)
	}
}

// explained asks the server how it would answer. Servers tell it in different words: mongod in stages, one on an SQL database in that
// database's plan.
func (s *Store) explained(t *testing.T, cmd bson.D, index string) {
	t.Helper()
	var plan bson.D
	if err := s.db.RunCommand(t.Context(), bson.D{{Key: "explain", Value: cmd}, {Key: "verbosity", Value: "queryPlanner"}}).Decode(&plan); err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	winning := any(plan)
	stages := false
	if planner, ok := value(plan, "queryPlanner").(bson.D); ok {
		if w := value(planner, "winningPlan"); w != nil {
			winning, stages = w, true
		}
	}
	raw, err := bson.MarshalExtJSON(bson.D{{Key: "plan", Value: winning}}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	wrong := strings.Contains(text, "COLLSCAN") || strings.Contains(text, "Seq Scan") || !strings.Contains(text, fmt.Sprintf("%q", index)) && index != idIndex
	if stages {
		wrong = wrong || strings.Contains(text, `"stage":"SORT"`)
	}
	if wrong {
		t.Errorf("%v is not answered by %s:\n%s", cmd, index, text)
	}
}

func TestAFilterHasOneEntryForEachField(t *testing.T) {
	got := document([]test{{"a", "$eq", 1}, {"b", "$gte", 2}, {"b", "$lt", 9}, {"b", "$gt", 3}, {"b", "$lt", 5}, {"a", "$in", bson.A{1}}})
	raw, err := bson.MarshalExtJSON(got, false, false)
	if want := `{"a":{"$eq":1,"$in":[1]},"b":{"$gte":2,"$lt":9,"$gt":3},"$and":[{"b":{"$lt":5}}]}`; err != nil || string(raw) != want {
		t.Errorf("got %s, want %s (%v)", raw, want, err)
	}
}

func FuzzCursor(f *testing.F) {
	order := []store.Field{{Name: "a", Type: store.String}, {Name: "n", Type: store.Int}, {Name: "b", Type: store.Bool}, {Name: "at", Type: store.Time}, idField}
	fp := fingerprintOf("query")
	f.Add(encodeCursor(fp, []any{"x", int64(-1), true, nil, "id"}))
	f.Add(encodeCursor(fp, []any{nil, nil, false, "2017-09-18T21:35:00.000000Z", ""}))
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
