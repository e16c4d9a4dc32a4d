package console

import (
	"cmp"
	"html/template"
	"slices"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/place"
	"landfall/internal/preparedness"
)

// homeCard is one incident at a glance, as whoever reads it looks at it: the affected state and overseers at everybody's work, a receiving
// state at its own.
type homeCard struct {
	Texts             *locale.Home
	ExerciseWord      string
	Href, Title, Line string
	Status            mark
	Exercise          bool
	Tone              string
	Marks             []mark // overdue, due soon
	NextLabel         string
	Next              string        // the step that is due next
	NextHref          string        // where it stands
	NextAt            template.HTML // until when
	NextIn            string        // the same from now
	Answered          string        // how many receiving states have answered, or what the reader's own said
	Answer            string        // where the reader answers; "" when there is nothing to answer

	urgency urgency // of the worst that is known of it
}

// homeWaiting is a party from which no reply has come yet.
type homeWaiting struct {
	Party          string
	Mark           mark
	Href, Incident string
}

// homeReady is how ready the reader's state is to take in visitors and displaced people.
type homeReady struct {
	Marks    []mark
	Coverage string
	Expiring []homeExpiring
}

// homeExpiring is a unit whose assessment runs out soon.
type homeExpiring struct {
	Name, In string
	At       template.HTML
}

// homeIncidents adds the open incidents: the reader's own, those that name its state, or all. It gives how many there are.
func (c *Console) homeIncidents(v *visit, view *homeView) (int, error) {
	t := &v.L.Page.Home
	limit := homeLook
	if homeOversees(v.scope) {
		limit = homeOverview
	}
	found, more, err := c.incident.ListOpen(v.ctx(), v.scope, limit)
	if err != nil {
		return 0, err
	}
	if homeOversees(v.scope) {
		n := len(found)
		view.Counts = append([]homeCount{{v.homeAtLeast(n, more), string(t.CountOpen), "/incidents", homeTone(n > 0, info)}}, view.Counts...)
		return n, c.homeGroup(v, view, homeGroup{ID: "open", Title: string(t.Open), More: more}, found)
	}
	var own, named []incident.Incident
	for _, i := range found {
		if v.scope.ActsFor(i.Origin) {
			own = append(own, i)
		} else {
			named = append(named, i)
		}
	}
	groups := []homeGroup{{ID: "own", Title: string(t.Own), More: more}, {ID: "named", Title: string(t.Named), More: more}}
	lists := [][]incident.Incident{own, named}
	if !v.mayOpen() {
		slices.Reverse(groups)
		slices.Reverse(lists)
	}
	for n, g := range groups {
		if err := c.homeGroup(v, view, g, lists[n]); err != nil {
			return 0, err
		}
	}
	return len(found), nil
}

func (c *Console) homeGroup(v *visit, view *homeView, g homeGroup, list []incident.Incident) error {
	if len(list) == 0 {
		return nil
	}
	g.More = g.More || len(list) > homeCards
	slices.SortStableFunc(list, func(a, b incident.Incident) int { return cmp.Compare(view.burns(a), view.burns(b)) })
	for n, i := range list[:min(len(list), homeCards)] {
		card, err := c.homeCard(v, view, i, n < homeReplies)
		if err != nil {
			return err
		}
		if at, ok := view.requests[i.ID]; ok && card.Answer != "" {
			card.Answer = at
		}
		g.Cards = append(g.Cards, card)
	}
	slices.SortStableFunc(g.Cards, func(a, b homeCard) int { return cmp.Compare(a.urgency, b.urgency) })
	view.Groups = append(view.Groups, g)
	return nil
}

// burns orders incidents, of which only some are looked into, by what is known of them beforehand: first those of which an alert says that
// something is late, then by how far they have come, real ones before exercises.
func (view *homeView) burns(i incident.Incident) int {
	n := slices.Index([]incident.Status{incident.Active, incident.Monitoring, incident.Draft}, i.Status)
	if !view.hot[i.ID] {
		n += 10
	}
	if i.Exercise {
		n += 5
	}
	return n
}

func (c *Console) homeCard(v *visit, view *homeView, i incident.Incident, replies bool) (homeCard, error) {
	card := homeCard{
		Texts: &v.L.Page.Home, ExerciseWord: string(v.L.Page.Shell.Exercise),
		Href: "/incidents/" + i.ID, Title: i.Title, Line: i.Code + " · " + v.L.Party(i.Origin), Exercise: i.Exercise,
		Status: mark{toneOfIncident(i.Status), v.L.Codes.IncidentStatus.Of(string(i.Status))}, urgency: quiet,
	}
	leads := v.scope.ActsFor(i.Origin) || homeOversees(v.scope)
	steps, err := c.incident.Steps(v.ctx(), v.scope, i.ID, incident.StepFilter{
		Status: []incident.StepStatus{incident.StepPending, incident.StepInProgress},
	}, incident.PageRequest{})
	if err != nil {
		return card, err
	}
	v.homeSteps(&card, i, steps.Items, leads)
	acts := v.actsOfSteps(i, steps.Items)
	for _, act := range acts {
		view.tally.count(act)
	}
	view.add(acts...)
	if !v.scope.May(access.ReadInside, i.Thing("")) || !alertRuns(i.Status) {
		return card, nil
	}
	if i.Status != incident.Monitoring {
		if err := c.homeMovements(v, view, &card, i); err != nil {
			return card, err
		}
	}
	answers, err := c.incident.Answers(v.ctx(), v.scope, i.ID)
	if err != nil {
		return card, err
	}
	v.homeAnswers(&card, i, answers, leads)
	if !leads || !replies {
		return card, nil
	}
	told, err := c.notify.ForIncident(v.ctx(), v.scope, i.ID)
	if fault.Is(err, fault.NotFound) { // un-named in this moment
		return card, nil
	}
	for _, one := range told {
		if by := alertSoonest(one.Alerts); !by.IsZero() {
			tone, _, count := v.alertDue(by, c.now())
			view.Waiting = append(view.Waiting, homeWaiting{v.L.Party(one.Party), mark{tone, count}, card.Href + "/told", card.Title})
			if tone == bad {
				card.Tone, card.urgency = bad, min(card.urgency, late)
			}
		}
	}
	return card, err
}

