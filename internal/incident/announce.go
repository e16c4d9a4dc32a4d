package incident

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// What follows are the payloads that partners receive: types of their own, so that a change inside the package never changes
// a message. api/schemas describes them.

type msgIncident struct {
	ID         string        `json:"id"`
	Code       string        `json:"code"`
	Title      string        `json:"title"`
	Status     Status        `json:"status"`
	Origin     place.Party   `json:"origin"`
	Receivers  []place.Party `json:"receivers"`
	Severity   Severity      `json:"severity"`
	HazardID   string        `json:"hazard_id"`
	HazardType string        `json:"hazard_type"`
	Exercise   bool          `json:"exercise"`
	Epoch      int64         `json:"epoch"` // raised by a restore; the order of messages is (epoch, version)
	Version    int64         `json:"version"`
}

type msgStep struct {
	Key          string      `json:"key"`
	Code         string      `json:"code"`
	Title        place.Text  `json:"title"`
	Party        place.Party `json:"party"`
	Status       StepStatus  `json:"status"`
	PlannedDueAt time.Time   `json:"planned_due_at,omitzero"`
	DueAt        time.Time   `json:"due_at,omitzero"`
	DueRevision  int         `json:"due_revision,omitempty"`
	WaitingFor   string      `json:"waiting_for,omitempty"`
	LifeSafety   bool        `json:"life_safety"`
	ProofOwed    bool        `json:"proof_owed"`
	Evidence     *Evidence   `json:"evidence,omitempty"`
	Movement     string      `json:"movement,omitempty"`
}

type msgProtocol struct {
	ID      string        `json:"id"`
	Version int           `json:"version"`
	Mode    protocol.Mode `json:"mode,omitempty"`
	Part    protocol.Part `json:"part"`
}

type msgAnchor struct {
	Name   string          `json:"name"`
	At     time.Time       `json:"at"`
	Kind   protocol.Kind   `json:"kind"`
	Before *protocol.Value `json:"before,omitempty"`
	Silent bool            `json:"silent,omitempty"`
}

type msgMovement struct {
	ID     string         `json:"id"`
	Status MovementStatus `json:"status"`
	Voyage
	Before *Voyage `json:"before,omitempty"` // of a correction
}

