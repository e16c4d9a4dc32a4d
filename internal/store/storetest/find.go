package storetest

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"landfall/internal/store"
)

var findCases = []testCase{
	{"what is due is found, and nothing without a time", wakes},
	{"every order pages to the end, both ways", pageEverything},
	{"nothing there throughout is skipped or doubled while others come and go", pageWhileChanging},
	{"an instant keeps its microseconds", instants},
	{"conditions select", filters},
	{"a set is found by each of its members", sets},
	{"a cursor fits its own query only", cursors},
	{"a query that fits no index is refused", badQueries},
	{"any sequence of operations and queries equals the model", matchesModel},
}

func thing() store.Kind {
	for _, k := range Kinds() {
		if k.Name == "thing.v2" {
			return k
		}
	}
	panic("storetest: no kind thing.v2")
}

func wakes(t *testing.T, o Opened) {
	now := origin.Add(500 * time.Microsecond)
	var ops []store.Op
	for i := range 100 {
		ops = append(ops, put("wake", fmt.Sprintf("incident/%03d", i), 1, map[string]any{"at": now.Add(time.Duration(i-50) * time.Microsecond)}))
		ops = append(ops, put("wake", fmt.Sprintf("closed/%03d", i), 1, map[string]any{"at": nil}))
	}
	mustBulk(t, o.Store, ops...)
	for _, index := range []string{"by_at", "due"} {
		q := store.Query{Kind: "wake", Index: index, Limit: 7}
		for _, bound := range []struct {
			equal       []any
			from, until any
			desc        bool
			want        int
		}{{equal: []any{now}, want: 1}, {from: now, want: 50}, {until: now, want: 50, desc: true}, {from: now, until: now.Add(time.Microsecond), want: 1}} {
			q.Equal, q.From, q.Until, q.Desc = bound.equal, bound.from, bound.until, bound.desc
			if got := pages(t, o.Store, q, nil); len(got) != bound.want {
				t.Errorf("%+v: %d", q, len(got))
			}
			if n, err := o.Store.Count(t.Context(), q); int(n) != bound.want || err != nil {
				t.Errorf("%+v: counted %d, %v", q, n, err)
			}
		}
	}
	due := store.Query{Kind: "wake", Index: "due", Until: now.Add(time.Microsecond), Limit: 7}
	got := pages(t, o.Store, due, nil)
	if len(got) != 51 || got[0].ID != "incident/000" || got[50].ID != "incident/050" {
		t.Errorf("due at or before now: %d, %v", len(got), ids(got))
	}
	if n, err := o.Store.Count(t.Context(), due); n != 51 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
	mustBulk(t, o.Store, put("wake", "incident/000", 2, map[string]any{"at": nil}), put("wake", "incident/001", 2, map[string]any{"at": now.Add(time.Hour)}),
		put("wake", "closed/000", 2, map[string]any{"at": now.Add(-time.Hour)}))
	due.Limit = 2
	if got := ids(mustFind(t, o.Store, due).Docs); !slices.Equal(got, []string{"closed/000", "incident/002"}) {
		t.Errorf("most urgent after changes: %v", got)
	}
	if got := pages(t, o.Store, store.Query{Kind: "wake", Index: "by_at", Equal: []any{nil}, Limit: 30}, nil); len(got) != 100 {
		t.Errorf("without a time: %d", len(got))
	}
}

// population makes documents whose fields repeat and miss, so that orders have ties and nulls.
func population(r *rand.Rand, n int, prefix string) []store.Op {
	ops := make([]store.Op, n)
	for i := range ops {
		index := make(map[string]any)
		if r.IntN(4) > 0 {
			index["name"] = []string{"", "a", "ab", "é", "z", "\U0001f300"}[r.IntN(6)]
		}
		if r.IntN(4) > 0 {
			index["rank"] = int64(r.IntN(5) - 2)
		}
		if r.IntN(4) > 0 {
			index["open"] = r.IntN(2) == 0
		}
		if r.IntN(4) > 0 {
			index["at"] = origin.Add(time.Duration(r.IntN(5)-2) * time.Microsecond)
		}
		if r.IntN(4) > 0 {
			index["parties"] = [][]string{{}, {"DMA"}, {"ATG", "DMA"}, {"LCA", "ATG", "DMA"}, {"É'\"\\"}}[r.IntN(5)]
		}
		ops[i] = put("thing.v2", fmt.Sprintf("%s%03d", prefix, i), 1, index)
	}
	return ops
}

