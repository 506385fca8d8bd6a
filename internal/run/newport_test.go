//go:build slow

package run_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/build"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/spec"
)

// newport is compiled once and its settled morning computed once.
var newport = sync.OnceValues(func() (*city.City, error) {
	return build.City(os.DirFS(filepath.Join("..", "..", "cities", "newport")), "newport", nil)
})

var newportSource *memory

func newportEngine(t *testing.T) *run.Engine {
	t.Helper()
	c, err := newport()
	if err != nil {
		t.Fatal(err)
	}
	if newportSource == nil {
		newportSource = source(t, c)
	}
	return run.New(newportSource, spec.DefaultLimits())
}

const gwentRingland = `"tram_start":"Royal Gwent Hospital","tram_end":"Ringland Centre"`

// The answer does not hang on the size of the sample: the intervals of every
// headline difference overlap at 3,000, 10,000 and 30,000 agents, levels stay
// within a few percent, and no size shows a gridlock that another lacks.
func TestNewportAgreesAcrossSampleSizes(t *testing.T) {
	e := newportEngine(t)
	var all []*spec.Summary
	for _, c := range []struct{ agents, replications int }{{3000, 5}, {10000, 5}, {30000, 3}} {
		_, s := simulate(t, e, fmt.Sprintf(`{"city":"newport",%s,"agents":%d,"replications":%d}`, gwentRingland, c.agents, c.replications))
		t.Logf("%d agents: gap %.3f, warnings %q", c.agents, s.RelativeGap, s.Warnings)
		for _, k := range s.KPIs {
			if k.Headline {
				t.Logf("  %-14s %10.2f %10.2f  %8.3f [%.3f, %.3f]", k.ID, k.Baseline, k.Scenario, k.Diff, k.CI95[0], k.CI95[1])
			}
		}
		for _, w := range s.Warnings {
			if strings.Contains(w, "Gridlock in the baseline (") || strings.Contains(w, "do not finish") {
				t.Errorf("%d agents: %s", c.agents, w)
			}
		}
		all = append(all, s)
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			for n, k := range a.KPIs {
				o := b.KPIs[n]
				if k.Headline && (k.CI95[0] > o.CI95[1]+1e-9 || o.CI95[0] > k.CI95[1]+1e-9) {
					t.Errorf("%s: %v at %d agents, %v at %d", k.ID, k.CI95, a.Agents, o.CI95, b.Agents)
				}
			}
			for _, id := range []string{"transit_trips", "car_trips", "vehicle_km", "mean_time"} {
				x, y := kpi(t, a, id).Baseline, kpi(t, b, id).Baseline
				if math.Abs(x-y) > 0.1*y {
					t.Errorf("%s: the baseline is %.2f at %d agents, %.2f at %d", id, x, a.Agents, y, b.Agents)
				}
			}
			x, y := a.Lines[0], b.Lines[0]
			if x.CI95[0] > y.CI95[1] || y.CI95[0] > x.CI95[1] {
				t.Errorf("boardings: %v at %d agents, %v at %d", x.CI95, a.Agents, y.CI95, b.Agents)
			}
		}
	}
}

// Asked from the other end, the real line is the mirrored one with the same
// verdict.
func TestNewportReversedEnds(t *testing.T) {
	e := newportEngine(t)
	_, ab := simulate(t, e, `{"city":"newport",`+gwentRingland+`,"agents":1000,"replications":2}`)
	_, ba := simulate(t, e, `{"city":"newport","tram_start":"Ringland Centre","tram_end":"Royal Gwent Hospital","agents":1000,"replications":2}`)
	n := len(ab.Lines[0].Stops)
	for i, s := range ab.Lines[0].Stops {
		if s != ba.Lines[0].Stops[n-1-i] {
			t.Errorf("stop %d: %+v against %+v", i, s, ba.Lines[0].Stops[n-1-i])
		}
	}
	for i := range ab.KPIs {
		if ab.KPIs[i] != ba.KPIs[i] {
			t.Errorf("%+v\n%+v", ab.KPIs[i], ba.KPIs[i])
		}
	}
}

