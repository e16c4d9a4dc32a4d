package watch_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"landfall/internal/fault"
	"landfall/internal/guard"
	"landfall/internal/ledger"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
	"landfall/internal/watch"
)

var quiet = slog.New(slog.DiscardHandler)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryJobRunsAtOnceAfterStart(t *testing.T) {
	ran := make(chan time.Time, 10)
	w := watch.New([]watch.Job{{Name: "sweep", Every: time.Hour, Run: func(_ context.Context, now time.Time) error {
		ran <- now
		return nil
	}}}, watch.Options{Now: func() time.Time { return time.Unix(100, 0) }})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case now := <-ran:
		if !now.Equal(time.Unix(100, 0)) || now.Location() != time.UTC {
			t.Errorf("ran with %s", now)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("not run")
	}
	if w.Start() == nil {
		t.Error("started twice")
	}
	w.Stop(t.Context())
	w.Stop(t.Context())
	if w.Start() == nil {
		t.Error("started after stop")
	}
}

func TestAPanicOrAFailureEndsNoWatch(t *testing.T) {
	var runs atomic.Int64
	g := guard.New(quiet, time.Now)
	seen := make(chan error, 10)
	w := watch.New([]watch.Job{
		{Name: "fails", Every: time.Second, Run: func(context.Context, time.Time) error { return errors.New("no") }},
		{Name: "panics", Every: time.Second, Run: func(context.Context, time.Time) error {
			runs.Add(1)
			panic("oh")
		}},
	}, watch.Options{Now: time.Now, Guard: g, Done: func(job string, _ time.Duration, err error) {
		if job == "panics" && fault.CodeOf(err) != "panic" {
			t.Errorf("a panic was reported as %v", err)
		}
		select {
		case seen <- err:
		default:
		}
	}})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case err := <-seen:
			if err == nil {
				t.Error("a failed run was reported as done")
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the failing job did not run again")
		}
	}
	w.Stop(t.Context())
	if runs.Load() == 0 || int64(g.Panics().Count) != runs.Load() {
		t.Errorf("the panicking job ran %d times, %d panics are remembered", runs.Load(), g.Panics().Count)
	}
}

func TestStopCancelsAJobThatDoesNotEnd(t *testing.T) {
	started := make(chan struct{})
	w := watch.New([]watch.Job{{Name: "long", Every: time.Hour, Run: func(ctx context.Context, _ time.Time) error {
		close(started)
		<-ctx.Done()
		return ctx.Err()
	}}}, watch.Options{Now: time.Now})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-started:
	case <-time.After(30 * time.Second):
		t.Fatal("not run")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.Stop(ctx)
}

func TestAJobRunsByHand(t *testing.T) {
	var runs int
	w := watch.New([]watch.Job{{Name: "sweep", Every: time.Second, Run: func(context.Context, time.Time) error { runs++; return nil }}}, watch.Options{Now: time.Now})
	if err := w.RunOnce(t.Context(), "sweep"); err != nil || runs != 1 {
		t.Errorf("%d runs: %v", runs, err)
	}
	if err := w.RunOnce(t.Context(), "swep"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown job: %v", err)
	}
	w.Stop(t.Context())
}

// noted is a sweeper that writes down whom it swept, and fails for one.
type noted struct {
	mu    sync.Mutex
	swept map[string]int
}

func (n *noted) Sweep(_ context.Context, id string, _ time.Time) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.swept[id]++
	switch id {
	case "broken":
		return 0, errors.New("broken")
	case "panics":
		panic("no sweep")
	case "full":
		return 0, fault.New(fault.Full, "disk_full", "The disk is full.")
	}
	return 1, nil
}

func TestAllThatIsDueIsSweptHoweverLongAgoAndNothingElse(t *testing.T) {
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "landfall.db"), ledger.Kinds(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Date(2026, 9, 18, 21, 15, 0, 0, time.UTC)
	var ops []store.Op
	put := func(stream string, at any) {
		body, _ := json.Marshal(map[string]any{"at": at})
		ops = append(ops, store.Op{Do: store.OpPut, Kind: ledger.KindWake, Doc: store.Doc{ID: stream, Version: 1, Body: body, Index: map[string]any{"at": at}}})
	}
	put("incident/never", nil)
	put("incident/later", now.Add(time.Microsecond))
	put("incident/now", now)
	put("incident/longago", now.AddDate(-3, 0, 0))
	put("incident/broken", now.Add(-time.Hour))
	put("incident/panics", now.Add(-time.Hour))
	put("incident/full", now.Add(-time.Hour))
	put("newnoun/x", now.Add(-time.Hour))
	if _, err := st.Bulk(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	n := &noted{swept: map[string]int{}}
	var streams, fired int
	g := guard.New(quiet, func() time.Time { return now })
	l := ledger.New(st, ledger.Options{Now: func() time.Time { return now }, Logger: quiet})
	defer func() { _ = l.Close(context.Background()) }()
	w := &watch.Wakes{Store: st, Guard: g, Asides: l.Asides(), Sweepers: map[string]watch.Sweeper{"incident": n}, Logger: quiet, Observe: func(s, f int) { streams, fired = s, f }}
	if err := w.Run(t.Context(), now); err == nil {
		t.Error("a stream that could not be swept was not reported")
	}
	if len(n.swept) != 5 || n.swept["now"] != 1 || n.swept["longago"] != 1 || n.swept["broken"] != 1 || streams != 6 || fired != 2 {
		t.Errorf("swept %v, %d streams, %d fired", n.swept, streams, fired)
	}
	// What fails by its own fault is left alone for a while, and tried again; what the store could not take is tried at once.
	for range 4 {
		_ = w.Run(t.Context(), now)
	}
	if n.swept["broken"] != 1 || n.swept["panics"] != 1 || n.swept["full"] != 5 {
		t.Errorf("within the pause, swept %v", n.swept)
	}
	for range 2 {
		now = now.Add(time.Minute)
		_ = w.Run(t.Context(), now)
	}
	if err := l.Asides().Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := ledger.ListAside(t.Context(), st)
	if err != nil || n.swept["broken"] != 3 || n.swept["panics"] != 3 || len(list) != 2 || list[0].Work != ledger.Deadlines {
		t.Errorf("after the pauses, swept %v, set aside %+v: %v", n.swept, list, err)
	}
}