// orders are queries that together use every index, every type and every way to begin.
func orders() []store.Query {
	at := origin
	var out []store.Query
	for _, q := range []store.Query{
		{}, {From: "k010", Until: "k030"}, {Index: "by_name"}, {Index: "by_rank"}, {Index: "by_open_rank"}, {Index: "by_at"}, {Index: "by_name_at_rank"},
		{Index: "by_name", Equal: []any{"ab"}}, {Index: "by_name", Equal: []any{nil}}, {Index: "by_open_rank", Equal: []any{true}},
		{Index: "by_open_rank", Equal: []any{false}, From: int64(-1), Until: int64(2)}, {Index: "by_open_rank", Equal: []any{nil, nil}},
		{Index: "by_open_rank", From: true}, {Index: "by_open_rank", Until: true},
		{Index: "by_rank", From: int64(0)}, {Index: "by_rank", Until: int64(1)}, {Index: "by_rank", From: int64(2), Until: int64(-2)},
		{Index: "by_at", From: at, Until: at.Add(2 * time.Microsecond)}, {Index: "by_name", From: "ab", Until: "é"}, {Index: "by_name", From: ""},
		{Index: "by_name_at_rank", Equal: []any{"a"}}, {Index: "by_name_at_rank", Equal: []any{"z"}, Until: at}, {Index: "by_name_at_rank", Equal: []any{nil, nil}, From: int64(-1)},
		{Index: "by_name_at_rank", Filter: []store.Cond{{Field: "open", Any: []any{true, nil}}}},
		{Index: "by_party", Equal: []any{"DMA"}}, {Index: "by_party_at", Equal: []any{"ATG"}}, {Index: "by_party_at", Equal: []any{"DMA"}, From: at},
		{Index: "by_party_at", Equal: []any{"DMA", nil}}, {Index: "by_party_at", Equal: []any{"É'\"\\"}, Filter: []store.Cond{{Field: "rank", Any: []any{int64(1), int64(2), nil}}}},
		{Index: "by_party", Equal: []any{"nobody"}},
	} {
		q.Kind = "thing.v2"
		out = append(out, q)
		q.Desc = true
		out = append(out, q)
	}
	return out
}

func pageEverything(t *testing.T, o Opened) {
	m := newModel(thing())
	ops := population(rand.New(rand.NewPCG(1, 1)), 120, "k")
	for _, op := range ops {
		m.apply(op)
	}
	mustBulk(t, o.Store, ops...)
	for _, q := range orders() {
		want := m.find(q)
		for _, limit := range []int{1, 3, 500} {
			q.Limit = limit
			if d := diff(ids(want), ids(pages(t, o.Store, q, nil))); d != "" {
				t.Errorf("%+v:\n%s", q, d)
			}
		}
		if n, err := o.Store.Count(t.Context(), q); n != int64(len(want)) || err != nil {
			t.Errorf("%+v: counted %d of %d, %v", q, n, len(want), err)
		}
		q.Limit = 500
		if d := diff(want, mustFind(t, o.Store, q).Docs); d != "" {
			t.Errorf("%+v:\n%s", q, d)
		}
	}
}

func pageWhileChanging(t *testing.T, o Opened) {
	r := rand.New(rand.NewPCG(2, 2))
	m := newModel(thing())
	stay := population(r, 60, "k")
	for _, op := range stay {
		m.apply(op)
	}
	mustBulk(t, o.Store, stay...)
	version := int64(1)
	for _, q := range orders() {
		q.Limit = 4
		got := ids(pages(t, o.Store, q, func() {
			version++
			others := population(r, 3, "k0"+string(rune('a'+r.IntN(20))))
			for i := range others {
				others[i].Doc.Version = version
			}
			others = append(others, store.Op{Do: store.OpDelete, Kind: "thing.v2", Doc: store.Doc{ID: fmt.Sprintf("k0%c%03d", 'a'+r.IntN(20), r.IntN(3))}})
			mustBulk(t, o.Store, others...)
		}))
		got = slices.DeleteFunc(got, func(id string) bool { _, stays := m.docs[id]; return !stays })
		if d := diff(ids(m.find(q)), got); d != "" {
			t.Errorf("%+v:\n%s", q, d)
		}
	}
}

