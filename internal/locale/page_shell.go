package locale

// Shell is what stands around every page.
type Shell struct {
	Skip       Phrase `json:"skip"` // to the content
	Menu       Phrase `json:"menu"`
	Home       Phrase `json:"home"`
	Incidents  Phrase `json:"incidents"`
	Alerts     Phrase `json:"alerts"`
	Prepare    Phrase `json:"prepare"`
	Told       Phrase `json:"told"`       // where your alerts go
	Deliveries Phrase `json:"deliveries"` // the same in one word
	Relay      Phrase `json:"relay"`
	Help       Phrase `json:"help"`
	SignOut    Phrase `json:"sign_out"`
	Language   Phrase `json:"language"`
	OtherIn    Phrase `json:"other_in"` // the other language, in itself
	Everything Phrase `json:"everything"`
	FirstToken Phrase `json:"first_token"` // the first account is in use

	Exercise     Phrase     `json:"exercise"`
	ExerciseLine Phrase     `json:"exercise_line"`
	Actual       Phrase     `json:"actual"`
	Updated      Text[Name] `json:"updated"` // Name: a time of day
	Offline      Phrase     `json:"offline"`
	Next         Phrase     `json:"next"`
	Back         Phrase     `json:"back"`
	Print        Phrase     `json:"print"`
	And          Phrase     `json:"and"`
	Yes          Phrase     `json:"yes"`
	No           Phrase     `json:"no"`
	None         Phrase     `json:"none"`
	Proposal     Phrase     `json:"proposal"`

	Clock   Text[Name] `json:"clock"` // Name: whose clock the times of the page are of
	ShowUTC Phrase     `json:"show_utc"`
	HideUTC Phrase     `json:"hide_utc"`

	Role Words `json:"role"` // of accounts
	Done Words `json:"done"` // what was just done, by code

	SignIn SignIn `json:"sign_in"`
	Wrong  Wrong  `json:"wrong"`
}

// SignIn is the page that lets people in.
type SignIn struct {
	Title   Phrase `json:"title"`
	Lead    Phrase `json:"lead"`
	Token   Phrase `json:"token"`
	Hint    Phrase `json:"hint"`
	Button  Phrase `json:"button"`
	Refused Phrase `json:"refused"`
	Lost    Phrase `json:"lost"` // what to do without a token
	Ended   Phrase `json:"ended"`
	Out     Phrase `json:"out"`
}

// Wrong says what went wrong with a whole page, and what to do next. The headings are by status.
type Wrong struct {
	Title     Words      `json:"title"`
	Text      Words      `json:"text"`
	Home      Phrase     `json:"home"`
	Again     Phrase     `json:"again"`
	Reference Text[Name] `json:"reference"` // Name: the request id
	Code      Text[Name] `json:"code"`      // Name: the code of the fault
}
