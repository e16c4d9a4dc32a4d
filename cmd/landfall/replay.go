package main

import (
	"fmt"
	"time"
)

type replayCmd struct {
	adminFlags
	Status       []string  `default:"dead" help:"Statuses to replay." placeholder:"STATUS"`
	Channel      string    `help:"Only this channel." placeholder:"NAME"`
	Subscription string    `help:"Only this subscription." placeholder:"ID"`
	Incident     string    `help:"Only this incident." placeholder:"ID"`
	Since        time.Time `help:"Only those made at or after this instant, RFC 3339; at most 30 days back." placeholder:"TIME"`
	Until        time.Time `help:"Only those made before this instant." placeholder:"TIME"`
}

// Run puts failed deliveries back into their queues.
func (c *replayCmd) Run(s *session) error {
	api, err := c.caller()
	if err != nil {
		return err
	}
	body := map[string]any{"status": c.Status}
	for name, value := range map[string]string{"channel": c.Channel, "subscription_id": c.Subscription, "incident_id": c.Incident} {
		if value != "" {
			body[name] = value
		}
	}
	for name, at := range map[string]time.Time{"since": c.Since, "until": c.Until} {
		if !at.IsZero() {
			body[name] = at.UTC().Format(time.RFC3339)
		}
	}
	var answer struct {
		Replayed int `json:"replayed"`
	}
	if err := api.post(s.ctx, "/deliveries/replay", body, &answer); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "%d deliveries are tried again.\n", answer.Replayed)
	return nil
}
