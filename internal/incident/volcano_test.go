package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// The alert of La Soufrière was orange from 29 December 2020; the order to leave came on 8 April 2021, 16:00 local.
var (
	orange = time.Date(2020, 12, 29, 16, 0, 0, 0, time.UTC)
	red    = time.Date(2021, 4, 8, 20, 0, 0, 0, time.UTC)

	stVincent = coordinator("VCT")
)

func observedAt(at time.Time) protocol.Value {
	return protocol.Value{At: at, Kind: protocol.Observed}
}

func volcano(anchors map[string]protocol.Value) incident.Start {
	return incident.Start{Protocol: "volcano", Anchors: anchors}
}

// soufriere opens an incident of Saint Vincent with four receivers, some minutes before red.
func (w *world) soufriere() incident.Incident {
	w.t.Helper()
	w.setClock(red.Add(-10 * time.Minute))
	scope := coordinator("VCT")
	hazard := must(w.desk.OpenHazard(ctx, scope, w.once(), incident.OpenHazard{
		Name: "La Soufrière", Type: "VO", GLIDE: []string{"VO-2021-000034-VCT"}, StartedAt: orange,
	}))(w.t).Value
	return must(w.desk.Open(ctx, scope, w.once(), incident.Open{
		Title: "La Soufrière, Saint Vincent", HazardID: hazard.ID, Origin: "VCT", Receivers: []place.Party{"ATG", "GRD", "LCA", "DMA"},
		Severity: incident.Extreme, OccurredAt: w.clock(),
	}))(w.t).Value
}

func TestAVolcanoIsPlannedForFromOrangeAndActivatedOnRed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.soufriere()
	w.alerts()
	must(w.desk.Monitor(ctx, stVincent, w.once(), i.ID, volcano(map[string]protocol.Value{"ORANGE": observedAt(orange)})))(t)
	if diff := cmp.Diff([]string{"planning ATG", "planning GRD", "planning LCA", "planning DMA"}, w.alerts()); diff != "" {
		t.Errorf("monitoring alerts (-want +got):\n%s", diff)
	}
	monitored := w.clock()
	planning := w.steps(i.ID)
	if len(planning) != 6 {
		t.Errorf("%d planning steps", len(planning))
	}
	for key, s := range planning {
		if !s.DueAt.Equal(monitored.Add(2 * time.Hour)) { // planned in the first week of January: nobody is late who was just asked
			t.Errorf("%s, planned %s, is due %s", key, s.Plan.At, s.DueAt)
		}
	}
	for _, key := range []string{"VOL-01.1", "VOL-06"} {
		must(w.desk.CompleteStep(ctx, stVincent, w.once(), i.ID, key, incident.StepReport{
			OccurredAt: orange.Add(24 * time.Hour), Evidence: &incident.Evidence{Type: protocol.Receipt, Reference: "roster 4"},
		}))(t)
	}

	w.setClock(red.Add(2 * time.Minute))
	done := must(w.desk.Activate(ctx, stVincent, w.once(), i.ID, volcano(map[string]protocol.Value{"RED": observedAt(red)})))(t)
	if done.Value.Status != incident.Active || done.Value.Running.Protocol != "volcano" || len(done.Events) != 1 {
		t.Fatalf("status %s, %+v, %d events", done.Value.Status, done.Value.Running, len(done.Events))
	}
	if diff := cmp.Diff([]string{"activation ATG", "activation GRD", "activation LCA", "activation DMA"}, w.alerts()); diff != "" {
		t.Errorf("activation alerts (-want +got):\n%s", diff)
	}
	activated := w.clock()
	steps := w.steps(i.ID)
	for _, c := range []struct {
		key              string
		planned, granted time.Time
		waits            string
	}{
		{"VOL-07", red, activated.Add(time.Hour), ""}, // life safety: an hour at least
		{"VOL-09", red.Add(time.Hour), activated.Add(time.Hour), ""},
		{"VOL-10", red.Add(3 * time.Hour), red.Add(3 * time.Hour), ""},
		{"VOL-11.DMA", red.Add(8 * time.Hour), red.Add(8 * time.Hour), ""},
		{"VOL-13.1", red.Add(6 * time.Hour), red.Add(6 * time.Hour), ""},
		{"VOL-21.1", red.Add(72 * time.Hour), red.Add(72 * time.Hour), ""},
		{"VOL-23", red.Add(7 * 24 * time.Hour), red.Add(7 * 24 * time.Hour), ""},
		{"VOL-30", activated.Add(180 * 24 * time.Hour), activated.Add(180 * 24 * time.Hour), ""},
		{"VOL-18.LCA", time.Time{}, time.Time{}, "ARRIVAL"},
		{"VOL-22.GRD.1", time.Time{}, time.Time{}, "ARRIVAL"},
		{"VOL-26", time.Time{}, time.Time{}, "ALLCLEAR"},
	} {
		s, ok := steps[c.key]
		if !ok || !s.Plan.At.Equal(c.planned) || !s.DueAt.Equal(c.granted) || string(s.Plan.WaitingFor) != c.waits {
			t.Errorf("%s: planned %s, due %s, waits for %q", c.key, s.Plan.At, s.DueAt, s.Plan.WaitingFor)
		}
	}
	if s := steps["VOL-01.1"]; s.Status != incident.StepDone || s.ProofOwed {
		t.Errorf("VOL-01.1 is %s", s.Status)
	}
	for _, a := range []string{"ORANGE", "RED", "ACTIVATION"} {
		if got := must(w.desk.Anchor(ctx, stVincent, i.ID, a))(t); got.Kind != protocol.Observed {
			t.Errorf("%s is %s", a, got.Kind)
		}
	}
	if _, err := w.desk.Get(ctx, access.Scope{Account: "iom", Role: access.RoleRegionalOfficer, Party: "ORG-IOM"}, i.ID); err != nil {
		t.Errorf("IOM has a step and does not see the incident: %v", err)
	}
}

