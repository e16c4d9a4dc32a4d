package console

import (
	"slices"
	"strconv"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/place"
)

// workReceivers names and un-names receiving states. Whoever changes the list sees who is told, and for whom the incident ends, first.
func (c *Console) workReceivers(v *visit) error {
	i, own, err := c.workLed(v, access.NameStates)
	if err != nil {
		return err
	}
	f, sent, err := v.workSent(func() *form {
		f := newForm().with("etag", c.incident.ETag(i.Seq))
		for _, r := range i.Receivers {
			f.Values.Add("receivers", string(r))
		}
		return f
	})
	if err != nil {
		return err
	}
	if !sent {
		return v.workReceiversForm(f, i, nil)
	}
	var wanted []place.Party
	fields := map[string]string{}
	for _, p := range f.Values["receivers"] {
		if p != "" && !slices.Contains(wanted, place.Party(p)) {
			fields["/receivers/"+strconv.Itoa(len(wanted))] = "receivers"
			wanted = append(wanted, place.Party(p))
		}
	}
	w := v.write(f)
	w.Relay = v.workRelay(f, !own)
	switch {
	case f.Failed(), f.Value("go") == goChange:
		return v.workReceiversForm(f, i, nil)
	case f.Value("go") != goYes:
		return v.workReceiversReview(f, i, wanted, nil)
	}
	done, err := c.incident.SetReceivers(v.ctx(), v.scope, w, i.ID, wanted)
	if err == nil {
		return v.to("/incidents/"+i.ID, orProposed(done.Proposed, "work_receivers"))
	}
	again, record, err := c.workMeet(v, f, i, err, fields)
	switch {
	case !again:
		return err
	case f.Stale: // what it would do now is another thing than what was reviewed
		return v.workReceiversReview(f, i, wanted, record)
	}
	return v.workReceiversForm(f, i, record)
}

func (v *visit) workReceiversForm(f *form, i *incident.Incident, record []workFact) error {
	t := v.L.Page.Work.Receivers
	p := workPage{
		Title: string(t.Title), Lead: string(t.Lead), Form: f, Action: "/incidents/" + i.ID + "/receivers", Record: record, Facts: v.workBrief(i),
		Draft: i.ID + "/receivers",
		Blocks: append([]workBlock{{Fields: []workField{{
			field: f.Boxes("receivers", v.L.Notice.Label.Receivers, nil), Groups: v.workNeighbours(i.Origin),
		}}}}, v.workRelays(f, !v.scope.May(access.NameStates, i.Thing("")), i.Thing(""), i.Origin)...),
		Buttons: []workButton{{"review", string(v.L.Page.Work.Next), "primary"}},
	}
	return v.workShow("work", p, i)
}

func (v *visit) workReceiversReview(f *form, i *incident.Incident, wanted []place.Party, record []workFact) error {
	t, texts := v.L.Page.Work.Receivers, v.L.Page.Work
	named := workWithout(wanted, i.Receivers)
	unnamed := workWithout(i.Receivers, wanted)
	p := workPage{
		Title: string(t.Review), Form: f, Action: "/incidents/" + i.ID + "/receivers", Record: record,
		Facts:   append(v.workAbout(i), workFact{string(v.L.Notice.Label.Receivers), v.workNames(wanted)}),
		Heading: string(texts.Open.Told), Quiet: string(t.NoneNew),
	}
	p.Facts = append(p.Facts, v.workRelayed(f)...)
	draft := i.Status == incident.Draft
	told := named
	for _, r := range unnamed {
		p.Notes = append(p.Notes, workNote{bad, t.Unnamed.Say(locale.Name{Name: v.L.Party(r)})})
		if !draft {
			told = append(told, r)
		}
	}
	reached, err := v.workReach(&p, i, told, func(r place.Party) string {
		switch {
		case slices.Contains(unnamed, r):
			return string(t.UnnamedTold)
		case draft:
			return string(t.NamedLater)
		}
		return string(texts.Open.ToldWhat)
	})
	if err != nil {
		return err
	}
	if len(named)+len(unnamed) == 0 {
		f.Summary = string(t.Nothing)
		p.Buttons = []workButton{{goChange, string(texts.Change), "primary"}}
		return v.workShow("work_review", p, i)
	}
	if draft {
		reached = 0 // nobody is told before it is opened
	}
	v.workGoesOut(&p, i.Exercise, reached)
	class := "primary"
	switch {
	case i.Exercise:
		class = "rehearsal"
	case len(unnamed) > 0:
		class = "danger"
	}
	say := t.Press.Say(locale.Pair{A: v.L.Count(len(named), t.Named), B: v.L.Count(len(unnamed), t.UnnamedCount)})
	switch {
	case len(unnamed) == 0 && reached == 0:
		say = v.L.Count(len(named), t.Named)
	case len(unnamed) == 0:
		say = v.L.Count(len(named), t.PressNamed)
	case len(named) == 0:
		say = v.L.Count(len(unnamed), t.PressUnnamed)
	}
	p.Buttons = []workButton{{goYes, say, class}, {goChange, string(texts.Change), ""}}
	return v.workShow("work_review", p, i)
}

// workWithout gives what is in a and not in b.
func workWithout(a, b []place.Party) []place.Party {
	return slices.DeleteFunc(slices.Clone(a), func(p place.Party) bool { return slices.Contains(b, p) })
}
