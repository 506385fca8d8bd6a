package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
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

func TestMetricsText(t *testing.T) {
	m := NewMetrics(map[string]string{"b_total": "B.", "a_total": "A."})
	m.Add("a_total", 1, "route", "GET /x", "code", "200")
	m.Add("a_total", 2, "route", "GET /x", "code", "200")
	m.Add("b_total", 0.5)
	m.Gauge("queue", "Q.", "state", func(context.Context) (map[string]float64, error) { return map[string]float64{"waiting": 3}, nil })
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	want := `# HELP a_total A.
# TYPE a_total counter
a_total{route="GET /x",code="200"} 3
# HELP b_total B.
# TYPE b_total counter
b_total 0.5
# HELP queue Q.
# TYPE queue gauge
queue{state="waiting"} 3
`
	if got := w.Body.String(); got != want {
		t.Fatal(got)
	}
	(*Metrics)(nil).Add("x", 1)
}
