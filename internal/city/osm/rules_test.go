package osm

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

func (w *town) over(id int, from int, via []int, to int, tags ...string) {
	fmt.Fprintf(&w.rest, `<relation id="%d"><member type="way" ref="%d" role="from"/>`, id, from)
	for _, v := range via {
		fmt.Fprintf(&w.rest, `<member type="way" ref="%d" role="via"/>`, v)
	}
	fmt.Fprintf(&w.rest, `<member type="way" ref="%d" role="to"/>%s</relation>`, to, kv(append([]string{"type", "restriction"}, tags...)))
}

// drive tells whether a car can follow OSM nodes one after another, turns
// obeyed, over any of parallel links.
func drive(n *city.Network, nodes ...int64) bool {
	var at []units.LinkID
	for i := 1; i < len(nodes); i++ {
		var next []units.LinkID
		for l := range units.LinkID(n.NumLinks()) {
			if n.NodeOSM[n.From[l]] != nodes[i-1] || n.NodeOSM[n.To[l]] != nodes[i] || n.Modes[l]&city.AllowCar == 0 {
				continue
			}
			if i == 1 || slices.ContainsFunc(at, func(p units.LinkID) bool { return !slices.Contains(n.Bans(p), l) }) {
				next = append(next, l)
			}
		}
		at = next
	}
	return len(at) > 0
}

// Two carriageways, 1x east and 3x west, with a crossing at 12-22-32 whose middle
// is one junction more:
//
//	30-31-32-33-34   way 3 (32-31-30) and 33.. 4
//	       |
//	      22-23      way 6, a side street that may turn
//	       |
//	10-11-12-13-14   way 1 (10-11-12) and 2
func dual() *town {
	w := &town{}
	for _, id := range []int{10, 11, 12, 13, 14, 22, 23, 24, 30, 31, 32, 33, 34, 44, 40} {
		w.node(id)
	}
	w.way(1, []int{10, 11, 12}, "highway", "primary", "oneway", "yes")
	w.way(2, []int{12, 13, 14}, "highway", "primary", "oneway", "yes")
	w.way(3, []int{34, 33, 32}, "highway", "primary", "oneway", "yes")
	w.way(4, []int{32, 31, 30}, "highway", "primary", "oneway", "yes")
	w.way(5, []int{12, 22, 32}, "highway", "primary_link")
	w.way(6, []int{22, 23, 24}, "highway", "residential")
	w.way(7, []int{24, 14}, "highway", "residential")
	w.way(8, []int{14, 44, 34}, "highway", "residential")
	w.way(9, []int{30, 40, 10}, "highway", "residential")
	return w
}

func TestTurnRestrictionOverAWay(t *testing.T) {
	uTurn := []int64{10, 12, 22, 32, 30}
	straight := []int64{10, 12, 22, 24}
	fromSide := []int64{24, 22, 32, 30}
	ahead := []int64{10, 12, 14}
	free := dual().imported(t, Options{}).Net
	for _, p := range [][]int64{uTurn, straight, fromSide, ahead} {
		if !drive(&free, p...) {
			t.Fatalf("%v is closed without a restriction:\n%s", p, links(&free))
		}
	}
	w := dual()
	w.over(1, 1, []int{5}, 4, "restriction", "no_u_turn")
	r := w.imported(t, Options{})
	if drive(&r.Net, uTurn...) {
		t.Error("the U-turn over the link is still open")
	}
	for _, p := range [][]int64{straight, fromSide, ahead} {
		if !drive(&r.Net, p...) {
			t.Errorf("%v is closed, too", p)
		}
	}
	// Driving round the block to the link again is another matter.
	if !drive(&r.Net, 10, 12, 22, 24, 22, 32, 30) {
		t.Error("who turned off and came back may not turn")
	}
	if got := line(t, r, "turn restrictions over a way applied"); got != 1 {
		t.Errorf("%g applied", got)
	}
	// Over two ways, and only_: there is one way out.
	w = dual()
	w.over(1, 1, []int{5}, 4, "restriction", "only_left_turn")
	only := w.imported(t, Options{}).Net
	if !drive(&only, uTurn...) || !drive(&only, fromSide...) || drive(&only, 10, 12, 22, 32, 22) {
		t.Errorf("only_left_turn over a way:\n%s", links(&only))
	}
	// The copy is drawn with its original, which keeps its own direction.
	of, copies := r.Net.Originals(), 0
	for l, o := range of {
		if o != units.LinkID(l) {
			copies++
			if r.Net.Reverse[l] != units.NoLink || r.Net.Reverse[o] == units.NoLink || r.Net.From[o] != r.Net.From[l] || r.Net.To[o] != r.Net.To[l] {
				t.Errorf("link %d is taken for a copy of %d", l, o)
			}
		}
	}
	drawn := func(n city.Network) int {
		return bytes.Count(city.StreetsGeoJSON(&city.City{Net: n}), []byte("LineString"))
	}
	if copies == 0 || drawn(r.Net) != drawn(free) {
		t.Errorf("%d copies; %d streets are drawn, %d without the restriction", copies, drawn(r.Net), drawn(free))
	}
	// Copies are for cars.
	for l := range r.Net.NumLinks() {
		if r.Net.NodeOSM[r.Net.From[l]] == 12 && r.Net.NodeOSM[r.Net.To[l]] == 22 && r.Net.Reverse[l] == units.NoLink && r.Net.Modes[l] != city.AllowCar {
			t.Errorf("a copy allows %b", r.Net.Modes[l])
		}
	}
	// Out of the file, at the edge, or not joined: no harm.
	for _, via := range [][]int{{77}, {6}, {5, 77}, {9}} {
		w = dual()
		w.over(1, 1, via, 4, "restriction", "no_u_turn")
		got := w.imported(t, Options{})
		if links(&got.Net) != links(&free) {
			t.Errorf("via %v changes the network", via)
		}
	}
}

