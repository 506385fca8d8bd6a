package scenario

import (
	"strconv"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/spec"
)

// Whatever the bytes of a request, there are problems, each with words, or a
// config that builds a sound city.
func FuzzMerge(f *testing.F) {
	c := testcity.Grid(testcity.Options{N: 5, LineEvery: 2})
	way := c.Net.WayOSM[0]
	for _, mods := range []string{
		`{"type":"close_links","links":[{"way":W}],"from":"07:00","to":"10:00"}`,
		`{"type":"close_links","links":[{"way":W}]}`,
		`{"type":"close_links","links":[{"way":W,"from":1,"to":2},{"line":[[-2.99,51.58],[-2.98,51.58]]}]}`,
		`{"type":"speed_limit","links":[{"way":W}],"kmh":30}`,
		`{"type":"change_capacity","links":[{"way":W}],"lanes":-1,"gives":"bus"}`,
		`{"type":"toll","links":[{"way":W}],"amount":5.0,"from":"07:00","to":"10:00"}`,
		`{"type":"demand_scale","factor":1.1,"purpose":"work"}`,
		`{"type":"change_line","line":"L1","headways":[{"from":"07:00","to":"19:00","every_min":8}]}`,
		`{"type":"change_line","line":"bus 2","headways":[{"from":"00:00","to":"06:13","every_min":1.5},{"from":"9:00","to":"29:59","every_min":700}]}`,
		`{"type":"change_line","line":"L1","remove":true},{"type":"new_line","stops":["r0-0","r4-4"]}`,
		`{"type":"change_line","line":"L1","remove":true,"speed_kmh":20,"stops":["r0-0"],"headways":[]},{"type":"change_line","line":"Bus 1"}`,
		`{"type":"new_line","id":"t","mode":"tram","stops":["r0-0",{"lon":0.01,"lat":0.01,"name":"x"},"r4-4"],"alignment":"own_way","headways":[{"from":"06:00","to":"22:00","every_min":10}],"speed_kmh":20}`,
		`{"type":"speed_limit","links":[{"way":W}],"kmh":-1e308},{"type":"speed_limit","links":[{"way":W}],"kmh":1e-300}`,
	} {
		f.Add(`{"city":"testcity","modifications":[` + strings.ReplaceAll(mods, "W", strconv.FormatInt(way, 10)) + `]}`)
	}
	f.Add(`{"city":"testcity","tram_start":"r0-0","tram_end":"r4-4","agent_distribution":{"drive":60,"cycle":10,"tram":30},"sim_time":"08:00"}`)
	f.Fuzz(func(t *testing.T, body string) {
		req, ps := spec.ParseRequest(strings.NewReader(body))
		if len(ps) > 0 {
			return
		}
		cfg, ps := Merge(req, c, spec.DefaultLimits(), "test")
		if (cfg == nil) != (len(ps) > 0) {
			t.Fatalf("config %v with problems %v", cfg, ps)
		}
		for _, p := range ps {
			if p.Message == "" {
				t.Errorf("a problem without words: %+v", p)
			}
		}
		if cfg == nil {
			return
		}
		plan, ps := Apply(c, cfg)
		if len(ps) > 0 {
			t.Fatalf("merged, then refused: %v", ps)
		}
		if err := plan.City.Validate(); err != nil {
			t.Fatalf("broken city: %v", err)
		}
	})
}
