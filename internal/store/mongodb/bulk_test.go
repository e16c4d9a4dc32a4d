package mongodb

import (
	"testing"

	"pgregory.net/rapid"

	"landfall/internal/store"
)

func op(do store.OpKind, kind, id string) store.Op {
	if do == store.OpPay {
		return store.Op{Do: do, Ref: store.Ref{Stream: id, Seq: 1}}
	}
	return store.Op{Do: do, Kind: kind, Doc: store.Doc{ID: id}}
}

func TestABulkIsFewCommands(t *testing.T) {
	put := func(kind, id string) store.Op { return op(store.OpPut, kind, id) }
	for name, c := range map[string]struct {
		ops  []store.Op
		want int
	}{
		"nothing":                        {nil, 0},
		"an incident, its steps, a wake": {[]store.Op{put("incident", "a"), put("step", "a1"), put("step", "a2"), put("wake", "a"), put("incident", "b"), put("step", "b1"), put("wake", "b")}, 3},
		"deliveries, then marks":         {[]store.Op{op(store.OpInsert, "delivery", "1"), op(store.OpInsert, "delivery", "2"), op(store.OpPay, "", "a"), op(store.OpPay, "", "b")}, 2},
		"marks between":                  {[]store.Op{op(store.OpInsert, "delivery", "1"), op(store.OpPay, "", "a"), op(store.OpInsert, "delivery", "2"), op(store.OpPay, "", "b")}, 2},
		"the same document three times":  {[]store.Op{put("wake", "a"), put("wake", "a"), put("wake", "a")}, 3},
		"a put behind its deletion":      {[]store.Op{put("wake", "a"), op(store.OpDelete, "wake", "b"), put("wake", "b"), put("wake", "c")}, 3},
	} {
		if got := plan(c.ops); len(got) != c.want {
			t.Errorf("%s: %d commands, want %d", name, len(got), c.want)
		}
	}
}

func TestAPlanKeepsWhatMatters(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ops := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) store.Op {
			return op(rapid.SampledFrom([]store.OpKind{store.OpInsert, store.OpPut, store.OpDelete, store.OpPay}).Draw(rt, "do"),
				rapid.SampledFrom([]string{"incident", "wake"}).Draw(rt, "kind"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "id"))
		}), 0, 30).Draw(rt, "ops")
		at := make(map[int]int)
		for i, st := range plan(ops) {
			record := make(map[string]bool)
			for _, o := range st.ops {
				if _, twice := at[o]; twice {
					rt.Fatalf("operation %d is carried out twice", o)
				}
				at[o] = i
				if ops[o].Do != st.do || ops[o].Kind != st.kind {
					rt.Fatalf("operation %d is in a command that does something else", o)
				}
				if id := ops[o].Doc.ID + ops[o].Ref.Stream; record[id] {
					rt.Fatalf("one command writes %s twice", id)
				} else {
					record[id] = true
				}
			}
		}
		if len(at) != len(ops) {
			rt.Fatalf("%d of %d operations are carried out", len(at), len(ops))
		}
		for i, a := range ops {
			for j, b := range ops[i+1:] {
				j += i + 1
				same := a.Kind == b.Kind && a.Doc.ID == b.Doc.ID && a.Ref == b.Ref
				if same && at[j] <= at[i] {
					rt.Fatalf("operations %d and %d on one record are carried out in the wrong order", i, j)
				}
				if b.Do == store.OpPay && at[j] < at[i] {
					rt.Fatalf("mark %d is cleared before operation %d", j, i)
				}
			}
		}
	})
}
