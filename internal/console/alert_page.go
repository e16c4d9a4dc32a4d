package console

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/notify"
	"landfall/internal/notify/wording"
	"landfall/internal/place"
)

// alertView is one alert: what it says, what to press, and what became of it.
type alertView struct {
	Alert    *notify.Alert
	Notice   wording.Notice
	Code     string
	Title    string
	State    mark
	Due      *alertDeadline // nil: no answer is asked for, or it was given
	Incident *incident.Incident
	Movement *alertMovementPart // nil: the alert is about something else
	Moments  []alertMoment
	Scenario time.Time // now, on the clock of the incident
	Version  int64     // of the incident, as this page shows it
	Said     []alertWord
	Told     []alertTold
	NoOne    bool // the party had no address when it was raised

	MayAcknowledge bool
	Form           *form // of acknowledging
	Note           bool  // the part that says more than "received" is open
	Correct        *form // of correcting what was acknowledged
	Answer         *alertAnswerPart
	Relay          string // where the word of the party is passed on; "" for whoever speaks for it
	Settle         string // where what waits for the party's own word is confirmed; "" for none
}

// alertDeadline is until when an answer is asked for.
type alertDeadline struct {
	By    time.Time
	Tone  string
	State mark
	Count string
}

// alertWord is one acknowledgement in words.
type alertWord struct {
	Mark  mark
	Words *notify.Acknowledgement
	Who   string

	Corrected bool // it stands no longer
}

// alertTold is one message by which the alert went out.
type alertTold struct {
	Mark    mark
	Channel string
	Target  string
	At      time.Time
	Code    string
	Href    string // of the delivery, for whom it may be seen
}

// alertAnswerPart is where a receiving state says whether it takes people in.
type alertAnswerPart struct {
	Form         *form
	Given        *incident.Answer // what stands; nil: nothing was said yet
	GivenWords   string
	Acknowledges bool // the buttons acknowledge too
	Zone         string
}

// alertForms are the forms of the page; nil ones are fresh.
type alertForms struct{ acknowledge, correct, answer *form }

func (c *Console) alertPage(v *visit) error {
	return c.showAlert(v, http.StatusOK, v.Param("id"), alertForms{})
}

