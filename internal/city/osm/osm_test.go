package osm

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// town writes small maps as OSM XML: node ids lie on a grid of 0.001 degrees
// (about 111 m at the equator), id 10*row+col.
type town struct{ nodes, rest strings.Builder }

func (w *town) node(id int, tags ...string) {
	fmt.Fprintf(&w.nodes, `<node id="%d" lat="%g" lon="%g">%s</node>`, id, float64(id/10)*0.001, float64(id%10)*0.001, kv(tags))
}

func (w *town) way(id int, nodes []int, tags ...string) {
	fmt.Fprintf(&w.rest, `<way id="%d">`, id)
	for _, n := range nodes {
		fmt.Fprintf(&w.rest, `<nd ref="%d"/>`, n)
	}
	w.rest.WriteString(kv(tags) + `</way>`)
}

func (w *town) restriction(id, from, via, to int, tags ...string) {
	fmt.Fprintf(&w.rest, `<relation id="%d"><member type="way" ref="%d" role="from"/><member type="node" ref="%d" role="via"/><member type="way" ref="%d" role="to"/>%s</relation>`,
		id, from, via, to, kv(append([]string{"type", "restriction"}, tags...)))
}

func kv(tags []string) string {
	var b strings.Builder
	for i := 0; i+1 < len(tags); i += 2 {
		fmt.Fprintf(&b, `<tag k="%s" v="%s"/>`, tags[i], tags[i+1])
	}
	return b.String()
}

var townBox = [4]float64{-0.005, -0.005, 0.0095, 0.0095}

