package incident_test

import (
	"encoding/json"
	"errors"
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

func TestAnIncidentHoldsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.desk.Bound(1)
	i := w.active()
	boat := w.boat(i.ID, "ATG")
	must(w.desk.ReportFigure(t.Context(), atg, w.once(), i.ID, figure()))(t)
	must(w.desk.GiveAnswer(t.Context(), atg, w.once(), i.ID, incident.Answer{Kind: incident.Accept, Ceiling: ptr(300)}))(t)
	move := func(at time.Time) error {
		_, err := w.desk.MoveAnchor(t.Context(), dma, access.Write{IfMatch: "*"}, i.ID, "LANDFALL", protocol.Value{At: at, Kind: protocol.Forecast})
		return err
	}
	note := func(relay *ledger.Relay) error {
		by, write := dma, w.once()
		write.Relay = relay
		_, err := w.desk.NoteStep(t.Context(), by, write, i.ID, "HUR-08.ATG", incident.StepReport{Note: "Soon."})
		return err
	}
	word := &ledger.Relay{OnBehalfOf: "ATG", RelayedBy: "radio", SaidAt: ptr(w.clock())}
	if err := move(maria.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := note(word); err != nil {
		t.Fatal(err)
	}
	refused := func(code string, err error) {
		t.Helper()
		if !fault.Is(err, fault.State) || fault.CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	now := w.clock()
	_, err := w.desk.AnnounceMovement(t.Context(), dma, w.once(), i.ID, incident.AnnounceMovement{
		Mode: incident.BySea, To: incident.Spot{Party: "ATG"}, DepartsAt: now.Add(time.Hour), ETA: now.Add(8 * time.Hour), People: incident.People{Total: 9},
	})
	refused("too_many_movements", err)
	_, err = w.desk.ReportFigure(t.Context(), atg, w.once(), i.ID, figure(func(f *incident.Figure) { f.Role = incident.Triangulation }))
	refused("too_many_figures", err)
	_, err = w.desk.GiveAnswer(t.Context(), atg, w.once(), i.ID, incident.Answer{Kind: incident.Decline})
	refused("too_many_answers", err)
	refused("too_many_moves", move(maria.Add(2*time.Hour)))
	refused("too_many_notes", note(word))
	write := w.once()
	write.Relay = word
	_, err = w.desk.StartStep(t.Context(), dma, write, i.ID, "HUR-08.ATG", incident.StepReport{})
	refused("too_many_relays", err)
	// What has been announced is followed to its end, on whoever's word.
	must(w.desk.DepartMovement(t.Context(), dma, w.once(), i.ID, boat.ID, incident.DepartMovement{}))(t)
	w.pass(8 * time.Hour)
	write = w.once()
	write.Relay = &ledger.Relay{OnBehalfOf: "ATG", RelayedBy: "radio", SaidAt: ptr(w.clock())}
	must(w.desk.ArriveMovement(t.Context(), dma, write, i.ID, boat.ID, incident.ArriveMovement{People: incident.People{Total: 120}}))(t)
}

func TestAnIncidentNamesNoMorePartiesAndStepsThanItMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active() // by Dominica, with Antigua and Saint Lucia
	fold, _, err := w.desk.Fold(t.Context(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	var s struct{ Since, Steps map[string]json.RawMessage }
	unmarshal(t, fold, &s)
	name := func(states ...place.Party) error {
		_, err := w.desk.SetReceivers(t.Context(), dma, access.Write{IfMatch: "*"}, i.ID, states)
		return err
	}
	w.desk.BoundNaming(len(s.Since), len(s.Steps)*2)
	refused(t, name("ATG", "LCA", "VCT"), fault.State, "too_many_parties")
	if err := errors.Join(name("ATG"), name("ATG", "LCA")); err != nil {
		t.Errorf("who was named before is named again: %v", err)
	}
	w.desk.BoundNaming(len(s.Since)+1, len(s.Steps))
	refused(t, name("ATG", "LCA", "VCT"), fault.State, "too_many_steps")
	w.boat(i.ID, "ATG") // its steps take the places of placeholders
	now := w.clock()
	_, err = w.desk.AnnounceMovement(t.Context(), dma, w.once(), i.ID, incident.AnnounceMovement{
		Mode: incident.BySea, To: incident.Spot{Party: "ATG"}, DepartsAt: now.Add(time.Hour), ETA: now.Add(8 * time.Hour), People: incident.People{Total: 9},
	})
	refused(t, err, fault.State, "too_many_steps")
	must(w.desk.CompleteStep(t.Context(), dma, w.once(), i.ID, "HUR-04", incident.StepReport{}))(t)
	if err := name("ATG"); err != nil {
		t.Errorf("a full incident un-names: %v", err)
	}
}

func TestABoundHoldsHoweverAnEventIsHandedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	w.boat(i.ID, "ATG")
	w.desk.Bound(1)
	w.desk.BoundNaming(100, 0)
	refused, taken, err := w.desk.Bounded(t.Context(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	for n, err := range refused {
		if !fault.Is(err, fault.State) {
			t.Errorf("event %d: %v", n, err)
		}
	}
	for n, err := range taken { // a movement is followed to its end
		if err != nil {
			t.Errorf("report %d: %v", n, err)
		}
	}
}

func TestAnIncidentSaysWhichBoundIsNear(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	near := func() []incident.Limit { return must(w.desk.Get(t.Context(), dma, i.ID))(t).Near }
	if list := near(); len(list) != 0 {
		t.Fatalf("a fresh incident is near %+v", list)
	}
	w.desk.Bound(5)
	for range 3 {
		w.boat(i.ID, "ATG")
	}
	for range 4 {
		must(w.desk.NoteStep(t.Context(), dma, w.once(), i.ID, "HUR-04", incident.StepReport{Note: "Soon."}))(t)
	}
	if diff := cmp.Diff([]incident.Limit{{Bound: incident.BoundNotes, Subject: "HUR-04", Holds: 4, Most: 5}}, near()); diff != "" {
		t.Error(diff)
	}
	w.boat(i.ID, "ATG")
	w.boat(i.ID, "ATG")
	if diff := cmp.Diff([]incident.Limit{{Bound: incident.BoundMovements, Holds: 5, Most: 5}, {Bound: incident.BoundNotes, Subject: "HUR-04", Holds: 4, Most: 5}}, near()); diff != "" {
		t.Error(diff)
	}
}

// The stores take documents of 15 MiB at least.
func TestAnIncidentAtItsBoundsFitsIntoTheStores(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	size := func() int {
		fold, _, err := w.desk.Fold(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		unmarshal(t, fold, &members)
		return len(fold)
	}
	empty := size()
	grows := func(do func()) int {
		before := size()
		do()
		return size() - before
	}
	w.boat(i.ID, "LCA") // the steps of the first one take the places of placeholders
	most := incident.DefaultBounds()
	nations := []place.Party{"VCT", "GRD"}
	full := empty + most.Parties*grows(func() {
		must(w.desk.SetReceivers(t.Context(), dma, access.Write{IfMatch: "*"}, i.ID, append([]place.Party{"ATG", "LCA"}, nations...)))(t)
	})/len(nations) + most.Movements*grows(func() { w.boat(i.ID, "ATG") }) +
		most.Figures*grows(func() { must(w.desk.ReportFigure(t.Context(), atg, w.once(), i.ID, figure()))(t) }) +
		most.Answers*grows(func() {
			must(w.desk.GiveAnswer(t.Context(), atg, w.once(), i.ID, incident.Answer{Kind: incident.Accept, Ceiling: ptr(300)}))(t)
		})
	if limit := 12 << 20; full > limit {
		t.Errorf("a full incident takes %d bytes, want at most %d", full, limit)
	}
}
