package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// alarmsAtOnce bounds the alert streams written to at once: enough for the store to group their appends.
const alarmsAtOnce = 32

// muteFor is how long a process leaves telling of its alerts to the sweep once the bus has refused
// one.
const muteFor = 10 * time.Second

// alarm closes and raises the alerts of the batch. The events of one stream are taken in order, those of different streams beside
// each other.
func (r *Router) alarm(ctx context.Context, b *batch) error {
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	slots := make(chan struct{}, alarmsAtOnce)
	for i := 0; i < len(b.commits); {
		first := i
		calls := false
		for ; i < len(b.commits) && b.commits[i].Stream == b.commits[first].Stream; i++ {
			for _, n := range b.notices[b.ref(i)] {
				calls = calls || len(n.Alerts) > 0 || len(n.Closes) > 0
			}
		}
		if !calls {
			continue
		}
		commits := b.commits[first:i]
		wg.Go(func() {
			for _, c := range commits {
				ref := refOf(c)
				for _, n := range b.notices[ref] {
					owed := false
					var raised, stood []store.Ref
					err := r.opt.Guard.Do("the alerts of "+c.Stream, func() (err error) {
						raised, stood, owed, err = r.alarmOne(ctx, n, slots)
						return err
					})
					mu.Lock()
					b.raised, b.stood = append(b.raised, raised...), append(b.stood, stood...)
					if owed || err != nil {
						b.failed[ref] = true
					}
					if err != nil {
						errs = append(errs, fmt.Errorf("alerts of %s: %w", n.EventID, err))
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// alarmOne draws the consequences of one event: it closes alerts, takes the copies away from partners that are no longer
// named, and raises alerts. The copies go first, because the alert that tells a partner of its un-naming is a copy too.
// owed reports that the copies could not be removed and that everything else was done.
func (r *Router) alarmOne(ctx context.Context, n *notice, slots chan struct{}) (raised, stood []store.Ref, owed bool, err error) {
	if len(n.Closes) > 0 {
		// What is to be closed may not have been raised yet: alerts of earlier events that nobody has handled.
		if err := r.raiseEarlier(ctx, n, slots); err != nil {
			return nil, nil, false, err
		}
		for _, c := range n.Closes {
			if err := r.closeAlerts(ctx, n, c, slots); err != nil {
				return nil, nil, false, err
			}
		}
		owed = r.withdraw(ctx, n)
	}
	raised, stood, err = r.raise(ctx, n, slots)
	return raised, stood, owed, err
}

// withdraw takes what partners were given away from states that an event un-names. It reports whether that is still owed: a
// bus that does not answer leaves it to the sweep.
func (r *Router) withdraw(ctx context.Context, n *notice) (owed bool) {
	unnames := func(c ledger.AlertClose) bool { return c.Reason == reasonUnnamed }
	if !slices.ContainsFunc(n.Closes, unnames) {
		return false
	}
	err := r.opt.Withdraw(ctx, n.Announcement)
	if err != nil && ctx.Err() == nil {
		r.log.Warn("what a state was given before it was un-named could not be removed; trying again",
			"stream", n.Stream, "error", err)
	}
	return err != nil
}

// raise raises the alerts an event calls for, and gives the commits that hold them: those raised now, and those that stood. An alert that is there already stands as
// it is.
func (r *Router) raise(ctx context.Context, n *notice, slots chan struct{}) (raised, stood []store.Ref, err error) {
	if len(n.Alerts) == 0 {
		return nil, nil, nil
	}
	list, err := r.d.roster.current(ctx)
	if err != nil {
		return nil, nil, err
	}
	outs := make([]ledger.Outcome[*Alert], len(n.Alerts))
	err = r.together(len(n.Alerts), slots, func(i int) error {
		out, err := r.raiseOne(ctx, n, n.Alerts[i], list)
		if len(out.Events) > 0 {
			r.at(PointRaised)
		}
		outs[i] = out
		return err
	})
	r.tell(ctx, outs...)
	for _, out := range outs {
		switch ref := (store.Ref{Stream: string(out.Stream), Seq: out.Seq}); {
		case ref.Stream == "": // nobody is alerted
		case len(out.Events) > 0:
			raised = append(raised, ref)
		default:
			stood = append(stood, ref)
		}
	}
	return raised, stood, err
}

// raiseOne raises one alert, for a caller that tells of it.
func (r *Router) raiseOne(ctx context.Context, n *notice, call ledger.AlertCall, list []*Subscription) (ledger.Outcome[*Alert], error) {
	party := place.Party(call.Party)
	if call.Kind != KindWithdrawn && !ownKind(call.Kind) && n.Incident != "" {
		// Un-named since: it learns that by another alert. What comes after this look is undone by the closing.
		if named, err := r.d.named(ctx, n.Incident, party); err != nil || !named {
			return ledger.Outcome[*Alert]{}, err
		}
	}
	id := alertID(n.EventID, call.Party, call.Kind, call.Subject)
	shown := n.parts
	if call.Data != nil {
		shown = func() (json.RawMessage, string) { return split(call.Data) }
	}
	header, data := shown()
	raised := alertRaised{
		IncidentID: n.Incident, Incident: header, Origin: n.Origin,
		Cause: Cause{ID: n.EventID, Type: n.Type, Stream: n.Stream, Seq: n.Seq},
		Party: party, Kind: call.Kind, Subject: call.Subject, Severity: n.Severity, Level: 1,
	}
	about := aboutOf(n.Announcement, call.Kind)
	raised.Reads, raised.Targets = about.Reads, targetsOf(reached(list, about, party, r.now()))
	if !call.RequiredBy.IsZero() {
		t := instant(call.RequiredBy)
		raised.RequiredBy = &t
	}
	return r.d.alerts.Execute(ctx, id, ledger.Command[*Alert]{
		Actor: ledger.System, Expect: ledger.LikelyNew, Trace: n.Trace, Told: true,
		Decide: func(a *Alert, at ledger.Moment) (ledger.Decision, error) {
			if at.Seq > 0 {
				return ledger.Decision{}, nil
			}
			return ledger.Decision{
				Exercise: n.Exercise, Detach: map[string]string{detachedData: data},
				Events: []ledger.Event{{Type: EventAlertRaised, Data: raised}},
			}, nil
		},
	})
}

// split separates what an alert shows into the incident's header and the rest.
func split(data json.RawMessage) (header json.RawMessage, rest string) {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil || members == nil {
		return nil, "{}"
	}
	header = members["incident"]
	delete(members, "incident")
	return header, string(mustJSON(members))
}

// raiseEarlier raises the alerts of events before n in its stream that are pending still, and waits until they can be found.
func (r *Router) raiseEarlier(ctx context.Context, n *notice, slots chan struct{}) error {
	var earlier []store.Commit
	after := store.Ref{Stream: string(n.Stream)}
	for {
		page, next, err := r.d.l.Owing(ctx, store.OwesNotices, r.now().Add(ledger.Everything), after, sweepPage)
		if err != nil {
			return err
		}
		done := next == (store.Ref{})
		for _, c := range page {
			if c.Stream != string(n.Stream) || c.Seq >= n.Seq {
				done = true
				break
			}
			earlier = append(earlier, c)
		}
		if done {
			break
		}
		after = next
	}
	b := &batch{commits: earlier, failed: map[store.Ref]bool{}}
	if len(earlier) > 0 {
		if err := r.announce(ctx, b); err != nil {
			return err
		}
	}
	var raised []store.Ref
	for i := range b.commits {
		for _, e := range b.notices[b.ref(i)] {
			own, stood, err := r.raise(ctx, e, slots)
			if err != nil {
				return err
			}
			raised = slices.Concat(raised, own, stood)
		}
	}
	return r.d.l.EnsureDocuments(ctx, raised)
}

// closeAlerts closes the open alerts of the event's incident that earlier events raised: all, or those of one party or subject.
func (r *Router) closeAlerts(ctx context.Context, n *notice, closing ledger.AlertClose, slots chan struct{}) error {
	filter := []store.Cond{onlyAny("status", AlertOpen, AlertAcknowledged)}
	filter = onlyIf(onlyIf(filter, "party", closing.Party), "kind", closing.Kind)
	q := store.Query{Kind: kindAlert, Index: "incident", Equal: []any{n.Incident}, Filter: filter}
	var ids []string
	err := r.d.each(ctx, q, func(doc store.Doc) error {
		a := new(Alert)
		if err := json.Unmarshal(doc.Body, a); err != nil {
			return err
		}
		if closing.Subject != "" && closing.Subject != a.Subject {
			return nil
		}
		if a.Cause.Stream != n.Stream || a.Cause.Seq < n.Seq { // never what this event itself, or a later one, raised
			ids = append(ids, a.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	outs := make([]ledger.Outcome[*Alert], len(ids))
	err = r.together(len(ids), slots, func(i int) (err error) {
		outs[i], err = r.endAlert(ctx, ids[i], alertClosed{closing.Reason, n.EventID})
		return err
	})
	r.tell(ctx, outs...)
	return err
}

// closeAlert closes one alert. One that was never raised, or is closed, stays as it is.
func (r *Router) closeAlert(ctx context.Context, id string, why alertClosed) error {
	out, err := r.endAlert(ctx, id, why)
	r.tell(ctx, out)
	return err
}

// endAlert is closeAlert for a caller that tells of it.
func (r *Router) endAlert(ctx context.Context, id string, why alertClosed) (ledger.Outcome[*Alert], error) {
	out, err := r.d.alerts.Execute(ctx, id, ledger.Command[*Alert]{
		Actor: ledger.System, Told: true,
		Decide: func(a *Alert, _ ledger.Moment) (ledger.Decision, error) {
			if a.Closed != nil {
				return ledger.Decision{}, nil
			}
			return ledger.Decision{Exercise: a.Exercise, Events: []ledger.Event{{Type: EventAlertClosed, Data: why}}}, nil
		},
	})
	if fault.Is(err, fault.NotFound) {
		return out, nil
	}
	return out, err
}

// tell tells the bus of alerts that this process has raised or closed just now, for whoever follows
// events, and then writes their notices: what they announce is in hand, and would only come back
// from the bus. What fails is owed still, and the sweep takes it: all there is for a while once the
// bus has refused something, since it may take seconds to refuse and the sweep tells of many at a
// time.
func (r *Router) tell(ctx context.Context, outs ...ledger.Outcome[*Alert]) {
	in := incoming{notices: map[store.Ref][]*notice{}}
	var commits []store.Commit
	var notes []Note
	for _, out := range outs {
		if len(out.Announced) == 0 {
			continue
		}
		c := store.Commit{Stream: string(out.Stream), Seq: out.Seq, Pending: store.OwesNotices}
		own := NotesOf(r.opt.Source, r.d.l.TypesDigest(), out.Announced, true)
		for i, n := range own {
			in.notices[refOf(c)] = append(in.notices[refOf(c)], newNotice(out.Announced[i], func() []byte { return n.Body }))
		}
		r.recent.put(refOf(c), in.notices[refOf(c)])
		commits, notes = append(commits, c), append(notes, own...)
	}
	if len(commits) == 0 || r.now().UnixNano() < r.mute.Load() {
		return
	}
	var err error
	if r.opt.Publish != nil {
		if err = r.opt.Publish(ctx, notes); err != nil {
			r.mute.Store(r.now().Add(muteFor).UnixNano())
		}
	}
	if err == nil {
		r.at(PointTold)
		_, err = r.handle(ctx, commits, in)
	}
	if err != nil && ctx.Err() == nil {
		r.log.Warn("alerts could not be told of yet; the sweep does it", "alerts", len(commits), "error", err)
	}
}

// alertID gives the alert that an event calls for, the same whoever raises it and however often.
func alertID(event, party, kind, subject string) string {
	return ledger.Derive(NounAlert, event, party, kind, subject)
}

// together calls do for 0 to n-1, as many at once as there are slots free, and waits for all.
func (r *Router) together(n int, slots chan struct{}, do func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = r.opt.Guard.Do("an alert", func() error { return do(i) })
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
