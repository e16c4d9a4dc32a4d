package incident

import (
	"context"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/protocol"
)

// CorrectMovement corrects what was said of a movement. Absent members stay as they are; nothing is edited away, the log keeps what was said
// before. The origin corrects all but the count of arrivals, which is the receiver's.
type CorrectMovement struct {
	Reason     string // required
	Carrier    *string
	DepartsAt  *time.Time
	ETA        *time.Time
	People     *People
	DepartedAt *time.Time
	Left       *People
	ArrivedAt  *time.Time
	Came       *People
	Why        *string // reason for the difference
}

func (in *CorrectMovement) ofArrival() bool {
	return in.ArrivedAt != nil || in.Came != nil || in.Why != nil
}

func (in *CorrectMovement) ofDeparture() bool {
	return in.Carrier != nil || in.DepartsAt != nil || in.ETA != nil || in.People != nil || in.DepartedAt != nil || in.Left != nil
}

func (in *CorrectMovement) check(c fault.Check) error {
	check.Reason(&c, "/reason", &in.Reason, true)
	if in.Carrier != nil {
		carrier := *in.Carrier
		check.Line(&c, "/carrier", &carrier, check.MaxPlace)
		in.Carrier = &carrier
	}
	if in.Why != nil {
		why := *in.Why
		check.Reason(&c, "/difference_reason", &why, false)
		in.Why = &why
	}
	for _, f := range []struct {
		at string
		t  *time.Time
	}{{"/departs_at", in.DepartsAt}, {"/eta", in.ETA}, {"/departed_at", in.DepartedAt}, {"/arrived_at", in.ArrivedAt}} {
		if f.t != nil {
			check.Time(&c, f.at, *f.t)
		}
	}
	for _, f := range []struct {
		at string
		p  *People
	}{{"/people", in.People}, {"/left", in.Left}, {"/came", in.Came}} {
		if f.p != nil {
			f.p.check(&c, f.at)
		}
	}
	c.That(in.People == nil || in.People.Total != 0, "/people/total", "must be 1 or more")
	c.That(in.ofArrival() || in.ofDeparture(), "", "corrects nothing")
	return c.Err()
}

// CorrectMovement records a correction; the receiving state is alerted to one that the origin makes.
func (d *Desk) CorrectMovement(ctx context.Context, scope access.Scope, w access.Write, id, movement string, in CorrectMovement) (Done[*Movement], error) {
	w.Prompt = in.ofArrival()
	return d.moved(ctx, scope, w, id, movement, in.check(w.Check()), func(t turn, m Movement) (movementEvent, error) {
		if in.ofDeparture() {
			if err := t.must(access.LeadMovement, ""); err != nil {
				return movementEvent{}, err
			}
		}
		if in.ofArrival() {
			if err := t.must(access.CountArrivals, m.Receiver); err != nil {
				return movementEvent{}, err
			}
		}
		if m.Status == MovementCancelled {
			return movementEvent{}, errMovement(m.Status, "be corrected")
		}
		before := m
		put(&m.Carrier, in.Carrier)
		put(&m.People, in.People)
		put(&m.Why, in.Why)
		putTime(&m.DepartsAt, in.DepartsAt)
		putTime(&m.ETA, in.ETA)
		putTime(&m.DepartedAt, in.DepartedAt)
		putTime(&m.ArrivedAt, in.ArrivedAt)
		if in.Left != nil {
			m.Left = in.Left
		}
		if in.Came != nil {
			m.Came = in.Came
		}
		c := t.w.Check()
		for at, moved := range map[string]*time.Time{"/departs_at": in.DepartsAt, "/eta": in.ETA, "/departed_at": in.DepartedAt, "/arrived_at": in.ArrivedAt} {
			if moved != nil {
				t.plausible(&c, at, *moved)
			}
		}
		c.That(in.DepartedAt == nil && in.Left == nil || !before.DepartedAt.IsZero(), "/departed_at", "the movement has not left yet")
		c.That(!in.ofArrival() || before.Status == Arrived, "/arrived_at", "the movement has not arrived yet")
		check.Past(&c, "/departed_at", m.DepartedAt, t.now)
		check.Past(&c, "/arrived_at", m.ArrivedAt, t.now)
		c.That(!m.ETA.Before(m.DepartsAt) || in.ETA == nil && in.DepartsAt == nil, "/eta", "lies before departs_at")
		c.That(!m.ETA.Before(m.DepartedAt) || in.ETA == nil, "/eta", "lies before the departure")
		m.ETA = later(m.ETA, m.DepartedAt)
		c.That(m.DepartedAt.IsZero() || m.ArrivedAt.IsZero() || !m.ArrivedAt.Before(m.DepartedAt), "/arrived_at", "lies before the departure")
		m.Voyage = m.withDifference()
		var asks []ask
		if in.ofDeparture() {
			asks = t.askCorrected(&m)
		}
		return movementEvent{EventMovementCorrected, m, in.Reason, asks}, c.Err()
	})
}

// askCorrected calls for the alert of a correction: an answer is wanted while people are still to come.
func (t turn) askCorrected(m *Movement) []ask {
	if m.Status == Arrived {
		return inform(alertMovementCorrected, m.Receiver)
	}
	return t.ask(alertMovementCorrected, protocol.MovementNotice, m.Receiver)
}

func put[V any](field *V, v *V) {
	if v != nil {
		*field = *v
	}
}

func putTime(field *time.Time, t *time.Time) {
	if t != nil {
		*field = check.Instant(*t)
	}
}
