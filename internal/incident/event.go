package incident

import (
	"encoding/json"
	"time"

	"landfall/internal/place"
	"landfall/internal/protocol"
)

// The events of a hazard's and of an incident's stream. They are stored for ever: members are added, never changed.
const (
	EventHazardOpened = "hazard.opened.v1"

	EventOpened           = "incident.opened.v1"
	EventReleased         = "incident.released.v1"
	EventReceiversChanged = "incident.receivers_changed.v1"
	EventMonitored        = "incident.monitored.v1"
	EventActivated        = "incident.activated.v1"
	EventStoodDown        = "incident.stood_down.v1"
	EventClosed           = "incident.closed.v1"

	EventProposed       = "incident.proposed.v1"
	EventProposalEnded  = "incident.proposal_ended.v1"
	EventRelayConfirmed = "incident.relay_confirmed.v1"

	EventAnchorMoved = "anchor.moved.v1"

	EventStepStarted       = "step.started.v1"
	EventStepCompleted     = "step.completed.v1"
	EventStepNotApplicable = "step.marked_not_applicable.v1"
	EventStepNoted         = "step.noted.v1"
	EventStepReopened      = "step.reopened.v1"
	EventStepDueSoon       = "step.due_soon.v1"
	EventStepOverdue       = "step.overdue.v1"

	EventMovementAnnounced = "movement.announced.v1"
	EventMovementDeparted  = "movement.departed.v1"
	EventMovementArrived   = "movement.arrived.v1"
	EventMovementCancelled = "movement.cancelled.v1"
	EventMovementCorrected = "movement.corrected.v1"

	EventFigureReported = "figure.reported.v1"
	EventAnswerGiven    = "answer.given.v1"
)

// incidentEvents lists what the fold of an incident understands.
var incidentEvents = []string{
	EventOpened, EventReleased, EventReceiversChanged, EventMonitored, EventActivated, EventStoodDown, EventClosed,
	EventProposed, EventProposalEnded, EventRelayConfirmed,
	EventAnchorMoved,
	EventStepStarted, EventStepCompleted, EventStepNotApplicable, EventStepNoted, EventStepReopened, EventStepDueSoon, EventStepOverdue,
	EventMovementAnnounced, EventMovementDeparted, EventMovementArrived, EventMovementCancelled, EventMovementCorrected,
	EventFigureReported, EventAnswerGiven,
}

// detachedNote is the name under which a step's note lies beside its commit: free text must be erasable.
const detachedNote = "note"

type hazardOpened struct {
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	GLIDE     []string  `json:"glide,omitempty"`
	StartedAt time.Time `json:"started_at"`
	Exercise  bool      `json:"exercise,omitempty"`
}

type opened struct {
	Code       string         `json:"code"`
	Title      string         `json:"title"`
	HazardID   string         `json:"hazard_id"`
	HazardType string         `json:"hazard_type"`
	Origin     place.Party    `json:"origin"`
	Receivers  []place.Party  `json:"receivers"`
	Severity   Severity       `json:"severity"`
	OccurredAt time.Time      `json:"occurred_at"`
	Draft      bool           `json:"draft,omitempty"`
	Exercise   bool           `json:"exercise,omitempty"`
	Clock      protocol.Clock `json:"clock,omitzero"`
	Alerts     []ask          `json:"alerts,omitempty"`
	Proposal   *proposed      `json:"proposal,omitempty"` // it is a draft until somebody confirms it
	Regional   []place.Party  `json:"regional,omitempty"` // regional bodies that take part from the start
}

type released struct {
	Alerts   []ask  `json:"alerts,omitempty"`
	Confirms string `json:"confirms,omitempty"` // id of the proposal that it carries out
	Word     *Word  `json:"word,omitempty"`     // with which that was proposed
}

// proposed is a command that waits to be confirmed.
type proposed struct {
	ID        string          `json:"id"`
	Kind      ProposalKind    `json:"kind"`
	Ends      bool            `json:"ends,omitempty"`    // only the affected state confirms it
	Request   json.RawMessage `json:"request,omitempty"` // what was asked for, in the form of its kind
	ExpiresAt time.Time       `json:"expires_at"`        // wall time

	Regional []place.Party `json:"regional,omitempty"` // regional bodies that may confirm it too, and take part until it is settled
}

type proposalEnded struct {
	ID     string       `json:"id"`
	Kind   ProposalKind `json:"kind"`
	By     place.Party  `json:"by,omitempty"` // party of whoever had proposed it
	How    ProposalEnd  `json:"how"`
	Reason string       `json:"reason,omitempty"`
}

// relayConfirmed says that the party spoken for stands by what was entered for it.
type relayConfirmed struct {
	Seq int64 `json:"seq"` // of the commit that entered it
}

type receiversChanged struct {
	Receivers []place.Party `json:"receivers"`
	Named     []place.Party `json:"named,omitempty"`
	Unnamed   []place.Party `json:"unnamed,omitempty"`
	follows
}

// started is the data of incident.monitored and incident.activated.
type started struct {
	Protocol string        `json:"protocol"`
	Version  int           `json:"version"`
	Mode     protocol.Mode `json:"mode,omitempty"`
	At       time.Time     `json:"at"` // scenario time; of activation the value of ACTIVATION
	Anchors  []anchorSet   `json:"anchors,omitempty"`
	follows
}

