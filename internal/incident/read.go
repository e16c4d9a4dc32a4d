package incident

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
	"landfall/internal/store"
)

const (
	defaultLimit      = 100
	defaultStepsLimit = 500
	maxLimit          = 500
	maxQuery          = 200

	// settleFor is how long a list waits for the projections of what its own process has accepted.
	settleFor = 250 * time.Millisecond

	// provisionalFor is how young a moment is of which it is not yet known what was recorded until then.
	provisionalFor = 10 * time.Second
)

// PageRequest asks for one page of a list.
type PageRequest struct {
	Limit  int    // 0: the list's own default; at most 500
	Cursor string // Page.Next of the page before; "" for the first
}

func (p PageRequest) limit(otherwise int) (int, error) {
	var c fault.Check
	c.That(p.Limit >= 0 && p.Limit <= maxLimit, "?limit", "must be 1 to %d", maxLimit)
	c.That(len(p.Cursor) <= 4096, "?cursor", "is no cursor of this service")
	if p.Limit == 0 {
		return otherwise, c.Err()
	}
	return p.Limit, c.Err()
}

// Page is one page of a list. Next is "" when there is no more.
type Page[V any] struct {
	Items []V
	Next  string
}

// Filter chooses incidents; empty members choose all.
type Filter struct {
	Status     []Status
	State      place.Party // a state that takes part
	HazardType string
	Exercise   *bool
	Query      string // words in title or code, without regard to case and accents
}

// List gives incidents that the scope may see, the newest first. What it may not see is never looked at.
func (d *Desk) List(ctx context.Context, scope access.Scope, f Filter, page PageRequest) (Page[Incident], error) {
	var none Page[Incident]
	limit, err := page.limit(defaultLimit)
	if err != nil {
		return none, err
	}
	q, err := f.query()
	if err != nil {
		return none, err
	}
	q.After, q.Limit, q.Desc = page.Cursor, limit, true
	switch {
	case scope.All:
		q.Index = "opened_at"
	case scope.Party == "":
		return Page[Incident]{Items: []Incident{}}, nil
	default:
		q.Index, q.Equal = "audience", []any{string(scope.Party)}
	}
	d.ledger.Settle(ctx, settleFor)
	found, err := d.docs.Find(ctx, q)
	if err != nil {
		return none, storeFault(err)
	}
	return pageOf[Incident](found)
}

// ListOpen gives the incidents that are not over and that the scope may see, the newest first, at most so many; more reports whether there are
// others. However many are over, none of those is looked at.
func (d *Desk) ListOpen(ctx context.Context, scope access.Scope, most int) (open []Incident, more bool, err error) {
	q := store.Query{Kind: KindIncident, Index: "audience_status", Desc: true, Limit: most + 1}
	switch {
	case scope.All:
		q.Index = "status"
	case scope.Party == "":
		return nil, false, nil
	default:
		q.Equal = []any{string(scope.Party)}
	}
	d.ledger.Settle(ctx, settleFor)
	seen := map[string]bool{} // one that goes on between two questions is in both answers
	for _, s := range []Status{Draft, Monitoring, Active} {
		of := q
		of.Equal = append(slices.Clone(q.Equal), string(s))
		found, err := d.docs.Find(ctx, of)
		if err != nil {
			return nil, false, storeFault(err)
		}
		page, err := pageOf[Incident](found)
		if err != nil {
			return nil, false, err
		}
		for _, i := range page.Items {
			if !seen[i.ID] {
				seen[i.ID] = true
				open = append(open, i)
			}
		}
	}
	slices.SortStableFunc(open, func(a, b Incident) int { return b.OpenedAt.Compare(a.OpenedAt) })
	return open[:min(len(open), most)], len(open) > most, nil
}

