package notify

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// Status is where a delivery is in its life.
type Status string

// The closed list of statuses. Expired is for notices that come too late to be of use; alerts never expire unsent.
const (
	Queued    Status = "queued"    // waits for its turn
	Sending   Status = "sending"   // an attempt is under way
	Delivered Status = "delivered" // the target took it
	Retrying  Status = "retrying"  // failed, and will be tried again
	Dead      Status = "dead"      // failed for good; can be replayed
	Cancelled Status = "cancelled" // no longer wanted, or no longer allowed
	Expired   Status = "expired"
)

// Statuses lists them all.
func Statuses() []Status {
	return []Status{Queued, Sending, Delivered, Retrying, Dead, Cancelled, Expired}
}

// terminal reports whether nothing more happens by itself.
func (s Status) terminal() bool {
	return s == Delivered || s == Dead || s == Cancelled || s == Expired
}

// Attempt is one try, or the decision that there was nothing to try.
type Attempt struct {
	At     time.Time `json:"at"`
	Code   string    `json:"code"`             // "200", "503", "timeout"; of a cancellation why: "not_named"
	Detail string    `json:"detail,omitempty"` // the far side's words
	From   int64     `json:"from"`             // version of the document it was made from: no two attempts have the same
}

// Replay is one time a person asked for a delivery to be tried again.
type Replay struct {
	At      time.Time `json:"at"`
	Account string    `json:"account"`
	ID      string    `json:"id,omitempty"` // of the replay's record in the ledger
}

// Delivery is one event on its way to one target. It is a working document: read only for whoever gets one.
type Delivery struct {
	ID        string `json:"id"` // of event and target: every attempt carries it
	EventID   string `json:"event_id"`
	EventType string `json:"event_type"`
	Stream    string `json:"stream"` // where the event is found
	Seq       int64  `json:"seq"`
	Incident  string `json:"incident,omitempty"`
	AlertID   string `json:"alert_id,omitempty"` // when the event is one of an alert
	Exercise  bool   `json:"exercise"`
	Urgent    bool   `json:"urgent,omitempty"` // goes before what is not
	Trace     string `json:"trace,omitempty"`  // W3C traceparent of the request behind it; "" mostly

	Subscription string      `json:"subscription"`
	Channel      string      `json:"channel"`
	Target       string      `json:"target"` // masked
	Party        place.Party `json:"party,omitempty"`

	Status        Status     `json:"status"`
	CreatedAt     time.Time  `json:"created_at"`
	WaitingSince  *time.Time `json:"waiting_since,omitempty"` // while it is not over: since when somebody waits for it
	NextAttemptAt *time.Time `json:"next_attempt_at,omitempty"`
	Attempts      []Attempt  `json:"attempts"`
	Asked         bool       `json:"asked,omitempty"`   // the far side asked to be left alone until then
	Round         int        `json:"round,omitempty"`   // attempts before the last replay; the retry schedule counts from here
	Forward       int        `json:"forward,omitempty"` // of those since, how many were made ahead of the schedule: it does not count them
	Replays       []Replay   `json:"replays,omitempty"`

	LeaseOwner string     `json:"lease_owner,omitempty"` // process that has it in hand
	LeaseUntil *time.Time `json:"lease_until,omitempty"`

	Version int64 `json:"-"` // of the document: each write is one more
}

// DeliveryID gives the id under which an event reaches a target, however often it is tried.
func DeliveryID(eventID, targetID string) string { return ledger.Derive("delivery", eventID, targetID) }

// leaseTime is how long a process has a delivery to itself.
const leaseTime = 20 * time.Second

const kindDelivery = "delivery"

// The queues of a target are its deliveries that are not over, in the order in which they are due: one of the urgent ones, one of all
// others. Each target has its own, so that a long one hides no other. Whatever is over has no queue.
var deliveryKind = store.Kind{
	Name: kindDelivery,
	Fields: []store.Field{
		{Name: "queue", Type: store.String}, {Name: "due_at", Type: store.Time}, {Name: "waiting_since", Type: store.Time},
		{Name: "created_at", Type: store.Time}, {Name: "state", Type: store.String}, {Name: "party", Type: store.String},
		{Name: "incident", Type: store.String}, {Name: "event_type", Type: store.String}, {Name: "subscription", Type: store.String},
		{Name: "status", Type: store.String}, {Name: "channel", Type: store.String},
	},
	Indexes: []store.Index{
		{Name: "queue", Fields: []string{"queue", "due_at"}, Sparse: true},
		{Name: "waiting", Fields: []string{"waiting_since"}, Sparse: true},
		{Name: "recent", Fields: []string{"created_at"}},
		{Name: "state", Fields: []string{"state", "created_at"}},
		{Name: "incident", Fields: []string{"incident", "created_at"}},
		{Name: "subscription", Fields: []string{"subscription", "created_at"}},
	},
}

// urgentQueue ends the name of a target's queue of urgent deliveries; the other one has the target's own name. It sorts before every
// character that ids are made of, so that a target's two queues stand beside each other.
const urgentQueue = "!"

// queueOf names a target's queue of a class.
func queueOf(target string, c class) string {
	if c == urgent {
		return target + urgentQueue
	}
	return target
}

