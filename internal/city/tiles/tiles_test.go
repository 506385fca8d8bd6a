package tiles

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	pbf "github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city/osm"
)

// sheet writes an OSM file: 0.1 by 0.1 degrees around 0 east, 0 north.
type sheet struct {
	nodes, rest strings.Builder
	last        int
}

var sheetBox = [4]float64{-0.05, -0.05, 0.05, 0.05}

func tagsOf(kv []string) string {
	var b strings.Builder
	for i := 0; i+1 < len(kv); i += 2 {
		fmt.Fprintf(&b, `<tag k="%s" v="%s"/>`, html.EscapeString(kv[i]), strings.ReplaceAll(html.EscapeString(kv[i+1]), "\n", "&#10;"))
	}
	return b.String()
}

func (s *sheet) node(lon, lat float64, kv ...string) int {
	s.last++
	fmt.Fprintf(&s.nodes, `<node id="%d" lon="%g" lat="%g">%s</node>`, s.last, lon, lat, tagsOf(kv))
	return s.last
}

// way draws nodes at lon, lat pairs in thousandths of a degree; a way whose last
// pair is its first is closed.
func (s *sheet) way(points [][2]float64, kv ...string) int {
	var ids []int
	for i, p := range points {
		if i > 0 && i == len(points)-1 && p == points[0] {
			ids = append(ids, ids[0])
			break
		}
		ids = append(ids, s.node(p[0]/1000, p[1]/1000))
	}
	return s.wayOf(ids, kv...)
}

func (s *sheet) wayOf(nodes []int, kv ...string) int {
	s.last++
	fmt.Fprintf(&s.rest, `<way id="%d">`, s.last)
	for _, n := range nodes {
		fmt.Fprintf(&s.rest, `<nd ref="%d"/>`, n)
	}
	s.rest.WriteString(tagsOf(kv) + "</way>")
	return s.last
}

func (s *sheet) relation(members string, kv ...string) {
	s.last++
	fmt.Fprintf(&s.rest, `<relation id="%d">%s%s</relation>`, s.last, members, tagsOf(append(kv, "type", "multipolygon")))
}

func square(x, y, r float64) [][2]float64 {
	return [][2]float64{{x - r, y - r}, {x + r, y - r}, {x + r, y + r}, {x - r, y + r}, {x - r, y - r}}
}

