package incident

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// ProposalKind is what a proposal would do.
type ProposalKind string

// The closed list of kinds of proposal.
const (
	ProposeOpening   ProposalKind = "open"
	ProposeReceivers ProposalKind = "receivers"
	ProposeMonitor   ProposalKind = "monitor"
	ProposeActivate  ProposalKind = "activate"
	ProposeAnchor    ProposalKind = "anchor"
	ProposeStandDown ProposalKind = "stand_down"
	ProposeClose     ProposalKind = "close"
)

// ProposalKinds gives the closed list.
func ProposalKinds() []ProposalKind {
	return []ProposalKind{ProposeOpening, ProposeReceivers, ProposeMonitor, ProposeActivate, ProposeAnchor, ProposeStandDown, ProposeClose}
}

// ProposalEnd is how a proposal ends without being carried out.
type ProposalEnd string

// The closed list of such ends.
const (
	ProposalWithdrawn ProposalEnd = "withdrawn" // by whoever proposed it
	ProposalDeclined  ProposalEnd = "declined"  // by the affected state
	ProposalExpired   ProposalEnd = "expired"
)

// ProposalTime is how long a proposal waits (wall time; a proposal of ours).
const ProposalTime = 24 * time.Hour

// maxProposals bounds those that wait in one incident.
const maxProposals = 20

// Proposal is a command that somebody entered on the word of the affected state, and that waits for it, or for a regional officer, to confirm it.
// It is shared: whoever gets one must not change it.
type Proposal struct {
	ID         string          `json:"id"`
	Kind       ProposalKind    `json:"kind"`
	Ends       bool            `json:"ends,omitempty"`    // it ends or narrows the incident: only the affected state confirms it
	Request    json.RawMessage `json:"request,omitempty"` // what was asked for, as recorded
	Relay      ledger.Relay    `json:"relay"`             // on whose word, how and when it was said
	By         place.Party     `json:"by"`                // party of whoever entered it
	ByRole     access.Role     `json:"by_role"`
	ProposedAt time.Time       `json:"proposed_at"` // recorded
	ExpiresAt  time.Time       `json:"expires_at"`  // wall time
	Seq        int64           `json:"seq"`
}

// Confirms is the act of confirming the proposal.
func (p *Proposal) Confirms() access.Act {
	if p.Ends {
		return access.ConfirmEnd
	}
	return access.ConfirmStart
}

// Asked says what a proposal would do. Members that its kind does not have stay empty.
type Asked struct {
	Receivers []place.Party
	Protocol  string
	Mode      protocol.Mode
	Anchors   []AnchorGiven
	Reason    string
}

// Asked reads what was asked for.
func (p *Proposal) Asked() Asked {
	r, err := p.request()
	if err != nil {
		return Asked{}
	}
	switch r := r.(type) {
	case receiversAsked:
		return Asked{Receivers: r.Receivers}
	case startAsked:
		a := Asked{Protocol: r.Protocol, Mode: r.Mode}
		for _, set := range r.Anchors {
			a.Anchors = append(a.Anchors, AnchorGiven(set))
		}
		return a
	case anchorAsked:
		return Asked{Anchors: []AnchorGiven{AnchorGiven(r.anchorSet)}}
	case endAsked:
		return Asked{Reason: r.Reason}
	}
	return Asked{}
}

// request is a command that only the affected state leads. Its JSON is stored in proposals for ever.
type request interface {
	kind() ProposalKind
	// act gives the act of the policy that it is, and whose the part is that it changes.
	act(t turn) (access.Act, place.Party)
	decide(t turn) ([]ledger.Event, error)
}

type receiversAsked struct {
	Receivers []place.Party `json:"receivers"`
}

func (receiversAsked) kind() ProposalKind { return ProposeReceivers }

func (r receiversAsked) act(t turn) (access.Act, place.Party) {
	if len(without(t.Receivers, r.Receivers)) > 0 {
		return access.UnnameStates, ""
	}
	return access.NameStates, ""
}

func (r receiversAsked) decide(t turn) ([]ledger.Event, error) { return t.setReceivers(r.Receivers) }

type startAsked struct {
	Activate bool          `json:"activate"`
	Protocol string        `json:"protocol"`
	Mode     protocol.Mode `json:"mode,omitempty"`
	Anchors  []anchorSet   `json:"anchors,omitempty"`
}

