package access

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Act is something that an account does or reads: a row of the policy.
type Act string

// The acts of the policy, as policy.csv has them.
const (
	ReadHeadline  Act = "read.headline"  // of an incident: that it is there, its states, protocol and key times
	ReadInside    Act = "read.inside"    // of an incident: steps, movements, figures, answers, timeline, who was told
	ReadTourism   Act = "read.tourism"   // a tourism step of one's own state
	ReadOperation Act = "read.operation" // subscriptions, deliveries and alerts about them
	ReadUnit      Act = "read.unit"

	OpenIncident  Act = "incident.open"
	ReleaseDraft  Act = "incident.release"
	NameStates    Act = "incident.name"
	UnnameStates  Act = "incident.unname"
	Monitor       Act = "incident.monitor"
	Activate      Act = "incident.activate"
	MoveAnchor    Act = "incident.anchor"
	EndStay       Act = "incident.stay_end"
	StandDown     Act = "incident.stand_down"
	CloseIncident Act = "incident.close"

	ConfirmStart   Act = "proposal.confirm_start"
	ConfirmEnd     Act = "proposal.confirm_end"
	WithdrawStart  Act = "proposal.withdraw_start" // to take it back, or to decline it
	WithdrawEnd    Act = "proposal.withdraw_end"
	SpeakForOthers Act = "relay.speak"
	ConfirmRelay   Act = "relay.confirm"

	WorkStep         Act = "step.work"
	WorkTourismStep  Act = "step.work_tourism"
	WaiveStep        Act = "step.waive"
	WaiveTourismStep Act = "step.waive_tourism"
	EraseNote        Act = "step.erase_note"
	LeadMovement     Act = "movement.lead"
	CountArrivals    Act = "movement.arrive"
	ReportFigure     Act = "figure.report"
	SupersedeFigure  Act = "figure.supersede"
	GiveAnswer       Act = "answer.give"

	AcknowledgeAlert     Act = "alert.acknowledge"
	AcknowledgeTourism   Act = "alert.acknowledge_tourism"
	AcknowledgeOperation Act = "alert.acknowledge_operation"

	OpenHazard         Act = "hazard.open"
	Administer         Act = "account.administer"
	Subscribe          Act = "subscription.make"
	ChangeSubscription Act = "subscription.change"
	ReplayDelivery     Act = "delivery.replay"

	RegisterUnit  Act = "unit.register"
	AssessUnit    Act = "unit.assess"
	OfferCapacity Act = "unit.offer"
	CountVisitors Act = "unit.count"

	ReadService    Act = "service.read"    // how the service runs
	ReleaseService Act = "service.release" // after a restore; its owners are the parties that operate it
	RetryStream    Act = "service.retry"   // what is set aside; its owners are the same
)

// Thing says whose a record is. Each noun builds one from its own state; members that it does not have stay empty.
type Thing struct {
	Account  string        // the account that made it, where that matters
	Owner    place.Party   // whose it is: the party of a step, an alert, an answer, a unit
	Origin   place.Party   // affected state of the incident
	Named    []place.Party // receivers that the incident names now and that may know of it
	Regional []place.Party // regional bodies that take part, if only while they are asked to confirm a start
}

// Verdict is what becomes of an act.
type Verdict uint8

// The verdicts. An act that is refused has an error instead.
const (
	Stands      Verdict = iota + 1
	Unconfirmed         // stands, on the word of a party that has yet to confirm it
	Proposed            // waits to be confirmed
)

// relation is a column of the policy.
type relation uint8

const (
	mine relation = iota
	own
	origin
	named
	regional
	anybody
	relations
)

// RolePartner is the system of a partner state, which reads its copies on the bus. No account has it.
const RolePartner Role = "partner"

var roleLetters = map[byte]Role{
	'C': RoleCoordinator, 'O': RoleOfficial, 'L': RoleLiaison, 'R': RoleRegionalOfficer, 'A': RoleAdministrator, 'U': RoleAuditor, 'P': RolePartner,
}

// rule is one row of the policy.
type rule struct {
	may     [relations][]Role
	relay   string // at_once, start, end, never
	code    string
	refusal string
}

//go:embed policy.csv
var policyText []byte

var policy = sync.OnceValue(func() map[Act]rule {
	rules, err := parsePolicy(policyText)
	if err != nil {
		panic("access: policy.csv: " + err.Error()) // part of the binary, read by a test
	}
	return rules
})

// Acts lists the acts of the policy, sorted.
func Acts() []Act { return slices.Sorted(maps.Keys(policy())) }

