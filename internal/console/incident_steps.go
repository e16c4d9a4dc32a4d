package console

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/protocol"
)

// stepCounts says how the steps of an incident stand.
type stepCounts struct{ Open, Done, Overdue, Soon, Silent, Owed int }

func (n *stepCounts) add(s incident.Step) {
	for _, c := range []struct {
		is bool
		n  *int
	}{
		{s.Open(), &n.Open}, {s.Status == incident.StepDone, &n.Done}, {s.Overdue, &n.Overdue}, {s.DueSoon, &n.Soon}, {s.Stale, &n.Silent},
		{s.ProofOwed, &n.Owed},
	} {
		if c.is {
			*c.n++
		}
	}
}

// stepLine is one step of a list.
type stepLine struct {
	incident.Step
	Href    string
	Name    string // its title
	Word    string // how it stands
	Tone    string
	Marks   []mark
	Waits   string // for which key time
	Planned bool   // its planned time differs from the one that counts
}

// The urgencies of steps.
const (
	stepLate  = "late"
	stepSoon  = "soon"
	stepLater = "later"
	stepTimes = "untimed" // open, without a time, and waiting for nothing
	stepWaits = "waits"
	stepOver  = "over"
)

// stepUrgencies are all of them, the most urgent first.
var stepUrgencies = []string{stepLate, stepSoon, stepLater, stepTimes, stepWaits, stepOver}

func (l stepLine) urgency() string {
	switch {
	case l.Overdue:
		return stepLate
	case l.DueSoon:
		return stepSoon
	case l.Open() && !l.DueAt.IsZero():
		return stepLater
	case l.Waits != "" && l.Status == incident.StepPending:
		return stepWaits
	case l.Open():
		return stepTimes
	}
	return stepOver
}

