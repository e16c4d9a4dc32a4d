package console

import (
	"cmp"
	"encoding/json"
	"html/template"
	"strconv"

	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/notify"
)

// alertMovementPart is the movement that an alert is about, as it stands now: who comes when and how, and where it is said that they have come.
type alertMovementPart struct {
	Href     string
	Status   mark
	When     template.HTML // it is expected, or came
	Come     bool          // When is that of the arrival
	Port     string        // where to; the party where no port is known
	Carrier  string
	People   string
	Consists string
	Facts    []workFact
	Of       *incident.Movement
	Arrive   *form // nil: not the reader's to say, or said
	Exercise bool
}

// alertMovementID gives the movement that an alert is about; "" for one that is about something else.
func alertMovementID(a *notify.Alert) string {
	var data struct {
		Movement struct {
			ID string `json:"id"`
		} `json:"movement"`
	}
	_ = json.Unmarshal(a.Data, &data) // what does not read, or was erased, is about no movement
	return data.Movement.ID
}

// alertMovement adds the movement. Whoever does not see it any more is shown what the alert said.
func (c *Console) alertMovement(v *visit, a *notify.Alert, i incident.Incident, view *alertView) error {
	id := alertMovementID(a)
	if id == "" {
		return nil
	}
	m, err := c.incident.Movement(v.ctx(), v.scope, i.ID, id)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden) {
		return nil
	}
	if err != nil {
		return err
	}
	moves := v.workMovesOf(i, m)
	now, w := i.Clock.Scenario(c.now()), v.bare()
	p := &alertMovementPart{
		Href: workTab(i.ID, "movements") + "/" + m.ID, Status: v.workMovementMark(m, now), Port: cmp.Or(workPort(m.To), v.L.Party(m.To.Party)), Carrier: m.Carrier,
		When: w.When(m.ETA, now, m.Receiver), People: v.L.Count(m.People.Total, v.L.Counts.Persons), Consists: v.workConsists(&m.People),
		Facts: v.workMovementFacts(moves), Of: m, Exercise: i.Exercise,
	}
	expected := m.People.Total
	if m.Left != nil {
		p.People, expected = v.L.Count(m.Left.Total, v.L.Counts.Persons), m.Left.Total
		if text := v.workConsists(m.Left); text != "" {
			p.Consists = text
		}
	}
	switch m.Status {
	case incident.Arrived:
		p.When, p.Come = w.When(m.ArrivedAt, now, m.Receiver), true
	case incident.Announced, incident.Departed:
		if p.Status.Tone == bad { // it says how late
			p.When = w.At(m.ETA, now, m.Receiver)
		}
		if v.mayArrive(i, m) {
			p.Arrive = newForm().with("etag", c.incident.ETag(m.Seq)).with("people", strconv.Itoa(expected))
		}
	case incident.MovementCancelled:
	}
	view.Movement = p
	return nil
}
