// Package otlp sends spans to an OpenTelemetry collector, over HTTP. It is a
// room of its own because of what it weighs; programs that never trace leave
// it out.
package otlp

import (
	"context"
	"fmt"
	"os"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/malikobaid/cityflow/internal/telemetry"
)

// ours sends our spans alone: those of libraries hold keys of objects.
type ours struct{ sdktrace.SpanExporter }

func (o ours) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	var keep []sdktrace.ReadOnlySpan
	for _, s := range spans {
		if s.InstrumentationScope().Name == telemetry.TracerName {
			keep = append(keep, s)
		}
	}
	if len(keep) == 0 {
		return nil
	}
	return o.SpanExporter.ExportSpans(ctx, keep)
}

// FromEnv starts sending spans when OTEL_TRACES_EXPORTER is "otlp", or is unset
// and OTEL_EXPORTER_OTLP_ENDPOINT (or its _TRACES_ form) names a collector. The
// standard variables choose endpoint, headers and sampler. The returned function
// sends what is left and stops.
func FromEnv(ctx context.Context, version string) (stop func(context.Context) error, err error) {
	nothing := func(context.Context) error { return nil }
	switch kind := os.Getenv("OTEL_TRACES_EXPORTER"); kind {
	case "":
		if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
			return nothing, nil
		}
	case "none":
		return nothing, nil
	case "otlp":
	default:
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER is %q, want otlp or none", kind)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := os.Getenv(name); p != "" && !strings.HasPrefix(p, "http/") {
			return nil, fmt.Errorf("%s is %q, want http/protobuf", name, p)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	res, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "cityflow"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(ours{exporter}), sdktrace.WithResource(res))
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}
