package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"landfall/internal/store"
)

var kinds = []store.Kind{{Name: "wake", Derived: true, Fields: []store.Field{{Name: "at", Type: store.Time}},
	Indexes: []store.Index{{Name: "by_at", Fields: []string{"at"}}}}}

func commitAt(stream string, seq int64) store.Commit {
	body := fmt.Appendf(nil, `{"stream":%q,"seq":%d}`, stream, seq)
	hash := sha256.Sum256(body)
	return store.Commit{Stream: stream, Seq: seq, ID: fmt.Sprint(stream, seq), RecordedAt: time.Date(2017, 9, 18, 0, 0, 0, 0, time.UTC), Body: body, Hash: hash[:]}
}

func wake(id string) store.Op {
	return store.Op{Do: store.OpPut, Kind: "wake", Doc: store.Doc{ID: id, Version: 1, Body: []byte(`{}`)}}
}

// held is a store whose writer stands still after its first group, so that a test decides what waits together.
type held struct {
	*Store
	groups []Group // in order; read after release and Close
	begun  chan struct{}
	hold   chan struct{}
}

func openHeld(t *testing.T, o Options, each func(*writer, Group)) *held {
	t.Helper()
	h := &held{begun: make(chan struct{}), hold: make(chan struct{})}
	first := true
	o.OnGroup = func(g Group) {
		if first {
			first = false
			close(h.begun)
			<-h.hold
			return
		}
		h.groups = append(h.groups, g)
		if each != nil {
			each(h.writer, g)
		}
	}
	var err error
	if h.Store, err = Open(t.Context(), filepath.Join(t.TempDir(), "landfall.db"), kinds, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	go func() { _, _ = h.Append(t.Context(), []store.Commit{commitAt("first", 1)}) }()
	<-h.begun
	return h
}

// queued waits until so many requests are in the queues.
func (h *held) queued(t *testing.T, durable, lazy int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		h.queue.mu.Lock()
		d, l := len(h.queue.durable), len(h.queue.lazy)
		h.queue.mu.Unlock()
		if d == durable && l == lazy {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%d and %d requests wait, want %d and %d", d, l, durable, lazy)
		}
		runtime.Gosched()
	}
}

func TestAppendsThatWaitTogetherShareOneSync(t *testing.T) {
	h := openHeld(t, Options{}, nil)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if n, err := h.Append(t.Context(), []store.Commit{commitAt(fmt.Sprint("s", i), 1)}); n != 1 || err != nil {
				t.Errorf("append: %d, %v", n, err)
			}
		})
	}
	h.queued(t, 20, 0)
	close(h.hold)
	wg.Wait()
	h.Close()
	if len(h.groups) != 1 || h.groups[0].Writes != 20 || !h.groups[0].Durable {
		t.Errorf("groups: %+v", h.groups)
	}
}

func TestLazyWritesWaitForAppendsButNotForEver(t *testing.T) {
	h := openHeld(t, Options{MaxGroup: 1, LazyEvery: 3, LazySlice: 2}, nil)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() { _, _ = h.Append(t.Context(), []store.Commit{commitAt(fmt.Sprint("s", i), 1)}) })
	}
	for i := range 6 {
		wg.Go(func() { _, _ = h.Bulk(t.Context(), []store.Op{wake(fmt.Sprint(i))}) })
	}
	h.queued(t, 12, 6)
	close(h.hold)
	wg.Wait()
	h.Close()
	var order string
	for _, g := range h.groups {
		order += map[bool]string{true: "D", false: "l"}[g.Durable]
	}
	if want := "DDDlDDDlDDDlDDDlll"; order != want { // a group of one write ends a slice early
		t.Errorf("order of groups %s, want %s", order, want)
	}
}

