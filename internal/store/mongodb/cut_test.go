package mongodb_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"landfall/internal/store"
	"landfall/internal/store/mongodb"
	"landfall/internal/store/storetest"
)

func commits(stream string, from, to int64) []store.Commit {
	var out []store.Commit
	for seq := from; seq <= to; seq++ {
		out = append(out, storetest.BenchCommit(stream, seq))
	}
	return out
}

// through opens a store behind a proxy; its appends give up after a quarter of the limit.
func through(t *testing.T, limit time.Duration, o mongodb.Options) (*storetest.Proxy, *mongodb.Store) {
	t.Helper()
	o.Database, o.OpTimeout = database(t), limit
	p, uri := behind(t)
	return p, open(t, uri, storetest.Kinds(), o)
}

func count(t *testing.T, s store.Store, stream string) int {
	t.Helper()
	got, err := s.ReadStream(t.Context(), stream, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(got)
}

// unknown asserts that nobody was told more than is known.
func unknown(t *testing.T, n int, err error) {
	t.Helper()
	if n != 0 || err == nil || errors.Is(err, store.ErrSeqTaken) || errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrClosed) {
		t.Errorf("an append whose reply was lost: %d, %v", n, err)
	}
}

func TestALostReplyLeavesTheOutcomeUnknown(t *testing.T) {
	serverURI(t)
	t.Parallel()
	for _, c := range []struct {
		name string
		mode storetest.Mode
		kept int
	}{{"cut before the write", storetest.CutBefore, 0}, {"cut after the write", storetest.CutAfter, 3}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, s := through(t, 10*time.Second, mongodb.Options{})
			p.Trouble(c.mode, 1)
			n, err := s.Append(t.Context(), commits("incident/a", 1, 3))
			unknown(t, n, err)
			if got := count(t, s, "incident/a"); got != c.kept {
				t.Errorf("%d commits kept, want %d", got, c.kept)
			}
			n, err = s.Append(t.Context(), commits("incident/a", 1, 3))
			if c.kept == 0 && err != nil || c.kept > 0 && !errors.Is(err, store.ErrSeqTaken) || n != 3-c.kept {
				t.Errorf("the same again: %d, %v", n, err)
			}
			if got := count(t, s, "incident/a"); got != 3 {
				t.Errorf("%d commits in the end", got)
			}
		})
	}
}

func TestAnAppendWaitsNoLongerThanItsShareForAServerThatIsSilent(t *testing.T) {
	t.Parallel()
	for _, mode := range []storetest.Mode{storetest.Stall, storetest.Late} {
		p, s := through(t, 4*time.Second, mongodb.Options{})
		p.Trouble(mode, 1)
		began := time.Now()
		n, err := s.Append(t.Context(), commits("incident/a", 1, 1))
		unknown(t, n, err)
		if took := time.Since(began); took < 900*time.Millisecond || took > 10*time.Second {
			t.Errorf("it took %v to give up", took)
		}
		// The caller looks, and sends the same commit again where it is absent; then the first request arrives after all.
		if count(t, s, "incident/a") == 0 {
			if n, err := s.Append(t.Context(), commits("incident/a", 1, 1)); n != 1 || err != nil {
				t.Fatalf("again: %d, %v", n, err)
			}
		}
		p.Release()
		if n, err := s.Append(t.Context(), commits("incident/a", 2, 2)); n != 1 || err != nil {
			t.Errorf("the next: %d, %v", n, err)
		}
		if got := count(t, s, "incident/a"); got != 2 {
			t.Errorf("%d commits", got)
		}
	}
}

