package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"landfall/internal/app"
	"landfall/internal/bus/bustest"
)

// region is Landfall as processes with one role each, on one database and a cluster of three NATS servers. The servers are in this process.
type region struct {
	records app.Records
	cluster *bustest.Cluster
	binary  string
	doors   []*caller // of the processes that answer
	all     []*process
	roles   []app.Role // of each
}

// secretKey is shared by the processes of a region.
var secretKey = strings.Repeat("5e", 32)

// startRegion starts as many processes of each role.
func (b *bench) startRegion(ctx context.Context, api, notify, watch int) (_ *region, err error) {
	r := &region{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.stop())
		}
	}()
	if r.records, err = b.onServer(); err != nil {
		return nil, err
	}
	if r.binary, err = b.landfall(ctx); err != nil {
		return nil, err
	}
	if r.cluster, err = bustest.Start(filepath.Join(r.records.Data, "nats"), 3); err != nil {
		return nil, err
	}
	for _, group := range []struct {
		role app.Role
		n    int
	}{{app.RoleAPI, api}, {app.RoleNotify, notify}, {app.RoleWatch, watch}} {
		for n := range group.n {
			p, err := r.start(ctx, group.role, n)
			if err != nil {
				return nil, err
			}
			r.all, r.roles = append(r.all, p), append(r.roles, group.role)
			if group.role == app.RoleAPI {
				r.doors = append(r.doors, &p.caller)
			}
		}
	}
	for _, d := range r.doors { // one process made the first account
		d.token = r.doors[0].token
	}
	return r, nil
}

func (r *region) start(ctx context.Context, role app.Role, n int) (*process, error) {
	name := fmt.Sprintf("%s-%d", role, n+1)
	return serve(ctx, r.binary, filepath.Join(r.records.Data, name), "--name", name, "--roles", string(role), "--secret-key", secretKey,
		"--mongodb-uri", r.records.MongoDBURI, "--mongodb-database", r.records.MongoDBDatabase, "--nats-url", r.cluster.URL(), "--nats-replicas", "3")
}

func (r *region) stop() error {
	errs := make([]error, len(r.all))
	var wg sync.WaitGroup
	for i, p := range r.all {
		wg.Go(func() { errs[i] = p.stop() })
	}
	wg.Wait()
	if r.cluster != nil {
		r.cluster.Close()
	}
	return errors.Join(errs...)
}

// samples sums what the metrics of the processes of each role say, the role in front of the name.
func (r *region) samples(ctx context.Context) (map[string]float64, error) {
	sum := map[string]float64{}
	for i, p := range r.all {
		samples, err := p.metrics(ctx)
		if err != nil {
			return nil, err
		}
		for name, v := range samples {
			sum[string(r.roles[i])+" "+name] += v
		}
	}
	return sum, nil
}

// quiet waits until nothing waits in any process.
func (r *region) quiet(ctx context.Context) error {
	for _, p := range r.all {
		if err := p.quiet(ctx); err != nil {
			return err
		}
	}
	return nil
}

// processor returns the processor time that all processes have used.
func (r *region) processor() (sum time.Duration) {
	for _, p := range r.all {
		sum += p.processor()
	}
	return sum
}

// pathMongoDB measures the path through six processes; the bare inserts go to the same server in the same run.
func (b *bench) pathMongoDB(ctx context.Context) error {
	return receiving(func(hook *receiver) (err error) {
		r, err := b.startRegion(ctx, 2, 2, 2)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.stop()) }()
		ids, err := r.doors[0].incidents(ctx, incidents)
		if err != nil {
			return err
		}
		if _, err := r.doors[0].reportFigure(ctx, ids[0], 1); err != nil { // the floor copies a commit of one
			return err
		}
		keep, err := openBareMongo(ctx, b.mongodb, r.records.MongoDBDatabase, b.database())
		if err != nil {
			return err
		}
		bare, err := startMongoFloor(ctx, keep, r.cluster.URL(), hook.url)
		if err != nil {
			return err
		}
		defer bare.stop()

		few := *b // of what one process on its own disk does: the server answers in milliseconds
		few.one, few.many = max(b.one/3, 1), max(b.many/4, 64)
		few.budgets("The path, MongoDB and three NATS servers, two processes of each role")
		processor := func() time.Duration { return ownProcessor() + r.processor() } // without the server's
		if err := few.path(ctx, hook, bare, ids, []int{64}, processor, r.doors...); err != nil {
			return err
		}
		runs, err := inTurns(b.turns, result.rate,
			metered(processor, func() (result, error) { return keep.inserts(ctx, 64, few.many) }),
			metered(processor, load{nil, figures(ids, r.doors...)}.burst(ctx, 64, few.many)),
			metered(processor, load{nil, routed(ids, r.doors...)}.burst(ctx, 64, few.many)))
		if err != nil {
			return err
		}
		for i, side := range []struct{ what, budget string }{
			{"accepted, 64 clients on 16 incidents through 2 processes; floor: 64 callers, an insert a change", "≥ 0.25"},
			{"the same with each incident behind one of the processes", "≥ 0.35"},
		} {
			f, o := runs[0], runs[i+1]
			few.row(side.what, rate(o.rate()), rate(f.rate()), quotient(o.rate(), f.rate()), side.budget)
			few.row("its slowest client beside its fastest", fmt.Sprintf("%.2f", o.fairness), "", "", "≥ 0.3")
			few.row("its answers 5xx", fmt.Sprint(o.refused), "", "", "0")
			few.processorRow(f, o)
		}
		if err := r.quiet(ctx); err != nil {
			return err
		}
		return proven(ctx, r.records)
	})
}