func (w *town) source(t *testing.T) *Source {
	t.Helper()
	src, err := Read(strings.NewReader("<osm>" + w.nodes.String() + w.rest.String() + "</osm>"))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func (w *town) imported(t *testing.T, o Options) *Result {
	t.Helper()
	return imported(t, w.source(t), o)
}

// imported is the streets of a source, which must be valid.
func imported(t *testing.T, src *Source, o Options) *Result {
	t.Helper()
	if o.BBox == [4]float64{} {
		o.BBox = townBox
	}
	r, err := Import(src, o)
	if err != nil {
		t.Fatal(err)
	}
	c := city.City{Info: city.Info{BBox: o.BBox}, Net: r.Net}
	c.Timetable.TransferFirst = []uint32{0}
	if err := c.Validate(); err != nil {
		t.Fatalf("the network is not valid: %v", err)
	}
	return r
}

// links prints links as "from>to modes", c b w p for car, bike, walk, bus.
func links(n *city.Network) string {
	var out []string
	for l := range n.NumLinks() {
		m := ""
		for i, s := range []string{"c", "b", "w", "p"} {
			if n.Modes[l]&(1<<i) != 0 {
				m += s
			}
		}
		out = append(out, fmt.Sprintf("%d>%d %s", n.NodeOSM[n.From[l]], n.NodeOSM[n.To[l]], m))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func link(t *testing.T, n *city.Network, from, to int64) units.LinkID {
	t.Helper()
	for l := range n.NumLinks() {
		if n.NodeOSM[n.From[l]] == from && n.NodeOSM[n.To[l]] == to {
			return units.LinkID(l)
		}
	}
	t.Fatalf("no link %d>%d in\n%s", from, to, links(n))
	return 0
}

// A cross of two streets with a shape point on one arm:
//
//	      22
//	       |
//	10-11-12-13      11 is only a bend and becomes geometry
//	       |
//	       2
func cross() *town {
	w := &town{}
	for _, id := range []int{2, 10, 11, 12, 13, 22} {
		w.node(id)
	}
	w.way(1, []int{10, 11, 12}, "highway", "residential", "name", "West")
	w.way(2, []int{12, 13}, "highway", "residential")
	w.way(3, []int{2, 12}, "highway", "residential")
	w.way(4, []int{12, 22}, "highway", "residential")
	return w
}

func TestStreetsOfACross(t *testing.T) {
	n := cross().imported(t, Options{Country: "GB"}).Net
	want := "10>12 cbwp\n12>10 cbwp\n12>13 cbwp\n12>2 cbwp\n12>22 cbwp\n13>12 cbwp\n22>12 cbwp\n2>12 cbwp"
	if got := links(&n); got != want {
		t.Fatalf("links:\n%s\nwant:\n%s", got, want)
	}
	l := link(t, &n, 10, 12)
	if pts := n.GeomFirst[l+1] - n.GeomFirst[l]; pts != 3 {
		t.Errorf("the bend is lost: %d points", pts)
	}
	if want := 2 * city.EarthRadiusM * 0.001 * math.Pi / 180; math.Abs(float64(n.LengthM[l])-want) > 0.1 {
		t.Errorf("length %g m, want %g", n.LengthM[l], want)
	}
	if n.Names[n.NameIdx[l]] != "West" || n.WayOSM[l] != 1 || n.Class[l] != city.Residential {
		t.Errorf("name %q, way %d, class %v", n.Names[n.NameIdx[l]], n.WayOSM[l], n.Class[l])
	}
	// 600 vehicles an hour and lane, 7.5 m each, 32.2 km/h.
	if got := n.CapacityVS[l]; math.Abs(float64(got)-600.0/3600) > 1e-6 {
		t.Errorf("capacity %g", got)
	}
	if got := n.JamVM[l]; math.Abs(float64(got)-1/7.5) > 1e-6 {
		t.Errorf("jam density %g", got)
	}
	if got := n.SpeedMS[l]; math.Abs(float64(got)-32.2/3.6) > 1e-3 {
		t.Errorf("speed %g", got)
	}
}

func TestAnAnchorKeepsABendAsANode(t *testing.T) {
	n := cross().imported(t, Options{Anchors: [][2]float64{{0.0011, 0.0011}}}).Net
	link(t, &n, 10, 11)
	link(t, &n, 11, 12)
}

func TestTurnRestrictions(t *testing.T) {
	for _, tc := range []struct {
		name string
		tags []string
		ban  [][2]int64 // from node, to node; every turn is over node 12
	}{
		{"no left turn", []string{"restriction", "no_left_turn"}, [][2]int64{{10, 22}}},
		{"only left turn", []string{"restriction", "only_left_turn"}, [][2]int64{{10, 2}, {10, 10}, {10, 13}}},
		{"except buses still binds cars", []string{"restriction", "no_left_turn", "except", "psv;bicycle"}, [][2]int64{{10, 22}}},
		{"except cars", []string{"restriction", "no_left_turn", "except", "motorcar"}, nil},
		{"at the modelled time of day", []string{"restriction:conditional", "no_left_turn @ (Mo-Fr 07:00-09:30,16:00-18:00)"}, [][2]int64{{10, 22}}},
		{"at another time of day", []string{"restriction:conditional", "no_left_turn @ (Mo-Fr 16:00-18:00)"}, nil},
		{"on another day", []string{"restriction:conditional", "no_left_turn @ (Sa,Su)"}, nil},
		{"by weight", []string{"restriction:conditional", "no_left_turn @ (weight>7.5)"}, nil},
		{"hours in tags of their own", []string{"restriction", "no_left_turn", "day_on", "Monday", "day_off", "Friday", "hour_on", "07:00", "hour_off", "10:00"}, [][2]int64{{10, 22}}},
		{"for cars alone", []string{"restriction:motorcar", "no_left_turn"}, [][2]int64{{10, 22}}},
		{"for trucks alone", []string{"restriction:hgv", "no_left_turn"}, nil},
		{"nonsense", []string{"restriction", "maybe_left"}, nil},
	} {
		w := cross()
		w.restriction(9, 1, 12, 4, tc.tags...)
		n := w.imported(t, Options{}).Net
		var got [][2]int64
		for l := range n.NumLinks() {
			for _, b := range n.Bans(units.LinkID(l)) {
				got = append(got, [2]int64{n.NodeOSM[n.From[l]], n.NodeOSM[n.To[b]]})
			}
		}
		slices.SortFunc(got, func(a, b [2]int64) int { return int(a[1] - b[1]) })
		slices.SortFunc(tc.ban, func(a, b [2]int64) int { return int(a[1] - b[1]) })
		if !slices.Equal(got, tc.ban) {
			t.Errorf("%s: bans %v, want %v", tc.name, got, tc.ban)
		}
	}
}

// One-way rules on the middle of a ladder, whose rails keep it connected.
func TestOneway(t *testing.T) {
	for _, tc := range []struct {
		tags      []string
		fwd, back string // modes of 12>13 and 13>12
	}{
		{nil, "cbwp", "cbwp"},
		{[]string{"oneway", "yes"}, "cbwp", "w"},
		{[]string{"oneway", "-1"}, "w", "cbwp"},
		{[]string{"junction", "roundabout"}, "cbwp", "w"},
		{[]string{"junction", "roundabout", "oneway", "no"}, "cbwp", "cbwp"},
		{[]string{"oneway", "yes", "oneway:bicycle", "no"}, "cbwp", "bw"},
		{[]string{"oneway", "yes", "cycleway:left", "opposite_lane"}, "cbwp", "bw"},
		{[]string{"oneway", "yes", "oneway:psv", "no"}, "cbwp", "wp"},
		{[]string{"oneway", "reversible"}, "bw", "bw"},
		{[]string{"oneway", "yes", "cycleway:right", "lane", "cycleway:right:oneway", "-1"}, "cbwp", "bw"},
		{[]string{"oneway", "yes", "cycleway:right", "lane", "cycleway:right:oneway", "-1", "oneway:bicycle", "yes"}, "cbwp", "w"},
		{[]string{"oneway", "yes", "cycleway:left", "separate", "cycleway:left:oneway", "no"}, "cbwp", "w"},
		{[]string{"oneway", "-1", "oneway:bicycle", "no"}, "bw", "cbwp"},
		{[]string{"oneway", "yes", "busway:right", "lane", "busway:right:oneway", "-1"}, "cbwp", "wp"},
		{[]string{"oneway", "yes", "psv", "opposite"}, "cbwp", "wp"},
		{[]string{"oneway", "yes", "bus:backward", "yes"}, "cbwp", "wp"},
		{[]string{"oneway", "yes", "lanes:psv:backward", "1"}, "cbwp", "wp"},
		{[]string{"oneway:motor_vehicle", "yes"}, "cbwp", "bw"},
		{[]string{"access:backward", "no"}, "cbwp", ""},
		{[]string{"motor_vehicle:forward", "no"}, "bw", "cbwp"},
		{[]string{"vehicle:backward", "agricultural"}, "cbwp", "w"},
		{[]string{"motor_vehicle:conditional", "no @ (Mo-Fr 07:00-19:00)"}, "cbwp", "cbwp"},
		{[]string{"motorcar", "no"}, "bwp", "bwp"},
		{[]string{"vehicle", "no", "psv", "designated"}, "wp", "wp"},
		{[]string{"access", "customers"}, "cbwp", "cbwp"},
		{[]string{"highway", "service", "service", "emergency_access"}, "bw", "bw"},
		{[]string{"highway", "service", "service", "emergency_access", "motor_vehicle", "yes"}, "cbwp", "cbwp"},
		{[]string{"access", "private"}, "", ""},
		{[]string{"motor_vehicle", "no"}, "bw", "bw"},
		{[]string{"motor_vehicle", "no", "psv", "yes"}, "bwp", "bwp"},
		{[]string{"access", "no", "foot", "yes"}, "w", "w"},
		{[]string{"vehicle", "destination"}, "cbwp", "cbwp"},
		{[]string{"bicycle", "dismount"}, "cwp", "cwp"},
		{[]string{"motorroad", "yes"}, "cp", "cp"},
		{[]string{"highway", "footway"}, "w", "w"},
		{[]string{"highway", "footway", "bicycle", "designated"}, "bw", "bw"},
		{[]string{"highway", "cycleway", "foot", "no"}, "b", "b"},
		{[]string{"highway", "track", "motor_vehicle", "yes"}, "bw", "bw"},
		{[]string{"highway", "motorway"}, "cp", ""},
		{[]string{"highway", "construction"}, "", ""},
	} {
		w := &town{}
		for _, id := range []int{12, 13, 22, 23} {
			w.node(id)
		}
		w.way(1, []int{12, 22, 23, 13}, "highway", "residential")
		tags := tc.tags
		if !slices.Contains(tags, "highway") {
			tags = append([]string{"highway", "residential"}, tags...)
		}
		w.way(2, []int{12, 13}, tags...)
		n := w.imported(t, Options{}).Net
		got := map[string]string{}
		for _, s := range strings.Split(links(&n), "\n") {
			k, _, _ := strings.Cut(s, " ")
			for l := range n.NumLinks() {
				if n.WayOSM[l] == 2 && fmt.Sprintf("%d>%d", n.NodeOSM[n.From[l]], n.NodeOSM[n.To[l]]) == k && len(n.GeomLon[n.GeomFirst[l]:n.GeomFirst[l+1]]) == 2 {
					m := ""
					for i, c := range []string{"c", "b", "w", "p"} {
						if n.Modes[l]&(1<<i) != 0 {
							m += c
						}
					}
					got[k] = m
				}
			}
		}
		if got["12>13"] != tc.fwd || got["13>12"] != tc.back {
			t.Errorf("%v: forward %q, back %q; want %q, %q", tc.tags, got["12>13"], got["13>12"], tc.fwd, tc.back)
		}
	}
}

// A bollard in a street stops cars, not walkers; the street stays whole for
// them and the two halves are dead ends for cars.
func TestBarriers(t *testing.T) {
	for _, tc := range []struct {
		tags []string
		want string // modes over the barrier; "open" when it is no barrier
	}{
		{[]string{"barrier", "bollard"}, "bw"},
		{[]string{"barrier", "gate"}, "open"},
		{[]string{"barrier", "gate", "access", "private"}, ""},
		{[]string{"barrier", "bollard", "motor_vehicle", "yes"}, "open"},
		{[]string{"barrier", "bus_trap"}, "bwp"},
		{[]string{"barrier", "kissing_gate"}, "w"},
		{[]string{"barrier", "kerb"}, "open"},
	} {
		w := &town{}
		for _, id := range []int{1, 2, 12, 22, 21} {
			w.node(id)
		}
		w.node(11, tc.tags...)
		w.way(1, []int{1, 11, 21}, "highway", "residential")
		w.way(2, []int{1, 2, 12, 22, 21}, "highway", "residential") // the way round
		n := w.imported(t, Options{}).Net
		got := "open"
		for l := range n.NumLinks() {
			if n.NodeOSM[n.From[l]] == 11 || n.NodeOSM[n.From[l]] == -11 {
				got = ""
			}
		}
		for _, s := range strings.Split(links(&n), "\n") {
			if v, ok := strings.CutPrefix(s, "11>-11 "); ok {
				got = v
			}
		}
		if got != tc.want {
			t.Errorf("%v: %q may pass, want %q\n%s", tc.tags, got, tc.want, links(&n))
		}
	}
}

// Only what can be reached and left again stays open to cars: the one-way spur
// 13>14 is closed to them, the island 41-42 vanishes.
func TestOnlyTheLargestPartStays(t *testing.T) {
	w := cross()
	w.node(14)
	w.node(41)
	w.node(42)
	w.way(5, []int{13, 14}, "highway", "residential", "oneway", "yes")
	w.way(6, []int{41, 42}, "highway", "residential")
	r := w.imported(t, Options{})
	n, report := r.Net, r.Report
	if m := n.Modes[link(t, &n, 13, 14)]; m != city.AllowWalk|city.AllowBus {
		t.Errorf("the spur allows %b", m)
	}
	if slices.Contains(n.NodeOSM, 41) {
		// Buses keep no promise of connectivity, so the island may stay for them.
		if m := n.Modes[link(t, &n, 41, 42)]; m&^city.AllowBus != 0 {
			t.Errorf("the island allows %b", m)
		}
	}
	for _, r := range report {
		if r.What == "car streets dropped" && math.Abs(r.Count-0.2224) > 0.001 {
			t.Errorf("dropped %g km, want two blocks", r.Count)
		}
	}
}

// Both carriageways of a main road leave the map at node 13/23: without the
// link that turns round outside they would be lost.
func TestCarriagewaysAreJoinedAtTheEdge(t *testing.T) {
	w := &town{}
	for _, id := range []int{11, 12, 13, 21, 22, 23} {
		w.node(id)
	}
	w.way(1, []int{11, 12, 13}, "highway", "trunk", "oneway", "yes")
	w.way(2, []int{23, 22, 21}, "highway", "trunk", "oneway", "yes")
	w.way(3, []int{21, 11}, "highway", "residential")
	n := w.imported(t, Options{}).Net
	l := link(t, &n, 13, 23)
	if n.Modes[l]&city.AllowCar == 0 || n.LengthM[l] != turnAroundM {
		t.Errorf("the turn allows %b and is %g m long", n.Modes[l], n.LengthM[l])
	}
	if n.Modes[link(t, &n, 11, 13)]&city.AllowCar == 0 {
		t.Error("the carriageway out is closed to cars")
	}
}

func TestSpeedsAndLanes(t *testing.T) {
	for v, want := range map[string]float64{"50": 50, "30 mph": 48.28032, "30mph": 48.28032, "80 km/h": 80, "GB:nsl_single": 96.6, "walk": 6, "50;30": 50} {
		if got, ok := parseSpeedKMH(v); !ok || math.Abs(got-want) > 1e-6 {
			t.Errorf("maxspeed %q is %g, %v; want %g", v, got, ok, want)
		}
	}
	for v, want := range map[string]float64{"GB:nsl_dual": 112.7, "GB:urban": 48.3, "FR:rural": 80, "DE:zone:30": 30, "DE:zone30": 30, "GB:20zone": 32.18688, "us:urban": 40.2, "IT:motorway": 130, "none": 130} {
		if got, ok := parseSpeedKMH(v); !ok || math.Abs(got-want) > 1e-6 {
			t.Errorf("maxspeed %q is %g, %v; want %g", v, got, ok, want)
		}
	}
	for _, v := range []string{"", "signals", "-5", "NaN", "1e9", "fast", "12 knots", "XX:urban", "DE:zone", "DE:fast", "DE:zone:-3"} {
		if got, ok := parseSpeedKMH(v); ok {
			t.Errorf("maxspeed %q is read as %g", v, got)
		}
	}
	tags := func(s ...string) (t osm.Tags) {
		for i := 0; i+1 < len(s); i += 2 {
			t = append(t, osm.Tag{Key: s[i], Value: s[i+1]})
		}
		return t
	}
	res, trunk := highwayRules["residential"], highwayRules["trunk"]
	for _, tc := range []struct {
		tags   osm.Tags
		rule   highwayRule
		oneway bool
		f, b   float32
	}{
		{nil, res, false, 1, 1},
		{nil, trunk, true, 2, 2},
		{tags("lanes", "4"), res, false, 2, 2},
		{tags("lanes", "3"), trunk, true, 3, 3},
		{tags("lanes", "1"), res, false, 1, 1},
		{tags("lanes", "3", "lanes:forward", "2", "lanes:backward", "1"), res, false, 2, 1},
		{tags("lanes", "many"), res, false, 1, 1},
		{tags("lanes", "3", "lanes:backward", "1"), res, false, 2, 1},
		{tags("lanes", "3", "lanes:both_ways", "1"), res, false, 1, 1},
		{tags("lanes", "3", "lanes:psv", "1"), trunk, true, 2, 2},
		{tags("lanes", "4", "lanes:psv:backward", "1"), res, false, 2, 1},
		{tags("lanes", "3", "bus:lanes", "designated|yes|yes"), trunk, true, 2, 2},
		{tags("lanes", "3", "busway:left", "lane"), trunk, true, 2, 2},
		{tags("lanes", "1", "lanes:bus", "1"), res, true, 1, 1},
	} {
		if f, b := laneHabits(nil).lanes(tc.tags, tc.rule, tc.oneway); f != tc.f || b != tc.b {
			t.Errorf("lanes of %v: %g, %g; want %g, %g", tc.tags, f, b, tc.f, tc.b)
		}
	}
	// At 5 km/h a primary lane cannot carry 1,500 an hour: C = u*k/2.
	u := float32(5 / 3.6)
	if c, k := capacity(city.Primary, false, 1, u); math.Abs(float64(c-u*k/2)) > 1e-6 {
		t.Errorf("capacity %g at crawling speed, want %g", c, u*k/2)
	}
}

func TestAreas(t *testing.T) {
	w := &town{}
	for _, id := range []int{0, 3, 33, 30, 11, 12, 22, 21, 1} {
		w.node(id)
	}
	w.way(1, []int{0, 3, 33}, "note", "half of the outline")
	w.way(2, []int{33, 30, 0})
	w.way(3, []int{11, 12, 22, 21, 11})
	w.way(4, []int{11, 12, 22, 21, 11}, "building", "house")
	fmt.Fprint(&w.rest, `<relation id="1"><member type="way" ref="1" role="outer"/><member type="way" ref="2" role="outer"/><member type="way" ref="3" role="inner"/><tag k="type" v="multipolygon"/><tag k="building" v="school"/></relation>`)
	fmt.Fprint(&w.rest, `<relation id="2"><member type="way" ref="1" role="outer"/><tag k="type" v="multipolygon"/><tag k="building" v="school"/></relation>`)
	src, err := Read(strings.NewReader("<osm>" + w.nodes.String() + w.rest.String() + "</osm>"))
	if err != nil {
		t.Fatal(err)
	}
	areas, broken := Areas(src, townBox, func(t osm.Tags) bool { return t.Find("building") != "" })
	if len(areas) != 2 || broken != 1 {
		t.Fatalf("%d areas and %d broken, want 2 and 1 (an open outline)", len(areas), broken)
	}
	side := city.EarthRadiusM * 0.001 * math.Pi / 180
	school, house := areas[0], areas[1]
	if want := 8 * side * side; math.Abs(school.GroundM2/want-1) > 1e-4 {
		t.Errorf("the school with its courtyard covers %g m2, want %g", school.GroundM2, want)
	}
	if math.Abs(house.GroundM2/(side*side)-1) > 1e-4 {
		t.Errorf("the house covers %g m2", house.GroundM2)
	}
	if school.Contains(house.X, house.Y) || !house.Contains(house.X, house.Y) {
		t.Error("the courtyard is not part of the school")
	}
	if u, known := BuildingUse(house.Tags); u != Home || !known {
		t.Errorf("a house is used for %q", u)
	}
}

func TestReadRefusesBadFiles(t *testing.T) {
	for name, in := range map[string]string{
		"empty": "", "not a map": "hello, this is no map at all", "cut XML": "<osm><node id=\"1\" lat=\"1\" lon=",
		"huge coordinate": `<osm><node id="1" lat="91" lon="0"/></osm>`,
	} {
		if _, err := Read(strings.NewReader(in)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	src, err := Read(strings.NewReader("<osm></osm>"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Import(src, Options{BBox: townBox}); err == nil || !strings.Contains(err.Error(), "no street") {
		t.Errorf("an empty map gives %v", err)
	}
}

// FuzzStreets edits a small map: whatever comes out must be a valid network or
// an error.
func FuzzStreets(f *testing.F) {
	w := cross()
	w.restriction(9, 1, 12, 4, "restriction", "only_left_turn")
	f.Add([]byte("<osm>" + w.nodes.String() + w.rest.String() + "</osm>"))
	f.Add([]byte(`<osm><node id="1" lat="0" lon="0"/><way id="1"><nd ref="1"/><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way></osm>`))
	d := dual()
	d.over(1, 1, []int{5}, 4, "restriction", "no_u_turn")
	d.over(2, 6, []int{5}, 4, "restriction:conditional", "only_left_turn @ (Mo-Fr 07:00-19:00)")
	f.Add([]byte("<osm>" + d.nodes.String() + d.rest.String() + "</osm>"))
	r := mini(0.1)
	r.way(5, []int{101, 102, 103}, "highway", "tertiary", "junction", "roundabout")
	r.way(8, []int{103, 104, 105, 101}, "highway", "tertiary", "junction", "roundabout")
	r.restriction(9, 5, 103, 8, "restriction", "no_left_turn")
	f.Add([]byte("<osm>" + r.nodes.String() + r.rest.String() + "</osm>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 0 && b[0] != '<' {
			return // FuzzReadPBF
		}
		src, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		r, err := Import(src, Options{BBox: townBox})
		if err != nil {
			return
		}
		c := city.City{Info: city.Info{BBox: townBox}, Net: r.Net}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		Areas(src, townBox, func(osm.Tags) bool { return true })
	})
}
