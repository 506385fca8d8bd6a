// Package prom is the Prometheus side of telemetry, a room of its own so that a
// function which never serves /metrics does not carry it.
package prom

import (
	"fmt"
	"net/http"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// New gives the reader and the page that shows what it reads, with the metrics
// of the Go runtime and of the process.
func New() (sdkmetric.Reader, http.Handler, error) {
	registry := client.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// Names are whole in the table: the exporter must add nothing to them.
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutUnits(), exporter.WithoutCounterSuffixes(), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, nil, fmt.Errorf("prometheus: %w", err)
	}
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return reader, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		page.ServeHTTP(w, r)
	}), nil
}
