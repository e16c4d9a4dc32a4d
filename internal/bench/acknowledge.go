package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"landfall/internal/app"
	"landfall/internal/store"
)

const (
	alertsStored = 100_000
	alertsEach   = 2 // of an incident with one receiver: it was named, and the protocol was activated
)

// acknowledge measures the answer to an alert among many that are stored.
func (b *bench) acknowledge(ctx context.Context) (err error) {
	records, err := b.inFolder()
	if err != nil {
		return err
	}
	n := b.filled(alertsStored) / alertsEach
	if _, err := seeded(ctx, records, n); err != nil {
		return err
	}
	alerts, stored, err := someAlerts(ctx, records)
	if err != nil {
		return err
	}
	r, err := startReal(ctx, records)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	say := func(ctx context.Context, _, i int) (string, error) {
		return "", r.call(ctx, http.MethodPost, "/api/v1/alerts/"+alerts[i]+"/acknowledge", map[string]any{"outcome": "received"}, nil)
	}
	half := len(alerts) / 2
	one, err := burst(ctx, nil, 1, half, say)
	if err != nil {
		return err
	}
	many, err := burst(ctx, nil, 8, half, func(ctx context.Context, c, i int) (string, error) { return say(ctx, c, half+i) })
	if err != nil {
		return err
	}
	b.head(fmt.Sprintf("Acknowledging with %d alerts stored, SQLite", stored), "What", "p50", "p95", "slowest", "Budget")
	b.row(fmt.Sprintf("%d alerts, one at a time, none of them read before", one.accepted), ms(one.quantile(.5)), ms(one.quantile(.95)), ms(slices.Max(one.latencies)), "p95 ≤ 25 ms")
	b.row(fmt.Sprintf("%d alerts, 8 clients", many.accepted), ms(many.quantile(.5)), ms(many.quantile(.95)), ms(slices.Max(many.latencies)), "p95 ≤ 25 ms")
	return nil
}

// someAlerts gives about 2,000 alerts by id, from all over the records and not those of one incident or
// hour, and how many there are.
func someAlerts(ctx context.Context, records app.Records) (ids []string, stored int64, err error) {
	err = withRecords(ctx, records, func(st store.Store) error {
		if stored, err = st.Count(ctx, store.Query{Kind: "alert", Limit: 1}); err != nil {
			return err
		}
		page, err := st.Find(ctx, store.Query{Kind: "alert", Limit: 10_000})
		for i := 0; i < len(page.Docs); i += max(len(page.Docs)/2000, 1) {
			ids = append(ids, page.Docs[i].ID)
		}
		return err
	})
	return ids, stored, err
}
