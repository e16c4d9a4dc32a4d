package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/guard"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// frail opens a ledger whose noun panics as told, over a real store that may be wrapped.
func frail(t *testing.T, clock *settable, breaks func(*ledger.Fold[jetty])) (*world, *guard.Guard) {
	t.Helper()
	base := openStore(t, filepath.Join(t.TempDir(), "landfall.db"))
	w := &world{store: base}
	silent := slog.New(slog.DiscardHandler)
	g := guard.New(silent, clock.now)
	w.Ledger = ledger.New(w.store, ledger.Options{Now: clock.now, Guard: g, Logger: silent, Publish: func(a ledger.Appended) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.published = append(w.published, a)
	}})
	fold := jettyFold()
	breaks(&fold)
	w.jetties = ledger.Register(w.Ledger, fold)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := errors.Join(w.Close(ctx), base.Close()); err != nil {
			t.Error(err)
		}
	})
	return w, g
}

// projected gives how many people are on the jetty of the list; -1 without one.
func projected(t *testing.T, w *world, id string) int {
	t.Helper()
	w.Settle(t.Context(), 30*time.Second)
	docs, err := w.store.Get(t.Context(), "jetty", id)
	if err != nil {
		t.Fatal(err)
	}
	doc, ok := docs[id]
	if !ok {
		return -1
	}
	var d struct{ On int }
	if err := json.Unmarshal(doc.Body, &d); err != nil {
		t.Fatal(err)
	}
	return d.On
}

func TestAPanicFailsItsOwnCommandAlone(t *testing.T) {
	t.Parallel()
	w, g := frail(t, newClock(), func(f *ledger.Fold[jetty]) {
		evolve := f.Evolve
		f.Evolve = func(s jetty, e ledger.Recorded) (jetty, error) {
			if strings.Contains(string(e.Data), `"by":13`) {
				panic("thirteen")
			}
			return evolve(s, e)
		}
	})
	mustMove(t, w, "roseau", 1)
	poison := func(c *ledger.Command[jetty]) {
		c.Decide = func(jetty, ledger.Moment) (ledger.Decision, error) { panic("deciding") }
	}
	refuse := func(c *ledger.Command[jetty]) { c.Allow = func(jetty, ledger.Moment) error { panic("allowing") } }
	done := make(chan error, 30)
	for n := range 30 { // in the middle of others, which stand in the same batches
		go func() {
			var err error
			switch n % 10 {
			case 3:
				_, err = w.move(t.Context(), "roseau", 1, poison)
			case 5:
				_, err = w.move(t.Context(), "roseau", 1, refuse, keyed("k", "r"))
			case 7:
				_, err = w.move(t.Context(), "roseau", 13)
			default:
				_, err = w.move(t.Context(), "roseau", 1)
			}
			done <- err
		}()
	}
	failed := 0
	for range 30 {
		if err := soon(t, "each command is answered", done); err != nil {
			if fault.CodeOf(err) != "panic" || !fault.Is(err, fault.Internal) {
				t.Errorf("answered %v", err)
			}
			failed++
		}
	}
	if failed != 9 || g.Panics().Count < 9 {
		t.Errorf("%d commands failed and %d panics are remembered, want 9 each", failed, g.Panics().Count)
	}
	if s, err := w.jetties.Load(t.Context(), "roseau"); err != nil || s.Value.On != 22 || projected(t, w, "roseau") != 22 {
		t.Errorf("%d on, %d in the list: %v", s.Value.On, projected(t, w, "roseau"), err)
	}
}

func TestAStreamThatCannotBeFollowedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	bad := func(id string) bool { return id == "bad" }
	for name, breaks := range map[string]func(*ledger.Fold[jetty], *atomic.Bool){
		"its documents cannot be derived": func(f *ledger.Fold[jetty], mended *atomic.Bool) {
			project := f.Project
			f.Project = func(s jetty, h ledger.Head, events []ledger.Recorded) []store.Op {
				if bad(s.ID) && !mended.Load() {
					panic("no project")
				}
				return project(s, h, events)
			}
		},
		"the store refuses a document": func(f *ledger.Fold[jetty], mended *atomic.Bool) {
			project := f.Project
			f.Project = func(s jetty, h ledger.Head, events []ledger.Recorded) []store.Op {
				ops := project(s, h, events)
				if bad(s.ID) && !mended.Load() {
					ops[0].Doc.Index = map[string]any{"on": "no number"}
				}
				return ops
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			var mended atomic.Bool
			w, _ := frail(t, clock, func(f *ledger.Fold[jetty]) { breaks(f, &mended) })
			for n := range 5 {
				mustMove(t, w, "bad", 1)
				mustMove(t, w, "good", 1)
				if on := projected(t, w, "good"); on != n+1 {
					t.Fatalf("the list has %d on the good jetty after %d moves", on, n+1)
				}
			}
			_, err := w.move(t.Context(), "bad", 1, func(c *ledger.Command[jetty]) { c.Await = true })
			if fault.CodeOf(err) != "outcome_unknown" {
				t.Errorf("who must wait for the list is told %v", err)
			}
			for range 3 {
				clock.advance(10 * time.Minute)
				mustMove(t, w, "bad", 1)
				w.Settle(t.Context(), 30*time.Second)
			}
			synced(t, w.Asides())
			if list := aside(t, w.store); len(list) != 1 || list[0].Stream != "jetty/bad" || list[0].Work != ledger.Documents || list[0].Seq != 9 {
				t.Errorf("set aside: %+v", list)
			}
			// What it owes of the one is no backlog; what it owes of the other is, by itself.
			owed := func(work ledger.Work) int64 {
				n, _, err := ledger.Owed(t.Context(), w.store, work)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			for limit := time.Now().Add(30 * time.Second); owed(ledger.Documents) != 0; <-time.After(5 * time.Millisecond) {
				if time.Now().After(limit) {
					t.Fatalf("%d commits are said to owe documents", owed(ledger.Documents))
				}
			}
			if n, _, err := w.store.PendingStats(t.Context(), store.OwesDocuments, nil); n != 9 || owed(ledger.Notices) != 14 || err != nil {
				t.Errorf("%d commits owe documents, of which %d count, and %d owe notices: %v", n, owed(ledger.Documents), owed(ledger.Notices), err)
			}
			// What is to be erased does not wait for the list.
			noted := mustMove(t, w, "bad", 1, func(c *ledger.Command[jetty]) {
				c.Decide = func(jetty, ledger.Moment) (ledger.Decision, error) {
					return ledger.Decision{Events: []ledger.Event{{Type: evMoved, Data: moved{By: 1, Note: "note"}}}, Detach: map[string]string{"note": "call first"}}, nil
				}
			})
			if err := w.jetties.Erase(t.Context(), "bad", roseau, ledger.Erased{Seq: noted.Seq, Name: "note", Reason: "request"}); err != nil {
				t.Error(err)
			}
			commits, err := w.store.Commits(t.Context(), []store.Ref{{Stream: "jetty/bad", Seq: noted.Seq}})
			if err != nil || len(commits) != 1 || len(commits[0].Detached) != 0 {
				t.Errorf("the value is still there: %+v, %v", commits, err)
			}
			w.Settle(t.Context(), 30*time.Second)
			mended.Store(true)
			clock.advance(10 * time.Minute)
			mustMove(t, w, "bad", 1)
			on := projected(t, w, "bad")
			synced(t, w.Asides())
			if on != 11 || len(aside(t, w.store)) != 1 {
				t.Errorf("mended, the list has %d on, set aside is %+v though older changes are owed", on, aside(t, w.store))
			}
			if _, err := w.SweepDocuments(t.Context(), clock.now()); err != nil {
				t.Error(err)
			}
			for limit := time.Now().Add(30 * time.Second); len(aside(t, w.store)) != 0; <-time.After(5 * time.Millisecond) {
				if time.Now().After(limit) {
					t.Fatalf("mended and swept, set aside is %+v", aside(t, w.store))
				}
				synced(t, w.Asides())
			}
			mustVerify(t, w)
		})
	}
}

func TestWhatPanicsWhenAnnouncedIsLeftToTheSweep(t *testing.T) {
	t.Parallel()
	w, _ := frail(t, newClock(), func(f *ledger.Fold[jetty]) {
		f.Announce = func(_ jetty, h ledger.Head, e ledger.Recorded) (ledger.Announcement, bool) {
			if h.Stream == "jetty/bad" {
				panic("no announcement")
			}
			return ledger.Announcement{Data: e.Data}, true
		}
	})
	mustMove(t, w, "bad", 1)
	mustMove(t, w, "good", 1)
	if on := projected(t, w, "bad"); on != 1 {
		t.Errorf("the list has %d on", on)
	}
	w.mu.Lock()
	published := slices.Clone(w.published)
	w.mu.Unlock()
	if len(published) != 1 || published[0].Stream != "jetty/good" {
		t.Errorf("handed on: %+v; a commit without its announcements would be taken for one that announces nothing", published)
	}
	commits, err := w.store.Commits(t.Context(), []store.Ref{{Stream: "jetty/bad", Seq: 1}, {Stream: "jetty/good", Seq: 1}})
	if err != nil || len(commits) != 2 {
		t.Fatal(commits, err)
	}
	found, err := w.AnnouncementsOf(t.Context(), commits)
	if fault.CodeOf(err) != "panic" || len(found) != 1 || len(found[store.Ref{Stream: "jetty/good", Seq: 1}]) != 1 {
		t.Errorf("announced %v: %v", found, err)
	}
}

// soon takes what comes of a channel, and fails the test when nothing does.
func soon[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("waited too long until %s", what)
		panic("not reached")
	}
}

// late is a ticket whose batch is written only when it is let go.
type late struct {
	submit func() store.Ticket
	let    chan struct{}
	letGo  func() // closes let, once
	done   chan struct{}
	ticket store.Ticket
}

