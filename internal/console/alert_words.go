package console

import (
	"encoding/json"
	"html/template"
	"strings"
	"time"

	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/notify/wording"
	"landfall/internal/place"
)

// bare gives the methods of pages to what is prepared before there is one.
func (v *visit) bare() *page { return &page{visit: v} }

// alertNotice puts an alert into words, the same as whoever got it as a message reads.
func (v *visit) alertNotice(a *notify.Alert) wording.Notice {
	data := map[string]json.RawMessage{}
	if json.Unmarshal(a.Data, &data) != nil || data == nil {
		data = map[string]json.RawMessage{} // erased, or no object: what is left is told
	}
	shown := struct {
		ID         string            `json:"id"`
		Party      place.Party       `json:"party"`
		Kind       string            `json:"kind"`
		Subject    string            `json:"subject,omitempty"`
		Version    int64             `json:"version"`
		Event      map[string]string `json:"event"`
		RaisedAt   time.Time         `json:"raised_at"`
		RequiredBy *time.Time        `json:"required_by,omitempty"`
	}{a.ID, a.Party, a.Kind, a.Subject, a.Version(), map[string]string{"id": a.Cause.ID, "type": "landfall." + a.Cause.Type}, a.RaisedAt, a.RequiredBy}
	data["alert"] = alertJSON(shown)
	if len(a.Incident) > 0 {
		data["incident"] = a.Incident
	}
	const eventType = "landfall." + notify.EventAlertRaised
	body := alertJSON(map[string]any{
		"id": a.ID, "type": eventType, "time": a.RaisedAt, "exercise": a.Exercise, "origin": a.Origin, "data": data,
	})
	return wording.Of(eventType, body, string(v.L.Language), wording.Options{})
}

// alertJSON marshals what is made of texts, times and JSON that was valid when it was recorded.
func alertJSON(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return text
}

// alertRow is one alert in a list, in words.
type alertRow struct {
	Href         string
	Headline     string
	Incident     string // code and title; "" for an alert about telling itself
	Exercise     bool
	ExerciseWord string
	Tone         string
	State        mark          // answer due, late, acknowledged, ...
	When         template.HTML // until when an answer is due, or since when it is known
	Count        string        // the same as a time from now
	Said         string        // who said what to it
	by           time.Time     // until when; zero: no answer is asked for
}

func (v *visit) alertRow(a *notify.Alert, now time.Time) alertRow {
	t, w, h := &v.L.Page.Alerts, v.bare(), a.Header()
	row := alertRow{Href: "/alerts/" + a.ID, Headline: v.alertNotice(a).Headline, Exercise: a.Exercise, ExerciseWord: string(v.L.Page.Shell.Exercise)}
	if h.Code != "" {
		row.Incident = h.Code + " · " + h.Title
	}
	zone := a.Party
	switch {
	case a.Status == notify.AlertClosed:
		row.State = mark{idle, v.L.Codes.Closed.Of(a.Closed.Reason)}
		row.When = w.When(a.Closed.At, now, zone)
	case a.Status == notify.AlertAcknowledged:
		row.State = mark{alertTone(a.Acknowledged.Outcome), v.L.Codes.Acknowledged.Of(string(a.Acknowledged.Outcome))}
		row.When = w.When(a.Acknowledged.At, now, zone)
	case a.RequiredBy == nil:
		row.Tone, row.State, row.When = info, mark{info, string(t.ToKnow)}, w.When(a.RaisedAt, now, zone)
	default:
		row.by = *a.RequiredBy
		row.Tone, row.State, row.Count = v.alertDue(*a.RequiredBy, now)
		if row.Tone == bad {
			row.State.Text, row.Count = row.Count, ""
		}
		row.When = w.At(*a.RequiredBy, now, zone)
	}
	if a.Acknowledged != nil {
		row.Said = v.alertSaid(a.Acknowledged)
	}
	return row
}

// alertDue says how an answer that is due by a time stands now.
func (v *visit) alertDue(by, now time.Time) (tone string, state mark, count string) {
	t := &v.L.Page.Alerts
	if late := now.Sub(by); late >= 0 {
		return bad, mark{bad, string(t.Late)}, v.late(late)
	}
	return soon, mark{soon, string(t.Due)}, v.L.Since(by, now)
}

// late says for how long something has been due.
func (v *visit) late(d time.Duration) string {
	if d < time.Minute {
		return string(v.L.Page.Alerts.DueNow)
	}
	return v.L.Times.Late.Say(locale.Name{Name: v.L.Span(d)})
}

func alertTone(o notify.AckOutcome) string {
	switch o {
	case notify.AckReceived:
		return good
	case notify.AckCannotAct:
		return bad
	case notify.AckQuestion:
	}
	return soon
}

