package storetest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/store"
)

// BodySize is about what one commit of an incident weighs.
const BodySize = 1100

// BenchCommit makes a commit of realistic size with an idempotency key.
func BenchCommit(stream string, seq int64) store.Commit {
	c := commit(stream, seq, fmt.Sprintf("0190d0a0-0000-7000-8000-%012d", seq))
	c.Body = fmt.Appendf(nil, `{"stream":%q,"seq":%d,"text":%q}`, stream, seq, strings.Repeat("abcdefghij", BodySize/10))
	c.Key = append([]byte(fmt.Sprintf("%012d", seq)), c.Hash[:20]...)
	return c
}

// BenchmarkAppend measures single commits from 1, 8 and 64 callers, each on its own stream: two on one stream would measure who
// loses.
func BenchmarkAppend(b *testing.B, open func(b *testing.B) store.Store) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			s := open(b)
			each(b, callers, func(caller int, i int64) error {
				_, err := s.Append(b.Context(), []store.Commit{BenchCommit(fmt.Sprintf("incident/%064d", caller), i+1)})
				return err
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}

// BenchmarkBulk measures puts of one, 16 and 256 documents at a time from 8 callers, into a kind with one index.
func BenchmarkBulk(b *testing.B, open func(b *testing.B) store.Store) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprint("ops=", size), func(b *testing.B) {
			s := open(b)
			body := fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("abcdefghij", 40))
			each(b, 8, func(caller int, i int64) error {
				ops := make([]store.Op, size)
				for n := range ops {
					ops[n] = store.Op{Do: store.OpPut, Kind: "wake", Doc: store.Doc{ID: fmt.Sprintf("incident/%d-%d-%d", caller, i%500, n), Version: i,
						Body: body, Index: map[string]any{"at": origin.Add(time.Duration(i) * time.Second)}}}
				}
				_, err := s.Bulk(b.Context(), ops)
				return err
			})
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

// BenchmarkMixed measures appends from 64 callers while 4 others write documents in bulk without a pause, as projections and
// deliveries do.
func BenchmarkMixed(b *testing.B, open func(b *testing.B) store.Store) {
	s := open(b)
	var stop atomic.Bool
	var lazy atomic.Int64
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := int64(0); !stop.Load(); i++ {
				var ops []store.Op
				for n := range 32 {
					ops = append(ops, put("wake", fmt.Sprintf("incident/%d-%d", w, n), i+1, map[string]any{"at": origin.Add(time.Duration(i) * time.Second)}))
				}
				if _, err := s.Bulk(b.Context(), ops); err != nil {
					b.Error(err)
					return
				}
				lazy.Add(int64(len(ops)))
			}
		})
	}
	each(b, 64, func(caller int, i int64) error {
		_, err := s.Append(b.Context(), []store.Commit{BenchCommit(fmt.Sprintf("incident/%064d", caller), i+1)})
		return err
	})
	stop.Store(true)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric(float64(lazy.Load())/b.Elapsed().Seconds(), "ops/s")
}

// each spreads b.N calls over callers; i counts each caller's own.
func each(b *testing.B, callers int, call func(caller int, i int64) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for c := range callers {
		wg.Go(func() {
			for i := int64(0); next.Add(1) <= int64(b.N); i++ {
				if err := call(c, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}
