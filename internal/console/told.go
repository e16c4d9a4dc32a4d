package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"landfall/internal/locale"
	"landfall/internal/notify"
)

func (c *Console) toldRoutes() {
	c.get("/subscriptions", c.subscriptions)
	c.get("/subscriptions/new", c.newSubscription)
	c.post("/subscriptions/new", c.subscribe)
	c.post("/subscriptions/:id/test", c.testSubscription)
	c.post("/subscriptions/:id/enable", c.enableSubscription)
	c.post("/subscriptions/:id/remove", c.unsubscribe)
	c.get("/deliveries", c.deliveries)
	c.post("/deliveries/:id/replay", c.replayDelivery)
}

// toldView is where alerts go.
type toldPage struct {
	Lines []subscriptionLine
	Form  *form // for the small forms that change something: a fresh key
	More  string
}

// subscriptionLine is one address in words.
type subscriptionLine struct {
	*notify.Subscription
	Channel, Target, Wants, Exercises string
	Health                            notify.TargetHealth
	Tone, Word                        string
	ETag                              string
	Key                               string
	Waits                             string
}

func (c *Console) subscriptions(v *visit) error {
	page, err := c.notify.Subscriptions(v.ctx(), v.scope, notify.Paging{Limit: 50, Cursor: v.QueryParam("cursor")})
	if err != nil {
		return err
	}
	var ids []string
	for _, s := range page.Items {
		ids = append(ids, s.Value.ID)
	}
	health, err := c.notify.Health(v.ctx(), v.scope, ids...)
	if err != nil {
		return err
	}
	view := toldPage{Form: newForm()}
	for _, s := range page.Items {
		view.Lines = append(view.Lines, v.subscriptionLine(s, health[s.Value.ID]))
	}
	if page.Next != "" {
		view.More = "/subscriptions?cursor=" + url.QueryEscape(page.Next)
	}
	return v.show(http.StatusOK, "told", string(v.L.Page.Told.Title), view, in("told"))
}

func (v *visit) subscriptionLine(s notify.Listed[*notify.Subscription], h notify.TargetHealth) subscriptionLine {
	t := v.L.Page.Told
	l := subscriptionLine{
		Subscription: s.Value, Channel: t.Channel.Of(s.Value.Channel), Target: v.console.notify.Masked(s.Value), Health: h, Wants: string(t.Everything),
		Exercises: t.Exercise.Of(string(s.Value.Filter.Exercise)), ETag: v.console.incident.ETag(s.Seq), Key: newForm().Value("key"), Tone: good, Word: t.Status.Of("delivered"),
	}
	if k := s.Value.Filter.Kinds; len(k) > 0 {
		l.Wants = v.L.List(k...)
	}
	if h.Waiting > 0 {
		l.Waits = v.L.Count(int(h.Waiting), t.Waiting)
	}
	switch {
	case s.Value.Status == notify.SubscriptionDisabled:
		l.Tone, l.Word = bad, string(t.Disabled)
	case h.FailingSince != nil:
		l.Tone, l.Word = bad, string(t.Failing)
	case h.LastSuccessAt == nil:
		l.Tone, l.Word = idle, string(t.Never)
	}
	return l
}

// subscribeView is the form that adds an address, and the page that shows its secret once.
type subscribeView struct {
	Form      *form
	Channels  []choice
	Exercises []choice
	Languages []choice
	Secret    string
}

func (c *Console) newSubscription(v *visit) error {
	f := newForm().with("exercise", string(notify.ExerciseExclude)).with("language", string(v.L.Language))
	if channels := c.notify.Channels(); slices.Contains(channels, "email") {
		f.with("channel", "email")
	} else if len(channels) > 0 {
		f.with("channel", channels[0])
	}
	return v.showSubscribe(http.StatusOK, f, "")
}

func (v *visit) showSubscribe(status int, f *form, secret string) error {
	t := v.L.Page.Told
	view := subscribeView{Form: f, Secret: secret, Languages: []choice{{Value: "en", Label: "English"}, {Value: "fr", Label: "Français"}}}
	for _, name := range v.console.notify.Channels() {
		view.Channels = append(view.Channels, choice{Value: name, Label: t.Channel.Of(name)})
	}
	for _, e := range []notify.Exercise{notify.ExerciseExclude, notify.ExerciseInclude, notify.ExerciseOnly} {
		view.Exercises = append(view.Exercises, choice{Value: string(e), Label: t.Exercise.Of(string(e))})
	}
	return v.show(status, "told_new", string(t.New), view, in("told"), backTo("/subscriptions", string(t.Title)))
}