// message is member `data` of an incident's event: who it is about, what changed, and what followed from that.
type message struct {
	Incident msgIncident   `json:"incident"`
	Relay    *Word         `json:"relay,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Named    []place.Party `json:"named,omitempty"`
	Unnamed  []place.Party `json:"unnamed,omitempty"`
	Protocol *msgProtocol  `json:"protocol,omitempty"`
	Anchor   *msgAnchor    `json:"anchor,omitempty"`
	Anchors  []msgAnchor   `json:"anchors,omitempty"`
	Step     *msgStep      `json:"step,omitempty"`
	Steps    []msgStep     `json:"steps,omitempty"` // that came, changed or went with it
	Movement *msgMovement  `json:"movement,omitempty"`
	Figure   *Figure       `json:"figure,omitempty"`
	Answer   *Answer       `json:"answer,omitempty"`
	Proposal *msgProposal  `json:"proposal,omitempty"`
}

// msgProposal is a command that waits to be confirmed, or no longer does.
type msgProposal struct {
	ID        string       `json:"id"`
	Kind      ProposalKind `json:"kind"`
	By        place.Party  `json:"by,omitempty"`
	ExpiresAt time.Time    `json:"expires_at,omitzero"`
	Outcome   string       `json:"outcome,omitempty"` // how it ended: one of ProposalEnd
}

// withdrawn is all that a state learns which is not named any more.
type withdrawn struct {
	Code  string    `json:"code"`
	Title string    `json:"title"`
	At    time.Time `json:"at"`
}

// silent lists the events that are recorded and not announced: due soon is shown and not sent, a note may have to be erased. What was
// entered on another party's word is announced all the same, for that party must hear of it; the note itself is not in it.
var silent = []string{EventStepDueSoon, EventStepNoted, ledger.EventErased}

// announcer gives announce for a ledger of the epoch.
func announcer(epoch int64) func(*state, ledger.Head, ledger.Recorded) (ledger.Announcement, bool) {
	return func(s *state, _ ledger.Head, e ledger.Recorded) (ledger.Announcement, bool) {
		return announce(s, epoch, e)
	}
}

// announce gives what the parties are told of an event. It reads the state right after the event's commit and the event.
func announce(s *state, epoch int64, e ledger.Recorded) (ledger.Announcement, bool) {
	if slices.Contains(silent, e.Type) && e.Relay == nil {
		return ledger.Announcement{}, false
	}
	m := message{Incident: s.message(epoch, e.Seq), Relay: wordOf(e)}
	calls, closes, err := s.tellOf(e, &m)
	if r, ok := s.Relayed[e.Seq]; ok && m.Relay != nil && m.Proposal == nil {
		subject := relayedSubject(e.Seq)
		calls = append(calls, ask{Party: place.Party(r.Relay.OnBehalfOf), Kind: alertRelayed, Subject: subject})
	}
	if err != nil {
		return ledger.Announcement{}, false // it did not fold either; Evolve has said so
	}
	data, err := json.Marshal(m)
	if err != nil {
		return ledger.Announcement{}, false
	}
	a := ledger.Announcement{
		Exercise: s.Exercise, Origin: s.Origin.State(), Incident: s.ID, Parties: s.told(), Severity: string(s.Severity), Data: data, Closes: closes,
	}
	a.Level, a.Owner = s.levelOf(e, m.Step)
	for _, c := range calls {
		call := ledger.AlertCall{Party: string(c.Party), Kind: c.Kind, Subject: c.Subject, RequiredBy: c.RequiredBy}
		if c.Kind == alertWithdrawn {
			call.Data = marshal(withdrawn{Code: s.Code, Title: s.Title, At: e.RecordedAt})
		}
		a.Alerts = append(a.Alerts, call)
	}
	return a, true
}

// told gives who may be told: the audience, and for an island its state too, which acts for it.
func (s *state) told() []string {
	var told []string
	for _, p := range s.audience() {
		for _, q := range []place.Party{p, p.StateParty()} {
			if !slices.Contains(told, string(q)) {
				told = append(told, string(q))
			}
		}
	}
	return told
}

// tellOf fills in what the event changed, and gives the alerts that it raises and closes.
func (s *state) tellOf(e ledger.Recorded, m *message) (calls []ask, closes []ledger.AlertClose, err error) {
	switch e.Type {
	case EventOpened:
		var d opened
		err = e.Into(&d)
		if d.Proposal != nil {
			return s.tellProposed(*d.Proposal, m), nil, err
		}
		return d.Alerts, nil, err
	case EventProposed:
		var d proposed
		err = e.Into(&d)
		return s.tellProposed(d, m), nil, err
	case EventProposalEnded:
		var d proposalEnded
		err = e.Into(&d)
		m.Proposal, m.Reason = &msgProposal{ID: d.ID, Kind: d.Kind, By: d.By, Outcome: string(d.How)}, d.Reason
		return nil, closeProposal(d.ID), err
	case EventRelayConfirmed:
		var d relayConfirmed
		err = e.Into(&d)
		return nil, []ledger.AlertClose{closeRelayed(d.Seq, "confirmed")}, err
	case EventReleased:
		var d released
		err = e.Into(&d)
		return d.Alerts, closeProposal(d.Confirms), err
	case EventReceiversChanged:
		var d receiversChanged
		err = e.Into(&d)
		m.Named, m.Unnamed, m.Steps = d.Named, d.Unnamed, s.messages(d.follows)
		for _, p := range d.Unnamed {
			closes = append(closes, ledger.AlertClose{Party: string(p), Reason: "unnamed"})
		}
		closes = append(closes, closeProposal(d.Confirms)...)
		return d.Alerts, append(closes, s.settled(d.follows)...), err
	case EventMonitored, EventActivated:
		var d started
		err = e.Into(&d)
		m.Protocol = &msgProtocol{ID: d.Protocol, Version: d.Version, Mode: d.Mode, Part: protocol.Monitoring}
		if e.Type == EventActivated {
			m.Protocol.Part = protocol.Active
		}
		for _, a := range d.Anchors {
			m.Anchors = append(m.Anchors, msgAnchor{Name: a.Name, At: a.At, Kind: a.Kind})
		}
		m.Steps = s.messages(d.follows)
		return d.Alerts, append(closeProposal(d.Confirms), s.settled(d.follows)...), err
	case EventStoodDown, EventClosed:
		var d ended
		err = e.Into(&d)
		m.Reason, m.Steps = d.Reason, s.messages(d.follows)
		return d.Alerts, []ledger.AlertClose{{Reason: string(s.Status)}}, err
	case EventAnchorMoved:
		var d anchorMoved
		err = e.Into(&d)
		m.Anchor = &msgAnchor{Name: d.Name, At: d.At, Kind: d.Kind, Silent: d.Silent}
		if d.Before.Known() {
			m.Anchor.Before = &d.Before
		}
		m.Steps = s.messages(d.follows)
		return nil, slices.Concat(closeProposal(d.Confirms), s.settled(d.follows), d.settling.closes()), err
	case EventStepOverdue:
		var d stepFell
		err = e.Into(&d)
		m.Step = s.messageOf(d.Key)
		if m.Step == nil {
			return nil, nil, err
		}
		return []ask{{Party: m.Step.Party, Kind: alertOverdue, Subject: d.Key}}, nil, err
	case EventStepStarted, EventStepCompleted, EventStepNotApplicable, EventStepReopened:
		var d stepReported
		err = e.Into(&d)
		m.Step, m.Reason, m.Steps = s.messageOf(d.Key), d.Reason, s.messages(d.follows)
		return nil, append(s.settled(d.follows, d.Key), d.settling.closes()...), err
	case EventMovementAnnounced, EventMovementDeparted, EventMovementArrived, EventMovementCancelled, EventMovementCorrected:
		var d movementReported // movement.announced holds the same and no reason
		err = e.Into(&d)
		m.Reason, m.Steps = d.Reason, s.messages(d.follows)
		if now, ok := s.Movements[d.ID]; ok {
			m.Movement = &msgMovement{ID: d.ID, Status: now.Status, Voyage: d.Voyage, Before: d.Before}
		}
		return d.Alerts, append(s.overtaken(e.Type, d), s.settled(d.follows)...), err
	case EventFigureReported:
		var d figureReported
		err = e.Into(&d)
		m.Figure = &d.Figure
		return nil, d.settling.closes(), err
	case EventAnswerGiven:
		var d answerGiven
		err = e.Into(&d)
		m.Answer = &d.Answer
		return nil, d.settling.closes(), err
	}
	return nil, nil, nil
}

// tellProposed asks the affected state to confirm, and the regional bodies that may. Another party on whose word it was entered is told of it, when it
// may read it.
func (s *state) tellProposed(d proposed, m *message) []ask {
	to := []place.Party{s.Origin}
	if !d.Ends {
		to = append(to, s.thing("").Regional...)
	}
	var asks []ask
	for _, p := range to {
		asks = append(asks, ask{Party: p, Kind: alertProposed, Subject: d.ID, RequiredBy: d.ExpiresAt})
	}
	m.Proposal = &msgProposal{ID: d.ID, Kind: d.Kind, ExpiresAt: d.ExpiresAt}
	if p, ok := s.Proposals[d.ID]; ok {
		m.Proposal.By = p.By
		word := place.Party(p.Relay.OnBehalfOf)
		if word != "" && !slices.Contains(to, word) && access.DutyScope(word).May(access.ReadInside, s.thing("")) {
			asks = append(asks, ask{Party: word, Kind: alertProposed, Subject: d.ID})
		}
	}
	return asks
}

func closeProposal(id string) []ledger.AlertClose {
	if id == "" {
		return nil
	}
	return []ledger.AlertClose{{Kind: alertProposed, Subject: id, Reason: "settled"}}
}

// levelOf says how much of the incident one must be allowed to read to be told of an event, and whose step it is of, when that matters.
func (s *state) levelOf(e ledger.Recorded, step *msgStep) (ledger.Level, string) {
	noun, _, _ := strings.Cut(e.Type, ".")
	switch {
	case noun == Noun || noun == "anchor":
		return ledger.Headline, ""
	case step != nil && s.Steps[step.Key].Side == protocol.TourismSide:
		return ledger.Tourism, string(step.Party)
	}
	return ledger.Inside, ""
}

func (s *state) message(epoch, version int64) msgIncident {
	return msgIncident{
		ID: s.ID, Code: s.Code, Title: s.Title, Status: s.Status, Origin: s.Origin, Receivers: listed(s.Receivers), Severity: s.Severity,
		HazardID: s.HazardID, HazardType: s.HazardType, Exercise: s.Exercise, Epoch: epoch, Version: version,
	}
}

// messageOf gives a step as it stands; nil when there is none.
func (s *state) messageOf(key string) *msgStep {
	i, ok := s.Steps[key]
	if !ok {
		return nil
	}
	return &msgStep{
		Key: i.Key, Code: i.Code, Title: i.Title, Party: i.Party, Status: i.Status, PlannedDueAt: i.Plan.At, DueAt: i.DueAt, DueRevision: i.DueRevision,
		WaitingFor: string(i.Plan.WaitingFor), LifeSafety: i.LifeSafety, ProofOwed: i.ProofOwed, Evidence: i.Evidence, Movement: i.Movement,
	}
}

// messages gives the steps that came, changed or went with an event.
func (s *state) messages(f follows) []msgStep {
	var all []msgStep
	add := func(key string) {
		if m := s.messageOf(key); m != nil {
			all = append(all, *m)
		}
	}
	for _, made := range f.Steps {
		add(made.Key)
	}
	for _, t := range f.Changed {
		add(t.Key)
	}
	for _, c := range f.Cancelled {
		add(c.Key)
	}
	return all
}

type msgHazard struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	GLIDE     []string  `json:"glide"`
	StartedAt time.Time `json:"started_at"`
	Exercise  bool      `json:"exercise"`
}

// announceHazard tells of a new hazard. It is nobody's: no party is named, so nobody is sent it.
func announceHazard(h *Hazard, _ ledger.Head, e ledger.Recorded) (ledger.Announcement, bool) {
	if e.Type != EventHazardOpened {
		return ledger.Announcement{}, false
	}
	return ledger.Announcement{Exercise: h.Exercise, Level: ledger.Public, Data: marshal(map[string]msgHazard{
		"hazard": {ID: h.ID, Name: h.Name, Type: h.Type, GLIDE: listed(h.GLIDE), StartedAt: h.StartedAt, Exercise: h.Exercise},
	})}, true
}

// marshal is for values of this file, which have nothing in them that JSON cannot hold.
func marshal(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("incident: " + err.Error())
	}
	return data
}

// listed gives a list that is written as [] when it is empty.
func listed[V any](list []V) []V {
	if list == nil {
		return []V{}
	}
	return list
}
