package locale

// Style is the page that shows how pages look.
type Style struct {
	Title Phrase `json:"title"`
	Lead  Phrase `json:"lead"`
}
