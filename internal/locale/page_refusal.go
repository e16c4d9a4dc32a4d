package locale

// Refusal says why something was refused, for whoever does not read the English of the records.
type Refusal struct {
	Fault  Words `json:"fault"`  // by the fault's code
	Reason Words `json:"reason"` // what is wrong with a field, by the English words
}
