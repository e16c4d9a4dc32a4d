package console

import (
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// workKeyTime gives a key time its value, or another one.
func (c *Console) workKeyTime(v *visit) error {
	i, err := c.incident.Get(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(v.Param("name"), ".")
	key := protocol.Anchor(name)
	whose := i.Origin
	act := access.MoveAnchor
	if key == protocol.AnchorStayEnd {
		_, party, _ := strings.Cut(v.Param("name"), ".")
		if whose = place.Party(party); whose == "" {
			whose = v.scope.Party
		}
		act = access.EndStay
	}
	may := v.scope.May(act, i.Thing(whose))
	switch {
	case !key.Valid() || !key.Settable() || key == protocol.AnchorStayEnd && !slices.Contains(i.Receivers, whose):
		return fault.New(fault.NotFound, "anchor_not_found", "The protocol of this incident has no anchor of that name.")
	case !may && !v.scope.MayRelay(act, i.Thing(whose), whose):
		return access.Refusal(act, i.Thing(whose))
	}
	path := name
	if key == protocol.AnchorStayEnd {
		path = name + "." + string(whose)
	}
	held := workAnchor(&i, path)
	f, sent, err := v.workSent(func() *form {
		f := newForm().with("kind", string(protocol.Forecast))
		if held != nil {
			f.with("etag", c.incident.ETag(held.Seq)).with("at", v.local(held.At, whose)).with("kind", string(held.Kind))
		}
		return f
	})
	if err != nil {
		return err
	}
	p := workPage{Form: f}
	if sent {
		v.workJustNow(f, "at", "kind", c.workNow(&i), whose)
		v.need(f, "at", "kind")
		value := protocol.Value{At: v.moment(f, "at", whose), Kind: protocol.Kind(f.Value("kind"))}
		if held != nil && f.Value("at") == v.local(held.At, whose) {
			value.At = held.At // a field holds minutes
		}
		w := v.write(f)
		w.IfNone = w.IfMatch == ""
		w.Relay = v.workRelay(f, !may)
		if !f.Failed() {
			done, err := c.incident.MoveAnchor(v.ctx(), v.scope, w, i.ID, path, value)
			if err == nil {
				return v.to("/incidents/"+i.ID, orProposed(done.Proposed, workMoved(done)))
			}
			if !v.refused(f, err, nil) {
				return err
			}
		}
		if f.Stale {
			if held, err = c.incident.Anchor(v.ctx(), v.scope, i.ID, path); err != nil {
				return err
			}
			f.with("etag", c.incident.ETag(held.Seq))
			p.Record = []workFact{v.workAnchorFact(&i, held.At, held.Kind, whose)}
		}
	}
	return c.workKeyTimeForm(v, f, &i, p, path, whose, held, may)
}

func (c *Console) workKeyTimeForm(v *visit, f *form, i *incident.Incident, p workPage, path string, whose place.Party, held *incident.Anchor, may bool) error {
	t, start := v.L.Page.Work.KeyTime, v.L.Page.Work.Start
	key, party, _ := strings.Cut(path, ".")
	name := v.L.Codes.Anchor.Of(key)
	if party != "" {
		name += " (" + v.L.Party(place.Party(party)) + ")"
	}
	p.Title = t.Title.Say(locale.Name{Name: name})
	p.Action, p.Draft = "/incidents/"+i.ID+"/key-times/"+path, i.ID+"/key-times/"+path
	p.Facts = v.workBrief(i)
	if held == nil {
		p.Notes = append(p.Notes, workNote{info, string(t.Unknown)})
	} else {
		p.Facts = append(p.Facts, v.workAnchorFact(i, held.At, held.Kind, whose))
		for n := len(held.History) - 1; n >= 0 && n >= len(held.History)-8; n-- {
			fact := v.workAnchorFact(i, held.History[n].At, held.History[n].Kind, whose)
			fact.Label = v.L.Joins.Colon.Say(locale.Pair{A: string(t.Before), B: v.L.Codes.AnchorKind.Of(string(held.History[n].Kind))})
			p.Facts = append(p.Facts, fact)
		}
	}
	moves, err := v.workStepsOn(i.ID, key)
	if err != nil {
		return err
	}
	if moves > 0 {
		p.Notes = append(p.Notes, workNote{soon, v.L.Count(moves, t.Moves)})
	}
	p.Blocks = []workBlock{{Text: v.workZone(whose, i.Exercise), Fields: workFields(
		f.When("at", workCapital(name)).Need(),
		f.Radios("kind", start.Kind.Say(locale.Name{Name: workCapital(name)}), []choice{
			{string(protocol.Forecast), workCapital(v.L.Codes.AnchorKind.Of("forecast")), string(t.ForecastHint)},
			{string(protocol.Observed), workCapital(v.L.Codes.AnchorKind.Of("observed")), string(t.ObservedHint)},
			v.workJustNowChoice(),
		}).Need())}, {Text: string(t.Rule)}}
	p.Blocks = append(p.Blocks, v.workRelays(f, !may, i.Thing(""), i.Origin, whose)...)
	p.Buttons = []workButton{{goYes, t.Press.Say(locale.Name{Name: name}), "primary"}}
	return v.workShow("work", p, i)
}

// workAnchorFact says what a key time is, as those read it whom it concerns.
func (v *visit) workAnchorFact(i *incident.Incident, at time.Time, kind protocol.Kind, whose place.Party) workFact {
	return workFact{
		v.L.Joins.Colon.Say(locale.Pair{A: string(v.L.Page.Work.KeyTime.Now), B: v.L.Codes.AnchorKind.Of(string(kind))}),
		v.bare().When(at, v.console.workNow(i), whose),
	}
}

// workStepsOn counts the open steps whose time counts from a key time, or that wait for it.
func (v *visit) workStepsOn(id, key string) (int, error) {
	steps, err := v.openSteps(id)
	n := 0
	for _, s := range steps {
		if string(s.Plan.Anchor) == key || string(s.Plan.WaitingFor) == key {
			n++
		}
	}
	return n, err
}

// workMoved gives the word for what was done: whether somebody was told of it.
func workMoved(done incident.Done[*incident.Anchor]) string {
	for _, e := range done.Events {
		var moved struct {
			Silent bool `json:"silent"`
		}
		if e.Type == incident.EventAnchorMoved && e.Into(&moved) == nil && moved.Silent {
			return "work_key_time_silent"
		}
	}
	return "work_key_time"
}
