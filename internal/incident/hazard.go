package incident

import (
	"context"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// Hazard is a storm, an eruption or whatever else drives people out. Several incidents may share one, so every account sees every hazard: it
// says nothing about who plans what. One made for an exercise is that for ever, and no actual incident is opened on it. It is shared: whoever
// gets one must not change it.
type Hazard struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Type      string    `json:"type"`            // GLIDE hazard code, such as TC
	GLIDE     []string  `json:"glide,omitempty"` // GLIDE numbers in canonical form; often none in the first days
	StartedAt time.Time `json:"started_at"`
	Exercise  bool      `json:"exercise,omitempty"` // left out when false, as in documents written before there was the flag
	OpenedAt  time.Time `json:"opened_at"`          // recorded
	Seq       int64     `json:"seq"`
}

const (
	maxName  = 120
	maxGLIDE = 20
)

// OpenHazard asks for a new hazard.
type OpenHazard struct {
	ID        string
	Name      string
	Type      string
	GLIDE     []string // as people write them; see place.ParseGLIDE
	StartedAt time.Time
	Exercise  bool
}

func (in *OpenHazard) check(c fault.Check) error {
	in.StartedAt = check.Instant(in.StartedAt)
	check.ID(&c, in.ID)
	check.Title(&c, "/name", &in.Name, maxName)
	_, known := place.HazardOf(in.Type)
	c.That(known, "/type", "must be a GLIDE hazard code, such as TC or VO")
	check.Time(&c, "/started_at", in.StartedAt)
	c.That(len(in.GLIDE) <= maxGLIDE, "/glide", "has more than %d numbers", maxGLIDE)

	var canonical []string
	seen := map[string]bool{}
	for n, text := range in.GLIDE {
		at := "/glide/" + itoa(n)
		numbers, err := place.ParseGLIDE(text)
		if err != nil {
			c.Field(at, "%s", check.DetailOf(err))
		}
		for _, g := range numbers {
			c.That(!seen[g.String()], at, "is listed twice")
			seen[g.String()] = true
			canonical = append(canonical, g.String())
		}
	}
	in.GLIDE = canonical
	return c.Err()
}

// OpenHazard records a hazard. Coordinators and regional officers do. Whether it is an exercise is settled here for ever.
func (d *Desk) OpenHazard(ctx context.Context, scope access.Scope, w access.Write, in OpenHazard) (Done[*Hazard], error) {
	var none Done[*Hazard]
	if err := in.check(w.Check()); err != nil {
		return none, err
	}
	if _, err := scope.Judge(access.OpenHazard, access.Thing{}, w.Relay); err != nil {
		return none, err
	}
	out, err := d.hazards.Execute(ctx, newID(in.ID, NounHazard, scope, w), ledger.Command[*Hazard]{
		Actor: scope.Actor(), Relay: w.Relay, Expect: ledger.MustNotExist, Key: w.Key, Digest: w.Digest,
		Decide: func(_ *Hazard, at ledger.Moment) (ledger.Decision, error) {
			c := w.Check()
			if !in.Exercise { // an exercise replays storms of any year
				check.Plausible(&c, "/started_at", in.StartedAt, at.Now, at.Now, d.plausible)
			}
			if err := c.Err(); err != nil {
				return ledger.Decision{}, err
			}
			e := hazardOpened{Name: in.Name, Type: in.Type, GLIDE: in.GLIDE, StartedAt: in.StartedAt, Exercise: in.Exercise}
			return ledger.Decision{Events: one(EventHazardOpened, e), Exercise: in.Exercise}, nil
		},
	})
	if err != nil {
		return none, err
	}
	return Done[*Hazard]{Value: out.Value, Seq: out.Value.Seq, Version: out.Seq, Events: out.Events, Repeated: out.Repeated}, nil
}

// GetHazard gives a hazard; NotFound when there is none, or nobody asks.
func (d *Desk) GetHazard(ctx context.Context, scope access.Scope, id string) (*Hazard, error) {
	if scope.Account == "" || !check.IsID(id) {
		return nil, errNoHazard()
	}
	found, err := d.hazards.Load(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return nil, errNoHazard()
	}
	return found.Value, err
}

// ListHazards gives hazards, the newest first.
func (d *Desk) ListHazards(ctx context.Context, scope access.Scope, page PageRequest) (Page[*Hazard], error) {
	var none Page[*Hazard]
	if scope.Account == "" {
		return none, errNoHazard()
	}
	limit, err := page.limit(defaultLimit)
	if err != nil {
		return none, err
	}
	d.ledger.Settle(ctx, settleFor)
	found, err := d.docs.Find(ctx, store.Query{Kind: KindHazard, Index: "opened_at", Desc: true, After: page.Cursor, Limit: limit})
	if err != nil {
		return none, storeFault(err)
	}
	return pageOf[*Hazard](found)
}

func errNoHazard() error {
	return fault.New(fault.NotFound, "hazard_not_found", "There is no such hazard.")
}

func hazardFold() ledger.Fold[*Hazard] {
	return ledger.Fold[*Hazard]{
		Noun: NounHazard, Version: 1, Events: []string{EventHazardOpened},
		New:   func(id string) *Hazard { return &Hazard{ID: id} },
		Clone: func(h *Hazard) *Hazard { c := *h; return &c },
		Evolve: func(h *Hazard, e ledger.Recorded) (*Hazard, error) {
			if e.Type != EventHazardOpened {
				return h, nil
			}
			var d hazardOpened
			if err := e.Into(&d); err != nil {
				return h, err
			}
			h.Name, h.Type, h.GLIDE, h.StartedAt, h.Exercise = d.Name, d.Type, d.GLIDE, d.StartedAt, d.Exercise
			h.OpenedAt, h.Seq = e.RecordedAt, e.Seq
			return h, nil
		},
		Project: func(h *Hazard, head ledger.Head, _ []ledger.Recorded) []store.Op {
			return putDoc(KindHazard, h.ID, head.Seq, h, map[string]any{"opened_at": h.OpenedAt})
		},
		Announce: announceHazard,
	}
}
