package prom

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/telemetry"
)

func TestThePageShowsTheNamesOfTheTable(t *testing.T) {
	reader, page, err := New()
	if err != nil {
		t.Fatal(err)
	}
	m := telemetry.NewMetrics(reader, page)
	defer func() { _ = m.Close(context.Background()) }()
	for _, in := range telemetry.Instruments {
		var labels []string
		for _, l := range in.Labels {
			labels = append(labels, l, "v")
		}
		switch in.Kind {
		case telemetry.Counter:
			m.Add(in.Name, 2, labels...)
		case telemetry.Histogram:
			m.Observe(in.Name, 2, labels...)
		case telemetry.Gauge:
			m.Gauge(in.Name, func(context.Context) (map[string]float64, error) { return map[string]float64{"v": 2}, nil })
		}
	}
	w := httptest.NewRecorder()
	m.Page().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	got := w.Body.String()
	for _, in := range telemetry.Instruments {
		labels := ""
		for i, l := range in.Labels {
			labels += map[bool]string{true: ",", false: ""}[i > 0] + l + `="v"`
		}
		switch {
		case in.Kind == telemetry.Histogram:
			labels = "_sum{" + labels + "}"
		case labels != "":
			labels = "{" + labels + "}"
		}
		// Labels are sorted by name in the text.
		labels = strings.Replace(labels, `route="v",code="v"`, `code="v",route="v"`, 1)
		for _, want := range []string{"# TYPE " + in.Name + " " + string(in.Kind) + "\n", "# HELP " + in.Name + " " + in.Help + "\n", "\n" + in.Name + labels + " 2\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is missing", want)
			}
		}
	}
	for _, never := range []string{"otel_scope", "target_info"} {
		if strings.Contains(got, never) {
			t.Errorf("the page holds %s", never)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}
