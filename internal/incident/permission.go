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

// thing is the incident, or a part of it that belongs to owner, as the policy sees it. Only the affected state may know of a draft; of one that
// another state proposed, that state and the regional bodies too.
func (s *state) thing(owner place.Party) access.Thing {
	t := access.Thing{Owner: owner, Origin: s.Origin}
	if s.Told {
		t.Named, t.Regional = s.Receivers, s.Regional
		return t
	}
	for _, p := range s.Proposals {
		t.Named, t.Regional = append(t.Named, p.By), organisations()
	}
	return t
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

// works is the act of working on a step, waives that of marking it not applicable.
func (i *Instance) works() access.Act {
	if i.Side == protocol.TourismSide {
		return access.WorkTourismStep
	}
	return access.WorkStep
}

func (i *Instance) waives() access.Act {
	if i.Side == protocol.TourismSide {
		return access.WaiveTourismStep
	}
	return access.WaiveStep
}

// hear refuses who may change nothing, and checks that a word that is passed on is that of a party which takes part. It gives the party on
// whose word the command rests.
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

// must refuses an act that the policy does not allow on what belongs to owner. It is for acts that never wait for a confirmation.
func (t turn) must(act access.Act, owner place.Party) error {
	_, err := t.scope.Judge(act, t.thing(owner), t.w.Relay)
	return err
}

// acts reports whether the command rests on the word of the party, or of the state whose island it is.
func (t turn) acts(p place.Party) bool {
	return t.scope.All && t.w.Relay == nil || access.Scope{Party: t.party}.ActsFor(p)
}

// Rights says what an account may do and read in an incident now. Pages ask it, so that they offer what will not be refused.
type Rights struct {
	scope access.Scope
	s     *state
}

// Rights gives what the scope may do in an incident. NotFound when it may not see it.
func (d *Desk) Rights(ctx context.Context, scope access.Scope, id string) (Rights, error) {
	found, err := d.load(ctx, scope, id)
	return Rights{scope, found.Value}, err
}

// May reports whether the account may do the act in its own name. owner is whose the part is, "" for the incident itself.
func (r Rights) May(act access.Act, owner place.Party) bool {
	return r.scope.May(act, r.s.thing(owner))
}

// MayRelay reports whether the account may enter the act on the word of the party that the part belongs to.
func (r Rights) MayRelay(act access.Act, owner, party place.Party) bool {
	return r.scope.MayRelay(act, r.s.thing(owner), party)
}

// Speaks reports whether the account may pass on the word of others at all.
func (r Rights) Speaks() bool { return r.scope.May(access.SpeakForOthers, r.s.thing("")) }

// SpeaksFor gives the parties whose word the account may pass on: those that take part and that it does not act for itself.
func (r Rights) SpeaksFor() []place.Party {
	if !r.Speaks() {
		return nil
	}
	return slices.DeleteFunc(r.s.parties(), func(p place.Party) bool { return !r.scope.All && r.scope.ActsFor(p) })
}

// Works reports whether the account reports on the step in its own name.
func (r Rights) Works(i *Instance) bool { return r.May(i.works(), i.Party) }

// RelaysStep reports whether the account passes on the word of the step's party on it.
func (r Rights) RelaysStep(i *Instance) bool { return r.MayRelay(i.works(), i.Party, i.Party) }

// Waives reports whether the account marks the step not applicable.
func (r Rights) Waives(i *Instance) bool { return r.May(i.waives(), i.Party) }
