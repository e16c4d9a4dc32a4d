package locale

// Work are the texts of the forms on an incident.
type Work struct {
	Title         Phrase     `json:"title"`
	Hazard        Phrase     `json:"hazard"`
	NewHazard     Phrase     `json:"new_hazard"`
	HazardName    Phrase     `json:"hazard_name"`
	HazardHint    Phrase     `json:"hazard_hint"`
	Type          Phrase     `json:"type"`
	GLIDE         Phrase     `json:"glide"`
	Origin        Phrase     `json:"origin"`
	Island        Phrase     `json:"island"`
	WholeState    Phrase     `json:"whole_state"`
	Severity      Phrase     `json:"severity"`
	Kind          Phrase     `json:"kind"`
	Real          Phrase     `json:"real"`
	RealMeans     Phrase     `json:"real_means"`
	Exercise      Phrase     `json:"exercise"`
	ExerciseMeans Phrase     `json:"exercise_means"`
	Receivers     Phrase     `json:"receivers"`
	ReceiversHint Phrase     `json:"receivers_hint"`
	Further       Phrase     `json:"further"`
	Details       Phrase     `json:"details"`
	Heading       Phrase     `json:"heading"`
	HeadingHint   Phrase     `json:"heading_hint"`
	Occurred      Phrase     `json:"occurred"`
	OccurredHint  Phrase     `json:"occurred_hint"`
	Draft         Phrase     `json:"draft"`
	DraftMeans    Phrase     `json:"draft_means"`
	Review        Phrase     `json:"review"` // the button that shows what will be sent
	ReviewTitle   Phrase     `json:"review_title"`
	WillTell      Phrase     `json:"will_tell"`
	TellsNobody   Phrase     `json:"tells_nobody"`
	Change        Phrase     `json:"change"`
	SaveDraft     Phrase     `json:"save_draft"`
	OpenAlone     Phrase     `json:"open_alone"`
	SendReal      Counted    `json:"send_real"`
	SendExercise  Counted    `json:"send_exercise"`
	Release       Phrase     `json:"release"`
	ActivateTitle Phrase     `json:"activate_title"`
	Protocol      Phrase     `json:"protocol"`
	Proposal      Phrase     `json:"proposal"`
	Effect        Text[Pair] `json:"effect"`
	StepsCount    Counted    `json:"steps_count"`
	PartiesCount  Counted    `json:"parties_count"`
	KeyHint       Phrase     `json:"key_hint"`
	ShowProtocol  Phrase     `json:"show_protocol"`
	AnswerTitle   Phrase     `json:"answer_title"`
	AnswerFor     Phrase     `json:"answer_for"`
	YourAnswer    Phrase     `json:"your_answer"`
	Accept        Phrase     `json:"accept"`
	AcceptMeans   Phrase     `json:"accept_means"`
	Decline       Phrase     `json:"decline"`
	DeclineMeans  Phrase     `json:"decline_means"`
	Ask           Phrase     `json:"ask"`
	AskMeans      Phrase     `json:"ask_means"`
	Ceiling       Phrase     `json:"ceiling"`
	CeilingHint   Phrase     `json:"ceiling_hint"`
	Conditions    Phrase     `json:"conditions"`
	OneEachLine   Phrase     `json:"one_each_line"`
	ValidUntil    Phrase     `json:"valid_until"`
	Text          Phrase     `json:"text"`
	Reference     Phrase     `json:"reference"`
	SendAnswer    Phrase     `json:"send_answer"`
	LastAnswer    Text[Name] `json:"last_answer"`
}
