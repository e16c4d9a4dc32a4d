package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"landfall/internal/store"
)

// listed counts who asks for the names of streams.
type listed struct {
	store.Store
	lists int
}

func (l *listed) Streams(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	l.lists++
	return l.Store.Streams(ctx, prefix, after, limit)
}

func TestARebuildCountsTheStreamsOnlyForWhoWatchesIt(t *testing.T) {
	t.Parallel()
	var eye *listed
	w := open(t, filepath.Join(t.TempDir(), "landfall.db"), newClock().now, func(st store.Store) store.Store {
		eye = &listed{Store: st}
		return eye
	}, false)
	for i := range 3 {
		mustMove(t, w, fmt.Sprint("j", i), 1)
	}
	if n, err := w.Rebuild(t.Context(), kinds(), nil); err != nil || n != 3 || eye.lists != 1 {
		t.Errorf("%d streams in %d walks: %v", n, eye.lists, err)
	}
	said := ""
	if _, err := w.Rebuild(t.Context(), kinds(), func(done, total int64) { said += fmt.Sprintf("%d/%d ", done, total) }); err != nil {
		t.Fatal(err)
	}
	if said != "1/3 2/3 3/3 " {
		t.Errorf("its progress: %s", said)
	}
}