func TestALateAnswerIsStillAnAnswer(t *testing.T) {
	p, s := through(t, time.Minute, mongodb.Options{})
	p.Trouble(storetest.Late, 1)
	done := make(chan error, 1)
	go func() {
		_, err := s.Append(t.Context(), commits("incident/a", 1, 2))
		done <- err
	}()
	p.AwaitStruck(1)
	if got := count(t, s, "incident/a"); got != 2 {
		t.Errorf("%d commits are there before the answer", got)
	}
	p.Release()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAReadAsksOnceMoreWhenTheConnectionIsLost(t *testing.T) {
	t.Parallel()
	p, s := through(t, 6*time.Second, mongodb.Options{})
	if _, err := s.Append(t.Context(), commits("incident/a", 1, 2)); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []storetest.Mode{storetest.CutBefore, storetest.CutAfter} {
		p.Trouble(mode, 1, "find")
		if got := count(t, s, "incident/a"); got != 2 {
			t.Errorf("read %d", got)
		}
		p.Trouble(mode, 2, "find")
		if got, err := s.ReadStream(t.Context(), "incident/a", 0, 0); err == nil {
			t.Errorf("cut twice, it read %d", len(got))
		}
	}
	p.Down()
	if err := s.Ping(t.Context()); err == nil {
		t.Error("a server that cannot be reached is ready")
	}
	p.Up()
	if got := count(t, s, "incident/a"); got != 2 {
		t.Errorf("after the server came back, read %d", got)
	}
}

// What waits while commands are under way shares the next one, and a batch that loses its place takes nobody along.
func TestAppendsOfManyStreamsShareCommandsAndLoseAlone(t *testing.T) {
	var groups atomic.Int64
	p, s := through(t, time.Minute, mongodb.Options{Observe: func(op string, _ time.Duration, _ error) {
		if op == "append_group" {
			groups.Add(1)
		}
	}})
	if n, err := s.Append(t.Context(), commits("incident/07", 1, 2)); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	before := groups.Load()
	const lanes, streams = 4, 40
	var wg sync.WaitGroup
	appended := func(stream string, from, to int64, want int, wantErr error) {
		wg.Go(func() {
			if n, err := s.Append(t.Context(), commits(stream, from, to)); n != want || !errors.Is(err, wantErr) {
				t.Errorf("%s from %d to %d: %d, %v", stream, from, to, n, err)
			}
		})
	}
	p.Trouble(storetest.Late, lanes)
	for i := range lanes {
		appended(fmt.Sprint("alert/", i), 1, 1, 1, nil)
		p.AwaitStruck(i + 1)
	}
	for i := range streams {
		switch stream := fmt.Sprintf("incident/%02d", i); i {
		case 7: // taken from the first on
			appended(stream, 2, 5, 0, store.ErrSeqTaken)
		default:
			appended(stream, 1, int64(1+i%3), 1+i%3, nil)
		}
	}
	p.Release()
	wg.Wait()
	if got := groups.Load() - before; got > lanes+streams/2 {
		t.Errorf("%d commands for %d appends", got, lanes+streams)
	}
	for i := range streams {
		want := 1 + i%3
		if i == 7 {
			want = 2
		}
		if got := count(t, s, fmt.Sprintf("incident/%02d", i)); got != want {
			t.Errorf("stream %d keeps %d of %d", i, got, want)
		}
	}
}

func TestABulkCutAnywhereCanBeRepeated(t *testing.T) {
	t.Parallel()
	p, s := through(t, 10*time.Second, mongodb.Options{})
	for spared := range 3 { // inserts, puts, marks: one command each
		for _, mode := range []storetest.Mode{storetest.CutBefore, storetest.CutAfter} {
			round := fmt.Sprintf("incident/%d-%d", spared, mode)
			if _, err := s.Append(t.Context(), commits(round, 1, 4)); err != nil {
				t.Fatal(err)
			}
			var ops []store.Op
			for i := range 4 {
				doc := store.Doc{ID: fmt.Sprint(round, "/", i), Version: 3, Body: []byte(`{"n":1}`)}
				ops = append(ops, store.Op{Do: store.OpInsert, Kind: "claim", Doc: doc}, store.Op{Do: store.OpPut, Kind: "wake", Doc: doc},
					store.Op{Do: store.OpPay, Ref: store.Ref{Stream: round, Seq: int64(i + 1)}, Debt: store.OwesAll})
			}
			if spared > 0 {
				p.Trouble(storetest.Pass, spared)
			}
			p.Trouble(mode, 1)
			if _, err := s.Bulk(t.Context(), ops); err == nil {
				t.Errorf("%s: no error", round)
			}
			if n, _, err := s.PendingStats(t.Context(), store.OwesAll, nil); n != 4 && (spared < 2 || mode == storetest.CutBefore) || err != nil {
				t.Errorf("%s: %d pending while its documents are not all said to be written, %v", round, n, err)
			}
			if _, err := s.Bulk(t.Context(), ops); err != nil {
				t.Errorf("%s again: %v", round, err)
			}
			if n, _, err := s.PendingStats(t.Context(), store.OwesAll, nil); n != 0 || err != nil {
				t.Errorf("%s: %d still pending, %v", round, n, err)
			}
			for _, kind := range []string{"claim", "wake"} {
				if n, err := s.Count(t.Context(), store.Query{Kind: kind, From: round + "/", Until: round + "0"}); n != 4 || err != nil {
					t.Errorf("%s: %d of kind %s, %v", round, n, kind, err)
				}
			}
		}
	}
}

// Nothing is asked of a server without a limit, and nothing is taken for written that a majority has not in its journal.
func TestEveryCommandIsBoundedAndEveryWriteDurable(t *testing.T) {
	p, s := through(t, 10*time.Second, mongodb.Options{})
	var mu sync.Mutex
	seen := make(map[string]bool)
	handshake := map[string]bool{"hello": true, "isMaster": true, "ismaster": true, "saslStart": true, "saslContinue": true, "endSessions": true, "ping": true}
	p.Watch(func(command string, document []byte) {
		if handshake[command] {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		seen[command] = true
		d := bson.Raw(document)
		if ms, ok := d.Lookup("maxTimeMS").AsInt64OK(); !ok || ms < 1 || ms > 10_000 {
			t.Errorf("%s has no limit: %s", command, d)
		}
		switch command {
		case "insert", "update", "delete":
			if d.Lookup("writeConcern", "w").String() != `"majority"` || !d.Lookup("writeConcern", "j").Boolean() {
				t.Errorf("%s is not durable: %s", command, d)
			}
		case "find", "aggregate":
			if d.Lookup("readConcern", "level").String() != `"majority"` {
				t.Errorf("%s reads what may be lost: %s", command, d)
			}
		}
	})
	ctx, doc := t.Context(), store.Doc{ID: "a", Version: 1, Body: []byte(`{}`)}
	for name, call := range map[string]func() error{
		"append": func() error { _, err := s.Append(ctx, commits("incident/a", 1, 2)); return err },
		"bulk": func() error {
			_, err := s.Bulk(ctx, []store.Op{{Do: store.OpInsert, Kind: "claim", Doc: doc}, {Do: store.OpPut, Kind: "claim", Doc: doc}, {Do: store.OpDelete, Kind: "claim", Doc: doc},
				{Do: store.OpPay, Ref: store.Ref{Stream: "incident/a", Seq: 1}, Debt: store.OwesAll}})
			return err
		},
		"reads": func() error {
			_, err1 := s.ReadStream(ctx, "incident/a", 0, 0)
			_, err2 := s.FindKey(ctx, "incident/a", []byte("key"))
			_, _, err3 := s.PendingStats(ctx, store.OwesAll, nil)
			_, err4 := s.Find(ctx, store.Query{Kind: "wake", Index: "by_at", Limit: 3})
			_, err5 := s.Count(ctx, store.Query{Kind: "wake", Index: "by_at"})
			_, err6 := s.Streams(ctx, "", "", 10)
			return errors.Join(err1, err2, err3, err4, err5, err6)
		},
		"detached": func() error {
			if _, err := s.Append(ctx, commits("incident/b", 1, 1)); err != nil {
				return err
			}
			return s.SetDetached(ctx, store.Ref{Stream: "incident/b", Seq: 1}, []byte(`{}`))
		},
		"drop": func() error { return s.Drop(ctx, "wake") },
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, command := range []string{"insert", "update", "delete", "find", "aggregate"} {
		if !seen[command] {
			t.Errorf("no %s was seen", command)
		}
	}
}
