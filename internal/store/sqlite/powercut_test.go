package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"landfall/internal/store"
)

// A power cut keeps the file as it was at the last checkpoint, every byte of the log up to the last sync, and of the rest of the
// log whatever pages the disk happened to have written.
func TestAPowerCutTakesOnlyTheEnd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "landfall.db")
	s, err := Open(t.Context(), path, kinds, Options{CheckpointPages: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const steps = 120
	synced := make([]int64, 0, steps) // length of the log after each append
	for i := range steps {
		if _, err := s.Bulk(t.Context(), []store.Op{wake(fmt.Sprintf("%03d", i))}); err != nil {
			t.Fatal(err)
		}
		if i%5 == 4 {
			if _, err := s.Append(t.Context(), []store.Commit{commitAt("s", int64(i/5)+1)}); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path + "-wal")
			if err != nil {
				t.Fatal(err)
			}
			synced = append(synced, info.Size())
		}
	}
	file, log := mustRead(t, path), mustRead(t, path+"-wal")
	r := rand.New(rand.NewPCG(1, 2))
	for cut := range 60 {
		safe := synced[r.IntN(len(synced))]
		torn := append([]byte{}, log[:safe+r.Int64N(int64(len(log))-safe+1)]...)
		for at := safe; at < int64(len(torn)); at += 512 {
			if r.IntN(8) == 0 { // this sector was not written
				clear(torn[at:min(at+512, int64(len(torn)))])
			}
		}
		after := filepath.Join(dir, fmt.Sprint(cut, ".db"))
		mustWrite(t, after, file)
		mustWrite(t, after+"-wal", torn)
		checkPrefix(t, after, synced, safe)
	}
}

// checkPrefix opens what is left and checks that it is a prefix of what was done, with every append of the synced log.
func checkPrefix(t *testing.T, path string, synced []int64, safe int64) {
	t.Helper()
	s, err := Open(context.Background(), path, kinds, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if text, err := s.Check(t.Context()); err != nil || text != "ok" {
		t.Fatalf("integrity_check: %s, %v", text, err)
	}
	commits, err := s.ReadStream(t.Context(), "s", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Find(t.Context(), store.Query{Kind: "wake", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range page.Docs {
		if d.ID != fmt.Sprintf("%03d", i) {
			t.Fatalf("document %s survives, %03d does not", d.ID, i)
		}
	}
	if docs, n := len(page.Docs), len(commits); docs < 5*n || docs > 5*n+5 {
		t.Errorf("%d documents and %d commits survive: not a prefix", docs, n)
	}
	for n, end := range synced {
		if end <= safe && len(commits) <= n {
			t.Errorf("append %d was synced at %d of %d and is gone", n+1, end, safe)
		}
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustWrite(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
