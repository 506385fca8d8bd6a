package scenario

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/build"
	"github.com/malikobaid/cityflow/spec"
)

// calmed is the grid whose own what-if changes streets, too.
func calmed(also string) *city.City {
	c := grid()
	c.Info.DefaultAlso = json.RawMessage(also)
	return c
}

const calm = `[{"type":"speed_limit","links":[{"way":12}],"kmh":20},{"type":"demand_scale","id":"less","factor":0.9}]`

func typesOf(mods []spec.Modification) (out []string) {
	for _, m := range mods {
		out = append(out, m.Type+" "+m.ID)
	}
	return out
}

// What changes beside the line goes with the line of city.yaml, and with it
// alone: stops or modifications of a request are a question of their own.
func TestTheDefaultWhatIfChangesMore(t *testing.T) {
	c := calmed(calm)
	whole := []string{"new_line tram-1", "speed_limit speed-limit-1", "demand_scale less"}
	for _, x := range []struct {
		body string
		want []string
	}{
		{`{"city":"testcity","num_agents":700}`, whole},
		{`{"city":"testcity","tram_start":"r0-10","tram_end":"r20-10"}`, whole[:1]},
		{`{"city":"testcity","modifications":[]}`, nil},
		{`{"city":"testcity","modifications":[{"type":"demand_scale","factor":1}]}`, []string{"demand_scale demand-scale-1"}},
	} {
		if got := typesOf(merge(t, c, x.body).Modifications); !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, want %q", x.body, got, x.want)
		}
	}
	cfg := merge(t, c, `{"city":"testcity"}`)
	again, ps := Merge(requestOf(t, cfg), c, spec.DefaultLimits(), "test")
	if len(ps) > 0 || again.RunKey() != cfg.RunKey() {
		t.Errorf("said in full it is another run: %v\n%s", ps, cmp.Diff(cfg, again))
	}
	// A page tells by these whether a run was the ready what-if.
	if d := cmp.Diff(cfg.Modifications[1:], DefaultAlso(c)); d != "" {
		t.Error(d)
	}
	if ps := CheckDefault(c); len(ps) > 0 {
		t.Error(ps)
	}
	if got := DefaultAlso(grid()); got == nil || len(got) > 0 || CheckDefault(grid()) != nil {
		t.Errorf("a line alone: %v", got)
	}
}

// A city's own what-if is checked as a request is, all of it at once, by place
// in its city.yaml; whoever runs it unchecked is told the same.
func TestEveryProblemOfTheDefaultWhatIf(t *testing.T) {
	c := calmed(`[{"type":"speed_limit","links":[{"way":12}],"kmh":500},{"type":"monorail"},{"type":"toll","links":[{"way":12}]},
		{"type":"close_links","links":[{"way":999}],"lane_s":1},{"type":"change_capacity","lanes":"one","links":[{"way":12}]},
		{"type":"change_capacity","lanes":-1,"links":[{"way":12}]}]`)
	c.Info.DefaultStops = []string{"r0-10", "nowhere"}
	want := []struct{ path, says string }{
		{"default.also[3].lane_s", "unknown field"},
		{"default.also[4].lanes", "want a number"},
		{"default.stops[1]", `no stop "nowhere"`},
		{"default.also[1].type", `"monorail" is not`},
		{"default.also[2].type", "toll is planned"},
		{"default.also[0].kmh", "500 is out of range"},
		{"default.also[3].links[0].way", "way 999 is not a street"},
		{"default.also[5].lanes", "none would be left"},
	}
	got := CheckDefault(c)
	for i, p := range got {
		if i >= len(want) || p.Path != want[i].path || !strings.Contains(p.Message, want[i].says) {
			t.Errorf("problem %d is %v", i, p)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d problems, want %d", len(got), len(want))
	}
	if len(DefaultAlso(c)) > 0 {
		t.Error("an unsound what-if is shown")
	}
	_, ps := Merge(parse(t, `{"city":"testcity"}`), c, spec.DefaultLimits(), "test")
	if !slices.ContainsFunc(ps, func(p spec.Problem) bool { return p.Path == "city default.also[0].kmh" }) {
		t.Errorf("a run of it says %v", ps)
	}
	few := spec.DefaultLimits()
	few.MaxModifications = 1
	if _, ps := Merge(parse(t, `{"city":"testcity"}`), calmed(calm), few, "test"); len(ps) != 1 || ps[0].Path != "city default.also" {
		t.Errorf("over the host's limit: %v", ps)
	}
}

// Camden's tram takes a lane in every direction of the streets that city.yaml
// names, and of no other; the line runs along all of them.
func TestCamdensTramTakesALane(t *testing.T) {
	base, err := build.City(os.DirFS(filepath.Join("..", "..", "cities", "london-camden")), "london-camden", nil)
	if err != nil {
		t.Fatal(err)
	}
	if ps := CheckDefault(base); len(ps) > 0 {
		t.Fatal(ps)
	}
	cfg := merge(t, base, `{"city":"london-camden"}`)
	plan, ps := Apply(base, cfg)
	if len(ps) > 0 || len(plan.Lines) != 1 || len(cfg.Modifications) != 2 {
		t.Fatal(ps, plan, cfg.Modifications)
	}
	named := map[int64]bool{} // look-ups only
	for _, r := range cfg.Modifications[1].Links {
		named[r.Way] = true
	}
	pl := base.Projection()
	px, py := planar(pl, plan.Lines[0].Lon, plan.Lines[0].Lat)
	was, is := &base.Net, &plan.City.Net
	streets := map[string]bool{} // look-ups only
	taken, metres := 0, 0.0
	for l := range was.NumLinks() {
		want := was.Lanes[l]
		least := float32(0)
		if named[was.WayOSM[l]] && was.Modes[l]&city.AllowCar != 0 {
			want--
			least = 1
			taken++
			x, y := pl.XY(was.NodeLon[was.From[l]], was.NodeLat[was.From[l]])
			if away, _ := project(px, py, x, y); away > 40 { // the far carriageway of a wide street
				t.Errorf("way %d is %.0f m beside the line", was.WayOSM[l], away)
			}
			metres += float64(was.LengthM[l])
			streets[was.Names[was.NameIdx[l]]] = true
		}
		if is.Lanes[l] != want || want < least || (want < was.Lanes[l]) != (is.CapacityVS[l] < was.CapacityVS[l]) {
			t.Errorf("link %d of way %d has %g lanes, had %g, want %g", l, was.WayOSM[l], is.Lanes[l], was.Lanes[l], want)
		}
	}
	if taken != len(plan.Changed) || metres < 1500 || metres > 3000 {
		t.Errorf("a lane of %d links, %.0f m; %d links were changed", taken, metres, len(plan.Changed))
	}
	for _, name := range []string{"Camden High Street", "Lidlington Place", "Euston Road", "Guilford Street", "Russell Square", "Southampton Row", "Kingsway"} {
		if !streets[name] || !strings.Contains(cfg.Modifications[1].Name, name) || !strings.Contains(strings.Join(plan.Notes, "\n"), name) {
			t.Errorf("%s: taken from it %v; called %q; notes %q", name, streets[name], cfg.Modifications[1].Name, plan.Notes)
		}
	}
}
