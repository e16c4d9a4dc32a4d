package notify

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"landfall/internal/guard"
	"landfall/internal/store/sqlite"
)

func TestASubscriptionDeletedBesideAFailingWriteIsForgotten(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "landfall.db"), Kinds(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := func() time.Time { return time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC) }
	r := &Router{st: st, log: slog.New(slog.DiscardHandler)}
	r.sender = newSender(Limits{}, now, guard.New(r.log, now), func(context.Context, *job) {})
	b := newBreaker(r)
	v := &Delivery{ID: "d", Subscription: "s", Channel: "webhook"}
	b.note(v, Result{Again: true, Code: "500"}, now())
	ops := b.ops()
	if len(ops) != 1 {
		t.Fatalf("%d circuits to be written", len(ops))
	}
	if err := b.drop(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	b.wrote(ops, nil)
	b.wrote(ops, []bool{false})
	if ops := b.ops(); len(ops) != 0 {
		t.Errorf("the circuit of a deleted subscription is written again: %+v", ops)
	}
	if err := b.flush(t.Context()); err != nil {
		t.Error(err)
	}
}
