package locale

// Home are the texts of its pages.
type Home struct {
	AtSea       Counted    `json:"at_sea"`        // people who should have arrived, in the heading
	LateForLife Counted    `json:"late_for_life"` // own steps and answers, in the heading
	LateOthers  Counted    `json:"late_others"`
	LateOnly    Counted    `json:"late_only"` // the same where lives depend on none of them
	Acts        Phrase     `json:"acts"`      // heads what is to be done
	MoreActs    Counted    `json:"more_acts"`
	NothingLate Phrase     `json:"nothing_late"`
	Waiting     Phrase     `json:"waiting"`     // heads the parties that have not replied
	Overdue     Text[Name] `json:"overdue"`     // a movement; Name: for how long
	Missing     Counted    `json:"missing"`     // of a movement that has come in
	Unaccounted Counted    `json:"unaccounted"` // people of an incident who are not where they should be
	Late        Counted    `json:"late"`        // steps

	Title        Phrase     `json:"title"`
	Open         Phrase     `json:"open"` // incidents that are
	Own          Phrase     `json:"own"`
	Named        Phrase     `json:"named"`
	OpenButton   Phrase     `json:"open_button"`
	RelayButton  Phrase     `json:"relay_button"`
	Know         Counted    `json:"know"`
	AllIncidents Phrase     `json:"all_incidents"`
	NoIncidents  Phrase     `json:"no_incidents"`
	NoneText     Phrase     `json:"none_text"`
	DueSoon      Counted    `json:"due_soon"`
	Next         Phrase     `json:"next"`
	NextAll      Phrase     `json:"next_all"`
	NoReply      Phrase     `json:"no_reply"`
	Answered     Text[Pair] `json:"answered"` // A of B states
	OurAnswer    Text[Name] `json:"our_answer"`
	NotAnswered  Phrase     `json:"not_answered"`
	AnswerNow    Phrase     `json:"answer_now"`
	Dead         Counted    `json:"dead"`
	DeadLink     Phrase     `json:"dead_link"`
	NoAddress    Phrase     `json:"no_address"`
	AddressLink  Phrase     `json:"address_link"`
	CountOpen    Phrase     `json:"count_open"`
	CountWaiting Phrase     `json:"count_waiting"`
	CountLate    Phrase     `json:"count_late"`
	CountDead    Phrase     `json:"count_dead"`
	Counts       Phrase     `json:"counts"`
	Ready        Phrase     `json:"ready"`
	ReadyLink    Phrase     `json:"ready_link"`
	NotReady     Phrase     `json:"not_ready"`
	Status       Words      `json:"status"` // of readiness
	Coverage     Text[Pair] `json:"coverage"`
	Expiring     Phrase     `json:"expiring"`
	NoExpiring   Phrase     `json:"no_expiring"`
	First        HomeFirst  `json:"first"`
}

// HomeFirst is what is said where nothing has happened yet.
type HomeFirst struct {
	Title        Phrase `json:"title"`
	Lead         Phrase `json:"lead"`
	Things       Phrase `json:"things"`
	Told         Phrase `json:"told"`
	ToldText     Phrase `json:"told_text"`
	Exercise     Phrase `json:"exercise"`
	ExerciseText Phrase `json:"exercise_text"`
	Alerts       Phrase `json:"alerts"`
	AlertsText   Phrase `json:"alerts_text"`
	Ready        Phrase `json:"ready"`
	ReadyText    Phrase `json:"ready_text"`
	Look         Phrase `json:"look"`
	LookText     Phrase `json:"look_text"`
}
