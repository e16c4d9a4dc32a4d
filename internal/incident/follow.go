package incident

import (
	"cmp"
	"slices"
	"time"

	"landfall/internal/check"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// Templates finds the template that an incident's protocol runs on. The version is the one it began with; zero asks for
// the newest.
type Templates func(id string, version int) (*protocol.Template, bool)

// Shipped finds templates among those of this build. A build ships one version of each: an incident that began on an older
// one goes on with it, and what was decided before stays as it was.
func Shipped(id string, _ int) (*protocol.Template, bool) { return protocol.Lookup(id) }

// follow works out what must follow in s, a state that a decision has already changed in its main fact: which step instances
// come, go or get other times. It leaves s as it is. now is scenario time.
func follow(s *state, t *protocol.Template, now time.Time) follows {
	f := follows{}
	wanted := t.Instances(s.setting())
	next := s.clone() // needs are looked up among the new instances too
	made := map[string]bool{}
	known := make(map[string]bool, len(wanted))
	for _, w := range wanted {
		key := string(w.Key)
		known[key] = true
		if old, ok := s.Steps[key]; !ok || old.Status == StepCancelled {
			next.Steps[key], made[key] = newInstance(w), true
		}
	}
	for _, w := range wanted {
		i := next.Steps[string(w.Key)]
		times, changed := next.retime(i, w, now)
		switch {
		case made[i.Key]:
			times.Needs, f.Template = i.Needs, t.Version
			f.Steps = append(f.Steps, stepMade{
				stepTimes: times, Code: i.Code, Title: i.Title, Phase: i.Phase, Side: i.Side, Party: i.Party, Agency: i.Agency,
				LifeSafety: i.LifeSafety, Movement: i.Movement, Period: i.Period, Placeholder: i.Placeholder, Closes: i.Closes,
			})
		case changed:
			f.Changed = append(f.Changed, times)
		}
	}
	for _, i := range s.steps() {
		switch {
		case known[i.Key], i.Period > 1: // later periods are not the schedule's
		case i.Placeholder && slices.Contains(s.parties(), i.Party):
			f.Replaced = append(f.Replaced, i.Key)
		case i.Open():
			f.Cancelled = append(f.Cancelled, stepClosed{Key: i.Key, Reason: s.whyGone(i)})
		}
	}
	return f
}

// followStep is follow for a step that was closed or opened again: only what needs it, hard, gets other times.
func followStep(s *state, key string, now time.Time) follows {
	f := follows{}
	for _, i := range s.Steps {
		if !i.Open() || !slices.Contains(i.Needs, Need{Key: key, Hard: true}) {
			continue
		}
		if t := s.times(i, i.Needs, i.Plan, now); !t.same(i) {
			f.Changed = append(f.Changed, t)
		}
	}
	slices.SortStableFunc(f.Changed, func(a, b stepTimes) int { return cmp.Compare(a.Key, b.Key) })
	return f
}

// retime gives the times of an instance in the schedule that holds w, and whether they differ from those it has. Of a closed
// one only the template's rule of applicability is asked.
func (s *state) retime(i *Instance, w protocol.Instance, now time.Time) (stepTimes, bool) {
	needs := needsOf(w)
	switch {
	case !w.Applies && i.Status == StepPending:
		return stepTimes{Key: i.Key, Needs: needs, Plan: w.Plan, Lapsed: w.Reason.EN}, true
	case w.Applies && i.ByRule && i.Status == StepNotApplicable:
		again := *i
		again.ActionableAt, again.DueAt = time.Time{}, time.Time{}
		t := s.times(&again, needs, w.Plan, now)
		t.Revived = true
		return t, true
	case !i.Open():
		return stepTimes{}, false
	}
	t := s.times(i, needs, w.Plan, now)
	changed := !t.same(i)
	if slices.Equal(needs, i.Needs) {
		t.Needs = nil
	} else {
		changed = true
	}
	return t, changed
}

// times grants an open instance its due time under a plan. What waits, is blocked or stands for others has none.
func (s *state) times(i *Instance, needs []Need, plan protocol.Plan, now time.Time) stepTimes {
	t := stepTimes{Key: i.Key, Needs: needs, Plan: plan}
	if !plan.Known() || i.Placeholder || s.anyOpen(needs) {
		return t
	}
	t.ActionableAt = i.ActionableAt
	if t.ActionableAt.IsZero() {
		t.ActionableAt = now
	}
	granted := protocol.Granted(plan.At, t.ActionableAt, i.LifeSafety)
	t.DueAt = check.Instant(protocol.Regranted(i.DueAt, granted, now))
	return t
}

// same reports whether the instance has these times already.
func (t stepTimes) same(i *Instance) bool {
	a, b := t.Plan, i.Plan
	samePlan := a.At.Equal(b.At) && a.Anchor == b.Anchor && a.AnchorAt.Equal(b.AnchorAt) && a.Kind == b.Kind &&
		a.Offset == b.Offset && a.WaitingFor == b.WaitingFor
	return samePlan && t.ActionableAt.Equal(i.ActionableAt) && t.DueAt.Equal(i.DueAt)
}

func needsOf(w protocol.Instance) []Need {
	var needs []Need
	for _, n := range w.Needs {
		needs = append(needs, Need{Key: string(n.Key), Hard: n.Hard})
	}
	return needs
}

func newInstance(w protocol.Instance) *Instance {
	return &Instance{
		Key: string(w.Key), Code: w.Step.Code, Title: w.Step.Title, Phase: w.Step.Phase, Side: w.Step.Side, Party: w.Party,
		Agency: w.Step.Agency, LifeSafety: w.Step.LifeSafety, Movement: w.Movement, Period: w.Period, Placeholder: w.Placeholder,
		Closes: w.Step.Evidence.Type, Needs: needsOf(w), Status: StepPending,
	}
}

// whyGone gives the word for why a step that the schedule no longer holds is cancelled.
func (s *state) whyGone(i *Instance) string {
	if m, ok := s.Movements[i.Movement]; ok && m.Status == MovementCancelled {
		return "movement_cancelled"
	}
	return "unnamed"
}

// setting is the state as a template sees it.
func (s *state) setting() protocol.Setting {
	set := protocol.Setting{
		Part: s.Running.Part, Mode: s.Running.Mode, Origin: s.Origin, Receivers: s.Receivers,
		Anchors: protocol.Anchors{}, StayEnds: map[place.Party]protocol.Value{},
	}
	for key, a := range s.Anchors {
		name, party := splitAnchor(key)
		if party == "" {
			set.Anchors[name] = a.value()
		} else {
			set.StayEnds[party] = a.value()
		}
	}
	for _, id := range s.Order {
		if m := s.Movements[id]; m.Status != MovementCancelled {
			set.Movements = append(set.Movements, m.moving())
		}
	}
	return set
}

func (a *Anchor) value() protocol.Value { return protocol.Value{At: a.At, Kind: a.Kind} }
