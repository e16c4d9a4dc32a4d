package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/locale"
	"landfall/internal/place"
)

// workAnnounce records a movement notice.
func (c *Console) workAnnounce(v *visit) error {
	i, own, err := c.workLed(v, access.LeadMovement)
	if err != nil {
		return err
	}
	f, sent, err := v.workSent(func() *form {
		f := newForm().with("from", string(i.Origin))
		if len(i.Receivers) == 1 {
			f.with("to", string(i.Receivers[0]))
		}
		return f
	})
	if err != nil {
		return err
	}
	if sent {
		fields := map[string]string{"/from/party": "from", "/from/port": "from", "/from": "from", "/from/name": "from_name",
			"/to/party": "to", "/to/port": "to", "/to": "to", "/to/name": "to_name"}
		v.need(f, "mode", "to", "departs_at", "eta", "people")
		in := incident.AnnounceMovement{
			Mode: incident.Mode(f.Value("mode")), Carrier: f.Value("carrier"),
			From: workSpotOf(f, "from"), To: workSpotOf(f, "to"),
			DepartsAt: v.moment(f, "departs_at", i.Origin), ETA: v.moment(f, "eta", i.Origin),
		}
		if people := v.workPeople(f, "people", fields); people != nil {
			in.People = *people
		}
		w := v.write(f)
		w.Relay = v.workRelay(f, !own)
		if !f.Failed() {
			done, err := c.incident.AnnounceMovement(v.ctx(), v.scope, w, i.ID, in)
			if err == nil {
				return v.to(workTab(i.ID, "movements")+"/"+done.Value.ID, "work_movement")
			}
			if !v.refused(f, err, fields) {
				return err
			}
		}
	}
	return v.workAnnounceForm(f, i, own)
}

func (v *visit) workAnnounceForm(f *form, i *incident.Incident, own bool) error {
	t, label := v.L.Page.Work.Movement, v.L.Notice.Label
	p := workPage{
		Title: string(t.New), Lead: string(t.NewLead), Form: f, Action: workTab(i.ID, "movements") + "/new", Draft: i.ID + "/movement", Facts: v.workBrief(i),
	}
	if len(i.Receivers) == 0 {
		p.Notes = append(p.Notes, workNote{soon, string(t.NoReceiver)})
	}
	if _, err := v.workWarn(&p, i, ledger.Inside, i.Receivers...); err != nil {
		return err
	}
	to := workField{field: f.Select("to", label.To, nil).Need().Saying(v.L.Page.Form.Choose)}
	for _, r := range i.Receivers {
		to.Groups = append(to.Groups, workGroup{Label: v.L.Party(r), Choices: v.workPorts(r)})
	}
	from := workField{field: f.Select("from", label.From, nil).Need(), Groups: []workGroup{{Label: v.L.Party(i.Origin), Choices: v.workPorts(i.Origin)}}}
	total, breakdown := v.workPeopleFields(f, "people", label.People, nil)
	p.Blocks = []workBlock{
		{Fields: append(workFields(f.Radios("mode", label.Mode, workToChoices(incident.Modes(), v.L.Codes.Mode)).Need()), from, to)},
		{Text: v.workZone(i.Origin, i.Exercise), Fields: workFields(f.When("departs_at", label.Departs).Need(), f.When("eta", t.ETA).Need().Hinted(t.ETAHint))},
		{Fields: workFields(total.Need().Hinted(v.L.Page.Form.NoPersonal))},
		breakdown,
		{Heading: string(t.More), Fold: true, Fields: workFields(
			f.Text("carrier", label.Carrier).AtMost(check.MaxPlace).Hinted(t.CarrierHint),
			f.Text("from_name", t.FromName).AtMost(check.MaxPlace), f.Text("to_name", t.ToName).AtMost(check.MaxPlace).Hinted(t.NameHint))},
	}
	p.Blocks = append(p.Blocks, v.workRelays(f, !own, i.Thing(""), i.Origin)...)
	say := string(t.PressReal)
	class := "danger"
	if i.Exercise {
		say, class = string(t.PressExercise), "rehearsal"
	}
	p.Buttons = []workButton{{goYes, say, class}}
	return v.workShow("work", p, i)
}

