package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// watched counts what is read of streams, and may hold a read up.
type watched struct {
	store.Store
	reads  atomic.Int64
	oldest atomic.Int64                     // the least seq after which was read
	hold   atomic.Pointer[func(read int64)] // called when a read has its answer
}

func (w *watched) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	n := w.reads.Add(1)
	for {
		least := w.oldest.Load()
		if after >= least || w.oldest.CompareAndSwap(least, after) {
			break
		}
	}
	commits, err := w.Store.ReadStream(ctx, stream, after, limit)
	if hold := w.hold.Load(); hold != nil {
		(*hold)(n)
	}
	return commits, err
}

// watching opens two processes on one store, the second on a store that is watched.
func watching(t *testing.T) (w, other *world, eye *watched) {
	path := filepath.Join(t.TempDir(), "landfall.db")
	clock := newClock()
	w = open(t, path, clock.now, nil, true)
	other = open(t, path, clock.now, func(store.Store) store.Store {
		eye = &watched{Store: w.store}
		eye.oldest.Store(1 << 40)
		return eye
	}, true)
	return w, other, eye
}

func TestThoseWhoReadTogetherShareAReadThatBeganAfterTheyAsked(t *testing.T) {
	w, other, eye := watching(t)
	mustMove(t, w, "roseau", 1)

	reading, release := make(chan struct{}), make(chan struct{})
	hold := func(read int64) {
		if read == 1 {
			close(reading)
			<-release
		}
	}
	eye.hold.Store(&hold)
	var wg sync.WaitGroup
	seen := make([]int, 20)
	load := func(i int) {
		s, err := other.jetties.Load(t.Context(), "roseau")
		if err != nil {
			t.Error(err)
		}
		seen[i] = s.Value.On
	}
	wg.Go(func() { load(0) })
	<-reading // it has read 1, and nobody has been told
	mustMove(t, w, "roseau", 1)
	for i := 1; i < len(seen); i++ {
		wg.Go(func() { load(i) })
	}
	// One who does not wait long is let go, and spoils it for nobody.
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := other.jetties.Load(short, "roseau"); err == nil {
		t.Error("an answer without a read")
	}
	close(release)
	wg.Wait()
	for i, on := range seen {
		if i > 0 && on != 2 {
			t.Errorf("reader %d saw %d after 2 had been answered", i, on)
		}
	}
	if n := eye.reads.Load(); n > int64(len(seen)) {
		t.Errorf("%d reads", n)
	}
}

func TestWhatIsDerivedAnewIsDerivedFromWhereItEnded(t *testing.T) {
	w, other, eye := watching(t)
	for range 10 {
		mustMove(t, w, "roseau", 1)
	}
	w.Settle(t.Context(), 30*time.Second)
	if _, err := other.jetties.Load(t.Context(), "roseau"); err != nil { // it is in the cache, as of 10
		t.Fatal(err)
	}
	// A process that dies before it has derived anything leaves two more.
	kept, err := w.store.Get(t.Context(), ledger.KindWake, "jetty/roseau")
	if err != nil {
		t.Fatal(err)
	}
	mustMove(t, w, "roseau", 5)
	mustMove(t, w, "roseau", 5)
	w.Settle(t.Context(), 30*time.Second)
	ops := []store.Op{{Do: store.OpDelete, Kind: ledger.KindWake, Doc: store.Doc{ID: "jetty/roseau"}}, {Do: store.OpInsert, Kind: ledger.KindWake, Doc: kept["jetty/roseau"]}}
	for seq := 11; seq <= 12; seq++ {
		ops = append(ops, store.Op{Do: store.OpDelete, Kind: "move", Doc: store.Doc{ID: fmt.Sprintf("jetty/roseau/%d", seq)}})
	}
	if _, err := w.store.Bulk(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	commits, err := w.store.ReadStream(t.Context(), "jetty/roseau", 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range commits {
		commits[i].Pending = store.OwesDocuments // as if the process that wrote them had died
	}
	eye.oldest.Store(1 << 40)
	if err := other.DeriveOwed(t.Context(), commits); err != nil {
		t.Fatal(err)
	}
	if after := eye.oldest.Load(); after != 10 {
		t.Errorf("the stream was read from %d on", after+1)
	}
	mustVerify(t, w)
}

func TestWhatAnotherProcessAcceptedIsAnnouncedWithoutReadingTheStreamAgain(t *testing.T) {
	w, other, eye := watching(t)
	for range 3 {
		mustMove(t, w, "roseau", 1)
	}
	if _, err := other.jetties.Load(t.Context(), "roseau"); err != nil {
		t.Fatal(err)
	}
	mustMove(t, w, "roseau", 5)
	mustMove(t, w, "roseau", 6)
	commits, err := w.store.ReadStream(t.Context(), "jetty/roseau", 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	before := eye.reads.Load()
	found, err := other.AnnouncementsOf(t.Context(), commits)
	if err != nil || len(found) != 2 {
		t.Fatalf("%d announcements: %v", len(found), err)
	}
	if n := eye.reads.Load() - before; n != 0 {
		t.Errorf("%d reads of the stream", n)
	}
	w.Settle(t.Context(), 30*time.Second) // it is announced by then
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.published[3:] {
		got := found[store.Ref{Stream: string(a.Stream), Seq: a.Seq}]
		if len(got) != 1 || string(got[0].Data) != string(a.Announcements[0].Data) || got[0].EventID != a.Announcements[0].EventID {
			t.Errorf("%s at %d: announced %v, then %v", a.Stream, a.Seq, a.Announcements, got)
		}
	}
}

func TestALongStreamIsReadFromASnapshotNotFarBehind(t *testing.T) {
	w := fresh(t)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for range 90 {
				if _, err := w.move(t.Context(), "roseau", 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.Settle(t.Context(), 30*time.Second)
	docs, err := w.store.Get(t.Context(), ledger.KindSnapshot, "jetty/roseau")
	if err != nil {
		t.Fatal(err)
	}
	if at := docs["jetty/roseau"].Version; at < 9000-9000/32-32 {
		t.Errorf("the last snapshot of 9000 commits is of %d", at)
	}
}

func TestARepeatedCommandIsAnsweredOnlyToWhomItMayBeToday(t *testing.T) {
	w, other, _ := watching(t)
	closed := errors.New("the jetty is closed")
	asked := func(c *ledger.Command[jetty]) {
		c.Allow = func(s jetty, _ ledger.Moment) error {
			if s.On > 4 {
				return closed
			}
			return nil
		}
	}
	mustMove(t, w, "roseau", 3, keyed("k", "three"), asked)
	if again := mustMove(t, other, "roseau", 3, keyed("k", "three"), asked); !again.Repeated || again.Seq != 1 {
		t.Errorf("the repeat: %+v", again)
	}
	mustMove(t, w, "roseau", 2, asked) // allowed on 3
	for name, p := range map[string]*world{"the process that wrote it": w, "the other": other} {
		if _, err := p.move(t.Context(), "roseau", 3, keyed("k", "three"), asked); !errors.Is(err, closed) {
			t.Errorf("%s: a repeat is answered with %v", name, err)
		}
		if _, err := p.move(t.Context(), "roseau", 1, asked); !errors.Is(err, closed) {
			t.Errorf("%s: a command is answered with %v", name, err)
		}
	}
}
