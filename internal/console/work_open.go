package console

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/locale"
	"landfall/internal/place"
)

// hazardNew is what the form of a new incident holds when its hazard is new too.
const hazardNew = "new"

// Of the newest workHazardsRead hazards the form offers workHazardsOffered actual ones and as many of exercises.
const (
	workHazardsRead    = 100
	workHazardsOffered = 6
)

// workHazards are the kinds of hazard that the form offers; any other is chosen through the API, or is "other".
var workHazards = []string{"TC", "VO", "FL", "LS", "EQ", "TS", "DR", "OT"}

// workSpeeds are the speeds that the form offers for an exercise.
var workSpeeds = []int{2, 4, 12, 24, 60, 240}

// workOpening is a new incident while its form is read.
type workOpening struct {
	incident.Open
	hazard  incident.OpenHazard // when it is new
	isNew   bool
	relay   *ledger.Relay
	subject string // name of the hazard
}

// workOpen opens an incident: one short form, a review that says who will be told, and two commands.
func (c *Console) workOpen(v *visit) error {
	if !v.mayOpen() && !mayRelay(v.scope) {
		return access.Refusal(access.OpenIncident, access.Thing{Origin: v.scope.Party})
	}
	recent, err := c.workRecent(v)
	if err != nil {
		return err
	}
	f, sent, err := v.workSent(func() *form { return v.workOpenFresh(recent) })
	if err != nil {
		return err
	}
	if !sent {
		return v.workOpenForm(f, recent)
	}
	in, err := c.workOpenRead(v, f)
	if err != nil {
		return err
	}
	if f.Failed() || f.Value("go") == goChange {
		return v.workOpenForm(f, recent)
	}
	in.Draft = f.Value("go") == goDraft
	if !in.Draft && f.Value("go") != goYes {
		return v.workOpenReview(f, in)
	}
	done, err := c.workOpenDo(v, f, in)
	switch {
	case err == nil && in.Draft:
		return v.to("/incidents/"+done.Value.ID, "work_draft")
	case err == nil:
		return v.to("/incidents/"+done.Value.ID, orProposed(done.Proposed, "work_opened"))
	case !v.refused(f, err, in.pointers()):
		return err
	case len(f.Errors) > 0 || in.Draft:
		return v.workOpenForm(f, recent)
	}
	return v.workOpenReview(f, in)
}

// workRecent gives the newest hazards, the actual ones first: exercises crowd out none of them.
func (c *Console) workRecent(v *visit) ([]*incident.Hazard, error) {
	page, err := c.incident.ListHazards(v.ctx(), v.scope, incident.PageRequest{Limit: workHazardsRead})
	if err != nil {
		return nil, err
	}
	var actual, exercises []*incident.Hazard
	for _, h := range page.Items {
		list := &actual
		if h.Exercise {
			list = &exercises
		}
		if len(*list) < workHazardsOffered {
			*list = append(*list, h)
		}
	}
	return append(actual, exercises...), nil
}

// workOpenFresh gives the form with all that can be known before.
func (v *visit) workOpenFresh(recent []*incident.Hazard) *form {
	f := newForm().with("occurred_at", v.local(v.console.now(), v.scope.Party))
	if !v.scope.All && v.mayOpen() {
		f.with("origin", string(v.scope.Party))
	}
	if len(recent) == 0 {
		f.with("hazard", hazardNew)
	}
	return f
}

// workOpenRead reads the form. What it says of an existing hazard is looked up.
func (c *Console) workOpenRead(v *visit, f *form) (workOpening, error) {
	var in workOpening
	own := v.mayOpen()
	in.relay = v.workRelay(f, !own)
	origin := place.Party(f.Value("origin"))
	if in.relay != nil && !v.scope.All {
		origin = place.Party(in.relay.OnBehalfOf)
	}
	if origin == "" && own && !v.scope.All {
		origin = v.scope.Party // a state without islands is not asked
	}
	if origin == "" && in.relay == nil {
		v.need(f, "origin")
	}
	in.Origin, in.OriginIsland = origin.StateParty(), origin.Island()
	if f.Value("hazard") == "" && f.Value("hazard_name") != "" {
		f.with("hazard", hazardNew)
	}
	v.need(f, "exercise", "hazard", "severity")
	in.Severity = incident.Severity(f.Value("severity"))
	in.Exercise = f.Value("exercise") == "yes"
	if in.Exercise {
		if speed := v.number(f, "exercise_speed", 1, 240); speed != nil {
			in.ExerciseSpeed = *speed
		}
	}
	for _, p := range f.Values["receivers"] {
		if p != "" && !slices.Contains(in.Receivers, place.Party(p)) {
			in.Receivers = append(in.Receivers, place.Party(p))
		}
	}
	v.need(f, "occurred_at")
	in.OccurredAt = v.moment(f, "occurred_at", v.scope.Party)
	if err := c.workOpenHazard(v, f, &in); err != nil {
		return in, err
	}
	if in.Title = f.Value("title"); in.Title == "" && in.Origin != "" {
		in.Title = v.L.Joins.Colon.Say(locale.Pair{A: in.subject, B: v.L.Party(origin)})
	}
	wrong := f.check()
	check.Line(&wrong, "/title", &in.Title, check.MaxTitle)
	v.refused(f, wrong.Err(), nil)
	return in, nil
}

