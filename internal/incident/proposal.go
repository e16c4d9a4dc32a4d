package incident

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"landfall/internal/access"
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
	ProposalDeclined  ProposalEnd = "declined"  // by the affected state, or a start by a regional officer
	ProposalExpired   ProposalEnd = "expired"
	ProposalReplaced  ProposalEnd = "replaced" // by a later one for the same of the same party
	ProposalUnnamed   ProposalEnd = "unnamed"  // its party, or the one it speaks for, takes part no longer
)

// ProposalTime is how long a proposal waits (wall time; a proposal of ours).
const ProposalTime = 24 * time.Hour

// maxProposals bounds those of one party that wait in one incident, so that no party takes the room of another.
const maxProposals = 5

// Proposal is a command that somebody entered on the word of the affected state, and that waits for it, or for a regional officer, to confirm it.
// It is shared: whoever gets one must not change it.
type Proposal struct {
	ID         string          `json:"id"`
	Kind       ProposalKind    `json:"kind"`
	Ends       bool            `json:"ends,omitempty"`    // as the incident stands, it ends or narrows it: only the affected state confirms it
	Request    json.RawMessage `json:"request,omitempty"` // what was asked for, as recorded
	Relay      ledger.Relay    `json:"relay"`             // on whose word, how and when it was said
	By         place.Party     `json:"by"`                // party of whoever entered it
	ByRole     access.Role     `json:"by_role"`
	ProposedAt time.Time       `json:"proposed_at"` // recorded
	ExpiresAt  time.Time       `json:"expires_at"`  // wall time
	Seq        int64           `json:"seq"`

	Regional []place.Party `json:"regional,omitempty"` // regional bodies that may confirm it too, and take part until it is settled
}

// Confirms is the act of confirming the proposal.
func (p *Proposal) Confirms() access.Act {
	if p.Ends {
		return access.ConfirmEnd
	}
	return access.ConfirmStart
}

// Drops is the act of withdrawing or declining the proposal.
func (p *Proposal) Drops() access.Act {
	if p.Ends {
		return access.WithdrawEnd
	}
	return access.WithdrawStart
}

// Asked says what a proposal would do. Members that its kind does not have stay empty.
type Asked struct {
	Named    []place.Party
	Unnamed  []place.Party
	Protocol string
	Mode     protocol.Mode
	Anchors  []AnchorGiven
	Reason   string
}

// Asked reads what was asked for.
func (p *Proposal) Asked() Asked {
	r, err := p.request()
	if err != nil {
		return Asked{}
	}
	switch r := r.(type) {
	case receiversAsked:
		return Asked{Named: r.Named, Unnamed: r.Unnamed}
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

// receiversAsked asks for another list of receivers. A proposal keeps what is to be different, since the list may be another one when it
// is carried out.
type receiversAsked struct {
	Receivers []place.Party `json:"receivers,omitempty"` // the whole list, of a request that is carried out at once
	Named     []place.Party `json:"named,omitempty"`
	Unnamed   []place.Party `json:"unnamed,omitempty"`
}

// difference gives the request as a proposal keeps it.
func (r receiversAsked) difference(s *state) receiversAsked {
	return receiversAsked{Named: without(r.Receivers, s.Receivers), Unnamed: without(s.Receivers, r.Receivers)}
}

// list gives the whole list that is asked for.
func (r receiversAsked) list(s *state) []place.Party {
	if len(r.Named)+len(r.Unnamed) == 0 {
		return r.Receivers
	}
	return append(without(s.Receivers, r.Unnamed), without(r.Named, s.Receivers)...)
}

func (receiversAsked) kind() ProposalKind { return ProposeReceivers }

func (r receiversAsked) act(t turn) (access.Act, place.Party) {
	if len(without(t.Receivers, r.list(t.state))) > 0 {
		return access.UnnameStates, ""
	}
	return access.NameStates, ""
}

func (r receiversAsked) decide(t turn) ([]ledger.Event, error) {
	return t.setReceivers(r.list(t.state))
}

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
		if err != nil || len(events) == 0 {
			return ledger.Decision{}, err
		}
		if verdict == access.Proposed {
			events, err = t.propose(r, act.Ends())
			return ledger.Decision{Events: events}, err
		}
		return ledger.Decision{Events: append(events, t.endOfUnnamed(events[0], "")...)}, nil
	})
}

// propose gives the event with which a request waits. What the same party had proposed for the same ends with it.
func (t turn) propose(r request, ends bool) ([]ledger.Event, error) {
	if list, ok := r.(receiversAsked); ok {
		r = list.difference(t.state)
	}
	p := newProposal(r.kind(), newID("", "proposal", t.scope, t.w), r, t.wall)
	if p.Ends = ends; !ends {
		p.Regional = t.regionalBodies(r)
	}
	var events []ledger.Event
	waiting := 0
	for _, old := range t.proposals() {
		switch {
		case old.By != t.scope.Party:
		case old.Kind == p.Kind && old.Ends == p.Ends && old.anchor() == (&Proposal{Kind: p.Kind, Request: p.Request}).anchor():
			events = append(events, t.endProposal(old, ProposalReplaced, "", t.now)...)
		default:
			waiting++
		}
	}
	if waiting >= maxProposals {
		return nil, fault.New(fault.State, "too_many_proposals", "%d proposals of this party wait in this incident already.", waiting)
	}
	return append(events, ledger.Event{Type: EventProposed, Data: p}), nil
}

// regionalBodies gives the regional bodies that take part in what a request starts: those with steps in the protocol that it runs, or
// that runs already. Before any does, it is not known which they are, so all are asked.
func (t turn) regionalBodies(r request) []place.Party {
	id, version := "", 0
	if start, ok := r.(startAsked); ok {
		id = start.Protocol
	} else if t.Running != nil {
		id, version = t.Running.Protocol, t.Running.Version
	}
	template, ok := t.desk.templates(id, version)
	if !ok {
		return organisations()
	}
	return template.Organisations()
}

// anchor gives the name of the anchor that a proposal of that kind would set; "" for every other kind.
func (p *Proposal) anchor() string {
	if anchors := p.Asked().Anchors; p.Kind == ProposeAnchor && len(anchors) == 1 {
		return anchors[0].Name
	}
	return ""
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

// Proposals gives what waits to be confirmed in an incident, the oldest first, to whoever reads its inside.
func (d *Desk) Proposals(ctx context.Context, scope access.Scope, id string) ([]*Proposal, error) {
	s, err := d.inside(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	return s.proposals(), nil
}

func (s *state) proposals() []*Proposal {
	all := slices.SortedFunc(maps.Values(s.Proposals), func(a, b *Proposal) int { return int(a.Seq - b.Seq) })
	for n, p := range all {
		all[n] = s.asItStands(p)
	}
	return all
}

// asItStands gives a proposal as it would be carried out now: a list of receivers names only, when those it would un-name are named no more.
func (s *state) asItStands(p *Proposal) *Proposal {
	if !p.Ends || p.Kind != ProposeReceivers || slices.ContainsFunc(p.Asked().Unnamed, s.receives) {
		return p
	}
	now := *p
	now.Ends = false
	return &now
}
