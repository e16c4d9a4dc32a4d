package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"landfall/internal/app"
)

// change measures what one change costs, from the service's own metrics: no floor, no budget, but where the next gain is.
func (b *bench) change(ctx context.Context) error {
	b.head("What one reported figure costs, with one webhook subscribed", "What", "one at a time", "64 clients", "an opening, two messages, 64 clients")
	if err := b.changeSQLite(ctx); err != nil {
		return err
	}
	if b.mongodb == "" {
		return nil
	}
	return b.changeMongoDB(ctx)
}

func (b *bench) changeSQLite(ctx context.Context) error {
	return b.figuresAndOpenings(ctx, func(p *process, figure, opening load) error {
		one, err := b.spent(ctx, p.metrics, p.processor, figure.oneByOne(ctx, b.one), p.quiet)
		if err != nil {
			return err
		}
		many, err := b.spent(ctx, p.metrics, p.processor, figure.burst(ctx, 64, b.many), p.quiet)
		if err != nil {
			return err
		}
		openings, err := b.spent(ctx, p.metrics, p.processor, opening.burst(ctx, 64, b.many), p.quiet)
		if err != nil {
			return err
		}
		for _, line := range []struct{ what, sample string }{
			{"SQLite: synced transactions", `landfall_store_group_writes_count{durable="yes"}`},
			{"SQLite: statements in them", `landfall_store_group_writes_sum{durable="yes"}`},
			{"SQLite: unsynced transactions", `landfall_store_group_writes_count{durable="no"}`},
			{"SQLite: statements in them", `landfall_store_group_writes_sum{durable="no"}`},
			{"heap: bytes allocated", "go_memstats_alloc_bytes_total"},
			{"heap: objects allocated", "go_memstats_mallocs_total"},
		} {
			b.row(line.what, one.per(line.sample), many.per(line.sample), openings.per(line.sample))
		}
		b.row("processor time of the process", ms(one.processor), ms(many.processor), ms(openings.processor))
		return nil
	})
}

func (b *bench) changeMongoDB(ctx context.Context) error {
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
		if _, err := r.doors[0].subscribe(ctx, hook.url, "figure.reported"); err != nil {
			return err
		}
		n := max(b.one/3, 1)
		one, err := b.spent(ctx, r.samples, r.processor, func() (result, error) { return oneByOne(ctx, hook, n, figures(ids, r.doors...)) }, r.quiet)
		if err != nil {
			return err
		}
		many, err := b.spent(ctx, r.samples, r.processor, func() (result, error) {
			return burst(ctx, hook, 64, max(b.many/4, 64), figures(ids, r.doors...))
		}, r.quiet)
		if err != nil {
			return err
		}
		for _, role := range app.AllRoles() {
			b.callRows(string(role), one, many)
		}
		b.row("processor time of the six processes", ms(one.processor), ms(many.processor))
		return nil
	})
}

// callRows prints the calls that the processes of a role made to the server. Each is observed under its operation; "append" is the caller's view
// of what "append_group" carries.
func (b *bench) callRows(role string, one, many *spending) {
	const prefix = `landfall_store_server_seconds_count{op="`
	var samples []string
	for name := range many.samples {
		if rest, ok := strings.CutPrefix(name, role+" "+prefix); ok && !strings.HasPrefix(rest, `append"`) {
			samples = append(samples, name)
		}
	}
	slices.Sort(samples)
	var sumOne, sumMany float64
	var words []string
	for _, name := range samples {
		sumOne, sumMany = sumOne+one.samples[name], sumMany+many.samples[name]
		op := strings.TrimSuffix(strings.TrimPrefix(name, role+" "+prefix), `"}`)
		op = strings.NewReplacer(`",outcome="ok`, "", `",outcome="failed`, " refused").Replace(op)
		if a, m := one.per(name), many.per(name); a != "0.00" || m != "0.00" {
			words = append(words, fmt.Sprintf("%s %s / %s", op, a, m))
		}
	}
	b.row(fmt.Sprintf("MongoDB: calls of the %s processes (%s)", role, strings.Join(words, ", ")),
		fmt.Sprintf("%.2f", sumOne/float64(one.changes)), fmt.Sprintf("%.2f", sumMany/float64(many.changes)))
}

// spending is what a run cost.
type spending struct {
	changes   int
	samples   map[string]float64
	processor time.Duration // of one change
}

func (s *spending) per(sample string) string {
	switch v := s.samples[sample] / float64(s.changes); {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// spent gives by how much metrics and processor time grew over a run and what follows from it, after a run that warms up.
func (b *bench) spent(ctx context.Context, metrics func(context.Context) (map[string]float64, error), processor func() time.Duration, run func() (result, error), quiet func(context.Context) error) (*spending, error) {
	s := &spending{samples: map[string]float64{}}
	for range 2 {
		if err := quiet(ctx); err != nil {
			return nil, err
		}
		before, err := metrics(ctx)
		if err != nil {
			return nil, err
		}
		used := processor()
		res, err := run()
		if err != nil {
			return nil, err
		}
		if err := quiet(ctx); err != nil {
			return nil, err
		}
		after, err := metrics(ctx)
		if err != nil {
			return nil, err
		}
		s.changes, s.processor = res.accepted, (processor()-used)/time.Duration(res.accepted)
		for name, v := range after {
			s.samples[name] = v - before[name]
		}
	}
	return s, nil
}

// profiled does the work on Landfall alone, in this process, under the profilers.
func (b *bench) profiled(ctx context.Context, cpu, mem, work string) error {
	var words []string
	switch work {
	case "burst", "one":
	case "opening":
		words = []string{opened, raised}
	default:
		return fmt.Errorf("no work %q", work)
	}
	return receiving(func(hook *receiver) (err error) {
		records, err := b.inFolder()
		if err != nil {
			return err
		}
		landfall, err := startReal(ctx, records)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, landfall.stop()) }()
		begin := landfall.reporting
		if work == "opening" {
			begin = landfall.opening
		}
		send, err := begin(ctx, hook)
		if err != nil {
			return err
		}
		run := load{hook, send}.burst(ctx, 64, b.many)
		if work == "one" {
			run = load{hook, send}.oneByOne(ctx, b.one)
		}
		if _, err := run(); err != nil { // warm
			return err
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		used := ownProcessor()
		if cpu != "" {
			file, err := os.Create(cpu)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, file.Close()) }()
			if err := pprof.StartCPUProfile(file); err != nil {
				return err
			}
			defer pprof.StopCPUProfile()
		}
		res, err := run()
		if err != nil {
			return err
		}
		runtime.ReadMemStats(&after)
		n := uint64(res.accepted)
		_, _ = fmt.Fprintf(b.out, "%d changes in %s: %s, p50 %s, p95 %s; each %s of processor time, %d bytes in %d objects allocated, client and receiver included\n",
			res.accepted, res.took.Round(time.Millisecond), rate(res.rate()), ms(res.quantile(.5)), ms(res.quantile(.95)),
			ms((ownProcessor()-used)/time.Duration(n)), (after.TotalAlloc-before.TotalAlloc)/n, (after.Mallocs-before.Mallocs)/n)
		if mem == "" {
			return nil
		}
		file, err := os.Create(mem)
		if err != nil {
			return err
		}
		return errors.Join(pprof.Lookup("allocs").WriteTo(file, 0), file.Close())
	}, words...)
}
