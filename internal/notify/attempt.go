package notify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// outcome is what became of one attempt, as journals keep it.
type outcome struct {
	Delivery string     `json:"delivery"`
	Target   string     `json:"target"`
	Event    string     `json:"event"`
	From     int64      `json:"from"` // version of the delivery it was made from
	Channel  string     `json:"channel"`
	At       time.Time  `json:"at"`
	Status   Status     `json:"status"` // of the delivery after it
	Code     string     `json:"code"`
	Next     *time.Time `json:"next,omitempty"` // when the next attempt is due, for retrying
	Detail   string     `json:"-"`              // the far side's words: detached
}

func outcomeOf(v *Delivery, at time.Time) outcome {
	return outcome{Delivery: v.ID, Target: v.Subscription, Event: v.EventID, From: v.Version, Channel: v.Channel, At: at}
}

// Why a delivery is cancelled. They are the codes of its last attempt.
const (
	codeDeleted  = "subscription_deleted"
	codeExpired  = "subscription_expired"
	codeNotNamed = "not_named"
	codeExercise = "exercise_not_wanted"
	codeNoEvent  = "no_such_event"
	codeNoSecret = "secret_unreadable"
	codeChannel  = "channel_unavailable"
)

const (
	longestSend  = 16 * time.Second // bound of one attempt, should a channel forget its own
	againAfterUs = 5 * time.Second  // after an attempt that our own side could not make
)

// attempt makes one attempt at a delivery and hands its outcome to the journalist. What our own side could not do is no attempt: the delivery
// stays as it is and is looked at again soon.
func (r *Router) attempt(ctx context.Context, j *job) {
	if ok, err := r.renew(ctx, j); !ok {
		if err != nil && ctx.Err() == nil {
			r.log.Warn("a delivery could not be taken; it waits", "delivery", j.v.ID, "error", err)
		}
		r.sender.done(j, r.now().Add(againAfterUs))
		return
	}
	o, err := r.try(ctx, j)
	if err == nil && ctx.Err() == nil {
		r.opt.Hooks.Attempted(j.v.Channel, o.Code, o.Status == Delivered, r.now().Sub(o.At))
	}
	if err != nil || o.Status != Delivered && ctx.Err() != nil {
		if ctx.Err() == nil {
			r.log.Warn("a delivery could not be tried; it waits", "delivery", j.v.ID, "error", err)
		}
		r.sender.done(j, r.now().Add(againAfterUs))
		return
	}
	r.journal.add(ctx, j, o)
}

// renew makes sure that the lease outlasts the attempt, where other processes could take the delivery. False: another one has it.
func (r *Router) renew(ctx context.Context, j *job) (bool, error) {
	now := r.now()
	if r.opt.Alone || j.v.LeaseOwner == r.opt.Process && j.v.LeaseUntil != nil && j.v.LeaseUntil.Sub(now) >= longestSend {
		return true, nil
	}
	j.v.lease(r.opt.Process, now)
	changed, err := r.st.Bulk(ctx, []store.Op{j.v.put()})
	return err == nil && changed[0], err
}

// try looks at everything that decides whether the delivery may be sent now, sends it, and says what became of it.
func (r *Router) try(ctx context.Context, j *job) (outcome, error) {
	v := j.v
	o := outcomeOf(v, r.now())
	cancelled := func(code string) (outcome, error) {
		o.Status, o.Code = Cancelled, code
		return o, nil
	}
	s, err := r.d.subs.Load(ctx, v.Subscription)
	switch {
	case fault.Is(err, fault.NotFound):
		return cancelled(codeDeleted)
	case err != nil:
		return o, err
	case s.Value.Status == SubscriptionDeleted, s.Value.Target == "":
		return cancelled(codeDeleted)
	case !s.Value.alive(o.At):
		return cancelled(codeExpired)
	case !s.Value.Filter.Exercise.wants(v.Exercise):
		return cancelled(codeExercise)
	}
	if j.n == nil {
		if j.n, err = r.noticeOf(ctx, v); err != nil {
			return o, err
		}
		if j.n == nil {
			return cancelled(codeNoEvent)
		}
	}
	if allowed, err := r.allowed(ctx, s.Value, j.n); err != nil {
		return o, err
	} else if !allowed {
		return cancelled(codeNotNamed)
	}
	channel, ok := r.d.channels[s.Value.Channel]
	if !ok {
		return cancelled(codeChannel)
	}
	secret, err := r.d.sealer.open(secretPlace(s.Value.ID), s.Value.SealedSecret)
	if err != nil {
		r.log.Error("a subscription cannot be served", "subscription", s.Value.ID, "error", err)
		o.Status, o.Code = Dead, codeNoSecret
		return o, nil
	}
	var secrets []string
	if secret != "" {
		secrets = []string{secret}
	}
	sendCtx, cancel := context.WithTimeout(ctx, longestSend)
	defer cancel()
	res := channel.Send(sendCtx, Message{
		ID: v.ID, Target: s.Value.Target, Secrets: secrets, Type: cloudType(v.EventType), Body: j.n.body(),
		Language: spoken(s.Value.Language), Attempt: len(v.Attempts) + 1,
	})
	r.sender.judge(v.Subscription, res.Sent)
	o.Code, o.Detail = res.Code, res.Detail
	o.Status = Dead
	if res.Sent {
		o.Status = Delivered
		return o, nil
	}
	// The time to wait counts from now, when the far side said so; what the attempt itself took is not part of it.
	if next, more := r.opt.Retries.next(len(v.Attempts)-v.Round+1, r.now(), res.After); res.Again && more {
		o.Status, o.Next = Retrying, &next
	}
	return o, nil
}

// allowed reports whether the subscription's owner may be told of this now.
func (r *Router) allowed(ctx context.Context, s *Subscription, n *notice) (bool, error) {
	scope := s.Owner.scope()
	switch {
	case scope.All, n.withdrawn != "" && scope.ActsFor(n.withdrawn):
		return true, nil
	case n.Incident == "":
		return s.wants(n.Announcement), nil
	}
	return r.d.see.MayReceive(ctx, n.Incident, s.Owner.Party)
}

// noticeOf finds the event of a delivery: among the recent ones, else in the log. nil: it is in neither.
func (r *Router) noticeOf(ctx context.Context, v *Delivery) (*notice, error) {
	ref := store.Ref{Stream: v.Stream, Seq: v.Seq}
	notices, ok := r.recent.get(ref)
	if !ok {
		commits, err := r.st.Commits(ctx, []store.Ref{ref})
		if err != nil {
			return nil, unavailable(err)
		}
		if len(commits) == 0 {
			return nil, nil
		}
		found, err := r.d.l.AnnouncementsOf(ctx, commits)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", v.EventID, err)
		}
		notices = r.noticesFrom(found[ref])
		r.recent.put(ref, notices)
	}
	for _, n := range notices {
		if n.EventID == v.EventID {
			return n, nil
		}
	}
	return nil, nil
}

// spoken gives the language of the catalogue for a subscription's language: French for any French, English for all others.
func spoken(language string) string {
	if language == "fr" || strings.HasPrefix(language, "fr-") {
		return "fr"
	}
	return "en"
}
