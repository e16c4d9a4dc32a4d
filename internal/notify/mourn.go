package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// mourned reports whether somebody is to be told that the delivery is dead. Those of a subscription that was disabled are not told of one by
// one: one alert says that it was.
func (o outcome) mourned() bool { return o.Status == Dead && o.Code != codeDisabled }

// owe has a journal commit of this process handled like anybody's, because somebody must be told of it. What does not fit is left to
// the sweep: the commit is pending.
func (r *Router) owe(ref store.Ref) {
	select {
	case r.owed <- ref:
	default:
	}
}

func (r *Router) handleOwed(ctx context.Context) {
	for {
		select {
		case ref := <-r.owed:
			commits, err := r.st.Commits(ctx, []store.Ref{ref})
			if err == nil {
				err = r.Handle(ctx, commits)
			}
			if err != nil && ctx.Err() == nil {
				r.log.Warn("nobody could be told of dead deliveries yet; the sweep does it", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// mourn raises an alert for each delivery that outcomes say is dead, once for each time it was queued: the alert's id follows from the delivery
// and from how often it had been replayed, so whoever does this again, after a crash or beside us, raises nothing new.
func (r *Router) mourn(ctx context.Context, outcomes []outcome) error {
	var dead []outcome
	var ids []string
	for _, o := range outcomes {
		if o.mourned() {
			dead, ids = append(dead, o), append(ids, o.Delivery)
		}
	}
	if len(dead) == 0 {
		return nil
	}
	docs, err := r.st.Get(ctx, kindDelivery, ids...)
	if err != nil {
		return unavailable(err)
	}
	list, err := r.roster.current(ctx)
	if err != nil {
		return err
	}
	return r.together(len(dead), make(chan struct{}, alarmsAtOnce), func(i int) error {
		doc, ok := docs[dead[i].Delivery]
		if !ok {
			return nil // gone with its retention
		}
		v, err := readDelivery(doc)
		if err != nil {
			return err
		}
		if err := r.mournOne(ctx, v, dead[i], list); err != nil {
			return fmt.Errorf("alert of dead delivery %s: %w", v.ID, err)
		}
		return nil
	})
}

func (r *Router) mournOne(ctx context.Context, v *Delivery, o outcome, list []*Subscription) error {
	replayed := len(v.Replays) > o.Replay
	if v.Party == "" || v.Status == Delivered || !replayed && v.Status != Dead { // it has arrived since, or another process has it
		return nil
	}
	n, err := r.noticeOf(ctx, v)
	if err != nil {
		return err
	}
	if n == nil {
		n = &notice{}
	}
	if ownKind(n.Kind) {
		return nil // or it would never end
	}
	told := notice{Announcement: ledger.Announcement{
		EventID: v.EventID, Type: v.EventType, Stream: ledger.Stream(v.Stream), Seq: v.Seq, Exercise: v.Exercise, Severity: n.Severity, Trace: v.Trace,
	}}
	shown := deadShown{Delivery: deadDelivery{
		ID: v.ID, EventID: v.EventID, EventType: cloudType(v.EventType), IncidentID: v.Incident, Subscription: v.Subscription,
		Channel: v.Channel, Target: v.Target, Attempts: len(v.Attempts), Code: o.Code, At: o.At,
	}}
	// It is shown with the incident while its owner is named there.
	if v.Incident != "" {
		named, err := r.d.named(ctx, v.Incident, v.Party)
		if err != nil {
			return err
		}
		if named {
			told.Incident = v.Incident
			shown.Incident, _ = split(n.Data)
		}
	}
	call := ledger.AlertCall{Party: string(v.Party), Kind: KindDeliveryDead, Subject: deadSubject(v.ID, o.Replay), Data: mustJSON(shown)}
	out, err := r.raiseOne(ctx, &told, call, list)
	r.tell(ctx, out)
	return err
}

// deadSubject tells the deaths of one delivery apart.
func deadSubject(delivery string, replay int) string {
	if replay == 0 {
		return delivery
	}
	return delivery + "/" + strconv.Itoa(replay)
}

// deadShown is what the owner is told of a delivery that is dead.
type deadShown struct {
	Incident json.RawMessage `json:"incident,omitempty"`
	Delivery deadDelivery    `json:"delivery"`
}

type deadDelivery struct {
	ID           string    `json:"id"`
	EventID      string    `json:"event_id"`
	EventType    string    `json:"event_type"`
	IncidentID   string    `json:"incident_id,omitempty"`
	Subscription string    `json:"subscription_id"`
	Channel      string    `json:"channel"`
	Target       string    `json:"target"` // masked
	Attempts     int       `json:"attempts"`
	Code         string    `json:"code"`
	At           time.Time `json:"at"`
}
