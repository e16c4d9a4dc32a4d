package locale

// Form is what every form says.
type Form struct {
	Required   Phrase     `json:"required"`
	Optional   Phrase     `json:"optional"`
	Wrong      Counted    `json:"wrong"` // heads the list of what is to be mended
	Kept       Phrase     `json:"kept"`  // what was typed is still here
	Number     Phrase     `json:"number"`
	Decimal    Phrase     `json:"decimal"`
	Between    Text[Pair] `json:"between"`
	Moment     Phrase     `json:"moment"`
	Choose     Phrase     `json:"choose"`
	Listed     Phrase     `json:"listed"`
	TooLong    Text[Name] `json:"too_long"` // Name: how many characters
	Field      Text[Pair] `json:"field"`    // A: the label, B: what is wrong with it
	Zone       Text[Name] `json:"zone"`     // times are those of Name
	Changed    Phrase     `json:"changed"`  // somebody else changed it meanwhile
	ChangedTo  Phrase     `json:"changed_to"`
	Yours      Phrase     `json:"yours"`
	SendAnyway Phrase     `json:"send_anyway"`
	Save       Phrase     `json:"save"`
	Cancel     Phrase     `json:"cancel"`
	Confirm    Phrase     `json:"confirm"` // of something that hardly ever is meant: yes, it is
	Unknown    Phrase     `json:"unknown"` // outcome unknown: press again
	Unsent     Phrase     `json:"unsent"`
	Again      Phrase     `json:"again"`
	Draft      Phrase     `json:"draft"` // found what you typed before
	Discard    Phrase     `json:"discard"`
	Relayed    Phrase     `json:"relayed"`
	RelayedBy  Phrase     `json:"relayed_by"`
	SaidAt     Phrase     `json:"said_at"`
	OnBehalfOf Phrase     `json:"on_behalf_of"`
	NoPersonal Phrase     `json:"no_personal"` // no names or numbers of people
}
