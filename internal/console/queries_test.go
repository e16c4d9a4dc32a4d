package console_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/app"
	"landfall/internal/console"
	"landfall/internal/harness"
	"landfall/internal/head"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/preparedness"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

// countedStore counts what is read of a store.
type countedStore struct {
	store.Store
	reads atomic.Int64
}

// ReadStream implements store.Ledger.
func (s *countedStore) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	s.reads.Add(1)
	return s.Store.ReadStream(ctx, stream, after, limit)
}

// Get implements store.Documents.
func (s *countedStore) Get(ctx context.Context, kind string, ids ...string) (map[string]store.Doc, error) {
	s.reads.Add(1)
	return s.Store.Get(ctx, kind, ids...)
}

// Find implements store.Documents.
func (s *countedStore) Find(ctx context.Context, q store.Query) (store.Page, error) {
	s.reads.Add(1)
	return s.Store.Find(ctx, q)
}

// Count implements store.Documents.
func (s *countedStore) Count(ctx context.Context, q store.Query) (int64, error) {
	s.reads.Add(1)
	return s.Store.Count(ctx, q)
}

// readsOf gives how often each page reads the store, by reader and address, among n active incidents of Dominica that name Antigua and Saint Lucia. shared:
// as in a region, where no fold that a process has in hand is believed, since others write too.
func readsOf(t *testing.T, n int, shared bool, paths ...string) map[string]int64 {
	t.Helper()
	w := harness.NewOnFolder(t)
	readers := map[string]*harness.Client{"coordinator": w.Account("DMA", "coordinator"), "official": w.Account("ATG", "official")}
	for range n {
		i := w.Maria(readers["coordinator"], []string{"ATG", "LCA"}, nil)
		i.Activate(w.Clock.Now().Add(48 * time.Hour))
		i.Post(i.Path+"/figures", harness.Figure("DMA", 100, w.Clock.Now())).Want(http.StatusCreated)
	}
	readers["official"].AwaitAlert("activation", n)
	w.Run("pending")
	w.Halt()

	ctx := t.Context()
	file, err := sqlite.Open(ctx, filepath.Join(w.Dir, "landfall.db"), app.Kinds(), sqlite.Options{Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	st := &countedStore{Store: file}
	l := ledger.New(st, ledger.Options{Now: w.Clock.Now, Logger: harness.Quiet(), Epoch: 1, Shared: shared})
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
	opt := console.Options{
		Access: access.NewDesk(l, st, access.Options{Now: w.Clock.Now, Logger: harness.Quiet()}), Incidents: incident.NewDesk(l, st, nil),
		Preparedness: preparedness.NewDesk(l, st, nil), Heads: head.NewDesk(l, st), Now: w.Clock.Now, Logger: harness.Quiet(),
	}
	if opt.Notify, err = notify.NewDesk(l, st, notify.DeskOptions{Visibility: opt.Incidents, SealKey: bytes.Repeat([]byte{7}, 32), Logger: harness.Quiet()}); err != nil {
		t.Fatal(err)
	}
	pages, err := console.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)

	reads := map[string]int64{}
	for role, c := range readers {
		visitor := harness.NewClient(t, func() string { return server.URL }, c.Token()).Visit("en")
		for _, path := range paths {
			visitor.Get(path).Want(http.StatusOK) // from here on the folds are in hand, and are only looked after
			before := st.reads.Load()
			visitor.Get(path).Want(http.StatusOK)
			reads[role+" "+path] = st.reads.Load() - before
		}
	}
	return reads
}

// A list is one question to the store and not one for each of its lines. Home shows five cards of a group, each of which looks at its incident;
// beyond these it reads no more, however many there are. In a region, a reader's alerts cost up to three reads for each of their incidents, since
// who may see them is asked of the newest record; a page of alerts bounds that. On one machine what is in hand is the newest.
func TestAPageReadsNoMoreOfTheStoreForMoreIncidents(t *testing.T) {
	t.Parallel()
	const few, many = 5, 25
	for _, c := range []struct {
		shape  string
		shared bool
		most   map[string]int64 // reads of a page among few incidents
		slope  map[string]int64 // and for each further one
	}{
		// Home looks at the steps, the answers and the movements of five cards, and asks once for each of the five states that an incident goes through before it is over.
		{"on one machine", false, map[string]int64{
			"coordinator /": 15, "coordinator /incidents": 2, "coordinator /alerts": 3, "coordinator /preparedness": 3,
			"official /": 14, "official /incidents": 2, "official /alerts": 8, "official /preparedness": 3, // five fewer while all open alerts fit a page
		}, nil},
		{"in a region", true, map[string]int64{
			"coordinator /": 35, "coordinator /incidents": 4, "coordinator /alerts": 5, "coordinator /preparedness": 5,
			"official /": 32, "official /incidents": 4, "official /alerts": 11, "official /preparedness": 5,
		}, map[string]int64{"official /": 3, "official /alerts": 3}},
	} {
		t.Run(c.shape, func(t *testing.T) {
			paths := []string{"/", "/incidents", "/alerts", "/preparedness"}
			atFew, atMany := readsOf(t, few, c.shared, paths...), readsOf(t, many, c.shared, paths...)
			for page, most := range c.most {
				t.Logf("%-26s %d reads among %d incidents, %d among %d", page, atFew[page], few, atMany[page], many)
				if atFew[page] > most {
					t.Errorf("%s reads the store %d times among %d incidents, want at most %d", page, atFew[page], few, most)
				}
				if bound := most + (many-few)*c.slope[page]; atMany[page] > bound {
					t.Errorf("%s reads the store %d times among %d incidents, want at most %d", page, atMany[page], many, bound)
				}
			}
		})
	}
}
