package incident_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/place"
)

var ctx = context.Background()

func TestAnOpenedIncidentNamesItsReceiversAndAlertsThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.open()
	if i.Status != incident.Monitoring || i.Version != 1 || i.Seq != 1 {
		t.Errorf("opened as %s, version %d, seq %d", i.Status, i.Version, i.Seq)
	}
	if want := incident.CodeOf(i.ID, "DMA", monday, 0); i.Code != want || len(i.Code) != len("DMA-2017-7K3QX") {
		t.Errorf("code %s, want %s", i.Code, want)
	}
	if diff := cmp.Diff([]string{"named ATG", "named LCA"}, w.alerts()); diff != "" {
		t.Error(diff)
	}
	for scope, sees := range map[*access.Scope]bool{&dma: true, &atg: true, &lca: true, &vct: false, &cdema: false, &everyone: true} {
		_, err := w.desk.Get(ctx, *scope, i.ID)
		if (err == nil) != sees {
			t.Errorf("%s sees it: %t, want %t", scope.Account, err == nil, sees)
		}
	}
}

func TestADraftIsTheOriginsOwnUntilItIsReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.open(func(in *incident.Open) { in.Draft = true })
	for _, a := range w.announced() {
		if a.Incident == "" {
			continue // the hazard
		}
		if !slices.Equal(a.Parties, []string{"DMA"}) || len(a.Alerts) > 0 {
			t.Errorf("a draft is told to %v with alerts %v", a.Parties, a.Alerts)
		}
	}
	_, err := w.desk.Get(ctx, atg, i.ID)
	refused(t, err, fault.NotFound, "incident_not_found")
	list := must(w.desk.List(ctx, atg, incident.Filter{}, incident.PageRequest{}))(t)
	if len(list.Items) != 0 {
		t.Errorf("a draft is in a receiver's list: %v", list.Items)
	}
	_, err = w.desk.Activate(ctx, dma, w.once(), i.ID, landfall(maria))
	refused(t, err, fault.State, "incident_draft")

	opened := must(w.desk.Release(ctx, dma, w.once(), i.ID))(t).Value
	if opened.Status != incident.Monitoring {
		t.Errorf("released as %s", opened.Status)
	}
	if diff := cmp.Diff([]string{"named ATG", "named LCA"}, w.alerts()); diff != "" {
		t.Error(diff)
	}
	must(w.desk.Get(ctx, atg, i.ID))(t)
	_, err = w.desk.Release(ctx, dma, w.once(), i.ID)
	refused(t, err, fault.State, "not_a_draft")
}

func TestADraftThatIsStoodDownStaysUntold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.open(func(in *incident.Open) { in.Draft = true })
	must(w.desk.StandDown(ctx, dma, w.once(), i.ID, "turned north"))(t)
	_, err := w.desk.Get(ctx, atg, i.ID)
	refused(t, err, fault.NotFound, "incident_not_found")
	for _, a := range w.announced() {
		if a.Incident != "" && !slices.Equal(a.Parties, []string{"DMA"}) {
			t.Errorf("told to %v", a.Parties)
		}
	}
}

func TestBarbudaMovesToAntiguaInsideOneState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active(func(in *incident.Open) {
		in.Origin, in.OriginIsland, in.Receivers = "ATG", "BARBUDA", []place.Party{"ATG"}
	})
	if i.Origin != "ATG-BARBUDA" || i.Code[:9] != "ATG-2017-" {
		t.Errorf("origin %s, code %s", i.Origin, i.Code)
	}
	steps := w.steps(i.ID)
	if p := steps["HUR-05"].Party; p != "ATG-BARBUDA" {
		t.Errorf("HUR-05 belongs to %s", p)
	}
	if p := steps["HUR-07.ATG"].Party; p != "ATG" {
		t.Errorf("HUR-07.ATG belongs to %s", p)
	}
	must(w.desk.StartStep(ctx, coordinator("ATG-BARBUDA"), w.once(), i.ID, "HUR-05", incident.StepReport{}))(t)
	_, err := w.desk.StartStep(ctx, coordinator("ATG-BARBUDA"), w.once(), i.ID, "HUR-07.ATG", incident.StepReport{})
	refused(t, err, fault.Forbidden, "not_your_step")
	must(w.desk.StartStep(ctx, atg, w.once(), i.ID, "HUR-07.ATG", incident.StepReport{}))(t)
	for _, scope := range []access.Scope{coordinator("ATG-BARBUDA"), atg} {
		if list := must(w.desk.List(ctx, scope, incident.Filter{State: "ATG"}, incident.PageRequest{}))(t); len(list.Items) != 1 {
			t.Errorf("%s finds %d incidents", scope.Account, len(list.Items))
		}
	}
}

