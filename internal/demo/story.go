package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// body is a request of the story, written out where it is sent.
type body = map[string]any

// The sources of 2017 that the story quotes, as they stand in the records.
const (
	sourceLandfallEarly = "docslib.org/doc/2425083"
	sourceLandfallLate  = "docslib.org/doc/9715994"
	sourceEntryPolicy   = "antiguaobserver.com/welcome-policy-for-dominicans-in-place"
	sourceFerry         = "antiguanewsroom.com/open-door-policy-for-dominicans-does-not-extend-to-other-nationalities"
	sourceStudents      = "htsstlucia.org"
	sourceSituation     = "UN and press situation texts, September 2017"
)

const exercisePlay = "Exercise play"

// watchTheStorm opens the incident of the evening and lets planning begin.
func (p *play) watchTheStorm(ctx context.Context) error {
	p.tell.say("18 September 2017, 20:30 in Roseau. Hurricane Maria (GLIDE TC-2017-000136-DMA) is about to hit Dominica. The exercise clock runs "+
		"%d times as fast as yours: an hour takes %s.", p.speed, span(time.Hour/time.Duration(p.speed)))
	_, err := p.at(dominica).post(ctx, "/api/v1/hazards", body{
		"name": "Hurricane Maria", "type": "TC", "glide": []string{"TC-2017-000136-DMA"}, "started_at": september(16, 11, 15),
	}, &p.storm)
	if err != nil {
		return err
	}
	p.tell.hold()
	p.evening, err = p.openIncident(ctx, dominica, "Hurricane Maria: Dominica", september(18, 20, 30), antigua, saintLucia)
	if err != nil {
		return err
	}
	p.follow(p.evening)
	p.tell.did("Dominica", "opens incident %s, names Antigua and Barbuda and Saint Lucia as receiving states, and watches", p.evening.Code)
	for _, receiver := range []string{antigua, saintLucia} {
		if _, err := p.expectAlert(ctx, p.evening, receiver, "named", ""); err != nil {
			return err
		}
	}
	if err := p.breathe(ctx); err != nil {
		return err
	}
	forecast := september(18, 21, 0)
	p.tell.hold()
	_, err = p.at(dominica).post(ctx, p.evening.path("monitor"), body{"protocol": "hurricane", "anchors": landfall(forecast, "forecast")}, nil)
	if err != nil {
		return err
	}
	p.tell.did("Dominica", "lets the planning steps of the hurricane protocol run, landfall forecast for %s (exercise play)", forecast.Format("15:04"))
	for _, receiver := range []string{antigua, saintLucia} {
		if _, err := p.expectAlert(ctx, p.evening, receiver, "planning", ""); err != nil {
			return err
		}
	}
	for _, done := range []struct{ party, key, evidence string }{
		{dominica, "HUR-01", "receipt"}, {dominica, "HUR-03", "survey"}, {dominica, "HUR-04", "bulletin"},
		{antigua, "HUR-02.ATG", "capacity"}, {saintLucia, "HUR-02.LCA", "capacity"},
	} {
		if err := p.complete(ctx, p.evening, done.party, done.key, done.evidence); err != nil {
			return err
		}
	}
	p.tell.did("All three", "report their planning steps done, each with the reference that closes it")
	return p.breathe(ctx)
}

// activate puts the protocol in force.
func (p *play) activate(ctx context.Context) error {
	p.tell.hold()
	begun := p.now()
	_, err := p.at(dominica).post(ctx, p.evening.path("activate"), body{"protocol": "hurricane"}, nil)
	if err != nil {
		return err
	}
	steps, err := all[step](ctx, p.at(dominica).client, p.evening.path("steps"))
	if err != nil {
		return err
	}
	parties := map[string]bool{}
	for _, s := range steps {
		parties[s.Party] = true
	}
	p.tell.did("Dominica", "activates the hurricane protocol: %d steps of %d parties, with their deadlines, in one change", len(steps), len(parties))
	for _, receiver := range []string{antigua, saintLucia} {
		a, err := p.expectAlert(ctx, p.evening, receiver, "activation", "")
		if err != nil {
			return err
		}
		p.tell.did("Demo", "%s's webhook had it %d ms after Dominica had pressed the button", p.name(receiver), a.at.Sub(begun).Milliseconds())
	}
	return p.breathe(ctx)
}

