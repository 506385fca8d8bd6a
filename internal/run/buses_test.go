package run_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/mapmatch"
	"github.com/malikobaid/cityflow/internal/run"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// onStreets gives the buses of a city their way through its streets.
func onStreets(c *city.City) *city.City {
	t := &c.Timetable
	m := mapmatch.New(&c.Net, c.Projection())
	t.HopFirst = []uint32{0}
	for p := range units.PatternID(t.NumPatterns()) {
		var r mapmatch.Route
		for _, s := range t.StopsOf(p) {
			r.StopLon, r.StopLat = append(r.StopLon, t.StopLon[s]), append(r.StopLat, t.StopLat[s])
		}
		for _, h := range m.Match(r) {
			t.HopLink = append(t.HopLink, h.Links...)
			t.HopFirst = append(t.HopFirst, uint32(len(t.HopLink)))
			t.HopFrom, t.HopTo = append(t.HopFrom, h.From), append(t.HopTo, h.To)
			t.HopMatch, t.HopOffM = append(t.HopMatch, h.How), append(t.HopOffM, h.OffM)
		}
	}
	if err := c.Validate(); err != nil {
		panic(err)
	}
	return c
}

// With buses on streets: where nothing changes the bytes of both cities are
// equal, and where every street becomes slow so does the bus, but no tram.
func TestBusesMeetTheTrafficOfTheScenario(t *testing.T) {
	c := onStreets(town())
	e := run.New(source(t, c), spec.DefaultLimits())
	way, kmh := link(c)
	for name, mods := range map[string]string{
		"empty":           `[]`,
		"speed as it is":  fmt.Sprintf(`[{"type":"speed_limit","links":[{"way":%d}],"kmh":%g}]`, way, kmh),
		"demand as it is": `[{"type":"demand_scale","factor":1}]`,
	} {
		out, s := simulate(t, e, `{"city":"testcity","modifications":`+mods+`,`+small+`}`)
		if !bytes.Equal(out["baseline_stats.json"], out["scenario_stats.json"]) {
			t.Errorf("%s: statistics differ", name)
		}
		if text := strings.Join(s.Assumptions, " "); !strings.Contains(text, "run to timetable with and without the change") {
			t.Errorf("%s: %s", name, text)
		}
	}
	// Half the speed on streets of the buses.
	ways := map[int64]bool{} // made a list in order of link below
	var list []string
	for _, l := range c.Timetable.HopLink {
		if w := c.Net.WayOSM[l]; !ways[w] {
			ways[w] = true
			list = append(list, fmt.Sprintf(`{"way":%d}`, w))
		}
	}
	if len(list) > 40 {
		list = list[:40]
	}
	_, s := simulate(t, e, fmt.Sprintf(`{"city":"testcity","modifications":[{"type":"speed_limit","links":[%s],"kmh":%g}],%s}`, strings.Join(list, ","), kmh/2, small))
	if text := strings.Join(s.Assumptions, " "); !strings.Contains(text, "bus trips run slower or quicker") {
		t.Errorf("assumptions: %s", text)
	}
	if k := kpi(t, s, "transit_time"); k.Scenario <= k.Baseline {
		t.Errorf("public transport trips take %.2f minutes on slow streets, %.2f before", k.Scenario, k.Baseline)
	}
}
