package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/malikobaid/cityflow/internal/telemetry"
)

// A collector gets the spans of both sides of a message, in one trace.
func TestSpansReachACollector(t *testing.T) {
	var mu sync.Mutex
	var got bytes.Buffer
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(body)
			if err != nil {
				t.Error(err)
				return
			}
			body = z
		}
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/v1/traces" {
			_, _ = io.Copy(&got, body)
		}
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	stop, err := FromEnv(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ctx, endRequest := telemetry.RootSpan(t.Context(), theirs, "request")
	parent := telemetry.Traceparent(ctx)
	if parent == "" || parent[3:35] == theirs[3:35] {
		t.Fatalf("a stranger's trace was joined: %q", parent)
	}
	far, endAttempt := telemetry.Span(telemetry.JoinTrace(context.Background(), parent), "attempt", "stage", "load")
	if child := telemetry.Traceparent(far); child[3:35] != parent[3:35] {
		t.Errorf("%q is not in the trace of %q", child, parent)
	}
	_, library := otel.Tracer("gocloud.dev/blob").Start(far, "read jobs/some-id/config.json")
	library.End()
	endAttempt(io.EOF)
	endRequest(nil)
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"request", "attempt", "cityflow"} {
		if !bytes.Contains(got.Bytes(), []byte(want)) {
			t.Errorf("%q did not arrive", want)
		}
	}
	if bytes.Contains(got.Bytes(), []byte("some-id")) {
		t.Error("the span of a library arrived: it holds the key of an object")
	}
	if bytes.Contains(got.Bytes(), []byte("EOF")) {
		t.Error("the text of an error arrived: it could hold an id")
	}
}

func TestNothingIsSentUnlessAskedFor(t *testing.T) {
	for _, c := range []struct {
		exporter, endpoint, protocol string
		bad                          bool
	}{{}, {exporter: "none", endpoint: "http://127.0.0.1:9"}, {exporter: "zipkin", bad: true}, {endpoint: "http://127.0.0.1:9", protocol: "grpc", bad: true}} {
		t.Setenv("OTEL_TRACES_EXPORTER", c.exporter)
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.endpoint)
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", c.protocol)
		stop, err := FromEnv(t.Context(), "test")
		if (err != nil) != c.bad {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil {
			if err := stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}
