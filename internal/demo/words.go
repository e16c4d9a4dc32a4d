package demo

import (
	"fmt"
	"strings"
	"time"
)

// What follows is the part of the contract (api/openapi.yaml) that the story reads.

type hazard struct {
	ID string `json:"id"`
}

type incident struct {
	ID      string `json:"id"`
	Code    string `json:"code"`
	Origin  string `json:"origin"`
	Version int64  `json:"version"`
	Clock   clock  `json:"clock"`
}

// clock ties the time of an exercise to the time on the wall.
type clock struct {
	ScenarioStart time.Time `json:"scenario_start"`
	WallStart     time.Time `json:"wall_start"`
	Speed         int       `json:"speed"`
}

// at gives the scenario's time at a wall time; wall the reverse.
func (c clock) at(wall time.Time) time.Time {
	return c.ScenarioStart.Add(wall.Sub(c.WallStart) * time.Duration(c.Speed))
}

func (c clock) wall(scenario time.Time) time.Time {
	return c.WallStart.Add(scenario.Sub(c.ScenarioStart) / time.Duration(max(1, c.Speed)))
}

// roseau is the time zone of both stories: everybody in them is four hours behind UTC, the whole year.
func roseau() *time.Location { return time.FixedZone("UTC-4", -4*60*60) }

// september gives a moment of September 2017 in Roseau.
func september(day, hour, minute int) time.Time {
	return time.Date(2017, time.September, day, hour, minute, 0, 0, roseau())
}

// april gives a moment of April 2021 in Kingstown.
func april(day, hour, minute int) time.Time {
	return time.Date(2021, time.April, day, hour, minute, 0, 0, roseau())
}

// shows gives what the clock of the exercise shows, in Roseau.
func (c clock) shows(wall time.Time) string { return c.at(wall).In(roseau()).Format("15:04") }

// path of something below the incident.
func (i incident) path(parts ...string) string {
	return "/api/v1/incidents/" + i.ID + "/" + strings.Join(parts, "/")
}

type text struct {
	EN string `json:"en"`
	FR string `json:"fr"`
}

type step struct {
	Key     string    `json:"key"`
	Title   text      `json:"title"`
	Party   string    `json:"party"`
	Status  string    `json:"status"`
	Overdue bool      `json:"overdue"`
	DueAt   time.Time `json:"due_at"`
}

// open reports whether somebody still has to do it.
func (s step) open() bool { return s.Status == "pending" || s.Status == "in_progress" }

type alert struct {
	ID         string    `json:"id"`
	Party      string    `json:"party"`
	Kind       string    `json:"kind"`
	Subject    string    `json:"subject"` // key of a step
	Version    int64     `json:"version"`
	RequiredBy time.Time `json:"required_by"`
	RaisedAt   time.Time `json:"raised_at"`
}

type anchor struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	ETag string    `json:"etag"`
}

type people struct {
	Total int `json:"total"`
}

type movement struct {
	ID         string `json:"id"`
	Left       people `json:"left"`
	Came       people `json:"came"`
	Difference int    `json:"difference"`
}

type answer struct {
	ID         string   `json:"id"`
	Party      string   `json:"party"`
	Kind       string   `json:"kind"`
	Ceiling    *int     `json:"ceiling"`
	Conditions []string `json:"conditions"`
}

type figure struct {
	ID         string `json:"id"`
	Quantifier string `json:"quantifier"`
	Number     int    `json:"number"`
	Category   string `json:"category"`
	Role       string `json:"role"`
	Source     struct {
		Name string `json:"name"`
	} `json:"source"`
	Parts []struct {
		Number int `json:"number"`
	} `json:"parts"`
	PartsAddUp   *bool  `json:"parts_add_up"` // nil: not said
	SupersededBy string `json:"superseded_by"`
}

// short reports whether Landfall says that the parts do not make the figure.
func (f figure) short() bool { return f.PartsAddUp != nil && !*f.PartsAddUp }

// sum gives what the parts make.
func (f figure) sum() int {
	sum := 0
	for _, p := range f.Parts {
		sum += p.Number
	}
	return sum
}

// number gives a figure as people say it: "more than 73,000".
func (f figure) number() string {
	words := map[string]string{"more_than": "more than ", "less_than": "less than ", "approximately": "about "}
	return words[f.Quantifier] + grouped(f.Number)
}