// workPorts gives the places of a party that people leave from or come to: all of it, its islands, its ports.
func (v *visit) workPorts(p place.Party) []choice {
	t := v.L.Page.Work.Movement
	all := v.workIslands(p)
	if len(all) == 1 {
		all[0].Label = t.Anywhere.Say(locale.Name{Name: all[0].Label})
	}
	for _, port := range place.PortsOf(p) {
		label := port.Name + " (" + port.Code + ")"
		if port.DaylightOnly() {
			label += ", " + string(t.Daylight)
		}
		all = append(all, choice{Value: "port:" + port.Code, Label: label})
	}
	return all
}

// workSpotOf reads a place: a party, or a port and its party; with the town beside it.
func workSpotOf(f *form, name string) incident.Spot {
	s := incident.Spot{Party: place.Party(f.Value(name)), Name: f.Value(name + "_name")}
	if code, ok := strings.CutPrefix(f.Value(name), "port:"); ok {
		s.Party, s.Port = "", code
		if port, known := place.PortOf(code); known {
			s.Party = port.Party()
		}
	}
	return s
}

// workSpot puts a place into words: "Roseau (DMRSU), Dominica".
func (v *visit) workSpot(s incident.Spot) string {
	if name := workPort(s); name != "" {
		return name + ", " + v.L.Party(s.Party)
	}
	return v.L.Party(s.Party)
}

// workPort gives the town and the port of a place, without its party: "Roseau (DMRSU)"; "" when neither is known.
func workPort(s incident.Spot) string {
	name := s.Name
	if s.Port != "" {
		port := s.Port
		if known, ok := place.PortOf(s.Port); ok {
			port = known.Name + " (" + s.Port + ")"
		}
		if name == "" {
			name = port
		} else {
			name += ", " + port
		}
	}
	return name
}

// workMoves is a movement with its incident, and who may do what with it.
type workMoves struct {
	Incident           *incident.Incident
	Movement           *incident.Movement
	leads, here        bool // the account speaks for the affected state; for the receiving one
	forOrigin, forHere bool // it passes on the word of the one; of the other
}

func (c *Console) workMoves(v *visit) (workMoves, error) {
	i, err := c.incident.Get(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return workMoves{}, err
	}
	m, err := c.incident.Movement(v.ctx(), v.scope, i.ID, v.Param("movement"))
	if err != nil {
		return workMoves{}, err
	}
	return v.workMovesOf(i, m), nil
}

// workMovesOf says what the reader does with a movement of an incident.
func (v *visit) workMovesOf(i incident.Incident, m *incident.Movement) workMoves {
	led, received := i.Thing(""), i.Thing(m.Receiver)
	return workMoves{
		Incident: &i, Movement: m, leads: v.scope.May(access.LeadMovement, led), here: v.scope.May(access.CountArrivals, received),
		forOrigin: v.scope.MayRelay(access.LeadMovement, led, i.Origin), forHere: v.scope.MayRelay(access.CountArrivals, received, m.Receiver),
	}
}

// workMovementView is one movement as it is read.
type workMovementView struct {
	Way, Reason string
	Status      mark
	Facts       []workFact
	Breakdown   []workFact
	Actions     []workButton // Value: the last part of the address
	Base        string
	Difference  string
}