func instants(t *testing.T, o Opened) {
	at := time.Date(2017, 9, 18, 21, 35, 0, 1999, time.FixedZone("AST", -4*3600)) // 1.999 µs past
	mustBulk(t, o.Store, put("wake", "w", 1, map[string]any{"at": at}), put("wake", "old", 1, map[string]any{"at": time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)}),
		put("wake", "far", 1, map[string]any{"at": time.Date(2199, 12, 31, 23, 59, 59, 999999999, time.UTC)}))
	got := mustFind(t, o.Store, store.Query{Kind: "wake", Index: "by_at", Limit: 9}).Docs
	if d := diff([]string{"old", "w", "far"}, ids(got)); d != "" {
		t.Fatal(d)
	}
	if back := got[1].Index["at"].(time.Time); !back.Equal(at.Truncate(time.Microsecond)) || back.Location() != time.UTC {
		t.Errorf("%v came back as %v", at, back)
	}
	for _, c := range []struct {
		q    store.Query
		want int
	}{{store.Query{Equal: []any{at}}, 1}, {store.Query{From: at}, 2}, {store.Query{Until: at}, 1}, {store.Query{Until: at.Add(time.Microsecond)}, 2}, {store.Query{From: at.Add(time.Microsecond)}, 1}} {
		c.q.Kind, c.q.Index = "wake", "by_at"
		if n, err := o.Store.Count(t.Context(), c.q); int(n) != c.want || err != nil {
			t.Errorf("%+v: %d, %v; want %d", c.q, n, err, c.want)
		}
	}
}

func filters(t *testing.T, o Opened) {
	m := newModel(thing())
	for i, name := range []any{"port of roseau", "roseau", "pörtsmouth", "50%", "5_%", "a\\b", "it's", "", nil} {
		op := put("thing.v2", fmt.Sprint(i), 1, map[string]any{"name": name, "rank": int64(i % 3), "open": i%2 == 0, "at": origin.Add(time.Duration(i%2) * time.Hour)})
		m.apply(op)
		mustBulk(t, o.Store, op)
	}
	for _, conds := range [][]store.Cond{
		{{Field: "name", Contains: "rose"}}, {{Field: "name", Contains: "ö"}}, {{Field: "name", Contains: "%"}}, {{Field: "name", Contains: "_"}},
		{{Field: "name", Contains: "\\"}}, {{Field: "name", Contains: "'"}}, {{Field: "name", Contains: "ROSE"}},
		{{Field: "name", Any: []any{"roseau", "50%", "none"}}}, {{Field: "name", Any: []any{nil, ""}}}, {{Field: "name", Any: []any{}}},
		{{Field: "rank", Any: []any{int64(1)}}, {Field: "open", Any: []any{true}}}, {{Field: "at", Any: []any{origin}}, {Field: "name", Contains: "o"}},
	} {
		for _, index := range []string{"", "by_rank"} {
			q := store.Query{Kind: "thing.v2", Index: index, Filter: conds, Limit: 2}
			want := ids(m.find(q))
			if d := diff(want, ids(pages(t, o.Store, q, nil))); d != "" {
				t.Errorf("%+v by %q:\n%s", conds, index, d)
			}
			if n, err := o.Store.Count(t.Context(), q); int(n) != len(want) || err != nil {
				t.Errorf("%+v: counted %d, %v", conds, n, err)
			}
		}
	}
}

func sets(t *testing.T, o Opened) {
	has := func(member string, want ...string) {
		t.Helper()
		q := store.Query{Kind: "thing.v2", Index: "by_party_at", Equal: []any{member}, Limit: 9}
		if d := diff(want, ids(mustFind(t, o.Store, q).Docs)); d != "" {
			t.Errorf("with %s:\n%s", member, d)
		}
	}
	at := func(parties []string, hour int) map[string]any {
		return map[string]any{"parties": parties, "at": origin.Add(time.Duration(hour) * time.Hour)}
	}
	mustBulk(t, o.Store, put("thing.v2", "late", 1, at([]string{"DMA", "ATG", "DMA"}, 2)), put("thing.v2", "early", 1, at([]string{"ATG"}, 1)))
	has("DMA", "late")
	has("ATG", "early", "late")
	mustBulk(t, o.Store, put("thing.v2", "late", 2, at([]string{"LCA", "ATG"}, 0)), put("thing.v2", "late", 2, at([]string{"KNA"}, 0)), insert("thing.v2", "early", at([]string{"KNA"}, 0)))
	has("DMA")
	has("KNA")
	has("LCA", "late")
	has("ATG", "late", "early")
	mustBulk(t, o.Store, put("thing.v2", "late", 3, nil), store.Op{Do: store.OpDelete, Kind: "thing.v2", Doc: store.Doc{ID: "early"}})
	has("LCA")
	has("ATG")
}

