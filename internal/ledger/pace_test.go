package ledger_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
)

// paced opens a ledger whose changes wait for so long.
func paced(t *testing.T, wait *atomic.Int64, quiet bool) *world {
	t.Helper()
	st := openStore(t, filepath.Join(t.TempDir(), "landfall.db"))
	w := &world{store: st}
	w.Ledger = ledger.New(st, ledger.Options{Now: newClock().now, Pace: func() time.Duration { return time.Duration(wait.Load()) }})
	fold := jettyFold()
	fold.Quiet = quiet
	w.jetties = ledger.Register(w.Ledger, fold)
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Errorf("close ledger: %v", err)
		}
		if err := st.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return w
}

func TestAChangeWaitsBeforeItsStreamAndHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	var wait atomic.Int64
	wait.Store(int64(time.Hour))
	w := paced(t, &wait, false)
	ctx, end := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range 8 {
		waiting.Go(func() {
			if _, err := w.move(ctx, "roseau", 100); fault.CodeOf(err) != "not_done" || !fault.Is(err, fault.Unavailable) {
				t.Errorf("its request ended before its turn: %v", err)
			}
		})
	}
	prompt := func(c *ledger.Command[jetty]) { c.Prompt = true }
	own := func(c *ledger.Command[jetty]) { c.Actor = ledger.System }
	mustMove(t, w, "roseau", 1, prompt)
	mustMove(t, w, "roseau", 2, own)
	end()
	waiting.Wait()
	wait.Store(0)
	if out := mustMove(t, w, "roseau", 4); out.Value.On != 7 || out.Seq != 3 {
		t.Errorf("%d on at %d: what did not wait for its turn was carried out", out.Value.On, out.Seq)
	}
}

func TestAChangeWaitsAsLongAsItIsToldAndIsThenCarriedOut(t *testing.T) {
	t.Parallel()
	var wait atomic.Int64
	wait.Store(int64(20 * time.Millisecond))
	w := paced(t, &wait, false)
	began := time.Now()
	mustMove(t, w, "roseau", 1)
	if took := time.Since(began); took < 20*time.Millisecond {
		t.Errorf("it waited %s", took)
	}
}

func TestANounOfWhichNobodyIsToldDoesNotWait(t *testing.T) {
	t.Parallel()
	var wait atomic.Int64
	wait.Store(int64(time.Hour))
	mustMove(t, paced(t, &wait, true), "roseau", 1)
}
