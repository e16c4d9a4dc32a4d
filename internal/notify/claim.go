package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// kindWish holds one document for each thing that a subscription sends: these events of this party to this target. Whoever inserts
// it first makes the subscription; of two that ask at the same time, in one process or in two, the other one is refused. It is
// working state: a claim whose subscription is gone or wants something else by now counts for nothing.
const kindWish = "subscription_wish"

// wishPatience is how long a claim counts although its subscription is not there yet: longer than any command takes.
const wishPatience = 10 * time.Second

type wishClaim struct {
	Subscription string    `json:"subscription"`
	At           time.Time `json:"at"`
}

// wishOf names what a subscription sends. In what order a filter names things, and how a target is spelled, means nothing. The name does not give the target away.
func (d *Desk) wishOf(s *Subscription) string {
	sorted := func(list []string) []string { return slices.Sorted(slices.Values(list)) }
	target := s.Target
	if channel, ok := d.channels[s.Channel]; ok {
		target = channel.Canonical(target)
	}
	return d.sealer.digest(string(mustJSON([]any{
		s.Owner.Party, s.Owner.All, s.Channel, target, s.Filter.MinSeverity, s.Filter.Exercise, sorted(s.Filter.States), sorted(s.Filter.Kinds),
	})))
}

// claimWish makes sure that no other subscription sends what this one is to send. It reports whether the claim is new. Faults:
// Conflict, with a detail that names the other subscription.
func (d *Desk) claimWish(ctx context.Context, wanted *Subscription) (fresh bool, err error) {
	id := d.wishOf(wanted)
	doc := store.Doc{ID: id, Version: 1, Body: mustJSON(wishClaim{wanted.ID, d.l.Now()})}
	for range markTries {
		found, err := d.docs.Get(ctx, kindWish, id)
		if err != nil {
			return false, unavailable(err)
		}
		op := store.Op{Do: store.OpInsert, Kind: kindWish, Doc: doc}
		if former, ok := found[id]; ok {
			var holder wishClaim
			if err := json.Unmarshal(former.Body, &holder); err != nil {
				return false, fmt.Errorf("claim %s: %w", id, err)
			}
			if holder.Subscription == wanted.ID {
				return false, nil // the same request again, or a change of something else
			}
			holds, err := d.holdsWish(ctx, holder, id)
			if err != nil {
				return false, err
			}
			if holds {
				return false, fault.New(fault.Conflict, "subscription_exists",
					"Subscription %s sends the same events to the same target already.", holder.Subscription)
			}
			op.Do, op.Doc.Version = store.OpPut, former.Version+1
		}
		changed, err := d.docs.Bulk(ctx, []store.Op{op})
		if err != nil {
			return false, unavailable(err)
		}
		if changed[0] {
			return true, nil
		}
	}
	return false, fault.New(fault.Unavailable, "busy", "Others ask for the same at this moment. Try again.")
}

// holdsWish reports whether a claim counts: its subscription sends this, or has only just been told to.
func (d *Desk) holdsWish(ctx context.Context, c wishClaim, id string) (bool, error) {
	young := d.l.Now().Sub(c.At) < wishPatience
	held, err := d.subs.Load(ctx, c.Subscription)
	if fault.Is(err, fault.NotFound) {
		return young, nil
	}
	if err != nil {
		return false, err
	}
	s := held.Value
	sends := s.Status == SubscriptionActive || s.Status == SubscriptionDisabled
	return sends && (young || d.wishOf(s) == id), nil
}

// dropWish removes the claim of a subscription. A claim that cannot be removed counts for nothing after wishPatience.
func (d *Desk) dropWish(ctx context.Context, s *Subscription) {
	op := store.Op{Do: store.OpDelete, Kind: kindWish, Doc: store.Doc{ID: d.wishOf(s)}}
	if _, err := d.docs.Bulk(context.WithoutCancel(ctx), []store.Op{op}); err != nil {
		d.log.Warn("the claim of a subscription could not be removed", "subscription", s.ID, "error", err)
	}
}

// claiming runs a command that makes a subscription send what wanted says. When the command is refused the claim is given back;
// when its outcome is not known the claim stays.
func (d *Desk) claiming(
	ctx context.Context, wanted *Subscription, c ledger.Command[*Subscription],
) (ledger.Outcome[*Subscription], error) {
	fresh, err := d.claimWish(ctx, wanted)
	if err != nil {
		return ledger.Outcome[*Subscription]{}, err
	}
	out, err := d.subs.Execute(ctx, wanted.ID, c)
	if fresh && err != nil && !fault.Is(err, fault.Unavailable) {
		d.dropWish(ctx, wanted)
	}
	return out, err
}