func TestActivationIsOneEventWithEveryStepAndItsTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.open()
	w.announced()
	done := must(w.desk.Activate(ctx, dma, w.once(), i.ID, landfall(maria)))(t)
	if done.Value.Status != incident.Active || len(done.Events) != 1 || done.Version != 2 {
		t.Fatalf("status %s, %d events, version %d", done.Value.Status, len(done.Events), done.Version)
	}
	var announcements = w.announced()
	if len(announcements) != 1 {
		t.Fatalf("%d announcements for one activation", len(announcements))
	}
	for n, want := range []string{"ATG", "LCA"} {
		call := announcements[0].Alerts[n]
		if call.Party != want || call.Kind != "activation" || !call.RequiredBy.Equal(monday.Add(30*time.Minute)) {
			t.Errorf("alert %+v", call)
		}
	}
	steps := w.steps(i.ID)
	for _, c := range []struct {
		key              string
		planned, granted time.Time
		waits            string
	}{
		{"HUR-01", maria.Add(-72 * time.Hour), monday.Add(2 * time.Hour), ""}, // planned before anybody knew: a fair time from now
		{"HUR-04", maria.Add(-56 * time.Hour), monday.Add(time.Hour), ""},     // life safety
		{"HUR-05", monday.Add(time.Hour), monday.Add(time.Hour), ""},
		{"HUR-07.ATG", monday.Add(6 * time.Hour), monday.Add(6 * time.Hour), ""},
		{"HUR-07.LCA", monday.Add(6 * time.Hour), monday.Add(6 * time.Hour), ""},
		{"HUR-17", maria.Add(-18 * time.Hour), maria.Add(-18 * time.Hour), ""},
		{"HUR-16", time.Time{}, time.Time{}, "DEPARTURE"},
		{"HUR-18.ATG", time.Time{}, time.Time{}, "ARRIVAL"},
		{"HUR-21.LCA", time.Time{}, time.Time{}, "ARRIVAL"},
		{"HUR-27.ATG.1", time.Time{}, time.Time{}, "ARRIVAL"},
		{"HUR-37", monday.Add(180 * 24 * time.Hour), monday.Add(180 * 24 * time.Hour), ""},
	} {
		s, ok := steps[c.key]
		if !ok {
			t.Errorf("%s is missing", c.key)
			continue
		}
		if !s.Plan.At.Equal(c.planned) || !s.DueAt.Equal(c.granted) || string(s.Plan.WaitingFor) != c.waits || s.Status != incident.StepPending {
			t.Errorf("%s is %s, planned %s, due %s, waits for %q", c.key, s.Status, s.Plan.At, s.DueAt, s.Plan.WaitingFor)
		}
	}
	if _, err := w.desk.Get(ctx, cdema, i.ID); err != nil {
		t.Errorf("an organisation with steps does not see the incident: %v", err)
	}
}

func TestPlanningRunsFromMonitoringAndGoesOnAfterActivation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.setClock(maria.Add(-100 * time.Hour))
	i := w.open()
	w.announced()
	monitored := must(w.desk.Monitor(ctx, dma, w.once(), i.ID, landfall(maria)))(t).Value
	if monitored.Status != incident.Monitoring || monitored.Running.Part != "monitoring" {
		t.Errorf("status %s, part %s", monitored.Status, monitored.Running.Part)
	}
	if got := w.alerts(); !slices.Equal(got, []string{"planning ATG", "planning LCA"}) {
		t.Errorf("alerts %v", got)
	}
	if n := len(w.steps(i.ID)); n != 5 { // HUR-01, 03, 04 and HUR-02 twice
		t.Errorf("%d planning steps", n)
	}
	_, err := w.desk.Monitor(ctx, dma, w.once(), i.ID, landfall(maria))
	refused(t, err, fault.State, "already_monitoring")
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-01", incident.StepReport{}))(t)

	w.pass(40 * time.Hour)
	must(w.desk.Activate(ctx, dma, w.once(), i.ID, landfall(maria)))(t)
	steps := w.steps(i.ID)
	if s := steps["HUR-01"]; s.Status != incident.StepDone || !s.ProofOwed {
		t.Errorf("HUR-01 is %s", s.Status)
	}
	if s := steps["HUR-04"]; !s.DueAt.Equal(maria.Add(-56*time.Hour)) || s.DueRevision != 1 {
		t.Errorf("HUR-04 is due %s, revision %d", s.DueAt, s.DueRevision)
	}
	_, err = w.desk.Activate(ctx, dma, w.once(), i.ID, landfall(maria))
	refused(t, err, fault.State, "already_active")
}