func TestDurableGroupsSyncFullyAndLazyOnesDoNot(t *testing.T) {
	var levels []int64
	h := openHeld(t, Options{}, func(w *writer, g Group) {
		err := w.c.query(t.Context(), "PRAGMA synchronous", nil, func(v []driver.Value) error {
			levels = append(levels, v[0].(int64))
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	close(h.hold)
	for i := range int64(3) {
		if _, err := h.Bulk(t.Context(), []store.Op{wake(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Append(t.Context(), []store.Commit{commitAt("s", i+1)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.SetDetached(t.Context(), store.Ref{Stream: "s", Seq: 1}, nil); err != nil {
		t.Fatal(err)
	}
	h.Close()
	const normal, full = 1, 2
	if want := []int64{normal, full, normal, full, normal, full, full}; !slices.Equal(levels, want) {
		t.Errorf("synchronous was %v, want %v", levels, want)
	}
}

func TestOneMembersFaultIsItsOwn(t *testing.T) {
	for _, durable := range []bool{true, false} {
		t.Run(fmt.Sprint("durable=", durable), func(t *testing.T) {
			h := openHeld(t, Options{}, nil)
			var wg sync.WaitGroup
			good := func(id string) {
				wg.Go(func() {
					changed, err := h.put(t.Context(), newRequest([]write{{h.tables["wake"].insert, binds(id, int64(1), "{}", nil)}}), durable)
					if err != nil || !changed[0] {
						t.Errorf("innocent %s: %v, %v", id, changed, err)
					}
				})
			}
			queued := func(n int) {
				if durable {
					h.queued(t, n, 0)
				} else {
					h.queued(t, 0, n)
				}
			}
			good("before")
			queued(1)
			wg.Go(func() { // its own first write must not stay behind a durable group either
				writes := []write{{h.tables["wake"].insert, binds("half", int64(1), "{}", nil)}, {"INSERT INTO nowhere VALUES (1)", nil}}
				if _, err := h.put(t.Context(), newRequest(writes), durable); err == nil {
					t.Error("the culprit succeeded")
				}
			})
			queued(2)
			good("after")
			queued(3)
			close(h.hold)
			wg.Wait()
			got, err := h.Get(t.Context(), "wake", "before", "half", "after")
			if _, half := got["half"]; err != nil || len(got) != 2 || half {
				t.Errorf("kept %v, %v", got, err)
			}
		})
	}
}

func TestARequestGivenUpInTheQueueIsNotWritten(t *testing.T) {
	h := openHeld(t, Options{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if n, err := h.Append(ctx, []store.Commit{commitAt("s", 1)}); n != 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("append: %d, %v", n, err)
		}
	})
	wg.Go(func() {
		if _, err := h.Bulk(ctx, []store.Op{wake("w")}); !errors.Is(err, context.Canceled) {
			t.Errorf("bulk: %v", err)
		}
	})
	h.queued(t, 1, 1)
	cancel()
	wg.Wait()
	close(h.hold)
	if _, err := h.Append(t.Context(), []store.Commit{commitAt("other", 1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Bulk(t.Context(), []store.Op{wake("other")}); err != nil {
		t.Fatal(err)
	}
	if got, err := h.ReadStream(t.Context(), "s", 0, 0); len(got) != 0 || err != nil {
		t.Errorf("the append was written: %v, %v", got, err)
	}
	if got, err := h.Get(t.Context(), "wake", "w"); len(got) != 0 || err != nil {
		t.Errorf("the bulk was written: %v, %v", got, err)
	}
}

func TestCallersMemoryIsTheirsAgainAtOnce(t *testing.T) {
	h := openHeld(t, Options{}, nil)
	c, want := commitAt("s", 1), commitAt("s", 1)
	ctx, cancel := context.WithCancel(t.Context())
	r := make(chan error)
	go func() { _, err := h.Append(ctx, []store.Commit{c}); r <- err }()
	h.queued(t, 1, 0)
	clear(c.Body)
	clear(c.Hash)
	close(h.hold)
	if err := <-r; err != nil {
		t.Fatal(err)
	}
	cancel()
	got, err := h.ReadStream(t.Context(), "s", 0, 0)
	if err != nil || len(got) != 1 || !slices.Equal(got[0].Body, want.Body) || !slices.Equal(got[0].Hash, want.Hash) {
		t.Errorf("kept %+v, %v", got, err)
	}
}

func TestAfterAFailedSyncNothingIsWritten(t *testing.T) {
	told := make(chan error, 9)
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "landfall.db"), kinds, Options{OnFatal: func(err error) { told <- err }})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("input/output error")
	s.fail(broken)
	s.fail(errors.New("another"))
	if err := <-told; !errors.Is(err, broken) || len(told) != 0 {
		t.Errorf("told %v and %d more", err, len(told))
	}
	if n, err := s.Append(t.Context(), []store.Commit{commitAt("s", 1)}); n != 0 || !errors.Is(err, broken) {
		t.Errorf("append: %d, %v", n, err)
	}
	if _, err := s.Bulk(t.Context(), []store.Op{wake("w")}); !errors.Is(err, broken) {
		t.Errorf("bulk: %v", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, broken) {
		t.Errorf("ping: %v", err)
	}
	if err := s.Close(); !errors.Is(err, broken) {
		t.Errorf("close: %v", err)
	}
	if err := errors.Join(s.keeper.c.close(), s.writer.c.close()); err != nil { // what a process leaves to its end
		t.Error(err)
	}
}

func TestTheLogDoesNotGrowWithoutBound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "landfall.db")
	const pages = 100
	s, err := Open(t.Context(), path, kinds, Options{CheckpointPages: pages})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for seq := range int64(250) {
				c := commitAt(fmt.Sprint("s", w), seq+1)
				c.Body = fmt.Appendf(nil, `{"text":"%02000d"}`, seq)
				if _, err := s.Append(t.Context(), []store.Commit{c}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	var written int64
	err = s.read(t.Context(), "size", "PRAGMA page_count", nil, func(v []driver.Value) error { written = v[0].(int64); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if length := s.walPages(t, path); length > 12*pages {
		t.Errorf("the log has %d pages after %d were filled", length, written)
	}
}
