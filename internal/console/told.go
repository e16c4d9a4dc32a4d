package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/locale"
	"landfall/internal/notify"
)

func (c *Console) toldRoutes() {
	c.get("/subscriptions", c.toldList, "cursor")
	c.get("/subscriptions/new", c.toldNew)
	c.post("/subscriptions/new", c.toldCreate)
	c.get("/subscriptions/:id", c.toldPage)
	c.get("/subscriptions/:id/change", c.toldChange)
	c.post("/subscriptions/:id/change", c.toldChanged)
	c.post("/subscriptions/:id/test", c.toldTest)
	c.post("/subscriptions/:id/enable", c.toldEnable)
	c.post("/subscriptions/:id/rotate", c.toldRotate)
	c.post("/subscriptions/:id/delete", c.toldDelete)
	c.get("/deliveries", c.toldDeliveries, "status", "channel", "incident", "subscription", "cursor")
	c.post("/deliveries/replay", c.toldReplayAll)
	c.get("/deliveries/:id", c.toldDelivery)
	c.post("/deliveries/:id/replay", c.toldReplay)
}

// toldView is the page of where alerts go.
type toldView struct {
	Items []toldCard
	More  string
	Form  *form // for the buttons that test
}

// toldCard is one subscription in words.
type toldCard struct {
	ID       string
	Name     string // channel and masked target
	State    mark
	Lead     string // what that state means, and what to do; "" where more is said
	Tone     string
	Owner    string // whose it is, for who sees everybody's
	Wants    []toldFact
	Health   []toldFact
	Failing  string // what the far side said last, while it fails
	Waiting  string // how much waits for it
	MayWrite bool
	Disabled bool
	Expired  bool
	Signed   bool // messages are signed, so there is a secret to change
	Only     bool // exercises alone
	Form     *form
}

// toldFact is one thing that is so.
type toldFact struct {
	Label, Text string
	At          bool // Text is empty and Moment says it
	Moment      toldMoment
}

const toldPageSize = 20

// toldAll is a page of subscriptions with how sending to them goes.
type toldAll struct {
	page   notify.Page[*notify.Subscription]
	health map[string]notify.TargetHealth
}

// toldAll reads a page of the subscriptions that the scope may see.
func (c *Console) toldAll(ctx context.Context, scope access.Scope, cursor string) (t toldAll, err error) {
	if t.page, err = c.notify.Subscriptions(ctx, scope, notify.Paging{Limit: toldPageSize, Cursor: cursor}); err != nil {
		return t, err
	}
	ids := make([]string, len(t.page.Items))
	for n, item := range t.page.Items {
		ids[n] = item.Value.ID
	}
	t.health, err = c.notify.Health(ctx, scope, ids...)
	return t, err
}

// toldList shows where the alerts of the reader's office go, and whether they arrive there.
func (c *Console) toldList(v *visit) error {
	found, err := c.toldAll(v.ctx(), v.scope, v.QueryParam("cursor"))
	if err != nil {
		return err
	}
	view := toldView{Form: newForm()}
	for _, item := range found.page.Items {
		view.Items = append(view.Items, v.toldCard(item.Value, found.health[item.Value.ID]))
	}
	if found.page.Next != "" {
		view.More = "/subscriptions?cursor=" + url.QueryEscape(found.page.Next)
	}
	of := "subscription"
	if cursor := v.QueryParam("cursor"); cursor != "" {
		of += "?cursor=" + url.QueryEscape(cursor)
	}
	return v.show(http.StatusOK, "told_list", string(v.L.Page.Told.Title), view, in("told"), followed(of, found.print()))
}

// toldCard puts a subscription into words.
func (v *visit) toldCard(s *notify.Subscription, h notify.TargetHealth) toldCard {
	t := &v.L.Page.Told
	card := toldCard{
		ID: s.ID, MayWrite: v.scope.MayWrite() && v.scope.May(access.ChangeSubscription, s.Owner.Thing()), Signed: s.Channel == channelWebhook,
		Disabled: s.Status == notify.SubscriptionDisabled, Expired: s.Status == notify.SubscriptionExpired,
		Only: s.Filter.Exercise == notify.ExerciseOnly, Form: newForm(),
	}
	card.Name = v.toldName(s)
	if v.scope.All && s.Owner.Party != "" {
		card.Owner = v.L.Party(s.Owner.Party)
	}
	tone, state := toldState(s, h)
	card.Tone, card.State, card.Lead = tone, mark{tone, t.State.Of(state)}, t.StateText[state]
	card.Wants = v.toldWants(s)
	card.Health = v.toldHealth(h)
	if h.FailingSince != nil && h.LastCode != "" {
		card.Failing = v.toldCode(h.LastCode)
	}
	if h.Waiting > 0 {
		card.Waiting = v.L.Count(int(h.Waiting), t.Waiting)
	}
	return card
}

