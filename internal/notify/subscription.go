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
	EventSubscribed           = "subscription.created.v1"
	EventSubscriptionChanged  = "subscription.changed.v1"
	EventUnsubscribed         = "subscription.deleted.v1"
	EventSubscriptionExpired  = "subscription.expired.v1"
	EventSubscriptionDisabled = "subscription.disabled.v1"
	EventSubscriptionEnabled  = "subscription.enabled.v1"
	EventSecretRotated        = "subscription.secret_rotated.v1"
	EventSecretResealed       = "subscription.secret_resealed.v1"
	EventSubscriptionTested   = "subscription.tested.v1"
)

// SubscriptionStatus is where a subscription is in its life.
type SubscriptionStatus string

// The closed list of statuses.
const (
	SubscriptionActive   SubscriptionStatus = "active"
	SubscriptionDisabled SubscriptionStatus = "disabled" // its target failed for days; Enable brings it back
	SubscriptionDeleted  SubscriptionStatus = "deleted"
	SubscriptionExpired  SubscriptionStatus = "expired"
)

// Owner is whose subscription it is: what it may be told follows from role and party.
type Owner struct {
	Account string      `json:"account"`
	Role    access.Role `json:"role,omitempty"`
	Party   place.Party `json:"party,omitempty"`
	All     bool        `json:"all,omitempty"` // made by the first account for itself: may be told everything
}

func (o Owner) scope() access.Scope {
	return access.Scope{Account: o.Account, Role: o.Role, Party: o.Party, All: o.All}
}

// Thing is a subscription of the owner as the policy sees it.
func (o Owner) Thing() access.Thing { return access.Thing{Account: o.Account, Owner: o.Party} }

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

	Disabled            *Disabling `json:"disabled,omitempty"`              // the last time that it was; nil: never, or enabled again since
	Since               time.Time  `json:"since,omitzero"`                  // since when it has this target and is enabled
	PreviousSecretUntil *time.Time `json:"previous_secret_until,omitempty"` // until when secrets before the newest sign too; nil: it never was rotated

	SealedSecret string         `json:"sealed_secret,omitempty"` // encrypted; never leaves this package's records
	TargetSeq    int64          `json:"target_seq,omitempty"`    // commit that holds the target
	SecretSeq    int64          `json:"secret_seq,omitempty"`    // commit that holds the secret
	Former       []formerSecret `json:"former_secrets,omitempty"`
}

// Disabling is when and why a subscription was disabled.
type Disabling struct {
	At           time.Time `json:"at"`
	FailingSince time.Time `json:"failing_since"`
	Code         string    `json:"code"` // of the last attempt
}

