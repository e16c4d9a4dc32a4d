package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/locale"
	"landfall/internal/place"
	"landfall/internal/preparedness"
)

func (c *Console) preparednessRoutes() {
	c.get("/preparedness", c.board)
	c.get("/preparedness/units/new", c.newUnit)
	c.post("/preparedness/units/new", c.registerUnit)
	c.get("/preparedness/units/:id", c.unitPage)
	c.get("/preparedness/units/:id/assess", c.assessPage)
	c.post("/preparedness/units/:id/assess", c.assess)
	c.get("/preparedness/units/:id/capacity", c.capacityPage)
	c.post("/preparedness/units/:id/capacity", c.offerCapacity)
	c.post("/preparedness/units/:id/move", c.moveCapacity)
	c.get("/preparedness/units/:id/visitors", c.visitorsPage)
	c.post("/preparedness/units/:id/visitors", c.reportVisitors)
}

// boardView is who is ready.
type boardView struct {
	States  []stateView
	MayEdit bool
}

// stateView is the readiness of one state.
type stateView struct {
	preparedness.StateBoard
	Name     string
	Statuses []statusCount
	Rooms    string // "62 % of rooms assessed"
	Lines    []unitLine
	Sections []sectionView
}

type sectionView struct {
	preparedness.Section
	Line  unitLine
	Rooms string
	Ready string
}

// statusCount is how many units are of a status.
type statusCount struct {
	Word, Tone string
	N          int
}

// unitLine is a unit of a list.
type unitLine struct {
	ID, Name, Kind, Where string
	Word, Tone            string
	Points                int
	Known                 bool // it was ever assessed
	Until                 time.Time
	Party                 place.Party
	Critical              []string
}

var readinessTones = map[preparedness.Status]string{
	preparedness.Ready: good, preparedness.Partial: soon, preparedness.Limited: soon, preparedness.NotReady: bad,
	preparedness.Expired: idle, preparedness.Unknown: idle,
}

// unitsMost bounds the units that a board lists by name for each state; the others are counted.
const unitsMost = 100

func (c *Console) board(v *visit) error {
	b, err := c.prepared.Board(v.ctx(), v.scope, "")
	if err != nil {
		return err
	}
	units, err := c.prepared.Units(v.ctx(), v.scope, preparedness.Filter{}, preparedness.PageRequest{Limit: unitsMost})
	if err != nil {
		return err
	}
	view := boardView{MayEdit: c.prepared.May(v.scope, access.AssessUnit, v.scope.Party)}
	for _, s := range b.States {
		one := stateView{StateBoard: s, Name: v.L.Party(s.State), Rooms: v.share(v.L.Page.Prepare.RoomsAssessed, s.Properties.Coverage.RoomsAssessed, s.Properties.Coverage.Rooms)}
		for _, status := range preparedness.Statuses() {
			if n := s.Properties.ByStatus[status]; n > 0 {
				one.Statuses = append(one.Statuses, statusCount{v.L.Page.Prepare.Status.Of(string(status)), readinessTones[status], n})
			}
		}
		for _, d := range s.Destinations {
			one.Sections = append(one.Sections, sectionView{
				Section: d, Line: v.lineOf(*d.Unit), Rooms: v.share(v.L.Page.Prepare.RoomsAssessed, d.Coverage.RoomsAssessed, d.Coverage.Rooms),
				Ready: v.share(v.L.Page.Prepare.RoomsReady, d.RoomsReady.Ready, d.RoomsReady.Rooms),
			})
		}
		for _, u := range units.Items {
			if u.Party.StateParty() == s.State && u.Kind == preparedness.Property {
				one.Lines = append(one.Lines, v.unitLine(u, b.At))
			}
		}
		view.States = append(view.States, one)
	}
	return v.show(http.StatusOK, "prepare", string(v.L.Page.Prepare.Title), view, in("prepare"), following("unit"))
}

// share says a part of a whole in per cent; "" without a whole.
func (v *visit) share(text locale.Text[locale.Name], part, whole int) string {
	if whole == 0 {
		return ""
	}
	return text.Say(locale.Name{Name: v.L.Number(part * 100 / whole)})
}

