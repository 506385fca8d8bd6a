package telemetry

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// TracerName is the scope of our spans. Libraries make spans too, whose texts
// hold keys of objects and with them ids of jobs: only ours are sent.
const TracerName = "cityflow"

// Span starts a span; labels are names and values by turns. Without a collector
// (package otlp) it costs next to nothing and goes nowhere. End it with the
// error of what it spans.
func Span(ctx context.Context, name string, labels ...string) (context.Context, func(error)) {
	return span(ctx, name, labels)
}

// RootSpan starts a span that begins a trace of our own, for requests of
// strangers: their trace is linked, not joined, so that they cannot decide what
// is sampled here.
func RootSpan(ctx context.Context, traceparent, name string, labels ...string) (context.Context, func(error)) {
	opts := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer)}
	if theirs := trace.SpanContextFromContext(JoinTrace(context.Background(), traceparent)); theirs.IsValid() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: theirs}))
	}
	return span(ctx, name, labels, opts...)
}

// NameSpan gives the span of ctx what is known only after a request was routed:
// the route, never the address.
func NameSpan(ctx context.Context, route string, status int) {
	s := trace.SpanFromContext(ctx)
	if s.IsRecording() {
		s.SetName(route)
		s.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status))
	}
}

func span(ctx context.Context, name string, labels []string, opts ...trace.SpanStartOption) (context.Context, func(error)) {
	as := make([]attribute.KeyValue, 0, len(labels)/2)
	for i := 0; i+1 < len(labels); i += 2 {
		as = append(as, attribute.String(labels[i], labels[i+1]))
	}
	ctx, s := otel.Tracer(TracerName).Start(ctx, name, append(opts, trace.WithAttributes(as...))...)
	return ctx, func(err error) {
		if err != nil {
			// The kind of failure is in the name; texts could hold ids.
			s.SetStatus(codes.Error, "failed")
		}
		s.End()
	}
}

// Traceparent is the W3C trace context of ctx, "" when nothing is sampled.
func Traceparent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	c := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, c)
	return c["traceparent"]
}

// JoinTrace makes the trace of a traceparent that of ctx; anything malformed is
// as good as none.
func JoinTrace(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}
