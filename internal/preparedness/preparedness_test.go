package preparedness_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/preparedness"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

var (
	ctx      = context.Background()
	liaison  = access.Scope{Account: "a-liaison", Role: access.RoleLiaison, Party: "LCA"}
	official = access.Scope{Account: "an-official", Role: access.RoleOfficial, Party: "LCA"}
	stranger = access.Scope{Account: "a-stranger", Role: access.RoleLiaison, Party: "DMA"}
	regional = access.Scope{Account: "a-regional", Role: access.RoleRegionalOfficer, Party: "ORG-CDEMA"}
	auditor  = access.Scope{Account: "an-auditor", Role: access.RoleAuditor, Party: "LCA"}
	june     = time.Date(2026, 6, 10, 14, 0, 0, 0, time.UTC)
)

type world struct {
	t      *testing.T
	dir    string
	desk   *preparedness.Desk
	ledger *ledger.Ledger
	store  store.Store
	active bool

	mu    sync.Mutex
	now   time.Time
	heard []ledger.Announcement
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), now: june}
	w.boot()
	t.Cleanup(func() { w.halt() })
	return w
}

func (w *world) boot() {
	w.t.Helper()
	st, err := sqlite.Open(ctx, filepath.Join(w.dir, "landfall.db"), slices.Concat(ledger.Kinds(), preparedness.Kinds()), sqlite.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = st
	w.ledger = ledger.New(st, ledger.Options{Now: w.clock, Epoch: 1, Publish: func(a ledger.Appended) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.heard = append(w.heard, a.Announcements...)
	}})
	w.desk = preparedness.NewDesk(w.ledger, st, w)
}

func (w *world) halt() {
	if err := errors.Join(w.ledger.Close(ctx), w.store.Close()); err != nil {
		w.t.Error(err)
	}
}

// Activated implements preparedness.Situation.
func (w *world) Activated(context.Context, place.Party) (bool, error) { return w.active, nil }

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) set(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = t
}

// announced counts what was announced of a type. The ledger announces behind its answer: it is closed first, which waits for that, and
// opened again.
func (w *world) announced(eventType string) (n int) {
	w.t.Helper()
	w.halt()
	w.boot()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.heard {
		if a.Type == eventType {
			n++
		}
	}
	return n
}

