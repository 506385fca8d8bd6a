package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

func TestRequestIDsFromClientsAreKeptOnlyWhenHarmless(t *testing.T) {
	for id, kept := range map[string]bool{"abc-1.2_X": true, "": false, "a b": false, "a\nb": false, strings.Repeat("a", 65): false, "-a": false} {
		ctx, got := WithRequestID(context.Background(), id)
		if (got == id) != kept || got == "" || RequestID(ctx) != got {
			t.Errorf("%q became %q", id, got)
		}
	}
}

func TestLogRecordsNameTheirRequest(t *testing.T) {
	var b bytes.Buffer
	log, err := Logger(&b, "json", slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	ctx, _ := WithRequestID(context.Background(), "r1")
	log.With("a", 1).InfoContext(ctx, "hello")
	if s := b.String(); !strings.Contains(s, `"request":"r1"`) || !strings.Contains(s, `"a":1`) {
		t.Fatal(s)
	}
	if _, err := Logger(&b, "xml", 0); err == nil {
		t.Fatal("xml was accepted")
	}
}

func TestLogRecordsNameWhatTheirContextIsAbout(t *testing.T) {
	var b bytes.Buffer
	log, err := Logger(&b, "auto", slog.LevelInfo) // no terminal: JSON
	if err != nil {
		t.Fatal(err)
	}
	ctx := WithLog(context.Background(), slog.String("job", "j1"))
	both := WithLog(ctx, slog.Int("attempt", 2))
	ctx, _ = WithRequestID(ctx, "r1")
	log.InfoContext(ctx, "one")
	log.InfoContext(both, "two")
	lines := strings.Split(b.String(), "\n")
	for i, want := range []string{`"msg":"one","job":"j1","request":"r1"}`, `"msg":"two","job":"j1","attempt":2}`} {
		if !strings.HasSuffix(lines[i], want) {
			t.Errorf("%s, want %s", lines[i], want)
		}
	}
}

func TestANilOrSilentMetricsCountsNothing(t *testing.T) {
	for _, m := range []*Metrics{nil, NewMetrics(nil, nil)} {
		m.Add("cityflow_submits_total", 1, "outcome", "started")
		m.Observe("cityflow_job_seconds", 1, "stage", "total")
		m.Gauge("cityflow_queue_messages", nil)
		if err := m.Flush(t.Context()); err != nil || m.Page() != nil || m.Close(t.Context()) != nil {
			t.Fatal(err)
		}
	}
}

func TestUnknownNamesAndLabelsPanic(t *testing.T) {
	m := NewMetrics(nil, nil)
	for name, use := range map[string]func(){
		"name":       func() { m.Add("cityflow_nothing_total", 1) },
		"kind":       func() { m.Add("cityflow_job_seconds", 1, "stage", "total") },
		"label":      func() { m.Add("cityflow_submits_total", 1, "job", "x") },
		"no label":   func() { m.Add("cityflow_submits_total", 1) },
		"histogram":  func() { m.Observe("cityflow_submits_total", 1, "outcome", "x") },
		"gauge name": func() { m.Gauge("cityflow_submits_total", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			use()
		}()
	}
}

func TestTheTableIsInOrder(t *testing.T) {
	seen := map[string]bool{}
	for _, in := range Instruments {
		if seen[in.Name] || in.Help == "" || in.Unit == "" || !strings.HasPrefix(in.Name, "cityflow_") {
			t.Errorf("%+v", in)
		}
		seen[in.Name] = true
		if (in.Kind == Counter) != strings.HasSuffix(in.Name, "_total") {
			t.Errorf("%s is a %s", in.Name, in.Kind)
		}
		if (in.Kind == Histogram) != (in.Buckets != nil) || in.Kind == Gauge && len(in.Labels) > 1 {
			t.Errorf("%s: buckets %v, labels %v", in.Name, in.Buckets, in.Labels)
		}
		for _, l := range in.Labels {
			for _, never := range []string{"job", "request", "client", "city", "path", "user"} {
				if l == never {
					t.Errorf("%s is labelled by %s, which has no bound", in.Name, l)
				}
			}
		}
	}
}

func TestTheExporterIsChosenByTheEnvironment(t *testing.T) {
	pulled := 0
	pull := func() (sdkmetric.Reader, http.Handler, error) {
		pulled++
		return sdkmetric.NewManualReader(), http.NotFoundHandler(), nil
	}
	for _, c := range []struct {
		ours, standard, otherwise string
		pull                      Pull
		page, emf, bad            bool
	}{
		{otherwise: "prometheus", pull: pull, page: true},
		{otherwise: "none", pull: pull},
		{standard: "none", otherwise: "prometheus", pull: pull},
		{standard: "prometheus", ours: "emf", otherwise: "none", pull: pull, emf: true},
		{ours: "prometheus", otherwise: "emf", bad: true},
		{standard: "otlp", otherwise: "none", pull: pull, bad: true},
	} {
		t.Setenv("CITYFLOW_METRICS", c.ours)
		t.Setenv("OTEL_METRICS_EXPORTER", c.standard)
		var out bytes.Buffer
		m, err := MetricsFromEnv(c.otherwise, &out, c.pull)
		if (err != nil) != c.bad {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if err != nil {
			continue
		}
		m.Add("cityflow_cache_hits_total", 1)
		if err := m.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if (m.Page() != nil) != c.page || (out.Len() > 0) != c.emf {
			t.Errorf("%+v: page %v, wrote %q", c, m.Page() != nil, out.String())
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if pulled != 1 {
		t.Errorf("pulled %d times", pulled)
	}
}

func TestTraceContextGoesThroughText(t *testing.T) {
	if got := Traceparent(t.Context()); got != "" {
		t.Fatal(got)
	}
	const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if got := Traceparent(JoinTrace(t.Context(), theirs)); got != theirs {
		t.Fatal(got)
	}
	for _, bad := range []string{"", "x", theirs + "\n", strings.Repeat("0", 1000)} {
		if got := Traceparent(JoinTrace(t.Context(), bad)); got != "" {
			t.Errorf("%q became %q", bad, got)
		}
	}
}
