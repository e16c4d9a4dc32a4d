package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The kinds of event that the receiver subscribes to.
const (
	activated = "landfall.incident.activated.v1"
	reported  = "landfall.figure.reported.v1"
)

// enough is how many changes must be accepted in each part of the disturbed time.
const enough = 25

// cast is who takes part.
type cast struct {
	*stage
	admin, dominica, antigua account
	hook                     *receiver
	incident                 string // path of the incident below a replica's address
}

// api gives the address of a path on one replica, 1 or 2.
func (c *cast) api(replica int, path string) string { return c.replica(replica).url + path }

// replica gives one of the two API processes.
func (c *cast) replica(n int) *process { return c.started[fmt.Sprintf("api-%d", n)] }

// play has the processes do a day's work, disturbs them, and counts.
func play(ctx context.Context, s *stage, out io.Writer) (counts, error) {
	c := &cast{stage: s}
	var err error
	if c.hook, err = newReceiver(ctx); err != nil {
		return counts{}, err
	}
	defer c.hook.close()
	for _, scene := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"accounts", c.accounts},
		{"presence", c.presence},
		{"the job: opened on api-1, activated on api-2, alert delivered once, acknowledged on api-1", c.job},
	} {
		if err := scene.do(ctx); err != nil {
			return counts{}, fmt.Errorf("%s: %w", scene.name, err)
		}
		fmt.Fprintln(out, "done:", scene.name)
	}
	l := newLoad(c)
	result, err := l.run(ctx, []disturbance{
		{"api-1 restarted", func(ctx context.Context) error { return l.restart(ctx, 1) }},
		{"notify-1 killed", func(context.Context) error { c.started["notify-1"].kill(); return nil }},
		{"nats-2 killed and started again", func(ctx context.Context) error {
			c.started["nats-2"].kill()
			return begin(ctx, c.started["nats-2"])
		}},
		{"api-2 restarted", func(ctx context.Context) error { return l.restart(ctx, 2) }},
		{"watch-1 restarted", func(ctx context.Context) error { return again(ctx, c.started["watch-1"]) }},
	}, out)
	if err != nil {
		return result, err
	}
	// What a restart policy does, late, so that all of the above was the other notifier's work.
	if err := begin(ctx, c.started["notify-1"]); err != nil {
		return result, err
	}
	return result, c.once()
}

// again restarts a process as an upgrade does.
func again(ctx context.Context, p *process) error {
	if err := p.stop(ctx); err != nil {
		return err
	}
	return begin(ctx, p)
}

// begin starts a process and waits until it is healthy.
func begin(ctx context.Context, p *process) error {
	if err := p.start(ctx); err != nil {
		return err
	}
	return p.awaitHealthy(ctx)
}

// accounts takes up the first account's token, which only the replica that made the account has, and makes one for each state.
func (c *cast) accounts(ctx context.Context) error {
	var tokens []string
	for n := 1; n <= 2; n++ {
		text, err := os.ReadFile(filepath.Join(c.replica(n).data, "admin.token"))
		if err == nil {
			tokens = append(tokens, strings.TrimSpace(string(text)))
		}
	}
	for _, token := range tokens { // a replica that lost the race may keep a token that opens nothing
		c.admin = newAccount(token)
		if status, _, err := c.admin.call(ctx, http.MethodGet, c.api(1, "/api/v1/me"), "", nil); err == nil && status == http.StatusOK {
			break
		}
	}
	newDesk := func(party, role string) (account, error) {
		made, err := c.admin.post(ctx, c.api(1, "/api/v1/accounts"), object{"name": party + " desk", "party": party, "role": role})
		if err != nil {
			return account{}, err
		}
		token, err := c.admin.post(ctx, c.api(2, "/api/v1/tokens"), object{"account_id": made["id"], "label": "compose"})
		return newAccount(text(token, "secret")), err
	}
	var err error
	if c.dominica, err = newDesk("DMA", "coordinator"); err != nil {
		return err
	}
	c.antigua, err = newDesk("ATG", "official")
	return err
}