// homeMovements adds who should have arrived.
func (c *Console) homeMovements(v *visit, view *homeView, card *homeCard, i incident.Incident) error {
	all, err := c.incident.Movements(v.ctx(), v.scope, i.ID)
	if err != nil {
		return err
	}
	acts, people := v.actsOfMovements(i, all)
	if people > 0 {
		view.tally.people += people
		card.Tone, card.urgency = bad, atSea
		card.Marks = append([]mark{{bad, v.L.Count(people, v.L.Page.Home.Unaccounted)}}, card.Marks...)
	}
	view.add(acts...)
	return nil
}

// homeSteps counts what is late of an incident, and finds what the reader does next.
func (v *visit) homeSteps(card *homeCard, i incident.Incident, steps []incident.Step, everybodys bool) {
	t, now := &v.L.Page.Home, i.Clock.Scenario(v.console.now())
	past, soonDue := 0, 0
	var next *incident.Step
	for n := range steps {
		s := &steps[n]
		ours := v.scope.ActsFor(s.Party)
		if !ours && !everybodys {
			continue
		}
		if s.Overdue {
			past++
			if s.LifeSafety {
				card.urgency = min(card.urgency, lateForLife)
			}
		}
		if s.DueSoon {
			soonDue++
		}
		if (ours || homeOversees(v.scope)) && !s.DueAt.IsZero() && !s.Placeholder && (next == nil || s.DueAt.Before(next.DueAt)) {
			next = s
		}
	}
	if past > 0 {
		card.Marks, card.Tone = append(card.Marks, mark{bad, v.L.Count(past, t.Late)}), bad
		card.urgency = min(card.urgency, late)
	}
	if soonDue > 0 {
		card.urgency = min(card.urgency, dueSoon)
		card.Marks = append(card.Marks, mark{soon, v.L.Count(soonDue, t.DueSoon)})
		if card.Tone == "" {
			card.Tone = soon
		}
	}
	if next == nil {
		return
	}
	w := v.bare()
	card.NextLabel = string(t.Next)
	if homeOversees(v.scope) {
		card.NextLabel = string(t.NextAll)
	}
	card.Next, card.NextHref = w.Text(next.Title), card.Href+"#steps"
	card.NextAt, card.NextIn = w.At(next.DueAt, now, next.Party), v.L.Due(next.DueAt, now)
}

// homeAnswers says who has answered whether it takes people in.
func (v *visit) homeAnswers(card *homeCard, i incident.Incident, answers []*incident.Answer, leads bool) {
	t := &v.L.Page.Home
	if len(i.Receivers) == 0 || i.Status == incident.Monitoring && len(answers) == 0 {
		return
	}
	if leads {
		given := 0
		for _, p := range i.Receivers {
			if alertAnswerOf(answers, p) != nil {
				given++
			}
		}
		card.Answered = t.Answered.Say(locale.Pair{A: v.L.Number(given), B: v.L.Number(len(i.Receivers))})
		return
	}
	n := slices.IndexFunc(i.Receivers, func(p place.Party) bool { return v.scope.ActsFor(p) })
	if n < 0 {
		return
	}
	if given := alertAnswerOf(answers, i.Receivers[n]); given != nil {
		card.Answered = t.OurAnswer.Say(locale.Name{Name: v.alertAnswerWords(given)})
		return
	}
	card.Answered = string(t.NotAnswered)
	if v.scope.May(access.GiveAnswer, i.Thing(i.Receivers[n])) {
		card.Answer = alertsAt("", i.ID, "")
	}
}

// homeReadiness adds what a liaison looks after.
func (c *Console) homeReadiness(v *visit, view *homeView) error {
	if c.prepared == nil || v.scope.Party == "" || !v.scope.May(access.AssessUnit, access.Thing{Owner: v.scope.Party}) {
		return nil
	}
	t, w := &v.L.Page.Home, v.bare()
	board, err := c.prepared.Board(v.ctx(), v.scope, v.scope.Party.StateParty())
	if err != nil {
		return err
	}
	view.Ready = &homeReady{}
	for _, s := range board.States {
		tones := map[preparedness.Status]string{
			preparedness.Ready: good, preparedness.Partial: soon, preparedness.Limited: soon, preparedness.NotReady: bad,
			preparedness.Unknown: idle, preparedness.Expired: idle,
		}
		for _, status := range preparedness.Statuses() {
			if n := s.Properties.ByStatus[status]; n > 0 {
				view.Ready.Marks = append(view.Ready.Marks, mark{tones[status], v.L.Joins.Colon.Say(locale.Pair{A: t.Status.Of(string(status)), B: v.L.Number(n)})})
			}
		}
		view.Ready.Coverage = t.Coverage.Say(locale.Pair{
			A: v.L.Number(s.Properties.Coverage.UnitsAssessed), B: v.L.Number(s.Properties.Coverage.Units),
		})
		for _, line := range s.Expiring[:min(len(s.Expiring), homeShown)] {
			view.Ready.Expiring = append(view.Ready.Expiring, homeExpiring{
				Name: line.Name, In: v.L.Since(line.ValidUntil, board.At), At: w.At(line.ValidUntil, board.At, line.Party),
			})
		}
	}
	return nil
}
