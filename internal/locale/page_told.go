package locale

// Told are the texts of its pages.
type Told struct {
	Title Phrase `json:"title"`
}
