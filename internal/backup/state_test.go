package backup_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/backup"
)

func TestAStoreThatWasNeverRestoredIsNotHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		state, err := backup.ReadState(t.Context(), w.st)
		if diff := cmp.Diff(backup.State{}, state); err != nil || diff != "" {
			t.Errorf("state: %v\n%s", err, diff)
		}
		if err := backup.Release(t.Context(), w.st, "a1", maria); err != nil {
			t.Errorf("release: %v", err)
		}
	}
}

func TestARestoredStoreIsHeldUntilSomebodyReleasesIt(t *testing.T) {
	t.Parallel()
	w, archive := small(t)
	into, sum := restored(t, archive, w.opt())
	state, err := backup.ReadState(t.Context(), into.st)
	if err != nil || !state.Held || state.RestoredAt == nil || !state.TakenAt.Equal(sum.TakenAt) || state.ReleasedAt != nil {
		t.Fatalf("after the restore: %+v, %v", state, err)
	}
	var wg sync.WaitGroup
	for _, by := range []string{"a1", "a2", "a3", "a4"} {
		wg.Go(func() {
			if err := backup.Release(t.Context(), into.st, by, maria.Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first, err := backup.ReadState(t.Context(), into.st)
	if err != nil || first.Held || !first.ReleasedAt.Equal(maria.Add(time.Hour)) || first.ReleasedBy == "" || first.Epoch != state.Epoch {
		t.Fatalf("after the release: %+v, %v", first, err)
	}
	if err := backup.Release(t.Context(), into.st, "somebody later", maria.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	again, err := backup.ReadState(t.Context(), into.st)
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Errorf("a second release changed the first: %v\n%s", err, diff)
	}
}

func TestWhatWouldFireIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nothing, err := backup.Waiting(t.Context(), w.st, maria)
	if err != nil || nothing.Wakes+nothing.Deliveries+nothing.Pending != 0 || !nothing.Oldest.IsZero() {
		t.Errorf("of nothing: %+v, %v", nothing, err)
	}
	w.populate(30) // wakes an hour after landfall for each event of a stream
	got, err := backup.Waiting(t.Context(), w.st, maria.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	wakes := int64(0)
	for _, d := range documents(t, w.st, "wake") {
		if !d.Index["at"].(time.Time).After(maria.Add(2 * time.Hour)) {
			wakes++
		}
	}
	if got.Wakes != wakes || wakes <= 20 || len(got.First) != 20 || !got.Oldest.Equal(maria.Add(time.Hour)) || got.First[0].At.After(got.First[19].At) {
		t.Errorf("wakes: %+v, want %d", got, wakes)
	}
	statuses := map[string]int64{"queued": 0, "sending": 0, "retrying": 0}
	waiting := int64(0)
	for _, d := range documents(t, w.st, "delivery") {
		if status := d.Index["status"].(string); d.Index["waiting_since"] != nil && status != "dead" {
			statuses[status]++
			waiting++
		}
	}
	if diff := cmp.Diff(statuses, got.ByStatus); diff != "" || got.Deliveries != waiting {
		t.Errorf("%d deliveries, want %d\n%s", got.Deliveries, waiting, diff)
	}
	if got.Pending != 1 {
		t.Errorf("%d pending", got.Pending)
	}
}
