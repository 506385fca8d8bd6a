package osm_test

import (
	"container/heap"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/osm"
	"github.com/malikobaid/cityflow/internal/units"
)

// Routes on the imported network against a slow, obvious Dijkstra on the raw
// file: read by another library, every shape point a node, rules of access,
// direction, speed, barriers, small roundabouts and turn restrictions written
// down a second time from the documentation.

type rawCity struct {
	slug, country string
	box           [4]float64
}

var rawCities = []rawCity{
	{"newport", "GB", [4]float64{-3.0941, 51.5175, -2.9204, 51.5987}},
	{"heidelberg", "DE", [4]float64{8.5817, 49.3478, 8.7996, 49.4633}},
	{"porto-alegre", "BR", [4]float64{-51.2664, -30.1133, -51.1322, -29.9905}},
	{"london-camden", "GB", [4]float64{-0.2132, 51.5085, -0.0895, 51.5832}},
}

// model is plain Dijkstra on the imported network, over links.
func modelCosts(n *city.Network, from units.NodeID, mode city.ModeSet, cost func(units.LinkID) float64, bans, undirected bool) []float64 {
	links := n.NumLinks()
	best := make([]float64, links)
	at := make([]float64, n.NumNodes())
	for i := range best {
		best[i] = math.Inf(1)
	}
	for i := range at {
		at[i] = math.Inf(1)
	}
	var q queue
	try := func(l units.LinkID, c float64) {
		if c += cost(l); c < best[l] {
			best[l] = c
			heap.Push(&q, item{c, state{arc{int(l), false}, 0}})
		}
	}
	out := func(v units.NodeID, f func(l units.LinkID, w units.NodeID)) {
		for l, e := n.Out(v); l < e; l++ {
			if n.Modes[l]&mode != 0 {
				f(l, n.To[l])
			}
		}
	}
	// Where directions and bans do not count, nodes do.
	if !bans {
		at[from] = 0
		heap.Push(&q, item{0, state{arc{int(from), false}, 0}})
		for q.Len() > 0 {
			x := heap.Pop(&q).(item)
			v := units.NodeID(x.st.arc.seg)
			if x.cost > at[v] {
				continue
			}
			relax := func(l units.LinkID, w units.NodeID) {
				if c := x.cost + cost(l); c < at[w] {
					at[w] = c
					heap.Push(&q, item{c, state{arc{int(w), false}, 0}})
				}
			}
			out(v, relax)
			if undirected {
				for _, l := range n.In(v) {
					if n.Modes[l]&mode != 0 {
						relax(l, n.From[l])
					}
				}
			}
		}
		return at
	}
	out(from, func(l units.LinkID, _ units.NodeID) { try(l, 0) })
	for q.Len() > 0 {
		x := heap.Pop(&q).(item)
		l := units.LinkID(x.st.arc.seg)
		if x.cost > best[l] {
			continue
		}
		at[n.To[l]] = min(at[n.To[l]], x.cost)
		banned := n.Bans(l)
		out(n.To[l], func(m units.LinkID, _ units.NodeID) {
			if !slices.Contains(banned, m) {
				try(m, x.cost)
			}
		})
	}
	return at
}

func TestRoutesAgreeWithTheRawMap(t *testing.T) {
	for _, c := range rawCities[:rawCitiesTested] {
		t.Run(c.slug, func(t *testing.T) {
			file := filepath.Join("..", "..", "..", "cities", c.slug, "osm.pbf")
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			src, err := osm.Read(f)
			if err != nil {
				t.Fatal(err)
			}
			res, err := osm.Import(src, osm.Options{BBox: c.box, Country: c.country})
			if err != nil {
				t.Fatal(err)
			}
			lifted := map[int64]bool{}
			for _, k := range res.Findings {
				for _, x := range k.Shown {
					if k.Kind == "turn restriction would cut streets off" {
						lifted[x.ID] = true
					}
				}
			}
			m := readRaw(t, file, c, lifted)
			n := &res.Net
			var cars []units.NodeID
			for v := range n.NumNodes() {
				if _, barrier := m.passable[n.NodeOSM[v]]; barrier {
					continue // two nodes at one place
				}
				if n.NodeOSM[v] > 0 && n.NodeModes(units.NodeID(v)) == city.AllowCar|city.AllowBike|city.AllowWalk|city.AllowBus {
					cars = append(cars, units.NodeID(v))
				}
			}
			compare(t, m, n, cars)
		})
	}
}

