package notify

import (
	"slices"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Confirmation says when a party confirmed, with an acknowledgement of its own, what another party had entered for it.
type Confirmation struct {
	At      time.Time   `json:"at"` // recorded
	ByRole  string      `json:"by_role"`
	ByParty place.Party `json:"by_party"`
	Seq     int64       `json:"seq"` // of the party's own acknowledgement
}

// Unconfirmed reports whether it is a word that another party entered and that its own party has not confirmed.
func (a Acknowledgement) Unconfirmed() bool { return a.OnBehalfOf != "" && a.Confirmed == nil }

// Unconfirmed reports whether the acknowledgement that stands waits for the own word of the alert's party.
func (a *Alert) Unconfirmed() bool { return a.Acknowledged != nil && a.Acknowledged.Unconfirmed() }

// settles gives what another party had entered and the alert's own party settles by saying outcome itself: what says the same is confirmed,
// everything else is corrected. stands says that this includes what stood until then.
func (a *Alert) settles(outcome AckOutcome) (confirms, corrects []int64, stands bool) {
	sort := func(ack *Acknowledgement) bool {
		if !ack.Unconfirmed() {
			return false
		}
		if ack.Outcome == outcome {
			confirms = append(confirms, ack.Seq)
			return false
		}
		return true
	}
	if a.Acknowledged != nil {
		stands = sort(a.Acknowledged)
	}
	for n := range a.Further {
		if sort(&a.Further[n]) {
			corrects = append(corrects, a.Further[n].Seq)
		}
	}
	return confirms, corrects, stands
}

// settle marks what an own word confirms, and puts what it corrects, and what stood beside the acknowledgement, among the corrected.
func (a *Alert) settle(d alertAcknowledged, by *Confirmation) {
	if a.Acknowledged != nil && slices.Contains(d.Confirms, a.Acknowledged.Seq) {
		now := *a.Acknowledged
		now.Confirmed = by
		a.Acknowledged = &now
	}
	kept := a.Further[:0:0]
	for _, ack := range a.Further {
		if slices.Contains(d.Corrects, ack.Seq) {
			a.Corrected = append(a.Corrected, ack)
			continue
		}
		if slices.Contains(d.Confirms, ack.Seq) {
			ack.Confirmed = by
		}
		kept = append(kept, ack)
	}
	a.Further = kept
}

// relayed names a word that was entered for the alert's party, as the subject of the alert that tells the party of it.
func (a *Alert) relayed(seq int64) string { return a.ID + "/" + itoa(int(seq)) }

// settled closes the alerts that told the party of words which were entered for it and are settled now.
func (a *Alert) settled(eventType string, d alertAcknowledged) (closes []ledger.AlertClose) {
	over := func(reason string, seqs ...int64) {
		for _, seq := range seqs {
			closes = append(closes, ledger.AlertClose{Party: string(a.Party), Kind: KindRelayed, Subject: a.relayed(seq), Reason: reason})
		}
	}
	over("confirmed", d.Confirms...)
	over("corrected", d.Corrects...)
	if n := len(a.Corrected); eventType == EventAlertCorrected && n > 0 && a.Corrected[n-1].OnBehalfOf != "" {
		over("corrected", a.Corrected[n-1].Seq)
	}
	return closes
}

// shownAt gives what was said at some seqs as receivers get it.
func (a *Alert) shownAt(seqs []int64) []ackShown {
	shown := make([]ackShown, len(seqs))
	for n, seq := range seqs {
		shown[n] = a.acknowledgedAt(seq).shown()
	}
	return shown
}
