package console

import (
	"net/http"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/notify"
)

func (c *Console) homeRoutes() { c.get("/", c.home) }

// homeView is what somebody of a role looks for first.
type homeView struct {
	Waiting   []alertRow // alerts that want a reply
	Know      int        // alerts to be known
	Incidents []incidentLine
	Expiring  []unitLine
	Liaison   bool
	MayOpen   bool
	Fresh     bool // nothing has happened here yet
	NoAddress bool // nobody of the party is told
}

// The first page reads so much of each list, however much there is.
const (
	homeAlerts    = 20
	homeIncidents = 8
)

// home is the first page: what waits for a reply, what is under way, and for a liaison what runs out.
func (c *Console) home(v *visit) error {
	view := homeView{Liaison: v.scope.Role == access.RoleLiaison, MayOpen: v.mayOpen()}
	alerts, err := c.notify.Alerts(v.ctx(), v.scope, notify.AlertQuery{Status: notify.AlertOpen}, notify.Paging{Limit: homeAlerts})
	if err != nil {
		return err
	}
	due, know := alertSplit(v.alertRows(alerts.Items))
	view.Waiting, view.Know = due, len(know)
	incidents, err := c.incident.List(v.ctx(), v.scope, incident.Filter{
		Status: []incident.Status{incident.Draft, incident.Monitoring, incident.Active, incident.Stay, incident.Return},
	}, incident.PageRequest{Limit: homeIncidents})
	if err != nil {
		return err
	}
	for _, i := range incidents.Items {
		view.Incidents = append(view.Incidents, v.incidentLine(i))
	}
	if view.Liaison {
		b, err := c.prepared.Board(v.ctx(), v.scope, "")
		if err != nil {
			return err
		}
		for _, s := range b.States {
			for _, l := range s.Expiring {
				view.Expiring = append(view.Expiring, v.lineOf(l))
			}
		}
	}
	addresses, err := c.notify.Subscriptions(v.ctx(), v.scope, notify.Paging{Limit: 1})
	if err != nil {
		return err
	}
	view.NoAddress = len(addresses.Items) == 0
	view.Fresh = len(view.Incidents) == 0 && len(alerts.Items) == 0 && len(view.Expiring) == 0
	return v.show(http.StatusOK, "home", string(v.L.Page.Home.Title), view, in("home"), following("incident alert unit"))
}
