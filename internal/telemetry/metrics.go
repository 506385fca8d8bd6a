package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// Metrics are counters and gauges in the Prometheus text format. A nil
// *Metrics counts nothing.
type Metrics struct {
	mu       sync.Mutex
	counters map[string]*counter
	gauges   []gauge
}

type counter struct {
	name, help string
	values     map[string]float64 // by rendered labels
}

type gauge struct {
	name, help, label string
	read              func(context.Context) (map[string]float64, error)
}

// NewMetrics holds the counters of the table: name -> help.
func NewMetrics(counters map[string]string) *Metrics {
	m := &Metrics{counters: map[string]*counter{}}
	for name, help := range counters {
		m.counters[name] = &counter{name: name, help: help, values: map[string]float64{}}
	}
	return m
}

// Gauge adds a value that is read when somebody asks, one sample for each
// value of the label. A read that fails leaves the gauge out.
func (m *Metrics) Gauge(name, help, label string, read func(context.Context) (map[string]float64, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gauges = append(m.gauges, gauge{name, help, label, read})
}

// Add counts: labels are names and values by turns. Values must come from a
// small fixed set, never from a request.
func (m *Metrics) Add(name string, v float64, labels ...string) {
	if m == nil {
		return
	}
	var parts []string
	for i := 0; i+1 < len(labels); i += 2 {
		parts = append(parts, labels[i]+"="+strconv.Quote(labels[i+1]))
	}
	key := strings.Join(parts, ",")
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.counters[name]
	if !ok {
		panic(fmt.Sprintf("telemetry: counter %q is not in the table", name))
	}
	c.values[key] += v
}

// ServeHTTP answers GET /metrics.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	m.mu.Lock()
	names := make([]string, 0, len(m.counters))
	for name := range m.counters {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		c := m.counters[name]
		write(&b, c.name, c.help, "counter", c.values)
	}
	gauges := m.gauges
	m.mu.Unlock()
	for _, g := range gauges {
		samples, err := g.read(r.Context())
		if err != nil {
			continue
		}
		labelled := map[string]float64{}
		for v, n := range samples {
			labelled[g.label+"="+strconv.Quote(v)] = n
		}
		write(&b, g.name, g.help, "gauge", labelled)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes())
}

func write(b *bytes.Buffer, name, help, kind string, values map[string]float64) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		labels := ""
		if k != "" {
			labels = "{" + k + "}"
		}
		fmt.Fprintf(b, "%s%s %s\n", name, labels, strconv.FormatFloat(values[k], 'g', -1, 64))
	}
}
