package notify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// NounReplay names the streams of replays: one for each request to send something again. It is who asked for what, and when; that the deliveries
// are back in their queues follows from it. A stream of its own gives a request one answer under one key, however many
// deliveries and subscriptions it is about, and leaves the ETags of subscriptions alone.
const NounReplay = "replay"

// EventReplayed is that somebody wants some deliveries sent again.
const EventReplayed = "replay.asked.v1"

// replay is the fold of a replay's stream.
type replay struct {
	Account string `json:"account"`
	Count   int    `json:"count"` // deliveries, so far
	More    bool   `json:"more"`  // the request is not carried out to its end
}

type replayed struct {
	Deliveries []string     `json:"deliveries"`
	Query      *ReplayQuery `json:"query,omitempty"` // what was asked for; nil: for the one
	More       bool         `json:"more,omitempty"`  // another part follows
}

func replayFold() ledger.Fold[*replay] {
	return ledger.Fold[*replay]{
		Noun: NounReplay, Version: 1, Events: []string{EventReplayed},
		New:   func(string) *replay { return &replay{} },
		Clone: func(r *replay) *replay { c := *r; return &c },
		Evolve: func(r *replay, e ledger.Recorded) (*replay, error) {
			if e.Type != EventReplayed {
				return r, nil
			}
			var d replayed
			err := e.Into(&d)
			r.Account, r.Count, r.More = e.Actor.Account, r.Count+len(d.Deliveries), d.More
			return r, err
		},
	}
}

// ReplayQuery says which deliveries are to be sent again. Empty members narrow nothing, but for Status, which is then dead, and Since,
// which is then as long ago as can be asked for.
type ReplayQuery struct {
	Status       []Status  `json:"status,omitempty"` // any but queued and sending
	Channel      string    `json:"channel,omitempty"`
	Subscription string    `json:"subscription,omitempty"`
	Incident     string    `json:"incident,omitempty"`
	Since        time.Time `json:"since,omitzero"` // when the delivery was first queued, from
	Until        time.Time `json:"until,omitzero"` // and before; zero: now
}

const (
	// longestReplay is how far back deliveries can be replayed by filter: what is older nobody has asked for in a month, and a
	// receiver that wants it reads it from the incident.
	longestReplay = 30 * 24 * time.Hour

	replayPart  = 500 // deliveries of one commit, but in tests
	replayTries = 5   // bounds how often a delivery that changes at the same time is put back again
)

