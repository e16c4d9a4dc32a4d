package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"landfall/internal/app"
)

// reality is Landfall in this process.
type reality struct {
	caller
	app *app.App
}

// startReal starts Landfall on the records; change may alter the options.
func startReal(ctx context.Context, records app.Records, change ...func(*app.Options)) (*reality, error) {
	opt := app.Options{
		Records: records, Listen: "127.0.0.1:0", Now: time.Now, WebhookAllowPrivate: true, Version: "bench",
		Limits: map[string]int{"requests-account": 0, "requests-address": 0, "tokens-party": 0, "subscriptions-party": 0},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	for _, c := range change {
		c(&opt)
	}
	a, err := app.Start(ctx, opt)
	if err != nil {
		return nil, err
	}
	r := &reality{app: a, caller: caller{http: client(), url: a.URL(), token: a.FirstToken()}}
	if r.token == "" {
		r.token, err = readToken(a.TokenPath())
	}
	if err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *reality) stop() error {
	r.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return r.app.Stop(ctx)
}

// manual leaves all jobs to RunOnce and the clock to the bench.
func manual(c *clock) func(*app.Options) {
	return func(o *app.Options) { o.Now, o.NoSchedule = c.now, true }
}

// clock runs at the true speed, ahead of the true time.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// runUntilDone runs a job until it finds nothing more to do, and lets what follows from it come to rest.
func (r *reality) sweepAll(ctx context.Context) error {
	for before := -1.0; ; {
		if err := r.app.RunOnce(ctx, "due"); err != nil {
			return err
		}
		if err := r.app.RunOnce(ctx, "pending"); err != nil {
			return err
		}
		samples, err := r.metrics(ctx)
		if err != nil {
			return err
		}
		fired := samples["landfall_sweep_fired_total"]
		if fired == before {
			return r.quiet(ctx)
		}
		before = fired
	}
}

// proven verifies all records and fails at the first finding.
func proven(ctx context.Context, records app.Records) error {
	report, err := app.Verify(ctx, records, app.Against{}, time.Now, slog.New(slog.DiscardHandler))
	if err == nil && len(report.Findings) > 0 {
		err = fmt.Errorf("verify: %d findings, the first: %s", len(report.Findings), report.Findings[0])
	}
	return err
}
