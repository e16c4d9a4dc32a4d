package demo

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// body is a request of the story, written out where it is sent.
type body map[string]any

// The sources of 2017 that the story quotes, as they stand in the records.
const (
	sourceEarly     = "docslib.org/doc/2425083"
	sourceLate      = "docslib.org/doc/9715994"
	sourcePolicy    = "antiguaobserver.com/welcome-policy-for-dominicans-in-place"
	sourceStudents  = "htsstlucia.org"
	sourceSituation = "UN and press texts, Sept 2017"
)

const exercisePlay = "Exercise play"

// watchTheStorm opens the incident of the evening and lets planning begin.
func (p *play) watchTheStorm(ctx context.Context) error {
	p.tell.say("18 September 2017, 20:30 in Roseau. Hurricane Maria (GLIDE TC-2017-000136-DMA) is about to hit Dominica. The exercise clock runs "+
		"%d times as fast as yours: an hour takes %s.", p.speed, span(time.Hour/time.Duration(p.speed)))
	_, err := p.at(dominica).post(ctx, "/api/v1/hazards", body{
		"name": "Hurricane Maria", "type": "TC", "glide": []string{"TC-2017-000136-DMA"}, "started_at": september(16, 11, 15), "exercise": true,
	}, &p.storm)
	if err != nil {
		return err
	}
	if p.evening, err = p.openIncident(ctx, p.storm, dominica, "Hurricane Maria: Dominica", september(18, 20, 30), antigua, saintLucia); err != nil {
		return err
	}
	p.follow(p.evening)
	p.tell.did("Dominica", "opens incident %s and names Antigua and Barbuda and Saint Lucia", p.evening.Code)
	if err := p.alerted(ctx, p.evening, "named", antigua, saintLucia); err != nil {
		return err
	}
	forecast := september(18, 21, 0)
	p.tell.hold()
	if _, err = p.at(dominica).post(ctx, p.evening.path("monitor"), body{
		"protocol": "hurricane", "anchors": body{"LANDFALL": body{"at": forecast, "kind": "forecast"}},
	}, nil); err != nil {
		return err
	}
	p.tell.did("Dominica", "starts the planning steps of the hurricane protocol; landfall is forecast for %s (exercise play)", forecast.Format("15:04"))
	if err := p.alerted(ctx, p.evening, "planning", antigua, saintLucia); err != nil {
		return err
	}
	for _, done := range []struct{ party, key, evidence string }{
		{dominica, "HUR-01", "receipt"}, {dominica, "HUR-03", "survey"}, {dominica, "HUR-04", "bulletin"},
		{antigua, "HUR-02.ATG", "capacity"}, {saintLucia, "HUR-02.LCA", "capacity"},
	} {
		if err := p.complete(ctx, p.evening, done.party, done.key, done.evidence); err != nil {
			return err
		}
	}
	p.tell.did("All three", "report their planning steps done: contacts, places, hotel rooms, watch")
	return p.breathe(ctx)
}

// alerted waits until the receiving states have an alert, and lets a reader follow.
func (p *play) alerted(ctx context.Context, i incident, kind string, receivers ...string) error {
	for _, receiver := range receivers {
		if _, err := p.expectAlert(ctx, i, receiver, kind, ""); err != nil {
			return err
		}
	}
	return p.breathe(ctx)
}

// activate puts the protocol in force.
func (p *play) activate(ctx context.Context) error {
	p.tell.hold()
	pressed := p.now()
	if _, err := p.at(dominica).post(ctx, p.evening.path("activate"), body{"protocol": "hurricane"}, nil); err != nil {
		return err
	}
	if err := p.inForce(ctx, p.evening, pressed, antigua, saintLucia); err != nil {
		return err
	}
	if err := p.complete(ctx, p.evening, dominica, "HUR-17", "notice"); err != nil {
		return err
	}
	p.tell.did("Dominica", "closes the window for boats and aircraft (HUR-17)")
	return p.breathe(ctx)
}

// inForce tells of an activation that its origin has just asked for, and waits until every receiving state has its alert.
func (p *play) inForce(ctx context.Context, i incident, pressed time.Time, receivers ...string) error {
	steps, err := all[step](ctx, p.at(i.Origin).client, i.path("steps"))
	if err != nil {
		return err
	}
	parties := map[string]bool{}
	for _, s := range steps {
		parties[s.Party] = true
	}
	p.tell.did(p.name(i.Origin), "activates the protocol: %d steps of %d parties and their deadlines, in one change", len(steps), len(parties))
	var slowest time.Duration
	for _, receiver := range receivers {
		a, err := p.expectAlert(ctx, i, receiver, "activation", "")
		if err != nil {
			return err
		}
		slowest = max(slowest, a.at.Sub(pressed))
	}
	p.tell.did("Demo", "from %s's request to the last of the %d webhooks: %d ms", p.name(i.Origin), len(receivers), slowest.Milliseconds())
	return nil
}