func TestAnEruptionWithoutOrangeCountsItsPlanningFromRed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.soufriere()
	w.setClock(red.Add(time.Minute))
	must(w.desk.Activate(ctx, stVincent, w.once(), i.ID, volcano(map[string]protocol.Value{"RED": observedAt(red)})))(t)
	if s := w.step(i.ID, "VOL-01.1"); !s.Plan.At.Equal(red.Add(24*time.Hour)) || !s.DueAt.Equal(red.Add(24*time.Hour)) {
		t.Errorf("VOL-01.1 is planned %s, due %s", s.Plan.At, s.DueAt)
	}
	_, err := w.desk.MoveAnchor(ctx, stVincent, access.Write{IfNone: true}, i.ID, "LANDFALL", observedAt(red))
	refused(t, err, fault.NotFound, "anchor_not_found")
}

// The closing of a step makes no next period: what comes into being is the first one.
func TestARecurringStepOfTheVolcanoHasItsFirstPeriodOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.soufriere()
	w.setClock(red)
	must(w.desk.Activate(ctx, stVincent, w.once(), i.ID, volcano(map[string]protocol.Value{"ORANGE": observedAt(orange), "RED": observedAt(red)})))(t)
	must(w.desk.CompleteStep(ctx, stVincent, w.once(), i.ID, "VOL-13.1", incident.StepReport{Waiver: "shelters reported by radio"}))(t)
	w.pass(24 * time.Hour)
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	var recurring []string
	for key, s := range w.steps(i.ID) {
		if s.Period > 0 && s.Party == "VCT" {
			recurring = append(recurring, key)
		}
	}
	slices.Sort(recurring)
	if diff := cmp.Diff([]string{"VOL-01.1", "VOL-02.1", "VOL-04.1", "VOL-05.1", "VOL-13.1", "VOL-21.1"}, recurring); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnEruptionIsClosedWhenItsStepsAreAndStoodDownWithItsReviewLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.soufriere()
	w.setClock(red)
	start := volcano(map[string]protocol.Value{"ORANGE": observedAt(orange), "RED": observedAt(red)})
	must(w.desk.Activate(ctx, stVincent, w.once(), i.ID, start))(t)
	_, err := w.desk.Close(ctx, stVincent, w.once(), i.ID, "")
	refused(t, err, fault.State, "unfinished")
	for key, s := range w.steps(i.ID) {
		if s.Open() {
			must(w.desk.MarkNotApplicable(ctx, everyone, w.once(), i.ID, key, incident.StepReport{Reason: "the exercise is over"}))(t)
		}
	}
	if closed := must(w.desk.Close(ctx, stVincent, w.once(), i.ID, ""))(t).Value; closed.Status != incident.Closed {
		t.Errorf("closed as %s", closed.Status)
	}

	i = w.soufriere()
	w.setClock(red)
	must(w.desk.Activate(ctx, stVincent, w.once(), i.ID, start))(t)
	must(w.desk.StandDown(ctx, stVincent, w.once(), i.ID, "the alert was lowered"))(t)
	for key, s := range w.steps(i.ID) {
		if open := strings.HasPrefix(key, "VOL-30"); s.Open() != open || open && !s.DueAt.Equal(red.Add(14*24*time.Hour)) {
			t.Errorf("%s is %s, due %s", key, s.Status, s.DueAt)
		}
	}
}

func TestAWishToLeaveIsCountedApartFromThoseWhoLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.soufriere()
	w.setClock(red.Add(time.Hour))
	made := must(w.desk.ReportFigure(ctx, stVincent, w.once(), i.ID, incident.Figure{
		Place: incident.Spot{Party: "DMA"}, Quantifier: incident.Exact, Unit: incident.Persons, Number: 21, Category: "interested_in_going",
		Term: "multiple_or_other", Setting: "unknown", Source: incident.FigureSource{Name: "press", Kind: "media"}, Role: incident.Recommended, AsOf: red,
	}))(t).Value
	if made.Kind != incident.Stock || made.Persons != 21 {
		t.Errorf("%+v", made)
	}
}
