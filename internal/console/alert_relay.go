package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/place"
)

// What somebody may pass on for another party.
const (
	relayAcknowledge = "acknowledge"
	relayAnswer      = "answer"
	relayStep        = "step"
	relayArrival     = "arrival"
)

// relayView leads from the incident to the party, to what it said, to the form that records it. Each is a page of its own, so that it works over a
// bad connection and without scripts.
type relayView struct {
	Incident *incident.Incident
	Party    place.Party
	Chosen   []relayChosen
	Title    string        // what is to be chosen or entered now
	Groups   []relayGroup  // to choose from
	Form     *form         // to be filled in; nil while something is to be chosen
	What     string        // one of the above
	Item     string        // of an alert or movement the id, of a step the key
	Subject  string        // the same in words
	Expected int           // people expected to arrive
	Proof    string        // what kind of proof the step asks for; "" for none
	Sees     bool          // recording the answer records too that the request was seen
	Passed   []relayPassed // what was passed on for the party so far, the latest first
}

// relayChosen is what was chosen on the way here, and where to choose anew.
type relayChosen struct{ Label, Text, Href string }

// relayGroup is some things to choose from.
type relayGroup struct {
	Title string
	Items []relayItem
	Empty string // said when there is nothing
	Fold  bool   // a long list of lesser things
}

// relayItem is one thing to choose.
type relayItem struct {
	Href, Text, Detail string
	Mark               *mark
	Exercise           bool
}

// relayPassed is one thing that was passed on, read back.
type relayPassed struct {
	What string
	How  string // "by radio, entered by emergency coordinator, Dominica"
	At   time.Time
	Said time.Time // when it was said; zero: not stated
}

const (
	relayIncidents = 20 // incidents to choose from
	relayLook      = 60 // how far back the record is read for what was passed on
	relayBack      = 8  // entries shown of it
)

func relayAt(incident string, party place.Party, what, item string) string {
	q := url.Values{}
	for name, value := range map[string]string{"incident": incident, "party": string(party), "what": what, "item": item} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "/relay"
	}
	return "/relay?" + q.Encode()
}

// relayPage leads to the form, step by step.
func (c *Console) relayPage(v *visit) error {
	if !mayRelay(v.scope) {
		return fault.New(fault.Forbidden, "may_not_relay", "This account's role does not speak for others.")
	}
	return c.showRelay(v, http.StatusOK, v.QueryParam("incident"), place.Party(v.QueryParam("party")), v.QueryParam("what"), v.QueryParam("item"), nil)
}

func (c *Console) showRelay(v *visit, status int, id string, party place.Party, what, item string, f *form) error {
	t := &v.L.Page.Alerts.Relay
	view := relayView{Party: party, What: what, Item: item, Form: f}
	exercise := false
	if id == "" {
		if err := c.relayIncidents(v, &view); err != nil {
			return err
		}
	} else {
		i, err := c.incident.Get(v.ctx(), v.scope, id)
		if err != nil {
			return err
		}
		view.Incident, exercise = &i, i.Exercise
		view.Chosen = append(view.Chosen, relayChosen{string(t.Incident), i.Code + " · " + i.Title, relayAt("", "", "", "")})
		if err := c.relayInside(v, &view); err != nil {
			return err
		}
	}
	return v.show(status, "relay", string(t.Title), view, in("alerts"), during(exercise), backTo("/alerts", string(v.L.Page.Alerts.Title)))
}

func (c *Console) relayIncidents(v *visit, view *relayView) error {
	t := &v.L.Page.Alerts.Relay
	found, err := c.incident.List(v.ctx(), v.scope, incident.Filter{
		Status: []incident.Status{incident.Monitoring, incident.Active, incident.Draft},
	}, incident.PageRequest{Limit: relayIncidents})
	if err != nil {
		return err
	}
	group := relayGroup{Empty: string(t.NoIncident)}
	for _, i := range found.Items {
		group.Items = append(group.Items, relayItem{
			Href: relayAt(i.ID, "", "", ""), Text: i.Title, Detail: i.Code + " · " + v.L.Party(i.Origin), Exercise: i.Exercise,
			Mark: &mark{toneOfIncident(i.Status), v.L.Codes.IncidentStatus.Of(string(i.Status))},
		})
	}
	view.Title, view.Groups = string(t.WhichIncident), []relayGroup{group}
	return nil
}

