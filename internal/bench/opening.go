package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// figuresAndOpenings starts a process of the binary on an empty folder. A figure is told to one
// webhook, an opening to another in two messages: of the incident and of its alert.
func (b *bench) figuresAndOpenings(ctx context.Context, do func(p *process, figure, opening load) error) error {
	return receiving(func(hook *receiver) error {
		return receiving(func(alarmed *receiver) (err error) {
			p, err := b.served(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, p.stop()) }()
			report, err := p.reporting(ctx, hook)
			if err != nil {
				return err
			}
			open, err := p.opening(ctx, alarmed)
			if err != nil {
				return err
			}
			return do(p, load{hook, report}, load{alarmed, open})
		}, opened, raised)
	})
}

// opening measures openings in turns with figures.
func (b *bench) opening(ctx context.Context) error {
	return b.figuresAndOpenings(ctx, func(p *process, figure, opening load) error {
		many, err := inTurns(b.turns, result.deliveredRate,
			metered(p.processor, figure.burst(ctx, 64, b.many)), metered(p.processor, opening.burst(ctx, 64, b.many)))
		if err != nil {
			return err
		}
		one, err := inTurns(b.turns, func(r result) float64 { return r.quantile(.5).Seconds() },
			metered(p.processor, figure.oneByOne(ctx, b.one)), metered(p.processor, opening.oneByOne(ctx, b.one)))
		if err != nil {
			return err
		}
		b.openingRows(many[0], many[1], one[0], one[1])
		return nil
	})
}

// openingRows prints figures beside openings: from 64 clients, and one at a time.
func (b *bench) openingRows(f, o, f1, o1 result) {
	b.head("Opening an incident beside reporting a figure, a process of the binary, SQLite",
		"What", "an opening", "a figure", "Ratio", "Budget")
	b.row("64 clients: all told", rate(o.deliveredRate()), rate(f.deliveredRate()),
		quotient(o.deliveredRate(), f.deliveredRate()), "≥ 0.6")
	b.row("processor time of the process, an opening", ms(o.processor), "", "", "≤ 1.2 ms")
	b.row("processor time of the process, a figure with one webhook", "", ms(f.processor), "",
		"≤ 0.33 ms on the machine of docs/performance.md")
	b.row("answers, p50 / p95", p50p95(o.latencies), p50p95(f.latencies))
	b.row("answer → first message, p50 / p95", p50p95(o.told[0]), p50p95(f.told[0]))
	b.row("answer → second message, p50 / p95", p50p95(o.told[1]), "", "", "p95 ≤ 500 ms")
	b.row("answer → the slowest message of all", ms(o.slowest()), ms(f.slowest()), "", "≤ 2 s")
	b.row("answers 5xx / lost / doubled ids", o.mishaps(), f.mishaps(), "", noMishaps)
	b.row("one at a time: request → last message, p50 / p95", p50p95(o1.latencies), p50p95(f1.latencies))
	b.row("one at a time: processor time of the process", ms(o1.processor), ms(f1.processor))
}

// reporting subscribes the receiver to figures and returns the load that reports them on some
// incidents.
func (c *caller) reporting(ctx context.Context, hook *receiver) (sender, error) {
	ids, err := c.incidents(ctx, incidents)
	if err != nil {
		return nil, err
	}
	_, err = c.subscribe(ctx, hook.url, "figure.reported")
	return figures(ids, c), err
}

// opening subscribes the receiver to incidents that are opened and to their alerts, and returns the
// load that opens them.
func (c *caller) opening(ctx context.Context, hook *receiver) (sender, error) {
	hazard, err := c.hazard(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	_, err = c.subscribe(ctx, hook.url, "incident.opened", "alert.raised")
	return func(ctx context.Context, _, n int) (string, error) {
		return c.open(ctx, hazard, fmt.Sprintf("Opened %d", n), time.Now())
	}, err
}
