package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
)

// toldMoment is an instant that a page shows as its reader reads it.
type toldMoment struct{ time.Time }

// toldQuery says which deliveries a page shows.
type toldQuery struct {
	Status, Channel, Incident, Subscription string
}

// address gives where the list of these deliveries is.
func (q toldQuery) address(cursor string) string {
	const path = "/deliveries"
	values := url.Values{}
	for name, value := range map[string]string{
		"status": q.Status, "channel": q.Channel, "incident": q.Incident, "subscription": q.Subscription, "cursor": cursor,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// toldRow is one delivery in a list.
type toldRow struct {
	Href     string
	Name     string // what it is about: of an alert its headline, else what happened to which incident
	To       string // channel and masked target
	Owner    string // whose address it is, for who sees everybody's
	Mark     mark
	Exercise bool
	At       time.Time
	Line     string    // how often it was tried and what the far side said, where that says more than the mark
	Next     time.Time // of the attempt after this one
	Failed   bool
}

const (
	toldLimit  = 25
	toldRecent = 5
)

// deliveries reads a page of the deliveries that the scope may see, newest first.
func (c *Console) deliveries(ctx context.Context, scope access.Scope, q toldQuery, cursor string, limit int) (notify.Page[*notify.Delivery], error) {
	return c.notify.Deliveries(ctx, scope, notify.DeliveryQuery{
		Status: notify.Status(q.Status), Channel: q.Channel, Incident: q.Incident, Subscription: q.Subscription,
	}, notify.Paging{Limit: limit, Cursor: cursor})
}

// toldRows puts deliveries into words.
func (v *visit) toldRows(page notify.Page[*notify.Delivery]) ([]toldRow, error) {
	about := toldAbout{v: v, known: map[string]string{}}
	rows := make([]toldRow, 0, len(page.Items))
	for _, item := range page.Items {
		subject, err := about.of(item.Value)
		if err != nil {
			return nil, err
		}
		rows = append(rows, v.toldRow(item.Value, subject))
	}
	return rows, nil
}

// toldAbout finds what messages are about, once for each thing.
type toldAbout struct {
	v     *visit
	known map[string]string
}

func (a toldAbout) of(d *notify.Delivery) (string, error) {
	key := cmp.Or(d.AlertID, d.Incident)
	text, ok := a.known[key]
	if ok || key == "" {
		return text, nil
	}
	var err error
	if d.AlertID != "" {
		var held ledger.State[*notify.Alert]
		if held, err = a.v.console.notify.Alert(a.v.ctx(), a.v.scope, d.AlertID); err == nil {
			text = a.v.alertNotice(held.Value).Headline
		}
	} else {
		var i incident.Incident
		if i, err = a.v.console.incident.Get(a.v.ctx(), a.v.scope, d.Incident); err == nil {
			text = i.Code + " · " + i.Title
		}
	}
	if fault.Is(err, fault.NotFound) { // it is not theirs to see any more
		err = nil
	}
	a.known[key] = text
	return text, err
}

// toldWhat says what a message is about, by the kind of its event.
func (v *visit) toldWhat(eventType string) string {
	kind := eventType
	if n := strings.LastIndex(kind, ".v"); n > 0 {
		kind = kind[:n]
	}
	return v.L.Page.Told.Kind.Of(kind)
}

// toldRow puts a delivery into words; about is what it is about, "" for nothing that the reader may see.
func (v *visit) toldRow(d *notify.Delivery, about string) toldRow {
	t := &v.L.Page.Told
	row := toldRow{
		Href: "/deliveries/" + d.ID, Name: v.toldWhat(d.EventType), To: v.labelled(t.Channel.Of(d.Channel), d.Target),
		Mark: v.toldMark(d.Status), Exercise: d.Exercise, At: d.CreatedAt, Failed: d.Status == notify.Dead,
	}
	switch {
	case about == "":
	case d.EventType == notify.EventAlertRaised: // the headline says all
		row.Name = about
	default:
		row.Name = v.labelled(row.Name, about)
	}
	if v.scope.All && d.Party != "" {
		row.Owner = v.L.Party(d.Party)
	}
	n := len(d.Attempts)
	switch {
	case n == 0, n == 1 && d.Status == notify.Delivered: // as the mark says
	case d.Status == notify.Delivered:
		row.Line = v.L.Count(n, t.Attempts)
	default:
		last := d.Attempts[n-1]
		row.Line = v.L.Count(n, t.Attempts) + " · " + v.toldCode(last.Code)
		if said := toldSaid(last); said != "" {
			row.Line = v.labelled(row.Line, said)
		}
	}
	if d.NextAttemptAt != nil && d.Status == notify.Retrying {
		row.Next = *d.NextAttemptAt
	}
	return row
}

// toldDeliveriesView is the list of deliveries.
type toldDeliveriesView struct {
	Query    toldQuery
	Form     *form // of the filter
	Statuses []choice
	Channels []choice
	Only     []link // what else narrows the list, and where to go without it
	Rows     []toldRow
	More     string
	Wide     string // address of the list without status and channel
	Replay   *form  // nil when there is nothing to replay
	Again    string
}

func toldQueried(value func(string) string) toldQuery {
	return toldQuery{Status: value("status"), Channel: value("channel"), Incident: value("incident"), Subscription: value("subscription")}
}

func (c *Console) toldDeliveries(v *visit) error {
	return c.showDeliveries(v, http.StatusOK, toldQueried(v.QueryParam), nil)
}

func (c *Console) showDeliveries(v *visit, status int, q toldQuery, refused *form) error {
	t := &v.L.Page.Told
	view := toldDeliveriesView{
		Query: q, Form: newForm().with("status", q.Status).with("channel", q.Channel),
		Statuses: choicesOf(notify.Statuses(), t.Status), Channels: choicesOf(c.notify.Channels(), t.Channel),
		Wide: toldQuery{Incident: q.Incident, Subscription: q.Subscription}.address(""),
	}
	if q.Incident != "" {
		i, err := c.incident.Get(v.ctx(), v.scope, q.Incident)
		if err != nil {
			return err
		}
		rest := q
		rest.Incident = ""
		view.Only = append(view.Only, link{rest.address(""), i.Code + " · " + i.Title})
	}
	if q.Subscription != "" {
		s, err := c.notify.Subscription(v.ctx(), v.scope, q.Subscription)
		if err != nil {
			return err
		}
		rest := q
		rest.Subscription = ""
		view.Only = append(view.Only, link{rest.address(""), v.toldName(s.Value)})
	}
	cursor := v.QueryParam("cursor")
	page, err := c.deliveries(v.ctx(), v.scope, q, cursor, toldLimit)
	if err != nil {
		return err
	}
	rows, err := v.toldRows(page)
	if err != nil {
		return err
	}
	next := page.Next
	view.Rows = rows
	if next != "" {
		view.More = q.address(next)
	}
	if v.mayReplay() && q.Status == string(notify.Dead) && len(rows) > 0 || refused != nil {
		view.Replay, view.Again = newForm(), string(t.ReplayAll)
		if refused != nil {
			view.Replay = refused
		}
		for name, value := range map[string]string{"status": q.Status, "channel": q.Channel, "incident": q.Incident, "subscription": q.Subscription} {
			view.Replay.Values.Set(name, value)
		}
		if next == "" && !slices.ContainsFunc(rows, func(r toldRow) bool { return !r.Failed }) {
			view.Again = v.L.Count(len(rows), t.ReplaySome)
		}
	}
	opts := []option{in("told"), backTo("/subscriptions", string(t.Title))}
	if refused == nil {
		_, query, _ := strings.Cut(q.address(cursor), "?")
		opts = append(opts, followed("delivery?"+query, deliveriesPrint(page)))
	}
	return v.show(status, "told_deliveries", string(t.Deliveries), view, opts...)
}

// mayReplay reports whether somebody has messages that were given up sent again.
func (v *visit) mayReplay() bool {
	return v.scope.MayWrite() && v.scope.May(access.ReplayDelivery, access.Thing{Owner: v.scope.Party})
}

// toldReplayAll sends again what the filter of the page names and was given up.
func (c *Console) toldReplayAll(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	q := toldQueried(f.Value)
	_, err = c.notify.ReplayMatching(v.ctx(), v.scope, v.write(f), notify.ReplayQuery{
		Status: []notify.Status{notify.Dead}, Channel: q.Channel, Subscription: q.Subscription, Incident: q.Incident,
	})
	if err == nil {
		q.Status = ""
		target := q.address("")
		mark := "?"
		if strings.Contains(target, "?") {
			mark = "&"
		}
		return v.Redirect(http.StatusSeeOther, target+mark+"done=told_replayed_all")
	}
	if !v.refused(f, err, nil) {
		return err
	}
	return c.showDeliveries(v, f.status(), q, f)
}
