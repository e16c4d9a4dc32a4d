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
	"landfall/internal/protocol"
)

// Open asks for a new incident.
type Open struct {
	ID            string // optional UUID, for devices that were offline
	Title         string
	HazardID      string
	Origin        place.Party // affected state, without island
	OriginIsland  string      // code of the island, when only that island is affected
	Receivers     []place.Party
	Severity      Severity
	OccurredAt    time.Time // of an exercise: where its clock begins
	Exercise      bool
	ExerciseSpeed int // 1 to 240; 0 means 1
	Draft         bool
}

func (in *Open) check(c fault.Check) error {
	in.OccurredAt = check.Instant(in.OccurredAt)
	check.ID(&c, in.ID)
	check.Title(&c, "/title", &in.Title, check.MaxTitle)
	c.That(check.IsID(in.HazardID), "/hazard_id", "must be the id of a hazard")
	if _, err := place.ParseState(string(in.Origin)); err != nil {
		c.Field("/origin", "%s", check.DetailOf(err))
	} else if in.OriginIsland != "" {
		check.Party(&c, "/origin_island", in.party())
	}
	checkReceivers(&c, in.Receivers, in.party())
	check.Word(&c, "/severity", in.Severity, Severities())
	check.Time(&c, "/occurred_at", in.OccurredAt)
	switch {
	case in.ExerciseSpeed != 0 && !in.Exercise:
		c.Field("/exercise_speed", "is for exercises only")
	case in.ExerciseSpeed < 0 || in.ExerciseSpeed > protocol.FastestSpeed:
		c.Field("/exercise_speed", "must be %d to %d", protocol.SlowestSpeed, protocol.FastestSpeed)
	}
	return c.Err()
}

func (in *Open) party() place.Party { return place.PartyOf(string(in.Origin), in.OriginIsland) }

// Open opens an incident: as monitoring, with its receivers named and alerted, or as a draft that only the origin sees. The coordinator of
// the affected state opens. On the origin's word a regional officer does, and a named receiver proposes it, as a draft that waits to be
// confirmed. Whether it is an exercise, and its clock, is settled
// here for ever. An actual incident is not opened on a hazard that was made for an exercise; an exercise may replay an actual one.
func (d *Desk) Open(ctx context.Context, scope access.Scope, w access.Write, in Open) (Done[Incident], error) {
	var none Done[Incident]
	if err := in.check(w.Check()); err != nil {
		return none, err
	}
	verdict, err := in.allowed(scope, w.Relay, d.ledger.Now())
	if err != nil {
		return none, err
	}
	in.ID = newID(in.ID, Noun, scope, w)
	hazard, err := d.hazards.Load(ctx, in.HazardID)
	if fault.Is(err, fault.NotFound) {
		var c fault.Check
		c.Field("/hazard_id", "names no hazard")
		return none, c.Err()
	}
	if err != nil {
		return none, err
	}
	if hazard.Value.Exercise && !in.Exercise { // a hazard's flag never changes: what was read before deciding holds
		var c fault.Check
		c.Field("/hazard_id", "was made for an exercise, and the incident is actual")
		return none, c.Err()
	}
	code, err := d.claimCode(ctx, in.ID, in.Origin, in.OccurredAt)
	if err != nil {
		return none, err
	}
	out, err := d.incidents.Execute(ctx, in.ID, ledger.Command[*state]{
		Actor: scope.Actor(), Relay: w.Relay, Expect: ledger.MustNotExist, Key: w.Key, Digest: w.Digest,
		Allow: func(s *state, at ledger.Moment) error {
			if at.Seq > 0 && !s.sees(scope) {
				return check.HiddenID()
			}
			return nil
		},
		Decide: func(_ *state, at ledger.Moment) (ledger.Decision, error) {
			e := opened{
				Code: code, Title: in.Title, HazardID: in.HazardID, HazardType: hazard.Value.Type, Origin: in.party(),
				Receivers: slices.Clone(in.Receivers), Severity: in.Severity, OccurredAt: in.OccurredAt, Draft: in.Draft, Exercise: in.Exercise,
			}
			c := w.Check()
			began := slices.MinFunc([]time.Time{hazard.Value.StartedAt, in.OccurredAt, at.Now}, time.Time.Compare)
			check.Said(&c, w.Relay, began.Add(-check.Fresh), at.Now, in.OccurredAt)
			from, until := hazard.Value.StartedAt, hazard.Value.StartedAt
			if !in.Exercise {
				from, until = at.Now, later(at.Now, until)
			}
			check.Plausible(&c, "/occurred_at", in.OccurredAt, from, until, d.plausible)
			if err := c.Err(); err != nil {
				return ledger.Decision{}, err
			}
			if in.Exercise {
				e.Clock = clockFrom(in.OccurredAt, at.Now, in.ExerciseSpeed)
			}
			switch {
			case verdict == access.Proposed:
				e.Draft, e.Proposal = true, newProposal(ProposeOpening, in.ID, nil, at.Now)
				e.Proposal.Regional = organisations()
			case !in.Draft:
				e.Alerts = inform(alertNamed, e.Receivers...)
			}
			if w.Relay != nil && scope.Party.IsOrganisation() {
				e.Regional = []place.Party{scope.Party}
			}
			return ledger.Decision{Events: one(EventOpened, e), Exercise: in.Exercise}, nil
		},
	})
	return d.incidentDone(out, err)
}

