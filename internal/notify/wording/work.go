package wording

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"landfall/internal/locale"
	"landfall/internal/place"
)

// stepName gives code and title: "HUR-05 Ask for places".
func (w *writer) stepName(s *step) string {
	return strings.TrimSpace(plain(s.Code, 40) + " " + plain(s.Title.In(string(w.Language)), 200))
}

func (w *writer) stepEvent(headline locale.Text[locale.Name]) bool {
	s := w.e.Data.Step
	if s == nil {
		return false
	}
	w.n.Headline = headline.Say(locale.Name{Name: w.stepName(s)})
	w.stepFacts(s)
	w.reason()
	w.steps()
	return true
}

func (w *writer) stepFacts(s *step) {
	l := &w.Notice.Label
	w.fact(l.Step, w.stepName(s))
	w.fact(l.Party, w.name(s.Party))
	w.fact(l.Progress, w.Codes.StepStatus.Of(plain(s.Status, maxValue)))
	w.fact(l.Due, w.scenario(s.DueAt))
	if !s.PlannedDueAt.Equal(s.DueAt) {
		w.fact(l.Planned, w.scenario(s.PlannedDueAt))
	}
	if s.Evidence != nil {
		w.fact(l.Evidence, w.Codes.Evidence.Of(plain(s.Evidence.Type, maxValue))+" "+s.Evidence.Reference)
	}
	open := s.Status == "pending" || s.Status == "in_progress"
	if s.LifeSafety && open {
		w.say(string(w.Notice.Say.LifeSafety))
	}
	if s.ProofOwed {
		w.say(string(w.Notice.Say.ProofOwed))
	}
}

// overdue asks for the step that was not done.
func (w *writer) overdue() {
	s := w.e.Data.Step
	if s.DueAt.IsZero() {
		return
	}
	w.ask(w.Notice.Ask.StepOverdue.Say(locale.Duty{Party: w.name(s.Party), Step: w.stepName(s), Time: w.scenario(s.DueAt)}))
}

// steps lists the open steps that came or changed with the event, the next due first; in an alert those of the party it is for.
func (w *writer) steps() {
	party := place.Party(w.e.Data.Alert.Party).StateParty()
	var open []step
	for _, s := range w.e.Data.Steps {
		if s.Status != "pending" && s.Status != "in_progress" {
			continue
		}
		if party == "" || place.Party(s.Party).StateParty() == party {
			open = append(open, s)
		}
	}
	slices.SortStableFunc(open, func(a, b step) int {
		if a.DueAt.IsZero() != b.DueAt.IsZero() {
			if a.DueAt.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.Key, b.Key))
	})
	items := make([]string, 0, min(len(open), maxShown))
	for i := range open {
		s := &open[i]
		due := w.Notice.Say.Waiting.Say(locale.Who{Party: w.name(s.Party)})
		if !s.DueAt.IsZero() {
			due = w.Notice.Say.Due.Say(locale.Until{Party: w.name(s.Party), Time: w.scenario(s.DueAt)})
		}
		items = append(items, plain(w.Joins.Colon.Say(locale.Pair{A: w.stepName(s), B: due}), 2*maxValue))
	}
	w.list(w.Notice.Label.Steps, items)
}

// anchorName names an anchor; the end of a stay is each receiver's own.
func (w *writer) anchorName(name string) string {
	kind, party, own := strings.Cut(plain(name, maxValue), ".")
	word := w.Codes.Anchor.Of(kind)
	if own {
		word += " (" + w.name(party) + ")"
	}
	return word
}

// anchors lists the key times that were set or moved.
func (w *writer) anchors() {
	all := w.e.Data.Anchors
	if a := w.e.Data.Anchor; a != nil {
		all = append([]anchor{*a}, all...)
	}
	value := func(at time.Time, kind string) string {
		return w.scenario(at) + ", " + w.Codes.AnchorKind.Of(plain(kind, maxValue))
	}
	var items []string
	for _, a := range all {
		text := value(a.At, a.Kind)
		if a.Before != nil && !a.Before.At.IsZero() {
			text = w.Notice.Say.Before.Say(locale.Pair{A: text, B: value(a.Before.At, a.Before.Kind)})
		}
		items = append(items, w.Joins.Colon.Say(locale.Pair{A: w.anchorName(a.Name), B: text}))
	}
	w.list(w.Notice.Label.Moments, items)
}

// spot names a place: the port, or the town, and the party it belongs to.
func (w *writer) spot(s spot) string {
	name := plain(s.Name, maxValue)
	if port, ok := place.PortOf(s.Port); ok && name == "" {
		name = port.Name
	}
	if name == "" {
		return w.name(s.Party)
	}
	return name + " (" + w.name(s.Party) + ")"
}

// way gives who goes from where to where, as far as it is known by now.
func (w *writer) way(m *movement) locale.Way {
	p := m.People
	if m.Left != nil {
		p = *m.Left
	}
	if m.Came != nil {
		p = *m.Came
	}
	return locale.Way{People: w.Count(p.Total, w.Counts.Persons), From: w.spot(m.From), To: w.spot(m.To)}
}

func (w *writer) movementEvent(headline locale.Text[locale.Way]) bool {
	m := w.e.Data.Movement
	if m == nil {
		return false
	}
	w.n.Headline = headline.Say(w.way(m))
	w.movementFacts(m)
	w.reason()
	w.steps()
	return true
}

func (w *writer) movementFacts(m *movement) {
	l := &w.Notice.Label
	was := m.voyage // what a correction shows beside what is so now
	if m.Before != nil {
		was = *m.Before
	}
	count := func(p *people) string {
		if p == nil {
			return ""
		}
		return w.Count(p.Total, w.Counts.Persons)
	}
	w.fact(l.From, w.spot(m.From))
	w.fact(l.To, w.spot(m.To))
	w.fact(l.Mode, w.Codes.Mode.Of(plain(m.Mode, maxValue)))
	w.changed(l.Carrier, m.Carrier, was.Carrier)
	w.changed(l.People, count(&m.People), count(&was.People))
	if m.DepartedAt.IsZero() {
		w.changed(l.Departs, w.scenario(m.DepartsAt), w.scenario(was.DepartsAt))
	}
	w.changed(l.Departed, w.scenario(m.DepartedAt), w.scenario(was.DepartedAt))
	w.changed(l.Left, count(m.Left), count(was.Left))
	if m.ArrivedAt.IsZero() {
		w.changed(l.ETA, w.scenario(m.ETA), w.scenario(was.ETA))
	}
	w.changed(l.Arrived, w.scenario(m.ArrivedAt), w.scenario(was.ArrivedAt))
	w.changed(l.Came, count(m.Came), count(was.Came))
	if m.Difference != 0 {
		text := w.Number(m.Difference)
		if m.Difference > 0 {
			text = "+" + text
		}
		if m.Why != "" {
			text += " (" + m.Why + ")"
		}
		w.fact(l.Difference, text)
	}
	w.fact(l.Progress, w.Codes.MovementStatus.Of(plain(m.Status, maxValue)))
}
