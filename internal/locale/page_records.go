package locale

// Records are the texts of the page that shows what proves the records.
type Records struct {
	Title     Phrase     `json:"title"`
	Lead      Phrase     `json:"lead"`
	None      Phrase     `json:"none"`
	NoneText  Phrase     `json:"none_text"`
	Whole     Phrase     `json:"whole"`      // no head shown says that anything was lost
	Lost      Text[Name] `json:"lost"`       // Name: how many records, in words
	LostDo    Phrase     `json:"lost_do"`    // what to do about it
	Streams   Counted    `json:"streams"`    // of which something is gone
	Commits   Counted    `json:"commits"`    // that are gone
	More      Counted    `json:"more"`       // streams that are not named
	Covered   Text[Name] `json:"covered"`    // Name: the number of the head that knew them
	ByBus     Phrase     `json:"by_bus"`     // only the message bus knew them
	WentBack  Phrase     `json:"went_back"`  // a restore; a time follows
	Aside     Phrase     `json:"aside"`      // something is set aside
	AsideDo   Phrase     `json:"aside_do"`   // what to do about it
	Since     Phrase     `json:"since"`      // heading
	Tries     Phrase     `json:"tries"`      // heading
	Process   Phrase     `json:"process"`    // heading
	Works     Words      `json:"works"`      // see ledger.Work: what does not happen
	Stream    Phrase     `json:"stream"`     // heading
	What      Phrase     `json:"what"`       // heading
	Had       Phrase     `json:"had"`        // heading
	Has       Phrase     `json:"has"`        // heading
	Loss      Words      `json:"loss"`       // see proof.Loss
	Heads     Phrase     `json:"heads"`      // heading
	Number    Phrase     `json:"number"`     // heading
	SignedAt  Phrase     `json:"signed_at"`  // heading
	Why       Phrase     `json:"why"`        // heading
	Covers    Phrase     `json:"covers"`     // heading
	Whys      Words      `json:"whys"`       // see proof.Why
	Key       Text[Name] `json:"key"`        // Name: the fingerprint of the key
	Link      Phrase     `json:"link"`       // from the first page
	LostLink  Phrase     `json:"lost_link"`  // from the first page, when something is gone
	LostTitle Phrase     `json:"lost_title"` // there, what is wrong
}
