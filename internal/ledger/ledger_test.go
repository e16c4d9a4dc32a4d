package ledger_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The tests keep a noun of their own: a jetty where people are counted in and out, never below zero.
type jetty struct {
	ID    string           `json:"id"`
	On    int              `json:"on"`
	Moves int              `json:"moves"`
	Due   time.Time        `json:"due"`
	Notes map[int64]string `json:"notes"`
}

type moved struct {
	By   int       `json:"by"`
	Note string    `json:"note,omitempty"` // name of the detached value
	Due  time.Time `json:"due"`
}

const evMoved = "jetty.moved.v1"

var jettyKind = store.Kind{
	Name: "jetty", Derived: true,
	Fields:  []store.Field{{Name: "on", Type: store.Int}},
	Indexes: []store.Index{{Name: "on", Fields: []string{"on"}}},
}

func jettyFold() ledger.Fold[jetty] {
	return ledger.Fold[jetty]{
		Noun: "jetty", Version: 1, Events: []string{evMoved},
		New:   func(id string) jetty { return jetty{ID: id, Notes: map[int64]string{}} },
		Clone: func(s jetty) jetty { s.Notes = maps.Clone(s.Notes); return s },
		Evolve: func(s jetty, e ledger.Recorded) (jetty, error) {
			if e.Type == ledger.EventErased {
				var erased ledger.Erased
				if err := e.Into(&erased); err != nil {
					return s, err
				}
				delete(s.Notes, erased.Seq)
				return s, nil
			}
			var m moved
			if err := e.Into(&m); err != nil {
				return s, err
			}
			s.On, s.Due, s.Moves = s.On+m.By, m.Due, s.Moves+1
			if note, ok := e.Detached(m.Note); ok {
				s.Notes[e.Seq] = note
			}
			return s, nil
		},
		Project: func(s jetty, h ledger.Head, events []ledger.Recorded) []store.Op {
			body, _ := json.Marshal(map[string]any{"on": s.On, "moves": s.Moves})
			ops := []store.Op{{Do: store.OpPut, Kind: "jetty", Doc: store.Doc{ID: s.ID, Version: h.Seq, Body: body, Index: map[string]any{"on": int64(s.On)}}}}
			for _, e := range events {
				if e.Type == evMoved {
					id := fmt.Sprintf("%s/%d", e.Stream, e.Seq)
					ops = append(ops, store.Op{Do: store.OpPut, Kind: "move", Doc: store.Doc{ID: id, Version: e.Seq, Body: e.Data}})
				}
			}
			return ops
		},
		NextWake: func(s jetty) time.Time { return s.Due },
		Announce: func(s jetty, _ ledger.Head, e ledger.Recorded) (ledger.Announcement, bool) {
			return ledger.Announcement{Parties: []string{"DMA"}, Data: e.Data}, e.Type == evMoved
		},
	}
}

// move is the command: it refuses to take more people off than are on.
func move(by int) func(jetty, ledger.Moment) (ledger.Decision, error) {
	return func(s jetty, at ledger.Moment) (ledger.Decision, error) {
		if s.On+by < 0 {
			return ledger.Decision{}, fault.New(fault.State, "too_few", "There are %d people on the jetty.", s.On)
		}
		return ledger.Decision{Events: []ledger.Event{{Type: evMoved, Data: moved{By: by, Due: at.Now.Add(time.Hour)}}}}, nil
	}
}

type world struct {
	*ledger.Ledger
	jetties *ledger.Streams[jetty]
	store   store.Store
	path    string

	mu        sync.Mutex
	published []ledger.Appended
}

type settable struct{ at atomic.Int64 }

func (c *settable) now() time.Time          { return time.UnixMicro(c.at.Load()) }
func (c *settable) advance(d time.Duration) { c.at.Add(d.Microseconds()) }

func newClock() *settable {
	c := &settable{}
	c.at.Store(time.Date(2026, 9, 18, 21, 15, 0, 0, time.UTC).UnixMicro())
	return c
}

func kinds() []store.Kind {
	return append(ledger.Kinds(), jettyKind, store.Kind{Name: "move", Derived: true})
}

