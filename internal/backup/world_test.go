package backup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"landfall/internal/backup"
	"landfall/internal/ledger"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// helper is what a world needs of a *testing.T, a *testing.B or a *rapid.T.
type helper interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// The tests keep three nouns under the names of real ones: an incident refers to a hazard, an alert to a commit of an incident. What must follow
// from a commit (an alert, a delivery) is written before its pending mark is cleared, as the notifier does.
type thing struct {
	N    int    `json:"n"`
	Of   string `json:"of,omitempty"`   // hazard of an incident
	Note string `json:"note,omitempty"` // detached
}

type happened struct {
	Of    string `json:"of,omitempty"`
	Cause cause  `json:"cause,omitzero"`
	Text  string `json:"text,omitempty"`
}

type cause struct {
	Stream string `json:"stream"`
	Seq    int64  `json:"seq"`
	ID     string `json:"id"`
}

func fold(noun string) ledger.Fold[thing] {
	return ledger.Fold[thing]{
		Noun: noun, Version: 1, Events: []string{noun + ".happened.v1"},
		New:   func(string) thing { return thing{} },
		Clone: func(s thing) thing { return s },
		Evolve: func(s thing, e ledger.Recorded) (thing, error) {
			if e.Type == ledger.EventErased {
				s.Note = ""
				return s, nil
			}
			var h happened
			err := e.Into(&h)
			s.N++
			if h.Of != "" {
				s.Of = h.Of
			}
			if note, ok := e.Detached("note"); ok {
				s.Note = note
			}
			return s, err
		},
		Project: func(s thing, h ledger.Head, _ []ledger.Recorded) []store.Op {
			body, _ := json.Marshal(s)
			return []store.Op{{Do: store.OpPut, Kind: "thing", Doc: store.Doc{ID: string(h.Stream), Version: h.Seq, Body: body}}}
		},
		NextWake: func(s thing) time.Time { return maria.Add(time.Duration(s.N) * time.Hour) },
	}
}

// Maria made landfall on Dominica at this instant.
var maria = time.Date(2017, 9, 19, 1, 15, 0, 0, time.UTC)

// kinds are those of the test's world; the kinds of deliveries have the fields that package backup asks about, and one of every type.
func kinds() []store.Kind {
	return slices.Concat(ledger.Kinds(), backup.Kinds(), []store.Kind{
		{Name: "thing", Derived: true},
		{Name: "claim"},
		{Name: "presence"},
		{
			Name: "delivery",
			Fields: []store.Field{
				{Name: "waiting_since", Type: store.Time}, {Name: "status", Type: store.String}, {Name: "tries", Type: store.Int},
				{Name: "exercise", Type: store.Bool}, {Name: "parties", Type: store.Strings},
			},
			Indexes: []store.Index{{Name: "waiting", Fields: []string{"waiting_since"}}, {Name: "parties", Fields: []string{"parties", "tries"}}},
		},
	})
}

// transient are the kinds that no backup holds.
var transient = []string{"presence"}

type world struct {
	t      helper
	st     store.Store
	l      *ledger.Ledger
	nouns  map[string]*ledger.Streams[thing]
	clock  *atomic.Int64
	closes func()
}

var actor = ledger.Actor{Account: "a1", Role: "coordinator", Party: "DMA"}

func openSQLite(t helper, path string) store.Store {
	t.Helper()
	st, err := sqlite.Open(context.Background(), path, kinds(), sqlite.Options{})
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	return st
}

// newWorld makes a world in a folder that is removed with the test.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := worldOver(t, openSQLite(t, filepath.Join(t.TempDir(), "landfall.db")))
	t.Cleanup(w.closes)
	return w
}

func worldOver(t helper, st store.Store) *world {
	w := &world{t: t, st: st, nouns: map[string]*ledger.Streams[thing]{}, clock: newClock()}
	w.l = ledger.New(st, ledger.Options{Now: w.now})
	for _, noun := range []string{"alert", "journal", "incident", "hazard", "vessel"} {
		w.nouns[noun] = ledger.Register(w.l, fold(noun))
	}
	w.closes = func() {
		if err := w.l.Close(context.Background()); err != nil {
			t.Errorf("close the ledger: %v", err)
		}
		if err := st.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	}
	return w
}

func newClock() *atomic.Int64 {
	c := new(atomic.Int64)
	c.Store(maria.UnixMicro())
	return c
}

func (w *world) now() time.Time { return time.UnixMicro(w.clock.Add(1000)).UTC() }

