package locale

// Work are the texts of the forms on an incident. What the lists of values and facts are called stands in Codes and in Notice.Label.
type Work struct {
	What         Phrase        `json:"what"`
	Next         Phrase        `json:"next"`
	Change       Phrase        `json:"change"`
	ZoneExercise Text[Name]    `json:"zone_exercise"`
	RelayHint    Phrase        `json:"relay_hint"`
	RelayNobody  Phrase        `json:"relay_nobody"`
	LifeSafety   Phrase        `json:"life_safety"`
	Reach        WorkReach     `json:"reach"`
	Open         WorkOpen      `json:"open"`
	Release      WorkRelease   `json:"release"`
	Regions      WorkRegions   `json:"regions"`
	Start        WorkStart     `json:"start"`
	Receivers    WorkReceivers `json:"receivers"`
	KeyTime      WorkKeyTime   `json:"key_time"`
	StandDown    WorkStandDown `json:"stand_down"`
	Close        WorkClose     `json:"close"`
	Movement     WorkMovement  `json:"movement"`
	People       WorkPeople    `json:"people"`
	Figure       WorkFigure    `json:"figure"`
	Answer       WorkAnswer    `json:"answer"`
}

// WorkReach says what reaches a party, before something is sent.
type WorkReach struct {
	By         Text[Name] `json:"by"` // Name: channels and how many addresses each has
	Channel    Text[Pair] `json:"channel"`
	Addresses  Counted    `json:"addresses"`
	Nobody     Phrase     `json:"nobody"`
	NobodyNote Text[Name] `json:"nobody_note"` // Name: the parties
	Actual     Phrase     `json:"actual"`
	Exercise   Phrase     `json:"exercise"`
}

// WorkOpen opens an incident.
type WorkOpen struct {
	Title             Phrase     `json:"title"`
	Lead              Phrase     `json:"lead"`
	Real              Phrase     `json:"real"`
	Kind              Phrase     `json:"kind"`
	Actual            Phrase     `json:"actual"`
	ActualHint        Phrase     `json:"actual_hint"`
	Exercise          Phrase     `json:"exercise"`
	ExerciseHint      Phrase     `json:"exercise_hint"`
	What              Phrase     `json:"what"`
	Where             Phrase     `json:"where"`
	WholeState        Text[Name] `json:"whole_state"`
	HazardNew         Phrase     `json:"hazard_new"`
	HazardNewHint     Phrase     `json:"hazard_new_hint"`
	HazardType        Phrase     `json:"hazard_type"`
	HazardName        Phrase     `json:"hazard_name"`
	HazardNameHint    Phrase     `json:"hazard_name_hint"`
	HazardStarted     Phrase     `json:"hazard_started"`
	HazardStartedHint Phrase     `json:"hazard_started_hint"`
	Receivers         Phrase     `json:"receivers"`
	ReceiversHint     Phrase     `json:"receivers_hint"`
	OccurredAt        Phrase     `json:"occurred_at"`
	OccurredHint      Phrase     `json:"occurred_hint"`
	More              Phrase     `json:"more"`
	Name              Phrase     `json:"name"`
	NameHint          Phrase     `json:"name_hint"`
	SpeedLabel        Phrase     `json:"speed_label"`
	SpeedReal         Phrase     `json:"speed_real"`
	Speed             Text[Name] `json:"speed"`
	SpeedHint         Phrase     `json:"speed_hint"`
	Draft             Phrase     `json:"draft"`
	Next              Phrase     `json:"next"`
	ReviewTitle       Phrase     `json:"review_title"`
	ReviewLead        Phrase     `json:"review_lead"`
	Told              Phrase     `json:"told"`
	ToldWhat          Phrase     `json:"told_what"`
	NobodyTold        Phrase     `json:"nobody_told"`
	Press             Counted    `json:"press"`
	PressExercise     Counted    `json:"press_exercise"`
	PressNobody       Phrase     `json:"press_nobody"`
}

// WorkRelease opens a draft.
type WorkRelease struct {
	Title Phrase `json:"title"`
	Lead  Phrase `json:"lead"`
}

// WorkRegions groups states.
type WorkRegions struct {
	Members    Text[Name] `json:"members"`
	SubRegion  Words      `json:"sub_region"` // CDEMA sub-regions
	Associates Phrase     `json:"associates"`
	Neighbours Phrase     `json:"neighbours"`
}

