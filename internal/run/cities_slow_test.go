//go:build slow

package run_test

import (
	"context"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/build"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// Every shipped city but Newport, which the browser's test runs whole, runs its
// default what-if from its sources to the end: calibrated, both arms, every stop
// of the line in the order of city.yaml, and all marks of its data on the
// answer. A tenth of its people live there and the morning hardly settles: this
// asks whether it runs, and is cheap to ask. How the whole city jams is told by
// its own settled morning.
func TestEveryCityRunsItsWhatIf(t *testing.T) {
	const share = 0.1
	for _, tc := range []struct {
		slug    string
		title   string
		from    string // window of the run
		stops   []string
		service string // held by the timetable
		assumed []string
	}{
		{"heidelberg", "New line: Tram from the main station to the Technologiepark and 2 other changes", "08:00", []string{"Hauptbahnhof", "Campus", "Chirurg", "Kopf", "Technologiepark"}, "05:00-24:00", []string{"the number of residents"}},
		{"porto-alegre", "New line: Tram from Mercado along Avenida Ipiranga to PUCRS", "12:00", []string{"MERCADO", "IPIRANGA", "IPIRANGA", "IPIRANGA", "IPIRANGA", "IPIRANGA", ""}, "12:00-16:00", []string{"today’s shares of the modes"}},
		{"london-camden", "New line: Tram from Camden Town to Holborn and 1 other change", "08:00", []string{"Camden Town", "Mornington Crescent", "Euston", "Russell Square", "Holborn"}, "06:00-10:00", []string{"the number of residents", "today’s shares of the modes", "the service of 74 bus and 7 metro lines"}},
	} {
		t.Run(tc.slug, func(t *testing.T) {
			c, err := build.City(os.DirFS(filepath.Join("..", "..", "cities", tc.slug)), tc.slug, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tc.slug == "heidelberg" {
				thinBuses(t, c)
			}
			full := c.Info.Population.Value
			few := *c
			few.Places.Residents = slices.Clone(c.Places.Residents)
			for i := range few.Places.Residents {
				few.Places.Residents[i] *= share
			}
			c = &few
			e := run.New(source(t, c), spec.DefaultLimits())
			e.SettleQuickly(300, 1)
			out, s := simulate(t, e, `{"city":"`+tc.slug+`","num_agents":300,"replications":2,"iterations":1,"average_last":1}`)
			if s.Window.From != tc.from || len(s.Lines) != 1 || len(s.Verdict) < 3 || math.Abs(s.Population/full/share-1) > 0.01 {
				t.Errorf("%s, %d lines, %q, %g people", s.Window, len(s.Lines), s.Verdict, s.Population)
			}
			if s.Title != tc.title {
				t.Errorf("titled %q", s.Title)
			}
			thinner := 0
			for _, l := range s.ChangedLines {
				if l.ScenarioDepartures < l.BaselineDepartures {
					thinner++
				}
			}
			if want := map[string]int{"heidelberg": 2}[tc.slug]; thinner != want || len(s.ChangedLines) != want {
				t.Errorf("lines that run less often: %+v", s.ChangedLines)
			}
			called := s.Lines[0].Stops
			if len(called) != len(tc.stops) {
				t.Fatalf("the line calls at %+v", called)
			}
			for i, name := range tc.stops {
				if !strings.Contains(called[i].Name, name) || called[i].ID != c.Info.DefaultStops[i] && called[i].Name != c.Info.DefaultStops[i] {
					t.Errorf("stop %d is %+v, want %s (%s)", i+1, called[i], name, c.Info.DefaultStops[i])
				}
			}
			if got := s.ServiceWindow.From + "-" + s.ServiceWindow.To; got != tc.service || !slices.Equal(s.Assumed, tc.assumed) {
				t.Errorf("the timetable holds %s, assumed are %q", got, s.Assumed)
			}
			for _, name := range []string{"kpis.csv", "baseline_stats.json", "scenario_stats.json", "links.geojson", "access.geojson", "insights.md", "summary.json"} {
				for _, a := range tc.assumed {
					if !strings.Contains(string(out[name]), a) {
						t.Errorf("%s does not say that %s is assumed", name, a)
					}
				}
			}
			for _, id := range []string{"car_trips", "transit_trips"} {
				if k := kpi(t, s, id); k.Baseline <= 0 || k.Scenario <= 0 {
					t.Errorf("%s: %+v", id, k)
				}
			}
			d, err := e.City(context.Background(), tc.slug)
			if err != nil || d.Baseline == nil || d.Baseline.FullDemand == nil {
				t.Errorf("no baseline after the run: %v", err)
			}
		})
	}
}

// Buses 31 and 32 of Heidelberg leave every 10 minutes each way in the morning.
// At every 20 half as many leave between 08:00 and 10:00, and all others as
// ever.
func thinBuses(t *testing.T, c *city.City) {
	thin := changed1(t, c, `{"type":"change_line","line":"31","headways":[{"from":"08:00","to":"10:00","every_min":20}]},
		{"type":"change_line","line":"bus 32","headways":[{"from":"08:00","to":"10:00","every_min":20}]}`)
	leave := func(c *city.City, from, to units.Seconds) map[string]int {
		tt, n := &c.Timetable, map[string]int{}
		for p := range units.PatternID(tt.NumPatterns()) {
			for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
				if _, dep := tt.Times(p, units.VehicleTripID(v)); dep[0] >= from && dep[0] < to {
					n[tt.Lines[tt.PatternLine[p]].Name]++
				}
			}
		}
		return n
	}
	before, after := leave(c, 8*3600, 10*3600), leave(thin, 8*3600, 10*3600)
	for name, n := range before {
		want := n
		if name == "31" || name == "32" {
			want = n / 2
		}
		if after[name] != want {
			t.Errorf("line %s leaves %d times from 08:00 to 10:00, %d before; want %d", name, after[name], n, want)
		}
	}
	if before["31"] != 24 || before["32"] != 24 {
		t.Errorf("buses 31 and 32 leave %d and %d times", before["31"], before["32"])
	}
	for _, w := range [][2]units.Seconds{{0, 8 * 3600}, {10 * 3600, 40 * 3600}} {
		if a, b := leave(c, w[0], w[1]), leave(thin, w[0], w[1]); !maps.Equal(a, b) {
			t.Errorf("outside the window %v leave, %v before", b, a)
		}
	}
}