func (v *visit) lineOf(l preparedness.Line) unitLine {
	return unitLine{
		ID: l.ID, Name: l.Name, Kind: v.L.Page.Prepare.UnitKind.Of(string(l.Kind)), Word: v.L.Page.Prepare.Status.Of(string(l.Status)),
		Tone: readinessTones[l.Status], Points: l.Points, Known: l.Status != preparedness.Unknown, Until: l.ValidUntil, Party: l.Party, Critical: l.Critical,
	}
}

func (v *visit) unitLine(u *preparedness.Unit, now time.Time) unitLine {
	status := u.StatusAt(now)
	l := unitLine{
		ID: u.ID, Name: u.Name, Kind: v.L.Page.Prepare.UnitKind.Of(string(u.Kind)), Where: u.Town, Word: v.L.Page.Prepare.Status.Of(string(status)),
		Tone: readinessTones[status], Party: u.Party,
	}
	if u.Setting != "" {
		l.Kind = v.L.Page.Prepare.Setting.Of(string(u.Setting))
	}
	if a := u.Assessment; a != nil {
		l.Known, l.Points, l.Until, l.Critical = true, a.Points, a.ValidUntil, a.Critical
	}
	return l
}

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

// assessView is the form of an assessment: every indicator with yes and no.
type assessView struct {
	Unit      *preparedness.Unit
	Form      *form
	Questions []question
	Title     string
	Proposal  bool
}

type question struct {
	Field    *field
	Points   string
	Critical bool
}

