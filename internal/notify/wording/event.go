package wording

import (
	"encoding/json"
	"strings"
	"time"

	"landfall/internal/locale"
	"landfall/internal/place"
)

// What follows reads what receivers get: the CloudEvents event, and of its data what people are told. Members that it does not know are left
// alone; those that are missing are not told.

type event struct {
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Time     time.Time `json:"time"`
	Exercise bool      `json:"exercise"`
	Origin   string    `json:"origin"`
	Data     data      `json:"data"`

	unread bool // the body is not what it should be: only the type is known
}

type data struct {
	Incident  incident          `json:"incident"`
	Relay     *relay            `json:"relay"`
	Reason    string            `json:"reason"`
	Named     []string          `json:"named"`
	Unnamed   []string          `json:"unnamed"`
	Protocol  *protocol         `json:"protocol"`
	Anchor    *anchor           `json:"anchor"`
	Anchors   []anchor          `json:"anchors"`
	Step      *step             `json:"step"`
	Steps     []step            `json:"steps"`
	Movement  *movement         `json:"movement"`
	Figure    *figure           `json:"figure"`
	Answer    *answer           `json:"answer"`
	Proposal  *proposal         `json:"proposal"`
	Hazard    *hazard           `json:"hazard"`
	Alert     alert             `json:"alert"`
	Ack       acknowledgement   `json:"acknowledgement"`
	Before    acknowledgement   `json:"before"`    // of a correction
	Confirmed []acknowledgement `json:"confirmed"` // entered by others for the party that now says the same itself

	// Of messages that did not arrive.
	Delivery     *delivery     `json:"delivery"`
	Subscription *subscription `json:"subscription"`

	// Of a withdrawal, which shows no incident.
	Code  string    `json:"code"`
	Title string    `json:"title"`
	At    time.Time `json:"at"`
}

type incident struct {
	ID         string   `json:"id"`
	Code       string   `json:"code"`
	Title      string   `json:"title"`
	Status     string   `json:"status"`
	Origin     string   `json:"origin"`
	Receivers  []string `json:"receivers"`
	Severity   string   `json:"severity"`
	HazardType string   `json:"hazard_type"`
	Version    int      `json:"version"`
}

type relay struct {
	OnBehalfOf string    `json:"on_behalf_of"`
	RelayedBy  string    `json:"relayed_by"`
	SaidAt     time.Time `json:"said_at"`
	EnteredBy  enteredBy `json:"entered_by"`

	ConfirmedBy *enteredBy `json:"confirmed_by"`
}

// confirmedItself reports whether the party spoken for, or the state of an island, has confirmed the word.
func (r relay) confirmedItself() bool {
	party := place.Party(r.OnBehalfOf)
	return r.ConfirmedBy != nil && (r.ConfirmedBy.Party == string(party) || r.ConfirmedBy.Party == string(party.StateParty()))
}

type enteredBy struct {
	Role  string `json:"role"`
	Party string `json:"party"`
}

type proposal struct {
	Kind    string `json:"kind"`
	Outcome string `json:"outcome"`
}

type protocol struct {
	ID string `json:"id"`
}

type anchor struct {
	Name   string    `json:"name"`
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	Before *struct {
		At   time.Time `json:"at"`
		Kind string    `json:"kind"`
	} `json:"before"`
}

type step struct {
	Key          string     `json:"key"`
	Code         string     `json:"code"`
	Title        place.Text `json:"title"`
	Party        string     `json:"party"`
	Status       string     `json:"status"`
	PlannedDueAt time.Time  `json:"planned_due_at"`
	DueAt        time.Time  `json:"due_at"`
	WaitingFor   string     `json:"waiting_for"`
	LifeSafety   bool       `json:"life_safety"`
	ProofOwed    bool       `json:"proof_owed"`
	Evidence     *evidence  `json:"evidence"`
}

type evidence struct {
	Type      string `json:"type"`
	Reference string `json:"reference"`
}

type spot struct {
	Party string `json:"party"`
	Name  string `json:"name"`
	Port  string `json:"port"`
}

type people struct {
	Total int `json:"total"`
}

type movement struct {
	Status string `json:"status"`
	voyage
	Before *voyage `json:"before"` // of a correction
}

type voyage struct {
	Mode       string    `json:"mode"`
	Carrier    string    `json:"carrier"`
	From       spot      `json:"from"`
	To         spot      `json:"to"`
	Receiver   string    `json:"receiver"`
	DepartsAt  time.Time `json:"departs_at"`
	ETA        time.Time `json:"eta"`
	People     people    `json:"people"`
	DepartedAt time.Time `json:"departed_at"`
	Left       *people   `json:"left"`
	ArrivedAt  time.Time `json:"arrived_at"`
	Came       *people   `json:"came"`
	Difference int       `json:"difference"`
	Why        string    `json:"difference_reason"`
}

type figure struct {
	Place      spot   `json:"place"`
	Quantifier string `json:"quantifier"`
	Unit       string `json:"unit"`
	Number     int    `json:"number"`
	Persons    int    `json:"persons"`
	Category   string `json:"category"`
	Term       string `json:"term"`
	Setting    string `json:"setting"`
	Source     struct {
		Name      string `json:"name"`
		Kind      string `json:"kind"`
		Reference string `json:"reference"`
	} `json:"source"`
	Role       string    `json:"role"`
	AsOf       time.Time `json:"as_of"`
	Parts      []any     `json:"parts"`
	PartsAddUp bool      `json:"parts_add_up"`
	Final      bool      `json:"final"`
}