func (c *Console) subscribe(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	v.need(f, "channel", "target")
	if !f.Failed() {
		made, err := c.notify.Subscribe(v.ctx(), v.scope, v.write(f), notify.SubscriptionRequest{
			Channel: f.Value("channel"), Target: f.Value("target"), Language: f.Value("language"), Filter: notify.Filter{Exercise: notify.Exercise(f.Value("exercise"))},
		})
		if err == nil && made.Secret != "" {
			return v.showSubscribe(http.StatusOK, f, made.Secret)
		}
		if err == nil {
			return v.to("/subscriptions", "saved")
		}
		if !v.refused(f, err, nil) {
			return err
		}
	}
	return v.showSubscribe(f.status(), f, "")
}

func (c *Console) testSubscription(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	w := v.write(f)
	w.IfMatch = ""
	if _, err := c.notify.Test(v.ctx(), v.scope, w, v.Param("id")); err != nil {
		return err
	}
	return v.to("/deliveries", "told_tested")
}

func (c *Console) enableSubscription(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	w := v.write(f)
	w.IfMatch = ""
	if _, err := c.notify.Enable(v.ctx(), v.scope, w, v.Param("id")); err != nil {
		return err
	}
	return v.to("/subscriptions", "told_enabled")
}

func (c *Console) unsubscribe(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	if err := c.notify.Unsubscribe(v.ctx(), v.scope, v.write(f), v.Param("id")); err != nil {
		return err
	}
	return v.to("/subscriptions", "told_removed")
}

// deliveriesView is what became of messages.
type deliveriesView struct {
	Lines []deliveryLine
	Form  *form
	More  string
	Only  bool
}

type deliveryLine struct {
	*notify.Delivery
	Mark    mark
	Channel string
	Tried   string
	Said    string // what the far side said last
	At      time.Time
	Again   bool
	Key     string
}

func (c *Console) deliveries(v *visit) error {
	q := notify.DeliveryQuery{Incident: v.QueryParam("incident")}
	page, err := c.notify.Deliveries(v.ctx(), v.scope, q, notify.Paging{Limit: 30, Cursor: v.QueryParam("cursor")})
	if err != nil {
		return err
	}
	view := deliveriesView{Form: newForm(), Only: q.Incident != ""}
	for _, d := range page.Items {
		view.Lines = append(view.Lines, v.deliveryLine(d.Value))
	}
	if page.Next != "" {
		next := url.Values{"cursor": {page.Next}, "incident": {q.Incident}}
		view.More = "/deliveries?" + next.Encode()
	}
	return v.show(http.StatusOK, "told_deliveries", string(v.L.Page.Told.Deliveries), view, in("told"), backTo("/subscriptions", string(v.L.Page.Told.Title)))
}

func (v *visit) deliveryLine(d *notify.Delivery) deliveryLine {
	t := v.L.Page.Told
	l := deliveryLine{Delivery: d, Mark: v.toldMark(d.Status), Channel: t.Channel.Of(d.Channel), At: d.CreatedAt, Key: newForm().Value("key")}
	if n := len(d.Attempts); n > 0 {
		last := d.Attempts[n-1]
		l.At, l.Tried = last.At, v.L.Count(n, t.Attempts)
		if d.Status != notify.Delivered {
			said := v.toldCode(last.Code)
			if last.Detail != "" {
				said += ": " + last.Detail
			}
			l.Said = t.FarSide.Say(locale.Name{Name: said})
		}
	}
	l.Again = v.scope.MayWrite() && slices.Contains([]notify.Status{notify.Dead, notify.Retrying, notify.Expired}, d.Status)
	return l
}

func (c *Console) replayDelivery(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	w := v.write(f)
	w.IfMatch = ""
	if _, err := c.notify.Replay(v.ctx(), v.scope, w, v.Param("id")); err != nil {
		return err
	}
	return v.to("/deliveries", "told_replayed")
}

// toldMark is how a message stands.
func (v *visit) toldMark(s notify.Status) mark {
	tone := map[notify.Status]string{notify.Delivered: good, notify.Dead: bad, notify.Expired: bad, notify.Retrying: soon, notify.Queued: info, notify.Sending: info}[s]
	if tone == "" {
		tone = idle
	}
	return mark{tone, v.L.Page.Told.Status.Of(string(s))}
}

// toldCode says what the code of an attempt means.
func (v *visit) toldCode(code string) string { return v.L.Page.Told.Code.Of(code) }
