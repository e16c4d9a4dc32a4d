package preparedness

import (
	"time"

	"landfall/internal/place"
)

// Noun is the noun of this package: the first part of its streams' names.
const Noun = "unit"

// UnitKind is what is assessed.
type UnitKind string

// The kinds of units.
const (
	Property    UnitKind = "property"    // hotel, villa group, marina, ship berth
	Destination UnitKind = "destination" // an island or a zone
	State       UnitKind = "state"
)

// UnitKinds gives the closed list.
func UnitKinds() []UnitKind { return []UnitKind{Property, Destination, State} }

// Setting is where visitors stay or work.
type Setting string

// The settings. The first four are those of properties too.
const (
	Hotel          Setting = "hotel"
	Villa          Setting = "villa"
	Yacht          Setting = "yacht"
	CruiseInPort   Setting = "cruise_in_port"
	Student        Setting = "student"
	SeasonalWorker Setting = "seasonal_worker"
)

// Settings gives the closed list.
func Settings() []Setting {
	return []Setting{Hotel, Villa, Yacht, CruiseInPort, Student, SeasonalWorker}
}

// propertySettings are the settings a property can be of: marinas are yacht, ship berths cruise_in_port.
var propertySettings = []Setting{Hotel, Villa, Yacht, CruiseInPort}

// Unit is what is assessed, as folded from its stream. It is shared: whoever gets one must not change it.
type Unit struct {
	ID          string      `json:"id"`
	Kind        UnitKind    `json:"kind"`
	Party       place.Party `json:"party"` // the state, with the island where it lies on one
	Name        string      `json:"name"`  // of the establishment or place, never of a person
	Town        string      `json:"town,omitempty"`
	Setting     Setting     `json:"setting,omitempty"`     // of a property
	Rooms       int         `json:"rooms,omitempty"`       // of a property, all of them
	Destination string      `json:"destination,omitempty"` // id of the unit that a property belongs to
	Retired     string      `json:"retired,omitempty"`     // why it is assessed no more; "" while it is
	OpenedAt    time.Time   `json:"opened_at"`             // recorded
	UpdatedAt   time.Time   `json:"updated_at"`            // recorded
	Seq         int64       `json:"seq"`                   // last changed its own fields: what its ETag is made of
	Version     int64       `json:"version"`               // tail of the stream

	Assessment   *Assessment   `json:"assessment,omitempty"` // the latest
	Confirmation *Confirmation `json:"confirmation,omitempty"`
	Capacity     *Capacity     `json:"capacity,omitempty"`
	Caseload     *Caseload     `json:"caseload,omitempty"`
}

// Assessment is what a unit was found to be at.
type Assessment struct {
	ID         string          `json:"id"`
	Catalogue  string          `json:"catalogue"`
	Revision   int             `json:"catalogue_version"`
	AssessedAt time.Time       `json:"assessed_at"`
	Answers    map[string]bool `json:"answers"`
	Share      *Share          `json:"share,omitempty"` // what D01 was worked out from
	Result
	ValidUntil  time.Time `json:"valid_until"`
	Reference   string    `json:"reference,omitempty"`   // of the public report or the visit
	Invalidated string    `json:"invalidated,omitempty"` // why it was set aside before its time; see Triggers
	ExpiredTold bool      `json:"expired_told,omitempty"`
	RecordedAt  time.Time `json:"recorded_at"`
	Seq         int64     `json:"seq"`
}

// Share is how many rooms of a destination are in properties that are ready.
type Share struct {
	Ready int `json:"rooms_ready"`
	Rooms int `json:"rooms"`
}

// of gives the share, 0 without rooms.
func (s Share) of() float64 {
	if s.Rooms == 0 {
		return 0
	}
	return float64(s.Ready) / float64(s.Rooms)
}

// Trigger is why an assessment is set aside before its time.
type Trigger string

// The triggers to assess anew (domain: validity).
const (
	OwnershipChanged Trigger = "ownership_changed"
	MajorDamage      Trigger = "major_damage"
	DrillFailed      Trigger = "drill_failed"
)

// Triggers gives the closed list.
func Triggers() []Trigger { return []Trigger{OwnershipChanged, MajorDamage, DrillFailed} }

// Confirmation says that a property is as it was assessed, before the season.
type Confirmation struct {
	Season     int       `json:"season"` // year
	At         time.Time `json:"at"`
	RecordedAt time.Time `json:"recorded_at"`
	Seq        int64     `json:"seq"`
}

