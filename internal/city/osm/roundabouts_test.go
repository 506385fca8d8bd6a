package osm

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
)

// at places a node anywhere, in thousandths of a degree (111.2 m).
func (w *town) at(id int, x, y float64, tags ...string) {
	fmt.Fprintf(&w.nodes, `<node id="%d" lat="%g" lon="%g">%s</node>`, id, y*0.001, x*0.001, kv(tags))
}

// mini draws a roundabout at (2, 2) with half-diagonal r (thousandths of a
// degree): ring nodes 101 west, 102 north, 103 east, 104 south, driven
// clockwise, and one street to each, from 20, 42, 24 and 2. A footpath ends at
// a shape point of the ring (105, between south and west).
//
//	      42
//	       |
//	20 -- (2,2) -- 24
//	       |
//	       2
func mini(r float64) *town {
	w := &town{}
	for _, id := range []int{20, 42, 24, 2} {
		w.node(id)
	}
	w.node(11)
	w.at(101, 2-r, 2)
	w.at(102, 2, 2+r)
	w.at(103, 2+r, 2)
	w.at(104, 2, 2-r)
	w.at(105, 2-r/2, 2-r/2)
	w.way(1, []int{20, 101}, "highway", "tertiary")
	w.way(2, []int{42, 102}, "highway", "tertiary")
	w.way(3, []int{24, 103}, "highway", "tertiary")
	w.way(4, []int{2, 104}, "highway", "tertiary")
	w.way(6, []int{11, 105}, "highway", "footway")
	w.way(7, []int{11, 20}, "highway", "footway")
	return w
}

func reported(t *testing.T, report []city.ReportLine, what string) float64 {
	t.Helper()
	for _, r := range report {
		if r.What == what {
			return r.Count
		}
	}
	t.Fatalf("the report has no line %q", what)
	return 0
}

// One closed way or three open ones: the ring becomes node 101 at the centre,
// and whoever reached the ring reaches it.
func TestASmallRoundaboutIsOneJunction(t *testing.T) {
	ring := []string{"highway", "tertiary", "junction", "roundabout"}
	for name, draw := range map[string]func(w *town){
		"one way": func(w *town) { w.way(5, []int{101, 102, 103, 104, 105, 101}, ring...) },
		"three ways": func(w *town) {
			w.way(5, []int{101, 102}, ring...)
			w.way(8, []int{102, 103, 104}, ring...)
			w.way(9, []int{104, 105, 101}, ring...)
		},
	} {
		w := mini(0.1) // 4 sides of 15.7 m
		draw(w)
		w.restriction(90, 5, 101, 1, "restriction", "no_u_turn")       // from the ring
		w.restriction(91, 1, 101, 1, "restriction", "no_u_turn")       // over a ring node
		w.restriction(92, 1, 20, 7, "restriction", "only_straight_on") // elsewhere
		src := w.source(t)
		r := imported(t, src, Options{Anchors: [][2]float64{{0.00205, 0.00212}}})
		n, report := r.Net, r.Report
		want := "101>2 cbwp\n101>20 cbwp\n101>20 w\n101>24 cbwp\n101>42 cbwp\n20>101 cbwp\n20>101 w\n24>101 cbwp\n2>101 cbwp\n42>101 cbwp"
		if got := links(&n); got != want {
			t.Fatalf("%s: links:\n%s\nwant:\n%s", name, got, want)
		}
		v := slices.Index(n.NodeOSM, 101)
		if math.Abs(n.NodeLon[v]-0.002) > 1e-9 || math.Abs(n.NodeLat[v]-0.002) > 1e-9 {
			t.Errorf("%s: the junction lies at %g, %g", name, n.NodeLon[v], n.NodeLat[v])
		}
		l := link(t, &n, 20, 101)
		end := n.GeomFirst[l+1] - 1
		if n.GeomLon[end] != 0.002 || n.GeomLat[end] != 0.002 {
			t.Errorf("%s: the approach ends at %g, %g", name, n.GeomLon[end], n.GeomLat[end])
		}
		if want := 2 * city.EarthRadiusM * 0.001 * math.Pi / 180; math.Abs(float64(n.LengthM[l])-want) > 0.1 {
			t.Errorf("%s: the approach is %g m long, want %g", name, n.LengthM[l], want)
		}
		if got := reported(t, report, "roundabouts drawn as one junction"); got != 1 {
			t.Errorf("%s: %g roundabouts reported", name, got)
		}
		if got := reported(t, report, "turn restrictions at roundabouts drawn as one junction"); got != 2 {
			t.Errorf("%s: %g restrictions dropped, want 2", name, got)
		}
		if slices.Contains(n.Roundabout, true) {
			t.Errorf("%s: a ring link is left", name)
		}
		// Buildings are read from the same source: it must not have moved.
		if i := src.node(101); src.Lon[i] != 0.0019 || src.Lat[i] != 0.002 {
			t.Errorf("%s: the source was changed: node 101 lies at %g, %g", name, src.Lon[i], src.Lat[i])
		}
	}
}

