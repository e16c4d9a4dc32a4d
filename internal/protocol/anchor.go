package protocol

import (
	"maps"
	"slices"
	"time"
)

// Anchor names a moment that deadlines count from.
type Anchor string

// The anchors. DEPARTURE, ARRIVAL and RETURN belong to movements, STAY_END to a receiving party, the rest to the incident.
const (
	AnchorLandfall   Anchor = "LANDFALL"
	AnchorActivation Anchor = "ACTIVATION"
	AnchorDeparture  Anchor = "DEPARTURE"
	AnchorArrival    Anchor = "ARRIVAL"
	AnchorStayEnd    Anchor = "STAY_END"
	AnchorReturn     Anchor = "RETURN" // the arrival of a movement home
	AnchorOrange     Anchor = "ORANGE"
	AnchorRed        Anchor = "RED"
	AnchorAllClear   Anchor = "ALLCLEAR"
	AnchorReport     Anchor = "REPORT"
	AnchorStandDown  Anchor = "STAND_DOWN" // set by standing down, never by a person
)

var settable = []Anchor{AnchorLandfall, AnchorStayEnd, AnchorOrange, AnchorRed, AnchorAllClear, AnchorReport}

var knownAnchors = append(slices.Clone(settable), AnchorActivation, AnchorDeparture, AnchorArrival, AnchorReturn, AnchorStandDown)

// Valid reports whether the anchor is one of the list.
func (a Anchor) Valid() bool { return slices.Contains(knownAnchors, a) }

// Settable reports whether a person gives the anchor its value. The others follow: ACTIVATION and STAND_DOWN from the life
// cycle, DEPARTURE, ARRIVAL and RETURN from movements.
func (a Anchor) Settable() bool { return slices.Contains(settable, a) }

// PerMovement reports whether each movement has its own value.
func (a Anchor) PerMovement() bool {
	return a == AnchorDeparture || a == AnchorArrival || a == AnchorReturn
}

// Kind says how an anchor's value is known.
type Kind string

// The kinds of value.
const (
	Forecast Kind = "forecast" // expected; will be replaced
	Observed Kind = "observed" // it has happened
)

// Valid reports whether the kind is one of the list.
func (k Kind) Valid() bool { return k == Forecast || k == Observed }

// Value is an anchor's value. The zero value is "not known".
type Value struct {
	At   time.Time `json:"at"`
	Kind Kind      `json:"kind"`
}

// Known reports whether the value is set.
func (v Value) Known() bool { return !v.At.IsZero() }

// counts reports whether deadlines count from the value: any known one, save that an arrival must have been reported, unless
// the deadline says that an expected one will do.
func (v Value) counts(a Anchor, expected bool) bool {
	if !v.Known() {
		return false
	}
	awaitsReport := a == AnchorArrival || a == AnchorReturn
	return !awaitsReport || expected || v.Kind == Observed
}

// Anchors are the values that one step instance sees. A missing anchor is not known.
type Anchors map[Anchor]Value

// withDefaults gives a copy in which ORANGE, when never set, takes the value of RED.
func (a Anchors) withDefaults() Anchors {
	out := maps.Clone(a)
	if out == nil {
		out = Anchors{}
	}
	if red := out[AnchorRed]; red.Known() && !out[AnchorOrange].Known() {
		out[AnchorOrange] = red
	}
	return out
}
