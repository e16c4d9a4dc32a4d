package incident

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"landfall/internal/access"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// Entry is one thing that happened to an incident, as the timeline tells it.
type Entry struct {
	ID         string // event id, the same as on the bus
	Seq        int64
	Type       string      // "step.completed.v1"
	Role       access.Role // of whoever recorded it; accounts are not told
	Party      place.Party // it acted for; "" for the first account and for Landfall itself
	Relay      *ledger.Relay
	RecordedAt time.Time       // wall time
	OccurredAt time.Time       // scenario time, where the event says so
	Subject    string          // key of the step, id of the movement or figure, name of the anchor; "" for the incident
	Note       string          // of step.noted; "" when it was erased
	Data       json.RawMessage // the event as recorded
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
		p.Items = append(p.Items, entry(e))
	}
	if n := len(events); n > 0 && events[n-1].Seq < s.Version {
		p.Next = strconv.FormatInt(events[n-1].Seq, 10)
	}
	return p, nil
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
		ID: e.ID(), Seq: e.Seq, Type: e.Type, Role: access.Role(e.Actor.Role), Party: place.Party(e.Actor.Party), Relay: e.Relay,
		RecordedAt: e.RecordedAt, OccurredAt: d.OccurredAt, Subject: d.Key, Note: note, Data: e.Data,
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
