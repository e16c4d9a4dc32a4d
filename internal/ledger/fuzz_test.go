package ledger_test

import (
	"testing"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// FuzzCommit reads commits as a store or an archive holds them, whoever wrote there: they are read or refused.
func FuzzCommit(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"stream":"note/1","seq":1,"id":"1","recorded_at":"2026-09-16T13:00:00Z","actor":{"account":"system"},"exercise":false,"events":[{"type":"note.written.v1","data":{}}]}`, ""},
		{`{"events":[{"type":"ledger.erased.v1","data":{"seq":-1}}],"detached":{"name":"00"}}`, `{"name":{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","value":"x"}}`},
		{`{"events":null}`, `null`},
		{`{"events":[{}]}`, `{"a":[]}`},
		{``, `{`},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, body, detached []byte) {
		events, err := ledger.Events(store.Commit{Stream: "note/1", Seq: 1, ID: "1", Body: body, Detached: detached})
		if err != nil {
			return
		}
		for n, e := range events {
			if e.N != n {
				t.Fatalf("event %d of %q is numbered %d", n, body, e.N)
			}
			_, _ = e.Detached("name")
			var into map[string]any
			_ = e.Into(&into) // what is no object is refused
		}
	})
}
