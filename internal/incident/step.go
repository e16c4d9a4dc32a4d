package incident

import (
	"context"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
)

// StepReport is what somebody says of a step. Each command reads only the members it names.
type StepReport struct {
	OccurredAt time.Time // scenario time at which it was so; zero: now. Entries may be late: networks fail when they are needed
	Evidence   *Evidence // Complete: without it proof is owed, and must be given before the incident closes
	Waiver     string    // Complete: why no proof is needed, instead of evidence
	Reason     string    // NotApplicable, Reopen: required
	Note       string    // Note: required; kept beside the record, so that it can be erased
}

func (in *StepReport) check(c *fault.Check) {
	in.OccurredAt = check.Instant(in.OccurredAt)
	check.OptionalTime(c, "/occurred_at", in.OccurredAt)
	if e := in.Evidence; e != nil {
		c.That(e.Type.Valid(), "/evidence/type", "must be bulletin, notice, note_verbale, figure, capacity, survey, decision or receipt")
		check.Required(c, "/evidence/reference", &e.Reference, check.MaxReference, false)
	}
}

// StartStep says that somebody is at work on a step.
func (d *Desk) StartStep(ctx context.Context, scope access.Scope, w access.Write, id, key string, in StepReport) (Done[Step], error) {
	return d.report(ctx, scope, w, id, key, &in, EventStepStarted, nil, func(t turn, i *Instance) error {
		switch {
		case i.Placeholder:
			return errPlaceholder(i)
		case i.Status != StepPending:
			return errStep(i, "start")
		}
		return nil
	})
}

// CompleteStep says that a step is done. Completing a done step again gives, or waives, the proof that is owed. A step whose hard needs are open cannot be
// completed.
func (d *Desk) CompleteStep(ctx context.Context, scope access.Scope, w access.Write, id, key string, in StepReport) (Done[Step], error) {
	return d.report(ctx, scope, w, id, key, &in, EventStepCompleted, func(c *fault.Check) {
		check.Reason(c, "/proof_waived", &in.Waiver, false)
		c.That(in.Evidence == nil || in.Waiver == "", "/proof_waived", "is for a step without evidence")
	}, func(t turn, i *Instance) error {
		switch {
		case i.Placeholder:
			return errPlaceholder(i)
		case i.Status == StepDone && i.ProofOwed && (in.Evidence != nil || in.Waiver != ""):
			return nil
		case !i.Open():
			return errStep(i, "be completed")
		case t.blocked(i):
			return fault.New(fault.State, "step_blocked", "Step %s cannot be done before what it needs: %s.", i.Key, t.openNeeds(i))
		}
		return nil
	})
}

// MarkNotApplicable says that a step has no meaning here, and why.
func (d *Desk) MarkNotApplicable(ctx context.Context, scope access.Scope, w access.Write, id, key string, in StepReport) (Done[Step], error) {
	return d.report(ctx, scope, w, id, key, &in, EventStepNotApplicable, func(c *fault.Check) {
		check.Reason(c, "/reason", &in.Reason, true)
	}, func(t turn, i *Instance) error {
		if !i.Open() {
			return errStep(i, "be marked not applicable")
		}
		return nil
	})
}

// NoteStep adds a free note to a step. It is a word on the step, so the step is not stale any more.
func (d *Desk) NoteStep(ctx context.Context, scope access.Scope, w access.Write, id, key string, in StepReport) (Done[Step], error) {
	return d.report(ctx, scope, w, id, key, &in, EventStepNoted, func(c *fault.Check) {
		check.Prose(c, "/note", &in.Note, maxNote, true)
	}, func(turn, *Instance) error { return nil })
}

// ReopenStep takes back that a step is done or not applicable, and says why. It gets a fair time to be done in.
func (d *Desk) ReopenStep(ctx context.Context, scope access.Scope, w access.Write, id, key string, in StepReport) (Done[Step], error) {
	return d.report(ctx, scope, w, id, key, &in, EventStepReopened, func(c *fault.Check) {
		check.Reason(c, "/reason", &in.Reason, true)
	}, func(t turn, i *Instance) error {
		if i.Status != StepDone && i.Status != StepNotApplicable {
			return errStep(i, "be reopened")
		}
		return nil
	})
}

// report runs a command on one step: extra checks what only this command reads, allowed whether the step is where it may happen.
func (d *Desk) report(ctx context.Context, scope access.Scope, w access.Write, id, key string, in *StepReport, eventType string,
	extra func(*fault.Check), allowed func(turn, *Instance) error,
) (Done[Step], error) {
	c := w.Check()
	in.check(&c)
	if extra != nil {
		extra(&c)
	}
	if err := c.Err(); err != nil {
		return Done[Step]{}, err
	}
	out, err := d.commandWith(ctx, scope, w, id, false, func(t turn) (ledger.Decision, error) {
		i, err := t.step(key, eventType)
		if err != nil {
			return ledger.Decision{}, err
		}
		if err := allowed(t, i); err != nil {
			return ledger.Decision{}, err
		}
		return t.reportStep(i, *in, eventType)
	})
	if err != nil {
		return Done[Step]{}, err
	}
	i, ok := out.Value.Steps[key]
	if !ok {
		return Done[Step]{}, errNoStep()
	}
	return Done[Step]{
		Value: out.Value.view(i, out.Value.scenario(d.ledger.Now())), Seq: i.Seq, Version: out.Seq, Events: out.Events, Repeated: out.Repeated,
	}, nil
}

