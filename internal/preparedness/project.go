package preparedness

import (
	"encoding/json"
	"errors"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// The documents of this package.
const (
	KindUnit       = "unit"       // id: unit; it as lists and boards show it
	KindAssessment = "assessment" // id: assessment; each that was ever recorded
	KindCaseload   = "caseload"   // id: caseload; each that was ever reported
)

// Kinds declares the documents of this package; the engine must be opened with them.
func Kinds() []store.Kind {
	history := func(name string) store.Kind {
		return store.Kind{
			Name: name, Derived: true,
			Fields:  []store.Field{{Name: "unit", Type: store.String}, {Name: "at", Type: store.Time}},
			Indexes: []store.Index{{Name: "unit", Fields: []string{"unit", "at"}}},
		}
	}
	return []store.Kind{
		{
			Name: KindUnit, Derived: true,
			Fields: []store.Field{
				{Name: "state", Type: store.String},
				{Name: "kind", Type: store.String},
				{Name: "destination", Type: store.String},
				{Name: "name", Type: store.String},
				{Name: "retired", Type: store.Bool},
			},
			Indexes: []store.Index{
				{Name: "name", Fields: []string{"name"}},
				{Name: "state", Fields: []string{"state", "name"}},
				{Name: "destination", Fields: []string{"destination", "name"}},
			},
		},
		history(KindAssessment), history(KindCaseload),
	}
}

func project(u *Unit, head ledger.Head, recorded []ledger.Recorded) []store.Op {
	ops := []store.Op{put(KindUnit, u.ID, head.Seq, u, map[string]any{
		"state": string(u.Party.StateParty()), "kind": string(u.Kind), "destination": u.Destination, "name": u.Name, "retired": u.Retired != "",
	})}
	for _, e := range recorded {
		switch e.Type {
		case EventAssessed:
			var d assessed
			if e.Into(&d) == nil {
				ops = append(ops, put(KindAssessment, d.ID, e.Seq, assessmentOf(d, e), map[string]any{"unit": u.ID, "at": d.AssessedAt}))
			}
		case EventCounted:
			var d counted
			if e.Into(&d) == nil {
				c := Caseload{
					ID: d.ID, AsOf: d.AsOf, Warning: d.Warning, Counts: d.Counts, Total: d.Total, Answered: d.Answered, Asked: d.Asked,
					ValidUntil: d.ValidUntil, RecordedAt: e.RecordedAt, Seq: e.Seq,
				}
				ops = append(ops, put(KindCaseload, d.ID, e.Seq, c, map[string]any{"unit": u.ID, "at": d.AsOf}))
			}
		}
	}
	return ops
}

// put writes one document. What it holds is of this package and always has a JSON form.
func put(kind, id string, version int64, body any, index map[string]any) store.Op {
	data, err := json.Marshal(body)
	if err != nil {
		panic("preparedness: " + kind + ": " + err.Error())
	}
	return store.Op{Do: store.OpPut, Kind: kind, Doc: store.Doc{ID: id, Version: version, Body: data, Index: index}}
}

// storeFault names what a read of the store ran into.
func storeFault(err error) error {
	if errors.Is(err, store.ErrBadCursor) {
		f := fault.Wrap(err, fault.Invalid, "bad_cursor", "The cursor does not belong to this list.")
		f.Fields = []fault.Field{{Pointer: "?cursor", Reason: "does not belong to this list; begin without one"}}
		return f
	}
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The records cannot be read at the moment. Try again.")
}

// What follows are the payloads that partners receive: types of their own, so that a change inside the package never changes a message.

type msgUnit struct {
	ID      string      `json:"id"`
	Kind    UnitKind    `json:"kind"`
	Party   place.Party `json:"party"`
	Name    string      `json:"name"`
	Version int64       `json:"version"`
}

type msgAssessment struct {
	Points     int      `json:"points"`
	Critical   []string `json:"critical_failed,omitempty"`
	Status     Status   `json:"status"`
	ValidUntil string   `json:"valid_until"`
}

type msgCapacity struct {
	Offered    Amount `json:"offered"`
	Confirmed  Amount `json:"confirmed"`
	InUse      Amount `json:"in_use"`
	Released   Amount `json:"released"`
	OverSphere bool   `json:"over_sphere"`
	ValidUntil string `json:"valid_until"`
}

type msgCaseload struct {
	Total      int    `json:"total"`
	ValidUntil string `json:"valid_until"`
}

// message is member `data` of a unit's event. Counts by nationality are never part of it.
type message struct {
	Unit       msgUnit        `json:"unit"`
	Assessment *msgAssessment `json:"assessment,omitempty"`
	Capacity   *msgCapacity   `json:"capacity,omitempty"`
	Caseload   *msgCaseload   `json:"caseload,omitempty"`
	Trigger    string         `json:"trigger,omitempty"`
}

const instantForm = "2006-01-02T15:04:05Z07:00"

// announce gives what the unit's own state is told of an event.
func announce(u *Unit, _ ledger.Head, e ledger.Recorded) (ledger.Announcement, bool) {
	if e.Type == ledger.EventErased {
		return ledger.Announcement{}, false
	}
	m := message{Unit: msgUnit{ID: u.ID, Kind: u.Kind, Party: u.Party, Name: u.Name, Version: e.Seq}}
	switch e.Type {
	case EventAssessed, EventInvalidated, EventLapsed:
		if a := u.Assessment; a != nil {
			status := a.Status
			if e.Type != EventAssessed {
				status = Expired
			}
			m.Assessment = &msgAssessment{Points: a.Points, Critical: a.Critical, Status: status, ValidUntil: a.ValidUntil.Format(instantForm)}
			m.Trigger = a.Invalidated
		}
	case EventOffered, EventCapConfirmed, EventUsed, EventReleased, EventCapacityLapsed:
		if c := u.Capacity; c != nil {
			m.Capacity = &msgCapacity{
				Offered: c.Amount, Confirmed: c.Confirmed, InUse: c.InUse, Released: c.Released, OverSphere: c.OverSphere,
				ValidUntil: c.ValidUntil.Format(instantForm),
			}
		}
	case EventCounted, EventCaseloadLapsed:
		if c := u.Caseload; c != nil {
			m.Caseload = &msgCaseload{Total: c.Total, ValidUntil: c.ValidUntil.Format(instantForm)}
		}
	}
	data, err := json.Marshal(m)
	if err != nil {
		panic("preparedness: message: " + err.Error()) // plain structs of this file
	}
	return ledger.Announcement{Origin: u.Party.State(), Parties: []string{string(u.Party.StateParty())}, Data: data}, true
}
