package incident

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"landfall/internal/access"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
	"landfall/internal/store"
)

// Entry is one thing that happened to an incident, as the timeline tells it.
type Entry struct {
	ID         string // event id, the same as on the bus
	Seq        int64
	Type       string          // "step.completed.v1"
	Role       access.Role     // of whoever recorded it; accounts are not told
	Party      place.Party     // it acted for; "" for the first account and for Landfall itself
	Relay      *ledger.Relay   // also of a proposal that it carries out
	Relayed    *Relayed        // set with Relay when it stands: whether the party spoken for has confirmed it
	RecordedAt time.Time       // wall time
	OccurredAt time.Time       // scenario time, where the event says so
	Subject    string          // key of the step, id of the movement or figure, name of the anchor; "" for the incident
	Note       string          // of step.noted; "" when it was erased
	Data       json.RawMessage // the event as recorded
	word       *Word
}

// Word says how the entry's word came; nil when a party spoke for itself.
func (e Entry) Word() *Word { return e.word }

// Confirmed reports whether the party spoken for stands by what the entry says, because it confirmed the proposal or the relay.
func (e Entry) Confirmed() bool {
	switch {
	case e.word == nil:
		return false
	case e.Relayed != nil:
		return e.Relayed.Confirmed()
	}
	by := e.word.ConfirmedBy
	return by != nil && covers(by.Party, e.word.OnBehalfOf)
}

// Corrected reports whether the party spoken for has said something else itself since.
func (e Entry) Corrected() bool {
	return e.Relayed != nil && e.Relayed.Settled() && !e.Relayed.Confirmed()
}

// Timeline gives what happened, oldest first. Whoever was named later sees it from that moment on. A page may hold a few more entries than the
// limit: what happened together stays together.
func (d *Desk) Timeline(ctx context.Context, scope access.Scope, id string, page PageRequest) (Page[Entry], error) {
	var none Page[Entry]
	limit, err := page.limit(defaultLimit)
	if err != nil {
		return none, err
	}
	after := int64(0)
	if page.Cursor != "" {
		if after, err = strconv.ParseInt(page.Cursor, 10, 64); err != nil || after < 0 {
			return none, storeFault(store.ErrBadCursor)
		}
	}
	s, err := d.inside(ctx, scope, id)
	if err != nil {
		return none, err
	}
	if since := s.knownSince(scope); since.Seq > 0 {
		after = max(after, since.Seq-1)
	}
	events, err := d.incidents.History(ctx, id, after, limit)
	if err != nil {
		return none, err
	}
	p := Page[Entry]{Items: make([]Entry, 0, len(events))}
	for _, e := range events {
		p.Items = append(p.Items, s.entry(e))
	}
	if n := len(events); n > 0 && events[n-1].Seq < s.Version {
		p.Next = strconv.FormatInt(events[n-1].Seq, 10)
	}
	return p, nil
}

// latestWindow is how many commits are read at once when the timeline is read backwards.
const latestWindow = 256

// Latest gives what happened, newest first; of one step, movement, figure or anchor when subject is its key, id or name. Whoever was named
// later sees it from that moment on. A page may hold a few more entries than the limit: what happened together stays together.
func (d *Desk) Latest(ctx context.Context, scope access.Scope, id, subject string, page PageRequest) (Page[Entry], error) {
	var none Page[Entry]
	limit, err := page.limit(defaultLimit)
	if err != nil {
		return none, err
	}
	s, err := d.inside(ctx, scope, id)
	if err != nil {
		return none, err
	}
	before := s.Version + 1
	if page.Cursor != "" {
		if before, err = strconv.ParseInt(page.Cursor, 10, 64); err != nil || before < 1 {
			return none, storeFault(store.ErrBadCursor)
		}
	}
	first := max(s.knownSince(scope).Seq, 1)
	p := Page[Entry]{Items: []Entry{}}
	for before > first {
		after := max(first, before-latestWindow) - 1
		events, err := d.incidents.Between(ctx, id, after, before)
		if err != nil {
			return none, err
		}
		before = after + 1
		for n, e := range slices.Backward(events) {
			x := s.entry(e)
			if subject != "" && x.Subject != subject {
				continue
			}
			if len(p.Items) >= limit && x.Seq != p.Items[len(p.Items)-1].Seq {
				p.Next = strconv.FormatInt(events[n].Seq+1, 10)
				return p, nil
			}
			p.Items = append(p.Items, x)
		}
	}
	return p, nil
}

