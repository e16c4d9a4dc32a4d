package locale

// Catalogue is everything that is said to people. A key of the JSON files is the path of its field. A new text is a field here and a
// line in each file; a test fails until all three are there.
type Catalogue struct {
	Joins  Joins  `json:"joins"`
	Source Source `json:"source"`
	Times  Times  `json:"times"`
	Counts Counts `json:"counts"`
	Codes  Codes  `json:"codes"`
	Notice Notice `json:"notice"`
	Page   Page   `json:"page"` // each of its fields is a file of its own
}

// Joins join things.
type Joins struct {
	Between Phrase     `json:"between"` // names that may hold "and"
	Last    Text[Pair] `json:"last"`    // the last two of a list
	Colon   Text[Pair] `json:"colon"`   // a label and what it labels
}

// Source says who recorded something, and how a word came that somebody else entered: see Locale.Office and Locale.Entered.
type Source struct {
	Office    Text[Pair] `json:"office"`    // A: a role; B: its party
	Entered   Text[Pair] `json:"entered"`   // A: the way it came; B: the office that entered it
	Said      Text[Pair] `json:"said"`      // A: that; B: when it was said
	Confirmed Text[Pair] `json:"confirmed"` // A: that; B: the office that confirmed it when it had waited as a proposal
	Word      Text[Pair] `json:"word"`      // A: whose word; B: how it came
}

// Times are the words of dates.
type Times struct {
	First       Phrase     `json:"first"` // the first day of a month
	Months      [12]Phrase `json:"months"`
	ShortMonths [12]Phrase `json:"short_months"`

	Today     Text[Name] `json:"today"` // Name: a time of day
	Yesterday Text[Name] `json:"yesterday"`
	Tomorrow  Text[Name] `json:"tomorrow"`
	Ago       Text[Name] `json:"ago"` // Name: a length of time
	In        Text[Name] `json:"in"`
	Late      Text[Name] `json:"late"`
	Now       Phrase     `json:"now"`
	Minute    Counted    `json:"minute"`
	Hour      Counted    `json:"hour"`
	Day       Counted    `json:"day"`
}

// Counts are numbers of things.
type Counts struct {
	Persons    Counted `json:"persons"`
	Households Counted `json:"households"`
	More       Counted `json:"more"` // things that a list leaves out

	About     Text[Name] `json:"about"` // see incident.Quantifier
	MoreThan  Text[Name] `json:"more_than"`
	FewerThan Text[Name] `json:"fewer_than"`
}

// Codes are the words for closed lists: packages incident and protocol say what each means.
type Codes struct {
	Severity       Words `json:"severity"`
	IncidentStatus Words `json:"incident_status"`
	StepStatus     Words `json:"step_status"`
	Protocol       Words `json:"protocol"`
	Anchor         Words `json:"anchor"`
	AnchorKind     Words `json:"anchor_kind"`
	Mode           Words `json:"mode"`
	MovementStatus Words `json:"movement_status"`
	Answer         Words `json:"answer"`
	Acknowledged   Words `json:"acknowledged"`
	RelayedBy      Words `json:"relayed_by"`
	Category       Words `json:"category"`
	Term           Words `json:"term"`
	Setting        Words `json:"setting"`
	FigureRole     Words `json:"figure_role"`
	SourceKind     Words `json:"source_kind"`
	Evidence       Words `json:"evidence"`
	Agency         Words `json:"agency"` // of the protocols' steps, by their English names
	AlertKind      Words `json:"alert_kind"`
	Closed         Words `json:"closed"`       // why an alert was closed
	Proposal       Words `json:"proposal"`     // what a proposal would do
	ProposalEnd    Words `json:"proposal_end"` // how one ended
}

// What fills the blanks of texts. All are words, ready to be read.
type (
	// Pair is two things.
	Pair struct{ A, B string }
	// Name is one thing by its name.
	Name struct{ Name string }
	// Who is a party.
	Who struct{ Party string }
	// Way is a movement: who goes from where to where.
	Way struct{ People, From, To string }
	// Count is a number and the place it is about.
	Count struct{ Number, Place string }
	// Until is what a party is asked to have done when.
	Until struct{ Party, Time string }
	// Duty is a step of a party.
	Duty struct{ Party, Step, Time string }
	// Call is a code to be quoted and the telephone to call.
	Call struct{ Code, Phone string }
	// Trace names an event for who looks into it.
	Trace struct{ Type, Event string }
)

