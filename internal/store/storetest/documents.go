package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/store"
)

var documentCases = []testCase{
	{"a document comes back with its fields", documentRoundTrip},
	{"put writes only what is newer", putIfNewer},
	{"insert writes only what is absent", insertIfAbsent},
	{"of many claimants one wins", claims},
	{"the newest version wins whatever the order of arrival", putRace},
	{"operations are carried out in order", bulkOrder},
	{"a bulk that makes no sense writes nothing", badBulk},
	{"a derived kind is dropped whole, others not at all", drop},
	{"a large bulk lets appends pass", largeBulk},
}

func documentRoundTrip(t *testing.T, o Opened) {
	docs := map[string]store.Doc{
		"plain": {ID: "plain", Version: 1, Body: []byte(`{}`)},
		"full": {ID: "full", Version: 1 << 40, Body: []byte(`{"nested":{"list":[1,2.5,null,true,"é"]},"text":"Roseau — 🌀"}`),
			Index: map[string]any{"name": "Île à Vache", "rank": int64(-1 << 62), "open": false,
				"at": origin.Add(time.Microsecond), "parties": []string{"DMA", "ATG-BARBUDA", "É\"\\"}}},
		"quote'\"%_\\é": {ID: "quote'\"%_\\é", Version: -3, Body: []byte(`{"a":1}`), Index: map[string]any{"name": "", "rank": int64(0), "open": true, "parties": []string{}}},
	}
	for _, d := range docs {
		mustBulk(t, o.Store, store.Op{Do: store.OpPut, Kind: "thing.v2", Doc: d})
	}
	for range 2 {
		got, err := o.Store.Get(t.Context(), "thing.v2", "plain", "full", "absent", "quote'\"%_\\é", "full")
		if err != nil {
			t.Fatal(err)
		}
		want := docs
		for _, docs := range []map[string]store.Doc{want, got} {
			delete(docs["quote'\"%_\\é"].Index, "parties") // an empty set may come back absent
		}
		if d := diff(want, got); d != "" {
			t.Fatalf("stored (-) and read (+) differ:\n%s", d)
		}
		o.Store = o.Reopen(t)
	}
	if got, err := o.Store.Get(t.Context(), "claim", "full"); len(got) != 0 || err != nil {
		t.Errorf("another kind has it too: %v, %v", got, err)
	}
	if got, err := o.Store.Get(t.Context(), "claim"); len(got) != 0 || err != nil {
		t.Errorf("none asked: %v, %v", got, err)
	}
}

func putIfNewer(t *testing.T, o Opened) {
	for _, c := range []struct {
		version int64
		changed bool
		stands  int64
	}{{5, true, 5}, {5, false, 5}, {4, false, 5}, {6, true, 6}, {-1, false, 6}} {
		op := put("wake", "w", c.version, map[string]any{"at": origin.Add(time.Duration(c.version) * time.Hour)})
		if got := mustBulk(t, o.Store, op)[0]; got != c.changed {
			t.Errorf("put of version %d said %v", c.version, got)
		}
		page := mustFind(t, o.Store, store.Query{Kind: "wake", Index: "by_at", Limit: 10})
		if len(page.Docs) != 1 || page.Docs[0].Version != c.stands || !page.Docs[0].Index["at"].(time.Time).Equal(origin.Add(time.Duration(c.stands)*time.Hour)) {
			t.Errorf("after version %d stands %+v", c.version, page.Docs)
		}
	}
}

func insertIfAbsent(t *testing.T, o Opened) {
	ops := []store.Op{insert("claim", "code/DMA-2026-7K3QX", nil), put("claim", "code/DMA-2026-7K3QX", 1, nil), insert("claim", "code/DMA-2026-7K3QX", nil),
		{Do: store.OpDelete, Kind: "claim", Doc: store.Doc{ID: "code/DMA-2026-7K3QX"}}, {Do: store.OpDelete, Kind: "claim", Doc: store.Doc{ID: "code/DMA-2026-7K3QX"}},
		insert("claim", "code/DMA-2026-7K3QX", nil)}
	if d := diff([]bool{true, false, false, true, false, true}, mustBulk(t, o.Store, ops...)); d != "" {
		t.Error(d)
	}
}

