package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/notify"
	"landfall/internal/place"
)

func (c *Console) alertRoutes() {
	c.get("/alerts", c.alertList, "status", "incident", "cursor")
	c.get("/alerts/:id", c.alertPage)
	c.post("/alerts/:id/acknowledge", c.alertAcknowledge)
	c.post("/alerts/:id/correct", c.alertCorrect)
	c.post("/alerts/:id/answer", c.alertAnswer)
	c.get("/relay", c.relayPage, "incident", "party", "what", "item")
	c.post("/relay", c.relaySend)
}

// The kinds of alert that a receiving state answers with whether it takes people in, and those about telling itself: see packages incident
// and notify.
const (
	alertNamed      = "named"
	alertPlanning   = "planning"
	alertActivation = "activation"
	alertMovement   = "movement"
	alertCorrected  = "movement_corrected"

	alertStepOverdue = "step_overdue"
	alertProposed    = "proposed"
)

// alertAsking are the kinds of alert that may want an answer by a time.
var alertAsking = []string{alertActivation, alertMovement, alertCorrected, alertNamed, alertPlanning}

func alertAsksForAnswer(kind string) bool { return kind == alertNamed || kind == alertActivation }

// alertsView is the list of alerts.
type alertsView struct {
	Tabs     []alertTab
	Only     *link // the one incident whose alerts are shown
	Groups   []alertGroup
	More     string // address of the next page
	Status   string
	MayRelay bool
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
	alertsOpen   = 30 // alerts on the page of what is open
	alertsAsked  = 15 // of each kind that may want an answer, looked at besides
	alertsOver   = 25 // alerts on a page of what is over
	alertsRecent = 12 // acknowledged ones looked at for an answer that is still owed
)

// alertList shows the reader's alerts: what wants an answer first.
func (c *Console) alertList(v *visit) error {
	t := &v.L.Page.Alerts
	query := notify.AlertQuery{Status: notify.AlertStatus(v.QueryParam("status")), Incident: v.QueryParam("incident")}
	view := alertsView{Status: string(query.Status), MayRelay: mayRelay(v.scope)}
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
		var owed []alertRow
		if v.QueryParam("cursor") == "" {
			if found.Items, err = c.alertsAsking(v, query.Incident, found); err != nil {
				return err
			}
			if owed, err = c.alertsOwed(v, query.Incident); err != nil {
				return err
			}
		}
		due, know := alertSplit(v.alertRows(found.Items))
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

// alertsAsking adds to the newest open alerts those that may want an answer and are older: however much there is to know, it hides nothing that is due.
func (c *Console) alertsAsking(v *visit, only string, newest notify.Page[*notify.Alert]) ([]notify.Listed[*notify.Alert], error) {
	all := newest.Items
	if newest.Next == "" {
		return all, nil
	}
	have := map[string]bool{}
	for _, item := range all {
		have[item.Value.ID] = true
	}
	kinds := alertAsking
	if v.mayOpen() || !v.scope.Party.IsState() { // what may wait for a confirmation waits for theirs
		kinds = append(slices.Clip(kinds), alertProposed)
	}
	for _, kind := range kinds {
		found, err := c.notify.Alerts(v.ctx(), v.scope, notify.AlertQuery{
			Status: notify.AlertOpen, Kind: kind, Incident: only,
		}, notify.Paging{Limit: alertsAsked})
		if err != nil {
			return nil, err
		}
		for _, item := range found.Items {
			if item.Value.RequiredBy != nil && !have[item.Value.ID] {
				all = append(all, item)
			}
		}
	}
	return all, nil
}

// alertsOwed gives the requests that were acknowledged but not answered: to have seen is not to have said.
func (c *Console) alertsOwed(v *visit, only string) ([]alertRow, error) {
	if !mayAnswer(v.scope) {
		return nil, nil // it spares a search
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

// mayAnswer reports whether somebody says whether its own state takes people in, in whatever incident names it.
func mayAnswer(scope access.Scope) bool {
	return scope.May(access.GiveAnswer, access.Thing{Owner: scope.Party})
}

// takesPart is any incident that the reader's party takes part in, for pages that are of none.
func takesPart(scope access.Scope) access.Thing {
	own := []place.Party{scope.Party}
	return access.Thing{Named: own, Regional: own}
}

// mayRelay reports whether somebody passes on what others said, in whatever incident its party takes part.
func mayRelay(scope access.Scope) bool { return scope.May(access.SpeakForOthers, takesPart(scope)) }

// alertRuns reports whether an incident takes answers.
func alertRuns(s incident.Status) bool {
	return s.Runs()
}

// alertSoonest gives the earliest time by which an alert among these wants an answer; zero when none does.
func alertSoonest(alerts []notify.ToldAlert) time.Time {
	open := slices.DeleteFunc(slices.Clone(alerts), func(a notify.ToldAlert) bool {
		return a.Alert.Status != notify.AlertOpen || a.Alert.RequiredBy == nil
	})
	if len(open) == 0 {
		return time.Time{}
	}
	return *slices.MinFunc(open, func(a, b notify.ToldAlert) int {
		return cmp.Compare(a.Alert.RequiredBy.UnixNano(), b.Alert.RequiredBy.UnixNano())
	}).Alert.RequiredBy
}