// Notice is what messages say.
type Notice struct {
	Exercise     Phrase     `json:"exercise"`      // the word, first in everything
	ExerciseLine Phrase     `json:"exercise_line"` // the same as a sentence
	ExerciseTime Text[Name] `json:"exercise_time"` // an instant of the exercise's own clock

	Headline Headline `json:"headline"`
	Ask      Ask      `json:"ask"`
	Say      Say      `json:"say"`
	Label    Label    `json:"label"`
	Close    Close    `json:"close"`
}

// Headline says in a few words what happened.
type Headline struct {
	HazardOpened      Text[Name]  `json:"hazard_opened"`
	Opened            Phrase      `json:"opened"`
	Released          Phrase      `json:"released"`
	ReceiversChanged  Phrase      `json:"receivers_changed"`
	Monitored         Text[Name]  `json:"monitored"` // Name: the protocol
	Activated         Text[Name]  `json:"activated"`
	Proposed          Text[Name]  `json:"proposed"`
	ProposalEnded     Text[Pair]  `json:"proposal_ended"` // A: what it would have done, B: how it ended
	RelayConfirmed    Phrase      `json:"relay_confirmed"`
	StoodDown         Phrase      `json:"stood_down"`
	Closed            Phrase      `json:"closed"`
	AnchorMoved       Text[Name]  `json:"anchor_moved"`
	StepStarted       Text[Name]  `json:"step_started"`
	StepCompleted     Text[Name]  `json:"step_completed"`
	StepNotApplicable Text[Name]  `json:"step_not_applicable"`
	StepNoted         Text[Name]  `json:"step_noted"`
	StepReopened      Text[Name]  `json:"step_reopened"`
	StepOverdue       Text[Name]  `json:"step_overdue"`
	MovementAnnounced Text[Way]   `json:"movement_announced"`
	MovementDeparted  Text[Way]   `json:"movement_departed"`
	MovementArrived   Text[Way]   `json:"movement_arrived"`
	MovementCancelled Text[Way]   `json:"movement_cancelled"`
	MovementCorrected Text[Way]   `json:"movement_corrected"`
	FigureReported    Text[Count] `json:"figure_reported"`
	Accepts           Text[Who]   `json:"accepts"`
	Declines          Text[Who]   `json:"declines"`
	Asks              Text[Who]   `json:"asks"`

	AlertNamed         Text[Who]  `json:"alert_named"`
	AlertPlanning      Text[Who]  `json:"alert_planning"`
	AlertActivation    Text[Who]  `json:"alert_activation"`
	AlertMovement      Text[Way]  `json:"alert_movement"`
	AlertDeparture     Text[Way]  `json:"alert_departure"`
	AlertCancelled     Text[Way]  `json:"alert_cancelled"` // a movement
	AlertCorrected     Text[Way]  `json:"alert_corrected"` // a movement
	AlertOverdue       Text[Name] `json:"alert_overdue"`
	AlertStoodDown     Phrase     `json:"alert_stood_down"`
	AlertEnded         Phrase     `json:"alert_ended"` // the incident is closed
	AlertWithdrawn     Text[Who]  `json:"alert_withdrawn"`
	AlertProposed      Text[Pair] `json:"alert_proposed"` // A: the party on whose word, B: what it would do
	AlertRelayed       Text[Pair] `json:"alert_relayed"`  // A: the party on whose word, B: what was entered
	AlertDeliveryDead  Phrase     `json:"alert_delivery_dead"`
	AlertDisabled      Phrase     `json:"alert_disabled"`
	AlertOther         Text[Name] `json:"alert_other"`
	Acknowledged       Text[Who]  `json:"acknowledged"`
	CannotAct          Text[Who]  `json:"cannot_act"`
	HasQuestion        Text[Who]  `json:"has_question"`
	AckCorrected       Text[Pair] `json:"ack_corrected"` // A: who; B: what it says now
	AckConfirmed       Text[Pair] `json:"ack_confirmed"` // A: who; B: what it says, as others had entered for it
	AlertClosed        Text[Who]  `json:"alert_closed"`
	SubscriptionTested Phrase     `json:"subscription_tested"`
	Unknown            Text[Name] `json:"unknown"` // Name: the event's type
}