// step gives the step that a command names, if this voice may give it.
func (t turn) step(key, eventType string) (*Instance, error) {
	i, ok := t.Steps[key]
	if !ok || !shows(t.scope, t.thing(""), i) {
		return nil, errNoStep()
	}
	act := i.Works()
	if eventType == EventStepNotApplicable {
		act = i.Waives()
	}
	err := t.must(act, i.Party)
	switch {
	case err != nil:
		return nil, err
	case t.Status == Closed:
		return nil, errEnded(t.Status)
	case t.Status == StoodDown && (eventType == EventStepReopened || !i.Open() && !i.ProofOwed):
		return nil, errEnded(t.Status)
	}
	return i, t.matches(i.Seq, false)
}

func (t turn) reportStep(i *Instance, in StepReport, eventType string) (ledger.Decision, error) {
	e := stepReported{Key: i.Key, OccurredAt: orNow(in.OccurredAt, t.now)}
	c := t.w.Check()
	t.plausible(&c, "/occurred_at", e.OccurredAt)
	check.Past(&c, "/occurred_at", e.OccurredAt, t.now)
	if err := c.Err(); err != nil {
		return ledger.Decision{}, err
	}
	next := t.clone()
	after := *i
	next.Steps[i.Key] = &after
	var detach map[string]string
	switch eventType {
	case EventStepCompleted:
		e.Evidence, e.Waived, after.Status = in.Evidence, in.Waiver, StepDone
		e.follows = followStep(next, i.Key, t.now)
	case EventStepNotApplicable:
		e.Reason, after.Status = in.Reason, StepNotApplicable
		e.follows = followStep(next, i.Key, t.now)
	case EventStepReopened:
		e.Reason, after.Status, after.ActionableAt, after.DueAt = in.Reason, StepPending, noTime, noTime
		e.follows = followStep(next, i.Key, t.now)
		e.Changed = append(e.Changed, next.times(&after, after.Needs, after.Plan, t.now))
	case EventStepNoted:
		detach = map[string]string{detachedNote: in.Note}
	}
	return ledger.Decision{Events: one(eventType, e), Detach: detach}, nil
}

// EraseNote removes the text of a note for ever, from every copy that Landfall keeps: seq is the commit that recorded it, as the timeline shows.
// That a note was there, and why it is gone, stays on record. Those who lead the incident erase, and whoever's step it is.
func (d *Desk) EraseNote(ctx context.Context, scope access.Scope, id string, seq int64, reason string) error {
	var c fault.Check
	check.Reason(&c, "/reason", &reason, true)
	if err := c.Err(); err != nil {
		return err
	}
	found, err := d.load(ctx, scope, id)
	if err != nil {
		return err
	}
	if _, err := found.Value.hear(scope, nil, d.ledger.Now()); err != nil {
		return err
	}
	_, events, err := d.incidents.LoadSeq(ctx, id, seq)
	switch {
	case err != nil && !fault.Is(err, fault.NotFound):
		return err
	case len(events) != 1 || events[0].Type != EventStepNoted:
		return fault.New(fault.NotFound, "note_not_found", "There is no such note in this incident.")
	}
	var noted stepReported
	if err := events[0].Into(&noted); err != nil {
		return err
	}
	i, ok := found.Value.Steps[noted.Key]
	if !ok {
		i = &Instance{Key: noted.Key}
	}
	owned := found.Value.thing(i.Party)
	if !scope.May(access.EraseNote, owned) && !scope.May(i.Works(), owned) {
		return access.Refusal(access.EraseNote, owned)
	}
	return d.incidents.Erase(ctx, id, scope.Actor(), ledger.Erased{
		Seq: seq, Name: detachedNote, Reason: reason, Exercise: found.Value.Exercise,
	})
}

// openNeeds lists the hard needs of a step that are open.
func (s *state) openNeeds(i *Instance) string {
	list := ""
	for _, n := range i.Needs {
		if !s.anyOpen([]Need{n}) {
			continue
		}
		if list != "" {
			list += ", "
		}
		list += n.Key
	}
	return list
}

func errNoStep() error {
	return fault.New(fault.NotFound, "step_not_found", "There is no such step in this incident.")
}

func errStep(i *Instance, verb string) error {
	return fault.New(fault.State, "step_"+string(i.Status), "Step %s is %s and cannot %s.", i.Key, i.Status, verb)
}

func errPlaceholder(i *Instance) error {
	return fault.New(fault.State, "step_waiting", "Step %s waits for the first movement, which brings a step of its own.", i.Key)
}
