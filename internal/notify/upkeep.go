package notify

import (
	"context"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

const (
	// secretGrace is how long a secret signs on after it was replaced.
	secretGrace = 24 * time.Hour

	// maxFormer is how many replaced secrets may sign beside the newest: each is a signature in every message.
	maxFormer = 4
)

// RotateSecret gives a subscription a new secret, shown this once. The one before signs beside it for 24 hours, so that a receiver can change over
// without missing a message; who never saw the new one, because the answer was lost, rotates again. If-Match is honoured when
// given. Errors: NotFound, Forbidden, Precondition; State when the subscription has expired, when its channel signs nothing ("no_secret"),
// or when too many secrets are in their grace ("too_many_secrets").
func (d *Desk) RotateSecret(ctx context.Context, scope access.Scope, w access.Write, id string) (Subscribed, error) {
	held, err := d.mine(ctx, scope, w, id)
	if err != nil {
		return Subscribed{}, err
	}
	secret := ""
	if channel, ok := d.channels[held.Value.Channel]; ok {
		secret = channel.NewSecret()
	}
	out, err := d.subs.Execute(ctx, id, ledger.Command[*Subscription]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest, Await: true,
		Decide: func(s *Subscription, at ledger.Moment) (ledger.Decision, error) {
			if err := d.changeable(s, at, w); err != nil {
				return ledger.Decision{}, err
			}
			switch {
			case secret == "":
				return ledger.Decision{}, fault.New(fault.State, "no_secret", "Messages of this channel are not signed, so there is no secret to change.")
			case len(s.sealedSecrets(at.Now)) > maxFormer:
				return ledger.Decision{}, fault.New(fault.State, "too_many_secrets",
					"The secret was changed %d times within a day. Wait until the oldest of them is no longer valid.", maxFormer)
			}
			return ledger.Decision{
				Detach: map[string]string{detachedSecret: d.sealer.seal(secretPlace(id), secret)},
				Events: []ledger.Event{{Type: EventSecretRotated, Data: secretRotated{PreviousUntil: instant(at.Now.Add(secretGrace))}}},
			}, nil
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

// Enable has a subscription that was disabled because its target failed told of events again, from now on. What was not delivered meanwhile is dead
// and can be replayed; what happened while it was disabled was never queued. One that is active stays as it is. If-Match is honoured
// when given. Errors: NotFound, Forbidden, Precondition; State when it has expired.
func (d *Desk) Enable(ctx context.Context, scope access.Scope, w access.Write, id string) (ledger.Outcome[*Subscription], error) {
	if _, err := d.mine(ctx, scope, w, id); err != nil {
		return ledger.Outcome[*Subscription]{}, err
	}
	return d.subs.Execute(ctx, id, ledger.Command[*Subscription]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest, Await: true,
		Decide: func(s *Subscription, at ledger.Moment) (ledger.Decision, error) {
			if err := d.changeable(s, at, w); err != nil || s.Status == SubscriptionActive {
				return ledger.Decision{}, err
			}
			return ledger.Decision{Events: []ledger.Event{{Type: EventSubscriptionEnabled, Data: subscriptionEnabled{}}}}, nil
		},
	})
}

// Test queues a message to a subscription's target that says that it is a test, and gives its delivery. It goes the way of every other message, so
// what the far side answers is seen there; a subscription that is disabled can be tested before it is enabled. Errors: NotFound,
// Forbidden, Precondition when If-Match is given; State when it has expired.
func (d *Desk) Test(ctx context.Context, scope access.Scope, w access.Write, id string) (*Delivery, error) {
	if _, err := d.mine(ctx, scope, w, id); err != nil {
		return nil, err
	}
	out, err := d.subs.Execute(ctx, id, ledger.Command[*Subscription]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest,
		Decide: func(s *Subscription, at ledger.Moment) (ledger.Decision, error) {
			if err := d.changeable(s, at, w); err != nil {
				return ledger.Decision{}, err
			}
			return ledger.Decision{
				Exercise: s.Filter.Exercise == ExerciseOnly, // it must not be the first message there that is none
				Events:   []ledger.Event{{Type: EventSubscriptionTested, Data: subscriptionTested{Party: s.Owner.Party, Channel: s.Channel}}},
			}, nil
		},
	})
	if err != nil {
		return nil, err
	}
	// The delivery follows from the event; it is made here and now, so that there is one to show. Whoever handles the commit finds it.
	var data subscriptionTested
	if err := out.Events[0].Into(&data); err != nil {
		return nil, err
	}
	now := d.l.Now()
	v := newDelivery(testNotice(out.Events[0], data), out.Value, d.mask(out.Value), now)
	changed, err := d.docs.Bulk(ctx, []store.Op{v.insert()})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "store_unavailable", "The test is on record; it takes a moment until it is sent.")
	}
	if !changed[0] {
		return d.Delivery(ctx, scope, v.ID)
	}
	d.noticed(v, now)
	return v, nil
}
