package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

func (c *Console) incidentRoutes() {
	c.get("/incidents", c.incidents)
	c.get("/incidents/:id", c.incidentOverview)
	c.get("/incidents/:id/steps", c.incidentSteps)
	c.get("/incidents/:id/steps/:key", c.incidentStep)
	c.post("/incidents/:id/steps/:key", c.reportStep)
	c.get("/incidents/:id/timeline", c.incidentTimeline)
	c.get("/incidents/:id/figures", c.incidentFigures)
	c.get("/incidents/:id/answers", c.incidentAnswers)
	c.get("/incidents/:id/movements", c.incidentMovements)
	c.get("/incidents/:id/told", c.incidentTold)
}

// incidentsPerPage bounds one page of the list.
const incidentsPerPage = 25

// incidentsView is the list of incidents.
type incidentsView struct {
	Lines    []incidentLine
	More     string
	Form     *form
	Statuses []choice
	MayOpen  bool
	Filtered bool
}

// incidentLine is one incident of a list.
type incidentLine struct {
	incident.Incident
	Word   string // its status
	Tone   string
	Others string // who receives
}

func (c *Console) incidents(v *visit) error {
	q := v.QueryParams()
	f := newForm()
	for _, name := range []string{"q", "status", "exercise"} {
		f.with(name, q.Get(name))
	}
	filter := incident.Filter{Query: q.Get("q")}
	if s := q.Get("status"); slices.Contains(incident.Statuses(), incident.Status(s)) {
		filter.Status = []incident.Status{incident.Status(s)}
	}
	if e := q.Get("exercise"); e == "yes" || e == "no" {
		exercise := e == "yes"
		filter.Exercise = &exercise
	}
	page, err := c.incident.List(v.ctx(), v.scope, filter, incident.PageRequest{Limit: incidentsPerPage, Cursor: q.Get("cursor")})
	if err != nil {
		return err
	}
	view := incidentsView{
		Form: f, MayOpen: v.mayOpen(), Filtered: filter.Query != "" || len(filter.Status) > 0 || filter.Exercise != nil,
		Statuses: choicesOf(incident.Statuses(), v.L.Codes.IncidentStatus),
	}
	for _, i := range page.Items {
		view.Lines = append(view.Lines, v.incidentLine(i))
	}
	if page.Next != "" {
		next := url.Values{"cursor": {page.Next}}
		for _, name := range []string{"q", "status", "exercise"} {
			if q.Get(name) != "" {
				next.Set(name, q.Get(name))
			}
		}
		view.More = "/incidents?" + next.Encode()
	}
	return v.show(http.StatusOK, "incidents", string(v.L.Page.Incidents.Title), view, in("incidents"), following("incident"))
}

// mayOpen reports whether the account opens incidents.
func (v *visit) mayOpen() bool { return v.scope.All || v.scope.Role == access.RoleCoordinator }

func (v *visit) incidentLine(i incident.Incident) incidentLine {
	return incidentLine{
		Incident: i, Word: v.L.Codes.IncidentStatus.Of(string(i.Status)), Tone: toneOfIncident(i.Status), Others: v.L.Parties(i.Receivers),
	}
}

func toneOfIncident(s incident.Status) string {
	switch s {
	case incident.Active:
		return bad
	case incident.Monitoring, incident.Stay, incident.Return:
		return soon
	default:
		return idle
	}
}

// about is what every page of one incident begins with.
type about struct {
	I     incident.Incident
	Line  incidentLine
	Tab   string
	Tabs  []link
	Now   time.Time // scenario time
	Leads bool      // the account leads it
	Whole bool      // the account sees more than the headline
}