// WorkStart runs a protocol.
type WorkStart struct {
	Activate       Phrase     `json:"activate"`
	ActivateLead   Phrase     `json:"activate_lead"`
	ActivateReview Phrase     `json:"activate_review"`
	Monitor        Phrase     `json:"monitor"`
	MonitorLead    Phrase     `json:"monitor_lead"`
	MonitorReview  Phrase     `json:"monitor_review"`
	Protocol       Phrase     `json:"protocol"`
	Proposed       Phrase     `json:"proposed"`
	ChooseProtocol Phrase     `json:"choose_protocol"`
	Proposal       Phrase     `json:"proposal"`
	Steps          Counted    `json:"steps"`
	Parties        Counted    `json:"parties"`
	Waiting        Counted    `json:"waiting"`
	Brings         Text[Pair] `json:"brings"` // A: how many steps, B: how many parties
	KeyTimes       Phrase     `json:"key_times"`
	LaterTimes     Phrase     `json:"later_times"`
	KeyTimeHint    Phrase     `json:"key_time_hint"`
	JustNow        Phrase     `json:"just_now"`
	JustNowHint    Phrase     `json:"just_now_hint"`
	Kind           Text[Name] `json:"kind"` // Name: a key time
	NoKeyTime      Text[Name] `json:"no_key_time"`
	Mode           Phrase     `json:"mode"`
	Rapid          Phrase     `json:"rapid"`
	Slow           Phrase     `json:"slow"`
	Told           Phrase     `json:"told"`
	ReplyIn        Text[Name] `json:"reply_in"` // Name: a length of time
	NobodyTold     Phrase     `json:"nobody_told"`
	Firsts         Phrase     `json:"firsts"`
	PressReal      Counted    `json:"press_real"`
	PressExercise  Counted    `json:"press_exercise"`
	PressNobody    Phrase     `json:"press_nobody"`
}

// WorkReceivers names and un-names receiving states.
type WorkReceivers struct {
	Title        Phrase     `json:"title"`
	Lead         Phrase     `json:"lead"`
	Review       Phrase     `json:"review"`
	NoneNew      Phrase     `json:"none_new"`
	NamedLater   Phrase     `json:"named_later"`
	Unnamed      Text[Name] `json:"unnamed"`
	UnnamedTold  Phrase     `json:"unnamed_told"`
	Nothing      Phrase     `json:"nothing"`
	Press        Text[Pair] `json:"press"` // A: Named, B: UnnamedCount
	Named        Counted    `json:"named"`
	UnnamedCount Counted    `json:"unnamed_count"`
	PressNamed   Counted    `json:"press_named"`
	PressUnnamed Counted    `json:"press_unnamed"`
}

// WorkKeyTime moves a key time.
type WorkKeyTime struct {
	Title        Text[Name] `json:"title"`
	Rule         Phrase     `json:"rule"`
	Unknown      Phrase     `json:"unknown"`
	Now          Phrase     `json:"now"`
	Before       Phrase     `json:"before"`
	Moves        Counted    `json:"moves"`
	ForecastHint Phrase     `json:"forecast_hint"`
	ObservedHint Phrase     `json:"observed_hint"`
	Press        Text[Name] `json:"press"`
}

// WorkStandDown ends an incident before its work is done.
type WorkStandDown struct {
	Title         Phrase  `json:"title"`
	Lead          Phrase  `json:"lead"`
	Steps         Counted `json:"steps"`
	Press         Phrase  `json:"press"`
	PressExercise Phrase  `json:"press_exercise"`
}

// WorkClose ends an incident whose work is done.
type WorkClose struct {
	Title     Phrase  `json:"title"`
	Lead      Phrase  `json:"lead"`
	Left      Counted `json:"left"`
	LeftTitle Phrase  `json:"left_title"`
	Figure    Phrase  `json:"figure"`
	Press     Phrase  `json:"press"`
}

// WorkMovement is about people on their way.
type WorkMovement struct {
	Way            Text[Way]  `json:"way"`
	New            Phrase     `json:"new"`
	NewLead        Phrase     `json:"new_lead"`
	NoReceiver     Phrase     `json:"no_receiver"`
	Anywhere       Text[Name] `json:"anywhere"`
	Daylight       Phrase     `json:"daylight"`
	ETA            Phrase     `json:"eta"`
	ETAHint        Phrase     `json:"eta_hint"`
	More           Phrase     `json:"more"`
	CarrierHint    Phrase     `json:"carrier_hint"`
	FromName       Phrase     `json:"from_name"`
	ToName         Phrase     `json:"to_name"`
	NameHint       Phrase     `json:"name_hint"`
	PressReal      Phrase     `json:"press_real"`
	PressExercise  Phrase     `json:"press_exercise"`
	Depart         Phrase     `json:"depart"`
	LeftHint       Phrase     `json:"left_hint"`
	DepartReal     Phrase     `json:"depart_real"`
	DepartExercise Phrase     `json:"depart_exercise"`
	Arrive         Phrase     `json:"arrive"`
	Why            Phrase     `json:"why"`
	WhyHint        Phrase     `json:"why_hint"`
	ArrivePress    Phrase     `json:"arrive_press"`
	Cancel         Phrase     `json:"cancel"`
	CancelReal     Phrase     `json:"cancel_real"`
	CancelExercise Phrase     `json:"cancel_exercise"`
	Correct        Phrase     `json:"correct"`
	CorrectLead    Phrase     `json:"correct_lead"`
	CorrectReason  Phrase     `json:"correct_reason"`
	CorrectPress   Phrase     `json:"correct_press"`
	Differs        Text[Name] `json:"differs"`
}