// relayInside goes on inside an incident.
func (c *Console) relayInside(v *visit, view *relayView) error {
	t := &v.L.Page.Alerts.Relay
	steps, err := c.incident.Steps(v.ctx(), v.scope, view.Incident.ID, incident.StepFilter{}, incident.PageRequest{})
	if err != nil {
		return err
	}
	parties := relayParties(v.scope, view.Incident, steps.Items)
	if view.Party == "" {
		group := relayGroup{Empty: string(t.NoParty)}
		for _, p := range parties {
			group.Items = append(group.Items, relayItem{Href: relayAt(view.Incident.ID, p, "", ""), Text: v.L.Party(p)})
		}
		view.Title, view.Groups = string(t.WhichParty), []relayGroup{group}
		return nil
	}
	if !slices.Contains(parties, view.Party) {
		return fault.New(fault.NotFound, "party_not_named", "This party does not take part in the incident.")
	}
	view.Chosen = append(view.Chosen, relayChosen{string(t.Party), v.L.Party(view.Party), relayAt(view.Incident.ID, "", "", "")})
	told, err := c.notify.ForIncident(v.ctx(), v.scope, view.Incident.ID)
	if err != nil {
		return err
	}
	var alerts []notify.ToldAlert
	for _, one := range told {
		if one.Party == view.Party {
			alerts = one.Alerts
		}
	}
	mine := slices.DeleteFunc(steps.Items, func(s incident.Step) bool { return s.Party != view.Party || !s.Open() || s.Placeholder })
	movements, err := c.incident.Movements(v.ctx(), v.scope, view.Incident.ID)
	if err != nil {
		return err
	}
	if view.What == "" {
		view.Title, view.Groups = t.WhichWord.Say(locale.Who{Party: v.L.Party(view.Party)}), v.relayGroups(view, alerts, mine, movements)
		return c.relayPassed(v, view, alerts)
	}
	if !v.relaySubject(view, alerts, mine, movements) {
		return fault.New(fault.NotFound, "nothing_to_relay", "There is nothing like this to be passed on any more.")
	}
	view.Chosen = append(view.Chosen, relayChosen{string(t.Word), view.Subject, relayAt(view.Incident.ID, view.Party, "", "")})
	view.Title = t.Record.Say(locale.Who{Party: v.L.Party(view.Party)})
	if view.Form == nil {
		view.Form = newForm().with("outcome", string(notify.AckReceived)).with("kind", string(incident.Accept)).with("action", "done")
	}
	return nil
}

// relayParties gives who takes part in an incident, without those that the account speaks for anyway.
func relayParties(scope access.Scope, i *incident.Incident, steps []incident.Step) []place.Party {
	all := append([]place.Party{i.Origin}, i.Receivers...)
	for _, s := range steps {
		all = append(all, s.Party)
	}
	var list []place.Party
	for _, p := range all {
		if !slices.Contains(list, p) && (scope.All || !scope.ActsFor(p)) {
			list = append(list, p)
		}
	}
	return list
}

func relayArrives(m *incident.Movement, party place.Party) bool {
	return m.Receiver == party && (m.Status == incident.Announced || m.Status == incident.Departed)
}

// relayGroups gives what the party may have said.
func (v *visit) relayGroups(view *relayView, alerts []notify.ToldAlert, steps []incident.Step, movements []*incident.Movement) []relayGroup {
	t, now := &v.L.Page.Alerts.Relay, v.console.now()
	at := func(what, item string) string { return relayAt(view.Incident.ID, view.Party, what, item) }
	seen := relayGroup{Title: string(t.Alerts), Empty: string(t.NoAlert)}
	for _, a := range alerts {
		if a.Alert.Status != notify.AlertOpen || a.Alert.Kind == notify.KindRelayed { // what was entered waits for their own word
			continue
		}
		row := v.alertRow(a.Alert, now)
		seen.Items = append(seen.Items, relayItem{Href: at(relayAcknowledge, a.Alert.ID), Text: row.Headline, Detail: row.Count, Mark: &row.State})
	}
	groups := []relayGroup{seen}
	if slices.Contains(view.Incident.Receivers, view.Party) {
		answer := relayGroup{Title: string(t.Answer), Empty: string(t.NoAnswer)}
		if alertRuns(view.Incident.Status) {
			answer.Items = []relayItem{{Href: at(relayAnswer, ""), Text: t.AnswerText.Say(locale.Who{Party: v.L.Party(view.Party)})}}
		}
		come := relayGroup{Title: string(t.Arrivals), Empty: string(t.NoArrival)}
		for _, m := range movements {
			if relayArrives(m, view.Party) {
				come.Items = append(come.Items, relayItem{Href: at(relayArrival, m.ID), Text: v.relayWay(m), Detail: v.clock(view.Incident.Clock.Scenario(now), view.Party).When(m.ETA)})
			}
		}
		groups = append(groups, answer, come)
	}
	work := relayGroup{Title: string(t.Steps), Empty: string(t.NoStep), Fold: len(steps) > 8}
	for _, s := range steps {
		one := relayItem{Href: at(relayStep, s.Key), Text: v.bare().Text(s.Title), Detail: stepName(s)}
		if s.Overdue {
			one.Mark = &mark{bad, string(t.Overdue)}
		}
		work.Items = append(work.Items, one)
	}
	return append(groups, work)
}

