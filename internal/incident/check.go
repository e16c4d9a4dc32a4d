package incident

import (
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/place"
)

// Bounds of what a request may say, besides those of package check.
const (
	maxNote      = 2000
	maxReceivers = 40
	maxBands     = 40
)

// checkStates requires known states, each once.
func checkStates(c *fault.Check, pointer string, states []place.Party) {
	if len(states) > maxReceivers {
		c.Field(pointer, "names more than %d states", maxReceivers)
		return
	}
	seen := map[place.Party]bool{}
	for i, s := range states {
		at := pointer + "/" + itoa(i)
		if _, err := place.ParseState(string(s)); err != nil {
			c.Field(at, "%s", check.DetailOf(err))
		} else if seen[s] {
			c.Field(at, "names a state twice")
		}
		seen[s] = true
	}
}