// StatusAt gives what the unit is worth at a wall time.
func (u *Unit) StatusAt(now time.Time) Status {
	switch a := u.Assessment; {
	case a == nil:
		return Unknown
	case a.Invalidated != "" || !now.Before(a.ValidUntil):
		return Expired
	default:
		return a.Status
	}
}

// Amount is rooms and the beds in them.
type Amount struct {
	Rooms int `json:"rooms"`
	Beds  int `json:"beds"`
}

func (a Amount) plus(b Amount) Amount  { return Amount{a.Rooms + b.Rooms, a.Beds + b.Beds} }
func (a Amount) minus(b Amount) Amount { return Amount{a.Rooms - b.Rooms, a.Beds - b.Beds} }

// within reports whether neither is more than in b.
func (a Amount) within(b Amount) bool { return a.Rooms <= b.Rooms && a.Beds <= b.Beds }

func (a Amount) none() bool { return a == Amount{} }

// Offer is what a unit offers for shelter.
type Offer struct {
	Amount
	FloorArea       float64   `json:"floor_area_m2,omitempty"` // covered living space
	AccessibleRooms int       `json:"accessible_rooms,omitempty"`
	LongestStay     int       `json:"longest_stay_days,omitempty"`
	From            time.Time `json:"available_from,omitzero"`
	Until           time.Time `json:"available_until,omitzero"`
	WaterDays       int       `json:"water_days,omitempty"`
	PowerHours      int       `json:"power_hours,omitempty"`
	Rate            string    `json:"rate,omitempty"`     // for a room and night, as agreed: "85.00"
	Currency        string    `json:"currency,omitempty"` // ISO 4217
	Agreement       string    `json:"agreement,omitempty"`
	FreeTonight     int       `json:"rooms_free_tonight,omitempty"`
}

// Capacity is what a unit offers and what became of it. Confirmed is of what was offered, in use and released of what was confirmed.
type Capacity struct {
	Offer
	AsOf          time.Time `json:"as_of"`
	Ceiling       int       `json:"sphere_ceiling,omitempty"` // people that the floor area shelters; 0: no area given
	OverSphere    bool      `json:"over_sphere,omitempty"`    // more beds are offered than that
	Confirmed     Amount    `json:"confirmed"`
	InUse         Amount    `json:"in_use"`
	Released      Amount    `json:"released"`
	ReportedBy    string    `json:"reported_by"` // role
	ValidUntil    time.Time `json:"valid_until"`
	ForActivation bool      `json:"for_activation,omitempty"` // it was reported while the state had an active incident
	ExpiredTold   bool      `json:"expired_told,omitempty"`
	RecordedAt    time.Time `json:"recorded_at"`
	Seq           int64     `json:"seq"`
}

// Free gives what is confirmed and neither in use nor given back.
func (c *Capacity) Free() Amount { return c.Confirmed.minus(c.InUse).minus(c.Released) }

// HoldsAt reports whether the record holds at a wall time. While the state has an active incident an older record does not.
func (c *Capacity) HoldsAt(now time.Time, activation bool) bool {
	until := c.ValidUntil
	if activation && !c.ForActivation {
		if short := TheRules().capacityHolds(c.AsOf, true); short.Before(until) {
			until = short
		}
	}
	return now.Before(until)
}

// Warning is how near a storm is: it says how long a count of visitors holds.
type Warning string

// The forecaster's terms.
const (
	NoWarning    Warning = "none"
	UnderWatch   Warning = "watch"
	UnderWarning Warning = "warning"
)

// Warnings gives the closed list.
func Warnings() []Warning { return []Warning{NoWarning, UnderWatch, UnderWarning} }

// Count is how many visitors of a nationality are in a setting.
type Count struct {
	Nationality string  `json:"nationality"` // ISO 3166-1 alpha-3, or OTH
	Setting     Setting `json:"setting"`
	Number      int     `json:"number"`
}

// OtherNationalities stands for nationalities that are not shown one by one.
const OtherNationalities = "OTH"

// Caseload is how many visitors are where.
type Caseload struct {
	ID          string    `json:"id"`
	AsOf        time.Time `json:"as_of"`
	Warning     Warning   `json:"warning"`
	Counts      []Count   `json:"counts"`
	Total       int       `json:"total"`
	Answered    int       `json:"units_answered"`
	Asked       int       `json:"units_asked"`
	ValidUntil  time.Time `json:"valid_until"`
	ExpiredTold bool      `json:"expired_told,omitempty"`
	RecordedAt  time.Time `json:"recorded_at"`
	Seq         int64     `json:"seq"`
}