func must[V any](t *testing.T) func(V, error) V {
	t.Helper()
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func refused(t *testing.T, err error, code string, pointers ...string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || code != "" && f.Code != code {
		t.Fatalf("%v, want %s", err, code)
	}
	for _, p := range pointers {
		if !slices.ContainsFunc(f.Fields, func(g fault.Field) bool { return g.Pointer == p }) {
			t.Errorf("%v does not name %s", f.Fields, p)
		}
	}
}

func (w *world) property(name string, rooms int, destination string) *preparedness.Unit {
	w.t.Helper()
	return must[preparedness.Done](w.t)(w.desk.Register(ctx, liaison, access.Write{}, preparedness.Register{
		Kind: preparedness.Property, Name: name, Rooms: rooms, Town: "Gros Islet", Destination: destination,
	})).Unit
}

// met answers a catalogue with yes, but for some.
func met(kind preparedness.UnitKind, not ...string) map[string]bool {
	out := map[string]bool{}
	for _, i := range preparedness.CatalogueOf(kind).Indicators {
		if !i.Share {
			out[i.Code] = !slices.Contains(not, i.Code)
		}
	}
	return out
}

func (w *world) assess(id string, not ...string) *preparedness.Unit {
	w.t.Helper()
	return must[preparedness.Done](w.t)(w.desk.Assess(ctx, liaison, access.Write{}, id, preparedness.Assess{Answers: met(preparedness.Property, not...)})).Unit
}

func TestAnAssessmentIsWorkedOutAndHoldsAYear(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel A", 120, "")
	if got := u.StatusAt(w.clock()); got != preparedness.Unknown {
		t.Errorf("before: %s", got)
	}
	u = w.assess(u.ID, "P05")
	a := u.Assessment
	if a.Points != 95 || a.Status != preparedness.Ready || len(a.Critical) != 0 || a.Revision != 1 {
		t.Errorf("%+v", a)
	}
	if want := june.AddDate(1, 0, 0); !a.ValidUntil.Equal(want) {
		t.Errorf("valid until %v, want %v", a.ValidUntil, want)
	}
	if got := u.StatusAt(a.ValidUntil.Add(-time.Microsecond)); got != preparedness.Ready {
		t.Errorf("at its last moment: %s", got)
	}
	if got := u.StatusAt(a.ValidUntil); got != preparedness.Expired {
		t.Errorf("when it is over: %s", got)
	}
	w.set(june.Add(time.Hour))
	u = w.assess(u.ID, "P01", "P05")
	if u.Assessment.Status != preparedness.Partial || !slices.Equal(u.Assessment.Critical, []string{"P01"}) || u.Assessment.Points != 85 {
		t.Errorf("a failed critical indicator does not cap: %+v", u.Assessment)
	}
	list := must[preparedness.Page[*preparedness.Assessment]](t)(w.desk.Assessments(ctx, liaison, u.ID, preparedness.PageRequest{}))
	if len(list.Items) != 2 || list.Items[0].Points != 85 {
		t.Errorf("history: %+v", list.Items)
	}
}

func TestAnAssessmentIsWhole(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel A", 10, "")
	answers := met(preparedness.Property)
	delete(answers, "P07")
	answers["P99"] = true
	_, err := w.desk.Assess(ctx, liaison, access.Write{}, u.ID, preparedness.Assess{Answers: answers})
	refused(t, err, "", "/answers/P07", "/answers/P99")
	_, err = w.desk.Assess(ctx, liaison, access.Write{}, u.ID, preparedness.Assess{Answers: met(preparedness.Property), AssessedAt: june.Add(time.Hour)})
	refused(t, err, "", "/assessed_at")
	_, err = w.desk.Assess(ctx, liaison, access.Write{}, u.ID, preparedness.Assess{Answers: met(preparedness.Property), ValidUntil: june.AddDate(1, 0, 1)})
	refused(t, err, "", "/valid_until")
	w.assess(u.ID)
	_, err = w.desk.Assess(ctx, liaison, access.Write{}, u.ID, preparedness.Assess{Answers: met(preparedness.Property), AssessedAt: june.AddDate(0, 0, -1)})
	refused(t, err, "", "/assessed_at")
}

func TestWhatRunsOutIsAnnouncedOnceAlsoAfterStandingStill(t *testing.T) {
	w := newWorld(t)
	u := w.assess(w.property("Bay hotel A", 10, "").ID)
	w.ledger.Settle(ctx, 5*time.Second)
	wake := must[store.Page](t)(w.store.Find(ctx, store.Query{Kind: ledger.KindWake, Index: "at", From: june, Limit: 10}))
	if len(wake.Docs) != 1 || wake.Docs[0].ID != "unit/"+u.ID || !wake.Docs[0].Index["at"].(time.Time).Equal(u.Assessment.ValidUntil) {
		t.Fatalf("the wake: %+v", wake.Docs)
	}
	if n := must[int](t)(w.desk.Sweep(ctx, u.ID, w.clock())); n != 0 {
		t.Errorf("%d announced before their time", n)
	}
	w.halt() // it stands still over the moment
	w.set(u.Assessment.ValidUntil.AddDate(0, 2, 0))
	w.boot()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := w.desk.Sweep(ctx, u.ID, w.clock()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.announced(preparedness.EventLapsed); n != 1 {
		t.Errorf("announced %d times", n)
	}
	again := w.assess(u.ID)
	if again.StatusAt(w.clock()) != preparedness.Ready || again.Assessment.ExpiredTold {
		t.Errorf("a new assessment does not revive it: %+v", again.Assessment)
	}
	w.set(again.Assessment.ValidUntil)
	must[int](t)(w.desk.Sweep(ctx, u.ID, w.clock()))
	if n := w.announced(preparedness.EventLapsed); n != 2 {
		t.Errorf("the second end: announced %d times", n)
	}
}

func TestAnAssessmentCanBeSetAside(t *testing.T) {
	w := newWorld(t)
	u := w.assess(w.property("Bay hotel A", 10, "").ID)
	out := must[preparedness.Done](t)(w.desk.Invalidate(ctx, liaison, access.Write{}, u.ID, preparedness.MajorDamage, "Roof lost"))
	if out.Unit.StatusAt(w.clock()) != preparedness.Expired {
		t.Error("it still holds")
	}
	_, err := w.desk.Invalidate(ctx, liaison, access.Write{}, u.ID, preparedness.MajorDamage, "")
	refused(t, err, "assessment_expired")
	w.set(u.Assessment.ValidUntil.Add(time.Hour))
	if n := must[int](t)(w.desk.Sweep(ctx, u.ID, w.clock())); n != 0 {
		t.Error("its end was announced although it had been set aside")
	}
}

func TestPropertiesAreConfirmedInTheWindowBeforeTheSeason(t *testing.T) {
	w := newWorld(t)
	w.set(time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC))
	u := w.property("Bay hotel A", 10, "")
	_, err := w.desk.ConfirmSeason(ctx, liaison, access.Write{}, u.ID)
	refused(t, err, "nothing_to_confirm")
	w.assess(u.ID)
	out := must[preparedness.Done](t)(w.desk.ConfirmSeason(ctx, liaison, access.Write{}, u.ID))
	if out.Unit.Confirmation.Season != 2026 {
		t.Errorf("%+v", out.Unit.Confirmation)
	}
	_, err = w.desk.ConfirmSeason(ctx, liaison, access.Write{}, u.ID)
	refused(t, err, "confirmed_already")
	w.set(time.Date(2026, 6, 1, 4, 0, 0, 0, time.UTC)) // midnight there
	_, err = w.desk.ConfirmSeason(ctx, liaison, access.Write{}, u.ID)
	refused(t, err, "not_in_window")
}

func amount(rooms, beds int) preparedness.Amount {
	return preparedness.Amount{Rooms: rooms, Beds: beds}
}

func TestCapacityGoesFromOfferedToReleased(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel A", 100, "")
	offer := preparedness.OfferCapacity{Offer: preparedness.Offer{Amount: amount(40, 90), FloorArea: 280, Rate: "85.00", Currency: "XCD", FreeTonight: 12}}
	got := must[preparedness.Done](t)(w.desk.OfferCapacity(ctx, official, access.Write{}, u.ID, offer)).Unit.Capacity
	if got.Ceiling != 80 || !got.OverSphere || got.ReportedBy != "official" {
		t.Errorf("Sphere: %+v", got)
	}
	if want := june.AddDate(0, 0, 30); !got.ValidUntil.Equal(want) {
		t.Errorf("in season it holds until %v, want %v", got.ValidUntil, want)
	}
	move := func(do func(context.Context, access.Scope, access.Write, string, preparedness.MoveCapacity) (preparedness.Done, error), rooms, beds int) (*preparedness.Capacity, error) {
		done, err := do(ctx, liaison, access.Write{}, u.ID, preparedness.MoveCapacity{Amount: amount(rooms, beds)})
		if err != nil {
			return nil, err
		}
		return done.Unit.Capacity, nil
	}
	_, err := move(w.desk.ConfirmCapacity, 41, 90)
	refused(t, err, "", "/rooms")
	must[*preparedness.Capacity](t)(move(w.desk.ConfirmCapacity, 30, 60))
	_, err = move(w.desk.UseCapacity, 31, 60)
	refused(t, err, "", "/rooms")
	must[*preparedness.Capacity](t)(move(w.desk.UseCapacity, 25, 50))
	_, err = w.desk.OfferCapacity(ctx, liaison, access.Write{}, u.ID, preparedness.OfferCapacity{Offer: preparedness.Offer{Amount: amount(20, 40)}})
	refused(t, err, "below_confirmed")
	_, err = w.desk.Retire(ctx, liaison, access.Write{IfMatch: w.desk.ETag(u.Seq)}, u.ID, "Closed for good")
	refused(t, err, "rooms_in_use")
	got = must[*preparedness.Capacity](t)(move(w.desk.ReleaseCapacity, 10, 20))
	if diff := cmp.Diff([]preparedness.Amount{amount(30, 60), amount(15, 30), amount(10, 20), amount(5, 10)}, []preparedness.Amount{got.Confirmed, got.InUse, got.Released, got.Free()}); diff != "" {
		t.Errorf("confirmed, in use, released, free: %s", diff)
	}
	must[*preparedness.Capacity](t)(move(w.desk.ReleaseCapacity, 20, 40))
	got = must[preparedness.Done](t)(w.desk.OfferCapacity(ctx, liaison, access.Write{}, u.ID, preparedness.OfferCapacity{Offer: preparedness.Offer{Amount: amount(5, 10)}})).Unit.Capacity
	if got.Confirmed != amount(0, 0) || got.Released != amount(0, 0) {
		t.Errorf("a new round begins with what is over: %+v", got)
	}
}

func TestCapacityHoldsForHoursWhileAnIncidentIsActive(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel A", 100, "")
	offer := preparedness.OfferCapacity{Offer: preparedness.Offer{Amount: amount(40, 80)}}
	before := must[preparedness.Done](t)(w.desk.OfferCapacity(ctx, liaison, access.Write{}, u.ID, offer)).Unit.Capacity
	if !before.HoldsAt(june.AddDate(0, 0, 2), false) || before.HoldsAt(june.AddDate(0, 0, 2), true) {
		t.Error("an old record holds although an incident is active, or does not although none is")
	}
	w.active = true
	now := must[preparedness.Done](t)(w.desk.OfferCapacity(ctx, liaison, access.Write{}, u.ID, offer)).Unit.Capacity
	if want := june.Add(24 * time.Hour); !now.ValidUntil.Equal(want) {
		t.Errorf("until %v, want %v", now.ValidUntil, want)
	}
}

func TestSmallGroupsAreNotShownOutside(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel A", 100, "")
	must[preparedness.Done](t)(w.desk.ReportCaseload(ctx, liaison, access.Write{}, u.ID, preparedness.ReportCaseload{
		Warning: preparedness.UnderWatch, Asked: 10, Answered: 9,
		Counts: []preparedness.Count{{Nationality: "USA", Setting: preparedness.Hotel, Number: 200}, {Nationality: "FRA", Setting: preparedness.Villa, Number: 12}, {Nationality: "ISL", Setting: preparedness.Hotel, Number: 2}},
	}))
	u = must[*preparedness.Unit](t)(w.desk.Unit(ctx, regional, u.ID))
	shown := w.desk.Shown(regional, u)
	text, err := json.Marshal(shown)
	if err != nil || strings.Contains(string(text), "ISL") || len(shown.Counts) != 0 || !shown.Suppressed {
		t.Errorf("%s, %v", text, err)
	}
	if diff := cmp.Diff([]preparedness.Group{{Code: "USA", Number: 200}, {Code: "OTH", Number: 14}}, shown.ByNationality); diff != "" {
		t.Errorf("two in all would be told by subtraction: %s", diff)
	}
	own := w.desk.Shown(official, u)
	if own.Suppressed || len(own.Counts) != 3 || own.Total != 214 || !own.ValidUntil.Equal(june.Add(24*time.Hour)) {
		t.Errorf("its own state: %+v", own)
	}
}

func TestAStatesUnitsAreItsOwn(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel A", 10, "")
	_, err := w.desk.Unit(ctx, stranger, u.ID)
	refused(t, err, "unit_not_found")
	_, err = w.desk.Assess(ctx, stranger, access.Write{}, u.ID, preparedness.Assess{Answers: met(preparedness.Property)})
	refused(t, err, "unit_not_found")
	_, err = w.desk.Assess(ctx, regional, access.Write{}, u.ID, preparedness.Assess{Answers: met(preparedness.Property)})
	refused(t, err, "not_your_state")
	_, err = w.desk.Assess(ctx, official, access.Write{}, u.ID, preparedness.Assess{Answers: met(preparedness.Property)})
	refused(t, err, "role_not_allowed")
	_, err = w.desk.OfferCapacity(ctx, auditor, access.Write{}, u.ID, preparedness.OfferCapacity{Offer: preparedness.Offer{Amount: amount(1, 1)}})
	refused(t, err, "read_only")
	_, err = w.desk.Register(ctx, liaison, access.Write{}, preparedness.Register{Kind: preparedness.Property, Party: "DMA", Name: "Elsewhere"})
	refused(t, err, "not_your_state")
	if list := must[preparedness.Page[*preparedness.Unit]](t)(w.desk.Units(ctx, stranger, preparedness.Filter{}, preparedness.PageRequest{})); len(list.Items) != 0 {
		t.Error("a stranger lists them")
	}
	if list := must[preparedness.Page[*preparedness.Unit]](t)(w.desk.Units(ctx, regional, preparedness.Filter{State: "LCA"}, preparedness.PageRequest{})); len(list.Items) != 1 {
		t.Error("a regional officer does not")
	}
}

func TestABoardShowsCoverageAndAveragesNothing(t *testing.T) {
	w := newWorld(t)
	north := must[preparedness.Done](t)(w.desk.Register(ctx, liaison, access.Write{}, preparedness.Register{Kind: preparedness.Destination, Name: "The north"})).Unit
	ready, limited, expired := w.property("A", 60, north.ID), w.property("B", 20, north.ID), w.property("C", 15, north.ID)
	w.property("D", 5, "")
	w.assess(expired.ID)
	w.set(june.AddDate(0, 11, 20))
	w.assess(ready.ID)
	w.assess(limited.ID, "P01", "P02", "P03", "P04", "P06")
	w.set(june.AddDate(1, 0, 0))
	must[preparedness.Done](t)(w.desk.Assess(ctx, liaison, access.Write{}, north.ID, preparedness.Assess{Answers: met(preparedness.Destination)}))
	b := must[preparedness.Board](t)(w.desk.Board(ctx, liaison, ""))
	if len(b.States) != 1 || len(b.States[0].Destinations) != 1 {
		t.Fatalf("%+v", b)
	}
	all, section := b.States[0].Properties, b.States[0].Destinations[0]
	want := map[preparedness.Status]int{preparedness.Ready: 1, preparedness.Limited: 1, preparedness.Expired: 1, preparedness.Unknown: 1, preparedness.Partial: 0, preparedness.NotReady: 0}
	if diff := cmp.Diff(want, all.ByStatus); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(preparedness.Coverage{Units: 4, UnitsAssessed: 2, Rooms: 100, RoomsAssessed: 80}, all.Coverage); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&preparedness.Spread{Lowest: 50, Median: 50, Highest: 100}, all.Points); diff != "" {
		t.Error(diff)
	}
	if section.RoomsReady != (preparedness.Share{Ready: 60, Rooms: 95}) || section.Unit.Points != 94 || section.Unit.Status != preparedness.Ready {
		t.Errorf("60 of 95 rooms are 9 of 15 points: %+v %+v", section.Unit, section.RoomsReady)
	}
}

