package incident

import (
	"context"
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Figures contradict each other, are revised and do not always add up. Each is a dated record with one stated source; none is
// overwritten, none is the sum of others. A later one may supersede an earlier one, and at most one is recommended for each
// place, category and day.

// FigureSource is who says so.
type FigureSource struct {
	Name        string      `json:"name"`
	Kind        SourceKind  `json:"kind"`
	Reliability Reliability `json:"reliability,omitempty"`
	Reference   string      `json:"reference,omitempty"` // of the public document
}

// FigurePart is one part of a figure. Parts may fail to add up to it; that is said, and not mended.
type FigurePart struct {
	Sex     Sex     `json:"sex,omitempty"`
	AgeFrom *int    `json:"age_from,omitempty"`
	AgeTo   *int    `json:"age_to,omitempty"`
	Setting Setting `json:"setting,omitempty"`
	Place   string  `json:"place,omitempty"` // town or coarser
	Number  int     `json:"number"`
}

// Coverage is how many of the places were counted.
type Coverage struct {
	Covered int `json:"covered"`
	Total   int `json:"total"`
}

// Figure is one number that somebody stated.
type Figure struct {
	ID            string         `json:"id"`
	Place         Spot           `json:"place"`
	Quantifier    Quantifier     `json:"quantifier"`
	Unit          Unit           `json:"unit"`
	Number        int            `json:"number"`                   // as reported, in Unit
	HouseholdSize float64        `json:"household_size,omitempty"` // persons, for households
	Persons       int            `json:"persons"`                  // Number, or households by size, rounded
	Kind          FigureKind     `json:"kind"`
	Category      FigureCategory `json:"category"`
	Term          Term           `json:"term"`
	Setting       Setting        `json:"setting"`
	Source        FigureSource   `json:"source"`
	Role          FigureRole     `json:"role"`
	AsOf          time.Time      `json:"as_of"`          // of a flow: its end
	Since         time.Time      `json:"since,omitzero"` // of a flow: its start
	Supersedes    string         `json:"supersedes,omitempty"`
	Parts         []FigurePart   `json:"parts,omitempty"`
	PartsAddUp    bool           `json:"parts_add_up"` // true when there are no parts
	Coverage      *Coverage      `json:"coverage,omitempty"`
	Final         bool           `json:"final,omitempty"` // the last one of its place; closing asks for it
	ReportedBy    place.Party    `json:"reported_by,omitempty"`
	OccurredAt    time.Time      `json:"occurred_at"` // when it was reported, scenario time

	SupersededBy string    `json:"-"` // known at reading
	RecordedAt   time.Time `json:"-"` // known at reading
	Seq          int64     `json:"-"` // known at reading
	Relayed      *Word     `json:"-"` // known at reading: how the word came, when another entered it
}

func (in *Figure) check(c fault.Check) error {
	in.AsOf, in.Since, in.OccurredAt = check.Instant(in.AsOf), check.Instant(in.Since), check.Instant(in.OccurredAt)
	check.ID(&c, in.ID)
	check.Party(&c, "/place/party", in.Place.Party)
	in.Place.check(&c, "/place")
	check.Word(&c, "/quantifier", in.Quantifier, Quantifiers())
	check.Count(&c, "/number", in.Number)
	check.Word(&c, "/category", in.Category, FigureCategories())
	check.Word(&c, "/term", in.Term, Terms())
	check.Word(&c, "/setting", in.Setting, Settings())
	check.Word(&c, "/role", in.Role, []FigureRole{Recommended, Triangulation})
	in.checkUnit(&c)
	in.checkSpan(&c)
	in.checkSource(&c)
	in.checkParts(&c)
	if in.Supersedes != "" && !check.IsID(in.Supersedes) {
		c.Field("/supersedes", "must be the id of a figure")
	}
	if k := in.Coverage; k != nil {
		check.Count(&c, "/coverage/covered", k.Covered)
		check.Count(&c, "/coverage/total", k.Total)
		c.That(k.Covered <= k.Total, "/coverage/covered", "is more than the total")
	}
	return c.Err()
}

func (in *Figure) checkUnit(c *fault.Check) {
	check.Word(c, "/unit", in.Unit, []Unit{Persons, Households})
	in.Persons = in.Number
	switch {
	case in.Unit == Households && !(in.HouseholdSize > 0 && in.HouseholdSize <= 30):
		c.Field("/household_size", "is required for households, and must be above 0 and at most 30")
	case in.Unit == Households:
		in.Persons = int(float64(in.Number)*in.HouseholdSize + 0.5)
		c.That(in.Persons <= check.MaxCount, "/number", "gives more than %d persons", check.MaxCount)
	case in.HouseholdSize != 0:
		c.Field("/household_size", "is for households only")
	}
}

func (in *Figure) checkSpan(c *fault.Check) {
	in.Kind = categories[in.Category]
	check.Time(c, "/as_of", in.AsOf)
	check.OptionalTime(c, "/since", in.Since)
	switch {
	case in.Kind == Flow && in.Since.IsZero():
		c.Field("/since", "is required: a flow has a start and an end")
	case in.Kind == Stock && !in.Since.IsZero():
		c.Field("/since", "is for flows; a stock has one date")
	case in.Since.After(in.AsOf):
		c.Field("/since", "lies after as_of")
	}
}

func (in *Figure) checkSource(c *fault.Check) {
	check.Title(c, "/source/name", &in.Source.Name, maxName)
	check.Word(c, "/source/kind", in.Source.Kind, SourceKinds())
	if in.Source.Reliability != "" {
		check.Word(c, "/source/reliability", in.Source.Reliability, Reliabilities())
	}
	check.Text(c, "/source/reference", &in.Source.Reference, check.MaxReference, false)
}

func (in *Figure) checkParts(c *fault.Check) {
	if len(in.Parts) > maxBands*len(Sexes()) {
		c.Field("/parts", "has more than %d parts", maxBands*len(Sexes()))
		return
	}
	sum := 0
	in.Parts = slices.Clone(in.Parts)
	for n := range in.Parts {
		p := &in.Parts[n]
		at := "/parts/" + itoa(n)
		check.Count(c, at+"/number", p.Number)
		if p.Sex != "" {
			check.Word(c, at+"/sex", p.Sex, Sexes())
		}
		if p.Setting != "" {
			check.Word(c, at+"/setting", p.Setting, Settings())
		}
		checkBand(c, at, p.AgeFrom, p.AgeTo)
		check.Line(c, at+"/place", &p.Place, check.MaxPlace)
		sum += p.Number
	}
	in.PartsAddUp = len(in.Parts) == 0 || sum == in.Number
}

// slot names what at most one figure may be recommended for: place, category and the day there.
func (in *Figure) slot() string {
	day := in.AsOf.In(place.Zone(in.Place.Party)).Format(time.DateOnly)
	return strings.Join([]string{string(in.Place.Party), strings.ToLower(in.Place.Name), string(in.Category), day}, "|")
}

// ReportFigure records a figure. Kind, Persons, PartsAddUp, ReportedBy and what is known at reading are worked out, whatever the
// request says. A second recommended figure for a place, category and day must supersede the first.
func (d *Desk) ReportFigure(ctx context.Context, scope access.Scope, w access.Write, id string, in Figure) (Done[Figure], error) {
	if err := in.check(w.Check()); err != nil {
		return Done[Figure]{}, err
	}
	in.ID = newID(in.ID, "figure", scope, w)
	out, err := d.command(ctx, scope, w, id, func(t turn) ([]ledger.Event, error) {
		if err := t.must(access.ReportFigure, ""); err != nil {
			return nil, err
		}
		if t.Status == Closed {
			return nil, errEnded(t.Status)
		}
		f := in
		f.ReportedBy, f.OccurredAt = t.party, orNow(in.OccurredAt, t.now)
		if err := t.figureFits(&f); err != nil {
			return nil, err
		}
		e := figureReported{Figure: f}
		if f.Role == Recommended {
			e.Slot = f.slot()
		}
		return one(EventFigureReported, e), nil
	})
	if err != nil {
		return Done[Figure]{}, err
	}
	f, err := figureIn(out.Events)
	return Done[Figure]{Value: f, Seq: f.Seq, Version: out.Seq, Events: out.Events, Repeated: out.Repeated}, err
}

// figureFits checks a figure against those that are there.
func (t turn) figureFits(f *Figure) error {
	if _, taken := t.Figures.get(f.ID); taken {
		return fault.New(fault.Conflict, "id_taken", "This figure id is already taken.")
	}
	c := t.w.Check()
	for at, said := range map[string]time.Time{"/as_of": f.AsOf, "/since": f.Since, "/occurred_at": f.OccurredAt} {
		t.plausible(&c, at, said)
	}
	check.Past(&c, "/as_of", f.AsOf, t.now)
	check.Past(&c, "/occurred_at", f.OccurredAt, t.now)
	if !t.tookPart(f.Place.Party) {
		c.Field("/place/party", "is no place of a state that takes part, or took part")
	}
	old, ok := t.Figures.get(f.Supersedes)
	switch {
	case f.Supersedes == "":
	case !ok:
		c.Field("/supersedes", "names no figure of this incident")
	case old.SupersededBy != "":
		return fault.New(fault.State, "superseded", "That figure is superseded already, by %s.", old.SupersededBy)
	default:
		if err := t.must(access.SupersedeFigure, old.By); err != nil {
			return err
		}
	}
	if err := c.Err(); err != nil {
		return err
	}
	if f.Role != Recommended {
		return nil
	}
	slot := f.slot()
	for m := range t.Figures.all() {
		if m.Slot == slot && m.SupersededBy == "" && m.ID != f.Supersedes {
			return fault.New(fault.State, "recommended_exists",
				"Figure %s is recommended for this place, category and day already. Supersede it, or report this one as triangulation.", m.ID)
		}
	}
	return nil
}

// tookPart reports whether a place belongs to a state that is, or was, part of the incident: people who came to a state are there
// also when it is not named any more.
func (s *state) tookPart(p place.Party) bool {
	for was := range s.Since {
		if covers(was.StateParty(), p) {
			return true
		}
	}
	return covers(s.Origin.StateParty(), p)
}

// figureIn gives the figure that a command recorded.
func figureIn(events []ledger.Recorded) (Figure, error) {
	for _, e := range events {
		if e.Type != EventFigureReported {
			continue
		}
		var r figureReported
		err := e.Into(&r)
		r.Seq, r.RecordedAt, r.Relayed = e.Seq, e.RecordedAt, wordOf(e)
		return r.Figure, err
	}
	return Figure{}, fault.New(fault.NotFound, "figure_not_found", "There is no such figure in this incident.")
}
