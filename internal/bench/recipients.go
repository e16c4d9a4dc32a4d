package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	recipients    = 1300
	recipientRuns = 5
)

func (b *bench) recipientsSQLite(ctx context.Context) error {
	records, err := b.inFolder()
	if err != nil {
		return err
	}
	r, err := startReal(ctx, records)
	if err != nil {
		return err
	}
	return errors.Join(b.recipients(ctx, "SQLite, one process", "≤ 5 s", r.quiet, &r.caller), r.stop())
}

func (b *bench) recipientsMongoDB(ctx context.Context) error {
	r, err := b.startRegion(ctx, 2, 2, 2)
	if err != nil {
		return err
	}
	return errors.Join(b.recipients(ctx, "MongoDB, two processes of each role", "≤ 10 s", r.quiet, r.doors...), r.stop())
}

// recipients measures one event to as many webhooks, each an address and a secret of its own.
func (b *bench) recipients(ctx context.Context, engine, budget string, quiet func(context.Context) error, doors ...*caller) error {
	n := b.filled(recipients)
	hook, err := startReceiver(byPath)
	if err != nil {
		return err
	}
	defer hook.stop()
	ids, err := doors[0].incidents(ctx, 1)
	if err != nil {
		return err
	}
	if err := fanOut(ctx, doors[0], hook.url, n, 0); err != nil {
		return err
	}
	var took []time.Duration
	doubled := 0
	for run := range recipientRuns + 1 {
		if err := quiet(ctx); err != nil {
			return err
		}
		hook.reset()
		begin := time.Now()
		if _, err := doors[0].reportFigure(ctx, ids[0], run); err != nil {
			return err
		}
		if err := hook.await(ctx, n); err != nil {
			return err
		}
		doubled += hook.doubled()
		if run > 0 { // the first warms up
			took = append(took, hook.last().Sub(begin))
		}
	}
	b.head(fmt.Sprintf("One event to %d webhooks, %s", n, engine), "What", "Landfall", "Budget")
	b.row(fmt.Sprintf("request → the last of %d webhooks received, median of %d events", n, recipientRuns), seconds(quantile(took, .5)), budget)
	b.row("fastest / slowest of them", seconds(slices.Min(took))+" / "+seconds(slices.Max(took)))
	b.row("doubled ids", fmt.Sprint(doubled), "0")
	return nil
}

// fanOut makes subscriptions from the first to the n-th, with an address each.
func fanOut(ctx context.Context, c *caller, target string, n, first int) error {
	res, err := burst(ctx, nil, 8, n-first, func(ctx context.Context, _, i int) (string, error) {
		return c.subscribe(ctx, fmt.Sprintf("%s/%d", target, first+i), "figure.reported")
	})
	if err == nil && res.accepted != n-first {
		err = fmt.Errorf("%d of %d subscriptions were made", res.accepted, n-first)
	}
	return err
}

// byPath tells the messages of a change at different addresses apart.
func byPath(path string, body []byte) string {
	var m struct {
		Data struct {
			Figure made `json:"figure"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &m) != nil || m.Data.Figure.ID == "" {
		return ""
	}
	return path + " " + m.Data.Figure.ID
}
