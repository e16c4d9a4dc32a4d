package notify

import (
	"cmp"
	"context"
	"reflect"
	"regexp"
	"time"
	"unicode/utf8"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// SubscriptionRequest is what a subscription is made of, and changed to. A change replaces all members but ID, Channel and, when it is
// empty, Target.
type SubscriptionRequest struct {
	ID        string // chosen by the caller, or ""
	Channel   string
	Target    string
	Filter    Filter
	Language  string     // BCP 47 primary language with optional region; "" is en
	ExpiresAt *time.Time // wall time; nil: never
}

// Subscribed is the answer to Subscribe.
type Subscribed struct {
	ledger.State[*Subscription]
	Secret   string // to check signatures with; shown this once, "" when Repeated and for channels that sign nothing
	Repeated bool   // the subscription had been made before, under the same key
}

const (
	maxTarget   = 2048
	defaultLang = "en"
)

var language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z]{2})?$`)

// Subscribe makes a subscription for the party the scope acts for. It answers when every later event is matched against it. Errors: Invalid
// with the fields; Forbidden for accounts that only read; Conflict when the id is taken, the key was used for another request, or there is
// such a subscription already, which the detail names; State when the party has as many as it may have.
func (d *Desk) Subscribe(ctx context.Context, scope access.Scope, w access.Write, in SubscriptionRequest) (Subscribed, error) {
	owner := Owner{Account: scope.Account, Role: scope.Role, Party: scope.Party, All: scope.All}
	if w.Relay != nil { // the first account sets it up for a party
		party, err := check.Relay(w.Relay, d.l.Now())
		if err != nil {
			return Subscribed{}, err
		}
		duty := access.DutyScope(party)
		owner.Role, owner.Party, owner.All = duty.Role, duty.Party, false
	}
	if _, err := scope.Judge(access.Subscribe, owner.Thing(), w.Relay); err != nil {
		return Subscribed{}, err
	}
	var c fault.Check
	channel, ok := d.channels[in.Channel]
	if !ok {
		c.Field("/channel", "is not a channel of this service")
	} else {
		checkTarget(channel, in.Target, &c)
	}
	filter := d.checkWish(&in, &c)
	if err := c.Err(); err != nil {
		return Subscribed{}, err
	}
	id := in.ID
	switch {
	case id != "":
	case w.Key != "":
		id = ledger.DeriveID(NounSubscription, scope.Account, w.Key)
	default:
		id = ledger.NewID()
	}
	wanted := &Subscription{ID: id, Owner: owner, Channel: in.Channel, Target: in.Target, Filter: filter}
	others, err := d.others(ctx, wanted)
	if err != nil {
		return Subscribed{}, err
	}
	detach := map[string]string{detachedTarget: in.Target}
	secret := channel.NewSecret()
	if secret != "" {
		detach[detachedSecret] = d.sealer.seal(secretPlace(id), secret)
	}
	out, err := d.claiming(ctx, wanted, ledger.Command[*Subscription]{
		Actor: scope.Actor(), Relay: w.Relay, Expect: ledger.MustNotExist, Key: w.Key, Digest: w.Digest, Await: true,
		Allow: func(s *Subscription, at ledger.Moment) error {
			if at.Seq > 0 && !scope.May(access.ReadOperation, s.Owner.Thing()) {
				return check.HiddenID()
			}
			return nil
		},
		Decide: func(_ *Subscription, at ledger.Moment) (ledger.Decision, error) {
			c := w.Check()
			check.Said(&c, w.Relay, time.Time{}, at.Now) // a subscription is about nothing that has a begin
			if err := c.Err(); err != nil {
				return ledger.Decision{}, err
			}
			if err := future(in.ExpiresAt, at.Now); err != nil {
				return ledger.Decision{}, err
			}
			if d.subscriptionsMost > 0 && others >= d.subscriptionsMost {
				return ledger.Decision{}, fault.New(fault.State, "too_many_subscriptions",
					"The party has %d subscriptions, as many as it may have. Delete one that nobody needs.", others)
			}
			return ledger.Decision{Detach: detach, Events: []ledger.Event{{Type: EventSubscribed, Data: subscribed{
				Owner: owner, Channel: in.Channel, Filter: filter, Language: in.Language, ExpiresAt: in.ExpiresAt,
			}}}}, nil
		},
	})
	if err != nil {
		return Subscribed{}, err
	}
	if out.Repeated {
		secret = ""
	}
	return Subscribed{State: out.State, Secret: secret, Repeated: out.Repeated}, nil
}

// others counts the subscriptions of a party besides one. Expired and deleted ones send nothing and do not count.
func (d *Desk) others(ctx context.Context, besides *Subscription) (n int, err error) {
	q := store.Query{Kind: kindSubscription, Index: "state", Equal: []any{string(besides.Owner.Party.StateParty())},
		Filter: []store.Cond{onlyAny("status", SubscriptionActive, SubscriptionDisabled)}}
	err = d.each(ctx, q, func(doc store.Doc) error {
		if doc.ID != besides.ID {
			n++
		}
		return nil
	})
	return n, err
}

// ChangeSubscription replaces what a subscription wants. It needs If-Match. Errors as Subscribe's; PreconditionRequired, Precondition; NotFound
// when the scope may not see it; State when it has expired.
func (d *Desk) ChangeSubscription(ctx context.Context, scope access.Scope, w access.Write, id string, in SubscriptionRequest) (ledger.Outcome[*Subscription], error) {
	var none ledger.Outcome[*Subscription]
	held, err := d.own(ctx, scope, w, id)
	if err != nil {
		return none, err
	}
	var c fault.Check
	c.That(in.Channel == "" || in.Channel == held.Value.Channel, "/channel", "cannot be changed; make another subscription")
	if channel, ok := d.channels[held.Value.Channel]; ok && in.Target != "" {
		checkTarget(channel, in.Target, &c)
	}
	filter := d.checkWish(&in, &c)
	if err := c.Err(); err != nil {
		return none, err
	}
	wanted := *held.Value
	wanted.Filter, wanted.Target = filter, cmp.Or(in.Target, wanted.Target)
	out, err := d.claiming(ctx, &wanted, ledger.Command[*Subscription]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest, Await: true,
		Decide: func(s *Subscription, at ledger.Moment) (ledger.Decision, error) {
			if err := d.changeable(s, at, w); err != nil {
				return ledger.Decision{}, err
			}
			if err := future(in.ExpiresAt, at.Now); err != nil {
				return ledger.Decision{}, err
			}
			next := subscriptionChanged{Filter: filter, Language: in.Language, ExpiresAt: in.ExpiresAt}
			sameTarget := in.Target == "" || in.Target == s.Target
			if sameTarget && reflect.DeepEqual(next, subscriptionChanged{Filter: s.Filter, Language: s.Language, ExpiresAt: s.ExpiresAt}) {
				return ledger.Decision{}, nil
			}
			decision := ledger.Decision{Events: []ledger.Event{{Type: EventSubscriptionChanged, Data: next}}}
			if !sameTarget {
				decision.Detach = map[string]string{detachedTarget: in.Target}
			}
			return decision, nil
		},
	})
	if err == nil && d.wishOf(&wanted) != d.wishOf(held.Value) {
		d.dropWish(ctx, held.Value)
	}
	return out, err
}

// Unsubscribe ends a subscription for good; deliveries under way to it are cancelled. It needs If-Match. Errors as ChangeSubscription's.
func (d *Desk) Unsubscribe(ctx context.Context, scope access.Scope, w access.Write, id string) error {
	if _, err := d.own(ctx, scope, w, id); err != nil {
		return err
	}
	_, err := d.subs.Execute(ctx, id, ledger.Command[*Subscription]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest, Await: true,
		Decide: func(s *Subscription, at ledger.Moment) (ledger.Decision, error) {
			if s.Status == SubscriptionDeleted {
				return ledger.Decision{}, notFound(NounSubscription)
			}
			if err := d.matches(w, at.Seq); err != nil {
				return ledger.Decision{}, err
			}
			return ledger.Decision{Events: []ledger.Event{{Type: EventUnsubscribed, Data: unsubscribed{}}}}, nil
		},
	})
	return err
}

// Subscription gives one subscription. NotFound when there is none that the scope may see, and when it has been deleted.
func (d *Desk) Subscription(ctx context.Context, scope access.Scope, id string) (ledger.State[*Subscription], error) {
	s, err := d.subs.Load(ctx, id)
	if err != nil {
		return ledger.State[*Subscription]{}, err
	}
	if !scope.May(access.ReadOperation, s.Value.Owner.Thing()) || s.Value.Status == SubscriptionDeleted {
		return ledger.State[*Subscription]{}, notFound(NounSubscription)
	}
	return s, nil
}

// Subscriptions lists those of the scope's party, newest first, without the deleted ones.
func (d *Desk) Subscriptions(ctx context.Context, scope access.Scope, p Paging) (Page[*Subscription], error) {
	return find[*Subscription](ctx, d, scope, queryOf(kindSubscription, onlyAny("status", SubscriptionActive, SubscriptionDisabled, SubscriptionExpired)), p)
}

// Sweep announces that a subscription has expired, when it has at now, once. It is called when the stream's wake has come.
func (d *Desk) Sweep(ctx context.Context, id string, now time.Time) (fired int, err error) {
	out, err := d.subs.Execute(ctx, id, ledger.Command[*Subscription]{
		Actor: ledger.System, Await: true,
		Decide: func(s *Subscription, at ledger.Moment) (ledger.Decision, error) {
			if due := s.nextWake(); due.IsZero() || due.After(now) {
				return ledger.Decision{}, nil
			}
			return ledger.Decision{Events: []ledger.Event{{Type: EventSubscriptionExpired, Data: subscriptionExpired{ExpiredAt: *s.ExpiresAt}}}}, nil
		},
	})
	if err != nil {
		return 0, err
	}
	if len(out.Events) == 0 {
		return 0, d.subs.Rewake(ctx, id)
	}
	return len(out.Events), nil
}

// own gives a subscription that the scope may change with If-Match.
func (d *Desk) own(ctx context.Context, scope access.Scope, w access.Write, id string) (ledger.State[*Subscription], error) {
	s, err := d.mine(ctx, scope, w, id)
	if err == nil && w.IfMatch == "" {
		err = fault.New(fault.PreconditionRequired, "if_match_required", "Send If-Match with the ETag of the subscription you have seen.")
	}
	return s, err
}

// mine gives a subscription that the scope may change.
func (d *Desk) mine(ctx context.Context, scope access.Scope, w access.Write, id string) (ledger.State[*Subscription], error) {
	s, err := d.subs.Load(ctx, id)
	switch {
	case err != nil:
		return s, err
	case !scope.May(access.ReadOperation, s.Value.Owner.Thing()):
		return s, notFound(NounSubscription)
	}
	_, err = scope.Judge(access.ChangeSubscription, s.Value.Owner.Thing(), w.Relay)
	return s, err
}

func (d *Desk) changeable(s *Subscription, at ledger.Moment, w access.Write) error {
	switch s.Status {
	case SubscriptionDeleted:
		return notFound(NounSubscription)
	case SubscriptionExpired:
		return fault.New(fault.State, "subscription_expired", "This subscription has expired. Make another one.")
	case SubscriptionActive, SubscriptionDisabled:
	}
	return d.matches(w, at.Seq)
}

// matches checks If-Match, when there is one, against what was changed last by the commit seq.
func (d *Desk) matches(w access.Write, seq int64) error {
	if w.IfMatch == "" {
		return nil
	}
	ok, err := d.l.MatchETag(w.IfMatch, seq)
	if err == nil && !ok {
		err = fault.New(fault.Precondition, "changed_meanwhile", "It has been changed since you read it. Read it again and decide anew.")
	}
	return err
}

// checkWish checks the members that say what is wanted, and fills in what was left out.
func (d *Desk) checkWish(in *SubscriptionRequest, c *fault.Check) Filter {
	if in.Language == "" {
		in.Language = defaultLang
	}
	c.That(language.MatchString(in.Language), "/language", "must be a language like en or fr-MQ")
	if in.ExpiresAt != nil {
		t := instant(*in.ExpiresAt)
		in.ExpiresAt = &t
	}
	return in.Filter.normalised(d.l.EventTypes(), c)
}

func checkTarget(channel Channel, target string, c *fault.Check) {
	switch {
	case target == "":
		c.Field("/target", "is required")
	case len(target) > maxTarget:
		c.Field("/target", "must have at most %d bytes", maxTarget)
	case !utf8.ValidString(target):
		c.Field("/target", "must be UTF-8")
	default:
		if wrong := channel.CheckTarget(target); wrong != "" {
			c.Field("/target", "%s", wrong)
		}
	}
}

// future refuses an expiry that has passed. It is asked when the change is decided, so that a repeated request is answered as the
// first one was.
func future(expires *time.Time, now time.Time) error {
	var c fault.Check
	if expires != nil {
		check.Time(&c, "/expires_at", *expires)
		c.That(expires.After(now), "/expires_at", "must be in the future")
	}
	return c.Err()
}

// secretPlace is what a sealed secret is bound to.
func secretPlace(id string) string { return NounSubscription + "/" + id + "/" + detachedSecret }
