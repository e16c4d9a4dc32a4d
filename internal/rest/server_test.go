package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"landfall/internal/fault"
	"landfall/internal/limit"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestAPortInUseIsAnErrorBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := New(Options{Listen: taken.Addr().String(), Now: time.Now, Logger: quiet()}); err == nil {
		t.Error("two servers share a port")
	}
}

func TestTheLifeOfAServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	build := func() *Server {
		s, err := New(Options{Listen: "127.0.0.1:0", Now: time.Now, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := build()
	if err := s.Stop(ctx); err != nil {
		t.Errorf("stop before start: %v", err)
	}
	if err := s.Start(); err == nil {
		t.Error("started after stop")
	}

	s = build()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err == nil {
		t.Error("started twice")
	}
	for range 2 {
		go func() { _ = s.Stop(ctx) }()
	}
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
	<-s.Done()
	if err := s.Err(); err != nil {
		t.Errorf("a server that was stopped says %v", err)
	}

	s = build()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	s.listener.Close() // the network went away
	<-s.Done()
	if s.Err() == nil {
		t.Error("a server that lost its listener says nothing")
	}
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestASlowClientIsLetGo(t *testing.T) {
	t.Parallel()
	if headerTime <= 0 || limit.Defaults().BodyTime() <= 0 || writeTime <= 0 || idleTime <= 0 {
		t.Error("a server without time-outs")
	}
	w := newWorld(t, func(o *Options) { o.Timeout = 10 * time.Millisecond })
	r := w.request("first", "POST", "/api/v1/hazards", "")
	r.Body, r.ContentLength = io.NopCloser(slowBody{r.Context().Done()}), -1
	r.Header.Set("Content-Type", "application/json")
	done := make(chan *answered)
	go func() { done <- w.do(r) }()
	select {
	case a := <-done:
		a.want(400)
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for ever")
	}
}

// slowBody gives one byte and breaks off.
type slowBody struct{ done <-chan struct{} }

func (b slowBody) Read(p []byte) (int, error) {
	p[0] = '{'
	return 1, io.ErrUnexpectedEOF
}

func TestReadinessNamesWhatIsNotReady(t *testing.T) {
	t.Parallel()
	ready := false
	w := newWorld(t, func(o *Options) {
		o.Ready = append(o.Ready, Check{"bus", func(context.Context) error {
			if ready {
				return nil
			}
			return fault.New(fault.Unavailable, "connecting", "Connecting.")
		}}, Check{"sweep", func(context.Context) error {
			if ready {
				return nil
			}
			return io.ErrUnexpectedEOF
		}})
	})
	a := w.get("nobody", "/readyz").want(503)
	checks := a.members["checks"].(map[string]any)
	if checks["store"] != "ok" || checks["bus"] != "Connecting." || strings.Contains(checks["sweep"].(string), "EOF") || checks["sweep"] == "ok" {
		t.Errorf("%s", a.body)
	}
	ready = true
	w.get("nobody", "/readyz").want(200)
}

func TestRequestsAreMeasuredByRouteAndNothingACallerMakesUp(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(o *Options) {
		o.Registerer, o.Metrics = registry, promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	}).cast()
	w.open()
	w.get("origin", "/api/v1/incidents/0198c0de-0000-7000-8000-00000000dead").want(404)
	w.get("origin", "/api/v1/nothing").want(404)
	w.get("origin", "/api/v1/nothing/at/all").want(404)
	w.do(w.request("origin", "BREW", "/api/v1/incidents", "")).want(405)
	text := string(w.get("scraper", "/metrics").want(200).body)
	for _, want := range []string{
		`landfall_http_requests_total{method="POST",route="/api/v1/incidents",status="201"} 1`,
		`landfall_http_requests_total{method="GET",route="/api/v1/incidents/{incident_id}",status="404"} 1`,
		`landfall_http_requests_total{method="GET",route="unmatched",status="404"} 2`,
		`landfall_http_requests_total{method="other",route="unmatched",status="405"} 1`,
		`landfall_http_request_seconds_count{kind="read",outcome="refused"} 1`, `landfall_http_request_seconds_count{kind="public",outcome="refused"} 3`,
		`landfall_http_route_seconds_total{method="POST",route="/api/v1/incidents"} 0`, `landfall_http_response_bytes_total{method="POST",route="/api/v1/incidents"} `,
		`landfall_http_limited_total{by="account_share"} 0`, "landfall_http_in_flight 1", "landfall_http_event_streams 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not among the metrics", want)
		}
	}
	for _, unwanted := range []string{"BREW", "nothing", "dead"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("the caller's %s is among the metrics", unwanted)
		}
	}
}