// channelWebhook is the channel whose messages are signed.
const channelWebhook = "webhook"

// toldName says which address this is: "E-mail: a***@example.org".
func (v *visit) toldName(s *notify.Subscription) string {
	t := &v.L.Page.Told
	return v.labelled(t.Channel.Of(s.Channel), cmp.Or(v.console.notify.Masked(s), string(t.NoTarget)))
}

// labelled puts a label before a text, as the language does.
func (v *visit) labelled(label, text string) string {
	return v.L.Joins.Colon.Say(locale.Pair{A: label, B: text})
}

// toldState gives how sending to a target goes: the tone, and the code of the word.
func toldState(s *notify.Subscription, h notify.TargetHealth) (tone, state string) {
	switch {
	case s.Status == notify.SubscriptionExpired:
		return idle, "expired"
	case s.Status == notify.SubscriptionDisabled:
		return bad, "disabled"
	case h.Circuit == notify.CircuitOpen || h.Circuit == notify.CircuitHalfOpen:
		return bad, "down"
	case h.FailingSince != nil:
		return soon, "failing"
	case h.LastSuccessAt == nil:
		return info, "untested"
	}
	return good, "works"
}

// toldWants says what is told to the target.
func (v *visit) toldWants(s *notify.Subscription) []toldFact {
	t, f := &v.L.Page.Told, s.Filter
	facts := []toldFact{{Label: string(t.What), Text: v.toldKinds(f.Kinds)}}
	if len(f.States) > 0 {
		facts = append(facts, toldFact{Label: string(t.States), Text: v.L.Parties(toldParties(f.States))})
	}
	if f.MinSeverity != "" && f.MinSeverity != "unknown" {
		facts = append(facts, toldFact{Label: string(t.Severity), Text: t.SeverityFrom.Say(locale.Name{Name: v.L.Codes.Severity.Of(f.MinSeverity)})})
	}
	facts = append(facts,
		toldFact{Label: string(t.Exercises), Text: t.ExerciseShort.Of(string(f.Exercise))},
		toldFact{Label: string(t.Language), Text: t.LanguageName.Of(string(locale.LanguageOf(s.Language)))})
	if s.ExpiresAt != nil {
		facts = append(facts, toldFact{Label: string(t.ExpiresAt), At: true, Moment: toldMoment{*s.ExpiresAt}})
	}
	return facts
}

// toldKinds says kinds of events in words: bundles as such, single kinds as they are.
func (v *visit) toldKinds(kinds []string) string {
	t := &v.L.Page.Told
	if len(kinds) == 0 {
		return string(t.Everything)
	}
	var list []string
	for _, k := range kinds {
		if noun, ok := strings.CutSuffix(k, ".*"); ok {
			list = append(list, t.Bundle.Of(noun))
		} else {
			list = append(list, t.Kind.Of(k))
		}
	}
	return strings.Join(list, string(v.L.Joins.Between))
}

// toldHealth says whether messages arrive.
func (v *visit) toldHealth(h notify.TargetHealth) []toldFact {
	t := &v.L.Page.Told
	var facts []toldFact
	if h.LastSuccessAt != nil {
		facts = append(facts, toldFact{Label: string(t.LastSuccess), At: true, Moment: toldMoment{*h.LastSuccessAt}})
	} else {
		facts = append(facts, toldFact{Label: string(t.LastSuccess), Text: string(t.Never)})
	}
	if h.FailingSince != nil {
		facts = append(facts, toldFact{Label: string(t.FailingSince), At: true, Moment: toldMoment{*h.FailingSince}})
	}
	if h.OldestWaitingAt != nil {
		facts = append(facts, toldFact{Label: string(t.OldestWaiting), At: true, Moment: toldMoment{*h.OldestWaitingAt}})
	}
	if h.NextProbeAt != nil {
		facts = append(facts, toldFact{Label: string(t.NextProbe), At: true, Moment: toldMoment{*h.NextProbeAt}})
	}
	return facts
}