// Detail is what an event says beyond its sort. Members that it does not have stay empty.
type Detail struct {
	Figure         *Figure
	Answer         *Answer
	Movement       *Voyage // the facts of the movement as they stood after it
	Severity       Severity
	Protocol       string
	Anchors        []AnchorGiven
	Before         time.Time     // what an anchor that moved said until then
	Receivers      []place.Party // of an incident that was opened
	Named, Unnamed []place.Party
	Evidence       *Evidence
	Reason         string
	DueAt          time.Time // of what fell due
	Proposal       ProposalKind
	Ends           bool // only the affected state confirms the proposal
	Outcome        ProposalEnd
}

// AnchorGiven is what an event gave an anchor.
type AnchorGiven struct {
	Name string
	At   time.Time // scenario time
	Kind protocol.Kind
}

// Detail reads the event as it was recorded.
func (e Entry) Detail() Detail {
	var d Detail
	switch e.Type {
	case EventFigureReported:
		d.Figure = detail[Figure](e)
	case EventAnswerGiven:
		d.Answer = detail[Answer](e)
	case EventOpened:
		o := detail[opened](e)
		d.Severity, d.Receivers = o.Severity, o.Receivers
	case EventReceiversChanged:
		r := detail[receiversChanged](e)
		d.Named, d.Unnamed = r.Named, r.Unnamed
	case EventMonitored, EventActivated:
		s := detail[started](e)
		d.Protocol = s.Protocol
		for _, a := range s.Anchors {
			d.Anchors = append(d.Anchors, AnchorGiven(a))
		}
	case EventAnchorMoved:
		a := detail[anchorMoved](e)
		d.Anchors, d.Before = []AnchorGiven{AnchorGiven(a.anchorSet)}, a.Before.At
	case EventStoodDown, EventClosed:
		d.Reason = detail[ended](e).Reason
	case EventProposed:
		p := detail[proposed](e)
		d.Proposal, d.Ends = p.Kind, p.Ends
	case EventProposalEnded:
		p := detail[proposalEnded](e)
		d.Proposal, d.Outcome, d.Reason = p.Kind, p.How, p.Reason
	case EventStepStarted, EventStepCompleted, EventStepNotApplicable, EventStepNoted, EventStepReopened:
		r := detail[stepReported](e)
		d.Evidence, d.Reason = r.Evidence, r.Reason
		if r.Waived != "" {
			d.Reason = r.Waived
		}
	case EventStepDueSoon, EventStepOverdue:
		d.DueAt = detail[stepFell](e).DueAt
	case EventMovementAnnounced, EventMovementDeparted, EventMovementArrived, EventMovementCancelled, EventMovementCorrected:
		m := detail[movementReported](e)
		d.Movement, d.Reason = &m.Voyage, m.Reason
	}
	return d
}

// detail reads the data of an event; what does not read is empty.
func detail[V any](e Entry) *V {
	v := new(V)
	_ = json.Unmarshal(e.Data, v)
	return v
}

// entry is entry with what became of a word that was passed on.
func (s *state) entry(e ledger.Recorded) Entry {
	x := entry(e)
	x.Relayed = s.Relayed[e.Seq]
	return x
}

// entry reads what the timeline shows of an event. Members that an event does not have stay empty.
func entry(e ledger.Recorded) Entry {
	var d struct {
		Key        string    `json:"key"`
		ID         string    `json:"id"`
		Name       string    `json:"name"`
		OccurredAt time.Time `json:"occurred_at"`
		DepartedAt time.Time `json:"departed_at"`
		ArrivedAt  time.Time `json:"arrived_at"`
		At         time.Time `json:"at"`
	}
	_ = json.Unmarshal(e.Data, &d) // what does not read leaves the entry without a subject, and whole otherwise
	note, _ := e.Detached(detachedNote)
	x := Entry{
		ID: e.ID(), Seq: e.Seq, Type: e.Type, Role: access.Role(e.Actor.Role), Party: place.Party(e.Actor.Party), word: wordOf(e),
		RecordedAt: e.RecordedAt, OccurredAt: d.OccurredAt, Subject: d.Key, Note: note, Data: e.Data,
	}
	if x.word != nil {
		x.Relay = x.word.relay()
	}
	switch e.Type {
	case EventAnchorMoved:
		x.Subject = d.Name
	case EventMovementAnnounced, EventMovementCancelled, EventMovementCorrected, EventFigureReported, EventAnswerGiven:
		x.Subject = d.ID
	case EventMovementDeparted:
		x.Subject, x.OccurredAt = d.ID, d.DepartedAt
	case EventMovementArrived:
		x.Subject, x.OccurredAt = d.ID, d.ArrivedAt
	case EventActivated, EventMonitored, EventStoodDown, EventClosed:
		x.OccurredAt = d.At
	}
	return x
}
