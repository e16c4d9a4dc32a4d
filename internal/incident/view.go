package incident

import (
	"slices"
	"time"

	"landfall/internal/place"
	"landfall/internal/protocol"
)

// Incident is an incident as it is read: its own fields, without steps, movements and figures, which are lists of their own. It is the body of
// a list's document too. It is shared: whoever gets one must not change what it refers to.
type Incident struct {
	ID         string         `json:"id"`
	Code       string         `json:"code"`
	Title      string         `json:"title"`
	Status     Status         `json:"status"`
	Origin     place.Party    `json:"origin"` // with the island, when only that is affected
	Receivers  []place.Party  `json:"receivers"`
	Severity   Severity       `json:"severity"`
	HazardID   string         `json:"hazard_id"`
	HazardType string         `json:"hazard_type"`
	OccurredAt time.Time      `json:"occurred_at"`
	Exercise   bool           `json:"exercise"`
	Clock      protocol.Clock `json:"clock,omitzero"` // zero for an actual incident
	OpenedAt   time.Time      `json:"opened_at"`      // recorded
	UpdatedAt  time.Time      `json:"updated_at"`     // recorded
	Running    *Running       `json:"running,omitempty"`
	Anchors    []*Anchor      `json:"anchors"`
	Version    int64          `json:"version"`            // tail of the stream
	Seq        int64          `json:"seq"`                // last changed its own fields or receivers: what its ETag is made of
	Told       bool           `json:"told"`               // others than the affected state may know of it
	Regional   []place.Party  `json:"regional,omitempty"` // regional bodies that take part
	Proposals  []*Proposal    `json:"proposals,omitempty"`

	Unconfirmed []*Relayed `json:"unconfirmed,omitempty"` // by what it goes on though whoever it was entered for has not confirmed it

	Near []Limit `json:"-"` // bounds that it has come near; of a single one that is read or changed
}

// shown is incidentOf with what only this process knows: the bounds, while the incident is open.
func (d *Desk) shown(s *state) Incident {
	i := incidentOf(s)
	if !s.ended() {
		i.Near = s.near(d.bounds)
	}
	return i
}

func incidentOf(s *state) Incident {
	i := Incident{
		ID: s.ID, Code: s.Code, Title: s.Title, Status: s.Status, Origin: s.Origin, Receivers: s.Receivers, Severity: s.Severity,
		HazardID: s.HazardID, HazardType: s.HazardType, OccurredAt: s.OccurredAt, Exercise: s.Exercise, Clock: s.Clock,
		OpenedAt: s.OpenedAt, UpdatedAt: s.UpdatedAt, Running: s.Running, Version: s.Version, Seq: s.Seq, Anchors: []*Anchor{},
		Told: s.Told, Regional: s.Regional, Proposals: s.proposals(), Unconfirmed: s.unconfirmed(),
	}
	for _, name := range sortedKeys(s.Anchors) {
		i.Anchors = append(i.Anchors, s.Anchors[name])
	}
	return i
}

// Step is a step as it is read: what is recorded, and what the clock makes of it at the moment of reading.
type Step struct {
	*Instance
	Overdue  bool // its due time has passed
	DueSoon  bool // in the last part of its time
	Blocked  bool // a hard need is open
	Stale    bool // nobody has said a word on it for too long
	DoneLate bool // was done after its due time
}

// view works out a step's flags at a scenario time.
func (s *state) view(i *Instance, now time.Time) Step {
	v := Step{Instance: i, Blocked: i.Open() && s.blocked(i)}
	if i.counts() {
		v.Overdue = !i.DueAt.After(now)
		v.DueSoon = !v.Overdue && !i.soonAt().After(now)
		v.Stale = now.Sub(later(i.ActionableAt, i.Word)) > s.patience()
	}
	v.DoneLate = i.Status == StepDone && !i.DueAt.IsZero() && i.ClosedAt.After(i.DueAt)
	return v
}

// patience is how long nobody need say a word on a step that can be worked on (domain: stale; a proposal).
func (s *state) patience() time.Duration {
	switch {
	case s.Running != nil && s.Running.Mode == protocol.Slow:
		return 7 * 24 * time.Hour
	case s.anyArrival():
		return 24 * time.Hour
	}
	return 6 * time.Hour
}

func (s *state) anyArrival() bool {
	return slices.ContainsFunc(s.Order, func(id string) bool { return s.Movements[id].Status == Arrived })
}

// StepFilter chooses steps; empty members choose all.
type StepFilter struct {
	Party  place.Party // a state covers its islands
	Status []StepStatus
	Code   string
	Phase  protocol.Phase
	Side   protocol.Side

	Overdue, DueSoon, Blocked, Stale, ProofOwed *bool
}

func (f StepFilter) holds(s Step) bool {
	flag := func(want *bool, is bool) bool { return want == nil || *want == is }
	return (f.Party == "" || covers(f.Party, s.Party)) &&
		(len(f.Status) == 0 || slices.Contains(f.Status, s.Status)) &&
		(f.Code == "" || f.Code == s.Code) && (f.Phase == "" || f.Phase == s.Phase) && (f.Side == "" || f.Side == s.Side) &&
		flag(f.Overdue, s.Overdue) && flag(f.DueSoon, s.DueSoon) && flag(f.Blocked, s.Blocked) && flag(f.Stale, s.Stale) &&
		flag(f.ProofOwed, s.ProofOwed)
}

// sortKey is the order of steps as one text, for a cursor.
func (i *Instance) sortKey() string { return i.Code + "\x00" + string(i.Party) + "\x00" + i.Key }
