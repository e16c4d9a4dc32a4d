package incident_test

import (
	"slices"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

func forecast(at time.Time) protocol.Value { return protocol.Value{At: at, Kind: protocol.Forecast} }

func observed(at time.Time) protocol.Value { return protocol.Value{At: at, Kind: protocol.Observed} }

// move gives LANDFALL another value, on what is there now.
func (w *world) move(id string, v protocol.Value) *incident.Anchor {
	w.t.Helper()
	a := must(w.desk.Anchor(ctx, dma, id, "LANDFALL"))(w.t)
	return must(w.desk.MoveAnchor(ctx, dma, access.Write{IfMatch: w.desk.ETag(a.Seq)}, id, "LANDFALL", v))(w.t).Value
}

func TestAMovedAnchorMovesOpenStepsAndKeepsWhatWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	before := w.steps(i.ID)
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-04", incident.StepReport{}))(t)
	w.announced()

	moved := w.move(i.ID, forecast(maria.Add(6*time.Hour)))
	if len(moved.History) != 1 || !moved.History[0].At.Equal(maria) || moved.SetBy != "DMA" {
		t.Errorf("anchor %+v", moved)
	}
	after := w.steps(i.ID)
	late := after["HUR-24"] // LANDFALL+8h
	if !late.DueAt.Equal(maria.Add(14*time.Hour)) || late.DueRevision != 2 || !slices.EqualFunc(late.PastDues, []time.Time{maria.Add(8 * time.Hour)}, time.Time.Equal) {
		t.Errorf("HUR-24 is due %s, revision %d, before %v", late.DueAt, late.DueRevision, late.PastDues)
	}
	if late.Seq != moved.Seq {
		t.Errorf("a moved step keeps its old ETag")
	}
	for _, key := range []string{"HUR-05", "HUR-07.ATG", "HUR-04"} { // hang on ACTIVATION; is done
		if !after[key].DueAt.Equal(before[key].DueAt) {
			t.Errorf("%s moved from %s to %s", key, before[key].DueAt, after[key].DueAt)
		}
	}
	if heard := w.announced(); len(heard) != 1 || len(heard[0].Alerts) != 0 {
		t.Errorf("announced %+v", heard)
	}
}

func TestNoMoveMakesAStepDueWithinTheHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	w.setClock(maria.Add(-20 * time.Hour))
	w.move(i.ID, forecast(w.clock().Add(12*time.Hour))) // HUR-17, LANDFALL−18h, would have been due six hours ago
	if s := w.step(i.ID, "HUR-17"); !s.DueAt.Equal(w.clock().Add(time.Hour)) || !s.Plan.At.Equal(w.clock().Add(-6*time.Hour)) {
		t.Errorf("HUR-17 is due %s, planned %s, now %s", s.DueAt, s.Plan.At, w.clock())
	}
	// What is due sooner already stays so, and a later change of something else prolongs nothing.
	w.pass(30 * time.Minute)
	w.move(i.ID, forecast(w.clock().Add(11*time.Hour)))
	if s := w.step(i.ID, "HUR-17"); !s.DueAt.Equal(w.clock().Add(30 * time.Minute)) {
		t.Errorf("HUR-17 is due %s, now %s", s.DueAt, w.clock())
	}
}

func TestAnAnchorIsSetOnWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.open()
	_, err := w.desk.MoveAnchor(ctx, dma, access.Write{IfNone: true}, i.ID, "LANDFALL", forecast(maria))
	refused(t, err, fault.State, "no_protocol")
	red := incident.Start{Protocol: "volcano", Anchors: map[string]protocol.Value{"RED": forecast(monday)}}
	must(w.desk.Activate(ctx, dma, w.once(), i.ID, red))(t)
	if s := w.step(i.ID, "VOL-26"); s.Plan.WaitingFor != "ALLCLEAR" || !s.DueAt.IsZero() {
		t.Errorf("VOL-26 waits for %q, due %s", s.Plan.WaitingFor, s.DueAt)
	}
	for _, c := range []struct {
		name  string
		write access.Write
		kind  fault.Kind
		code  string
	}{
		{"ALLCLEAR", access.Write{}, fault.PreconditionRequired, "if_none_match_required"},
		{"ALLCLEAR", access.Write{IfMatch: w.desk.ETag(2)}, fault.Precondition, "changed_meanwhile"},
		{"ACTIVATION", access.Write{IfNone: true}, fault.State, "anchor_follows"},
		{"ARRIVAL", access.Write{IfNone: true}, fault.State, "anchor_follows"},
		{"LANDFALL", access.Write{IfNone: true}, fault.NotFound, "anchor_not_found"},
		{"RED.ATG", access.Write{IfNone: true}, fault.NotFound, "anchor_not_found"},
		{"lunch", access.Write{IfNone: true}, fault.NotFound, "anchor_not_found"},
		{"STAY_END", access.Write{IfNone: true}, fault.NotFound, "anchor_not_found"},
		{"STAY_END.VCT", access.Write{IfNone: true}, fault.NotFound, "anchor_not_found"},
	} {
		_, err := w.desk.MoveAnchor(ctx, dma, c.write, i.ID, c.name, forecast(maria))
		refused(t, err, c.kind, c.code)
	}
	_, err = w.desk.MoveAnchor(ctx, dma, access.Write{IfNone: true}, i.ID, "ALLCLEAR", observed(maria))
	names(t, err, "/at") // it has not happened yet
	set := must(w.desk.MoveAnchor(ctx, dma, access.Write{IfNone: true}, i.ID, "ALLCLEAR", forecast(maria)))(t)
	for _, c := range []struct {
		write access.Write
		kind  fault.Kind
		code  string
	}{
		{access.Write{IfNone: true}, fault.Precondition, "exists"},
		{access.Write{}, fault.PreconditionRequired, "if_match_required"},
		{access.Write{IfMatch: `"1-2"`}, fault.Precondition, "changed_meanwhile"},
		{access.Write{IfMatch: `"0-3"`}, fault.Precondition, "changed_meanwhile"}, // of before a restore
		{access.Write{IfMatch: "yes"}, fault.Invalid, "bad_etag"},
	} {
		_, err := w.desk.MoveAnchor(ctx, dma, c.write, i.ID, "ALLCLEAR", forecast(maria.Add(time.Hour)))
		refused(t, err, c.kind, c.code)
	}
	// Somebody else's work on a step does not stand in the way.
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "VOL-08", incident.StepReport{}))(t)
	must(w.desk.MoveAnchor(ctx, dma, access.Write{IfMatch: w.desk.ETag(set.Seq)}, i.ID, "ALLCLEAR", forecast(maria.Add(time.Hour))))(t)
}

func TestEachReceiverSaysWhenAStayThereEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	end := monday.Add(180 * 24 * time.Hour)
	set := must(w.desk.MoveAnchor(ctx, atg, access.Write{IfNone: true}, i.ID, "STAY_END", forecast(end)))(t).Value
	if set.Name != "STAY_END.ATG" {
		t.Errorf("set %s", set.Name)
	}
	steps := w.steps(i.ID)
	if s := steps["HUR-35.ATG"]; !s.DueAt.Equal(end.Add(-30 * 24 * time.Hour)) {
		t.Errorf("HUR-35.ATG is due %s", s.DueAt)
	}
	if s := steps["HUR-35.LCA"]; s.Plan.WaitingFor != "STAY_END" {
		t.Errorf("HUR-35.LCA is due %s", s.DueAt)
	}
	_, err := w.desk.MoveAnchor(ctx, atg, access.Write{IfNone: true}, i.ID, "STAY_END.LCA", forecast(end))
	refused(t, err, fault.Forbidden, "receiver_only")
	_, err = w.desk.MoveAnchor(ctx, atg, access.Write{IfNone: true}, i.ID, "LANDFALL", forecast(end))
	refused(t, err, fault.Forbidden, "origin_only")
}

func TestSilentMovesSaySo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	for _, c := range []struct {
		by     time.Duration
		silent bool
	}{{time.Hour, true}, {3 * time.Hour, false}} {
		w.announced()
		a := must(w.desk.Anchor(ctx, dma, i.ID, "LANDFALL"))(t)
		w.move(i.ID, forecast(a.At.Add(c.by)))
		heard := w.announced()
		var m struct{ Anchor struct{ Silent bool } }
		unmarshal(t, heard[0].Data, &m)
		if m.Anchor.Silent != c.silent {
			t.Errorf("moved by %s: silent %t", c.by, m.Anchor.Silent)
		}
	}
}

func TestAStateNamedLaterGetsItsSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	w.announced()
	w.pass(5 * time.Hour)
	named := must(w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(i.Seq)}, i.ID, []place.Party{"VCT", "ATG", "LCA"}))(t)
	heard := w.announced()
	if len(named.Events) != 1 || len(heard) != 1 || len(heard[0].Alerts) != 1 {
		t.Fatalf("%d events, announced %+v", len(named.Events), heard)
	}
	if call := heard[0].Alerts[0]; call.Party != "VCT" || call.Kind != "named" || !call.RequiredBy.Equal(w.clock().Add(30*time.Minute)) {
		t.Errorf("alert %+v", call)
	}
	s := w.step(i.ID, "HUR-07.VCT") // ACTIVATION+6h is in an hour: too soon for somebody who has just heard of it
	if !s.DueAt.Equal(w.clock().Add(2*time.Hour)) || !s.Plan.At.Equal(monday.Add(6*time.Hour)) {
		t.Errorf("HUR-07.VCT is due %s, planned %s", s.DueAt, s.Plan.At)
	}
	must(w.desk.Get(ctx, vct, i.ID))(t)
	if again := must(w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(named.Seq)}, i.ID, []place.Party{"ATG", "LCA", "VCT"}))(t); len(again.Events) != 0 {
		t.Error("another order of the same states is a change")
	}
}

