package incident

import (
	"context"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// AnswerKind is what a receiving state says to the request.
type AnswerKind string

// The closed list of answers.
const (
	Accept   AnswerKind = "accept"   // with a ceiling and conditions, or without
	Decline  AnswerKind = "decline"  // gives no reason unless it wants to
	Question AnswerKind = "question" // wants to know something first
)

// AnswerKinds gives the closed list.
func AnswerKinds() []AnswerKind { return []AnswerKind{Accept, Decline, Question} }

const (
	maxConditions = 20
	maxCondition  = 500
)

// Answer is a receiving state's word on taking people in. A later answer of the same state replaces an earlier one; all are kept. An offer is
// not an arrival: it counts nobody.
type Answer struct {
	ID         string      `json:"id"`
	Party      place.Party `json:"party"`
	Kind       AnswerKind  `json:"kind"`
	Ceiling    *int        `json:"ceiling,omitempty"` // persons; absent: none stated
	Conditions []string    `json:"conditions,omitempty"`
	ValidUntil time.Time   `json:"valid_until,omitzero"` // scenario time
	Text       string      `json:"text,omitempty"`       // the question, or why it declines
	Reference  string      `json:"reference,omitempty"`  // of the signed note
	OccurredAt time.Time   `json:"occurred_at"`          // when it was given, scenario time

	RecordedAt time.Time `json:"recorded_at,omitzero"` // known at reading
	Seq        int64     `json:"seq,omitempty"`        // known at reading
	By         EnteredBy `json:"by,omitzero"`          // known at reading: who recorded it
	Relayed    *Word     `json:"relayed,omitempty"`    // known at reading: how the word came, when another entered it
}

func (in *Answer) check(c fault.Check) error {
	in.ValidUntil, in.OccurredAt = check.Instant(in.ValidUntil), check.Instant(in.OccurredAt)
	check.ID(&c, in.ID)
	if in.Party != "" {
		check.Party(&c, "/party", in.Party)
	}
	check.Word(&c, "/kind", in.Kind, AnswerKinds())
	check.OptionalTime(&c, "/valid_until", in.ValidUntil)
	check.OptionalTime(&c, "/occurred_at", in.OccurredAt)
	check.Text(&c, "/reference", &in.Reference, check.MaxReference, false)
	check.Reason(&c, "/text", &in.Text, in.Kind == Question)
	if in.Ceiling != nil {
		check.Count(&c, "/ceiling", *in.Ceiling)
		c.That(*in.Ceiling != 0, "/ceiling", "must be 1 or more; a state that takes nobody in declines")
	}
	c.That(in.Kind == Accept || in.Ceiling == nil, "/ceiling", "is for an acceptance")
	c.That(in.Kind == Accept || in.ValidUntil.IsZero(), "/valid_until", "is for an acceptance")
	c.That(in.Kind == Accept || len(in.Conditions) == 0, "/conditions", "are for an acceptance")
	c.That(len(in.Conditions) <= maxConditions, "/conditions", "has more than %d entries", maxConditions)
	in.Conditions = slices.Clone(in.Conditions)
	for n := range in.Conditions {
		check.Prose(&c, "/conditions/"+itoa(n), &in.Conditions[n], maxCondition, true)
	}
	return c.Err()
}

// GiveAnswer records the answer of a receiving state. Party may be absent when the account acts for a receiver, or passes on its word. It closes
// no step: the signed answer is the evidence of one.
func (d *Desk) GiveAnswer(ctx context.Context, scope access.Scope, w access.Write, id string, in Answer) (Done[*Answer], error) {
	if err := in.check(w.Check()); err != nil {
		return Done[*Answer]{}, err
	}
	in.ID = newID(in.ID, "answer", scope, w)
	w.Prompt = true
	out, err := d.command(ctx, scope, w, id, func(t turn) ([]ledger.Event, error) {
		a := in
		if a.Party == "" {
			a.Party = t.party
		}
		if err := t.answerFits(&a); err != nil {
			return nil, err
		}
		return one(EventAnswerGiven, answerGiven{Answer: a}), nil
	})
	if err != nil {
		return Done[*Answer]{}, err
	}
	a := answerIn(out)
	if a == nil {
		return Done[*Answer]{}, fault.New(fault.NotFound, "answer_not_found", "There is no such answer in this incident.")
	}
	return Done[*Answer]{Value: a, Seq: a.Seq, Version: out.Seq, Events: out.Events, Repeated: out.Repeated}, nil
}

func (t turn) answerFits(a *Answer) error {
	if err := t.mustRun(); err != nil {
		return err
	}
	if !t.receives(a.Party) {
		if a.Party == "" {
			var c fault.Check
			c.Field("/party", "is required: say which receiving state answers")
			return c.Err()
		}
		return fault.New(fault.Forbidden, "receivers_only", "Only a state that the incident names as a receiver answers.")
	}
	if err := t.must(access.GiveAnswer, a.Party); err != nil {
		return err
	}
	for _, other := range t.Answers {
		if other.ID == a.ID {
			return fault.New(fault.Conflict, "id_taken", "This answer id is already taken.")
		}
	}
	a.OccurredAt, a.Seq, a.RecordedAt, a.By, a.Relayed = orNow(a.OccurredAt, t.now), 0, noTime, EnteredBy{}, nil
	c := t.w.Check()
	check.Past(&c, "/occurred_at", a.OccurredAt, t.now)
	t.plausible(&c, "/occurred_at", a.OccurredAt)
	t.plausible(&c, "/valid_until", a.ValidUntil)
	c.That(a.ValidUntil.IsZero() || a.ValidUntil.After(later(t.now, a.OccurredAt)), "/valid_until", "has passed already")
	return c.Err()
}

// answerIn gives the answer that an outcome recorded.
func answerIn(out ledger.Outcome[*state]) *Answer {
	for _, a := range out.Value.Answers {
		for _, e := range out.Events {
			if e.Type == EventAnswerGiven && e.Seq == a.Seq {
				return a
			}
		}
	}
	return nil
}