// relayWay puts a movement into words: "120 persons, Dominica to Antigua and Barbuda".
func (v *visit) relayWay(m *incident.Movement) string {
	people := m.People.Total
	if m.Left != nil {
		people = m.Left.Total
	}
	return v.L.Page.Alerts.Relay.Way.Say(locale.Way{
		People: v.L.Count(people, v.L.Counts.Persons), From: v.L.Party(m.From.Party), To: v.L.Party(m.To.Party),
	})
}

// relaySubject finds what the form is about. It is gone when somebody else was first.
func (v *visit) relaySubject(view *relayView, alerts []notify.ToldAlert, steps []incident.Step, movements []*incident.Movement) bool {
	switch view.What {
	case relayAcknowledge:
		n := slices.IndexFunc(alerts, func(a notify.ToldAlert) bool { return a.Alert.ID == view.Item })
		if n >= 0 {
			view.Subject = v.alertNotice(alerts[n].Alert).Headline
		}
		return n >= 0
	case relayAnswer:
		view.Subject = v.L.Page.Alerts.Relay.AnswerText.Say(locale.Who{Party: v.L.Party(view.Party)})
		view.Sees = relayRequest(alerts) != nil
		return slices.Contains(view.Incident.Receivers, view.Party)
	case relayStep:
		n := slices.IndexFunc(steps, func(s incident.Step) bool { return s.Key == view.Item })
		if n >= 0 {
			view.Subject = stepName(steps[n]) + " · " + v.bare().Text(steps[n].Title)
			if steps[n].Closes != "" {
				view.Proof = v.L.Codes.Evidence.Of(string(steps[n].Closes))
			}
		}
		return n >= 0
	case relayArrival:
		n := slices.IndexFunc(movements, func(m *incident.Movement) bool { return m.ID == view.Item })
		if n >= 0 {
			view.Subject, view.Expected = v.relayWay(movements[n]), movements[n].People.Total
			if left := movements[n].Left; left != nil {
				view.Expected = left.Total
			}
		}
		return n >= 0
	}
	return false
}

// relayRequest gives the request that an answer of the party settles: its latest open one.
func relayRequest(alerts []notify.ToldAlert) *notify.Alert {
	for n := len(alerts) - 1; n >= 0; n-- {
		if a := alerts[n].Alert; a.Status == notify.AlertOpen && alertAsksForAnswer(a.Kind) {
			return a
		}
	}
	return nil
}

// relayPassed reads back what was passed on for the party.
func (c *Console) relayPassed(v *visit, view *relayView, alerts []notify.ToldAlert) error {
	t := &v.L.Page.Alerts.Relay
	for _, a := range alerts {
		words := slices.Concat(a.Alert.Further, a.Alert.Corrected)
		if a.Alert.Acknowledged != nil {
			words = append(words, *a.Alert.Acknowledged)
		}
		for _, w := range words {
			if w.OnBehalfOf == "" {
				continue
			}
			one := relayPassed{What: v.alertNotice(a.Alert).Headline + ": " + v.L.Codes.Acknowledged.Of(string(w.Outcome)), At: w.At}
			one.How = v.entered(w.RelayedBy, w.Role, w.ByParty, nil, view.Party)
			if w.SaidAt != nil {
				one.Said = *w.SaidAt
			}
			view.Passed = append(view.Passed, one)
		}
	}
	after := ""
	if view.Incident.Version > relayLook {
		after = strconv.FormatInt(view.Incident.Version-relayLook, 10)
	}
	entries, err := c.incident.Timeline(v.ctx(), v.scope, view.Incident.ID, incident.PageRequest{Limit: relayLook, Cursor: after})
	if err != nil {
		return err
	}
	for _, e := range entries.Items {
		if e.Relay == nil || place.Party(e.Relay.OnBehalfOf) != view.Party {
			continue
		}
		by := e.Word().EnteredBy
		one := relayPassed{What: t.Passed.Of(e.Type), How: v.entered(e.Relay.RelayedBy, string(by.Role), by.Party, nil, view.Party), At: e.RecordedAt}
		if len(e.Subject) > 0 && len(e.Subject) < 32 { // keys are for people, ids are not
			one.What += ": " + e.Subject
		}
		if e.Relay.SaidAt != nil {
			one.Said = *e.Relay.SaidAt
		}
		view.Passed = append(view.Passed, one)
	}
	slices.SortStableFunc(view.Passed, func(a, b relayPassed) int { return b.At.Compare(a.At) })
	view.Passed = view.Passed[:min(len(view.Passed), relayBack)]
	return nil
}