// answer has the neighbour acknowledge, and then accept on conditions: two different things.
func (p *play) answer(ctx context.Context) error {
	if err := p.acknowledge(ctx, p.evening, antigua); err != nil {
		return err
	}
	if err := p.breathe(ctx); err != nil {
		return err
	}
	const ceiling = 250
	p.tell.hold()
	if _, err := p.at(antigua).post(ctx, p.evening.path("answers"), body{
		"kind": "accept", "ceiling": ceiling, "reference": sourcePolicy,
		"conditions": []string{
			"Two ports of entry only: the airport, and the ferry dock in St John's",
			"Six months, automatic",
			"Passport, driving licence or voter card; a special form for lost papers; security check",
			"Nationals of Dominica; everyone else needs an onward ticket",
		},
	}, nil); err != nil {
		return err
	}
	p.tell.did("Antigua and Barbuda", "accepts, on the terms it really set some days later: two ports, six months, a form for lost papers, onward "+
		"tickets for others (antiguaobserver.com). The ceiling of %d is exercise play.", ceiling)
	if err := p.answered(ctx, p.evening, antigua); err != nil {
		return err
	}
	if err := p.complete(ctx, p.evening, antigua, "HUR-07.ATG", "note_verbale"); err != nil {
		return err
	}
	p.tell.did("Antigua and Barbuda", "closes its step HUR-07.ATG: to acknowledge, to answer and to close are three records")
	return p.breathe(ctx)
}

// acknowledge has a receiving state say that it has taken in the activation and what it was asked before, and waits until the affected state is told.
func (p *play) acknowledge(ctx context.Context, i incident, who string) error {
	inbox, err := all[alert](ctx, p.at(who).client, "/api/v1/alerts?status=open&incident_id="+i.ID)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(inbox, func(a alert) bool { return a.Kind == "activation" })
	if at < 0 {
		return fmt.Errorf("the activation for %s %w among its alerts", p.name(who), errAbsent)
	}
	a := inbox[at]
	p.tell.hold()
	for _, asked := range inbox {
		if asked.RequiredBy.IsZero() {
			continue
		}
		if _, err := p.at(who).post(ctx, "/api/v1/alerts/"+asked.ID+"/acknowledge", body{"outcome": "received", "version": asked.Version}, nil); err != nil {
			return err
		}
	}
	p.tell.did(p.name(who), "acknowledges the alert, as of version %d", a.Version)
	_, err = p.expect(ctx, "the acknowledgement at "+p.name(i.Origin), func(got arrival) bool {
		return got.box == i.Origin && got.event.kind() == "alert.acknowledged" && got.event.Data.Alert != nil && got.event.Data.Alert.ID == a.ID
	})
	return err
}

// answered waits until the affected state is told what a receiving state has answered.
func (p *play) answered(ctx context.Context, i incident, who string) error {
	_, err := p.expect(ctx, "the answer at "+p.name(i.Origin), func(got arrival) bool {
		d := got.event.Data
		return got.box == i.Origin && got.event.kind() == "answer.given" && d.Answer != nil && d.Answer.Party == who && d.Incident.ID == i.ID
	})
	return err
}

// overdue lets time pass: landfall comes, and a step that nobody does falls due.
func (p *play) overdue(ctx context.Context) error {
	var request step
	if err := p.at(dominica).get(ctx, p.evening.path("steps", "HUR-05"), &request); err != nil {
		return err
	}
	at := request.DueAt.In(roseau()).Format("15:04")
	p.tell.say("HUR-05, the request for assistance, is Dominica's to send by %s. Dominica has other worries: the storm is there.", at)
	for _, report := range []struct {
		at             time.Time
		source, before string
	}{
		{september(18, 21, 15), sourceEarly, "the forecast stays on record"},
		{september(18, 21, 35), sourceLate, "21:15 stays on record"},
	} {
		if err := p.until(ctx, p.evening.Clock.wall(report.at), "to "+report.at.Format("15:04")); err != nil {
			return err
		}
		p.tell.hold()
		if err := p.moveLandfall(ctx, report.at); err != nil {
			return err
		}
		p.tell.did("Dominica", "reports landfall at %s (%s); %s", report.at.Format("15:04"), report.source, report.before)
	}
	due := p.evening.Clock.wall(request.DueAt)
	if err := p.until(ctx, due, "to "+at); err != nil {
		return err
	}
	a, err := p.expectAlert(ctx, p.evening, dominica, "step_overdue", "HUR-05")
	if err != nil {
		return err
	}
	p.tell.did("Demo", "HUR-05 fell due at %s; its owner was told %s later on your clock", at, briefly(a.at.Sub(due)))
	if err := p.breathe(ctx); err != nil {
		return err
	}
	if err := p.complete(ctx, p.evening, dominica, "HUR-05", "note_verbale"); err != nil {
		return err
	}
	p.tell.did("Dominica", "sends the request and closes HUR-05: late, and it stays on record that it was late")
	return p.breathe(ctx)
}

