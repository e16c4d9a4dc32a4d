package notify

import (
	"bytes"
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
	Next     *time.Time `json:"next,omitempty"`    // when the next attempt is due, for retrying
	Asked    bool       `json:"asked,omitempty"`   // because the far side asked for it
	Forward  bool       `json:"forward,omitempty"` // it was made ahead of the schedule, which does not count it
	Replay   int        `json:"replay,omitempty"`  // how often the delivery had been replayed
	Detail   string     `json:"-"`                 // the far side's words: detached
	chained  string     // id of the journal's event that holds it; "" before it is chained
}

func outcomeOf(v *Delivery, at time.Time) outcome {
	return outcome{Delivery: v.ID, Target: v.Subscription, Event: v.EventID, From: v.Version, Channel: v.Channel, At: at, Replay: len(v.Replays)}
}

// Why a delivery is over without an attempt. They are the codes of its last one.
const (
	codeDeleted  = "subscription_deleted"
	codeExpired  = "subscription_expired"
	codeNotNamed = "not_named"
	codeExercise = "exercise_not_wanted"
	codeNoEvent  = "no_such_event"
	codeNoSecret = "secret_unreadable"
	codeChannel  = "channel_unavailable"
	codeDisabled = "subscription_disabled"
	codeTooOld   = "too_old"
	codePanic    = "panic" // a mistake of ours, also the code of the fault that package guard makes
)

const (
	longestSend  = 16 * time.Second // bound of one attempt, should a channel forget its own
	againAfterUs = 5 * time.Second  // after an attempt that our own side could not make
)

// attempt makes one attempt at a delivery and hands its outcome to the journalist. What our own side could not do is no attempt: the delivery
// stays as it is and is looked at again soon. Nor is it one when another process probes the target at this moment.
func (r *Router) attempt(ctx context.Context, j *job) {
	err := r.opt.Guard.Do("a delivery by "+j.v.Channel, func() error { r.attemptIt(ctx, j); return nil })
	if err != nil {
		r.log.Error("a delivery could not be tried; it waits", "delivery", j.v.ID, "error", err)
		r.sender.done(j, r.now().Add(againAfterUs))
	}
}

func (r *Router) attemptIt(ctx context.Context, j *job) {
	now := r.now()
	at, ok, err := r.breaker.claim(ctx, j.v.Subscription, now)
	if err == nil && ok {
		at = now.Add(againAfterUs)
		ok, err = r.renew(ctx, j)
	}
	if err != nil || !ok {
		if err != nil {
			at = now.Add(againAfterUs)
			if ctx.Err() == nil {
				r.log.Warn("a delivery could not be taken; it waits", "delivery", j.v.ID, "error", err)
			}
		}
		r.sender.done(j, at)
		return
	}
	var o outcome
	var asked bool
	err = r.opt.Guard.Do("a message by "+j.v.Channel, func() (err error) {
		o, asked, err = r.try(ctx, j)
		return err
	})
	if fault.CodeOf(err) == codePanic {
		// It is tried again on its schedule and given up at its end, like any other, so that it is seen and holds up no other.
		r.log.Error("a message could not be made", "delivery", j.v.ID, "error", err)
		o, asked, err = outcomeOf(j.v, r.now()), false, nil
		o.Code = codePanic
		r.again(j, &o, Result{Again: true})
	}
	if err == nil && ctx.Err() == nil && asked {
		r.opt.Hooks.Attempted(j.v.Channel, o.Code, o.Status == Delivered, r.now().Sub(o.At))
	}
	if err != nil || o.Status != Delivered && ctx.Err() != nil {
		if ctx.Err() == nil {
			r.log.Warn("a delivery could not be tried; it waits", "delivery", j.v.ID, "error", err)
		}
		r.sender.done(j, r.now().Add(againAfterUs))
		return
	}
	r.at(PointAttempted)
	r.journal.add(ctx, j, o)
}

// renew makes sure that the lease outlasts the attempt, where other processes could take the delivery, and that whoever looks sees that it is
// under way: not at the cost of a write where the attempt will be over in a moment. False: another process has it.
func (r *Router) renew(ctx context.Context, j *job) (bool, error) {
	now := r.now()
	holds := r.opt.Alone || j.v.LeaseOwner == r.opt.Process && j.v.LeaseUntil != nil && j.v.LeaseUntil.Sub(now) >= longestSend
	if holds && (j.v.Status == Sending || !r.breaker.failing(j.v.Subscription)) {
		return true, nil
	}
	j.v.lease(r.opt.Process, now)
	j.v.Status = Sending
	changed, err := r.st.Bulk(ctx, []store.Op{j.v.put()})
	return err == nil && changed[0], err
}