// formerSecret is a secret that signs beside the newest one until its grace is over.
type formerSecret struct {
	Sealed string    `json:"sealed"`
	Seq    int64     `json:"seq"` // commit that holds it
	Until  time.Time `json:"until"`
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

type subscriptionDisabled struct {
	Party        place.Party `json:"party,omitempty"` // whom to tell
	Channel      string      `json:"channel"`
	Target       string      `json:"target"` // masked
	FailingSince time.Time   `json:"failing_since"`
	Code         string      `json:"code"` // of the last attempt
}

type subscriptionEnabled struct{}

// secretRotated: the new secret is detached with it; the one before signs beside it until then.
type secretRotated struct {
	PreviousUntil time.Time `json:"previous_until"`
}

// secretResealed: a secret that another commit held is detached with this one, encrypted with another key. The owner sees no difference. It says all
// that the fold needs, because the value it replaces is erased.
type secretResealed struct {
	Held  int64      `json:"held"`            // by the commit of this seq
	Until *time.Time `json:"until,omitempty"` // of a former secret: until when it signs
}

type subscriptionTested struct {
	Party   place.Party `json:"party,omitempty"`
	Channel string      `json:"channel"`
}

type subscriptionExpired struct {
	ExpiredAt time.Time `json:"expired_at"`
}

func subscriptionFold() ledger.Fold[*Subscription] {
	return ledger.Fold[*Subscription]{
		Noun: NounSubscription, Version: 2,
		Events: []string{
			EventSubscribed, EventSubscriptionChanged, EventUnsubscribed, EventSubscriptionExpired,
			EventSubscriptionDisabled, EventSubscriptionEnabled, EventSecretRotated, EventSecretResealed, EventSubscriptionTested,
		},
		New: func(id string) *Subscription { return &Subscription{ID: id} },
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
		s.Status, s.CreatedAt, s.Since = SubscriptionActive, e.RecordedAt, e.RecordedAt
		s.takeSecret(e)
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
	case EventSubscriptionDisabled:
		var d subscriptionDisabled
		if err := e.Into(&d); err != nil {
			return s, err
		}
		s.Status, s.Disabled = SubscriptionDisabled, &Disabling{At: e.RecordedAt, FailingSince: d.FailingSince, Code: d.Code}
	case EventSubscriptionEnabled:
		s.Status, s.Disabled, s.Since = SubscriptionActive, nil, e.RecordedAt
	case EventSecretRotated:
		var d secretRotated
		if err := e.Into(&d); err != nil {
			return s, err
		}
		s.rotate(e.RecordedAt, d.PreviousUntil)
		s.takeSecret(e)
	case EventSecretResealed:
		var d secretResealed
		if err := e.Into(&d); err != nil {
			return s, err
		}
		s.reseal(d, e)
		return s, nil // nothing that the owner has changed
	case EventSubscriptionTested:
		return s, nil // changes nothing
	case ledger.EventErased:
		var d ledger.Erased
		if err := e.Into(&d); err != nil {
			return s, err
		}
		if d.Name == detachedTarget && d.Seq == s.TargetSeq {
			s.Target, s.TargetSeq = "", 0 // as when it is folded without the value
		}
		if d.Name == detachedSecret {
			s.eraseSecret(d.Seq)
		}
	}
	if v, ok := e.Detached(detachedTarget); ok {
		s.Target, s.TargetSeq, s.Since = v, e.Seq, e.RecordedAt
	}
	s.ChangedAt = e.RecordedAt
	return s, nil
}

// rotate makes room for a new secret. The present one signs on until its grace ends; those whose grace is over go. Nothing needs to happen at
// that moment, so no wake is set for it: whoever signs looks at the time.
func (s *Subscription) rotate(now, until time.Time) {
	former := make([]formerSecret, 0, len(s.Former)+1)
	if s.SealedSecret != "" {
		former = append(former, formerSecret{Sealed: s.SealedSecret, Seq: s.SecretSeq, Until: until})
	}
	for _, f := range s.Former {
		if f.Until.After(now) {
			former = append(former, f)
		}
	}
	s.Former, s.PreviousSecretUntil = former, &until
	s.SealedSecret, s.SecretSeq = "", 0 // detached with the event, unless it was erased since
}

// takeSecret takes the secret that came with an event, unless it was erased since.
func (s *Subscription) takeSecret(e ledger.Recorded) {
	if v, ok := e.Detached(detachedSecret); ok {
		s.SealedSecret, s.SecretSeq = v, e.Seq
	}
}

// reseal takes the secret that came with an event in the place of the one that another commit held, whose value may be erased by now.
func (s *Subscription) reseal(d secretResealed, e ledger.Recorded) {
	s.eraseSecret(d.Held)
	v, ok := e.Detached(detachedSecret)
	switch {
	case !ok:
	case d.Until == nil:
		s.SealedSecret, s.SecretSeq = v, e.Seq
	default: // the newest come first, and those that end together as they come
		at := slices.IndexFunc(s.Former, func(f formerSecret) bool { return f.Until.Before(*d.Until) })
		if at < 0 {
			at = len(s.Former)
		}
		s.Former = slices.Insert(s.Former, at, formerSecret{Sealed: v, Seq: e.Seq, Until: *d.Until})
	}
}

// eraseSecret forgets the secret of a commit, as when the stream is folded without the value.
func (s *Subscription) eraseSecret(seq int64) {
	if seq == s.SecretSeq {
		s.SealedSecret, s.SecretSeq = "", 0
	}
	s.Former = slices.DeleteFunc(slices.Clone(s.Former), func(f formerSecret) bool { return f.Seq == seq })
}

// sealedSecrets gives the secrets that sign at now, newest first.
func (s *Subscription) sealedSecrets(now time.Time) []string {
	if s.SealedSecret == "" && len(s.Former) == 0 {
		return nil
	}
	out := make([]string, 0, 1+len(s.Former))
	if s.SealedSecret != "" {
		out = append(out, s.SealedSecret)
	}
	for _, f := range s.Former {
		if f.Until.After(now) {
			out = append(out, f.Sealed)
		}
	}
	return out
}

func (s *Subscription) nextWake() time.Time {
	if s.ExpiresAt == nil || s.Status != SubscriptionActive && s.Status != SubscriptionDisabled {
		return time.Time{}
	}
	return *s.ExpiresAt
}

// alive reports whether the subscription is to be told anything at now.
func (s *Subscription) alive(now time.Time) bool {
	return s.Status == SubscriptionActive && (s.ExpiresAt == nil || now.Before(*s.ExpiresAt))
}

// wants reports whether the event is for this subscription: it is about parties that the owner acts for, the owner could read of it when it
// happened, and the filter matches. What is everybody's, like a new hazard, is sent to nobody but the first account.
func (s *Subscription) wants(a ledger.Announcement) bool {
	scope := s.Owner.scope()
	acts := func(p string) bool { return scope.ActsFor(place.Party(p)) }
	if !s.Filter.matches(a) || !scope.All && !slices.ContainsFunc(a.Parties, acts) {
		return false
	}
	_, may := scope.Read(a, access.ThingOf(a))
	return may
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
	{Name: kindWish},
}

func projectSubscription(s *Subscription, head ledger.Head, events []ledger.Recorded) []store.Op {
	doc := *s
	doc.SealedSecret, doc.Former = "", nil
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
