package wording

import (
	"strings"

	"landfall/internal/locale"
	"landfall/internal/place"
)

// tell says what happened: the headline, what is asked, and the facts of what changed.
func (w *writer) tell() {
	if w.e.unread || !w.known() {
		w.n.Headline = w.Notice.Headline.Unknown.Say(locale.Name{Name: w.e.kind()})
		w.say(string(w.Notice.Say.Unknown))
	}
	w.relayed()
}

// known tells of an event that there are words for, and reports whether there are. A nil where the type promises something counts as none.
func (w *writer) known() bool {
	h, d := &w.Notice.Headline, &w.e.Data
	named := func(t locale.Text[locale.Name], name string) {
		w.n.Headline = t.Say(locale.Name{Name: plain(name, maxValue)})
	}
	switch w.e.kind() {
	case "hazard.opened":
		if d.Hazard == nil {
			return false
		}
		named(h.HazardOpened, d.Hazard.Name)
		w.hazard(d.Hazard)
	case "incident.opened":
		w.n.Headline = string(h.Opened)
	case "incident.released":
		w.n.Headline = string(h.Released)
	case "incident.receivers_changed":
		w.n.Headline = string(h.ReceiversChanged)
		w.fact(w.Notice.Label.Named, w.names(d.Named))
		w.fact(w.Notice.Label.Unnamed, w.names(d.Unnamed))
		w.steps()
	case "incident.monitored", "incident.activated":
		if d.Protocol == nil {
			return false
		}
		headline := h.Monitored
		if w.e.kind() == "incident.activated" {
			headline = h.Activated
		}
		named(headline, w.Codes.Protocol.Of(d.Protocol.ID))
		w.anchors()
		w.steps()
	case "incident.proposed":
		if d.Proposal == nil {
			return false
		}
		named(h.Proposed, w.Codes.Proposal.Of(plain(d.Proposal.Kind, maxValue)))
	case "incident.proposal_ended":
		if d.Proposal == nil {
			return false
		}
		p := d.Proposal
		w.n.Headline = h.ProposalEnded.Say(locale.Pair{
			A: w.Codes.Proposal.Of(plain(p.Kind, maxValue)), B: w.Codes.ProposalEnd.Of(plain(p.Outcome, maxValue)),
		})
		w.reason()
	case "incident.relay_confirmed":
		w.n.Headline = string(h.RelayConfirmed)
	case "incident.stood_down":
		w.n.Headline = string(h.StoodDown)
		w.reason()
	case "incident.closed":
		w.n.Headline = string(h.Closed)
		w.reason()
	case "anchor.moved":
		if d.Anchor == nil {
			return false
		}
		named(h.AnchorMoved, w.anchorName(d.Anchor.Name))
		w.anchors()
		w.steps()
	case "step.started":
		return w.stepEvent(h.StepStarted)
	case "step.completed":
		return w.stepEvent(h.StepCompleted)
	case "step.marked_not_applicable":
		return w.stepEvent(h.StepNotApplicable)
	case "step.noted":
		return w.stepEvent(h.StepNoted)
	case "step.reopened":
		return w.stepEvent(h.StepReopened)
	case "step.overdue":
		if !w.stepEvent(h.StepOverdue) {
			return false
		}
		w.overdue()
	case "movement.announced":
		return w.movementEvent(h.MovementAnnounced)
	case "movement.departed":
		return w.movementEvent(h.MovementDeparted)
	case "movement.arrived":
		return w.movementEvent(h.MovementArrived)
	case "movement.cancelled":
		return w.movementEvent(h.MovementCancelled)
	case "movement.corrected":
		return w.movementEvent(h.MovementCorrected)
	case "figure.reported":
		return w.figureEvent()
	case "answer.given":
		return w.answerEvent()
	case "alert.raised":
		return w.alertRaised()
	case "alert.acknowledged":
		return w.alertAcknowledged()
	case "alert.acknowledgement_corrected":
		return w.alertCorrected()
	case "alert.closed":
		w.n.Headline = h.AlertClosed.Say(locale.Who{Party: w.name(d.Alert.Party)})
		w.alertFacts()
		if d.Alert.Closed != nil {
			w.fact(w.Notice.Label.Reason, w.Codes.Closed.Of(d.Alert.Closed.Reason))
		}
	case "subscription.tested":
		w.n.Headline = string(h.SubscriptionTested)
		w.say(string(w.Notice.Say.Tested))
		w.undelivered()
	default:
		return false
	}
	return true
}

// header adds the facts of the incident, which every notice ends with.
func (w *writer) header() {
	l, d := &w.Notice.Label, &w.e.Data
	if code := w.e.code(); code != "" {
		w.fact(l.Incident, code+" – "+w.e.title())
	}
	i := &d.Incident
	if i.Origin != "" {
		w.fact(l.Origin, w.name(i.Origin))
	}
	w.fact(l.Receivers, w.names(i.Receivers))
	if hazard, ok := place.HazardOf(i.HazardType); ok {
		w.fact(l.Hazard, hazard.Name.In(string(w.Language)))
	}
	if i.Severity != "" {
		w.fact(l.Severity, w.Codes.Severity.Of(i.Severity))
	}
	if i.Status != "" {
		w.fact(l.Status, w.Codes.IncidentStatus.Of(i.Status))
	}
	if i.Version > 0 {
		w.fact(l.Version, w.Number(i.Version))
	}
	w.fact(l.At, w.moment(w.e.Time))
}

// relayed says that somebody spoke for another, and who entered it.
func (w *writer) relayed() {
	var r relay
	switch {
	case w.e.Data.Relay != nil:
		r = *w.e.Data.Relay
	case w.e.Data.Ack.OnBehalfOf != "":
		a := w.e.Data.Ack
		r = relay{OnBehalfOf: a.OnBehalfOf, RelayedBy: a.RelayedBy, SaidAt: a.SaidAt, EnteredBy: enteredBy{Role: a.ByRole, Party: a.ByParty}}
	default:
		return
	}
	entered := w.Entered(plain(r.RelayedBy, maxValue), plain(r.EnteredBy.Role, maxValue), place.Party(plain(r.EnteredBy.Party, maxValue)), w.moment(r.SaidAt))
	if by := r.ConfirmedBy; by != nil {
		office := w.Office(plain(by.Role, maxValue), place.Party(plain(by.Party, maxValue)))
		entered = w.Source.Confirmed.Say(locale.Pair{A: entered, B: office})
	}
	if w.e.Data.Relay != nil && w.e.Data.Proposal == nil && !r.confirmedItself() {
		entered += string(w.Joins.Between) + w.Page.Incidents.Relays.Open.Say(locale.Name{Name: w.name(r.OnBehalfOf)})
	}
	w.say(w.Source.Word.Say(locale.Pair{A: w.name(r.OnBehalfOf), B: entered}) + ".")
}

func (w *writer) reason() { w.fact(w.Notice.Label.Reason, w.e.Data.Reason) }

func (w *writer) hazard(h *hazard) {
	if kind, ok := place.HazardOf(h.Type); ok {
		w.fact(w.Notice.Label.Hazard, kind.Name.In(string(w.Language)))
	}
	w.fact(w.Notice.Label.GLIDE, strings.Join(h.GLIDE, ", "))
	w.fact(w.Notice.Label.Began, w.moment(h.StartedAt))
}
