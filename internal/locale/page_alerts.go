package locale

// Alerts are the texts of its pages.
type Alerts struct {
	Movement     Phrase `json:"movement"`
	MovementMore Phrase `json:"movement_more"`
	ArriveMore   Phrase `json:"arrive_more"`
	NowHint      Phrase `json:"now_hint"`

	Title     Phrase     `json:"title"`
	Tab       Words      `json:"tab"`        // by status
	DueTitle  Phrase     `json:"due_title"`  // heads what wants an answer
	KnowTitle Phrase     `json:"know_title"` // heads what wants none
	NoneDue   Phrase     `json:"none_due"`
	NoneKnow  Phrase     `json:"none_know"`
	NoneOver  Phrase     `json:"none_over"`
	NoneText  Phrase     `json:"none_text"`
	Only      Text[Name] `json:"only"` // Name: an incident
	OnlyAll   Phrase     `json:"only_all"`

	ToKnow Phrase     `json:"to_know"`
	Due    Phrase     `json:"due"`
	Late   Phrase     `json:"late"`
	DueNow Phrase     `json:"due_now"` // since less than a minute
	Owed   Phrase     `json:"owed"`    // seen, but not answered
	By     Text[Name] `json:"by"`      // Name: an office
	Via    Words      `json:"via"`     // the way it came
	AtMost Text[Name] `json:"at_most"` // Name: a number of people
	Until  Text[Name] `json:"until"`   // Name: a time

	AnswerBy   Phrase     `json:"answer_by"`
	Seen       Phrase     `json:"seen"`      // the act of acknowledging
	SeenText   Text[Name] `json:"seen_text"` // Name: a version
	SeenButton Phrase     `json:"seen_button"`
	But        Phrase     `json:"but"`
	Outcome    Phrase     `json:"outcome"`
	Note       Phrase     `json:"note"`
	ButButton  Phrase     `json:"but_button"`
	More       Phrase     `json:"more"` // say something further

	Answer            Phrase     `json:"answer"` // the act of answering
	AnswerText        Text[Who]  `json:"answer_text"`
	AnswerToo         Phrase     `json:"answer_too"` // the buttons acknowledge too
	Given             Text[Name] `json:"given"`
	Anew              Phrase     `json:"anew"` // change the answer
	Ceiling           Phrase     `json:"ceiling"`
	CeilingHint       Phrase     `json:"ceiling_hint"`
	Conditions        Phrase     `json:"conditions"`
	ConditionsHint    Phrase     `json:"conditions_hint"`
	ValidUntil        Phrase     `json:"valid_until"`
	ValidUntilHint    Text[Name] `json:"valid_until_hint"` // Name: whose clock
	Accept            Phrase     `json:"accept"`
	AcceptUpTo        Text[Name] `json:"accept_up_to"` // Name: a number
	AcknowledgeAccept Phrase     `json:"acknowledge_accept"`
	AcknowledgeUpTo   Text[Name] `json:"acknowledge_up_to"`
	Decline           Phrase     `json:"decline"`
	Why               Phrase     `json:"why"`
	WhyHint           Phrase     `json:"why_hint"`
	DeclineButton     Phrase     `json:"decline_button"`
	DeclineToo        Phrase     `json:"decline_too"`
	Question          Phrase     `json:"question"`
	QuestionLabel     Phrase     `json:"question_label"`
	QuestionButton    Phrase     `json:"question_button"`
	QuestionToo       Phrase     `json:"question_too"`

	Incident   Phrase     `json:"incident"` // as it is now
	Newer      Text[Pair] `json:"newer"`    // A: the version that the alert shows; B: the one now
	Same       Text[Name] `json:"same"`     // Name: both
	KeyTimes   Phrase     `json:"key_times"`
	Message    Phrase     `json:"message"` // what the alert said
	Words      Phrase     `json:"words"`   // who acknowledged
	NoWords    Phrase     `json:"no_words"`
	SeenAt     Text[Name] `json:"seen_at"` // Name: a version
	Told       Text[Who]  `json:"told"`
	ToldHint   Phrase     `json:"told_hint"`
	NotSent    Phrase     `json:"not_sent"`
	NoAddress  Text[Who]  `json:"no_address"`
	NotVisible Phrase     `json:"not_visible"`
	NotYours   Text[Who]  `json:"not_yours"`
	PassOn     Phrase     `json:"pass_on"`
	ClosedAt   Phrase     `json:"closed_at"`

	Correct       Phrase `json:"correct"` // the act of correcting what was acknowledged
	CorrectText   Phrase `json:"correct_text"`
	CorrectReason Phrase `json:"correct_reason"`
	CorrectButton Phrase `json:"correct_button"`
	Corrected     Phrase `json:"corrected"` // a word that no longer stands

	Relay Relay `json:"relay"`
}

// Relay are the texts of the pages that pass on what others said.
type Relay struct {
	Title         Phrase     `json:"title"`
	Lead          Phrase     `json:"lead"`
	Link          Phrase     `json:"link"`
	Chosen        Phrase     `json:"chosen"`
	Incident      Phrase     `json:"incident"`
	Party         Phrase     `json:"party"`
	Word          Phrase     `json:"word"`
	Anew          Phrase     `json:"anew"`
	WhichIncident Phrase     `json:"which_incident"`
	WhichParty    Phrase     `json:"which_party"`
	WhichWord     Text[Who]  `json:"which_word"`
	NoIncident    Phrase     `json:"no_incident"`
	NoParty       Phrase     `json:"no_party"`
	Alerts        Phrase     `json:"alerts"`
	NoAlert       Phrase     `json:"no_alert"`
	Answer        Phrase     `json:"answer"`
	AnswerText    Text[Who]  `json:"answer_text"`
	NoAnswer      Phrase     `json:"no_answer"`
	Arrivals      Phrase     `json:"arrivals"`
	NoArrival     Phrase     `json:"no_arrival"`
	Steps         Phrase     `json:"steps"`
	NoStep        Phrase     `json:"no_step"`
	Overdue       Phrase     `json:"overdue"`
	Way           Text[Way]  `json:"way"`
	Record        Text[Who]  `json:"record"`
	How           Phrase     `json:"how"`
	SaidAt        Phrase     `json:"said_at"`
	SaidAtHint    Phrase     `json:"said_at_hint"`
	Outcome       Phrase     `json:"outcome"`
	Note          Phrase     `json:"note"`
	Kind          Phrase     `json:"kind"`
	Why           Phrase     `json:"why"`
	Sees          Text[Who]  `json:"sees"`
	Action        Phrase     `json:"action"`
	Actions       Words      `json:"actions"`
	Proof         Text[Name] `json:"proof"`
	ProofHint     Phrase     `json:"proof_hint"`
	OccurredAt    Phrase     `json:"occurred_at"`
	ArrivedAt     Phrase     `json:"arrived_at"`
	NowHint       Phrase     `json:"now_hint"`
	People        Phrase     `json:"people"`
	Expected      Text[Name] `json:"expected"`
	Difference    Phrase     `json:"difference"`
	Button        Text[Who]  `json:"button"`
	PassedTitle   Text[Who]  `json:"passed_title"`
	NothingPassed Phrase     `json:"nothing_passed"`
	Passed        Words      `json:"passed"` // by event type
	Said          Phrase     `json:"said"`
}
