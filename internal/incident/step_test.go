package incident_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

var bulletin = &incident.Evidence{Type: protocol.Bulletin, Reference: "NHC 18A"}

func TestAStepGoesItsWay(t *testing.T) {
	t.Parallel()
	start := func(w *world, id, key string) (incident.Done[incident.Step], error) {
		return w.desk.StartStep(ctx, dma, w.once(), id, key, incident.StepReport{})
	}
	complete := func(w *world, id, key string) (incident.Done[incident.Step], error) {
		return w.desk.CompleteStep(ctx, dma, w.once(), id, key, incident.StepReport{Evidence: bulletin})
	}
	waive := func(w *world, id, key string) (incident.Done[incident.Step], error) {
		return w.desk.MarkNotApplicable(ctx, dma, w.once(), id, key, incident.StepReport{Reason: "no visitors"})
	}
	reopen := func(w *world, id, key string) (incident.Done[incident.Step], error) {
		return w.desk.ReopenStep(ctx, dma, w.once(), id, key, incident.StepReport{Reason: "was a mistake"})
	}
	note := func(w *world, id, key string) (incident.Done[incident.Step], error) {
		return w.desk.NoteStep(ctx, dma, w.once(), id, key, incident.StepReport{Note: "two of three ports answered"})
	}
	type command = func(*world, string, string) (incident.Done[incident.Step], error)
	for _, c := range []struct {
		name   string
		before []command
		do     command
		status incident.StepStatus // "": refused
		code   string
	}{
		{"start", nil, start, incident.StepInProgress, ""},
		{"start twice", []command{start}, start, "", "step_in_progress"},
		{"complete at once", nil, complete, incident.StepDone, ""},
		{"complete what was started", []command{start}, complete, incident.StepDone, ""},
		{"complete twice", []command{complete}, complete, "", "step_done"},
		{"start what is done", []command{complete}, start, "", "step_done"},
		{"not applicable", nil, waive, incident.StepNotApplicable, ""},
		{"not applicable once done", []command{complete}, waive, "", "step_done"},
		{"complete what does not apply", []command{waive}, complete, "", "step_not_applicable"},
		{"reopen what is done", []command{complete}, reopen, incident.StepPending, ""},
		{"reopen what had been started", []command{start, complete}, reopen, incident.StepInProgress, ""},
		{"reopen what does not apply", []command{waive}, reopen, incident.StepPending, ""},
		{"reopen what is open", nil, reopen, "", "step_pending"},
		{"note", nil, note, incident.StepPending, ""},
		{"note on what is done", []command{complete}, note, incident.StepDone, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			i := w.active()
			for _, b := range c.before {
				must(b(w, i.ID, "HUR-13"))(t)
			}
			done, err := c.do(w, i.ID, "HUR-13")
			if c.status == "" {
				refused(t, err, fault.State, c.code)
				return
			}
			if err != nil || done.Value.Status != c.status || len(done.Events) != 1 || done.Seq != done.Version {
				t.Errorf("%v: %s, %d events, seq %d of %d", err, done.Value.Status, len(done.Events), done.Seq, done.Version)
			}
		})
	}
}

func TestAReopenedStepGetsAFairTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Evidence: bulletin}))(t)
	w.pass(10 * time.Hour)
	s := must(w.desk.ReopenStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Reason: "request never sent"}))(t).Value
	if !s.DueAt.Equal(w.clock().Add(time.Hour)) || s.DueRevision != 2 || s.Overdue || s.Evidence != nil || s.Reason == "" {
		t.Errorf("due %s, revision %d, overdue %t, evidence %v", s.DueAt, s.DueRevision, s.Overdue, s.Evidence)
	}
}

