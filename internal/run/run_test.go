package run_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/spec"
)

// memory is a source and a sink without a disk.
type memory struct {
	mu     sync.Mutex
	packs  map[string][]byte
	detail map[string][]byte
	maps   map[string][]byte
	infos  []spec.CityInfo
	states map[string][]byte
}

func source(t testing.TB, cities ...*city.City) *memory {
	t.Helper()
	m := &memory{packs: map[string][]byte{}, detail: map[string][]byte{}, maps: map[string][]byte{}, states: map[string][]byte{}}
	for _, c := range cities {
		var b bytes.Buffer
		if err := city.Encode(&b, c); err != nil {
			t.Fatal(err)
		}
		m.packs[c.Info.Slug] = b.Bytes()
		d, err := run.Describe(c)
		if err != nil {
			t.Fatal(err)
		}
		m.detail[c.Info.Slug], m.maps[c.Info.Slug] = d, run.StreetMap(c)
		m.infos = append(m.infos, run.Info(c))
	}
	return m
}

func (m *memory) Cities(context.Context) ([]spec.CityInfo, error) { return m.infos, nil }

func (m *memory) Pack(_ context.Context, slug string) ([]byte, error) { return of(m.packs, slug) }

func (m *memory) Detail(_ context.Context, slug string) ([]byte, error) { return of(m.detail, slug) }

func (m *memory) Streets(_ context.Context, slug string) ([]byte, error) { return of(m.maps, slug) }

func of(kept map[string][]byte, slug string) ([]byte, error) {
	if b, ok := kept[slug]; ok {
		return b, nil
	}
	return nil, run.ErrUnknownCity
}

func (m *memory) State(_ context.Context, _, key string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.states[key]
}

func (m *memory) Keep(_ context.Context, _, key string, b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states[key] = b
}

type files map[string][]byte

func (f files) Put(_ context.Context, name, _ string, data []byte) error {
	f[name] = append([]byte(nil), data...)
	return nil
}

// simulate runs a request to its end.
func simulate(t testing.TB, e *run.Engine, request string) (files, *spec.Summary) {
	t.Helper()
	req, ps := spec.ParseRequest(strings.NewReader(request))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	cfg, ps, err := e.Check(context.Background(), req)
	if err != nil || len(ps) > 0 {
		t.Fatalf("check: %v %v", err, ps)
	}
	out := files{}
	if _, err := e.Run(context.Background(), cfg, out, func(run.Progress) {}); err != nil {
		t.Fatal(err)
	}
	var s spec.Summary
	dec := json.NewDecoder(bytes.NewReader(out["summary.json"]))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		t.Fatal(err)
	}
	// "Settled" rests on the worst gap of all runs of both arms.
	worst := 0.0
	for _, name := range []string{"baseline_stats.json", "scenario_stats.json"} {
		var stats struct {
			Runs []struct {
				Gap *float64 `json:"relative_gap"`
			}
		}
		if err := json.Unmarshal(out[name], &stats); err != nil || len(stats.Runs) != s.Replications {
			t.Fatalf("%s: %v, %d runs of %d", name, err, len(stats.Runs), s.Replications)
		}
		for _, r := range stats.Runs {
			worst = max(worst, *r.Gap)
		}
	}
	if s.RelativeGap != worst || s.Converged != (worst <= 0.05) {
		t.Errorf("relative gap %g, converged %v; the worst run has %g", s.RelativeGap, s.Converged, worst)
	}
	return out, &s
}

func kpi(t testing.TB, s *spec.Summary, id string) spec.KPI {
	t.Helper()
	for _, k := range s.KPIs {
		if k.ID == id {
			return k
		}
	}
	t.Fatalf("no indicator %q", id)
	return spec.KPI{}
}

// town is a small analytical city: 2.75 km square, buses every 20 minutes.
func town() *city.City {
	return testcity.Grid(testcity.Small())
}

func townEngine(t testing.TB) (*run.Engine, *city.City) {
	c := town()
	return run.New(source(t, c), spec.DefaultLimits()), c
}

const small = `"num_agents":600,"replications":3,"iterations":4,"average_last":2`

// link is a street of the town that cars use.
func link(c *city.City) (way int64, kmh float64) {
	for l := range c.Net.NumLinks() {
		if c.Net.Modes[l]&city.AllowCar != 0 && l > c.Net.NumLinks()/2 {
			return c.Net.WayOSM[l], float64(c.Net.SpeedMS[l]) * 3.6
		}
	}
	panic("no street")
}

func farStops(c *city.City) (a, b string) {
	ids := append([]string(nil), c.Timetable.StopID...)
	sort.Strings(ids)
	return ids[0], ids[len(ids)-1]
}

