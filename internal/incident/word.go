package incident

import (
	"time"

	"landfall/internal/access"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Word says how a party's word came that somebody else entered: whose it is, by which way, when it was said, and who entered it. Whatever shows what
// was recorded shows this with it.
type Word struct {
	OnBehalfOf place.Party `json:"on_behalf_of"`
	RelayedBy  string      `json:"relayed_by"`
	SaidAt     *time.Time  `json:"said_at,omitempty"` // to whom relayed it
	EnteredBy  EnteredBy   `json:"entered_by"`
}

// EnteredBy is who recorded something, as far as others are told: a role of a party, never an account.
type EnteredBy struct {
	Role  access.Role `json:"role"`
	Party place.Party `json:"party,omitempty"` // "" for the first account and for Landfall itself
}

// WordOf gives how a relayed word came.
func WordOf(r ledger.Relay, by EnteredBy) *Word {
	return &Word{OnBehalfOf: place.Party(r.OnBehalfOf), RelayedBy: r.RelayedBy, SaidAt: r.SaidAt, EnteredBy: by}
}

func enteredBy(e ledger.Recorded) EnteredBy {
	return EnteredBy{Role: access.Role(e.Actor.Role), Party: place.Party(e.Actor.Party)}
}

// wordOf gives how an event's word came; nil when a party spoke for itself.
func wordOf(e ledger.Recorded) *Word {
	if e.Relay == nil {
		return nil
	}
	return WordOf(*e.Relay, enteredBy(e))
}
