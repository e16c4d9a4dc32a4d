package locale

// Incidents are the texts of the list of incidents, and of one incident as it is read.
type Incidents struct {
	Counts StepCounts `json:"counts"`
	Relays Relays     `json:"relays"`

	Title     Phrase `json:"title"`
	Open      Phrase `json:"open"` // opens a new one
	None      Phrase `json:"none"`
	NoneWhy   Phrase `json:"none_why"`
	NoneFound Phrase `json:"none_found"`
	Search    Phrase `json:"search"`
	Words     Phrase `json:"words"`
	Any       Phrase `json:"any"`
	Kind      Phrase `json:"kind"`

	Overview  Phrase `json:"overview"`
	Steps     Phrase `json:"steps"`
	Timeline  Phrase `json:"timeline"`
	Movements Phrase `json:"movements"`
	Figures   Phrase `json:"figures"`
	Answers   Phrase `json:"answers"`
	ToldTab   Phrase `json:"told_tab"`

	Affected  Phrase       `json:"affected"`
	Receivers Phrase       `json:"receivers"`
	Hazard    Phrase       `json:"hazard"`
	Severity  Phrase       `json:"severity"`
	Status    Phrase       `json:"status"`
	Protocol  Phrase       `json:"protocol"`
	Occurred  Phrase       `json:"occurred"`
	Opened    Phrase       `json:"opened"`
	Near      Phrase       `json:"near"` // a bound is nearly taken up; which ones follow
	NearOne   Text[Filled] `json:"near_one"`
	Bounds    Words        `json:"bounds"` // see incident.Bound
	KeyTimes  Phrase       `json:"key_times"`
	NoKeys    Phrase       `json:"no_keys"`
	Before    Phrase       `json:"before"` // values that a key time had
	SetAt     Phrase       `json:"set_at"`

	Activate   Phrase     `json:"activate"`
	AnswerNow  Phrase     `json:"answer_now"`
	AnswerAnew Phrase     `json:"answer_anew"`
	MovePeople Phrase     `json:"move_people"`
	MoveKey    Phrase     `json:"move_key"`
	Attention  Phrase     `json:"attention"`
	AllWell    Phrase     `json:"all_well"`
	Overdue    Phrase     `json:"overdue"`
	DueSoon    Phrase     `json:"due_soon"`
	Silent     Phrase     `json:"silent"`
	ProofOwed  Phrase     `json:"proof_owed"`
	Blocked    Phrase     `json:"blocked"`
	DoneLate   Phrase     `json:"done_late"`
	LifeSafety Phrase     `json:"life_safety"`
	WaitsFor   Text[Name] `json:"waits_for"`
	Mine       Phrase     `json:"mine"`
	All        Phrase     `json:"all"`
	NoSteps    Phrase     `json:"no_steps"`
	NoStepsWhy Phrase     `json:"no_steps_why"`
	NothingHit Phrase     `json:"nothing_hit"`
	Due        Phrase     `json:"due"`
	Planned    Phrase     `json:"planned"`
	Group      Words      `json:"group"` // of steps by urgency
	Phase      Words      `json:"phase"`

	WhoAnswered Phrase     `json:"who_answered"`
	ToldAt      Phrase     `json:"told_at"`
	NotTold     Phrase     `json:"not_told"`
	RaisedAt    Phrase     `json:"raised_at"` // an alert, before anything left
	NotReached  Phrase     `json:"not_reached"`
	AckedAt     Phrase     `json:"acked_at"`
	NoReply     Phrase     `json:"no_reply"`
	NotAcked    Phrase     `json:"not_acked"` // of a state that has answered
	RequiredBy  Phrase     `json:"required_by"`
	NoAnswer    Phrase     `json:"no_answer"`
	AtMost      Text[Name] `json:"at_most"`
	NoReceivers Phrase     `json:"no_receivers"`
	Offered     Phrase     `json:"offered"`
	Valid       Phrase     `json:"valid"`

	NoFigures    Phrase     `json:"no_figures"`
	NoFiguresWhy Phrase     `json:"no_figures_why"`
	PartsMake    Text[Name] `json:"parts_make"`
	Recommended  Phrase     `json:"recommended"`
	Replaced     Phrase     `json:"replaced"`
	AsOf         Phrase     `json:"as_of"`
	Number       Phrase     `json:"number"`
	Counted      Phrase     `json:"counted"`
	Source       Phrase     `json:"source"`
	Place        Phrase     `json:"place"`

	UnderWay    Phrase `json:"under_way"`
	NoMovements Phrase `json:"no_movements"`
	Departs     Phrase `json:"departs"`
	ETA         Phrase `json:"eta"`
	ArrivedAt   Phrase `json:"arrived_at"`
	Difference  Phrase `json:"difference"`

	Party      Phrase     `json:"party"`
	Agency     Phrase     `json:"agency"`
	Needs      Phrase     `json:"needs"`
	ClosedBy   Phrase     `json:"closed_by"`
	Evidence   Phrase     `json:"evidence"`
	Reference  Phrase     `json:"reference"`
	ProofLater Phrase     `json:"proof_later"`
	DoStart    Phrase     `json:"do_start"`
	DoComplete Phrase     `json:"do_complete"`
	DoNote     Phrase     `json:"do_note"`
	DoSkip     Phrase     `json:"do_skip"`
	DoReopen   Phrase     `json:"do_reopen"`
	Note       Phrase     `json:"note"`
	Reason     Phrase     `json:"reason"`
	Happened   Phrase     `json:"happened"`
	HappenedAt Phrase     `json:"happened_at"`
	MoreActs   Phrase     `json:"more_acts"`
	NotYours   Text[Who]  `json:"not_yours"`
	PassOn     Text[Who]  `json:"pass_on"`
	Recorded   Phrase     `json:"recorded"`
	NoEntries  Phrase     `json:"no_entries"`
	Event      Words      `json:"event"`
	Proof      Phrase     `json:"proof"`
	NobodyTold Phrase     `json:"nobody_told"`
	Version    Text[Name] `json:"version"`
	NoAddress  Phrase     `json:"no_address"`
	Delivered  Phrase     `json:"delivered"`
	Waiting    Phrase     `json:"waiting"`
	MadeAt     Phrase     `json:"made_at"`

	AllParties   Phrase  `json:"all_parties"`
	WaitingSteps Counted `json:"waiting_steps"` // for a key time that is not known yet
	Older        Phrase  `json:"older"`
	Everything   Phrase  `json:"everything"` // of the incident, and not of one step alone
	History      Phrase  `json:"history"`    // of one step
	Clocks       Phrase  `json:"clocks"`     // of an exercise
	ToldAll      Phrase  `json:"told_all"`
	ToldLeft     Counted `json:"told_left"`
	MoreMoving   Counted `json:"more_moving"`
	Said         Said    `json:"said"`
	Known        Known   `json:"known"`
}

