package console

import (
	"cmp"
	"net/http"
	"slices"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/protocol"
)

// overviewView is the first page of an incident.
type overviewView struct {
	about
	Hazard    *incident.Hazard
	Actions   []action
	Further   []action // what is seldom done
	Keys      []keyTime
	Attention []stepLine
	Counts    stepCounts
	Receivers []receiverLine
	Figures   []figureLine
	Moving    []movementLine
	MoreMove  int // people on their way that are not shown here
	Protocol  string

	Near        []string // bounds that are nearly taken up
	Proposals   []proposalLine
	Unconfirmed []relayedLine

	answers []*incident.Answer
}

// action is something that can be done next.
type action struct {
	Href, Text string
	Primary    bool
}

// keyTime is a moment that deadlines count from.
type keyTime struct {
	*incident.Anchor
	Word, Kind string
	Settable   bool // a person gives it its value
}

// What the overview shows at the most: of actions beside those that are folded away, of steps and of movements.
const (
	actionsMost   = 2
	attentionMost = 6
	movingMost    = 8
)

func (c *Console) incidentOverview(v *visit) error {
	a, err := v.load("")
	if err != nil {
		return err
	}
	view := overviewView{about: a}
	if view.Hazard, err = c.incident.GetHazard(v.ctx(), v.scope, a.I.HazardID); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	view.overview(v)
	steps, err := v.steps(a.I.ID, incident.StepFilter{})
	if err != nil {
		return err
	}
	view.attention(v, steps)
	if err := view.relays(v); err != nil {
		return err
	}
	if a.Whole {
		if err := view.fill(v); err != nil {
			return err
		}
	}
	view.Actions = v.actions(a, view.answers)
	if len(view.Actions) > actionsMost {
		view.Actions, view.Further = view.Actions[:actionsMost], view.Actions[actionsMost:]
	}
	return v.part(http.StatusOK, "incident", a, view)
}

// overview fills in what follows from the incident alone.
func (view *overviewView) overview(v *visit) {
	if r := view.I.Running; r != nil {
		view.Protocol = v.L.Codes.Protocol.Of(r.Protocol)
	}
	for _, k := range view.I.Anchors {
		view.Keys = append(view.Keys, keyTime{k, v.anchorWord(k.Name), v.L.Codes.AnchorKind.Of(string(k.Kind)), protocol.Anchor(k.Name).Settable()})
	}
}

// attention fills in how the steps stand, and which of them want attention first.
func (view *overviewView) attention(v *visit, steps []incident.Step) {
	for _, s := range steps {
		view.Counts.add(s)
		if s.Overdue || s.DueSoon || s.Stale || s.ProofOwed {
			view.Attention = append(view.Attention, v.stepLine(view.about, s))
		}
	}
	slices.SortStableFunc(view.Attention, func(x, y stepLine) int {
		return cmp.Or(slices.Index(stepUrgencies, x.urgency())-slices.Index(stepUrgencies, y.urgency()), byClock(x, y))
	})
	view.Attention = view.Attention[:min(len(view.Attention), attentionMost)]
}

// fill reads what only those see who see the whole incident.
func (view *overviewView) fill(v *visit) error {
	c, id, t := v.console, view.I.ID, &v.L.Page.Incidents
	for _, l := range view.I.Near {
		what, subject := t.Bounds.Of(string(l.Bound)), l.Subject
		if l.Bound == incident.BoundValues {
			subject = v.anchorWord(subject)
		}
		if subject != "" {
			what += ", " + subject
		}
		filled := t.NearOne.Say(locale.Filled{Holds: v.L.Number(l.Holds), Most: v.L.Number(l.Most)})
		view.Near = append(view.Near, v.L.Joins.Colon.Say(locale.Pair{A: what, B: filled}))
	}
	answers, err := c.incident.Answers(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	told, err := c.notify.ForIncident(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	figures, err := c.incident.Figures(v.ctx(), v.scope, id, "", incident.PageRequest{Limit: 4})
	if err != nil {
		return err
	}
	movements, err := c.incident.Movements(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	view.whole(v, answers, told, figures.Items, movements)
	return nil
}

// whole fills in what was read.
func (view *overviewView) whole(v *visit, answers []*incident.Answer, told []notify.Told, figures []incident.Figure, movements []*incident.Movement) {
	view.answers = answers
	for _, p := range view.I.Receivers {
		view.Receivers = append(view.Receivers, v.receiverLine(view.I, p, answers, told, view.Wall))
	}
	worstFirst(view.Receivers)
	for _, f := range figures {
		view.Figures = append(view.Figures, v.figureLine(f))
	}
	for _, m := range movements {
		if m.Status == incident.Announced || m.Status == incident.Departed {
			view.Moving = append(view.Moving, v.movementAt(m, view.Now))
		}
	}
	slices.SortStableFunc(view.Moving, func(a, b movementLine) int { return a.ETA.Compare(b.ETA) })
	shown := min(len(view.Moving), movingMost)
	view.MoreMove, view.Moving = len(view.Moving)-shown, view.Moving[:shown]
}

// actions gives what the account can do with the incident now, the likeliest first. Whoever has answered changes the answer.
func (v *visit) actions(a about, given []*incident.Answer) []action {
	t, at := v.L.Page.Incidents, "/incidents/"+a.I.ID
	var list []action
	add := func(ok bool, path string, text locale.Phrase, primary bool) {
		if ok && v.scope.MayWrite() {
			list = append(list, action{at + path, string(text), primary})
		}
	}
	may := func(act access.Act) bool { return v.scope.May(act, a.I.Thing("")) }
	answers, answer := false, t.AnswerAnew
	for _, p := range a.I.Receivers {
		if v.scope.May(access.GiveAnswer, a.I.Thing(p)) {
			answers = true
			if alertAnswerOf(given, p) == nil {
				answer = t.AnswerNow
			}
		}
	}
	w := v.L.Page.Work
	running, draft, monitoring := alertRuns(a.I.Status), a.I.Status == incident.Draft, a.I.Status == incident.Monitoring
	add(may(access.ReleaseDraft) && draft, "/open", w.Release.Title, true)
	add(may(access.Activate) && monitoring, "/activate", t.Activate, true)
	add(answers && running, "/answers/new", answer, !may(access.Activate))
	add(may(access.Monitor) && monitoring && a.I.Running == nil, "/monitor", w.Start.Monitor, false)
	add(may(access.LeadMovement) && running && !monitoring, "/movements/new", t.MovePeople, true)
	add(may(access.ReportFigure) && running, "/figures/new", w.Figure.Title, false)
	add(may(access.NameStates) && (running || draft), "/receivers", w.Receivers.Title, false)
	add(may(access.StandDown) && (running || draft), "/stand-down", w.StandDown.Title, false)
	add(may(access.CloseIncident) && running && !monitoring, "/close", w.Close.Title, false)
	return list
}
