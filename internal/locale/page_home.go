package locale

// Home are the texts of its pages.
type Home struct {
	Title Phrase `json:"title"`
}
