package preparedness

import (
	"context"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// Situation tells what goes on in a state: while it takes part in an active incident, capacity holds for hours and not for weeks.
type Situation interface {
	// Activated reports whether the state leads or receives in an incident that is active and no exercise.
	Activated(ctx context.Context, state place.Party) (bool, error)
}

// Desk is where units are registered, assessed and counted. Build one for each process with NewDesk; all methods may be called concurrently.
type Desk struct {
	ledger    *ledger.Ledger
	units     *ledger.Streams[*Unit]
	docs      store.Documents
	situation Situation
	rules     *Rules
	plausible time.Duration // see SetPlausible
}

// NewDesk registers the fold of this package with the ledger and gives the desk.
func NewDesk(l *ledger.Ledger, docs store.Documents, situation Situation) *Desk {
	return &Desk{ledger: l, units: ledger.Register(l, fold()), docs: docs, situation: situation, rules: TheRules(), plausible: check.Near}
}

// SetPlausible sets how far from now a time may lie before the sender has to confirm it; check.Near when it is not set. Call it
// before the first command.
func (d *Desk) SetPlausible(within time.Duration) { d.plausible = within }

// ETag gives the entity tag of a part by the Seq it carries.
func (d *Desk) ETag(seq int64) string { return d.ledger.ETag(seq) }

// Done is the answer to a command: the unit as it stands right after it. When the command had been carried out before, under the same key,
// Repeated is set and the answer is the one given then.
type Done struct {
	Unit     *Unit
	Version  int64
	Events   []ledger.Recorded
	Repeated bool
}

// turn is one command while it is decided.
type turn struct {
	unit *Unit
	now  time.Time // what recorded_at will be
	w    access.Write
	desk *Desk
}

// ofState widens a scope to its whole state: the units of a state are the business of all its islands.
func ofState(scope access.Scope) access.Scope {
	scope.Party = scope.Party.StateParty()
	return scope
}

// reads reports whether the scope may look at the units of a party.
func reads(scope access.Scope, p place.Party) bool {
	return ofState(scope).May(access.ReadUnit, access.Thing{Owner: p})
}

// owns reports whether the scope belongs to the state whose unit it is: nothing is kept from it.
func owns(scope access.Scope, p place.Party) bool { return ofState(scope).ActsFor(p) }

// may refuses who may not do the act on a unit of the party. Nobody speaks for another state of its units.
func may(scope access.Scope, act access.Act, p place.Party, relay *ledger.Relay) error {
	if !owns(scope, p) {
		return fault.New(fault.Forbidden, "not_your_state", "Only the state whose unit it is changes it.")
	}
	_, err := ofState(scope).Judge(act, access.Thing{Owner: p}, relay)
	return err
}

// May reports whether the scope may do the act on units of the party.
func (d *Desk) May(scope access.Scope, act access.Act, p place.Party) bool {
	return may(scope, act, p, nil) == nil
}

// change is how every command on a unit runs: to whoever may not see the unit there is none, also when the command was carried out before.
func (d *Desk) change(ctx context.Context, scope access.Scope, w access.Write, id string, act access.Act, decide func(turn) ([]ledger.Event, error)) (Done, error) {
	if !check.IsID(id) {
		return Done{}, errNoUnit()
	}
	out, err := d.units.Execute(ctx, id, ledger.Command[*Unit]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest,
		Allow: func(u *Unit, _ ledger.Moment) error {
			if !reads(scope, u.Party) {
				return errNoUnit()
			}
			return may(scope, act, u.Party, w.Relay)
		},
		Decide: func(u *Unit, at ledger.Moment) (ledger.Decision, error) {
			if u.Retired != "" {
				return ledger.Decision{}, fault.New(fault.State, "unit_retired", "The unit is not assessed any more; nothing can be changed in it.")
			}
			events, err := decide(turn{unit: u, now: at.Now, w: w, desk: d})
			return ledger.Decision{Events: events}, err
		},
	})
	if fault.Is(err, fault.NotFound) {
		return Done{}, errNoUnit()
	}
	if err != nil {
		return Done{}, err
	}
	return Done{Unit: out.Value, Version: out.Seq, Events: out.Events, Repeated: out.Repeated}, nil
}