func compare(t *testing.T, m *rawMap, n *city.Network, nodes []units.NodeID) {
	// A draw of our own, the same on every machine.
	x := uint64(88172645463325252)
	draw := func() units.NodeID {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return nodes[x%uint64(len(nodes))]
	}
	const origins, targets = rawPairs / 4, 4
	pairs, turned := 0, 0
	for range origins {
		from := draw()
		to := map[int64]bool{}
		var at []units.NodeID
		for range targets {
			v := draw()
			at = append(at, v)
			to[m.node(n.NodeOSM[v])] = true
		}
		a := m.node(n.NodeOSM[from])
		length := func(l units.LinkID) float64 {
			if a, b := n.From[l], n.To[l]; n.LengthM[l] == 1 && n.NodeOSM[a] != -n.NodeOSM[b] {
				// No link is shorter than a metre, but for a passage drawn so.
				return metres(n.NodeLon[a], n.NodeLat[a], n.NodeLon[b], n.NodeLat[b])
			}
			return float64(n.LengthM[l])
		}
		seconds := func(l units.LinkID) float64 {
			if n.LengthM[l] == 2000 { // the way round outside the map, which the raw file does not have
				return math.Inf(1)
			}
			return length(l) / float64(n.SpeedMS[l])
		}
		got := modelCosts(n, from, city.AllowCar, seconds, true, false)
		high := m.cars(a, to, false)
		var low map[int64]float64
		for _, v := range at {
			if v == from {
				continue
			}
			pairs++
			want := orInf(high, m.node(n.NodeOSM[v]))
			if same(got[v], want, 0.001) {
				continue
			}
			// Where drivers may turn round decides: the network has nodes at stops
			// and barriers too, the raw map at every bend.
			if low == nil {
				low = m.cars(a, to, true)
			}
			if least := orInf(low, m.node(n.NodeOSM[v])); got[v] > least-0.001 && got[v] < want {
				turned++
				continue
			}
			t.Errorf("car from node %d to %d: %.4f s, on the raw map %.4f s", n.NodeOSM[from], n.NodeOSM[v], got[v], want)
		}
		for _, k := range []struct {
			name string
			mode city.ModeSet
			raw  int
			both bool
		}{{"bike", city.AllowBike, rawBike, false}, {"walk", city.AllowWalk, rawWalk, true}} {
			got := modelCosts(n, from, k.mode, length, false, k.both)
			want := m.steps(a, to, k.raw)
			for _, v := range at {
				w := orInf(want, m.node(n.NodeOSM[v]))
				if !same(got[v], w, 0.01) {
					t.Errorf("%s from node %d to %d: %.3f m, on the raw map %.3f m", k.name, n.NodeOSM[from], n.NodeOSM[v], got[v], w)
				}
			}
		}
	}
	t.Logf("%d pairs by car, %d of them told apart by where drivers may turn round", pairs, turned)
	if turned > pairs/50 {
		t.Errorf("%d of %d pairs hang on where drivers may turn round", turned, pairs)
	}
}

func orInf(costs map[int64]float64, node int64) float64 {
	if c, ok := costs[node]; ok {
		return c
	}
	return math.Inf(1)
}

func same(a, b, tolerance float64) bool { return a == b || math.Abs(a-b) <= tolerance+1e-6*a }
