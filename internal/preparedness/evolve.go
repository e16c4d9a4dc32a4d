package preparedness

import (
	"time"

	"landfall/internal/ledger"
)

// foldVersion is raised when Unit or evolve changes; older snapshots are then ignored.
const foldVersion = 1

func fold() ledger.Fold[*Unit] {
	return ledger.Fold[*Unit]{
		Noun: Noun, Version: foldVersion, Events: events,
		New:    func(id string) *Unit { return &Unit{ID: id} },
		Clone:  func(u *Unit) *Unit { c := *u; return &c },
		Evolve: evolve, Project: project, NextWake: nextWake, Announce: announce,
	}
}

// evolve applies one event. It reads the event and nothing else, and replaces parts instead of changing them.
func evolve(u *Unit, e ledger.Recorded) (*Unit, error) {
	u.Version, u.UpdatedAt = e.Seq, e.RecordedAt
	switch e.Type {
	case EventRegistered:
		return evolved(u, e, func(d registered) {
			u.Kind, u.Party, u.Name, u.Town, u.Setting, u.Rooms, u.Destination = d.Kind, d.Party, d.Name, d.Town, d.Setting, d.Rooms, d.Destination
			u.OpenedAt, u.Seq = e.RecordedAt, e.Seq
		})
	case EventChanged:
		return evolved(u, e, func(d changed) {
			u.Name, u.Town, u.Setting, u.Rooms, u.Destination, u.Seq = d.Name, d.Town, d.Setting, d.Rooms, d.Destination, e.Seq
		})
	case EventRetired:
		return evolved(u, e, func(d retired) { u.Retired, u.Seq = d.Reason, e.Seq })
	case EventAssessed:
		return evolved(u, e, func(d assessed) { u.Assessment = assessmentOf(d, e) })
	case EventInvalidated:
		return evolved(u, e, func(d invalidated) {
			if a := u.Assessment; a != nil {
				c := *a
				c.Invalidated, c.ExpiredTold, c.Seq = string(d.Trigger), true, e.Seq
				u.Assessment = &c
			}
		})
	case EventConfirmed:
		return evolved(u, e, func(d confirmed) {
			u.Confirmation = &Confirmation{Season: d.Season, At: d.At, RecordedAt: e.RecordedAt, Seq: e.Seq}
		})
	case EventOffered:
		return evolved(u, e, func(d offered) { u.offer(d, e) })
	case EventCapConfirmed, EventUsed, EventReleased:
		return evolved(u, e, func(d moved) { u.move(d, e) })
	case EventCounted:
		return evolved(u, e, func(d counted) {
			u.Caseload = &Caseload{
				ID: d.ID, AsOf: d.AsOf, Warning: d.Warning, Counts: d.Counts, Total: d.Total, Answered: d.Answered, Asked: d.Asked,
				ValidUntil: d.ValidUntil, RecordedAt: e.RecordedAt, Seq: e.Seq,
			}
		})
	case EventLapsed, EventCapacityLapsed, EventCaseloadLapsed:
		return evolved(u, e, func(d lapsed) { u.lapse(e.Type, d) })
	}
	return u, nil // an erasure: nothing of what is kept here is erasable
}

// evolved decodes the event's data and applies it.
func evolved[D any](u *Unit, e ledger.Recorded, apply func(D)) (*Unit, error) {
	var d D
	if err := e.Into(&d); err != nil {
		return u, err
	}
	apply(d)
	return u, nil
}

func assessmentOf(d assessed, e ledger.Recorded) *Assessment {
	return &Assessment{
		ID: d.ID, Catalogue: d.Catalogue, Revision: d.Revision, AssessedAt: d.AssessedAt, Answers: d.Answers, Share: d.Share,
		Result: Result{Points: d.Points, Critical: d.Critical, Status: d.Status}, ValidUntil: d.ValidUntil, Reference: d.Reference,
		RecordedAt: e.RecordedAt, Seq: e.Seq,
	}
}

func (u *Unit) offer(d offered, e ledger.Recorded) {
	c := Capacity{
		Offer: d.Offer, AsOf: d.AsOf, Ceiling: d.Ceiling, OverSphere: d.OverSphere, ReportedBy: d.ReportedBy,
		ValidUntil: d.ValidUntil, ForActivation: d.ForActivation, RecordedAt: e.RecordedAt, Seq: e.Seq,
	}
	if before := u.Capacity; before != nil && !d.Fresh {
		c.Confirmed, c.InUse, c.Released = before.Confirmed, before.InUse, before.Released
	}
	u.Capacity = &c
}

func (u *Unit) move(d moved, e ledger.Recorded) {
	if u.Capacity == nil {
		return
	}
	c := *u.Capacity
	c.Confirmed, c.InUse, c.Released = d.Confirmed, d.InUse, d.Released
	if d.Agreement != "" {
		c.Agreement = d.Agreement
	}
	c.AsOf, c.ValidUntil, c.ForActivation, c.ExpiredTold = d.AsOf, d.ValidUntil, d.ForActivation, false
	c.RecordedAt, c.Seq = e.RecordedAt, e.Seq
	u.Capacity = &c
}

// lapse notes that it was announced that something ran out; what was recorded since is not meant.
func (u *Unit) lapse(eventType string, d lapsed) {
	switch {
	case eventType == EventLapsed && u.Assessment != nil && u.Assessment.Seq == d.Seq:
		c := *u.Assessment
		c.ExpiredTold = true
		u.Assessment = &c
	case eventType == EventCapacityLapsed && u.Capacity != nil && u.Capacity.Seq == d.Seq:
		c := *u.Capacity
		c.ExpiredTold = true
		u.Capacity = &c
	case eventType == EventCaseloadLapsed && u.Caseload != nil && u.Caseload.Seq == d.Seq:
		c := *u.Caseload
		c.ExpiredTold = true
		u.Caseload = &c
	}
}

// ending is something that runs out and has not been announced to have.
type ending struct {
	at        time.Time
	seq       int64
	eventType string
}

// endings gives what is still to be announced of a unit, in the order of its parts.
func (u *Unit) endings() []ending {
	if u.Retired != "" {
		return nil
	}
	var all []ending
	if a := u.Assessment; a != nil && !a.ExpiredTold {
		all = append(all, ending{a.ValidUntil, a.Seq, EventLapsed})
	}
	if c := u.Capacity; c != nil && !c.ExpiredTold {
		all = append(all, ending{c.ValidUntil, c.Seq, EventCapacityLapsed})
	}
	if c := u.Caseload; c != nil && !c.ExpiredTold {
		all = append(all, ending{c.ValidUntil, c.Seq, EventCaseloadLapsed})
	}
	return all
}

// nextWake gives the wall time at which the first part runs out; zero: none does.
func nextWake(u *Unit) time.Time {
	var first time.Time
	for _, e := range u.endings() {
		if first.IsZero() || e.at.Before(first) {
			first = e.at
		}
	}
	return first
}