func startOf(in Start, activate bool) startAsked {
	r := startAsked{Activate: activate, Protocol: in.Protocol, Mode: in.Mode}
	for _, name := range slices.Sorted(maps.Keys(in.Anchors)) {
		r.Anchors = append(r.Anchors, anchorSet{Name: name, At: in.Anchors[name].At, Kind: in.Anchors[name].Kind})
	}
	return r
}

func (r startAsked) kind() ProposalKind {
	if r.Activate {
		return ProposeActivate
	}
	return ProposeMonitor
}

func (r startAsked) act(turn) (access.Act, place.Party) {
	if r.Activate {
		return access.Activate, ""
	}
	return access.Monitor, ""
}

func (r startAsked) decide(t turn) ([]ledger.Event, error) { return t.start(r) }

type anchorAsked struct{ anchorSet }

func (anchorAsked) kind() ProposalKind { return ProposeAnchor }

func (r anchorAsked) act(turn) (access.Act, place.Party) {
	if _, party := splitAnchor(r.Name); party != "" {
		return access.EndStay, party
	}
	return access.MoveAnchor, ""
}

func (r anchorAsked) decide(t turn) ([]ledger.Event, error) { return t.moveAnchor(r.anchorSet) }

type endAsked struct {
	StandDown bool   `json:"stand_down"`
	Reason    string `json:"reason,omitempty"`
}

func (r endAsked) kind() ProposalKind {
	if r.StandDown {
		return ProposeStandDown
	}
	return ProposeClose
}

func (r endAsked) act(turn) (access.Act, place.Party) {
	if r.StandDown {
		return access.StandDown, ""
	}
	return access.CloseIncident, ""
}

func (r endAsked) decide(t turn) ([]ledger.Event, error) { return t.end(r) }

// request reads what was asked for. An opening asks for nothing more.
func (p *Proposal) request() (request, error) {
	switch p.Kind {
	case ProposeReceivers:
		return requestOf[receiversAsked](p.Request)
	case ProposeMonitor, ProposeActivate:
		return requestOf[startAsked](p.Request)
	case ProposeAnchor:
		return requestOf[anchorAsked](p.Request)
	case ProposeStandDown, ProposeClose:
		return requestOf[endAsked](p.Request)
	case ProposeOpening:
	}
	return nil, fault.New(fault.Unavailable, "unknown_proposal", "This version of Landfall does not know proposals to %s.", p.Kind)
}

func requestOf[R request](text json.RawMessage) (request, error) {
	var r R
	err := json.Unmarshal(text, &r)
	return r, err
}

// lead runs a request whose answer is the incident.
func (d *Desk) lead(ctx context.Context, scope access.Scope, w access.Write, id string, r request) (Done[Incident], error) {
	return d.incidentDone(d.ask(ctx, scope, w, id, func(turn) (request, error) { return r, nil }))
}

// ask runs a request: it is carried out, or waits as a proposal, as the policy says. What cannot be carried out now is not proposed either.
func (d *Desk) ask(ctx context.Context, scope access.Scope, w access.Write, id string, read func(turn) (request, error)) (ledger.Outcome[*state], error) {
	return d.commandWith(ctx, scope, w, id, true, func(t turn) (ledger.Decision, error) {
		r, err := read(t)
		if err != nil {
			return ledger.Decision{}, err
		}
		act, owner := r.act(t)
		verdict, err := scope.Judge(act, t.thing(owner), w.Relay)
		if err != nil {
			return ledger.Decision{}, err
		}
		events, err := r.decide(t)
		if err != nil || len(events) == 0 || verdict != access.Proposed {
			return ledger.Decision{Events: events}, err
		}
		if len(t.Proposals) >= maxProposals {
			return ledger.Decision{}, fault.New(fault.State, "too_many_proposals", "%d proposals wait in this incident already.", len(t.Proposals))
		}
		p := newProposal(r.kind(), newID("", "proposal", scope, w), r, t.wall)
		p.Ends = act.Ends()
		return ledger.Decision{Events: one(EventProposed, p)}, nil
	})
}

// newProposal gives the event of a proposal; r is nil for an opening.
func newProposal(kind ProposalKind, id string, r request, now time.Time) *proposed {
	p := &proposed{ID: id, Kind: kind, ExpiresAt: now.Add(ProposalTime)}
	if r != nil {
		p.Request = marshal(r)
	}
	return p
}

