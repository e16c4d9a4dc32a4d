package console

import (
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// workDepart says that a movement has left.
func (c *Console) workDepart(v *visit) error {
	m, err := c.workMovementMay(v, true)
	if err != nil {
		return err
	}
	origin := m.Incident.Origin
	f, sent, err := v.workSent(func() *form {
		return newForm().with("etag", c.incident.ETag(m.Movement.Seq)).
			with("departed_at", v.local(c.workNow(m.Incident), origin)).with("eta", v.local(m.Movement.ETA, origin))
	})
	if err != nil {
		return err
	}
	var record []workFact
	if sent {
		fields := map[string]string{}
		in := incident.DepartMovement{DepartedAt: v.moment(f, "departed_at", origin), People: v.workPeople(f, "people", fields)}
		if eta := v.moment(f, "eta", origin); f.Value("eta") != v.local(m.Movement.ETA, origin) {
			in.ETA = eta
		}
		w := v.write(f)
		w.Relay = v.workRelay(f, !m.leads)
		if !f.Failed() {
			if _, err = c.incident.DepartMovement(v.ctx(), v.scope, w, m.Incident.ID, m.Movement.ID, in); err == nil {
				return v.to(workTab(m.Incident.ID, "movements")+"/"+m.Movement.ID, "work_departed")
			}
			var again bool
			if again, record, err = c.workMovementSent(v, f, &m, err, fields); !again {
				return err
			}
		}
	}
	t, label := v.L.Page.Work.Movement, v.L.Notice.Label
	p := v.workMovementPage(f, m, "depart", record)
	p.Title = string(t.Depart)
	if _, err := v.workWarn(&p, m.Incident, ledger.Inside, m.Movement.Receiver); err != nil {
		return err
	}
	total, breakdown := v.workPeopleFields(f, "people", label.Left, nil)
	p.Blocks = append([]workBlock{
		{Text: v.workZone(origin, m.Incident.Exercise), Fields: workFields(f.When("departed_at", label.Departed), f.When("eta", t.ETA))},
		{Fields: workFields(total.Hinted(t.LeftHint))}, breakdown,
	}, v.workRelays(f, !m.leads, m.Incident.Thing(""), origin)...)
	p.Buttons = []workButton{{goYes, string(t.DepartReal), "danger"}}
	if m.Incident.Exercise {
		p.Buttons = []workButton{{goYes, string(t.DepartExercise), "rehearsal"}}
	}
	return v.workShow("work", p, m.Incident)
}

// workArrive says that a movement has come in, and how many came.
func (c *Console) workArrive(v *visit) error {
	m, err := c.workMovementMay(v, false)
	if err != nil {
		return err
	}
	here := m.Movement.Receiver
	f, sent, err := v.workSent(func() *form {
		return newForm().with("etag", c.incident.ETag(m.Movement.Seq)).with("arrived_at", v.local(c.workNow(m.Incident), here))
	})
	if err != nil {
		return err
	}
	var record []workFact
	if sent {
		fields := map[string]string{}
		v.need(f, "people")
		in := incident.ArriveMovement{ArrivedAt: v.moment(f, "arrived_at", here), Reason: f.Value("reason")}
		if people := v.workPeople(f, "people", fields); people != nil {
			in.People = *people
		}
		w := v.write(f)
		w.Relay = v.workRelay(f, !m.here)
		if !f.Failed() {
			if _, err = c.incident.ArriveMovement(v.ctx(), v.scope, w, m.Incident.ID, m.Movement.ID, in); err == nil {
				return v.to(workTab(m.Incident.ID, "movements")+"/"+m.Movement.ID, "work_arrived")
			}
			var again bool
			if again, record, err = c.workMovementSent(v, f, &m, err, fields); !again {
				return err
			}
		}
	}
	t, label := v.L.Page.Work.Movement, v.L.Notice.Label
	p := v.workMovementPage(f, m, "arrive", record)
	p.Title = string(t.Arrive)
	total, breakdown := v.workPeopleFields(f, "people", label.Came, nil)
	p.Blocks = append([]workBlock{
		{Fields: workFields(total.Need().Hinted(v.L.Page.Form.NoPersonal))},
		{Text: v.workZone(here, m.Incident.Exercise), Fields: workFields(f.When("arrived_at", label.Arrived))},
		{Fields: workFields(f.Area("reason", t.Why).AtMost(check.MaxReason).Hinted(t.WhyHint))}, breakdown,
	}, v.workRelays(f, !m.here, m.Incident.Thing(""), here)...)
	p.Buttons = []workButton{{goYes, string(t.ArrivePress), "primary"}}
	if m.Incident.Exercise {
		p.Buttons[0].Class = "rehearsal"
	}
	return v.workShow("work", p, m.Incident)
}

// workCancel takes a movement back.
func (c *Console) workCancel(v *visit) error {
	m, err := c.workMovementMay(v, true)
	if err != nil {
		return err
	}
	f, sent, err := v.workSent(func() *form { return newForm().with("etag", c.incident.ETag(m.Movement.Seq)) })
	if err != nil {
		return err
	}
	var record []workFact
	if sent {
		v.need(f, "reason")
		w := v.write(f)
		w.Relay = v.workRelay(f, !m.leads)
		if !f.Failed() {
			_, err = c.incident.CancelMovement(v.ctx(), v.scope, w, m.Incident.ID, m.Movement.ID, incident.CancelMovement{Reason: f.Value("reason")})
			if err == nil {
				return v.to(workTab(m.Incident.ID, "movements")+"/"+m.Movement.ID, "work_cancelled")
			}
			var again bool
			if again, record, err = c.workMovementSent(v, f, &m, err, nil); !again {
				return err
			}
		}
	}
	t := v.L.Page.Work.Movement
	p := v.workMovementPage(f, m, "cancel", record)
	p.Title = string(t.Cancel)
	if _, err := v.workWarn(&p, m.Incident, ledger.Inside, m.Movement.Receiver); err != nil {
		return err
	}
	p.Blocks = append([]workBlock{{Fields: workFields(f.Area("reason", v.L.Notice.Label.Reason).Need().AtMost(check.MaxReason).Hinted(v.L.Page.Form.NoPersonal))}},
		v.workRelays(f, !m.leads, m.Incident.Thing(""), m.Incident.Origin)...)
	p.Buttons = []workButton{{goYes, string(t.CancelReal), "danger"}}
	if m.Incident.Exercise {
		p.Buttons = []workButton{{goYes, string(t.CancelExercise), "rehearsal"}}
	}
	return v.workShow("work", p, m.Incident)
}

// workCorrect replaces what was said of a movement by what is right: only what differs from the record is sent.
func (c *Console) workCorrect(v *visit) error {
	m, err := c.workMoves(v)
	if err != nil {
		return err
	}
	origins, receivers := m.corrects()
	if !origins && !receivers {
		return access.Refusal(access.LeadMovement, m.Incident.Thing(""))
	}
	f, sent, err := v.workSent(func() *form { return c.workCorrectFresh(v, m) })
	if err != nil {
		return err
	}
	var record []workFact
	must := !m.leads && (!m.here || m.Movement.Status != incident.Arrived)
	if sent {
		v.need(f, "reason")
		in, fields := v.workCorrection(f, m, origins, receivers)
		w := v.write(f)
		w.Relay = v.workRelay(f, must)
		if !f.Failed() {
			if _, err = c.incident.CorrectMovement(v.ctx(), v.scope, w, m.Incident.ID, m.Movement.ID, in); err == nil {
				return v.to(workTab(m.Incident.ID, "movements")+"/"+m.Movement.ID, "work_corrected")
			}
			var again bool
			if again, record, err = c.workMovementSent(v, f, &m, err, fields); !again {
				return err
			}
		}
	}
	p := v.workCorrectPage(f, m, origins, receivers, must, record)
	if _, err := v.workWarn(&p, m.Incident, ledger.Inside, m.Movement.Receiver); err != nil {
		return err
	}
	return v.workShow("work", p, m.Incident)
}

// workTimes are the times of a movement that a correction may change, by their fields.
func workTimes(m workMoves) map[string]time.Time {
	return map[string]time.Time{
		"departs_at": m.Movement.DepartsAt, "eta": m.Movement.ETA, "departed_at": m.Movement.DepartedAt, "arrived_at": m.Movement.ArrivedAt,
	}
}

// clockOf gives whose clock a field of a correction is of.
func (m workMoves) clockOf(field string) place.Party {
	if field == "arrived_at" {
		return m.Movement.Receiver
	}
	return m.Incident.Origin
}

func (c *Console) workCorrectFresh(v *visit, m workMoves) *form {
	f := newForm().with("etag", c.incident.ETag(m.Movement.Seq)).with("carrier", m.Movement.Carrier).with("difference_reason", m.Movement.Why)
	for name, t := range workTimes(m) {
		f.with(name, v.local(t, m.clockOf(name)))
	}
	workPeopleFill(f, "people", &m.Movement.People)
	workPeopleFill(f, "left", m.Movement.Left)
	workPeopleFill(f, "came", m.Movement.Came)
	return f
}

// workCorrection reads what differs from the record.
func (v *visit) workCorrection(f *form, m workMoves, origins, receivers bool) (incident.CorrectMovement, map[string]string) {
	in, fields := incident.CorrectMovement{Reason: f.Value("reason")}, map[string]string{"": "reason"}
	when := func(name string) *time.Time {
		held := workTimes(m)[name]
		at := v.moment(f, name, m.clockOf(name))
		if at.IsZero() || f.Value(name) == v.local(held, m.clockOf(name)) {
			return nil
		}
		return &at
	}
	count := func(name string, held *incident.People) *incident.People {
		if p := v.workPeople(f, name, fields); p != nil && !samePeople(p, held) {
			return p
		}
		return nil
	}
	text := func(name, held string) *string {
		if typed := f.Value(name); typed != held {
			return &typed
		}
		return nil
	}
	if origins {
		in.Carrier, in.DepartsAt, in.ETA = text("carrier", m.Movement.Carrier), when("departs_at"), when("eta")
		in.People = count("people", &m.Movement.People)
		if !m.Movement.DepartedAt.IsZero() {
			in.DepartedAt, in.Left = when("departed_at"), count("left", m.Movement.Left)
		}
	}
	if receivers {
		in.ArrivedAt, in.Came, in.Why = when("arrived_at"), count("came", m.Movement.Came), text("difference_reason", m.Movement.Why)
	}
	return in, fields
}

func (v *visit) workCorrectPage(f *form, m workMoves, origins, receivers, must bool, record []workFact) workPage {
	t, label := v.L.Page.Work.Movement, v.L.Notice.Label
	p := v.workMovementPage(f, m, "correct", record)
	p.Title = string(t.Correct)
	p.Notes = append(p.Notes, workNote{info, string(t.CorrectLead)})
	p.Blocks = []workBlock{{Fields: workFields(f.Area("reason", t.CorrectReason).Need().AtMost(check.MaxReason).Hinted(v.L.Page.Form.NoPersonal))}}
	people := func(name string, label any, held *incident.People) {
		total, breakdown := v.workPeopleFields(f, name, label, held)
		p.Blocks = append(p.Blocks, workBlock{Fields: workFields(total)}, breakdown)
	}
	relayed := []place.Party{m.Incident.Origin}
	if origins {
		block := workBlock{Text: v.workZone(m.Incident.Origin, m.Incident.Exercise), Fields: workFields(f.When("departs_at", label.Departs), f.When("eta", t.ETA))}
		if !m.Movement.DepartedAt.IsZero() {
			block.Fields = append(block.Fields, workFields(f.When("departed_at", label.Departed))...)
		}
		block.Fields = append(block.Fields, workFields(f.Text("carrier", label.Carrier).AtMost(check.MaxPlace))...)
		p.Blocks = append(p.Blocks, block)
		people("people", label.People, &m.Movement.People)
		if !m.Movement.DepartedAt.IsZero() {
			people("left", label.Left, m.Movement.Left)
		}
	}
	if receivers {
		relayed = append(relayed, m.Movement.Receiver)
		p.Blocks = append(p.Blocks, workBlock{Text: v.workZone(m.Movement.Receiver, m.Incident.Exercise), Fields: workFields(
			f.When("arrived_at", label.Arrived), f.Text("difference_reason", t.Why).AtMost(check.MaxReason))})
		people("came", label.Came, m.Movement.Came)
	}
	p.Blocks = append(p.Blocks, v.workRelays(f, must, m.Incident.Thing(""), relayed...)...)
	p.Buttons = []workButton{{goYes, string(t.CorrectPress), "primary"}}
	if m.Incident.Exercise {
		p.Buttons[0].Class = "rehearsal"
	}
	return p
}