// newDelivery gives the delivery of an event to a subscription, queued.
func newDelivery(n *notice, s *Subscription, masked string, now time.Time) *Delivery {
	d := &Delivery{
		ID: DeliveryID(n.EventID, s.ID), EventID: n.EventID, EventType: n.Type, Stream: string(n.Stream), Seq: n.Seq,
		Incident: n.Incident, Exercise: n.Exercise, Urgent: n.urgent, Trace: n.Trace,
		Subscription: s.ID, Channel: s.Channel, Target: masked, Party: s.Owner.Party,
		Status: Queued, CreatedAt: now, WaitingSince: &now, NextAttemptAt: &now, Attempts: []Attempt{}, Version: 1,
	}
	if n.Stream.Noun() == NounAlert {
		d.AlertID = n.Stream.ID()
	}
	return d
}

func (v *Delivery) class() class {
	if v.Urgent {
		return urgent
	}
	return routine
}

// dueAt is when somebody must look at the delivery: a leased one when its lease runs out.
func (v *Delivery) dueAt() time.Time {
	switch {
	case v.inHand() && v.LeaseUntil != nil:
		return *v.LeaseUntil
	case v.NextAttemptAt != nil:
		return *v.NextAttemptAt
	}
	return v.CreatedAt
}

// inHand reports whether a process has the delivery in its memory: it waits there for its turn, or an attempt is under way.
func (v *Delivery) inHand() bool {
	return v.Status == Sending || v.Status == Queued && v.LeaseOwner != ""
}

// lease puts the delivery in the hands of a process, where it waits for its turn.
func (v *Delivery) lease(owner string, now time.Time) {
	until := now.Add(leaseTime)
	v.Status, v.LeaseOwner, v.LeaseUntil, v.NextAttemptAt = Queued, owner, &until, nil
}

// release puts it back in its queue, due at once.
func (v *Delivery) release(now time.Time) {
	v.Status, v.LeaseOwner, v.LeaseUntil, v.NextAttemptAt = Queued, "", nil, &now
}

// apply writes an outcome onto the delivery. An outcome that is there already changes nothing and gives false. What was delivered stays
// delivered, whatever another process that had it in hand reports.
func (v *Delivery) apply(o outcome, owner string) bool {
	if slices.ContainsFunc(v.Attempts, func(a Attempt) bool { return a.From == o.From }) {
		return false
	}
	v.Attempts = append(slices.Clip(v.Attempts), Attempt{At: o.At, Code: o.Code, Detail: o.Detail, From: o.From})
	if v.Status == Delivered {
		return true
	}
	v.Status, v.NextAttemptAt, v.LeaseOwner, v.LeaseUntil, v.Asked = o.Status, nil, "", nil, o.Asked
	if o.Forward {
		v.Forward++
	}
	if o.Status.terminal() {
		v.WaitingSince = nil
		return true
	}
	// Whoever tried keeps the delivery for the next attempt; another process takes it only when that one is late.
	next := *o.Next
	until := next.Add(leaseTime)
	v.NextAttemptAt, v.LeaseOwner, v.LeaseUntil = &next, owner, &until
	return true
}

// doc gives the stored form.
func (v *Delivery) doc() store.Doc {
	index := map[string]any{
		"created_at": v.CreatedAt, "state": string(v.Party.StateParty()), "party": string(v.Party), "incident": v.Incident,
		"event_type": v.EventType, "subscription": v.Subscription, "status": string(v.Status), "channel": v.Channel,
	}
	if !v.Status.terminal() {
		index["queue"], index["due_at"] = queueOf(v.Subscription, v.class()), v.dueAt()
		if v.WaitingSince != nil {
			index["waiting_since"] = *v.WaitingSince
		}
	}
	return store.Doc{ID: v.ID, Version: v.Version, Body: mustJSON(v), Index: index}
}

func (v *Delivery) insert() store.Op {
	return store.Op{Do: store.OpInsert, Kind: kindDelivery, Doc: v.doc()}
}

// put writes the delivery over the version it was made from; the store refuses when another process was first.
func (v *Delivery) put() store.Op {
	v.Version++
	return store.Op{Do: store.OpPut, Kind: kindDelivery, Doc: v.doc()}
}

func readDelivery(doc store.Doc) (*Delivery, error) {
	v := new(Delivery)
	if err := json.Unmarshal(doc.Body, v); err != nil {
		return nil, fmt.Errorf("delivery %s: %w", doc.ID, err)
	}
	v.Version = doc.Version
	return v, nil
}

// Retries is the schedule of further attempts: how long after each failed one the next is made. An empty one means one attempt.
type Retries []time.Duration

// DefaultRetries gives the schedule of Standard Webhooks: eight further attempts over 17 hours.
func DefaultRetries() Retries {
	return Retries{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour}
}

// maxRetryAfter bounds what a far side can ask for: one that asks for more is asked again after a day.
const maxRetryAfter = 24 * time.Hour

// tried gives how many attempts of its round the schedule counts.
func (v *Delivery) tried() int { return len(v.Attempts) - v.Round - v.Forward }

// replay puts the delivery back in its queue, on a fresh schedule, for the replay of that id.
func (v *Delivery) replay(id, account string, now time.Time) {
	v.Replays = append(slices.Clip(v.Replays), Replay{At: now, Account: account, ID: id})
	v.Round, v.Forward, v.Asked, v.WaitingSince = len(v.Attempts), 0, false, &now
	v.release(now)
}

// next gives when the attempt after the n-th (from 1) of a round is made, not before the far side wants it; false: there is none.
func (r Retries) next(n int, at time.Time, after time.Duration) (time.Time, bool) {
	if n > len(r) {
		return time.Time{}, false
	}
	return at.Add(max(r[n-1], min(after, maxRetryAfter))), true
}