// workOpenHazard reads what the form says of the hazard. A new one is an exercise when the incident is.
func (c *Console) workOpenHazard(v *visit, f *form, in *workOpening) error {
	if in.isNew = f.Value("hazard") == hazardNew; !in.isNew {
		in.HazardID = f.Value("hazard")
		if in.HazardID == "" {
			return nil
		}
		known, err := c.incident.GetHazard(v.ctx(), v.scope, in.HazardID)
		switch {
		case fault.Is(err, fault.NotFound):
			f.wrong("hazard", v.reason("names no hazard"))
		case err != nil:
			return err
		case known.Exercise && f.Value("exercise") == "no":
			f.wrong("hazard", v.reason("was made for an exercise, and the incident is actual"))
		default:
			in.subject = known.Name
		}
		return nil
	}
	v.need(f, "hazard_type", "hazard_name")
	in.subject = f.Value("hazard_name")
	in.hazard = incident.OpenHazard{
		Name: in.subject, Type: f.Value("hazard_type"), StartedAt: v.moment(f, "hazard_started", v.scope.Party), Exercise: in.Exercise,
	}
	if in.hazard.StartedAt.IsZero() {
		in.hazard.StartedAt = in.OccurredAt
	}
	if f.Error("hazard_name") == "" {
		wrong := f.check()
		check.Title(&wrong, "/name", &in.subject, 120)
		v.refused(f, wrong.Err(), map[string]string{"/name": "hazard_name"})
	}
	return nil
}

// workOpenDo opens the hazard, when it is new, and the incident. Both keys follow from the form's: sent again, both are met again; and a hazard
// that was recorded before the incident was refused is not recorded twice.
func (c *Console) workOpenDo(v *visit, f *form, in workOpening) (incident.Done[incident.Incident], error) {
	w := v.write(f)
	w.Relay = in.relay
	if in.isNew {
		h := in.hazard
		digest := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%t", h.Type, h.Name, h.StartedAt.Format(time.RFC3339), h.Exercise))
		k := access.Write{Key: ledger.Derive("console", "hazard", w.Key, string(digest[:])), Digest: digest[:], Confirm: w.Confirm}
		opened, err := c.incident.OpenHazard(v.ctx(), v.scope, k, h)
		if err != nil {
			return incident.Done[incident.Incident]{}, err
		}
		in.HazardID = opened.Value.ID
	}
	return c.incident.Open(v.ctx(), v.scope, w, in.Open)
}

// pointers says which field of the form each member of the two commands comes from.
func (in workOpening) pointers() map[string]string {
	fields := map[string]string{
		"/hazard_id": "hazard", "/name": "hazard_name", "/type": "hazard_type", "/started_at": "hazard_started", "/origin_island": "origin",
	}
	for n := range in.Receivers {
		fields["/receivers/"+strconv.Itoa(n)] = "receivers"
	}
	return fields
}

// workOpenForm shows the form.
func (v *visit) workOpenForm(f *form, recent []*incident.Hazard) error {
	t, label, codes := v.L.Page.Work.Open, v.L.Notice.Label, v.L.Codes
	own := v.mayOpen()
	p := workPage{
		Title: string(t.Title), Lead: string(t.Lead), Form: f, Action: "/incidents/new", Draft: "incident",
		Buttons: []workButton{{"review", string(t.Next), "primary"}},
	}
	if own {
		p.Buttons = append(p.Buttons, workButton{goDraft, string(t.Draft), ""})
	}
	kind := f.Radios("exercise", t.Real, []choice{
		{"no", string(t.Actual), string(t.ActualHint)}, {"yes", string(t.Exercise), string(t.ExerciseHint)},
	}).Need()
	p.Blocks = append(p.Blocks, workBlock{Fields: workFields(kind)})
	p.Blocks = append(p.Blocks, v.workHazardBlocks(f, recent)...)

	where := v.workOriginField(f, own)
	if where == nil && own {
		p.Facts = append(p.Facts, workFact{string(label.Origin), v.L.Party(v.scope.Party)})
	}
	what := workBlock{Heading: string(t.What)}
	if where != nil {
		what.Fields = append(what.Fields, *where)
	}
	what.Fields = append(what.Fields, workFields(
		f.Radios("severity", label.Severity, workToChoices(incident.Severities(), codes.Severity)).Need())...)
	from := place.Party(f.Value("origin"))
	what.Fields = append(what.Fields, workField{
		field:  f.Boxes("receivers", t.Receivers, nil).Hinted(t.ReceiversHint),
		Groups: v.workNeighbours(from),
	})
	p.Blocks = append(p.Blocks, what)
	var speeds []choice
	for _, s := range workSpeeds {
		speeds = append(speeds, choice{Value: strconv.Itoa(s), Label: t.Speed.Say(locale.Name{Name: strconv.Itoa(s)})})
	}
	p.Blocks = append(p.Blocks, workBlock{Text: v.workZone(v.scope.Party, false), Fields: workFields(f.When("occurred_at", t.OccurredAt).Need().Hinted(t.OccurredHint))},
		workBlock{Heading: string(t.More), Fold: true, Fields: workFields(
			f.Text("title", t.Name).AtMost(check.MaxTitle).Hinted(t.NameHint),
			f.Select("exercise_speed", t.SpeedLabel, speeds).Saying(t.SpeedReal).Hinted(t.SpeedHint),
		)})
	var states []place.Party
	for _, s := range place.States() {
		states = append(states, s.Party())
	}
	if !v.scope.All {
		p.Blocks = append(p.Blocks, v.workRelays(f, !own, takesPart(v.scope), states...)...)
	}
	return v.workShow("work", p, nil)
}

