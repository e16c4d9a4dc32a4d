package notify

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/protocol"
	"landfall/internal/store"
)

// AlertQuery narrows a list of alerts; empty members narrow nothing.
type AlertQuery struct {
	Status   AlertStatus
	Incident string
	Kind     string
}

// Alerts lists the alerts of the scope's party (the first account: of every party), newest first. Alerts of incidents that the party may
// no longer see are left out, but for withdrawals.
func (d *Desk) Alerts(ctx context.Context, scope access.Scope, in AlertQuery, p Paging) (Page[*Alert], error) {
	var c fault.Check
	switch in.Status {
	case "", AlertOpen, AlertAcknowledged, AlertClosed:
	default:
		c.Field("?status", "must be one of open, acknowledged, closed")
	}
	if err := c.Err(); err != nil {
		return Page[*Alert]{}, err
	}
	q := store.Query{Kind: kindAlert, Filter: onlyIf(onlyIf(nil, "status", string(in.Status)), "kind", in.Kind)}
	if in.Incident != "" {
		q.Index, q.Equal = "incident", []any{in.Incident}
	}
	page, err := find[*Alert](ctx, d, scope, q, p)
	if err != nil || scope.All {
		return page, err
	}
	incidents := map[string]access.Thing{}
	shown := page.Items[:0]
	for _, item := range page.Items {
		thing, asked := incidents[item.Value.IncidentID]
		if !asked {
			if thing, err = d.thing(ctx, item.Value.IncidentID); err != nil {
				return Page[*Alert]{}, err
			}
			incidents[item.Value.IncidentID] = thing
		}
		if a, ok := item.Value.readable(scope, thing); ok {
			item.Value = a
			shown = append(shown, item)
		}
	}
	page.Items = shown
	return page, nil
}

// Alert gives one alert to its party and to the origin of its incident. NotFound for anybody else.
func (d *Desk) Alert(ctx context.Context, scope access.Scope, id string) (ledger.State[*Alert], error) {
	a, err := d.alerts.Load(ctx, id)
	if err != nil {
		return ledger.State[*Alert]{}, err
	}
	thing, err := d.thing(ctx, a.Value.IncidentID)
	if err != nil {
		return ledger.State[*Alert]{}, err
	}
	read, ok := a.Value.readable(scope, thing)
	if !ok {
		return ledger.State[*Alert]{}, notFound(NounAlert)
	}
	a.Value = read
	return a, nil
}

// thing gives the incident of an alert as the policy sees it now; the zero Thing for none.
func (d *Desk) thing(ctx context.Context, incident string) (access.Thing, error) {
	if incident == "" {
		return access.Thing{}, nil
	}
	return d.see.Thing(ctx, incident)
}

// readable gives the alert as the scope may read it, with its incident as it stands now, and whether it may read it at all.
func (a *Alert) readable(scope access.Scope, incident access.Thing) (*Alert, bool) {
	event := a.announcement()
	event.Data = a.Data
	data, ok := scope.Read(event, incident)
	if !ok || bytes.Equal(data, a.Data) {
		return a, ok
	}
	cut := *a
	cut.Data = data
	return &cut, true
}

// acknowledging is the act of acknowledging the alert: it takes the role that the alert is for.
func (a *Alert) acknowledging() access.Act {
	switch {
	case ownKind(a.Kind):
		return access.AcknowledgeOperation
	case a.Reads == ledger.Tourism:
		return access.AcknowledgeTourism
	}
	return access.AcknowledgeAlert
}

// MayAcknowledge reports whether the scope acknowledges the alert in its own name.
func (d *Desk) MayAcknowledge(scope access.Scope, a *Alert) bool {
	return scope.MayWrite() && scope.May(a.acknowledging(), access.Thing{Owner: a.Party})
}

// MayRelay reports whether the scope passes on that the alert's party has acknowledged it. incident is the alert's, as the policy sees it.
func (d *Desk) MayRelay(scope access.Scope, a *Alert, incident access.Thing) bool {
	incident.Owner = a.Party
	return scope.MayWrite() && scope.MayRelay(a.acknowledging(), incident, a.Party)
}

