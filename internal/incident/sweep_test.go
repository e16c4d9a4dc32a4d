package incident_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// wake gives when somebody must look at the incident next, by the fold and by the store, which agree.
func (w *world) wake(id string) time.Time {
	w.t.Helper()
	_, wake, err := w.desk.Fold(ctx, id)
	if err != nil {
		w.t.Fatalf("fold: %v", err)
	}
	w.ledger.Settle(ctx, 10*time.Second)
	stream := string(ledger.StreamOf(incident.Noun, id))
	found, err := w.store.Find(ctx, store.Query{Kind: ledger.KindWake, Index: "at", From: time.Unix(0, 0), Limit: 10})
	if err != nil {
		w.t.Fatalf("wakes: %v", err)
	}
	var stored struct{ At time.Time }
	for _, doc := range found.Docs {
		if doc.ID == stream {
			unmarshal(w.t, doc.Body, &stored)
		}
	}
	if !stored.At.Equal(wake) {
		w.t.Errorf("the store wakes at %s, the fold at %s", stored.At, wake)
	}
	return wake
}

// fell gives the types and keys of the newest commit.
func (w *world) fell(id string) []string {
	w.t.Helper()
	history, err := w.desk.History(ctx, id)
	if err != nil {
		w.t.Fatalf("history: %v", err)
	}
	last := history[len(history)-1].Seq
	var all []string
	for _, e := range history {
		if e.Seq != last {
			continue
		}
		var d struct{ Key string }
		unmarshal(w.t, e.Data, &d)
		all = append(all, strings.TrimSuffix(e.Type, ".v1")+" "+d.Key)
	}
	return all
}

func TestWhatFallsDueIsToldOnceInOneCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	w.announced()
	if n := must(w.desk.Sweep(ctx, i.ID, w.clock()))(t); n != 0 {
		t.Errorf("%d things fell due at once", n)
	}
	if wake := w.wake(i.ID); !wake.Equal(monday.Add(45 * time.Minute)) {
		t.Errorf("wakes at %s", wake)
	}
	w.pass(45 * time.Minute)
	if n := must(w.desk.Sweep(ctx, i.ID, w.clock()))(t); n != 2 {
		t.Errorf("%d things are due soon", n)
	}
	if got := w.fell(i.ID); !slices.Equal(got, []string{"step.due_soon HUR-04", "step.due_soon HUR-05"}) {
		t.Errorf("fell %v", got)
	}
	if heard := w.announced(); len(heard) != 0 {
		t.Errorf("due soon is sent: %v", heard[0].Type)
	}
	w.pass(15 * time.Minute)
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	if got := w.alerts(); !slices.Equal(got, []string{"step_overdue DMA HUR-04", "step_overdue DMA HUR-05"}) {
		t.Errorf("alerts %v", got)
	}
	for range 3 {
		if n := must(w.desk.Sweep(ctx, i.ID, w.clock()))(t); n != 0 {
			t.Errorf("told again: %v", w.fell(i.ID))
		}
	}
}

func TestWhatFellDueWhileNobodyWatchedIsToldOnceAfterwards(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, stop := openWorld(t, dir, nil)
	i := w.active()
	stop()
	w, stop = openWorld(t, dir, nil)
	defer stop()
	w.setClock(monday.Add(20 * time.Hour))
	n := must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	told := w.fell(i.ID)
	if n == 0 || len(told) != n || slices.Contains(told, "step.due_soon HUR-05") || !slices.Contains(told, "step.overdue HUR-05") {
		t.Errorf("%d told: %v", n, told)
	}
	if n := must(w.desk.Sweep(ctx, i.ID, w.clock()))(t); n != 0 {
		t.Errorf("told again: %v", w.fell(i.ID))
	}
}

func TestTwoWatchesTellOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	w.pass(time.Hour)
	var mu sync.Mutex
	total := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			n, err := w.desk.Sweep(context.Background(), i.ID, w.clock())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			total += n
			mu.Unlock()
		})
	}
	wg.Wait()
	if total != 2 {
		t.Errorf("told %d times, want 2", total)
	}
}

func TestAMovedDeadlineIsToldAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	w.setClock(maria.Add(-18 * time.Hour))
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	if got := w.fell(i.ID); !slices.Contains(got, "step.overdue HUR-17") {
		t.Fatalf("fell %v", got)
	}
	w.move(i.ID, forecast(maria.Add(24*time.Hour))) // it slows down: there is a day more
	if s := w.step(i.ID, "HUR-17"); s.Overdue {
		t.Error("still overdue after the move")
	}
	w.setClock(maria.Add(6 * time.Hour))
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	if got := w.fell(i.ID); !slices.Contains(got, "step.overdue HUR-17") {
		t.Errorf("fell %v", got)
	}
}

func TestASweepOfNothingPutsTheWakeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	wake := w.wake(i.ID)
	stream := string(ledger.StreamOf(incident.Noun, i.ID))
	stale := store.Doc{ID: stream, Version: 99, Body: []byte(`{"at":"2017-09-17T12:00:00Z"}`), Index: map[string]any{"at": monday}}
	if _, err := w.store.Bulk(ctx, []store.Op{{Do: store.OpPut, Kind: ledger.KindWake, Doc: stale}}); err != nil {
		t.Fatal(err)
	}
	if n := must(w.desk.Sweep(ctx, i.ID, w.clock()))(t); n != 0 {
		t.Errorf("%d fell due", n)
	}
	if again := w.wake(i.ID); !again.Equal(wake) {
		t.Errorf("wakes at %s, want %s", again, wake)
	}
	if n, err := w.desk.Sweep(ctx, ledger.NewID(), w.clock()); n != 0 || err != nil {
		t.Errorf("a sweep of nothing at all: %d, %v", n, err)
	}
}

// TestAnExerciseRunsAtItsOwnSpeed plays the same incident once on the wall clock and once as an exercise at 240 times its speed: the same
// things fall due in the same order, at the same distances divided by 240.
func TestAnExerciseRunsAtItsOwnSpeed(t *testing.T) {
	t.Parallel()
	type fall struct {
		what  string
		after time.Duration // of the wall
	}
	play := func(speed int) []fall {
		w := newWorld(t, nil)
		scenario := monday
		if speed > 0 {
			w.setClock(time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC))
		}
		start := w.clock()
		i := w.active(func(in *incident.Open) {
			in.OccurredAt, in.Exercise, in.ExerciseSpeed = scenario, speed > 0, speed
			in.Receivers = []place.Party{"ATG"}
		})
		if speed > 0 && (i.Clock.Speed != speed || !i.Clock.ScenarioStart.Equal(scenario) || !i.Clock.WallStart.Equal(start)) {
			t.Errorf("clock %+v", i.Clock)
		}
		if speed > 0 {
			for _, a := range w.announced() {
				if a.Incident != "" && !a.Exercise {
					t.Error("an exercise is announced as actual")
				}
				for _, c := range a.Alerts {
					if c.Kind == "activation" && !c.RequiredBy.Equal(start.Add(30*time.Minute/240)) {
						t.Errorf("activation is to be acknowledged by %s", c.RequiredBy)
					}
				}
			}
		}
		var falls []fall
		for range 60 {
			wake := w.wake(i.ID)
			if wake.IsZero() {
				break
			}
			w.setClock(wake)
			if n := must(w.desk.Sweep(ctx, i.ID, wake))(t); n == 0 {
				t.Fatalf("nothing falls due at the wake %s", wake)
			}
			falls = append(falls, fall{strings.Join(w.fell(i.ID), ", "), wake.Sub(start)})
		}
		return falls
	}
	actual, exercise := play(0), play(240)
	if len(actual) < 20 || len(actual) != len(exercise) {
		t.Fatalf("%d falls in earnest, %d in the exercise", len(actual), len(exercise))
	}
	for n, a := range actual {
		e := exercise[n]
		if drift := e.after*240 - a.after; e.what != a.what || drift < 0 || drift > 240*time.Microsecond {
			t.Errorf("fall %d: %q after %s, in the exercise %q after %s", n, a.what, a.after, e.what, e.after)
		}
	}
}

func TestAnExerciseStaysOneForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active(func(in *incident.Open) { in.Exercise = true })
	if i.Clock.Speed != 1 {
		t.Errorf("speed %d", i.Clock.Speed)
	}
	must(w.desk.CompleteStep(ctx, dma, access.Write{}, i.ID, "HUR-05", incident.StepReport{}))(t)
	w.pass(4 * time.Hour)
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	history, err := w.desk.History(ctx, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range history {
		if !e.Exercise {
			t.Errorf("%s is recorded as actual", e.Type)
		}
	}
}
