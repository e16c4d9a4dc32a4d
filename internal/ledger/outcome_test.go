package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// bad is a real store on a bad line: it may lose the reply of an append, or the append itself.
type bad struct {
	store.Store
	line atomic.Pointer[func(n int64) fate]
	n    atomic.Int64
}

type fate uint8

const (
	pass       fate = iota
	cutBefore       // nothing is written, the caller gets an error
	cutAfter        // everything is written, the caller gets an error
	cutHalfway      // the first commit is written, the caller gets an error and no count
	readsFail       // nothing is written and the stream cannot be read
	noDiskSpace
)

var errLine = errors.New("connection reset by peer")

func (b *bad) Append(ctx context.Context, commits []store.Commit) (int, error) {
	what := pass
	if line := b.line.Load(); line != nil {
		what = (*line)(b.n.Add(1))
	}
	switch what {
	case cutBefore, readsFail:
		return 0, errLine
	case cutAfter:
		_, _ = b.Store.Append(ctx, commits)
		return 0, errLine
	case cutHalfway:
		_, _ = b.Store.Append(ctx, commits[:1])
		return 0, errLine
	case noDiskSpace:
		return 0, store.ErrFull
	}
	return b.Store.Append(ctx, commits)
}

func (b *bad) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	if line := b.line.Load(); line != nil && (*line)(-1) == readsFail {
		return nil, errLine
	}
	return b.Store.ReadStream(ctx, stream, after, limit)
}

func onBadLine(t *testing.T) (*world, *bad) {
	var b *bad
	w := open(t, filepath.Join(t.TempDir(), "landfall.db"), newClock().now, func(st store.Store) store.Store {
		b = &bad{Store: st}
		return b
	}, false)
	return w, b
}

func (b *bad) set(f func(n int64) fate) { b.n.Store(0); b.line.Store(&f) }

// once gives the fate to the first append only.
func once(f fate) func(int64) fate {
	return func(n int64) fate {
		if n == 1 {
			return f
		}
		return pass
	}
}

func TestALostReplyNeitherLosesNorDoublesAChange(t *testing.T) {
	for name, f := range map[string]fate{"before the write": cutBefore, "after the write": cutAfter, "in the middle of a batch": cutHalfway} {
		t.Run(name, func(t *testing.T) {
			w, line := onBadLine(t)
			mustMove(t, w, "roseau", 1)
			line.set(once(f))
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if _, err := w.move(t.Context(), "roseau", 1); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			s, err := w.jetties.Load(t.Context(), "roseau")
			if err != nil || s.Value.On != 11 || s.Seq != 11 {
				t.Errorf("on %d at %d: %v", s.Value.On, s.Seq, err)
			}
			mustVerify(t, w)
		})
	}
}

func TestALostReplyWithAKeyIsRepeatedSafely(t *testing.T) {
	w, line := onBadLine(t)
	w2 := ledger.New(line, ledger.Options{Now: newClock().now, OutcomeTimeout: 200 * time.Millisecond})
	defer w2.Close(context.Background())
	jetties := ledger.Register(w2, jettyFold())
	line.set(func(n int64) fate {
		if n <= 1 {
			return readsFail
		}
		return pass
	})
	cmd := ledger.Command[jetty]{Actor: roseau, Expect: ledger.MayExist, Decide: move(5), Key: "k"}
	// The stream cannot even be read, so nothing is decided: the answer says that it is not known.
	if _, err := jetties.Execute(t.Context(), "roseau", cmd); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	line.set(func(int64) fate { return pass })
	for range 2 {
		if out, err := jetties.Execute(t.Context(), "roseau", cmd); err != nil || out.Seq != 1 {
			t.Fatalf("seq %d: %v", out.Seq, err)
		}
	}
	_ = w
}

func TestAnOutcomeThatStaysUnknownIsSaidToBeUnknown(t *testing.T) {
	_, line := onBadLine(t)
	l := ledger.New(line, ledger.Options{Now: newClock().now, OutcomeTimeout: 200 * time.Millisecond})
	defer l.Close(context.Background())
	jetties := ledger.Register(l, jettyFold())
	cmd := ledger.Command[jetty]{Actor: roseau, Expect: ledger.MayExist, Decide: move(5), Key: "k"}
	line.set(func(int64) fate { return cutBefore })
	if _, err := jetties.Execute(t.Context(), "roseau", cmd); fault.CodeOf(err) != "outcome_unknown" {
		t.Fatalf("got %v", err)
	}
	line.set(func(int64) fate { return pass })
	if out, err := jetties.Execute(t.Context(), "roseau", cmd); err != nil || out.Value.On != 5 {
		t.Fatalf("the repeat: on %d, %v", out.Value.On, err)
	}
}

func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	w, line := onBadLine(t)
	mustMove(t, w, "roseau", 1)
	line.set(func(int64) fate { return noDiskSpace })
	if _, err := w.move(t.Context(), "roseau", 1); !fault.Is(err, fault.Full) {
		t.Fatalf("got %v", err)
	}
	line.set(func(int64) fate { return pass })
	if out := mustMove(t, w, "roseau", 1); out.Seq != 2 || out.Value.On != 2 {
		t.Errorf("seq %d, on %d", out.Seq, out.Value.On)
	}
	mustVerify(t, w)
}

