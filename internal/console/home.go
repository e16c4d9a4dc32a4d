package console

import (
	"net/http"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/notify"
)

func (c *Console) homeRoutes() { c.get("/", c.home) }

// homeView is the first page: what is wrong and what is to be done, the most urgent first, then whom others wait for, then the incidents, then
// whatever keeps messages from arriving.
type homeView struct {
	Situation   string      // what is wrong; "" when nothing is
	First       []homeFirst // on an empty service: what to do first
	Counts      []homeCount // for who looks after all of it
	Acts        []homeAct
	MoreActs    int  // how many are left out
	Asks        bool // the reader is one who is asked: that nothing is late is worth saying
	Know        int  // alerts that want no answer
	Waiting     []homeWaiting
	Groups      []homeGroup
	Ready       *homeReady
	Dead        string // how many messages were given up, in words; "" for none
	Records     bool   // the reader looks after the service
	RecordsLost bool   // and some of its records were lost of late
	Aside       bool   // and something fails again and again
	NoAddress   bool   // nothing goes out to the reader's office
	MayOpen     bool
	MayRelay    bool

	requests map[string]string // by incident, where the reader answers its request
	tally    homeTally
	hot      map[string]bool // incidents of which an alert says that something is late
}

// homeFirst is one of the first things to do.
type homeFirst struct{ Href, Title, Text string }

// homeCount is a number that says how things stand.
type homeCount struct {
	Number, Label, Href, Tone string
}

// homeGroup is some incidents under a heading.
type homeGroup struct {
	ID, Title string
	Cards     []homeCard
	More      bool
}

const (
	homeAlerts   = 30 // open alerts looked at
	homeShown    = 5  // expiring assessments shown
	homeLook     = 30 // open incidents looked at
	homeCards    = 5  // incidents of a group shown, each with its steps
	homeReplies  = 3  // of them with who has not replied yet
	homeGivenUp  = 50 // messages given up that are counted
	homeOverview = 60
)

// home is the first page: what somebody of this role looks for first. However many incidents there are, it asks the desks no more than three
// dozen questions.
func (c *Console) home(v *visit) error {
	view := homeView{
		MayOpen: v.mayOpen(), MayRelay: mayRelay(v.scope),
		Asks: v.scope.Party != "" && mayAnswer(v.scope),
	}
	alerts, err := c.homeAlerts(v, &view)
	if err != nil {
		return err
	}
	open, err := c.homeIncidents(v, &view)
	if err != nil {
		return err
	}
	if err := c.homeTelling(v, &view); err != nil {
		return err
	}
	if err := c.homeReadiness(v, &view); err != nil {
		return err
	}
	if err := c.homeRecords(v, &view); err != nil {
		return err
	}
	if alerts+open == 0 {
		if err := c.homeFirst(v, &view); err != nil {
			return err
		}
	}
	view.Situation = v.homeSituation(view.tally)
	view.settle()
	return v.show(http.StatusOK, "home", string(v.L.Page.Home.Title), view, in("home"), following("incident alert"))
}

// homeOversees reports whether somebody looks after everything rather than acting for a state.
func homeOversees(s access.Scope) bool {
	return s.All || s.Role == access.RoleRegionalOfficer || s.Role == access.RoleAdministrator || s.Role == access.RoleAuditor
}

