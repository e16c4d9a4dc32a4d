package locale

// Told are the texts of where alerts go: subscriptions and deliveries.
type Told struct {
	Title         Phrase     `json:"title"`
	Lead          Phrase     `json:"lead"`
	None          Phrase     `json:"none"`
	NoneWhy       Phrase     `json:"none_why"`
	New           Phrase     `json:"new"`
	Channel       Words      `json:"channel"`
	ChannelOf     Phrase     `json:"channel_of"`
	Status        Words      `json:"status"`
	Code          Words      `json:"code"`
	Target        Phrase     `json:"target"`
	TargetHint    Phrase     `json:"target_hint"`
	Wants         Phrase     `json:"wants"`
	Everything    Phrase     `json:"everything"`
	Language      Phrase     `json:"language"`
	Exercises     Phrase     `json:"exercises"`
	Exercise      Words      `json:"exercise"`
	LastSuccess   Phrase     `json:"last_success"`
	Never         Phrase     `json:"never"`
	Failing       Phrase     `json:"failing"`
	Waiting       Counted    `json:"waiting"`
	Disabled      Phrase     `json:"disabled"`
	Test          Phrase     `json:"test"`
	Enable        Phrase     `json:"enable"`
	Remove        Phrase     `json:"remove"`
	RemoveMeans   Phrase     `json:"remove_means"`
	Save          Phrase     `json:"save"`
	Secret        Phrase     `json:"secret"`
	SecretMeans   Phrase     `json:"secret_means"`
	Deliveries    Phrase     `json:"deliveries"`
	NoDeliveries  Phrase     `json:"no_deliveries"`
	All           Phrase     `json:"all"`
	Attempts      Counted    `json:"attempts"`
	NextAttempt   Phrase     `json:"next_attempt"`
	Replay        Phrase     `json:"replay"`
	FarSide       Text[Name] `json:"far_side"`
	OnlySubscribe Phrase     `json:"only_subscribe"`
}