// WorkPeople are counts of people.
type WorkPeople struct {
	Breakdown     Text[Name] `json:"breakdown"` // Name: what was counted
	BreakdownText Phrase     `json:"breakdown_text"`
	Known         Phrase     `json:"known"`
	Age           Text[Pair] `json:"age"`
	AgeOver       Text[Name] `json:"age_over"`
	AgeUnknown    Phrase     `json:"age_unknown"`
	Sex           Words      `json:"sex"`
	Need          Words      `json:"need"` // incident.AssistanceWords
}

// WorkFigure records a figure.
type WorkFigure struct {
	Title             Phrase     `json:"title"`
	Lead              Phrase     `json:"lead"`
	Number            Phrase     `json:"number"`
	Kind              Words      `json:"kind"` // incident.FigureKind
	Term              Phrase     `json:"term"`
	TermHint          Phrase     `json:"term_hint"`
	SourceHint        Phrase     `json:"source_hint"`
	SourceKind        Phrase     `json:"source_kind"`
	Since             Phrase     `json:"since"`
	SinceHint         Phrase     `json:"since_hint"`
	TriangulationHint Phrase     `json:"triangulation_hint"`
	RecommendedHint   Phrase     `json:"recommended_hint"`
	Final             Phrase     `json:"final"`
	FinalYes          Phrase     `json:"final_yes"`
	FinalHint         Phrase     `json:"final_hint"`
	More              Phrase     `json:"more"`
	Supersedes        Phrase     `json:"supersedes"`
	SupersedesNone    Phrase     `json:"supersedes_none"`
	SupersedesHint    Phrase     `json:"supersedes_hint"`
	Quantifier        Phrase     `json:"quantifier"`
	Exactness         Words      `json:"exactness"` // incident.Quantifiers
	Unit              Phrase     `json:"unit"`
	Units             Words      `json:"units"` // incident.Unit
	HouseholdSize     Phrase     `json:"household_size"`
	PlaceName         Phrase     `json:"place_name"`
	Reliability       Phrase     `json:"reliability"`
	ReliabilityUnsaid Phrase     `json:"reliability_unsaid"`
	Reliable          Words      `json:"reliable"` // incident.Reliabilities
	Covered           Phrase     `json:"covered"`
	CoveredHint       Phrase     `json:"covered_hint"`
	CoveredOf         Phrase     `json:"covered_of"`
	Parts             Phrase     `json:"parts"`
	PartsHint         Phrase     `json:"parts_hint"`
	PartNumber        Text[Name] `json:"part_number"`
	PartSex           Text[Name] `json:"part_sex"`
	PartAge           Text[Name] `json:"part_age"`
	PartSetting       Text[Name] `json:"part_setting"`
	PartAll           Phrase     `json:"part_all"`
	MoreRows          Phrase     `json:"more_rows"`
	Press             Phrase     `json:"press"`
}

// WorkAnswer is a receiving state’s word.
type WorkAnswer struct {
	Title          Phrase     `json:"title"`
	TitleOf        Text[Name] `json:"title_of"`
	Lead           Phrase     `json:"lead"`
	Party          Phrase     `json:"party"`
	Given          Text[Name] `json:"given"`
	Accept         Phrase     `json:"accept"`
	AcceptHint     Phrase     `json:"accept_hint"`
	Decline        Phrase     `json:"decline"`
	DeclineHint    Phrase     `json:"decline_hint"`
	Question       Phrase     `json:"question"`
	QuestionHint   Phrase     `json:"question_hint"`
	If             Phrase     `json:"if"`
	Ceiling        Phrase     `json:"ceiling"`
	CeilingHint    Phrase     `json:"ceiling_hint"`
	ConditionsHint Phrase     `json:"conditions_hint"`
	Words          Phrase     `json:"words"`
	Text           Phrase     `json:"text"`
	ReferenceHint  Phrase     `json:"reference_hint"`
	Press          Phrase     `json:"press"`
	PressExercise  Phrase     `json:"press_exercise"`
	Change         Phrase     `json:"change"`
	ChangeExercise Phrase     `json:"change_exercise"`
}
