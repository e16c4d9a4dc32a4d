package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"landfall/internal/app"
	"landfall/internal/store"
)

const (
	stepsEach = 37 // of an incident under the hurricane protocol with one receiver
	dueEach   = 4  // the planning steps that fall due before a landfall
	dueAtOnce = 25 // incidents, so that 100 steps are due
	sweepRuns = 15
)

func (b *bench) sweepSQLite(ctx context.Context) error {
	return b.sweep(ctx, "SQLite", 1_000_000, b.inFolder)
}

func (b *bench) sweepMongoDB(ctx context.Context) error {
	return b.sweep(ctx, "MongoDB, one process", 100_000, b.onServer)
}

// sweep measures the job that finds and announces what is due: the same 100 steps, once among 1,000 open ones and once among many. Between two
// runs the landfall of the 25 incidents moves away, so that the same steps fall due again, and the service is started anew, so that nothing is
// remembered of them.
func (b *bench) sweep(ctx context.Context, engine string, open int, records func() (app.Records, error)) error {
	small, err := b.newSweepWorld(ctx, records, b.filled(1000))
	if err != nil {
		return err
	}
	large, err := b.newSweepWorld(ctx, records, b.filled(open))
	if err != nil {
		return err
	}
	var few, many []time.Duration
	var streams [2]int
	for run := range sweepRuns + 1 {
		for i, w := range []*sweepWorld{small, large} {
			took, fired, err := w.run(ctx)
			if err != nil {
				return err
			}
			if streams[i] = fired; run == 0 {
				continue // warms up
			}
			if i == 0 {
				few = append(few, took)
			} else {
				many = append(many, took)
			}
		}
	}
	b.head("The due sweep, "+engine, "What", fmt.Sprintf("among %d open steps", small.incidents*stepsEach), fmt.Sprintf("among %d open steps", large.incidents*stepsEach), "Ratio", "Budget")
	b.row(fmt.Sprintf("%d / %d due steps announced, median of %d", streams[0], streams[1], sweepRuns), ms(quantile(few, .5)), ms(quantile(many, .5)), ratio(quantile(many, .5), quantile(few, .5)), "≤ 1.5")
	return nil
}

// sweepWorld is records with incidents whose steps are due, one by one, in the distant future, except those of some incidents.
type sweepWorld struct {
	records   app.Records
	clock     *clock
	soon      []string // incidents whose landfall comes
	incidents int      // all of them
}

func (b *bench) newSweepWorld(ctx context.Context, records func() (app.Records, error), steps int) (*sweepWorld, error) {
	w := &sweepWorld{clock: &clock{}}
	var err error
	if w.records, err = records(); err != nil {
		return nil, err
	}
	landfall, err := startReal(ctx, w.records, manual(w.clock))
	if err != nil {
		return nil, err
	}
	now := w.clock.now()
	var soon, far string
	err = func() error {
		hazard, err := landfall.hazard(ctx, now)
		if err != nil {
			return err
		}
		if soon, err = landfall.incident(ctx, hazard, "Benchmark, soon", now, now.AddDate(0, 0, 400)); err != nil {
			return err
		}
		if far, err = landfall.incident(ctx, hazard, "Benchmark, far", now, now.AddDate(100, 0, 0)); err != nil {
			return err
		}
		// What is due by the activation has been due, and told, when the measuring begins.
		w.clock.advance(250 * 24 * time.Hour)
		return landfall.sweepAll(ctx)
	}()
	if err := errors.Join(err, landfall.stop()); err != nil {
		return nil, err
	}
	err = withRecords(ctx, w.records, func(st store.Store) error {
		near, err := takeTemplate(ctx, st, soon, false)
		if err != nil {
			return err
		}
		away, err := takeTemplate(ctx, st, far, false)
		if err != nil {
			return err
		}
		others, err := seed(ctx, st, near, dueAtOnce-1)
		if err != nil {
			return err
		}
		w.soon = append(slices.Clip(others), soon)
		w.incidents = max(steps/stepsEach, len(w.soon)+1)
		_, err = seed(ctx, st, away, w.incidents-len(w.soon)-1)
		return err
	})
	return w, err
}

// run moves the landfalls away, starts the service anew when they are near, and measures one sweep.
func (w *sweepWorld) run(ctx context.Context) (took time.Duration, fired int, err error) {
	before, err := startReal(ctx, w.records, manual(w.clock))
	if err != nil {
		return 0, 0, err
	}
	landfall := w.clock.now().AddDate(0, 0, 30).UTC().Truncate(time.Second)
	for _, id := range w.soon {
		body := map[string]any{"at": landfall, "kind": "forecast"}
		if err := before.call(ctx, http.MethodPut, "/api/v1/incidents/"+id+"/anchors/LANDFALL", body, nil, "If-Match", "*"); err != nil {
			return 0, 0, errors.Join(err, before.stop())
		}
	}
	if err := errors.Join(before.sweepAll(ctx), before.stop()); err != nil {
		return 0, 0, err
	}
	// Past the due times of the planning steps, before that of the next.
	w.clock.advance(landfall.Sub(w.clock.now()) - 50*time.Hour)
	after, err := startReal(ctx, w.records, manual(w.clock))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, after.stop()) }()
	begin := time.Now()
	if err := after.app.RunOnce(ctx, "due"); err != nil {
		return 0, 0, err
	}
	took = time.Since(begin)
	samples, err := after.metrics(ctx)
	if err != nil {
		return 0, 0, err
	}
	if err := after.app.RunOnce(ctx, "pending"); err != nil {
		return 0, 0, err
	}
	return took, int(samples["landfall_sweep_fired_total"]), after.quiet(ctx)
}