// load reads an incident for a page.
func (v *visit) load(tab string) (about, error) {
	i, err := v.console.incident.Get(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return about{}, err
	}
	a := about{
		I: i, Line: v.incidentLine(i), Tab: tab, Now: i.Clock.Scenario(v.console.now()),
		Leads: workLeads(v.scope, i.Origin),
		Whole: v.scope.All || v.scope.Role != access.RoleLiaison,
	}
	t, at := v.L.Page.Incidents, "/incidents/"+i.ID
	a.Tabs = []link{{at, string(t.Overview)}, {at + "/steps", string(t.Steps)}}
	if a.Whole {
		a.Tabs = append(a.Tabs, link{at + "/timeline", string(t.Timeline)}, link{at + "/movements", string(t.Movements)},
			link{at + "/figures", string(t.Figures)}, link{at + "/answers", string(t.Answers)}, link{at + "/told", string(t.ToldTab)})
	}
	return a, nil
}

// At gives the address of a page of the incident.
func (a about) At(page string) string { return "/incidents/" + a.I.ID + page }

// part shows a page of an incident.
func (v *visit) part(status int, template string, a about, view any) error {
	return v.show(status, template, a.I.Title, view, in("incidents"), during(a.I.Exercise), following("incident/"+a.I.ID+" alert"),
		backTo("/incidents", string(v.L.Page.Incidents.Title)))
}

// overviewView is the first page of an incident.
type overviewView struct {
	about
	Hazard    *incident.Hazard
	Actions   []action
	Keys      []keyTime
	Attention []stepLine
	Counts    stepCounts
	Receivers []receiverLine
	Figures   []figureLine
	Moving    []movementLine
	Protocol  string
}

// action is something that can be done next.
type action struct {
	Href, Text string
	Primary    bool
}

// keyTime is a moment that deadlines count from.
type keyTime struct {
	*incident.Anchor
	Word, Kind string
	Settable   bool // a person gives it its value
}

// attentionMost bounds the steps that the overview shows.
const attentionMost = 6

func (c *Console) incidentOverview(v *visit) error {
	a, err := v.load("")
	if err != nil {
		return err
	}
	view := overviewView{about: a, Actions: v.actions(a)}
	if view.Hazard, err = c.incident.GetHazard(v.ctx(), v.scope, a.I.HazardID); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if r := a.I.Running; r != nil {
		view.Protocol = v.L.Codes.Protocol.Of(r.Protocol)
	}
	for _, k := range a.I.Anchors {
		name := k.Name
		view.Keys = append(view.Keys, keyTime{k, v.L.Codes.Anchor.Of(name), v.L.Codes.AnchorKind.Of(string(k.Kind)), protocol.Anchor(name).Settable()})
	}
	steps, err := v.steps(a.I.ID, incident.StepFilter{})
	if err != nil {
		return err
	}
	for _, s := range steps {
		view.Counts.add(s)
		if s.Overdue || s.DueSoon || s.Stale || s.ProofOwed {
			view.Attention = append(view.Attention, v.stepLine(a, s))
		}
	}
	slices.SortStableFunc(view.Attention, func(x, y stepLine) int { return x.rank() - y.rank() })
	view.Attention = view.Attention[:min(len(view.Attention), attentionMost)]
	if a.Whole {
		if err := view.fill(v); err != nil {
			return err
		}
	}
	return v.part(http.StatusOK, "incident", a, view)
}

