package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// roster is the list of active subscriptions in memory. Every use asks the store one cheap question, how many changes to
// subscriptions there have ever been, and reads the list again when that is another number than the list was read at. A
// subscription's create answers only when its change is counted, so an event accepted after that answer finds it here.
type roster struct {
	docs store.Documents
	log  *slog.Logger

	mu     sync.Mutex
	counts int64 // changes counted before list was read; -1: never read
	list   []*Subscription
}

func newRoster(docs store.Documents, log *slog.Logger) *roster {
	return &roster{docs: docs, log: log, counts: -1}
}

// rosterPage is how many subscriptions are read at a time.
const rosterPage = 1000

// current gives the active subscriptions. The list is shared: read only.
func (r *roster) current(ctx context.Context) ([]*Subscription, error) {
	n, err := r.docs.Count(ctx, store.Query{Kind: kindSubscriptionChange, Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("count changes of subscriptions: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n == r.counts {
		return r.list, nil
	}
	var list []*Subscription
	q := store.Query{Kind: kindSubscription, Index: "status", Equal: []any{string(SubscriptionActive)}, Limit: rosterPage}
	for {
		page, err := r.docs.Find(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read subscriptions: %w", err)
		}
		for _, d := range page.Docs {
			s := new(Subscription)
			if err := json.Unmarshal(d.Body, s); err != nil {
				// One document that cannot be read must not keep all the others from being told.
				r.log.Error("a subscription cannot be read and is told nothing; landfall rebuild makes its document again", "subscription", d.ID, "error", err)
				continue
			}
			list = append(list, s)
		}
		if page.Next == "" {
			break
		}
		q.After = page.Next
	}
	r.list, r.counts = list, n
	return list, nil
}

// matching gives the subscriptions on list that are to be told of the event.
func matching(list []*Subscription, a ledger.Announcement, now time.Time) []*Subscription {
	var out []*Subscription
	for _, s := range list {
		if s.alive(now) && s.wants(a) {
			out = append(out, s)
		}
	}
	return out
}

// mailed lists the channels that people read. A machine chooses by its filter what it takes.
var mailed = []string{"email"}

// onceEach leaves out of those who are to be told of an event the addresses of people whom an alert about it reaches: they are told of a
// fact once. Others are reminded of a late step only where they ask for that kind of event. The affected state has copies of the alerts of
// others, which are facts of their own.
func onceEach(told, list []*Subscription, a ledger.Announcement, now time.Time) []*Subscription {
	alerted := map[string]bool{}
	for _, call := range a.Alerts {
		for _, s := range reached(list, aboutOf(a, call.Kind), place.Party(call.Party), now) {
			alerted[s.Channel+" "+s.Target] = true
		}
	}
	late := kindOf(a.Type) == "step.overdue"
	return slices.DeleteFunc(told, func(s *Subscription) bool {
		return slices.Contains(mailed, s.Channel) && (alerted[s.Channel+" "+s.Target] || late && len(s.Filter.Kinds) == 0)
	})
}