func (c *Console) assessPage(v *visit) error {
	u, err := v.unitFor(access.AssessUnit)
	if err != nil {
		return err
	}
	f := newForm()
	if a := u.Assessment; a != nil {
		f.with("etag", c.prepared.ETag(a.Seq))
		for code, met := range a.Answers {
			f.with(code, yesNo(met))
		}
	}
	return v.showAssess(http.StatusOK, u, f)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func (v *visit) showAssess(status int, u *preparedness.Unit, f *form) error {
	k, words := preparedness.CatalogueOf(u.Kind), v.L.Page.Prepare
	view := assessView{Unit: u, Form: f, Title: k.Title.In(string(v.L.Language)), Proposal: k.Status != "adopted"}
	both := []choice{{Value: "yes", Label: string(words.Met)}, {Value: "no", Label: string(words.NotMet)}}
	for _, i := range k.Indicators {
		if i.Share {
			continue
		}
		view.Questions = append(view.Questions, question{f.Radios(i.Code, i.Title.In(string(v.L.Language)), both).Need(), v.L.Count(i.Points, words.Points), i.Critical})
	}
	return v.show(status, "prepare_assess", u.Name, view, in("prepare"), backTo("/preparedness/units/"+u.ID, u.Name))
}

func (c *Console) assess(v *visit) error {
	u, f, err := v.unitSent()
	if err != nil {
		return err
	}
	in := preparedness.Assess{Answers: map[string]bool{}, Reference: f.Value("reference"), AssessedAt: v.moment(f, "assessed_at", u.Party), ValidUntil: v.moment(f, "valid_until", u.Party)}
	for _, i := range preparedness.CatalogueOf(u.Kind).Indicators {
		switch answer := f.Value(i.Code); {
		case i.Share:
		case answer == "yes" || answer == "no":
			in.Answers[i.Code] = answer == "yes"
		default:
			f.wrong(i.Code, string(v.L.Page.Form.Required))
		}
	}
	if !f.Failed() {
		_, err := c.prepared.Assess(v.ctx(), v.scope, v.write(f), u.ID, in)
		if err == nil {
			return v.to("/preparedness/units/"+u.ID, "unit_assessed")
		}
		if !v.refused(f, err, nil) {
			return err
		}
	}
	if f.Stale {
		f.Values.Set("etag", c.prepared.ETag(u.Assessment.Seq))
	}
	return v.showAssess(f.status(), u, f)
}

// capacityView is the form of what a property offers.
type capacityView struct {
	Unit *preparedness.Unit
	Form *form
}

func (c *Console) capacityPage(v *visit) error {
	u, err := v.unitFor(access.OfferCapacity)
	if err != nil {
		return err
	}
	f := newForm()
	if k := u.Capacity; k != nil {
		f.with("etag", c.prepared.ETag(k.Seq)).with("rate", k.Rate).with("currency", k.Currency).with("agreement", k.Agreement)
		for name, n := range map[string]int{
			"rooms": k.Rooms, "beds": k.Beds, "accessible_rooms": k.AccessibleRooms, "longest_stay_days": k.LongestStay,
			"rooms_free_tonight": k.FreeTonight, "water_days": k.WaterDays, "power_hours": k.PowerHours,
		} {
			if n > 0 {
				f.with(name, fmt.Sprint(n))
			}
		}
		if k.FloorArea > 0 {
			f.with("floor_area_m2", strconv.FormatFloat(k.FloorArea, 'f', -1, 64))
		}
	}
	return v.showCapacity(http.StatusOK, u, f)
}

func (v *visit) showCapacity(status int, u *preparedness.Unit, f *form) error {
	return v.show(status, "prepare_capacity", u.Name, capacityView{u, f}, in("prepare"), backTo("/preparedness/units/"+u.ID, u.Name))
}

func (c *Console) offerCapacity(v *visit) error {
	u, f, err := v.unitSent()
	if err != nil {
		return err
	}
	v.need(f, "rooms", "beds")
	var in preparedness.OfferCapacity
	for name, to := range map[string]*int{
		"rooms": &in.Rooms, "beds": &in.Beds, "accessible_rooms": &in.AccessibleRooms, "longest_stay_days": &in.LongestStay,
		"rooms_free_tonight": &in.FreeTonight, "water_days": &in.WaterDays, "power_hours": &in.PowerHours,
	} {
		if n := v.number(f, name, 0, 1_000_000); n != nil {
			*to = *n
		}
	}
	v.decimal(f, "rate")
	in.FloorArea, in.Rate, in.Currency, in.Agreement = v.decimal(f, "floor_area_m2"), strings.Replace(f.Value("rate"), ",", ".", 1), strings.ToUpper(f.Value("currency")), f.Value("agreement")
	if !f.Failed() {
		_, err := c.prepared.OfferCapacity(v.ctx(), v.scope, v.write(f), u.ID, in)
		if err == nil {
			return v.to("/preparedness/units/"+u.ID, "capacity_offered")
		}
		if !v.refused(f, err, nil) {
			return err
		}
	}
	if f.Stale {
		f.Values.Set("etag", c.prepared.ETag(u.Capacity.Seq))
	}
	return v.showCapacity(f.status(), u, f)
}

// moveCapacity confirms, uses or releases: the button that was pressed says which.
func (c *Console) moveCapacity(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	v.need(f, "rooms", "beds")
	var in preparedness.MoveCapacity
	for name, to := range map[string]*int{"rooms": &in.Rooms, "beds": &in.Beds} {
		if n := v.number(f, name, 0, 200_000); n != nil {
			*to = *n
		}
	}
	id := v.Param("id")
	if !f.Failed() {
		do := c.prepared.ConfirmCapacity
		switch f.Value("do") {
		case "use":
			do = c.prepared.UseCapacity
		case "release":
			do = c.prepared.ReleaseCapacity
		}
		_, err := do(v.ctx(), v.scope, v.write(f), id, in)
		if err == nil {
			return v.to("/preparedness/units/"+id, "capacity_moved")
		}
		if !v.refused(f, err, nil) {
			return err
		}
	}
	view, err := v.unitView(f)
	if err != nil {
		return err
	}
	if f.Stale && view.Unit.Capacity != nil {
		f.Values.Set("etag", c.prepared.ETag(view.Unit.Capacity.Seq))
	}
	return v.showUnit(f.status(), view)
}

// visitorsView is the form of a visitor count: one line for each nationality and setting.
type visitorsView struct {
	Unit     *preparedness.Unit
	Form     *form
	Warnings []choice
	Settings []choice

	Countries []choice // whose nationals can be counted
	Rows      []int
}

// visitorRows is how many lines the form has.
const visitorRows = 8

func (c *Console) visitorsPage(v *visit) error {
	u, err := v.unitFor(access.CountVisitors)
	if err != nil {
		return err
	}
	f := newForm().with("warning", string(preparedness.NoWarning))
	if k := u.Caseload; k != nil {
		f.with("etag", c.prepared.ETag(k.Seq))
		for n, row := range k.Counts[:min(len(k.Counts), visitorRows)] {
			f.with(fmt.Sprintf("nationality_%d", n), row.Nationality).with(fmt.Sprintf("setting_%d", n), string(row.Setting)).with(fmt.Sprintf("number_%d", n), fmt.Sprint(row.Number))
		}
	}
	return v.showVisitors(http.StatusOK, u, f)
}

func (v *visit) showVisitors(status int, u *preparedness.Unit, f *form) error {
	words := v.L.Page.Prepare
	view := visitorsView{Unit: u, Form: f, Warnings: choicesOf(preparedness.Warnings(), words.Warning), Settings: choicesOf(preparedness.Settings(), words.Setting)}
	for n := range visitorRows {
		view.Rows = append(view.Rows, n)
	}
	for _, c := range place.Countries() {
		view.Countries = append(view.Countries, choice{Value: c.Code, Label: c.Name.In(string(v.L.Language))})
	}
	slices.SortFunc(view.Countries, func(a, b choice) int { return cmp.Compare(a.Label, b.Label) })
	return v.show(status, "prepare_visitors", u.Name, view, in("prepare"), backTo("/preparedness/units/"+u.ID, u.Name))
}

// country reads a country by its code or its name, or OTH for others. What is none is wrong, which is said.
func (v *visit) country(f *form, name string) string {
	text := f.Value(name)
	if country, ok := place.ParseCountry(text); ok {
		return country.Code
	}
	if text != "" && !strings.EqualFold(text, preparedness.OtherNationalities) {
		f.wrong(name, v.reason("must be a country of ISO 3166-1 (alpha-3), or OTH"))
	}
	return strings.ToUpper(text)
}

func (c *Console) reportVisitors(v *visit) error {
	u, f, err := v.unitSent()
	if err != nil {
		return err
	}
	in := preparedness.ReportCaseload{Warning: preparedness.Warning(f.Value("warning"))}
	fields := map[string]string{"/counts": "nationality_0"}
	for n := range visitorRows {
		nation, number := fmt.Sprintf("nationality_%d", n), fmt.Sprintf("number_%d", n)
		if f.Value(nation) == "" && f.Value(number) == "" {
			continue
		}
		v.need(f, nation, number)
		k := preparedness.Count{Nationality: v.country(f, nation), Setting: preparedness.Setting(f.Value(fmt.Sprintf("setting_%d", n)))}
		if count := v.number(f, number, 0, 1_000_000); count != nil {
			k.Number = *count
		}
		at := fmt.Sprintf("/counts/%d", len(in.Counts))
		fields[at], fields[at+"/nationality"], fields[at+"/number"], fields[at+"/setting"] = nation, nation, number, nation
		in.Counts = append(in.Counts, k)
	}
	for name, to := range map[string]*int{"units_answered": &in.Answered, "units_asked": &in.Asked} {
		if n := v.number(f, name, 0, 100_000); n != nil {
			*to = *n
		}
	}
	if !f.Failed() {
		_, err := c.prepared.ReportCaseload(v.ctx(), v.scope, v.write(f), u.ID, in)
		if err == nil {
			return v.to("/preparedness/units/"+u.ID, "visitors_counted")
		}
		if !v.refused(f, err, fields) {
			return err
		}
	}
	if f.Stale {
		f.Values.Set("etag", c.prepared.ETag(u.Caseload.Seq))
	}
	return v.showVisitors(f.status(), u, f)
}