// A restriction over a node that is stricter wins; both together leave no copy
// that nobody can reach.
func TestRestrictionOverANodeAndAWay(t *testing.T) {
	w := dual()
	w.restriction(1, 1, 12, 5, "restriction", "no_left_turn")
	w.over(2, 1, []int{5}, 4, "restriction", "no_u_turn")
	r := w.imported(t, Options{})
	if drive(&r.Net, 10, 12, 22) || !drive(&r.Net, 10, 12, 14) {
		t.Error("the ban at the node is gone")
	}
	if got := line(t, r, "banned turns lifted"); got != 0 {
		t.Errorf("%g bans lifted", got)
	}
}

func line(t *testing.T, r *Result, what string) float64 {
	t.Helper()
	for _, l := range r.Report {
		if l.What == what {
			return l.Count
		}
	}
	t.Fatalf("no line %q", what)
	return 0
}

// A bridge over a street shares no node with it.
func TestBridgesStayApart(t *testing.T) {
	w := &town{}
	for _, id := range []int{10, 11, 12, 1, 21, 22} {
		w.node(id)
	}
	w.node(5, "barrier", "kerb")
	w.way(1, []int{10, 11, 12}, "highway", "residential")
	w.way(2, []int{1, 21}, "highway", "residential", "bridge", "yes", "layer", "1") // over node 11
	w.way(3, []int{21, 22, 12}, "highway", "residential")
	w.way(4, []int{10, 1}, "highway", "residential", "tunnel", "yes")
	n := w.imported(t, Options{}).Net
	for l := range n.NumLinks() {
		if n.NodeOSM[n.From[l]] == 11 || n.NodeOSM[n.To[l]] == 11 {
			t.Errorf("the bridge meets what it crosses:\n%s", links(&n))
		}
	}
}

// Two streets between the same corners, a loop, and a dead end.
func TestParallelStreetsLoopsAndDeadEnds(t *testing.T) {
	w := &town{}
	for _, id := range []int{10, 12, 21, 1, 13, 14, 24, 23, 20} {
		w.node(id)
	}
	w.way(1, []int{10, 21, 12}, "highway", "residential")
	w.way(2, []int{10, 1, 12}, "highway", "residential")
	w.way(3, []int{12, 13, 14, 24, 23, 13}, "highway", "residential") // a lollipop
	w.way(4, []int{10, 20}, "highway", "residential")                 // 111 m
	n := w.imported(t, Options{}).Net
	parallel, loop := 0, 0
	for l := range n.NumLinks() {
		a, b := n.NodeOSM[n.From[l]], n.NodeOSM[n.To[l]]
		if a == 10 && b == 12 {
			parallel++
		}
		if a == b {
			t.Errorf("link %d is a self-loop", l)
		}
		if a == 13 && b != 12 {
			loop++
		}
	}
	if parallel != 2 || loop != 2 {
		t.Errorf("%d parallel links and %d ways into the loop, want 2 and 2:\n%s", parallel, loop, links(&n))
	}
	if !drive(&n, 10, 20) || !drive(&n, 20, 10) {
		t.Error("the dead end is gone")
	}
}

