package notify

import (
	"encoding/json"
	"slices"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// NounAlert names the streams of alerts.
const NounAlert = "alert"

// The events of an alert.
const (
	EventAlertRaised       = "alert.raised.v1"
	EventAlertAcknowledged = "alert.acknowledged.v1"
	EventAlertCorrected    = "alert.acknowledgement_corrected.v1"
	EventAlertClosed       = "alert.closed.v1"
)

// KindWithdrawn is the kind of alert that tells a party that it is no longer named: the one thing sent to a party that is not.
const KindWithdrawn = "withdrawn"

// KindRelayed is the kind of alert that tells a party what was entered on its word.
const KindRelayed = "relayed"

// reasonUnnamed closes the alerts of a party that is no longer named.
const reasonUnnamed = "unnamed"

// AlertStatus is where an alert is in its life.
type AlertStatus string

// The closed list of statuses.
const (
	AlertOpen         AlertStatus = "open"
	AlertAcknowledged AlertStatus = "acknowledged"
	AlertClosed       AlertStatus = "closed"
)

// AckOutcome is what a party says to an alert.
type AckOutcome string

// The closed list of outcomes.
const (
	AckReceived  AckOutcome = "received"
	AckCannotAct AckOutcome = "cannot_act"
	AckQuestion  AckOutcome = "question"
)

// The ways in which an acknowledgement is made.
const (
	ViaAPI     = "api"     // by a program
	ViaConsole = "console" // by a person, on the pages
)

// Cause is the event an alert was raised from.
type Cause struct {
	ID     string        `json:"id"`
	Type   string        `json:"type"`
	Stream ledger.Stream `json:"stream"`
	Seq    int64         `json:"seq"` // the version of the incident that the alert shows
}

// Target is one address an alert was sent to, frozen when it was raised.
type Target struct {
	ID      string `json:"id"` // subscription id
	Channel string `json:"channel"`
}

// Acknowledgement is one answer to an alert.
type Acknowledgement struct {
	At         time.Time   `json:"at"`
	Account    string      `json:"account"`
	Role       string      `json:"role"`               // of whoever entered it
	ByParty    place.Party `json:"by_party,omitempty"` // whoever entered it acts for; "" for the first account
	Party      place.Party `json:"party"`              // the alert's
	Channel    string      `json:"channel"`            // see ViaAPI
	Outcome    AckOutcome  `json:"outcome"`
	Version    int64       `json:"version"` // of the incident, as the party had seen it
	Note       string      `json:"note,omitempty"`
	OnBehalfOf string      `json:"on_behalf_of,omitempty"`
	RelayedBy  string      `json:"relayed_by,omitempty"`
	SaidAt     *time.Time  `json:"said_at,omitempty"`
	Reason     string      `json:"reason,omitempty"` // of a correction
	Seq        int64       `json:"seq"`

	Confirmed *Confirmation `json:"confirmed,omitempty"` // of a word that another party entered; nil: its party has not confirmed it
}

// Closing is why and when an alert was closed.
type Closing struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"` // see ledger.AlertClose
}

// Alert is what one party must know of one event, as folded from its stream. It is shared: read only.
type Alert struct {
	ID         string          `json:"id"`
	IncidentID string          `json:"incident_id,omitempty"`
	Incident   json.RawMessage `json:"incident,omitempty"` // header as the event showed it: id, code, title, ...
	Origin     string          `json:"origin,omitempty"`
	Cause      Cause           `json:"event"`
	Party      place.Party     `json:"party"`
	Kind       string          `json:"kind"`
	Subject    string          `json:"subject,omitempty"`
	Severity   string          `json:"severity,omitempty"`
	Exercise   bool            `json:"exercise"`
	Reads      ledger.Level    `json:"reads,omitempty"` // how much of the incident one must be allowed to read to read it
	Level      int             `json:"level"`           // rung of the ladder it stands on
	RaisedAt   time.Time       `json:"raised_at"`
	RequiredBy *time.Time      `json:"required_by,omitempty"` // wall time; nil: no answer is asked for
	Targets    []Target        `json:"targets"`               // none: the party has no address
	Data       json.RawMessage `json:"data,omitempty"`        // what changed, as the event showed it; nil once erased

	Status       AlertStatus       `json:"status"`
	Acknowledged *Acknowledgement  `json:"acknowledged,omitempty"` // the one that stands: the first, as it was corrected last
	Corrected    []Acknowledgement `json:"corrected,omitempty"`    // what stood before and was corrected, oldest first
	Further      []Acknowledgement `json:"further,omitempty"`      // those after the first
	Closed       *Closing          `json:"closed,omitempty"`
}

