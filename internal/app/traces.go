package app

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"landfall/internal/fault"
)

// traces are the spans of this process, from a request to the delivery of what it caused: OpenTelemetry over HTTP, and only where somebody
// takes them. A trace travels from the request through the announcement on the bus to the delivery; it is in no commit.
type traces struct {
	sdk    *sdk.TracerProvider // nil: nothing is traced
	tracer trace.Tracer
}

// traceContext is the W3C form of a span's identity.
var traceContext propagation.TraceContext

const traceHeader = "traceparent"

func newTraces(opt Options) (*traces, error) {
	if opt.OTLPEndpoint == "" {
		return &traces{}, nil
	}
	exporter, err := newOTLP(opt.OTLPEndpoint)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "otlp_endpoint", "Traces cannot be sent to %s.", opt.OTLPEndpoint)
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "landfall"), attribute.String("service.version", opt.Version),
		attribute.String("service.instance.id", opt.Name), attribute.String("landfall.roles", roleNames(opt.Roles)),
	)))
	return &traces{sdk: p, tracer: p.Tracer("landfall")}, nil
}

// stop sends what is left, within ctx.
func (t *traces) stop(ctx context.Context) error {
	if t.sdk == nil {
		return nil
	}
	return t.sdk.Shutdown(ctx)
}

// provider is for the edges; nil when nothing is traced.
func (t *traces) provider() trace.TracerProvider {
	if t.sdk == nil {
		return nil
	}
	return t.sdk
}

// of gives the traceparent of a context; "" when it is not traced.
func (t *traces) of(ctx context.Context) string {
	if t.sdk == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	traceContext.Inject(ctx, carrier)
	return carrier.Get(traceHeader)
}

// attempt begins the span of one attempt at a delivery, as a child of the request that caused it.
func (t *traces) attempt(ctx context.Context, parent, channel, delivery string) (context.Context, func(code string, sent bool)) {
	if t.sdk == nil || parent == "" {
		return ctx, func(string, bool) {}
	}
	ctx = traceContext.Extract(ctx, propagation.MapCarrier{traceHeader: parent})
	ctx, span := t.tracer.Start(ctx, "deliver "+channel, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("landfall.channel", channel), attribute.String("landfall.delivery", delivery),
	))
	return ctx, func(code string, sent bool) {
		span.SetAttributes(attribute.String("landfall.outcome", code))
		if !sent {
			span.SetStatus(codes.Error, code)
		}
		span.End()
	}
}