// try looks at everything that decides whether the delivery may be sent now, sends it, and says what became of it. asked says whether
// the channel was.
func (r *Router) try(ctx context.Context, j *job) (o outcome, asked bool, err error) {
	v := j.v
	o = outcomeOf(v, r.now())
	over := func(status Status, code string) (outcome, bool, error) {
		o.Status, o.Code = status, code
		return o, false, nil
	}
	held, err := r.d.subs.Load(ctx, v.Subscription)
	if fault.Is(err, fault.NotFound) {
		return over(Cancelled, codeDeleted)
	}
	if err != nil {
		return o, false, err
	}
	s := held.Value
	test := v.EventType == EventSubscriptionTested
	if status, code := s.ending(o.At); code != "" && (!test || code != codeDisabled) {
		return over(status, code)
	}
	if !s.Filter.Exercise.wants(v.Exercise) {
		return over(Cancelled, codeExercise)
	}
	if j.n == nil {
		if j.n, err = r.noticeOf(ctx, v); err != nil {
			return o, false, err
		}
		if j.n == nil {
			return over(Cancelled, codeNoEvent)
		}
	}
	body, allowed, err := r.readable(ctx, s, j.n)
	if err != nil {
		return o, false, err
	}
	if !allowed {
		return over(Cancelled, codeNotNamed)
	}
	if r.tooOld(v, o.At) {
		return over(Expired, codeTooOld)
	}
	channel, ok := r.d.channels[s.Channel]
	if !ok {
		return over(Cancelled, codeChannel)
	}
	secrets, err := r.secretsOf(s, o.At)
	if err != nil {
		r.log.Error("a subscription cannot be served", "subscription", s.ID, "error", err)
		return over(Dead, codeNoSecret)
	}
	res := r.send(ctx, channel, j, Message{
		ID: v.ID, Target: s.Target, Secrets: secrets, Type: cloudType(v.EventType), Body: body,
		Language: spoken(s.Language), Attempt: len(v.Attempts) + 1,
	})
	if !res.Sent && ctx.Err() != nil {
		return o, false, context.Cause(ctx) // broken off by us: it says nothing about the target
	}
	r.breaker.note(v, res, r.now())
	o.Code, o.Detail = res.Code, res.Detail
	if res.Sent {
		o.Status = Delivered
		return o, true, nil
	}
	if err := r.giveUp(ctx, s); err != nil {
		r.log.Warn("a subscription whose target fails for days could not be disabled; trying again", "subscription", s.ID, "error", err)
	}
	r.again(j, &o, res)
	return o, true, nil
}

// send hands a message to its channel, within bounds.
func (r *Router) send(ctx context.Context, channel Channel, j *job, m Message) Result {
	ctx, cancel := context.WithTimeout(ctx, longestSend)
	defer cancel()
	answered := r.sender.asks(j)
	defer answered()
	if r.opt.Hooks.Attempting == nil {
		return channel.Send(ctx, m)
	}
	ctx, end := r.opt.Hooks.Attempting(ctx, j.v.Trace, j.v.Channel, j.v.ID)
	res := channel.Send(ctx, m)
	end(res.Code, res.Sent)
	return res
}

// again decides whether a failed delivery is tried again, and when.
func (r *Router) again(j *job, o *outcome, res Result) {
	now := r.now()
	var next time.Time
	more := true
	if j.planned.IsZero() {
		next, more = r.opt.Retries.next(j.v.tried()+1, now, res.After)
	} else {
		// It was tried ahead of its time, because the target had answered again. That costs it nothing: it is as it was.
		o.Forward, next = true, j.planned
		if wanted := now.Add(max(againAfterUs, min(res.After, maxRetryAfter))); wanted.After(next) {
			next = wanted
		}
	}
	if !res.Again || !more {
		o.Status = Dead
		return
	}
	// The time to wait counts from now, when the far side said so; what the attempt itself took is not part of it.
	o.Status, o.Next, o.Asked = Retrying, &next, res.After > 0
}

// tooOld reports whether the delivery is a notice that comes too late to be of use. An alert never is.
func (r *Router) tooOld(v *Delivery, now time.Time) bool {
	if r.opt.NoticeAge < 0 || v.AlertID != "" {
		return false
	}
	since := v.CreatedAt
	if v.WaitingSince != nil { // replayed
		since = *v.WaitingSince
	}
	return now.Sub(since) > r.opt.NoticeAge
}

// secretsOf gives the secrets that sign for a subscription at now, newest first. A former one that does not open is left out.
func (r *Router) secretsOf(s *Subscription, now time.Time) ([]string, error) {
	var secrets []string
	for i, sealed := range s.sealedSecrets(now) {
		secret, err := r.d.sealer.open(secretPlace(s.ID), sealed)
		switch {
		case err == nil:
			secrets = append(secrets, secret)
		case i == 0:
			return nil, err
		default:
			r.log.Error("a former secret of a subscription does not open and does not sign", "subscription", s.ID, "error", err)
		}
	}
	return secrets, nil
}

// readable gives the event as the subscription's owner may read it now, and whether it may be told of it at all.
func (r *Router) readable(ctx context.Context, s *Subscription, n *notice) ([]byte, bool, error) {
	if n.only == s.ID {
		return n.body(), true, nil
	}
	data, ok, err := r.d.see.ReadEvent(ctx, s.Owner.scope(), n.Announcement)
	if err != nil || !ok {
		return nil, false, err
	}
	if bytes.Equal(data, n.Data) {
		return n.body(), true, nil
	}
	cut := n.Announcement
	cut.Data = data
	return RenderEvent(r.opt.Source, cut), true, nil
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
		if notices, err = r.noticesOf(commits[0], found[ref]); err != nil {
			return nil, fmt.Errorf("event %s: %w", v.EventID, err)
		}
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
