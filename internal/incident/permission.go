package incident

import (
	"context"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// thing is the incident, or a part of it that belongs to owner, as the policy sees it.
func (s *state) thing(owner place.Party) access.Thing {
	return Incident{Origin: s.Origin, Told: s.Told, Receivers: s.Receivers, Regional: s.Regional, Proposals: s.proposals()}.Thing(owner)
}

// Thing is the incident, or a part of it that belongs to owner, as the policy sees it. Pages ask the policy with it what to
// offer. Only the affected state may know of a draft. When another state proposed the draft, that state may know of it too.
// While a start waits to be confirmed, the regional bodies that may confirm it take part: the affected state may be cut off. One that
// has expired keeps them in until it is swept away.
func (i Incident) Thing(owner place.Party) access.Thing {
	t := access.Thing{Owner: owner, Origin: i.Origin}
	if i.Told {
		t.Named, t.Regional = i.Receivers, slices.Clip(i.Regional)
	}
	for _, p := range i.Proposals {
		if !i.Told {
			t.Named = append(t.Named, p.By)
		}
		t.Regional = append(t.Regional, without(p.Regional, t.Regional)...)
	}
	return t
}

// Thing gives an incident as the policy sees it now; the zero Thing when there is none.
func (d *Desk) Thing(ctx context.Context, incident string) (access.Thing, error) {
	found, err := d.incidents.Load(ctx, incident)
	switch {
	case fault.Is(err, fault.NotFound):
		return access.Thing{}, nil
	case err != nil:
		return access.Thing{}, err
	}
	return found.Value.thing(""), nil
}

func organisations() []place.Party {
	var all []place.Party
	for _, o := range place.Organisations() {
		all = append(all, o.Code)
	}
	return all
}

// sees reports whether the incident exists for the scope.
func (s *state) sees(scope access.Scope) bool {
	return s.Version > 0 && scope.May(access.ReadHeadline, s.thing(""))
}

// shows reports whether the scope may read a step of an incident.
func shows(scope access.Scope, incident access.Thing, i *Instance) bool {
	return scope.May(access.ReadInside, incident) ||
		i.Side == protocol.TourismSide && scope.May(access.ReadTourism, access.Thing{Owner: i.Party})
}

// Works is the act of working on the step.
func (i *Instance) Works() access.Act {
	if i.Side == protocol.TourismSide {
		return access.WorkTourismStep
	}
	return access.WorkStep
}

// Waives is the act of marking the step not applicable.
func (i *Instance) Waives() access.Act {
	if i.Side == protocol.TourismSide {
		return access.WaiveTourismStep
	}
	return access.WaiveStep
}

// hear refuses a scope that may change nothing, and checks that a relayed command speaks for a party that takes part. It gives
// the party on whose word the command rests.
func (s *state) hear(scope access.Scope, relay *ledger.Relay, now time.Time) (place.Party, error) {
	if !scope.MayWrite() {
		_, err := scope.Judge(access.SpeakForOthers, s.thing(""), nil)
		return "", err
	}
	if relay == nil {
		return scope.Party, nil
	}
	party, err := check.Relay(relay, later(now, s.scenario(now)))
	if err != nil {
		return "", err
	}
	if !slices.Contains(s.parties(), party) {
		var c fault.Check
		c.Field("/on_behalf_of", "does not take part in this incident")
		return "", c.Err()
	}
	return party, nil
}

// must refuses an act that the policy does not allow on what belongs to owner. It is for acts that never need a confirmation.
func (t turn) must(act access.Act, owner place.Party) error {
	_, err := t.scope.Judge(act, t.thing(owner), t.w.Relay)
	return err
}
