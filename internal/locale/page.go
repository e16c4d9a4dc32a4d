package locale

// Page is what the pages of the console say. The texts of each field are a file of their own in each language: catalogue/<language>/<key>.json.
type Page struct {
	Shell     Shell     `json:"shell"`     // around every page: navigation, signing in, errors
	Form      Form      `json:"form"`      // what every form says
	Refusal   Refusal   `json:"refusal"`   // why something was refused
	Home      Home      `json:"home"`      // the first page of each role
	Incidents Incidents `json:"incidents"` // the list, and one incident as it is read
	Work      Work      `json:"work"`      // forms on an incident: opening, activating, moving people, figures, answers
	Alerts    Alerts    `json:"alerts"`    // alerts, and relaying
	Told      Told      `json:"told"`      // subscriptions and deliveries
	Prepare   Prepare   `json:"prepare"`   // preparedness
	Records   Records   `json:"records"`   // signed heads, and what was lost
	Style     Style     `json:"style"`     // the page that shows how pages look
}
