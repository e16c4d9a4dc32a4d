package console

import (
	"strconv"
	"strings"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/place"
)

// figureRows is how many parts of a figure the form asks for at first, and how many more at a time.
const figureRows = 4

// workFigure records a figure: one number of one source. It adds nothing up; parts that do not add up are taken as they are, and it is said.
func (c *Console) workFigure(v *visit) error {
	i, err := c.incident.Get(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return err
	}
	own := v.scope.May(access.ReportFigure, i.Thing(""))
	if !own && !v.scope.May(access.SpeakForOthers, i.Thing("")) {
		return access.Refusal(access.ReportFigure, i.Thing(""))
	}
	held, err := c.incident.Figures(v.ctx(), v.scope, i.ID, "", incident.PageRequest{Limit: 50})
	if err != nil {
		return err
	}
	f, sent, err := v.workSent(func() *form { return c.workFigureFresh(v, &i) })
	if err != nil {
		return err
	}
	if sent && f.Value("go") != goRows {
		in, fields := v.workFigureRead(f, &i)
		w := v.write(f)
		w.Relay = v.workRelay(f, !own)
		if !f.Failed() {
			done, err := c.incident.ReportFigure(v.ctx(), v.scope, w, i.ID, in)
			switch {
			case err == nil && !done.Value.PartsAddUp:
				return v.to(workTab(i.ID, "figures"), "work_figure_differs")
			case err == nil:
				return v.to(workTab(i.ID, "figures"), "work_figure")
			case !v.refused(f, err, fields):
				return err
			}
		}
	}
	return v.workFigureForm(f, &i, held.Items, own)
}

func (c *Console) workFigureFresh(v *visit, i *incident.Incident) *form {
	f := newForm().with("as_of", v.local(c.workNow(i), i.Origin)).with("quantifier", string(incident.Exact)).
		with("unit", string(incident.Persons)).with("role", string(incident.Triangulation))
	if p := place.Party(v.QueryParam("place")); p != "" {
		f.with("place", string(p))
	} else if v.scope.Party != "" && !v.scope.Party.IsOrganisation() {
		f.with("place", string(v.scope.Party))
	}
	if v.QueryParam("final") == "yes" {
		f.with("final", "yes")
	}
	if old := v.QueryParam("supersedes"); old != "" {
		f.with("supersedes", old)
	}
	return f
}

// workFigureRead reads the form, and says which field each member of the figure comes from.
func (v *visit) workFigureRead(f *form, i *incident.Incident) (incident.Figure, map[string]string) {
	fields := map[string]string{
		"/place/party": "place", "/place/name": "place_name", "/source/name": "source", "/source/kind": "source_kind",
		"/source/reliability": "reliability", "/source/reference": "reference", "/coverage/covered": "covered", "/coverage/total": "covered_of",
		"/parts": "part_0_number",
	}
	v.need(f, "number", "category", "place", "term", "setting", "source", "source_kind", "as_of", "role")
	in := incident.Figure{
		Place:      incident.Spot{Party: place.Party(f.Value("place")), Name: f.Value("place_name")},
		Quantifier: incident.Quantifier(f.Value("quantifier")), Unit: incident.Unit(f.Value("unit")), Category: incident.FigureCategory(f.Value("category")),
		Term: incident.Term(f.Value("term")), Setting: incident.Setting(f.Value("setting")), Role: incident.FigureRole(f.Value("role")),
		AsOf: v.moment(f, "as_of", i.Origin), Since: v.moment(f, "since", i.Origin), Supersedes: f.Value("supersedes"), Final: f.Has("final", "yes"),
		Source: incident.FigureSource{
			Name: f.Value("source"), Kind: incident.SourceKind(f.Value("source_kind")), Reliability: incident.Reliability(f.Value("reliability")),
			Reference: f.Value("reference"),
		},
	}
	if n := v.number(f, "number", 0, countMax); n != nil {
		in.Number = *n
	}
	in.HouseholdSize = v.decimal(f, "household_size")
	covered, of := v.number(f, "covered", 0, countMax), v.number(f, "covered_of", 0, countMax)
	switch {
	case covered != nil && of != nil:
		in.Coverage = &incident.Coverage{Covered: *covered, Total: *of}
	case covered != nil || of != nil:
		v.need(f, "covered", "covered_of")
	}
	for row := range workPartRows(f) {
		at := "part_" + strconv.Itoa(row)
		n := v.number(f, at+"_number", 0, countMax)
		if n == nil {
			if f.Value(at+"_sex")+f.Value(at+"_age")+f.Value(at+"_setting")+f.Value(at+"_place") != "" {
				v.need(f, at+"_number")
			}
			continue
		}
		from, to, _ := workAges(f.Value(at + "_age"))
		pointer := "/parts/" + strconv.Itoa(len(in.Parts))
		for _, member := range []string{"number", "sex", "setting", "place"} {
			fields[pointer+"/"+member] = at + "_" + member
		}
		fields[pointer+"/age_from"], fields[pointer+"/age_to"] = at+"_age", at+"_age"
		in.Parts = append(in.Parts, incident.FigurePart{
			Sex: incident.Sex(f.Value(at + "_sex")), AgeFrom: from, AgeTo: to, Setting: incident.Setting(f.Value(at + "_setting")),
			Place: f.Value(at + "_place"), Number: *n,
		})
	}
	return in, fields
}