// answer has the neighbour acknowledge, and then accept on conditions: two different things.
func (p *play) answer(ctx context.Context) error {
	inbox, err := all[alert](ctx, p.at(antigua).client, "/api/v1/alerts?status=open&incident_id="+p.evening.ID)
	if err != nil {
		return err
	}
	for _, a := range inbox {
		if a.Kind != "activation" {
			continue
		}
		p.tell.hold()
		if _, err := p.at(antigua).post(ctx, "/api/v1/alerts/"+a.ID+"/acknowledge", body{"outcome": "received", "version": a.Version}, nil); err != nil {
			return err
		}
		p.tell.did("Antigua and Barbuda", "acknowledges the alert: version %d is known there", a.Version)
		_, err := p.expect(ctx, "the acknowledgement at Dominica", func(got arrival) bool {
			return got.box == dominica && got.event.kind() == "alert.acknowledged" && got.event.Data.Alert != nil && got.event.Data.Alert.ID == a.ID
		})
		if err != nil {
			return err
		}
	}
	if err := p.breathe(ctx); err != nil {
		return err
	}
	const ceiling = 250
	p.tell.hold()
	_, err = p.at(antigua).post(ctx, p.evening.path("answers"), body{
		"kind": "accept", "ceiling": ceiling, "reference": sourceEntryPolicy,
		"conditions": []string{
			"Two ports of entry only: the airport, and the ferry dock in St John's",
			"Six months, automatic",
			"Passport, driving licence or voter card; a special form for lost papers; security check",
			"Dominicans; everyone else needs an onward ticket",
		},
	}, nil)
	if err != nil {
		return err
	}
	p.tell.did("Antigua and Barbuda", "accepts up to %d people (exercise play) on the conditions it really set a few days later: two ports, six months, "+
		"papers or a form for lost ones, onward tickets for other nationals", ceiling)
	if _, err := p.expect(ctx, "the answer at Dominica", func(got arrival) bool {
		return got.box == dominica && got.event.kind() == "answer.given" && got.event.Data.Incident.ID == p.evening.ID
	}); err != nil {
		return err
	}
	if err := p.complete(ctx, p.evening, antigua, "HUR-07.ATG", "note_verbale"); err != nil {
		return err
	}
	p.tell.did("Antigua and Barbuda", "reports HUR-07.ATG done. To acknowledge, to answer and to close the step are three things, and three records.")
	return p.breathe(ctx)
}

// overdue lets time pass: landfall comes, and a step that nobody does falls due.
func (p *play) overdue(ctx context.Context) error {
	p.tell.say("HUR-05, the request for assistance, is Dominica's to send within an hour of the activation. Dominica has other worries.")
	for _, report := range []struct {
		at     time.Time
		source string
	}{{september(18, 21, 15), sourceLandfallEarly}, {september(18, 21, 35), sourceLandfallLate}} {
		if err := p.until(ctx, p.evening.Clock.wall(report.at), report.at.Format("15:04")); err != nil {
			return err
		}
		p.tell.hold()
		moved, err := p.moveLandfall(ctx, report.at)
		if err != nil {
			return err
		}
		p.tell.did("Dominica", "reports LANDFALL observed at %s (%s); %d earlier values stay on record", report.at.Format("15:04"), report.source, len(moved.History))
	}
	var request step
	if err := p.at(dominica).get(ctx, p.evening.path("steps", "HUR-05"), &request); err != nil {
		return err
	}
	due := p.evening.Clock.wall(request.DueAt)
	if err := p.until(ctx, due, "HUR-05 due"); err != nil {
		return err
	}
	a, err := p.expectAlert(ctx, p.evening, dominica, "step_overdue", "HUR-05")
	if err != nil {
		return err
	}
	p.tell.did("Demo", "HUR-05 fell due at %s; Dominica's duty officer was told %s later on your clock", request.DueAt.In(roseau()).Format("15:04"), briefly(a.at.Sub(due)))
	if err := p.complete(ctx, p.evening, dominica, "HUR-05", "note_verbale"); err != nil {
		return err
	}
	p.tell.did("Dominica", "sends the request and reports HUR-05 done, late: both times stay on record")
	return p.breathe(ctx)
}

