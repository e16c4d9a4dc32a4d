package locale

// Alerts are the texts of its pages.
type Alerts struct {
	Title Phrase `json:"title"`
}
