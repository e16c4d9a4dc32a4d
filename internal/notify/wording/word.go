package wording

import (
	"slices"
	"strings"

	"landfall/internal/locale"
	"landfall/internal/place"
)

// number gives a figure as it was stated: "about 120 persons".
func (w *writer) number(f *figure) string {
	text := w.Count(f.Number, w.Counts.Persons)
	if f.Unit == "household" {
		text = w.Count(f.Number, w.Counts.Households)
	}
	switch f.Quantifier {
	case "approximately":
		return w.Counts.About.Say(locale.Name{Name: text})
	case "more_than":
		return w.Counts.MoreThan.Say(locale.Name{Name: text})
	case "less_than":
		return w.Counts.FewerThan.Say(locale.Name{Name: text})
	}
	return text
}

func (w *writer) figureEvent() bool {
	f := w.e.Data.Figure
	if f == nil {
		return false
	}
	l := &w.Notice.Label
	w.n.Headline = w.Notice.Headline.FigureReported.Say(locale.Count{Number: w.number(f), Place: w.spot(f.Place)})
	w.fact(l.Figure, w.number(f))
	if f.Unit == "household" {
		w.fact(l.People, w.Count(f.Persons, w.Counts.Persons))
	}
	w.fact(l.Place, w.spot(f.Place))
	w.fact(l.Category, w.Codes.Category.Of(plain(f.Category, maxValue))+"; "+w.Codes.Term.Of(plain(f.Term, maxValue)))
	w.fact(l.Setting, w.Codes.Setting.Of(plain(f.Setting, maxValue)))
	source := plain(f.Source.Name, maxValue) + " (" + w.Codes.SourceKind.Of(plain(f.Source.Kind, maxValue)) + ")"
	w.fact(l.Source, strings.TrimSpace(source+" "+f.Source.Reference))
	w.fact(l.Role, w.Codes.FigureRole.Of(plain(f.Role, maxValue)))
	w.fact(l.AsOf, w.scenario(f.AsOf))
	if len(f.Parts) > 0 && !f.PartsAddUp {
		w.say(string(w.Notice.Say.PartsDiffer))
	}
	if f.Final {
		w.say(string(w.Notice.Say.Final))
	}
	return true
}

func (w *writer) answerEvent() bool {
	a := w.e.Data.Answer
	if a == nil {
		return false
	}
	l, h := &w.Notice.Label, &w.Notice.Headline
	headline, ok := map[string]locale.Text[locale.Who]{"accept": h.Accepts, "decline": h.Declines, "question": h.Asks}[a.Kind]
	if !ok {
		return false
	}
	w.n.Headline = headline.Say(locale.Who{Party: w.name(a.Party)})
	w.fact(l.Answer, w.Codes.Answer.Of(a.Kind)+" ("+w.name(a.Party)+")")
	if a.Ceiling != nil {
		w.fact(l.Ceiling, w.Count(*a.Ceiling, w.Counts.Persons))
	}
	w.fact(l.ValidUntil, w.scenario(a.ValidUntil))
	w.fact(l.Text, a.Text)
	w.fact(l.Reference, a.Reference)
	conditions := make([]string, 0, len(a.Conditions))
	for _, c := range a.Conditions {
		if c = plain(c, maxValue); c != "" {
			conditions = append(conditions, c)
		}
	}
	if len(conditions) > 0 {
		w.n.Lists = append(w.n.Lists, List{string(l.Conditions), conditions[:min(len(conditions), 2*maxShown)]})
	}
	return true
}