func cursors(t *testing.T, o Opened) {
	mustBulk(t, o.Store, population(rand.New(rand.NewPCG(3, 3)), 60, "k")...)
	queries := orders()
	var all []string
	for i := range queries {
		queries[i].Limit = 2
		if next := mustFind(t, o.Store, queries[i]).Next; next != "" {
			all = append(all, next)
		}
	}
	q := store.Query{Kind: "thing.v2", Index: "by_name_at_rank", Limit: 2}
	own := mustFind(t, o.Store, q).Next
	hostile := []string{"x", "=", "%00", "null", "{}", strings.Repeat("A", 1<<20), own + "A", own[:len(own)-2], own + own, "é", "' OR 1=1 --", base64.RawURLEncoding.EncodeToString([]byte("[]"))}
	for _, c := range all {
		if c != own {
			hostile = append(hostile, c)
		}
	}
	for _, c := range hostile {
		q.After = c
		_, err := o.Store.Find(t.Context(), q)
		wantErr(t, fmt.Sprintf("cursor %.40q", c), err, store.ErrBadCursor)
	}
	q.After = own
	q.Limit = 3 // another limit is the same query
	if _, err := o.Store.Find(t.Context(), q); err != nil {
		t.Errorf("own cursor with another limit: %v", err)
	}
	// Bytes changed at will give an answer or ErrBadCursor, nothing else, and never what the query excludes.
	rapid.Check(t, func(rt *rapid.T) {
		q := rapid.SampledFrom(queries).Draw(rt, "query")
		first := mustFind(t, o.Store, q)
		if first.Next == "" {
			return
		}
		raw := []byte(first.Next)
		raw[rapid.IntRange(0, len(raw)-1).Draw(rt, "at")] = rapid.SampledFrom([]byte("ABCxyz019-_=")).Draw(rt, "byte")
		q.After = string(raw)
		page, err := o.Store.Find(t.Context(), q)
		if err != nil {
			if !isBadCursor(err) {
				rt.Fatalf("%v", err)
			}
			return
		}
		q.After, q.Limit = "", 500
		inside := ids(mustFind(t, o.Store, q).Docs)
		for _, id := range ids(page.Docs) {
			if !slices.Contains(inside, id) {
				rt.Fatalf("a forged cursor shows %s", id)
			}
		}
	})
}

func badQueries(t *testing.T, o Opened) {
	for name, q := range map[string]store.Query{
		"unknown kind":                 {Kind: "nothing"},
		"unknown index":                {Index: "by_magic"},
		"limit 0":                      {Limit: -1},
		"limit 10001":                  {Limit: 10_001},
		"too many equalities":          {Index: "by_rank", Equal: []any{int64(1), "x"}},
		"equality of another type":     {Index: "by_rank", Equal: []any{"1"}},
		"int for an int64":             {Index: "by_rank", Equal: []any{1}},
		"bound of another type":        {Index: "by_at", From: "2017"},
		"sparse without a bound":       {Kind: "wake", Index: "due"},
		"sparse with null":             {Kind: "wake", Index: "due", Equal: []any{nil}},
		"set without a member":         {Index: "by_party"},
		"set with null":                {Index: "by_party", Equal: []any{nil}},
		"set with a set":               {Index: "by_party", Equal: []any{[]string{"DMA"}}},
		"equality by id":               {Equal: []any{"a"}},
		"id of another type":           {From: int64(1)},
		"condition on unknown field":   {Filter: []store.Cond{{Field: "color", Any: []any{"red"}}}},
		"condition on a set":           {Filter: []store.Cond{{Field: "parties", Any: []any{"DMA"}}}},
		"condition of another type":    {Filter: []store.Cond{{Field: "rank", Any: []any{true}}}},
		"condition without anything":   {Filter: []store.Cond{{Field: "name"}}},
		"condition with both":          {Filter: []store.Cond{{Field: "name", Any: []any{"a"}, Contains: "a"}}},
		"contains on a number":         {Filter: []store.Cond{{Field: "rank", Contains: "1"}}},
		"field name that wants to out": {Filter: []store.Cond{{Field: `name" OR 1=1 --`, Any: []any{"a"}}}},
	} {
		if q.Kind == "" {
			q.Kind = "thing.v2"
		}
		if q.Limit == 0 {
			q.Limit = 10
		}
		_, err := o.Store.Find(t.Context(), q)
		wantErr(t, name, err, store.ErrBadQuery)
		if q.Limit == 10 {
			_, err = o.Store.Count(t.Context(), q)
			wantErr(t, "count: "+name, err, store.ErrBadQuery)
		}
	}
}

