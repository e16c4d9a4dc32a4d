// Package storetest is the conformance suite of package store: an engine is right when it passes all of it.
//
// An engine's test calls Run with a function that opens an empty store for a list of kinds. What only some engines can show
// (a full disk, a cut connection) is a capability of Opened; a missing one is said in the test's output. What only the
// engine itself can arrange (killing its process in mid-write) is tested beside the engine.
//
// The suite also decides what the contract leaves open:
//   - Instants are cut to microseconds wherever they go in, in values, bounds and equalities.
//   - A bound excludes nulls. Without bounds, nulls come first, and last in descending order.
//   - A search by an index over a set names the member: the first equality is required.
//   - An equality with nil finds nulls.
//   - By id (Index ""), From and Until are ids.
//   - A condition with an empty, non-nil Any matches nothing; one with neither Any nor Contains, or with both, is a bad query, and so is
//     one on a set.
//   - Bad queries and bad operations are refused before anything is written.
//   - Bodies of documents come back as the same JSON value, bodies of commits as the same bytes.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"landfall/internal/store"
)

// Opened is an empty store and what can be done to it. The engine's test closes it and removes its data at the end.
type Opened struct {
	Store store.Store

	// Reopen closes the store and opens the same data again.
	Reopen func(t *testing.T) store.Store

	// Fill makes the engine run out of space soon; what it gives makes room again. Nil where that cannot be arranged.
	Fill func(t *testing.T) (free func())

	// Cut breaks the connections to the server once, at a moment of its choice during the next writes. Nil where there is no server.
	Cut func(t *testing.T)
}

// Opener opens an empty store that knows the kinds.
type Opener func(t *testing.T, kinds []store.Kind) Opened

// Without names a case that an engine does not run.
type Without string

const (
	// WithoutConnection is for an engine in process: there is nothing to cut between it and its caller.
	WithoutConnection Without = "a cut connection loses and doubles nothing"

	// WithoutFullDisk is for an engine whose disk belongs to a server elsewhere, which a test cannot fill. Its own tests show that what such a
	// server says of a full disk becomes store.ErrFull, and that nothing is taken for written that is not.
	WithoutFullDisk Without = "a full disk refuses, writes nothing, and recovers"
)

// Run runs the suite: every case but those the engine says it is without. A case whose means Opened lacks fails.
func Run(t *testing.T, open Opener, without ...Without) {
	for _, group := range []struct {
		name  string
		cases []testCase
	}{{"Ledger", ledgerCases}, {"Documents", documentCases}, {"Find", findCases}, {"Engine", engineCases}} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				if slices.Contains(without, Without(c.name)) {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					c.run(t, open(t, Kinds()))
				})
			}
		})
	}
}

type testCase struct {
	name string
	run  func(*testing.T, Opened)
}

// Kinds are the kinds of document the suite uses.
func Kinds() []store.Kind {
	return []store.Kind{
		{Name: "claim"},
		{Name: "wake", Derived: true, Fields: []store.Field{{Name: "at", Type: store.Time}, {Name: "rank", Type: store.Int}},
			Indexes: []store.Index{{Name: "by_at", Fields: []string{"at"}}, {Name: "due", Fields: []string{"at", "rank"}, Sparse: true}}},
		{Name: "thing.v2", Derived: true,
			Fields: []store.Field{{Name: "name", Type: store.String}, {Name: "rank", Type: store.Int}, {Name: "open", Type: store.Bool},
				{Name: "at", Type: store.Time}, {Name: "parties", Type: store.Strings}},
			Indexes: []store.Index{
				{Name: "by_name", Fields: []string{"name"}},
				{Name: "by_rank", Fields: []string{"rank"}},
				{Name: "by_open_rank", Fields: []string{"open", "rank"}},
				{Name: "by_at", Fields: []string{"at"}},
				{Name: "by_name_at_rank", Fields: []string{"name", "at", "rank"}},
				{Name: "by_party", Fields: []string{"parties"}},
				{Name: "by_party_at", Fields: []string{"parties", "at", "name"}},
			}},
	}
}

// origin is an instant for tests: Maria reaches Dominica.
var origin = time.Date(2017, 9, 19, 1, 15, 0, 0, time.UTC)