// Null modifications really run, and give the baseline's bytes.
func TestNothingChangesNothing(t *testing.T) {
	e, c := townEngine(t)
	way, kmh := link(c)
	a, b := farStops(c)
	for name, mods := range map[string]string{
		"empty":             `[]`,
		"speed as it is":    fmt.Sprintf(`[{"type":"speed_limit","links":[{"way":%d}],"kmh":%g}]`, way, kmh),
		"line at 3 o'clock": fmt.Sprintf(`[{"type":"new_line","stops":[%q,%q],"headways":[{"from":"03:00","to":"03:10","every_min":10}]}]`, a, b),
		"demand times one":  `[{"type":"demand_scale","factor":1}]`,
		"headway as it is":  `[{"type":"change_line","line":"L1","headways":[{"from":"06:00","to":"12:00","every_min":20}]}]`,
	} {
		t.Run(name, func(t *testing.T) {
			out, s := simulate(t, e, `{"city":"testcity","modifications":`+mods+`,`+small+`}`)
			if !bytes.Equal(out["baseline_stats.json"], out["scenario_stats.json"]) {
				t.Errorf("statistics differ:\n%s\n%s", out["baseline_stats.json"], out["scenario_stats.json"])
			}
			for _, k := range s.KPIs {
				if k.Diff != 0 || k.Verdict != spec.NoClearChange {
					t.Errorf("%s differs by %v: %s", k.ID, k.Diff, k.Verdict)
				}
			}
			if k := kpi(t, s, "car_trips"); k.Baseline < 100 {
				t.Errorf("only %v car trips: the city did not run", k.Baseline)
			}
		})
	}
}

// The same request gives the same bytes at any GOMAXPROCS and in a fresh engine.
func TestBytesDoNotDependOnProcessors(t *testing.T) {
	c := town()
	a, b := farStops(c)
	request := fmt.Sprintf(`{"city":"testcity","tram_start":%q,"tram_end":%q,%s}`, a, b, small)
	var first files
	old := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(old)
	for _, n := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(n)
		out, _ := simulate(t, run.New(source(t, c), spec.DefaultLimits()), request)
		if first == nil {
			first = out
			continue
		}
		for name := range first {
			if !bytes.Equal(first[name], out[name]) {
				t.Errorf("%s differs between GOMAXPROCS 1 and %d", name, n)
			}
		}
		if len(out) != len(first) {
			t.Errorf("%d artifacts, want %d", len(out), len(first))
		}
	}
}

// A kept state gives the bytes of a computed one.
func TestKeptStateChangesNothing(t *testing.T) {
	c := town()
	src := source(t, c)
	request := `{"city":"testcity","modifications":[],` + small + `}`
	one, _ := simulate(t, run.New(src, spec.DefaultLimits()), request)
	if len(src.states) != 2 {
		t.Fatalf("%d kept, want the state and the baseline to show", len(src.states))
	}
	two, _ := simulate(t, run.New(src, spec.DefaultLimits()), request)
	for name := range one {
		if !bytes.Equal(one[name], two[name]) {
			t.Errorf("%s differs", name)
		}
	}
	for key := range src.states {
		src.states[key] = src.states[key][:100]
	}
	three, _ := simulate(t, run.New(src, spec.DefaultLimits()), request)
	if !bytes.Equal(one["summary.json"], three["summary.json"]) {
		t.Error("a broken state file changed the answer")
	}
}

// A line asked the other way round is the mirrored line with the same verdict.
func TestReversedEndsGiveTheMirroredLine(t *testing.T) {
	e, c := townEngine(t)
	a, b := farStops(c)
	ab, s1 := simulate(t, e, fmt.Sprintf(`{"city":"testcity","tram_start":%q,"tram_end":%q,%s}`, a, b, small))
	ba, s2 := simulate(t, e, fmt.Sprintf(`{"city":"testcity","tram_start":%q,"tram_end":%q,%s}`, b, a, small))
	n := len(s1.Lines[0].Stops)
	if n < 3 || n != len(s2.Lines[0].Stops) {
		t.Fatalf("%d and %d stops", n, len(s2.Lines[0].Stops))
	}
	for i, s := range s1.Lines[0].Stops {
		if s != s2.Lines[0].Stops[n-1-i] {
			t.Errorf("stop %d: %+v against %+v", i, s, s2.Lines[0].Stops[n-1-i])
		}
	}
	for i, k := range s1.KPIs {
		if k != s2.KPIs[i] {
			t.Errorf("%+v\n%+v", k, s2.KPIs[i])
		}
	}
	if !bytes.Equal(ab["baseline_stats.json"], ba["baseline_stats.json"]) {
		t.Error("the baseline depends on the direction of the line")
	}
	if s1.Lines[0].Boardings < 20 {
		t.Errorf("only %v boardings: the test shows nothing", s1.Lines[0].Boardings)
	}
}