func (s *sheet) source(t testing.TB) *osm.Source {
	t.Helper()
	rest := s.rest.String()
	// Relations come last in a file.
	var ways, relations strings.Builder
	for _, part := range strings.SplitAfter(strings.ReplaceAll(rest, "</way>", "</way>\x00"), "\x00") {
		part = strings.TrimSuffix(part, "\x00")
		if i := strings.Index(part, "<way"); i >= 0 {
			relations.WriteString(part[:i])
			ways.WriteString(part[i:])
		} else {
			relations.WriteString(part)
		}
	}
	src, err := osm.Read(strings.NewReader(`<osm version="0.6">` + s.nodes.String() + ways.String() + relations.String() + `</osm>`))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func (s *sheet) build(t *testing.T, o Options) (*Result, *opened) {
	t.Helper()
	o.Box = sheetBox
	res, err := Build(s.source(t), o)
	if err != nil {
		t.Fatal(err)
	}
	a := open(t, res.Archive)
	a.sound(t)
	return res, a
}

func TestKindsAndHoles(t *testing.T) {
	var s sheet
	outer, inner := s.way(square(10, 10, 8)), s.way(square(10, 10, 3))
	s.relation(fmt.Sprintf(`<member type="way" ref="%d" role="outer"/><member type="way" ref="%d" role="inner"/>`, outer, inner), "natural", "water", "name", "Round Lake")
	s.way(square(-10, 10, 8), "leisure", "park", "name", "Long\n  Meadow")
	s.way(square(-10, 10, 0.5), "building", "yes")
	s.way([][2]float64{{-40, -20}, {0, -20}}, "highway", "primary", "name", "High Street", "ref", "A1;A2")
	s.way([][2]float64{{-40, -30}, {40, -30}}, "railway", "tram")
	s.way([][2]float64{{-40, -31}, {40, -31}}, "railway", "abandoned")
	s.way(square(20, -40, 2), "highway", "pedestrian", "area", "yes")
	s.node(0.03, -0.01, "place", "suburb", "name", "Eastend")
	s.node(0.031, -0.011, "railway", "station", "name", "Eastend Road")
	res, a := s.build(t, Options{Name: "Sheet", Attribution: "somebody"})
	if res.Broken != 0 || res.OpenCoast || res.Left != "" {
		t.Errorf("%+v", res)
	}
	for _, c := range []struct {
		layer    string
		lon, lat float64
		want     string
	}{
		{"water", 0.016, 0.01, "lake or so"}, {"water", 0.01, 0.01, ""}, {"landuse", -0.016, 0.01, "park"},
		{"buildings", -0.01, 0.01, "building"}, {"buildings", -0.016, 0.01, ""}, {"landuse", 0.02, -0.04, "pedestrian"},
	} {
		got := strings.Join(a.covering(t, 14, c.layer, c.lon, c.lat), ",")
		if c.want == "lake or so" {
			c.want = "water"
		}
		if got != c.want {
			t.Errorf("%s at %g, %g: %q, want %q", c.layer, c.lon, c.lat, got, c.want)
		}
	}
	for _, c := range []struct {
		layer, property string
		lon, lat        float64
		want            string
	}{
		{"water", "name", 0.0045, 0.01, "Round Lake"}, {"pois", "name", -0.01, 0.01, "Long Meadow"}, {"roads", "name", -0.02, -0.02, "High Street"},
		{"roads", "ref", -0.02, -0.02, "A1"}, {"roads", "kind_detail", 0.02, -0.03, "tram"}, {"places", "name", 0.03, -0.01, "Eastend"}, {"pois", "kind", 0.031, -0.011, "station"},
	} {
		if got := a.near(t, 14, c.layer, c.property, c.lon, c.lat, 700); !got[c.want] {
			t.Errorf("%s of %s at %g, %g: %v, want %q", c.property, c.layer, c.lon, c.lat, got, c.want)
		}
	}
	if got := a.near(t, 14, "roads", "kind_detail", 0.02, -0.031, 30); len(got) != 0 {
		t.Errorf("a railway that is gone is drawn: %v", got)
	}
	if a.meta["attribution"] != "somebody" || a.header[100] != MinZoom || a.header[101] != MaxZoom {
		t.Errorf("%v, zooms %d to %d", a.meta, a.header[100], a.header[101])
	}
}

// Ways of one street become one line, as far as its name goes.
func TestStreetsAreJoined(t *testing.T) {
	var s sheet
	var n []int
	for i := range 9 {
		n = append(n, s.node(0.002*float64(i)-0.012, 0.003))
	}
	for i := range 8 {
		pair := []int{n[i], n[i+1]}
		if i%3 == 1 {
			slices.Reverse(pair) // drawn the other way round
		}
		name := "Long Lane"
		if i == 7 {
			name = "Short Lane"
		}
		s.wayOf(pair, "highway", "residential", "name", name)
	}
	_, a := s.build(t, Options{})
	lines := map[string]int{}
	for _, x := range []int{8191, 8192} { // left and right of Greenwich
		for _, l := range a.layers(t, 14, x, 8191) {
			for _, f := range l.Features {
				each(f.Geometry, func(p []orb.Point, _ bool) { lines[fmt.Sprint(x, " ", f.Properties["name"])]++ })
			}
		}
	}
	if lines["8191 Long Lane"] != 1 || lines["8192 Long Lane"] != 1 || lines["8192 Short Lane"] != 1 || len(lines) != 3 {
		t.Errorf("%v", lines)
	}
}

// The sea lies to the right of a coastline, islands stand out of it, and a
// coastline with an open end draws nothing.
func TestSea(t *testing.T) {
	var s sheet
	// From south to north with the land in the west, in two ways; the second
	// ends just before the edge of the box.
	at := s.node(0.01, 0)
	s.wayOf([]int{s.node(0, -0.2), s.node(0.005, -0.02), at}, "natural", "coastline")
	s.wayOf([]int{at, s.node(-0.005, 0.03), s.node(0, 0.0505)}, "natural", "coastline")
	island := square(30, 0, 5) // against the clock, seen from above: land on the left
	s.way(island, "natural", "coastline")
	res, a := s.build(t, Options{})
	if res.OpenCoast || res.Broken != 0 {
		t.Errorf("%+v", res)
	}
	for _, z := range []int{8, 11, 14} {
		for _, c := range []struct {
			lon, lat float64
			wet      bool
		}{{0.02, 0.02, true}, {0.045, -0.045, true}, {0.045, 0.045, true}, {-0.02, 0.01, false}, {-0.045, -0.045, false}, {-0.045, 0.045, false}, {0.03, 0, false}, {0.005, 0, false}, {0.015, 0, true}} {
			if got := a.covering(t, z, "water", c.lon, c.lat); (len(got) == 1) != c.wet || len(got) > 1 {
				if z == 8 && c.lon == 0.03 { // an island of 60 units at zoom 8
					continue
				}
				t.Errorf("zoom %d at %g, %g: %v, want water: %v", z, c.lon, c.lat, got, c.wet)
			}
		}
	}

	var alone sheet
	alone.way(square(0, 0, 20), "natural", "coastline")
	if _, a = alone.build(t, Options{}); len(a.covering(t, 12, "water", 0.03, 0.03)) != 1 || len(a.covering(t, 12, "water", 0.001, 0.001)) != 0 {
		t.Error("around an island alone there is no sea")
	}

	var open sheet
	open.way([][2]float64{{0, -60}, {0, 0}}, "natural", "coastline")
	if res, a := open.build(t, Options{}); !res.OpenCoast || len(a.tiles) != 0 {
		t.Errorf("an open coast: %+v, %d tiles", res, len(a.tiles))
	}
}

// Whatever a file holds, the archive is sound.
func TestHostileGeometry(t *testing.T) {
	var s sheet
	keys := [][]string{{"building", "yes"}, {"natural", "water", "name", "W"}, {"leisure", "park", "name", "P"}, {"highway", "residential", "name", "R"}, {"natural", "coastline"}, {"waterway", "river"}, {"railway", "rail"}, {"highway", "pedestrian", "area", "yes"}}
	far := func(lon, lat float64) int { return s.node(lon, lat) }
	a, b, c, d := s.node(0, 0), s.node(0.01, 0.01), s.node(0.01, 0), s.node(0, 0.01)
	same := s.node(0, 0)
	huge := []int{far(-180, -90), far(180, -90), far(180, 90), far(-180, 90)}
	east, west := far(179.99, 0.001), far(-179.99, 0.001)
	for _, k := range keys {
		s.wayOf(nil, k...)
		s.wayOf([]int{a}, k...)
		s.wayOf([]int{a, a, a, a}, k...)
		s.wayOf([]int{a, same, a, same, a}, k...)
		s.wayOf([]int{a, b, c, d, a}, k...)                   // a bow tie
		s.wayOf([]int{a, b, a, b, a}, k...)                   // there and back
		s.wayOf([]int{a, 999_999, b, 888_888, a}, k...)       // nodes that the file does not hold
		s.wayOf(append(slices.Clone(huge), huge[0]), k...)    // the world
		s.wayOf([]int{east, west, east, a, west, east}, k...) // around the world
		s.wayOf([]int{huge[0], a, huge[2], b, huge[0]}, k...)
	}
	var comb [][2]float64 // a thousand teeth through many tiles
	for i := range 1000 {
		comb = append(comb, [2]float64{float64(i)/10 - 50, float64(i%2)*90 - 45})
	}
	s.way(append(comb, [2]float64{60, 60}, comb[0]), "natural", "wood", "name", strings.Repeat("wood ", 40_000))
	open := s.way([][2]float64{{1, 1}, {2, 2}, {3, 1}})
	ring := s.way(square(5, 5, 2))
	for _, members := range []string{"", `<member type="way" ref="12345678" role="outer"/>`, fmt.Sprintf(`<member type="way" ref="%d" role="outer"/>`, open),
		fmt.Sprintf(`<member type="way" ref="%d" role="inner"/>`, ring), fmt.Sprintf(`<member type="way" ref="%d" role="outer"/><member type="way" ref="%d" role="inner"/>`, ring, open),
		fmt.Sprintf(`<member type="way" ref="%d" role="outer"/><member type="way" ref="%d" role="outer"/><member type="way" ref="%d" role="inner"/>`, ring, ring, ring)} {
		s.relation(members, "natural", "water")
	}
	s.node(0.001, 0.001, "place", "town", "name", strings.Repeat("ä", 10_000))
	res, o := s.build(t, Options{})
	if again, _ := s.build(t, Options{}); !bytes.Equal(again.Archive, res.Archive) {
		t.Error("the second archive differs")
	}
	if res.Broken == 0 || len(o.tiles) == 0 {
		t.Errorf("%+v, %d tiles", res, len(o.tiles))
	}
	if got := nameOf(pbf.Tags{{Key: "name", Value: "\xff Old\tTown\xfe"}}); got != "Old Town" {
		t.Errorf("%q", got)
	}
	longest := 0
	for name := range o.near(t, 14, "places", "name", 0.001, 0.001, 50) {
		longest = max(longest, len([]rune(name)))
	}
	if longest != maxName {
		t.Errorf("the longest name has %d letters", longest)
	}
	for _, box := range [][4]float64{{}, {1, 1, 0, 0}, {-180, -85, 180, 85}, {0, 0, 20, 20}, {0, 86, 1, 87}} {
		if _, err := Build(s.source(t), Options{Box: box}); err == nil {
			t.Errorf("the box %v is not refused", box)
		}
	}
}

// A city that does not fit loses details in order and says so; one that never
// fits is refused.
func TestSizeIsKept(t *testing.T) {
	var s sheet
	for i := range 900 {
		x, y := float64(i%30)*3-45, float64(i/30)*3-45
		s.way(square(x, y, 0.02+float64(i%7)/100), "building", "yes")
		s.way([][2]float64{{x, y}, {x + 1.1, y + float64(i%5)}}, "highway", "footway")
	}
	s.way([][2]float64{{-40, -20}, {0, -20}}, "highway", "primary", "name", "High Street")
	whole, _ := s.build(t, Options{})
	var last int
	for i, c := range []struct {
		share float64
		left  string
	}{{1, ""}, {0.9, steps[1].left}, {0.65, steps[2].left}, {0.2, steps[3].left}} {
		res, a := s.build(t, Options{MaxBytes: int(c.share * float64(len(whole.Archive)))})
		if res.Left != c.left {
			t.Errorf("%g of %d bytes: left out %q, want %q (%d bytes)", c.share, len(whole.Archive), res.Left, c.left, len(res.Archive))
		}
		if i > 0 && len(res.Archive) >= last {
			t.Errorf("step %d has %d bytes after %d", i, len(res.Archive), last)
		}
		last = len(res.Archive)
		if got := a.near(t, 14, "roads", "name", -0.02, -0.02, 50); !got["High Street"] {
			t.Errorf("step %d has lost its main road: %v", i, got)
		}
	}
	if _, err := Build(s.source(t), Options{Box: sheetBox, MaxBytes: 100}); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Error(err)
	}
}

