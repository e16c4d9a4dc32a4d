package preparedness

import (
	"context"
	"regexp"
	"time"

	"golang.org/x/text/currency"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

const (
	maxArea = 1_000_000 // square metres
	maxStay = 3 * 366   // days

	bedsPerRoom = 10 // at most, in what is said of rooms
)

var (
	rateText = regexp.MustCompile(`^\d{1,7}(\.\d{1,2})?$`)
)

// isCurrency reports whether a code is one of ISO 4217.
func isCurrency(code string) bool {
	unit, err := currency.ParseISO(code)
	return err == nil && unit.String() == code
}

// OfferCapacity is what a unit offers.
type OfferCapacity struct {
	Offer
	AsOf time.Time // zero: now
}

func (in *OfferCapacity) check(c *fault.Check) {
	in.AsOf, in.From, in.Until = check.Instant(in.AsOf), check.Instant(in.From), check.Instant(in.Until)
	in.checkAmount(c)
	c.That(in.FloorArea >= 0 && in.FloorArea <= maxArea, "/floor_area_m2", "must be 0 to %d", maxArea)
	for _, n := range []struct {
		pointer string
		value   int
		high    int
	}{
		{"/accessible_rooms", in.AccessibleRooms, maxRooms}, {"/longest_stay_days", in.LongestStay, maxStay},
		{"/water_days", in.WaterDays, maxStay}, {"/power_hours", in.PowerHours, maxStay * 24}, {"/rooms_free_tonight", in.FreeTonight, maxRooms},
	} {
		c.That(n.value >= 0 && n.value <= n.high, n.pointer, "must be 0 to %d", n.high)
	}
	c.That(in.AccessibleRooms <= in.Rooms, "/accessible_rooms", "must not be more than the rooms offered")
	check.OptionalTime(c, "/as_of", in.AsOf)
	check.OptionalTime(c, "/available_from", in.From)
	check.OptionalTime(c, "/available_until", in.Until)
	c.That(in.From.IsZero() || in.Until.IsZero() || in.Until.After(in.From), "/available_until", "must be after available_from")
	c.That(in.Rate == "" || rateText.MatchString(in.Rate), "/rate", "must be an amount such as 85.00")
	c.That(in.Currency == "" || isCurrency(in.Currency), "/currency", "must be an ISO 4217 code such as XCD")
	c.That((in.Rate == "") == (in.Currency == ""), "/currency", "goes with rate")
	check.Text(c, "/agreement", &in.Agreement, check.MaxReference, false)
}

// checkAmount holds rooms and beds against each other.
func (a Amount) checkAmount(c *fault.Check) {
	c.That(a.Rooms >= 0 && a.Rooms <= maxRooms, "/rooms", "must be 0 to %d", maxRooms)
	c.That(a.Beds >= 0 && a.Beds <= maxRooms*10, "/beds", "must be 0 to %d", maxRooms*10)
	c.That(a.Beds == 0 || a.Rooms > 0 || a.Rooms < 0, "/rooms", "must be given with beds")
	c.That(a.Rooms <= 0 || a.Beds <= a.Rooms*bedsPerRoom, "/beds", "are more than %d to a room", bedsPerRoom)
}

// OfferCapacity records what a unit offers. More beds than the floor area gives room for are taken and flagged. What is confirmed stays so: an offer
// below it is refused, until rooms are released. When everything confirmed was given back, a new round begins.
func (d *Desk) OfferCapacity(ctx context.Context, scope access.Scope, w access.Write, id string, in OfferCapacity) (Done, error) {
	var c fault.Check
	in.check(&c)
	c.That(!in.none(), "/rooms", "must be 1 or more")
	if err := c.Err(); err != nil {
		return Done{}, err
	}
	active, err := d.activated(ctx, scope, id)
	if err != nil {
		return Done{}, err
	}
	return d.change(ctx, scope, w, id, access.OfferCapacity, func(t turn) ([]ledger.Event, error) {
		if t.unit.Kind != Property {
			return nil, errNotProperty()
		}
		at, until, err := t.hold(in.AsOf, active)
		if err != nil {
			return nil, err
		}
		c := t.w.Check()
		t.plausible(&c, "/available_from", in.From)
		t.plausible(&c, "/available_until", in.Until)
		if has := t.unit.Rooms; has > 0 { // a unit of 0 rooms is one whose rooms nobody has counted
			c.That(in.Rooms <= has, "/rooms", "are more than the %d that the unit has", has)
			c.That(in.FreeTonight <= has, "/rooms_free_tonight", "are more than the %d that the unit has", has)
		}
		if err := c.Err(); err != nil {
			return nil, err
		}
		fresh := true
		if before := t.unit.Capacity; before != nil {
			if err := t.matches(before.Seq, false); err != nil {
				return nil, err
			}
			if fresh = before.Confirmed == before.Released; !fresh && !before.Confirmed.within(in.Amount) {
				return nil, fault.New(fault.State, "below_confirmed", "%d rooms and %d beds are confirmed. Release some before less is offered.", before.Confirmed.Rooms, before.Confirmed.Beds)
			}
		}
		e := offered{Offer: in.Offer, AsOf: at, ReportedBy: string(scope.Role), ValidUntil: until, ForActivation: active, Fresh: fresh}
		if in.FloorArea > 0 {
			e.Ceiling = d.rules.ceiling(in.FloorArea)
			e.OverSphere = in.Beds > e.Ceiling
		}
		return one(EventOffered, e)
	})
}

// hold gives the time that a capacity report speaks of, and until when it holds.
func (t turn) hold(asOf time.Time, active bool) (at, until time.Time, err error) {
	if at = asOf; at.IsZero() {
		at = t.now
	}
	c := t.w.Check()
	t.plausible(&c, "/as_of", at)
	check.Past(&c, "/as_of", at, t.now)
	if before := t.unit.Capacity; before != nil {
		c.That(!at.Before(before.AsOf), "/as_of", "is before what is on record")
	}
	return at, t.desk.rules.capacityHolds(at.In(place.Zone(t.unit.Party)), active).UTC(), c.Err()
}

// activated reports whether the unit's state takes part in an active incident.
func (d *Desk) activated(ctx context.Context, scope access.Scope, id string) (bool, error) {
	u, err := d.Unit(ctx, scope, id)
	if err != nil || d.situation == nil {
		return false, err
	}
	return d.situation.Activated(ctx, u.Party.StateParty())
}

// MoveCapacity says how much is meant.
type MoveCapacity struct {
	Amount
	Agreement string    // when confirming
	AsOf      time.Time // zero: now
}

// ConfirmCapacity says that so much of the offer is confirmed, in all: the state and the property agreed.
func (d *Desk) ConfirmCapacity(ctx context.Context, scope access.Scope, w access.Write, id string, in MoveCapacity) (Done, error) {
	return d.move(ctx, scope, w, id, EventCapConfirmed, in, func(c *Capacity, bad *fault.Check) moved {
		bad.That(in.within(c.Amount), "/rooms", "must not be more than is offered")
		bad.That(c.InUse.plus(c.Released).within(in.Amount), "/rooms", "must not be less than is in use or released")
		return moved{Confirmed: in.Amount, InUse: c.InUse, Released: c.Released, Agreement: in.Agreement}
	})
}

// UseCapacity says that so much is in use, in all: people live there.
func (d *Desk) UseCapacity(ctx context.Context, scope access.Scope, w access.Write, id string, in MoveCapacity) (Done, error) {
	return d.move(ctx, scope, w, id, EventUsed, in, func(c *Capacity, bad *fault.Check) moved {
		bad.That(in.plus(c.Released).within(c.Confirmed), "/rooms", "must not be more than is confirmed and not released")
		return moved{Confirmed: c.Confirmed, InUse: in.Amount, Released: c.Released}
	})
}

// ReleaseCapacity says that so much was given back to the property, beside what was before: first of what is in use.
func (d *Desk) ReleaseCapacity(ctx context.Context, scope access.Scope, w access.Write, id string, in MoveCapacity) (Done, error) {
	return d.move(ctx, scope, w, id, EventReleased, in, func(c *Capacity, bad *fault.Check) moved {
		bad.That(in.within(c.Confirmed.minus(c.Released)), "/rooms", "must not be more than is confirmed and not released")
		bad.That(!in.none(), "/rooms", "must be 1 or more")
		left := Amount{max(0, c.InUse.Rooms-in.Rooms), max(0, c.InUse.Beds-in.Beds)}
		return moved{Confirmed: c.Confirmed, InUse: left, Released: c.Released.plus(in.Amount)}
	})
}

// move is how what became of an offer is recorded. If-Match is honoured when given, and names the capacity.
func (d *Desk) move(ctx context.Context, scope access.Scope, w access.Write, id, eventType string, in MoveCapacity, next func(*Capacity, *fault.Check) moved) (Done, error) {
	in.AsOf = check.Instant(in.AsOf)
	var c fault.Check
	in.checkAmount(&c)
	check.OptionalTime(&c, "/as_of", in.AsOf)
	check.Text(&c, "/agreement", &in.Agreement, check.MaxReference, false)
	if err := c.Err(); err != nil {
		return Done{}, err
	}
	active, err := d.activated(ctx, scope, id)
	if err != nil {
		return Done{}, err
	}
	return d.change(ctx, scope, w, id, access.OfferCapacity, func(t turn) ([]ledger.Event, error) {
		before := t.unit.Capacity
		if before == nil {
			return nil, fault.New(fault.State, "nothing_offered", "The unit offers nothing yet.")
		}
		if err := t.matches(before.Seq, false); err != nil {
			return nil, err
		}
		at, until, err := t.hold(in.AsOf, active)
		if err != nil {
			return nil, err
		}
		var bad fault.Check
		after := next(before, &bad)
		if err := bad.Err(); err != nil {
			return nil, err
		}
		after.AsOf, after.ValidUntil, after.ForActivation = at, until, active
		return one(eventType, after)
	})
}

func errNotProperty() error {
	return fault.New(fault.State, "not_a_property", "Properties offer capacity; a destination's is that of its properties.")
}
