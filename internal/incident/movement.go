package incident

import (
	"context"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// MovementStatus is how far a movement is.
type MovementStatus string

// The closed list of movement statuses.
const (
	Announced         MovementStatus = "announced"
	Departed          MovementStatus = "departed"
	Arrived           MovementStatus = "arrived"
	MovementCancelled MovementStatus = "cancelled"
)

// Mode is how a movement travels.
type Mode string

// The closed list of modes.
const (
	ByAir  Mode = "air"
	BySea  Mode = "sea"
	ByLand Mode = "land"
)

// Modes gives the closed list.
func Modes() []Mode { return []Mode{ByAir, BySea, ByLand} }

// Spot is where a movement begins or ends: a state or an island, and below it a town or port. Nothing finer is kept.
type Spot struct {
	Party place.Party `json:"party"`
	Name  string      `json:"name,omitempty"` // town or coarser
	Port  string      `json:"port,omitempty"` // see place.ParsePortCode
}

// Voyage is what is known of a movement: one departure, one arrival, or a shuttle of many lifts between the same places. All times are scenario
// time.
type Voyage struct {
	Mode       Mode        `json:"mode"`
	Carrier    string      `json:"carrier,omitempty"`
	From       Spot        `json:"from"`
	To         Spot        `json:"to"`
	Receiver   place.Party `json:"receiver"` // the named state it goes to
	DepartsAt  time.Time   `json:"departs_at"`
	ETA        time.Time   `json:"eta"`
	People     People      `json:"people"` // as announced
	DepartedAt time.Time   `json:"departed_at,omitzero"`
	Left       *People     `json:"left,omitempty"` // counted at departure
	ArrivedAt  time.Time   `json:"arrived_at,omitzero"`
	Came       *People     `json:"came,omitempty"`       // counted at arrival
	Difference int         `json:"difference,omitempty"` // came less left, or less announced where nobody counted at departure
	Why        string      `json:"difference_reason,omitempty"`
}

// Movement is a voyage with its place in the record.
type Movement struct {
	ID string `json:"id"`
	Voyage
	Status      MovementStatus `json:"status"`
	Reason      string         `json:"reason,omitempty"`       // of the last correction or the cancellation
	Relayed     *Word          `json:"relayed,omitempty"`      // how the word of its notice or cancellation came, when another entered it
	LeftRelayed *Word          `json:"left_relayed,omitempty"` // how the word of its departure came, likewise
	CameRelayed *Word          `json:"came_relayed,omitempty"` // how the word of its arrival came, likewise
	AnnouncedAt time.Time      `json:"announced_at"`           // recorded
	RecordedAt  time.Time      `json:"recorded_at"`            // of the last change
	Seq         int64          `json:"seq"`                    // last changed it
}

// Reconciled reports whether who came matches who was expected, or the difference is explained.
func (m *Movement) Reconciled() bool {
	return m.Status == Arrived && (m.Difference == 0 || m.Why != "")
}

// notice is what a movement notice says, but for the people.
type notice struct {
	mode           Mode
	carrier        string
	from, to       Spot
	departsAt, eta int64
}

func (v Voyage) notice() notice {
	return notice{v.Mode, v.Carrier, v.From, v.To, v.DepartsAt.UnixMicro(), v.ETA.UnixMicro()}
}

// expected gives how many should arrive.
func (v Voyage) expected() int {
	if v.Left != nil {
		return v.Left.Total
	}
	return v.People.Total
}

func (v Voyage) withDifference() Voyage {
	v.Difference = 0
	if v.Came != nil {
		v.Difference = v.Came.Total - v.expected()
	}
	if v.Difference == 0 {
		v.Why = ""
	}
	return v
}

// moving is the movement as a template sees it: the planned departure, and the ETA until an arrival is reported.
func (m *Movement) moving() protocol.Movement {
	p := protocol.Movement{
		ID: m.ID, From: m.From.Party, To: m.To.Party,
		Departure: protocol.Value{At: m.DepartsAt, Kind: protocol.Forecast},
		Arrival:   protocol.Value{At: m.ETA, Kind: protocol.Forecast},
	}
	if !m.ArrivedAt.IsZero() {
		p.Arrival = protocol.Value{At: m.ArrivedAt, Kind: protocol.Observed}
	}
	return p
}

// AnnounceMovement is a movement notice.
type AnnounceMovement struct {
	ID        string
	Mode      Mode
	Carrier   string
	From      Spot // Party empty: the origin
	To        Spot
	DepartsAt time.Time
	ETA       time.Time
	People    People
}

func (in *AnnounceMovement) check(c fault.Check) error {
	in.DepartsAt, in.ETA = check.Instant(in.DepartsAt), check.Instant(in.ETA)
	check.ID(&c, in.ID)
	check.Word(&c, "/mode", in.Mode, Modes())
	check.Line(&c, "/carrier", &in.Carrier, check.MaxPlace)
	if in.From.Party != "" {
		check.Party(&c, "/from/party", in.From.Party)
	}
	check.Party(&c, "/to/party", in.To.Party)
	in.From.check(&c, "/from")
	in.To.check(&c, "/to")
	in.From.serves(&c, "/from", in.Mode)
	in.To.serves(&c, "/to", in.Mode)
	check.Time(&c, "/departs_at", in.DepartsAt)
	check.Time(&c, "/eta", in.ETA)
	c.That(!in.ETA.Before(in.DepartsAt), "/eta", "lies before departs_at")
	in.People.check(&c, "/people")
	c.That(in.People.Total != 0, "/people/total", "must be 1 or more")
	return c.Err()
}

func (s *Spot) check(c *fault.Check, at string) {
	check.Line(c, at+"/name", &s.Name, check.MaxPlace)
	if s.Port == "" {
		return
	}
	if _, err := place.ParsePortCode(s.Port); err != nil {
		c.Field(at+"/port", "%s", check.DetailOf(err))
	} else if s.Party != "" && !place.PortIn(s.Port, s.Party) {
		c.Field(at+"/port", "lies elsewhere than party says")
	}
}

// serves refuses a port that a mode of transport does not use: a listed sea port or landing for what flies, an airport for what sails.
func (s *Spot) serves(c *fault.Check, at string, mode Mode) {
	port, listed := place.PortOf(s.Port)
	c.That(!listed || mode != ByAir || port.Kind == place.Airport, at+"/port", "is no airport")
	c.That(!listed || mode != BySea || port.Kind != place.Airport, at+"/port", "is an airport")
}

// AnnounceMovement records a movement notice: its steps come into being and the receiving state is alerted. Only those who lead the incident
// announce; the destination must be a state that is named.
func (d *Desk) AnnounceMovement(ctx context.Context, scope access.Scope, w access.Write, id string, in AnnounceMovement) (Done[*Movement], error) {
	if err := in.check(w.Check()); err != nil {
		return Done[*Movement]{}, err
	}
	in.ID = newID(in.ID, "movement", scope, w)
	out, err := d.command(ctx, scope, w, id, func(t turn) ([]ledger.Event, error) {
		if err := t.must(access.LeadMovement, ""); err != nil {
			return nil, err
		}
		if err := t.mustRun(); err != nil {
			return nil, err
		}
		if _, taken := t.Movements[in.ID]; taken {
			return nil, fault.New(fault.Conflict, "id_taken", "This movement id is already taken.")
		}
		v := Voyage{Mode: in.Mode, Carrier: in.Carrier, From: in.From, To: in.To, DepartsAt: in.DepartsAt, ETA: in.ETA, People: in.People}
		if v.From.Party == "" {
			v.From.Party = t.Origin
		}
		c := t.w.Check()
		t.plausible(&c, "/departs_at", v.DepartsAt)
		t.plausible(&c, "/eta", v.ETA)
		c.That(v.From.Port == "" || place.PortIn(v.From.Port, v.From.Party), "/from/port", "lies elsewhere than party says")
		c.That(covers(t.Origin.StateParty(), v.From.Party), "/from/party", "is not a place of the affected state %s", t.Origin.State())
		receiver, ok := protocol.Setting{Receivers: t.Receivers}.Receiver(protocol.Movement{To: v.To.Party})
		c.That(ok, "/to/party", "is in no state that this incident names as a receiver")
		c.That(v.From != v.To, "/to", "is where the movement begins")
		if err := c.Err(); err != nil {
			return nil, err
		}
		v.Receiver = receiver
		next := t.clone()
		next.Movements[in.ID] = &Movement{ID: in.ID, Voyage: v, Status: Announced}
		next.Order = append(next.Order, in.ID)
		f, err := t.follow(next)
		if err == nil {
			err = f.inRange("/eta")
		}
		if err != nil {
			return nil, err
		}
		f.Alerts = about(in.ID, t.ask(alertMovement, protocol.MovementNotice, receiver))
		return one(EventMovementAnnounced, &movementAnnounced{ID: in.ID, Voyage: v, follows: f}), nil
	})
	return d.movementDone(out, in.ID, err)
}

// DepartMovement says that a movement has left.
type DepartMovement struct {
	DepartedAt time.Time // zero: now
	ETA        time.Time // zero: as announced
	People     *People   // counted on leaving; nil: nobody counted
}

// DepartMovement records a departure; the receiving state is alerted.
func (d *Desk) DepartMovement(ctx context.Context, scope access.Scope, w access.Write, id, movement string, in DepartMovement) (Done[*Movement], error) {
	in.DepartedAt, in.ETA = check.Instant(in.DepartedAt), check.Instant(in.ETA)
	var c fault.Check
	check.OptionalTime(&c, "/departed_at", in.DepartedAt)
	check.OptionalTime(&c, "/eta", in.ETA)
	if in.People != nil {
		in.People.check(&c, "/people")
	}
	return d.moved(ctx, scope, w, id, movement, c.Err(), func(t turn, m Movement) (movementEvent, error) {
		if err := t.must(access.LeadMovement, ""); err != nil {
			return movementEvent{}, err
		}
		if m.Status != Announced {
			return movementEvent{}, errMovement(m.Status, "depart")
		}
		m.DepartedAt, m.Left = orNow(in.DepartedAt, t.now), in.People
		if !in.ETA.IsZero() {
			m.ETA = in.ETA
		}
		c := t.w.Check()
		t.plausible(&c, "/departed_at", in.DepartedAt)
		t.plausible(&c, "/eta", in.ETA)
		check.Past(&c, "/departed_at", m.DepartedAt, t.now)
		c.That(in.ETA.IsZero() || !m.ETA.Before(m.DepartedAt), "/eta", "lies before the departure")
		m.ETA = later(m.ETA, m.DepartedAt)
		m.Status = Departed
		return movementEvent{EventMovementDeparted, m, "", inform(alertDeparture, m.Receiver)}, c.Err()
	})
}

// ArriveMovement says that a movement has come in, and how many came.
type ArriveMovement struct {
	ArrivedAt time.Time // zero: now
	People    People    // counted
	Reason    string    // why the count differs from the notice, when it does and is known
}

// ArriveMovement records an arrival. The receiving state counts; the first arrival there sets the clock of what it does for those who came.
func (d *Desk) ArriveMovement(ctx context.Context, scope access.Scope, w access.Write, id, movement string, in ArriveMovement) (Done[*Movement], error) {
	in.ArrivedAt = check.Instant(in.ArrivedAt)
	c := w.Check()
	check.OptionalTime(&c, "/arrived_at", in.ArrivedAt)
	in.People.check(&c, "/people")
	check.Reason(&c, "/reason", &in.Reason, false)
	w.Prompt = true
	return d.moved(ctx, scope, w, id, movement, c.Err(), func(t turn, m Movement) (movementEvent, error) {
		if err := t.must(access.CountArrivals, m.Receiver); err != nil {
			return movementEvent{}, err
		}
		if m.Status != Announced && m.Status != Departed {
			return movementEvent{}, errMovement(m.Status, "arrive")
		}
		m.ArrivedAt, m.Came, m.Why = orNow(in.ArrivedAt, t.now), &in.People, in.Reason
		c := t.w.Check()
		t.plausible(&c, "/arrived_at", in.ArrivedAt)
		check.Past(&c, "/arrived_at", m.ArrivedAt, t.now)
		c.That(m.DepartedAt.IsZero() || !m.ArrivedAt.Before(m.DepartedAt), "/arrived_at", "lies before the departure")
		m.Voyage, m.Status = m.withDifference(), Arrived
		return movementEvent{EventMovementArrived, m, "", nil}, c.Err()
	})
}

// CancelMovement says that a movement does not take place.
type CancelMovement struct {
	Reason string // required
}

// CancelMovement takes back a movement that has not arrived; its open steps are cancelled, the alerts that announced it are closed, and
// the receiving state is told that nothing more is asked of it.
func (d *Desk) CancelMovement(ctx context.Context, scope access.Scope, w access.Write, id, movement string, in CancelMovement) (Done[*Movement], error) {
	c := w.Check()
	check.Reason(&c, "/reason", &in.Reason, true)
	return d.moved(ctx, scope, w, id, movement, c.Err(), func(t turn, m Movement) (movementEvent, error) {
		if err := t.must(access.LeadMovement, ""); err != nil {
			return movementEvent{}, err
		}
		if m.Status != Announced && m.Status != Departed {
			return movementEvent{}, errMovement(m.Status, "be cancelled")
		}
		m.Status = MovementCancelled
		return movementEvent{EventMovementCancelled, m, in.Reason, inform(alertMovementCancelled, m.Receiver)}, nil
	})
}

// movementEvent is what a command makes of a movement.
type movementEvent struct {
	kind   string
	after  Movement
	reason string
	alerts []ask
}

// moved runs a command on one movement; invalid is what is wrong with the request itself.
func (d *Desk) moved(ctx context.Context, scope access.Scope, w access.Write, id, movement string, invalid error, change func(turn, Movement) (movementEvent, error)) (Done[*Movement], error) {
	if invalid != nil {
		return Done[*Movement]{}, invalid
	}
	out, err := d.command(ctx, scope, w, id, func(t turn) ([]ledger.Event, error) {
		m, ok := t.Movements[movement]
		if !ok {
			return nil, errNoMovement()
		}
		if err := t.mustRun(); err != nil {
			return nil, err
		}
		if err := t.matches(m.Seq, false); err != nil {
			return nil, err
		}
		e, err := change(t, *m)
		if err != nil {
			return nil, err
		}
		next := t.clone()
		next.Movements[movement] = &e.after
		f, err := t.follow(next)
		if err == nil {
			err = f.inRange("/eta")
		}
		if err != nil {
			return nil, err
		}
		if t.receives(m.Receiver) { // a state that is not named any more learns nothing more
			f.Alerts = about(movement, e.alerts)
		}
		out := movementReported{ID: movement, Reason: e.reason, Voyage: e.after.Voyage, follows: f}
		if e.kind == EventMovementCorrected {
			out.Before = &m.Voyage
		}
		return one(e.kind, out), nil
	})
	return d.movementDone(out, movement, err)
}

func (d *Desk) movementDone(out ledger.Outcome[*state], movement string, err error) (Done[*Movement], error) {
	if err != nil {
		return Done[*Movement]{}, err
	}
	m, ok := out.Value.Movements[movement]
	if !ok {
		return Done[*Movement]{}, errNoMovement()
	}
	return Done[*Movement]{Value: m, Seq: m.Seq, Version: out.Seq, Events: out.Events, Repeated: out.Repeated}, nil
}

func errNoMovement() error {
	return fault.New(fault.NotFound, "movement_not_found", "There is no such movement in this incident.")
}

func errMovement(s MovementStatus, verb string) error {
	return fault.New(fault.State, "movement_"+string(s), "The movement is %s and cannot %s.", s, verb)
}
