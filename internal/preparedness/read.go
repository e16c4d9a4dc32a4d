package preparedness

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/place"
	"landfall/internal/store"
)

const (
	defaultLimit = 100
	maxLimit     = 500
	// settleFor is how long a list waits for what its own process has just accepted.
	settleFor = 250 * time.Millisecond
)

// PageRequest says which page of a list is wanted.
type PageRequest struct {
	Limit  int    // 0: 100; at most 500
	Cursor string // Page.Next of the page before; "" for the first
}

func (p PageRequest) limit() (int, error) {
	var c fault.Check
	c.That(p.Limit >= 0 && p.Limit <= maxLimit, "?limit", "must be 1 to %d", maxLimit)
	if p.Limit == 0 {
		return defaultLimit, c.Err()
	}
	return p.Limit, c.Err()
}

// Page is one page of a list. Next is "" when there is no more.
type Page[V any] struct {
	Items []V
	Next  string
}

func pageOf[V any](found store.Page) (Page[V], error) {
	p := Page[V]{Items: make([]V, len(found.Docs)), Next: found.Next}
	for n, doc := range found.Docs {
		if err := json.Unmarshal(doc.Body, &p.Items[n]); err != nil {
			return Page[V]{}, fmt.Errorf("preparedness: document %s: %w", doc.ID, err)
		}
	}
	return p, nil
}

// Now gives the wall time that statuses are to be asked at.
func (d *Desk) Now() time.Time { return d.ledger.Now() }

// Owns reports whether the scope belongs to the state whose unit it is. Others see visitor counts as Caseload.For gives them.
func (d *Desk) Owns(scope access.Scope, u *Unit) bool { return owns(scope, u.Party) }

// Shown gives the caseload of a unit as the scope may see it; nil when nobody has counted.
func (d *Desk) Shown(scope access.Scope, u *Unit) *Shown {
	if u.Caseload == nil {
		return nil
	}
	s := u.Caseload.For(owns(scope, u.Party), d.rules.SmallCell)
	return &s
}

// Unit gives a unit that the scope may see; NotFound when there is none.
func (d *Desk) Unit(ctx context.Context, scope access.Scope, id string) (*Unit, error) {
	if !check.IsID(id) {
		return nil, errNoUnit()
	}
	found, err := d.units.Load(ctx, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, errNoUnit()
	case err != nil:
		return nil, err
	case !reads(scope, found.Value.Party):
		return nil, errNoUnit()
	}
	return found.Value, nil
}

// Filter chooses units; empty members choose all that the scope may see. Retired ones are left out.
type Filter struct {
	State       place.Party
	Kind        UnitKind
	Destination string
}

// Units lists units by name.
func (d *Desk) Units(ctx context.Context, scope access.Scope, f Filter, page PageRequest) (Page[*Unit], error) {
	limit, err := page.limit()
	if err != nil {
		return Page[*Unit]{}, err
	}
	if scope.Account == "" {
		return Page[*Unit]{}, errNoUnit()
	}
	q, visible := d.query(scope, f)
	if !visible {
		return Page[*Unit]{}, nil
	}
	q.After, q.Limit = page.Cursor, limit
	d.ledger.Settle(ctx, settleFor)
	found, err := d.docs.Find(ctx, q)
	if err != nil {
		return Page[*Unit]{}, storeFault(err)
	}
	return pageOf[*Unit](found)
}

// query gives what finds the units of a filter, and whether the scope may see any of them. What it may not see is never looked at.
func (d *Desk) query(scope access.Scope, f Filter) (store.Query, bool) {
	q := store.Query{Kind: KindUnit, Index: "name", Filter: []store.Cond{{Field: "retired", Any: []any{false}}}}
	state := f.State
	if !scope.May(access.ReadUnit, access.Thing{}) { // of every state
		own := scope.Party.StateParty()
		if own == "" || state != "" && state != own {
			return q, false
		}
		state = own
	}
	switch {
	case f.Destination != "":
		q.Index, q.Equal = "destination", []any{f.Destination}
		if state != "" {
			q.Filter = append(q.Filter, store.Cond{Field: "state", Any: []any{string(state)}})
		}
	case state != "":
		q.Index, q.Equal = "state", []any{string(state)}
	}
	if f.Kind != "" {
		q.Filter = append(q.Filter, store.Cond{Field: "kind", Any: []any{string(f.Kind)}})
	}
	return q, true
}

// Assessments gives what a unit was assessed at, the latest first.
func (d *Desk) Assessments(ctx context.Context, scope access.Scope, id string, page PageRequest) (Page[*Assessment], error) {
	return history[*Assessment](ctx, d, scope, KindAssessment, id, page)
}

// Caseloads gives the visitor counts of a unit as the scope may see them, the latest first.
func (d *Desk) Caseloads(ctx context.Context, scope access.Scope, id string, page PageRequest) (Page[Shown], error) {
	u, err := d.Unit(ctx, scope, id)
	if err != nil {
		return Page[Shown]{}, err
	}
	found, err := history[*Caseload](ctx, d, scope, KindCaseload, id, page)
	out := Page[Shown]{Items: make([]Shown, len(found.Items)), Next: found.Next}
	for n, c := range found.Items {
		out.Items[n] = c.For(owns(scope, u.Party), d.rules.SmallCell)
	}
	return out, err
}

func history[V any](ctx context.Context, d *Desk, scope access.Scope, kind, id string, page PageRequest) (Page[V], error) {
	limit, err := page.limit()
	if err != nil {
		return Page[V]{}, err
	}
	if _, err := d.Unit(ctx, scope, id); err != nil {
		return Page[V]{}, err
	}
	d.ledger.Settle(ctx, settleFor)
	found, err := d.docs.Find(ctx, store.Query{Kind: kind, Index: "unit", Equal: []any{id}, Desc: true, After: page.Cursor, Limit: limit})
	if err != nil {
		return Page[V]{}, storeFault(err)
	}
	return pageOf[V](found)
}

// boardBatch is how many units one read of a board takes.
const boardBatch = 10_000

// all gives every unit of a filter, in reads of boardBatch.
func (d *Desk) all(ctx context.Context, scope access.Scope, f Filter) ([]*Unit, error) {
	q, visible := d.query(scope, f)
	if !visible {
		return nil, nil
	}
	d.ledger.Settle(ctx, settleFor)
	var units []*Unit
	for q.Limit = boardBatch; ; {
		found, err := d.docs.Find(ctx, q)
		if err != nil {
			return nil, storeFault(err)
		}
		page, err := pageOf[*Unit](found)
		if err != nil {
			return nil, err
		}
		units = append(units, page.Items...)
		if q.After = page.Next; q.After == "" {
			return units, nil
		}
	}
}

// shareOf gives how many rooms of a destination are in properties that are ready now.
func (d *Desk) shareOf(ctx context.Context, destination string) (Share, error) {
	units, err := d.all(ctx, access.System, Filter{Destination: destination})
	var s Share
	now := d.Now()
	for _, u := range units {
		s.Rooms += u.Rooms
		if u.StatusAt(now) == Ready {
			s.Ready += u.Rooms
		}
	}
	return s, err
}
