package locale

// Home are the texts of the first page.
type Home struct {
	Title       Phrase     `json:"title"`
	Waiting     Phrase     `json:"waiting"`
	NoneWaiting Phrase     `json:"none_waiting"`
	AllAlerts   Phrase     `json:"all_alerts"`
	Incidents   Phrase     `json:"incidents"`
	None        Phrase     `json:"none"`
	First       Phrase     `json:"first"`
	FirstWhy    Phrase     `json:"first_why"`
	Do          Words      `json:"do"` // the first things to do, by role
	Expiring    Phrase     `json:"expiring"`
	Board       Phrase     `json:"board"`
	NothingOut  Phrase     `json:"nothing_out"`
	Reach       Phrase     `json:"reach"`
	NoReach     Phrase     `json:"no_reach"`
	Overdue     Text[Name] `json:"overdue"`
}
