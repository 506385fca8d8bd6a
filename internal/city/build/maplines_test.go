package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/city/osm"
	"github.com/malikobaid/cityflow/internal/units"
)

// 0.01 degrees are 1,112 m: at 18 km/h and a detour of 1.3 a bus takes 289 s.
func TestLinesOfTheMapRunAtAssumedHeadways(t *testing.T) {
	stop := func(key string, lon float64) osm.LineStop { return osm.LineStop{Key: key, Name: key, Lon: lon} }
	a, b, c := stop("a", 1), stop("b", 1.01), stop("c", 1.02)
	feed, mapped := headways([]osm.TransitLine{
		{OSM: 3, Name: "7", Mode: city.Bus, Stops: []osm.LineStop{a, b}, BothWays: true},
		{OSM: 1, Name: "9", Mode: city.Bus, Operator: "City", Stops: []osm.LineStop{a, b, c}, HeadwayS: 1800},
		{OSM: 2, Name: "9", Mode: city.Bus, Operator: "City", Stops: []osm.LineStop{c, b, a}},
		{OSM: 4, Name: "9", Mode: city.Bus, Operator: "City", Stops: []osm.LineStop{b, c}},
		{OSM: 5, Name: "9", Mode: city.Bus, Operator: "City", Stops: []osm.LineStop{c, b}},
	}, 6*3600, 7*3600)
	if mapped != 1 {
		t.Errorf("%d lines with a mapped headway", mapped)
	}
	tt, _, _, err := gtfs.Compile([]*gtfs.Feed{feed}, gtfs.Options{BBox: [4]float64{0, -1, 2, 1}, Assumed: map[string]bool{mapFeed: true}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]units.Seconds{}
	for p := range units.PatternID(tt.NumPatterns()) {
		key := tt.Lines[tt.PatternLine[p]].Name + ":"
		for _, s := range tt.StopsOf(p) {
			key += strings.TrimPrefix(tt.StopID[s], "osm:")
		}
		if !tt.Lines[tt.PatternLine[p]].Assumed {
			t.Errorf("%s is not marked as assumed", key)
		}
		for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
			arr, dep := tt.Times(p, units.VehicleTripID(v))
			got[key] = append(got[key], dep[0]-6*3600)
			if want := 289 * units.Seconds(len(arr)-1); arr[len(arr)-1]-dep[0] < want-1 || arr[len(arr)-1]-dep[0] > want+2 {
				t.Errorf("%s takes %d s, want about %d", key, arr[len(arr)-1]-dep[0], want)
			}
		}
	}
	// Line 7 every 20 minutes each way. Line 9 has two long and two short ways:
	// together they keep its half hour.
	want := map[string][]units.Seconds{
		"7:ab": {0, 1200, 2400}, "7:ba": {0, 1200, 2400},
		"9:abc": {0}, "9:cba": {0}, "9:bc": {1800}, "9:cb": {1800},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Heidelberg without its feed, from its map alone, and with the feed and the
// trains of the map beside it.
func TestACityWithoutAFeedTakesLinesFromTheMap(t *testing.T) {
	load(t, "heidelberg") // skips when the data is missing
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(citiesDir, "heidelberg", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	yaml := read(ConfigFile)
	for _, tc := range []struct {
		name, from, to string
		modes          [city.Ferry + 1]bool // of assumed lines
		published      int
	}{
		{"without", "  gtfs: [gtfs-rnv.zip]\n", "", [...]bool{city.Bus: true, city.Tram: true, city.Rail: true, city.Ferry: true}, 0},
		{"beside", "  gtfs: [gtfs-rnv.zip]\n", "  gtfs: [gtfs-rnv.zip]\n  osm_routes: [rail]\n", [...]bool{city.Rail: true, city.Ferry: false}, 31},
	} {
		if !strings.Contains(yaml, tc.from) {
			t.Fatalf("city.yaml does not hold %q", tc.from)
		}
		c, err := City(fstest.MapFS{
			ConfigFile: {Data: []byte(strings.Replace(yaml, tc.from, tc.to, 1))}, "osm.pbf": {Data: []byte(read("osm.pbf"))}, "gtfs-rnv.zip": {Data: []byte(read("gtfs-rnv.zip"))},
		}, "heidelberg", nil)
		if err != nil {
			t.Fatal(err)
		}
		var modes [city.Ferry + 1]bool
		published := 0
		for _, l := range c.Timetable.Lines {
			if l.Assumed {
				modes[l.Mode] = true
			} else {
				published++
			}
		}
		if modes != tc.modes || published != tc.published {
			t.Errorf("%s: assumed lines of modes %v, want %v; %d published ones, want %d", tc.name, modes, tc.modes, published, tc.published)
		}
		if n := count(t, c, "timetable", "lines from the map"); n < 3 {
			t.Errorf("%s: %g lines from the map", tc.name, n)
		}
	}
}
