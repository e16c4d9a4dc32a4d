package protocol

import (
	"slices"

	"landfall/internal/fault"
	"landfall/internal/place"
)

// Status says how far a template is settled.
type Status string

// The statuses of a template.
const (
	Proposal Status = "proposal" // Landfall's suggestion, to be settled by those who use it
	Adopted  Status = "adopted"
)

// Template is a protocol as data: steps with their rules. Incidents keep the id and version they ran on.
type Template struct {
	ID         string
	Version    int // rises with every change
	Status     Status
	Title      place.Text
	Note       place.Text        // what a reader of the template must know
	Leading    []Anchor          // a run begins with a value of one of these: the first deadlines count from it
	ReturnFrom string            // code of the step that opens the return part; "" when the template has none
	Sources    map[string]string // what the S keys in a step's basis stand for
	Steps      []*Step           // every step below all the steps it needs

	byCode map[string]*Step
}

// Step is one row of a template. Its instances are what an incident works on.
type Step struct {
	Code         string
	Title        place.Text
	Phase        Phase
	Side         Side
	Party        PartyRule
	Repeat       Repeat
	LifeSafety   bool
	Agency       string      // who does it, in the words of the field
	Organisation place.Party // whose step it is when Party is ByRegional, else ""
	Needs        []Need      // steps to close before this one
	Deadline     Deadline
	Slow         Deadline // instead of Deadline in slow mode; zero: the same
	Applies      *Condition
	Evidence     Evidence
	Escalation   []string // who sits above the agency, from the first rung up
	Basis        string   // what is sourced (keys of Template.Sources) and what is construction (C)
	ReturnPart   bool     // belongs to the return, not to the stay
}

// Need is a dependency on another step of the template.
type Need struct {
	Code string
	Hard bool // cannot be closed before; soft, the default, warns only
}

// Evidence says what closes a step: a typed reference, never a document with names.
type Evidence struct {
	Type EvidenceType
	Text string
}

// Condition says when a step has a meaning: only if one anchor lies before another.
type Condition struct {
	Anchor    Anchor
	Before    Anchor
	Otherwise place.Text // the reason shown when it does not
}

// Holds reports whether the step applies. While either anchor is unknown it does. A nil condition always holds.
func (c *Condition) Holds(anchors Anchors) bool {
	if c == nil {
		return true
	}
	a, b := anchors[c.Anchor], anchors[c.Before]
	return !a.Known() || !b.Known() || a.At.Before(b.At)
}

// Step gives the step with the code.
func (t *Template) Step(code string) (*Step, bool) {
	s, ok := t.byCode[code]
	return s, ok
}

// Organisations lists the organisations that have steps in the template, in the order of the steps.
func (t *Template) Organisations() []place.Party {
	var all []place.Party
	for _, s := range t.Steps {
		if s.Organisation != "" && !slices.Contains(all, s.Organisation) {
			all = append(all, s.Organisation)
		}
	}
	return all
}

// Anchors gives the anchors that the template's deadlines and conditions count from, each once, in order of first use.
func (t *Template) Anchors() []Anchor {
	var out []Anchor
	seen := map[Anchor]bool{"": true}
	add := func(a Anchor) {
		if !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	for _, s := range t.Steps {
		for _, d := range []Deadline{s.Deadline, s.Slow} {
			for _, term := range d.Terms {
				add(term.Anchor)
			}
			add(d.Every.While)
		}
		if s.Applies != nil {
			add(s.Applies.Anchor)
			add(s.Applies.Before)
		}
	}
	return out
}

// Begin requires that one of the leading anchors has a value: without one nearly every step would wait. The pointer is that of Start's anchors.
func (t *Template) Begin(c *fault.Check, known func(Anchor) bool) {
	if len(t.Leading) == 0 || slices.ContainsFunc(t.Leading, known) {
		return
	}
	at := "/anchors/" + string(t.Leading[0])
	if len(t.Leading) == 1 {
		c.Field(at, "is required: the due times count from it")
	} else {
		c.Field(at, "is required, or %s: the due times count from one of them", t.Leading[1])
	}
}

// KnowsSlow reports whether the template has a slow mode beside the rapid one.
func (t *Template) KnowsSlow() bool {
	return slices.ContainsFunc(t.Steps, func(st *Step) bool { return !st.Slow.IsZero() })
}

// DeadlineIn gives the step's deadline in a mode.
func (st *Step) DeadlineIn(m Mode) Deadline {
	if m == Slow && !st.Slow.IsZero() {
		return st.Slow
	}
	return st.Deadline
}
