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