func openStore(t testing.TB, path string) store.Store {
	t.Helper()
	st, err := sqlite.Open(context.Background(), path, kinds(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// open boots a ledger over a database file; wrap may put something between.
func open(t testing.TB, path string, now func() time.Time, wrap func(store.Store) store.Store, shared bool) *world {
	t.Helper()
	w := &world{path: path}
	base := openStore(t, path)
	w.store = base
	if wrap != nil {
		w.store = wrap(base)
	}
	w.Ledger = ledger.New(w.store, ledger.Options{Now: now, Shared: shared, Publish: func(a ledger.Appended) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.published = append(w.published, a)
	}})
	w.jetties = ledger.Register(w.Ledger, jettyFold())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := w.Close(ctx); err != nil {
			t.Errorf("close ledger: %v", err)
		}
		if err := base.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return w
}

func fresh(t testing.TB) *world {
	return open(t, filepath.Join(t.TempDir(), "landfall.db"), newClock().now, nil, false)
}

var roseau = ledger.Actor{Account: "a1", Role: "coordinator", Party: "DMA"}

func (w *world) move(ctx context.Context, id string, by int, opts ...func(*ledger.Command[jetty])) (ledger.Outcome[jetty], error) {
	c := ledger.Command[jetty]{Actor: roseau, Expect: ledger.MayExist, Decide: move(by)}
	for _, o := range opts {
		o(&c)
	}
	return w.jetties.Execute(ctx, id, c)
}

func keyed(key, request string) func(*ledger.Command[jetty]) {
	sum := sha256.Sum256([]byte(request))
	return func(c *ledger.Command[jetty]) { c.Key, c.Digest = key, sum[:] }
}

func mustMove(t testing.TB, w *world, id string, by int, opts ...func(*ledger.Command[jetty])) ledger.Outcome[jetty] {
	t.Helper()
	out, err := w.move(t.Context(), id, by, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustVerify(t testing.TB, w *world) ledger.Report {
	t.Helper()
	w.Settle(t.Context(), 30*time.Second)
	r, err := w.Verify(t.Context(), kinds(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Errorf("verify: %s", f)
	}
	return r
}

func TestAChangeIsDurableBeforeItsAnswer(t *testing.T) {
	w := fresh(t)
	out := mustMove(t, w, "roseau", 7)
	if out.Seq != 1 || out.Value.On != 7 || len(out.Events) != 1 {
		t.Fatalf("got seq %d, %d on, %d events", out.Seq, out.Value.On, len(out.Events))
	}
	commits, err := w.store.ReadStream(t.Context(), "jetty/roseau", 0, 0)
	if err != nil || len(commits) != 1 || commits[0].Pending&store.OwesNotices == 0 || commits[0].ID != out.CommitID {
		t.Fatalf("the record is not there as answered: %v %+v", err, commits)
	}
}

func TestConcurrentCommandsOnOneStreamAllCountOnce(t *testing.T) {
	w := fresh(t)
	const people = 200
	var wg sync.WaitGroup
	for range people {
		wg.Go(func() {
			if _, err := w.move(t.Context(), "roseau", 1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s, err := w.jetties.Load(t.Context(), "roseau")
	if err != nil || s.Value.On != people || s.Seq != people {
		t.Fatalf("on %d at seq %d, want %d: %v", s.Value.On, s.Seq, people, err)
	}
	mustVerify(t, w)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, a := range w.published {
		if a.Seq != int64(i)+1 || len(a.Announcements) != 1 || a.Announcements[0].EventID != a.CommitID+"-0" {
			t.Fatalf("publication %d is of seq %d with %d announcements", i, a.Seq, len(a.Announcements))
		}
	}
	if len(w.published) != people {
		t.Fatalf("%d published", len(w.published))
	}
}

func TestTwoProcessesOnOneStreamNeitherForkNorStarve(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "landfall.db"), newClock()
	a := open(t, path, clock.now, nil, true)
	// The second ledger is another process as far as the stream can tell: it has a queue and a cache of its own.
	b := &world{store: a.store}
	b.Ledger = ledger.New(a.store, ledger.Options{Now: clock.now, Shared: true})
	b.jetties = ledger.Register(b.Ledger, jettyFold())
	defer b.Close(context.Background())

	const each = 60
	var wg sync.WaitGroup
	for _, w := range []*world{a, b} {
		for range 4 {
			wg.Go(func() {
				for range each / 4 {
					if _, err := w.move(t.Context(), "roseau", 1); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	for _, w := range []*world{a, b} {
		s, err := w.jetties.Load(t.Context(), "roseau")
		if err != nil || s.Value.On != 2*each || s.Seq != 2*each {
			t.Fatalf("on %d at seq %d, want %d: %v", s.Value.On, s.Seq, 2*each, err)
		}
	}
	b.Settle(t.Context(), 30*time.Second)
	mustVerify(t, a)
}

func TestTheSameKeyGivesTheSameAnswer(t *testing.T) {
	w := fresh(t)
	first := mustMove(t, w, "roseau", 3, keyed("k1", "three"))
	mustMove(t, w, "roseau", 4)
	again := mustMove(t, w, "roseau", 3, keyed("k1", "three"))
	if !again.Repeated || again.Seq != first.Seq || again.Value.On != 3 || again.CommitID != first.CommitID {
		t.Errorf("the repeat got seq %d with %d on, repeated %v", again.Seq, again.Value.On, again.Repeated)
	}
	if diff := cmp.Diff(first.Events[0].Data, again.Events[0].Data); diff != "" {
		t.Errorf("events differ: %s", diff)
	}
	if _, err := w.move(t.Context(), "roseau", 5, keyed("k1", "five")); fault.CodeOf(err) != "idempotency_key_reused" {
		t.Errorf("another request with the same key: %v", err)
	}
	other := func(c *ledger.Command[jetty]) { c.Actor.Account = "a2" }
	if out := mustMove(t, w, "roseau", 9, keyed("k1", "nine"), other); out.Repeated {
		t.Error("another account's key was taken for the same")
	}
}

func TestTheSameKeyAtTheSameMomentIsCarriedOutOnce(t *testing.T) {
	w := fresh(t)
	var wg sync.WaitGroup
	var once atomic.Int64
	for range 24 {
		wg.Go(func() {
			out, err := w.move(t.Context(), "roseau", 5, keyed("k", "five"))
			if err != nil {
				t.Error(err)
			}
			if !out.Repeated {
				once.Add(1)
			}
			if out.Seq != 1 || out.Value.On != 5 {
				t.Errorf("seq %d, on %d", out.Seq, out.Value.On)
			}
		})
	}
	wg.Wait()
	if once.Load() != 1 {
		t.Errorf("carried out %d times", once.Load())
	}
}

func TestARefusedCommandLeavesNoTrace(t *testing.T) {
	w := fresh(t)
	mustMove(t, w, "roseau", 2)
	if _, err := w.move(t.Context(), "roseau", -3); !fault.Is(err, fault.State) {
		t.Fatalf("got %v", err)
	}
	must := func(c *ledger.Command[jetty]) { c.Expect = ledger.MustNotExist }
	if _, err := w.move(t.Context(), "roseau", 1, must); fault.CodeOf(err) != "id_taken" {
		t.Errorf("create of an existing one: %v", err)
	}
	exist := func(c *ledger.Command[jetty]) { c.Expect = ledger.MustExist }
	if _, err := w.move(t.Context(), "castries", 1, exist); !fault.Is(err, fault.NotFound) {
		t.Errorf("change of an absent one: %v", err)
	}
	if s, _ := w.jetties.Load(t.Context(), "roseau"); s.Seq != 1 {
		t.Errorf("seq %d", s.Seq)
	}
}

func TestRecordedTimeNeverRunsBackwards(t *testing.T) {
	clock := newClock()
	w := open(t, filepath.Join(t.TempDir(), "landfall.db"), clock.now, nil, false)
	first := mustMove(t, w, "roseau", 1)
	clock.advance(-24 * time.Hour)
	second := mustMove(t, w, "roseau", 1)
	if second.RecordedAt.Before(first.RecordedAt) {
		t.Errorf("%s before %s", second.RecordedAt, first.RecordedAt)
	}
}

func TestAsKnownAtAnyMomentEqualsAReplay(t *testing.T) {
	clock := newClock()
	w := open(t, filepath.Join(t.TempDir(), "landfall.db"), clock.now, nil, false)
	var at []time.Time
	for i := range 150 { // past two snapshots
		clock.advance(time.Minute)
		mustMove(t, w, "roseau", i)
		at = append(at, clock.now())
	}
	want := 0
	for i, moment := range at {
		want += i
		s, err := w.jetties.LoadAsKnownAt(t.Context(), "roseau", moment.Add(time.Second))
		if err != nil || s.Value.On != want || s.Seq != int64(i)+1 {
			t.Fatalf("as known at %d: on %d at seq %d, want %d: %v", i, s.Value.On, s.Seq, want, err)
		}
	}
	if _, err := w.jetties.LoadAsKnownAt(t.Context(), "roseau", at[0].Add(-time.Hour)); !fault.Is(err, fault.NotFound) {
		t.Errorf("before the first record: %v", err)
	}
}

func TestAfterARestartTheFoldComesFromSnapshotAndLogAlike(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "landfall.db"), newClock()
	t.Run("write", func(t *testing.T) {
		w := open(t, path, clock.now, nil, false)
		for range 100 {
			mustMove(t, w, "roseau", 1)
		}
	})
	w := open(t, path, clock.now, nil, false)
	docs, err := w.store.Get(t.Context(), ledger.KindSnapshot, "jetty/roseau")
	if err != nil || docs["jetty/roseau"].Version < 64 {
		t.Fatalf("no snapshot was made: %v %v", docs, err)
	}
	viaSnapshot, err := w.jetties.Load(t.Context(), "roseau")
	if err != nil {
		t.Fatal(err)
	}
	viaLog, err := w.jetties.LoadAsKnownAt(t.Context(), "roseau", clock.now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(viaLog, viaSnapshot); diff != "" {
		t.Error(diff)
	}
}

func TestProjectionsCanBeDroppedAndRebuilt(t *testing.T) {
	w := fresh(t)
	for i := range 20 {
		mustMove(t, w, fmt.Sprintf("j%d", i%5), i)
	}
	before := mustVerify(t, w)
	find := func() []store.Doc {
		page, err := w.store.Find(t.Context(), store.Query{Kind: "jetty", Index: "on", Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return page.Docs
	}
	want := find()
	if n, err := w.Rebuild(t.Context(), kinds(), nil); err != nil || n != 5 {
		t.Fatalf("rebuild walked %d streams: %v", n, err)
	}
	if diff := cmp.Diff(want, find()); diff != "" || len(want) != 5 {
		t.Errorf("%d documents; rebuilt ones differ: %s", len(want), diff)
	}
	if after := mustVerify(t, w); after.Commits != before.Commits {
		t.Errorf("%d commits before, %d after", before.Commits, after.Commits)
	}
}

func TestAnErasedValueLeavesTheChainValid(t *testing.T) {
	w := fresh(t)
	const note = "call the harbour master first"
	noted := func(c *ledger.Command[jetty]) {
		c.Decide = func(s jetty, at ledger.Moment) (ledger.Decision, error) {
			return ledger.Decision{Events: []ledger.Event{{Type: evMoved, Data: moved{By: 1, Note: "note"}}}, Detach: map[string]string{"note": note}}, nil
		}
	}
	out := mustMove(t, w, "roseau", 1, noted)
	if out.Value.Notes[1] != note {
		t.Fatalf("the note is not in the fold: %v", out.Value.Notes)
	}
	for range 70 {
		mustMove(t, w, "roseau", 1) // a snapshot that holds it
	}
	w.Settle(t.Context(), 30*time.Second)
	if err := w.jetties.Erase(t.Context(), "roseau", roseau, ledger.Erased{Seq: 1, Name: "note", Reason: "request"}); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, w)
	commits, _ := w.store.ReadStream(t.Context(), "jetty/roseau", 0, 0)
	for _, c := range commits {
		if strings.Contains(string(c.Body)+string(c.Detached), note) {
			t.Errorf("commit %d still holds the value", c.Seq)
		}
	}
	docs, _ := w.store.Get(t.Context(), ledger.KindSnapshot, "jetty/roseau")
	if strings.Contains(string(docs["jetty/roseau"].Body), note) {
		t.Error("the snapshot still holds the value")
	}
	if s, _ := w.jetties.Load(t.Context(), "roseau"); len(s.Value.Notes) != 0 {
		t.Errorf("the fold still holds %v", s.Value.Notes)
	}
	// Removed without an erasure that says so, it is tampering.
	mustMove(t, w, "castries", 1, noted)
	w.Settle(t.Context(), 30*time.Second)
	if err := w.store.SetDetached(t.Context(), store.Ref{Stream: "jetty/castries", Seq: 1}, nil); err != nil {
		t.Fatal(err)
	}
	r, err := w.Verify(t.Context(), kinds(), nil)
	if err != nil || len(r.Findings) != 1 || r.Findings[0].Stream != "jetty/castries" || r.Findings[0].Seq != 1 {
		t.Errorf("findings %v, error %v", r.Findings, err)
	}
}

func TestAnUnknownEventMakesTheStreamReadOnly(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "landfall.db"), newClock()
	t.Run("a newer version writes", func(t *testing.T) {
		w := &world{store: openStore(t, path)}
		defer w.store.Close()
		w.Ledger = ledger.New(w.store, ledger.Options{Now: clock.now})
		defer w.Close(context.Background())
		f := jettyFold()
		f.Events = append(f.Events, "jetty.painted.v1")
		evolve := f.Evolve
		f.Evolve = func(s jetty, e ledger.Recorded) (jetty, error) {
			if e.Type == "jetty.painted.v1" {
				return s, nil
			}
			return evolve(s, e)
		}
		w.jetties = ledger.Register(w.Ledger, f)
		mustMove(t, w, "roseau", 4)
		mustMove(t, w, "roseau", 0, func(c *ledger.Command[jetty]) {
			c.Decide = func(jetty, ledger.Moment) (ledger.Decision, error) {
				return ledger.Decision{Events: []ledger.Event{{Type: "jetty.painted.v1", Data: struct{}{}}}}, nil
			}
		})
	})
	w := open(t, path, clock.now, nil, false)
	if s, err := w.jetties.Load(t.Context(), "roseau"); err != nil || s.Value.On != 4 || s.Seq != 2 {
		t.Errorf("reading: %+v %v", s, err)
	}
	if _, err := w.move(t.Context(), "roseau", 1); fault.CodeOf(err) != "newer_record" {
		t.Errorf("writing: %v", err)
	}
}

func TestETagsNameEpochAndVersion(t *testing.T) {
	w := fresh(t)
	for _, c := range []struct {
		header string
		want   bool
		bad    bool
	}{
		{`"0-7"`, true, false}, {`"0-6"`, false, false}, {`"1-7"`, false, false}, {`*`, true, false}, {`"0-1", "0-7"`, true, false},
		{`W/"0-7"`, false, false}, {`W/"0-7", "0-7"`, true, false}, {`"0-6" ,,"0-7",`, true, false}, {`"a,b", "0-7"`, true, false}, {` * `, true, false},
		{`"0-07"`, false, false}, {`"x"`, false, false}, {`"0-7,b"`, false, false}, {`""`, false, false},
		{`0-7`, false, true}, {`"0-7`, false, true}, {``, false, true}, {`"0-6" "0-7"`, false, true}, {`*, "0-7"`, false, true}, {`w/"0-7"`, false, true},
	} {
		got, err := w.MatchETag(c.header, 7)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%s: %v, %v", c.header, got, err)
		}
	}
	if w.ETag(7) != `"0-7"` {
		t.Error(w.ETag(7))
	}
}

// TestStreamsOfAnyHistoryFoldToWhatWasAnswered drives random commands and compares everything with a plain counter.
func TestStreamsOfAnyHistoryFoldToWhatWasAnswered(t *testing.T) {
	w := fresh(t)
	var run int
	rapid.Check(t, func(rt *rapid.T) {
		run++
		id := fmt.Sprintf("rapid%d", run)
		on, seq := 0, int64(0)
		keys := map[string]int64{}
		for range rapid.IntRange(1, 40).Draw(rt, "commands") {
			by := rapid.IntRange(-5, 9).Draw(rt, "by")
			var opts []func(*ledger.Command[jetty])
			key := ""
			if rapid.Bool().Draw(rt, "keyed") {
				key = fmt.Sprintf("k%d", rapid.IntRange(0, 9).Draw(rt, "key"))
				opts = append(opts, keyed(key, "same"))
			}
			out, err := w.move(context.Background(), id, by, opts...)
			if first, used := keys[key]; used && key != "" {
				if err != nil || !out.Repeated || out.Seq != first {
					rt.Fatalf("repeat of %s: seq %d, want %d: %v", key, out.Seq, first, err)
				}
				continue
			}
			if on+by < 0 {
				if !fault.Is(err, fault.State) {
					rt.Fatalf("took %d off %d: %v", by, on, err)
				}
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			on, seq = on+by, seq+1
			if key != "" {
				keys[key] = seq
			}
			if out.Value.On != on || out.Seq != seq {
				rt.Fatalf("answered %d at %d, want %d at %d", out.Value.On, out.Seq, on, seq)
			}
		}
		if seq == 0 {
			return
		}
		again, err := w.jetties.LoadAsKnownAt(context.Background(), id, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil || again.Value.On != on || again.Seq != seq {
			rt.Fatalf("the log folds to %+v, want %d at %d: %v", again, on, seq, err)
		}
	})
	mustVerify(t, w)
}

func TestAnotherZoneFoldsToTheSameState(t *testing.T) {
	w := fresh(t)
	for i := range 10 {
		mustMove(t, w, "roseau", i)
	}
	at := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	here, err := w.jetties.LoadAsKnownAt(t.Context(), "roseau", at)
	if err != nil {
		t.Fatal(err)
	}
	w.Settle(t.Context(), 30*time.Second)
	paid(t, w) // nobody reads times any more but this test
	local := time.Local
	t.Cleanup(func() { time.Local = local })
	time.Local = time.FixedZone("elsewhere", 13*3600)
	there, err := w.jetties.LoadAsKnownAt(t.Context(), "roseau", at)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(here)
	b, _ := json.Marshal(there)
	if string(a) != string(b) {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestAChangeIsAnsweredAndFoldedAsTheLogTellsIt(t *testing.T) {
	t.Parallel()
	w := fresh(t)
	said := w.Now().Add(-time.Minute)
	type odd struct {
		moved
		Text  string          `json:"text"`
		Raw   json.RawMessage `json:"raw"`
		Float float64         `json:"float"`
		Any   map[string]any  `json:"any"`
	}
	out := mustMove(t, w, "roseau", 0, keyed("k", "one"), func(c *ledger.Command[jetty]) {
		c.Relay = &ledger.Relay{OnBehalfOf: "ATG", RelayedBy: "radio", SaidAt: &said}
		c.Decide = func(_ jetty, at ledger.Moment) (ledger.Decision, error) {
			data := odd{
				moved{2, "note", at.Now}, "<a href='x'>&\u2028\x00\xff\"\\ é 🌀",
				json.RawMessage("{ \"b\" : [1 , 2.50e1]\n}"), 1e21, map[string]any{"z": nil, "a": "<"},
			}
			return ledger.Decision{
				Exercise: true, Detach: map[string]string{"note": "\u2028 by <radio> & satellite"},
				Events: []ledger.Event{{Type: evMoved, Data: data}},
			}, nil
		}
	})
	events, err := w.jetties.History(t.Context(), "roseau", 0, 0)
	if err != nil || !reflect.DeepEqual(out.Events, events) {
		t.Errorf("answered\n%+v, recorded\n%+v: %v", out.Events, events, err)
	}
	state, err := w.jetties.LoadAsKnownAt(t.Context(), "roseau", w.Now())
	if err != nil || !reflect.DeepEqual(out.State, state) || len(state.Value.Notes) != 1 {
		t.Errorf("folded\n%+v, from the log\n%+v: %v", out.State, state, err)
	}
	mustVerify(t, w)
}

func TestWhatIsAnnouncedAgainIsTheSame(t *testing.T) {
	w := fresh(t)
	for i := range 5 {
		mustMove(t, w, "roseau", i)
	}
	w.Settle(t.Context(), 30*time.Second) // the announcements come after the answers
	commits, err := w.store.ReadStream(t.Context(), "jetty/roseau", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range commits {
		again, err := w.Announcements(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w.published[i].Announcements, again); diff != "" {
			t.Errorf("commit %d: %s", c.Seq, diff)
		}
	}
}

func TestCloseAnswersWhatItAcceptedAndRefusesTheRest(t *testing.T) {
	w := fresh(t)
	var wg sync.WaitGroup
	var kept atomic.Int64
	for range 50 {
		wg.Go(func() {
			if _, err := w.move(t.Context(), "roseau", 1); err == nil {
				kept.Add(1)
			} else if fault.CodeOf(err) != "closing" {
				t.Error(err)
			}
		})
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	commits, err := w.store.ReadStream(t.Context(), "jetty/roseau", 0, 0)
	if err != nil || int64(len(commits)) != kept.Load() {
		t.Errorf("%d answered, %d kept: %v", kept.Load(), len(commits), err)
	}
	if _, err := w.move(t.Context(), "roseau", 1); fault.CodeOf(err) != "closing" {
		t.Errorf("after close: %v", err)
	}
	if !slices.IsSortedFunc(commits, func(a, b store.Commit) int { return int(a.Seq - b.Seq) }) {
		t.Error("order")
	}
}
