package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/store"
)

var engineCases = []testCase{
	{"a closed store refuses and says so", closed},
	{"closing waits for what was accepted", closeWhileWriting},
	{string(WithoutFullDisk), diskFull},
	{string(WithoutConnection), cutConnection},
}

func isBadCursor(err error) bool { return errors.Is(err, store.ErrBadCursor) }

func closed(t *testing.T, o Opened) {
	s := o.Store
	mustAppend(t, s, run("incident/a", 1, 1)...)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping of an open store: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Append":       func() error { _, err := s.Append(ctx, run("incident/a", 2, 2)); return err },
		"ReadStream":   func() error { _, err := s.ReadStream(ctx, "incident/a", 0, 0); return err },
		"Commits":      func() error { _, err := s.Commits(ctx, []store.Ref{{Stream: "incident/a", Seq: 1}}); return err },
		"Streams":      func() error { _, err := s.Streams(ctx, "", "", 1); return err },
		"FindKey":      func() error { _, err := s.FindKey(ctx, "incident/a", []byte("k")); return err },
		"Pending":      func() error { _, err := s.Pending(ctx, store.OwesAll, origin, store.Ref{}, 1); return err },
		"PendingStats": func() error { _, _, err := s.PendingStats(ctx, store.OwesAll, nil); return err },
		"SetDetached":  func() error { return s.SetDetached(ctx, store.Ref{Stream: "incident/a", Seq: 1}, nil) },
		"Bulk":         func() error { _, err := s.Bulk(ctx, []store.Op{insert("claim", "a", nil)}); return err },
		"Get":          func() error { _, err := s.Get(ctx, "claim", "a"); return err },
		"Find":         func() error { _, err := s.Find(ctx, store.Query{Kind: "claim", Limit: 1}); return err },
		"Count":        func() error { _, err := s.Count(ctx, store.Query{Kind: "claim"}); return err },
		"Drop":         func() error { return s.Drop(ctx, "wake") },
		"Ping":         func() error { return s.Ping(ctx) },
	} {
		wantErr(t, name, call(), store.ErrClosed)
	}
	if got := mustRead(t, o.Reopen(t), "incident/a", 0, 0); len(got) != 1 {
		t.Errorf("%d commits after reopening", len(got))
	}
}

func closeWhileWriting(t *testing.T, o Opened) {
	ctx := within(t)
	var mu sync.Mutex
	acknowledged := make(map[string]int64)
	var wg sync.WaitGroup
	var begun sync.WaitGroup
	for w := range 8 {
		begun.Add(1)
		wg.Go(func() {
			stream := fmt.Sprint("incident/", w)
			for seq := int64(1); ; seq++ {
				n, err := o.Store.Append(ctx, run(stream, seq, seq))
				if seq == 1 {
					begun.Done()
				}
				if err != nil {
					wantErr(t, "append while closing", err, store.ErrClosed)
					return
				}
				mu.Lock()
				acknowledged[stream] += int64(n)
				mu.Unlock()
			}
		})
	}
	begun.Wait()
	if err := o.Store.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	s := o.Reopen(t)
	for stream, want := range acknowledged {
		if got := mustRead(t, s, stream, 0, 0); int64(len(got)) != want {
			t.Errorf("%s: %d kept, %d acknowledged", stream, len(got), want)
		}
	}
}

func diskFull(t *testing.T, o Opened) {
	if o.Fill == nil {
		t.Fatal("this engine's test does not arrange a full disk")
	}
	big := func(seq int64) store.Commit {
		c := commit("incident/full", seq, fmt.Sprint("full-", seq))
		c.Body = fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", 20_000))
		return c
	}
	mustAppend(t, o.Store, big(1))
	free := o.Fill(t)
	next := int64(2)
	for ; ; next++ {
		n, err := o.Store.Append(t.Context(), []store.Commit{big(next)})
		if err == nil && next < 10_000 {
			continue
		}
		if n != 0 || !errors.Is(err, store.ErrFull) {
			t.Fatalf("append %d on a full disk: %d, %v", next, n, err)
		}
		break
	}
	var wg sync.WaitGroup // together too: a group is refused whole
	for w := range 8 {
		wg.Go(func() {
			c := big(1)
			c.Stream = fmt.Sprint("incident/full-", w)
			n, err := o.Store.Append(t.Context(), []store.Commit{c})
			if n != 0 || !errors.Is(err, store.ErrFull) {
				t.Errorf("append to %s on a full disk: %d, %v", c.Stream, n, err)
			}
		})
	}
	wg.Wait()
	doc := put("thing.v2", "big", 1, map[string]any{"name": strings.Repeat("y", 100_000)})
	_, err := o.Store.Bulk(t.Context(), []store.Op{doc})
	wantErr(t, "bulk on a full disk", err, store.ErrFull)
	if got := mustRead(t, o.Store, "incident/full", 0, 0); int64(len(got)) != next-1 {
		t.Errorf("%d commits kept, %d acknowledged", len(got), next-1)
	}
	if got, err := o.Store.Streams(t.Context(), "incident/full-", "", 9); len(got) != 0 || err != nil {
		t.Errorf("refused appends left %v, %v", got, err)
	}
	free()
	for ; next < 20; next++ {
		mustAppend(t, o.Store, big(next))
	}
	mustBulk(t, o.Store, doc)
	s := o.Reopen(t)
	if got := mustRead(t, s, "incident/full", 0, 0); int64(len(got)) != next-1 {
		t.Errorf("after reopening %d of %d", len(got), next-1)
	}
}

func cutConnection(t *testing.T, o Opened) {
	if o.Cut == nil {
		t.Fatal("this engine's test cuts no connection")
	}
	const cuts = 12 // a client may take half a second to find its server again after each
	for i := range int64(cuts) {
		c := commit("incident/cut", i+1, fmt.Sprint("cut-", i))
		o.Cut(t)
		if n, err := o.Store.Append(t.Context(), []store.Commit{c}); err != nil || n != 1 {
			for deadline := within(t); ; {
				if deadline.Err() != nil {
					t.Fatal("no connection for 30 s")
				}
				if _, err := o.Store.Commits(t.Context(), []store.Ref{{Stream: c.Stream, Seq: c.Seq}}); err == nil {
					break
				}
			}
			settle(t, o.Store, c)
		}
		op := put("wake", fmt.Sprint(i), 1, map[string]any{"at": origin.Add(time.Duration(i) * time.Second)})
		o.Cut(t)
		if _, err := o.Store.Bulk(t.Context(), []store.Op{op}); err != nil {
			mustBulk(t, o.Store, op)
		}
	}
	if got := mustRead(t, o.Store, "incident/cut", 0, 0); len(got) != cuts {
		t.Errorf("%d of %d commits", len(got), cuts)
	}
	if n, err := o.Store.Count(t.Context(), store.Query{Kind: "wake"}); n != cuts || err != nil {
		t.Errorf("%d of %d documents, %v", n, cuts, err)
	}
}