// proposedIn gives the proposal that a command recorded; nil when it recorded none.
func proposedIn(out ledger.Outcome[*state]) *Proposal {
	for _, e := range out.Events {
		for _, p := range out.Value.Proposals {
			if p.Seq == e.Seq && e.Relay != nil {
				return p
			}
		}
	}
	return nil
}

// Proposals gives what waits to be confirmed in an incident, the oldest first.
func (d *Desk) Proposals(ctx context.Context, scope access.Scope, id string) ([]*Proposal, error) {
	found, err := d.load(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	return found.Value.proposals(), nil
}

func (s *state) proposals() []*Proposal {
	return slices.SortedFunc(maps.Values(s.Proposals), func(a, b *Proposal) int { return int(a.Seq - b.Seq) })
}

// confirming is the event of a request, which can say that it carries out a proposal.
type confirming interface{ confirm(proposal string) }

func (f *follows) confirm(proposal string)  { f.Confirms = proposal }
func (r *released) confirm(proposal string) { r.Confirms = proposal }

// Confirm carries out a proposal as the incident stands now. The affected state's coordinator confirms; of what starts something a regional
// officer may, and then it stands without the affected state's own word. Faults: NotFound, Forbidden; State when it can no longer be done.
func (d *Desk) Confirm(ctx context.Context, scope access.Scope, w access.Write, id, proposal string) (Done[Incident], error) {
	out, err := d.commandWith(ctx, scope, w, id, true, func(t turn) (ledger.Decision, error) {
		p, err := t.proposal(proposal)
		if err != nil {
			return ledger.Decision{}, err
		}
		if err := t.must(p.Confirms(), ""); err != nil {
			return ledger.Decision{}, err
		}
		if err := t.matches(p.Seq, false); err != nil {
			return ledger.Decision{}, err
		}
		t.settled = true
		events, err := t.carryOut(p)
		return ledger.Decision{Events: events}, err
	})
	return d.incidentDone(out, err)
}

func (t turn) proposal(id string) (*Proposal, error) {
	p, ok := t.Proposals[id]
	if !ok {
		return nil, fault.New(fault.NotFound, "proposal_not_found", "No such proposal waits in this incident.")
	}
	return p, nil
}

func (t turn) carryOut(p *Proposal) ([]ledger.Event, error) {
	var events []ledger.Event
	var err error
	if p.Kind == ProposeOpening {
		events, err = t.release()
	} else {
		var r request
		if r, err = p.request(); err == nil {
			events, err = r.decide(t)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(events) == 0 { // it has come about by itself
		return one(EventProposalEnded, proposalEnded{ID: p.ID, Kind: p.Kind, By: p.By, How: ProposalWithdrawn}), nil
	}
	events[0].Data.(confirming).confirm(p.ID)
	return events, nil
}

// Withdraw takes a proposal back, or declines it: whoever's party proposed it withdraws, the affected state declines. A draft that was proposed
// is stood down. reason may be empty.
func (d *Desk) Withdraw(ctx context.Context, scope access.Scope, w access.Write, id, proposal, reason string) (Done[Incident], error) {
	c := w.Check()
	check.Reason(&c, "/reason", &reason, false)
	if err := c.Err(); err != nil {
		return Done[Incident]{}, err
	}
	out, err := d.commandWith(ctx, scope, w, id, true, func(t turn) (ledger.Decision, error) {
		p, err := t.proposal(proposal)
		if err != nil {
			return ledger.Decision{}, err
		}
		if err := t.must(access.WithdrawProposal, p.By); err != nil {
			return ledger.Decision{}, err
		}
		if err := t.matches(p.Seq, false); err != nil {
			return ledger.Decision{}, err
		}
		how := ProposalWithdrawn
		if !scope.ActsFor(p.By) {
			how = ProposalDeclined
		}
		return ledger.Decision{Events: t.endProposal(p, how, reason, t.now)}, nil
	})
	return d.incidentDone(out, err)
}

// endProposal gives the event with which a proposal ends. now is scenario time.
func (s *state) endProposal(p *Proposal, how ProposalEnd, reason string, now time.Time) []ledger.Event {
	if p.Kind == ProposeOpening {
		return one(EventStoodDown, &ended{At: now, Reason: "proposal_" + string(how)})
	}
	return one(EventProposalEnded, proposalEnded{ID: p.ID, Kind: p.Kind, By: p.By, How: how, Reason: reason})
}