// Version is the version of the incident that the alert shows. An alert about another alert shows the incident as that one did.
func (a *Alert) Version() int64 {
	if a.Cause.Stream.Noun() != NounAlert {
		return a.Cause.Seq
	}
	var shown struct {
		Version int64 `json:"version"`
	}
	_ = json.Unmarshal(a.Incident, &shown) // what shows no incident shows no version
	return shown.Version
}

// The names of an alert's detached values: what an event showed and what somebody wrote may have to be erased.
const (
	detachedData = "data"
	detachedNote = "note"
)

type alertRaised struct {
	IncidentID string          `json:"incident_id,omitempty"`
	Incident   json.RawMessage `json:"incident,omitempty"`
	Origin     string          `json:"origin,omitempty"`
	Cause      Cause           `json:"event"`
	Party      place.Party     `json:"party"`
	Kind       string          `json:"kind"`
	Subject    string          `json:"subject,omitempty"`
	Severity   string          `json:"severity,omitempty"`
	Reads      ledger.Level    `json:"reads,omitempty"`
	Level      int             `json:"level"`
	RequiredBy *time.Time      `json:"required_by,omitempty"`
	Targets    []Target        `json:"targets"`
}

// alertAcknowledged is the data of an acknowledgement and of its correction.
type alertAcknowledged struct {
	Channel string     `json:"channel"`
	Outcome AckOutcome `json:"outcome"`
	Version int64      `json:"version"`
	Reason  string     `json:"reason,omitempty"` // of a correction

	// What another party had entered for this one, by seq, and this own word settles: it says the same, or something else. What stood
	// and is corrected by the event itself is in neither.
	Confirms []int64 `json:"confirms,omitempty"`
	Corrects []int64 `json:"corrects,omitempty"`
}

type alertClosed struct {
	Reason string `json:"reason"`
	Event  string `json:"event"` // id of the event that closed it
}

func alertFold() ledger.Fold[*Alert] {
	return ledger.Fold[*Alert]{
		Noun: NounAlert, Version: 2,
		Events: []string{EventAlertRaised, EventAlertAcknowledged, EventAlertCorrected, EventAlertClosed},
		New:    func(id string) *Alert { return &Alert{ID: id} },
		Clone: func(a *Alert) *Alert {
			c := *a
			c.Corrected, c.Further = slices.Clone(a.Corrected), slices.Clone(a.Further)
			return &c
		},
		Evolve:   evolveAlert,
		Project:  projectAlert,
		Announce: announceAlert,
	}
}