func (w *world) opt() backup.Options {
	return backup.Options{Now: w.now, Version: "1.4.0", KeyPrint: "00112233", Transient: transient}
}

// happen appends one event.
func (w *world) happen(noun, id string, h happened, note string) store.Ref {
	w.t.Helper()
	d := ledger.Decision{Events: []ledger.Event{{Type: noun + ".happened.v1", Data: h}}}
	if note != "" {
		d.Detach = map[string]string{"note": note}
	}
	out, err := w.nouns[noun].Execute(context.Background(), id, ledger.Command[thing]{
		Actor: actor, Expect: ledger.MayExist, Key: ledger.NewID(),
		Decide: func(thing, ledger.Moment) (ledger.Decision, error) { return d, nil },
	})
	if err != nil {
		w.t.Fatalf("%s/%s: %v", noun, id, err)
	}
	return store.Ref{Stream: string(out.Stream), Seq: out.Seq}
}

func (w *world) bulk(ops ...store.Op) {
	w.t.Helper()
	if _, err := w.st.Bulk(context.Background(), ops); err != nil {
		w.t.Fatalf("bulk: %v", err)
	}
}

func (w *world) hazard(id string) { w.happen("hazard", id, happened{Text: "Maria"}, "") }

// incident opens an incident; its claim comes before it, as that of a code does.
func (w *world) incident(id, hazard string) {
	w.bulk(store.Op{Do: store.OpInsert, Kind: "claim", Doc: store.Doc{ID: id, Version: 1, Body: []byte(`{"incident":"` + id + `"}`)}})
	w.happen("incident", id, happened{Of: hazard, Text: "<Roseau & Portsmouth>"}, "")
}

func alertOf(c store.Commit) string    { return ledger.Derive("alert", c.ID) }
func deliveryOf(c store.Commit) string { return ledger.Derive("delivery", c.ID) }

// raise writes the alert that follows from a commit of an incident, unless it is there.
func (w *world) raise(c store.Commit) {
	w.t.Helper()
	if ledger.Stream(c.Stream).Noun() != "incident" {
		return
	}
	_, err := w.nouns["alert"].Execute(context.Background(), alertOf(c), ledger.Command[thing]{
		Actor: ledger.System, Expect: ledger.MayExist,
		Decide: func(_ thing, at ledger.Moment) (ledger.Decision, error) {
			if at.Seq > 0 {
				return ledger.Decision{}, nil
			}
			h := happened{Cause: cause{c.Stream, c.Seq, c.ID}}
			return ledger.Decision{Events: []ledger.Event{{Type: "alert.happened.v1", Data: h}}}, nil
		},
	})
	if err != nil {
		w.t.Fatalf("raise: %v", err)
	}
}

func delivery(id, status string, at time.Time, of cause) store.Op {
	body, _ := json.Marshal(map[string]any{"id": id, "status": status, "of": of})
	index := map[string]any{"status": status, "tries": int64(len(status)), "exercise": status == "dead", "parties": []string{"ATG", "DMA"}}
	if status != "delivered" {
		index["waiting_since"] = at
	}
	return store.Op{Do: store.OpInsert, Kind: "delivery", Doc: store.Doc{ID: id, Version: 1, Body: body, Index: index}}
}

// handle writes everything that follows from a commit, and then it owes nothing.
func (w *world) handle(c store.Commit) {
	w.t.Helper()
	w.bulk(delivery(deliveryOf(c), "queued", maria, cause{c.Stream, c.Seq, c.ID}))
	w.raise(c)
	if err := w.l.DeriveOwed(context.Background(), []store.Commit{c}); err != nil {
		w.t.Fatalf("project: %v", err)
	}
	w.bulk(store.Op{Do: store.OpPay, Ref: store.Ref{Stream: c.Stream, Seq: c.Seq}, Debt: store.OwesNotices})
}

// pending gives up to limit commits that are not handled.
func (w *world) pending(limit int) []store.Commit {
	w.t.Helper()
	found, err := w.st.Pending(context.Background(), store.OwesAll, maria.AddDate(1, 0, 0), store.Ref{}, limit)
	if err != nil {
		w.t.Fatalf("pending: %v", err)
	}
	return found
}

// handleAll handles until nothing is pending.
func (w *world) handleAll() {
	w.t.Helper()
	for found := w.pending(500); len(found) > 0; found = w.pending(500) {
		for _, c := range found {
			w.handle(c)
		}
	}
}

