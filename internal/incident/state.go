package incident

import (
	"maps"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// Status is where an incident stands in its life.
type Status string

// The closed list of statuses.
const (
	Draft      Status = "draft"      // the origin's own; nobody else knows
	Monitoring Status = "monitoring" // receivers are named, planning may run
	Active     Status = "active"     // the protocol runs
	Closed     Status = "closed"
	StoodDown  Status = "stood_down" // it did not come, or came and did not need this
)

// Statuses gives the closed list, in the order of life.
func Statuses() []Status {
	return []Status{Draft, Monitoring, Active, Closed, StoodDown}
}

// Runs reports whether people may be moved, counted and answered for.
func (s Status) Runs() bool { return s == Monitoring || s == Active }

// Severity is how bad it is or will be (OASIS CAP 1.2).
type Severity string

// The closed list of severities, from the least known.
const (
	Unknown  Severity = "unknown"
	Minor    Severity = "minor"
	Moderate Severity = "moderate"
	Severe   Severity = "severe"
	Extreme  Severity = "extreme"
)

// Severities gives the closed list in rising order.
func Severities() []Severity { return []Severity{Unknown, Minor, Moderate, Severe, Extreme} }

// state is the fold of an incident's stream: what deciding needs and no more. What a pointer in it refers to is never
// changed once it is there; Evolve puts a changed copy in its place, so a clone shares everything and copies only maps.
type state struct {
	ID         string         `json:"id"`
	Code       string         `json:"code"`
	Title      string         `json:"title"`
	Status     Status         `json:"status"`
	Origin     place.Party    `json:"origin"`
	Receivers  []place.Party  `json:"receivers"`
	Severity   Severity       `json:"severity"`
	HazardID   string         `json:"hazard_id"`
	HazardType string         `json:"hazard_type"`
	OccurredAt time.Time      `json:"occurred_at"`
	Told       bool           `json:"told"` // the receivers know; a draft keeps it from them
	Exercise   bool           `json:"exercise"`
	Clock      protocol.Clock `json:"clock,omitzero"`
	OpenedAt   time.Time      `json:"opened_at"`  // recorded
	UpdatedAt  time.Time      `json:"updated_at"` // recorded
	Seq        int64          `json:"seq"`        // last changed its own fields, status or receivers
	Version    int64          `json:"version"`    // tail

	Running  *Running               `json:"running,omitempty"`
	Since    map[place.Party]naming `json:"since"`              // who was ever named, from when on it may know
	Regional []place.Party          `json:"regional,omitempty"` // organisations that have steps here, or opened it or confirmed a start
	Anchors  map[string]*Anchor     `json:"anchors"`
	Steps    map[string]*Instance   `json:"steps"`

	Movements map[string]*Movement `json:"movements"`
	Order     []string             `json:"order,omitempty"` // movements as announced
	Answers   []*Answer            `json:"answers,omitempty"`
	Figures   figureMarks          `json:"figures"`

	Proposals map[string]*Proposal `json:"proposals"` // that wait to be confirmed, by id
	Relayed   map[int64]*Relayed   `json:"relayed"`   // what was entered on another party's word, by seq
}

// naming is the moment from which on a party may know of the incident.
type naming struct {
	At  time.Time `json:"at"` // recorded
	Seq int64     `json:"seq"`
}

// Running says which protocol runs. Part is Monitoring until somebody activates.
type Running struct {
	Protocol    string        `json:"protocol"`
	Version     int           `json:"version"` // of the template when it began
	Mode        protocol.Mode `json:"mode,omitempty"`
	Part        protocol.Part `json:"part"`
	MonitoredAt time.Time     `json:"monitored_at,omitzero"` // scenario time
	ActivatedAt time.Time     `json:"activated_at,omitzero"` // scenario time
}

// Anchor is a moment that deadlines count from, with every value it had before.
type Anchor struct {
	Name    string        `json:"name"` // LANDFALL; STAY_END.ATG for the one moment that each receiver has for itself
	At      time.Time     `json:"at"`   // scenario time
	Kind    protocol.Kind `json:"kind"`
	SetBy   place.Party   `json:"set_by,omitempty"`
	SetAt   time.Time     `json:"set_at"`            // recorded
	Relayed *Word         `json:"relayed,omitempty"` // how the word came, when another entered it
	History []AnchorValue `json:"history,omitempty"`
	Seq     int64         `json:"seq"`
}

// AnchorValue is what an anchor was before.
type AnchorValue struct {
	At    time.Time     `json:"at"`
	Kind  protocol.Kind `json:"kind"`
	SetBy place.Party   `json:"set_by,omitempty"`
	SetAt time.Time     `json:"set_at"`

	Relayed *Word `json:"relayed,omitempty"`
}

func newState(id string) *state {
	return &state{
		ID: id, Since: map[place.Party]naming{}, Anchors: map[string]*Anchor{}, Steps: map[string]*Instance{},
		Movements: map[string]*Movement{}, Proposals: map[string]*Proposal{}, Relayed: map[int64]*Relayed{},
	}
}

func (s *state) clone() *state {
	c := *s
	c.Since, c.Anchors, c.Steps = maps.Clone(s.Since), maps.Clone(s.Anchors), maps.Clone(s.Steps)
	c.Movements, c.Figures = maps.Clone(s.Movements), s.Figures.clone()
	c.Proposals, c.Relayed = maps.Clone(s.Proposals), maps.Clone(s.Relayed)
	// Evolve appends to these: clipped, an append on one clone never shows in another.
	c.Regional, c.Order, c.Answers = slices.Clip(s.Regional), slices.Clip(s.Order), slices.Clip(s.Answers)
	return &c
}

// parties gives everybody who takes part, named or not yet told: origin first, then receivers, then organisations. A receiver that
// is the origin too counts once.
func (s *state) parties() []place.Party {
	return distinct(slices.Concat([]place.Party{s.Origin}, s.Receivers, s.Regional))
}

// audience gives who may know of the incident now.
func (s *state) audience() []place.Party {
	t := s.thing("")
	return distinct(slices.Concat([]place.Party{s.Origin}, t.Named, t.Regional))
}

// distinct drops the parties that stand in the list already.
func distinct(all []place.Party) []place.Party {
	seen := map[place.Party]bool{}
	return slices.DeleteFunc(all, func(p place.Party) bool {
		twice := seen[p]
		seen[p] = true
		return twice
	})
}

// knownSince gives the moment from which on the scope may know what happened: the first naming of a party it acts for. The zero naming means from
// the start.
func (s *state) knownSince(scope access.Scope) naming {
	if scope.All || scope.ActsFor(s.Origin) {
		return naming{}
	}
	first := naming{}
	for p, n := range s.Since {
		if scope.ActsFor(p) && (first.Seq == 0 || n.Seq < first.Seq) {
			first = n
		}
	}
	return first
}

// running reports whether work goes on: people may be moved, counted and answered for.
func (s *state) running() bool {
	return s.Status.Runs()
}

func (s *state) ended() bool { return s.Status == Closed || s.Status == StoodDown }

func (s *state) receives(p place.Party) bool { return slices.Contains(s.Receivers, p) }

// scenario gives the incident's own time at a wall time, in the precision of records.
func (s *state) scenario(wall time.Time) time.Time { return check.Instant(s.Clock.Scenario(wall)) }

// wallOf gives the first wall time, in the precision of records, at which scenario time has reached t.
func (s *state) wallOf(t time.Time) time.Time {
	wall := s.Clock.Wall(t)
	if down := check.Instant(wall); !down.Before(wall) {
		return down
	}
	return check.Instant(wall).Add(time.Microsecond)
}