type answer struct {
	Party      string    `json:"party"`
	Kind       string    `json:"kind"`
	Ceiling    *int      `json:"ceiling"`
	Conditions []string  `json:"conditions"`
	ValidUntil time.Time `json:"valid_until"`
	Text       string    `json:"text"`
	Reference  string    `json:"reference"`
}

type hazard struct {
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	GLIDE     []string  `json:"glide"`
	StartedAt time.Time `json:"started_at"`
}

type alert struct {
	ID         string    `json:"id"`
	Party      string    `json:"party"`
	Kind       string    `json:"kind"`
	Subject    string    `json:"subject"`
	Version    int       `json:"version"`
	RaisedAt   time.Time `json:"raised_at"`
	RequiredBy time.Time `json:"required_by"`
	Event      struct {
		Type string `json:"type"`
	} `json:"event"`
	Closed *struct {
		Reason string `json:"reason"`
	} `json:"closed"`
}

// delivery is a message that was given up.
type delivery struct {
	EventType string `json:"event_type"`
	Channel   string `json:"channel"`
	Target    string `json:"target"`
	Attempts  int    `json:"attempts"`
	Code      string `json:"code"`
}

// subscription is one that was switched off, or tested.
type subscription struct {
	Channel      string    `json:"channel"`
	Target       string    `json:"target"`
	FailingSince time.Time `json:"failing_since"`
	Code         string    `json:"code"`
}

type acknowledgement struct {
	ByRole     string    `json:"by_role"`
	ByParty    string    `json:"by_party"`
	Party      string    `json:"party"`
	Outcome    string    `json:"outcome"`
	Version    int       `json:"version"`
	OnBehalfOf string    `json:"on_behalf_of"`
	RelayedBy  string    `json:"relayed_by"`
	SaidAt     time.Time `json:"said_at"`
	Reason     string    `json:"reason"` // of a correction
}

// read reads an event. One whose data is not what it should be keeps its envelope; a body that is no event at all keeps nothing but
// the type.
func read(eventType string, body []byte) event {
	var e event
	if json.Unmarshal(body, &e) == nil && e.Type != "" {
		return e.clean()
	}
	var shell struct {
		ID       string    `json:"id"`
		Type     string    `json:"type"`
		Time     time.Time `json:"time"`
		Exercise bool      `json:"exercise"`
		Data     struct {
			Incident struct {
				ID    string `json:"id"`
				Code  string `json:"code"`
				Title string `json:"title"`
			} `json:"incident"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &shell) != nil {
		// What was read until the mistake is kept: an exercise must say so.
		shell.Exercise = shell.Exercise || strings.Contains(string(body), `"exercise":true`)
	}
	e = event{ID: shell.ID, Type: eventType, Time: shell.Time, Exercise: shell.Exercise, unread: true}
	e.Data.Incident = incident{ID: shell.Data.Incident.ID, Code: shell.Data.Incident.Code, Title: shell.Data.Incident.Title}
	return e.clean()
}

// clean makes what goes into lines fit for one.
func (e *event) clean() event {
	e.ID, e.Type = plain(e.ID, 100), plain(e.Type, 100)
	i := &e.Data.Incident
	i.ID, i.Code, i.Title = plain(i.ID, 100), plain(i.Code, 40), plain(i.Title, 200)
	e.Data.Code, e.Data.Title = plain(e.Data.Code, 40), plain(e.Data.Title, 200)
	e.Data.Alert.ID = plain(e.Data.Alert.ID, 100)
	return *e
}

func (e *event) kind() string { return kindOf(e.Type) }

// kindOf gives noun and verb: "step.overdue" of "landfall.step.overdue.v1".
func kindOf(eventType string) string {
	kind := strings.TrimPrefix(eventType, "landfall.")
	if i := strings.LastIndex(kind, ".v"); i > 0 {
		kind = kind[:i]
	}
	return kind
}

func (e *event) code() string {
	if e.Data.Incident.Code != "" {
		return e.Data.Incident.Code
	}
	return e.Data.Code
}

func (e *event) title() string {
	if e.Data.Incident.Title != "" {
		return e.Data.Incident.Title
	}
	return e.Data.Title
}

// concerned gives whose clocks count: the party that is asked, then the affected state.
func (e *event) concerned() []place.Party {
	var out []place.Party
	add := func(p string) {
		if p != "" {
			out = append(out, place.Party(p))
		}
	}
	add(e.Data.Alert.Party)
	if e.Data.Step != nil {
		add(e.Data.Step.Party)
	}
	if e.Data.Movement != nil {
		add(e.Data.Movement.Receiver)
	}
	if e.Data.Answer != nil {
		add(e.Data.Answer.Party)
	}
	add(e.Data.Incident.Origin)
	if len(out) == 0 {
		add(e.Origin)
	}
	return out
}

// moment shows a wall time; scenario one on the incident's own clock, which in an exercise is another. "" for none.
func (w *writer) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return w.Moment(t, w.e.concerned()...)
}

func (w *writer) scenario(t time.Time) string {
	text := w.moment(t)
	if text != "" && w.e.Exercise {
		text = w.Notice.ExerciseTime.Say(locale.Name{Name: text})
	}
	return text
}