// commit makes a valid commit; what distinguishes two writers of the same (stream, seq) is its id.
func commit(stream string, seq int64, id string) store.Commit {
	body := fmt.Appendf(nil, `{"stream":%q,"seq":%d,"id":%q}`, stream, seq, id)
	hash := sha256.Sum256(body)
	c := store.Commit{Stream: stream, Seq: seq, ID: id, RecordedAt: origin.Add(time.Duration(seq) * time.Second), Body: body, Hash: hash[:], Pending: store.OwesAll}
	if seq > 1 {
		prev := sha256.Sum256(fmt.Append(nil, stream, seq-1))
		c.Prev = prev[:]
	}
	return c
}

func run(stream string, from, to int64) []store.Commit {
	var commits []store.Commit
	for seq := from; seq <= to; seq++ {
		commits = append(commits, commit(stream, seq, fmt.Sprintf("%s-%d", stream, seq)))
	}
	return commits
}

func put(kind, id string, version int64, index map[string]any) store.Op {
	return store.Op{Do: store.OpPut, Kind: kind, Doc: store.Doc{ID: id, Version: version, Body: fmt.Appendf(nil, `{"id":%q,"version":%d}`, id, version), Index: index}}
}

func insert(kind, id string, index map[string]any) store.Op {
	op := put(kind, id, 1, index)
	op.Do = store.OpInsert
	return op
}

func mustAppend(t testing.TB, s store.Store, commits ...store.Commit) {
	t.Helper()
	if n, err := s.Append(t.Context(), commits); err != nil || n != len(commits) {
		t.Fatalf("Append of %d: wrote %d, %v", len(commits), n, err)
	}
}

func mustBulk(t testing.TB, s store.Store, ops ...store.Op) []bool {
	t.Helper()
	changed, err := s.Bulk(t.Context(), ops)
	if err != nil {
		t.Fatalf("Bulk: %v", err)
	}
	if len(changed) != len(ops) {
		t.Fatalf("Bulk of %d said %d outcomes", len(ops), len(changed))
	}
	return changed
}

func mustRead(t testing.TB, s store.Store, stream string, after int64, limit int) []store.Commit {
	t.Helper()
	commits, err := s.ReadStream(t.Context(), stream, after, limit)
	if err != nil {
		t.Fatalf("ReadStream %s: %v", stream, err)
	}
	return commits
}

func mustFind(t testing.TB, s store.Store, q store.Query) store.Page {
	t.Helper()
	page, err := s.Find(t.Context(), q)
	if err != nil {
		t.Fatalf("Find %+v: %v", q, err)
	}
	if len(page.Docs) > q.Limit {
		t.Fatalf("Find with limit %d gave %d", q.Limit, len(page.Docs))
	}
	return page
}

// pages follows the cursors to the end.
func pages(t testing.TB, s store.Store, q store.Query, between func()) (docs []store.Doc) {
	t.Helper()
	for n := 0; ; n++ {
		page := mustFind(t, s, q)
		docs = append(docs, page.Docs...)
		if page.Next == "" {
			return docs
		}
		if len(page.Docs) != q.Limit || n > 10_000 {
			t.Fatalf("page %d has %d documents, limit %d, and goes on", n, len(page.Docs), q.Limit)
		}
		q.After = page.Next
		if between != nil {
			between()
		}
	}
}

func ids(docs []store.Doc) []string {
	out := make([]string, len(docs))
	for i, d := range docs {
		out[i] = d.ID
	}
	return out
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// diff compares what was stored with what comes back: sets without order, document bodies as JSON.
func diff(want, got any) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(),
		cmp.FilterValues(func(a, b []byte) bool { return len(a)+len(b) > 0 }, cmp.Comparer(bytes.Equal)),
		cmp.Comparer(func(a, b store.Doc) bool {
			return a.ID == b.ID && a.Version == b.Version && sameJSON(a.Body, b.Body) &&
				cmp.Equal(a.Index, b.Index, cmpopts.EquateEmpty(), cmpopts.SortSlices(func(a, b string) bool { return a < b }))
		}))
}

func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
}

// within bounds a wait for something another goroutine does.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
