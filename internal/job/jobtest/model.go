// Package jobtest is a small deterministic run.Model for tests of the service
// half: two towns with four stops, checks that name every bad field, and runs
// whose length a test controls. Its numbers mean nothing.
package jobtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

// Towns. Poison panics when run, Badlands is refused by the worker, Flaky
// fails each run with an error.
const (
	Town     = "testville"
	Poison   = "poison"
	Badlands = "badlands"
	Flaky    = "flaky"
)

// ServiceDate is the only date with service.
const ServiceDate = "2023-06-13"

var stops = []string{"North", "South", "East", "West"}

// Model is the fake. The zero value runs at once.
type Model struct {
	// Step is how long each of the Steps of a run takes.
	Step time.Duration
	// Hold, when not nil, keeps every run at half way until it is closed.
	Hold chan struct{}
	// Limits of a request; zero means the default ones.
	Limits spec.Limits
	// Runs counts the runs begun.
	Runs atomic.Int64
}

// Steps of one run.
const Steps = 10

// Cities implements run.Model.
func (m *Model) Cities(context.Context) ([]spec.CityInfo, error) {
	var out []spec.CityInfo
	for _, slug := range []string{Badlands, Flaky, Poison, Town} {
		out = append(out, info(slug))
	}
	return out, nil
}

func info(slug string) spec.CityInfo {
	people := 1000.0
	return spec.CityInfo{
		Slug: slug, Name: strings.ToUpper(slug[:1]) + slug[1:], Enabled: slug == Town,
		Facts: spec.CityFacts{Population: &people, Source: "made up for tests"}, Bounds: [4]float64{-3.02, 51.55, -2.95, 51.61},
		Modes: []string{"bus"}, ServiceDate: ServiceDate, ServiceWindow: spec.Window{From: "06:00", To: "22:00"},
		Attribution: "none", Digest: strings.Repeat("0", 64),
	}
}

func known(slug string) bool {
	return slug == Town || slug == Poison || slug == Badlands || slug == Flaky
}

func (m *Model) limits() spec.Limits {
	if m.Limits == (spec.Limits{}) {
		return spec.DefaultLimits()
	}
	return m.Limits
}

// City implements run.Model.
func (m *Model) City(_ context.Context, slug string) (*spec.CityDetail, error) {
	if !known(slug) {
		return nil, fmt.Errorf("%w: %s", run.ErrUnknownCity, slug)
	}
	d := &spec.CityDetail{CityInfo: info(slug), Default: spec.Default{Name: "Line", Stops: stops[:2]},
		Share: spec.ModeShare{Car: 60, Bike: 10, Transit: 30}, ShareOf: "made up", Streets: "/v1/cities/" + slug + "/streets.geojson",
		Sources: []string{"none"}, Limits: m.limits()}
	for i, s := range stops {
		d.Stops = append(d.Stops, spec.Stop{ID: s, Name: s + " Square", Lon: -3 + float64(i)/100, Lat: 51.58, Modes: []string{"bus"}, Group: i})
	}
	return d, nil
}

// Streets implements run.Model.
func (m *Model) Streets(_ context.Context, slug string) ([]byte, error) {
	if !known(slug) {
		return nil, fmt.Errorf("%w: %s", run.ErrUnknownCity, slug)
	}
	return []byte(`{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"way":1},"geometry":{"type":"LineString","coordinates":[[-3,51.58],[-2.99,51.59]]}}]}`), nil
}