// alertSaid says which office acknowledged; of a word that came another way, how it came, who entered it, and
// whether the party has confirmed it since.
func (v *visit) alertSaid(a *notify.Acknowledgement) string {
	switch {
	case a.OnBehalfOf == "":
		return v.L.Page.Alerts.By.Say(locale.Name{Name: v.L.Office(a.Role, a.ByParty)})
	case a.Confirmed == nil:
		return v.enteredAck(a) + string(v.L.Joins.Between) + v.L.Page.Incidents.Relays.Open.Say(locale.Name{Name: v.L.Party(a.Party)})
	}
	return v.enteredAck(a) + string(v.L.Joins.Between) + v.settledBy(v.L.Page.Incidents.Relays.Confirmed, a.Confirmed.ByRole, a.Confirmed.ByParty, a.Confirmed.At)
}

// settledBy says which office confirmed or corrected what had been entered for its party, and when, on that party's clock.
func (v *visit) settledBy(text locale.Text[locale.Pair], role string, party place.Party, at time.Time) string {
	return text.Say(locale.Pair{A: v.L.Office(role, party), B: v.clock(v.console.now(), party).At(at, party)})
}

// enteredAck says how an acknowledgement came that somebody else entered.
func (v *visit) enteredAck(a *notify.Acknowledgement) string {
	return v.entered(a.RelayedBy, a.Role, a.ByParty, a.SaidAt, a.Party)
}

// entered says how a word came that somebody else entered, and when it was said, on the clock of the party whose word it is.
func (v *visit) entered(way, role string, by place.Party, said *time.Time, of place.Party) string {
	at := ""
	if said != nil {
		at = v.clock(v.console.now(), of).At(*said, of)
	}
	return v.L.Entered(way, role, by, at)
}

// Relayed says how what is shown came into the record, when somebody else than its party entered it; "" otherwise.
func (p *page) Relayed(r *incident.Word) string {
	if r == nil {
		return ""
	}
	entered := p.entered(r.RelayedBy, string(r.EnteredBy.Role), r.EnteredBy.Party, r.SaidAt, r.OnBehalfOf)
	if by := r.ConfirmedBy; by != nil {
		entered = p.L.Source.Confirmed.Say(locale.Pair{A: entered, B: p.L.Office(string(by.Role), by.Party)})
	}
	return p.L.Source.Word.Say(locale.Pair{A: p.L.Party(r.OnBehalfOf), B: entered})
}

// Colon ends a label with a colon as the language sets it.
func (p *page) Colon(label any) string {
	return strings.TrimSpace(p.L.Joins.Colon.Say(locale.Pair{A: words(label)}))
}

// EnteredAck is enteredAck for templates.
func (p *page) EnteredAck(a *notify.Acknowledgement) string { return p.enteredAck(a) }

// Said is alertSaid for templates.
func (p *page) Said(a *notify.Acknowledgement) string { return p.alertSaid(a) }

// alertMoment is a key time of an incident in words.
type alertMoment struct {
	Name, Kind string
	At         time.Time
}

func (v *visit) alertMoments(i incident.Incident) []alertMoment {
	var list []alertMoment
	for _, a := range i.Anchors {
		name, party, _ := strings.Cut(a.Name, ".")
		text := v.L.Codes.Anchor.Of(name)
		if party != "" {
			text += " (" + v.L.Party(place.Party(party)) + ")"
		}
		list = append(list, alertMoment{Name: text, Kind: v.L.Codes.AnchorKind.Of(string(a.Kind)), At: a.At})
	}
	return list
}

// alertAnswerWords puts the answer of a receiving state into one line: "accepts, at most 250 persons, valid until ...".
func (v *visit) alertAnswerWords(a *incident.Answer) string {
	parts := []string{v.L.Codes.Answer.Of(string(a.Kind))}
	if a.Ceiling != nil {
		parts = append(parts, v.L.Page.Alerts.AtMost.Say(locale.Name{Name: v.L.Count(*a.Ceiling, v.L.Counts.Persons)}))
	}
	if !a.ValidUntil.IsZero() {
		parts = append(parts, v.L.Page.Alerts.Until.Say(locale.Name{Name: v.L.Moment(a.ValidUntil, v.zone(a.Party))}))
	}
	return v.wordOf(strings.Join(parts, ", "), a.Relayed)
}

// wordOf says behind what a party said how its word came, when another entered it.
func (v *visit) wordOf(said string, r *incident.Word) string {
	if how := v.bare().Relayed(r); how != "" {
		return said + " · " + how
	}
	return said
}

// alertAnswerOf gives the answer that stands of a party: its last.
func alertAnswerOf(answers []*incident.Answer, party place.Party) *incident.Answer {
	for n := len(answers) - 1; n >= 0; n-- {
		if answers[n].Party == party {
			return answers[n]
		}
	}
	return nil
}