func TestAStepThatHasNoMeaningAfterLandfallDoesNotApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.setClock(maria.Add(10 * time.Hour))
	i := w.active()
	if s := w.step(i.ID, "HUR-17"); s.Status != incident.StepNotApplicable || !s.ByRule || s.Reason == "" || !s.DueAt.IsZero() {
		t.Errorf("HUR-17 is %s (%q), due %s", s.Status, s.Reason, s.DueAt)
	}
	// The forecast was wrong: it has not come yet, and the step means something again.
	anchor := must(w.desk.Anchor(ctx, dma, i.ID, "LANDFALL"))(t)
	later := w.clock().Add(48 * time.Hour)
	must(w.desk.MoveAnchor(ctx, dma, access.Write{IfMatch: w.desk.ETag(anchor.Seq)}, i.ID, "LANDFALL", forecast(later)))(t)
	if s := w.step(i.ID, "HUR-17"); s.Status != incident.StepPending || !s.DueAt.Equal(later.Add(-18*time.Hour)) {
		t.Errorf("HUR-17 is %s, due %s", s.Status, s.DueAt)
	}
}

func TestClosingListsWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active(func(in *incident.Open) { in.Receivers = []place.Party{"ATG"} })
	m := w.boat(i.ID, "ATG")
	_, err := w.desk.Close(ctx, dma, w.once(), i.ID, "")
	refused(t, err, fault.State, "unfinished")
	f, _ := fault.As(err)
	if !slices.Contains(f.Fields, fault.Field{Pointer: "/steps/HUR-05", Reason: "is open"}) ||
		!slices.Contains(f.Fields, fault.Field{Pointer: "/movements/" + m.ID, Reason: "is announced"}) {
		t.Errorf("the refusal names %v", f.Fields)
	}
	w.arrive(i.ID, m.ID, atg, 118)
	for key, s := range w.steps(i.ID) {
		if !s.Open() {
			continue
		}
		if key == "HUR-05" {
			must(w.desk.CompleteStep(ctx, everyone, w.once(), i.ID, key, incident.StepReport{}))(t)
			continue
		}
		must(w.desk.MarkNotApplicable(ctx, everyone, w.once(), i.ID, key, incident.StepReport{Reason: "exercise ends"}))(t)
	}
	_, err = w.desk.Close(ctx, dma, w.once(), i.ID, "")
	f, _ = fault.As(err)
	want := []fault.Field{{Pointer: "/steps/HUR-05", Reason: "owes its proof"}, {Pointer: "/figures", Reason: "a final figure for ATG is missing"}}
	if diff := cmp.Diff(want, f.Fields); diff != "" {
		t.Error(diff)
	}
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Waiver: "request was made by radio"}))(t)
	must(w.desk.ReportFigure(ctx, atg, w.once(), i.ID, figure(func(f *incident.Figure) { f.Final = true })))(t)
	w.announced()
	closed := must(w.desk.Close(ctx, dma, w.once(), i.ID, ""))(t).Value
	if closed.Status != incident.Closed {
		t.Errorf("closed as %s", closed.Status)
	}
	if a := w.announced(); len(a) != 1 || len(a[0].Closes) != 1 || a[0].Closes[0].Reason != "closed" || a[0].Closes[0].Party != "" {
		t.Errorf("announced %+v", a)
	}
	_, err = w.desk.StartStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{})
	refused(t, err, fault.State, "incident_ended")
	_, err = w.desk.ReopenStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Reason: "forgot"})
	refused(t, err, fault.State, "incident_ended")
	_, err = w.desk.ReportFigure(ctx, atg, w.once(), i.ID, figure())
	refused(t, err, fault.State, "incident_ended")
}

func TestStandingDownCancelsAllButTheReview(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	done := must(w.desk.StandDown(ctx, dma, w.once(), i.ID, "it turned north"))(t)
	if done.Value.Status != incident.StoodDown {
		t.Errorf("stood down as %s", done.Value.Status)
	}
	for key, s := range w.steps(i.ID) {
		switch {
		case key == "HUR-37":
			if !s.Open() || !s.DueAt.Equal(monday.Add(14*24*time.Hour)) {
				t.Errorf("the review is %s, due %s", s.Status, s.DueAt)
			}
		case s.Status != incident.StepCancelled || s.Reason != "stood_down":
			t.Errorf("%s is %s (%s)", key, s.Status, s.Reason)
		}
	}
	_, wake, err := w.desk.Fold(ctx, i.ID)
	if err != nil || wake.IsZero() {
		t.Errorf("nobody looks at the review any more: wake %s, %v", wake, err)
	}
	review := access.Scope{Account: "oecs", Role: access.RoleRegionalOfficer, Party: w.step(i.ID, "HUR-37").Party}
	must(w.desk.CompleteStep(ctx, review, w.once(), i.ID, "HUR-37", incident.StepReport{}))(t)
	_, err = w.desk.StandDown(ctx, dma, w.once(), i.ID, "again")
	refused(t, err, fault.State, "incident_ended")
	_, err = w.desk.StandDown(ctx, dma, w.once(), i.ID, " ")
	names(t, err, "/reason")
}