// Check implements run.Model.
func (m *Model) Check(_ context.Context, req *spec.RunRequest) (*spec.Config, spec.Problems, error) {
	var ps spec.Problems
	if !known(req.City) {
		ps.Add("city", fmt.Sprintf("unknown city %q", req.City), Town)
	}
	c := &spec.Config{Schema: spec.SchemaVersion, ModelVersion: "test-1", CityDigest: strings.Repeat("0", 64), City: req.City,
		Date: ServiceDate, Window: spec.Window{From: "08:00", To: "10:00"}, Agents: 3000, ModeShare: spec.ModeShare{Car: 60, Bike: 10, Transit: 30},
		NonWalk: true, ShareSource: "user", TrafficLevel: "peak", Replications: 5, Seed: 1, Iterations: 4, AverageLast: 2}
	if req.NumAgents != nil {
		c.Agents = *req.NumAgents
		if max := m.limits().MaxAgents; c.Agents < 1 || c.Agents > max {
			ps.Add("num_agents", fmt.Sprintf("%d agents", c.Agents), fmt.Sprintf("1 to %d", max))
		}
	}
	if req.Seed != nil {
		c.Seed = *req.Seed
	}
	sum := 0.0
	for _, v := range req.AgentDistribution {
		sum += v
	}
	if req.AgentDistribution != nil && (sum < 99.99 || sum > 100.01) {
		ps.Add("agent_distribution", fmt.Sprintf("the shares sum to %g", sum), "100")
	}
	if req.SimDate != "" && req.SimDate != ServiceDate {
		ps.Add("sim_date", "no service on "+req.SimDate, ServiceDate)
	}
	start, end := resolve(&ps, "tram_start", req.TramStart, "North"), resolve(&ps, "tram_end", req.TramEnd, "South")
	if start != "" && start == end {
		ps.Add("tram_end", "the line starts and ends at the same stop", "another stop")
	}
	if len(ps) > 0 {
		return nil, ps, nil
	}
	c.Modifications = []spec.Modification{{Type: spec.NewLine, Mode: "tram", Stops: []spec.StopRef{{ID: start}, {ID: end}}}}
	return c, nil, nil
}

func resolve(ps *spec.Problems, path, ref, otherwise string) string {
	if ref == "" {
		return otherwise
	}
	for _, s := range stops {
		if ref == s || ref == s+" Square" {
			return s
		}
	}
	ps.Add(path, fmt.Sprintf("unknown stop %q", ref), stops...)
	return ""
}

// Run implements run.Model.
func (m *Model) Run(ctx context.Context, cfg *spec.Config, sink run.Sink, report func(run.Progress)) (*spec.Config, error) {
	m.Runs.Add(1)
	switch cfg.City {
	case Poison:
		panic(fmt.Sprintf("jobtest: %d vehicles entered, %d left", 7, 6))
	case Badlands:
		return nil, spec.Problems{{Path: "city", Message: "the badlands cannot be run", Valid: []string{Town}}}
	case Flaky:
		return nil, errors.New("jobtest: the weather is bad")
	}
	for i := range Steps {
		report(run.Progress{Stage: run.Stages[i*len(run.Stages)/Steps], Done: float64(i) / Steps, Message: fmt.Sprintf("Step %d of %d", i+1, Steps)})
		var hold chan struct{}
		var step <-chan time.Time
		if hold = m.Hold; hold == nil || i != Steps/2 {
			hold = nil
			step = time.After(m.Step)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-hold:
		case <-step:
		}
	}
	for _, f := range artifacts(cfg) {
		if err := sink.Put(ctx, f.name, f.contentType, f.data); err != nil {
			return nil, err
		}
	}
	return cfg, nil
}

type file struct {
	name, contentType string
	data              []byte
}

func artifacts(cfg *spec.Config) []file {
	sum := spec.Summary{Schema: spec.SchemaVersion, City: cfg.City, Window: cfg.Window, Agents: cfg.Agents, Replications: cfg.Replications,
		Assumptions: []string{}, Warnings: []string{}, Verdict: []string{"No clear change between 08:00 and 10:00."},
		KPIs: []spec.KPI{{ID: "travel_min", Name: "Mean travel time", Unit: "min", Headline: true, Baseline: 20, Scenario: 20, Verdict: spec.NoClearChange}}}
	js, err := json.MarshalIndent(sum, "", " ")
	if err != nil {
		panic(err)
	}
	return []file{
		{"summary.json", "application/json", js},
		{"kpis.csv", "text/csv; charset=utf-8", fmt.Appendf(nil, "id,baseline,scenario\ntravel_min,20,%d\n", 20+cfg.Seed)},
		{"links.geojson", "application/geo+json", []byte(`{"type":"FeatureCollection","features":[` + strings.Repeat(" ", 4000) + `]}`)},
		{"insights.md", "text/markdown; charset=utf-8", []byte("## What changed\n\nNo clear change.\n")},
	}
}

var _ run.Model = (*Model)(nil)
