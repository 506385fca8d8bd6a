package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// checkEMF holds a line against the rules of the format: CloudWatch User Guide,
// "Specification: Embedded metric format". It gives the metrics of the line.
func checkEMF(t *testing.T, line string) map[string][]float64 {
	t.Helper()
	if len(line) > 256<<10 {
		t.Errorf("a line of %d bytes", len(line))
	}
	var root map[string]json.RawMessage
	if err := json.Unmarshal([]byte(line), &root); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	var meta struct {
		Timestamp         *int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	d := json.NewDecoder(bytes.NewReader(root["_aws"]))
	d.DisallowUnknownFields() // the objects of the specification take no other members
	if err := d.Decode(&meta); err != nil {
		t.Fatalf("_aws: %v in %s", err, line)
	}
	if meta.Timestamp == nil || *meta.Timestamp < 1e12 || *meta.Timestamp > 1e13 || len(meta.CloudWatchMetrics) == 0 {
		t.Errorf("no time in milliseconds, or no directive: %s", line)
	}
	units := []string{"Seconds", "Microseconds", "Milliseconds", "Bytes", "Percent", "Count", "Count/Second", "None"}
	printable := regexp.MustCompile(`^[!-~]([ -~]*[!-~])?$`)
	out := map[string][]float64{}
	for _, c := range meta.CloudWatchMetrics {
		if c.Namespace == "" || len(c.Namespace) > 1024 || strings.HasPrefix(c.Namespace, "AWS/") {
			t.Errorf("namespace %q", c.Namespace)
		}
		if len(c.Metrics) == 0 || len(c.Metrics) > 100 || len(c.Dimensions) == 0 {
			t.Errorf("%d metrics, %d sets of dimensions", len(c.Metrics), len(c.Dimensions))
		}
		for _, set := range c.Dimensions {
			if len(set) > 30 {
				t.Errorf("%d dimensions", len(set))
			}
			for _, name := range set {
				var v string
				if err := json.Unmarshal(root[name], &v); err != nil || !printable.MatchString(v) || len(v) > 1024 || len(name) > 250 || strings.HasPrefix(name, ":") {
					t.Errorf("dimension %q is %s", name, root[name])
				}
			}
		}
		for _, m := range c.Metrics {
			var one float64
			var many []float64
			if json.Unmarshal(root[m.Name], &one) == nil {
				many = []float64{one}
			} else if err := json.Unmarshal(root[m.Name], &many); err != nil || len(many) == 0 || len(many) > 100 {
				t.Errorf("metric %s has %d values: %v", m.Name, len(many), err)
			}
			if m.Name == "" || len(m.Name) > 1024 || !slices.Contains(units, m.Unit) || out[m.Name] != nil {
				t.Errorf("metric %+v", m)
			}
			out[m.Name] = many
		}
	}
	return out
}

func emfLines(b *bytes.Buffer) []string {
	s := strings.TrimSuffix(b.String(), "\n")
	b.Reset()
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

func TestEmbeddedMetricsFollowTheFormat(t *testing.T) {
	var b bytes.Buffer
	m := NewMetrics(EMF(&b), nil)
	defer func() { _ = m.Close(context.Background()) }()
	m.Add("cityflow_submits_total", 2, "outcome", "started")
	m.Add("cityflow_jobs_total", 1, "outcome", "started") // the same labels: one line
	m.Add("cityflow_submits_total", 1, "outcome", "cached")
	m.Add("cityflow_cache_hits_total", 1)
	m.Add("cityflow_http_requests_total", 1, "route", "GET /files/jobs/{job_id}/{artifact}", "code", "200")
	m.Observe("cityflow_job_seconds", 12.5, "stage", "total")
	m.Gauge("cityflow_queue_messages", func(context.Context) (map[string]float64, error) {
		return map[string]float64{"waiting": 3, "leased": 0, "dead": 0}, nil
	})
	m.Gauge("cityflow_queue_oldest_seconds", func(context.Context) (map[string]float64, error) { return nil, fmt.Errorf("the queue is down") })
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines := emfLines(&b)
	if len(lines) != 8 {
		t.Errorf("%d lines, want one for each set of labels:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	var total []float64
	for _, l := range lines {
		for name, vs := range checkEMF(t, l) {
			if name == "cityflow_submits_total" {
				total = append(total, vs...)
			}
			if name == "cityflow_job_seconds" && !slices.Equal(vs, []float64{12.5}) {
				t.Errorf("one value became %v", vs)
			}
		}
	}
	if slices.Sort(total); !slices.Equal(total, []float64{1, 2}) {
		t.Errorf("submits %v", total)
	}
	// Only what is new is told: CloudWatch adds up.
	m.Add("cityflow_submits_total", 5, "outcome", "started")
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string][]float64{}
	for _, l := range emfLines(&b) {
		for name, vs := range checkEMF(t, l) {
			got[name] = vs
		}
	}
	if len(got) != 2 || !slices.Equal(got["cityflow_submits_total"], []float64{5}) || got["cityflow_queue_messages"] == nil {
		t.Errorf("the second flush told %v", got)
	}
}

// A histogram of many values keeps count, sum and extremes over its lines.
func TestManyValuesAreSpreadOverLines(t *testing.T) {
	var b bytes.Buffer
	m := NewMetrics(EMF(&b), nil)
	defer func() { _ = m.Close(context.Background()) }()
	sum := 0.0
	for i := range 350 {
		v := 0.2 + float64(i*i)/400
		sum += v
		m.Observe("cityflow_job_seconds", v, "stage", "total")
	}
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all []float64
	lines := emfLines(&b)
	for _, l := range lines {
		all = append(all, checkEMF(t, l)["cityflow_job_seconds"]...)
	}
	got := 0.0
	for _, v := range all {
		got += v
	}
	last := 0.2 + 349.0*349/400
	if len(lines) != 4 || len(all) != 350 || math.Abs(got-sum) > 1e-6*sum || slices.Min(all) != 0.2 || slices.Max(all) != last {
		t.Errorf("%d lines, %d values, sum %g want %g, from %g to %g", len(lines), len(all), got, sum, slices.Min(all), slices.Max(all))
	}
	// Each value lies in its bucket: what quantiles are made of.
	for _, bound := range jobBuckets {
		want, have := 0, 0
		for i := range 350 {
			if 0.2+float64(i*i)/400 <= bound {
				want++
			}
		}
		for _, v := range all {
			if v <= bound {
				have++
			}
		}
		if want != have {
			t.Errorf("%d values up to %g, want %d", have, bound, want)
		}
	}
}

func TestLabelsWithoutBoundAreCutOff(t *testing.T) {
	var b bytes.Buffer
	m := NewMetrics(EMF(&b), nil)
	defer func() { _ = m.Close(context.Background()) }()
	for i := range 10 * maxSeries {
		m.Add("cityflow_submits_total", 1, "outcome", fmt.Sprint("o", i))
	}
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines, sum := emfLines(&b), 0.0
	for _, l := range lines {
		sum += checkEMF(t, l)["cityflow_submits_total"][0]
	}
	if len(lines) != maxSeries+1 || sum != 10*maxSeries {
		t.Errorf("%d lines that sum to %g", len(lines), sum)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, fmt.Errorf("no space") }

func TestAFailingWriterIsAnErrorOfFlush(t *testing.T) {
	m := NewMetrics(EMF(failing{}), nil)
	m.Add("cityflow_cache_hits_total", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := m.Flush(ctx); err == nil {
		t.Error("nobody was told")
	}
	_ = m.Close(ctx)
}

// Requests by route are left out, unless they are asked for: they are more
// series than all others.
func TestEMFLeavesRequestsOutUnlessAsked(t *testing.T) {
	for kind, want := range map[string]bool{"emf": false, "emf-all": true} {
		t.Setenv("CITYFLOW_METRICS", kind)
		var out bytes.Buffer
		m, err := MetricsFromEnv("none", &out, nil)
		if err != nil {
			t.Fatal(err)
		}
		m.Add("cityflow_http_requests_total", 1, "route", "GET /v1/cities", "code", "200")
		m.Observe("cityflow_http_request_seconds", 0.1, "route", "GET /v1/cities")
		m.Add("cityflow_submits_total", 1, "outcome", "started")
		if err := m.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "cityflow_http_"); got != want || !strings.Contains(out.String(), "cityflow_submits_total") {
			t.Errorf("%s: requests are told: %v, want %v\n%s", kind, got, want, out.String())
		}
	}
}