// homeAlerts adds what wants an answer, the most urgent first, and gives how many alerts are open.
func (c *Console) homeAlerts(v *visit, view *homeView) (int, error) {
	limit := homeAlerts
	if homeOversees(v.scope) {
		limit = homeOverview
	}
	found, err := c.notify.Alerts(v.ctx(), v.scope, notify.AlertQuery{Status: notify.AlertOpen}, notify.Paging{Limit: limit})
	if err != nil {
		return 0, err
	}
	if found.Items, err = c.alertsAsking(v, "", found); err != nil {
		return 0, err
	}
	now, waiting, past := c.now(), 0, 0
	view.requests, view.hot = map[string]string{}, map[string]bool{}
	for _, item := range found.Items {
		if _, newer := view.requests[item.Value.IncidentID]; !newer && alertAsksForAnswer(item.Value.Kind) && v.scope.ActsFor(item.Value.Party) {
			view.requests[item.Value.IncidentID] = "/alerts/" + item.Value.ID
		}
		by := item.Value.RequiredBy
		if item.Value.Kind == alertStepOverdue || by != nil && !by.After(now) {
			view.hot[item.Value.IncidentID] = true
		}
		if by == nil || !homeOversees(v.scope) && !c.notify.MayAcknowledge(v.scope, item.Value) {
			view.Know++
			continue
		}
		waiting++
		act := v.actOfAlert(item.Value, now)
		if act.urgency != dueSoon {
			past++
		}
		if view.Asks {
			view.tally.count(act)
		}
		view.add(act)
	}
	if homeOversees(v.scope) {
		t := &v.L.Page.Home
		view.Counts = append(view.Counts,
			homeCount{v.homeAtLeast(waiting, found.Next != ""), string(t.CountWaiting), "/alerts", homeTone(waiting > 0, soon)},
			homeCount{v.homeAtLeast(past, found.Next != "" && past > 0), string(t.CountLate), "/alerts", homeTone(past > 0, bad)})
	}
	return len(found.Items), nil
}

// homeAtLeast says a number, or that there are more.
func (v *visit) homeAtLeast(n int, more bool) string {
	if more {
		return v.L.Number(n) + "+"
	}
	return v.L.Number(n)
}

func homeTone(is bool, tone string) string {
	if is {
		return tone
	}
	return idle
}

// homeTelling adds what keeps messages from reaching the reader's office.
func (c *Console) homeTelling(v *visit, view *homeView) error {
	dead, err := c.notify.Deliveries(v.ctx(), v.scope, notify.DeliveryQuery{Status: notify.Dead}, notify.Paging{Limit: homeGivenUp})
	if err != nil {
		return err
	}
	t := &v.L.Page.Home
	n := len(dead.Items)
	if homeOversees(v.scope) {
		view.Counts = append(view.Counts, homeCount{v.homeAtLeast(n, dead.Next != ""), string(t.CountDead), "/deliveries?status=dead", homeTone(n > 0, bad)})
	} else if n > 0 {
		view.Dead = v.L.Count(n, t.Dead)
	}
	if !v.scope.MayWrite() {
		return nil
	}
	subs, err := c.notify.Subscriptions(v.ctx(), v.scope, notify.Paging{Limit: 1})
	if err != nil {
		return err
	}
	view.NoAddress = len(subs.Items) == 0
	return nil
}

// homeFirst says what to do first on a service where nothing has happened yet. Whoever has closed incidents behind them knows.
func (c *Console) homeFirst(v *visit, view *homeView) error {
	past, err := c.incident.List(v.ctx(), v.scope, incident.Filter{}, incident.PageRequest{Limit: 1})
	if err != nil || len(past.Items) > 0 {
		return err
	}
	t := &v.L.Page.Home.First
	told := homeFirst{"/subscriptions/new", string(t.Told), string(t.ToldText)}
	alerts := homeFirst{"/alerts", string(t.Alerts), string(t.AlertsText)}
	ready := homeFirst{"/preparedness", string(t.Ready), string(t.ReadyText)}
	exercise := homeFirst{"/incidents/new", string(t.Exercise), string(t.ExerciseText)}
	switch {
	case view.MayOpen:
		view.First = []homeFirst{told, exercise, ready}
	case v.scope.May(access.AssessUnit, access.Thing{Owner: v.scope.Party}):
		view.First = []homeFirst{ready, told, alerts}
	case v.scope.MayWrite():
		view.First = []homeFirst{told, alerts, ready}
	default:
		view.First = []homeFirst{alerts, ready, {"/incidents", string(t.Look), string(t.LookText)}}
	}
	view.NoAddress = false // it is the first thing to do anyway
	return nil
}
