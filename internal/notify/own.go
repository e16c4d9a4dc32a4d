package notify

import (
	"sync"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// The kinds of alerts about telling itself. They tell a subscription's owner what did not reach it; nothing is raised about them in turn.
const (
	KindDeliveryDead         = "delivery_dead"         // a delivery failed for good
	KindSubscriptionDisabled = "subscription_disabled" // a target failed for days and is not sent to any more
)

func ownKind(kind string) bool { return kind == KindDeliveryDead || kind == KindSubscriptionDisabled }

// noticesOf gives what a commit announces. Of a subscription's own events the ledger announces nothing, since they are nobody else's business:
// what the owner is told of them is made here, from the event alone.
func (r *Router) noticesOf(c store.Commit, announced []ledger.Announcement) ([]*notice, error) {
	if ledger.Stream(c.Stream).Noun() != NounSubscription {
		return r.noticesFrom(announced), nil
	}
	events, err := ledger.Events(c)
	if err != nil {
		return nil, err
	}
	var out []*notice
	for _, e := range events {
		var n *notice
		switch e.Type {
		case EventSubscriptionTested:
			n, err = r.testNotice(e)
		case EventSubscriptionDisabled:
			n, err = r.disabledNotice(e)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func announced(e ledger.Recorded, exercise bool, data any) ledger.Announcement {
	return ledger.Announcement{
		EventID: e.ID(), Type: e.Type, Stream: e.Stream, Seq: e.Seq, At: e.RecordedAt, Exercise: exercise, Data: mustJSON(data),
	}
}

// testShown is what a receiver gets of a test: it says that it is one.
type testShown struct {
	Test         bool          `json:"test"`
	Subscription testedSubject `json:"subscription"`
}

type testedSubject struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
}

func (r *Router) testNotice(e ledger.Recorded) (*notice, error) {
	var d subscriptionTested
	if err := e.Into(&d); err != nil {
		return nil, err
	}
	n := testNotice(e, d)
	n.body = sync.OnceValue(func() []byte { return RenderEvent(r.opt.Source, n.Announcement) })
	return n, nil
}

// testNotice is a test message on its way to the one subscription it tests. A person waits for it, so it goes first.
func testNotice(e ledger.Recorded, d subscriptionTested) *notice {
	id := e.Stream.ID()
	return &notice{
		Announcement: announced(e, e.Exercise, testShown{Test: true, Subscription: testedSubject{ID: id, Channel: d.Channel}}),
		only:         id, urgent: true,
	}
}

// disabledShown is what the owner is told of a subscription that was disabled.
type disabledShown struct {
	Subscription disabledSubject `json:"subscription"`
}

type disabledSubject struct {
	ID string `json:"id"`
	subscriptionDisabled
}

func (r *Router) disabledNotice(e ledger.Recorded) (*notice, error) {
	var d subscriptionDisabled
	if err := e.Into(&d); err != nil {
		return nil, err
	}
	a := announced(e, false, disabledShown{Subscription: disabledSubject{ID: e.Stream.ID(), subscriptionDisabled: d}})
	if d.Party != "" {
		a.Alerts = []ledger.AlertCall{{Party: string(d.Party), Kind: KindSubscriptionDisabled, Subject: e.Stream.ID(), Data: a.Data}}
	}
	return r.noticeFrom(a), nil
}
