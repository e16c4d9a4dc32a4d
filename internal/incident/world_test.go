package incident_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

var update = flag.Bool("update", false, "write the golden files anew")

// checks bounds how many random histories each rule is tried on; -rapid.checks asks for more.
const checks = "25"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", checks); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// helper is what world needs of a *testing.T or a *rapid.T.
type helper interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// world is one desk over a real store, with a clock that tests set and an ear for what is announced.
type world struct {
	t      helper
	desk   *incident.Desk
	ledger *ledger.Ledger
	store  *sqlite.Store

	mu    sync.Mutex
	now   time.Time
	heard []ledger.Announcement
	keys  int
}

// Maria made landfall on Dominica on 18 September 2017 at 21:15 local time, UTC−4.
var (
	maria    = time.Date(2017, 9, 19, 1, 15, 0, 0, time.UTC)
	monday   = time.Date(2017, 9, 17, 12, 0, 0, 0, time.UTC) // the clock at the start: 37 h 15 min before
	everyone = access.Scope{Account: "first", Role: access.RoleAdministrator, All: true}
	dma      = coordinator("DMA")
	atg      = official("ATG")
	lca      = official("LCA")
	vct      = official("VCT")
	cdema    = access.Scope{Account: "rcc", Role: access.RoleRegionalOfficer, Party: "ORG-CDEMA"}
)

func coordinator(p place.Party) access.Scope {
	return access.Scope{Account: "c-" + string(p), Role: access.RoleCoordinator, Party: p}
}

func official(p place.Party) access.Scope {
	return access.Scope{Account: "o-" + string(p), Role: access.RoleOfficial, Party: p}
}

func liaison(p place.Party) access.Scope {
	return access.Scope{Account: "l-" + string(p), Role: access.RoleLiaison, Party: p}
}

func auditor(p place.Party) access.Scope {
	return access.Scope{Account: "a-" + string(p), Role: access.RoleAuditor, Party: p}
}

func newWorld(t *testing.T, templates incident.Templates) *world {
	t.Helper()
	w, stop := openWorld(t, t.TempDir(), templates)
	t.Cleanup(stop)
	return w
}

func openWorld(t helper, dir string, templates incident.Templates) (*world, func()) {
	t.Helper()
	w := &world{t: t, now: monday}
	st, err := sqlite.Open(context.Background(), filepath.Join(dir, "landfall.db"), slices.Concat(ledger.Kinds(), incident.Kinds()), sqlite.Options{})
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	w.store = st
	w.ledger = ledger.New(st, ledger.Options{Now: w.clock, Epoch: 1, Publish: func(a ledger.Appended) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.heard = append(w.heard, a.Announcements...)
	}})
	w.desk = incident.NewDesk(w.ledger, st, templates)
	return w, func() {
		if err := w.ledger.Close(context.Background()); err != nil {
			t.Errorf("close the ledger: %v", err)
		}
		if err := st.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) setClock(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = t
}

func (w *world) pass(d time.Duration) { w.setClock(w.clock().Add(d)) }

// announced gives what was announced since the last call.
func (w *world) announced() []ledger.Announcement {
	w.ledger.Settle(context.Background(), 30*time.Second) // what follows from a change comes after its answer
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := w.heard
	w.heard = nil
	return heard
}

// alerts gives the alerts called for since the last look at the announcements, as "kind party subject".
func (w *world) alerts() []string {
	var all []string
	for _, a := range w.announced() {
		for _, c := range a.Alerts {
			text := c.Kind + " " + c.Party
			if c.Subject != "" {
				text += " " + c.Subject
			}
			all = append(all, text)
		}
	}
	return all
}

// keyed is a write with an idempotency key over a request.
func keyed(key string, request any) access.Write {
	body, err := json.Marshal(request)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(body)
	return access.Write{Key: key, Digest: sum[:]}
}

// once is a write with a key of its own.
func (w *world) once() access.Write {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys++
	return keyed(fmt.Sprintf("key-%d", w.keys), w.keys)
}

func must[V any](v V, err error) func(helper) V {
	return func(t helper) V {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected: %v", err)
		}
		return v
	}
}

// refused requires a fault of the kind and code.
func refused(t helper, err error, kind fault.Kind, code string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code || err == nil {
		t.Errorf("got %v, want %s/%s", err, kind, code)
	}
}

// names requires an Invalid fault that names exactly these members.
func names(t helper, err error, pointers ...string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Kind != fault.Invalid {
		t.Errorf("got %v, want an invalid request", err)
		return
	}
	var got []string
	for _, field := range f.Fields {
		got = append(got, field.Pointer)
	}
	slices.Sort(got)
	slices.Sort(pointers)
	if got = slices.Compact(got); !slices.Equal(got, pointers) {
		t.Errorf("the fault names %v, want %v: %v", got, pointers, err)
	}
}

