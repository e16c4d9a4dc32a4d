package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
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
	c.get("/incidents/:id/known", c.incidentKnown)
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
	Now   time.Time // scenario time of what is shown
	Wall  time.Time // wall time of what is shown
	Leads bool      // the account leads it
	Whole bool      // the account sees more than the headline
}

// load reads an incident for a page.
func (v *visit) load(tab string) (about, error) {
	i, err := v.console.incident.Get(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return about{}, err
	}
	now := v.console.now()
	a := about{
		I: i, Line: v.incidentLine(i), Tab: tab, Now: i.Clock.Scenario(now), Wall: now,
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
	Further   []action // what is seldom done
	Keys      []keyTime
	Attention []stepLine
	Counts    stepCounts
	Receivers []receiverLine
	Figures   []figureLine
	Moving    []movementLine
	MoreMove  int // people on their way that are not shown here
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

// What the overview shows at the most: of actions beside those that are folded away, of steps and of movements.
const (
	actionsMost   = 2
	attentionMost = 6
	movingMost    = 8
)

func (c *Console) incidentOverview(v *visit) error {
	a, err := v.load("")
	if err != nil {
		return err
	}
	view := overviewView{about: a, Actions: v.actions(a)}
	if len(view.Actions) > actionsMost {
		view.Actions, view.Further = view.Actions[:actionsMost], view.Actions[actionsMost:]
	}
	if view.Hazard, err = c.incident.GetHazard(v.ctx(), v.scope, a.I.HazardID); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	view.overview(v)
	steps, err := v.steps(a.I.ID, incident.StepFilter{})
	if err != nil {
		return err
	}
	view.attention(v, steps)
	if a.Whole {
		if err := view.fill(v); err != nil {
			return err
		}
	}
	return v.part(http.StatusOK, "incident", a, view)
}

// attention fills in how the steps stand, and which of them want attention first.
func (view *overviewView) attention(v *visit, steps []incident.Step) {
	for _, s := range steps {
		view.Counts.add(s)
		if s.Overdue || s.DueSoon || s.Stale || s.ProofOwed {
			view.Attention = append(view.Attention, v.stepLine(view.about, s))
		}
	}
	slices.SortStableFunc(view.Attention, func(x, y stepLine) int { return x.rank() - y.rank() })
	view.Attention = view.Attention[:min(len(view.Attention), attentionMost)]
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
	figures, err := c.incident.Figures(v.ctx(), v.scope, id, "", incident.PageRequest{Limit: 4})
	if err != nil {
		return err
	}
	movements, err := c.incident.Movements(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	view.whole(v, answers, told, figures.Items, movements)
	return nil
}

// whole fills in what was read.
func (view *overviewView) whole(v *visit, answers []*incident.Answer, told []notify.Told, figures []incident.Figure, movements []*incident.Movement) {
	for _, p := range view.I.Receivers {
		view.Receivers = append(view.Receivers, v.receiverLine(p, answers, told, view.Wall))
	}
	for _, f := range figures {
		view.Figures = append(view.Figures, v.figureLine(f))
	}
	for _, m := range movements {
		if m.Status == incident.Announced || m.Status == incident.Departed {
			view.Moving = append(view.Moving, v.movementLine(m))
		}
	}
	slices.SortStableFunc(view.Moving, func(a, b movementLine) int { return a.ETA.Compare(b.ETA) })
	shown := min(len(view.Moving), movingMost)
	view.MoreMove, view.Moving = len(view.Moving)-shown, view.Moving[:shown]
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

// stepTitles gives the steps of an incident by key, as they are called: "HUR-05 Protocol activated".
func (v *visit) stepTitles(id string) (map[string]string, error) {
	steps, err := v.steps(id, incident.StepFilter{})
	titles := make(map[string]string, len(steps))
	for _, s := range steps {
		titles[s.Key] = s.Key + " " + s.Title.In(string(v.L.Language))
	}
	return titles, err
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

// receiverLine says how a party stood at a wall time.
func (v *visit) receiverLine(p place.Party, answers []*incident.Answer, told []notify.Told, wall time.Time) receiverLine {
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
	l.Late = l.Acked == nil && l.Required != nil && wall.After(*l.Required)
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

// byPhase is the steps of one phase. Those that wait for a key time, and have no time of their own before it, stand by themselves.
type byPhase struct {
	ID, Phase string
	Open      int
	Steps     []stepLine
	Waiting   []stepLine
}

type stepsView struct {
	about
	Counts  stepCounts
	Only    string
	Party   place.Party // whose steps; "": everybody's
	Parties []partyChip
	Phases  []byPhase
}

// partyChip chooses the steps of one party.
type partyChip struct {
	Href, Text string
	Open       int
	Current    bool
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
	view := stepsView{about: a, Only: v.QueryParam("only"), Party: place.Party(v.QueryParam("party"))}
	view.Parties = v.partyChips(a, steps, view.Only, view.Party)
	for _, s := range steps {
		if view.Party == "" || s.Party == view.Party {
			view.Counts.add(s)
		}
	}
	view.Phases = v.phases(a, steps, func(s incident.Step) bool {
		return (view.Party == "" || s.Party == view.Party) && wanted(view.Only, v.scope, s)
	})
	return v.part(http.StatusOK, "incident_steps", a, view)
}

// Steps gives the address of the steps like this, of the party that is chosen.
func (view stepsView) Steps(only string) string { return stepsAt(view.about, only, view.Party) }

// Steps gives the address of the steps like this, whoever they are of.
func (a about) Steps(only string) string { return stepsAt(a, only, "") }

func stepsAt(a about, only string, party place.Party) string {
	q := url.Values{}
	if only != "" {
		q.Set("only", only)
	}
	if party != "" {
		q.Set("party", string(party))
	}
	if len(q) == 0 {
		return a.At("/steps")
	}
	return a.At("/steps?" + q.Encode())
}

// partyChips gives everybody and then each party that has steps: the affected state, the states that receive, and the others.
func (v *visit) partyChips(a about, steps []incident.Step, only string, chosen place.Party) []partyChip {
	open := map[place.Party]int{}
	order := append([]place.Party{a.I.Origin}, a.I.Receivers...)
	for _, s := range steps {
		if !slices.Contains(order, s.Party) {
			order = append(order, s.Party)
		}
		n := open[s.Party]
		if s.Open() {
			n++
		}
		open[s.Party] = n
	}
	if len(open) < 2 {
		return nil
	}
	all := 0
	chips := []partyChip{{Href: stepsAt(a, only, ""), Text: string(v.L.Page.Incidents.AllParties), Current: chosen == ""}}
	for _, p := range order {
		if n, has := open[p]; has {
			all += n
			chips = append(chips, partyChip{Href: stepsAt(a, only, p), Text: v.L.Party(p), Open: n, Current: chosen == p})
			delete(open, p) // an island may be named twice
		}
	}
	chips[0].Open = all
	return chips
}

// phases gives the steps that are wanted, by phase, what wants attention first.
func (v *visit) phases(a about, steps []incident.Step, want func(incident.Step) bool) []byPhase {
	phases := map[protocol.Phase]*byPhase{}
	for _, s := range steps {
		if !want(s) {
			continue
		}
		p := phases[s.Phase]
		if p == nil {
			p = &byPhase{ID: "waiting-" + string(s.Phase), Phase: v.L.Page.Incidents.Phase.Of(string(s.Phase))}
			phases[s.Phase] = p
		}
		if s.Open() {
			p.Open++
		}
		if l := v.stepLine(a, s); l.Waits != "" && s.Status == incident.StepPending {
			p.Waiting = append(p.Waiting, l)
		} else {
			p.Steps = append(p.Steps, l)
		}
	}
	var list []byPhase
	for _, phase := range protocol.Phases() {
		if p := phases[phase]; p != nil {
			slices.SortStableFunc(p.Steps, func(x, y stepLine) int { return x.rank() - y.rank() })
			list = append(list, *p)
		}
	}
	return list
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
	case "done":
		return s.Status == incident.StepDone
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
		l := v.receiverLine(p, view.All, told, a.Wall)
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
	Short   bool // some are left out: the page that leaves out none is the one to print
}

type toldParty struct {
	Party  place.Party
	Alerts []toldAlert
	Left   int // older ones that are left out
}

// toldMost bounds the alerts of one party on the page that is not asked for all.
const toldMost = 12

type toldAlert struct {
	notify.ToldAlert
	Kind  string
	About string // the step that it is about
	Ack   string
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
	titles, err := v.stepTitles(a.I.ID)
	if err != nil {
		return err
	}
	view, all := proofView{about: a, Made: c.now()}, v.QueryParam("all") != ""
	for _, t := range told {
		p := toldParty{Party: t.Party}
		if n := len(t.Alerts) - toldMost; n > 0 && !all {
			p.Left, t.Alerts, view.Short = n, t.Alerts[n:], true
		}
		for _, alert := range t.Alerts {
			line := toldAlert{ToldAlert: alert, Kind: v.L.Codes.AlertKind.Of(alert.Alert.Kind), About: titles[alert.Alert.Subject]}
			slices.SortStableFunc(line.Deliveries, func(a, b notify.ToldDelivery) int { return strings.Compare(a.Channel, b.Channel) })
			if ack := alert.Alert.Acknowledged; ack != nil {
				line.Ack = v.L.Codes.Acknowledged.Of(string(ack.Outcome))
			}
			p.Alerts = append(p.Alerts, line)
		}
		view.Parties = append(view.Parties, p)
	}
	return v.part(http.StatusOK, "incident_told", a, view)
}