// toldPageView is one subscription with all that can be done to it.
type toldPageView struct {
	Card    toldCard
	Changed toldMoment
	Gone    *notify.Disabling
	Forms   toldForms
	Recent  []toldRow
	All     string // address of all its deliveries
	ETag    string
}

// toldForms are the small forms of the page of a subscription: each a button with its key.
type toldForms struct{ Test, Enable, Rotate, Delete *form }

func (c *Console) toldPage(v *visit) error { return c.showTold(v, http.StatusOK, nil) }

// told is one subscription with how sending to it goes, and the last deliveries to it.
type told struct {
	held   ledger.State[*notify.Subscription]
	health notify.TargetHealth
	recent notify.Page[*notify.Delivery]
}

// told reads a subscription that the scope may see.
func (c *Console) told(ctx context.Context, scope access.Scope, id string) (t told, err error) {
	if t.held, err = c.notify.Subscription(ctx, scope, id); err != nil {
		return t, err
	}
	health, err := c.notify.Health(ctx, scope, id)
	if err != nil {
		return t, err
	}
	t.health = health[id]
	t.recent, err = c.deliveries(ctx, scope, toldQuery{Subscription: id}, "", toldRecent)
	return t, err
}

func (c *Console) showTold(v *visit, status int, refused *form) error {
	found, err := c.told(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return err
	}
	recent, err := v.toldRows(found.recent)
	if err != nil {
		return err
	}
	s := found.held.Value
	etag := c.incident.ETag(found.held.Seq)
	fresh := func() *form { return newForm().with("etag", etag) }
	view := toldPageView{
		Card: v.toldCard(s, found.health), Changed: toldMoment{s.ChangedAt}, Gone: s.Disabled, Recent: recent,
		Forms: toldForms{Test: newForm(), Enable: fresh(), Rotate: fresh(), Delete: fresh()}, All: "/deliveries?subscription=" + s.ID,
	}
	t := &v.L.Page.Told
	opts := []option{in("told"), backTo("/subscriptions", string(t.Title))}
	if refused != nil {
		view.Card.Form = refused
	} else {
		opts = append(opts, followed("subscription/"+s.ID, found.print()))
	}
	return v.show(status, "told_one", view.Card.Name, view, opts...)
}

// toldDo runs what a button of the page of a subscription does.
func (c *Console) toldDo(v *visit, do func(id string, w access.Write) error) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	err = do(v.Param("id"), v.write(f))
	if err == nil {
		return nil
	}
	if fault.Is(err, fault.NotFound) || !v.refused(f, err, nil) {
		return err
	}
	return c.showTold(v, f.status(), f)
}

// toldTest sends a test message, and leads to where its outcome is seen.
func (c *Console) toldTest(v *visit) error {
	return c.toldDo(v, func(id string, w access.Write) error {
		d, err := c.notify.Test(v.ctx(), v.scope, w, id)
		if err != nil {
			return err
		}
		return v.to("/deliveries/"+d.ID, "told_tested")
	})
}

func (c *Console) toldEnable(v *visit) error {
	return c.toldDo(v, func(id string, w access.Write) error {
		if _, err := c.notify.Enable(v.ctx(), v.scope, w, id); err != nil {
			return err
		}
		return v.to("/subscriptions/"+id, "told_enabled")
	})
}

func (c *Console) toldDelete(v *visit) error {
	return c.toldDo(v, func(id string, w access.Write) error {
		if err := c.notify.Unsubscribe(v.ctx(), v.scope, w, id); err != nil {
			return err
		}
		return v.to("/subscriptions", "told_deleted")
	})
}

// toldRotate gives a new secret, and shows it this once.
func (c *Console) toldRotate(v *visit) error {
	return c.toldDo(v, func(id string, w access.Write) error {
		out, err := c.notify.RotateSecret(v.ctx(), v.scope, w, id)
		if err != nil {
			return err
		}
		return c.showSecret(v, out, true)
	})
}
