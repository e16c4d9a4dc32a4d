package notify

import (
	"slices"
	"strconv"
	"time"

	"landfall/internal/access"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// NounSubscription names the streams of subscriptions.
const NounSubscription = "subscription"

// The events of a subscription.
const (
	EventSubscribed          = "subscription.created.v1"
	EventSubscriptionChanged = "subscription.changed.v1"
	EventUnsubscribed        = "subscription.deleted.v1"
	EventSubscriptionExpired = "subscription.expired.v1"
)

// SubscriptionStatus is where a subscription is in its life.
type SubscriptionStatus string

// The closed list of statuses.
const (
	SubscriptionActive  SubscriptionStatus = "active"
	SubscriptionDeleted SubscriptionStatus = "deleted"
	SubscriptionExpired SubscriptionStatus = "expired"
)

// Owner is whose subscription it is: what it may be told follows from the party.
type Owner struct {
	Account string      `json:"account"`
	Party   place.Party `json:"party,omitempty"`
	All     bool        `json:"all,omitempty"` // made by the first account for itself: may be told everything
}

func (o Owner) scope() access.Scope {
	return access.Scope{Account: o.Account, Party: o.Party, All: o.All}
}

// Subscription is a standing wish to be told, as folded from its stream. It is shared: read only.
type Subscription struct {
	ID        string             `json:"id"`
	Owner     Owner              `json:"owner"`
	Channel   string             `json:"channel"`
	Target    string             `json:"target,omitempty"` // "" once erased
	Filter    Filter             `json:"filter"`
	Language  string             `json:"language"`
	ExpiresAt *time.Time         `json:"expires_at,omitempty"` // wall time
	Status    SubscriptionStatus `json:"status"`
	CreatedAt time.Time          `json:"created_at"`
	ChangedAt time.Time          `json:"changed_at"`

	SealedSecret string `json:"sealed_secret,omitempty"` // encrypted; never leaves this package's records
	TargetSeq    int64  `json:"target_seq,omitempty"`    // commit that holds the target
	SecretSeq    int64  `json:"secret_seq,omitempty"`    // commit that holds the secret
}

// The names of a subscription's detached values.
const (
	detachedTarget = "target"
	detachedSecret = "secret"
)

type subscribed struct {
	Owner     Owner      `json:"owner"`
	Channel   string     `json:"channel"`
	Filter    Filter     `json:"filter"`
	Language  string     `json:"language"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// subscriptionChanged replaces what may change; the target only when one is detached with it.
type subscriptionChanged struct {
	Filter    Filter     `json:"filter"`
	Language  string     `json:"language"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

type unsubscribed struct{}

type subscriptionExpired struct {
	ExpiredAt time.Time `json:"expired_at"`
}

func subscriptionFold() ledger.Fold[*Subscription] {
	return ledger.Fold[*Subscription]{
		Noun: NounSubscription, Version: 1,
		Events: []string{EventSubscribed, EventSubscriptionChanged, EventUnsubscribed, EventSubscriptionExpired},
		New:    func(id string) *Subscription { return &Subscription{ID: id} },
		Clone: func(s *Subscription) *Subscription {
			c := *s
			return &c // lists and times inside are replaced, never changed
		},
		Evolve:   evolveSubscription,
		Project:  projectSubscription,
		NextWake: (*Subscription).nextWake,
	}
}

func evolveSubscription(s *Subscription, e ledger.Recorded) (*Subscription, error) {
	switch e.Type {
	case EventSubscribed:
		var d subscribed
		if err := e.Into(&d); err != nil {
			return s, err
		}
		s.Owner, s.Channel, s.Filter, s.Language, s.ExpiresAt = d.Owner, d.Channel, d.Filter, d.Language, d.ExpiresAt
		s.Status, s.CreatedAt = SubscriptionActive, e.RecordedAt
	case EventSubscriptionChanged:
		var d subscriptionChanged
		if err := e.Into(&d); err != nil {
			return s, err
		}
		s.Filter, s.Language, s.ExpiresAt = d.Filter, d.Language, d.ExpiresAt
	case EventUnsubscribed:
		s.Status = SubscriptionDeleted
	case EventSubscriptionExpired:
		s.Status = SubscriptionExpired
	case ledger.EventErased:
		var d ledger.Erased
		if err := e.Into(&d); err != nil {
			return s, err
		}
		if d.Name == detachedTarget && d.Seq == s.TargetSeq {
			s.Target, s.TargetSeq = "", 0 // as when it is folded without the value
		}
		if d.Name == detachedSecret && d.Seq == s.SecretSeq {
			s.SealedSecret, s.SecretSeq = "", 0
		}
	}
	if v, ok := e.Detached(detachedTarget); ok {
		s.Target, s.TargetSeq = v, e.Seq
	}
	if v, ok := e.Detached(detachedSecret); ok {
		s.SealedSecret, s.SecretSeq = v, e.Seq
	}
	s.ChangedAt = e.RecordedAt
	return s, nil
}

func (s *Subscription) nextWake() time.Time {
	if s.Status != SubscriptionActive || s.ExpiresAt == nil {
		return time.Time{}
	}
	return *s.ExpiresAt
}

// alive reports whether the subscription is to be told anything at now.
func (s *Subscription) alive(now time.Time) bool {
	return s.Status == SubscriptionActive && (s.ExpiresAt == nil || now.Before(*s.ExpiresAt))
}

// wants reports whether the event is for this subscription: its owner is among those who may be told, and its filter matches.
func (s *Subscription) wants(a ledger.Announcement) bool {
	if !s.Filter.matches(a) {
		return false
	}
	scope := s.Owner.scope()
	return scope.All || slices.ContainsFunc(a.Parties, func(p string) bool { return scope.ActsFor(place.Party(p)) })
}

// The documents of subscriptions.
const (
	kindSubscription       = "subscription"
	kindSubscriptionChange = "subscription_change" // one for each commit: their number tells whether a list of subscriptions is current
)

var subscriptionKinds = []store.Kind{
	{
		Name: kindSubscription, Derived: true,
		Fields: []store.Field{
			{Name: "state", Type: store.String}, {Name: "party", Type: store.String}, {Name: "status", Type: store.String},
			{Name: "created_at", Type: store.Time},
		},
		Indexes: []store.Index{
			{Name: "recent", Fields: []string{"created_at"}},
			{Name: "state", Fields: []string{"state", "created_at"}},
			{Name: "status", Fields: []string{"status"}},
		},
	},
	{Name: kindSubscriptionChange, Derived: true},
}

func projectSubscription(s *Subscription, head ledger.Head, events []ledger.Recorded) []store.Op {
	doc := *s
	doc.SealedSecret = ""
	ops := []store.Op{{Do: store.OpPut, Kind: kindSubscription, Doc: store.Doc{
		ID: s.ID, Version: head.Seq, Body: mustJSON(doc),
		Index: map[string]any{
			"state": string(s.Owner.Party.StateParty()), "party": string(s.Owner.Party), "status": string(s.Status), "created_at": s.CreatedAt,
		},
	}}}
	for _, e := range events {
		// After the subscription itself: who counts a change can read it.
		ops = append(ops, store.Op{Do: store.OpInsert, Kind: kindSubscriptionChange, Doc: store.Doc{
			ID: s.ID + "/" + strconv.FormatInt(e.Seq, 10), Version: e.Seq, Body: []byte(`{}`),
		}})
	}
	return ops
}
