package console

import (
	"cmp"
	"slices"
	"time"

	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// workPreviewed is what a protocol would make of an incident now.
type workPreviewed struct {
	steps, parties, waiting int
	first                   []workFirst
}

// firstsShown bounds how many of the first deadlines a review shows.
const firstsShown = 5

// workPreview works out what the steps of a protocol would be, with the functions that decide it when it starts.
func (c *Console) workPreview(v *visit, i *incident.Incident, in incident.Start, s workStarting) (workPreviewed, error) {
	var out workPreviewed
	now := c.workNow(i)
	setting := protocol.Setting{Part: s.part, Mode: in.Mode, Origin: i.Origin, Receivers: i.Receivers, Anchors: protocol.Anchors{}}
	for _, a := range i.Anchors {
		setting.Anchors[protocol.Anchor(a.Name)] = protocol.Value{At: a.At, Kind: a.Kind}
	}
	for name, value := range in.Anchors {
		setting.Anchors[protocol.Anchor(name)] = value
	}
	if s.part == protocol.Active {
		setting.Anchors[protocol.AnchorActivation] = protocol.Value{At: now, Kind: protocol.Observed}
	}
	if i.Running != nil {
		setting.Mode = i.Running.Mode
	}
	held := map[string]incident.Step{}
	steps, err := v.steps(i.ID, incident.StepFilter{})
	if err != nil {
		return out, err
	}
	for _, step := range steps {
		held[step.Key] = step
	}
	moving, err := c.incident.Movements(v.ctx(), v.scope, i.ID)
	if err != nil && !fault.Is(err, fault.Forbidden) {
		return out, err
	}
	for _, m := range moving {
		if m.Status != incident.MovementCancelled {
			setting.Movements = append(setting.Movements, workMoving(m))
		}
	}
	type due struct {
		at   time.Time
		step protocol.Instance
	}
	var dues []due
	parties := map[place.Party]bool{}
	for _, one := range s.template.Instances(setting) {
		old, known := held[string(one.Key)]
		if !one.Applies || known && !old.Open() {
			continue
		}
		out.steps++
		parties[one.Party] = true
		if !one.Plan.Known() || one.Placeholder {
			out.waiting++
			continue
		}
		if slices.ContainsFunc(one.Needs, func(n protocol.InstanceNeed) bool {
			needed, done := held[string(n.Key)]
			return n.Hard && (!done || needed.Open())
		}) {
			continue
		}
		at := protocol.Granted(one.Plan.At, now, one.Step.LifeSafety)
		if known && !old.ActionableAt.IsZero() {
			at = protocol.Regranted(old.DueAt, protocol.Granted(one.Plan.At, old.ActionableAt, one.Step.LifeSafety), now)
		}
		dues = append(dues, due{at, one})
	}
	out.parties = len(parties)
	slices.SortStableFunc(dues, func(a, b due) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.step.Key, b.step.Key)) })
	for _, d := range dues[:min(len(dues), firstsShown)] {
		out.first = append(out.first, workFirst{
			Due: v.bare().When(d.at, now, i.Origin), Party: v.L.Party(d.step.Party), Step: d.step.Step.Title.In(string(v.L.Language)),
			LifeSafety: d.step.Step.LifeSafety,
		})
	}
	return out, nil
}

// workMoving is a movement as a template sees it.
func workMoving(m *incident.Movement) protocol.Movement {
	p := protocol.Movement{
		ID: m.ID, From: m.From.Party, To: m.To.Party,
		Departure: protocol.Value{At: m.DepartsAt, Kind: protocol.Forecast}, Arrival: protocol.Value{At: m.ETA, Kind: protocol.Forecast},
	}
	if !m.ArrivedAt.IsZero() {
		p.Arrival = protocol.Value{At: m.ArrivedAt, Kind: protocol.Observed}
	}
	return p
}
