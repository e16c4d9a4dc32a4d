package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"landfall/internal/guard"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// beside returns what two processes on one store leave alone.
func beside(t *testing.T, clock *settable) (one, two *ledger.Asides, st store.Store) {
	t.Helper()
	st = openStore(t, filepath.Join(t.TempDir(), "landfall.db"))
	t.Cleanup(func() { _ = st.Close() })
	process := func(name string) *ledger.Asides {
		l := ledger.New(st, ledger.Options{Now: clock.now, Process: name, Shared: true, Logger: slog.New(slog.DiscardHandler)})
		t.Cleanup(func() { _ = l.Close(context.Background()) })
		return l.Asides()
	}
	return process("one"), process("two"), st
}

func synced(t *testing.T, all ...*ledger.Asides) {
	t.Helper()
	for _, a := range all {
		if err := a.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func aside(t *testing.T, st store.Store) []ledger.Aside {
	t.Helper()
	list, err := ledger.ListAside(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// owing appends the first commit of a stream, which owes everything.
func owing(t *testing.T, st store.Store, stream string) {
	t.Helper()
	commit := store.Commit{Stream: stream, Seq: 1, ID: ledger.NewID(), RecordedAt: newClock().now(), Body: []byte(`{}`), Hash: make([]byte, 32), Pending: store.OwesAll}
	if _, err := st.Append(t.Context(), []store.Commit{commit}); err != nil {
		t.Fatal(err)
	}
}

func bulk(t *testing.T, st store.Store, ops ...store.Op) {
	t.Helper()
	if _, err := st.Bulk(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
}

func pays(stream string, debt store.Debt) store.Op {
	return store.Op{Do: store.OpPay, Ref: store.Ref{Stream: stream, Seq: 1}, Debt: debt}
}

var errPoison = errors.New("secret words of the driver")

func TestWhatFailsAgainAndAgainIsSetAsideForEveryProcess(t *testing.T) {
	t.Parallel()
	clock := newClock()
	began := clock.now()
	one, two, st := beside(t, clock)
	owing(t, st, "jetty/bad")
	leaves := func(a *ledger.Asides) bool { return a.Leaves(ledger.Documents, "jetty/bad") }
	for n, pause := range []time.Duration{time.Second, 2 * time.Second} {
		one.Fails(ledger.Documents, "jetty/bad", int64(n+1), errPoison)
		synced(t, one, two)
		if !leaves(one) || leaves(two) || one.Leaves(ledger.Notices, "jetty/bad") || one.Leaves(ledger.Documents, "jetty/good") || len(aside(t, st)) != 0 {
			t.Errorf("after %d failures more is left alone than by the one process", n+1)
		}
		if clock.advance(pause); leaves(one) {
			t.Errorf("after %d failures the pause is longer than %s", n+1, pause)
		}
	}
	one.Fails(ledger.Documents, "jetty/bad", 3, errPoison)
	synced(t, one, two)
	list := aside(t, st)
	if len(list) != 1 || list[0].Stream != "jetty/bad" || list[0].Work != ledger.Documents || !list[0].Since.Equal(began) || list[0].Seq != 3 ||
		list[0].Process != "one" || list[0].Reason == "" || strings.Contains(list[0].Reason, "secret") || !leaves(two) {
		t.Errorf("set aside: %+v; the other process leaves it alone: %t", list, leaves(two))
	}
	// Whoever tries next goes on with the pauses of the others.
	clock.advance(4 * time.Second)
	two.Fails(ledger.Documents, "jetty/bad", 4, errPoison)
	synced(t, two, one)
	if clock.advance(7 * time.Second); !leaves(one) {
		t.Error("the pause began anew in another process")
	}
	for range 100 {
		one.Fails(ledger.Documents, "jetty/bad", 5, errPoison)
	}
	synced(t, one, two)
	if clock.advance(-time.Hour); leaves(one) || leaves(two) {
		t.Error("a clock that was set back lengthened the pause")
	}
	if clock.advance(time.Hour + 5*time.Minute); leaves(one) {
		t.Error("the pause grew beyond 5 minutes")
	}
	bulk(t, st, pays("jetty/bad", store.OwesDocuments))
	synced(t, two, one)
	one.Fails(ledger.Documents, "jetty/bad", 6, errPoison)
	synced(t, one)
	if list := aside(t, st); len(list) != 0 {
		t.Errorf("what works again is still set aside, or its failures are counted on: %+v", list)
	}
}

func TestAnOperatorTakesAStreamUpInEveryProcess(t *testing.T) {
	t.Parallel()
	one, two, st := beside(t, newClock())
	owing(t, st, "jetty/bad")
	for _, work := range ledger.Works() {
		for range 3 {
			one.Fails(work, "jetty/bad", 1, errPoison)
			one.Fails(work, "jetty/other", 1, errPoison)
		}
	}
	synced(t, one, two)
	if found, err := two.Retry(t.Context(), "jetty/bad"); !found || err != nil {
		t.Fatal(found, err)
	}
	if two.Leaves(ledger.Notices, "jetty/bad") {
		t.Error("the process that was asked waits on")
	}
	synced(t, one)
	for _, work := range ledger.Works() {
		if one.Leaves(work, "jetty/bad") || !one.Leaves(work, "jetty/other") {
			t.Errorf("the %s of the stream are left alone still, or those of another one are not", work)
		}
	}
	if list := aside(t, st); len(list) != 3 {
		t.Errorf("still set aside: %+v", list)
	}
	synced(t, two)
	if list := aside(t, st); len(list) != 3 || two.Leaves(ledger.Notices, "jetty/bad") {
		t.Errorf("it is set aside anew: %+v", list)
	}
	for stream, there := range map[ledger.Stream]bool{"jetty/bad": true, "jetty/other": true, "jetty/none": false} {
		for range 2 { // the answer to the first may be lost
			if found, err := one.Retry(t.Context(), stream); found != there || err != nil {
				t.Errorf("%s: %t, %v", stream, found, err)
			}
		}
	}
	for range 3 {
		one.Fails(ledger.Notices, "jetty/bad", 1, errPoison)
		synced(t, one)
	}
	if list := aside(t, st); len(list) != 1 || list[0].Tries != 3 {
		t.Errorf("failed thrice again, set aside: %+v", list)
	}
}

// racing calls a function before it writes a document of what is set aside.
type racing struct {
	store.Store
	before func()
}

func (r *racing) Bulk(ctx context.Context, ops []store.Op) ([]bool, error) {
	if race := r.before; race != nil && len(ops) > 0 && ops[0].Do == store.OpPut {
		r.before = nil
		race()
	}
	return r.Store.Bulk(ctx, ops)
}

func TestWhatAnOperatorTakesUpIsNotUndoneByAProcessThatIsAboutToWrite(t *testing.T) {
	t.Parallel()
	clock := newClock()
	_, two, st := beside(t, clock)
	owing(t, st, "jetty/bad")
	between := &racing{Store: st}
	l := ledger.New(between, ledger.Options{Now: clock.now, Shared: true, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	one := l.Asides()
	for range 3 {
		one.Fails(ledger.Notices, "jetty/bad", 1, errPoison)
	}
	synced(t, one, two)
	one.Fails(ledger.Notices, "jetty/bad", 1, errPoison)
	between.before = func() {
		if _, err := two.Retry(t.Context(), "jetty/bad"); err != nil {
			t.Error(err)
		}
		one.Fails(ledger.Notices, "jetty/bad", 1, errPoison)
	}
	synced(t, one, one, two)
	if list := aside(t, st); len(list) != 0 || one.Leaves(ledger.Notices, "jetty/bad") || two.Leaves(ledger.Notices, "jetty/bad") {
		t.Errorf("set aside again: %+v", list)
	}
}

func TestWhatFailedIsForgottenOnceNothingOfItIsOwed(t *testing.T) {
	t.Parallel()
	clock := newClock()
	one, two, st := beside(t, clock)
	wake := func(version int64, at any) store.Op {
		return store.Op{Do: store.OpPut, Kind: ledger.KindWake, Doc: store.Doc{ID: "jetty/bad", Version: version, Body: []byte(`{}`), Index: map[string]any{"at": at}}}
	}
	owing(t, st, "jetty/bad")
	owing(t, st, "jetty/bae") // comes behind it, and owes everything
	bulk(t, st, wake(1, clock.now()))
	for _, work := range ledger.Works() {
		for range 3 {
			one.Fails(work, "jetty/bad", 1, errPoison)
		}
	}
	synced(t, one, two)
	clock.advance(10 * time.Minute)
	synced(t, one, two)
	if list := aside(t, st); len(list) != 3 {
		t.Fatalf("owed still, set aside is %+v", list)
	}
	// Whoever has done it, and whether or not the process that failed tries again.
	for left, op := range []store.Op{wake(2, clock.now().Add(time.Hour)), pays("jetty/bad", store.OwesNotices), pays("jetty/bad", store.OwesDocuments)} {
		bulk(t, st, op)
		synced(t, two)
		one.Fails([]ledger.Work{ledger.Deadlines, ledger.Notices, ledger.Documents}[left], "jetty/bad", 1, errPoison)
		synced(t, one)
		if list := aside(t, st); len(list) != 2-left {
			t.Errorf("done, set aside is %+v", list)
		}
	}
	// Its failures begin anew then, in every process.
	for range 2 {
		one.Fails(ledger.Notices, "jetty/bae", 1, errPoison)
		one.Fails(ledger.Notices, "jetty/bad", 1, errPoison)
		two.Fails(ledger.Notices, "jetty/bad", 1, errPoison)
		synced(t, one, two)
	}
	if list := aside(t, st); len(list) != 0 {
		t.Errorf("set aside after two failures: %+v", list)
	}
}

func TestHoweverManyStreamsAreSetAsideEachIsLeftAloneAndCounted(t *testing.T) {
	t.Parallel()
	one, two, st := beside(t, newClock())
	const many = 2100
	name := func(n int) ledger.Stream { return ledger.Stream(fmt.Sprintf("jetty/bad-%04d", n)) }
	for n := range many {
		for range 3 {
			one.Fails(ledger.Documents, name(n), 1, errPoison)
		}
	}
	synced(t, one, two, one)
	for _, a := range []*ledger.Asides{one, two} {
		for n := range many {
			if !a.Leaves(ledger.Documents, name(n)) {
				t.Fatalf("%s is tried", name(n))
			}
		}
	}
	if list := aside(t, st); len(list) != many {
		t.Errorf("%d streams are said to be set aside", len(list))
	}
	if _, _, err := ledger.Owed(t.Context(), st, ledger.Documents); err != nil {
		t.Error(err)
	}
}

func TestAfterARebuildNothingIsSetAside(t *testing.T) {
	t.Parallel()
	w := fresh(t)
	mustMove(t, w, "bad", 1)
	for range 3 {
		w.Asides().Fails(ledger.Documents, "jetty/bad", 1, errPoison)
	}
	synced(t, w.Asides())
	if list := aside(t, w.store); len(list) != 1 {
		t.Fatalf("set aside: %+v", list)
	}
	if _, err := w.Rebuild(t.Context(), kinds(), nil); err != nil {
		t.Fatal(err)
	}
	if list := aside(t, w.store); len(list) != 0 {
		t.Errorf("set aside: %+v", list)
	}
}

func TestWhatIsTooNewForOneProcessIsSetAsideForNoOther(t *testing.T) {
	t.Parallel()
	clock := newClock()
	older, newer, st := beside(t, clock)
	for range 5 {
		older.Fails(ledger.Documents, "jetty/new", 1, fmt.Errorf("%w: later.v1", ledger.ErrNewer))
		synced(t, older, newer)
	}
	if !older.Leaves(ledger.Documents, "jetty/new") || newer.Leaves(ledger.Documents, "jetty/new") || len(aside(t, st)) != 0 {
		t.Errorf("set aside: %+v", aside(t, st))
	}
}

// TestAnOldProcessFollowsNothingOfANewerVersion has a process meet an event that it does not know.
func TestAnOldProcessFollowsNothingOfANewerVersion(t *testing.T) {
	t.Parallel()
	clock := newClock()
	st := openStore(t, filepath.Join(t.TempDir(), "landfall.db"))
	t.Cleanup(func() { _ = st.Close() })
	silent := slog.New(slog.DiscardHandler)
	process := func(fold ledger.Fold[jetty], kept store.Store) *world {
		l := ledger.New(kept, ledger.Options{Now: clock.now, Shared: true, Logger: silent, Guard: guard.New(silent, clock.now)})
		w := &world{Ledger: l, store: st, jetties: ledger.Register(l, fold)}
		t.Cleanup(func() {
			ended, end := context.WithCancel(context.Background())
			end()
			_ = l.Close(ended)
		})
		return w
	}
	later := jettyFold()
	later.Events = append(later.Events, "landfall.jetty.painted.v1")
	fresh := process(later, &mute{st}) // it dies before it has written any document
	paint := func(c *ledger.Command[jetty]) {
		c.Decide = func(jetty, ledger.Moment) (ledger.Decision, error) {
			return ledger.Decision{Events: []ledger.Event{{Type: "landfall.jetty.painted.v1", Data: moved{}}}}, nil
		}
	}
	mustMove(t, fresh, "new", 1)
	mustMove(t, fresh, "new", 0, paint)
	mustMove(t, fresh, "plain", 1)
	old := process(jettyFold(), st)
	for range 4 {
		clock.advance(10 * time.Minute)
		if _, err := old.SweepDocuments(t.Context(), clock.now()); !errors.Is(err, ledger.ErrNewer) {
			t.Errorf("swept by an old process: %v", err)
		}
		synced(t, old.Asides())
	}
	if !old.Asides().Leaves(ledger.Documents, "jetty/new") || len(aside(t, st)) != 0 || projected(t, old, "plain") != 1 {
		t.Errorf("set aside: %+v; %d in the list of the other stream", aside(t, st), projected(t, old, "plain"))
	}
	next := process(later, st)
	if _, err := next.SweepDocuments(t.Context(), clock.now()); err != nil || projected(t, next, "new") != 1 {
		t.Errorf("swept by a new process: %v, %d in the list", err, projected(t, next, "new"))
	}
}
