package locale

// Alerts are the texts of alerts and of what is said to them.
type Alerts struct {
	Title             Phrase     `json:"title"`
	Tab               Words      `json:"tab"`
	DueTitle          Phrase     `json:"due_title"`
	KnowTitle         Phrase     `json:"know_title"`
	None              Phrase     `json:"none"`
	NoneWhy           Phrase     `json:"none_why"`
	NoneKind          Phrase     `json:"none_kind"`
	Due               Phrase     `json:"due"`
	Late              Phrase     `json:"late"`
	LateBy            Text[Name] `json:"late_by"`
	ToKnow            Phrase     `json:"to_know"`
	Owed              Phrase     `json:"owed"` // acknowledged, and not answered
	ReplyBy           Phrase     `json:"reply_by"`
	By                Text[Name] `json:"by"`
	Relayed           Text[Pair] `json:"relayed"` // A: by what, B: who entered it
	AtMost            Text[Name] `json:"at_most"`
	Until             Text[Name] `json:"until"`
	Version           Text[Name] `json:"version"`
	Incident          Phrase     `json:"incident"`
	Moments           Phrase     `json:"moments"`
	Acknowledge       Phrase     `json:"acknowledge"`
	AcknowledgeMeans  Phrase     `json:"acknowledge_means"`
	More              Phrase     `json:"more"`
	CannotAct         Phrase     `json:"cannot_act"`
	Question          Phrase     `json:"question"`
	Note              Phrase     `json:"note"`
	Answer            Phrase     `json:"answer"`
	AnswerMeans       Phrase     `json:"answer_means"`
	Standing          Phrase     `json:"standing"` // the answer that stands
	Accept            Phrase     `json:"accept"`
	AcknowledgeAccept Phrase     `json:"acknowledge_accept"`
	Decline           Phrase     `json:"decline"`
	Why               Phrase     `json:"why"`
	Ask               Phrase     `json:"ask"`
	AskText           Phrase     `json:"ask_text"`
	Otherwise         Phrase     `json:"otherwise"` // declining or asking
	Ceiling           Phrase     `json:"ceiling"`
	CeilingHint       Phrase     `json:"ceiling_hint"`
	Conditions        Phrase     `json:"conditions"`
	ConditionsHint    Phrase     `json:"conditions_hint"`
	ValidUntil        Phrase     `json:"valid_until"`
	SaidTo            Phrase     `json:"said_to"`
	Told              Phrase     `json:"told"`
	NoOne             Phrase     `json:"no_one"`
}
