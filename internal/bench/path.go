package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// incidents is how many incidents the clients of a burst share.
const incidents = 16

// pathSQLite measures the path on one machine: everything in this process, floor, clients and receiver too.
func (b *bench) pathSQLite(ctx context.Context) error {
	return receiving(func(hook *receiver) (err error) {
		records, err := b.inFolder()
		if err != nil {
			return err
		}
		dir, err := b.folder()
		if err != nil {
			return err
		}
		bare, err := startSQLiteFloor(ctx, dir, hook.url)
		if err != nil {
			return err
		}
		defer bare.stop()
		landfall, err := startReal(ctx, records)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, landfall.stop()) }()
		ids, err := landfall.incidents(ctx, incidents)
		if err != nil {
			return err
		}
		b.budgets("The path, SQLite and the embedded bus, one process")
		if err := b.path(ctx, hook, bare, ids, []int{8, 64}, ownProcessor, &landfall.caller); err != nil {
			return err
		}
		append1, ours := load{nil, bare.sender("/append")}, load{nil, figures(ids, &landfall.caller)}
		accepted, err := inTurns(b.turns, result.rate,
			metered(ownProcessor, append1.burst(ctx, 64, b.many)), metered(ownProcessor, ours.burst(ctx, 64, b.many)))
		if err != nil {
			return err
		}
		f, o := accepted[0], accepted[1]
		b.row("accepted changes, 64 clients on 16 incidents, nobody subscribed",
			rate(o.rate()), rate(f.rate()), quotient(o.rate(), f.rate()), "≥ 0.3")
		b.processorRow(f, o)
		return nil
	})
}

// path measures one pair of sides through all doors. The budgets are those of one process.
func (b *bench) path(ctx context.Context, hook *receiver, bare *floor, ids []string, clients []int,
	processor func() time.Duration, doors ...*caller) error {
	path, ours := load{hook, bare.sender("/path")}, load{hook, figures(ids, doors...)}
	budget := func(words string) string {
		if len(doors) > 1 {
			return ""
		}
		return words
	}
	subscription, err := doors[0].subscribe(ctx, hook.url, "figure.reported")
	if err != nil {
		return err
	}
	p50 := func(r result) float64 { return r.quantile(.5).Seconds() }
	pair1, err := inTurns(b.turns, p50,
		metered(processor, path.oneByOne(ctx, b.one)), metered(processor, ours.oneByOne(ctx, b.one)))
	if err != nil {
		return err
	}
	f, o := pair1[0], pair1[1]
	b.ratioRow("accept → webhook received, one at a time, p50", o.quantile(.5), f.quantile(.5), budget("≤ 2.0"))
	b.ratioRow("of which request → answer, p50", quantile(o.answers, .5), quantile(f.answers, .5))
	b.ratioRow("the whole, p95", o.quantile(.95), f.quantile(.95))
	b.processorRow(f, o)

	for _, n := range clients {
		pairN, err := inTurns(b.turns, result.deliveredRate,
			metered(processor, path.burst(ctx, n, b.many)), metered(processor, ours.burst(ctx, n, b.many)))
		if err != nil {
			return err
		}
		f, o := pairN[0], pairN[1]
		b.row(fmt.Sprintf("burst to webhooks, %d clients, delivered", n),
			rate(o.deliveredRate()), rate(f.deliveredRate()), quotient(o.deliveredRate(), f.deliveredRate()), budget("≥ 0.5"))
		b.row("its answers, p50 / p95", p50p95(o.latencies), p50p95(f.latencies), "", budget("p95 ≤ 100 ms"))
		b.row("its slowest message after the answer", ms(o.slowest()), ms(f.slowest()), "", budget("≤ 2 s"))
		b.row("answers 5xx / lost / doubled ids", o.mishaps(), f.mishaps(), "", noMishaps)
		b.processorRow(f, o)
	}
	return doors[0].unsubscribe(ctx, subscription)
}

// processorRow prints what a change of either side costs.
func (b *bench) processorRow(f, o result) {
	b.ratioRow("processor time each, client and receiver included", o.processor, f.processor)
}

func (b *bench) ratioRow(what string, ours, floor time.Duration, budget ...string) {
	b.row(append([]string{what, ms(ours), ms(floor), ratio(ours, floor)}, budget...)...)
}
