package incident

import (
	"context"
	"errors"
	"strconv"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
	"landfall/internal/store"
)

// The nouns of this package: the first part of their streams' names.
const (
	Noun       = "incident"
	NounHazard = "hazard"
)

// Desk is where incidents and hazards are worked on. Build one for each process with NewDesk; all methods may be called concurrently.
type Desk struct {
	ledger    *ledger.Ledger
	incidents *ledger.Streams[*state]
	hazards   *ledger.Streams[*Hazard]
	docs      store.Documents
	templates Templates
	bounds    bounds
	plausible time.Duration // see SetPlausible
}

// NewDesk registers the folds of this package with the ledger and gives the desk. templates nil means Shipped.
func NewDesk(l *ledger.Ledger, docs store.Documents, templates Templates) *Desk {
	if templates == nil {
		templates = Shipped
	}
	return &Desk{
		ledger: l, docs: docs, templates: templates, bounds: defaultBounds, plausible: check.Near,
		incidents: ledger.Register(l, fold(l.Epoch())),
		hazards:   ledger.Register(l, hazardFold()),
	}
}

// SetPlausible sets how far a time may lie from the life of its incident before the sender has to confirm it; check.Near when it is
// not set. Call it before the first command.
func (d *Desk) SetPlausible(within time.Duration) { d.plausible = within }

// ETag gives the entity tag of a part by the Seq it carries.
func (d *Desk) ETag(seq int64) string { return d.ledger.ETag(seq) }

// Done is the answer to a command: the part it worked on as it stands right after it, and what happened. When the command had been carried
// out before, under the same key, Repeated is set and the answer is the one given then.
type Done[V any] struct {
	Value    V
	Seq      int64 // of the part: what its ETag is made of
	Version  int64 // of the stream
	Events   []ledger.Recorded
	Repeated bool
	Proposed *Proposal // set when the command waits to be confirmed and nothing else has changed
}

// turn is one command while it is decided: the state it meets, who speaks and what time it is.
type turn struct {
	*state
	scope   access.Scope
	party   place.Party // on whose word it rests
	settled bool        // If-Match was checked when it was proposed
	wall    time.Time   // what recorded_at will be
	now     time.Time   // the same in scenario time
	w       access.Write
	desk    *Desk
}

// command is how every command on an incident runs: to whoever may not see the incident there is none, also when the command was carried
// out before; then decide gives the events. decide must not change the state.
func (d *Desk) command(ctx context.Context, scope access.Scope, w access.Write, id string, decide func(turn) ([]ledger.Event, error)) (ledger.Outcome[*state], error) {
	return d.commandWith(ctx, scope, w, id, false, func(t turn) (ledger.Decision, error) {
		events, err := decide(t)
		return ledger.Decision{Events: events}, err
	})
}

// commandWith is command for a decision that detaches values, or whose answer awaits the projections.
func (d *Desk) commandWith(ctx context.Context, scope access.Scope, w access.Write, id string, await bool, decide func(turn) (ledger.Decision, error)) (ledger.Outcome[*state], error) {
	if !check.IsID(id) {
		return ledger.Outcome[*state]{}, errNoIncident()
	}
	return d.incidents.Execute(ctx, id, ledger.Command[*state]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest, Await: await, Prompt: w.Prompt,
		Allow: func(s *state, at ledger.Moment) error {
			if !s.sees(scope) {
				return errNoIncident()
			}
			_, err := s.hear(scope, w.Relay, at.Now)
			return err
		},
		Decide: func(s *state, at ledger.Moment) (ledger.Decision, error) {
			party, err := s.hear(scope, w.Relay, at.Now)
			if err != nil {
				return ledger.Decision{}, err
			}
			t := turn{state: s, scope: scope, party: party, wall: at.Now, now: s.scenario(at.Now), w: w, desk: d}
			if err := t.said(); err != nil {
				return ledger.Decision{}, err
			}
			decision, err := decide(t)
			for n := range decision.Events {
				decision.Events[n] = t.settle(decision.Events[n])
			}
			if err == nil {
				err = t.bounded(decision.Events)
			}
			decision.Exercise = s.Exercise
			return decision, err
		},
	})
}

// load gives an incident that the scope may see. Absent, not yet told and no longer named are one answer.
func (d *Desk) load(ctx context.Context, scope access.Scope, id string) (ledger.State[*state], error) {
	if !check.IsID(id) {
		return ledger.State[*state]{}, errNoIncident()
	}
	found, err := d.incidents.Load(ctx, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return found, errNoIncident()
	case err != nil:
		return found, err
	case !found.Value.sees(scope):
		return ledger.State[*state]{}, errNoIncident()
	}
	return found, nil
}