// A line far from people changes nothing that stands out.
func TestNewportLineFarFromPeople(t *testing.T) {
	c, err := newport()
	if err != nil {
		t.Fatal(err)
	}
	// Two places in the docks and marshes south of the city, away from homes.
	lon, lat := emptiest(c)
	_, s := simulate(t, newportEngine(t), fmt.Sprintf(
		`{"city":"newport","modifications":[{"type":"new_line","stops":[{"lon":%f,"lat":%f,"name":"Marsh"},{"lon":%f,"lat":%f,"name":"Sea wall"}]}]}`,
		lon[0], lat[0], lon[1], lat[1]))
	for _, k := range s.KPIs {
		if k.Headline && k.Verdict != spec.NoClearChange {
			t.Errorf("%s: %+v", k.ID, k)
		}
	}
	if all := strings.Join(s.Verdict, "\n"); !strings.Contains(all, "no clear change") || !strings.Contains(all, "hardly anybody") {
		t.Errorf("the verdict does not say so:\n%s", all)
	}
}

// emptiest finds two street nodes a kilometre or so apart with the fewest
// residents and workplaces around them.
func emptiest(c *city.City) (lon, lat [2]float64) {
	p := c.Projection()
	best := math.Inf(1)
	near := func(x, y float64) float64 {
		sum := 0.0
		for i := range c.Places.Num() {
			px, py := p.XY(c.Places.Lon[i], c.Places.Lat[i])
			if math.Hypot(px-x, py-y) < 1500 {
				sum += float64(c.Places.Residents[i])
				for _, a := range c.Places.Attraction {
					sum += float64(a[i]) / 100
				}
			}
		}
		return sum
	}
	var node []int
	var load []float64
	for n := 0; n < c.Net.NumNodes(); n += 40 {
		for l := c.Net.FirstOut[n]; l < c.Net.FirstOut[n+1]; l++ {
			if c.Net.Modes[l]&city.AllowCar != 0 && c.Net.Class[l] <= city.Service {
				node = append(node, n)
				load = append(load, near(float64(c.Net.NodeX[n]), float64(c.Net.NodeY[n])))
				break
			}
		}
	}
	for i, a := range node {
		for j, b := range node {
			d := math.Hypot(float64(c.Net.NodeX[a]-c.Net.NodeX[b]), float64(c.Net.NodeY[a]-c.Net.NodeY[b]))
			if s := load[i] + load[j]; d > 500 && d < 1500 && s < best {
				best = s
				lon = [2]float64{c.Net.NodeLon[a], c.Net.NodeLon[b]}
				lat = [2]float64{c.Net.NodeLat[a], c.Net.NodeLat[b]}
			}
		}
	}
	return lon, lat
}

// Null modifications on real streets give the baseline's bytes.
func TestNewportNothingChangesNothing(t *testing.T) {
	e := newportEngine(t)
	c, _ := newport()
	var way int64
	var kmh float64
	for l := range c.Net.NumLinks() {
		if c.Net.Class[l] == city.Primary {
			way, kmh = c.Net.WayOSM[l], float64(c.Net.SpeedMS[l])*3.6
		}
	}
	for name, mods := range map[string]string{
		"empty": `[]`,
		"speed": fmt.Sprintf(`[{"type":"speed_limit","links":[{"way":%d}],"kmh":%.6g}]`, way, kmh),
		"night": `[{"type":"new_line","stops":["Royal Gwent Hospital","Ringland Centre"],"headways":[{"from":"03:00","to":"03:10","every_min":10}]}]`,
	} {
		out, _ := simulate(t, e, `{"city":"newport","agents":1000,"replications":2,"modifications":`+mods+`}`)
		if !bytes.Equal(out["baseline_stats.json"], out["scenario_stats.json"]) {
			t.Errorf("%s: statistics differ", name)
		}
	}
}