// workHazardBlocks give the hazards there are, and a new one for who may open one. Those of exercises say so, and a real incident is not offered them.
func (v *visit) workHazardBlocks(f *form, recent []*incident.Hazard) []workBlock {
	t, label := v.L.Page.Work.Open, v.L.Notice.Label
	var blocks []workBlock
	mayOpen := v.scope.May(access.OpenHazard, access.Thing{})
	if len(recent) > 0 {
		var known []choice
		exercises := map[string]string{}
		for _, h := range recent {
			if h.Exercise && f.Value("exercise") == "no" {
				continue
			}
			if h.Exercise {
				exercises[h.ID] = string(v.L.Page.Shell.Exercise)
			}
			kind, _ := place.HazardOf(h.Type)
			known = append(known, choice{h.ID, h.Name, kind.Name.In(string(v.L.Language)) + ", " + v.L.Date(h.StartedAt.In(place.Zone(v.zone(""))))})
		}
		if mayOpen {
			known = append(known, choice{hazardNew, string(t.HazardNew), string(t.HazardNewHint)})
		}
		blocks = append(blocks, workBlock{Fields: workFields(f.Radios("hazard", label.Hazard, known).Rehearsing(exercises).Need())})
	}
	if !mayOpen {
		return blocks
	}
	var kinds []choice
	for _, code := range workHazards {
		kind, _ := place.HazardOf(code)
		kinds = append(kinds, choice{Value: code, Label: kind.Name.In(string(v.L.Language))})
	}
	block := workBlock{Heading: string(t.HazardNew), Fold: len(recent) > 0, Opened: f.Value("hazard") == hazardNew, Fields: workFields(
		f.Radios("hazard_type", t.HazardType, kinds),
		f.Text("hazard_name", t.HazardName).AtMost(120).Hinted(t.HazardNameHint),
		f.When("hazard_started", t.HazardStarted).Hinted(t.HazardStartedHint),
	)}
	if len(recent) == 0 {
		block.Fields = append(workFields(f.field("hidden", "hazard", "")), block.Fields...)
	}
	return append(blocks, block)
}

// workOpenReview says what will be recorded and who will be told, before anything is.
func (v *visit) workOpenReview(f *form, in workOpening) error {
	t, label, codes := v.L.Page.Work.Open, v.L.Notice.Label, v.L.Codes
	kind := string(t.Actual)
	if in.Exercise {
		kind = string(t.Exercise)
	}
	hazard := in.subject
	if in.isNew {
		h, _ := place.HazardOf(in.hazard.Type)
		hazard = v.L.Joins.Colon.Say(locale.Pair{A: h.Name.In(string(v.L.Language)), B: hazard})
	}
	p := workPage{
		Title: string(t.ReviewTitle), Lead: string(t.ReviewLead), Form: f, Action: "/incidents/new",
		Facts: []workFact{
			{string(t.Kind), kind}, {string(t.Name), in.Title}, {string(label.Hazard), hazard},
			{string(label.Origin), v.L.Party(place.PartyOf(string(in.Origin), in.OriginIsland))},
			{string(label.Severity), codes.Severity.Of(string(in.Severity))},
			{string(t.OccurredAt), v.bare().When(in.OccurredAt, v.console.now(), in.Origin)},
		},
		Heading: string(t.Told), Quiet: string(t.NobodyTold),
	}
	p.Facts = append(p.Facts, v.workRelayed(f)...)
	about := &incident.Incident{Exercise: in.Exercise, Origin: in.Origin, Severity: in.Severity}
	reached, err := v.workReach(&p, about, in.Receivers, func(place.Party) string { return string(t.ToldWhat) })
	if err != nil {
		return err
	}
	class, press := "primary", t.Press
	if in.Exercise {
		class, press = "rehearsal", t.PressExercise
	}
	v.workGoesOut(&p, in.Exercise, reached)
	p.Buttons = []workButton{{goYes, v.workPress(reached, press, t.PressNobody), class}, {goChange, string(v.L.Page.Work.Change), ""}}
	return v.workShow("work_review", p, about)
}