// AcknowledgeRequest is what a party says to an alert.
type AcknowledgeRequest struct {
	Outcome AckOutcome // "" is received
	Version int64      // of the incident, as the party has seen it; 0: the version the alert shows
	Note    string     // at most 500 characters
	Channel string     // how it is made; "" is ViaAPI
}

// Acknowledge records that a party has seen an alert, and what it says to it. The first acknowledgement stands; later ones, and those of a
// closed alert, are recorded beside it. What another party had entered for the alert's party, that party's own word confirms, or corrects when it
// says something else. Whoever acts for the alert's party may acknowledge; any party named in the incident may pass on the
// word of that party (Write.Relay). A version that the incident has not reached was seen by nobody and is refused. If-Match is honoured when
// given. Errors: NotFound, Forbidden, Invalid, Precondition.
func (d *Desk) Acknowledge(ctx context.Context, scope access.Scope, w access.Write, id string, in AcknowledgeRequest) (ledger.Outcome[*Alert], error) {
	var none ledger.Outcome[*Alert]
	held, err := d.alerts.Load(ctx, id)
	if err != nil {
		return none, err
	}
	clock, err := d.mayAcknowledge(ctx, scope, w, held.Value)
	if err != nil {
		return none, err
	}
	if err := d.checkAcknowledge(ctx, w.Check(), held.Value, &in, nil); err != nil {
		return none, err
	}
	return d.alerts.Execute(ctx, id, ledger.Command[*Alert]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest, Prompt: true,
		Decide: func(a *Alert, at ledger.Moment) (ledger.Decision, error) {
			if err := d.matches(w, at.Seq); err != nil {
				return ledger.Decision{}, err
			}
			if err := a.saidAt(w, clock, at.Now); err != nil {
				return ledger.Decision{}, err
			}
			said, correcting := in.said(a, scope, w)
			event := EventAlertAcknowledged
			if correcting {
				event = EventAlertCorrected
			}
			return in.decision(a, event, said), nil
		},
	})
}

// Correct replaces the acknowledgement that stands, and says why. What was said before stays visible, and the correction is announced like
// the acknowledgement was. Who may correct, and the errors, are as for Acknowledge; State when nobody has acknowledged. A word that is
// passed on replaces only another one that the alert's party has not confirmed, and is refused with State where that party's own word stands.
func (d *Desk) Correct(ctx context.Context, scope access.Scope, w access.Write, id string, in AcknowledgeRequest, reason string) (ledger.Outcome[*Alert], error) {
	var none ledger.Outcome[*Alert]
	held, err := d.alerts.Load(ctx, id)
	if err != nil {
		return none, err
	}
	clock, err := d.mayAcknowledge(ctx, scope, w, held.Value)
	if err != nil {
		return none, err
	}
	reason = strings.TrimSpace(reason)
	if err := d.checkAcknowledge(ctx, w.Check(), held.Value, &in, func(c *fault.Check) { check.Reason(c, "/reason", &reason, true) }); err != nil {
		return none, err
	}
	return d.alerts.Execute(ctx, id, ledger.Command[*Alert]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest, Prompt: true,
		Decide: func(a *Alert, at ledger.Moment) (ledger.Decision, error) {
			if err := d.matches(w, at.Seq); err != nil {
				return ledger.Decision{}, err
			}
			if a.Acknowledged == nil {
				return ledger.Decision{}, fault.New(fault.State, "not_acknowledged", "Nobody has acknowledged this alert, so there is nothing to correct.")
			}
			if w.Relay != nil && !a.Unconfirmed() {
				return ledger.Decision{}, fault.New(fault.State, "own_word_stands",
					"%s has acknowledged or confirmed this itself. Only its own word replaces that; acknowledge to record yours beside it.", a.Party)
			}
			if err := a.saidAt(w, clock, at.Now); err != nil {
				return ledger.Decision{}, err
			}
			said, _ := in.said(a, scope, w)
			said.Confirms = slices.DeleteFunc(said.Confirms, func(seq int64) bool { return seq == a.Acknowledged.Seq }) // it stands no longer
			said.Reason = reason
			return in.decision(a, EventAlertCorrected, said), nil
		},
	})
}

