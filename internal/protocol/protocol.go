// Package protocol holds the templates of cross-border evacuation and works out, for one incident, which steps exist, what
// they wait for and when they are due.
//
//	Template ──Instances(Setting)──▶ []Instance ──Planned──▶ Plan ──Granted──▶ due ──▶ DueSoonAt, Ladder
//	   37 steps      parties, movements,     one step of one     anchor +     never born
//	                 anchors, part           party, movement     offset       overdue
//	                                         or period
//
// It promises pure functions: the same template and setting give the same answer in any zone, on any machine, at any time.
// All instants are scenario time (for an actual incident the same as wall time; Clock converts) and results are UTC. Nothing
// reads a clock: where a rule needs "now", the caller passes it.
//
// It refuses to keep state: the incident stores results in its events and never asks a template again about the past. Templates
// are data and mostly proposals; the deadlines in them are nobody's law. Values handed out are shared: read them, never
// change them. Everything is safe for concurrent use.
package protocol

import "slices"

// Phase is one of the six official phases of the OECS/IOM Cross-Border Evacuation Protocol.
type Phase string

// The phases, in order.
const (
	Planning         Phase = "planning"
	Activation       Phase = "activation"
	PreDeparture     Phase = "pre_departure"
	DepartureTransit Phase = "departure_transit"
	Arrival          Phase = "arrival"
	PostArrival      Phase = "post_arrival" // stay and return
)

// Phases gives the six phases in order.
func Phases() []Phase {
	return []Phase{Planning, Activation, PreDeparture, DepartureTransit, Arrival, PostArrival}
}

// Side is where the work of a step lies.
type Side string

// The sides.
const (
	OriginSide    Side = "origin"
	ReceivingSide Side = "receiving"
	RegionalSide  Side = "regional"
	TourismSide   Side = "tourism"
)

// PartyRule says which parties a step falls to.
type PartyRule string

// The party rules. A regional step falls to the organisation its agency names first.
const (
	ByOrigin           PartyRule = "origin"
	ByEachReceiving    PartyRule = "each_receiving"
	ByOriginTourism    PartyRule = "origin_tourism"
	ByReceivingTourism PartyRule = "receiving_tourism"
	ByRegional         PartyRule = "regional"
)

// sideOf pairs every party rule with the side it belongs to.
var sideOf = map[PartyRule]Side{ByOrigin: OriginSide, ByEachReceiving: ReceivingSide, ByOriginTourism: TourismSide,
	ByReceivingTourism: TourismSide, ByRegional: RegionalSide}

// receiving reports whether a step with the rule exists once for each receiving state.
func (r PartyRule) receiving() bool { return r == ByEachReceiving || r == ByReceivingTourism }

// Repeat says how often a step occurs for one party.
type Repeat string

// The repeat rules.
const (
	Once        Repeat = "once"
	PerMovement Repeat = "per_movement" // once for each departure, arrival or return
	PerPeriod   Repeat = "per_period"   // again and again; each period is a due item of its own
)

// EvidenceType is what kind of reference closes a step.
type EvidenceType string

// The evidence types.
const (
	Bulletin    EvidenceType = "bulletin"
	Notice      EvidenceType = "notice"
	NoteVerbale EvidenceType = "note_verbale"
	Figure      EvidenceType = "figure"
	Capacity    EvidenceType = "capacity"
	Survey      EvidenceType = "survey"
	Decision    EvidenceType = "decision"
	Receipt     EvidenceType = "receipt"
)

var evidenceTypes = []EvidenceType{Bulletin, Notice, NoteVerbale, Figure, Capacity, Survey, Decision, Receipt}

// Valid reports whether the type is one of the list.
func (e EvidenceType) Valid() bool { return slices.Contains(evidenceTypes, e) }

// Mode is how fast the event behind spontaneous arrivals unfolds; it chooses between two deadlines. The zero value is Rapid.
type Mode string

// The modes.
const (
	Rapid Mode = "rapid" // after a sudden event
	Slow  Mode = "slow"  // coastal erosion, drought, a long volcanic crisis
)

// Part says how much of a protocol runs.
type Part string

// The parts. Planning steps run from monitoring on, long before anybody activates.
const (
	Monitoring Part = "monitoring" // planning steps only
	Active     Part = "active"     // every step
)