// altered is a store in which one commit reads differently from how it was written.
type altered struct {
	store.Store
	change func(*store.Commit)
	seq    int64
}

func (a *altered) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	commits, err := a.Store.ReadStream(ctx, stream, after, limit)
	for i := range commits {
		if commits[i].Seq == a.seq {
			a.change(&commits[i])
		}
	}
	return commits, err
}

func TestAFlippedByteAnywhereIsFoundAndNamed(t *testing.T) {
	w := fresh(t)
	for i := range 5 {
		mustMove(t, w, "roseau", 1, keyed(fmt.Sprint(i), "x"), func(c *ledger.Command[jetty]) {
			c.Decide = func(s jetty, at ledger.Moment) (ledger.Decision, error) {
				return ledger.Decision{
					Events: []ledger.Event{{Type: evMoved, Data: moved{By: 1, Note: "note"}}},
					Detach: map[string]string{"note": "é – a note", "other": "b"},
				}, nil
			}
		})
	}
	w.Settle(t.Context(), 30*time.Second)
	commits, err := w.store.ReadStream(t.Context(), "jetty/roseau", 2, 1)
	if err != nil || len(commits) != 1 {
		t.Fatal(err)
	}
	c := commits[0]

	verify := func(what string, change func(*store.Commit)) {
		t.Helper()
		st := &altered{Store: w.store, seq: 3, change: change}
		l := ledger.New(st, ledger.Options{Now: func() time.Time { return c.RecordedAt.Add(time.Hour) }})
		defer l.Close(context.Background())
		ledger.Register(l, jettyFold())
		r, err := l.Verify(t.Context(), kinds(), nil)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if len(r.Findings) != 1 || r.Findings[0].Stream != "jetty/roseau" || r.Findings[0].Seq != 3 && r.Findings[0].Seq != 4 {
			t.Fatalf("%s: findings %v", what, r.Findings)
		}
	}
	flip := func(b []byte, i int) []byte {
		b = slices.Clone(b)
		b[i] ^= 1 << (i % 8)
		return b
	}
	for i := range c.Body {
		verify(fmt.Sprintf("body byte %d", i), func(c *store.Commit) { c.Body = flip(c.Body, i) })
	}
	for i := range c.Detached {
		verify(fmt.Sprintf("detached byte %d", i), func(c *store.Commit) { c.Detached = flip(c.Detached, i) })
	}
	for i := range c.Hash {
		verify(fmt.Sprintf("hash byte %d", i), func(c *store.Commit) { c.Hash = flip(c.Hash, i) })
		verify(fmt.Sprintf("prev byte %d", i), func(c *store.Commit) { c.Prev = flip(c.Prev, i) })
		verify(fmt.Sprintf("key byte %d", i), func(c *store.Commit) { c.Key = flip(c.Key, i) })
	}
	verify("id", func(c *store.Commit) { c.ID = ledger.NewID() })
	verify("stream", func(c *store.Commit) { c.Stream = "jetty/castries" })
	verify("recorded_at", func(c *store.Commit) { c.RecordedAt = c.RecordedAt.Add(time.Microsecond) })
	verify("seq", func(c *store.Commit) { c.Seq = 4 })
	verify("no key", func(c *store.Commit) { c.Key = nil })
	verify("no detached", func(c *store.Commit) { c.Detached = nil })
}

func TestADocumentThatDisagreesWithTheLogIsFound(t *testing.T) {
	w := fresh(t)
	mustMove(t, w, "roseau", 3)
	w.Settle(t.Context(), 30*time.Second)
	forged := store.Doc{ID: "roseau", Version: 9, Body: []byte(`{"on":900,"moves":1}`), Index: map[string]any{"on": int64(900)}}
	stray := store.Doc{ID: "nowhere", Version: 1, Body: []byte(`{}`), Index: map[string]any{"on": int64(1)}}
	ops := []store.Op{{Do: store.OpPut, Kind: "jetty", Doc: forged}, {Do: store.OpPut, Kind: "jetty", Doc: stray}}
	if _, err := w.store.Bulk(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	later := ledger.New(w.store, ledger.Options{Now: func() time.Time { return newClock().now().Add(time.Hour) }})
	defer later.Close(context.Background())
	ledger.Register(later, jettyFold())
	r, err := later.Verify(t.Context(), kinds(), nil)
	if err != nil || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].What, "not what the log says") {
		t.Errorf("findings %v, error %v", r.Findings, err)
	}
	if _, err := later.Rebuild(t.Context(), kinds(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Bulk(t.Context(), ops[1:]); err != nil {
		t.Fatal(err)
	}
	r, err = later.Verify(t.Context(), kinds(), nil)
	if err != nil || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].What, "follow from no stream") {
		t.Errorf("findings %v, error %v", r.Findings, err)
	}
}

