package preparedness

import (
	"math"
	"slices"
	"time"

	"landfall/internal/fault"
)

// Status is what a unit is worth.
type Status string

// The closed list of statuses. The last two are no results: nothing is averaged from them.
const (
	Ready    Status = "ready"     // 85 points or more, and no critical indicator failed
	Partial  Status = "partial"   // 60 to 84, or 85 and more with a critical failure
	Limited  Status = "limited"   // 40 to 59
	NotReady Status = "not_ready" // below 40
	Unknown  Status = "unknown"   // never assessed
	Expired  Status = "expired"   // past its validity, or set aside
)

// Statuses gives the closed list, best first.
func Statuses() []Status { return []Status{Ready, Partial, Limited, NotReady, Expired, Unknown} }

// Result is what the answers to a catalogue amount to.
type Result struct {
	Points   int      `json:"points"` // of 100
	Critical []string `json:"critical_failed,omitempty"`
	Status   Status   `json:"status"`
}

// Score works out what answers amount to: all or none of an indicator's points, or, of one that follows a share, as many as its share
// gives, rounded down, so that a share that is not whole is never shown as whole. Every indicator but shares is answered; an Invalid fault
// names those that are not, and those that the catalogue does not have.
func (c *Catalogue) Score(met map[string]bool, share float64, r *Rules) (Result, error) {
	var bad fault.Check
	for code := range met {
		i, ok := c.Indicator(code)
		bad.That(ok, "/answers/"+code, "is no indicator of this catalogue")
		bad.That(!ok || !i.Share, "/answers/"+code, "is worked out from the properties and not answered")
	}
	var out Result
	for _, i := range c.Indicators {
		yes, answered := met[i.Code]
		switch {
		case i.Share:
			out.Points += int(math.Floor(float64(i.Points)*min(1, max(0, share)) + 1e-9))
		case !answered:
			bad.Field("/answers/"+i.Code, "is required")
		case yes:
			out.Points += i.Points
		case i.Critical:
			out.Critical = append(out.Critical, i.Code)
		}
	}
	if err := bad.Err(); err != nil {
		return Result{}, err
	}
	out.Status = r.StatusFor(out.Points, len(out.Critical) > 0)
	return out, nil
}

// StatusFor gives the status for points (domain: preparedness, proposed model).
func (r *Rules) StatusFor(points int, critical bool) Status {
	switch {
	case points >= r.Ready && !critical:
		return Ready
	case points >= r.Partial:
		return Partial
	case points >= r.Limited:
		return Limited
	}
	return NotReady
}

// Spread says where the points of assessed units lie. It is no average.
type Spread struct {
	Lowest  int `json:"lowest"`
	Median  int `json:"median"` // of an even number, the lower of the two in the middle
	Highest int `json:"highest"`
}

// spreadOf gives the spread of points; nil without any.
func spreadOf(points []int) *Spread {
	if len(points) == 0 {
		return nil
	}
	points = slices.Sorted(slices.Values(points))
	return &Spread{Lowest: points[0], Median: points[(len(points)-1)/2], Highest: points[len(points)-1]}
}

// ceiling gives how many people a covered area shelters by the Sphere standard.
func (r *Rules) ceiling(m2 float64) int { return int(math.Floor(m2/r.SphereM2 + 1e-9)) }

// capacityHolds gives until when a capacity record of an instant holds. at is on the calendar of the unit's state.
func (r *Rules) capacityHolds(at time.Time, activation bool) time.Time {
	switch {
	case activation:
		return at.Add(time.Duration(r.Capacity.ActivationHours) * time.Hour)
	case r.Season.holds(at):
		return at.AddDate(0, 0, r.Capacity.SeasonDays)
	}
	return at.AddDate(0, 0, r.Capacity.OffSeasonDays)
}

// caseloadHolds gives until when a visitor count of an instant holds.
func (r *Rules) caseloadHolds(at time.Time, w Warning) time.Time {
	switch w {
	case UnderWatch:
		return at.Add(time.Duration(r.Caseload.WatchHours) * time.Hour)
	case UnderWarning:
		return at.Add(time.Duration(r.Caseload.WarningHours) * time.Hour)
	default:
		return at.AddDate(0, 0, r.Caseload.Days)
	}
}
