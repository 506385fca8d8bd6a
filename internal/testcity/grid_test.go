package testcity

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// grids are the generators; every promise of package city is checked on each.
var grids = map[string]Options{
	"default": {},
	"two":     {N: 2, LineEvery: -1},
	"even":    {N: 8, SpacingM: 500, Population: 1001, ClusterSide: 3, LineEvery: 3, StopEvery: 1},
}

func TestPromises(t *testing.T) {
	for name, o := range grids {
		t.Run(name, func(t *testing.T) {
			c := Grid(o)
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			checkNetwork(t, &c.Net)
			checkTimetable(t, &c.Timetable)
			checkPlaces(t, c)
			if d := cmp.Diff(c, Grid(o)); d != "" {
				t.Errorf("two builds differ:\n%s", d)
			}
		})
	}
}

func checkNetwork(t *testing.T, n *city.Network) {
	side := int(math.Sqrt(float64(n.NumNodes())))
	// Each of the 2 x side streets has side-1 blocks, each with two directions.
	if want := 4 * side * (side - 1); n.NumLinks() != want {
		t.Fatalf("%d links, want %d", n.NumLinks(), want)
	}
	for v := range n.NumNodes() {
		for l := n.FirstOut[v]; l < n.FirstOut[v+1]; l++ {
			if n.From[l] != units.NodeID(v) {
				t.Fatalf("link %d leaves %d, filed under %d", l, n.From[l], v)
			}
		}
		for _, l := range n.InLink[n.FirstIn[v]:n.FirstIn[v+1]] {
			if n.To[l] != units.NodeID(v) {
				t.Fatalf("link %d enters %d, filed under %d", l, n.To[l], v)
			}
		}
	}
	if len(n.InLink) != n.NumLinks() || len(n.BanFirst) != n.NumLinks()+1 {
		t.Fatalf("%d in-links, %d ban rows for %d links", len(n.InLink), len(n.BanFirst), n.NumLinks())
	}
	for l := range n.NumLinks() {
		r := n.Reverse[l]
		if n.From[r] != n.To[l] || n.To[r] != n.From[l] || n.Reverse[r] != units.LinkID(l) {
			t.Fatalf("reverse of link %d is %d", l, r)
		}
		dx, dy := n.NodeX[n.To[l]]-n.NodeX[n.From[l]], n.NodeY[n.To[l]]-n.NodeY[n.From[l]]
		if got := float32(math.Hypot(float64(dx), float64(dy))); got != n.LengthM[l] {
			t.Fatalf("link %d spans %v m, is %v m long", l, got, n.LengthM[l])
		}
		if n.GeomFirst[l+1]-n.GeomFirst[l] != 2 || n.Names[n.NameIdx[l]] == "" {
			t.Fatalf("link %d has %d points, name %q", l, n.GeomFirst[l+1]-n.GeomFirst[l], n.Names[n.NameIdx[l]])
		}
		// The stored degrees are single precision: 1.2e-7 degrees is 13 mm.
		if g := n.GeomFirst[l]; math.Abs(float64(n.GeomLon[g])-n.NodeLon[n.From[l]]) > 1e-6 {
			t.Fatalf("geometry of link %d starts at %v", l, n.GeomLon[g])
		}
	}
}

func checkTimetable(t *testing.T, tt *city.Timetable) {
	if len(tt.TimeFirst) != tt.NumPatterns()+1 || len(tt.TransferFirst) != tt.NumStops()+1 {
		t.Fatalf("%d time rows, %d transfer rows", len(tt.TimeFirst), len(tt.TransferFirst))
	}
	for p := range units.PatternID(tt.NumPatterns()) {
		for v := units.VehicleTripID(tt.PatternTrips[p]); v < units.VehicleTripID(tt.PatternTrips[p+1]); v++ {
			arr, dep := tt.Times(p, v)
			if !slices.IsSorted(arr) || !slices.IsSorted(dep) {
				t.Fatalf("pattern %d trip %d: %v %v", p, v, arr, dep)
			}
		}
	}
	for a := range tt.StopID {
		for k := tt.TransferFirst[a]; k < tt.TransferFirst[a+1]; k++ {
			b := tt.TransferTo[k]
			row := tt.TransferTo[tt.TransferFirst[b]:tt.TransferFirst[b+1]]
			if int(b) == a || !slices.Contains(row, units.StopID(a)) {
				t.Fatalf("footpath %d to %d has no way back", a, b)
			}
		}
	}
}

