package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"landfall/internal/notify"
)

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
	if view.Form == nil && !view.Under && v.mayReplay() {
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
