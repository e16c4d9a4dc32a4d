package notify

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
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
	visible := map[string]bool{}
	shown := page.Items[:0]
	for _, item := range page.Items {
		a := item.Value
		ok, asked := visible[a.IncidentID]
		if !asked {
			if ok, err = d.sees(ctx, scope, a.IncidentID); err != nil {
				return Page[*Alert]{}, err
			}
			visible[a.IncidentID] = ok
		}
		if ok || a.Kind == KindWithdrawn || a.IncidentID == "" {
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
	ok, err := d.seesAlert(ctx, scope, a.Value)
	if err != nil {
		return ledger.State[*Alert]{}, err
	}
	if !ok {
		return ledger.State[*Alert]{}, notFound(NounAlert)
	}
	return a, nil
}

func (d *Desk) seesAlert(ctx context.Context, scope access.Scope, a *Alert) (bool, error) {
	switch {
	case scope.All:
		return true, nil
	case scope.ActsFor(a.Party) && (a.Kind == KindWithdrawn || a.IncidentID == ""):
		return true, nil
	case scope.ActsFor(a.Party) && !a.hidden(), a.Origin != "" && scope.ActsFor(place.Party(a.Origin)):
		return d.sees(ctx, scope, a.IncidentID)
	}
	return false, nil
}

// AcknowledgeRequest is what a party says to an alert.
type AcknowledgeRequest struct {
	Outcome AckOutcome // "" is received
	Version int64      // of the incident, as the party has seen it; 0: the version the alert shows
	Note    string     // at most 500 characters
}

const maxNote = 500

// Acknowledge records that a party has seen an alert, and what it says to it. The first acknowledgement stands; later ones, and those of a
// closed alert, are recorded beside it. Whoever acts for the alert's party may acknowledge; any party named in the incident may pass on the
// word of that party (Write.Relay). If-Match is honoured when given. Errors: NotFound, Forbidden, Invalid, Precondition.
func (d *Desk) Acknowledge(ctx context.Context, scope access.Scope, w access.Write, id string, in AcknowledgeRequest) (ledger.Outcome[*Alert], error) {
	var none ledger.Outcome[*Alert]
	held, err := d.alerts.Load(ctx, id)
	if err != nil {
		return none, err
	}
	if err := d.mayAcknowledge(ctx, scope, w, held.Value); err != nil {
		return none, err
	}
	if err := checkAcknowledge(&in); err != nil {
		return none, err
	}
	if in.Version == 0 {
		in.Version = held.Value.Version()
	}
	return d.alerts.Execute(ctx, id, ledger.Command[*Alert]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest,
		Decide: func(a *Alert, at ledger.Moment) (ledger.Decision, error) {
			if err := d.matches(w, at.Seq); err != nil {
				return ledger.Decision{}, err
			}
			decision := ledger.Decision{Exercise: a.Exercise, Events: []ledger.Event{{Type: EventAlertAcknowledged, Data: alertAcknowledged{
				Channel: viaAPI, Outcome: in.Outcome, Version: in.Version,
			}}}}
			if in.Note != "" {
				decision.Detach = map[string]string{detachedNote: in.Note}
			}
			return decision, nil
		},
	})
}

func (d *Desk) mayAcknowledge(ctx context.Context, scope access.Scope, w access.Write, a *Alert) error {
	if w.Relay != nil {
		named, err := d.sees(ctx, scope, a.IncidentID)
		switch {
		case err != nil:
			return err
		case !named && !scope.ActsFor(a.Party):
			return notFound(NounAlert)
		case !scope.MayWrite():
			return mayWrite(scope)
		case place.Party(w.Relay.OnBehalfOf) != a.Party:
			var c fault.Check
			c.Field("/on_behalf_of", "must be the party the alert is for")
			return c.Err()
		}
		return nil
	}
	ok, err := d.seesAlert(ctx, scope, a)
	switch {
	case err != nil:
		return err
	case !ok:
		return notFound(NounAlert)
	case !scope.MayWrite():
		return mayWrite(scope)
	case !scope.ActsFor(a.Party):
		return fault.New(fault.Forbidden, "not_yours", "Only %s acknowledges this alert. Pass on its word with on_behalf_of.", a.Party)
	}
	return nil
}

func checkAcknowledge(in *AcknowledgeRequest) error {
	var c fault.Check
	switch in.Outcome {
	case "":
		in.Outcome = AckReceived
	case AckReceived, AckCannotAct, AckQuestion:
	default:
		c.Field("/outcome", "must be one of received, cannot_act, question")
	}
	c.That(in.Version >= 0, "/version", "must be a version of the incident")
	in.Note = strings.TrimSpace(in.Note)
	c.That(utf8.RuneCountInString(in.Note) <= maxNote, "/note", "must have at most %d characters", maxNote)
	c.That(utf8.ValidString(in.Note) && !strings.ContainsFunc(in.Note, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }),
		"/note", "must be text without control characters")
	return c.Err()
}