func TestProofIsOwedUntilItIsGivenOrWaived(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	first := must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{}))(t).Value
	if !first.ProofOwed {
		t.Error("no proof is owed")
	}
	owed := must(w.desk.Steps(ctx, dma, i.ID, incident.StepFilter{ProofOwed: ptr(true)}, incident.PageRequest{}))(t)
	if len(owed.Items) != 1 || owed.Items[0].Key != "HUR-05" {
		t.Errorf("owed %v", owed.Items)
	}
	w.pass(3 * time.Hour)
	second := must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Evidence: bulletin}))(t).Value
	if second.ProofOwed || second.Evidence == nil || !second.ClosedAt.Equal(first.ClosedAt) || second.DoneLate {
		t.Errorf("owed %t, evidence %v, done %s", second.ProofOwed, second.Evidence, second.ClosedAt)
	}
	waived := must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-04", incident.StepReport{Waiver: "logged on paper"}))(t).Value
	if waived.ProofOwed || waived.Waived == "" {
		t.Errorf("owed %t, waived %q", waived.ProofOwed, waived.Waived)
	}
	_, err := w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-03", incident.StepReport{Waiver: "x", Evidence: bulletin})
	names(t, err, "/proof_waived")
	_, err = w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-03", incident.StepReport{Evidence: &incident.Evidence{Type: "photo"}})
	names(t, err, "/evidence/type", "/evidence/reference")
}

func TestFlagsFollowTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	for _, c := range []struct {
		after               time.Duration
		soon, overdue, late bool
	}{
		{44 * time.Minute, false, false, false},
		{45 * time.Minute, true, false, false}, // a quarter of an hour before the hour is over
		{time.Hour, false, true, false},
		{time.Hour + time.Second, false, true, false},
	} {
		w.setClock(monday.Add(c.after))
		if s := w.step(i.ID, "HUR-05"); s.DueSoon != c.soon || s.Overdue != c.overdue {
			t.Errorf("after %s: due soon %t, overdue %t", c.after, s.DueSoon, s.Overdue)
		}
	}
	w.setClock(monday.Add(2 * time.Hour))
	s := must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{OccurredAt: monday.Add(50 * time.Minute)}))(t).Value
	if s.DoneLate || s.Overdue {
		t.Errorf("done in time, entered late: done late %t, overdue %t", s.DoneLate, s.Overdue)
	}
	s = must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-04", incident.StepReport{}))(t).Value
	if !s.DoneLate {
		t.Error("done after two hours of one, and not late")
	}
	w.setClock(monday.Add(6*time.Hour + time.Second))
	if s := w.step(i.ID, "HUR-24"); !s.Stale {
		t.Error("nobody said a word for six hours, and it is not stale")
	}
	must(w.desk.NoteStep(ctx, dma, w.once(), i.ID, "HUR-24", incident.StepReport{Note: "airport is closed"}))(t)
	if s := w.step(i.ID, "HUR-24"); s.Stale {
		t.Error("stale in spite of a note")
	}
}

