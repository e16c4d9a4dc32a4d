package mongodb_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"landfall/internal/store"
	"landfall/internal/store/mongodb"
	"landfall/internal/store/storetest"
)

func BenchmarkAppend(b *testing.B) { storetest.BenchmarkAppend(b, bench) }
func BenchmarkBulk(b *testing.B)   { storetest.BenchmarkBulk(b, bench) }
func BenchmarkMixed(b *testing.B)  { storetest.BenchmarkMixed(b, bench) }

func bench(b *testing.B) store.Store {
	return open(b, serverURI(b), storetest.Kinds(), mongodb.Options{Database: database(b)})
}

// BenchmarkFloor is what the engine is measured against: the plain driver, the same collection with the same indexes, the same write
// concern, documents encoded beforehand. "single": as many callers as BenchmarkAppend has, each inserting one document at a time. "grouped": one caller
// that inserts as many at once, which is what grouping could reach at best.
func BenchmarkFloor(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("single/callers=", n), func(b *testing.B) { floor(b, n, 1) })
		b.Run(fmt.Sprint("grouped/group=", n), func(b *testing.B) { floor(b, 1, n) })
	}
}

func floor(b *testing.B, callers, group int) {
	name := database(b)
	open(b, serverURI(b), storetest.Kinds(), mongodb.Options{Database: name}) // the same indexes
	journal := true
	c := raw(b, name).Collection("commits", options.Collection().SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}))
	docs := make([]any, b.N)
	for i := range docs {
		commit := storetest.BenchCommit(fmt.Sprintf("incident/%064d", i%(callers*group)), int64(i/(callers*group)+1))
		docs[i] = bson.D{{Key: "_id", Value: fmt.Sprint(commit.Stream, "#", commit.Seq)}, {Key: "stream", Value: commit.Stream}, {Key: "seq", Value: commit.Seq}, {Key: "id", Value: commit.ID},
			{Key: "recorded_at", Value: "2017-09-18T21:35:00.000000Z"}, {Key: "pending", Value: 3}, {Key: "key", Value: commit.Key}, {Key: "hash", Value: commit.Hash},
			{Key: "body", Value: string(commit.Body)}}
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for {
				end := next.Add(int64(group))
				begin := end - int64(group)
				if begin >= int64(b.N) {
					return
				}
				if _, err := c.InsertMany(b.Context(), docs[begin:min(end, int64(b.N))]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}
