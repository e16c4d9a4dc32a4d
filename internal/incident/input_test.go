package incident_test

import (
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// meant is a write that confirms members.
func (w *world) meant(pointers ...string) access.Write {
	write := w.once()
	write.Confirm = pointers
	return write
}

func TestATimeThatHardlyCanBeIsConfirmed(t *testing.T) {
	w := newWorld(t, nil)
	i := w.active()
	hazard := w.hazard()
	in1990 := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	open := func(change func(*incident.Open)) func(access.Write) error {
		in := w.request()
		in.HazardID = hazard
		change(&in)
		return func(write access.Write) error {
			_, err := w.desk.Open(ctx, dma, write, in)
			return err
		}
	}
	w.pass(8 * time.Hour)
	said := w.clock().Add(-7 * time.Hour)
	for name, c := range map[string]struct {
		pointer string
		do      func(access.Write) error
	}{
		"a hazard of long ago": {"/started_at", func(write access.Write) error {
			_, err := w.desk.OpenHazard(ctx, dma, write, incident.OpenHazard{Name: "Hugo", Type: "TC", StartedAt: in1990})
			return err
		}},
		"an incident in 2071":               {"/occurred_at", open(func(in *incident.Open) { in.OccurredAt = in2071 })},
		"an exercise years from its hazard": {"/occurred_at", open(func(in *incident.Open) { in.Exercise, in.OccurredAt = true, in2071 })},
		"landfall in 2071": {"/at", func(write access.Write) error {
			write.IfMatch = "*"
			_, err := w.desk.MoveAnchor(ctx, dma, write, i.ID, "LANDFALL", forecast(in2071))
			return err
		}},
		"a step done in 1990": {"/occurred_at", func(write access.Write) error {
			_, err := w.desk.CompleteStep(ctx, dma, write, i.ID, "HUR-05", incident.StepReport{OccurredAt: in1990})
			return err
		}},
		"a figure of 1990": {"/as_of", func(write access.Write) error {
			_, err := w.desk.ReportFigure(ctx, atg, write, i.ID, figure(func(f *incident.Figure) { f.AsOf = in1990 }))
			return err
		}},
		"an offer until 2071": {"/valid_until", func(write access.Write) error {
			_, err := w.desk.GiveAnswer(ctx, atg, write, i.ID, incident.Answer{Kind: incident.Accept, ValidUntil: in2071})
			return err
		}},
		"planning for 2071": {"/anchors/LANDFALL/at", func(write access.Write) error {
			_, err := w.desk.Monitor(ctx, dma, write, w.open().ID, landfall(in2071))
			return err
		}},
		"a departure in 1990": {"/departed_at", func(write access.Write) error {
			_, err := w.desk.DepartMovement(ctx, dma, write, i.ID, w.boat(i.ID, "ATG").ID, incident.DepartMovement{DepartedAt: in1990})
			return err
		}},
		"an arrival in 1990": {"/arrived_at", func(write access.Write) error {
			_, err := w.desk.ArriveMovement(ctx, atg, write, i.ID, w.boat(i.ID, "ATG").ID, incident.ArriveMovement{ArrivedAt: in1990, People: incident.People{Total: 4}})
			return err
		}},
		"a correction to 2071": {"/eta", func(write access.Write) error {
			_, err := w.desk.CorrectMovement(ctx, dma, write, i.ID, w.boat(i.ID, "ATG").ID, incident.CorrectMovement{Reason: "misread", ETA: &in2071})
			return err
		}},
		"names in a note": {"/note", func(write access.Write) error {
			_, err := w.desk.NoteStep(ctx, dma, write, i.ID, "HUR-05", incident.StepReport{Note: "Passengers: John Smith, Mary Jones, Peter Brown"})
			return err
		}},
		"a word of this morning": {"/said_at", func(write access.Write) error {
			write.Relay = &ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "radio", SaidAt: &said}
			_, err := w.desk.NoteStep(ctx, dma, write, i.ID, "HUR-07.LCA", incident.StepReport{Note: "They have answered."})
			return err
		}},
	} {
		err := c.do(w.once())
		names(t, err, c.pointer)
		if fault.CodeOf(err) != fault.Unconfirmed {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.do(w.meant("/other", c.pointer)); err != nil {
			t.Errorf("%s, confirmed: %v", name, err)
		}
	}
	said = i.OccurredAt.Add(-24 * time.Hour)
	write := w.meant("/said_at")
	write.Relay = &ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "radio", SaidAt: &said}
	_, err := w.desk.NoteStep(ctx, dma, write, i.ID, "HUR-07.LCA", incident.StepReport{Note: "They have answered."})
	names(t, err, "/said_at")

	in := w.request()
	in.HazardID = hazard
	write = w.meant("/said_at")
	write.Relay = &ledger.Relay{OnBehalfOf: "DMA", RelayedBy: "radio", SaidAt: &in1990}
	_, err = w.desk.Open(ctx, cdema, write, in)
	names(t, err, "/said_at")
}

func TestTimesAreHeldAgainstOneAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	left, arrived := w.boat(i.ID, "ATG").ID, w.boat(i.ID, "ATG").ID
	w.pass(9 * time.Hour)
	now := w.clock()
	ago := func(d time.Duration) *time.Time { return ptr(now.Add(-d)) }
	for _, m := range []string{left, arrived} {
		done := must(w.desk.DepartMovement(ctx, dma, w.once(), i.ID, m, incident.DepartMovement{DepartedAt: *ago(30 * time.Minute)}))(t).Value
		if done.ETA.Before(done.DepartedAt) {
			t.Errorf("due at %s, left at %s", done.ETA, done.DepartedAt)
		}
	}
	four := incident.People{Total: 4}
	arrive := func(m string, at *time.Time) error {
		_, err := w.desk.ArriveMovement(ctx, atg, w.once(), i.ID, m, incident.ArriveMovement{ArrivedAt: *at, People: four})
		return err
	}
	correct := func(m string, in incident.CorrectMovement) (*incident.Movement, error) {
		in.Reason = "misread"
		done, err := w.desk.CorrectMovement(ctx, everyone, w.once(), i.ID, m, in)
		return done.Value, err
	}
	names(t, arrive(arrived, ago(31*time.Minute)), "/arrived_at")
	names(t, arrive(arrived, ago(-time.Hour)), "/arrived_at")
	if err := arrive(arrived, ago(20*time.Minute)); err != nil {
		t.Fatal(err)
	}
	for pointer, in := range map[string]incident.CorrectMovement{
		"/eta":         {ETA: ago(90 * time.Minute)},
		"/departed_at": {DepartedAt: ago(-time.Hour)},
	} {
		_, err := correct(left, in)
		names(t, err, pointer)
	}
	_, err := correct(arrived, incident.CorrectMovement{ArrivedAt: ago(2 * time.Hour)})
	names(t, err, "/arrived_at")
	if m := must(correct(left, incident.CorrectMovement{DepartedAt: ago(10 * time.Minute)}))(t); m.ETA.Before(m.DepartedAt) {
		t.Errorf("corrected: due at %s, left at %s", m.ETA, m.DepartedAt)
	}
	for _, until := range []time.Duration{time.Hour, -4 * time.Minute} {
		_, err := w.desk.GiveAnswer(ctx, atg, w.once(), i.ID, incident.Answer{Kind: incident.Accept, OccurredAt: now.Add(5 * time.Minute), ValidUntil: *ago(until)})
		names(t, err, "/valid_until")
	}
}

// Naming, planning, activating, standing down and closing happen when they are said; the one time that comes with them is that of a word passed on.
func TestAWordOfLongAgoDirectsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.open()
	in1990 := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, said := range []time.Time{in1990, w.clock().Add(time.Hour)} {
		for name, do := range map[string]func(access.Write) error{
			"name": func(write access.Write) error {
				_, err := w.desk.SetReceivers(ctx, atg, write, i.ID, []place.Party{"ATG", "LCA", "KNA"})
				return err
			},
			"plan": func(write access.Write) error {
				_, err := w.desk.Monitor(ctx, atg, write, i.ID, landfall(maria))
				return err
			},
			"activate": func(write access.Write) error {
				_, err := w.desk.Activate(ctx, atg, write, i.ID, landfall(maria))
				return err
			},
			"stand down": func(write access.Write) error {
				_, err := w.desk.StandDown(ctx, atg, write, i.ID, "turned away")
				return err
			},
			"close": func(write access.Write) error {
				_, err := w.desk.Close(ctx, atg, write, i.ID, "")
				return err
			},
		} {
			write := w.once()
			write.IfMatch, write.Relay = "*", &ledger.Relay{OnBehalfOf: "DMA", RelayedBy: "radio", SaidAt: &said}
			err := do(write)
			if names(t, err, "/said_at"); t.Failed() {
				t.Fatalf("%s, said %s: %v", name, said, err)
			}
		}
	}
}

func TestAnExerciseThatBeginsNowIsActivatedAfterItWasOpened(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for n, coarse := range []time.Duration{time.Second, time.Minute} {
		w.setClock(monday.Add(time.Duration(n)*time.Hour + 59*time.Second + 700*time.Millisecond))
		opened := w.open(func(in *incident.Open) { in.Exercise, in.OccurredAt = true, w.clock().Truncate(coarse) })
		w.pass(100 * time.Millisecond)
		i := must(w.desk.Activate(ctx, dma, w.once(), opened.ID, landfall(maria)))(t).Value
		if i.Running.ActivatedAt.Before(i.OpenedAt) {
			t.Errorf("activated at %s, opened at %s", i.Running.ActivatedAt, i.OpenedAt)
		}
	}
}