func (f Filter) query() (store.Query, error) {
	q := store.Query{Kind: KindIncident}
	var c fault.Check
	if len(f.Status) > 0 {
		cond := store.Cond{Field: "status"}
		for _, s := range f.Status {
			check.Word(&c, "?status", s, Statuses())
			cond.Any = append(cond.Any, string(s))
		}
		q.Filter = append(q.Filter, cond)
	}
	if f.State != "" {
		if _, err := place.ParseState(string(f.State)); err != nil {
			c.Field("?state", "%s", check.DetailOf(err))
		}
		q.Filter = append(q.Filter, store.Cond{Field: "states", Contains: stateToken(f.State)})
	}
	if f.HazardType != "" {
		_, known := place.HazardOf(f.HazardType)
		c.That(known, "?hazard_type", "must be a GLIDE hazard code, such as TC or VO")
		q.Filter = append(q.Filter, store.Cond{Field: "hazard_type", Any: []any{f.HazardType}})
	}
	if f.Exercise != nil {
		q.Filter = append(q.Filter, store.Cond{Field: "exercise", Any: []any{*f.Exercise}})
	}
	if text := f.Query; text != "" {
		check.Text(&c, "?q", &text, maxQuery, false)
		text = strings.TrimSpace(text)
		q.Filter = append(q.Filter, store.Cond{Field: "text", Contains: foldText(text)})
	}
	return q, c.Err()
}

// pageOf reads the documents of a found page.
func pageOf[V any](found store.Page) (Page[V], error) {
	p := Page[V]{Items: make([]V, len(found.Docs)), Next: found.Next}
	for n, doc := range found.Docs {
		if err := json.Unmarshal(doc.Body, &p.Items[n]); err != nil {
			return Page[V]{}, fmt.Errorf("incident: document %s of kind %T: %w", doc.ID, p.Items[n], err)
		}
	}
	return p, nil
}

// Get gives an incident that the scope may see.
func (d *Desk) Get(ctx context.Context, scope access.Scope, id string) (Incident, error) {
	found, err := d.load(ctx, scope, id)
	if err != nil {
		return Incident{}, err
	}
	return d.shown(found.Value), nil
}

// Steps gives the steps of an incident in the order of the template. A tourism liaison sees the tourism steps of its own state.
func (d *Desk) Steps(ctx context.Context, scope access.Scope, id string, f StepFilter, page PageRequest) (Page[Step], error) {
	var none Page[Step]
	limit, err := page.limit(defaultStepsLimit)
	if err != nil {
		return none, err
	}
	after, err := base64.RawURLEncoding.DecodeString(page.Cursor)
	if err != nil {
		return none, storeFault(store.ErrBadCursor)
	}
	if err := f.check(); err != nil {
		return none, err
	}
	found, err := d.load(ctx, scope, id)
	if err != nil {
		return none, err
	}
	s := found.Value
	now, whole := s.scenario(d.ledger.Now()), s.thing("")
	p := Page[Step]{Items: []Step{}}
	for _, i := range s.steps() {
		if page.Cursor != "" && i.sortKey() <= string(after) || !shows(scope, whole, i) {
			continue
		}
		v := s.view(i, now)
		if !f.holds(v) {
			continue
		}
		if len(p.Items) == limit {
			p.Next = base64.RawURLEncoding.EncodeToString([]byte(p.Items[limit-1].sortKey()))
			break
		}
		p.Items = append(p.Items, v)
	}
	return p, nil
}

func (f StepFilter) check() error {
	var c fault.Check
	if f.Party != "" {
		if _, err := place.ParseParty(string(f.Party)); err != nil {
			c.Field("?party", "%s", check.DetailOf(err))
		}
	}
	for _, s := range f.Status {
		check.Word(&c, "?status", s, StepStatuses())
	}
	if f.Phase != "" {
		check.Word(&c, "?phase", f.Phase, protocol.Phases())
	}
	if f.Side != "" {
		check.Word(&c, "?side", f.Side, []protocol.Side{protocol.OriginSide, protocol.ReceivingSide, protocol.RegionalSide, protocol.TourismSide})
	}
	return c.Err()
}

// Step gives one step.
func (d *Desk) Step(ctx context.Context, scope access.Scope, id, key string) (Step, error) {
	found, err := d.load(ctx, scope, id)
	if err != nil {
		return Step{}, err
	}
	i, ok := found.Value.Steps[key]
	if !ok || !shows(scope, found.Value.thing(""), i) {
		return Step{}, errNoStep()
	}
	return found.Value.view(i, found.Value.scenario(d.ledger.Now())), nil
}

