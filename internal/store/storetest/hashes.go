package storetest

import (
	"testing"

	"landfall/internal/store"
)

func namedHashes(t *testing.T, o Opened) {
	var all []store.Commit
	for _, stream := range []string{"incident/a", "incident/ab", "alert/é"} {
		commits := run(stream, 1, 700)
		mustAppend(t, o.Store, commits...)
		all = append(all, commits...)
	}
	want := map[store.Ref][]byte{}
	refs := []store.Ref{{Stream: "incident/a", Seq: 701}, {Stream: "incident/none", Seq: 1}, {}}
	for _, c := range all {
		ref := store.Ref{Stream: c.Stream, Seq: c.Seq}
		refs, want[ref] = append(refs, ref), c.Hash
	}
	got, err := o.Store.Hashes(t.Context(), refs)
	if d := diff(want, got); err != nil || d != "" {
		t.Errorf("%v; appended (-) and found (+) differ:\n%.2000s", err, d)
	}
	if got, err := o.Store.Hashes(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("nothing was asked for: %v, %v", got, err)
	}
}