func TestAProcessOvertakenByAnotherDecidesAgain(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "landfall.db"), newClock()
	var first, second *world
	first = open(t, path, clock.now, nil, true)
	second = &world{store: first.store}
	second.Ledger = ledger.New(first.store, ledger.Options{Now: clock.now, Shared: true})
	second.jetties = ledger.Register(second.Ledger, jettyFold())
	defer second.Close(context.Background())

	mustMove(t, first, "roseau", 5)
	// The first process decides; before it appends, the second takes everybody off. The first must decide again, and refuse.
	interfered := false
	_, err := first.move(t.Context(), "roseau", -5, func(c *ledger.Command[jetty]) {
		decide := c.Decide
		c.Decide = func(s jetty, at ledger.Moment) (ledger.Decision, error) {
			if !interfered {
				interfered = true
				mustMove(t, second, "roseau", -3)
			}
			return decide(s, at)
		}
	})
	if !fault.Is(err, fault.State) {
		t.Errorf("got %v", err)
	}
	if s, _ := second.jetties.Load(t.Context(), "roseau"); s.Value.On != 2 || s.Seq != 2 {
		t.Errorf("on %d at %d", s.Value.On, s.Seq)
	}
}

func TestWhatAKilledProcessDidNotDeriveIsOwedAndDerivedByTheNext(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "landfall.db"), newClock()
	t.Run("killed between commit and projection", func(t *testing.T) {
		st := openStore(t, path)
		defer st.Close()
		dead := ledger.New(&mute{st}, ledger.Options{Now: clock.now})
		jetties := ledger.Register(dead, jettyFold())
		for range 2 {
			if _, err := jetties.Execute(t.Context(), "roseau", ledger.Command[jetty]{Actor: roseau, Expect: ledger.MayExist, Decide: move(1)}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = dead.Close(ctx)
	})
	w := open(t, path, clock.now, nil, false)
	mustMove(t, w, "roseau", 1)
	for range 2 { // the second time nothing is owed
		if _, err := w.SweepDocuments(t.Context(), clock.now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		docs, err := w.store.Get(t.Context(), "move", "jetty/roseau/1", "jetty/roseau/2", "jetty/roseau/3")
		if err != nil || len(docs) != 3 {
			t.Errorf("%d documents of 3 events: %v", len(docs), err)
		}
	}
	paid(t, w)
	if found, err := w.SweepDocuments(t.Context(), clock.now().Add(time.Minute)); found != 0 || err != nil {
		t.Errorf("%d commits owe documents still: %v", found, err)
	}
	mustVerify(t, w)
}

// TestAPaymentThatTheStoreDoesNotTakeIsTriedAgain has nothing else happen that would bring it up again.
func TestAPaymentThatTheStoreDoesNotTakeIsTriedAgain(t *testing.T) {
	broke := &brokePayer{}
	w := open(t, filepath.Join(t.TempDir(), "landfall.db"), newClock().now, func(st store.Store) store.Store {
		broke.Store = st
		return broke
	}, false)
	mustMove(t, w, "roseau", 1)
	paid(t, w)
	if !broke.refused.Load() {
		t.Error("no payment was refused")
	}
}

// brokePayer is a store that does not take the first payment.
type brokePayer struct {
	store.Store
	refused atomic.Bool
}

func (b *brokePayer) Bulk(ctx context.Context, ops []store.Op) ([]bool, error) {
	if len(ops) > 0 && ops[0].Do == store.OpPay && b.refused.CompareAndSwap(false, true) {
		return nil, errLine
	}
	return b.Store.Bulk(ctx, ops)
}

// paid waits until nothing is owed but notices, and that is on record.
func paid(t *testing.T, w *world) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); ; {
		n, _, err := w.store.PendingStats(t.Context(), store.OwesDocuments, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d commits owe documents", n)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// mute is a store that keeps commits and loses every document: a process that never gets to its projections.
type mute struct{ store.Store }

func (m *mute) Bulk(context.Context, []store.Op) ([]bool, error) { return nil, errLine }

func TestARefusalIsNeverDecidedOnWhatAnotherProcessHasChangedSince(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "landfall.db"), newClock()
	first := open(t, path, clock.now, nil, true)
	second := &world{store: first.store}
	second.Ledger = ledger.New(first.store, ledger.Options{Now: clock.now, Shared: true})
	second.jetties = ledger.Register(second.Ledger, jettyFold())
	defer second.Close(context.Background())

	for turn := range 5 {
		// The first process remembers an empty jetty; meanwhile the second brings people, whom the first can then take off.
		mustMove(t, second, "roseau", 3)
		if _, err := first.move(t.Context(), "roseau", -3); err != nil {
			t.Fatalf("turn %d: %v", turn, err)
		}
		clock.advance(time.Minute) // long after the two last met
		// And what is refused is refused on the newest: the second took them off before the first could.
		mustMove(t, first, "roseau", 1)
		mustMove(t, second, "roseau", -1)
		if _, err := first.move(t.Context(), "roseau", -1); !fault.Is(err, fault.State) {
			t.Fatalf("turn %d: %v", turn, err)
		}
		clock.advance(time.Minute)
	}
	mustVerify(t, first)
}
