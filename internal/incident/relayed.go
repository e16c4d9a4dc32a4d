package incident

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Relayed is something that stands on the word of a party and was entered by another. The party confirms it later, or corrects it as it would
// its own. It is shared: whoever gets one must not change it.
type Relayed struct {
	Seq         int64        `json:"seq"`
	Type        string       `json:"type"`              // of the event
	Subject     string       `json:"subject,omitempty"` // as in the timeline
	Relay       ledger.Relay `json:"relay"`
	By          place.Party  `json:"by,omitempty"` // party of whoever entered it; "" for the first account
	ByRole      access.Role  `json:"by_role"`
	RecordedAt  time.Time    `json:"recorded_at"`
	ConfirmedAt time.Time    `json:"confirmed_at,omitzero"` // recorded; zero: not confirmed
	ConfirmedBy access.Role  `json:"confirmed_by,omitempty"`

	CorrectedAt time.Time   `json:"corrected_at,omitzero"` // recorded: when its party said something else itself
	CorrectedBy access.Role `json:"corrected_by,omitempty"`
	Thing       string      `json:"thing,omitempty"` // what it is compared by with an own word of its party
	Says        string      `json:"says,omitempty"`

	LetStandBy *EnteredBy `json:"let_stand_by,omitempty"` // who confirmed it in the party's place, when it had been proposed
}

// Word says how the word came.
func (r *Relayed) Word() *Word {
	w := WordOf(r.Relay, EnteredBy{Role: r.ByRole, Party: r.By})
	w.ConfirmedBy = r.LetStandBy
	return w
}

// Confirmed reports whether the party spoken for stands by it.
func (r *Relayed) Confirmed() bool { return !r.ConfirmedAt.IsZero() }

// Settled reports whether the party spoken for has confirmed or corrected it.
func (r *Relayed) Settled() bool { return r.Confirmed() || !r.CorrectedAt.IsZero() }

// relayedEvent keeps in mind what an event recorded on another party's word.
func (s *state) relayedEvent(e ledger.Recorded, w *Word) {
	said := stated(e)
	s.Relayed[e.Seq] = &Relayed{
		Thing: said.Thing, Says: said.Says,
		Seq: e.Seq, Type: e.Type, Subject: entry(e).Subject, Relay: *w.relay(), By: w.EnteredBy.Party, ByRole: w.EnteredBy.Role,
		LetStandBy: w.ConfirmedBy, RecordedAt: e.RecordedAt,
	}
}

// unconfirmed gives what leads the incident as somebody passed it on, the oldest first: the party it was entered for has neither confirmed it nor said
// something else since. Everybody who reads the incident reads it, whenever it was named. A key time is among them while it is as it was passed on.
func (s *state) unconfirmed() (all []*Relayed) {
	for _, seq := range sortedKeys(s.Relayed) {
		r := s.Relayed[seq]
		leads := r.Type == EventOpened || slices.Contains(led, r.Type)
		if r.Type == EventAnchorMoved {
			a := s.Anchors[r.Subject]
			leads = a != nil && a.Seq == seq
		}
		if leads && !r.Settled() {
			all = append(all, r)
		}
	}
	return all
}

// Relays gives what was entered on the word of others in an incident, the latest first. Whoever was named later sees it from that moment on.
func (d *Desk) Relays(ctx context.Context, scope access.Scope, id string) ([]*Relayed, error) {
	s, err := d.inside(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	since := s.knownSince(scope).Seq
	all := slices.Collect(maps.Values(s.Relayed))
	all = slices.DeleteFunc(all, func(r *Relayed) bool { return r.Seq < since })
	slices.SortFunc(all, func(a, b *Relayed) int { return cmp.Compare(b.Seq, a.Seq) })
	return listed(all), nil
}

// ConfirmRelay records that the party spoken for stands by what was entered for it with the commit seq. Faults: NotFound, Forbidden; State when it
// is settled already.
func (d *Desk) ConfirmRelay(ctx context.Context, scope access.Scope, w access.Write, id string, seq int64) (Done[*Relayed], error) {
	out, err := d.command(ctx, scope, w, id, func(t turn) ([]ledger.Event, error) {
		r, ok := t.Relayed[seq]
		if !ok {
			return nil, errNoRelay()
		}
		if err := t.must(access.ConfirmRelay, place.Party(r.Relay.OnBehalfOf)); err != nil {
			return nil, err
		}
		if r.Confirmed() {
			return nil, fault.New(fault.State, "relay_confirmed", "This is confirmed already.")
		}
		if r.Settled() {
			return nil, fault.New(fault.State, "relay_corrected", "Its party has said something else itself since.")
		}
		return one(EventRelayConfirmed, relayConfirmed{Seq: seq}), nil
	})
	if err != nil {
		return Done[*Relayed]{}, err
	}
	r, ok := out.Value.Relayed[seq]
	if !ok {
		return Done[*Relayed]{}, errNoRelay()
	}
	return Done[*Relayed]{Value: r, Seq: r.Seq, Version: out.Seq, Events: out.Events, Repeated: out.Repeated}, nil
}

func errNoRelay() error {
	return fault.New(fault.NotFound, "relay_not_found", "Nothing of this number was entered for another party in this incident.")
}
