package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/protocol"
)

// closes gives what the announcements since the last look close.
func (w *world) closes() []ledger.AlertClose {
	var all []ledger.AlertClose
	for _, a := range w.announced() {
		all = append(all, a.Closes...)
	}
	return all
}

// An alert says that a step is overdue for as long as it is: whatever ends that closes the alert.
func TestWhatEndsAnOverdueStepClosesItsAlert(t *testing.T) {
	w := newWorld(t, nil)
	i := w.active()
	w.pass(5 * time.Hour)
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	told := map[string]bool{}
	for _, a := range w.announced() {
		for _, c := range a.Alerts {
			told[c.Subject] = c.Kind == "step_overdue"
		}
	}
	if !told["HUR-05"] || !told["HUR-02.ATG"] {
		t.Fatalf("overdue were %v", told)
	}
	must(w.desk.CompleteStep(ctx, atg, w.once(), i.ID, "HUR-02.ATG", incident.StepReport{}))(t)
	if diff := cmp.Diff([]ledger.AlertClose{{Subject: "HUR-02.ATG", Reason: "step_done"}}, w.closes()); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	must(w.desk.ReopenStep(ctx, atg, w.once(), i.ID, "HUR-02.ATG", incident.StepReport{Reason: "The note was withdrawn"}))(t)
	for _, a := range w.announced() {
		if len(a.Alerts) > 0 {
			t.Errorf("opening a step again calls for %v", a.Alerts)
		}
	}
	w.pass(3 * time.Hour)
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	if !slices.ContainsFunc(w.announced(), func(a ledger.Announcement) bool {
		return slices.ContainsFunc(a.Alerts, func(c ledger.AlertCall) bool { return c.Subject == "HUR-02.ATG" && c.Kind == "step_overdue" })
	}) {
		t.Error("the step that was opened again is overdue anew, and nobody is alerted")
	}
	must(w.desk.MarkNotApplicable(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Reason: "Not asked for"}))(t)
	if got := w.closes(); !slices.Contains(got, ledger.AlertClose{Subject: "HUR-05", Reason: "step_not_applicable"}) {
		t.Errorf("not applicable closes %v", got)
	}
}

func TestMovingAKeyTimeClosesTheAlertsOfStepsThatAreOverdueNoLonger(t *testing.T) {
	w := newWorld(t, nil)
	i := w.active()
	w.pass(30 * time.Hour)
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	w.announced()
	w.move(i.ID, protocol.Value{At: w.clock().Add(90 * time.Hour), Kind: protocol.Forecast})
	got := w.closes()
	if len(got) == 0 {
		t.Fatal("no step got another due time: the test sees nothing")
	}
	for _, c := range got {
		if c.Reason != "step_rescheduled" || c.Subject == "" || c.Party != "" {
			t.Errorf("closes %+v", c)
		}
	}
}

func TestAMovementThatCameOrWasCorrectedClosesWhatAnnouncedIt(t *testing.T) {
	w := newWorld(t, nil)
	i := w.active()
	m := w.boat(i.ID, "ATG")
	w.announced()
	eta := m.ETA.Add(time.Hour)
	must(w.desk.CorrectMovement(ctx, dma, w.once(), i.ID, m.ID, incident.CorrectMovement{Reason: "Head wind", ETA: &eta}))(t)
	said := w.announced()
	if diff := cmp.Diff([]ledger.AlertClose{{Subject: m.ID, Reason: "movement_corrected"}}, said[0].Closes); diff != "" {
		t.Errorf("corrected (-want +got):\n%s", diff)
	}
	if a := said[0].Alerts; len(a) != 1 || a[0].Kind != "movement_corrected" || a[0].Subject != m.ID || a[0].RequiredBy.IsZero() {
		t.Errorf("a correction calls for %+v", a)
	}
	w.arrive(i.ID, m.ID, atg, 120)
	if diff := cmp.Diff([]ledger.AlertClose{{Subject: m.ID, Reason: "movement_arrived"}}, w.closes()[:1]); diff != "" {
		t.Errorf("arrived (-want +got):\n%s", diff)
	}
	must(w.desk.CorrectMovement(ctx, dma, w.once(), i.ID, m.ID, incident.CorrectMovement{Reason: "Another ferry", Carrier: new("Ferry Two")}))(t)
	if a := w.announced()[0].Alerts; len(a) != 1 || a[0].Kind != "movement_corrected" || !a[0].RequiredBy.IsZero() {
		t.Errorf("correcting what has arrived asks for %+v", a)
	}
}

func TestTheEndOfAnIncidentIsAlertedWithNothingToAnswer(t *testing.T) {
	w := newWorld(t, nil)
	i := w.active()
	w.announced()
	must(w.desk.StandDown(ctx, dma, w.once(), i.ID, "It turned north"))(t)
	a := w.announced()[0]
	parties := map[string]bool{}
	for _, c := range a.Alerts {
		parties[c.Party] = true
		if c.Kind != "stood_down" || !c.RequiredBy.IsZero() {
			t.Errorf("calls for %+v", c)
		}
	}
	if !parties["ATG"] || !parties["ORG-CDEMA"] || parties["DMA"] {
		t.Errorf("alerted are %v", parties)
	}
	if diff := cmp.Diff([]ledger.AlertClose{{Reason: "stood_down"}}, a.Closes); diff != "" {
		t.Error(diff)
	}
}

// Whatever is entered for another party says so where it is read.
func TestWhatWasEnteredForAnotherSaysByWhom(t *testing.T) {
	w := newWorld(t, nil)
	i := w.active()
	said := w.clock().Add(-5 * time.Minute)
	relayed := func() access.Write {
		k := w.once()
		k.Relay = &ledger.Relay{OnBehalfOf: "ATG", RelayedBy: "phone", SaidAt: &said}
		return k
	}
	want := &incident.Word{OnBehalfOf: "ATG", RelayedBy: "phone", SaidAt: &said, EnteredBy: incident.EnteredBy{Role: access.RoleCoordinator, Party: "DMA"}}
	answer := must(w.desk.GiveAnswer(ctx, dma, relayed(), i.ID, incident.Answer{Party: "ATG", Kind: incident.Decline}))(t)
	step := must(w.desk.StartStep(ctx, dma, relayed(), i.ID, "HUR-07.ATG", incident.StepReport{}))(t)
	m := w.boat(i.ID, "ATG")
	arrived := must(w.desk.ArriveMovement(ctx, dma, relayed(), i.ID, m.ID, incident.ArriveMovement{People: incident.People{Total: 120}}))(t)
	for name, got := range map[string]*incident.Word{"answer": answer.Value.Relayed, "step": step.Value.Relayed, "movement": arrived.Value.CameRelayed} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if by := answer.Value.By; by != want.EnteredBy {
		t.Errorf("the answer is by %+v", by)
	}
	own := must(w.desk.GiveAnswer(ctx, atg, w.once(), i.ID, incident.Answer{Kind: incident.Decline}))(t)
	if own.Value.Relayed != nil || own.Value.By.Party != "ATG" {
		t.Errorf("its own word reads %+v", own.Value)
	}
}