func TestACommandSentTwiceIsCarriedOutOnce(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel A", 10, "")
	write := access.Write{Key: "once", Digest: []byte("same")}
	first := must[preparedness.Done](t)(w.desk.Assess(ctx, liaison, write, u.ID, preparedness.Assess{Answers: met(preparedness.Property)}))
	again := must[preparedness.Done](t)(w.desk.Assess(ctx, liaison, write, u.ID, preparedness.Assess{Answers: met(preparedness.Property)}))
	if !again.Repeated || again.Version != first.Version {
		t.Errorf("%+v", again)
	}
	_, err := w.desk.Change(ctx, liaison, access.Write{IfMatch: w.desk.ETag(99)}, u.ID, preparedness.Change{Name: "Other"})
	refused(t, err, "changed_meanwhile")
	_, err = w.desk.Change(ctx, liaison, access.Write{}, u.ID, preparedness.Change{Name: "Other"})
	refused(t, err, "if_match_required")
}

func TestAFoldedLogIsWhatWasProjected(t *testing.T) {
	w := newWorld(t)
	u := w.assess(w.property("Bay hotel A", 10, "").ID, "P03")
	must[preparedness.Done](t)(w.desk.OfferCapacity(ctx, liaison, access.Write{}, u.ID, preparedness.OfferCapacity{Offer: preparedness.Offer{Amount: amount(4, 8)}}))
	must[preparedness.Done](t)(w.desk.ReportCaseload(ctx, liaison, access.Write{}, u.ID, preparedness.ReportCaseload{Counts: []preparedness.Count{{Nationality: "GBR", Setting: preparedness.Hotel, Number: 9}}}))
	w.set(june.AddDate(2, 0, 0))
	if n := must[int](t)(w.desk.Sweep(ctx, u.ID, w.clock())); n != 3 {
		t.Errorf("%d parts ran out, want 3", n)
	}
	report := must[ledger.Report](t)(w.ledger.Verify(ctx, preparedness.Kinds(), nil))
	if len(report.Findings) > 0 || report.Commits != 5 {
		t.Errorf("%+v", report)
	}
}
