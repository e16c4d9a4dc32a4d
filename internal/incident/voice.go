package incident

import (
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// voice is on whose word a command rests: an account's own, or another party's that the account passes on (domain: speaking for others).
//
// Who may do what (domain: roles; proposals where it is silent):
//
//	lead       open, name, monitor, activate, anchors, movements, end     coordinator of the origin
//	answer     for a receiving state                                     its coordinator or official
//	arrive     count who came                                            coordinator or official of the receiver
//	work       a step                                                    coordinator or official of its party; tourism steps also the
//	                                                                     liaison, who works on nothing else; regional steps the regional officer
//	waive      mark any step not applicable                              also every regional officer who takes part
//	count      report a figure                                           coordinator or official of origin or receiver, regional officer
//
// The first account may do all of it. Passed-on words have the rights of a coordinator of the party they are from.
type voice struct {
	all     bool
	party   place.Party
	role    access.Role
	relayed bool
}

// voiceOf is an account's own voice.
func voiceOf(scope access.Scope) voice {
	return voice{all: scope.All, party: scope.Party, role: scope.Role}
}

// headlinesOnly reports whether the voice reads the headline of an incident and no more.
func (v voice) headlinesOnly() bool { return !v.all && v.is(access.RoleLiaison) }

// shows reports whether the voice may read a step.
func (v voice) shows(i *Instance) bool {
	return !v.headlinesOnly() || i.Side == protocol.TourismSide && v.acts(i.Party)
}

// hear works out the voice of a command and refuses who may change nothing.
func (s *state) hear(scope access.Scope, relay *ledger.Relay, now time.Time) (voice, error) {
	if !scope.MayWrite() {
		return voice{}, fault.New(fault.Forbidden, "read_only", "This account reads and changes nothing.")
	}
	if relay == nil {
		return voiceOf(scope), nil
	}
	party, err := check.Relay(relay, later(now, s.scenario(now)))
	if err != nil {
		return voice{}, err
	}
	if !slices.Contains(s.parties(), party) {
		var c fault.Check
		c.Field("/on_behalf_of", "does not take part in this incident")
		return voice{}, c.Err()
	}
	if !mayRelay(scope) {
		return voice{}, fault.New(fault.Forbidden, "may_not_relay", "This account's role does not speak for others.")
	}
	return relayedVoice(party), nil
}

// relayedVoice is a party's word that somebody else enters.
func relayedVoice(party place.Party) voice {
	role := access.RoleCoordinator
	if party.IsOrganisation() {
		role = access.RoleRegionalOfficer
	}
	return voice{party: party, role: role, relayed: true}
}

func mayRelay(scope access.Scope) bool {
	return scope.All || slices.Contains([]access.Role{access.RoleCoordinator, access.RoleOfficial, access.RoleRegionalOfficer}, scope.Role)
}

func (v voice) is(roles ...access.Role) bool { return slices.Contains(roles, v.role) }

// acts reports whether the voice is that of the party, or of the state whose island the party is.
func (v voice) acts(p place.Party) bool { return v.all || covers(v.party, p) }

func (v voice) staff(p place.Party) bool {
	return v.all || v.acts(p) && v.is(access.RoleCoordinator, access.RoleOfficial)
}

func (v voice) leads(s *state) bool { return v.all || v.acts(s.Origin) && v.is(access.RoleCoordinator) }

func (v voice) works(i *Instance) bool {
	switch {
	case v.all:
		return true
	case !v.acts(i.Party):
		return false
	case i.Party.IsOrganisation():
		return v.is(access.RoleRegionalOfficer)
	case i.Side == protocol.TourismSide:
		return v.is(access.RoleCoordinator, access.RoleOfficial, access.RoleLiaison)
	}
	return v.is(access.RoleCoordinator, access.RoleOfficial)
}

func (v voice) waives(s *state, i *Instance) bool {
	return v.works(i) || v.is(access.RoleRegionalOfficer) && slices.Contains(s.Regional, v.party)
}

func (v voice) counts(s *state) bool {
	if v.all || v.is(access.RoleRegionalOfficer) && slices.Contains(s.Regional, v.party) {
		return true
	}
	return v.staff(s.Origin) || slices.ContainsFunc(s.Receivers, v.staff)
}

// mustLead refuses everybody but those who lead the incident.
func (t turn) mustLead() error {
	if !t.leads(t.state) {
		return fault.New(fault.Forbidden, "origin_only", "Only the coordinator of the affected state %s does this.", t.Origin)
	}
	return nil
}