// grouped writes thousands apart: 73,000.
func grouped(n int) string {
	if n < 0 {
		return "-" + grouped(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

// reader knows what the story needs to put an arrival into words.
type reader struct {
	name  func(code string) string // what a party is called
	clock clock                    // of the incident
}

// describe gives one line on what arrived, for the endpoint that it arrived at; "" for what the story passes over.
func (r reader) describe(a arrival) string {
	what := r.about(a)
	if what == "" {
		return ""
	}
	version := a.event.Data.Incident.Version
	if al := a.event.Data.Alert; al != nil {
		version = al.Version
	}
	proof := fmt.Sprintf("[v%d, signature ok]", version)
	if a.again {
		proof = fmt.Sprintf("[v%d, signature ok, again under the same id]", version)
	}
	return what + " " + strings.ReplaceAll(proof, " ", noBreak)
}

func (r reader) about(a arrival) string {
	d := a.event.Data
	switch kind := a.event.kind(); {
	case kind == "alert.raised" && d.Alert != nil && d.Alert.Party == a.box:
		return "ALERT: " + r.alert(d)
	case kind == "alert.acknowledged" && d.Alert != nil && d.Alert.Party != a.box:
		return fmt.Sprintf("%s has acknowledged the alert", r.name(d.Alert.Party))
	case kind == "answer.given" && d.Answer != nil && d.Answer.Party != a.box:
		if d.Answer.Ceiling != nil {
			return fmt.Sprintf("%s: %s, up to %s people, %d conditions", r.name(d.Answer.Party), d.Answer.Kind, grouped(*d.Answer.Ceiling), len(d.Answer.Conditions))
		}
		return fmt.Sprintf("%s: %s", r.name(d.Answer.Party), d.Answer.Kind)
	case kind == "anchor.moved" && d.Anchor != nil:
		return fmt.Sprintf("%s is now %s, %s", d.Anchor.Name, d.Anchor.At.In(roseau()).Format("15:04"), d.Anchor.Kind)
	case kind == "movement.arrived" && d.Movement != nil:
		return fmt.Sprintf("%d have arrived, difference %d", d.Movement.Came.Total, d.Movement.Difference)
	case kind == "figure.reported" && d.Figure != nil:
		if d.Figure.short() {
			return fmt.Sprintf("figure: %s, %s; DOES NOT ADD UP, its parts make %s", d.Figure.number(), d.Figure.Source.Name, grouped(d.Figure.sum()))
		}
		return fmt.Sprintf("figure: %s, %s", d.Figure.number(), d.Figure.Source.Name)
	}
	return "" // the affected state's copies of what others are asked, and what an office itself has done
}

// headline says what an arrival is about, those too that the story passes over.
func (r reader) headline(a arrival) string {
	if text := r.about(a); text != "" {
		return text
	}
	if d := a.event.Data; d.Alert != nil {
		if a.event.kind() == "alert.raised" {
			return fmt.Sprintf("To %s: %s", r.name(d.Alert.Party), r.alert(d))
		}
		return fmt.Sprintf("%s: %s", r.name(d.Alert.Party), strings.ReplaceAll(strings.TrimPrefix(a.event.kind(), "alert."), "_", " "))
	}
	others := a
	others.box = "" // what an office did itself reads as others read of it
	if text := r.about(others); text != "" {
		return text
	}
	return strings.NewReplacer(".", " ", "_", " ").Replace(a.event.kind())
}

// alert says in words what an alert is about. Until when an answer is wanted is shown on the exercise clock, where the rule was applied.
func (r reader) alert(d eventData) string {
	about := map[string]string{
		"named":              "named as a receiving state",
		"planning":           "planning has begun",
		"activation":         "the protocol is ACTIVATED",
		"movement":           "people are to come",
		"departure":          "people are on their way",
		"movement_corrected": "CORRECTED: people are to come",
		"movement_cancelled": "CANCELLED: nobody is to come",
		"stood_down":         "STOOD DOWN: nothing more is asked",
		"closed":             "the incident is closed: nothing more is asked",
	}[d.Alert.Kind]
	switch {
	case d.Alert.Kind == "step_overdue" && d.Step != nil:
		about = fmt.Sprintf("step %s is LATE: %s", d.Step.Key, d.Step.Title.EN)
	case about == "":
		about = strings.ReplaceAll(d.Alert.Kind, "_", " ")
	}
	if by := d.Alert.RequiredBy; !by.IsZero() {
		about += "; answer by " + r.clock.shows(by)
		if r.clock.at(by).In(roseau()).Day() != r.clock.at(d.Alert.RaisedAt).In(roseau()).Day() {
			about += " tomorrow"
		}
	}
	return about
}

// span gives a length of time in its largest fitting units: "15 s", "1 h 20 min".
func span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d.Round(time.Minute)%time.Hour == 0:
		return fmt.Sprintf("%d h", int(d.Round(time.Minute).Hours()))
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
