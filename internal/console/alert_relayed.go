package console

import (
	"net/http"

	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/place"
)

// relayWays are the ways in which a word comes, as the ledger names them, the most usual first.
func (v *visit) relayWays() []choice {
	return choicesOf([]string{"radio", "phone", "satellite", "in_person", "paper"}, v.L.Codes.RelayedBy)
}

// Ways gives the ways in which a word comes.
func (p *page) Ways() []choice { return p.relayWays() }

// relaySend records what somebody else said.
func (c *Console) relaySend(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	id, party, what, item := f.Value("incident"), place.Party(f.Value("on_behalf_of")), f.Value("what"), f.Value("item")
	v.need(f, "relayed_by")
	relay := v.relay(f)
	if relay == nil {
		return fault.New(fault.Invalid, "form_unreadable", "The form cannot be read.")
	}
	fields := map[string]string{"/text": "why", "/reason": "why", "/people/total": "people", "/evidence/reference": "reference"}
	for pointer, field := range alertAnswerFields(incident.Accept) {
		fields[pointer] = field
	}
	if err = c.relayed(v, f, relay, id, what, item); err == nil && !f.Failed() {
		return v.Redirect(http.StatusSeeOther, relayAt(id, party, "", "")+"&done=relay_recorded")
	}
	if err != nil && !v.refused(f, err, fields) {
		return err
	}
	return c.showRelay(v, f.status(), id, party, what, item, f)
}

// relayed reads the rest of the form and gives the commands. What is wrong with a field is said in the form, and then nothing is recorded.
func (c *Console) relayed(v *visit, f *form, relay *ledger.Relay, id, what, item string) error {
	party := place.Party(relay.OnBehalfOf)
	switch what {
	case relayAcknowledge:
		if f.Failed() {
			return nil
		}
		return c.relaySeen(v, f, relay, item, notify.AcknowledgeRequest{Outcome: notify.AckOutcome(f.Value("outcome")), Note: f.Value("note")})
	case relayAnswer:
		in := v.alertAnswerIn(f, party, "why")
		in.Party = party
		if f.Failed() {
			return nil
		}
		return c.relayAnswered(v, f, relay, id, in)
	case relayStep:
		return c.relayReported(v, f, relay, id, item)
	case relayArrival:
		v.need(f, "people")
		in := incident.ArriveMovement{ArrivedAt: v.moment(f, "arrived_at", party), Reason: f.Value("why")}
		if n := v.number(f, "people", 0, 1_000_000); n != nil {
			in.People.Total = *n
		}
		if f.Failed() {
			return nil
		}
		w := v.writeAs(f, what)
		w.Relay = relay
		_, err := c.incident.ArriveMovement(v.ctx(), v.scope, w, id, item, in)
		return err
	}
	return fault.New(fault.NotFound, "nothing_to_relay", "There is nothing like this to be passed on any more.")
}

func (c *Console) relaySeen(v *visit, f *form, relay *ledger.Relay, alert string, in notify.AcknowledgeRequest) error {
	w := v.writeAs(f, relayAcknowledge)
	w.Relay = relay
	in.Channel = notify.ViaConsole
	_, err := c.notify.Acknowledge(v.ctx(), v.scope, w, alert, in)
	return err
}

// relayAnswered records the answer of a party, and that it has seen the request which it answers.
func (c *Console) relayAnswered(v *visit, f *form, relay *ledger.Relay, id string, in incident.Answer) error {
	told, err := c.notify.ForIncident(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	w := v.writeAs(f, relayAnswer+" "+string(in.Kind))
	w.Relay = relay
	if _, err := c.incident.GiveAnswer(v.ctx(), v.scope, w, id, in); err != nil {
		return err
	}
	for _, t := range told {
		if t.Party != in.Party {
			continue
		}
		if request := relayRequest(t.Alerts); request != nil {
			return c.relaySeen(v, f, relay, request.ID, notify.AcknowledgeRequest{Outcome: notify.AckReceived})
		}
	}
	return nil
}

// relayReported records how far a party is with a step, and what else it said about it.
func (c *Console) relayReported(v *visit, f *form, relay *ledger.Relay, id, key string) error {
	action, note := f.Value("action"), f.Value("note")
	in := incident.StepReport{OccurredAt: v.moment(f, "occurred_at", place.Party(relay.OnBehalfOf)), Note: note}
	do := c.incident.NoteStep
	switch action {
	case "done":
		do = c.incident.CompleteStep
		if reference := f.Value("reference"); reference != "" {
			s, err := c.incident.Step(v.ctx(), v.scope, id, key)
			if err != nil {
				return err
			}
			in.Evidence = &incident.Evidence{Type: s.Closes, Reference: reference}
		}
	case "started":
		do = c.incident.StartStep
	case "note":
		v.need(f, "note")
	default:
		f.wrong("action", string(v.L.Page.Form.Listed))
	}
	if f.Failed() {
		return nil
	}
	w := v.writeAs(f, relayStep+" "+action)
	w.Relay = relay
	if _, err := do(v.ctx(), v.scope, w, id, key, in); err != nil || action == "note" || note == "" {
		return err
	}
	w.Key = v.writeAs(f, "note").Key
	_, err := c.incident.NoteStep(v.ctx(), v.scope, w, id, key, in)
	return err
}
