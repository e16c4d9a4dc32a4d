package console

import (
	"net/http"

	"landfall/internal/access"
	"landfall/internal/place"
	"landfall/internal/preparedness"
)

// unitView is one unit with what is known of it.
type unitView struct {
	Unit     *preparedness.Unit
	Line     unitLine
	Answers  []answerLine
	Share    string
	Past     []*preparedness.Assessment
	Visitors *preparedness.Shown
	Move     *form
	Holds    bool // the capacity record holds
	Warning  string
	Assesses bool
	Offers   bool
	Counts   bool
}

// answerLine is one indicator with its answer.
type answerLine struct {
	preparedness.Indicator
	Text string
	Met  bool
}

func (c *Console) unitPage(v *visit) error {
	view, err := v.unitView(newForm())
	if err != nil {
		return err
	}
	return v.showUnit(http.StatusOK, view)
}

func (v *visit) showUnit(status int, view unitView) error {
	return v.show(status, "prepare_unit", view.Unit.Name, view, in("prepare"), following("unit/"+view.Unit.ID), backTo("/preparedness", string(v.L.Page.Prepare.Title)))
}

// unitSent gives the unit of the address, and the form that was sent about it.
func (v *visit) unitSent() (*preparedness.Unit, *form, error) {
	u, err := v.console.prepared.Unit(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return nil, nil, err
	}
	f, err := v.form()
	return u, f, err
}

func (v *visit) unitView(move *form) (unitView, error) {
	c := v.console
	u, err := c.prepared.Unit(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return unitView{}, err
	}
	own := u.Retired == ""
	may := func(act access.Act) bool { return c.prepared.May(v.scope, act, u.Party) }
	view := unitView{
		Unit: u, Line: v.unitLine(u, c.now()), Visitors: c.prepared.Shown(v.scope, u), Move: move,
		Assesses: own && may(access.AssessUnit), Offers: own && may(access.OfferCapacity) && u.Kind == preparedness.Property,
		Counts: own && may(access.CountVisitors),
	}
	if a := u.Assessment; a != nil {
		view.Answers = v.answerLines(u.Kind, a.Answers)
		if a.Share != nil {
			view.Share = v.share(v.L.Page.Prepare.RoomsReady, a.Share.Ready, a.Share.Rooms)
		}
		past, err := c.prepared.Assessments(v.ctx(), v.scope, u.ID, preparedness.PageRequest{Limit: 10})
		if err != nil {
			return view, err
		}
		view.Past = past.Items
	}
	if k := u.Capacity; k != nil {
		view.Holds = k.HoldsAt(c.now(), false)
		if !move.Failed() {
			move.with("etag", c.prepared.ETag(k.Seq))
		}
	}
	if view.Visitors != nil {
		view.Warning = v.L.Page.Prepare.Warning.Of(string(view.Visitors.Warning))
	}
	return view, nil
}

func (v *visit) answerLines(kind preparedness.UnitKind, met map[string]bool) []answerLine {
	var list []answerLine
	for _, i := range preparedness.CatalogueOf(kind).Indicators {
		if !i.Share {
			list = append(list, answerLine{i, i.Title.In(string(v.L.Language)), met[i.Code]})
		}
	}
	return list
}

// newUnitView is the form that registers a unit.
type newUnitView struct {
	Form                           *form
	Kinds, Settings, Dests, States []choice
}

func (c *Console) newUnit(v *visit) error {
	if err := v.mayPrepare(access.RegisterUnit, v.scope.Party); err != nil {
		return err
	}
	return v.showNewUnit(http.StatusOK, newForm().with("kind", string(preparedness.Property)).with("setting", string(preparedness.Hotel)))
}

// mayPrepare refuses the page of a form to whoever may not send it.
func (v *visit) mayPrepare(act access.Act, p place.Party) error {
	if v.console.prepared.May(v.scope, act, p) {
		return nil
	}
	return access.Refusal(act, access.Thing{Owner: p})
}

// unitFor gives the unit of the address to whoever may do the act on it.
func (v *visit) unitFor(act access.Act) (*preparedness.Unit, error) {
	u, err := v.console.prepared.Unit(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return nil, err
	}
	return u, v.mayPrepare(act, u.Party)
}

func (v *visit) showNewUnit(status int, f *form) error {
	words := v.L.Page.Prepare
	view := newUnitView{Form: f, Kinds: choicesOf(preparedness.UnitKinds(), words.UnitKind), Settings: choicesOf(preparedness.Settings()[:4], words.Setting)}
	dests, err := v.console.prepared.Units(v.ctx(), v.scope, preparedness.Filter{Kind: preparedness.Destination}, preparedness.PageRequest{})
	if err != nil {
		return err
	}
	for _, d := range dests.Items {
		view.Dests = append(view.Dests, choice{Value: d.ID, Label: d.Name})
	}
	if v.scope.Party == "" {
		for _, s := range place.States() {
			view.States = append(view.States, choice{Value: s.Code, Label: s.Name.In(string(v.L.Language))})
		}
	}
	return v.show(status, "prepare_new", string(words.NewUnit), view, in("prepare"), backTo("/preparedness", string(words.Title)))
}

func (c *Console) registerUnit(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	v.need(f, "name", "kind")
	if v.scope.Party == "" {
		v.need(f, "party")
	}
	in := preparedness.Register{Kind: preparedness.UnitKind(f.Value("kind")), Party: place.Party(f.Value("party")), Name: f.Value("name"), Town: f.Value("town")}
	if in.Kind == preparedness.Property {
		in.Setting, in.Destination = preparedness.Setting(f.Value("setting")), f.Value("destination")
		if n := v.number(f, "rooms", 0, 20_000); n != nil {
			in.Rooms = *n
		}
	}
	if !f.Failed() {
		done, err := c.prepared.Register(v.ctx(), v.scope, v.write(f), in)
		if err == nil {
			return v.to("/preparedness/units/"+done.Unit.ID, "unit_registered")
		}
		if !v.refused(f, err, nil) {
			return err
		}
	}
	return v.showNewUnit(f.status(), f)
}
