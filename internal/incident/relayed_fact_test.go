package incident_test

import (
	"testing"

	"landfall/internal/incident"
	"landfall/internal/ledger"
)

func TestAnOwnWordOnOneFactLeavesTheRelayOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	relayed := func(party string) *ledger.Relay {
		return &ledger.Relay{OnBehalfOf: party, RelayedBy: "radio"}
	}
	boat := w.boat(i.ID, "ATG")
	must(w.desk.DepartMovement(t.Context(), dma, w.once(), i.ID, boat.ID, incident.DepartMovement{}))(t)

	write := w.once()
	write.Relay = relayed("ATG")
	came := must(w.desk.ArriveMovement(t.Context(), dma, write, i.ID, boat.ID, incident.ArriveMovement{People: incident.People{Total: 120}}))(t).Value
	if came.CameRelayed == nil || came.CameRelayed.OnBehalfOf != "ATG" || came.Relayed != nil || came.LeftRelayed != nil {
		t.Fatalf("arrival entered for ATG: %+v", came)
	}
	left := must(w.desk.CorrectMovement(t.Context(), dma, w.once(), i.ID, boat.ID, incident.CorrectMovement{
		Reason: "recount at the quay", Left: &incident.People{Total: 120},
	}))(t).Value
	if left.CameRelayed == nil || left.LeftRelayed != nil {
		t.Errorf("the origin's own count at departure: %+v", left)
	}
	own := must(w.desk.CorrectMovement(t.Context(), atg, w.once(), i.ID, boat.ID, incident.CorrectMovement{Reason: "recount", Came: &incident.People{Total: 113}, Why: ptr("seven stayed on board")}))(t).Value
	if own.CameRelayed != nil {
		t.Errorf("ATG's own count: %+v", own.CameRelayed)
	}

	write = w.once()
	write.Relay = relayed("ATG")
	must(w.desk.CompleteStep(t.Context(), dma, write, i.ID, "HUR-02.ATG", incident.StepReport{Waiver: "told by radio"}))(t)
	must(w.desk.NoteStep(t.Context(), atg, w.once(), i.ID, "HUR-02.ATG", incident.StepReport{Note: "Asking around."}))(t)
	if s := w.step(i.ID, "HUR-02.ATG"); s.Relayed == nil || s.Notes != 1 {
		t.Errorf("after an own note the completion is %+v", s.Relayed)
	}
}
