package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/place"
)

// toldMoment is an instant that a page shows as its reader reads it.
type toldMoment struct{ time.Time }

// toldQuery says which deliveries a page shows.
type toldQuery struct {
	Status, Channel, Incident, Subscription string

	channel string // of the subscription, to look at fewer
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
	Href, What, Channel, Target, Owner string
	About                              string // of an alert its headline, else the incident; "" for neither
	Mark                               mark
	Exercise                           bool
	At                                 time.Time
	Said                               string // what the far side said last
	Attempts                           string
	Next                               time.Time // of the attempt after this one
	Failed                             bool
}

const (
	toldLimit  = 25
	toldRecent = 5
	toldLooks  = 8 // pages looked through for the deliveries of one subscription
)

// toldFind reads deliveries, newest first. Those of one subscription are picked out of the others, a bounded number of pages at a time; so a page may
// hold fewer than the limit while there are more.
func (c *Console) toldFind(v *visit, q toldQuery, limit int) (rows []toldRow, next string, err error) {
	query := notify.DeliveryQuery{Status: notify.Status(q.Status), Channel: q.Channel, Incident: q.Incident}
	paging := notify.Paging{Limit: limit, Cursor: v.QueryParam("cursor")}
	looks, found := 1, []*notify.Delivery(nil)
	if q.Subscription != "" {
		looks, paging.Limit = toldLooks, 100
		if query.Channel == "" {
			query.Channel = q.channel
		}
	}
	for range looks {
		page, err := c.notify.Deliveries(v.ctx(), v.scope, query, paging)
		if err != nil {
			return nil, "", err
		}
		for _, item := range page.Items {
			if q.Subscription == "" || item.Value.Subscription == q.Subscription {
				found = append(found, item.Value)
			}
		}
		next, paging.Cursor = page.Next, page.Next
		if next == "" || len(found) >= limit {
			break
		}
	}
	about := toldAbout{v: v, known: map[string]string{}}
	for _, d := range found {
		row := v.toldRow(d)
		if row.About, err = about.of(d); err != nil {
			return nil, "", err
		}
		rows = append(rows, row)
	}
	return rows, next, nil
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

func (v *visit) toldRow(d *notify.Delivery) toldRow {
	row := toldRow{
		Href: "/deliveries/" + d.ID, What: v.toldWhat(d.EventType), Channel: v.L.Page.Told.Channel.Of(d.Channel), Target: d.Target,
		Mark: v.toldMark(d.Status), Exercise: d.Exercise, At: d.CreatedAt, Attempts: v.L.Count(len(d.Attempts), v.L.Page.Told.Attempts),
		Failed: d.Status == notify.Dead,
	}
	if v.scope.All && d.Party != "" {
		row.Owner = v.L.Party(d.Party)
	}
	if n := len(d.Attempts); n > 0 {
		last := d.Attempts[n-1]
		row.Said = v.toldCode(last.Code)
		if last.Detail != "" && d.Status != notify.Delivered {
			row.Said += ": " + last.Detail
		}
	}
	if d.NextAttemptAt != nil && d.Status == notify.Retrying {
		row.Next = *d.NextAttemptAt
	}
	return row
}

// toldMark says where a delivery is, in the words of the field: handed over is not seen.
func (v *visit) toldMark(s notify.Status) mark {
	tones := map[notify.Status]string{
		notify.Queued: info, notify.Sending: info, notify.Delivered: good, notify.Retrying: soon, notify.Dead: bad, notify.Cancelled: idle, notify.Expired: idle,
	}
	return mark{tones[s], v.L.Page.Told.Status.Of(string(s))}
}

// toldCode says what an attempt ended with. A number is what the far side answered.
func (v *visit) toldCode(code string) string {
	t := &v.L.Page.Told
	if len(code) == 3 && code[0] >= '1' && code[0] <= '5' {
		return t.Answered.Say(locale.Name{Name: code})
	}
	return t.Code.Of(code)
}

func toldParties(codes []string) []place.Party {
	list := make([]place.Party, len(codes))
	for n, code := range codes {
		list[n] = place.Party(code)
	}
	return list
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
	Replay   *form // nil when there is nothing to replay
	Again    string
}

func (v *visit) toldQueried(value func(string) string) toldQuery {
	return toldQuery{Status: value("status"), Channel: value("channel"), Incident: value("incident"), Subscription: value("subscription")}
}

func (c *Console) toldDeliveries(v *visit) error {
	return c.showDeliveries(v, http.StatusOK, v.toldQueried(v.QueryParam), nil)
}

func (c *Console) showDeliveries(v *visit, status int, q toldQuery, refused *form) error {
	t := &v.L.Page.Told
	view := toldDeliveriesView{
		Query: q, Form: newForm().with("status", q.Status).with("channel", q.Channel),
		Statuses: choicesOf(notify.Statuses(), t.Status), Channels: choicesOf(c.notify.Channels(), t.Channel),
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
		rest.Subscription, q.channel = "", s.Value.Channel
		view.Only = append(view.Only, link{rest.address(""), t.Channel.Of(s.Value.Channel) + " " + c.notify.Masked(s.Value)})
	}
	rows, next, err := c.toldFind(v, q, toldLimit)
	if err != nil {
		return err
	}
	view.Rows = rows
	if next != "" {
		view.More = q.address(next)
	}
	if v.scope.MayWrite() && q.Status == string(notify.Dead) && len(rows) > 0 || refused != nil {
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
	return v.show(status, "told_deliveries", string(t.Deliveries), view, in("told"), backTo("/subscriptions", string(t.Title)))
}

// toldReplayAll sends again what the filter of the page names and was given up.
func (c *Console) toldReplayAll(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	q := v.toldQueried(f.Value)
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

// toldDeliveryView is one delivery with every attempt at it.
type toldDeliveryView struct {
	Row      toldRow
	Delivery *notify.Delivery
	Alert    string // address of what it was about
	Incident string
	Attempts []toldAttempt
	Under    bool  // it is being sent now
	Form     *form // to send it again; nil when that makes no sense
}

// toldAttempt is one attempt in words.
type toldAttempt struct {
	At     time.Time
	Said   string
	Detail string
	Good   bool
}

func (c *Console) toldDelivery(v *visit) error { return c.showDelivery(v, http.StatusOK, nil) }

// toldWatch is how long a page looks again by itself at a message that is just being sent.
const toldWatch = time.Minute

func (c *Console) showDelivery(v *visit, status int, refused *form) error {
	d, err := c.notify.Delivery(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return err
	}
	t := &v.L.Page.Told
	row := v.toldRow(d)
	if row.About, err = (toldAbout{v: v, known: map[string]string{}}).of(d); err != nil {
		return err
	}
	view := toldDeliveryView{Row: row, Delivery: d, Under: d.Status == notify.Queued || d.Status == notify.Sending, Form: refused}
	if d.AlertID != "" {
		view.Alert = "/alerts/" + d.AlertID
	}
	if d.Incident != "" {
		view.Incident = "/incidents/" + d.Incident
	}
	for n, a := range slices.Backward(d.Attempts) {
		view.Attempts = append(view.Attempts, toldAttempt{
			At: a.At, Said: v.toldCode(a.Code), Detail: a.Detail, Good: d.Status == notify.Delivered && n == len(d.Attempts)-1,
		})
	}
	if view.Form == nil && !view.Under && v.scope.MayWrite() {
		view.Form = newForm()
	}
	since := d.CreatedAt
	if n := len(d.Replays); n > 0 {
		since = d.Replays[n-1].At
	}
	if view.Under && refused == nil && c.now().Sub(since) < toldWatch {
		v.Response().Header().Set("Refresh", "2; url=/deliveries/"+url.PathEscape(d.ID))
	}
	return v.show(status, "told_delivery", view.Row.What, view, in("told"), during(d.Exercise), backTo("/deliveries", string(t.Deliveries)))
}

func (c *Console) toldReplay(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	id := v.Param("id")
	if _, err := c.notify.Replay(v.ctx(), v.scope, v.write(f), id); err != nil {
		if !v.refused(f, err, nil) {
			return err
		}
		return c.showDelivery(v, f.status(), f)
	}
	return v.to("/deliveries/"+id, "told_replayed")
}
