package locale

// Prepare are the texts of its pages.
type Prepare struct {
	Title Phrase `json:"title"`
}