func matchesModel(t *testing.T, o Opened) {
	kind := thing()
	index := rapid.Custom(func(rt *rapid.T) map[string]any {
		all := map[string]any{
			"name":    rapid.StringOfN(rapid.SampledFrom([]rune("aAé'%\x00\"🌀")), 0, 3, -1).Draw(rt, "name"),
			"rank":    rapid.OneOf(rapid.Int64Range(-2, 2), rapid.Int64()).Draw(rt, "rank"),
			"open":    rapid.Bool().Draw(rt, "open"),
			"at":      origin.Add(time.Duration(rapid.Int64Range(-3000, 3000).Draw(rt, "at"))),
			"parties": rapid.SliceOfN(rapid.SampledFrom([]string{"DMA", "ATG", "LCA"}), 0, 4).Draw(rt, "parties"),
		}
		for _, f := range kind.Fields {
			if rapid.IntRange(0, 3).Draw(rt, "null") == 0 {
				delete(all, f.Name)
			}
		}
		return all
	})
	op := rapid.Custom(func(rt *rapid.T) store.Op {
		op := put(kind.Name, rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "é"}).Draw(rt, "id"), rapid.Int64Range(0, 4).Draw(rt, "version"), index.Draw(rt, "index"))
		op.Do = rapid.SampledFrom([]store.OpKind{store.OpInsert, store.OpPut, store.OpPut, store.OpPut, store.OpDelete}).Draw(rt, "do")
		return op
	})
	query := rapid.Custom(func(rt *rapid.T) store.Query {
		ix := rapid.SampledFrom(append([]store.Index{{}}, kind.Indexes...)).Draw(rt, "by")
		q := store.Query{Kind: kind.Name, Index: ix.Name, Desc: rapid.Bool().Draw(rt, "desc"), Limit: rapid.IntRange(1, 5).Draw(rt, "limit")}
		like := index.Draw(rt, "like")
		set := len(ix.Fields) > 0 && ix.Fields[0] == "parties"
		for i, name := range ix.Fields[:rapid.IntRange(0, len(ix.Fields)).Draw(rt, "equal")] {
			if set && i == 0 {
				continue
			}
			q.Equal = append(q.Equal, like[name])
		}
		if set {
			q.Equal = slices.Insert(q.Equal, 0, any(rapid.SampledFrom([]string{"DMA", "ATG", "nobody"}).Draw(rt, "party")))
		}
		if len(q.Equal) < len(ix.Fields) {
			next := ix.Fields[len(q.Equal)]
			if rapid.Bool().Draw(rt, "from") {
				q.From = like[next]
			}
			if rapid.Bool().Draw(rt, "until") {
				q.Until = index.Draw(rt, "above")[next]
			}
		}
		for _, name := range []string{"name", "rank", "open", "at"} {
			if rapid.IntRange(0, 5).Draw(rt, "filter") == 0 {
				q.Filter = append(q.Filter, store.Cond{Field: name, Any: []any{like[name], index.Draw(rt, "or")[name]}})
			}
		}
		return q
	})
	rapid.Check(t, func(rt *rapid.T) {
		if err := o.Store.Drop(t.Context(), kind.Name); err != nil {
			rt.Fatal(err)
		}
		m := newModel(kind)
		for range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			ops := rapid.SliceOfN(op, 1, 20).Draw(rt, "ops")
			want := make([]bool, len(ops))
			for i := range ops {
				want[i] = m.apply(ops[i])
			}
			changed, err := o.Store.Bulk(t.Context(), ops)
			if err != nil {
				rt.Fatal(err)
			}
			if d := diff(want, changed); d != "" {
				rt.Fatalf("outcomes:\n%s", d)
			}
			for range 3 {
				q := query.Draw(rt, "query")
				if d := diff(stored(m.find(q)), stored(pages(t, o.Store, q, nil))); d != "" {
					rt.Fatalf("%+v: model (-), store (+):\n%s", q, d)
				}
			}
		}
	})
}

// stored gives documents as a store may give them back: instants cut, sets without repetition, empty ones absent.
func stored(docs []store.Doc) []store.Doc {
	out := slices.Clone(docs)
	for i, d := range out {
		index := make(map[string]any, len(d.Index))
		for name, v := range d.Index {
			switch v := v.(type) {
			case time.Time:
				index[name] = v.UTC().Truncate(time.Microsecond)
			case []string:
				if len(v) > 0 {
					index[name] = slices.Compact(slices.Sorted(slices.Values(v)))
				}
			default:
				index[name] = v
			}
		}
		out[i].Index = index
	}
	return out
}
