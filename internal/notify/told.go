package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/place"
	"landfall/internal/store"
)

// Told is who was told of an incident and who answered, one entry for each party that was alerted, by party.
type Told struct {
	Party  place.Party
	Alerts []ToldAlert // oldest first
}

// ToldAlert is one alert with what became of it.
type ToldAlert struct {
	Seq        int64
	Alert      *Alert
	NoAddress  bool // the party had no target when the alert was raised
	Deliveries []ToldDelivery
}

// FirstDelivered gives when the alert was first handed over to an address of its party; zero: nothing has left yet.
func (a ToldAlert) FirstDelivered() time.Time {
	var first time.Time
	for _, d := range a.Deliveries {
		if !d.DeliveredAt.IsZero() && (first.IsZero() || d.DeliveredAt.Before(first)) {
			first = d.DeliveredAt
		}
	}
	return first
}

// ToldDelivery is one delivery of an alert to its own party. Target is masked, and "" for whoever does not act for that party.
type ToldDelivery struct {
	ID          string
	Channel     string
	Target      string
	Status      Status
	Attempts    int
	LastAt      time.Time // of the last attempt; zero: none yet
	LastCode    string
	DeliveredAt time.Time // zero: not (yet)
}

// ForIncidentAsKnownAt is ForIncident as it could be known at a wall time: alerts raised until then, acknowledged or escalated as they were, and
// whether a delivery had got through. Who may ask is asked today.
func (d *Desk) ForIncidentAsKnownAt(ctx context.Context, scope access.Scope, incidentID string, at time.Time) ([]Told, error) {
	today, err := d.ForIncident(ctx, scope, incidentID)
	if err != nil {
		return nil, err
	}
	out := make([]Told, 0, len(today))
	for _, told := range today {
		then := Told{Party: told.Party}
		for _, a := range told.Alerts {
			if a.Alert.RaisedAt.After(at) {
				continue
			}
			known, err := d.alerts.LoadAsKnownAt(ctx, a.Alert.ID, at)
			if err != nil {
				return nil, err
			}
			a.Alert, a.Seq = known.Value, known.Seq
			a.Deliveries = deliveredBy(a.Deliveries, at)
			then.Alerts = append(then.Alerts, a)
		}
		if len(then.Alerts) > 0 {
			out = append(out, then)
		}
	}
	return out, nil
}

// deliveredBy gives deliveries as they could be known at a moment: one that got through later was then still on its way.
func deliveredBy(all []ToldDelivery, at time.Time) []ToldDelivery {
	then := slices.Clone(all)
	for n, v := range then {
		if v.LastAt.After(at) {
			then[n] = ToldDelivery{ID: v.ID, Channel: v.Channel, Target: v.Target, Status: Sending}
		}
	}
	return then
}

// toldPage is how many documents are read at a time.
const toldPage = 1000

// ForIncident gives who was told of an incident, when, on which version, by which deliveries, and who acknowledged, for each party. Every
// party named in the incident may ask; NotFound for anybody else.
func (d *Desk) ForIncident(ctx context.Context, scope access.Scope, incidentID string) ([]Told, error) {
	thing, err := d.see.Thing(ctx, incidentID)
	switch {
	case err != nil:
		return nil, err
	case !scope.May(access.ReadHeadline, thing):
		return nil, notFound("incident")
	case !scope.May(access.ReadInside, thing):
		return nil, access.Refusal(access.ReadInside, thing)
	}
	d.l.Settle(ctx, listWait)
	byParty := map[place.Party]*Told{}
	type position struct {
		told *Told
		i    int
	}
	at := map[string]position{} // by alert id
	err = d.each(ctx, store.Query{Kind: kindAlert, Index: "incident", Equal: []any{incidentID}}, func(doc store.Doc) error {
		a := new(Alert)
		if err := json.Unmarshal(doc.Body, a); err != nil {
			return err
		}
		if ownKind(a.Kind) {
			return nil // for operators: the delivery itself shows it here
		}
		told, ok := byParty[a.Party]
		if !ok {
			told = &Told{Party: a.Party}
			byParty[a.Party] = told
		}
		at[a.ID] = position{told, len(told.Alerts)}
		told.Alerts = append(told.Alerts, ToldAlert{Seq: doc.Version, Alert: a, NoAddress: len(a.Targets) == 0})
		return nil
	})
	if err != nil {
		return nil, err
	}
	raised := store.Query{Kind: kindDelivery, Index: "incident", Equal: []any{incidentID}, Filter: []store.Cond{only("event_type", EventAlertRaised)}}
	err = d.each(ctx, raised, func(doc store.Doc) error {
		v, err := readDelivery(doc)
		if err != nil {
			return err
		}
		p, ok := at[v.AlertID]
		if !ok {
			return nil
		}
		a := &p.told.Alerts[p.i]
		if slices.ContainsFunc(a.Alert.Targets, func(t Target) bool { return t.ID == v.Subscription }) { // not somebody else's copy
			a.Deliveries = append(a.Deliveries, v.told(scope.ActsFor(p.told.Party)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]Told, 0, len(byParty))
	for _, p := range slices.Sorted(maps.Keys(byParty)) {
		out = append(out, *byParty[p])
	}
	return out, nil
}

func (v *Delivery) told(whole bool) ToldDelivery {
	t := ToldDelivery{ID: v.ID, Channel: v.Channel, Status: v.Status, Attempts: len(v.Attempts)}
	if whole {
		t.Target = v.Target
	}
	if n := len(v.Attempts); n > 0 {
		t.LastAt, t.LastCode = v.Attempts[n-1].At, v.Attempts[n-1].Code
	}
	if v.Status == Delivered {
		t.DeliveredAt = t.LastAt
	}
	return t
}

// each walks all documents of a query in its order.
func (d *Desk) each(ctx context.Context, q store.Query, do func(store.Doc) error) error {
	q.Limit = toldPage
	for {
		page, err := d.docs.Find(ctx, q)
		if err != nil {
			return unavailable(err)
		}
		for _, doc := range page.Docs {
			if err := do(doc); err != nil {
				return fmt.Errorf("%s %s: %w", q.Kind, doc.ID, err)
			}
		}
		if page.Next == "" {
			return nil
		}
		q.After = page.Next
	}
}
