package build

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

const citiesDir = "../../../cities"

// built compiles each city once for all tests.
var built sync.Map // slug -> func() (*city.City, error)

func load(t testing.TB, slug string) *city.City {
	t.Helper()
	dir := filepath.Join(citiesDir, slug)
	if _, err := os.Stat(filepath.Join(dir, "osm.pbf")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the data of %s is missing: %v", slug, err)
		}
		t.Skipf("SKIPPED: the data of %s is missing: %v", slug, err)
	}
	f, _ := built.LoadOrStore(slug, sync.OnceValues(func() (*city.City, error) { return City(os.DirFS(dir), slug, nil) }))
	c, err := f.(func() (*city.City, error))()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func count(t *testing.T, c *city.City, part, what string) float64 {
	t.Helper()
	for _, l := range c.Info.Report {
		if l.Part == part && l.What == what {
			return l.Count
		}
	}
	t.Fatalf("%s: no report line %q in part %q", c.Info.Slug, what, part)
	return 0
}

// The counts of each city's README, measured from the files by other means.
// Lengths differ by up to 0.3 % (the README's earth radius and rounding are
// not stated); every other difference is explained beside it.
func TestCountsMatchTheReadme(t *testing.T) {
	for _, tc := range []struct {
		slug               string
		ways               float64
		km                 float64
		junctions          float64
		connected          float64
		tripsInBox         float64
		tripsKept          float64
		stops              float64
		blanks             float64
		residents          float64
		maxNodes           int
		minDrivableKeptPct float64
	}{
		// Stops: README 542; one of them is served only by a trip with no
		// second stop in the box, which is no service.
		{"newport", 6154, 695.5, 6703, 99.3, 995, 943, 541, 0, 98571, 12500, 88},
		// 272 stop names; trips: no duplicates in the README either, but it does
		// not count the 75 trips of Monday that run on past midnight.
		{"heidelberg", 7727, 885.6, 7771, 94.6, 2610, 2685, 0, 0, 150000, 20000, 80},
		// 2,352 bus and 287 railway trips.
		{"porto-alegre", 12283, 1767.4, 12743, 99.0, 2639, 0, 0, 125271, 812935, 20000, 90},
		// Junctions: README 6,453; one lies outside the box. Departures: README
		// 5,641 count those up to 10:00; each pattern's service runs four hours
		// from its first departure, so some leave after ten.
		{"london-camden", 6682, 459.5, 6452, 99.0, 5740, 0, 0, 0, 313635, 14000, 85},
	} {
		t.Run(tc.slug, func(t *testing.T) {
			c := load(t, tc.slug)
			exact := func(part, what string, want float64) {
				t.Helper()
				if got := count(t, c, part, what); want != 0 && got != want {
					t.Errorf("%s: %g, want %g", what, got, want)
				}
			}
			exact("streets", "drivable ways read", tc.ways)
			exact("streets", "junctions of drivable ways read", tc.junctions)
			exact("timetable", "trips in the box", tc.tripsInBox)
			exact("timetable", "trips kept", tc.tripsKept)
			exact("timetable", "stops", tc.stops)
			if got := count(t, c, "streets", "drivable length read"); math.Abs(got/tc.km-1) > 0.003 {
				t.Errorf("drivable length %g km, want %g", got, tc.km)
			}
			if got := count(t, c, "streets", "largest connected part of drivable ways"); math.Abs(got-tc.connected) > 0.05 {
				t.Errorf("largest connected part %g %%, want %g", got, tc.connected)
			}
			if got := count(t, c, "timetable", "blank stop times filled in"); got != tc.blanks {
				t.Errorf("blank stop times: %g, want %g", got, tc.blanks)
			}
			if got := c.Net.NumNodes(); got > tc.maxNodes || got < 7000 {
				t.Errorf("%d nodes, want 7000 to %d", got, tc.maxNodes)
			}
			if got := 100 * count(t, c, "streets", "car streets kept") / tc.km; got < tc.minDrivableKeptPct || got > 100 {
				t.Errorf("%.1f %% of the drivable length is kept for cars, want at least %g", got, tc.minDrivableKeptPct)
			}
			sum := 0.0
			for _, r := range c.Places.Residents {
				sum += float64(r)
			}
			if math.Abs(sum-tc.residents) > 1 || c.Info.Population.Value != tc.residents {
				t.Errorf("residents sum to %g, want %g", sum, tc.residents)
			}
			if got := len(c.Places.AreaName); got < 2 || got > 25 {
				t.Errorf("%d areas", got)
			}
			if len(c.Info.DefaultStops) < 2 {
				t.Errorf("default what-if has stops %v", c.Info.DefaultStops)
			}
			for _, s := range c.Info.DefaultStops {
				if stops, near := c.LookupStop(s); len(stops) != 1 {
					t.Errorf("default stop %q: found %v, near %v", s, stops, near)
				}
			}
		})
	}
}

