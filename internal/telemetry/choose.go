package telemetry

import (
	"fmt"
	"io"
	"net/http"
	"os"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// Pull makes a reader that is asked, and the page on which it answers; package
// prom has one.
type Pull func() (sdkmetric.Reader, http.Handler, error)

// perRoute begins the names of the metrics of requests: a series for each route
// and status, each at CloudWatch's price, where the gateway
// counts requests anyway.
const perRoute = "cityflow_http_"

// MetricsFromEnv chooses where metrics go: CITYFLOW_METRICS, else
// OTEL_METRICS_EXPORTER, else otherwise. "prometheus" answers at /metrics and
// needs pull, "emf" writes embedded metrics to stdout without those of single
// routes, "emf-all" all of them, "none" counts nothing.
func MetricsFromEnv(otherwise string, stdout io.Writer, pull Pull) (*Metrics, error) {
	name, kind := "CITYFLOW_METRICS", os.Getenv("CITYFLOW_METRICS")
	if kind == "" {
		name, kind = "OTEL_METRICS_EXPORTER", os.Getenv("OTEL_METRICS_EXPORTER")
	}
	if kind == "" {
		name, kind = "the default", otherwise
	}
	valid := "prometheus, emf, emf-all or none"
	if pull == nil {
		valid = "emf, emf-all or none"
	}
	switch {
	case kind == "none":
		return NewMetrics(nil, nil), nil
	case kind == "emf":
		return NewMetrics(EMF(stdout, perRoute), nil), nil
	case kind == "emf-all":
		return NewMetrics(EMF(stdout), nil), nil
	case kind == "prometheus" && pull != nil:
		reader, page, err := pull()
		if err != nil {
			return nil, err
		}
		return NewMetrics(reader, page), nil
	}
	return nil, fmt.Errorf("metrics exporter %q (%s), want %s", kind, name, valid)
}