func evolveAlert(a *Alert, e ledger.Recorded) (*Alert, error) {
	switch e.Type {
	case EventAlertRaised:
		var d alertRaised
		if err := e.Into(&d); err != nil {
			return a, err
		}
		a.IncidentID, a.Incident, a.Origin, a.Cause = d.IncidentID, d.Incident, d.Origin, d.Cause
		a.Party, a.Kind, a.Subject, a.Severity, a.Level, a.Reads = d.Party, d.Kind, d.Subject, d.Severity, d.Level, d.Reads
		a.RequiredBy, a.Targets, a.RaisedAt, a.Exercise, a.Status = d.RequiredBy, d.Targets, e.RecordedAt, e.Exercise, AlertOpen
		if v, ok := e.Detached(detachedData); ok {
			a.Data = json.RawMessage(v)
		}
	case EventAlertAcknowledged, EventAlertCorrected:
		var d alertAcknowledged
		if err := e.Into(&d); err != nil {
			return a, err
		}
		a.acknowledge(e, d)
	case EventAlertClosed:
		var d alertClosed
		if err := e.Into(&d); err != nil {
			return a, err
		}
		a.Closed, a.Status = &Closing{At: e.RecordedAt, Reason: d.Reason}, AlertClosed
	case ledger.EventErased:
		var d ledger.Erased
		if err := e.Into(&d); err != nil {
			return a, err
		}
		a.erase(d)
	}
	return a, nil
}

// acknowledge takes in what was said: a correction takes the place of what stands, and everything else that comes after it stands beside it.
func (a *Alert) acknowledge(e ledger.Recorded, d alertAcknowledged) {
	ack := Acknowledgement{
		At: e.RecordedAt, Account: e.Actor.Account, Role: e.Actor.Role, ByParty: place.Party(e.Actor.Party), Party: a.Party,
		Channel: d.Channel, Outcome: d.Outcome, Version: d.Version, Reason: d.Reason, Seq: e.Seq,
	}
	ack.Note, _ = e.Detached(detachedNote)
	if e.Relay != nil {
		ack.OnBehalfOf, ack.RelayedBy, ack.SaidAt = e.Relay.OnBehalfOf, e.Relay.RelayedBy, e.Relay.SaidAt
	}
	a.settle(d, &Confirmation{At: ack.At, ByRole: ack.Role, ByParty: ack.ByParty, Seq: ack.Seq})
	if a.Acknowledged != nil {
		if e.Type == EventAlertAcknowledged {
			a.Further = append(a.Further, ack)
			return
		}
		a.Corrected = append(a.Corrected, *a.Acknowledged)
	}
	a.Acknowledged = &ack
	if a.Status == AlertOpen {
		a.Status = AlertAcknowledged
	}
}

func (a *Alert) erase(d ledger.Erased) {
	switch d.Name {
	case detachedData:
		a.Data = nil
	case detachedNote:
		if a.Acknowledged != nil && a.Acknowledged.Seq == d.Seq {
			ack := *a.Acknowledged
			ack.Note = ""
			a.Acknowledged = &ack
		}
		for _, list := range [][]Acknowledgement{a.Corrected, a.Further} {
			for i := range list {
				if list[i].Seq == d.Seq {
					list[i].Note = ""
				}
			}
		}
	}
}

// AlertHeader is the incident as an alert shows it.
type AlertHeader struct {
	Code   string      `json:"code"`
	Title  string      `json:"title"`
	Origin place.Party `json:"origin"` // with the island, when only that is affected
}

// Header gives the incident as the alert shows it; empty where it is about none, or shows nothing any more. A withdrawal shows no incident but
// says which it was.
func (a *Alert) Header() AlertHeader {
	var h AlertHeader
	if json.Unmarshal(a.Incident, &h) != nil || h.Code == "" {
		_ = json.Unmarshal(a.Data, &h) // what does not read stays empty
	}
	if h.Origin == "" {
		h.Origin = place.Party(a.Origin)
	}
	return h
}

// hidden reports whether the alert's own party may no longer see it: it was un-named, and told so by another alert.
func (a *Alert) hidden() bool { return a.Closed != nil && a.Closed.Reason == reasonUnnamed }

const kindAlert = "alert"