func TestProgress(t *testing.T) {
	var s sheet
	s.way([][2]float64{{-40, -20}, {0, -20}}, "highway", "primary")
	last, calls := -1.0, 0
	s.build(t, Options{Progress: func(done float64, what string) {
		if done < last || what == "" {
			t.Errorf("%g %q after %g", done, what, last)
		}
		last = done
		calls++
	}})
	if last != 1 || calls < 5 {
		t.Errorf("%d calls, the last at %g", calls, last)
	}
}

func city(t *testing.T, slug string, box [4]float64) (*Result, *opened, *osm.Source) {
	t.Helper()
	f, err := os.Open("../../../cities/" + slug + "/osm.pbf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	src, err := osm.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	res, err := Build(src, Options{Box: box, Name: slug})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Archive) > MaxBytes || res.Left != "" {
		t.Errorf("%s: %d bytes without %q", slug, len(res.Archive), res.Left)
	}
	t.Logf("%s: %d bytes, %d tiles, %s, %d broken", slug, len(res.Archive), res.Tiles, res.Summary(), res.Broken)
	return res, open(t, res.Archive), src
}

// known is what is at a place of a city.
type known struct {
	lon, lat        float64
	layer, property string // property "": the kind of the area that covers it
	want            string
}

func (k known) check(t *testing.T, a *opened, z int) {
	t.Helper()
	if k.property == "" {
		if got := a.covering(t, z, k.layer, k.lon, k.lat); !slices.Contains(got, k.want) {
			t.Errorf("%s at %g, %g on zoom %d: %v, want %s", k.layer, k.lon, k.lat, z, got, k.want)
		}
	} else if got := a.near(t, z, k.layer, k.property, k.lon, k.lat, 120); !got[k.want] {
		t.Errorf("%s of %s at %g, %g on zoom %d: %v, want %s", k.property, k.layer, k.lon, k.lat, z, got, k.want)
	}
}

