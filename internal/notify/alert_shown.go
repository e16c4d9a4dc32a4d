package notify

import (
	"slices"
	"time"

	"landfall/internal/place"
)

func (a *Alert) acknowledgedAt(seq int64) Acknowledgement {
	if a.Acknowledged != nil && a.Acknowledged.Seq == seq {
		return *a.Acknowledged
	}
	for _, ack := range slices.Concat(a.Corrected, a.Further) {
		if ack.Seq == seq {
			return ack
		}
	}
	return Acknowledgement{}
}

// alertShown and ackShown are what receivers get of an alert and of an acknowledgement: no account, no note.
type alertShown struct {
	ID         string      `json:"id"`
	Party      place.Party `json:"party"`
	Kind       string      `json:"kind"`
	Subject    string      `json:"subject,omitempty"`
	Level      int         `json:"level"`
	Status     AlertStatus `json:"status"`
	Version    int64       `json:"version"`
	Event      shownCause  `json:"event"`
	RaisedAt   time.Time   `json:"raised_at"`
	RequiredBy *time.Time  `json:"required_by,omitempty"`
	Closed     *Closing    `json:"closed,omitempty"`
}

type shownCause struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

type ackShown struct {
	At         time.Time   `json:"at"`
	ByRole     string      `json:"by_role"`
	ByParty    place.Party `json:"by_party,omitempty"` // whoever entered it acts for
	Party      place.Party `json:"party"`
	Channel    string      `json:"channel"`
	Outcome    AckOutcome  `json:"outcome"`
	Version    int64       `json:"version"`
	OnBehalfOf string      `json:"on_behalf_of,omitempty"`
	RelayedBy  string      `json:"relayed_by,omitempty"`
	SaidAt     *time.Time  `json:"said_at,omitempty"`
	Reason     string      `json:"reason,omitempty"` // of a correction

	// When its party confirmed what another entered for it, and who.
	ConfirmedAt      time.Time   `json:"confirmed_at,omitzero"`
	ConfirmedByRole  string      `json:"confirmed_by_role,omitempty"`
	ConfirmedByParty place.Party `json:"confirmed_by_party,omitempty"`
}

func (a Acknowledgement) shown() ackShown {
	out := ackShown{
		At: a.At, ByRole: a.Role, ByParty: a.ByParty, Party: a.Party, Channel: a.Channel, Outcome: a.Outcome, Version: a.Version,
		OnBehalfOf: a.OnBehalfOf, RelayedBy: a.RelayedBy, SaidAt: a.SaidAt, Reason: a.Reason,
	}
	if c := a.Confirmed; c != nil {
		out.ConfirmedAt, out.ConfirmedByRole, out.ConfirmedByParty = c.At, c.ByRole, c.ByParty
	}
	return out
}