// clockFrom gives the clock of an exercise. One that begins just now begins at the moment of opening, however coarsely its beginning is
// written: nothing in it may seem to happen before it was opened.
func clockFrom(began, now time.Time, speed int) protocol.Clock {
	if ago := now.Sub(began); ago > 0 && ago <= check.Skew {
		began = now
	}
	return protocol.Clock{ScenarioStart: began, WallStart: now, Speed: max(protocol.SlowestSpeed, speed)}
}

// allowed refuses who may not open this incident. Nothing exists yet to be hidden, so it says so.
func (in *Open) allowed(scope access.Scope, relay *ledger.Relay, now time.Time) (access.Verdict, error) {
	s := &state{Origin: in.party(), Receivers: in.Receivers, Told: true}
	if scope.Party.IsOrganisation() {
		s.Regional = []place.Party{scope.Party}
	}
	if in.Exercise {
		now = later(now, in.OccurredAt)
	}
	if _, err := s.hear(scope, relay, now); err != nil {
		return 0, err
	}
	if relay != nil && in.Draft {
		var c fault.Check
		c.Field("/draft", "is the affected state's own; on its word an incident is opened or proposed")
		return 0, c.Err()
	}
	return scope.Judge(access.OpenIncident, s.thing(""), relay)
}

// Release opens a draft: the receivers are named and alerted.
func (d *Desk) Release(ctx context.Context, scope access.Scope, w access.Write, id string) (Done[Incident], error) {
	out, err := d.command(ctx, scope, w, id, func(t turn) ([]ledger.Event, error) {
		if err := t.must(access.ReleaseDraft, ""); err != nil {
			return nil, err
		}
		return t.release()
	})
	return d.incidentDone(out, err)
}

func (t turn) release() ([]ledger.Event, error) {
	if t.ended() {
		return nil, errEnded(t.Status)
	}
	if t.Status != Draft {
		return nil, fault.New(fault.State, "not_a_draft", "The incident is open already.")
	}
	if err := t.matches(t.Seq, false); err != nil {
		return nil, err
	}
	return one(EventReleased, &released{Alerts: inform(alertNamed, t.Receivers...)}), nil
}

// SetReceivers replaces the list of receiving states. A state that is named gets its step instances and an alert; one that is not named any more
// keeps what it closed, its open steps are cancelled, its alerts closed, and the incident exists for it no longer from
// the moment this returns. If-Match is required. The order of the list means nothing.
func (d *Desk) SetReceivers(ctx context.Context, scope access.Scope, w access.Write, id string, receivers []place.Party) (Done[Incident], error) {
	var c fault.Check
	checkStates(&c, "/receivers", receivers)
	if err := c.Err(); err != nil {
		return Done[Incident]{}, err
	}
	return d.lead(ctx, scope, w, id, receiversAsked{Receivers: receivers})
}

func (t turn) setReceivers(receivers []place.Party) ([]ledger.Event, error) {
	if t.ended() {
		return nil, errEnded(t.Status)
	}
	if err := t.matches(t.Seq, true); err != nil {
		return nil, err
	}
	var c fault.Check
	checkReceivers(&c, receivers, t.Origin)
	if err := c.Err(); err != nil {
		return nil, err
	}
	e := &receiversChanged{Receivers: slices.Clone(receivers), Named: without(receivers, t.Receivers), Unnamed: without(t.Receivers, receivers)}
	if len(e.Named)+len(e.Unnamed) == 0 {
		return nil, nil
	}
	for _, id := range t.Order {
		m := t.Movements[id]
		if slices.Contains(e.Unnamed, m.Receiver) && (m.Status == Announced || m.Status == Departed) {
			return nil, fault.New(fault.State, "movement_under_way",
				"People are on their way to %s, or announced there (movement %s). Cancel or count that movement first.", m.Receiver, id)
		}
	}
	next := t.clone()
	next.Receivers = e.Receivers
	f, err := t.follow(next)
	if err != nil {
		return nil, err
	}
	e.follows = f
	if t.Told {
		e.Alerts = append(t.askNamed(e.Named), inform(alertWithdrawn, e.Unnamed...)...)
	}
	return one(EventReceiversChanged, e), nil
}

// askNamed calls for the alerts of states named later: with the time that the protocol asks for, when one runs.
func (t turn) askNamed(named []place.Party) []ask {
	switch {
	case t.Running == nil:
		return inform(alertNamed, named...)
	case t.Running.Part == protocol.Active:
		return t.ask(alertNamed, protocol.ActivationRequest, named...)
	}
	return t.ask(alertNamed, protocol.PlanningRequest, named...)
}

// without gives what is in a and not in b.
func without(a, b []place.Party) []place.Party {
	var out []place.Party
	for _, p := range a {
		if !slices.Contains(b, p) {
			out = append(out, p)
		}
	}
	return out
}

func (d *Desk) incidentDone(out ledger.Outcome[*state], err error) (Done[Incident], error) {
	if err != nil {
		return Done[Incident]{}, err
	}
	return Done[Incident]{
		Value: d.shown(out.Value), Seq: out.Value.Seq, Version: out.Seq, Events: out.Events, Repeated: out.Repeated, Proposed: proposedIn(out),
	}, nil
}