var newportBox = [4]float64{-3.0941, 51.5175, -2.9204, 51.5987}

func TestNewport(t *testing.T) {
	_, a, _ := city(t, "newport", newportBox)
	a.sound(t)
	for _, k := range []known{
		{-2.9941, 51.5912, "water", "", "ocean"}, // the Usk, tidal at the bridges
		{-2.98, 51.52, "water", "", "ocean"},     // the Severn estuary
		{-3.0026, 51.5800, "landuse", "", "park"},
		{-2.9893, 51.5855, "buildings", "", "building"},
		{-3.00043, 51.58877, "pois", "name", "Newport"},
		{-2.9975, 51.58823, "places", "name", "Newport"},
		{-2.9345, 51.59116, "places", "name", "Ringland"},
		{-2.93083, 51.58796, "roads", "name", "Ringland Way"},
		{-2.9775, 51.5897, "roads", "name", "Chepstow Road"},
		{-2.9925, 51.5837, "roads", "name", "Kingsway"},
		{-3.0326, 51.57501, "roads", "ref", "M4"},
	} {
		k.check(t, a, MaxZoom)
	}
	for z := MinZoom; z < MaxZoom; z++ {
		known{-2.98, 51.52, "water", "", "ocean"}.check(t, a, z)
		known{-3.0326, 51.57501, "roads", "kind", "highway"}.check(t, a, z)
	}
	if got := a.covering(t, MaxZoom, "water", -2.9975, 51.58823); len(got) != 0 {
		t.Errorf("the middle of the town is under water: %v", got)
	}
}