// workPartRows gives how many rows of parts a form has.
func workPartRows(f *form) int {
	n := 0
	for f.Values.Has("part_" + strconv.Itoa(n) + "_number") {
		n++
	}
	return n
}

func (v *visit) workFigureForm(f *form, i *incident.Incident, held []incident.Figure, own bool) error {
	t, label, codes := v.L.Page.Work.Figure, v.L.Notice.Label, v.L.Codes
	p := workPage{
		Title: string(t.Title), Lead: string(t.Lead), Form: f, Action: workTab(i.ID, "figures") + "/new", Draft: i.ID + "/figure",
		Facts: v.workBrief(i),
	}
	categories := workField{field: f.Select("category", label.Category, nil).Need().Saying(v.L.Page.Form.Choose)}
	for _, kind := range []incident.FigureKind{incident.Stock, incident.Flow} {
		group := workGroup{Label: t.Kind.Of(string(kind))}
		for _, one := range incident.FigureCategories() {
			if one.Kind() == kind {
				group.Choices = append(group.Choices, choice{Value: string(one), Label: workCapital(codes.Category.Of(string(one)))})
			}
		}
		categories.Groups = append(categories.Groups, group)
	}
	where := workField{field: f.Select("place", label.Place, nil).Need().Saying(v.L.Page.Form.Choose)}
	for _, party := range append([]place.Party{i.Origin.StateParty()}, i.Receivers...) {
		where.Groups = append(where.Groups, workGroup{Label: v.L.Party(party), Choices: v.workIslands(party)})
	}
	p.Blocks = []workBlock{
		{Fields: append(workFields(f.Count("number", t.Number).Need().Hinted(v.L.Page.Form.NoPersonal)), categories, where)},
		{Fields: workFields(
			f.Select("term", t.Term, workToChoices(incident.Terms(), codes.Term)).Need().Saying(v.L.Page.Form.Choose).Hinted(t.TermHint),
			f.Select("setting", label.Setting, workToChoices(incident.Settings(), codes.Setting)).Need().Saying(v.L.Page.Form.Choose))},
		{Fields: workFields(
			f.Text("source", label.Source).Need().AtMost(120).Hinted(t.SourceHint),
			f.Select("source_kind", t.SourceKind, workToChoices(incident.SourceKinds(), codes.SourceKind)).Need().Saying(v.L.Page.Form.Choose))},
		{Text: v.workZone(i.Origin, i.Exercise), Fields: workFields(
			f.When("as_of", label.AsOf).Need(), f.When("since", t.Since).Hinted(t.SinceHint))},
		{Fields: workFields(f.Radios("role", label.Role, []choice{
			{string(incident.Triangulation), workCapital(codes.FigureRole.Of("triangulation")), string(t.TriangulationHint)},
			{string(incident.Recommended), workCapital(codes.FigureRole.Of("recommended")), string(t.RecommendedHint)}}).Need())},
	}
	p.Blocks = append(p.Blocks, v.workFigureMore(f, i, held)...)
	p.Blocks = append(p.Blocks, v.workRelays(f, !own, i.Thing(""), append(append([]place.Party{i.Origin}, i.Receivers...), workBodies()...)...)...)
	p.Buttons = []workButton{{goYes, string(t.Press), "primary"}}
	if i.Exercise {
		p.Buttons[0].Class = "rehearsal"
	}
	return v.workShow("work", p, i)
}

