package incident

import (
	"reflect"
	"slices"

	"landfall/internal/access"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// foldVersion is raised when state or evolve changes; older snapshots are then ignored.
const foldVersion = 5

// fold is the fold of incidents; epoch is that of the ledger, which every announcement carries.
func fold(epoch int64) ledger.Fold[*state] {
	return ledger.Fold[*state]{
		Noun: Noun, Version: foldVersion, Events: incidentEvents,
		New: newState, Clone: (*state).clone, Evolve: evolve,
		Project: project, NextWake: nextWake, Announce: announcer(epoch),
	}
}

// evolve applies one event. It reads the event and nothing else, and replaces parts instead of changing them.
func evolve(s *state, e ledger.Recorded) (*state, error) {
	s.Version, s.UpdatedAt = e.Seq, e.RecordedAt
	if e.Relay != nil && e.Type != EventProposed && e.Type != EventProposalEnded {
		s.relayedEvent(e, wordOf(e))
	}
	switch e.Type {
	case EventOpened:
		return evolved(s, e, s.onOpened)
	case EventReleased:
		return evolved(s, e, s.onReleased)
	case EventReceiversChanged:
		return evolved(s, e, s.onReceiversChanged)
	case EventMonitored, EventActivated:
		return evolved(s, e, s.onStarted)
	case EventStoodDown, EventClosed:
		return evolved(s, e, s.onEnded)
	case EventProposed:
		return evolved(s, e, s.onProposed)
	case EventProposalEnded:
		return evolved(s, e, func(_ ledger.Recorded, d proposalEnded) { delete(s.Proposals, d.ID) })
	case EventRelayConfirmed:
		return evolved(s, e, s.onRelayConfirmed)
	case EventAnchorMoved:
		return evolved(s, e, s.onAnchorMoved)
	case EventStepStarted, EventStepCompleted, EventStepNotApplicable, EventStepNoted, EventStepReopened:
		return evolved(s, e, s.onStepReported)
	case EventStepDueSoon, EventStepOverdue:
		return evolved(s, e, s.onStepFell)
	case EventMovementAnnounced:
		return evolved(s, e, s.onMovementAnnounced)
	case EventMovementDeparted, EventMovementArrived, EventMovementCancelled, EventMovementCorrected:
		return evolved(s, e, s.onMovementReported)
	case EventFigureReported:
		return evolved(s, e, s.onFigureReported)
	case EventAnswerGiven:
		return evolved(s, e, s.onAnswerGiven)
	}
	return s, nil // an erasure: nothing of what is kept here is erasable
}

// evolved decodes the event's data and applies it.
func evolved[D any](s *state, e ledger.Recorded, apply func(ledger.Recorded, D)) (*state, error) {
	var d D
	if err := e.Into(&d); err != nil {
		return s, err
	}
	apply(e, d)
	return s, nil
}

func (s *state) onOpened(e ledger.Recorded, d opened) {
	s.Code, s.Title, s.Severity = d.Code, d.Title, d.Severity
	s.HazardID, s.HazardType, s.OccurredAt = d.HazardID, d.HazardType, d.OccurredAt
	s.Origin, s.Receivers = d.Origin, d.Receivers
	s.Exercise, s.Clock = d.Exercise, d.Clock
	s.OpenedAt, s.Seq = e.RecordedAt, e.Seq
	s.Status, s.Regional = Draft, d.Regional
	if d.Proposal != nil {
		if d.Proposal.Regional == nil { // recorded before a proposal said whom it asks
			d.Proposal.Regional = organisations()
		}
		s.onProposed(e, *d.Proposal)
		delete(s.Relayed, e.Seq) // it stands only once it is confirmed
	}
	if !d.Draft {
		s.Status = Monitoring
		s.tell(e)
	}
}

func (s *state) onProposed(e ledger.Recorded, d proposed) {
	p := &Proposal{
		ID: d.ID, Kind: d.Kind, Ends: d.Ends, Request: d.Request, By: place.Party(e.Actor.Party), ByRole: access.Role(e.Actor.Role),
		ProposedAt: e.RecordedAt, ExpiresAt: d.ExpiresAt, Seq: e.Seq, Regional: d.Regional,
	}
	if e.Relay != nil {
		p.Relay = *e.Relay
	}
	s.Proposals[d.ID] = p
	s.since(e, d.Regional)
}

// confirmed drops a proposal that the event carries out. When another than the party spoken for confirmed it, that party's own word is still wanted.
// A regional body that confirmed takes part from then on.
func (s *state) confirmed(e ledger.Recorded, proposal string) {
	p, ok := s.Proposals[proposal]
	if !ok {
		return
	}
	delete(s.Proposals, proposal)
	by := access.Scope{Party: place.Party(e.Actor.Party)}
	if by.Party != "" && !by.ActsFor(place.Party(p.Relay.OnBehalfOf)) {
		s.relayedEvent(e, wordOf(e))
	}
	if by.Party.IsOrganisation() {
		s.join(by.Party)
	}
}

// join has a regional body take part.
func (s *state) join(p place.Party) {
	if !slices.Contains(s.Regional, p) {
		s.Regional = append(s.Regional, p)
	}
}

func (s *state) onRelayConfirmed(e ledger.Recorded, d relayConfirmed) {
	r, ok := s.Relayed[d.Seq]
	if !ok {
		return
	}
	now := *r
	now.ConfirmedAt, now.ConfirmedBy = e.RecordedAt, access.Role(e.Actor.Role)
	s.Relayed[d.Seq] = &now
}

func (s *state) onReleased(e ledger.Recorded, d released) {
	s.confirmed(e, d.Confirms)
	s.Status, s.Seq = Monitoring, e.Seq
	s.tell(e)
}

// tell makes everybody who takes part know of the incident from this event on.
func (s *state) tell(e ledger.Recorded) {
	s.Told = true
	s.since(e, s.parties())
}

// since lets parties know what happens from this event on, unless they could know already.
func (s *state) since(e ledger.Recorded, parties []place.Party) {
	for _, p := range parties {
		if _, already := s.Since[p]; !already {
			s.Since[p] = naming{At: e.RecordedAt, Seq: e.Seq}
		}
	}
}

func (s *state) onReceiversChanged(e ledger.Recorded, d receiversChanged) {
	s.Receivers, s.Seq = d.Receivers, e.Seq
	s.apply(e, d.follows)
	if s.Told {
		s.tell(e)
	}
}

func (s *state) onStarted(e ledger.Recorded, d started) {
	r := Running{}
	if s.Running != nil {
		r = *s.Running
	}
	r.Protocol, r.Version, r.Mode = d.Protocol, d.Version, d.Mode
	switch e.Type {
	case EventMonitored:
		r.Part, r.MonitoredAt = protocol.Monitoring, d.At
	case EventActivated:
		r.Part, r.ActivatedAt = protocol.Active, d.At
		s.Status = Active
	}
	s.Running, s.Seq = &r, e.Seq
	for _, a := range d.Anchors {
		s.setAnchor(e, a)
	}
	s.apply(e, d.follows)
	s.tell(e)
}

func (s *state) onEnded(e ledger.Recorded, d ended) {
	s.Status, s.Seq = Closed, e.Seq
	if e.Type == EventStoodDown {
		s.Status = StoodDown
		if s.Running != nil {
			s.setAnchor(e, anchorSet{Name: string(protocol.AnchorStandDown), At: d.At, Kind: protocol.Observed})
		}
	}
	s.apply(e, d.follows)
	clear(s.Proposals) // nothing can be done in it any more
}

func (s *state) onAnchorMoved(e ledger.Recorded, d anchorMoved) {
	s.setAnchor(e, d.anchorSet)
	s.apply(e, d.follows)
	s.onSettled(e, d.settling)
}

// setAnchor gives an anchor its value and keeps the one it had.
func (s *state) setAnchor(e ledger.Recorded, set anchorSet) {
	a := &Anchor{Name: set.Name, At: set.At, Kind: set.Kind, SetBy: spokenFor(e), SetAt: e.RecordedAt, Relayed: wordOf(e), Seq: e.Seq}
	if old, ok := s.Anchors[set.Name]; ok {
		a.History = append(slices.Clip(old.History), AnchorValue{At: old.At, Kind: old.Kind, SetBy: old.SetBy, SetAt: old.SetAt, Relayed: old.Relayed})
	}
	s.Anchors[set.Name] = a
}

// spokenFor gives the party on whose word an event rests.
func spokenFor(e ledger.Recorded) place.Party {
	if w := wordOf(e); w != nil {
		return w.OnBehalfOf
	}
	return place.Party(e.Actor.Party)
}

// apply puts what follows from an event into place.
func (s *state) apply(e ledger.Recorded, f follows) {
	s.confirmed(e, f.Confirms)
	for _, key := range f.Replaced {
		delete(s.Steps, key)
	}
	for _, m := range f.Steps {
		i := &Instance{
			Key: m.Key, Code: m.Code, Title: m.Title, Phase: m.Phase, Side: m.Side, Party: m.Party, Agency: m.Agency,
			LifeSafety: m.LifeSafety, Movement: m.Movement, Period: m.Period, Placeholder: m.Placeholder, Closes: m.Closes, Status: StepPending,
		}
		if before, ok := s.Steps[m.Key]; ok { // a state named again: what was told of the old due times stays told
			i.DueRevision, i.SoonTold, i.OverdueTold = before.DueRevision, before.SoonTold, before.OverdueTold
		}
		s.Steps[m.Key] = i
		s.retimed(e, m.stepTimes)
		if m.Party.IsOrganisation() {
			s.join(m.Party)
		}
	}
	for _, t := range f.Changed {
		s.retimed(e, t)
	}
	for _, c := range f.Cancelled {
		i := s.touch(e, c.Key)
		i.Status, i.Reason, i.DueAt, i.ActionableAt = StepCancelled, c.Reason, noTime, noTime
	}
}

// retimed gives an instance its times and counts a due revision when the due time is another.
func (s *state) retimed(e ledger.Recorded, t stepTimes) {
	i := s.touch(e, t.Key)
	if len(t.Needs) > 0 {
		i.Needs = t.Needs
	}
	switch {
	case t.Lapsed != "":
		i.Status, i.ByRule, i.Reason, i.ClosedAt = StepNotApplicable, true, t.Lapsed, noTime
	case t.Revived:
		i.Status, i.ByRule, i.Reason = StepPending, false, ""
	}
	if !i.DueAt.IsZero() && !i.DueAt.Equal(t.DueAt) {
		i.PastDues = append(slices.Clip(i.PastDues), i.DueAt)
		i.PastDues = i.PastDues[max(0, len(i.PastDues)-pastDuesKept):]
	}
	if !t.DueAt.IsZero() && !t.DueAt.Equal(i.DueAt) {
		i.DueRevision++
	}
	i.Plan, i.ActionableAt, i.DueAt = t.Plan, t.ActionableAt, t.DueAt
}

// touch puts a copy of an instance in its place, marked as changed by the event, and gives the copy.
func (s *state) touch(e ledger.Recorded, key string) *Instance {
	i := &Instance{Key: key}
	if old, ok := s.Steps[key]; ok {
		*i = *old
	}
	i.Seq, i.RecordedAt = e.Seq, e.RecordedAt
	s.Steps[key] = i
	return i
}

func (s *state) onStepReported(e ledger.Recorded, d stepReported) {
	i := s.touch(e, d.Key)
	i.Word = later(i.Word, d.OccurredAt)
	if e.Type != EventStepNoted { // a note says nothing of how the step came to stand as it does
		i.Relayed = wordOf(e)
	}
	switch e.Type {
	case EventStepStarted:
		i.Status, i.StartedAt = StepInProgress, d.OccurredAt
	case EventStepCompleted:
		if i.Status != StepDone { // else only the proof comes later
			i.Status, i.ClosedAt, i.Reason = StepDone, d.OccurredAt, ""
		}
		i.Evidence, i.Waived, i.ProofOwed = d.Evidence, d.Waived, d.Evidence == nil && d.Waived == ""
	case EventStepNotApplicable:
		i.Status, i.ClosedAt, i.ByRule, i.Reason, i.ProofOwed = StepNotApplicable, d.OccurredAt, false, d.Reason, false
	case EventStepNoted:
		i.Notes++
	case EventStepReopened:
		i.Status, i.ClosedAt, i.ByRule, i.Reason = StepPending, noTime, false, d.Reason
		i.Evidence, i.Waived, i.ProofOwed = nil, "", false
		if !i.StartedAt.IsZero() {
			i.Status = StepInProgress
		}
	}
	s.apply(e, d.follows)
	s.onSettled(e, d.settling)
}

func (s *state) onStepFell(e ledger.Recorded, d stepFell) {
	old, ok := s.Steps[d.Key]
	if !ok {
		return
	}
	i := *old // told, not changed: whoever is about to complete it must not be refused for that
	i.SoonTold = d.Revision
	if e.Type == EventStepOverdue {
		i.OverdueTold = d.Revision
	}
	s.Steps[d.Key] = &i
}

func (s *state) onMovementAnnounced(e ledger.Recorded, d movementAnnounced) {
	s.Movements[d.ID] = &Movement{ID: d.ID, Voyage: d.Voyage, Status: Announced, Seq: e.Seq, AnnouncedAt: e.RecordedAt, RecordedAt: e.RecordedAt, Relayed: wordOf(e)}
	s.Order = append(s.Order, d.ID)
	s.apply(e, d.follows)
}

func (s *state) onMovementReported(e ledger.Recorded, d movementReported) {
	m := &Movement{ID: d.ID}
	if old, ok := s.Movements[d.ID]; ok {
		*m = *old
	}
	m.heard(e, d.Voyage)
	m.Voyage, m.Seq, m.RecordedAt = d.Voyage, e.Seq, e.RecordedAt
	switch e.Type {
	case EventMovementDeparted:
		m.Status = Departed
	case EventMovementArrived:
		m.Status = Arrived
	case EventMovementCancelled:
		m.Status, m.Reason = MovementCancelled, d.Reason
	case EventMovementCorrected:
		m.Reason = d.Reason
	}
	s.Movements[d.ID] = m
	s.apply(e, d.follows)
}

// heard notes of each of the three things that are said of a movement how the word on it came: the notice, the departure, the arrival. A
// report that leaves one of them as it was says nothing of it.
func (m *Movement) heard(e ledger.Recorded, now Voyage) {
	was, word := m.Voyage, wordOf(e)
	if e.Type == EventMovementDeparted || !now.DepartedAt.Equal(was.DepartedAt) || !reflect.DeepEqual(now.Left, was.Left) {
		m.LeftRelayed = word
	}
	if e.Type == EventMovementArrived || !now.ArrivedAt.Equal(was.ArrivedAt) || !reflect.DeepEqual(now.Came, was.Came) || now.Why != "" && now.Why != was.Why {
		m.CameRelayed = word
	}
	if e.Type == EventMovementCancelled || now.notice() != was.notice() || !reflect.DeepEqual(now.People, was.People) {
		m.Relayed = word
	}
}

func (s *state) onFigureReported(e ledger.Recorded, d figureReported) {
	s.Figures = s.Figures.with(&figureMark{ID: d.ID, By: d.ReportedBy, Of: d.Place.Party, Slot: d.Slot, Final: d.Final, Seq: e.Seq})
	if old, ok := s.Figures.get(d.Supersedes); ok {
		gone := *old
		gone.SupersededBy = d.ID
		s.Figures = s.Figures.with(&gone)
	}
	s.onSettled(e, d.settling)
}

func (s *state) onAnswerGiven(e ledger.Recorded, d answerGiven) {
	a := d.Answer
	a.Seq, a.RecordedAt, a.By, a.Relayed = e.Seq, e.RecordedAt, enteredBy(e), wordOf(e)
	s.Answers = append(s.Answers, &a)
	s.onSettled(e, d.settling)
}
