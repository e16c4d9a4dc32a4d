package ledger_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// gated is a real store with something in front of each bulk write.
type gated struct {
	store.Store
	before func(ops []store.Op) error
}

func (g *gated) Bulk(ctx context.Context, ops []store.Op) ([]bool, error) {
	if g.before != nil {
		if err := g.before(ops); err != nil {
			return nil, err
		}
	}
	return g.Store.Bulk(ctx, ops)
}

// rewaking returns a ledger whose jetty has been moved twice, and a second one of the same records
// behind a gate, as of another process.
func rewaking(t *testing.T) (clock *settable, w, other *world, gate *gated) {
	t.Helper()
	clock = newClock()
	path := filepath.Join(t.TempDir(), "landfall.db")
	w = open(t, path, clock.now, nil, true)
	other = open(t, path, clock.now, func(store.Store) store.Store {
		gate = &gated{Store: w.store}
		return gate
	}, true)
	mustMove(t, w, "roseau", 1)
	mustMove(t, w, "roseau", 1) // the wake stays where it was, and is that of the first
	w.Settle(t.Context(), 30*time.Second)
	return clock, w, other, gate
}

// wakeOf returns when the jetty's wake comes; the zero time without one.
func wakeOf(t *testing.T, st store.Store) time.Time {
	t.Helper()
	docs, err := st.Get(t.Context(), ledger.KindWake, "jetty/roseau")
	if err != nil {
		t.Fatal(err)
	}
	at, _ := docs["jetty/roseau"].Index["at"].(time.Time)
	return at
}

// wrongWakes are the versions that a wrong wake may have, where the last commit is the second.
var wrongWakes = map[string]int64{"from before the last commit": 1, "of the last commit": 2, "of no commit": 99}

func stale(t *testing.T, st store.Store, version int64, at time.Time) {
	t.Helper()
	doc := store.Doc{ID: "jetty/roseau", Version: version, Body: []byte(`{"at":"2026-09-18T20:00:00Z"}`), Index: map[string]any{"at": at}}
	ops := []store.Op{{Do: store.OpDelete, Kind: ledger.KindWake, Doc: store.Doc{ID: doc.ID}}, {Do: store.OpPut, Kind: ledger.KindWake, Doc: doc}}
	if _, err := st.Bulk(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
}

func TestAStreamIsNeverWithoutItsWakeWhileThatIsPutAgain(t *testing.T) {
	t.Parallel()
	for name, version := range wrongWakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, w, other, gate := rewaking(t)
			stale(t, w.store, version, clock.now().Add(-time.Hour))
			bulks := 0
			gate.before = func(ops []store.Op) error {
				if bulks++; bulks > 1 { // the process dies after the first
					return errLine
				}
				removes := slices.ContainsFunc(ops, func(op store.Op) bool { return op.Do == store.OpDelete })
				if removes && (version == 1 || len(ops) != 2) {
					t.Errorf("the wake is removed by %d operations", len(ops))
				}
				return nil
			}
			if err := other.jetties.Rewake(t.Context(), "roseau"); err != nil {
				t.Fatal(err)
			}
			if at := wakeOf(t, w.store); !at.Equal(clock.now().Add(time.Hour)) {
				t.Errorf("the wake comes at %s", at)
			}
			mustVerify(t, w)
		})
	}
}

// What nobody has to put again is not written.
func TestAWakeThatIsRightIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	_, _, other, gate := rewaking(t)
	gate.before = func([]store.Op) error { return errLine }
	for _, id := range []string{"roseau", "of nothing"} {
		if err := other.jetties.Rewake(t.Context(), id); err != nil {
			t.Error(id, err)
		}
	}
}

func TestAWakeThatAnotherWriterPutsMeanwhileStands(t *testing.T) {
	t.Parallel()
	for name, version := range wrongWakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, w, other, gate := rewaking(t)
			stale(t, w.store, version, clock.now().Add(-time.Hour))
			moved := false
			gate.before = func([]store.Op) error {
				if !moved {
					moved = true
					clock.advance(time.Minute)
					mustMove(t, w, "roseau", 1)
					w.Settle(t.Context(), 30*time.Second)
				}
				return nil
			}
			if err := other.jetties.Rewake(t.Context(), "roseau"); err != nil {
				t.Fatal(err)
			}
			if at := wakeOf(t, w.store); !moved || !at.Equal(clock.now().Add(time.Hour)) {
				t.Errorf("moved: %t; the wake comes at %s", moved, at)
			}
		})
	}
}
