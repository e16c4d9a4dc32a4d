package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const startRuns = 7

// start measures a process of the binary from its start until it calls itself ready.
func (b *bench) start(ctx context.Context) error {
	binary, err := b.landfall(ctx)
	if err != nil {
		return err
	}
	var empty, full []time.Duration
	for range startRuns {
		dir, err := b.folder()
		if err != nil {
			return err
		}
		if err := started(ctx, binary, dir, &empty); err != nil {
			return err
		}
	}
	records, err := b.inFolder()
	if err != nil {
		return err
	}
	n := b.filled(10_000)
	if _, err := seeded(ctx, records, n); err != nil {
		return err
	}
	for range startRuns {
		if err := started(ctx, binary, records.Data, &full); err != nil {
			return err
		}
	}
	if err := proven(ctx, records); err != nil {
		return err
	}
	b.head("Start to ready, a process of the binary, SQLite", "What", "median", "slowest", "Budget")
	b.row("empty folder, first start", seconds(quantile(empty, .5)), seconds(quantile(empty, 1)), "≤ 0.5 s")
	b.row(fmt.Sprintf("%d incidents with their alerts, %d MB", n, size(records.Data)/1e6), seconds(quantile(full, .5)), seconds(quantile(full, 1)), "≤ 2 s")
	return nil
}

func started(ctx context.Context, binary, dir string, times *[]time.Duration) error {
	p, err := serve(ctx, binary, dir)
	if err != nil {
		return err
	}
	*times = append(*times, p.ready)
	return p.stop()
}

// memory measures what a process of the binary keeps in memory.
func (b *bench) memory(ctx context.Context) error {
	return receiving(func(hook *receiver) (err error) {
		p, err := b.served(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.stop()) }()
		if err := pause(ctx, 5*time.Second); err != nil {
			return err
		}
		b.head("Resident memory, a process of the binary, SQLite", "What", "now", "at most so far", "Budget")
		idle, idleMost, ok := p.memory()
		if !ok {
			b.row("not measured: this system tells nobody")
			return nil
		}
		b.row("idle, 5 s after the start", megabytes(idle), megabytes(idleMost), "≤ 80 MB")
		report, err := p.reporting(ctx, hook)
		if err != nil {
			return err
		}
		for run := range 2 {
			res, err := burst(ctx, hook, 64, 2*b.many, report)
			if err != nil {
				return err
			}
			now, most, _ := p.memory()
			b.row(fmt.Sprintf("after %d changes of 64 clients, delivered at %s", (run+1)*res.accepted, rate(res.deliveredRate())), megabytes(now), megabytes(most), "≤ 200 MB")
		}
		return nil
	})
}

// binary measures the file that is shipped.
func (b *bench) binary(ctx context.Context) error {
	path, err := b.landfall(ctx)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	b.head("The binary, stripped, no cgo", "What", "Landfall", "Budget")
	b.row("size", fmt.Sprintf("%s (%.1f MiB)", megabytes(info.Size()), float64(info.Size())/(1<<20)), "≤ 90 MB")
	return nil
}
