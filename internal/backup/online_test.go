package backup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"landfall/internal/backup"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// hooked lets something happen before each read of a backup.
type hooked struct {
	store.Store
	before func(call string, n int)
	calls  map[string]int
}

func (h *hooked) call(name string) {
	if h.calls == nil {
		h.calls = map[string]int{}
	}
	h.calls[name]++
	h.before(name, h.calls[name])
}

func (h *hooked) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	h.call("ReadStream " + stream)
	return h.Store.ReadStream(ctx, stream, after, limit)
}

func (h *hooked) Commits(ctx context.Context, refs []store.Ref) ([]store.Commit, error) {
	h.call("Commits")
	return h.Store.Commits(ctx, refs)
}

func (h *hooked) Streams(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	h.call("Streams")
	return h.Store.Streams(ctx, prefix, after, limit)
}

func (h *hooked) Find(ctx context.Context, q store.Query) (store.Page, error) {
	h.call("Find")
	return h.Store.Find(ctx, q)
}

// stirring is a world in which things happen at random.
type stirring struct {
	*world
	hazards, incidents, alerts []string
	notes                      []store.Ref
}

// step lets one thing happen. pick gives a number below n.
func (s *stirring) step(pick func(n int) int) {
	id := func() string { return fmt.Sprintf("%04x%04x", pick(1<<16), pick(1<<16)) }
	one := func(of []string) string { return of[pick(len(of))] }
	switch what := pick(8); {
	case what == 0 || len(s.hazards) == 0:
		s.hazards = append(s.hazards, id())
		s.hazard(s.hazards[len(s.hazards)-1])
	case what == 1 || len(s.incidents) == 0:
		s.incidents = append(s.incidents, id())
		s.incident(s.incidents[len(s.incidents)-1], one(s.hazards))
	case what == 2: // a new hazard, and at once an incident of it
		hazard := id()
		s.hazard(hazard)
		s.hazards, s.incidents = append(s.hazards, hazard), append(s.incidents, id())
		s.incident(s.incidents[len(s.incidents)-1], hazard)
	case what == 3:
		s.notes = append(s.notes, s.happen("incident", one(s.incidents), happened{}, "a note"))
	case what == 4 && len(s.alerts) > 0:
		s.happen("alert", one(s.alerts), happened{Text: "acknowledged"}, "")
	case what == 5 && len(s.notes) > 0:
		ref := s.notes[pick(len(s.notes))]
		if err := s.nouns["incident"].Erase(context.Background(), ledger.Stream(ref.Stream).ID(), actor, ledger.Erased{Seq: ref.Seq, Name: "note"}); err != nil {
			s.t.Fatalf("erase: %v", err)
		}
	default:
		pending := s.pending(50)
		if len(pending) == 0 {
			return
		}
		c := pending[pick(len(pending))]
		if what == 6 {
			s.raise(c) // and then the process is killed
		} else {
			s.handle(c)
		}
		if ledger.Stream(c.Stream).Noun() == "incident" {
			s.alerts = append(s.alerts, alertOf(c))
		}
	}
}

