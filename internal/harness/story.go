package harness

import (
	"fmt"
	"net/http"
	"time"
)

// Incident is one incident of a story, seen by whoever opened it.
type Incident struct {
	*Client
	ID   string
	Code string
	Path string // /api/v1/incidents/<id>
}

// Maria opens the hazard and an incident in Dominica that names the receivers. fields are laid over the usual request; of an exercise the
// hazard is one too.
func (w *World) Maria(c *Client, receivers []string, fields Object) *Incident {
	w.T.Helper()
	now := w.Clock.Now().Truncate(time.Second)
	hazard := c.Post("/api/v1/hazards", Object{
		"name": "Hurricane Maria", "type": "TC", "glide": []string{"TC-2017-000136-DMA"}, "started_at": now, "exercise": fields["exercise"] == true,
	}).Want(http.StatusCreated)
	body := Object{
		"title": "Hurricane Maria: Dominica", "hazard_id": hazard.Str("id"), "origin": "DMA", "receivers": receivers,
		"severity": "extreme", "occurred_at": now,
	}
	if receivers == nil {
		delete(body, "receivers")
	}
	for k, v := range fields {
		body[k] = v
	}
	a := c.Post("/api/v1/incidents", body).Want(http.StatusCreated)
	return &Incident{Client: c, ID: a.Str("id"), Code: a.Str("code"), Path: "/api/v1/incidents/" + a.Str("id")}
}

// Activate activates the hurricane protocol with a landfall forecast at the instant.
func (i *Incident) Activate(landfall time.Time) Answer {
	i.t.Helper()
	return i.Post(i.Path+"/activate", Object{
		"protocol": "hurricane", "anchors": Object{"LANDFALL": Object{"at": landfall.Truncate(time.Second), "kind": "forecast"}},
	}).Want(http.StatusOK)
}

// Step reads one step as the client sees it.
func (i *Incident) Step(key string) Answer {
	i.t.Helper()
	return i.Get(i.Path + "/steps/" + key).Want(http.StatusOK)
}

// As gives the same incident seen by another client.
func (i *Incident) As(c *Client) *Incident {
	other := *i
	other.Client = c
	return &other
}

// Figure reports how many people were seen in the public shelters of the party.
func Figure(party string, number int, at time.Time) Object {
	return Object{
		"place": Object{"party": party, "name": "Public shelters"}, "quantifier": "exact", "unit": "person", "number": number,
		"category": "people_displaced_across_borders", "term": "sheltered", "setting": "public_shelter",
		"source": Object{"name": "Disaster office", "kind": "government"}, "role": "triangulation", "as_of": at.Truncate(time.Second),
	}
}

// Inbox gives the alerts of the client's party of one kind.
func (c *Client) Inbox(kind string) []Object {
	c.t.Helper()
	var alerts []Object
	for _, a := range c.Get("/api/v1/alerts?limit=500").Want(http.StatusOK).Items() {
		if fmt.Sprint(a["kind"]) == kind {
			alerts = append(alerts, a)
		}
	}
	return alerts
}

// AwaitAlert waits until the party has n alerts of the kind and gives them.
func (c *Client) AwaitAlert(kind string, n int) []Object {
	c.t.Helper()
	Eventually(c.t, func() (bool, string) {
		found := c.Inbox(kind)
		return len(found) >= n, fmt.Sprintf("%d alerts of kind %s, want %d", len(found), kind, n)
	})
	return c.Inbox(kind)
}