// chain is a template of three steps: the second needs the first, hard, and the third needs the second, softly.
func chain(t *testing.T) incident.Templates {
	t.Helper()
	text := func(s string) place.Text { return place.Text{EN: s, FR: s} }
	step := func(code string, hours int, needs ...protocol.Need) *protocol.Step {
		return &protocol.Step{
			Code: code, Title: text(code), Phase: protocol.Activation, Side: protocol.OriginSide, Party: protocol.ByOrigin, Repeat: protocol.Once,
			Agency: "NDMO", Needs: needs, Evidence: protocol.Evidence{Type: protocol.Notice, Text: "notice"}, Escalation: []string{"cabinet"}, Basis: "C",
			Deadline: protocol.Deadline{Terms: []protocol.Term{{Anchor: protocol.AnchorActivation, Offset: protocol.Span{N: hours, Unit: protocol.Hour}}}},
		}
	}
	made, err := protocol.New(protocol.Template{
		ID: "chain", Version: 3, Status: protocol.Proposal, Title: text("chain"),
		Steps: []*protocol.Step{
			step("CHN-01", 4), step("CHN-02", 5, protocol.Need{Code: "CHN-01", Hard: true}), step("CHN-03", 6, protocol.Need{Code: "CHN-02"}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(id string, _ int) (*protocol.Template, bool) { return made, id == "chain" }
}

func TestAHardNeedBlocksAndASoftOneDoesNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, chain(t))
	i := w.open()
	must(w.desk.Activate(ctx, dma, w.once(), i.ID, incident.Start{Protocol: "chain"}))(t)
	if s := w.step(i.ID, "CHN-02"); !s.Blocked || !s.DueAt.IsZero() || !s.Plan.At.Equal(monday.Add(5*time.Hour)) {
		t.Errorf("CHN-02: blocked %t, due %s, planned %s", s.Blocked, s.DueAt, s.Plan.At)
	}
	if s := w.step(i.ID, "CHN-03"); s.Blocked || !s.DueAt.Equal(monday.Add(6*time.Hour)) {
		t.Errorf("CHN-03: blocked %t, due %s", s.Blocked, s.DueAt)
	}
	_, err := w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "CHN-02", incident.StepReport{})
	refused(t, err, fault.State, "step_blocked")
	if f, _ := fault.As(err); !strings.Contains(f.Detail, "CHN-01") {
		t.Errorf("the refusal does not say what is needed: %s", f.Detail)
	}
	w.setClock(monday.Add(7 * time.Hour)) // CHN-02 would be late by now; the lateness is the other's
	if s := w.step(i.ID, "CHN-02"); s.Overdue {
		t.Error("a blocked step is called overdue")
	}
	done := must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "CHN-01", incident.StepReport{}))(t)
	if s := w.step(i.ID, "CHN-02"); s.Blocked || !s.DueAt.Equal(w.clock().Add(2*time.Hour)) || s.Seq != done.Version {
		t.Errorf("CHN-02: blocked %t, due %s", s.Blocked, s.DueAt)
	}
	must(w.desk.ReopenStep(ctx, dma, w.once(), i.ID, "CHN-01", incident.StepReport{Reason: "not so"}))(t)
	if s := w.step(i.ID, "CHN-02"); !s.Blocked || !s.DueAt.IsZero() || s.DueRevision != 1 {
		t.Errorf("CHN-02: blocked %t, due %s, revision %d", s.Blocked, s.DueAt, s.DueRevision)
	}
	must(w.desk.MarkNotApplicable(ctx, dma, w.once(), i.ID, "CHN-01", incident.StepReport{Reason: "no need"}))(t)
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "CHN-02", incident.StepReport{}))(t)
}

func TestAStepIsChangedOnWhatWasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	s := w.step(i.ID, "HUR-05")
	tag := access.Write{IfMatch: w.desk.ETag(s.Seq)}
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-10", incident.StepReport{}))(t) // another step
	w.setClock(s.DueAt)
	if n := must(w.desk.Sweep(ctx, i.ID, w.clock()))(t); n == 0 {
		t.Fatal("nothing was overdue")
	}
	must(w.desk.StartStep(ctx, dma, tag, i.ID, "HUR-05", incident.StepReport{}))(t) // nor does the watch stand in the way
	_, err := w.desk.CompleteStep(ctx, dma, tag, i.ID, "HUR-05", incident.StepReport{})
	refused(t, err, fault.Precondition, "changed_meanwhile")
}

func TestARepeatedCommandGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	open := w.request()
	key := keyed("once", open)
	first := must(w.desk.Open(ctx, dma, key, open))(t)
	must(w.desk.Activate(ctx, dma, w.once(), first.Value.ID, landfall(maria)))(t)
	second := must(w.desk.Open(ctx, dma, key, open))(t)
	if !second.Repeated || second.Version != 1 {
		t.Errorf("repeated %t, version %d", second.Repeated, second.Version)
	}
	if diff := cmp.Diff(first.Value, second.Value); diff != "" {
		t.Error(diff)
	}
	open.Title = "another"
	_, err := w.desk.Open(ctx, dma, keyed("once", open), open)
	refused(t, err, fault.Conflict, "idempotency_key_reused")

	id := first.Value.ID
	for name, do := range map[string]func(access.Write) (int64, bool, error){
		"step": func(k access.Write) (int64, bool, error) {
			d, err := w.desk.CompleteStep(ctx, dma, k, id, "HUR-05", incident.StepReport{})
			return d.Version, d.Repeated, err
		},
		"movement": func(k access.Write) (int64, bool, error) {
			d, err := w.desk.AnnounceMovement(ctx, dma, k, id, incident.AnnounceMovement{
				Mode: incident.ByAir, To: incident.Spot{Party: "ATG"}, DepartsAt: monday, ETA: monday.Add(time.Hour), People: incident.People{Total: 40},
			})
			return d.Version, d.Repeated, err
		},
		"figure": func(k access.Write) (int64, bool, error) {
			d, err := w.desk.ReportFigure(ctx, atg, k, id, figure())
			return d.Version, d.Repeated, err
		},
		"answer": func(k access.Write) (int64, bool, error) {
			d, err := w.desk.GiveAnswer(ctx, atg, k, id, incident.Answer{Kind: incident.Accept, Ceiling: ptr(300)})
			return d.Version, d.Repeated, err
		},
		"anchor": func(k access.Write) (int64, bool, error) {
			k.IfMatch = w.desk.ETag(2)
			d, err := w.desk.MoveAnchor(ctx, dma, k, id, "LANDFALL", forecast(maria.Add(time.Hour)))
			return d.Version, d.Repeated, err
		},
	} {
		k := w.once()
		v1, again1, err1 := do(k)
		v2, again2, err2 := do(k)
		if err1 != nil || err2 != nil || again1 || !again2 || v1 != v2 {
			t.Errorf("%s: version %d then %d, repeated %t then %t, %v, %v", name, v1, v2, again1, again2, err1, err2)
		}
	}
}

func TestANoteIsInTheTimelineAndNowhereElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	w.announced()
	must(w.desk.NoteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Note: "the Cabinet meets at noon"}))(t)
	if heard := w.announced(); len(heard) != 0 {
		t.Errorf("announced %s", heard[0].Data)
	}
	fold, _, err := w.desk.Fold(ctx, i.ID)
	if err != nil || strings.Contains(string(fold), "Cabinet meets") {
		t.Errorf("the note is in the state: %v", err)
	}
	line := must(w.desk.Timeline(ctx, atg, i.ID, incident.PageRequest{}))(t)
	last := line.Items[len(line.Items)-1]
	if last.Note != "the Cabinet meets at noon" || last.Subject != "HUR-05" || last.Party != "DMA" || strings.Contains(string(last.Data), "Cabinet") {
		t.Errorf("entry %+v", last)
	}

	refused(t, w.desk.EraseNote(ctx, atg, i.ID, last.Seq, "a name"), fault.Forbidden, "not_your_step")
	refused(t, w.desk.EraseNote(ctx, dma, i.ID, 1, "a name"), fault.NotFound, "note_not_found")
	refused(t, w.desk.EraseNote(ctx, vct, i.ID, last.Seq, "a name"), fault.NotFound, "incident_not_found")
	if err := w.desk.EraseNote(ctx, dma, i.ID, last.Seq, "a name slipped in"); err != nil {
		t.Fatal(err)
	}
	items := must(w.desk.Timeline(ctx, atg, i.ID, incident.PageRequest{}))(t).Items
	if n := len(items); items[n-2].Note != "" || items[n-1].Type != ledger.EventErased {
		t.Errorf("after the erasure: %+v", items[n-2:])
	}
	if s := w.step(i.ID, "HUR-05"); s.Notes != 1 {
		t.Errorf("%d notes", s.Notes)
	}
}

func TestNotesAndReasonsThatLookPersonalAreTurnedAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	_, err := w.desk.NoteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Note: "call +1 767 448 1234"})
	names(t, err, "/note")
	_, err = w.desk.MarkNotApplicable(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Reason: "passport R1234567"})
	names(t, err, "/reason")
}
