package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// maxSeries bounds the label sets of one instrument. What comes beyond is
// counted under "other", so that a mistake costs detail, not money.
const maxSeries = 128

// Metrics are the instruments of the table. A nil *Metrics counts nothing.
type Metrics struct {
	provider   *sdkmetric.MeterProvider // nil without a reader
	page       http.Handler
	meter      metric.Meter
	counters   map[string]metric.Float64Counter
	histograms map[string]metric.Float64Histogram
	gauges     map[string]metric.Float64ObservableGauge
	table      map[string]*series
}

// series is an instrument with the label sets seen so far.
type series struct {
	Instrument
	mu   sync.Mutex
	seen map[attribute.Distinct]metric.MeasurementOption
}

// NewMetrics reports through the reader; nil reports nothing. page is what
// GET /metrics serves, nil where nobody asks.
func NewMetrics(reader sdkmetric.Reader, page http.Handler) *Metrics {
	m := &Metrics{page: page, meter: noop.NewMeterProvider().Meter(""), counters: map[string]metric.Float64Counter{},
		histograms: map[string]metric.Float64Histogram{}, gauges: map[string]metric.Float64ObservableGauge{}, table: map[string]*series{}}
	if reader != nil {
		m.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
		m.meter = m.provider.Meter("cityflow")
	}
	for _, in := range Instruments {
		var err error
		switch in.Kind {
		case Counter:
			m.counters[in.Name], err = m.meter.Float64Counter(in.Name, metric.WithDescription(in.Help), metric.WithUnit(in.Unit))
		case Histogram:
			m.histograms[in.Name], err = m.meter.Float64Histogram(in.Name, metric.WithDescription(in.Help), metric.WithUnit(in.Unit),
				metric.WithExplicitBucketBoundaries(in.Buckets...))
		case Gauge:
			m.gauges[in.Name], err = m.meter.Float64ObservableGauge(in.Name, metric.WithDescription(in.Help), metric.WithUnit(in.Unit))
		}
		if err != nil {
			panic(fmt.Sprintf("telemetry: instrument %s: %v", in.Name, err)) // the table is wrong
		}
		m.table[in.Name] = &series{Instrument: in, seen: map[attribute.Distinct]metric.MeasurementOption{}}
	}
	return m
}

// Page is the handler of GET /metrics, or nil.
func (m *Metrics) Page() http.Handler {
	if m == nil {
		return nil
	}
	return m.page
}

// Add counts: labels are names and values by turns, as the table lists them.
func (m *Metrics) Add(name string, v float64, labels ...string) {
	if m == nil {
		return
	}
	c, ok := m.counters[name]
	if !ok {
		panic(fmt.Sprintf("telemetry: counter %q is not in the table", name))
	}
	c.Add(context.Background(), v, m.table[name].with(labels))
}

// Observe puts one value into a histogram. A context with a span is not taken:
// exemplars would carry its id into an exporter.
func (m *Metrics) Observe(name string, v float64, labels ...string) {
	if m == nil {
		return
	}
	h, ok := m.histograms[name]
	if !ok {
		panic(fmt.Sprintf("telemetry: histogram %q is not in the table", name))
	}
	h.Record(context.Background(), v, m.table[name].with(labels))
}

// Gauge reads a value whenever metrics are collected, one sample for each value
// of its label; a gauge without label uses "". A read that fails leaves the
// gauge out this time.
func (m *Metrics) Gauge(name string, read func(context.Context) (map[string]float64, error)) {
	if m == nil {
		return
	}
	g, ok := m.gauges[name]
	if !ok {
		panic(fmt.Sprintf("telemetry: gauge %q is not in the table", name))
	}
	s := m.table[name]
	_, err := m.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		samples, err := read(ctx)
		if err != nil {
			return nil // whoever is asked says what is wrong in its own health check
		}
		for value, v := range samples {
			if len(s.Labels) == 0 {
				o.ObserveFloat64(g, v)
			} else {
				o.ObserveFloat64(g, v, s.with([]string{s.Labels[0], value}))
			}
		}
		return nil
	}, g)
	if err != nil {
		panic(fmt.Sprintf("telemetry: gauge %s: %v", name, err))
	}
}

// Flush sends what was counted so far: at the end of a function's invocation,
// where the process may be frozen.
func (m *Metrics) Flush(ctx context.Context) error {
	if m == nil || m.provider == nil {
		return nil
	}
	return m.provider.ForceFlush(ctx)
}

// Close flushes and stops reporting.
func (m *Metrics) Close(ctx context.Context) error {
	if m == nil || m.provider == nil {
		return nil
	}
	return m.provider.Shutdown(ctx)
}

// with turns labels into an attribute set, within the bound on sets.
func (s *series) with(labels []string) metric.MeasurementOption {
	if len(labels) != 2*len(s.Labels) {
		panic(fmt.Sprintf("telemetry: %s has the labels %q, got %q", s.Name, s.Labels, labels))
	}
	as := make([]attribute.KeyValue, 0, len(s.Labels))
	for i := 0; i < len(labels); i += 2 {
		if !slices.Contains(s.Labels, labels[i]) {
			panic(fmt.Sprintf("telemetry: %s has the labels %q, got %q", s.Name, s.Labels, labels))
		}
		as = append(as, attribute.String(labels[i], labels[i+1]))
	}
	set := attribute.NewSet(as...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.seen[set.Equivalent()]; ok {
		return o
	}
	if len(s.seen) >= maxSeries {
		for i := range as {
			as[i].Value = attribute.StringValue("other")
		}
		set = attribute.NewSet(as...)
		return metric.WithAttributeSet(set)
	}
	o := metric.WithAttributeSet(set)
	s.seen[set.Equivalent()] = o
	return o
}