// whole says what is missing from a restored store.
func whole(t helper, st store.Store, before map[store.Ref]store.Commit) {
	t.Helper()
	got := commits(t, st)
	deliveries, claims := documents(t, st, "delivery"), documents(t, st, "claim")
	for ref := range before {
		if _, ok := got[ref]; !ok {
			t.Errorf("%s/%d was recorded before the backup and is not in it", ref.Stream, ref.Seq)
		}
	}
	for ref, c := range got {
		if err := ledger.Check(c, got[store.Ref{Stream: ref.Stream, Seq: ref.Seq - 1}].Hash); err != nil {
			t.Errorf("%s/%d: %v", ref.Stream, ref.Seq, err)
		}
		events, err := ledger.Events(c)
		if err != nil {
			t.Fatalf("%v", err)
		}
		var h happened
		if err := events[0].Into(&h); err != nil {
			t.Fatalf("%v", err)
		}
		if erased := (ledger.Erased{}); events[0].Type == ledger.EventErased && events[0].Into(&erased) == nil {
			var values map[string]json.RawMessage
			of := got[store.Ref{Stream: c.Stream, Seq: erased.Seq}]
			if len(of.Detached) > 0 && json.Unmarshal(of.Detached, &values) == nil && values[erased.Name] != nil && c.Pending&store.OwesDocuments == 0 {
				t.Errorf("%s/%d erased a value that is there, and nobody will look again", ref.Stream, ref.Seq)
			}
		}
		noun := ledger.Stream(c.Stream).Noun()
		if h.Of != "" {
			if _, ok := got[store.Ref{Stream: "hazard/" + h.Of, Seq: 1}]; !ok {
				t.Errorf("%s refers to the hazard %s, which is missing", c.Stream, h.Of)
			}
		}
		if noun == "incident" && claims[strings.TrimPrefix(c.Stream, "incident/")].ID == "" {
			t.Errorf("%s has lost its claim", c.Stream)
		}
		if h.Cause.Stream != "" && got[store.Ref{Stream: h.Cause.Stream, Seq: h.Cause.Seq}].ID != h.Cause.ID {
			t.Errorf("%s was raised by %s/%d, which is missing", c.Stream, h.Cause.Stream, h.Cause.Seq)
		}
		if c.Pending != 0 {
			continue
		}
		if _, ok := got[store.Ref{Stream: "alert/" + alertOf(c), Seq: 1}]; noun == "incident" && !ok {
			t.Errorf("%s/%d is done with, and its alert is missing", c.Stream, c.Seq)
		}
		if _, ok := deliveries[deliveryOf(c)]; !ok {
			t.Errorf("%s/%d is done with, and its delivery is missing", c.Stream, c.Seq)
		}
	}
}

// A backup that is taken while anything may happen between any two of its reads is whole: what is in it has what it refers to, and what followed
// from it or the mark that it must follow.
func TestABackupOfAServiceThatGoesOnIsWhole(t *testing.T) {
	t.Parallel()
	since, stores, dir := 0, 0, t.TempDir()
	open := func(t *rapid.T) *world {
		stores++
		return worldOver(t, openSQLite(t, filepath.Join(dir, fmt.Sprint(stores))))
	}
	rapid.Check(t, func(t *rapid.T) {
		s := &stirring{world: open(t)}
		defer s.closes()
		seed := rapid.Uint64().Draw(t, "seed")
		chance := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's choice, drawn by rapid
		for range rapid.IntRange(0, 20).Draw(t, "before") {
			s.step(chance.IntN)
		}
		busy := rapid.IntRange(1, 4).Draw(t, "steps between reads")
		before := commits(t, s.st)
		left := 120
		var b bytes.Buffer
		sum, err := backup.Write(context.Background(), &hooked{Store: s.st, before: func(string, int) {
			for range chance.IntN(busy + 1) {
				if left--; left > 0 { // the first walk ends
					s.step(chance.IntN)
				}
			}
		}}, kinds(), &b, s.opt())
		if err != nil {
			t.Fatal(err)
		}
		since += int(sum.Since)
		into := open(t)
		defer into.closes()
		opt := s.opt()
		opt.Derive = into.derive
		if _, err := backup.Restore(context.Background(), bytes.NewReader(b.Bytes()), into.st, kinds(), opt); err != nil {
			t.Fatal(err)
		}
		whole(t, into.st, before)
		into.handleAll()
		into.l.Settle(context.Background(), 30*time.Second)
		whole(t, into.st, before)
		into.verify()
	})
	if since == 0 {
		t.Error("nothing was recorded while a backup was taken: the test shows nothing")
	}
}

func TestABackupBesideManyWritersIsWhole(t *testing.T) { besideWriters(t, newWorld(t), 30) }

// besideWriters takes backups of a world while others write to it, and restores each.
func besideWriters(t *testing.T, w *world, incidents int) {
	t.Helper()
	w.populate(incidents)
	before := commits(t, w.st)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for n := range 4 {
		writers.Go(func() {
			s := &stirring{world: w}
			chance := rand.New(rand.NewPCG(uint64(n), 2)) //nolint:gosec // a test's choice
			for {
				select {
				case <-stop:
					return
				default:
					s.step(chance.IntN)
				}
			}
		})
	}
	var archives [3][]byte
	for i := range archives {
		archives[i], _ = w.archive()
	}
	close(stop)
	writers.Wait()
	for _, archive := range archives {
		into, _ := restored(t, archive, w.opt())
		whole(t, into.st, before)
		into.handleAll()
		into.verify()
	}
}
