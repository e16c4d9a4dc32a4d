package locale

// Work are the texts of its pages.
type Work struct {
	Title Phrase `json:"title"`
}