// alertRaised tells a party what it must know, and what is asked of it.
func (w *writer) alertRaised() bool {
	h, d := &w.Notice.Headline, &w.e.Data
	if d.Alert.Party == "" {
		return false
	}
	party := w.name(d.Alert.Party)
	who := locale.Who{Party: party}
	by := w.Notice.Ask.AcknowledgeBy
	switch d.Alert.Kind {
	case "named":
		w.n.Headline = h.AlertNamed.Say(who)
	case "planning":
		w.n.Headline, by = h.AlertPlanning.Say(who), w.Notice.Ask.PrepareBy
	case "activation":
		w.n.Headline, by = h.AlertActivation.Say(who), w.Notice.Ask.AnswerBy
	case "movement", "departure", "movement_corrected", "movement_cancelled":
		if d.Movement == nil {
			return false
		}
		w.n.Headline = map[string]locale.Text[locale.Way]{
			"movement": h.AlertMovement, "departure": h.AlertDeparture, "movement_corrected": h.AlertCorrected, "movement_cancelled": h.AlertCancelled,
		}[d.Alert.Kind].Say(w.way(d.Movement))
		switch d.Alert.Kind {
		case "movement_corrected":
			w.say(string(w.Notice.Say.Replaces))
		case "movement_cancelled":
			w.ask(w.Notice.Ask.Cancelled.Say(who))
		}
	case "stood_down":
		w.n.Headline = string(h.AlertStoodDown)
		w.ask(w.Notice.Ask.Ended.Say(who))
	case "closed":
		w.n.Headline = string(h.AlertEnded)
		w.ask(w.Notice.Ask.Ended.Say(who))
	case "step_overdue":
		if d.Step == nil {
			return false
		}
		w.n.Headline = h.AlertOverdue.Say(locale.Name{Name: w.stepName(d.Step)})
		w.overdue()
	case "proposed":
		if d.Proposal == nil || d.Relay == nil {
			return false
		}
		what := locale.Pair{A: w.name(d.Relay.OnBehalfOf), B: w.Codes.Proposal.Of(plain(d.Proposal.Kind, maxValue))}
		w.n.Headline, by = h.AlertProposed.Say(what), w.Notice.Ask.ConfirmBy
		if d.Alert.RequiredBy.IsZero() { // others confirm it
			w.n.Headline = h.AlertRelayed.Say(what)
			w.ask(w.Notice.Ask.Waits.Say(who))
		}
	case "relayed":
		// What was entered is told as if it were told by itself.
		raised := w.e.Type
		w.e.Type = d.Alert.Event.Type
		known := w.e.kind() != "alert.raised" && w.known()
		w.e.Type = raised
		if known {
			w.n.Headline = h.AlertRelayed.Say(locale.Pair{A: party, B: w.n.Headline})
			w.ask(w.Notice.Ask.Relayed.Say(who))
		}
		return known
	case "withdrawn":
		w.n.Headline = h.AlertWithdrawn.Say(who)
		w.ask(w.Notice.Ask.Withdrawn.Say(who))
		w.alertFacts()
		return true
	case "delivery_dead":
		w.n.Headline = string(h.AlertDeliveryDead)
		w.ask(string(w.Notice.Ask.DeliveryDead))
	case "subscription_disabled":
		w.n.Headline = string(h.AlertDisabled)
		w.ask(string(w.Notice.Ask.Disabled))
	default:
		w.n.Headline = h.AlertOther.Say(locale.Name{Name: w.Codes.AlertKind.Of(plain(d.Alert.Kind, maxValue))})
	}
	switch {
	case slices.Contains(answerless, d.Alert.Kind): // what is to be known has been said
	case d.Alert.RequiredBy.IsZero():
		w.ask(w.Notice.Ask.Acknowledge.Say(who))
	default:
		w.ask(by.Say(locale.Until{Party: party, Time: w.moment(d.Alert.RequiredBy)}))
		w.deadline = w.Notice.Ask.By.Say(locale.Name{Name: w.Brief(d.Alert.RequiredBy, w.e.concerned()[0])})
	}
	w.alertFacts()
	switch {
	case d.Delivery != nil || d.Subscription != nil:
		w.undelivered()
	case d.Step != nil:
		w.stepFacts(d.Step)
	case d.Movement != nil:
		w.movementFacts(d.Movement)
	case d.Protocol != nil:
		w.fact(w.Notice.Label.Protocol, w.Codes.Protocol.Of(plain(d.Protocol.ID, maxValue)))
		w.anchors()
	}
	w.reason()
	w.steps()
	return true
}

