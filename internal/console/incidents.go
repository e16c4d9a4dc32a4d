package console

import (
	"net/http"
	"net/url"
	"time"

	"landfall/internal/access"
	"landfall/internal/incident"
)

func (c *Console) incidentRoutes() {
	c.get("/incidents", c.incidents, "q", "status", "exercise", "cursor")
	c.get("/incidents/:id", c.incidentOverview)
	c.get("/incidents/:id/steps", c.incidentSteps, "only", "party")
	c.get("/incidents/:id/steps/:key", c.incidentStep)
	c.post("/incidents/:id/steps/:key", c.reportStep)
	c.get("/incidents/:id/timeline", c.incidentTimeline, "step", "cursor")
	c.post("/incidents/:id/proposals/:proposal", c.settleProposal)
	c.post("/incidents/:id/relays/:version", c.confirmRelay)
	c.get("/incidents/:id/figures", c.incidentFigures, "cursor")
	c.get("/incidents/:id/answers", c.incidentAnswers)
	c.get("/incidents/:id/movements", c.incidentMovements)
	c.get("/incidents/:id/told", c.incidentTold, "all")
	c.get("/incidents/:id/known", c.incidentKnown, "at", "steps")
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
	status, err := queried(v, "status", incident.Statuses())
	if err != nil {
		return err
	}
	if status != "" {
		filter.Status = []incident.Status{status}
	}
	only, err := queried(v, "exercise", []string{"yes", "no"})
	if err != nil {
		return err
	}
	if exercise := only == "yes"; only != "" {
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
func (v *visit) mayOpen() bool {
	return v.scope.May(access.OpenIncident, access.Thing{Origin: v.scope.Party})
}

func (v *visit) incidentLine(i incident.Incident) incidentLine {
	return incidentLine{
		Incident: i, Word: v.L.Codes.IncidentStatus.Of(string(i.Status)), Tone: toneOfIncident(i.Status), Others: v.L.Parties(i.Receivers),
	}
}

// toneOfIncident says which incidents go on. Red and amber are for what wants attention, and that an incident is active does not by itself.
func toneOfIncident(s incident.Status) string {
	switch s {
	case incident.Active:
		return info
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
		Leads: v.scope.May(access.MoveAnchor, i.Thing("")),
		Whole: v.scope.May(access.ReadInside, i.Thing("")),
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
