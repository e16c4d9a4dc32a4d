package console

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
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

// toldMark says where a delivery is, in the words of the field: handed over is not seen.
func (v *visit) toldMark(s notify.Status) mark {
	tones := map[notify.Status]string{
		notify.Queued: info, notify.Sending: info, notify.Delivered: good, notify.Retrying: soon, notify.Dead: bad, notify.Cancelled: idle, notify.Expired: idle,
	}
	return mark{tones[s], v.L.Page.Told.Status.Of(string(s))}
}

// toldCode says what an attempt ended with. A number is what the far side answered: it stands behind the words, for who mends it.
func (v *visit) toldCode(code string) string {
	t := &v.L.Page.Told
	if answered(code) {
		return t.Answered.Say(locale.Pair{A: t.Answer.Of(toldAnswer(code)), B: code})
	}
	return t.Code.Of(code)
}

// answered reports whether a code is a number that the far side answered.
func answered(code string) bool { return len(code) == 3 && code[0] >= '1' && code[0] <= '5' }

// toldSaid gives the far side's own words: of JSON, what it says of what was wrong. What we say ourselves of an attempt stands in its code.
func toldSaid(a notify.Attempt) string {
	if !answered(a.Code) {
		return ""
	}
	var object map[string]any
	if json.Unmarshal([]byte(a.Detail), &object) == nil {
		for _, member := range []string{"detail", "message", "error_description", "error", "title"} {
			if text, ok := object[member].(string); ok && text != "" {
				return text
			}
		}
	}
	return a.Detail
}

// toldAnswer gives the sense of a number that a web server (RFC 9110) or a mail server (RFC 5321) answered.
func toldAnswer(code string) string {
	switch code {
	case "401", "403", "407":
		return "forbidden"
	case "404", "410":
		return "nothing"
	case "408", "421", "425", "429", "450", "451", "452":
		return "busy"
	}
	switch {
	case code[0] == '2':
		return "taken"
	case code[0] <= '3':
		return "elsewhere"
	case code[0] == '4', code >= "550": // from 550 on only mail servers speak
		return "refused"
	}
	return "fault"
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
	opts := []option{in("told"), backTo("/subscriptions", string(t.Title))}
	if refused == nil {
		_, query, _ := strings.Cut(q.address(cursor), "?")
		opts = append(opts, followed("delivery?"+query, deliveriesPrint(page)))
	}
	return v.show(status, "told_deliveries", string(t.Deliveries), view, opts...)
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

// toldWatch is how long a page without scripts looks again by itself at a message that is just being sent.
const toldWatch = time.Minute

func (c *Console) showDelivery(v *visit, status int, refused *form) error {
	d, err := c.notify.Delivery(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return err
	}
	t := &v.L.Page.Told
	about, err := (toldAbout{v: v, known: map[string]string{}}).of(d)
	if err != nil {
		return err
	}
	row := v.toldRow(d, about)
	view := toldDeliveryView{Row: row, Delivery: d, Under: d.Status == notify.Queued || d.Status == notify.Sending, Form: refused}
	if d.AlertID != "" {
		view.Alert = "/alerts/" + d.AlertID
	}
	if d.Incident != "" {
		view.Incident = "/incidents/" + d.Incident
	}
	for n, a := range slices.Backward(d.Attempts) {
		view.Attempts = append(view.Attempts, toldAttempt{
			At: a.At, Said: v.toldCode(a.Code), Detail: toldSaid(a), Good: d.Status == notify.Delivered && n == len(d.Attempts)-1,
		})
	}
	if view.Form == nil && !view.Under && v.scope.MayWrite() {
		view.Form = newForm()
	}
	since := d.CreatedAt
	if n := len(d.Replays); n > 0 {
		since = d.Replays[n-1].At
	}
	opts := []option{in("told"), during(d.Exercise), backTo("/deliveries", string(t.Deliveries))}
	if refused == nil {
		opts = append(opts, followed("delivery/"+d.ID, deliveryPrint(d)))
		if view.Under && c.now().Sub(since) < toldWatch {
			opts = append(opts, again("/deliveries/"+url.PathEscape(d.ID)))
		}
	}
	return v.show(status, "told_delivery", row.Name, view, opts...)
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