// answerless are the kinds of alert after which there is nothing to answer.
var answerless = []string{"movement_cancelled", "stood_down", "closed"}

// undelivered tells of messages that did not arrive: by which way, and what the far side said last.
func (w *writer) undelivered() {
	l := &w.Notice.Label
	if v := w.e.Data.Delivery; v != nil {
		w.fact(l.Message, kindOf(plain(v.EventType, maxValue)))
		w.fact(l.Channel, v.Channel)
		w.fact(l.Target, v.Target)
		w.fact(l.Attempts, w.Number(v.Attempts))
		w.fact(l.Code, v.Code)
	}
	if s := w.e.Data.Subscription; s != nil {
		w.fact(l.Channel, s.Channel)
		w.fact(l.Target, s.Target)
		w.fact(l.Since, w.moment(s.FailingSince))
		w.fact(l.Code, s.Code)
	}
}

func (w *writer) alertFacts() {
	a := &w.e.Data.Alert
	if a.Kind != "" {
		w.fact(w.Notice.Label.Alert, w.Codes.AlertKind.Of(plain(a.Kind, maxValue))+" ("+w.name(a.Party)+")")
	}
}

func (w *writer) alertAcknowledged() bool {
	h, d := &w.Notice.Headline, &w.e.Data
	headline, ok := map[string]locale.Text[locale.Who]{"received": h.Acknowledged, "cannot_act": h.CannotAct, "question": h.HasQuestion}[d.Ack.Outcome]
	if !ok {
		return false
	}
	w.n.Headline = headline.Say(locale.Who{Party: w.name(d.Ack.Party)})
	if len(d.Confirmed) > 0 {
		w.n.Headline = h.AckConfirmed.Say(locale.Pair{A: w.name(d.Ack.Party), B: w.Codes.Acknowledged.Of(plain(d.Ack.Outcome, maxValue))})
	}
	w.alertFacts()
	w.fact(w.Notice.Label.Acknowledged, w.acknowledged(d.Ack))
	for _, a := range d.Confirmed[:min(len(d.Confirmed), maxShown)] {
		w.fact(w.Notice.Label.Confirmed, w.entered(a))
	}
	return true
}

// alertCorrected says that an acknowledgement was wrong, and what is right.
func (w *writer) alertCorrected() bool {
	d := &w.e.Data
	if d.Ack.Outcome == "" {
		return false
	}
	w.n.Headline = w.Notice.Headline.AckCorrected.Say(locale.Pair{A: w.name(d.Ack.Party), B: w.Codes.Acknowledged.Of(plain(d.Ack.Outcome, maxValue))})
	w.alertFacts()
	w.fact(w.Notice.Label.Acknowledged, w.acknowledged(d.Ack))
	if d.Before.Outcome != "" {
		before := w.acknowledged(d.Before)
		if d.Before.OnBehalfOf != "" {
			before = w.entered(d.Before)
		}
		w.fact(w.Page.Incidents.Before, before)
	}
	w.fact(w.Notice.Label.Reason, d.Ack.Reason)
	return true
}

// acknowledged gives what was said and which office said it: "received (receiving-state official of Dominica)". Who entered it for another is
// said by relayed.
func (w *writer) acknowledged(a acknowledgement) string {
	text := w.Codes.Acknowledged.Of(plain(a.Outcome, maxValue))
	if a.ByRole != "" && a.OnBehalfOf == "" {
		text += " (" + w.Office(plain(a.ByRole, maxValue), place.Party(plain(a.ByParty, maxValue))) + ")"
	}
	return text
}

// entered gives what was said of a party by another: "received, by radio, entered by the emergency coordinator of Dominica".
func (w *writer) entered(a acknowledgement) string {
	said := ""
	if !a.SaidAt.IsZero() {
		said = w.moment(a.SaidAt)
	}
	by := w.Entered(plain(a.RelayedBy, maxValue), plain(a.ByRole, maxValue), place.Party(plain(a.ByParty, maxValue)), said)
	return w.acknowledged(a) + ", " + by
}
