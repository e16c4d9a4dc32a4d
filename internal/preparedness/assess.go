package preparedness

import (
	"context"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Assess is what somebody found.
type Assess struct {
	ID         string
	AssessedAt time.Time       // zero: now
	Answers    map[string]bool // by the indicator's code: met or not; all of them, but shares
	ValidUntil time.Time       // zero: as long as the rules say; never longer
	Reference  string
}

// Assess records an assessment. Points, failed critical indicators, status and the time until which it holds are worked out now and for good. The
// latest assessment counts, whenever it was recorded; one that is older than the one on record is refused. If-Match is honoured when given, and
// names the unit's assessment.
func (d *Desk) Assess(ctx context.Context, scope access.Scope, w access.Write, id string, in Assess) (Done, error) {
	u, err := d.Unit(ctx, scope, id)
	if err != nil {
		return Done{}, err
	}
	in.AssessedAt, in.ValidUntil = check.Instant(in.AssessedAt), check.Instant(in.ValidUntil)
	var c fault.Check
	check.ID(&c, in.ID)
	check.OptionalTime(&c, "/assessed_at", in.AssessedAt)
	check.OptionalTime(&c, "/valid_until", in.ValidUntil)
	check.Text(&c, "/reference", &in.Reference, check.MaxReference, false)
	if err := c.Err(); err != nil {
		return Done{}, err
	}
	catalogue := CatalogueOf(u.Kind)
	var share *Share
	if u.Kind == Destination {
		found, err := d.shareOf(ctx, id)
		if err != nil {
			return Done{}, err
		}
		share = &found
	}
	assessment := newID(in.ID, "assessment", scope, w)
	return d.change(ctx, scope, w, id, access.AssessUnit, func(t turn) ([]ledger.Event, error) {
		before := t.unit.Assessment
		if before != nil {
			if err := t.matches(before.Seq, false); err != nil {
				return nil, err
			}
		}
		at := in.AssessedAt
		if at.IsZero() {
			at = t.now
		}
		longest := at.In(place.Zone(t.unit.Party)).AddDate(0, d.rules.AssessmentMonths, 0).UTC()
		until := in.ValidUntil
		if until.IsZero() {
			until = longest
		}
		c := t.w.Check()
		t.plausible(&c, "/assessed_at", at)
		check.Past(&c, "/assessed_at", at, t.now)
		c.That(before == nil || !at.Before(before.AssessedAt), "/assessed_at", "is before the assessment that is on record")
		c.That(until.After(at), "/valid_until", "must be after the assessment")
		c.That(!until.After(longest), "/valid_until", "must be within %d months of the assessment", d.rules.AssessmentMonths)
		if err := c.Err(); err != nil {
			return nil, err
		}
		met := 0.0
		if share != nil {
			met = share.of()
		}
		result, err := catalogue.Score(in.Answers, met, d.rules)
		if err != nil {
			return nil, err
		}
		return one(EventAssessed, assessed{
			ID: assessment, Catalogue: catalogue.ID, Revision: catalogue.Version, AssessedAt: at, Answers: in.Answers, Share: share,
			Points: result.Points, Critical: result.Critical, Status: result.Status, ValidUntil: until, Reference: in.Reference,
		})
	})
}

// Invalidate sets an assessment aside before its time: what it says does not hold any more.
func (d *Desk) Invalidate(ctx context.Context, scope access.Scope, w access.Write, id string, trigger Trigger, reason string) (Done, error) {
	c := w.Check()
	check.Word(&c, "/trigger", trigger, Triggers())
	check.Reason(&c, "/reason", &reason, false)
	if err := c.Err(); err != nil {
		return Done{}, err
	}
	return d.change(ctx, scope, w, id, access.AssessUnit, func(t turn) ([]ledger.Event, error) {
		a := t.unit.Assessment
		switch {
		case a == nil:
			return nil, fault.New(fault.State, "never_assessed", "The unit was never assessed.")
		case t.unit.StatusAt(t.now) == Expired:
			return nil, fault.New(fault.State, "assessment_expired", "The assessment does not hold any more as it is.")
		}
		if err := t.matches(a.Seq, false); err != nil {
			return nil, err
		}
		return one(EventInvalidated, invalidated{Trigger: trigger, Reason: reason})
	})
}

// ConfirmSeason records that a property is as it was assessed, before the season: in the window that the rules give (domain: 1 April to 31 May),
// while an assessment holds.
func (d *Desk) ConfirmSeason(ctx context.Context, scope access.Scope, w access.Write, id string) (Done, error) {
	return d.change(ctx, scope, w, id, access.AssessUnit, func(t turn) ([]ledger.Event, error) {
		local := t.now.In(place.Zone(t.unit.Party))
		switch status := t.unit.StatusAt(t.now); {
		case t.unit.Kind != Property:
			return nil, fault.New(fault.State, "not_a_property", "Properties are confirmed before the season.")
		case status == Unknown || status == Expired:
			return nil, fault.New(fault.State, "nothing_to_confirm", "There is no assessment that holds. Assess the unit.")
		case !d.rules.Confirmation.holds(local):
			return nil, fault.New(fault.State, "not_in_window", "Properties are confirmed between %s and %s (month-day).", d.rules.Confirmation.From, d.rules.Confirmation.To)
		case t.unit.Confirmation != nil && t.unit.Confirmation.Season == local.Year():
			return nil, fault.New(fault.State, "confirmed_already", "The unit is confirmed for the season of %d.", local.Year())
		}
		return one(EventConfirmed, confirmed{Season: local.Year(), At: t.now})
	})
}