// showAlert shows an alert with its forms as they are.
func (c *Console) showAlert(v *visit, status int, id string, forms alertForms) error {
	held, err := c.notify.Alert(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	a := held.Value
	h := a.Header()
	view := alertView{
		Alert: a, Notice: v.alertNotice(a), Code: h.Code, Title: h.Title, Version: a.Version(), State: v.alertRow(a, c.now()).State,
		MayAcknowledge: c.notify.MayAcknowledge(v.scope, a), Form: forms.acknowledge, Note: forms.acknowledge != nil,
		Correct: forms.correct,
		NoOne:   len(a.Targets) == 0,
	}
	if a.Status == notify.AlertOpen && a.RequiredBy != nil {
		tone, state, count := v.alertDue(*a.RequiredBy, c.now())
		view.Due = &alertDeadline{By: *a.RequiredBy, Tone: tone, State: state, Count: count}
	}
	if err := c.alertIncident(v, a, &view, forms.answer); err != nil {
		return err
	}
	for _, f := range []**form{&view.Form, &view.Correct} {
		if *f == nil {
			*f = newForm()
		}
		(*f).Values.Set("version", strconv.FormatInt(view.Version, 10))
	}
	view.Said = v.alertWords(a)
	follows := "alert/" + a.ID
	if view.Incident != nil {
		follows += " incident/" + a.IncidentID
	}
	t := &v.L.Page.Alerts
	return v.show(status, "alert", view.Notice.Headline, view, in("alerts"), during(a.Exercise), following(follows), backTo("/alerts", string(t.Title)))
}

// alertIncident adds what is read of the incident as it is now. Whoever is no longer named sees none of it.
func (c *Console) alertIncident(v *visit, a *notify.Alert, view *alertView, answer *form) error {
	if a.IncidentID == "" {
		return nil
	}
	i, err := c.incident.Get(v.ctx(), v.scope, a.IncidentID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	view.Incident, view.Moments, view.Code, view.Title = &i, v.alertMoments(i), i.Code, i.Title
	view.Version, view.Scenario = max(view.Version, i.Version), i.Clock.Scenario(c.now())
	if err := c.alertMovement(v, a, i, view); err != nil {
		return err
	}
	told, err := c.notify.ForIncident(v.ctx(), v.scope, i.ID)
	if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Forbidden) { // readers of headlines see the alert alone
		return err
	}
	for _, t := range told {
		for _, one := range t.Alerts {
			if one.Alert.ID == a.ID {
				view.Told = v.alertTold(one, v.scope.May(access.ReadOperation, access.Thing{Owner: a.Party}))
			}
		}
	}
	if view.MayAcknowledge && a.Status == notify.AlertOpen {
		view.Settle = alertSettle(a)
	}
	if !view.MayAcknowledge {
		if c.notify.MayRelay(v.scope, a, i.Thing(a.Party)) && a.Status == notify.AlertOpen {
			view.Relay = relayAt(i.ID, a.Party, relayAcknowledge, a.ID)
		}
		return nil
	}
	return c.alertAnswerPart(v, a, i, view, answer)
}

// alertSettle gives where that is confirmed which an alert says was entered for its party; "" for an alert of another kind.
func alertSettle(a *notify.Alert) string {
	switch of, _, acknowledged := strings.Cut(a.Subject, "/"); {
	case a.Kind == notify.KindRelayed && acknowledged:
		return "/alerts/" + of
	case a.Kind == notify.KindRelayed:
		return "/incidents/" + a.IncidentID + "#unconfirmed-list"
	case a.Kind == alertProposed && a.RequiredBy != nil: // others are told of it, and cannot confirm it
		return "/incidents/" + a.IncidentID + "#proposals"
	}
	return ""
}

func (c *Console) alertAnswerPart(v *visit, a *notify.Alert, i incident.Incident, view *alertView, f *form) error {
	if !alertAsksForAnswer(a.Kind) || !v.scope.May(access.GiveAnswer, i.Thing(a.Party)) || !alertRuns(i.Status) || a.Status == notify.AlertClosed {
		return nil
	}
	answers, err := c.incident.Answers(v.ctx(), v.scope, i.ID)
	if err != nil {
		return err
	}
	part := &alertAnswerPart{Form: f, Given: alertAnswerOf(answers, a.Party), Acknowledges: a.Acknowledged == nil || a.Unconfirmed(), Zone: v.L.Party(v.zone(a.Party))}
	if part.Given != nil {
		part.GivenWords = v.alertAnswerWords(part.Given)
	}
	if part.Form == nil {
		part.Form = newForm()
		if part.Given != nil {
			v.answerAgain(part.Form, &i, part.Given, a.Party)
		}
	}
	part.Form.Values.Set("version", strconv.FormatInt(view.Version, 10))
	view.Answer = part
	return nil
}

// alertWords puts what was said to an alert into words: what stands first, what was corrected last.
func (v *visit) alertWords(a *notify.Alert) (said []alertWord) {
	var all []notify.Acknowledgement
	if a.Acknowledged != nil {
		all = slices.Concat([]notify.Acknowledgement{*a.Acknowledged}, a.Further, a.Corrected)
	}
	for n := range all {
		one := alertWord{
			Mark:  mark{alertTone(all[n].Outcome), v.L.Codes.Acknowledged.Of(string(all[n].Outcome))},
			Words: &all[n], Who: v.alertSaid(&all[n]), Corrected: n > len(a.Further),
		}
		if one.Corrected {
			if all[n].OnBehalfOf != "" {
				one.Who = v.enteredAck(&all[n])
			}
			one.Mark.Tone = idle
		}
		said = append(said, one)
	}
	return said
}

// alertTold gives the messages of an alert in the four words of the field: handed over is not yet seen.
func (v *visit) alertTold(t notify.ToldAlert, ours bool) []alertTold {
	var list []alertTold
	for _, d := range t.Deliveries {
		one := alertTold{Mark: v.toldMark(d.Status), Channel: v.L.Page.Told.Channel.Of(d.Channel), Target: d.Target, At: d.LastAt}
		if d.Status != notify.Delivered && d.LastCode != "" {
			one.Code = v.toldCode(d.LastCode)
		}
		if ours {
			one.Href = "/deliveries/" + d.ID
		}
		list = append(list, one)
	}
	return list
}

// alertAcknowledge records that the alert was seen, and what is said to it.
func (c *Console) alertAcknowledge(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	id, version := v.Param("id"), v.alertVersion(f)
	if !f.Failed() {
		_, err := c.notify.Acknowledge(v.ctx(), v.scope, v.write(f), id, notify.AcknowledgeRequest{
			Outcome: notify.AckOutcome(f.Value("outcome")), Version: version, Note: f.Value("note"), Channel: notify.ViaConsole,
		})
		if err == nil {
			return v.to("/alerts/"+id, "alert_acknowledged")
		}
		if !v.refused(f, err, nil) {
			return err
		}
	}
	return c.showAlert(v, f.status(), id, alertForms{acknowledge: f})
}

// alertCorrect replaces what was acknowledged by what is right.
func (c *Console) alertCorrect(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	id, version := v.Param("id"), v.alertVersion(f)
	v.need(f, "right", "reason")
	if !f.Failed() {
		_, err := c.notify.Correct(v.ctx(), v.scope, v.write(f), id, notify.AcknowledgeRequest{
			Outcome: notify.AckOutcome(f.Value("right")), Version: version, Note: f.Value("right_note"), Channel: notify.ViaConsole,
		}, f.Value("reason"))
		if err == nil {
			return v.to("/alerts/"+id, "alert_corrected")
		}
		if !v.refused(f, err, map[string]string{"/outcome": "right", "/note": "right_note"}) {
			return err
		}
	}
	return c.showAlert(v, f.status(), id, alertForms{correct: f})
}

// alertVersion reads which version of the incident somebody saw. It is a hidden field: a wrong one is nobody's typing error.
func (v *visit) alertVersion(f *form) int64 {
	n, err := strconv.ParseInt(f.Value("version"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// alertAnswer records whether the party takes people in, and with it that it has seen the alert. The answer comes first: when it is refused, nothing is on
// record. Each command has a key of its own made of the form's, so pressing again after a broken connection records neither twice.
func (c *Console) alertAnswer(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	id := v.Param("id")
	held, err := c.notify.Alert(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	a := held.Value
	in := v.alertAnswerIn(f, a.Party, "question")
	in.Party = a.Party
	if !f.Failed() {
		err := c.giveAnswer(v, f, a, in)
		if err == nil {
			return v.to("/alerts/"+id, "alert_answered")
		}
		if !v.refused(f, err, alertAnswerFields(in.Kind)) {
			return err
		}
	}
	return c.showAlert(v, f.status(), id, alertForms{answer: f})
}

func (c *Console) giveAnswer(v *visit, f *form, a *notify.Alert, in incident.Answer) error {
	if _, err := c.incident.GiveAnswer(v.ctx(), v.scope, v.writeAs(f, "answer "+string(in.Kind)), a.IncidentID, in); err != nil {
		return err
	}
	if a.Acknowledged != nil && !a.Unconfirmed() {
		return nil
	}
	_, err := c.notify.Acknowledge(v.ctx(), v.scope, v.writeAs(f, "acknowledge"), a.ID, notify.AcknowledgeRequest{
		Outcome: notify.AckReceived, Version: v.alertVersion(f), Channel: notify.ViaConsole,
	})
	return err
}

// writeAs is write for one of several commands that a form gives.
func (v *visit) writeAs(f *form, command string) access.Write {
	w := v.write(f)
	if w.Key != "" {
		w.Key += " " + command
	}
	return w
}

// alertAnswerIn reads the fields of an answer: kind, and of an acceptance ceiling, conditions (one a line) and valid_until, of a refusal why; a
// question stands in the field of that name.
func (v *visit) alertAnswerIn(f *form, party place.Party, question string) incident.Answer {
	in := incident.Answer{Kind: incident.AnswerKind(f.Value("kind"))}
	switch in.Kind {
	case incident.Accept:
		in.Ceiling = v.number(f, "ceiling", 1, 1_000_000)
		in.ValidUntil = v.moment(f, "valid_until", party)
		for line := range strings.SplitSeq(f.Value("conditions"), "\n") {
			if line = strings.TrimSpace(line); line != "" {
				in.Conditions = append(in.Conditions, line)
			}
		}
	case incident.Decline:
		in.Text = f.Value("why")
	case incident.Question:
		v.need(f, question)
		in.Text = f.Value(question)
	default:
		f.wrong("kind", string(v.L.Page.Form.Listed))
	}
	return in
}

// alertAnswerFields says which fields of the form the members of an answer are.
func alertAnswerFields(kind incident.AnswerKind) map[string]string {
	fields := map[string]string{"/text": "why"}
	if kind == incident.Question {
		fields["/text"] = "question"
	}
	for n := range 25 {
		fields[fmt.Sprintf("/conditions/%d", n)] = "conditions"
	}
	return fields
}

// Version writes the number of a version.
func (p *page) Version(n int64) string { return p.L.Number(int(n)) }
