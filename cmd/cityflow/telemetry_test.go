package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/queue"
)

func TestAWorkerCanAnswerForItsMetrics(t *testing.T) {
	var logged bytes.Buffer
	e := &env{ctx: t.Context(), stdout: io.Discard, log: slog.New(slog.NewTextHandler(&logged, nil))}
	t.Setenv("CITYFLOW_METRICS", "none")
	silent, flush, err := e.watch("prometheus")
	if err != nil {
		t.Fatal(err)
	}
	defer flush()
	var usage usageError
	if _, err := e.serveMetrics("127.0.0.1:0", silent); !errors.As(err, &usage) {
		t.Errorf("an address without metrics: %v", err)
	}
	t.Setenv("CITYFLOW_METRICS", "")
	metrics, flush2, err := e.watch("prometheus")
	if err != nil {
		t.Fatal(err)
	}
	defer flush2()
	stop, err := e.serveMetrics("127.0.0.1:0", metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	_, addr, _ := strings.Cut(strings.TrimSpace(logged.String()), "addr=")
	res, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || !bytes.Contains(b, []byte("cityflow_build_info{version=")) {
		t.Errorf("%s %v", b, err)
	}
	if _, err := e.serveMetrics(addr, metrics); err == nil {
		t.Error("two at one address")
	}
	for name, value := range map[string]string{"CITYFLOW_METRICS": "statsd", "OTEL_TRACES_EXPORTER": "zipkin"} {
		t.Setenv(name, value)
		if _, _, err := e.watch("none"); !errors.As(err, &usage) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
		t.Setenv(name, "")
	}
}

type noAge struct{ queue.Queue }

func (noAge) Depth(context.Context) (queue.Depth, error) { return queue.Depth{Waiting: 2}, nil }

// Embedded metrics are complete when the process ends; a queue that cannot
// tell an age shows none.
func TestEmbeddedMetricsAreFlushedAtTheEnd(t *testing.T) {
	var out bytes.Buffer
	e := &env{ctx: t.Context(), stdout: &out, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	t.Setenv("CITYFLOW_METRICS", "emf")
	metrics, flush, err := e.watch("none")
	if err != nil {
		t.Fatal(err)
	}
	watchQueue(metrics, noAge{})
	metrics.Add("cityflow_cache_hits_total", 3)
	flush()
	for _, want := range []string{`"cityflow_cache_hits_total":3`, `"state":"waiting"`, `"Namespace":"CityFlow"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "oldest") {
		t.Error("an age of a queue that has none")
	}
}