// workFigureMore gives what is rarely filled in, folded: how exact it is, what it replaces, its parts.
func (v *visit) workFigureMore(f *form, i *incident.Incident, held []incident.Figure) []workBlock {
	t, label, codes := v.L.Page.Work.Figure, v.L.Notice.Label, v.L.Codes
	var older []choice
	for _, one := range held {
		if one.SupersededBy == "" {
			older = append(older, choice{Value: one.ID, Label: v.workFigureWords(one, i)})
		}
	}
	more := workBlock{Heading: string(t.More), Fold: true, Fields: workFields(
		f.Radios("quantifier", t.Quantifier, workToChoices(incident.Quantifiers(), t.Exactness)),
		f.Radios("unit", t.Unit, workToChoices([]incident.Unit{incident.Persons, incident.Households}, t.Units)),
		f.Text("household_size", t.HouseholdSize),
		f.Text("place_name", t.PlaceName).AtMost(check.MaxPlace).Hinted(v.L.Page.Work.Movement.NameHint),
		f.Select("reliability", t.Reliability, workToChoices(incident.Reliabilities(), t.Reliable)).Saying(t.ReliabilityUnsaid),
		f.Text("reference", label.Reference).AtMost(check.MaxReference),
		f.Count("covered", t.Covered).Hinted(t.CoveredHint), f.Count("covered_of", t.CoveredOf))}
	if len(older) > 0 {
		more.Fields = append(workFields(f.Select("supersedes", t.Supersedes, older).Saying(t.SupersedesNone).Hinted(t.SupersedesHint)), more.Fields...)
	}
	more.Preset = []string{"quantifier", "unit"}
	final := workBlock{Fields: workFields(f.Boxes("final", t.Final, []choice{{"yes", string(t.FinalYes), string(t.FinalHint)}}))}
	parts := workBlock{Heading: string(t.Parts), Text: string(t.PartsHint), Fold: true, Opened: f.Value("go") == goRows}
	rows := workPartRows(f)
	if rows == 0 || f.Value("go") == goRows {
		rows += figureRows
	}
	var ages []choice
	for _, b := range workBands() {
		ages = append(ages, choice{Value: workAge(b.From) + "_" + workAge(b.To), Label: v.workBand(b)})
	}
	people := v.L.Page.Work.People
	for n := range rows {
		at, nth := "part_"+strconv.Itoa(n), strconv.Itoa(n+1)
		parts.Fields = append(parts.Fields, workFields(
			f.Count(at+"_number", t.PartNumber.Say(locale.Name{Name: nth})),
			f.Select(at+"_sex", t.PartSex.Say(locale.Name{Name: nth}), workToChoices(incident.Sexes(), people.Sex)).Saying(t.PartAll),
			f.Select(at+"_age", t.PartAge.Say(locale.Name{Name: nth}), ages).Saying(t.PartAll),
			f.Select(at+"_setting", t.PartSetting.Say(locale.Name{Name: nth}), workToChoices(incident.Settings(), codes.Setting)).Saying(t.PartAll))...)
	}
	parts.Grid, parts.Button = true, &workButton{Value: goRows, Text: string(t.MoreRows)}
	return []workBlock{final, more, parts}
}

// workFigureWords names a figure in a list: number, category, place, source, day.
func (v *visit) workFigureWords(one incident.Figure, i *incident.Incident) string {
	return v.wordOf(strings.Join([]string{
		v.L.Number(one.Number), v.L.Codes.Category.Of(string(one.Category)), v.workSpot(one.Place), one.Source.Name, v.clock(v.console.workNow(i), i.Origin).When(one.AsOf),
	}, " · "), one.Relayed)
}

// workBodies gives the regional organisations.
func workBodies() []place.Party {
	var all []place.Party
	for _, o := range place.Organisations() {
		all = append(all, o.Code)
	}
	return all
}