// saidAt holds the time of a word that is passed on against the alert: nobody answers an alert before it is raised, give or take
// what clocks differ. The words of an exercise may be of either of its clocks.
func (a *Alert) saidAt(w access.Write, clock protocol.Clock, now time.Time) error {
	c := w.Check()
	began := a.RaisedAt
	if scenario := clock.Scenario(began); scenario.Before(began) {
		began = scenario
	}
	check.Said(&c, w.Relay, began.Add(-check.Skew), now, clock.Scenario(now))
	return c.Err()
}

// said gives the data of what is said, with what it settles when the alert's party says it itself, and whether it then corrects what stands.
func (in *AcknowledgeRequest) said(a *Alert, scope access.Scope, w access.Write) (said alertAcknowledged, correcting bool) {
	said = alertAcknowledged{Channel: in.Channel, Outcome: in.Outcome, Version: in.Version}
	if w.Relay == nil && !scope.All {
		said.Confirms, said.Corrects, correcting = a.settles(in.Outcome)
	}
	return said, correcting
}

func (in *AcknowledgeRequest) decision(a *Alert, event string, said alertAcknowledged) ledger.Decision {
	decision := ledger.Decision{Exercise: a.Exercise, Events: []ledger.Event{{Type: event, Data: said}}}
	if in.Note != "" {
		decision.Detach = map[string]string{detachedNote: in.Note}
	}
	return decision
}

// mayAcknowledge refuses who may not acknowledge the alert. To whoever may read neither it nor, passing on the word of its party, the incident it is
// about, there is no such alert. It gives the clock on which a word that is passed on may have been said.
func (d *Desk) mayAcknowledge(ctx context.Context, scope access.Scope, w access.Write, a *Alert) (protocol.Clock, error) {
	var clock protocol.Clock
	thing, err := d.thing(ctx, a.IncidentID)
	if err != nil {
		return clock, err
	}
	_, ok := a.readable(scope, thing)
	thing.Owner = a.Party
	if !ok && (w.Relay == nil || ownKind(a.Kind) || a.hidden() || !scope.May(access.ReadInside, thing)) {
		return clock, notFound(NounAlert)
	}
	if w.Relay != nil {
		if clock, err = d.clock(ctx, a); err != nil {
			return clock, err
		}
		now := d.l.Now()
		if scenario := clock.Scenario(now); scenario.After(now) {
			now = scenario
		}
		party, err := check.Relay(w.Relay, now)
		if err != nil {
			return clock, err
		}
		if party != a.Party {
			var c fault.Check
			c.Field("/on_behalf_of", "must be the party the alert is for")
			return clock, c.Err()
		}
	}
	_, err = scope.Judge(a.acknowledging(), thing, w.Relay)
	return clock, err
}

// clock gives the clock of the exercise that the alert is of.
func (d *Desk) clock(ctx context.Context, a *Alert) (protocol.Clock, error) {
	if !a.Exercise || a.IncidentID == "" {
		return protocol.Clock{}, nil
	}
	return d.see.Clock(ctx, a.IncidentID)
}

// checkAcknowledge checks a request and fills in what was left out; more checks what else came with it.
func (d *Desk) checkAcknowledge(ctx context.Context, c fault.Check, a *Alert, in *AcknowledgeRequest, more func(*fault.Check)) error {
	if in.Version == 0 {
		in.Version = a.Version()
	}
	if in.Channel == "" {
		in.Channel = ViaAPI
	}
	newest, err := d.newest(ctx, a)
	if err != nil {
		return err
	}
	switch in.Outcome {
	case "":
		in.Outcome = AckReceived
	case AckReceived, AckCannotAct, AckQuestion:
	default:
		c.Field("/outcome", "must be one of received, cannot_act, question")
	}
	shown := in.Version == a.Version() // none, where the alert shows no incident
	c.That(shown || in.Version > 0 && in.Version <= newest, "/version", "must be a version that the incident has had: 1 to %d", newest)
	check.Prose(&c, "/note", &in.Note, check.MaxReason, false)
	if more != nil {
		more(&c)
	}
	return c.Err()
}

// newest gives the newest version of what the alert is about. An alert about another alert is about the same as that one.
func (d *Desk) newest(ctx context.Context, a *Alert) (int64, error) {
	about := a.Cause.Stream
	for about.Noun() == NounAlert {
		first, err := d.alerts.Load(ctx, about.ID())
		if err != nil {
			return 0, err
		}
		about = first.Value.Cause.Stream
	}
	return d.l.Version(ctx, about)
}