// presence makes sure that every process of the file shows itself to whoever operates the service, with its role.
func (c *cast) presence(ctx context.Context) error {
	var missing []string
	err := poll(ctx, 20*time.Second, func() (bool, error) {
		state, err := c.admin.ask(ctx, http.MethodGet, c.api(2, "/api/v1/operation"), nil)
		if err != nil {
			return false, err
		}
		there := map[string]string{}
		list, _ := state["processes"].([]any)
		for _, item := range list {
			p, _ := item.(object)
			there[text(p, "name")] = fmt.Sprint(p["roles"])
		}
		missing = nil
		for name, def := range c.project.Services {
			if role := def.Environment["LANDFALL_ROLES"]; role != "" && there[def.Environment["LANDFALL_NAME"]] != "["+role+"]" {
				missing = append(missing, name)
			}
		}
		return len(missing) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("%v do not show themselves: %w", missing, err)
	}
	return nil
}

// job is the main job of the product, spread over both replicas.
func (c *cast) job(ctx context.Context) error {
	now := time.Now().UTC().Truncate(time.Second) //nolint:forbidigo // the story happens today
	hazard, err := c.dominica.post(ctx, c.api(1, "/api/v1/hazards"), object{"name": "Maria", "type": "TC", "started_at": now.Add(-12 * time.Hour)})
	if err != nil {
		return err
	}
	opened, err := c.dominica.post(ctx, c.api(1, "/api/v1/incidents"), object{
		"title": "Maria: people leaving Dominica", "hazard_id": hazard["id"], "origin": "DMA", "receivers": []string{"ATG"}, "severity": "severe", "occurred_at": now,
	})
	if err != nil {
		return err
	}
	c.incident = "/api/v1/incidents/" + text(opened, "id")
	subscribed, err := c.antigua.post(ctx, c.api(2, "/api/v1/subscriptions"), object{
		"channel": "webhook", "target": c.hook.url, "filter": object{"kinds": []string{"incident.activated", "figure.reported"}},
	})
	if err != nil {
		return err
	}
	if err := c.hook.trust(text(subscribed, "secret")); err != nil {
		return err
	}
	if _, err := c.dominica.post(ctx, c.api(2, c.incident+"/activate"), object{
		"protocol": "hurricane", "anchors": object{"LANDFALL": object{"at": now.Add(54 * time.Hour), "kind": "forecast"}},
	}); err != nil {
		return err
	}
	if err := poll(ctx, 20*time.Second, func() (bool, error) {
		came, err := c.hook.of(activated)
		return len(came) > 0, err
	}); err != nil {
		return fmt.Errorf("the alert at Antigua and Barbuda's webhook: %w", err)
	}
	return c.acknowledge(ctx)
}

// acknowledge has Antigua find the alert in its inbox on one replica, and Dominica see the acknowledgement on the other.
func (c *cast) acknowledge(ctx context.Context) error {
	var alert string
	if err := poll(ctx, 20*time.Second, func() (bool, error) {
		inbox, err := c.antigua.list(ctx, c.api(1, "/api/v1/alerts"))
		for _, a := range inbox {
			if text(a, "kind") == "activation" {
				alert = text(a, "id")
			}
		}
		return alert != "", err
	}); err != nil {
		return fmt.Errorf("the alert in the inbox: %w", err)
	}
	if _, err := c.antigua.post(ctx, c.api(1, "/api/v1/alerts/"+alert+"/acknowledge"), object{"outcome": "received"}); err != nil {
		return err
	}
	seen, err := c.antigua.ask(ctx, http.MethodGet, c.api(2, "/api/v1/alerts/"+alert), nil)
	if err == nil && text(seen, "status") != "acknowledged" {
		err = fmt.Errorf("api-2 says of the alert acknowledged on api-1 that it is %v", seen["status"])
	}
	return err
}

// once makes sure that the activation was told once.
func (c *cast) once() error {
	came, err := c.hook.of(activated)
	if err == nil && len(came) != 1 {
		err = fmt.Errorf("the activation came %d times", len(came))
	}
	return err
}

// poll looks until it is there, the look fails, or the time is over.
func poll(ctx context.Context, within time.Duration, look func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		there, err := look()
		if there || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not there within %v", within)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
