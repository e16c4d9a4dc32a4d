package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"landfall/internal/app"
)

func main() {
	one := flag.Int("one", 400, "changes of the runs one at a time")
	many := flag.Int("many", 6000, "changes of each burst")
	profile := flag.String("cpuprofile", "", "write a CPU profile of a burst to Landfall alone to this file, and measure nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	err := run(ctx, os.Stdout, *one, *many, *profile)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// incidents is how many incidents the clients of a burst share.
const incidents = 16

func run(ctx context.Context, out io.Writer, one, many int, profile string) error {
	dir, err := os.MkdirTemp("", "landfall-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	hook, err := startReceiver(identity)
	if err != nil {
		return err
	}
	defer func() { _ = hook.server.Close() }()
	bare, err := startFloor(ctx, dir, hook.url)
	if err != nil {
		return err
	}
	defer bare.stop()
	landfall, err := startReal(ctx, filepath.Join(dir, "landfall"), hook.url)
	if err != nil {
		return err
	}
	defer landfall.stop()

	if profile != "" {
		return profiled(profile, func() error {
			res, err := burst(ctx, hook, 64, many, landfall.figure)
			_, _ = fmt.Fprintf(out, "accepted %s, delivered %s, answers p50 %s p95 %s\n", rate(res.rate()), rate(res.deliveredRate()), ms(res.quantile(.5)), ms(res.quantile(.95)))
			return err
		})
	}

	appendOnly, path := bare.sender("/append"), bare.sender("/path")
	t := &table{out: out}
	t.head(dir)

	// Each pair runs twice, in turns, and the second counts: the first warms both sides up.
	var ours, floor result
	for range 2 {
		if floor, err = oneByOne(ctx, hook, one, path); err != nil {
			return err
		}
		if ours, err = oneByOne(ctx, hook, one, landfall.figure); err != nil {
			return err
		}
	}
	t.row("accept → webhook received, one at a time, p50", ms(ours.quantile(.5)), ms(floor.quantile(.5)), ratio(ours.quantile(.5), floor.quantile(.5)), "≤ 2")
	t.row("of which request → answer, p50", ms(quantile(ours.answers, .5)), ms(quantile(floor.answers, .5)), ratio(quantile(ours.answers, .5), quantile(floor.answers, .5)), "")
	t.row("the whole, p95", ms(ours.quantile(.95)), ms(floor.quantile(.95)), ratio(ours.quantile(.95), floor.quantile(.95)), "")

	for _, clients := range []int{8, 64} {
		for range 2 {
			if floor, err = burst(ctx, hook, clients, many, path); err != nil {
				return err
			}
			if ours, err = burst(ctx, hook, clients, many, landfall.figure); err != nil {
				return err
			}
		}
		t.row(fmt.Sprintf("burst to webhooks, %d clients, delivered", clients), rate(ours.deliveredRate()), rate(floor.deliveredRate()),
			fmt.Sprintf("%.2f", ours.deliveredRate()/floor.deliveredRate()), "≥ 0.8")
		t.row("its answers, p50 / p95", ms(ours.quantile(.5))+" / "+ms(ours.quantile(.95)), ms(floor.quantile(.5))+" / "+ms(floor.quantile(.95)), "", "p95 ≤ 100 ms")
		t.row("lost / doubled ids", fmt.Sprintf("%d / %d", many-ours.accepted, ours.doubled), "", "", "0 / 0")
	}

	if err := landfall.unsubscribe(ctx); err != nil {
		return err
	}
	for range 2 {
		if floor, err = burst(ctx, nil, 64, many, appendOnly); err != nil {
			return err
		}
		if ours, err = burst(ctx, nil, 64, many, landfall.figure); err != nil {
			return err
		}
	}
	t.row("accepted changes, 64 clients on 16 incidents, nobody subscribed", rate(ours.rate()), rate(floor.rate()), fmt.Sprintf("%.2f", ours.rate()/floor.rate()), "≥ 0.5")
	return ctx.Err()
}

// profiled runs f under the CPU profiler.
func profiled(path string, f func() error) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// identity finds what both sides put into their messages: the id of the change.
func identity(body []byte) string {
	var m struct {
		ID   string `json:"id"`
		Data *struct {
			Figure struct {
				ID string `json:"id"`
			} `json:"figure"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &m) != nil {
		return ""
	}
	if m.Data != nil {
		return m.Data.Figure.ID
	}
	return m.ID
}

func client() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}, Timeout: 30 * time.Second}
}

func (f *floor) sender(path string) sender {
	c := client()
	return func(ctx context.Context, _, n int) (string, error) {
		var made struct {
			ID string `json:"id"`
		}
		err := post(ctx, c, f.url+path, "", map[string]string{"text": fmt.Sprintf("change %d %s", n, strings.Repeat("x", 300))}, &made)
		return made.ID, err
	}
}

// reality is Landfall in a folder of its own, with incidents to change and one subscription.
type reality struct {
	app          *app.App
	http         *http.Client
	token        string
	paths        []string
	subscription string
}

func startReal(ctx context.Context, dir, target string) (*reality, error) {
	a, err := app.Start(ctx, app.Options{
		Records: app.Records{Data: dir}, Listen: "127.0.0.1:0", Now: time.Now, WebhookAllowPrivate: true, Version: "bench",
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return nil, err
	}
	r := &reality{app: a, http: client(), token: a.FirstToken()}
	if err := r.prepare(ctx, target); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func (r *reality) prepare(ctx context.Context, target string) error {
	var made struct {
		ID string `json:"id"`
	}
	now := time.Now().UTC().Truncate(time.Second)
	call := func(path string, body any) error {
		made.ID = ""
		return post(ctx, r.http, r.app.URL()+"/api/v1"+path, r.token, body, &made)
	}
	if err := call("/hazards", map[string]any{"name": "Benchmark", "type": "TC", "started_at": now}); err != nil {
		return err
	}
	hazard := made.ID
	for i := range incidents {
		err := call("/incidents", map[string]any{
			"title": fmt.Sprintf("Benchmark %d", i), "hazard_id": hazard, "origin": "DMA", "receivers": []string{"ATG"}, "severity": "severe", "occurred_at": now,
		})
		if err != nil {
			return err
		}
		path := "/incidents/" + made.ID
		r.paths = append(r.paths, path)
		if err := call(path+"/activate", map[string]any{"protocol": "hurricane", "anchors": map[string]any{"LANDFALL": map[string]any{"at": now.Add(48 * time.Hour), "kind": "forecast"}}}); err != nil {
			return err
		}
	}
	err := call("/subscriptions", map[string]any{"channel": "webhook", "target": target, "filter": map[string]any{"kinds": []string{"figure.reported"}}})
	r.subscription = made.ID
	return err
}

// figure reports a figure: decided, chained, synced, projected, announced and delivered like everything else.
func (r *reality) figure(ctx context.Context, client, n int) (string, error) {
	var made struct {
		ID string `json:"id"`
	}
	err := post(ctx, r.http, r.app.URL()+"/api/v1"+r.paths[client%incidents]+"/figures", r.token, map[string]any{
		"place": map[string]any{"party": "DMA", "name": "Public shelters"}, "quantifier": "exact", "unit": "person", "number": n,
		"category": "unverified_stock", "term": "sheltered", "setting": "public_shelter", "source": map[string]any{"name": "Disaster office", "kind": "government"},
		"role": "triangulation", "as_of": time.Now().UTC().Truncate(time.Second),
	}, &made)
	return made.ID, err
}

func (r *reality) unsubscribe(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, r.app.URL()+"/api/v1/subscriptions/"+r.subscription, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("If-Match", "*")
	resp, err := r.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("unsubscribe: %s", resp.Status)
	}
	return nil
}

func (r *reality) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.app.Stop(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench: stop:", err)
	}
}

// table prints Markdown.
type table struct{ out io.Writer }

func (t *table) head(dir string) {
	_, _ = fmt.Fprintf(t.out, "%s, %s/%s, %d CPUs, %s, data in %s\n\n", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), filepath.Dir(dir))
	_, _ = fmt.Fprintln(t.out, "| What | Landfall | Floor | Ratio | Budget |\n| --- | ---: | ---: | ---: | ---: |")
}

func (t *table) row(cells ...string) {
	_, _ = fmt.Fprintln(t.out, "| "+strings.Join(cells, " | ")+" |")
}

func ms(d time.Duration) string       { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }
func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2f", a.Seconds()/b.Seconds()) }
func rate(perSecond float64) string   { return fmt.Sprintf("%.0f/s", perSecond) }