func TestNewportStopsCanBeNamed(t *testing.T) {
	c := load(t, "newport")
	for _, tc := range []struct {
		query string
		stops int
		near  string
	}{
		{"Royal Gwent Hospital", 2, ""},
		{"  royal GWENT hospital ", 2, ""},
		{"Ringland Centre", 1, ""},
		{"5310AWB31000", 1, ""},
		{"Friars Walk", 13, ""},
		{"Maindee Sqare", 0, "Maindee Square"},
		{"", 0, ""},
	} {
		stops, near := c.LookupStop(tc.query)
		if len(stops) != tc.stops || tc.near != "" && !slices.Contains(near, tc.near) {
			t.Errorf("LookupStop(%q) = %v, near %q; want %d stops, near %q", tc.query, stops, near, tc.stops, tc.near)
		}
		if tc.near == "" && len(near) > 0 {
			t.Errorf("LookupStop(%q) offers %q beside an answer", tc.query, near)
		}
	}
	bays, _ := c.LookupStop("Friars Walk")
	for _, s := range bays {
		if c.Timetable.StopGroup[s] != c.Timetable.StopGroup[bays[0]] {
			t.Errorf("bay %s is in another group than bay %s of the same station", c.Timetable.StopID[s], c.Timetable.StopID[bays[0]])
		}
	}
}