// Untagged one-way streets have the lanes of tagged ones, once there are enough.
func TestLanesAreLearntFromTheMap(t *testing.T) {
	for _, tc := range []struct {
		tagged int
		lanes  string
		want   float32
	}{{19, "3", 1}, {20, "3", 2}, {20, "1", 1}, {20, "2.5", 2}} {
		w := &town{}
		for _, id := range []int{10, 11, 12, 21, 22} {
			w.node(id)
		}
		for i := range tc.tagged {
			a := i % 2
			w.way(100+i, [][]int{{10, 11}, {11, 10}}[a], "highway", "secondary", "oneway", "yes", "lanes", tc.lanes)
		}
		w.way(1, []int{11, 12}, "highway", "secondary", "oneway", "yes")
		w.way(2, []int{12, 22, 21, 11}, "highway", "residential")
		n := w.imported(t, Options{}).Net
		if got := n.Lanes[link(t, &n, 11, 12)]; got != tc.want {
			t.Errorf("%d streets with %s lanes: an untagged one has %g, want %g", tc.tagged, tc.lanes, got, tc.want)
		}
	}
}

func TestFindings(t *testing.T) {
	w := cross()
	for _, id := range []int{14, 15, 41, 42, 52} {
		w.node(id)
	}
	w.way(5, []int{13, 14}, "highway", "residential", "oneway", "yes")
	w.way(6, []int{41, 42}, "highway", "residential")
	w.way(7, []int{10, 2}, "highway", "motorway", "oneway", "no", "maxspeed", "5")
	w.way(8, []int{2, 13}, "highway", "residential", "maxspeed", "120", "lanes", "6")
	w.way(9, []int{13, 22}, "highway", "tertiary", "maxspeed", "fast", "lanes", "many")
	w.restriction(50, 1, 12, 4, "restriction", "maybe_left")
	w.restriction(51, 1, 12, 4, "restriction:conditional", "no_left_turn @ (wet)")
	r := w.imported(t, Options{})
	want := map[string]string{
		"very slow main road":                   "way/7",
		"very fast small street":                "way/8",
		"more lanes than its class has":         "way/8",
		"speed limit not understood":            "way/9",
		"lanes not understood":                  "way/9",
		"one-way dead end":                      "way/5",
		"island cut off from the other streets": "way/6",
		"turn restriction not understood":       "relation/50",
		"condition not understood":              "relation/51",
	}
	for _, k := range r.Findings {
		if k.Total != len(k.Shown) || k.Means == "" {
			t.Errorf("%q: %d of %d, %q", k.Kind, len(k.Shown), k.Total, k.Means)
		}
		f := k.Shown[0]
		if want := "https://www.openstreetmap.org/" + want[k.Kind]; f.Link() != want {
			t.Errorf("%q points at %s, want %s", k.Kind, f.Link(), want)
		}
		if !city.InBox(townBox, f.Lon, f.Lat) {
			t.Errorf("%q lies at %g, %g", k.Kind, f.Lon, f.Lat)
		}
		if got := line(t, r, "suspicious: "+k.Kind); got != float64(k.Total) {
			t.Errorf("%q: the report says %g", k.Kind, got)
		}
		delete(want, k.Kind)
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

// However many, a bounded number is kept.
func TestFindingsAreBounded(t *testing.T) {
	w := cross()
	for i := range 3 * maxShown {
		w.way(100+i, []int{10, 2}, "highway", "residential", "maxspeed", "fast")
	}
	r := w.imported(t, Options{})
	if k := r.Findings[0]; k.Total != 3*maxShown || len(k.Shown) != maxShown || k.Shown[0].ID != 100 {
		t.Errorf("%q: %d of %d", k.Kind, len(k.Shown), k.Total)
	}
}

// A piece of a street with fewer lanes than both neighbours, and one of a lower
// class.
func TestNarrowPieces(t *testing.T) {
	w := &town{}
	for _, id := range []int{10, 11, 12, 13, 14, 24, 20} {
		w.node(id)
	}
	main := []string{"highway", "primary", "oneway", "yes", "name", "Main Street"}
	w.way(1, []int{10, 11}, append(main, "lanes", "3")...)
	w.way(2, []int{11, 12}, append(main, "lanes", "1")...)
	w.way(3, []int{12, 13}, append(main, "lanes", "3")...)
	w.way(4, []int{13, 14}, append(main, "lanes", "3")...)
	w.way(5, []int{14, 24, 20, 10}, "highway", "tertiary")
	r := w.imported(t, Options{})
	if k := r.Findings[0]; k.Kind != "lanes change along one street" || k.Total != 1 || k.Shown[0].ID != 2 || k.Shown[0].Detail != "Main Street: 1 lane between 3 and 3" {
		t.Errorf("%+v", r.Findings)
	}
}

// Five lanes with an arm of one.
func TestFunnels(t *testing.T) {
	w := cross()
	w.way(7, []int{10, 2}, "highway", "trunk", "oneway", "yes", "lanes", "5", "name", "Avenue")
	w.way(8, []int{2, 13}, "highway", "secondary", "oneway", "yes", "lanes", "1", "name", "Road")
	r := w.imported(t, Options{})
	if len(r.Findings) != 1 || r.Findings[0].Kind != "wide street into a narrow one" || r.Findings[0].Shown[0].ID != 7 || !strings.Contains(r.Findings[0].Shown[0].Detail, "10000 an hour), into Road, way 8 (1300") {
		t.Errorf("%+v", r.Findings)
	}
}

// The four signals where two dual carriageways cross are one junction.
func TestSignalsOfOneJunction(t *testing.T) {
	w := &town{}
	at := func(id int, x, y float64, tags ...string) {
		fmt.Fprintf(&w.nodes, `<node id="%d" lat="%g" lon="%g">%s</node>`, id, y, x, kv(tags))
	}
	for i, p := range [][2]float64{{0, 0}, {0.0002, 0}, {0.0002, 0.0002}, {0, 0.0002}} {
		at(i+1, p[0], p[1], "highway", "traffic_signals")
		at(i+11, p[0]*20-0.002, p[1]*20-0.002)
	}
	at(20, 0.004, 0, "highway", "traffic_signals")
	for i := range 4 {
		w.way(i+1, []int{i + 1, (i+1)%4 + 1}, "highway", "primary")
		w.way(i+11, []int{i + 1, i + 11}, "highway", "primary")
	}
	w.way(30, []int{2, 20, 12}, "highway", "primary")
	w.way(31, []int{20, 13}, "highway", "primary")
	r := w.imported(t, Options{})
	if on, junctions := line(t, r, "signals on junctions"), line(t, r, "signalled junctions"); on != 5 || junctions != 2 {
		t.Errorf("%g signals make %g junctions, want 5 and 2", on, junctions)
	}
}

func TestWhen(t *testing.T) {
	w := When{2, 8 * 3600, 10 * 3600}
	for tag, want := range map[string]string{
		"no_left_turn @ (Mo-Fr 07:00-19:00)":                            "no_left_turn",
		"no_left_turn @ Mo-Fr 07:00-19:00":                              "no_left_turn",
		"no_left_turn @ (07:00-09:00)":                                  "no_left_turn",
		"no_left_turn @ (07:00-08:59)":                                  "",
		"no_left_turn @ (Mo-Fr 06:00-08:30,09:30-11:00)":                "no_left_turn",
		"no_left_turn @ (Fr-Tu 08:00-12:00)":                            "no_left_turn",
		"no_left_turn @ (We,Th,Sa 08:00-12:00)":                         "",
		"no_left_turn @ (PH,Tu 08:00-12:00)":                            "no_left_turn",
		"no_left_turn @ (22:00-06:00)":                                  "",
		"no_left_turn @ (20:00-10:00)":                                  "no_left_turn",
		"no_left_turn @ (24/7)":                                         "no_left_turn",
		"no_left_turn @ (Mo-Fr 07:00-19:00; Tu off)":                    "",
		"no_u_turn @ (16:00-19:00); no_left_turn @ (Mo-Fr 07:00-10:00)": "no_left_turn",
	} {
		if got, ok := w.holds(tag); got != want || !ok {
			t.Errorf("%q: %q, %v; want %q", tag, got, ok, want)
		}
	}
	for _, tag := range []string{"", "no_left_turn", "no @ (wet)", "no @ (weight>7.5)", "no @ (Mo-Xx)", "no @ (25)", "no @ (sunrise-sunset)", "no @ ()", "no @ (07:00-09:00 AND length>5)", "no @ (2016 Apr 25 - 2016 Sep 26)"} {
		if got, ok := w.holds(tag); ok || got != "" {
			t.Errorf("%q: %q is understood", tag, got)
		}
	}
}