// moveLandfall sets LANDFALL to a time at which it was observed.
func (p *play) moveLandfall(ctx context.Context, at time.Time) (anchor, error) {
	var now anchor
	if err := p.at(dominica).get(ctx, p.evening.path("anchors", "LANDFALL"), &now); err != nil {
		return now, err
	}
	_, err := p.at(dominica).do(ctx, call{
		method: http.MethodPut, path: p.evening.path("anchors", "LANDFALL"), ifMatch: now.ETag, body: body{"at": at, "kind": "observed"},
	}, &now)
	return now, err
}

// move opens the second act, eight days later, and brings people across.
func (p *play) move(ctx context.Context) error {
	var err error
	p.week, err = p.openIncident(ctx, dominica, "Hurricane Maria: the week after", september(26, 18, 0), antigua, saintLucia)
	if err != nil {
		return err
	}
	p.follow(p.week)
	p.tell.say("Eight days later: a second incident of the same storm, its clock set to 26 September, 18:00. What happened before is entered late, with its own " +
		"times, as it is when the lines were down.")
	var ferry movement
	left, in := september(26, 8, 0), september(26, 13, 30)
	p.tell.hold()
	_, err = p.at(dominica).post(ctx, p.week.path("movements"), body{
		"mode": "sea", "carrier": "Chartered ferry",
		"from": body{"party": dominica, "name": "Roseau", "port": "DMRSU"}, "to": body{"party": antigua, "name": "St John's", "port": "AGSJO"},
		"departs_at": left, "eta": in, "people": body{"total": 150},
	}, &ferry)
	if err != nil {
		return err
	}
	p.tell.did("Dominica", "announces a chartered ferry to St John's: 150 nationals of China (%s; day and hours are exercise play)", sourceFerry)
	if _, err := p.expectAlert(ctx, p.week, antigua, "movement", ""); err != nil {
		return err
	}
	if err := p.breathe(ctx); err != nil {
		return err
	}
	p.tell.hold()
	if _, err := p.at(dominica).post(ctx, p.week.path("movements", ferry.ID, "depart"), body{"departed_at": left, "people": body{"total": 150}}, &ferry); err != nil {
		return err
	}
	p.tell.did("Dominica", "reports it left at %s with 150 counted on board", left.Format("15:04"))
	if _, err := p.expectAlert(ctx, p.week, antigua, "departure", ""); err != nil {
		return err
	}
	if err := p.breathe(ctx); err != nil {
		return err
	}
	p.tell.hold()
	if _, err := p.at(antigua).post(ctx, p.week.path("movements", ferry.ID, "arrive"), body{"arrived_at": in, "people": body{"total": 150}}, &ferry); err != nil {
		return err
	}
	p.tell.did("Antigua and Barbuda", "counts %d at %s; %d left and %d arrived, a difference of %d: reconciled",
		ferry.Arrived.Total, in.Format("15:04"), ferry.Departed.Total, ferry.Arrived.Total, ferry.Difference)
	if _, err := p.expect(ctx, "the arrival at Dominica", func(a arrival) bool {
		return a.box == dominica && a.event.kind() == "movement.arrived" && a.event.Data.Movement != nil && a.event.Data.Movement.ID == ferry.ID
	}); err != nil {
		return err
	}
	return p.breathe(ctx)
}

// openIncident opens an exercise and gives it as the server shows it.
func (p *play) openIncident(ctx context.Context, origin, title string, starts time.Time, receivers ...string) (incident, error) {
	var i incident
	_, err := p.at(origin).post(ctx, "/api/v1/incidents", body{
		"title": title, "hazard_id": p.storm.ID, "origin": origin, "receivers": receivers, "severity": "extreme",
		"exercise": true, "exercise_speed": p.speed, "occurred_at": starts,
	}, &i)
	if err != nil {
		return i, fmt.Errorf("incident %q: %w", title, err)
	}
	return i, nil
}

// complete reports a step done, with a reference that says that it is play.
func (p *play) complete(ctx context.Context, i incident, party, key, evidence string) error {
	_, err := p.at(party).post(ctx, i.path("steps", key, "complete"), body{"evidence": body{"type": evidence, "reference": exercisePlay + " " + key}}, nil)
	return err
}

// landfall gives a value for that anchor.
func landfall(at time.Time, kind string) body {
	return body{"LANDFALL": body{"at": at, "kind": kind}}
}

// briefly writes a short time: "0.4 s".
func briefly(d time.Duration) string { return fmt.Sprintf("%.1f s", max(0, d.Seconds())) }