// workMovement shows a movement, and what can be done with it.
func (c *Console) workMovement(v *visit) error {
	m, err := c.workMoves(v)
	if err != nil {
		return err
	}
	view := workMovementView{Way: v.workWay(m.Movement), Status: v.workMovementMark(m.Movement, v.console.workNow(m.Incident)), Base: workTab(m.Incident.ID, "movements") + "/" + m.Movement.ID,
		Facts: v.workMovementFacts(m), Reason: m.Movement.Reason}
	if d := m.Movement.Difference; m.Movement.Came != nil && d != 0 {
		view.Difference = v.L.Page.Work.Movement.Differs.Say(locale.Name{Name: v.workSigned(d)})
		if m.Movement.Why != "" {
			view.Difference += " " + m.Movement.Why
		}
	}
	for _, count := range []struct {
		label string
		p     *incident.People
	}{{string(v.L.Notice.Label.People), &m.Movement.People}, {string(v.L.Notice.Label.Left), m.Movement.Left}, {string(v.L.Notice.Label.Came), m.Movement.Came}} {
		if text := v.workConsists(count.p); text != "" {
			view.Breakdown = append(view.Breakdown, workFact{count.label, text})
		}
	}
	view.Actions = v.workMovementActions(m)
	return v.show(http.StatusOK, "work_movement", view.Way, view, in("incidents"), during(m.Incident.Exercise),
		backTo(workTab(m.Incident.ID, "movements"), m.Incident.Code+" · "+m.Incident.Title), following("incident/"+m.Incident.ID))
}

// workMovementMark says how a movement stands, or what is wrong with it at a time: it should have come in, or fewer came than left.
func (v *visit) workMovementMark(m *incident.Movement, now time.Time) mark {
	if n, say := v.unaccounted(m, now); n > 0 {
		return mark{bad, say}
	}
	tone := map[incident.MovementStatus]string{incident.Announced: info, incident.Departed: soon, incident.Arrived: good, incident.MovementCancelled: idle}[m.Status]
	return mark{tone, v.L.Codes.MovementStatus.Of(string(m.Status))}
}

// workMovementFacts says what is known of a movement, in the time of both ends.
func (v *visit) workMovementFacts(m workMoves) []workFact {
	label, mv := v.L.Notice.Label, m.Movement
	ends, now := []place.Party{m.Incident.Origin, mv.Receiver}, v.console.workNow(m.Incident)
	moment := func(label locale.Phrase, t time.Time) []workFact {
		if t.IsZero() {
			return nil
		}
		return []workFact{{string(label), v.bare().When(t, now, ends[0], ends[1])}}
	}
	facts := []workFact{{string(label.From), v.workSpot(mv.From)}, {string(label.To), v.workSpot(mv.To)},
		{string(label.Mode), workCapital(v.L.Codes.Mode.Of(string(mv.Mode)))}}
	if mv.Carrier != "" {
		facts = append(facts, workFact{string(label.Carrier), mv.Carrier})
	}
	counted := func(n int, word *incident.Word) string {
		return v.wordOf(v.L.Count(n, v.L.Counts.Persons), word)
	}
	facts = append(facts, workFact{string(label.People), counted(mv.People.Total, mv.Relayed)})
	facts = slices.Concat(facts, moment(label.Departs, mv.DepartsAt), moment(v.L.Page.Work.Movement.ETA, mv.ETA), moment(label.Departed, mv.DepartedAt))
	if mv.Left != nil {
		facts = append(facts, workFact{string(label.Left), counted(mv.Left.Total, mv.LeftRelayed)})
	}
	facts = append(facts, moment(label.Arrived, mv.ArrivedAt)...)
	if mv.Came != nil {
		facts = append(facts, workFact{string(label.Came), counted(mv.Came.Total, mv.CameRelayed)})
	}
	return facts
}

// workConsists says what a count consists of; "" when that is not known.
func (v *visit) workConsists(p *incident.People) string {
	if p == nil {
		return ""
	}
	t := v.L.Page.Work.People
	var parts []string
	say := func(label string, n int) {
		parts = append(parts, v.L.Joins.Colon.Say(locale.Pair{A: label, B: v.L.Number(n)}))
	}
	for _, row := range p.Sex {
		say(t.Sex.Of(string(row.Sex)), row.Count)
	}
	for _, band := range p.Ages {
		say(v.workBand(band), band.Count)
	}
	for _, row := range p.Needs {
		say(t.Need.Of(string(row.Need)), row.Count)
	}
	return strings.Join(parts, " · ")
}

