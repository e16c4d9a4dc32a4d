package incident

import (
	"slices"
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

	ConfirmedBy *EnteredBy `json:"confirmed_by,omitempty"` // who let it stand, when it had waited as a proposal
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

// wordOf gives how an event's word came; nil when a party spoke for itself. An event that carries out a proposal rests on the
// word with which it was proposed.
func wordOf(e ledger.Recorded) *Word {
	switch {
	case e.Relay != nil:
		return WordOf(*e.Relay, enteredBy(e))
	case !slices.Contains(led, e.Type):
		return nil
	}
	var d struct {
		Word *Word `json:"word"`
	}
	if e.Into(&d) != nil {
		return nil // it does not fold either; evolve says so
	}
	return d.Word
}

// led lists the events that can carry out a proposal.
var led = []string{
	EventReleased, EventReceiversChanged, EventMonitored, EventActivated, EventAnchorMoved, EventStoodDown, EventClosed,
}

// relay gives the word as it is said when somebody passes it on.
func (w *Word) relay() *ledger.Relay {
	return &ledger.Relay{OnBehalfOf: string(w.OnBehalfOf), RelayedBy: w.RelayedBy, SaidAt: w.SaidAt}
}
