package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"landfall/internal/fault"
)

// bounded gives a context that no part of a test outlasts.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// stopInTheBackground stops the server of a world and gives the channel on which it says how that went.
func (w *world) stopInTheBackground(ctx context.Context) <-chan error {
	stopped := make(chan error, 1)
	go func() { stopped <- w.server.Stop(ctx) }()
	<-w.server.stopping.Done()
	return stopped
}

func TestAServerThatStopsSaysSoBeforeItGoes(t *testing.T) {
	t.Parallel()
	w := served(t, func(o *Options) { o.Drain = time.Hour })
	ctx, cancel := context.WithCancel(bounded(t))
	stopped := w.stopInTheBackground(ctx)

	a := w.get("nobody", "/readyz").want(503)
	if a.members["checks"].(map[string]any)["process"] != "stopping" || a.header.Get("Retry-After") == "" {
		t.Errorf("readiness says %s", a.body)
	}
	w.get("nobody", "/healthz").want(200)
	for _, a := range []*answered{
		w.get("origin", "/api/v1/me"), w.get("nobody", "/api/v1/me"), w.get("origin", "/api/v1/nothing"), w.get("nobody", "/docs"), w.get("origin", "/api/v1/events"),
		w.post("origin", "/api/v1/hazards", `{"name":"Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`),
	} {
		a.refused(503, "stopping")
		if a.header.Get("Connection") != "close" || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: Connection %q, Retry-After %q", a.what, a.header.Get("Connection"), a.header.Get("Retry-After"))
		}
	}
	if n := len(w.get("nobody", "/healthz").want(200).body); n == 0 {
		t.Error("no body")
	}
	cancel() // nobody waits for an hour
	if err := <-stopped; err != nil {
		t.Errorf("a stop that cut nothing off: %v", err)
	}
	if err := w.server.Stop(bounded(t)); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestARestartBehindABalancerIsMetWithA503AtWorst(t *testing.T) {
	t.Parallel()
	w := served(t, func(o *Options) { o.Drain = 500 * time.Millisecond })
	url := "http://" + w.server.Addr() + "/api/v1/hazards"
	body := []byte(`{"name":"Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`)
	var all sync.WaitGroup
	var accepted, refused atomic.Int64
	ctx := bounded(t)
	begun := make(chan struct{}, 8)
	for range cap(begun) {
		all.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for {
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer "+w.tokens["origin"])
				r.Header.Set("Content-Type", "application/json")
				r.GetBody = nil // a client that does not repeat by itself
				resp, err := transport.RoundTrip(r)
				if err != nil {
					t.Errorf("a broken connection: %v", err)
					return
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				switch {
				case err != nil:
					t.Errorf("an answer that breaks off: %v", err)
					return
				case resp.StatusCode == http.StatusCreated:
					if accepted.Add(1); len(begun) < cap(begun) {
						begun <- struct{}{}
					}
				case resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" && resp.Close:
					refused.Add(1)
					return // what balancers do: this one is on its way out
				default:
					t.Errorf("answered %d, connection ends: %t", resp.StatusCode, resp.Close)
					return
				}
			}
		})
	}
	select {
	case <-begun:
	case <-ctx.Done():
		t.Error("nothing is accepted")
	}
	if err := w.server.Stop(ctx); err != nil {
		t.Error(err)
	}
	all.Wait()
	if accepted.Load() == 0 || refused.Load() != int64(cap(begun)) {
		t.Errorf("%d accepted, %d clients turned away", accepted.Load(), refused.Load())
	}
	var d net.Dialer
	if c, err := d.DialContext(ctx, "tcp", w.server.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("afterwards: %v", err)
		if c != nil {
			c.Close()
		}
	}
}

func TestWhatIsBeingAnsweredWhenStoppingBeginsIsAnswered(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	service := &slowStatus{entered: entered, leave: leave}
	w := served(t, func(o *Options) { o.Operation = service })
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer := make(chan fetched, 1)
	go func() {
		answer <- fetch(t, &http.Client{Transport: transport}, "http://"+w.server.Addr()+"/api/v1/operation", w.tokens["first"])
	}()
	<-entered
	stopped := w.stopInTheBackground(bounded(t))
	close(leave)
	if a := <-answer; a.code != http.StatusOK || !a.lastOne || !strings.Contains(a.contents, `"held"`) {
		t.Errorf("answered %d %s, connection ends: %t", a.code, a.contents, a.lastOne)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// slowStatus is an Operation that takes its time.
type slowStatus struct {
	restored
	entered, leave chan struct{}
}

func (s *slowStatus) Status(ctx context.Context) (OperationStatus, error) {
	close(s.entered)
	<-s.leave
	return s.restored.Status(ctx)
}

func TestAStreamIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	w := served(t, func(o *Options) { o.Drain = 10 * time.Millisecond })
	l := w.listen(t, "origin", "")
	if err := w.server.Stop(bounded(t)); err != nil {
		t.Fatal(err)
	}
	<-l.ended
	var last message
	for len(l.messages) > 0 {
		last = <-l.messages
	}
	if last.event != "comment" || !strings.Contains(last.data, "stopping") {
		t.Errorf("the last word is %+v", last)
	}
	for range 100 {
		name, value, _ := strings.Cut(strings.Split(w.server.farewell(), "\n")[0], ": ")
		var ms int64
		if err := json.Unmarshal([]byte(value), &ms); name != "retry" || err != nil || ms < 1010 || ms > 4010 {
			t.Fatalf("told to come back after %q", value)
		}
	}
}

func TestAProcessWithoutTheAPIAnswersProbesOnly(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	ready := false
	s, err := NewHealth(HealthOptions{
		Listen: "127.0.0.1:0", Now: time.Now, Logger: quiet(), Registerer: registry, Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Drain: time.Hour,
		Ready: []Check{{"bus", func(context.Context) error {
			if ready {
				return nil
			}
			return fault.New(fault.Unavailable, "connecting", "Connecting.")
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	ask := func(path string, code int) string {
		t.Helper()
		a := fetch(t, &http.Client{Transport: transport}, "http://"+s.Addr()+path, "lf_whatever")
		if a.code != code {
			t.Errorf("%s answers %d %s, want %d", path, a.code, a.contents, code)
		}
		return a.contents
	}
	ask("/healthz", 200)
	if text := ask("/readyz", 503); !strings.Contains(text, "Connecting.") {
		t.Errorf("readiness says %s", text)
	}
	ready = true
	ask("/readyz", 200)
	for _, path := range []string{"/api/v1/me", "/docs", "/openapi.yaml", "/", "/api/v1/events"} {
		if text := ask(path, 404); !strings.Contains(text, "route_not_found") {
			t.Errorf("%s: %s", path, text)
		}
	}
	if text := ask("/metrics", 200); !strings.Contains(text, `landfall_http_requests_total{method="GET",route="/readyz",status="503"} 1`) ||
		!strings.Contains(text, `landfall_http_requests_total{method="GET",route="unmatched",status="404"} 5`) {
		t.Errorf("metrics: %s", text)
	}

	ctx, cancel := context.WithCancel(bounded(t))
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(ctx) }()
	<-s.stopping.Done()
	if text := ask("/readyz", 503); !strings.Contains(text, "stopping") {
		t.Errorf("readiness says %s", text)
	}
	ask("/healthz", 200)
	cancel()
	if err := <-stopped; err != nil && !errors.Is(err, context.Canceled) { // it may find the last connection still at its work, and cut it
		t.Error(err)
	}
	<-s.Done()
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}