// Said are what events of a timeline say.
type Said struct {
	Named   Text[Name] `json:"named"`
	Unnamed Text[Name] `json:"unnamed"`
	Before  Text[Name] `json:"before"`
	WasDue  Text[Name] `json:"was_due"`
	IsDue   Text[Name] `json:"is_due"`
}

// Known are the texts of an incident as it was known at a moment.
type Known struct {
	Link        Phrase     `json:"link"`
	Title       Phrase     `json:"title"`
	Then        Text[Name] `json:"then"`
	Lead        Phrase     `json:"lead"`
	At          Phrase     `json:"at"`
	Show        Phrase     `json:"show"`
	Provisional Phrase     `json:"provisional"`
	Nothing     Phrase     `json:"nothing"`
	NothingWhy  Phrase     `json:"nothing_why"`
	Future      Phrase     `json:"future"`
	AllSteps    Phrase     `json:"all_steps"`
	Left        Text[Name] `json:"left"`
}

// Relays are the texts of what was entered on the word of others.
type Relays struct {
	Title          Phrase     `json:"title"` // of what waits
	Why            Phrase     `json:"why"`
	Expires        Phrase     `json:"expires"`
	Confirm        Phrase     `json:"confirm"` // what alerts nobody
	Press          Counted    `json:"press"`
	PressExercise  Counted    `json:"press_exercise"`
	PressNobody    Phrase     `json:"press_nobody"`
	OriginTold     Phrase     `json:"origin_told"`
	Decline        Phrase     `json:"decline"`
	Withdraw       Phrase     `json:"withdraw"`
	Unconfirmed    Phrase     `json:"unconfirmed"`
	UnconfirmedWhy Phrase     `json:"unconfirmed_why"`
	Yes            Phrase     `json:"yes"`
	Confirmed      Text[Pair] `json:"confirmed"` // A: which office; B: when
	Corrected      Text[Pair] `json:"corrected"` // the same
	Open           Text[Name] `json:"open"`
	Where          Phrase     `json:"where"`
	Look           Phrase     `json:"look"` // the button from an alert to what waits for the reader's word
}

// StepCounts say how the steps of an incident stand.
type StepCounts struct {
	Overdue   Counted `json:"overdue"`
	DueSoon   Counted `json:"due_soon"`
	Silent    Counted `json:"silent"`
	ProofOwed Counted `json:"proof_owed"`
	Open      Counted `json:"open"`
	Done      Counted `json:"done"`
}

// Filled says how much of one bound is taken up.
type Filled struct {
	Holds, Most string
}
