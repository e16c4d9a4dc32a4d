package console

import (
	"slices"
	"strconv"
	"strings"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/place"
)

// workAnswer records what a receiving state says to the request. It counts nobody: an offer is not an arrival.
func (c *Console) workAnswer(v *visit) error {
	i, err := c.incident.Get(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return err
	}
	var mine []place.Party
	for _, r := range i.Receivers {
		if v.scope.May(access.GiveAnswer, i.Thing(r)) {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 && !v.scope.May(access.SpeakForOthers, i.Thing("")) {
		return fault.New(fault.Forbidden, "receivers_only", "Only a state that the incident names as a receiver answers.")
	}
	said, err := c.incident.Answers(v.ctx(), v.scope, i.ID)
	if err != nil {
		return err
	}
	f, sent, err := v.workSent(func() *form { return v.workAnswerFresh(&i, mine, said) })
	if err != nil {
		return err
	}
	if sent {
		begun := v.workAnswerFresh(&i, mine, said)
		if f.Value("kind") != string(incident.Accept) {
			f.drop(begun, "ceiling", "conditions", "valid_until")
		}
		if f.Value("kind") != begun.Value("kind") {
			f.drop(begun, "text") // it was said with another answer
		}
		in, fields := v.workAnswerRead(f, &i)
		w := v.write(f)
		if w.Relay = v.workRelay(f, len(mine) == 0); w.Relay != nil {
			in.Party = place.Party(w.Relay.OnBehalfOf)
		}
		if in.Party == "" && len(mine) > 0 {
			v.need(f, "party")
		}
		if !f.Failed() {
			_, err := c.incident.GiveAnswer(v.ctx(), v.scope, w, i.ID, in)
			if err == nil {
				return v.to(workTab(i.ID, "answers"), "work_answer")
			}
			if !v.refused(f, err, fields) {
				return err
			}
		}
	}
	return v.workAnswerForm(f, &i, mine, said)
}

// workAnswerFresh begins the form: of whoever has answered, with what the answer says now.
func (v *visit) workAnswerFresh(i *incident.Incident, mine []place.Party, said []*incident.Answer) *form {
	f := newForm()
	if len(mine) == 1 {
		f.with("party", string(mine[0]))
		if old := alertAnswerOf(said, mine[0]); old != nil {
			v.answerAgain(f, i, old, i.Origin).with("kind", string(old.Kind)).with("text", old.Text)
		}
	}
	if p := v.QueryParam("party"); p != "" {
		if slices.Contains(mine, place.Party(p)) {
			f.with("party", p)
		} else {
			f.with("on_behalf_of", p)
		}
	}
	return f
}

// workAnswerRead reads the form: conditions are one a line.
func (v *visit) workAnswerRead(f *form, i *incident.Incident) (incident.Answer, map[string]string) {
	fields := map[string]string{}
	v.need(f, "kind")
	in := incident.Answer{
		Party: place.Party(f.Value("party")), Kind: incident.AnswerKind(f.Value("kind")), Ceiling: v.number(f, "ceiling", 0, countMax),
		ValidUntil: v.moment(f, "valid_until", i.Origin), Text: f.Value("text"), Reference: f.Value("reference"),
	}
	if in.Kind == incident.Question {
		v.need(f, "text")
	}
	for line := range strings.SplitSeq(f.Value("conditions"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			fields["/conditions/"+strconv.Itoa(len(in.Conditions))] = "conditions"
			in.Conditions = append(in.Conditions, line)
		}
	}
	return in, fields
}

func (v *visit) workAnswerForm(f *form, i *incident.Incident, mine []place.Party, said []*incident.Answer) error {
	t, label := v.L.Page.Work.Answer, v.L.Notice.Label
	p := workPage{
		Title: string(t.Title), Lead: string(t.Lead), Form: f, Action: workTab(i.ID, "answers") + "/new", Draft: i.ID + "/answer", Facts: v.workBrief(i),
	}
	var who []workField
	switch {
	case len(mine) == 1:
		p.Title = t.TitleOf.Say(locale.Name{Name: v.L.Party(mine[0])})
		who = workFields(f.field("hidden", "party", ""))
	case len(mine) > 1:
		var states []choice
		for _, r := range mine {
			states = append(states, choice{Value: string(r), Label: v.L.Party(r)})
		}
		who = workFields(f.Select("party", t.Party, states).Need().Saying(v.L.Page.Form.Choose))
	}
	for _, r := range mine {
		if old := alertAnswerOf(said, r); old != nil {
			p.Facts = append(p.Facts, workFact{t.Given.Say(locale.Name{Name: v.L.Party(r)}), v.workAnswerWords(i, old)})
		}
	}
	p.Blocks = []workBlock{
		{Fields: append(who, workFields(f.Radios("kind", label.Answer, []choice{
			{string(incident.Accept), string(t.Accept), string(t.AcceptHint)},
			{string(incident.Decline), string(t.Decline), string(t.DeclineHint)},
			{string(incident.Question), string(t.Question), string(t.QuestionHint)},
		}).Need())...)},
		{Heading: string(t.If), Text: v.workZone(i.Origin, i.Exercise), Fields: workFields(
			f.Count("ceiling", t.Ceiling).Hinted(t.CeilingHint),
			f.Area("conditions", label.Conditions).Hinted(t.ConditionsHint),
			f.When("valid_until", label.ValidUntil))},
		{Heading: string(t.Words), Fields: workFields(
			f.Area("text", t.Text).AtMost(check.MaxReason).Hinted(v.L.Page.Form.NoPersonal),
			f.Text("reference", label.Reference).AtMost(check.MaxReference).Hinted(t.ReferenceHint))},
	}
	p.Blocks = append(p.Blocks, v.workRelays(f, len(mine) == 0, i.Thing(""), i.Receivers...)...)
	press, exercise := t.Press, t.PressExercise
	if len(mine) == 1 && alertAnswerOf(said, mine[0]) != nil {
		press, exercise = t.Change, t.ChangeExercise
	}
	p.Buttons = []workButton{{goYes, string(press), "primary"}}
	if i.Exercise {
		p.Buttons[0].Text, p.Buttons[0].Class = string(exercise), "rehearsal"
	}
	return v.workShow("work", p, i)
}

// answerAgain fills in what an acceptance says, on the clock of zone for whoever acts for every party. A time that has passed is left out.
func (v *visit) answerAgain(f *form, i *incident.Incident, a *incident.Answer, zone place.Party) *form {
	if a.Ceiling != nil {
		f.with("ceiling", v.L.Number(*a.Ceiling))
	}
	if a.ValidUntil.After(v.console.workNow(i)) {
		f.with("valid_until", v.local(a.ValidUntil, zone))
	}
	return f.with("conditions", strings.Join(a.Conditions, "\n"))
}

func (v *visit) workAnswerWords(i *incident.Incident, a *incident.Answer) string {
	text := workCapital(v.L.Codes.Answer.Of(string(a.Kind)))
	if a.Ceiling != nil {
		text += ", " + v.L.Joins.Colon.Say(locale.Pair{A: string(v.L.Notice.Label.Ceiling), B: v.L.Count(*a.Ceiling, v.L.Counts.Persons)})
	}
	return v.wordOf(text+" · "+v.clock(v.console.workNow(i), a.Party).When(a.OccurredAt), a.Relayed)
}