// moveLandfall sets LANDFALL to a time at which it was observed.
func (p *play) moveLandfall(ctx context.Context, at time.Time) error {
	path := p.evening.path("anchors", "LANDFALL")
	var now anchor
	if err := p.at(dominica).get(ctx, path, &now); err != nil {
		return err
	}
	_, err := p.at(dominica).do(ctx, call{method: http.MethodPut, path: path, ifMatch: now.ETag, body: body{"at": at, "kind": "observed"}}, nil)
	return err
}

// move opens the second act, eight days later, and brings people across.
func (p *play) move(ctx context.Context) error {
	p.tell.say("Eight days later, 26 September, 18:00: a second incident of the same storm. What happened before is entered late, with its own times, as it " +
		"is when the lines were down.")
	p.tell.hold()
	var err error
	if p.week, err = p.openIncident(ctx, p.storm, dominica, "Hurricane Maria: the week after", september(26, 18, 0), antigua, saintLucia); err != nil {
		return err
	}
	p.follow(p.week)
	p.tell.did("Dominica", "opens incident %s", p.week.Code)
	if err := p.alerted(ctx, p.week, "named", antigua, saintLucia); err != nil {
		return err
	}
	var ferry movement
	left, in := september(26, 8, 0), september(26, 13, 30)
	p.tell.hold()
	if _, err = p.at(dominica).post(ctx, p.week.path("movements"), body{
		"mode": "sea", "carrier": "Chartered ferry",
		"from": body{"party": dominica, "name": "Roseau", "port": "DMRSU"}, "to": body{"party": antigua, "name": "St John's", "port": "AGSJO"},
		"departs_at": left, "eta": in, "people": body{"total": 150},
	}, &ferry); err != nil {
		return err
	}
	p.tell.did("Dominica", "announces a chartered ferry to St John's with 150 nationals of China (antiguanewsroom.com; day and hours are exercise play)")
	if _, err := p.expectAlert(ctx, p.week, antigua, "movement", ferry.ID); err != nil {
		return err
	}
	if err := p.breathe(ctx); err != nil {
		return err
	}
	p.tell.hold()
	if _, err := p.at(dominica).post(ctx, p.week.path("movements", ferry.ID, "depart"), body{"departed_at": left, "people": body{"total": 150}}, &ferry); err != nil {
		return err
	}
	p.tell.did("Dominica", "reports that it left at %s, %d counted on board", left.Format("15:04"), ferry.Left.Total)
	if _, err := p.expectAlert(ctx, p.week, antigua, "departure", ferry.ID); err != nil {
		return err
	}
	if err := p.breathe(ctx); err != nil {
		return err
	}
	p.tell.hold()
	if _, err := p.at(antigua).post(ctx, p.week.path("movements", ferry.ID, "arrive"), body{"arrived_at": in, "people": body{"total": 150}}, &ferry); err != nil {
		return err
	}
	p.tell.did("Antigua and Barbuda", "counts on the dock at %s: %d left, %d came, difference %d: reconciled", in.Format("15:04"), ferry.Left.Total, ferry.Came.Total, ferry.Difference)
	if _, err := p.expect(ctx, "the arrival at Dominica", func(a arrival) bool {
		return a.box == dominica && a.event.kind() == "movement.arrived" && a.event.Data.Movement != nil && a.event.Data.Movement.ID == ferry.ID
	}); err != nil {
		return err
	}
	return p.breathe(ctx)
}

// openIncident opens an exercise and gives it as the server shows it.
func (p *play) openIncident(ctx context.Context, h hazard, origin, title string, starts time.Time, receivers ...string) (incident, error) {
	var i incident
	_, err := p.at(origin).post(ctx, "/api/v1/incidents", body{
		"title": title, "hazard_id": h.ID, "origin": origin, "receivers": receivers, "severity": "extreme",
		"exercise": true, "exercise_speed": p.speed, "occurred_at": starts,
	}, &i)
	if err != nil {
		return i, fmt.Errorf("incident %q: %w", title, err)
	}
	return i, nil
}

// complete reports a step done, with a reference that says that it is play.
func (p *play) complete(ctx context.Context, i incident, party, key, evidence string) error {
	return p.completed(ctx, i, party, key, evidence, time.Time{})
}

// completed is complete for a step that was done at another time than now; zero: now.
func (p *play) completed(ctx context.Context, i incident, party, key, evidence string, at time.Time) error {
	said := body{"evidence": body{"type": evidence, "reference": exercisePlay + " " + key}}
	if !at.IsZero() {
		said["occurred_at"] = at
	}
	_, err := p.at(party).post(ctx, i.path("steps", key, "complete"), said, nil)
	return err
}

// briefly writes a short time: "0.4 s".
func briefly(d time.Duration) string { return fmt.Sprintf("%.1f s", max(0, d.Seconds())) }