func checkPlaces(t *testing.T, c *city.City) {
	var residents float64
	for _, r := range c.Places.Residents {
		residents += float64(r)
	}
	if residents != c.Info.Population.Value {
		t.Errorf("%v residents, population %v", residents, c.Info.Population.Value)
	}
	for i, k := range c.Places.Cluster {
		if int(k) >= c.Places.NumClusters() || int(c.Places.AreaOf[i]) >= len(c.Places.AreaName) {
			t.Fatalf("place %d: cluster %d, area %d", i, k, c.Places.AreaOf[i])
		}
	}
	for k, v := range c.Places.ClusterNode {
		if c.Places.Cluster[v] != units.ClusterID(k) { // place i stands on node i
			t.Errorf("cluster %d is stood for by node %d of cluster %d", k, v, c.Places.Cluster[v])
		}
	}
	var share float64
	for _, s := range c.Info.ModeShare {
		share += s
	}
	if share != 100 {
		t.Errorf("mode shares sum to %v", share)
	}
}

// TestDefaultGrid pins the figures the default grid promises in its comments.
func TestDefaultGrid(t *testing.T) {
	c := Grid(Options{})
	if got := c.Net.FreeFlowS(0); got != 25 {
		t.Errorf("a block takes %v s, want 250 m / 10 m/s", got)
	}
	tt := &c.Timetable
	// 3 rows and 3 columns of 11 stops; 9 crossings make a group of two.
	if tt.NumStops() != 66 || len(tt.Lines) != 6 || tt.NumPatterns() != 12 {
		t.Fatalf("%d stops, %d lines, %d patterns", tt.NumStops(), len(tt.Lines), tt.NumPatterns())
	}
	if got := slices.Max(tt.StopGroup) + 1; got != 66-9 {
		t.Errorf("%d groups of stops, want 57", got)
	}
	// A bus each 10 minutes from 5:00 to 23:00 inclusive.
	if want := 12 * (18*6 + 1); tt.NumTrips() != want {
		t.Errorf("%d trips, want %d", tt.NumTrips(), want)
	}
	// Ten hops of 80 s, nine dwells of 20 s.
	arr, dep := tt.Times(0, 0)
	if got := arr[10] - dep[0]; got != 980 {
		t.Errorf("the middle line takes %d s end to end", got)
	}
	if len(c.Info.DefaultStops) != 2 || !slices.Contains(tt.StopID, c.Info.DefaultStops[0]) {
		t.Errorf("default what-if %v", c.Info.DefaultStops)
	}
}

func TestAddLine(t *testing.T) {
	c := Grid(Options{LineEvery: -1})
	a := AddStop(c, NodeAt(c, 0, 0), "a", "A", 0)
	b := AddStop(c, NodeAt(c, 4, 0), "b", "B", 0)
	z := AddStop(c, NodeAt(c, 5, 1), "z", "Z", 5)
	JoinStops(c, 600)
	before := c.Info.Digest
	line := AddLine(c, city.Tram, []units.StopID{a, b, z}, 600, 3600, 5000, 100, 10)
	checkTimetable(t, &c.Timetable)
	arr, dep := c.Timetable.Times(0, 2)
	want := []units.Seconds{4800, 4900, 4910, 5010}
	if got := []units.Seconds{dep[0], arr[1], dep[1], arr[2]}; !slices.Equal(got, want) || line != 0 || c.Timetable.NumTrips() != 3 {
		t.Errorf("line %d, %d trips, last one %v, want %v", line, c.Timetable.NumTrips(), got, want)
	}
	if c.Timetable.TransferM[0] != 505 || before == c.Info.Digest {
		t.Errorf("footpath b-z %v m, digest changed: %v", c.Timetable.TransferM, before != c.Info.Digest)
	}
}

func TestParseTimetable(t *testing.T) {
	tt := ParseTimetable(`
stop A B C
walk B C 65
line 1 A B   # there
  8:00 8:05/8:06:30
line 1 B A
  25:00 25:10
`)
	checkTimetable(t, tt)
	if len(tt.Lines) != 1 || tt.NumPatterns() != 2 || len(tt.TransferTo) != 2 {
		t.Fatalf("%d lines, %d patterns, %d footpaths", len(tt.Lines), tt.NumPatterns(), len(tt.TransferTo))
	}
	if got := Clock(tt.Dep[1]) + " " + Clock(tt.Dep[2]); got != "8:06:30 25:00" {
		t.Errorf("departures %s", got)
	}
}