func TestNothingFallsDueOutsideTheYearsOfTheRecords(t *testing.T) {
	w := newWorld(t, nil)
	i := w.open()
	last := time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC)
	_, err := w.desk.Activate(ctx, dma, w.meant("/anchors/LANDFALL/at"), i.ID, landfall(last))
	names(t, err, "/anchors")
	must(w.desk.Activate(ctx, dma, w.once(), i.ID, landfall(maria)))(t)
	for _, at := range []time.Time{last, time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)} {
		write := w.meant("/at")
		write.IfMatch = "*"
		_, err = w.desk.MoveAnchor(ctx, dma, write, i.ID, "LANDFALL", forecast(at))
		names(t, err, "/at")
	}
}

func TestAnExerciseIsHeldAgainstItsOwnClock(t *testing.T) {
	w := newWorld(t, nil)
	w.setClock(time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC))
	i := w.active(func(in *incident.Open) { in.Exercise = true })
	_, err := w.desk.AnnounceMovement(ctx, dma, w.once(), i.ID, incident.AnnounceMovement{
		Mode: incident.BySea, To: incident.Spot{Party: "ATG"}, DepartsAt: w.clock(), ETA: w.clock(), People: incident.People{Total: 4},
	})
	names(t, err, "/departs_at", "/eta")
}

func TestAProtocolBeginsWithItsLeadingAnchor(t *testing.T) {
	w := newWorld(t, nil)
	i := w.open()
	for _, begin := range []func(incident.Start) error{
		func(in incident.Start) error { _, err := w.desk.Monitor(ctx, dma, w.once(), i.ID, in); return err },
		func(in incident.Start) error { _, err := w.desk.Activate(ctx, dma, w.once(), i.ID, in); return err },
	} {
		names(t, begin(incident.Start{Protocol: "hurricane"}), "/anchors/LANDFALL")
		names(t, begin(incident.Start{Protocol: "volcano"}), "/anchors/RED")
		names(t, begin(incident.Start{Protocol: "volcano", Anchors: map[string]protocol.Value{"ALLCLEAR": forecast(maria)}}), "/anchors/RED")
		names(t, begin(incident.Start{Protocol: "hurricane", Mode: protocol.Slow, Anchors: landfall(maria).Anchors}), "/mode")
	}
	must(w.desk.Monitor(ctx, dma, w.once(), i.ID, landfall(maria)))(t)
	must(w.desk.Activate(ctx, dma, w.once(), i.ID, incident.Start{Protocol: "hurricane"}))(t) // it has its value since monitoring
	orange := w.open()
	must(w.desk.Monitor(ctx, dma, w.once(), orange.ID, incident.Start{Protocol: "volcano", Anchors: map[string]protocol.Value{"ORANGE": observed(w.clock())}}))(t)
}

func TestTheAffectedStateReceivesOnlyForAnIsland(t *testing.T) {
	w := newWorld(t, nil)
	in := w.request()
	in.Receivers = []place.Party{"ATG", "DMA"}
	_, err := w.desk.Open(ctx, dma, w.once(), in)
	names(t, err, "/receivers/1")
	i := w.open()
	write := w.once()
	write.IfMatch = "*"
	_, err = w.desk.SetReceivers(ctx, dma, write, i.ID, []place.Party{"DMA"})
	names(t, err, "/receivers/0")
	barbuda := w.request()
	barbuda.Origin, barbuda.OriginIsland, barbuda.Receivers = "ATG", "BARBUDA", []place.Party{"ATG"}
	must(w.desk.Open(ctx, coordinator("ATG"), w.once(), barbuda))(t)
}

func TestAnAcceptanceTakesSomebodyIn(t *testing.T) {
	w := newWorld(t, nil)
	i := w.active()
	_, err := w.desk.GiveAnswer(ctx, atg, w.once(), i.ID, incident.Answer{Kind: incident.Accept, Ceiling: ptr(0)})
	names(t, err, "/ceiling")
}

func TestTextsAreKeptInOneForm(t *testing.T) {
	w := newWorld(t, nil)
	in := w.request()
	in.Title = "La Soufrie\u0300re"
	if got := must(w.desk.Open(ctx, dma, w.once(), in))(t).Value.Title; got != "La Soufrière" {
		t.Errorf("kept as %+q", got)
	}
	in.Title = "\u200b"
	_, err := w.desk.Open(ctx, dma, w.once(), in)
	names(t, err, "/title")
	_, err = w.desk.List(ctx, dma, incident.Filter{Query: "\u200b"}, incident.PageRequest{})
	names(t, err, "?q")
}

func TestAnIDDoesNotTellOfAnIncidentThatOneMayNotSee(t *testing.T) {
	w := newWorld(t, nil)
	draft := w.open(func(in *incident.Open) { in.Draft = true })
	in := w.request()
	in.ID, in.Origin, in.Receivers = draft.ID, "LCA", []place.Party{"ATG"}
	_, err := w.desk.Open(ctx, coordinator("LCA"), w.once(), in)
	names(t, err, "/id")
	in.Origin = "DMA"
	_, err = w.desk.Open(ctx, dma, w.once(), in)
	refused(t, err, fault.Conflict, "id_taken")
}
