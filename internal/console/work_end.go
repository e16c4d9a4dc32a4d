package console

import (
	"cmp"
	"slices"
	"strings"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/locale"
)

// workStandDown ends an incident before its work is done.
func (c *Console) workStandDown(v *visit) error { return c.workEnd(v, true) }

// workClose ends an incident whose work is done. What is left to be done is what the desk says when it refuses.
func (c *Console) workClose(v *visit) error { return c.workEnd(v, false) }

func (c *Console) workEnd(v *visit, standDown bool) error {
	act := access.CloseIncident
	if standDown {
		act = access.StandDown
	}
	i, own, err := c.workLed(v, act)
	if err != nil {
		return err
	}
	f, sent, err := v.workSent(func() *form { return newForm().with("etag", c.incident.ETag(i.Seq)) })
	if err != nil {
		return err
	}
	var record []workFact
	var left []workLeft
	if sent {
		w := v.write(f)
		w.Relay = v.workRelay(f, !own)
		run, done := c.incident.Close, "work_closed"
		if standDown {
			v.need(f, "reason")
			run, done = c.incident.StandDown, "work_stood_down"
		}
		if !f.Failed() {
			ended, refused := run(v.ctx(), v.scope, w, i.ID, f.Value("reason"))
			if err = refused; err == nil {
				return v.to("/incidents/"+i.ID, orProposed(ended.Proposed, done))
			}
			if e, ok := fault.As(err); ok && e.Code == "unfinished" {
				if left, err = c.workUnfinished(v, i, e.Fields); err != nil {
					return err
				}
				f.Summary = v.L.Count(len(left), v.L.Page.Work.Close.Left)
			} else {
				var again bool
				if again, record, err = c.workMeet(v, f, i, err, nil); !again {
					return err
				}
			}
		}
	}
	p := workPage{
		Form: f, Record: record, Left: left, Facts: v.workBrief(i),
		Blocks: append([]workBlock{{Fields: workFields(f.Area("reason", v.L.Notice.Label.Reason).AtMost(check.MaxReason).Hinted(v.L.Page.Form.NoPersonal))}},
			v.workRelays(f, !own, i.Thing(""), i.Origin)...),
	}
	if !standDown {
		t := v.L.Page.Work.Close
		p.Title, p.Lead, p.Action, p.Draft = string(t.Title), string(t.Lead), "/incidents/"+i.ID+"/close", i.ID+"/close"
		p.Buttons = []workButton{{goYes, string(t.Press), "primary"}}
		return v.workShow("work", p, i)
	}
	t := v.L.Page.Work.StandDown
	p.Title, p.Lead, p.Action, p.Draft = string(t.Title), string(t.Lead), "/incidents/"+i.ID+"/stand-down", i.ID+"/stand-down"
	p.Blocks[0].Fields[0].Required = true
	open, err := v.openSteps(i.ID)
	if err != nil {
		return err
	}
	p.Facts = append(p.Facts, workFact{string(v.L.Notice.Label.Receivers), v.workNames(i.Receivers)})
	if len(open) > 0 {
		p.Notes = append(p.Notes, workNote{soon, v.L.Count(len(open), t.Steps)})
	}
	if i.Status != incident.Draft {
		if _, err := v.workWarn(&p, i, ledger.Headline, i.Receivers...); err != nil {
			return err
		}
	}
	p.Buttons = []workButton{{goYes, string(t.Press), "danger"}}
	if i.Exercise {
		p.Buttons = []workButton{{goYes, string(t.PressExercise), "rehearsal"}}
	}
	return v.workShow("work", p, i)
}

// workUnfinished puts what keeps an incident from being closed into words, each with the way to where it is mended.
func (c *Console) workUnfinished(v *visit, i *incident.Incident, fields []fault.Field) ([]workLeft, error) {
	t := v.L.Page.Work.Close
	var left []workLeft
	for _, one := range fields {
		l := workLeft{Reason: v.reason(one.Reason)} // steps, which are many, come last
		switch noun, id, _ := strings.Cut(strings.TrimPrefix(one.Pointer, "/"), "/"); noun {
		case "steps":
			step, err := c.incident.Step(v.ctx(), v.scope, i.ID, id)
			if err != nil {
				return nil, err
			}
			l.Text = id + " · " + step.Title.In(string(v.L.Language)) + " (" + v.L.Party(step.Party) + ")"
			l.Href, l.rank = workTab(i.ID, "steps")+"/"+id, 1
		case "movements":
			m, err := c.incident.Movement(v.ctx(), v.scope, i.ID, id)
			if err != nil {
				return nil, err
			}
			l.Text = v.workWay(m)
			l.Href = workTab(i.ID, "movements") + "/" + id
		case "figures":
			l.Text, l.Href = string(t.Figure), workTab(i.ID, "figures")+"/new?final=yes"
			if party, ok := workMissing(one.Reason); ok {
				l.Href += "&place=" + party
			}
		default:
			l.Text, l.Href = one.Pointer, "/incidents/"+i.ID
		}
		left = append(left, l)
	}
	slices.SortStableFunc(left, func(a, b workLeft) int { return cmp.Compare(a.rank, b.rank) })
	return left, nil
}

// workMissing gives the party of which a final figure is missing.
func workMissing(reason string) (string, bool) {
	rest, ok := strings.CutPrefix(reason, "a final figure for ")
	party, _, found := strings.Cut(rest, " is missing")
	return party, ok && found
}

// workWay names a movement: who goes from where to where.
func (v *visit) workWay(m *incident.Movement) string {
	return v.L.Page.Work.Movement.Way.Say(locale.Way{
		People: v.L.Count(m.People.Total, v.L.Counts.Persons), From: v.workSpot(m.From), To: v.workSpot(m.To),
	})
}
