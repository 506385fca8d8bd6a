package mapmatch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/pq"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
)

// A grid of 8 x 8 junctions, 250 m apart. Places are written (column, row) and
// may lie between junctions.
func blocks() *city.City {
	o := testcity.Default()
	o.N, o.LineEvery = 8, -1
	return testcity.Grid(o)
}

type at struct{ col, row float64 }

// route goes along places; stops are those with the given numbers.
func route(c *city.City, shape []at, stops []at, offM float64) Route {
	o := testcity.NodeAt(c, 0, 0)
	lon := func(p at) float64 { return c.Net.NodeLon[o] + (p.col*250+offM)*testcity.DegPerM }
	lat := func(p at) float64 { return c.Net.NodeLat[o] + (p.row*250+offM)*testcity.DegPerM }
	var r Route
	for _, s := range stops {
		r.StopLon, r.StopLat = append(r.StopLon, lon(s)), append(r.StopLat, lat(s))
	}
	start := []float64{0}
	for i, p := range shape {
		r.ShapeLon, r.ShapeLat = append(r.ShapeLon, float32(lon(p))), append(r.ShapeLat, float32(lat(p)))
		if i > 0 {
			start = append(start, start[i-1]+250*(math.Abs(p.col-shape[i-1].col)+math.Abs(p.row-shape[i-1].row)))
		}
	}
	for k := 0; len(shape) > 0 && len(r.At) < len(stops); k++ {
		// The stop lies on the shape: on this stretch behind the last stop, or
		// on a later one.
		s, a, b := stops[len(r.At)], shape[k], shape[k+1]
		if d := math.Abs(s.col-a.col) + math.Abs(s.row-a.row); d+math.Abs(s.col-b.col)+math.Abs(s.row-b.row) < start[k+1]/250-start[k]/250+1e-9 && (len(r.At) == 0 || start[k]+250*d > r.At[len(r.At)-1]) {
			r.At = append(r.At, start[k]+250*d)
			k--
		}
	}
	return r
}

// nodes are the junctions of a hop's links, in words.
func nodes(c *city.City, h Hop) string {
	if len(h.Links) == 0 {
		return "none"
	}
	s := ""
	for i, l := range h.Links {
		if i == 0 {
			s = fmt.Sprintf("%d,%d", int(c.Net.From[l])%8, int(c.Net.From[l])/8)
		}
		s += fmt.Sprintf(" %d,%d", int(c.Net.To[l])%8, int(c.Net.To[l])/8)
	}
	return fmt.Sprintf("%s [%.2f %.2f]", s, h.From, h.To)
}

// Lines that take their time: not the shortest way, but the one drawn, five
// metres beside the streets; a loop around a block; there and back.
func TestTheShapeIsFollowed(t *testing.T) {
	c := blocks()
	m := New(&c.Net, c.Projection())
	for _, tc := range []struct {
		name         string
		shape, stops []at
		want         []string
	}{
		{"detour", []at{{1, 1}, {1, 4}, {3, 4}, {3, 1}, {4, 1}}, []at{{1, 1.5}, {4, 1}},
			[]string{"1,1 1,2 1,3 1,4 2,4 3,4 3,3 3,2 3,1 4,1 [0.52 1.00]"}},
		{"stops between junctions", []at{{0, 2}, {5, 2}}, []at{{0.4, 2}, {2.5, 2}, {2.9, 2}, {4.2, 2}},
			[]string{"0,2 1,2 2,2 3,2 [0.42 0.52]", "2,2 3,2 [0.52 0.92]", "2,2 3,2 4,2 5,2 [0.92 0.22]"}},
		{"round a block to the same street", []at{{1, 1}, {3, 1}, {3, 2}, {2, 2}, {2, 1}, {4, 1}}, []at{{1.3, 1}, {2.5, 2}, {3.5, 1}},
			[]string{"1,1 2,1 3,1 3,2 2,2 [0.32 0.48]", "3,2 2,2 2,1 3,1 4,1 [0.48 0.52]"}},
		{"there and back", []at{{2, 3}, {6, 3}, {6, 4}, {5, 4}, {5, 3}, {2, 3}}, []at{{2.2, 3}, {5.8, 3}, {3.1, 3}},
			[]string{"2,3 3,3 4,3 5,3 6,3 [0.22 0.82]", "5,3 6,3 6,4 5,4 5,3 4,3 3,3 [0.82 0.88]"}},
	} {
		hops := m.Match(route(c, tc.shape, tc.stops, 5))
		for i, want := range tc.want {
			if got := nodes(c, hops[i]); got != want || hops[i].How != city.HopShape || hops[i].OffM > 6 {
				t.Errorf("%s, hop %d: %s, way %d, %.1f m off; want %s", tc.name, i, got, hops[i].How, hops[i].OffM, want)
			}
		}
		if len(hops) != len(tc.stops) || len(hops[len(hops)-1].Links) > 0 {
			t.Errorf("%s: %d hops", tc.name, len(hops))
		}
	}
}

// Without a shape, or with one that lies elsewhere, the quickest way stands in,
// and says so.
func TestTheQuickestWayStandsIn(t *testing.T) {
	c := blocks()
	for l := range c.Net.NumLinks() { // the row 3 is slow
		if a, b := c.Net.From[l], c.Net.To[l]; a/8 == 3 && b/8 == 3 {
			c.Net.SpeedMS[l] /= 10
		}
	}
	m := New(&c.Net, c.Projection())
	stops := []at{{1, 2.9}, {5, 2.9}}
	want := "1,3 1,2 2,2 3,2 4,2 5,2 5,3 [0.10 0.90]"
	r := route(c, nil, stops, 0)
	if h := m.Match(r)[0]; nodes(c, h) != want || h.How != city.HopShortest {
		t.Errorf("without a shape: %s, way %d; want %s", nodes(c, h), h.How, want)
	}
	r = route(c, []at{{1, 3.3}, {5, 3.3}}, []at{{1, 3.3}, {5, 3.3}}, 0) // a line between two streets, 75 m off one of them
	if h := m.Match(r)[0]; h.How == city.HopShape {
		t.Errorf("a shape beside all streets is believed: %s, %.1f m off", nodes(c, h), h.OffM)
	}
}