// Replay has a delivery that is over, or waits for another attempt, tried at once and then on a fresh schedule, under the same id. Permission
// is looked at again when it is sent. It is recorded: who asked, for whom, when. State when it is under way already, or when its
// subscription is disabled; NotFound when the scope may not see it; Conflict when the key was used for another request.
func (d *Desk) Replay(ctx context.Context, scope access.Scope, w access.Write, id string) (*Delivery, error) {
	v, err := d.Delivery(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	if _, err := scope.Judge(access.ReplayDelivery, access.Thing{Owner: v.Party}, w.Relay); err != nil {
		return nil, err
	}
	s, err := d.subs.Load(ctx, v.Subscription)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	out, err := d.replays.Execute(ctx, replayID(scope, w), ledger.Command[*replay]{
		Actor: scope.Actor(), Relay: w.Relay, Expect: ledger.LikelyNew, Key: w.Key, Digest: w.Digest,
		Decide: func(*replay, ledger.Moment) (ledger.Decision, error) {
			switch {
			case v.Status == Queued || v.Status == Sending:
				return ledger.Decision{}, fault.New(fault.State, "delivery_under_way", "This delivery is already under way.")
			case s.Value != nil && s.Value.Status == SubscriptionDisabled:
				return ledger.Decision{}, fault.New(fault.State, "subscription_disabled", "Its subscription is disabled. Enable it first.")
			}
			return ledger.Decision{Exercise: v.Exercise, Events: []ledger.Event{{Type: EventReplayed, Data: replayed{Deliveries: []string{id}}}}}, nil
		},
	})
	if err != nil {
		return nil, err
	}
	if err := d.requeue(ctx, out.Stream.ID(), scope.Account, []string{id}); err != nil {
		return nil, err
	}
	return d.Delivery(ctx, scope, id)
}

// ReplayMatching has all deliveries of the scope's party that the query names tried again, as Replay does, and gives how many. Those that are under
// way, or whose subscription is not active, are left out. Once it has answered, everything it counted is on record and
// will be sent, whatever becomes of this process; repeated with the same key, it goes on where it was broken off and answers the same.
// Errors: Invalid with the fields, or "replay_too_old" when Since is more than 30 days ago.
func (d *Desk) ReplayMatching(ctx context.Context, scope access.Scope, w access.Write, q ReplayQuery) (int, error) {
	if _, err := scope.Judge(access.ReplayDelivery, access.Thing{Owner: scope.Party}, w.Relay); err != nil {
		return 0, err
	}
	if err := d.checkReplay(&q); err != nil {
		return 0, err
	}
	id := replayID(scope, w)
	var held ledger.State[*replay]
	for first := true; ; first = false {
		part, err := d.matchingReplay(ctx, scope, q, id)
		if err != nil {
			return 0, err
		}
		command := ledger.Command[*replay]{
			Actor: scope.Actor(), Relay: w.Relay, Expect: ledger.LikelyNew,
			Decide: func(r *replay, at ledger.Moment) (ledger.Decision, error) {
				if at.Seq != held.Seq {
					return ledger.Decision{}, nil // the same request goes on beside us
				}
				return ledger.Decision{Events: []ledger.Event{{Type: EventReplayed, Data: replayed{
					Deliveries: part, Query: &q, More: len(part) == d.replayPart,
				}}}}, nil
			},
		}
		if first {
			command.Key, command.Digest = w.Key, w.Digest
		}
		out, err := d.replays.Execute(ctx, id, command)
		if err != nil {
			return 0, err
		}
		switch {
		case out.Repeated:
			err = d.resume(ctx, id)
		case len(out.Events) > 0:
			err = d.requeue(ctx, id, scope.Account, part)
		}
		if err != nil {
			return 0, err
		}
		if held, err = d.replays.Load(ctx, id); err != nil {
			return 0, err
		}
		if !held.Value.More {
			return held.Value.Count, nil
		}
	}
}

// resume does what follows from all that is on record of a replay.
func (d *Desk) resume(ctx context.Context, id string) error {
	events, err := d.replays.History(ctx, id, 0, 0)
	if err != nil {
		return err
	}
	return d.requeueAll(ctx, events)
}

// replayID names the stream of a request: the same for the same key of the same account.
func replayID(scope access.Scope, w access.Write) string {
	if w.Key == "" {
		return ledger.NewID()
	}
	return ledger.DeriveID(NounReplay, scope.Account, w.Key)
}

func (d *Desk) checkReplay(q *ReplayQuery) error {
	now := d.l.Now()
	oldest := now.Add(-longestReplay)
	var c fault.Check
	for i, s := range q.Status {
		c.That(slices.Contains(Statuses(), s) && s != Queued && s != Sending, "/status/"+itoa(i), "is not a status that can be replayed")
	}
	if len(q.Status) == 0 {
		q.Status = []Status{Dead}
	}
	if q.Until.IsZero() || q.Until.After(now) {
		q.Until = now
	}
	if q.Since.IsZero() {
		q.Since = oldest
	}
	q.Since, q.Until = instant(q.Since), instant(q.Until)
	c.That(!q.Until.Before(q.Since), "/until", "must not be before since")
	if err := c.Err(); err != nil {
		return err
	}
	if q.Since.Before(oldest) {
		return fault.New(fault.Invalid, "replay_too_old", "Deliveries can be replayed by filter for 30 days. Read what is older from its incident, or replay it one by one.")
	}
	return nil
}

// matchingReplay gives the ids of one part of the deliveries that the query names and that the replay has not put back yet.
func (d *Desk) matchingReplay(ctx context.Context, scope access.Scope, q ReplayQuery, id string) ([]string, error) {
	find := store.Query{Kind: kindDelivery, Index: "recent", Limit: toldPage, From: q.Since, Until: q.Until.Add(time.Microsecond)}
	find.Filter = onlyIf([]store.Cond{onlyAny("status", q.Status...)}, "channel", q.Channel)
	switch {
	case q.Subscription != "":
		find.Index, find.Equal, find.Filter = "subscription", []any{q.Subscription}, onlyIf(find.Filter, "incident", q.Incident)
	case q.Incident != "":
		find.Index, find.Equal = "incident", []any{q.Incident}
	case !scope.All:
		find.Index, find.Equal = "state", []any{string(scope.Party.StateParty())}
	}
	active := map[string]bool{}
	part := []string{}
	for {
		page, err := d.docs.Find(ctx, find)
		if err != nil {
			return nil, unavailable(err)
		}
		for _, doc := range page.Docs {
			v, err := readDelivery(doc)
			if err != nil {
				return nil, err
			}
			if !scope.May(access.ReplayDelivery, access.Thing{Owner: v.Party}) || v.replayedBy(id) {
				continue
			}
			alive, asked := active[v.Subscription]
			if !asked {
				if alive, err = d.active(ctx, v.Subscription); err != nil {
					return nil, err
				}
				active[v.Subscription] = alive
			}
			if !alive {
				continue
			}
			if part = append(part, v.ID); len(part) == d.replayPart {
				return part, nil
			}
		}
		if page.Next == "" {
			return part, nil
		}
		find.After = page.Next
	}
}

func (d *Desk) active(ctx context.Context, subscription string) (bool, error) {
	s, err := d.subs.Load(ctx, subscription)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, over := s.Value.ending(d.l.Now())
	return over == "", nil
}

// requeueOf does what follows from a commit of a replay: again, or in the place of a process that died before it could.
func (d *Desk) requeueOf(ctx context.Context, c store.Commit) error {
	events, err := ledger.Events(c)
	if err != nil {
		return err
	}
	return d.requeueAll(ctx, events)
}

func (d *Desk) requeueAll(ctx context.Context, events []ledger.Recorded) error {
	for _, e := range events {
		if e.Type != EventReplayed {
			continue
		}
		var data replayed
		if err := e.Into(&data); err != nil {
			return err
		}
		if err := d.requeue(ctx, e.Stream.ID(), e.Actor.Account, data.Deliveries); err != nil {
			return err
		}
	}
	return nil
}

// requeue puts deliveries back in their queues for a replay. Those that it has put back before, and those that are under way, stay as they
// are.
func (d *Desk) requeue(ctx context.Context, id, account string, deliveries []string) error {
	for range replayTries {
		if len(deliveries) == 0 {
			return nil
		}
		docs, err := d.docs.Get(ctx, kindDelivery, deliveries...)
		if err != nil {
			return unavailable(err)
		}
		now := d.l.Now()
		var ops []store.Op
		var put []*Delivery
		for _, delivery := range deliveries {
			doc, ok := docs[delivery]
			if !ok {
				continue // gone with its retention
			}
			v, err := readDelivery(doc)
			if err != nil {
				return err
			}
			if v.replayedBy(id) {
				d.noticed(v, now) // put back elsewhere, perhaps where nobody sends
				continue
			}
			if v.Status == Queued || v.Status == Sending {
				continue
			}
			v.replay(id, account, now)
			ops, put = append(ops, v.put()), append(put, v)
		}
		if len(ops) == 0 {
			return nil
		}
		changed, err := d.docs.Bulk(ctx, ops)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The replay is on record; it takes a moment until it is carried out.")
		}
		deliveries = nil
		for i, v := range put {
			if changed[i] {
				d.noticed(v, now)
			} else {
				deliveries = append(deliveries, v.ID)
			}
		}
	}
	return fault.Wrap(fmt.Errorf("%d deliveries after %d tries", len(deliveries), replayTries), fault.Unavailable, "busy",
		"The deliveries are changing at this moment. The replay is on record and takes a moment.")
}

// noticed tells the notifier of this process, if it has one, that a delivery is back in its queue.
func (d *Desk) noticed(v *Delivery, now time.Time) {
	if r := d.router.Load(); r != nil && !v.Status.terminal() {
		r.breaker.hurry(v.Subscription, now)
		r.sender.due(v.Subscription, v.class(), now)
	}
}

func (v *Delivery) replayedBy(id string) bool {
	return slices.ContainsFunc(v.Replays, func(r Replay) bool { return r.ID == id })
}
