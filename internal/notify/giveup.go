package notify

import (
	"context"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// doubtFor is how long it is not asked again whether a lasting failure is our own.
const doubtFor = 10 * time.Minute

// giveUp disables a subscription whose target has failed for days. It does not while every other target, or every
// other one of the channel, fails as well: then it is rather our own line that is broken, or the server that takes our mail, and whoever
// repairs that must not find everybody's subscriptions disabled.
func (r *Router) giveUp(ctx context.Context, s *Subscription) error {
	now := r.now()
	r.breaker.mu.Lock()
	e, ok := r.breaker.known[s.ID]
	if !ok || !e.lasting(s.Since) || s.Status != SubscriptionActive || now.Sub(e.doubted) < doubtFor {
		r.breaker.mu.Unlock()
		return nil
	}
	e.doubted = now
	r.breaker.mu.Unlock()
	if err := r.breaker.read(ctx, []string{s.ID}, true); err != nil { // another process may have had a success
		return err
	}
	r.breaker.mu.Lock()
	c := e.circuit
	r.breaker.mu.Unlock()
	if !c.lasting(s.Since) {
		return nil
	}
	if ours, err := r.ownFault(ctx, c); err != nil {
		return err
	} else if ours {
		r.log.Error("every target fails, for days; the fault may be on our side, so no subscription is disabled", "subscription", s.ID, "channel", s.Channel, "failing_since", *c.FailingSince)
		return nil
	}
	out, err := r.d.subs.Execute(ctx, s.ID, ledger.Command[*Subscription]{
		Actor: ledger.System,
		Decide: func(s *Subscription, _ ledger.Moment) (ledger.Decision, error) {
			if s.Status != SubscriptionActive || !c.lasting(s.Since) {
				return ledger.Decision{}, nil
			}
			return ledger.Decision{Events: []ledger.Event{{Type: EventSubscriptionDisabled, Data: subscriptionDisabled{
				Party: s.Owner.Party, Channel: s.Channel, Target: r.mask(s), FailingSince: *c.FailingSince, Code: c.LastCode,
			}}}}, nil
		},
	})
	if err == nil && len(out.Events) > 0 {
		r.log.Warn("a subscription is disabled: its target failed for days", "subscription", s.ID, "failing_since", *c.FailingSince, "code", c.LastCode)
		r.opt.Hooks.CircuitChanged(s.Channel, CircuitDisabled)
	}
	return err
}

// ownFault reports whether it is rather we who fail: other targets were tried meanwhile, of the same channel or of any, and every one of them
// failed too.
func (r *Router) ownFault(ctx context.Context, c circuit) (bool, error) {
	for _, channel := range []string{c.Channel, ""} {
		if r.breaker.succeededSince(*c.FailingSince, channel) {
			continue
		}
		succeeded, err := r.circuitsSince(ctx, "last_success_at", *c.FailingSince, channel)
		if err != nil {
			return false, err
		}
		if succeeded > 0 {
			continue
		}
		failed, err := r.circuitsSince(ctx, "last_failure_at", *c.FailingSince, channel)
		if err != nil {
			return false, err
		}
		if failed > 1 { // this one is among them
			return true, nil
		}
	}
	return false, nil
}

func (r *Router) circuitsSince(ctx context.Context, index string, since time.Time, channel string) (int64, error) {
	n, err := r.st.Count(ctx, store.Query{Kind: kindCircuit, Index: index, From: since, Filter: onlyIf(nil, "channel", channel), Limit: 1})
	if err != nil {
		return 0, unavailable(err)
	}
	return n, nil
}
