package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"time"
)

// size gives the bytes of a folder's database.
func size(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ok, _ := filepath.Match("landfall.db*", filepath.Base(path)); ok {
			if info, err := d.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return sum
}

// scaleIncidents measures changes among few and among many incidents: to a few that are in use, and to any of them.
func (b *bench) scaleIncidents(ctx context.Context) error {
	b.head("By incidents stored, SQLite, nobody subscribed",
		"Incidents", "one at a time, same incident, p50 / p95", "one at a time, any incident, p50 / p95", "64 clients, 16 incidents", "64 clients, any incident", "first page of the list, p50", "bytes an incident")
	for _, n := range []int{16, b.filled(1000), b.filled(10_000)} {
		if err := b.scaleIncidentsTo(ctx, max(n, incidents)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) scaleIncidentsTo(ctx context.Context, n int) (err error) {
	records, err := b.inFolder()
	if err != nil {
		return err
	}
	ids, err := seeded(ctx, records, n)
	if err != nil {
		return err
	}
	bytesEach := size(records.Data) / int64(n)
	r, err := startReal(ctx, records)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	any1 := func(ctx context.Context, _, i int) (string, error) {
		return r.reportFigure(ctx, ids[rand.IntN(len(ids))], i)
	}
	runs, err := inTurns(b.turns, func(r result) float64 { return r.quantile(.5).Seconds() },
		func() (result, error) { return burst(ctx, nil, 1, b.one, figures(ids[:1], &r.caller)) },
		func() (result, error) { return burst(ctx, nil, 1, b.one, any1) })
	if err != nil {
		return err
	}
	bursts, err := inTurns(b.turns, result.rate,
		func() (result, error) { return burst(ctx, nil, 64, b.many, figures(ids[:incidents], &r.caller)) },
		func() (result, error) { return burst(ctx, nil, 64, b.many, any1) })
	if err != nil {
		return err
	}
	var lists []time.Duration
	for range 30 {
		begin := time.Now()
		if err := r.call(ctx, http.MethodGet, "/api/v1/incidents?limit=100", nil, nil); err != nil {
			return err
		}
		lists = append(lists, time.Since(begin))
	}
	b.row(fmt.Sprint(n), p50p95(runs[0].latencies), p50p95(runs[1].latencies),
		rate(bursts[0].rate()), rate(bursts[1].rate()), ms(quantile(lists, .5)), fmt.Sprint(bytesEach))
	return nil
}

// scaleStream measures changes to one incident that grows, and the first read of it in a process that does not know it yet.
func (b *bench) scaleStream(ctx context.Context) (err error) {
	records, err := b.inFolder()
	if err != nil {
		return err
	}
	b.head("By length of the stream, SQLite: one incident with figures", "Commits", "one at a time, p50 / p95", "64 clients on it", "first read after a start", "the next, p50", "bytes a commit")
	var ids []string
	have := 0
	var before int64
	for _, n := range []int{2, 1000, 10_000, 30_000} {
		r, err := startReal(ctx, records)
		if err != nil {
			return err
		}
		err = func() error {
			if ids == nil {
				if ids, err = r.incidents(ctx, 1); err != nil {
					return err
				}
				have = 2
			}
			grown := b.filled(n)
			if grown > have {
				if _, err := burst(ctx, nil, 64, grown-have, figures(ids, &r.caller)); err != nil {
					return err
				}
				have = grown
			}
			return r.quiet(ctx)
		}()
		if err := errors.Join(err, r.stop()); err != nil {
			return err
		}
		at, bytes := have, size(records.Data)
		if r, err = startReal(ctx, records); err != nil {
			return err
		}
		err = func() error {
			var reads []time.Duration
			for range 20 {
				begin := time.Now()
				if err := r.call(ctx, http.MethodGet, "/api/v1/incidents/"+ids[0], nil, nil); err != nil {
					return err
				}
				reads = append(reads, time.Since(begin))
			}
			one, err := burst(ctx, nil, 1, b.one, figures(ids, &r.caller))
			if err != nil {
				return err
			}
			many, err := burst(ctx, nil, 64, 1000, figures(ids, &r.caller))
			if err != nil {
				return err
			}
			b.row(fmt.Sprint(at), p50p95(one.latencies), rate(many.rate()), ms(reads[0]), ms(quantile(reads[1:], .5)), fmt.Sprint(max(bytes-before, 0)/int64(at)))
			have += one.accepted + many.accepted
			return r.quiet(ctx)
		}()
		if err := errors.Join(err, r.stop()); err != nil {
			return err
		}
		if at == 2 {
			before = bytes
		}
	}
	return nil
}

// scaleSubscribers measures one event at a time to more and more webhooks.
func (b *bench) scaleSubscribers(ctx context.Context) (err error) {
	records, err := b.inFolder()
	if err != nil {
		return err
	}
	r, err := startReal(ctx, records)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	hook, err := startReceiver(byPath)
	if err != nil {
		return err
	}
	defer hook.stop()
	ids, err := r.incidents(ctx, 1)
	if err != nil {
		return err
	}
	b.head("By matching webhook subscriptions, SQLite", "Subscriptions", "request → answer, p50", "request → last webhook, p50", "a delivery", "processor time a delivery, receiver included", "bytes a delivery")
	const runs = 20 // each waits two seconds until nothing is under way
	have := 0
	for _, n := range []int{1, 10, 100, 1000} {
		n = max(b.filled(n), 1)
		if err := fanOut(ctx, &r.caller, hook.url, n, have, "figure.reported"); err != nil {
			return err
		}
		have = n
		var answers, whole []time.Duration
		var used time.Duration
		var bytes int64
		for run := range runs + 1 {
			if err := r.quiet(ctx); err != nil {
				return err
			}
			hook.reset()
			if run == 1 {
				bytes = size(records.Data)
			}
			before, begin := ownProcessor(), time.Now()
			if _, err := r.reportFigure(ctx, ids[0], run); err != nil {
				return err
			}
			answered := time.Since(begin)
			if err := hook.await(ctx, n); err != nil {
				return err
			}
			if run > 0 {
				answers, whole = append(answers, answered), append(whole, hook.last().Sub(begin))
				used += ownProcessor() - before
			}
		}
		if err := r.quiet(ctx); err != nil {
			return err
		}
		each := "" // of fewer, the figures themselves weigh more
		if n >= 100 {
			each = fmt.Sprint((size(records.Data) - bytes) / int64(runs*n))
		}
		b.row(fmt.Sprint(n), ms(quantile(answers, .5)), ms(quantile(whole, .5)), ms(quantile(whole, .5)/time.Duration(n)), ms(used/time.Duration(runs*n)), each)
	}
	return nil
}

// scaleReplicas measures accepted changes through more and more processes that answer, and what each of them costs in processor time.
func (b *bench) scaleReplicas(ctx context.Context) error {
	b.head("By API processes, MongoDB, one notifier and one watch, nobody subscribed, 64 clients on 16 incidents",
		"API processes", "accepted", "answers p50 / p95", "slowest client beside fastest", "part of the inserts that lost their place",
		"processor time of all Landfall processes a change", "each incident through one of them: accepted", "its answers p50 / p95")
	for _, n := range []int{1, 2, 4} {
		err := func() (err error) {
			r, err := b.startRegion(ctx, n, 1, 1)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, r.stop()) }()
			ids, err := r.doors[0].incidents(ctx, incidents)
			if err != nil {
				return err
			}
			runs, err := inTurns(b.turns, result.rate, metered(r.processor, func() (result, error) {
				return burst(ctx, nil, 64, max(b.many/4, 64), figures(ids, r.doors...))
			}))
			if err != nil {
				return err
			}
			samples, err := r.samples(ctx)
			if err != nil {
				return err
			}
			apart, err := inTurns(b.turns, result.rate, func() (result, error) {
				return burst(ctx, nil, 64, max(b.many/4, 64), routed(ids, r.doors...))
			})
			if err != nil {
				return err
			}
			inserts := func(outcome string) float64 {
				return samples[`api landfall_store_server_seconds_count{op="append_group",outcome="`+outcome+`"}`]
			}
			b.row(fmt.Sprint(n), rate(runs[0].rate()), p50p95(runs[0].latencies), fmt.Sprintf("%.2f", runs[0].fairness),
				quotient(inserts("failed"), inserts("failed")+inserts("ok")), ms(runs[0].processor), rate(apart[0].rate()),
				p50p95(apart[0].latencies))
			return r.quiet(ctx)
		}()
		if err != nil {
			return err
		}
	}
	return nil
}
