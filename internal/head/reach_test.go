package head_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"landfall/internal/head"
	"landfall/internal/ledger"
	"landfall/internal/proof"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

var began = time.Date(2026, 9, 16, 12, 0, 0, 0, time.UTC)

// records is a real store, and a way to change it behind its back.
type records struct {
	t  *testing.T
	st store.Store
	db *sql.DB
}

func newRecords(t *testing.T) *records {
	t.Helper()
	path := filepath.Join(t.TempDir(), "landfall.db")
	st, err := sqlite.Open(t.Context(), path, append(ledger.Kinds(), head.Kinds()...), sqlite.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = db.Close()
		_ = st.Close()
	})
	return &records{t, st, db}
}

func hashOf(stream string, seq int64) proof.Hash { return sha256.Sum256(fmt.Append(nil, stream, seq)) }

// grow appends n commits at the time, whose documents are written or owed.
func (r *records) grow(stream string, n int, at time.Time, followed bool) {
	r.t.Helper()
	have, err := r.st.ReadStream(r.t.Context(), stream, 0, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	owes := store.OwesAll
	if followed {
		owes = 0
	}
	commits := make([]store.Commit, n)
	for i := range commits {
		seq := int64(len(have) + i + 1)
		h := hashOf(stream, seq)
		commits[i] = store.Commit{Stream: stream, Seq: seq, ID: "x", RecordedAt: at, Body: []byte("{}"), Hash: h[:], Pending: owes}
	}
	if _, err := r.st.Append(r.t.Context(), commits); err != nil {
		r.t.Fatal(err)
	}
}

func (r *records) tamper(statement string) {
	r.t.Helper()
	if _, err := r.db.Exec(statement); err != nil {
		r.t.Fatal(err)
	}
}

// ends gives where every stream ends, read in the simplest way.
func (r *records) ends() *proof.Tree {
	r.t.Helper()
	var tree proof.Tree
	names, err := r.st.Streams(r.t.Context(), "", "", 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, name := range names {
		commits, err := r.st.ReadStream(r.t.Context(), name, 0, 0)
		if err != nil {
			r.t.Fatal(err)
		}
		last := commits[len(commits)-1]
		tree.Set([]proof.Leaf{{Stream: name, Seq: last.Seq, Hash: proof.Hash(last.Hash)}}, nil)
	}
	return &tree
}

func TestReachFindsWhereEveryStreamEnds(t *testing.T) {
	t.Parallel()
	r := newRecords(t)
	random := rand.New(rand.NewPCG(1, 2))
	names := make([]string, 60)
	for i := range names {
		names[i] = fmt.Sprintf("incident/%03d", i)
		r.grow(names[i], 1+random.IntN(90), began, i%3 > 0)
	}
	var tree proof.Tree
	for round := range 6 {
		var since time.Time // the first and the last look at everything
		if round > 0 && round < 5 {
			since = began.Add(time.Duration(round) * time.Hour)
		}
		losses, err := head.Reach(t.Context(), r.st, &tree, since)
		if err != nil || len(losses) > 0 {
			t.Fatalf("round %d: %v, %v", round, losses, err)
		}
		want := r.ends()
		if tree.Root() != want.Root() {
			t.Errorf("round %d: %s", round, cmp.Diff(want.Leaves(), tree.Leaves()))
		}
		for range 10 {
			r.grow(names[random.IntN(len(names))], 1+random.IntN(9), began.Add(time.Duration(round+1)*time.Hour), random.IntN(2) == 0)
		}
		r.grow(fmt.Sprintf("alert/%03d", round), 1, began.Add(time.Duration(round+1)*time.Hour), true)
	}
}

func TestReachLooksOnlyAtWhatMayHaveGrown(t *testing.T) {
	t.Parallel()
	r := newRecords(t)
	r.grow("incident/a", 3, began, true)
	r.grow("incident/b", 3, began.Add(2*time.Hour), true)
	var tree proof.Tree
	if _, err := head.Reach(t.Context(), r.st, &tree, began.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, ok := tree.Get("incident/a"); ok || tree.Len() != 1 {
		t.Errorf("looked at %v", tree.Leaves())
	}
}

// asked counts how often hashes are asked for.
type asked struct {
	store.Store
	times int
}

func (a *asked) Hashes(ctx context.Context, refs []store.Ref) (map[store.Ref][]byte, error) {
	a.times++
	return a.Store.Hashes(ctx, refs)
}

func TestWhatWasRecordedSaysWhereAStreamEnds(t *testing.T) {
	t.Parallel()
	r := newRecords(t)
	eye := &asked{Store: r.st}
	var tree proof.Tree
	for round, n := range []int{3000, 1500, 1} { // new to the tree, over several pages of what was recorded; grown; grown by one
		at := began.Add(time.Duration(round) * time.Hour)
		r.grow("incident/long", n, at, true)
		r.grow("incident/short", 1, at, true)
		eye.times = 0
		if _, err := head.Reach(t.Context(), eye, &tree, at); err != nil {
			t.Fatal(err)
		}
		if eye.times != 1 || tree.Root() != r.ends().Root() {
			t.Errorf("round %d: asked %d times; %s", round, eye.times, cmp.Diff(r.ends().Leaves(), tree.Leaves()))
		}
	}
}

func TestWhatIsLostOfATreeIsNamed(t *testing.T) {
	t.Parallel()
	r := newRecords(t)
	for _, name := range []string{"alert/gone", "incident/altered", "incident/kept", "incident/regrown", "incident/shorter", "unit/gone"} {
		r.grow(name, 9, began, true)
	}
	tree := r.ends()
	r.tamper("DELETE FROM commits WHERE stream IN ('alert/gone', 'unit/gone')")
	r.tamper("DELETE FROM commits WHERE stream = 'incident/shorter' AND seq > 2")
	r.tamper("UPDATE commits SET hash = zeroblob(32) WHERE stream = 'incident/altered' AND seq = 9")
	r.tamper("UPDATE commits SET hash = zeroblob(32) WHERE stream = 'incident/regrown' AND seq > 5")
	r.grow("incident/regrown", 3, began, true)
	r.grow("incident/kept", 3, began, true)
	want := []proof.Loss{
		{Stream: "alert/gone", What: proof.Missing, Had: 9},
		{Stream: "incident/altered", What: proof.Altered, Had: 9, Has: 9},
		{Stream: "incident/regrown", What: proof.Altered, Had: 9, Has: 12},
		{Stream: "incident/shorter", What: proof.Shorter, Had: 9, Has: 2},
		{Stream: "unit/gone", What: proof.Missing, Had: 9},
	}
	byName := cmpopts.SortSlices(func(a, b proof.Loss) bool { return a.Stream < b.Stream })
	got, err := head.Compare(t.Context(), r.st, tree)
	if diff := cmp.Diff(want, got, byName); err != nil || diff != "" {
		t.Errorf("compared: %v %s", err, diff)
	}
	got, err = head.Reach(t.Context(), r.st, tree, time.Time{})
	if diff := cmp.Diff(want, got, byName); err != nil || diff != "" {
		t.Errorf("reached: %v %s", err, diff)
	}
	if diff := cmp.Diff(r.ends().Leaves(), tree.Leaves()); diff != "" {
		t.Error(diff)
	}
}

func TestAHeadIsRecordedOnlyBehindTheOneItWasMadeFor(t *testing.T) {
	t.Parallel()
	r := newRecords(t)
	l := ledger.New(r.st, ledger.Options{Now: func() time.Time { return began }, Shared: true})
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	desk := head.NewDesk(l, r.st)
	key, err := proof.KeyFrom(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	record := func(number, after int64) error {
		h := proof.Head{Number: number, At: began, Why: proof.WhyHour}
		if number == 2 {
			h.Lost = &proof.Lost{Streams: 1}
		}
		s, err := proof.Sign(h, key)
		if err != nil {
			t.Fatal(err)
		}
		return desk.Record(t.Context(), s, after, nil)
	}
	for _, step := range []struct {
		number, after int64
		want          error
	}{{1, 0, nil}, {2, 0, head.ErrOvertaken}, {2, 1, nil}, {3, 2, nil}, {4, 2, head.ErrOvertaken}} {
		if err := record(step.number, step.after); !errors.Is(err, step.want) {
			t.Errorf("head %d after %d: %v", step.number, step.after, err)
		}
	}
	last, seq, err := desk.Last(t.Context())
	if err != nil || last.Head.Number != 3 || seq != 3 || last.Verify(proof.KeysOf(proof.PublicOf(key))) != nil {
		t.Errorf("last %+v at %d, %v", last.Head, seq, err)
	}
	if lost, ok, err := desk.LastLost(t.Context()); err != nil || !ok || lost.Head.Number != 2 {
		t.Errorf("last that says what was lost: %+v %v %v", lost.Head, ok, err)
	}
	// A process that was killed right after a record has written no documents.
	r.tamper("DELETE FROM head")
	if after, err := desk.After(t.Context(), 1, 10); err != nil || len(after) != 2 || after[0].Head.Number != 2 {
		t.Errorf("after the first: %v %v", after, err)
	}
}