var alertKind = store.Kind{
	Name: kindAlert, Derived: true,
	Fields: []store.Field{
		{Name: "state", Type: store.String}, {Name: "party", Type: store.String}, {Name: "incident", Type: store.String},
		{Name: "kind", Type: store.String}, {Name: "status", Type: store.String}, {Name: "raised_at", Type: store.Time},
	},
	Indexes: []store.Index{
		{Name: "recent", Fields: []string{"raised_at"}},
		{Name: "state", Fields: []string{"state", "raised_at"}},
		{Name: "incident", Fields: []string{"incident", "raised_at"}},
	},
}

func projectAlert(a *Alert, head ledger.Head, _ []ledger.Recorded) []store.Op {
	index := map[string]any{"incident": a.IncidentID, "kind": a.Kind, "status": string(a.Status), "raised_at": a.RaisedAt, "party": string(a.Party)}
	if !a.hidden() {
		index["state"] = string(a.Party.StateParty())
	}
	return []store.Op{{Do: store.OpPut, Kind: kindAlert, Doc: store.Doc{ID: a.ID, Version: head.Seq, Body: mustJSON(a), Index: index}}}
}

// announceAlert tells the alert's party and the origin. Of a word that another party entered, the
// alert's party is alerted, and once it has spoken itself that alert is closed.
func announceAlert(a *Alert, _ ledger.Head, e ledger.Recorded) (ledger.Announcement, bool) {
	if e.Type == ledger.EventErased {
		return ledger.Announcement{}, false
	}
	out := a.announcement()
	var said alertAcknowledged
	if e.Type == EventAlertAcknowledged || e.Type == EventAlertCorrected {
		if err := e.Into(&said); err != nil {
			return ledger.Announcement{}, false // it did not fold either; Evolve has said so
		}
		out.Closes = a.settled(e.Type, said)
		if e.Relay != nil {
			out.Alerts = []ledger.AlertCall{{Party: string(a.Party), Kind: KindRelayed, Subject: a.relayed(e.Seq)}}
		}
	}
	members := map[string]json.RawMessage{}
	if e.Type == EventAlertRaised && a.Data != nil {
		if err := json.Unmarshal(a.Data, &members); err != nil {
			members = map[string]json.RawMessage{} // an event that shows no object shows nothing
		}
	}
	view := alertShown{
		ID: a.ID, Party: a.Party, Kind: a.Kind, Subject: a.Subject, Level: a.Level, Status: a.Status,
		Version: a.Version(), Event: shownCause{a.Cause.ID, cloudType(a.Cause.Type)}, RaisedAt: a.RaisedAt, RequiredBy: a.RequiredBy,
	}
	if e.Type == EventAlertClosed {
		view.Closed = a.Closed
	}
	switch e.Type {
	case EventAlertCorrected:
		if n := len(a.Corrected); n > 0 {
			members["before"] = mustJSON(a.Corrected[n-1].shown())
		}
		fallthrough
	case EventAlertAcknowledged:
		members["acknowledgement"] = mustJSON(a.acknowledgedAt(e.Seq).shown())
		if len(said.Confirms) > 0 {
			members["confirmed"] = mustJSON(a.shownAt(said.Confirms))
		}
	}
	members["alert"] = mustJSON(view)
	if len(a.Incident) > 0 {
		members["incident"] = a.Incident
	}
	if e.Type == EventAlertRaised {
		for _, t := range a.Targets {
			out.Targets = append(out.Targets, t.ID)
		}
	}
	out.Data = mustJSON(members)
	return out, true
}

// announcement is the frame of every event of the alert: who may be told of it. A party that was un-named is told nothing more of its old alerts.
func (a *Alert) announcement() ledger.Announcement {
	out := ledger.Announcement{
		Exercise: a.Exercise, Origin: a.Origin, Incident: a.IncidentID, Severity: a.Severity, Level: a.Reads, Owner: string(a.Party), Kind: a.Kind,
	}
	if a.Origin != "" {
		out.Parties = append(out.Parties, a.Origin)
	}
	if !a.hidden() && string(a.Party) != a.Origin {
		out.Parties = append(out.Parties, string(a.Party))
	}
	return out
}