// anchorSet is one value given to an anchor.
type anchorSet struct {
	Name string        `json:"name"` // LANDFALL, STAY_END.ATG
	At   time.Time     `json:"at"`
	Kind protocol.Kind `json:"kind"`
}

type anchorMoved struct {
	anchorSet
	Before protocol.Value `json:"before,omitzero"`
	Silent bool           `json:"silent,omitempty"` // too small a change to tell anybody
	follows
	settling
}

type ended struct {
	At     time.Time `json:"at"` // scenario time
	Reason string    `json:"reason,omitempty"`
	follows
}

// stepReported is the data of every step event that a person causes.
type stepReported struct {
	Key        string    `json:"key"`
	OccurredAt time.Time `json:"occurred_at"` // scenario time: when it was so, as far as whoever reports it knows
	Evidence   *Evidence `json:"evidence,omitempty"`
	Waived     string    `json:"proof_waived,omitempty"` // why no proof is needed
	Reason     string    `json:"reason,omitempty"`
	follows
	settling
}

// stepFell is the data of step.due_soon and step.overdue. Key and revision are the identity of what fell due.
type stepFell struct {
	Key      string    `json:"key"`
	DueAt    time.Time `json:"due_at"`
	Revision int       `json:"due_revision"`
}

type movementAnnounced struct {
	ID string `json:"id"`
	Voyage
	follows
}

// movementReported is the data of every other movement event: the movement's facts as they stand after it.
type movementReported struct {
	ID     string  `json:"id"`
	Reason string  `json:"reason,omitempty"`
	Before *Voyage `json:"before,omitempty"` // of a correction: the facts until then
	Voyage
	follows
}

type answerGiven struct {
	Answer
	settling
}

type figureReported struct {
	Figure
	settling
	Slot string `json:"slot"` // place, category and day: at most one recommended figure each
}

// follows is what a decision found to follow from an event. Evolve applies it and works nothing out.
type follows struct {
	Template  int          `json:"template_version,omitempty"` // of the new steps
	Steps     []stepMade   `json:"steps,omitempty"`            // new instances
	Replaced  []string     `json:"replaced,omitempty"`         // placeholders that gave way to them
	Changed   []stepTimes  `json:"changed,omitempty"`          // open steps whose plan or due time is another now
	Cancelled []stepClosed `json:"cancelled,omitempty"`
	Alerts    []ask        `json:"alerts,omitempty"`
	Confirms  string       `json:"confirms,omitempty"` // id of the proposal that it carries out
	Word      *Word        `json:"word,omitempty"`     // with which that was proposed
}

// stepMade is a new step instance.
type stepMade struct {
	stepTimes
	Code        string                `json:"code"`
	Title       place.Text            `json:"title"`
	Phase       protocol.Phase        `json:"phase"`
	Side        protocol.Side         `json:"side"`
	Party       place.Party           `json:"party"`
	Agency      string                `json:"agency"`
	LifeSafety  bool                  `json:"life_safety,omitempty"`
	Movement    string                `json:"movement,omitempty"`
	Period      int                   `json:"period,omitempty"`
	Placeholder bool                  `json:"placeholder,omitempty"`
	Closes      protocol.EvidenceType `json:"closes,omitempty"`
}

// stepTimes says when an instance is to be done. All are scenario time; one that is not known is absent.
type stepTimes struct {
	Key          string        `json:"key"`
	Needs        []Need        `json:"needs,omitempty"` // when they are others now
	Plan         protocol.Plan `json:"plan"`
	ActionableAt time.Time     `json:"actionable_at,omitzero"`
	DueAt        time.Time     `json:"due_at,omitzero"`
	Lapsed       string        `json:"lapsed,omitempty"`  // why it does not apply, when a rule of the template says so
	Revived      bool          `json:"revived,omitempty"` // such a rule says so no longer
}

// stepClosed is a step that nobody has to do any more.
type stepClosed struct {
	Key    string `json:"key"`
	Reason string `json:"reason"` // unnamed, movement_cancelled, stood_down
}

// ask is one alert that an event raises, with the time by which an answer is wanted (wall time; absent: none is).
type ask struct {
	Party      place.Party `json:"party"`
	Kind       string      `json:"kind"`
	Subject    string      `json:"subject,omitempty"` // id of the movement that it is about
	RequiredBy time.Time   `json:"required_by,omitzero"`
}

// The kinds of alert (see ledger.AlertCall).
const (
	alertNamed      = "named"
	alertPlanning   = "planning"
	alertActivation = "activation"
	alertMovement   = "movement"
	alertDeparture  = "departure"
	alertOverdue    = "step_overdue"
	alertWithdrawn  = "withdrawn"
	alertProposed   = "proposed" // something waits to be confirmed; the subject is the proposal
	alertRelayed    = "relayed"  // something was entered on the party's word; the subject is its seq

	alertMovementCancelled = "movement_cancelled"
	alertMovementCorrected = "movement_corrected"
	alertStoodDown         = "stood_down"
	alertClosed            = "closed"
)
