package preparedness

import (
	"cmp"
	"context"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/place"
)

// Board shows who is ready, at a moment: one part for each state.
type Board struct {
	At     time.Time    `json:"at"`
	States []StateBoard `json:"states"`
}

// StateBoard is the readiness of one state.
type StateBoard struct {
	State        place.Party `json:"state"`
	Itself       *Line       `json:"itself"` // the state's own unit; absent while nobody registered it
	Destinations []Section   `json:"destinations"`
	Properties   Section     `json:"properties"` // all of the state; its visitors are those counted for the state itself where somebody did
	Expiring     []Line      `json:"expiring"`   // soon, the first first
	Activation   bool        `json:"activation"` // an active incident names the state: capacity holds for hours
}

// Section is a set of properties: those of a destination, or of a state.
type Section struct {
	Unit       *Line          `json:"unit"`      // the destination; absent for a state's
	ByStatus   map[Status]int `json:"by_status"` // units
	Coverage   Coverage       `json:"coverage"`
	Points     *Spread        `json:"points"` // of properties whose assessment holds; absent without any
	RoomsReady Share          `json:"rooms_ready"`
	Capacity   CapacitySum    `json:"capacity"`
	Caseload   CaseloadSum    `json:"caseload"`
}

// Coverage is how much is assessed by an assessment that holds. Unknown and expired units are what is missing here and nowhere counted as bad.
type Coverage struct {
	Units         int `json:"units"`
	UnitsAssessed int `json:"units_assessed"`
	Rooms         int `json:"rooms"`
	RoomsAssessed int `json:"rooms_assessed"`
}

// CapacitySum adds the capacity of properties up, each number for itself. What does not hold any more is counted apart.
type CapacitySum struct {
	Units       int    `json:"units"` // with a capacity record
	Offered     Amount `json:"offered"`
	Confirmed   Amount `json:"confirmed"`
	InUse       Amount `json:"in_use"`
	Released    Amount `json:"released"`
	FreeTonight int    `json:"rooms_free_tonight"` // rooms that are not sold tonight, beside those offered: the same rooms are income
	OverSphere  int    `json:"units_over_sphere"`
	Stale       int    `json:"units_stale"` // their numbers are older than they hold
}

// CaseloadSum adds visitors up; what was counted for a place as a whole stands before the sum of its parts. Total is -1 when it is too small to be shown to the reader.
type CaseloadSum struct {
	Units   int       `json:"units"`
	Total   int       `json:"total"`
	Oldest  time.Time `json:"oldest_as_of,omitzero"`
	Expired int       `json:"units_expired"`
}

// Line is a unit as a board lists it.
type Line struct {
	ID         string      `json:"id"`
	Kind       UnitKind    `json:"kind"`
	Party      place.Party `json:"party"`
	Name       string      `json:"name"`
	Status     Status      `json:"status"`
	Points     int         `json:"points"` // of the assessment on record; 0 when unknown
	ValidUntil time.Time   `json:"valid_until,omitzero"`
	Critical   []string    `json:"critical_failed"`
}

func lineOf(u *Unit, now time.Time) Line {
	l := Line{ID: u.ID, Kind: u.Kind, Party: u.Party, Name: u.Name, Status: u.StatusAt(now), Critical: []string{}}
	if a := u.Assessment; a != nil {
		l.Points, l.ValidUntil = a.Points, a.ValidUntil
		if a.Critical != nil {
			l.Critical = a.Critical
		}
	}
	return l
}

// Board gives the readiness of the states that the scope may see, or of one of them. It reads documents only, ten thousand units at a time.
func (d *Desk) Board(ctx context.Context, scope access.Scope, state place.Party) (Board, error) {
	b := Board{At: d.Now(), States: []StateBoard{}}
	if scope.Account == "" {
		return b, fault.New(fault.Forbidden, "role_not_allowed", "Sign in to see the board.")
	}
	units, err := d.all(ctx, scope, Filter{State: state})
	if err != nil {
		return b, err
	}
	byState := map[place.Party][]*Unit{}
	for _, u := range units {
		byState[u.Party.StateParty()] = append(byState[u.Party.StateParty()], u)
	}
	for state, units := range byState {
		active := false
		if d.situation != nil {
			if active, err = d.situation.Activated(ctx, state); err != nil {
				return b, err
			}
		}
		b.States = append(b.States, d.boardOf(state, units, b.At, active, owns(scope, state)))
	}
	slices.SortStableFunc(b.States, func(x, y StateBoard) int { return cmp.Compare(x.State, y.State) })
	return b, nil
}

// expiringMost bounds how many units a board lists as expiring.
const expiringMost = 50

