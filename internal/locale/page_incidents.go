package locale

// Incidents are the texts of its pages.
type Incidents struct {
	Title Phrase `json:"title"`
}
