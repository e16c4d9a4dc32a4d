package locale

// Told are the texts of its pages.
type Told struct {
	Title      Phrase `json:"title"`
	Lead       Phrase `json:"lead"`
	New        Phrase `json:"new"`
	Change     Phrase `json:"change"`
	Deliveries Phrase `json:"deliveries"`
	None       Phrase `json:"none"`
	NoneText   Phrase `json:"none_text"`
	NoTarget   Phrase `json:"no_target"`
	State      Words  `json:"state"`
	StateText  Words  `json:"state_text"` // what a state means and what to do, where nothing else says it
	Channel    Words  `json:"channel"`
	ToOffice   Phrase `json:"to_office"`

	What          Phrase     `json:"what"`
	Everything    Phrase     `json:"everything"`
	States        Phrase     `json:"states"`
	Severity      Phrase     `json:"severity"`
	SeverityFrom  Text[Name] `json:"severity_from"`
	Exercises     Phrase     `json:"exercises"`
	ExerciseShort Words      `json:"exercise_short"`
	Language      Phrase     `json:"language"`
	LanguageName  Words      `json:"language_name"`
	ExpiresAt     Phrase     `json:"expires_at"`
	Target        Phrase     `json:"target"`

	LastSuccess   Phrase     `json:"last_success"`
	Never         Phrase     `json:"never"`
	FailingSince  Phrase     `json:"failing_since"`
	OldestWaiting Phrase     `json:"oldest_waiting"`
	NextProbe     Phrase     `json:"next_probe"`
	Waiting       Counted    `json:"waiting"`
	Said          Text[Name] `json:"said"` // what the far side said
	Disabled      Phrase     `json:"disabled"`
	Expired       Phrase     `json:"expired"`

	Test         Phrase `json:"test"`
	TestHint     Phrase `json:"test_hint"`
	TestExercise Phrase `json:"test_exercise"`
	Look         Phrase `json:"look"`
	Enable       Phrase `json:"enable"`
	EnableText   Phrase `json:"enable_text"`
	Rotate       Phrase `json:"rotate"`
	RotateText   Phrase `json:"rotate_text"`
	RotateButton Phrase `json:"rotate_button"`
	Delete       Phrase `json:"delete"`
	DeleteText   Phrase `json:"delete_text"`
	DeleteButton Phrase `json:"delete_button"`
	Recent       Phrase `json:"recent"`
	AllTo        Phrase `json:"all_to"`
	Nothing      Phrase `json:"nothing"`

	Wish     Wish     `json:"wish"`
	Secret   Secret   `json:"secret"`
	Delivery Delivery `json:"delivery"`

	ChannelHint  Words `json:"channel_hint"`
	Bundle       Words `json:"bundle"` // by noun
	BundleHint   Words `json:"bundle_hint"`
	Kind         Words `json:"kind"` // by noun.verb
	Region       Words `json:"region"`
	Exercise     Words `json:"exercise"`
	ExerciseHint Words `json:"exercise_hint"`

	Status     Words      `json:"status"`   // of deliveries
	Code       Words      `json:"code"`     // of attempts
	Answer     Words      `json:"answer"`   // the sense of a number that a far side answered
	Answered   Text[Pair] `json:"answered"` // that, and the number
	Attempts   Counted    `json:"attempts"`
	ReplayAll  Phrase     `json:"replay_all"`
	ReplaySome Counted    `json:"replay_some"`
}

// Wish are the texts of the form of a subscription.
type Wish struct {
	Channel      Phrase `json:"channel"`
	Target       Phrase `json:"target"`
	Office       Phrase `json:"office"`  // whose address it is to be
	Example      Words  `json:"example"` // by channel
	TargetKept   Phrase `json:"target_kept"`
	Kinds        Phrase `json:"kinds"`
	KindsHint    Phrase `json:"kinds_hint"`
	Ready        Phrase `json:"ready"` // kinds of preparedness
	Single       Phrase `json:"single"`
	SingleHint   Phrase `json:"single_hint"`
	States       Phrase `json:"states"`
	StatesHint   Phrase `json:"states_hint"`
	Severity     Phrase `json:"severity"`
	SeverityAny  Phrase `json:"severity_any"`
	Exercise     Phrase `json:"exercise"`
	Language     Phrase `json:"language"`
	ExpiresAt    Phrase `json:"expires_at"`
	ExpiresHint  Phrase `json:"expires_hint"`
	Button       Phrase `json:"button"`
	ChangeButton Phrase `json:"change_button"`
}

// Secret are the texts of the page that shows a secret once.
type Secret struct {
	Title   Phrase     `json:"title"`
	Once    Phrase     `json:"once"`
	Label   Phrase     `json:"label"`
	Before  Text[Name] `json:"before"` // Name: until when the old one signs too
	Verify  Phrase     `json:"verify"`
	Step1   Phrase     `json:"step1"`
	Step2   Phrase     `json:"step2"`
	Step3   Phrase     `json:"step3"`
	Then    Phrase     `json:"then"`
	Kept    Phrase     `json:"kept"`
	Library Phrase     `json:"library"`
}

// Delivery are the texts of the pages of deliveries.
type Delivery struct {
	Lead       Phrase     `json:"lead"`
	Status     Phrase     `json:"status"`
	Channel    Phrase     `json:"channel"`
	Any        Phrase     `json:"any"`
	Filter     Phrase     `json:"filter"`
	Only       Text[Name] `json:"only"`
	OnlyAll    Phrase     `json:"only_all"`
	None       Phrase     `json:"none"`
	Nothing    Phrase     `json:"nothing"` // where nothing narrows the list
	NoneText   Phrase     `json:"none_text"`
	ShowAll    Phrase     `json:"show_all"`
	Under      Phrase     `json:"under"`
	HandedOver Phrase     `json:"handed_over"`
	Retrying   Phrase     `json:"retrying"`
	Dead       Phrase     `json:"dead"`
	Cancelled  Phrase     `json:"cancelled"`
	Expired    Phrase     `json:"expired"`
	To         Phrase     `json:"to"`
	NextAt     Phrase     `json:"next_at"`
	Tech       Phrase     `json:"tech"` // whom the id is for
	ID         Phrase     `json:"id"`
	Attempts   Phrase     `json:"attempts"`
	NoAttempts Phrase     `json:"no_attempts"`
	Replay     Phrase     `json:"replay"`
	ReplayText Phrase     `json:"replay_text"`
	Alert      Phrase     `json:"alert"`
	Incident   Phrase     `json:"incident"`
	Address    Phrase     `json:"address"`
	Replayed   Counted    `json:"replayed"`
	AgainText  Phrase     `json:"again_text"`
}