func TestHowLongSomebodyListenedIsNotMeasured(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(o *Options) {
		o.Registerer, o.Metrics = registry, promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	}).cast()
	w.get("origin", "/api/v1/me").want(200) // its token is known from here on
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.do(w.request("origin", "GET", "/api/v1/events", "").WithContext(ctx)).want(200)
	text := string(w.get("scraper", "/metrics").want(200).body)
	if !strings.Contains(text, `landfall_http_requests_total{method="GET",route="/api/v1/events",status="200"} 1`) {
		t.Error("the stream is not counted")
	}
	for _, unwanted := range []string{`landfall_http_route_seconds_total{method="GET",route="/api/v1/events"}`, `landfall_http_response_bytes_total{method="GET",route="/api/v1/events"}`} {
		if strings.Contains(text, unwanted) {
			t.Errorf("%s is measured", unwanted)
		}
	}
}

func TestTheDocsAreOnePageThatNeedsNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.get("nobody", "/docs").want(200)
	page := string(a.body)
	for _, o := range w.server.contract.operations {
		if !strings.Contains(page, `id="`+o.OperationID+`"`) || !strings.Contains(page, `href="#`+o.OperationID+`"`) {
			t.Errorf("%s is not on the page", o.OperationID)
		}
	}
	for name := range w.server.contract.doc.Components.Schemas {
		if !strings.Contains(page, `id="schema-`+name+`"`) {
			t.Errorf("schema %s is not on the page", name)
		}
	}
	for kind := range status {
		if !strings.Contains(page, `id="problem-`+kind.String()+`"`) {
			t.Errorf("problems of kind %s are not on the page", kind)
		}
	}
	for _, foreign := range []string{"<script", "http://", "<link", "<img", "<iframe", "@import", " style=\"", "ZgotmplZ"} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page holds %q", foreign)
		}
	}
	policy := a.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, want := range []string{`name="viewport"`, "curl -sS -X POST", "Idempotency-Key", "&lt;token&gt;"} {
		if want != "&lt;token&gt;" && !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	packed := w.do(w.request("nobody", "GET", "/docs", "", "Accept-Encoding", "br, gzip")).want(200)
	unpacked, err := gzip.NewReader(bytes.NewReader(packed.body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(unpacked); err != nil || string(text) != page || len(packed.body) > 80<<10 {
		t.Errorf("packed to %d bytes, %v", len(packed.body), err)
	}
	contract := w.get("nobody", "/openapi.yaml").want(200)
	if !bytes.HasPrefix(contract.body, []byte("openapi: 3.0.3")) {
		t.Errorf("the contract begins %.40s", contract.body)
	}
}

func TestEveryAnswerKeepsBrowsersFromDoingMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	for _, a := range []*answered{w.get("origin", "/api/v1/me"), w.get("nobody", "/nothing"), w.get("nobody", "/healthz"), w.get("nobody", "/docs")} {
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
			if a.header.Get(name) != want {
				t.Errorf("%s: %s is %q", a.what, name, a.header.Get(name))
			}
		}
	}
	if challenge := w.get("nobody", "/api/v1/me").want(401).header.Get("WWW-Authenticate"); challenge != `Bearer realm="landfall"` {
		t.Errorf("challenge %q", challenge)
	}
	r := w.request("nobody", http.MethodGet, "/api/v1/me", "", "Authorization", "Bearer lf_wrong")
	if challenge := w.do(r).want(401).header.Get("WWW-Authenticate"); !strings.Contains(challenge, "invalid_token") {
		t.Errorf("challenge %q", challenge)
	}
	for _, header := range []string{"Basic Zm9vOmJhcg==", "Bearer", "Bearer  ", w.tokens["origin"], "Token " + w.tokens["origin"]} {
		w.do(w.request("nobody", http.MethodGet, "/api/v1/me", "", "Authorization", header)).want(401)
	}
	w.do(w.request("nobody", http.MethodGet, "/api/v1/me", "", "Authorization", "bearer "+w.tokens["origin"])).want(200)
}