// template gives the template of the running protocol.
func (t turn) template() (*protocol.Template, error) {
	found, ok := t.desk.templates(t.Running.Protocol, t.Running.Version)
	if !ok {
		return nil, fault.New(fault.Unavailable, "no_template",
			"The protocol %q that this incident runs on is not known to this version of Landfall.", t.Running.Protocol)
	}
	return found, nil
}

// follow gives what follows in next; nothing while no protocol runs.
func (t turn) follow(next *state) (follows, error) {
	if next.Running == nil {
		return follows{}, nil
	}
	template, err := t.template()
	if err != nil {
		return follows{}, err
	}
	return follow(next, template, t.now), nil
}

// ask calls for alerts that want an answer in time. An exercise's answers are wanted at its own speed.
func (t turn) ask(kind string, request protocol.Request, parties ...place.Party) []ask {
	var asks []ask
	for _, p := range parties {
		by, _ := protocol.RequiredBy(request, t.now, place.Zone(p))
		asks = append(asks, ask{Party: p, Kind: kind, RequiredBy: t.wallOf(by)})
	}
	return asks
}

// about says which movement or step alerts are about, so that what ends it closes them.
func about(subject string, asks []ask) []ask {
	for i := range asks {
		asks[i].Subject = subject
	}
	return asks
}

// inform calls for alerts that want no answer in time.
func inform(kind string, parties ...place.Party) []ask {
	var asks []ask
	for _, p := range parties {
		asks = append(asks, ask{Party: p, Kind: kind})
	}
	return asks
}

// mustRun refuses what only makes sense between naming the receivers and the end.
func (t turn) mustRun() error {
	switch {
	case t.ended():
		return errEnded(t.Status)
	case !t.running():
		return fault.New(fault.State, "incident_draft", "The incident is a draft. Open it first.")
	}
	return nil
}

// one is a decision of a single event.
func one(eventType string, data any) []ledger.Event {
	return []ledger.Event{{Type: eventType, Data: data}}
}

// matches checks If-Match and If-None-Match against a part. seq 0 means that the part is absent. required: a change without
// If-Match is refused, as for PUT.
func (t turn) matches(seq int64, required bool) error {
	switch {
	case t.settled:
		return nil
	case t.w.IfNone && seq > 0:
		return fault.New(fault.Precondition, "exists", "It exists already. Read it, and change it with If-Match.")
	case t.w.IfMatch == "" && t.w.IfNone:
		return nil
	case t.w.IfMatch == "" && required && seq == 0:
		return fault.New(fault.PreconditionRequired, "if_none_match_required", "It does not exist yet: send If-None-Match: * to set it.")
	case t.w.IfMatch == "" && required:
		return fault.New(fault.PreconditionRequired, "if_match_required", "Send If-Match with the ETag you read, so that nobody's change is lost.")
	case t.w.IfMatch == "":
		return nil
	}
	ok, err := t.desk.ledger.MatchETag(t.w.IfMatch, seq)
	if err == nil && !ok {
		err = fault.New(fault.Precondition, "changed_meanwhile", "Somebody changed it since you read it. Read it again and decide anew.")
	}
	return err
}

// newID gives the id of something a command creates: the caller's, or one that follows from account and key, so that a repeated
// create meets its first attempt, or a fresh one.
func newID(given, noun string, scope access.Scope, w access.Write) string {
	switch {
	case given != "":
		return given
	case w.Key != "":
		return ledger.DeriveID(noun, scope.Account, w.Key)
	}
	return ledger.NewID()
}

func errNoIncident() error {
	return fault.New(fault.NotFound, "incident_not_found", "There is no such incident.")
}

// errEnded refuses a change to an incident that is over.
func errEnded(s Status) error {
	return fault.New(fault.State, "incident_ended", "The incident is %s; nothing more can be changed in it.", s)
}

// storeFault names what a read or a claim in the store ran into.
func storeFault(err error) error {
	switch {
	case errors.Is(err, store.ErrFull):
		return fault.Wrap(err, fault.Full, "disk_full", "There is no space left to record anything. Nothing was changed.")
	case errors.Is(err, store.ErrBadCursor):
		f := fault.Wrap(err, fault.Invalid, "bad_cursor", "The cursor does not belong to this list.")
		f.Fields = []fault.Field{{Pointer: "?cursor", Reason: "does not belong to this list; begin without one"}}
		return f
	}
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The records cannot be read at the moment. Try again.")
}

var noTime time.Time

func orNow(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return t
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func itoa(n int) string { return strconv.Itoa(n) }

// covers reports whether whoever acts for p acts for q: the same party, or a state for its islands.
func covers(p, q place.Party) bool { return access.Scope{Party: p}.ActsFor(q) }
