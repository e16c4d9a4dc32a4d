package backup_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"landfall/internal/backup"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

const (
	benchCommits = 100_000
	benchBody    = 1100 // bytes: about what one commit of an incident weighs
)

// chain gives the first n commits of a stream, as the ledger would have written them.
func chain(stream string, n int, chance *rand.Rand) []store.Commit {
	list := make([]store.Commit, n)
	var prev []byte
	for i := range list {
		at := maria.Add(time.Duration(i) * time.Second)
		id := ledger.Derive(stream, fmt.Sprint(i))
		var text []byte
		for len(text) < benchBody-420 { // half of it compresses
			text = fmt.Appendf(text, "%016x step HUR-07.ATG ", chance.Uint64())
		}
		before := ""
		if prev != nil {
			before = fmt.Sprintf(`,"prev":"%x"`, prev)
		}
		body := fmt.Appendf(nil, `{"stream":%q,"seq":%d,"id":%q,"recorded_at":%q,"actor":{"account":"a1","role":"coordinator","party":"DMA"},"exercise":false,"events":[{"type":"incident.happened.v1","data":{"text":%q}}]%s}`,
			stream, i+1, id, at.Format(time.RFC3339Nano), text, before)
		sum := sha256.Sum256(body)
		list[i] = store.Commit{Stream: stream, Seq: int64(i) + 1, ID: id, RecordedAt: at, Body: body, Prev: prev, Hash: sum[:]}
		prev = sum[:]
	}
	return list
}

// fill appends benchCommits: half in incidents of 50, half in alerts of 2.
func fill(b *testing.B, st store.Store) {
	b.Helper()
	work := make(chan []store.Commit)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for list := range work {
				if _, err := st.Append(b.Context(), list); err != nil {
					b.Error(err)
				}
			}
		})
	}
	chance := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // a measurement's filling
	for i := range benchCommits / 100 {
		work <- chain("incident/"+ledger.Derive("incident", fmt.Sprint(i)), 50, chance)
	}
	for i := range benchCommits / 4 {
		work <- chain("alert/"+ledger.Derive("alert", fmt.Sprint(i)), 2, chance)
	}
	close(work)
	wg.Wait()
}

// BenchmarkBackup measures writing, proving and restoring 100,000 commits.
func BenchmarkBackup(b *testing.B) {
	st := openSQLite(b, filepath.Join(b.TempDir(), "landfall.db"))
	defer st.Close()
	fill(b, st)
	opt := backup.Options{Now: time.Now}
	var archive bytes.Buffer
	sum, err := backup.Write(b.Context(), st, kinds(), &archive, opt)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d commits in %d streams, %d MB as records, %d MB as an archive, digest %s", sum.Commits, sum.Streams, benchCommits*benchBody>>20, sum.Bytes>>20, sum.SHA256[:8])
	report := func(b *testing.B) {
		b.ReportMetric(float64(b.N)*benchCommits/b.Elapsed().Seconds(), "commits/s")
		b.ReportMetric(float64(b.N)*benchCommits*benchBody/1e6/b.Elapsed().Seconds(), "MB/s")
	}
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			if _, err := backup.Write(b.Context(), st, kinds(), io.Discard, opt); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := backup.Verify(b.Context(), bytes.NewReader(archive.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			into := openSQLite(b, filepath.Join(b.TempDir(), hex.EncodeToString(time.Now().AppendFormat(nil, "150405.000000000"))))
			if _, err := backup.Restore(context.Background(), bytes.NewReader(archive.Bytes()), into, kinds(), opt); err != nil {
				b.Fatal(err)
			}
			if err := into.Close(); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
}
