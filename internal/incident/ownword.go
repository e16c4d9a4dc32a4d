package incident

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"landfall/internal/access"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// settling is part of the data of the events with which a party may say itself what others had entered for it. Its own word
// stands: nobody has to confirm in a second place what it has said since.
type settling struct {
	ConfirmsRelays []int64 `json:"confirms_relays,omitempty"` // seqs of words passed on that say the same
	CorrectsRelays []int64 `json:"corrects_relays,omitempty"` // of those that say something else
}

// statement is what an event says, as far as an own word is compared with what was passed on. The zero statement is no word
// that another one settles.
type statement struct {
	Thing string // the step, the figure, the anchor or the receiver whose answer it is
	Says  string
	Also  string // what a step had come to before, which this leaves as it was
	Over  string // id of the figure that it supersedes
}

func (in *Answer) statement() statement {
	if in.Kind == Question { // whoever asks has neither accepted nor declined
		return statement{Thing: "question " + string(in.Party), Says: in.Text}
	}
	says := Answer{Kind: in.Kind, Ceiling: in.Ceiling, Conditions: in.Conditions, ValidUntil: in.ValidUntil}
	return statement{Thing: "answer " + string(in.Party), Says: string(marshal(says))}
}

// statement compares the numbers, not how well they are proved. Another source for the same place and day is another figure.
func (in *Figure) statement() statement {
	thing := []string{in.slot(), string(in.Term), string(in.Setting), string(in.Role), foldText(in.Source.Name)}
	says := Figure{
		Quantifier: in.Quantifier, Unit: in.Unit, Number: in.Number, HouseholdSize: in.HouseholdSize, Kind: in.Kind, Since: in.Since,
		Category: in.Category, Term: in.Term, Setting: in.Setting, Parts: in.Parts,
	}
	return statement{Thing: "figure " + strings.Join(thing, "|"), Says: string(marshal(says)), Over: in.Supersedes}
}

// statement of a report. Whoever completes a step says that it was begun too, and whoever begins or reopens one leaves the other so.
func (d stepReported) statement(eventType string) statement {
	s := statement{Thing: "step " + d.Key, Says: eventType}
	switch eventType {
	case EventStepNoted: // nobody but its party can tell whether a note is right
		return statement{}
	case EventStepCompleted, EventStepReopened:
		s.Also = EventStepStarted
	case EventStepStarted:
		s.Also = EventStepReopened
	}
	return s
}

func (d anchorSet) statement() statement {
	return statement{Thing: "anchor " + d.Name, Says: string(marshal(d))}
}

// stated reads what an event says.
func stated(e ledger.Recorded) statement {
	switch e.Type {
	case EventAnswerGiven:
		return statedIn[Answer](e).statement()
	case EventFigureReported:
		return statedIn[Figure](e).statement()
	case EventAnchorMoved:
		return statedIn[anchorMoved](e).statement()
	case EventStepStarted, EventStepCompleted, EventStepNotApplicable, EventStepReopened:
		return statedIn[stepReported](e).statement(e.Type)
	}
	return statement{}
}

func statedIn[D any](e ledger.Recorded) *D {
	d := new(D)
	_ = json.Unmarshal(e.Data, d) // what does not read does not fold either; evolve says so
	return d
}

// settle gives the event of an own word with what it settles.
func (t turn) settle(e ledger.Event) ledger.Event {
	switch d := e.Data.(type) {
	case answerGiven:
		d.settling = t.settles(d.statement())
		e.Data = d
	case figureReported:
		d.settling = t.settles(d.statement())
		e.Data = d
	case *anchorMoved:
		d.settling = t.settles(d.statement())
	case stepReported:
		d.settling = t.settles(d.statement(e.Type))
		e.Data = d
	}
	return e
}

// settles compares an own word with everything that was entered for the party on the same thing and is not settled.
func (t turn) settles(own statement) (out settling) {
	if t.w.Relay != nil || t.scope.Party == "" || own.Thing == "" {
		return settling{}
	}
	for _, seq := range sortedKeys(t.Relayed) {
		r := t.Relayed[seq]
		same := r.Thing == own.Thing || own.Over != "" && r.Subject == own.Over
		switch {
		case !same || r.Settled() || !t.scope.ActsFor(place.Party(r.Relay.OnBehalfOf)):
		case r.Says == own.Says || r.Says == own.Also:
			out.ConfirmsRelays = append(out.ConfirmsRelays, seq)
		default:
			out.CorrectsRelays = append(out.CorrectsRelays, seq)
		}
	}
	return out
}

// none reports whether nothing is settled.
func (d settling) none() bool { return len(d.ConfirmsRelays) == 0 && len(d.CorrectsRelays) == 0 }

// onSettled marks what an own word settles.
func (s *state) onSettled(e ledger.Recorded, d settling) {
	for _, seq := range slices.Concat(d.ConfirmsRelays, d.CorrectsRelays) {
		r, ok := s.Relayed[seq]
		if !ok {
			continue
		}
		now := *r
		if slices.Contains(d.ConfirmsRelays, seq) {
			now.ConfirmedAt, now.ConfirmedBy = e.RecordedAt, access.Role(e.Actor.Role)
		} else {
			now.CorrectedAt, now.CorrectedBy = e.RecordedAt, access.Role(e.Actor.Role)
		}
		s.Relayed[seq] = &now
	}
}

// closes gives the alerts that told the party of what it has settled.
func (d settling) closes() (closes []ledger.AlertClose) {
	for _, seq := range d.ConfirmsRelays {
		closes = append(closes, closeRelayed(seq, "confirmed"))
	}
	for _, seq := range d.CorrectsRelays {
		closes = append(closes, closeRelayed(seq, "corrected"))
	}
	return closes
}

func closeRelayed(seq int64, reason string) ledger.AlertClose {
	return ledger.AlertClose{Kind: alertRelayed, Subject: relayedSubject(seq), Reason: reason}
}

// relayedSubject is what an alert is about that tells of the word passed on with the commit seq.
func relayedSubject(seq int64) string { return strconv.FormatInt(seq, 10) }
