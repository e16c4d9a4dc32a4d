package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// tracerName is the scope of our spans.
const tracerName = "landfall/internal/rest"

// spanned begins the span of a request, named by method and route, as the child of what traceparent (W3C Trace Context) says. The context of the request
// carries it from here on. Attributes follow OpenTelemetry's semantic conventions for HTTP; none tells who a person is: an account is an office, and neither
// address, query nor body is among them. Probes and documents are not traced.
func (s *Server) spanned(c echo.Context, k *call) {
	if s.tracer == nil || k.op != nil && k.op.public {
		return
	}
	r := c.Request()
	name, method := r.Method, r.Method
	if methodLabel(method) == "other" {
		name, method = "HTTP", "_OTHER"
	}
	attrs := []attribute.KeyValue{
		attribute.String("http.request.method", method), attribute.String("url.scheme", s.scheme(r)), attribute.String("landfall.request_id", k.id),
	}
	if k.op != nil {
		name += " " + k.op.path
		attrs = append(attrs, attribute.String("http.route", k.op.path), attribute.String("landfall.operation", k.op.OperationID))
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, k.span = s.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attrs...))
	c.SetRequest(r.WithContext(ctx))
}

// endSpan says what became of the request. Of an error the span has what the caller was told; its private cause is in the log, under the same trace.
func endSpan(k *call, status int) {
	if k.span == nil {
		return
	}
	k.span.SetAttributes(attribute.Int("http.response.status_code", status))
	for name, value := range map[string]string{"landfall.account": k.scope.Account, "landfall.commit": k.commit, "landfall.problem": k.problem.Code} {
		if value != "" {
			k.span.SetAttributes(attribute.String(name, value))
		}
	}
	if status >= http.StatusInternalServerError {
		k.span.SetAttributes(attribute.String("error.type", k.problem.Code))
		k.span.RecordError(errors.New(k.problem.Detail))
		k.span.SetStatus(codes.Error, k.problem.Code)
	}
	k.span.End()
}

// traceID gives the id of the trace that a context is part of, for the log; "" when it is in none.
func traceID(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		return span.TraceID().String()
	}
	return ""
}
