package job

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/malikobaid/cityflow/internal/telemetry"
	"github.com/malikobaid/cityflow/spec"
)

// One job is one trace, from the request over the queue to the stages of the
// run, and nothing in it names the job.
func TestOneJobIsOneTrace(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	defer otel.SetTracerProvider(before)
	b := newBench(t)
	ctx, end := telemetry.RootSpan(b.ctx, "", "request")
	sub, err := b.svc.Submit(ctx, &spec.RunRequest{City: "testville"}, "client", "")
	if err != nil {
		t.Fatal(err)
	}
	end(nil)
	b.once()

	byID, names := map[string]tracetest.SpanStub{}, map[string]int{}
	// Libraries make spans of their own, which are not sent (package otlp).
	all := slices.DeleteFunc(spans.GetSpans(), func(s tracetest.SpanStub) bool { return s.InstrumentationScope.Name != telemetry.TracerName })
	for _, s := range all {
		byID[s.SpanContext.SpanID().String()] = s
		names[s.Name]++
		if s.SpanContext.TraceID() != all[0].SpanContext.TraceID() {
			t.Errorf("%s is in another trace", s.Name)
		}
		if strings.Contains(fmt.Sprint(s.Attributes, s.Status, s.Events), sub.JobID) {
			t.Errorf("%s names the job", s.Name)
		}
	}
	if names["request"] != 1 || names["submit"] != 1 || names["attempt"] != 1 || names["stage"] != 7 {
		t.Errorf("spans %v", names)
	}
	above := map[string]string{"submit": "request", "attempt": "submit", "stage": "attempt"}
	for _, s := range all {
		if want := above[s.Name]; byID[s.Parent.SpanID().String()].Name != want {
			t.Errorf("%s hangs below %q, want %q", s.Name, byID[s.Parent.SpanID().String()].Name, want)
		}
	}
	if !slices.ContainsFunc(all, func(s tracetest.SpanStub) bool { return s.Parent.IsRemote() }) {
		t.Error("no span came through the message")
	}
}