// fill reads what only those see who see the whole incident.
func (view *overviewView) fill(v *visit) error {
	c, id := v.console, view.I.ID
	answers, err := c.incident.Answers(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	told, err := c.notify.ForIncident(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	for _, p := range view.I.Receivers {
		view.Receivers = append(view.Receivers, v.receiverLine(p, answers, told))
	}
	figures, err := c.incident.Figures(v.ctx(), v.scope, id, "", incident.PageRequest{Limit: 4})
	if err != nil {
		return err
	}
	for _, f := range figures.Items {
		view.Figures = append(view.Figures, v.figureLine(f))
	}
	movements, err := c.incident.Movements(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	for _, m := range movements {
		if m.Status == incident.Announced || m.Status == incident.Departed {
			view.Moving = append(view.Moving, v.movementLine(m))
		}
	}
	return nil
}

// steps gives all steps of an incident that the account sees and the filter wants, however many they are.
func (v *visit) steps(id string, filter incident.StepFilter) ([]incident.Step, error) {
	var all []incident.Step
	for cursor := ""; ; {
		page, err := v.console.incident.Steps(v.ctx(), v.scope, id, filter, incident.PageRequest{Limit: 500, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

// openSteps gives those of them that somebody still has to do.
func (v *visit) openSteps(id string) ([]incident.Step, error) {
	return v.steps(id, incident.StepFilter{Status: []incident.StepStatus{incident.StepPending, incident.StepInProgress}})
}

// actions gives what the account can do with the incident now, the likeliest first.
func (v *visit) actions(a about) []action {
	t, at := v.L.Page.Incidents, "/incidents/"+a.I.ID
	var list []action
	add := func(ok bool, path string, text locale.Phrase, primary bool) {
		if ok && v.scope.MayWrite() {
			list = append(list, action{at + path, string(text), primary})
		}
	}
	running := alertRuns(a.I.Status)
	receives := slices.ContainsFunc(a.I.Receivers, func(p place.Party) bool { return workStaff(v.scope, p) })
	w := v.L.Page.Work
	monitoring := a.I.Status == incident.Monitoring
	counts := a.Whole && (a.Leads || receives || v.scope.Role == access.RoleRegionalOfficer)
	add(a.Leads && a.I.Status == incident.Draft, "/open", w.Release.Title, true)
	add(a.Leads && monitoring, "/activate", t.Activate, true)
	add(receives && running, "/answers/new", t.AnswerNow, !a.Leads)
	add(a.Leads && monitoring && a.I.Running == nil, "/monitor", w.Start.Monitor, false)
	add(a.Leads && running && !monitoring, "/movements/new", t.MovePeople, true)
	add(counts && running, "/figures/new", w.Figure.Title, false)
	add(a.Leads && (running || a.I.Status == incident.Draft), "/receivers", w.Receivers.Title, false)
	add(a.Leads && (running || a.I.Status == incident.Draft), "/stand-down", w.StandDown.Title, false)
	add(a.Leads && running && !monitoring, "/close", w.Close.Title, false)
	return list
}

// receiverLine is what a receiving state was told and said.
type receiverLine struct {
	Party    place.Party
	Told     time.Time // wall time of the first alert that asks for an answer
	Arrived  bool      // it reached an address
	Acked    *notify.Acknowledgement
	Required *time.Time
	Late     bool
	Answer   *incident.Answer
	Word     string // of the answer
	Tone     string
}

func (v *visit) receiverLine(p place.Party, answers []*incident.Answer, told []notify.Told) receiverLine {
	l := receiverLine{Party: p, Tone: idle, Word: string(v.L.Page.Incidents.NoAnswer)}
	for _, n := range answers { // in the order they were recorded: the last counts
		if n.Party == p {
			l.Answer, l.Word = n, v.L.Codes.Answer.Of(string(n.Kind))
		}
	}
	for _, t := range told {
		if t.Party != p {
			continue
		}
		for _, alert := range t.Alerts {
			of := alert.Alert
			if of.RequiredBy == nil && l.Required != nil {
				continue // what asks for an answer counts before what only tells
			}
			l.Told, l.Acked, l.Required, l.Arrived = of.RaisedAt, of.Acknowledged, of.RequiredBy, false
			for _, d := range alert.Deliveries {
				l.Arrived = l.Arrived || d.Status == notify.Delivered
			}
		}
	}
	l.Late = l.Acked == nil && l.Required != nil && v.console.now().After(*l.Required)
	switch {
	case l.Answer != nil && l.Answer.Kind == incident.Accept:
		l.Tone = good
	case l.Answer != nil:
		l.Tone = info
	case l.Late:
		l.Tone = bad
	case l.Acked == nil:
		l.Tone = soon
	}
	return l
}

// figureLine is one figure of a list.
type figureLine struct {
	incident.Figure
	Number                            string
	Category, Setting, Source, Place_ string
	Parts                             int // what its parts make, when they do not add up
	Tone                              string
}

func (v *visit) figureLine(f incident.Figure) figureLine {
	l := figureLine{
		Figure: f, Number: v.L.Number(f.Number), Category: v.L.Codes.Category.Of(string(f.Category)), Setting: v.L.Codes.Setting.Of(string(f.Setting)),
		Source: f.Source.Name, Place_: v.L.Party(f.Place.Party), Tone: info,
	}
	switch f.Quantifier {
	case incident.Exact:
	case incident.Approximately:
		l.Number = v.L.Counts.About.Say(locale.Name{Name: l.Number})
	case incident.MoreThan:
		l.Number = v.L.Counts.MoreThan.Say(locale.Name{Name: l.Number})
	case incident.LessThan:
		l.Number = v.L.Counts.FewerThan.Say(locale.Name{Name: l.Number})
	}
	if !f.PartsAddUp {
		l.Tone = soon
		for _, p := range f.Parts {
			l.Parts += p.Number
		}
	}
	return l
}

// movementLine is one movement of a list.
type movementLine struct {
	*incident.Movement
	Word, By, From_, To_ string
	Tone                 string
	Shown                int // people: as counted last
}

func (v *visit) movementLine(m *incident.Movement) movementLine {
	l := movementLine{
		Movement: m, Word: v.L.Codes.MovementStatus.Of(string(m.Status)), By: v.L.Codes.Mode.Of(string(m.Mode)), From_: v.spot(m.From), To_: v.spot(m.To),
		Tone: map[incident.MovementStatus]string{incident.Announced: soon, incident.Departed: info, incident.Arrived: good}[m.Status], Shown: m.People.Total,
	}
	if l.Tone == "" {
		l.Tone = idle
	}
	if m.Left != nil {
		l.Shown = m.Left.Total
	}
	if m.Came != nil {
		l.Shown = m.Came.Total
	}
	return l
}

func (v *visit) spot(s incident.Spot) string {
	if s.Name != "" {
		return s.Name + ", " + v.L.Party(s.Party)
	}
	return v.L.Party(s.Party)
}

// byPhase is the steps of one phase.
type byPhase struct {
	Phase string
	Open  int
	Steps []stepLine
}

type stepsView struct {
	about
	Counts stepCounts
	Only   string
	Phases []byPhase
}

func (c *Console) incidentSteps(v *visit) error {
	a, err := v.load("/steps")
	if err != nil {
		return err
	}
	steps, err := v.steps(a.I.ID, incident.StepFilter{})
	if err != nil {
		return err
	}
	view := stepsView{about: a, Only: v.QueryParam("only")}
	phases := map[protocol.Phase]*byPhase{}
	for _, s := range steps {
		view.Counts.add(s)
		if !wanted(view.Only, v.scope, s) {
			continue
		}
		p := phases[s.Phase]
		if p == nil {
			p = &byPhase{Phase: v.L.Page.Incidents.Phase.Of(string(s.Phase))}
			phases[s.Phase] = p
		}
		if s.Open() {
			p.Open++
		}
		p.Steps = append(p.Steps, v.stepLine(a, s))
	}
	for _, phase := range protocol.Phases() {
		if p := phases[phase]; p != nil {
			slices.SortStableFunc(p.Steps, func(x, y stepLine) int { return x.rank() - y.rank() })
			view.Phases = append(view.Phases, *p)
		}
	}
	return v.part(http.StatusOK, "incident_steps", a, view)
}

// wanted reports whether a step is one of those asked for.
func wanted(only string, scope access.Scope, s incident.Step) bool {
	switch only {
	case "mine":
		return s.Open() && scope.ActsFor(s.Party)
	case "overdue":
		return s.Overdue
	case "soon":
		return s.DueSoon
	case "owed":
		return s.ProofOwed
	case "silent":
		return s.Stale
	case "all":
		return true
	}
	return s.Open()
}

// figuresView is everything that was reported.
type figuresView struct {
	about
	Lines []figureLine
	More  string
}

func (c *Console) incidentFigures(v *visit) error {
	a, err := v.load("/figures")
	if err != nil {
		return err
	}
	page, err := c.incident.Figures(v.ctx(), v.scope, a.I.ID, "", incident.PageRequest{Limit: 50, Cursor: v.QueryParam("cursor")})
	if err != nil {
		return err
	}
	view := figuresView{about: a}
	for _, f := range page.Items {
		view.Lines = append(view.Lines, v.figureLine(f))
	}
	if page.Next != "" {
		view.More = a.At("/figures?cursor=" + url.QueryEscape(page.Next))
	}
	return v.part(http.StatusOK, "incident_figures", a, view)
}

// answersView is what the receiving states said.
type answersView struct {
	about
	Receivers []receiverLine
	All       []*incident.Answer
	Offered   int // places, by the latest acceptances with a ceiling
	MayAnswer bool
}

func (c *Console) incidentAnswers(v *visit) error {
	a, err := v.load("/answers")
	if err != nil {
		return err
	}
	view := answersView{about: a}
	if view.All, err = c.incident.Answers(v.ctx(), v.scope, a.I.ID); err != nil {
		return err
	}
	told, err := c.notify.ForIncident(v.ctx(), v.scope, a.I.ID)
	if err != nil {
		return err
	}
	for _, p := range a.I.Receivers {
		l := v.receiverLine(p, view.All, told)
		view.Receivers = append(view.Receivers, l)
		if l.Answer != nil && l.Answer.Kind == incident.Accept && l.Answer.Ceiling != nil {
			view.Offered += *l.Answer.Ceiling
		}
	}
	for _, act := range v.actions(a) {
		view.MayAnswer = view.MayAnswer || act.Href == a.At("/answers/new")
	}
	return v.part(http.StatusOK, "incident_answers", a, view)
}

type movementsView struct {
	about
	Lines []movementLine
}

func (c *Console) incidentMovements(v *visit) error {
	a, err := v.load("/movements")
	if err != nil {
		return err
	}
	all, err := c.incident.Movements(v.ctx(), v.scope, a.I.ID)
	if err != nil {
		return err
	}
	view := movementsView{about: a}
	for _, m := range slices.Backward(all) {
		view.Lines = append(view.Lines, v.movementLine(m))
	}
	return v.part(http.StatusOK, "incident_movements", a, view)
}

// proofView is who was told, by which deliveries, and who answered: a proof to print.
type proofView struct {
	about
	Parties []toldParty
	Made    time.Time
}

type toldParty struct {
	Party  place.Party
	Alerts []toldAlert
}

type toldAlert struct {
	notify.ToldAlert
	Kind string
	Ack  string
}

func (c *Console) incidentTold(v *visit) error {
	a, err := v.load("/told")
	if err != nil {
		return err
	}
	told, err := c.notify.ForIncident(v.ctx(), v.scope, a.I.ID)
	if err != nil {
		return err
	}
	view := proofView{about: a, Made: c.now()}
	for _, t := range told {
		p := toldParty{Party: t.Party}
		for _, alert := range t.Alerts {
			line := toldAlert{ToldAlert: alert, Kind: v.L.Codes.AlertKind.Of(alert.Alert.Kind)}
			if ack := alert.Alert.Acknowledged; ack != nil {
				line.Ack = v.L.Codes.Acknowledged.Of(string(ack.Outcome))
			}
			p.Alerts = append(p.Alerts, line)
		}
		view.Parties = append(view.Parties, p)
	}
	return v.part(http.StatusOK, "incident_told", a, view)
}