// A larger ring, and rings that one node would open or close, stay as drawn.
func TestRoundaboutsThatStayRings(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    float64
		tags []string
		draw func(w *town)
		ring int // marked links
	}{
		{"157 m around", 0.25, nil, nil, 4}, // 8 links; the footpath's end is no junction of cars, but a node
		{"not closed", 0.1, nil, func(w *town) {
			w.way(5, []int{101, 102, 103, 104}, "highway", "tertiary", "junction", "roundabout", "oneway", "no")
		}, 6},
	} {
		w := mini(tc.r)
		if tc.draw == nil {
			w.way(5, []int{101, 102, 103, 104, 105, 101}, "highway", "tertiary", "junction", "roundabout")
		} else {
			tc.draw(w)
		}
		r := w.imported(t, Options{})
		n, report := r.Net, r.Report
		if got := reported(t, report, "roundabouts drawn as one junction"); got != 0 {
			t.Errorf("%s: %g became one node", tc.name, got)
		}
		marked := 0
		for l := range n.NumLinks() {
			if !n.Roundabout[l] {
				continue
			}
			if n.Modes[l]&city.AllowCar == 0 {
				continue // walkers go round both ways
			}
			marked++
			// 1,400 an hour where a tertiary street has 1,140.
			if got := float64(n.CapacityVS[l]) * 3600; math.Abs(got-ringCapacityH) > 0.01 {
				t.Errorf("%s: a ring link carries %g an hour, want %d", tc.name, got, ringCapacityH)
			}
		}
		if marked < tc.ring {
			t.Errorf("%s: %d car links are marked, want at least %d:\n%s", tc.name, marked, tc.ring, links(&n))
		}
		if got := float64(n.CapacityVS[link(t, &n, 20, 101)]) * 3600; math.Abs(got-1140) > 0.01 {
			t.Errorf("%s: the approach carries %g an hour, want its class's 1140", tc.name, got)
		}
	}
}

func TestARingWithABarrierOrForNobodyStays(t *testing.T) {
	for name, draw := range map[string]func(w *town){
		"bollard on the ring": func(w *town) {
			w.at(106, 2.05, 2.05, "barrier", "bollard")
			w.way(5, []int{101, 102, 106, 103, 104, 105, 101}, "highway", "tertiary", "junction", "roundabout")
		},
		"closed to cars": func(w *town) {
			w.way(5, []int{101, 102, 103, 104, 105, 101}, "highway", "tertiary", "junction", "roundabout", "motor_vehicle", "no")
		},
	} {
		w := mini(0.1)
		draw(w)
		r := w.imported(t, Options{})
		n, report := r.Net, r.Report
		if got := reported(t, report, "roundabouts drawn as one junction"); got != 0 || !strings.Contains(links(&n), "101>102") {
			t.Errorf("%s: %g became one node:\n%s", name, got, links(&n))
		}
	}
}

// Two mini-roundabouts that touch are one junction; streets that only joined
// them to one another vanish with them or become loops cut in two.
func TestTouchingRoundaboutsAreOneJunction(t *testing.T) {
	w := mini(0.1)
	w.at(107, 2.15, 2.05)
	w.at(108, 2.15, 1.95)
	w.way(5, []int{101, 102, 103, 104, 105, 101}, "highway", "tertiary", "junction", "roundabout")
	w.way(8, []int{103, 107, 108, 103}, "highway", "tertiary", "junction", "roundabout")
	w.way(9, []int{102, 107}, "highway", "tertiary")
	w.way(10, []int{108, 13, 104}, "highway", "residential")
	w.node(13)
	r := w.imported(t, Options{})
	n, report := r.Net, r.Report
	if got := reported(t, report, "roundabouts drawn as one junction"); got != 2 {
		t.Errorf("%g roundabouts reported, want 2", got)
	}
	for _, id := range []int64{102, 103, 104, 107, 108} {
		if slices.Contains(n.NodeOSM, id) {
			t.Errorf("ring node %d is still there:\n%s", id, links(&n))
		}
	}
	link(t, &n, 101, 24)
}