func parsePolicy(text []byte) (map[Act]rule, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	rules := make(map[Act]rule, len(rows))
	for _, row := range rows[1:] {
		act := Act(row[0])
		if _, twice := rules[act]; twice {
			return nil, fmt.Errorf("%s is there twice", act)
		}
		one := rule{relay: row[1+relations], code: row[2+relations], refusal: row[3+relations]}
		if !slices.Contains([]string{"at_once", "start", "end", "never"}, one.relay) {
			return nil, fmt.Errorf("%s: relay %q", act, one.relay)
		}
		for n, cell := range row[1 : 1+relations] {
			for i := range len(cell) {
				role, ok := roleLetters[cell[i]]
				if !ok {
					return nil, fmt.Errorf("%s: no role has the letter %q", act, cell[i])
				}
				one.may[n] = append(one.may[n], role)
			}
		}
		rules[act] = one
	}
	return rules, nil
}

// RefusalCode gives the code with which the act is refused.
func (a Act) RefusalCode() string { return ruleOf(a).code }

// ruleOf gives the row of an act. An act without one is a mistake of whoever added it.
func ruleOf(act Act) rule {
	r, ok := policy()[act]
	if !ok {
		panic("access: the policy has no row for " + string(act))
	}
	return r
}

// holds reports whether the scope stands in a relation to the thing.
func (s Scope) holds(r relation, t Thing) bool {
	switch r {
	case mine:
		return s.Account != "" && s.Account == t.Account
	case own:
		return s.ActsFor(t.Owner)
	case origin:
		return s.ActsFor(t.Origin)
	case named:
		return slices.ContainsFunc(t.Named, s.ActsFor)
	case regional:
		return slices.ContainsFunc(t.Regional, s.ActsFor)
	default:
		return s.Role != ""
	}
}

// May reports whether the scope may do this act on the thing in its own name.
func (s Scope) May(act Act, t Thing) bool {
	r := ruleOf(act)
	if s.All {
		return true
	}
	for n, roles := range r.may {
		if slices.Contains(roles, s.Role) && s.holds(relation(n), t) {
			return true
		}
	}
	return false
}

// Judge says what becomes of an act that the scope enters, in its own name or, with a relay, on another party's word. Faults: Forbidden with the
// words of the policy; Invalid at /on_behalf_of when the word cannot be passed on. The caller has checked that the relay itself is well formed.
func (s Scope) Judge(act Act, t Thing, relay *ledger.Relay) (Verdict, error) {
	if !s.MayWrite() {
		return 0, fault.New(fault.Forbidden, "read_only", "This account reads and changes nothing.")
	}
	if relay == nil {
		if !s.May(act, t) {
			return 0, Refusal(act, t)
		}
		return Stands, nil
	}
	party := place.Party(relay.OnBehalfOf)
	r := ruleOf(act)
	switch {
	case r.relay == "never":
		return 0, refusedRelay("cannot be said for another party here")
	case !s.All && s.ActsFor(party):
		return 0, refusedRelay("is a party that this account acts for; say it in your own name")
	case !s.May(SpeakForOthers, t):
		return 0, Refusal(SpeakForOthers, t)
	case !DutyScope(party).May(act, t):
		return 0, Refusal(act, t)
	}
	switch {
	case r.relay == "at_once":
		return Unconfirmed, nil
	case r.relay == "start" && (s.All || s.Role == RoleRegionalOfficer):
		return Unconfirmed, nil
	}
	return Proposed, nil
}

// Ends reports whether the act ends or narrows something, so that only the affected state confirms it when it was proposed.
func (a Act) Ends() bool { return ruleOf(a).relay == "end" }

// MayRelay reports whether the scope may enter the act on the word of the party, at once or as a proposal.
func (s Scope) MayRelay(act Act, t Thing, party place.Party) bool {
	_, err := s.Judge(act, t, &ledger.Relay{OnBehalfOf: string(party)})
	return err == nil
}

// DutyScope is the scope of a party's own duty desk, its coordinator or regional officer: what may be told to the party at all, and what its word
// may do when somebody else enters it.
func DutyScope(party place.Party) Scope {
	s := Scope{Account: "duty", Role: RoleCoordinator, Party: party}
	if party.IsOrganisation() {
		s.Role = RoleRegionalOfficer
	}
	return s
}

// Refusal gives the fault with which the policy refuses an act.
func Refusal(act Act, t Thing) error {
	r := ruleOf(act)
	text := strings.NewReplacer("{owner}", string(t.Owner), "{origin}", string(t.Origin)).Replace(r.refusal)
	return fault.New(fault.Forbidden, r.code, "%s", text)
}

// NoRelay refuses a word passed on where nobody speaks for another. It is for commands on things that no other party has a word in.
func NoRelay(relay *ledger.Relay) error {
	if relay == nil {
		return nil
	}
	return refusedRelay("cannot be said for another party here")
}

func refusedRelay(reason string) error {
	var c fault.Check
	c.Field("/on_behalf_of", "%s", reason)
	return c.Err()
}
