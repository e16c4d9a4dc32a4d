package console

import (
	"slices"
	"time"

	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/place"
)

// receiverLine is what a receiving state was told and said.
type receiverLine struct {
	Party    place.Party
	Raised   time.Time // wall time of the last alert that asks for an answer
	Told     time.Time // when it was first handed over to an address; zero: nothing has left yet
	Nobody   bool      // there was no address to send it to
	Acked    *notify.Acknowledgement
	Required *time.Time
	Late     bool
	Answer   *incident.Answer
	Word     string // of the answer
	Tone     string
}

// receiverLine says how a party stood at a wall time. Nothing is late any more of an incident that is over.
func (v *visit) receiverLine(i incident.Incident, p place.Party, answers []*incident.Answer, told []notify.Told, wall time.Time) receiverLine {
	l := receiverLine{Party: p, Tone: idle, Word: string(v.L.Page.Incidents.NoAnswer)}
	for _, n := range answers { // in the order they were recorded: the last counts
		if n.Party == p {
			l.Answer, l.Word = n, v.L.Codes.Answer.Of(string(n.Kind))
		}
	}
	for _, t := range told {
		if t.Party != p {
			continue
		}
		for _, alert := range t.Alerts {
			of := alert.Alert
			if of.RequiredBy == nil && l.Required != nil {
				continue // what asks for an answer counts before what only tells
			}
			l.Raised, l.Acked, l.Required, l.Nobody, l.Told = of.RaisedAt, of.Acknowledged, of.RequiredBy, alert.NoAddress, alert.FirstDelivered()
		}
	}
	over := i.Status == incident.Closed || i.Status == incident.StoodDown
	l.Late = !over && l.Acked == nil && l.Required != nil && wall.After(*l.Required)
	switch {
	case l.Answer != nil && l.Answer.Kind == incident.Accept:
		l.Tone = good
	case l.Answer != nil:
		l.Tone = info
	case l.Late, l.Nobody && l.Acked == nil:
		l.Tone = bad
	case l.Acked == nil && !over:
		l.Tone = soon
	}
	return l
}

// worstFirst orders lines: what is wrong stands above what is well.
func worstFirst(lines []receiverLine) {
	tones := []string{bad, soon, idle, info, good}
	slices.SortStableFunc(lines, func(a, b receiverLine) int { return slices.Index(tones, a.Tone) - slices.Index(tones, b.Tone) })
}

// figureLine is one figure of a list.
type figureLine struct {
	incident.Figure
	Number                            string
	Category, Setting, Source, Place_ string
	Parts                             int // what its parts make, when they do not add up
	Tone                              string
}

func (v *visit) figureLine(f incident.Figure) figureLine {
	l := figureLine{
		Figure: f, Number: v.L.Number(f.Number), Category: v.L.Codes.Category.Of(string(f.Category)), Setting: v.L.Codes.Setting.Of(string(f.Setting)),
		Source: f.Source.Name, Place_: v.L.Party(f.Place.Party), Tone: info,
	}
	switch f.Quantifier {
	case incident.Exact:
	case incident.Approximately:
		l.Number = v.L.Counts.About.Say(locale.Name{Name: l.Number})
	case incident.MoreThan:
		l.Number = v.L.Counts.MoreThan.Say(locale.Name{Name: l.Number})
	case incident.LessThan:
		l.Number = v.L.Counts.FewerThan.Say(locale.Name{Name: l.Number})
	}
	if !f.PartsAddUp {
		l.Tone = soon
		for _, p := range f.Parts {
			l.Parts += p.Number
		}
	}
	return l
}

// movementLine is one movement of a list.
type movementLine struct {
	*incident.Movement
	Word, By, From_, To_ string
	Tone                 string
	Shown                int // people: as counted last
}

func (v *visit) movementLine(m *incident.Movement) movementLine {
	l := movementLine{
		Movement: m, Word: v.L.Codes.MovementStatus.Of(string(m.Status)), By: v.L.Codes.Mode.Of(string(m.Mode)), From_: v.spot(m.From), To_: v.spot(m.To),
		Tone: map[incident.MovementStatus]string{incident.Announced: soon, incident.Departed: info, incident.Arrived: good}[m.Status], Shown: m.People.Total,
	}
	if l.Tone == "" {
		l.Tone = idle
	}
	if m.Left != nil {
		l.Shown = m.Left.Total
	}
	if m.Came != nil {
		l.Shown = m.Came.Total
	}
	return l
}

// movementAt is movementLine with what is wrong at a time: it should have come in, or fewer came than left.
func (v *visit) movementAt(m *incident.Movement, now time.Time) movementLine {
	l := v.movementLine(m)
	if n, say := v.unaccounted(m, now); n > 0 {
		l.Tone, l.Word = bad, say
	}
	return l
}

func (v *visit) spot(s incident.Spot) string {
	if s.Name != "" {
		return s.Name + ", " + v.L.Party(s.Party)
	}
	return v.L.Party(s.Party)
}
