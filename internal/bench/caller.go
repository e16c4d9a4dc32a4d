package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// caller is a client of one Landfall, with the token of its first account.
type caller struct {
	http  *http.Client
	url   string
	token string
}

func client() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 60 * time.Second}
}

// statusError is an answer that is no success.
type statusError struct {
	code int
	text string
}

// Error gives the answer.
func (e statusError) Error() string { return e.text }

// call sends JSON and reads a JSON answer; in and out may be nil. Headers come in pairs.
func (c *caller) call(ctx context.Context, method, path string, in, out any, headers ...string) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return statusError{resp.StatusCode, fmt.Sprintf("%s %s: %s: %s", method, path, resp.Status, answer)}
	}
	if out == nil {
		return nil
	}
	if text, ok := out.(*string); ok {
		*text = string(answer)
		return nil
	}
	return json.Unmarshal(answer, out)
}

// made is what a create answers.
type made struct {
	ID string `json:"id"`
}

func (c *caller) create(ctx context.Context, path string, in any) (id string, err error) {
	var m made
	err = c.call(ctx, http.MethodPost, "/api/v1"+path, in, &m)
	return m.ID, err
}

func (c *caller) hazard(ctx context.Context, now time.Time) (string, error) {
	return c.create(ctx, "/hazards", map[string]any{"name": "Benchmark", "type": "TC", "started_at": now.UTC().Truncate(time.Second)})
}

// open opens an incident of Dominica with one receiver, which is alerted.
func (c *caller) open(ctx context.Context, hazard, title string, now time.Time) (string, error) {
	return c.create(ctx, "/incidents", map[string]any{
		"title": title, "hazard_id": hazard, "origin": "DMA", "receivers": []string{"ATG"}, "severity": "severe",
		"occurred_at": now.UTC().Truncate(time.Second),
	})
}

// incident opens and activates an incident: 37 steps.
func (c *caller) incident(ctx context.Context, hazard, title string, now, landfall time.Time) (string, error) {
	id, err := c.open(ctx, hazard, title, now)
	if err != nil {
		return "", err
	}
	_, err = c.create(ctx, "/incidents/"+id+"/activate", map[string]any{
		"protocol": "hurricane", "confirm": []string{"/anchors/LANDFALL/at"},
		"anchors": map[string]any{"LANDFALL": map[string]any{"at": landfall.UTC().Truncate(time.Second), "kind": "forecast"}},
	})
	return id, err
}

// incidents opens n incidents and gives their ids.
func (c *caller) incidents(ctx context.Context, n int) (ids []string, err error) {
	now := time.Now()
	hazard, err := c.hazard(ctx, now)
	for i := 0; i < n && err == nil; i++ {
		var id string
		id, err = c.incident(ctx, hazard, fmt.Sprintf("Benchmark %d", i), now, now.Add(48*time.Hour))
		ids = append(ids, id)
	}
	return ids, err
}

func (c *caller) subscribe(ctx context.Context, target string, kinds ...string) (string, error) {
	return c.create(ctx, "/subscriptions", map[string]any{"channel": "webhook", "target": target, "filter": map[string]any{"kinds": kinds}})
}

func (c *caller) unsubscribe(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/api/v1/subscriptions/"+id, nil, nil, "If-Match", "*")
}

// reportFigure reports a figure: decided, chained, synced, projected, announced and delivered like everything else.
func (c *caller) reportFigure(ctx context.Context, incident string, n int) (string, error) {
	return c.create(ctx, "/incidents/"+incident+"/figures", map[string]any{
		"place": map[string]any{"party": "DMA", "name": "Public shelters"}, "quantifier": "exact", "unit": "person", "number": n,
		"category": "unverified_stock", "term": "sheltered", "setting": "public_shelter", "source": map[string]any{"name": "Disaster office", "kind": "government"},
		"role": "triangulation", "as_of": time.Now().UTC().Truncate(time.Second),
	})
}

// figures is the load: clients spread over the doors and the incidents, so that each incident has clients at each door.
func figures(incidents []string, doors ...*caller) sender {
	return func(ctx context.Context, client, n int) (string, error) {
		door := doors[client/len(incidents)%len(doors)]
		return door.reportFigure(ctx, incidents[client%len(incidents)], n)
	}
}

// routed is figures with every incident behind one door, as a balancer does that looks at the address.
func routed(incidents []string, doors ...*caller) sender {
	return func(ctx context.Context, client, n int) (string, error) {
		i := client % len(incidents)
		return doors[i%len(doors)].reportFigure(ctx, incidents[i], n)
	}
}

// The messages of an opening, as identity names them in front of the incident's id.
const (
	opened = "landfall.incident.opened.v1 "
	raised = "landfall.alert.raised.v1 "
)

// identity finds the id of the change in a message: the floor's own, a figure's, or the incident's
// behind the type of its event.
func identity(_ string, body []byte) string {
	var m struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Data *struct {
			Figure   made `json:"figure"`
			Incident made `json:"incident"`
		} `json:"data"`
	}
	switch {
	case json.Unmarshal(body, &m) != nil:
		return ""
	case m.Data == nil:
		return m.ID
	case m.Data.Figure.ID != "":
		return m.Data.Figure.ID
	default:
		return m.Type + " " + m.Data.Incident.ID
	}
}

// metrics gives every sample by its name with labels.
func (c *caller) metrics(ctx context.Context) (map[string]float64, error) {
	if err := pause(ctx, 1100*time.Millisecond); err != nil { // an answer is good for a second
		return nil, err
	}
	var text string
	if err := c.call(ctx, http.MethodGet, "/metrics", nil, &text); err != nil {
		return nil, err
	}
	samples := map[string]float64{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if ok {
			name += "}"
		} else if name, value, ok = strings.Cut(strings.TrimSpace(line), " "); !ok {
			continue
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			samples[name] = v
		}
	}
	return samples, nil
}

// quiet waits until nothing that was accepted waits for anything any more.
func (c *caller) quiet(ctx context.Context) error {
	waiting := []string{`landfall_pending_commits{debt="documents"}`, `landfall_pending_commits{debt="notices"}`, "landfall_undelivered_oldest_seconds", "landfall_relay_commits"}
	for calm := 0; calm < 2; {
		samples, err := c.metrics(ctx)
		if err != nil {
			return err
		}
		calm++
		for _, name := range waiting {
			if v, ok := samples[name]; !ok || v != 0 {
				calm = 0
			}
		}
	}
	return nil
}

// pause waits for d.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
