package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// asked is a real engine that keeps the order of appends. It counts what is read and may be full.
type asked struct {
	store.Store
	reads atomic.Int64
	full  atomic.Bool
}

func (a *asked) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	a.reads.Add(1)
	return a.Store.ReadStream(ctx, stream, after, limit)
}

func (a *asked) Get(ctx context.Context, kind string, ids ...string) (map[string]store.Doc, error) {
	a.reads.Add(1)
	return a.Store.Get(ctx, kind, ids...)
}

func (a *asked) FindKey(ctx context.Context, stream string, key []byte) (int64, error) {
	a.reads.Add(1)
	return a.Store.FindKey(ctx, stream, key)
}

func (a *asked) Append(ctx context.Context, commits []store.Commit) (int, error) {
	if a.full.Load() {
		return 0, store.ErrFull
	}
	return a.Store.Append(ctx, commits)
}

func (a *asked) Submit(commits []store.Commit) store.Ticket {
	if a.full.Load() {
		return failed{store.ErrFull}
	}
	return a.Store.(store.Pipeline).Submit(commits)
}

// processes gives processes on one store. None knows of another's commits before it reads them.
func processes(t *testing.T, n int, shared bool) (*asked, []*world) {
	t.Helper()
	clock := newClock()
	engine := &asked{}
	worlds := []*world{open(t, filepath.Join(t.TempDir(), "landfall.db"), clock.now, func(st store.Store) store.Store {
		engine.Store = st
		return engine
	}, shared)}
	for range n - 1 {
		w := &world{store: engine}
		w.Ledger = ledger.New(engine, ledger.Options{Now: clock.now, Shared: shared})
		w.jetties = ledger.Register(w.Ledger, jettyFold())
		t.Cleanup(func() { _ = w.Close(context.Background()) })
		worlds = append(worlds, w)
	}
	return engine, worlds
}

// aloneAndShared runs a test with one process that owns the store and with processes that share it.
func aloneAndShared(t *testing.T, test func(t *testing.T, shared bool)) {
	for name, shared := range map[string]bool{"alone": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, shared)
		})
	}
}

func expecting(e ledger.Existence) func(*ledger.Command[jetty]) {
	return func(c *ledger.Command[jetty]) { c.Expect = e }
}

func TestAStreamIsNotReadBeforeACommandBeginsIt(t *testing.T) {
	t.Parallel()
	aloneAndShared(t, func(t *testing.T, shared bool) {
		engine, w := processes(t, 1, shared)
		for i, e := range []ledger.Existence{ledger.MustNotExist, ledger.LikelyNew} {
			id := fmt.Sprint(i)
			if out := mustMove(t, w[0], id, 3, expecting(e), keyed("k", "one")); out.Seq != 1 || out.Value.On != 3 {
				t.Errorf("on %d at %d", out.Value.On, out.Seq)
			}
			if out := mustMove(t, w[0], id, -1); out.Seq != 2 || out.Value.On != 2 {
				t.Errorf("on %d at %d", out.Value.On, out.Seq)
			}
		}
		if n := engine.reads.Load(); n != 0 {
			t.Errorf("the store was asked %d times", n)
		}
		// What writes nothing is proven by no append.
		_, err := w[0].move(t.Context(), "empty", -1, expecting(ledger.MustNotExist))
		if n := engine.reads.Load(); !fault.Is(err, fault.State) || n == 0 {
			t.Errorf("refused with %v after %d reads", err, n)
		}
		mustVerify(t, w[0])
	})
}

func TestWhatBeginsAStreamThatIsThereIsDecidedOnIt(t *testing.T) {
	t.Parallel()
	aloneAndShared(t, func(t *testing.T, shared bool) {
		engine, w := processes(t, 7, shared)
		for range 3 {
			mustMove(t, w[0], "roseau", 3, keyed("k", "one"))
			mustMove(t, w[0], "roseau", 1)
		}
		begin := expecting(ledger.MustNotExist)
		repeated := func(w *world) {
			t.Helper()
			out := mustMove(t, w, "roseau", 3, begin, keyed("k", "one"))
			if !out.Repeated || out.Seq != 1 || out.Value.On != 3 {
				t.Errorf("repeated %t, on %d at %d", out.Repeated, out.Value.On, out.Seq)
			}
		}
		repeated(w[1])
		_, err := w[2].move(t.Context(), "roseau", 3, begin, keyed("k", "two"))
		if fault.CodeOf(err) != "idempotency_key_reused" {
			t.Errorf("another request with the key: %v", err)
		}
		if _, err := w[3].move(t.Context(), "roseau", 3, begin); fault.CodeOf(err) != "id_taken" {
			t.Errorf("another change: %v", err)
		}
		if out := mustMove(t, w[4], "roseau", -4, expecting(ledger.LikelyNew)); out.Seq != 5 || out.Value.On != 2 {
			t.Errorf("on %d at %d", out.Value.On, out.Seq)
		}
		// A repeat needs no space, and what needs some says that nothing was changed.
		engine.full.Store(true)
		repeated(w[5])
		if _, err := w[6].move(t.Context(), "elsewhere", 3, begin); !fault.Is(err, fault.Full) {
			t.Errorf("on a full disk: %v", err)
		}
		engine.full.Store(false)
		w[4].Settle(t.Context(), 30*time.Second)
		mustVerify(t, w[0])
	})
}