func claims(t *testing.T, o Opened) {
	const claimants, slots = 12, 15
	ctx := within(t)
	var winners [slots]atomic.Int32
	var by [slots]atomic.Int32
	var wg sync.WaitGroup
	for c := range claimants {
		wg.Go(func() {
			for slot := range slots {
				op := insert("claim", fmt.Sprint("job/", slot), nil)
				op.Doc.Body = fmt.Appendf(nil, `{"by":%d}`, c)
				changed, err := o.Store.Bulk(ctx, []store.Op{op})
				if err != nil {
					t.Errorf("claim: %v", err)
					return
				}
				if changed[0] {
					winners[slot].Add(1)
					by[slot].Store(int32(c))
				}
			}
		})
	}
	wg.Wait()
	for slot := range slots {
		id := fmt.Sprint("job/", slot)
		got, err := o.Store.Get(t.Context(), "claim", id)
		if err != nil {
			t.Fatal(err)
		}
		if n := winners[slot].Load(); n != 1 || !sameJSON(got[id].Body, fmt.Appendf(nil, `{"by":%d}`, by[slot].Load())) {
			t.Errorf("slot %d: %d winners, last %d, kept %s", slot, n, by[slot].Load(), got[id].Body)
		}
	}
}

func putRace(t *testing.T, o Opened) {
	ctx := within(t)
	var wg sync.WaitGroup
	for w := range int64(6) {
		wg.Go(func() {
			for i := range int64(20) {
				version := (i*7+w*11)%60 + 1 // each writer's own order; 60 is written by somebody
				if _, err := o.Store.Bulk(ctx, []store.Op{put("thing.v2", "hot", version, map[string]any{"rank": version, "parties": []string{fmt.Sprint(version)}})}); err != nil {
					t.Errorf("put: %v", err)
				}
			}
		})
	}
	wg.Wait()
	mustBulk(t, o.Store, put("thing.v2", "hot", 60, map[string]any{"rank": int64(60), "parties": []string{"60"}}))
	for _, q := range []store.Query{{Kind: "thing.v2", Index: "by_rank", Limit: 9}, {Kind: "thing.v2", Index: "by_party", Equal: []any{"60"}, Limit: 9}} {
		page := mustFind(t, o.Store, q)
		if len(page.Docs) != 1 || page.Docs[0].Version != 60 || page.Docs[0].Index["rank"] != int64(60) {
			t.Errorf("by %s stands %+v", q.Index, page.Docs)
		}
	}
}