// commits gives every commit by its place.
func commits(t helper, st store.Store) map[store.Ref]store.Commit {
	t.Helper()
	all := map[store.Ref]store.Commit{}
	for after := ""; ; {
		names, err := st.Streams(context.Background(), "", after, 500)
		if err != nil {
			t.Fatalf("streams: %v", err)
		}
		if len(names) == 0 {
			return all
		}
		for _, name := range names {
			list, err := st.ReadStream(context.Background(), name, 0, 0)
			if err != nil {
				t.Fatalf("read: %v", err)
			}
			for _, c := range list {
				all[store.Ref{Stream: c.Stream, Seq: c.Seq}] = c
			}
			after = name
		}
	}
}

// documents gives every document of a kind by id.
func documents(t helper, st store.Store, kind string) map[string]store.Doc {
	t.Helper()
	all := map[string]store.Doc{}
	for q := (store.Query{Kind: kind, Limit: 1000}); ; {
		page, err := st.Find(context.Background(), q)
		if err != nil {
			t.Fatalf("find: %v", err)
		}
		for _, d := range page.Docs {
			all[d.ID] = d
		}
		if q.After = page.Next; q.After == "" {
			return all
		}
	}
}

// populate fills a world with something of everything, of which some is left pending.
func (w *world) populate(incidents int) {
	w.t.Helper()
	w.hazard("maria")
	w.hazard("irma")
	for i := range incidents {
		id := fmt.Sprintf("%04d", i)
		w.incident(id, []string{"maria", "irma"}[i%2])
		for n := range i%5 + 1 {
			w.happen("incident", id, happened{Text: strings.Repeat("x", n*40)}, fmt.Sprint("note ", n))
		}
	}
	for range 70 { // more than are read at a time
		w.happen("journal", "p1/2017-09-19", happened{Text: "delivered"}, "200 OK")
	}
	w.happen("vessel", "ferry", happened{}, "")
	w.handleAll()
	w.happen("incident", "0000", happened{Text: "not handled"}, "")
	for i, status := range []string{"delivered", "dead", "retrying", "sending"} {
		w.bulk(delivery(fmt.Sprint("d", i), status, maria.Add(time.Duration(i)*time.Minute), cause{}))
	}
	w.bulk(store.Op{Do: store.OpInsert, Kind: "presence", Doc: store.Doc{ID: "p1", Version: 1, Body: []byte(`{"name":"p1"}`)}})
	w.paid()
}

// archive takes a backup of the world.
func (w *world) archive() ([]byte, backup.Summary) {
	w.t.Helper()
	var b bytes.Buffer
	sum, err := backup.Write(context.Background(), w.st, kinds(), &b, w.opt())
	if err != nil {
		w.t.Fatalf("backup: %v", err)
	}
	return b.Bytes(), sum
}

// paid waits until it is on record that the documents of everything that happened are written.
func (w *world) paid() {
	w.t.Helper()
	for limit := time.Now().Add(30 * time.Second); ; {
		n, _, err := w.st.PendingStats(context.Background(), store.OwesDocuments, nil)
		if err != nil || time.Now().After(limit) {
			w.t.Fatalf("%d commits owe documents, %v", n, err)
		}
		if n == 0 {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
}

// restored makes a world out of an archive.
func restored(t testing.TB, archive []byte, opt backup.Options) (*world, backup.Summary) {
	t.Helper()
	w := newWorld(t)
	opt.Derive = w.derive
	sum, err := backup.Restore(t.Context(), bytes.NewReader(archive), w.st, kinds(), opt)
	if err != nil {
		t.Fatalf("restore: %v", err)
	}
	return w, sum
}

// derive is what a restore calls for what follows from the records.
func (w *world) derive(ctx context.Context) error {
	_, err := w.l.Rebuild(ctx, kinds(), nil)
	return err
}

// sameRecords compares everything that is not derived.
func sameRecords(t helper, want, got store.Store) {
	t.Helper()
	if diff := cmp.Diff(commits(t, want), commits(t, got)); diff != "" {
		t.Errorf("commits (-want +got)\n%s", diff)
	}
	for _, kind := range []string{"claim", "delivery"} {
		if diff := cmp.Diff(documents(t, want, kind), documents(t, got, kind)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", kind, diff)
		}
	}
}

func (w *world) verify() {
	w.t.Helper()
	r, err := w.l.Verify(context.Background(), kinds(), nil)
	if err != nil {
		w.t.Fatalf("verify: %v", err)
	}
	for _, f := range r.Findings {
		w.t.Errorf("verify: %s", f)
	}
}
