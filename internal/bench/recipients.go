package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
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
	err = b.recipients(ctx, "SQLite, one process", "≤ 5 s", "p95 ≤ 200 ms", r.quiet, &r.caller)
	return errors.Join(err, r.stop())
}

func (b *bench) recipientsMongoDB(ctx context.Context) error {
	r, err := b.startRegion(ctx, 2, 2, 2)
	if err != nil {
		return err
	}
	err = b.recipients(ctx, "MongoDB, two processes of each role", "≤ 10 s", "", r.quiet, r.doors...)
	return errors.Join(err, r.stop())
}

// recipients measures one event, an incident that is opened, to as many webhooks, each an address
// and a secret of its own: alone, and while 64 clients report figures to one more webhook.
func (b *bench) recipients(
	ctx context.Context, engine, all, answers string, quiet func(context.Context) error, doors ...*caller,
) error {
	return receiving(func(other *receiver) error {
		n := b.filled(recipients)
		hook, err := startReceiver(byPath)
		if err != nil {
			return err
		}
		defer hook.stop()
		hazard, err := doors[0].hazard(ctx, time.Now())
		if err != nil {
			return err
		}
		report, err := doors[0].reporting(ctx, other)
		if err != nil {
			return err
		}
		if err := fanOut(ctx, doors[0], hook.url, n, 0, "incident.opened"); err != nil {
			return err
		}
		doubled := 0
		tell := func() (time.Duration, error) {
			hook.reset()
			begin := time.Now()
			if _, err := doors[0].open(ctx, hazard, "Benchmark", begin); err != nil {
				return 0, err
			}
			if err := hook.await(ctx, n); err != nil {
				return 0, err
			}
			doubled += hook.doubled()
			return hook.last().Sub(begin), nil
		}
		var alone, busy []time.Duration
		var sum result
		for run := range recipientRuns + 1 {
			if err := quiet(ctx); err != nil {
				return err
			}
			took, err := tell()
			if err != nil {
				return err
			}
			if run > 0 { // the first warms up
				alone = append(alone, took)
			}
		}
		for range b.turns {
			if err := quiet(ctx); err != nil {
				return err
			}
			took, res, err := b.whileReporting(ctx, load{other, report}, tell)
			if err != nil {
				return err
			}
			busy, sum.latencies = append(busy, took), append(sum.latencies, res.latencies...)
			sum.refused, sum.lost, sum.doubled = sum.refused+res.refused, sum.lost+res.lost, sum.doubled+res.doubled
		}
		b.head(fmt.Sprintf("One event to %d webhooks, %s", n, engine), "What", "Landfall", "Budget")
		b.row(fmt.Sprintf("request → the last webhook, median / slowest of %d", len(alone)), ends(alone), all)
		b.row(fmt.Sprintf("the same while 64 clients report, median / slowest of %d", len(busy)), ends(busy), all)
		b.row("their answers meanwhile, p50 / p95", p50p95(sum.latencies), answers)
		b.row("their answers 5xx / lost / doubled ids", sum.mishaps(), noMishaps)
		b.row("doubled ids of the event", fmt.Sprint(doubled), "0")
		return nil
	})
}

func ends(times []time.Duration) string {
	return seconds(quantile(times, .5)) + " / " + seconds(slices.Max(times))
}

// whileReporting tells the event when the clients are under way, and stops them when all are told.
// The latencies are those of the answers to what was sent meanwhile.
func (b *bench) whileReporting(
	ctx context.Context, figure load, tell func() (time.Duration, error),
) (took time.Duration, res result, err error) {
	var mu sync.Mutex
	var meanwhile []time.Duration
	var telling, enough atomic.Bool
	underWay, ended := make(chan struct{}), make(chan error, 1)
	report := figure.send
	figure.send = func(ctx context.Context, client, n int) (string, error) {
		if n == b.many/4 {
			close(underWay)
		}
		if enough.Load() {
			return "", errEnough
		}
		count, begin := telling.Load(), time.Now()
		id, err := report(ctx, client, n)
		if count && err == nil {
			mu.Lock()
			defer mu.Unlock()
			meanwhile = append(meanwhile, time.Since(begin))
		}
		return id, err
	}
	go func() {
		var err error
		res, err = figure.burst(ctx, 64, math.MaxInt32)()
		ended <- err
	}()
	select {
	case <-underWay:
	case err := <-ended:
		return 0, res, err
	}
	telling.Store(true)
	took, err = tell()
	enough.Store(true)
	err = errors.Join(err, <-ended)
	res.latencies = meanwhile
	return took, res, err
}

// fanOut makes subscriptions from the first to the n-th, with an address each.
func fanOut(ctx context.Context, c *caller, target string, n, first int, kind string) error {
	res, err := burst(ctx, nil, 8, n-first, func(ctx context.Context, _, i int) (string, error) {
		return c.subscribe(ctx, fmt.Sprintf("%s/%d", target, first+i), kind)
	})
	if err == nil && res.accepted != n-first {
		err = fmt.Errorf("%d of %d subscriptions were made", res.accepted, n-first)
	}
	return err
}

// byPath tells the messages of a change at different addresses apart.
func byPath(path string, body []byte) string { return path + " " + identity(path, body) }
