package console

import (
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// proposedFor gives the protocol that is proposed for a hazard; "" when none was made for its kind.
func proposedFor(hazard string) string {
	switch hazard {
	case "TC", "SS", "VW":
		return "hurricane"
	case "VO":
		return "volcano"
	}
	return ""
}

// workRelease opens a draft. There is nothing to fill in: the page is the review.
func (c *Console) workRelease(v *visit) error {
	i, own, err := c.workLed(v, access.ReleaseDraft)
	if err != nil {
		return err
	}
	f, sent, err := v.workSent(func() *form { return newForm().with("etag", c.incident.ETag(i.Seq)) })
	if err != nil {
		return err
	}
	var record []workFact
	if sent {
		w := v.write(f)
		w.Relay = v.workRelay(f, !own)
		if !f.Failed() {
			_, err = c.incident.Release(v.ctx(), v.scope, w, i.ID)
			if err == nil {
				return v.to("/incidents/"+i.ID, "work_released")
			}
			var again bool
			if again, record, err = c.workMeet(v, f, i, err, nil); !again {
				return err
			}
		}
	}
	t, o := v.L.Page.Work.Release, v.L.Page.Work.Open
	p := workPage{
		Title: string(t.Title), Lead: string(t.Lead), Form: f, Action: "/incidents/" + i.ID + "/open", Record: record,
		Facts: v.workAbout(i), Heading: string(o.Told), Quiet: string(o.NobodyTold),
		Blocks: v.workRelays(f, !own, i.Thing(""), i.Origin),
	}
	reached, err := v.workReach(&p, i, i.Receivers, func(place.Party) string { return string(o.ToldWhat) })
	if err != nil {
		return err
	}
	class, press := "primary", o.Press
	if i.Exercise {
		class, press = "rehearsal", o.PressExercise
	}
	v.workGoesOut(&p, i.Exercise, reached)
	p.Buttons = []workButton{{goYes, v.workPress(reached, press, o.PressNobody), class}}
	return v.workShow("work_review", p, i)
}

// workAbout says which incident a form is about.
func (v *visit) workAbout(i *incident.Incident) []workFact {
	brief, label := v.workBrief(i), v.L.Notice.Label
	return slices.Insert(brief, 1,
		workFact{string(label.Incident), i.Code + " · " + i.Title},
		workFact{string(label.Origin), v.L.Party(i.Origin)})
}

// workBrief says how an incident stands, for a form whose way back says which it is.
func (v *visit) workBrief(i *incident.Incident) []workFact {
	kind := v.L.Page.Work.Open.Actual
	if i.Exercise {
		kind = v.L.Page.Work.Open.Exercise
	}
	return []workFact{
		{string(v.L.Page.Work.Open.Kind), string(kind)},
		{string(v.L.Notice.Label.Status), v.L.Codes.IncidentStatus.Of(string(i.Status))},
	}
}

func (c *Console) workMonitor(v *visit) error  { return c.workStart(v, protocol.Monitoring) }
func (c *Console) workActivate(v *visit) error { return c.workStart(v, protocol.Active) }

// startAct is the act of starting that part of a protocol.
func startAct(part protocol.Part) access.Act {
	if part == protocol.Monitoring {
		return access.Monitor
	}
	return access.Activate
}

// workStart runs a protocol: its planning steps, or all of it.
func (c *Console) workStart(v *visit, part protocol.Part) error {
	i, own, err := c.workLed(v, startAct(part))
	if err != nil {
		return err
	}
	template, settled := workTemplate(v, i)
	f, sent, err := v.workSent(func() *form { return c.workStartFresh(v, i, template) })
	if err != nil {
		return err
	}
	s := workStarting{part: part, template: template, settled: settled}
	if !sent {
		return v.workStartForm(f, i, s)
	}
	if found, ok := protocol.Lookup(f.Value("protocol")); ok {
		s.template = found
	} else {
		return v.workStartForm(f, i, s)
	}
	in, fields := c.workStartRead(v, f, i, s.template)
	w := v.write(f)
	w.Relay = v.workRelay(f, !own)
	if f.Failed() || f.Value("go") == goChange {
		return v.workStartForm(f, i, s)
	}
	if f.Value("go") != goYes {
		return c.workStartReview(v, f, i, in, s, nil, fields)
	}
	path, run := "work_activated", c.incident.Activate
	if part == protocol.Monitoring {
		path, run = "work_monitoring", c.incident.Monitor
	}
	done, err := run(v.ctx(), v.scope, w, i.ID, in)
	if err == nil {
		return v.to("/incidents/"+i.ID, orProposed(done.Proposed, path))
	}
	again, record, err := c.workMeet(v, f, i, err, fields)
	switch {
	case !again:
		return err
	case len(f.Errors) > 0:
		return v.workStartForm(f, i, s)
	}
	return c.workStartReview(v, f, i, in, s, record, fields)
}

// workStarting is a protocol that is about to run.
type workStarting struct {
	part     protocol.Part
	template *protocol.Template // nil: none is chosen yet
	settled  bool               // its planning steps run already: it cannot be another
}

// workTemplate gives the protocol that a page is about: the one that runs, the one that was chosen, or the one proposed for the hazard.
func workTemplate(v *visit, i *incident.Incident) (template *protocol.Template, settled bool) {
	if i.Running != nil {
		found, _ := protocol.Lookup(i.Running.Protocol)
		return found, true
	}
	id := v.QueryParam("protocol")
	if id == "" {
		id = proposedFor(i.HazardType)
	}
	found, _ := protocol.Lookup(id)
	return found, false
}

func (c *Console) workStartFresh(v *visit, i *incident.Incident, t *protocol.Template) *form {
	f := newForm().with("etag", c.incident.ETag(i.Seq))
	if t == nil {
		return f
	}
	f.with("protocol", t.ID)
	for _, a := range workKeyTimes(t) {
		f.with("kind_"+string(a), string(protocol.Forecast))
		if held := workAnchor(i, string(a)); held != nil {
			f.with("at_"+string(a), v.local(held.At, i.Origin)).with("kind_"+string(a), string(held.Kind))
		}
	}
	return f
}

// workKeyTimes gives the key times of a protocol that a person sets when it starts.
func workKeyTimes(t *protocol.Template) []protocol.Anchor {
	return slices.DeleteFunc(t.Anchors(), func(a protocol.Anchor) bool { return !a.Settable() || a == protocol.AnchorStayEnd })
}

// workAnchor gives a key time of an incident; nil when it has no value.
func workAnchor(i *incident.Incident, name string) *incident.Anchor {
	for _, a := range i.Anchors {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// workStartRead reads the form, and says which field each member of the command comes from.
func (c *Console) workStartRead(v *visit, f *form, i *incident.Incident, t *protocol.Template) (incident.Start, map[string]string) {
	in := incident.Start{Protocol: t.ID, Mode: protocol.Mode(f.Value("mode")), Anchors: map[string]protocol.Value{}}
	fields := map[string]string{}
	wrong := f.check()
	for _, a := range workKeyTimes(t) {
		name := string(a)
		fields["/anchors/"+name], fields["/anchors/"+name+"/at"], fields["/anchors/"+name+"/kind"] = "at_"+name, "at_"+name, "kind_"+name
		v.workJustNow(f, "at_"+name, "kind_"+name, c.workNow(i), i.Origin)
		at := v.moment(f, "at_"+name, i.Origin)
		if at.IsZero() {
			continue
		}
		if held := workAnchor(i, name); held != nil && f.Value("at_"+name) == v.local(held.At, i.Origin) {
			at = held.At // a field holds minutes
		}
		value := protocol.Value{At: at, Kind: protocol.Kind(f.Value("kind_" + name))}
		if value.Kind == protocol.Observed {
			check.Past(&wrong, "/anchors/"+name+"/at", at, c.workNow(i))
		}
		in.Anchors[name] = value
	}
	t.Begin(&wrong, func(a protocol.Anchor) bool { return in.Anchors[string(a)].Known() || workAnchor(i, string(a)) != nil })
	v.refused(f, wrong.Err(), fields)
	return in, fields
}

// justNow is the choice of a key time that has its value this minute.
const justNow = "now"

func (v *visit) workJustNowChoice() choice {
	t := v.L.Page.Work.Start
	return choice{justNow, string(t.JustNow), string(t.JustNowHint)}
}

// workJustNow fills in a key time that has its value this minute.
func (v *visit) workJustNow(f *form, at, kind string, now time.Time, whose place.Party) {
	if f.Value(kind) == justNow {
		f.with(at, v.local(now, whose)).with(kind, string(protocol.Observed))
	}
}

// workStartForm asks for the protocol and its key times.
func (v *visit) workStartForm(f *form, i *incident.Incident, s workStarting) error {
	t, texts := v.L.Page.Work.Start, v.L.Page.Work
	action := "/incidents/" + i.ID + "/activate"
	title, lead := t.Activate, t.ActivateLead
	if s.part == protocol.Monitoring {
		action, title, lead = "/incidents/"+i.ID+"/monitor", t.Monitor, t.MonitorLead
	}
	p := workPage{
		Title: string(title), Lead: string(lead), Form: f, Action: action, Draft: strings.TrimPrefix(action, "/incidents/"),
		Facts: v.workBrief(i),
	}
	for _, option := range protocol.Templates() {
		one := workChoice{
			Text: option.Title.In(string(v.L.Language)), Hint: v.L.Count(len(option.Steps), t.Steps), Href: action + "?protocol=" + option.ID,
			Current: s.template != nil && option.ID == s.template.ID,
		}
		if option.Status == protocol.Proposal {
			one.Hint += ". " + string(t.Proposal)
		}
		switch {
		case s.settled && one.Current, !s.settled && option.ID == proposedFor(i.HazardType):
			if !s.settled {
				one.Mark = string(t.Proposed)
			}
			p.Choose = append([]workChoice{one}, p.Choose...)
		case !s.settled:
			p.Choose = append(p.Choose, one)
		}
	}
	if s.template == nil {
		p.Notes = append(p.Notes, workNote{info, string(t.ChooseProtocol)})
		p.Draft = ""
		return v.workShow("work", p, i)
	}
	block := workBlock{Heading: string(t.KeyTimes), Text: v.workZone(i.Origin, i.Exercise), Fields: workFields(f.field("hidden", "protocol", ""))}
	later := workBlock{Heading: string(t.LaterTimes), Fold: true}
	for _, a := range workKeyTimes(s.template) {
		name := string(a)
		label := workCapital(v.L.Codes.Anchor.Of(name))
		fields := workFields(
			f.When("at_"+name, label).Hinted(t.KeyTimeHint),
			f.Radios("kind_"+name, t.Kind.Say(locale.Name{Name: label}),
				append(workToChoices([]protocol.Kind{protocol.Forecast, protocol.Observed}, v.L.Codes.AnchorKind), v.workJustNowChoice())))
		fields[0].Required = slices.Contains(s.template.Leading, a) && len(s.template.Leading) == 1
		if a == protocol.AnchorAllClear {
			later.Fields = append(later.Fields, fields...)
		} else {
			block.Fields = append(block.Fields, fields...)
		}
	}
	if slices.ContainsFunc(s.template.Steps, func(st *protocol.Step) bool { return !st.Slow.IsZero() }) && !s.settled {
		block.Fields = append(block.Fields, workFields(f.Radios("mode", t.Mode, []choice{
			{Value: string(protocol.Rapid), Label: string(t.Rapid)}, {Value: string(protocol.Slow), Label: string(t.Slow)}}))...)
	}
	p.Blocks = append(p.Blocks, block)
	if len(later.Fields) > 0 {
		p.Blocks = append(p.Blocks, later)
	}
	p.Blocks = append(p.Blocks, v.workRelays(f, !v.scope.May(startAct(s.part), i.Thing("")), i.Thing(""), i.Origin)...)
	p.Buttons = []workButton{{"review", string(texts.Next), "primary"}}
	return v.workShow("work", p, i)
}

// workStartReview says what running the protocol does, before anything is done.
func (c *Console) workStartReview(v *visit, f *form, i *incident.Incident, in incident.Start, s workStarting, record []workFact, fields map[string]string) error {
	t, texts, label := v.L.Page.Work.Start, v.L.Page.Work, v.L.Notice.Label
	steps, err := c.incident.Preview(v.ctx(), v.scope, i.ID, in, s.part)
	switch {
	case err != nil && v.refused(f, err, fields):
		return v.workStartForm(f, i, s)
	case err != nil:
		return err
	}
	preview := v.workPreview(i, c.workNow(i), steps)
	action, title := "/incidents/"+i.ID+"/activate", t.ActivateReview
	request := protocol.ActivationRequest
	if s.part == protocol.Monitoring {
		action, title, request = "/incidents/"+i.ID+"/monitor", t.MonitorReview, protocol.PlanningRequest
	}
	p := workPage{Title: string(title), Form: f, Action: action, Record: record, Facts: v.workAbout(i)}
	p.Facts = append(append(p.Facts, v.workRelayed(f)...), workFact{string(label.Protocol), s.template.Title.In(string(v.L.Language))})
	for _, a := range workKeyTimes(s.template) {
		if value, ok := in.Anchors[string(a)]; ok {
			p.Facts = append(p.Facts, workFact{
				v.L.Joins.Colon.Say(locale.Pair{A: workCapital(v.L.Codes.Anchor.Of(string(a))), B: v.L.Codes.AnchorKind.Of(string(value.Kind))}),
				v.bare().When(value.At, c.workNow(i), i.Origin, i.Receivers...)})
		} else if a != protocol.AnchorAllClear {
			p.Notes = append(p.Notes, workNote{soon, t.NoKeyTime.Say(locale.Name{Name: v.L.Codes.Anchor.Of(string(a))})})
		}
	}
	p.Lead = t.Brings.Say(locale.Pair{A: v.L.Count(preview.steps, t.Steps), B: v.L.Count(preview.parties, t.Parties)})
	if preview.waiting > 0 {
		p.Lead += " " + v.L.Count(preview.waiting, t.Waiting)
	}
	p.Heading, p.Quiet = string(t.Told), string(t.NobodyTold)
	now := c.workNow(i)
	reached, err := v.workReach(&p, i, i.Receivers, func(r place.Party) string {
		by, _ := protocol.RequiredBy(request, now, place.Zone(r))
		return t.ReplyIn.Say(locale.Name{Name: v.L.Span(by.Sub(now).Round(time.Minute))})
	})
	if err != nil {
		return err
	}
	p.Firsts, p.FirstsTitle = preview.first, string(t.Firsts)
	class, press := "danger", t.PressReal
	if i.Exercise {
		class, press = "rehearsal", t.PressExercise
	}
	v.workGoesOut(&p, i.Exercise, reached)
	p.Buttons = []workButton{{goYes, v.workPress(reached, press, t.PressNobody), class}, {goChange, string(texts.Change), ""}}
	return v.workShow("work_review", p, i)
}