func (v *visit) workSigned(n int) string {
	if n > 0 {
		return "+" + v.L.Number(n)
	}
	return "−" + v.L.Number(-n)
}

// workMovementActions gives what somebody may do with a movement now, the next thing first.
func (v *visit) workMovementActions(m workMoves) []workButton {
	t := v.L.Page.Work.Movement
	var all []workButton
	leads, here := m.leads || m.forOrigin, m.here || m.forHere
	running := m.Incident.Status.Runs()
	if !running {
		return nil
	}
	status := m.Movement.Status
	if leads && status == incident.Announced {
		all = append(all, workButton{"depart", string(t.Depart), ""})
	}
	if here && (status == incident.Announced || status == incident.Departed) {
		all = append(all, workButton{"arrive", string(t.Arrive), ""})
	}
	origins, receivers := m.corrects()
	if status != incident.MovementCancelled && (origins || receivers) {
		all = append(all, workButton{"correct", string(t.Correct), ""})
	}
	if leads && (status == incident.Announced || status == incident.Departed) {
		all = append(all, workButton{"cancel", string(t.Cancel), ""})
	}
	if len(all) > 0 && all[0].Value != "correct" {
		all[0].Class = "primary"
		if m.Incident.Exercise {
			all[0].Class = "rehearsal"
		}
	}
	return all
}

// corrects says whose part of a movement somebody corrects: that of the affected state, that of the receiving state. Whoever speaks for
// neither passes on the word of either.
func (m workMoves) corrects() (origins, receivers bool) {
	arrived := m.Movement.Status == incident.Arrived
	return m.leads || m.forOrigin && (!m.here || !arrived), arrived && (m.here || !m.leads && m.forHere)
}

// workMovementMay gives a movement to whoever may do something with it that is the affected state's or the receiving state's to do.
func (c *Console) workMovementMay(v *visit, origins bool) (workMoves, error) {
	m, err := c.workMoves(v)
	switch {
	case err != nil:
		return m, err
	case origins && !m.leads && !m.forOrigin:
		return m, access.Refusal(access.LeadMovement, m.Incident.Thing(""))
	case !origins && !m.here && !m.forHere:
		return m, access.Refusal(access.CountArrivals, m.Incident.Thing(m.Movement.Receiver))
	}
	return m, nil
}

// workMovementSent finishes what a form does with a movement: on to the movement, or the same form with what was typed, what is wrong, and what is
// on record now.
func (c *Console) workMovementSent(v *visit, f *form, m *workMoves, err error, fields map[string]string) (again bool, record []workFact, failed error) {
	if !v.refused(f, err, fields) {
		return false, nil, err
	}
	if f.Stale {
		now, err := c.incident.Movement(v.ctx(), v.scope, m.Incident.ID, m.Movement.ID)
		if err != nil {
			return false, nil, err
		}
		m.Movement = now
		f.with("etag", c.incident.ETag(now.Seq))
		status := workFact{string(v.L.Notice.Label.Status), v.L.Codes.MovementStatus.Of(string(now.Status))}
		return true, append([]workFact{status}, v.workMovementFacts(*m)...), nil
	}
	return true, nil, nil
}

// workMovementPage begins the page of a form on a movement.
func (v *visit) workMovementPage(f *form, m workMoves, verb string, record []workFact) workPage {
	return workPage{
		Form: f, Action: workTab(m.Incident.ID, "movements") + "/" + m.Movement.ID + "/" + verb, Draft: m.Movement.ID + "/" + verb, Record: record,
		Facts: append([]workFact{{string(v.L.Notice.Label.Status), v.L.Codes.MovementStatus.Of(string(m.Movement.Status))}}, v.workMovementFacts(m)...),
		Lead:  v.workWay(m.Movement),
	}
}
