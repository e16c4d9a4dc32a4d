package main

import (
	"context"
	"errors"
	"fmt"
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
		return b.path(ctx, hook, bare, ids, []int{8, 64}, &landfall.caller)
	})
}

// path measures one pair of sides through all doors.
func (b *bench) path(ctx context.Context, hook *receiver, bare *floor, ids []string, clients []int, doors ...*caller) error {
	append1, path, ours := bare.sender("/append"), bare.sender("/path"), figures(ids, doors...)
	subscription, err := doors[0].subscribe(ctx, hook.url, "figure.reported")
	if err != nil {
		return err
	}

	p50 := func(r result) float64 { return r.quantile(.5).Seconds() }
	pair1, err := inTurns(b.turns, p50,
		func() (result, error) { return oneByOne(ctx, hook, b.one, path) },
		func() (result, error) { return oneByOne(ctx, hook, b.one, ours) })
	if err != nil {
		return err
	}
	f, o := pair1[0], pair1[1]
	b.row("accept → webhook received, one at a time, p50", ms(o.quantile(.5)), ms(f.quantile(.5)), ratio(o.quantile(.5), f.quantile(.5)), "≤ 2")
	b.row("of which request → answer, p50", ms(quantile(o.answers, .5)), ms(quantile(f.answers, .5)), ratio(quantile(o.answers, .5), quantile(f.answers, .5)))
	b.row("the whole, p95", ms(o.quantile(.95)), ms(f.quantile(.95)), ratio(o.quantile(.95), f.quantile(.95)))

	for _, n := range clients {
		pairN, err := inTurns(b.turns, result.deliveredRate,
			func() (result, error) { return burst(ctx, hook, n, b.many, path) },
			func() (result, error) { return burst(ctx, hook, n, b.many, ours) })
		if err != nil {
			return err
		}
		f, o := pairN[0], pairN[1]
		b.row(fmt.Sprintf("burst to webhooks, %d clients, delivered", n), rate(o.deliveredRate()), rate(f.deliveredRate()), quotient(o.deliveredRate(), f.deliveredRate()), "≥ 0.8")
		b.row("its answers, p50 / p95", pair(o.quantile(.5), o.quantile(.95)), pair(f.quantile(.5), f.quantile(.95)), "", "p95 ≤ 100 ms")
		b.row("its slowest client beside its fastest", fmt.Sprintf("%.2f", o.fairness), fmt.Sprintf("%.2f", f.fairness), "", "≥ 0.3")
		b.row("answers 5xx / lost / doubled ids", counts(o.refused, o.lost, o.doubled), counts(f.refused, f.lost, f.doubled), "", "0 / 0 / 0")
	}

	if err := doors[0].unsubscribe(ctx, subscription); err != nil {
		return err
	}
	accepted, err := inTurns(b.turns, result.rate,
		func() (result, error) { return burst(ctx, nil, 64, b.many, append1) },
		func() (result, error) { return burst(ctx, nil, 64, b.many, ours) })
	if err != nil {
		return err
	}
	f, o = accepted[0], accepted[1]
	b.row("accepted changes, 64 clients on 16 incidents, nobody subscribed", rate(o.rate()), rate(f.rate()), quotient(o.rate(), f.rate()), "≥ 0.5")
	return nil
}
