package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Namespace of embedded metrics.
const Namespace = "CityFlow"

const (
	// emfValues is the most values CloudWatch takes for one metric of a line.
	emfValues = 100
	// emfMetrics is the most metrics it takes in one directive.
	emfMetrics = 100
	// emfEvery is how often a process that lives long writes its lines.
	emfEvery = time.Minute
)

// EMF is a reader that writes CloudWatch's embedded metric format to w: lines
// of JSON that become metrics where they become log events. A line holds all
// metrics of one set of labels, because a label can have one value in a line.
// Metrics whose names begin with one of except are left out: each set of labels
// of each metric is a series that CloudWatch charges for.
func EMF(w io.Writer, except ...string) sdkmetric.Reader {
	return sdkmetric.NewPeriodicReader(&emf{w: w, now: time.Now, except: except}, sdkmetric.WithInterval(emfEvery))
}

// emf implements sdkmetric.Exporter.
type emf struct {
	mu  sync.Mutex
	w   io.Writer
	now func() time.Time
	// except are beginnings of names that are left out.
	except []string
}

// Temporality implements sdkmetric.Exporter: CloudWatch adds up by itself.
func (*emf) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}

// Aggregation implements sdkmetric.Exporter.
func (*emf) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

// ForceFlush implements sdkmetric.Exporter: nothing is kept back.
func (*emf) ForceFlush(context.Context) error { return nil }

// Shutdown implements sdkmetric.Exporter.
func (*emf) Shutdown(context.Context) error { return nil }

type emfMetric struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

type emfDirective struct {
	Namespace  string      `json:"Namespace"`
	Dimensions [][]string  `json:"Dimensions"`
	Metrics    []emfMetric `json:"Metrics"`
}

type emfMetadata struct {
	Timestamp         int64          `json:"Timestamp"`
	CloudWatchMetrics []emfDirective `json:"CloudWatchMetrics"`
}

// emfLine gathers the metrics of one set of labels.
type emfLine struct {
	labels  attribute.Set
	metrics []emfMetric
	values  map[string]any
	// rest are the values that did not fit, for further lines.
	rest map[string][]float64
}

// Export implements sdkmetric.Exporter.
func (e *emf) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	lines, order := map[attribute.Distinct]*emfLine{}, []*emfLine(nil)
	add := func(labels attribute.Set, m metricdata.Metrics, values []float64) {
		l := lines[labels.Equivalent()]
		if l == nil {
			l = &emfLine{labels: labels, values: map[string]any{}, rest: map[string][]float64{}}
			lines[labels.Equivalent()] = l
			order = append(order, l)
		}
		l.metrics = append(l.metrics, emfMetric{m.Name, emfUnit(m.Unit)})
		switch {
		case len(values) == 1:
			l.values[m.Name] = values[0]
		case len(values) <= emfValues:
			l.values[m.Name] = values
		default:
			l.values[m.Name], l.rest[m.Name] = values[:emfValues], values[emfValues:]
		}
	}
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			if slices.ContainsFunc(e.except, func(p string) bool { return strings.HasPrefix(m.Name, p) }) {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[float64]:
				for _, p := range data.DataPoints {
					if finite(p.Value) {
						add(p.Attributes, m, []float64{p.Value})
					}
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					if finite(p.Value) {
						add(p.Attributes, m, []float64{p.Value})
					}
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					if vs := spread(p); len(vs) > 0 {
						add(p.Attributes, m, vs)
					}
				}
			default:
				return fmt.Errorf("telemetry: %s is a %T, which embedded metrics cannot hold", m.Name, m.Data)
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range order {
		for l != nil {
			b, more := l.encode(e.now())
			if _, err := e.w.Write(b); err != nil {
				return fmt.Errorf("telemetry: embedded metrics: %w", err)
			}
			l = more
		}
	}
	return nil
}

// encode gives one line and what is left for the next.
func (l *emfLine) encode(now time.Time) ([]byte, *emfLine) {
	var more *emfLine
	if len(l.metrics) > emfMetrics {
		more = &emfLine{labels: l.labels, metrics: l.metrics[emfMetrics:], values: l.values, rest: l.rest}
		l.metrics = l.metrics[:emfMetrics]
	} else if len(l.rest) > 0 {
		more = &emfLine{labels: l.labels, values: map[string]any{}, rest: map[string][]float64{}}
		for _, m := range l.metrics {
			if vs, ok := l.rest[m.Name]; ok {
				n := min(len(vs), emfValues)
				more.metrics, more.values[m.Name] = append(more.metrics, m), vs[:n]
				if n < len(vs) {
					more.rest[m.Name] = vs[n:]
				}
			}
		}
	}
	doc, names := map[string]any{}, []string{}
	for _, kv := range l.labels.ToSlice() {
		names = append(names, string(kv.Key))
		doc[string(kv.Key)] = kv.Value.AsString()
	}
	for _, m := range l.metrics {
		doc[m.Name] = l.values[m.Name]
	}
	doc["_aws"] = emfMetadata{Timestamp: now.UnixMilli(), CloudWatchMetrics: []emfDirective{{
		Namespace: Namespace, Dimensions: [][]string{names}, Metrics: l.metrics,
	}}}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("telemetry: embedded metrics do not encode: %v", err)) // only finite numbers and words
	}
	return append(b, '\n'), more
}

// spread turns a histogram back into as many values: count, sum, smallest and
// largest are exact, the others lie in their buckets.
func spread(p metricdata.HistogramDataPoint[float64]) []float64 {
	least, hasLeast := p.Min.Value()
	most, hasMost := p.Max.Value()
	if p.Count == 0 || !hasLeast || !hasMost || !finite(p.Sum) || !finite(least) || !finite(most) {
		return nil
	}
	if p.Count == 1 {
		return []float64{p.Sum}
	}
	counts := append([]uint64(nil), p.BucketCounts...)
	for _, v := range []float64{least, most} { // these two are known
		if i := sort.SearchFloat64s(p.Bounds, v); counts[i] > 0 {
			counts[i]--
		}
	}
	var low, high []float64
	sumLow, sumHigh := 0.0, 0.0
	for i, n := range counts {
		a, b := least, most
		if i > 0 {
			a = max(a, p.Bounds[i-1])
		}
		if i < len(p.Bounds) {
			b = min(b, p.Bounds[i])
		}
		for range n {
			low, high = append(low, a), append(high, b)
			sumLow, sumHigh = sumLow+a, sumHigh+b
		}
	}
	// One share of the way from low to high for all, such that the sum is right.
	t := 0.5
	if sumHigh > sumLow {
		t = min(max((p.Sum-least-most-sumLow)/(sumHigh-sumLow), 0), 1)
	}
	out := make([]float64, 0, len(low)+2)
	out = append(out, least)
	for i := range low {
		out = append(out, low[i]+t*(high[i]-low[i]))
	}
	return append(out, most)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// emfUnit is CloudWatch's word for a unit.
func emfUnit(unit string) string {
	switch unit {
	case "s":
		return "Seconds"
	case "1":
		return "None"
	}
	return "Count"
}
