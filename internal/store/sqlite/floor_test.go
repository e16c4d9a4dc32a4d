package sqlite_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"landfall/internal/store"
	"landfall/internal/store/sqlite"
	"landfall/internal/store/storetest"
)

func BenchmarkAppend(b *testing.B) { storetest.BenchmarkAppend(b, bench) }
func BenchmarkBulk(b *testing.B)   { storetest.BenchmarkBulk(b, bench) }
func BenchmarkMixed(b *testing.B)  { storetest.BenchmarkMixed(b, bench) }

func bench(b *testing.B) store.Store {
	return open(b, filepath.Join(b.TempDir(), "landfall.db"), storetest.Kinds(), sqlite.Options{})
}

// BenchmarkFloor is what the engine is measured against: one goroutine, the plain library, one prepared insert, groups of as many
// commits as BenchmarkAppend has callers, one synced transaction each, SQLite's own checkpoints.
func BenchmarkFloor(b *testing.B) {
	for _, group := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("group=", group), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "landfall.db")
			open(b, path, storetest.Kinds(), sqlite.Options{}).Close() // the same schema
			db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-8000)&_txlock=immediate")
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			db.SetMaxOpenConns(1)
			insert, err := db.Prepare(`INSERT INTO commits (stream, seq, id, recorded_at, pending, prev, hash, "key", body) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)`)
			if err != nil {
				b.Fatal(err)
			}
			defer insert.Close()
			b.ResetTimer()
			for done := 0; done < b.N; {
				tx, err := db.Begin()
				if err != nil {
					b.Fatal(err)
				}
				stmt := tx.Stmt(insert) //nolint:sqlclosecheck // closed by the commit
				for caller := 0; caller < group && done < b.N; caller++ {
					c := storetest.BenchCommit(fmt.Sprintf("incident/%064d", caller), int64(done/group+1))
					if _, err := stmt.Exec(c.Stream, c.Seq, c.ID, "2017-09-18T21:35:00.000000Z", c.Prev, c.Hash, c.Key, string(c.Body)); err != nil {
						b.Fatal(err)
					}
					done++
				}
				if err := tx.Commit(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