// byClock orders steps of one urgency: those that lives depend on first, then by when they are due.
func byClock(a, b stepLine) int {
	life := func(l stepLine) int {
		if l.LifeSafety && l.Open() {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(life(a), life(b)), a.DueAt.Compare(b.DueAt), cmp.Compare(a.Key, b.Key))
}

func (v *visit) stepLine(a about, s incident.Step) stepLine {
	t := v.L.Page.Incidents
	l := stepLine{
		Step: s, Href: a.At("/steps/" + s.Key), Name: s.Title.In(string(v.L.Language)), Word: v.L.Codes.StepStatus.Of(string(s.Status)), Tone: idle,
		Planned: s.Plan.Known() && !s.DueAt.IsZero() && s.Plan.At.Sub(s.DueAt).Abs() >= time.Minute,
	}
	if s.Open() && s.DueAt.IsZero() && s.Plan.WaitingFor != "" {
		l.Waits = t.WaitsFor.Say(locale.Name{Name: v.L.Codes.Anchor.Of(string(s.Plan.WaitingFor))})
	}
	switch {
	case s.Overdue:
		l.Tone, l.Word = bad, string(t.Overdue)
	case s.DueSoon:
		l.Tone, l.Word = soon, string(t.DueSoon)
	case s.Status == incident.StepDone:
		l.Tone = good
	case s.Status == incident.StepInProgress:
		l.Tone = info
	}
	for _, m := range []struct {
		is   bool
		tone string
		text locale.Phrase
	}{
		{s.LifeSafety && s.Open(), bad, t.LifeSafety}, {s.Blocked, soon, t.Blocked}, {s.Stale, soon, t.Silent}, {s.ProofOwed, soon, t.ProofOwed}, {s.DoneLate, idle, t.DoneLate},
	} {
		if m.is {
			l.Marks = append(l.Marks, mark{m.tone, string(m.text)})
		}
	}
	return l
}

// stepView is one step with everything that is known of it, and what can be reported.
type stepView struct {
	about
	Step     stepLine
	Form     *form
	Evidence []choice
	Needs    []stepLine
	MayWork  bool
	Relays   bool // the account may pass on the word of the party whose step it is
	Ways     []choice
	Expects  string // what closes it
}

// The acts that the form of a step offers.
const (
	actStart    = "start"
	actComplete = "complete"
	actNote     = "note"
	actSkip     = "not-applicable"
	actReopen   = "reopen"
)

func (c *Console) incidentStep(v *visit) error {
	view, err := v.stepView()
	if err != nil {
		return err
	}
	return v.part(http.StatusOK, "incident_step", view.about, view)
}

func (v *visit) stepView() (stepView, error) {
	a, err := v.load("/steps")
	if err != nil {
		return stepView{}, err
	}
	s, err := v.console.incident.Step(v.ctx(), v.scope, a.I.ID, v.Param("key"))
	if err != nil {
		return stepView{}, err
	}
	view := stepView{
		about: a, Step: v.stepLine(a, s), Form: newForm().with("etag", v.console.incident.ETag(s.Seq)), MayWork: v.works(a, s),
		Relays: !v.scope.All && v.scope.MayRelay(s.Works(), a.I.Thing(s.Party), s.Party), Ways: choicesOf(check.Relays(), v.L.Codes.RelayedBy),
		Evidence: choicesOf(evidenceTypes(), v.L.Codes.Evidence), Expects: v.L.Codes.Evidence.Of(string(s.Closes)),
	}
	if s.Closes != "" {
		view.Form.with("evidence", string(s.Closes))
	}
	for _, n := range s.Needs {
		if need, err := v.console.incident.Step(v.ctx(), v.scope, a.I.ID, n.Key); err == nil {
			view.Needs = append(view.Needs, v.stepLine(a, need))
		}
	}
	return view, nil
}

// works reports whether the account works on a step itself.
func (v *visit) works(a about, s incident.Step) bool {
	return !s.Placeholder && s.Status != incident.StepCancelled && v.scope.May(s.Works(), a.I.Thing(s.Party))
}

func evidenceTypes() []protocol.EvidenceType {
	return []protocol.EvidenceType{"bulletin", "notice", "note_verbale", "figure", "capacity", "survey", "decision", "receipt"}
}

// reportStep records what somebody says of a step: the button that was pressed says what.
func (c *Console) reportStep(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	view, err := v.stepView()
	if err != nil {
		return err
	}
	now := view.Form.Value("etag")
	in := incident.StepReport{Reason: f.Value("reason"), Note: f.Value("note"), OccurredAt: v.moment(f, "occurred_at", view.Step.Party)}
	if ref := f.Value("reference"); ref != "" {
		in.Evidence = &incident.Evidence{Type: protocol.EvidenceType(f.Value("evidence")), Reference: ref}
	}
	w, act := v.write(f), f.Value("act")
	waives := act == actSkip && f.Value("relayed_by") == "" && v.scope.May(view.Step.Waives(), view.I.Thing(view.Step.Party))
	if view.Relays && !waives {
		f.Values.Set("on_behalf_of", string(view.Step.Party.StateParty()))
		w.Relay = v.relay(f)
	}
	switch act {
	case actSkip, actReopen:
		v.need(f, "reason")
	case actNote:
		v.need(f, "note")
	}
	if !f.Failed() {
		do := map[string]func(context.Context, access.Scope, access.Write, string, string, incident.StepReport) (incident.Done[incident.Step], error){
			actStart: c.incident.StartStep, actComplete: c.incident.CompleteStep, actNote: c.incident.NoteStep,
			actSkip: c.incident.MarkNotApplicable, actReopen: c.incident.ReopenStep,
		}[act]
		if do == nil {
			return v.to(view.At("/steps/"+view.Step.Key), "")
		}
		_, err := do(v.ctx(), v.scope, w, view.I.ID, view.Step.Key, in)
		if err == nil {
			return v.to(view.At("/steps/"+view.Step.Key), "step_"+strings.ReplaceAll(act, "-", "_"))
		}
		if !v.refused(f, err, map[string]string{"/evidence/reference": "reference", "/evidence/type": "evidence"}) {
			return err
		}
	}
	if f.Stale {
		f.Values.Set("etag", now) // pressed again, it is sent on top of what is shown now
	}
	view.Form = f
	return v.part(f.status(), "incident_step", view.about, view)
}