// Connectivity is promised in city.Network: checked here by plain breadth-first
// searches, not by the importer's own component code.
func TestNetworksAreConnected(t *testing.T) {
	for _, slug := range []string{"newport", "heidelberg", "porto-alegre", "london-camden"} {
		n := &load(t, slug).Net
		reach := func(mode city.ModeSet, next func(v units.NodeID, f func(w units.NodeID))) (seen []bool, total, found int) {
			touched := make([]bool, n.NumNodes())
			start := -1
			for l := range n.NumLinks() {
				if n.Modes[l]&mode != 0 {
					touched[n.From[l]], touched[n.To[l]] = true, true
					start = int(n.From[l])
				}
			}
			seen = make([]bool, n.NumNodes())
			queue := []units.NodeID{units.NodeID(start)}
			seen[start] = true
			for len(queue) > 0 {
				v := queue[0]
				queue = queue[1:]
				found++
				next(v, func(w units.NodeID) {
					if !seen[w] {
						seen[w] = true
						queue = append(queue, w)
					}
				})
			}
			for _, ok := range touched {
				if ok {
					total++
				}
			}
			return seen, total, found
		}
		for _, mode := range []city.ModeSet{city.AllowCar, city.AllowBike} {
			forward := func(v units.NodeID, f func(units.NodeID)) {
				for l, end := n.Out(v); l < end; l++ {
					if n.Modes[l]&mode != 0 {
						f(n.To[l])
					}
				}
			}
			backward := func(v units.NodeID, f func(units.NodeID)) {
				for _, l := range n.In(v) {
					if n.Modes[l]&mode != 0 {
						f(n.From[l])
					}
				}
			}
			if _, total, found := reach(mode, forward); total != found {
				t.Errorf("%s, mode %b: %d of %d nodes can be reached", slug, mode, found, total)
			}
			if _, total, found := reach(mode, backward); total != found {
				t.Errorf("%s, mode %b: %d of %d nodes can be left", slug, mode, found, total)
			}
		}
		// Turn bans obeyed, every car link leads to every other.
		cars, obeyed := 0, 0
		seen := make([]bool, n.NumLinks())
		var queue []units.LinkID
		push := func(l units.LinkID) {
			if n.Modes[l]&city.AllowCar != 0 && !seen[l] {
				seen[l] = true
				queue = append(queue, l)
			}
		}
		for l := range n.NumLinks() {
			if n.Modes[l]&city.AllowCar != 0 {
				if cars == 0 {
					push(units.LinkID(l))
				}
				cars++
			}
		}
		for ; obeyed < len(queue); obeyed++ {
			l := queue[obeyed]
			for m, end := n.Out(n.To[l]); m < end; m++ {
				if !slices.Contains(n.Bans(l), m) {
					push(m)
				}
			}
		}
		if obeyed != cars {
			t.Errorf("%s: %d of %d car links can be reached by allowed turns", slug, obeyed, cars)
		}
		walk := func(v units.NodeID, f func(units.NodeID)) {
			for l, end := n.Out(v); l < end; l++ {
				if n.Modes[l]&city.AllowWalk != 0 {
					f(n.To[l])
				}
			}
			for _, l := range n.In(v) {
				if n.Modes[l]&city.AllowWalk != 0 {
					f(n.From[l])
				}
			}
		}
		if _, total, found := reach(city.AllowWalk, walk); total != found {
			t.Errorf("%s: %d of %d nodes can be walked to", slug, found, total)
		}
	}
}

func TestNewportPackAndMap(t *testing.T) {
	c := load(t, "newport")
	var a, b bytes.Buffer
	if err := city.Encode(&a, c); err != nil {
		t.Fatal(err)
	}
	again, err := City(os.DirFS(filepath.Join(citiesDir, "newport")), "newport", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := city.Encode(&b, again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two builds of the same files give different packs")
	}
	d, err := city.Decode(a.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if err := city.Encode(&back, d); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), back.Bytes()) {
		t.Error("a pack read and written again differs")
	}

	streets := city.StreetsGeoJSON(c)
	var doc struct {
		Type     string
		Features []struct {
			Properties struct {
				Class, Name string
				Way         int64
			}
			Geometry struct {
				Type        string
				Coordinates [][2]float64
			}
		}
	}
	if err := json.Unmarshal(streets, &doc); err != nil {
		t.Fatal(err)
	}
	single, copies := 0, 0
	of := c.Net.Originals()
	for l := range c.Net.NumLinks() {
		if of[l] != units.LinkID(l) {
			copies++ // of a restriction over a way
		} else if r := c.Net.Reverse[l]; r == units.NoLink || int(r) > l {
			single++
		}
	}
	if copies != 16 {
		t.Errorf("%d streets are copies, want 16: Newport has that many restrictions over ways", copies)
	}
	if doc.Type != "FeatureCollection" || len(doc.Features) != single {
		t.Errorf("%s with %d features, want %d", doc.Type, len(doc.Features), single)
	}
	for i, f := range doc.Features {
		if f.Geometry.Type != "LineString" || len(f.Geometry.Coordinates) < 2 || f.Properties.Way == 0 || f.Properties.Class == "" {
			t.Fatalf("feature %d: %+v", i, f)
		}
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(streets)
	w.Close()
	if z.Len() > 700_000 {
		t.Errorf("streets take %d bytes compressed, want at most 700,000", z.Len())
	}
}

func TestProgressRunsFromStartToEnd(t *testing.T) {
	load(t, "newport") // skips when the data is missing
	var done []float64
	if _, err := City(os.DirFS(filepath.Join(citiesDir, "newport")), "newport", func(d float64, _ string) { done = append(done, d) }); err != nil {
		t.Fatal(err)
	}
	if len(done) < 3 || done[0] != 0 || done[len(done)-1] != 1 || !slices.IsSorted(done) {
		t.Errorf("progress was %v", done)
	}
}

func BenchmarkImportNewport(b *testing.B) {
	load(b, "newport")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := City(os.DirFS(filepath.Join(citiesDir, "newport")), "newport", nil); err != nil {
			b.Fatal(err)
		}
	}
}