// A shorter headway never loses riders.
func TestShorterHeadwayNeverLosesRiders(t *testing.T) {
	e, c := townEngine(t)
	a, b := farStops(c)
	cfg, ps, err := e.Check(context.Background(), &spec.RunRequest{City: "testcity", TramStart: a, TramEnd: b})
	if err != nil || len(ps) > 0 {
		t.Fatal(err, ps)
	}
	line := cfg.Modifications[0]
	line.Capacity = 1000
	last := -1.0
	for _, min := range []float64{40, 20, 10, 5} {
		line.Headways = []spec.Headway{{From: "05:00", To: "23:00", EveryMin: min}}
		mods, err := json.Marshal([]spec.Modification{line})
		if err != nil {
			t.Fatal(err)
		}
		_, s := simulate(t, e, fmt.Sprintf(`{"city":"testcity","modifications":%s,%s}`, mods, small))
		if got := s.Lines[0].Boardings; got < last {
			t.Errorf("every %v min carries %v, fewer than the longer headway's %v", min, got, last)
		} else {
			last = got
		}
	}
	if last < 50 {
		t.Errorf("only %v boardings: the test shows nothing", last)
	}
}

// A closed street sheds its traffic; a slower one makes nobody faster.
func TestClosedStreetCarriesNobody(t *testing.T) {
	e, c := townEngine(t)
	way, _ := link(c)
	out, _ := simulate(t, e, fmt.Sprintf(`{"city":"testcity","modifications":[{"type":"close_links","links":[{"way":%d}]}],%s}`, way, small))
	var m struct {
		Features []struct {
			Properties struct {
				Kind               string
				Way                int64
				Baseline, Scenario float64
			}
		}
	}
	if err := json.Unmarshal(out["links.geojson"], &m); err != nil {
		t.Fatal(err)
	}
	seen := false
	for _, f := range m.Features {
		if p := f.Properties; p.Way == way && p.Kind == "link" {
			seen = true
			if p.Scenario != 0 {
				t.Errorf("the closed way %d carries %v vehicles", way, p.Scenario)
			}
		}
	}
	if !seen {
		t.Error("the closed street is not on the map")
	}
}

func TestCancelStopsARun(t *testing.T) {
	e, _ := townEngine(t)
	cfg, ps, err := e.Check(context.Background(), &spec.RunRequest{City: "testcity"})
	if err != nil || len(ps) > 0 {
		t.Fatal(err, ps)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out := files{}
	_, err = e.Run(ctx, cfg, out, func(p run.Progress) {
		if p.Stage == "simulate" {
			cancel()
		}
	})
	if err != context.Canceled || len(out) != 0 {
		t.Fatalf("cancelled run returned %v with %d artifacts", err, len(out))
	}
}

func TestProgressNeverStepsBack(t *testing.T) {
	e, _ := townEngine(t)
	cfg, _, _ := e.Check(context.Background(), &spec.RunRequest{City: "testcity"})
	last, stages := -1.0, map[string]bool{}
	if _, err := e.Run(context.Background(), cfg, files{}, func(p run.Progress) {
		if p.Done < last {
			t.Errorf("progress falls from %v to %v in %s", last, p.Done, p.Stage)
		}
		last = p.Done
		stages[p.Stage] = true
	}); err != nil {
		t.Fatal(err)
	}
	if last != 1 {
		t.Errorf("progress ends at %v", last)
	}
	for _, s := range run.Stages {
		if !stages[s] {
			t.Errorf("stage %s was never told", s)
		}
	}
}

var update = flag.Bool("update", false, "write the golden results and fail")

// Golden results of the analytical city. When they change on purpose, raise
// run.ModelVersion and write the file anew with -update: kept runs and states
// are named by that version, and must not be mistaken for new ones. Bytes are
// promised per architecture.
func TestResultsAreOfTheModelVersion(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skipf("golden results are of amd64, this is %s", runtime.GOARCH)
	}
	e, c := townEngine(t)
	a, b := farStops(c)
	out, s := simulate(t, e, fmt.Sprintf(`{"city":"testcity","tram_start":%q,"tram_end":%q,%s}`, a, b, small))
	digest := sha256.New()
	for _, name := range []string{"baseline_stats.json", "scenario_stats.json", "kpis.csv", "convergence.csv"} {
		digest.Write(out[name])
	}
	var text strings.Builder
	fmt.Fprintf(&text, "model version %s\nsha256 %x\n", run.ModelVersion, digest.Sum(nil))
	for _, k := range s.KPIs {
		fmt.Fprintf(&text, "%s %.4f %.4f\n", k.ID, k.Baseline, k.Scenario)
	}
	const file = "testdata/golden.txt"
	if *update {
		if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Fatal("golden results written; run again without -update")
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), text.String()); d != "" {
		t.Errorf("results changed: raise run.ModelVersion if that is meant, then run with -update\n%s", d)
	}
}