func TestAStateThatIsNotNamedAnyMoreLosesEverythingAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	must(w.desk.CompleteStep(ctx, lca, w.once(), i.ID, "HUR-07.LCA", incident.StepReport{}))(t)
	w.announced()
	done := must(w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(i.Seq)}, i.ID, []place.Party{"ATG"}))(t)

	heard := w.announced()
	if slices.Contains(heard[0].Parties, "LCA") {
		t.Error("the unnamed state is told with the others")
	}
	if c := heard[0].Closes; len(c) != 1 || c[0].Party != "LCA" || c[0].Reason != "unnamed" {
		t.Errorf("closes %+v", c)
	}
	call := heard[0].Alerts[0]
	var data map[string]any
	unmarshal(t, call.Data, &data)
	if call.Party != "LCA" || call.Kind != "withdrawn" || len(data) != 3 || data["code"] != i.Code {
		t.Errorf("alert %+v with %v", call, data)
	}
	for key, s := range w.steps(i.ID) {
		switch {
		case s.Party != "LCA":
		case key == "HUR-07.LCA" && s.Status != incident.StepDone, key != "HUR-07.LCA" && s.Status != incident.StepCancelled:
			t.Errorf("%s is %s", key, s.Status)
		}
	}
	absent := "0193a0c0-0000-7000-8000-000000000000"
	for what, call := range map[string]func(id string) error{
		"get": func(id string) error { _, err := w.desk.Get(ctx, lca, id); return err },
		"steps": func(id string) error {
			_, err := w.desk.Steps(ctx, lca, id, incident.StepFilter{}, incident.PageRequest{})
			return err
		},
		"timeline": func(id string) error { _, err := w.desk.Timeline(ctx, lca, id, incident.PageRequest{}); return err },
		"answer": func(id string) error {
			_, err := w.desk.GiveAnswer(ctx, lca, access.Write{}, id, incident.Answer{Kind: incident.Accept})
			return err
		},
		"complete": func(id string) error {
			_, err := w.desk.CompleteStep(ctx, lca, access.Write{}, id, "HUR-07.LCA", incident.StepReport{})
			return err
		},
		"as known": func(id string) error { _, err := w.desk.GetAsKnownAt(ctx, lca, id, monday); return err },
	} {
		gone, never := call(i.ID), call(absent)
		if gone == nil || never == nil || gone.Error() != never.Error() {
			t.Errorf("%s: unnamed %v, absent %v", what, gone, never)
		}
	}
	if list := must(w.desk.List(ctx, lca, incident.Filter{}, incident.PageRequest{}))(t); len(list.Items) != 0 {
		t.Error("still in its list")
	}
	if w.told(i.ID, "LCA") {
		t.Error("may still be told")
	}

	// Named again: its steps come back, open, with a due revision of their own.
	must(w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(done.Seq)}, i.ID, []place.Party{"ATG", "LCA"}))(t)
	if s := w.step(i.ID, "HUR-08.LCA"); !s.Open() || s.DueRevision != 2 || s.DueAt.IsZero() {
		t.Errorf("HUR-08.LCA is %s, due %s, revision %d", s.Status, s.DueAt, s.DueRevision)
	}
	if s := w.step(i.ID, "HUR-07.LCA"); s.Status != incident.StepDone {
		t.Errorf("HUR-07.LCA is %s", s.Status)
	}
}

func TestReceiversAreChangedOnWhatWasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	all := []place.Party{"ATG"}
	_, err := w.desk.SetReceivers(ctx, dma, access.Write{}, i.ID, all)
	refused(t, err, fault.PreconditionRequired, "if_match_required")
	_, err = w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(1)}, i.ID, all)
	refused(t, err, fault.Precondition, "changed_meanwhile")
	_, err = w.desk.SetReceivers(ctx, atg, access.Write{IfMatch: w.desk.ETag(i.Seq)}, i.ID, all)
	refused(t, err, fault.Forbidden, "origin_only")
	_, err = w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(i.Seq)}, i.ID, []place.Party{"ATG", "ATG", "XXX", "ORG-CDEMA", "ATG-BARBUDA"})
	names(t, err, "/receivers/1", "/receivers/2", "/receivers/3", "/receivers/4")

	m := w.boat(i.ID, "LCA")
	_, err = w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(i.Seq)}, i.ID, all)
	refused(t, err, fault.State, "movement_under_way")
	must(w.desk.CancelMovement(ctx, dma, w.once(), i.ID, m.ID, incident.CancelMovement{Reason: "sea state"}))(t)
	must(w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(i.Seq)}, i.ID, all))(t)
}