func TestBansAndBusLanes(t *testing.T) {
	c := blocks()
	n := &c.Net
	link := func(a, b units.NodeID) units.LinkID {
		for l, end := n.Out(a); l < end; l++ {
			if n.To[l] == b {
				return l
			}
		}
		t.Fatalf("no link %d-%d", a, b)
		return 0
	}
	node := func(col, row int) units.NodeID { return testcity.NodeAt(c, col, row) }
	// No turn from going east into going north at (3, 2); the street (4, 2) to
	// (4, 3) is closed to buses.
	ban, to := link(node(2, 2), node(3, 2)), link(node(3, 2), node(3, 3))
	n.BanFirst = make([]uint32, n.NumLinks()+1)
	for l := int(ban) + 1; l <= n.NumLinks(); l++ {
		n.BanFirst[l] = 1
	}
	n.BanTo = []units.LinkID{to}
	n.Modes[link(node(4, 2), node(4, 3))] &^= city.AllowBus
	m := New(n, c.Projection())
	h := m.Match(route(c, []at{{1, 2}, {3, 2}, {3, 4}}, []at{{1.2, 2}, {3, 3.5}}, 0))[0]
	for i := 1; i < len(h.Links); i++ {
		if slices.Contains(n.Bans(h.Links[i-1]), h.Links[i]) {
			t.Errorf("a banned turn: %s", nodes(c, h))
		}
		if h.Links[i] == n.Reverse[h.Links[i-1]] {
			t.Errorf("turns round in the street: %s", nodes(c, h))
		}
	}
	for _, l := range h.Links {
		if n.Modes[l]&city.AllowBus == 0 {
			t.Errorf("on a street without buses: %s", nodes(c, h))
		}
	}
	if len(h.Links) == 0 {
		t.Error("no way was found")
	}
}

// A stop away from all streets breaks the line in two; the rest is matched.
func TestAStopOffTheStreets(t *testing.T) {
	c := blocks()
	m := New(&c.Net, c.Projection())
	hops := m.Match(route(c, nil, []at{{1, 1}, {2, 1}, {2.5, 1.5}, {4, 1}, {5, 1}}, 0))
	var how []city.HopMatch
	for _, h := range hops {
		how = append(how, h.How)
	}
	if want := []city.HopMatch{city.HopShortest, city.HopNone, city.HopNone, city.HopShortest, city.HopNone}; !slices.Equal(how, want) {
		t.Errorf("%v, want %v", how, want)
	}
}

// One hop without a shape is a shortest path: against a plain search over links
// and turns that shares no code, on a grid with random speeds and closures.
func TestQuickestAgainstAPlainSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 0))
	for round := range 40 {
		c := blocks()
		n := &c.Net
		for l := range n.NumLinks() {
			n.SpeedMS[l] = float32(4 + 12*rng.Float64())
			if rng.IntN(6) == 0 {
				n.Modes[l] &^= city.AllowBus
			}
		}
		m := New(n, c.Projection())
		src := []candidate{{link: units.LinkID(rng.IntN(n.NumLinks())), at: rng.Float64()}}
		dst := []candidate{{link: units.LinkID(rng.IntN(n.NumLinks())), at: rng.Float64()}}
		if n.Modes[src[0].link]&city.AllowBus == 0 || n.Modes[dst[0].link]&city.AllowBus == 0 {
			continue
		}
		m.shaped = false
		got := math.Inf(1)
		if m.step(src, dst) {
			got = dst[0].cost
		}
		if want := plain(n, src[0], dst[0]); math.Abs(got-want) > 1e-6 && !(math.IsInf(got, 1) && math.IsInf(want, 1)) {
			t.Errorf("round %d: cost %g, want %g", round, got, want)
		}
	}
}

// plain labels starts of links.
func plain(n *city.Network, a, b candidate) float64 {
	w := func(l units.LinkID) float64 { return float64(n.LengthM[l]) / float64(n.SpeedMS[l]) * paceMS }
	best := math.Inf(1)
	if a.link == b.link && b.at >= a.at {
		best = (b.at - a.at) * w(a.link)
	}
	dist := map[units.LinkID]float64{}
	var q pq.Queue // links by cost at their start
	from := func(l units.LinkID, cost float64) {
		var ways []units.LinkID
		for m, end := n.Out(n.To[l]); m < end; m++ {
			if n.Modes[m]&city.AllowBus != 0 {
				ways = append(ways, m)
			}
		}
		for _, m := range ways {
			if m == n.Reverse[l] && len(ways) > 1 {
				continue
			}
			if d, ok := dist[m]; !ok || cost < d {
				dist[m] = cost
				q.Push(cost, uint32(m))
			}
		}
	}
	from(a.link, (1-a.at)*w(a.link))
	for q.Len() > 0 {
		top := q.Pop()
		link, cost := units.LinkID(top.ID()), top.Key()
		if cost > dist[link] {
			continue
		}
		if link == b.link {
			best = min(best, cost+b.at*w(b.link))
		}
		from(link, cost+w(link))
	}
	return best
}