// Movements gives the movements of an incident as they were announced.
func (d *Desk) Movements(ctx context.Context, scope access.Scope, id string) ([]*Movement, error) {
	s, err := d.inside(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	all := []*Movement{}
	for _, m := range s.Order {
		all = append(all, s.Movements[m])
	}
	return all, nil
}

// Movement gives one movement.
func (d *Desk) Movement(ctx context.Context, scope access.Scope, id, movement string) (*Movement, error) {
	s, err := d.inside(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	m, ok := s.Movements[movement]
	if !ok {
		return nil, errNoMovement()
	}
	return m, nil
}

// Anchor gives one anchor of an incident by its name.
func (d *Desk) Anchor(ctx context.Context, scope access.Scope, id, name string) (*Anchor, error) {
	found, err := d.load(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	a, ok := found.Value.Anchors[name]
	if !ok {
		return nil, errNoAnchor()
	}
	return a, nil
}

// Answers gives what the receiving states said, in the order in which it was recorded.
func (d *Desk) Answers(ctx context.Context, scope access.Scope, id string) ([]*Answer, error) {
	s, err := d.inside(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	return listed(slices.Clone(s.Answers)), nil
}

// figureDoc is the document of a figure: the figure and where it is recorded.
type figureDoc struct {
	Figure
	Seq        int64     `json:"seq"`
	RecordedAt time.Time `json:"recorded_at"`
	Relayed    *Word     `json:"relayed,omitempty"`
}

// Figures gives the figures of an incident, by the date they speak of, the latest first.
func (d *Desk) Figures(ctx context.Context, scope access.Scope, id string, role FigureRole, page PageRequest) (Page[Figure], error) {
	var none Page[Figure]
	limit, err := page.limit(defaultLimit)
	if err != nil {
		return none, err
	}
	q := store.Query{Kind: KindFigure, Index: "incident", Equal: []any{id}, Desc: true, After: page.Cursor, Limit: limit}
	if role != "" {
		var c fault.Check
		check.Word(&c, "?role", role, []FigureRole{Recommended, Triangulation})
		if err := c.Err(); err != nil {
			return none, err
		}
		q.Filter = []store.Cond{{Field: "role", Any: []any{string(role)}}}
	}
	s, err := d.inside(ctx, scope, id)
	if err != nil {
		return none, err
	}
	d.ledger.Settle(ctx, settleFor)
	found, err := d.docs.Find(ctx, q)
	if err != nil {
		return none, storeFault(err)
	}
	docs, err := pageOf[figureDoc](found)
	p := Page[Figure]{Items: make([]Figure, 0, len(docs.Items)), Next: docs.Next}
	for _, doc := range docs.Items {
		f := doc.Figure
		f.Seq, f.RecordedAt, f.Relayed = doc.Seq, doc.RecordedAt, doc.Relayed
		if mark, ok := s.Figures.get(f.ID); ok {
			f.SupersededBy = mark.SupersededBy
		}
		p.Items = append(p.Items, f)
	}
	return p, err
}

// inside gives an incident to somebody who may see more of it than the headline.
func (d *Desk) inside(ctx context.Context, scope access.Scope, id string) (*state, error) {
	found, err := d.load(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	if t := found.Value.thing(""); !scope.May(access.ReadInside, t) {
		return nil, access.Refusal(access.ReadInside, t)
	}
	return found.Value, nil
}

// Clock gives the clock of an exercise; the zero Clock of an actual incident, and when there is none.
func (d *Desk) Clock(ctx context.Context, incident string) (protocol.Clock, error) {
	found, err := d.incidents.Load(ctx, incident)
	switch {
	case fault.Is(err, fault.NotFound):
		return protocol.Clock{}, nil
	case err != nil:
		return protocol.Clock{}, err
	}
	return found.Value.Clock, nil
}

// ReadEvent says what the scope may read of an event of an incident that it is about to be told: access.Scope.Read on the incident as it stands
// now. Whoever was named later is told nothing of the time before.
func (d *Desk) ReadEvent(ctx context.Context, scope access.Scope, a ledger.Announcement) (json.RawMessage, bool, error) {
	if a.Incident == "" {
		data, ok := scope.Read(a, access.Thing{})
		return data, ok, nil
	}
	found, err := d.incidents.Load(ctx, a.Incident)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, false, err
	}
	t := access.Thing{}
	if s := found.Value; err == nil {
		t = s.thing("")
		if a.Stream == found.Stream && s.knownSince(scope).Seq > a.Seq {
			return nil, false, nil
		}
	}
	data, ok := scope.Read(a, t)
	return data, ok, nil
}
