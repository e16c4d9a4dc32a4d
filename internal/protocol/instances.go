package protocol

import (
	"slices"
	"strconv"
	"strings"

	"landfall/internal/place"
)

// Key names a step instance within its incident: HUR-05, HUR-07.ATG, HUR-16.<movement>, HUR-27.ATG.1, HUR-33.1.
type Key string

// Code gives the code of the step.
func (k Key) Code() string {
	code, _, _ := strings.Cut(string(k), ".")
	return code
}

// Instance is one step for one party, movement or period.
type Instance struct {
	Key      Key
	Step     *Step // shared: read only
	Party    place.Party
	Movement string // id, for an instance of one movement
	Period   int    // from 1, for a recurring step
	Needs    []InstanceNeed
	Plan     Plan

	// Placeholder marks the one entry per party that stands for a per-movement step as long as there is no movement. It waits
	// for an anchor, cannot be worked on, and goes when the first movement brings the real instance.
	Placeholder bool
	// Applies is false when the step has no meaning in this setting; Reason says why.
	Applies bool
	Reason  place.Text
}

// Period gives the key of a recurring step's n-th period, from the key without one.
func (k Key) Period(n int) Key { return k + "." + Key(strconv.Itoa(n)) }

// InstanceNeed is a dependency on another instance. A key that the incident does not hold counts as open.
type InstanceNeed struct {
	Key  Key
	Hard bool
}

// Instances gives every step instance that must exist in the setting, with its party, needs and plan, in the template's order,
// then in the order of receivers and movements.
//
//   - A step of the receiving side exists once for each receiver, HUR-16, 18, 19, 20 and 36 once for each movement: the
//     receiving ones belong to the movement's receiver. Movements to nobody named give no receiving step.
//   - A recurring step gives its first period. The incident makes the following ones with Every.Next.
//   - While monitoring, only planning steps exist.
//
// Calling it again with a changed setting and comparing keys tells what came and what went. A key means the same instance
// for ever.
func (t *Template) Instances(s Setting) []Instance {
	var all []Instance
	byCode := map[string][]Instance{}
	for _, step := range t.Steps {
		made := step.instances(s)
		byCode[step.Code] = made
		if s.Part != Monitoring || step.Phase == Planning {
			all = append(all, made...)
		}
	}
	for n := range all {
		i := &all[n]
		anchors := s.AnchorsOf(*i)
		i.Plan = i.Step.DeadlineIn(s.Mode).Planned(anchors)
		if i.Applies = i.Step.Applies.Holds(anchors); !i.Applies {
			i.Reason = i.Step.Applies.Otherwise
		}
		i.Needs = s.needs(*i, byCode)
	}
	return all
}

// instances gives the step's instances without needs and plan.
func (st *Step) instances(s Setting) []Instance {
	if st.Repeat == PerMovement {
		return st.perMovement(s)
	}
	var made []Instance
	for _, party := range st.parties(s) {
		i := Instance{Key: st.key(party), Step: st, Party: party}
		if st.Repeat == PerPeriod {
			i.Period = 1
			i.Key = i.Key.Period(1)
		}
		made = append(made, i)
	}
	return made
}

// perMovement gives one instance for each movement the step is about, and a placeholder for each party without one.
func (st *Step) perMovement(s Setting) []Instance {
	var made []Instance
	served := map[place.Party]bool{}
	for _, m := range s.Movements {
		if m.Home != st.aboutReturns() {
			continue
		}
		party, ok := st.partyOf(m, s)
		if !ok {
			continue
		}
		served[party] = true
		made = append(made, Instance{Key: Key(st.Code + "." + m.ID), Step: st, Party: party, Movement: m.ID})
	}
	for _, party := range st.parties(s) {
		if !served[party] {
			made = append(made, Instance{Key: st.key(party), Step: st, Party: party, Placeholder: true})
		}
	}
	return made
}

// aboutReturns reports whether the step's movements are those home.
func (st *Step) aboutReturns() bool {
	return slices.ContainsFunc(st.Deadline.Terms, func(t Term) bool { return t.Anchor == AnchorReturn })
}

// parties gives whom the step falls to.
func (st *Step) parties(s Setting) []place.Party {
	switch {
	case st.Party.receiving():
		return s.Receivers
	case st.Party == ByRegional:
		return []place.Party{st.Organisation}
	default:
		return []place.Party{s.Origin}
	}
}

// partyOf gives whom the step falls to for one movement; false when nobody named receives it.
func (st *Step) partyOf(m Movement, s Setting) (place.Party, bool) {
	if st.Party.receiving() {
		return s.Receiver(m)
	}
	return st.parties(s)[0], true
}

// key gives the key of the step's one instance for a party.
func (st *Step) key(party place.Party) Key {
	if st.Party.receiving() {
		return Key(st.Code + "." + string(party))
	}
	return Key(st.Code)
}

// needs gives the instances that i depends on, out of those of the steps its step needs.
func (s Setting) needs(i Instance, byCode map[string][]Instance) []InstanceNeed {
	var out []InstanceNeed
	for _, need := range i.Step.Needs {
		for _, other := range byCode[need.Code] {
			if s.concerns(other, i) {
				out = append(out, InstanceNeed{Key: other.Key, Hard: need.Hard})
			}
		}
	}
	return out
}

// concerns reports whether, of the instances of a needed step, i means this one:
//   - within one movement, the same movement's;
//   - within one receiver, the same receiver's; and of several movements there the first to arrive, on which i hangs;
//   - for the origin and for regional bodies as a whole, everybody's.
func (s Setting) concerns(needed, i Instance) bool {
	if needed.Movement != "" && i.Movement != "" && needed.Step.aboutReturns() == i.Step.aboutReturns() {
		return needed.Movement == i.Movement
	}
	mine, scoped := s.receiverOf(i)
	theirs, theirsScoped := s.receiverOf(needed)
	if scoped && theirsScoped && mine != theirs {
		return false
	}
	if scoped && needed.Movement != "" {
		return needed.Movement == s.firstMovement(mine, needed.Step.aboutReturns())
	}
	return true
}

// receiverOf gives the receiving party an instance is about; false for what concerns all of them.
func (s Setting) receiverOf(i Instance) (place.Party, bool) {
	if m, ok := s.movement(i.Movement); ok && i.Movement != "" {
		if receiver, named := s.Receiver(m); named {
			return receiver, true
		}
		return m.away(), true
	}
	return i.Party, i.Step.Party.receiving()
}

// firstMovement gives the id of the movement that arrives first at a receiver, or home from it; without any time known, the
// one listed first.
func (s Setting) firstMovement(receiver place.Party, home bool) string {
	var id string
	best := Anchors{}
	for _, m := range s.Movements {
		if r, ok := s.Receiver(m); !ok || r != receiver || m.Home != home {
			continue
		}
		before := best[AnchorArrival]
		best.take(AnchorArrival, m.Arrival)
		if id == "" || best[AnchorArrival] != before {
			id = m.ID
		}
	}
	return id
}