// Ask says who must do what by when.
type Ask struct {
	Acknowledge   Text[Who]   `json:"acknowledge"`
	AcknowledgeBy Text[Until] `json:"acknowledge_by"`
	PrepareBy     Text[Until] `json:"prepare_by"`
	AnswerBy      Text[Until] `json:"answer_by"`
	StepOverdue   Text[Duty]  `json:"step_overdue"`
	ConfirmBy     Text[Until] `json:"confirm_by"`
	Relayed       Text[Who]   `json:"relayed"`
	Waits         Text[Who]   `json:"waits"` // of a proposal on the word of a party that does not confirm it
	Cancelled     Text[Who]   `json:"cancelled"`
	Ended         Text[Who]   `json:"ended"` // stood down or closed
	Withdrawn     Text[Who]   `json:"withdrawn"`
	DeliveryDead  Phrase      `json:"delivery_dead"`
	Disabled      Phrase      `json:"disabled"`
	By            Text[Name]  `json:"by"` // follows a headline; Name: the time
}

// Say explains.
type Say struct {
	Tested      Phrase      `json:"tested"`
	Unknown     Phrase      `json:"unknown"`
	LifeSafety  Phrase      `json:"life_safety"`
	ProofOwed   Phrase      `json:"proof_owed"`
	PartsDiffer Phrase      `json:"parts_differ"`
	Final       Phrase      `json:"final"`
	Waiting     Text[Who]   `json:"waiting"` // a step without a time, in a list
	Due         Text[Until] `json:"due"`     // a step and its time, in a list
	Before      Text[Pair]  `json:"before"`  // A, before: B
	Replaces    Phrase      `json:"replaces"`
}

// Label names a fact.
type Label struct {
	Incident     Phrase `json:"incident"`
	Origin       Phrase `json:"origin"`
	Receivers    Phrase `json:"receivers"`
	Hazard       Phrase `json:"hazard"`
	Severity     Phrase `json:"severity"`
	Status       Phrase `json:"status"`
	Version      Phrase `json:"version"`
	At           Phrase `json:"at"`
	Named        Phrase `json:"named"`
	Unnamed      Phrase `json:"unnamed"`
	Protocol     Phrase `json:"protocol"`
	Step         Phrase `json:"step"`
	Party        Phrase `json:"party"`
	Progress     Phrase `json:"progress"`
	Due          Phrase `json:"due"`
	Planned      Phrase `json:"planned"`
	Evidence     Phrase `json:"evidence"`
	Reason       Phrase `json:"reason"`
	Mode         Phrase `json:"mode"`
	Carrier      Phrase `json:"carrier"`
	From         Phrase `json:"from"`
	To           Phrase `json:"to"`
	Departs      Phrase `json:"departs"`
	ETA          Phrase `json:"eta"`
	People       Phrase `json:"people"`
	Departed     Phrase `json:"departed"`
	Left         Phrase `json:"left"`
	Arrived      Phrase `json:"arrived"`
	Came         Phrase `json:"came"`
	Difference   Phrase `json:"difference"`
	Figure       Phrase `json:"figure"`
	Category     Phrase `json:"category"`
	Place        Phrase `json:"place"`
	Setting      Phrase `json:"setting"`
	Source       Phrase `json:"source"`
	Role         Phrase `json:"role"`
	AsOf         Phrase `json:"as_of"`
	Answer       Phrase `json:"answer"`
	Ceiling      Phrase `json:"ceiling"`
	Conditions   Phrase `json:"conditions"`
	ValidUntil   Phrase `json:"valid_until"`
	Text         Phrase `json:"text"`
	Reference    Phrase `json:"reference"`
	Acknowledged Phrase `json:"acknowledged"`
	Confirmed    Phrase `json:"confirmed"`
	Alert        Phrase `json:"alert"`
	Steps        Phrase `json:"steps"`
	Moments      Phrase `json:"moments"`
	GLIDE        Phrase `json:"glide"`
	Message      Phrase `json:"message"`
	Channel      Phrase `json:"channel"`
	Target       Phrase `json:"target"`
	Attempts     Phrase `json:"attempts"`
	Code         Phrase `json:"code"`
	Since        Phrase `json:"since"`
	Began        Phrase `json:"began"`
}

// Close ends a message: how to get to it, and what it is.
type Close struct {
	Open      Phrase      `json:"open"`
	Quote     Text[Name]  `json:"quote"`
	QuoteCall Text[Call]  `json:"quote_call"`
	Call      Text[Name]  `json:"call"`
	Automatic Phrase      `json:"automatic"`
	Event     Text[Trace] `json:"event"`
}
