package head_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"landfall/internal/head"
	"landfall/internal/ledger"
	"landfall/internal/proof"
	"landfall/internal/store/sqlite"
)

// BenchmarkHeads measures what a head costs over 100,000 streams in SQLite, and what a start's
// comparison costs at 10,000: docs/performance.md has the numbers.
func BenchmarkHeads(b *testing.B) {
	const streams = 100_000
	path := filepath.Join(b.TempDir(), "landfall.db")
	st, err := sqlite.Open(b.Context(), path, append(ledger.Kinds(), head.Kinds()...), sqlite.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = st.Close() })
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		b.Fatal(err)
	}
	fill(b, db, streams)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	key, err := proof.KeyFrom(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	measure := func(name string, tree *proof.Tree, since time.Time) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				t := tree.Clone()
				if _, err := head.Reach(b.Context(), st, t, since); err != nil {
					b.Fatal(err)
				}
				if _, err := proof.Sign(proof.Head{Number: 1, Root: t.Root()}, key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	measure("first", &proof.Tree{}, time.Time{})
	var tree proof.Tree
	if _, err := head.Reach(b.Context(), st, &tree, time.Time{}); err != nil {
		b.Fatal(err)
	}
	measure("of-the-day", &tree, time.Time{})
	measure("hourly-1000-grown", &tree, began.Add(time.Hour))
	small := &proof.Tree{}
	small.Set(tree.Leaves()[:10_000], nil)
	b.Run("start-10000", func(b *testing.B) {
		for b.Loop() {
			if losses, err := head.Compare(b.Context(), st, small); err != nil || len(losses) > 0 {
				b.Fatal(err, losses)
			}
		}
	})
	b.Run("open-10000", func(b *testing.B) {
		dir := b.TempDir()
		log, err := proof.OpenLog(dir)
		if err != nil {
			b.Fatal(err)
		}
		signed, err := proof.Sign(proof.Head{Number: 1, Root: small.Root()}, key)
		if err != nil {
			b.Fatal(err)
		}
		if err := log.Append(signed, small, nil, nil); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := proof.OpenLog(dir); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// fill writes streams of three commits; each hundredth has grown since the hour.
func fill(b *testing.B, db *sql.DB, streams int) {
	b.Helper()
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	const form = "2006-01-02T15:04:05.000000Z"
	body := fmt.Sprintf(`{"pad":%q}`, make([]byte, 150))
	for n := range streams {
		name, at := fmt.Sprintf("incident/0197a1b2-0000-7000-8000-%012d", n), began
		if n%100 == 0 {
			at = began.Add(2 * time.Hour)
		}
		for seq := range int64(3) {
			h := hashOf(name, seq+1)
			_, err = tx.Exec("INSERT INTO commits (stream, seq, id, recorded_at, pending, hash, body) VALUES (?, ?, 'x', ?, 0, ?, ?)",
				name, seq+1, at.Format(form), h[:], body)
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		b.Fatal(err)
	}
}