func TestOfManyWhoBeginOneStreamOneDoes(t *testing.T) {
	t.Parallel()
	aloneAndShared(t, func(t *testing.T, shared bool) {
		_, w := processes(t, 3, shared)
		var wg sync.WaitGroup
		var begun atomic.Int64
		for i := range 24 {
			wg.Go(func() {
				out, err := w[i%3].move(t.Context(), "roseau", 3, expecting(ledger.MustNotExist), keyed("k", "one"))
				if err != nil || out.Seq != 1 || out.Value.On != 3 {
					t.Errorf("on %d at %d: %v", out.Value.On, out.Seq, err)
				}
				if !out.Repeated {
					begun.Add(1)
				}
			})
		}
		wg.Wait()
		if n := begun.Load(); n != 1 {
			t.Errorf("%d began it", n)
		}
		mustVerify(t, w[0])
	})
}

// noticed is a context that tells when somebody waits for its end, or asks whether it has come.
type noticed struct {
	context.Context
	waits func()
	asks  func() error
}

func (n noticed) Done() <-chan struct{} { n.waits(); return n.Context.Done() }
func (n noticed) Err() error            { return n.asks() }

func TestARefusalBesideAnAppendThatLosesIsDecidedAgain(t *testing.T) {
	t.Parallel()
	aloneAndShared(t, func(t *testing.T, shared bool) {
		_, w := processes(t, 2, shared)
		mustMove(t, w[1], "roseau", 5)
		var wg sync.WaitGroup
		queue := func(by int) {
			queued := make(chan struct{})
			ctx := noticed{t.Context(), sync.OnceFunc(func() { close(queued) }), t.Context().Err}
			wg.Go(func() {
				if _, err := w[0].move(ctx, "roseau", by, expecting(ledger.LikelyNew)); err != nil {
					t.Errorf("by %d: %v", by, err)
				}
			})
			<-queued
		}
		// Two commands wait behind one that ended too early, and so are decided in one batch.
		// On an empty jetty the first is refused.
		ended := noticed{t.Context(), func() {}, sync.OnceValue(func() error {
			queue(-2)
			queue(1)
			return context.Canceled
		})}
		if _, err := w[0].move(ended, "roseau", 1, expecting(ledger.LikelyNew)); fault.CodeOf(err) != "not_done" {
			t.Error(err)
		}
		wg.Wait()
		if s, err := w[0].jetties.Load(t.Context(), "roseau"); err != nil || s.Value.On != 4 || s.Seq != 3 {
			t.Errorf("on %d at %d: %v", s.Value.On, s.Seq, err)
		}
		mustVerify(t, w[0])
	})
}

func TestARefusalBehindABeginUnderWayHangsOnIt(t *testing.T) {
	t.Parallel()
	begun := &late{let: make(chan struct{}), done: make(chan struct{})}
	underWay := make(chan struct{})
	engine := &rough{happens: func(n int, submit func() store.Ticket) store.Ticket {
		if n > 1 {
			return nil
		}
		begun.submit = submit
		go begun.run()
		close(underWay)
		return begun
	}}
	w := open(t, filepath.Join(t.TempDir(), "landfall.db"), newClock().now, func(st store.Store) store.Store {
		engine.Store = st
		return engine
	}, false)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := w.move(t.Context(), "roseau", 3, expecting(ledger.MustNotExist)); err != nil {
			t.Error(err)
		}
	})
	<-underWay
	_, err := w.move(t.Context(), "roseau", -5, expecting(ledger.MustExist), func(c *ledger.Command[jetty]) {
		land := sync.OnceFunc(func() { close(begun.let) })
		c.Decide = func(s jetty, _ ledger.Moment) (ledger.Decision, error) {
			land()
			return ledger.Decision{}, fault.New(fault.State, "too_few", "%d", s.On)
		}
	})
	if fault.CodeOf(err) != "too_few" || !strings.Contains(err.Error(), "3") {
		t.Errorf("refused with %v", err)
	}
	wg.Wait()
}
