package osm_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city/osm"
)

// What Read takes in, against the counts of each city's README, which were
// measured by other means. Those that differ:
//   - highway kilometres by up to 0.3 %: the README's earth radius is not stated;
//   - buildings of Camden drawn as relations: 128, README 134; five more are of
//     type "building" and one of type "collection": they group ways.
func TestCountsOfTheSource(t *testing.T) {
	const roads = " motorway trunk primary secondary tertiary unclassified residential service road living_street motorway_link trunk_link primary_link secondary_link tertiary_link "
	type counts struct{ nodes, highways, signals, limits, buildings, outlines, land, water int }
	for slug, want := range map[string]struct {
		counts
		km float64
	}{
		"newport":       {counts{256508, 8965, 203, 1105, 34056, 44, 1696, 107}, 1017},
		"heidelberg":    {counts{157523, 17857, 387, 3286, 5, 0, 0, 0}, 2425},
		"porto-alegre":  {counts{43264, 15886, 1662, 5204, 12, 7, 13, 2}, 2022.5},
		"london-camden": {counts{246912, 13427, 729, 4343, 22530, 128, 1502, 56}, 750.8},
	} {
		f, err := os.Open(filepath.Join("..", "..", "..", "cities", slug, "osm.pbf"))
		if err != nil {
			t.Fatal(err)
		}
		src, err := osm.Read(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		got, km := counts{nodes: len(src.NodeID)}, 0.0
		add := func(n *int, is bool) {
			if is {
				*n++
			}
		}
		for i := range src.Ways {
			w := &src.Ways[i]
			hw := w.Tags.Find("highway")
			add(&got.highways, hw != "")
			add(&got.limits, strings.Contains(roads, " "+hw+" ") && w.Tags.Find("maxspeed") != "")
			add(&got.buildings, w.Tags.Find("building") != "")
			add(&got.land, w.Tags.Find("landuse") != "")
			add(&got.water, w.Tags.Find("natural") == "water")
			for k := 1; hw != "" && k < len(w.Nodes); k++ {
				if a, b := w.Nodes[k-1], w.Nodes[k]; a >= 0 && b >= 0 {
					km += metres(src.Lon[a], src.Lat[a], src.Lon[b], src.Lat[b]) / 1000
				}
			}
		}
		for _, n := range src.TaggedNodes() {
			add(&got.signals, src.NodeTags[n].Find("highway") == "traffic_signals")
		}
		for _, r := range src.Relations {
			add(&got.outlines, r.Tags.Find("type") == "multipolygon" && r.Tags.Find("building") != "")
		}
		if got != want.counts {
			t.Errorf("%s: %+v, want %+v", slug, got, want.counts)
		}
		if math.Abs(km/want.km-1) > 0.003 {
			t.Errorf("%s: %.1f km of highways, want %.1f", slug, km, want.km)
		}
	}
}