// matches checks If-Match against a part. seq 0 means that the part is absent. required: a change without If-Match is refused.
func (t turn) matches(seq int64, required bool) error {
	switch {
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

// one is a decision of a single event.
func one(eventType string, data any) ([]ledger.Event, error) {
	return []ledger.Event{{Type: eventType, Data: data}}, nil
}

// newID gives the id of something a command creates: the caller's, or one that follows from account and key, so that a repeated create meets its
// first attempt, or a fresh one.
func newID(given, noun string, scope access.Scope, w access.Write) string {
	switch {
	case given != "":
		return given
	case w.Key != "":
		return ledger.DeriveID(noun, scope.Account, w.Key)
	}
	return ledger.NewID()
}

// plausible asks to confirm a time that lies far from now.
func (t turn) plausible(c *fault.Check, pointer string, at time.Time) {
	check.Plausible(c, pointer, at, t.now, t.now, t.desk.plausible)
}

func errNoUnit() error { return fault.New(fault.NotFound, "unit_not_found", "There is no such unit.") }

// Register asks for a new unit.
type Register struct {
	ID          string
	Kind        UnitKind
	Party       place.Party // empty: the scope's own
	Name        string
	Town        string
	Setting     Setting // of a property; empty: hotel
	Rooms       int
	Destination string // id of the unit a property belongs to
}

// Change is what can be changed of a unit: all of it is replaced.
type Change struct {
	Name        string
	Town        string
	Setting     Setting
	Rooms       int
	Destination string
}

const maxRooms = 20_000

// check holds a description against what a unit of the kind can be.
func (in *Change) check(c *fault.Check, kind UnitKind) {
	check.Title(c, "/name", &in.Name, check.MaxPlace)
	check.Line(c, "/town", &in.Town, check.MaxPlace)
	c.That(in.Rooms >= 0 && in.Rooms <= maxRooms, "/rooms", "must be 0 to %d", maxRooms)
	if kind != Property {
		c.That(in.Setting == "", "/setting", "is for properties only")
		c.That(in.Rooms == 0, "/rooms", "is for properties only; a destination has those of its properties")
		c.That(in.Destination == "", "/destination", "is for properties only")
		return
	}
	if in.Setting == "" {
		in.Setting = Hotel
	}
	check.Word(c, "/setting", in.Setting, propertySettings)
	c.That(in.Destination == "" || check.IsID(in.Destination), "/destination", "must be the id of a destination")
}

// Register makes a unit of the scope's state. Liaisons and administrators do. Errors: Invalid, Forbidden, Conflict when the id is taken.
func (d *Desk) Register(ctx context.Context, scope access.Scope, w access.Write, in Register) (Done, error) {
	if in.Party == "" {
		in.Party = scope.Party
	}
	c := w.Check()
	check.ID(&c, in.ID)
	check.Word(&c, "/kind", in.Kind, UnitKinds())
	check.Party(&c, "/party", in.Party)
	c.That(!in.Party.IsOrganisation(), "/party", "must be a state or an island of one")
	c.That(in.Kind != State || in.Party.Island() == "", "/party", "must be a whole state")
	what := Change{Name: in.Name, Town: in.Town, Setting: in.Setting, Rooms: in.Rooms, Destination: in.Destination}
	what.check(&c, in.Kind)
	if err := c.Err(); err != nil {
		return Done{}, err
	}
	if err := may(scope, access.RegisterUnit, in.Party, w.Relay); err != nil {
		return Done{}, err
	}
	if err := d.checkDestination(ctx, scope, what.Destination, in.Party); err != nil {
		return Done{}, err
	}
	out, err := d.units.Execute(ctx, newID(in.ID, Noun, scope, w), ledger.Command[*Unit]{
		Actor: scope.Actor(), Relay: w.Relay, Expect: ledger.MustNotExist, Key: w.Key, Digest: w.Digest,
		Allow: func(u *Unit, at ledger.Moment) error {
			if at.Seq > 0 && !reads(scope, u.Party) {
				return check.HiddenID()
			}
			return nil
		},
		Decide: func(*Unit, ledger.Moment) (ledger.Decision, error) {
			events, err := one(EventRegistered, registered{
				Kind: in.Kind, Party: in.Party, Name: what.Name, Town: what.Town, Setting: what.Setting, Rooms: what.Rooms, Destination: what.Destination,
			})
			return ledger.Decision{Events: events}, err
		},
	})
	if err != nil {
		return Done{}, err
	}
	return Done{Unit: out.Value, Version: out.Seq, Events: out.Events, Repeated: out.Repeated}, nil
}

// checkDestination requires a destination of the same state.
func (d *Desk) checkDestination(ctx context.Context, scope access.Scope, id string, party place.Party) error {
	if id == "" {
		return nil
	}
	u, err := d.Unit(ctx, scope, id)
	if fault.Is(err, fault.NotFound) || err == nil && (u.Kind != Destination || u.Party.State() != party.State()) {
		var c fault.Check
		c.Field("/destination", "must be a destination of the same state")
		return c.Err()
	}
	return err
}

// Change replaces the description of a unit. If-Match is required.
func (d *Desk) Change(ctx context.Context, scope access.Scope, w access.Write, id string, in Change) (Done, error) {
	u, err := d.Unit(ctx, scope, id)
	if err != nil {
		return Done{}, err
	}
	c := w.Check()
	in.check(&c, u.Kind)
	if err := c.Err(); err != nil {
		return Done{}, err
	}
	if err := d.checkDestination(ctx, scope, in.Destination, u.Party); err != nil {
		return Done{}, err
	}
	return d.change(ctx, scope, w, id, access.RegisterUnit, func(t turn) ([]ledger.Event, error) {
		if err := t.matches(t.unit.Seq, true); err != nil {
			return nil, err
		}
		if k := t.unit.Capacity; k != nil && in.Rooms > 0 && in.Rooms < k.Rooms {
			return nil, fault.New(fault.State, "below_offered", "%d rooms are offered. Offer fewer before the unit has fewer.", k.Rooms)
		}
		return one(EventChanged, changed(in))
	})
}

// Retire takes a unit out of lists and boards, for a reason that stays on record. If-Match is required.
func (d *Desk) Retire(ctx context.Context, scope access.Scope, w access.Write, id, reason string) (Done, error) {
	c := w.Check()
	check.Reason(&c, "/reason", &reason, true)
	if err := c.Err(); err != nil {
		return Done{}, err
	}
	return d.change(ctx, scope, w, id, access.RegisterUnit, func(t turn) ([]ledger.Event, error) {
		if err := t.matches(t.unit.Seq, true); err != nil {
			return nil, err
		}
		if c := t.unit.Capacity; c != nil && !c.InUse.none() {
			return nil, fault.New(fault.State, "rooms_in_use", "People are in %d of its rooms. Release them first.", c.InUse.Rooms)
		}
		return one(EventRetired, retired{Reason: reason})
	})
}

// Sweep announces, in one commit, everything of a unit that has run out at now (wall time) and was not announced, and says how much that was. It may
// be called at any time, by any number of processes: what runs out is announced once. When nothing did, the wake is put again.
func (d *Desk) Sweep(ctx context.Context, id string, now time.Time) (fired int, err error) {
	out, err := d.units.Execute(ctx, id, ledger.Command[*Unit]{
		Actor: ledger.System,
		Decide: func(u *Unit, at ledger.Moment) (ledger.Decision, error) {
			moment := at.Now
			if now.After(moment) {
				moment = now
			}
			var events []ledger.Event
			for _, e := range u.endings() {
				if !e.at.After(moment) {
					events = append(events, ledger.Event{Type: e.eventType, Data: lapsed{Seq: e.seq, ValidUntil: e.at}})
				}
			}
			return ledger.Decision{Events: events}, nil
		},
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return 0, nil
	case err != nil:
		return 0, err
	case len(out.Events) == 0:
		return 0, d.units.Rewake(ctx, id)
	}
	return len(out.Events), nil
}