func (d *Desk) boardOf(state place.Party, units []*Unit, now time.Time, active, whole bool) StateBoard {
	s := StateBoard{State: state, Destinations: []Section{}, Expiring: []Line{}, Activation: active}
	byDestination := map[string][]*Unit{}
	var properties, destinations []*Unit
	var itself *Unit
	soon := now.AddDate(0, 0, d.rules.ExpiringDays)
	for _, u := range units {
		switch u.Kind {
		case State:
			if itself == nil {
				l := lineOf(u, now)
				s.Itself, itself = &l, u
			}
		case Destination:
			destinations = append(destinations, u)
		case Property:
			properties = append(properties, u)
			byDestination[u.Destination] = append(byDestination[u.Destination], u)
		}
		if l := lineOf(u, now); l.Status != Unknown && l.Status != Expired && l.ValidUntil.Before(soon) {
			s.Expiring = append(s.Expiring, l)
		}
	}
	slices.SortStableFunc(s.Expiring, func(a, b Line) int { return cmp.Or(a.ValidUntil.Compare(b.ValidUntil), cmp.Compare(a.Name, b.Name)) })
	s.Expiring = s.Expiring[:min(len(s.Expiring), expiringMost)]
	s.Properties = d.sectionOf(properties, now, active)
	var visitors CaseloadSum
	for _, u := range destinations {
		section := d.sectionOf(byDestination[u.ID], now, active)
		delete(byDestination, u.ID)
		l := lineOf(u, now)
		section.Unit, section.Caseload = &l, visitorsOf(u, section.Caseload, now)
		visitors.plus(section.Caseload)
		section.Caseload.hide(whole, d.rules.SmallCell)
		s.Destinations = append(s.Destinations, section)
	}
	for _, rest := range byDestination {
		for _, u := range rest {
			visitors.add(u.Caseload, now)
		}
	}
	s.Properties.Caseload = visitorsOf(itself, visitors, now)
	s.Properties.Caseload.hide(whole, d.rules.SmallCell)
	return s
}

func (d *Desk) sectionOf(units []*Unit, now time.Time, active bool) Section {
	s := Section{ByStatus: map[Status]int{}}
	for _, status := range Statuses() {
		s.ByStatus[status] = 0
	}
	var points []int
	for _, u := range units {
		status := u.StatusAt(now)
		s.ByStatus[status]++
		s.Coverage.Units++
		s.Coverage.Rooms += u.Rooms
		s.RoomsReady.Rooms += u.Rooms
		if status != Unknown && status != Expired {
			s.Coverage.UnitsAssessed++
			s.Coverage.RoomsAssessed += u.Rooms
			points = append(points, u.Assessment.Points)
		}
		if status == Ready {
			s.RoomsReady.Ready += u.Rooms
		}
		s.Capacity.add(u.Capacity, now, active)
		s.Caseload.add(u.Caseload, now)
	}
	s.Points = spreadOf(points)
	return s
}

// visitorsOf gives the visitors of a place: what was counted for the place itself, or else the sum of its parts. The two are never added.
func visitorsOf(itself *Unit, parts CaseloadSum, now time.Time) CaseloadSum {
	if itself == nil || itself.Caseload == nil {
		return parts
	}
	var own CaseloadSum
	own.add(itself.Caseload, now)
	return own
}

func (s *CaseloadSum) plus(o CaseloadSum) {
	s.Units, s.Total, s.Expired = s.Units+o.Units, s.Total+o.Total, s.Expired+o.Expired
	if s.Oldest.IsZero() || !o.Oldest.IsZero() && o.Oldest.Before(s.Oldest) {
		s.Oldest = o.Oldest
	}
}

// hide takes away a total that is too small to be shown outside.
func (s *CaseloadSum) hide(whole bool, least int) {
	if !whole && s.Total > 0 && s.Total < least {
		s.Total = -1
	}
}

func (s *CapacitySum) add(c *Capacity, now time.Time, active bool) {
	if c == nil {
		return
	}
	s.Units++
	if !c.HoldsAt(now, active) {
		s.Stale++
	}
	if c.OverSphere {
		s.OverSphere++
	}
	s.Offered, s.Confirmed = s.Offered.plus(c.Amount), s.Confirmed.plus(c.Confirmed)
	s.InUse, s.Released = s.InUse.plus(c.InUse), s.Released.plus(c.Released)
	s.FreeTonight += c.FreeTonight
}

func (s *CaseloadSum) add(c *Caseload, now time.Time) {
	if c == nil {
		return
	}
	s.Units++
	s.Total += c.Total
	if s.Oldest.IsZero() || c.AsOf.Before(s.Oldest) {
		s.Oldest = c.AsOf
	}
	if !now.Before(c.ValidUntil) {
		s.Expired++
	}
}