func bulkOrder(t *testing.T, o Opened) {
	changed := mustBulk(t, o.Store,
		put("wake", "a", 1, nil), put("wake", "a", 3, nil), put("wake", "a", 2, nil),
		store.Op{Do: store.OpDelete, Kind: "wake", Doc: store.Doc{ID: "a"}}, put("wake", "a", 1, nil),
		store.Op{Do: store.OpDelete, Kind: "wake", Doc: store.Doc{ID: "none"}})
	if d := diff([]bool{true, true, false, true, true, false}, changed); d != "" {
		t.Error(d)
	}
	if got, err := o.Store.Get(t.Context(), "wake", "a"); err != nil || got["a"].Version != 1 {
		t.Errorf("stands %+v, %v", got, err)
	}
	if changed, err := o.Store.Bulk(t.Context(), nil); len(changed) != 0 || err != nil {
		t.Errorf("nothing: %v, %v", changed, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Store.Bulk(gone, []store.Op{insert("wake", "b", nil)}); !errors.Is(err, context.Canceled) {
		t.Errorf("bulk with a cancelled context: %v", err)
	}
	if got, err := o.Store.Get(t.Context(), "wake", "b"); len(got) != 0 || err != nil {
		t.Errorf("it wrote %v, %v", got, err)
	}
}

func badBulk(t *testing.T, o Opened) {
	good := insert("claim", "good", nil)
	for name, op := range map[string]store.Op{
		"unknown kind":      insert("nothing", "a", nil),
		"unknown field":     insert("wake", "a", map[string]any{"when": origin}),
		"text for a time":   insert("wake", "a", map[string]any{"at": "2017-09-18"}),
		"int for an int64":  insert("thing.v2", "a", map[string]any{"rank": 1}),
		"text for a set":    insert("thing.v2", "a", map[string]any{"parties": "DMA"}),
		"year 10000":        insert("wake", "a", map[string]any{"at": time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}),
		"no id":             insert("wake", "", nil),
		"a body of no JSON": {Do: store.OpPut, Kind: "wake", Doc: store.Doc{ID: "a", Body: []byte("[]")}},
		"unknown operation": {Do: 99, Kind: "wake", Doc: store.Doc{ID: "a", Body: []byte("{}")}},
	} {
		_, err := o.Store.Bulk(t.Context(), []store.Op{good, op})
		wantErr(t, name, err, store.ErrBadQuery)
	}
	if got, err := o.Store.Get(t.Context(), "claim", "good"); len(got) != 0 || err != nil {
		t.Errorf("a refused bulk wrote %v, %v", got, err)
	}
	_, err := o.Store.Get(t.Context(), "nothing", "a")
	wantErr(t, "get of an unknown kind", err, store.ErrBadQuery)
}

func drop(t *testing.T, o Opened) {
	var ops []store.Op
	for i := range 1000 {
		ops = append(ops, put("thing.v2", fmt.Sprint(i), 1, map[string]any{"rank": int64(i), "parties": []string{"DMA", fmt.Sprint(i)}}))
	}
	ops = append(ops, insert("claim", "stays", nil))
	mustBulk(t, o.Store, ops...)
	wantErr(t, "a working kind", o.Store.Drop(t.Context(), "claim"), store.ErrBadQuery)
	wantErr(t, "an unknown kind", o.Store.Drop(t.Context(), "nothing"), store.ErrBadQuery)
	for range 2 { // an empty one too
		if err := o.Store.Drop(t.Context(), "thing.v2"); err != nil {
			t.Fatal(err)
		}
		for _, q := range []store.Query{{Kind: "thing.v2"}, {Kind: "thing.v2", Index: "by_party", Equal: []any{"DMA"}}} {
			if n, err := o.Store.Count(t.Context(), q); n != 0 || err != nil {
				t.Errorf("%d left, %v", n, err)
			}
		}
	}
	if got, err := o.Store.Get(t.Context(), "claim", "stays"); len(got) != 1 || err != nil {
		t.Errorf("another kind: %v, %v", got, err)
	}
	mustBulk(t, o.Store, ops[:10]...)
	if n, err := o.Store.Count(t.Context(), store.Query{Kind: "thing.v2", Index: "by_party", Equal: []any{"DMA"}}); n != 10 || err != nil {
		t.Errorf("written again: %d, %v", n, err)
	}
}

func largeBulk(t *testing.T, o Opened) {
	ops := make([]store.Op, 5000)
	for i := range ops {
		ops[i] = put("wake", fmt.Sprint(i), 1, map[string]any{"at": origin.Add(time.Duration(i) * time.Second)})
	}
	done := make(chan error, 1)
	go func() {
		_, err := o.Store.Bulk(t.Context(), ops)
		done <- err
	}()
	var early int64
	for seq := int64(1); ; seq++ {
		mustAppend(t, o.Store, commit("incident/meanwhile", seq, fmt.Sprint(seq)))
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if n, err := o.Store.Count(t.Context(), store.Query{Kind: "wake"}); n != int64(len(ops)) || err != nil {
				t.Errorf("%d of %d written, %v", n, len(ops), err)
			}
			t.Logf("%d appends passed a bulk of %d", early, len(ops))
			return
		default:
			early++
		}
	}
}
