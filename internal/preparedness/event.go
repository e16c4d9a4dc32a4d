package preparedness

import (
	"time"

	"landfall/internal/place"
)

// The events of a unit. They are stored for ever: members are added, never changed.
const (
	EventRegistered = "unit.registered.v1"
	EventChanged    = "unit.changed.v1"
	EventRetired    = "unit.retired.v1"

	EventAssessed    = "assessment.recorded.v1"
	EventInvalidated = "assessment.invalidated.v1"
	EventLapsed      = "assessment.expired.v1"
	EventConfirmed   = "season.confirmed.v1"

	EventOffered        = "capacity.offered.v1"
	EventCapConfirmed   = "capacity.confirmed.v1"
	EventUsed           = "capacity.used.v1"
	EventReleased       = "capacity.released.v1"
	EventCapacityLapsed = "capacity.expired.v1"

	EventCounted        = "caseload.reported.v1"
	EventCaseloadLapsed = "caseload.expired.v1"
)

var events = []string{
	EventRegistered, EventChanged, EventRetired, EventAssessed, EventInvalidated, EventLapsed, EventConfirmed,
	EventOffered, EventCapConfirmed, EventUsed, EventReleased, EventCapacityLapsed, EventCounted, EventCaseloadLapsed,
}

type registered struct {
	Kind        UnitKind    `json:"kind"`
	Party       place.Party `json:"party"`
	Name        string      `json:"name"`
	Town        string      `json:"town,omitempty"`
	Setting     Setting     `json:"setting,omitempty"`
	Rooms       int         `json:"rooms,omitempty"`
	Destination string      `json:"destination,omitempty"`
}

type changed struct {
	Name        string  `json:"name"`
	Town        string  `json:"town,omitempty"`
	Setting     Setting `json:"setting,omitempty"`
	Rooms       int     `json:"rooms,omitempty"`
	Destination string  `json:"destination,omitempty"`
}

type retired struct {
	Reason string `json:"reason"`
}

type assessed struct {
	ID         string          `json:"id"`
	Catalogue  string          `json:"catalogue"`
	Revision   int             `json:"catalogue_version"`
	AssessedAt time.Time       `json:"assessed_at"`
	Answers    map[string]bool `json:"answers"`
	Share      *Share          `json:"share,omitempty"`
	Points     int             `json:"points"`
	Critical   []string        `json:"critical_failed,omitempty"`
	Status     Status          `json:"status"`
	ValidUntil time.Time       `json:"valid_until"`
	Reference  string          `json:"reference,omitempty"`
}

type invalidated struct {
	Trigger Trigger `json:"trigger"`
	Reason  string  `json:"reason,omitempty"`
}

// lapsed says what ran out, and when it did.
type lapsed struct {
	Seq        int64     `json:"seq"` // of what ran out
	ValidUntil time.Time `json:"valid_until"`
}

type confirmed struct {
	Season int       `json:"season"`
	At     time.Time `json:"at"`
}

type offered struct {
	Offer
	AsOf          time.Time `json:"as_of"`
	Ceiling       int       `json:"sphere_ceiling,omitempty"`
	OverSphere    bool      `json:"over_sphere,omitempty"`
	ReportedBy    string    `json:"reported_by"`
	ValidUntil    time.Time `json:"valid_until"`
	ForActivation bool      `json:"for_activation,omitempty"`
	Fresh         bool      `json:"fresh,omitempty"` // a new round: nothing of it is confirmed, in use or released yet
}

// moved says what of a capacity was confirmed, is in use or was released, as totals after the change.
type moved struct {
	Confirmed     Amount    `json:"confirmed"`
	InUse         Amount    `json:"in_use"`
	Released      Amount    `json:"released"`
	Agreement     string    `json:"agreement,omitempty"`
	AsOf          time.Time `json:"as_of"`
	ValidUntil    time.Time `json:"valid_until"`
	ForActivation bool      `json:"for_activation,omitempty"`
}

type counted struct {
	ID         string    `json:"id"`
	AsOf       time.Time `json:"as_of"`
	Warning    Warning   `json:"warning"`
	Counts     []Count   `json:"counts"`
	Total      int       `json:"total"`
	Answered   int       `json:"units_answered"`
	Asked      int       `json:"units_asked"`
	ValidUntil time.Time `json:"valid_until"`
}