func newLate(submit func() store.Ticket) *late {
	l := &late{submit: submit, let: make(chan struct{}), done: make(chan struct{})}
	l.letGo = sync.OnceFunc(func() { close(l.let) })
	go l.run()
	return l
}

func (l *late) run() {
	<-l.let
	l.ticket = l.submit()
	<-l.ticket.Done()
	close(l.done)
}
func (l *late) Done() <-chan struct{} { return l.done }
func (l *late) Result() (int, error)  { return l.ticket.Result() }

// Two batches are under way, the second decided on the first, when the engine stops answering.
func TestAChangeThatLandsAfterItWasGivenUpIsSeen(t *testing.T) {
	t.Parallel()
	engine, taken := &rough{}, make(chan *late, 2)
	engine.happens = func(n int, submit func() store.Ticket) store.Ticket {
		if n != 2 && n != 3 {
			return nil
		}
		held := newLate(submit)
		taken <- held
		return held
	}
	base := openStore(t, filepath.Join(t.TempDir(), "landfall.db"))
	defer base.Close()
	engine.Store = base
	clock := newClock()
	// The second batch is under way long before the first is given up.
	l := ledger.New(engine, ledger.Options{Now: clock.now, OutcomeTimeout: 5 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	defer l.Close(context.Background())
	w := &world{Ledger: l, store: engine, jetties: ledger.Register(l, jettyFold())}
	mustMove(t, w, "roseau", 1)
	answers := make(chan error, 2)
	var held []*late
	defer func() {
		for _, one := range held {
			one.letGo()
		}
	}()
	for range 2 {
		go func() {
			_, err := w.move(t.Context(), "roseau", 1)
			answers <- err
		}()
		held = append(held, soon(t, "a batch is handed to the engine", taken))
	}
	for range 2 {
		if err := soon(t, "a change is given up", answers); fault.CodeOf(err) != "outcome_unknown" {
			t.Fatalf("a disk that does not answer was answered %v", err)
		}
	}
	for n, one := range held {
		on := n + 1
		if s, err := w.jetties.Load(t.Context(), "roseau"); err != nil || s.Value.On != on {
			t.Fatalf("%d on before change %d lands: %v", s.Value.On, n+1, err)
		}
		clock.advance(time.Second)
		one.letGo()
		soon(t, "a batch lands", one.done)
		for deadline := time.Now().Add(30 * time.Second); ; <-time.After(time.Millisecond) {
			s, err := w.jetties.Load(t.Context(), "roseau")
			if err != nil {
				t.Fatal(err)
			}
			if s.Value.On == on+1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("change %d landed late and is never seen", n+1)
			}
		}
	}
}

// counted counts who reads a stream.
type counted struct {
	store.Store
	reads atomic.Int64
}

func (c *counted) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	if stream == "jetty/roseau" {
		c.reads.Add(1)
	}
	return c.Store.ReadStream(ctx, stream, after, limit)
}

func TestALongLogOfASmallStatePushesNothingOutOfMemory(t *testing.T) {
	t.Parallel()
	eye := &counted{Store: openStore(t, filepath.Join(t.TempDir(), "landfall.db"))}
	defer eye.Close()
	l := ledger.New(eye, ledger.Options{Now: newClock().now, CacheBytes: 256 << 10})
	defer l.Close(context.Background())
	w := &world{Ledger: l, store: eye, jetties: ledger.Register(l, jettyFold())}
	mustMove(t, w, "roseau", 1)
	type padded struct {
		By  int    `json:"by"`
		Pad string `json:"pad"`
	}
	long := func(c *ledger.Command[jetty]) {
		c.Decide = func(jetty, ledger.Moment) (ledger.Decision, error) {
			return ledger.Decision{Events: []ledger.Event{{Type: evMoved, Data: padded{By: 1, Pad: strings.Repeat("x", 30<<10)}}}}, nil
		}
	}
	for range 20 { // 600 KB of log
		mustMove(t, w, "journal", 1, long)
	}
	before := eye.reads.Load()
	if s, err := w.jetties.Load(t.Context(), "roseau"); err != nil || s.Value.On != 1 {
		t.Fatal(s, err)
	}
	if eye.reads.Load() != before {
		t.Error("a stream whose state has a few bytes was charged its log, and pushed another one out")
	}
}

func TestACommitThatIsTooLargeIsRefused(t *testing.T) {
	w := fresh(t)
	mustMove(t, w, "roseau", 7)
	_, err := w.move(t.Context(), "roseau", 1, func(c *ledger.Command[jetty]) {
		c.Decide = func(jetty, ledger.Moment) (ledger.Decision, error) {
			return ledger.Decision{Events: []ledger.Event{{Type: evMoved, Data: moved{By: 1, Note: strings.Repeat("a", 4<<20)}}}}, nil
		}
	})
	if !fault.Is(err, fault.TooLarge) || fault.CodeOf(err) != "commit_too_large" {
		t.Errorf("%v", err)
	}
	if out := mustMove(t, w, "roseau", 1); out.Seq != 2 || out.Value.On != 8 {
		t.Errorf("afterwards %d at %d", out.Value.On, out.Seq)
	}
}
