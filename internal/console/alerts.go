package console

import (
	"net/http"
	"net/url"
	"slices"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/notify"
)

func (c *Console) alertRoutes() {
	c.get("/alerts", c.alertList)
	c.get("/alerts/:id", c.alertPage)
	c.post("/alerts/:id/acknowledge", c.alertAcknowledge)
	c.post("/alerts/:id/answer", c.alertAnswer)
}

// The kinds of alert that a receiving state answers with whether it takes people in, and those about telling itself: see packages incident
// and notify.
const (
	alertNamed      = "named"
	alertPlanning   = "planning"
	alertActivation = "activation"
)

func alertAsksForAnswer(kind string) bool { return kind == alertNamed || kind == alertActivation }

// alertsView is the list of alerts.
type alertsView struct {
	Tabs   []alertTab
	Only   *link // the one incident whose alerts are shown
	Groups []alertGroup
	More   string // address of the next page
	Status string
}

// alertTab is one of several views of a page.
type alertTab struct {
	Href, Text string
	Current    bool
}

// alertGroup is some alerts under a heading.
type alertGroup struct {
	ID, Title string
	Rows      []alertRow
}

const (
	alertsOpen   = 50 // alerts on the page of what is open
	alertsOver   = 25 // alerts on a page of what is over
	alertsRecent = 12 // acknowledged ones looked at for an answer that is still owed
)

// alertList shows the reader's alerts: what wants an answer first.
func (c *Console) alertList(v *visit) error {
	t := &v.L.Page.Alerts
	query := notify.AlertQuery{Status: notify.AlertStatus(v.QueryParam("status")), Incident: v.QueryParam("incident")}
	view := alertsView{Status: string(query.Status)}
	if query.Incident != "" {
		i, err := c.incident.Get(v.ctx(), v.scope, query.Incident)
		if err != nil {
			return err
		}
		view.Only = &link{"/incidents/" + i.ID, i.Code + " · " + i.Title}
	}
	for _, s := range []notify.AlertStatus{notify.AlertOpen, notify.AlertAcknowledged, notify.AlertClosed} {
		shown := s
		if s == notify.AlertOpen {
			shown = ""
		}
		view.Tabs = append(view.Tabs, alertTab{Href: alertsAt(shown, query.Incident, ""), Text: t.Tab.Of(string(s)), Current: query.Status == shown})
	}
	limit, asked := alertsOver, query
	if query.Status == "" {
		limit, asked.Status = alertsOpen, notify.AlertOpen
	}
	found, err := c.notify.Alerts(v.ctx(), v.scope, asked, notify.Paging{Limit: limit, Cursor: v.QueryParam("cursor")})
	if err != nil {
		return err
	}
	if found.Next != "" {
		view.More = alertsAt(query.Status, query.Incident, found.Next)
	}
	switch {
	case query.Status != "":
		view.Groups = []alertGroup{{ID: "over", Title: t.Tab.Of(view.Status), Rows: v.alertRows(found.Items)}}
	default:
		due, know := alertSplit(v.alertRows(found.Items))
		var owed []alertRow
		if v.QueryParam("cursor") == "" {
			if owed, err = c.alertsOwed(v, query.Incident); err != nil {
				return err
			}
		}
		view.Groups = []alertGroup{{"due", string(t.DueTitle), append(due, owed...)}, {"know", string(t.KnowTitle), know}}
	}
	return v.show(http.StatusOK, "alerts", string(t.Title), view, in("alerts"), following("alert"))
}

func alertsAt(status notify.AlertStatus, incident, cursor string) string {
	q := url.Values{}
	for name, value := range map[string]string{"status": string(status), "incident": incident, "cursor": cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "/alerts"
	}
	return "/alerts?" + q.Encode()
}

func (v *visit) alertRows(items []notify.Listed[*notify.Alert]) []alertRow {
	now := v.console.now()
	rows := make([]alertRow, 0, len(items))
	for _, item := range items {
		rows = append(rows, v.alertRow(item.Value, now))
	}
	return rows
}

// alertSplit parts what wants an answer, the most urgent first, from what is to be known.
func alertSplit(rows []alertRow) (due, know []alertRow) {
	for _, row := range rows {
		if row.by.IsZero() {
			know = append(know, row)
		} else {
			due = append(due, row)
		}
	}
	slices.SortStableFunc(due, func(a, b alertRow) int { return a.by.Compare(b.by) })
	return due, know
}

// alertsOwed gives the requests that were acknowledged but not answered: to have seen is not to have said.
func (c *Console) alertsOwed(v *visit, only string) ([]alertRow, error) {
	if !alertMayAnswer(v.scope) {
		return nil, nil
	}
	found, err := c.notify.Alerts(v.ctx(), v.scope, notify.AlertQuery{
		Status: notify.AlertAcknowledged, Kind: alertActivation, Incident: only,
	}, notify.Paging{Limit: alertsRecent})
	if err != nil {
		return nil, err
	}
	var rows []alertRow
	for _, item := range found.Items {
		a := item.Value
		if !v.scope.ActsFor(a.Party) || v.scope.All {
			continue
		}
		answers, err := c.incident.Answers(v.ctx(), v.scope, a.IncidentID)
		switch {
		case fault.Is(err, fault.NotFound), fault.Is(err, fault.Forbidden):
			continue
		case err != nil:
			return nil, err
		case alertAnswerOf(answers, a.Party) != nil:
			continue
		}
		row := v.alertRow(a, c.now())
		row.Tone, row.State = soon, mark{soon, string(v.L.Page.Alerts.Owed)}
		rows = append(rows, row)
	}
	return rows, nil
}

// alertMayAnswer reports whether somebody says whether a state takes people in.
func alertMayAnswer(scope access.Scope) bool {
	return scope.All || scope.Role == access.RoleCoordinator || scope.Role == access.RoleOfficial
}

// alertRuns reports whether an incident takes answers.
func alertRuns(s incident.Status) bool {
	return slices.Contains([]incident.Status{incident.Monitoring, incident.Active, incident.Stay, incident.Return}, s)
}
