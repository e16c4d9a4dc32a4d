package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"landfall/internal/notify"
	"landfall/internal/place"
)

// proofView is who was told, by which deliveries, and who answered: a proof to print.
type proofView struct {
	about
	Parties []toldParty
	Made    time.Time
	Short   bool // some are left out: the page that leaves out none is the one to print
}

type toldParty struct {
	Party  place.Party
	Reach  string // what an alert would go to now
	Alerts []toldAlert
	Left   int // older ones that are left out
}

// toldMost bounds the alerts of one party on the page that is not asked for all.
const toldMost = 12

type toldAlert struct {
	notify.ToldAlert
	Kind  string
	About string // the step that it is about
	Said  []alertWord
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
	reach, err := c.notify.ReachingTold(v.ctx(), told)
	if err != nil {
		return err
	}
	titles, err := v.stepTitles(a.I.ID)
	if err != nil {
		return err
	}
	all, err := queried(v, "all", []string{"1"})
	if err != nil {
		return err
	}
	view := proofView{about: a, Made: c.now()}
	for n, t := range told {
		p := toldParty{Party: t.Party, Reach: v.reachWords(reach[n])}
		if left := len(t.Alerts) - toldMost; left > 0 && all == "" {
			p.Left, t.Alerts, view.Short = left, t.Alerts[left:], true
		}
		for _, alert := range t.Alerts {
			line := toldAlert{ToldAlert: alert, Kind: v.L.Codes.AlertKind.Of(alert.Alert.Kind), About: titles[alert.Alert.Subject]}
			slices.SortStableFunc(line.Deliveries, func(a, b notify.ToldDelivery) int { return strings.Compare(a.Channel, b.Channel) })
			line.Said = v.alertWords(alert.Alert)
			p.Alerts = append(p.Alerts, line)
		}
		view.Parties = append(view.Parties, p)
	}
	return v.part(http.StatusOK, "incident_told", a, view)
}

// Far says what the far side of a delivery answered, by its code.
func (p *page) Far(code string) string { return p.toldCode(code) }
