package incident

import (
	"cmp"
	"slices"
	"time"

	"landfall/internal/check"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// StepStatus is how far a step is. Overdue, due soon and blocked are no statuses: they are worked out from the clock.
type StepStatus string

// The closed list of step statuses.
const (
	StepPending       StepStatus = "pending"
	StepInProgress    StepStatus = "in_progress"
	StepDone          StepStatus = "done"
	StepNotApplicable StepStatus = "not_applicable"
	StepCancelled     StepStatus = "cancelled"
)

// StepStatuses gives the closed list.
func StepStatuses() []StepStatus {
	return []StepStatus{StepPending, StepInProgress, StepDone, StepNotApplicable, StepCancelled}
}

// Evidence is what closes a step: the reference of a public document or a record, never the document.
type Evidence struct {
	Type      protocol.EvidenceType `json:"type"`
	Reference string                `json:"reference"`
}

// Need is another step instance to be closed before this one. A hard one blocks; a soft one, the default, is advice.
type Need struct {
	Key  string `json:"key"`
	Hard bool   `json:"hard,omitempty"`
}

// Instance is one step of a protocol for one party, movement or period, as recorded. All times but RecordedAt are scenario time. It is shared: whoever
// gets one must not change it.
type Instance struct {
	Key         string                `json:"key"`
	Code        string                `json:"code"`
	Title       place.Text            `json:"title"`
	Phase       protocol.Phase        `json:"phase"`
	Side        protocol.Side         `json:"side"`
	Party       place.Party           `json:"party"`
	Agency      string                `json:"agency"`
	LifeSafety  bool                  `json:"life_safety,omitempty"`
	Movement    string                `json:"movement,omitempty"`
	Period      int                   `json:"period,omitempty"`
	Placeholder bool                  `json:"placeholder,omitempty"` // stands for instances that the first movement brings
	Closes      protocol.EvidenceType `json:"closes,omitempty"`      // what kind of evidence the template expects
	Needs       []Need                `json:"needs,omitempty"`

	Status       StepStatus    `json:"status"`
	Plan         protocol.Plan `json:"plan"`
	ByRule       bool          `json:"by_rule,omitempty"`      // not applicable because a rule of the template says so
	ActionableAt time.Time     `json:"actionable_at,omitzero"` // since when it can be worked on
	DueAt        time.Time     `json:"due_at,omitzero"`        // granted; absent while it waits or is blocked
	DueRevision  int           `json:"due_revision,omitempty"` // counts the due times it has had
	PastDues     []time.Time   `json:"past_dues,omitempty"`    // the latest of the due times before, oldest first
	SoonTold     int           `json:"soon_told,omitempty"`    // due revision for which "due soon" is recorded
	OverdueTold  int           `json:"overdue_told,omitempty"` // due revision for which "overdue" was told
	StartedAt    time.Time     `json:"started_at,omitzero"`
	ClosedAt     time.Time     `json:"closed_at,omitzero"` // when it was done or found not to apply
	Word         time.Time     `json:"word,omitzero"`      // when somebody last reported on it
	Evidence     *Evidence     `json:"evidence,omitempty"`
	Waived       string        `json:"proof_waived,omitempty"`
	ProofOwed    bool          `json:"proof_owed,omitempty"`
	Reason       string        `json:"reason,omitempty"`  // why not applicable, cancelled or reopened
	Notes        int           `json:"notes,omitempty"`   // how many; their text is in the timeline
	Relayed      *Word         `json:"relayed,omitempty"` // how the word came by which it stands as it does, when another entered it
	Seq          int64         `json:"seq"`               // last changed it
	RecordedAt   time.Time     `json:"recorded_at"`       // of that change
}

// pastDuesKept bounds how many earlier due times a step shows; the log has them all.
const pastDuesKept = 16

// Open reports whether somebody still has to do it.
func (i *Instance) Open() bool { return i.Status == StepPending || i.Status == StepInProgress }

// counts reports whether its time runs.
func (i *Instance) counts() bool { return i.Open() && !i.DueAt.IsZero() }

// soonAt gives when the step begins to be due soon; only for one that counts.
func (i *Instance) soonAt() time.Time {
	return check.Instant(protocol.DueSoonAt(i.ActionableAt, i.DueAt))
}

// blocked reports whether a hard need of the step is open.
func (s *state) blocked(i *Instance) bool { return s.anyOpen(i.Needs) }

// anyOpen reports whether one of the hard needs is open. A needed step that the incident does not hold yet is open too.
func (s *state) anyOpen(needs []Need) bool {
	return slices.ContainsFunc(needs, func(n Need) bool {
		if !n.Hard {
			return false
		}
		needed, ok := s.Steps[n.Key]
		return !ok || needed.Open()
	})
}

// steps gives the instances in the order of the template: by code, then party, then key.
func (s *state) steps() []*Instance {
	all := make([]*Instance, 0, len(s.Steps))
	for _, i := range s.Steps {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b *Instance) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Party, b.Party), cmp.Compare(a.Key, b.Key))
	})
	return all
}
