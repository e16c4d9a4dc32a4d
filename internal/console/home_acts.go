package console

import (
	"cmp"
	"html/template"
	"slices"
	"strings"
	"time"

	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/notify"
)

// urgency orders what is to be done. Inside of one, the clock orders.
type urgency int

// The urgencies, the most urgent first.
const (
	atSea       urgency = iota // people who should have arrived, or of whom fewer came than left
	lateForLife                // own, and lives depend on it
	late                       // own
	dueSoon                    // own
	quiet
)

// homeAct is something that the reader is to do or to look after, in one line.
type homeAct struct {
	urgency      urgency
	by           time.Time // wall time, or an exercise's own
	Tone         string
	State        mark
	LifeSafety   string // the word for it; "" for what no life depends on
	Href, Title  string
	When         template.HTML
	Incident     string
	Exercise     bool
	ExerciseWord string
	Action       *link
}

const homeActsMost = 12 // acts shown

// homeTally counts what the heading of the page says.
type homeTally struct{ people, forLife, late int }

// count takes an own act into what the heading says.
func (n *homeTally) count(act homeAct) {
	switch act.urgency {
	case lateForLife:
		n.forLife++
	case late:
		n.late++
	case atSea, dueSoon, quiet:
	}
}

// homeSituation says in the heading what is wrong, the worst first; "" when nothing is.
func (v *visit) homeSituation(n homeTally) string {
	t := &v.L.Page.Home
	var said []string
	others := t.LateOthers
	if n.forLife == 0 {
		others = t.LateOnly
	}
	for _, one := range []struct {
		n    int
		text locale.Counted
	}{{n.people, t.AtSea}, {n.forLife, t.LateForLife}, {n.late, others}} {
		if one.n > 0 && len(said) < 2 {
			said = append(said, v.L.Count(one.n, one.text))
		}
	}
	return strings.Join(said, " ")
}

// add takes acts into the page, the most urgent first.
func (view *homeView) add(acts ...homeAct) { view.Acts = append(view.Acts, acts...) }

// settle orders the acts and bounds them.
func (view *homeView) settle() {
	slices.SortStableFunc(view.Acts, func(a, b homeAct) int {
		drill := func(x homeAct) int {
			if x.Exercise {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(a.urgency, b.urgency), cmp.Compare(drill(a), drill(b)), a.by.Compare(b.by))
	})
	view.MoreActs = max(len(view.Acts)-homeActsMost, 0)
	view.Acts = view.Acts[:min(len(view.Acts), homeActsMost)]
}

// actOfAlert gives an alert that wants an answer. Lives depend on a request to take people in, and on people who are on their way.
func (v *visit) actOfAlert(a *notify.Alert, now time.Time) homeAct {
	row := v.alertRow(a, now)
	act := homeAct{
		urgency: dueSoon, by: *a.RequiredBy, Tone: row.Tone, State: row.State, Href: row.Href, Title: row.Headline, When: row.When,
		Incident: row.Incident, Exercise: row.Exercise, ExerciseWord: row.ExerciseWord,
	}
	if row.Count != "" {
		act.State.Text = row.Count
	}
	if !a.RequiredBy.After(now) {
		act.urgency = late
		if a.Kind == alertMovement || a.Kind == alertActivation {
			act.urgency = lateForLife
		}
	}
	return act
}

// actsOfSteps gives the late steps of the reader, and those that are due soon.
func (v *visit) actsOfSteps(i incident.Incident, steps []incident.Step) []homeAct {
	now, w := i.Clock.Scenario(v.console.now()), v.bare()
	var acts []homeAct
	for _, s := range steps {
		if !v.homeOurs(s) || !s.Overdue && !s.DueSoon {
			continue
		}
		act := v.actOf(i)
		act.urgency, act.by, act.Title, act.Href = dueSoon, s.DueAt, w.Text(s.Title), act.Href+"/steps/"+s.Key
		act.Tone, act.State, act.When = soon, mark{soon, v.L.Due(s.DueAt, now)}, w.At(s.DueAt, now, s.Party)
		if s.LifeSafety {
			act.LifeSafety = string(v.L.Page.Incidents.LifeSafety)
		}
		if s.Overdue {
			act.Tone, act.State.Tone, act.urgency = bad, bad, late
			if s.LifeSafety {
				act.urgency = lateForLife
			}
		}
		acts = append(acts, act)
	}
	return acts
}

// homeOurs reports whether a step is the office's own. Who acts for every party has none.
func (v *visit) homeOurs(s incident.Step) bool {
	return v.scope.Party != "" && v.scope.ActsFor(s.Party) && !s.Placeholder
}

// actsOfMovements gives the movements that should have come in, and those of whose people fewer came than left. people counts those.
func (v *visit) actsOfMovements(i incident.Incident, all []*incident.Movement) (acts []homeAct, people int) {
	now, w := i.Clock.Scenario(v.console.now()), v.bare()
	for _, m := range all {
		n, say := v.unaccounted(m, now)
		if n == 0 || !v.homeConcerns(i, m) {
			continue
		}
		people += n
		act := v.actOf(i)
		act.urgency, act.by, act.Title, act.Href = atSea, m.ETA, v.workWay(m), act.Href+"/movements/"+m.ID
		act.Tone, act.State, act.When = bad, mark{bad, say}, w.At(m.ETA, now, m.Receiver)
		if v.mayArrive(i, m) {
			act.Action = &link{act.Href + "/arrive", string(v.L.Page.Work.Movement.Arrive)}
		}
		acts = append(acts, act)
	}
	return acts, people
}

// homeConcerns reports whether the reader's office looks after the people of a movement: it leads or receives them, or acts for no state.
func (v *visit) homeConcerns(i incident.Incident, m *incident.Movement) bool {
	return !v.scope.Party.IsState() || v.scope.ActsFor(i.Origin) || v.scope.ActsFor(m.Receiver)
}

// unaccounted gives how many people of a movement are not where they should be by now, and says so: "1 h 2 min overdue", "3 not accounted for".
func (v *visit) unaccounted(m *incident.Movement, now time.Time) (n int, say string) {
	t := &v.L.Page.Home
	switch {
	case (m.Status == incident.Announced || m.Status == incident.Departed) && !m.ETA.After(now):
		people := m.People.Total
		if m.Left != nil {
			people = m.Left.Total
		}
		return people, t.Overdue.Say(locale.Name{Name: v.L.Span(now.Sub(m.ETA))})
	case m.Status == incident.Arrived && m.Difference < 0 && m.Why == "":
		return -m.Difference, v.L.Count(-m.Difference, t.Missing)
	}
	return 0, ""
}

// mayArrive reports whether the reader speaks for those who count who has come in.
func (v *visit) mayArrive(i incident.Incident, m *incident.Movement) bool {
	moves := v.workMovesOf(i, m)
	moves.forOrigin, moves.forHere = false, false
	return slices.ContainsFunc(v.workMovementActions(moves), func(b workButton) bool { return b.Value == "arrive" })
}

// actOf begins an act of an incident.
func (v *visit) actOf(i incident.Incident) homeAct {
	return homeAct{
		Href: "/incidents/" + i.ID, Incident: i.Code + " · " + i.Title, Exercise: i.Exercise, ExerciseWord: string(v.L.Page.Shell.Exercise),
	}
}