// Loading a pack must take less than 50 ms for Newport and 150 ms for
// Heidelberg.
func BenchmarkDecode(b *testing.B) {
	for _, slug := range []string{"newport", "heidelberg", "porto-alegre", "london-camden"} {
		b.Run(slug, func(b *testing.B) {
			var pack bytes.Buffer
			if err := city.Encode(&pack, load(b, slug)); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(pack.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := city.Decode(pack.Bytes()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Rings up to 150 m become one node: all but sixteen of Newport's 51, and all
// of Heidelberg's but one that is closed to cars. No mini-roundabout's ring
// may be left for cars, and the ring links that stay are marked.
func TestSmallRoundaboutsAreJunctions(t *testing.T) {
	for _, tc := range []struct {
		slug       string
		one, rings float64
	}{
		{"newport", 35, 16},
		{"heidelberg", 18, 1},
		{"porto-alegre", 8, 1},
		{"london-camden", 5, 1},
	} {
		c := load(t, tc.slug)
		if err := c.Validate(); err != nil {
			t.Fatalf("%s: %v", tc.slug, err)
		}
		one, rings := count(t, c, "streets", "roundabouts drawn as one junction"), count(t, c, "streets", "roundabouts drawn as rings")
		if one != tc.one || rings != tc.rings {
			t.Errorf("%s: %g roundabouts as one junction and %g as rings, want %g and %g", tc.slug, one, rings, tc.one, tc.rings)
		}
		marked := 0
		part := make([]int, c.Net.NumNodes()) // of the ring links, by node
		for v := range part {
			part[v] = v
		}
		find := func(v int) int {
			for part[v] != v {
				v = part[v]
			}
			return v
		}
		round := map[int]float64{} // metres of ring by part
		for l := range c.Net.NumLinks() {
			if c.Net.Roundabout[l] && c.Net.Modes[l]&city.AllowCar != 0 {
				marked++
				part[find(int(c.Net.From[l]))] = find(int(c.Net.To[l]))
				// 1,400, or what cars so slow can carry.
				want := min(1400, float64(c.Net.SpeedMS[l])/7.5/2*3600)
				if perLane := float64(c.Net.CapacityVS[l]) * 3600 / float64(c.Net.Lanes[l]); perLane < want-0.1 {
					t.Errorf("%s: ring link %d carries %g an hour and lane, want %g", tc.slug, l, perLane, want)
				}
			}
			if c.Net.WayOSM[l] == 37845878 {
				t.Errorf("%s: the mini-roundabout on Somerton Road is still a ring", tc.slug)
			}
		}
		for l := range c.Net.NumLinks() {
			if c.Net.Roundabout[l] && c.Net.Modes[l]&city.AllowCar != 0 {
				round[find(int(c.Net.To[l]))] += float64(c.Net.LengthM[l])
			}
		}
		for v, m := range round {
			if m <= 150 {
				t.Errorf("%s: the ring at OSM node %d is %g m around", tc.slug, c.Net.NodeOSM[v], m)
			}
		}
		if tc.slug == "newport" && marked < 4*int(tc.rings) {
			t.Errorf("newport: only %d ring links", marked)
		}
	}
}