func (w *world) hazard() string {
	w.t.Helper()
	write := w.once()
	write.Confirm = []string{"/started_at"} // some worlds are of another year
	done := must(w.desk.OpenHazard(context.Background(), dma, write, incident.OpenHazard{
		Name: "Maria", Type: "TC", GLIDE: []string{"TC-2017-000136-DMA"}, StartedAt: monday.Add(-24 * time.Hour),
	}))(w.t)
	return done.Value.ID
}

// request is an incident of Dominica with two receivers.
func (w *world) request() incident.Open {
	return incident.Open{
		Title: "Hurricane Maria, Dominica", HazardID: w.hazard(), Origin: "DMA", Receivers: []place.Party{"ATG", "LCA"},
		Severity: incident.Extreme, OccurredAt: monday,
	}
}

// open opens it.
func (w *world) open(change ...func(*incident.Open)) incident.Incident {
	w.t.Helper()
	in := w.request()
	for _, c := range change {
		c(&in)
	}
	scope := coordinator(in.Origin)
	return must(w.desk.Open(context.Background(), scope, w.once(), in))(w.t).Value
}

func landfall(at time.Time) incident.Start {
	return incident.Start{Protocol: "hurricane", Anchors: map[string]protocol.Value{"LANDFALL": {At: at, Kind: protocol.Forecast}}}
}

// active opens an incident and activates the hurricane protocol.
func (w *world) active(change ...func(*incident.Open)) incident.Incident {
	w.t.Helper()
	i := w.open(change...)
	start := landfall(maria)
	return must(w.desk.Activate(context.Background(), coordinator(i.Origin.StateParty()), w.once(), i.ID, start))(w.t).Value
}

func (w *world) steps(id string) map[string]incident.Step {
	w.t.Helper()
	page := must(w.desk.Steps(context.Background(), everyone, id, incident.StepFilter{}, incident.PageRequest{}))(w.t)
	if page.Next != "" {
		w.t.Fatalf("the steps do not fit on a page")
	}
	all := map[string]incident.Step{}
	for _, s := range page.Items {
		all[s.Key] = s
	}
	return all
}

func (w *world) step(id, key string) incident.Step {
	w.t.Helper()
	return must(w.desk.Step(context.Background(), everyone, id, key))(w.t)
}

// boat announces a movement of 120 people from Roseau.
func (w *world) boat(id string, to place.Party) *incident.Movement {
	w.t.Helper()
	now := w.clock()
	return must(w.desk.AnnounceMovement(context.Background(), dma, w.once(), id, incident.AnnounceMovement{
		Mode: incident.BySea, Carrier: "coast guard", From: incident.Spot{Party: "DMA", Name: "Roseau", Port: "DMRSU"}, To: incident.Spot{Party: to},
		DepartsAt: now.Add(2 * time.Hour), ETA: now.Add(8 * time.Hour), People: incident.People{Total: 120},
	}))(w.t).Value
}

func (w *world) arrive(id, movement string, by access.Scope, count int) *incident.Movement {
	w.t.Helper()
	return must(w.desk.ArriveMovement(context.Background(), by, w.once(), id, movement, incident.ArriveMovement{
		People: incident.People{Total: count}, Reason: "some stayed behind",
	}))(w.t).Value
}

var in2071 = time.Date(2071, 1, 1, 0, 0, 0, 0, time.UTC)

func ptr[V any](v V) *V { return &v }

func unmarshal(t helper, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

// figure is 118 people in public shelters of St John's.
func figure(change ...func(*incident.Figure)) incident.Figure {
	f := incident.Figure{
		Place: incident.Spot{Party: "ATG", Name: "St John's"}, Quantifier: incident.Exact, Unit: incident.Persons, Number: 118,
		Category: "people_displaced_across_borders", Term: "evacuated", Setting: "public_shelter",
		Source: incident.FigureSource{Name: "NODS", Kind: "government"}, Role: incident.Recommended, AsOf: monday.Add(-time.Hour),
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

// claim takes an incident code for somebody else.
func (w *world) claim(code string) {
	w.t.Helper()
	op := store.Op{Do: store.OpInsert, Kind: incident.KindCode, Doc: store.Doc{ID: code, Version: 1, Body: []byte(`{"incident":"another"}`)}}
	if _, err := w.store.Bulk(context.Background(), []store.Op{op}); err != nil {
		w.t.Fatalf("claim: %v", err)
	}
}

// told reports whether the party's duty desk may be told of the incident now.
func (w *world) told(id string, party place.Party) bool {
	t := must(w.desk.Thing(ctx, id))(w.t)
	return access.DutyScope(party).May(access.ReadHeadline, t)
}
