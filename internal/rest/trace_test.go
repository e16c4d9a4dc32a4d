package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// traced is a world whose spans are kept.
func traced(t *testing.T, change ...func(*Options)) (*world, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans))
	t.Cleanup(func() {
		if err := provider.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return newWorld(t, append(change, func(o *Options) { o.Tracer = provider })...), spans
}

// attributes gives those of a span as text.
func attributes(s tracetest.SpanStub) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
	traceparent  = "00-" + callersTrace + "-" + callersSpan + "-01"
)

func TestARequestIsOneSpanOfTheCallersTrace(t *testing.T) {
	t.Parallel()
	w, spans := traced(t)
	w.cast()
	i := w.open()
	spans.Reset()
	w.log.Reset()
	r := w.request("origin", "POST", "/api/v1/incidents/"+i.text("id")+"/activate", activation, "traceparent", traceparent, "X-Request-Id", "request-0001")
	w.do(r).want(200)

	got := spans.GetSpans()
	if len(got) != 1 {
		t.Fatalf("%d spans", len(got))
	}
	s := got[0]
	if s.Name != "POST /api/v1/incidents/{incident_id}/activate" || s.SpanKind != trace.SpanKindServer {
		t.Errorf("span %q of kind %s", s.Name, s.SpanKind)
	}
	if s.SpanContext.TraceID().String() != callersTrace || s.Parent.SpanID().String() != callersSpan || !s.Parent.IsRemote() {
		t.Errorf("in trace %s under %s", s.SpanContext.TraceID(), s.Parent.SpanID())
	}
	var line struct {
		Commit  string `json:"commit"`
		TraceID string `json:"trace_id"`
	}
	if err := json.Unmarshal([]byte(strings.TrimSpace(w.log.String())), &line); err != nil || line.TraceID != callersTrace {
		t.Errorf("%v: the log line does not name the trace: %s", err, w.log)
	}
	want := map[string]string{
		"http.request.method": "POST", "http.route": "/api/v1/incidents/{incident_id}/activate", "http.response.status_code": "200", "url.scheme": "http",
		"landfall.account": w.account["origin"], "landfall.operation": "activateIncident", "landfall.request_id": "request-0001", "landfall.commit": line.Commit,
	}
	if diff := cmp.Diff(want, attributes(s)); diff != "" || line.Commit == "" {
		t.Error(diff)
	}
	if s.Status.Code != codes.Unset {
		t.Errorf("status %v", s.Status)
	}
}

func TestATraceTellsNothingPrivate(t *testing.T) {
	t.Parallel()
	w, spans := traced(t, func(o *Options) { o.Operation = &restored{broken: context.Canceled} })
	w.cast()
	w.postf("first", "/api/v1/tokens", `{"account_id":%q,"label":"private label"}`, w.account["origin"]).want(201)
	w.get("origin", "/api/v1/incidents?q=private+question").want(200)
	w.do(w.request("nobody", "GET", "/api/v1/me", "", "Authorization", "Bearer lf_private")).want(401)
	w.get("origin", "/private/address").want(404)
	text, err := json.Marshal(spans.GetSpans())
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range append([]string{"private", "192.0.2.1"}, w.tokens["origin"], w.tokens["first"]) {
		if strings.Contains(string(text), private) {
			t.Errorf("a span holds %q", private)
		}
	}
	for _, s := range spans.GetSpans() {
		if strings.Contains(s.Name, "private") || strings.Contains(strings.Join(values(s.Attributes), " "), "private") {
			t.Errorf("span %s %v", s.Name, s.Attributes)
		}
	}
}

func values(attrs []attribute.KeyValue) (all []string) {
	for _, a := range attrs {
		all = append(all, a.Value.String())
	}
	return all
}

func TestAnErrorOfOursIsOneInTheTraceAndARefusalIsNot(t *testing.T) {
	t.Parallel()
	service := &restored{broken: context.DeadlineExceeded}
	w, spans := traced(t, func(o *Options) { o.Operation = service })
	w.cast()
	spans.Reset()
	w.get("first", "/api/v1/operation").refused(503, "timed_out")
	w.get("origin", "/api/v1/operation").refused(403, "operators_only")
	w.get("origin", "/api/v1/nothing").want(404)
	w.do(w.request("origin", "BREW", "/api/v1/me", "")).want(405)
	got := spans.GetSpans()
	if len(got) != 4 {
		t.Fatalf("%d spans", len(got))
	}
	ours := got[0]
	if ours.Status.Code != codes.Error || attributes(ours)["error.type"] != "timed_out" || len(ours.Events) != 1 || ours.Events[0].Name != "exception" {
		t.Errorf("the error is %v with %v and %v", ours.Status, attributes(ours), ours.Events)
	}
	for _, s := range got[1:] {
		if s.Status.Code != codes.Unset || attributes(s)["landfall.problem"] == "" || attributes(s)["error.type"] != "" || len(s.Events) != 0 {
			t.Errorf("the refusal %s is %v with %v", s.Name, s.Status, attributes(s))
		}
	}
	if got[2].Name != "GET" || got[3].Name != "HTTP" || attributes(got[3])["http.request.method"] != "_OTHER" {
		t.Errorf("unknown addresses and methods make the names %q and %q", got[2].Name, got[3].Name)
	}
}

// spanReader is an Operation that notes the span that its context carries.
type spanReader struct {
	restored
	seen []trace.SpanContext
}

func (r *spanReader) Status(ctx context.Context) (OperationStatus, error) {
	r.seen = append(r.seen, trace.SpanContextFromContext(ctx))
	return r.restored.Status(ctx)
}

func TestWhatARequestCausesKnowsItsTrace(t *testing.T) {
	t.Parallel()
	service := &spanReader{}
	w, spans := traced(t, func(o *Options) { o.Operation = service })
	w.get("first", "/api/v1/operation").want(200)
	last := spans.GetSpans()[len(spans.GetSpans())-1]
	if len(service.seen) != 1 || service.seen[0].SpanID() != last.SpanContext.SpanID() {
		t.Errorf("the desk saw %v, the span is %v", service.seen, last.SpanContext)
	}
}

func TestWithoutATracerNothingIsReadOfTheCallersTrace(t *testing.T) {
	t.Parallel()
	service := &spanReader{}
	w := newWorld(t, func(o *Options) { o.Operation = service })
	w.log.Reset()
	w.do(w.request("first", http.MethodGet, "/api/v1/operation", "", "traceparent", traceparent)).want(200)
	if service.seen[0].IsValid() || strings.Contains(w.log.String(), "trace_id") {
		t.Errorf("seen %v, logged %s", service.seen, w.log)
	}
}

func TestProbesAndDocumentsAreNotTraced(t *testing.T) {
	t.Parallel()
	w, spans := traced(t)
	for _, path := range []string{"/healthz", "/readyz", "/docs", "/openapi.yaml"} {
		w.get("nobody", path).want(200)
	}
	if got := spans.GetSpans(); len(got) != 0 {
		t.Errorf("%d spans", len(got))
	}
	w.do(w.request("first", http.MethodGet, "/api/v1/me", "", "traceparent", "00-nonsense")).want(200)
	if got := spans.GetSpans(); len(got) != 1 || got[0].Parent.IsValid() {
		t.Error("a traceparent that is none does not begin a trace of its own")
	}
}
