package osm

import (
	"fmt"
	"slices"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
)

// A small roundabout is one junction: drivers on its approaches wait for a gap
// in the whole of it. Drawn as a ring of links that store a car or two each,
// it locks in the queue model as soon as every link is full and each head
// waits for the next, which real roundabouts hardly ever do. So rings up to
// maxRingM become one node at the centre of the ring; larger ones stay rings,
// whose links are marked so that circulating traffic gets priority.

// maxRingM is the perimeter up to which a roundabout is drawn as one junction.
// Priority keeps a ring moving only if each link stores more than one platoon
// of five cars, 37.5 m: four arms make 150 m (the loading package's test of a
// saturated ring shows both sides). The four cities agree: of their 85 rings
// the perimeters run without a gap from 31 to 144 m and then from 173 m up, so
// any value between draws the same ones. Closed one-way loops without the tag
// are nearly all car parks and driveways there: places to drive to, not
// junctions, and they stay.
const maxRingM = 150

// ring is a closed, connected set of roundabout ways.
type ring struct {
	ways  []int32
	nodes []int32 // each once
	m     float64
}

// contraction says which source nodes are drawn as one.
type contraction struct {
	to       map[int32]int32 // ring node -> the node that stands for it; look-ups only
	way      map[int64]bool  // ways that vanish, by OSM id; look-ups only
	centre   []centre        // by node
	skipWays map[int32]bool  // index of ways that vanish; look-ups only
}

type centre struct {
	node     int32
	lon, lat float64
}

// isRing tells whether a way is part of a roundabout. A mini-roundabout drawn
// as a node is a node already.
func isRing(t osm.Tags) bool {
	j := t.Find("junction")
	return j == "roundabout" || j == "circular"
}

// findRings contracts the roundabouts of at most maxRingM. A ring that lies
// partly outside the box, is closed to cars or has a barrier on it stays as it
// is drawn: what one node would open or close there, nobody can say.
func (g *graph) findRings() {
	g.one = contraction{to: map[int32]int32{}, way: map[int64]bool{}, skipWays: map[int32]bool{}}
	var small []ring
	rings, open := g.rings()
	for _, r := range rings {
		if r.m <= maxRingM && g.contractible(r) {
			small = append(small, r)
		}
	}
	g.contract(small)
	g.report.add("roundabouts drawn as one junction", float64(len(small)), "roundabouts",
		fmt.Sprintf("rings of at most %d m around", maxRingM))
	g.report.add("roundabouts drawn as rings", float64(len(rings)-len(small)), "roundabouts", "longer, closed to cars or with a barrier; circulating traffic has priority")
	g.report.add("roundabouts not closed", float64(open), "groups of ways", "cut by the map's edge or not a simple ring: left as drawn")
}

// rings finds the closed rings: ways that end where they start, and sets of
// open ways in which every end meets exactly one other. open counts sets that
// do not close. Both come in order of their first way.
func (g *graph) rings() (rings []ring, open int) {
	s := g.src
	var parts []int32
	for i := range s.Ways {
		w := &s.Ways[i]
		if !drivable(w.Tags.Find("highway")) || !isRing(w.Tags) || len(w.Nodes) < 2 {
			continue
		}
		pieces := g.inside(w)
		if len(pieces) == 0 {
			continue
		}
		if len(pieces) > 1 || len(pieces[0]) != len(slices.Compact(slices.Clone(w.Nodes))) {
			open++
			continue
		}
		if w.Closed() {
			rings = append(rings, g.ring([]int32{int32(i)}))
			continue
		}
		parts = append(parts, int32(i))
	}
	ends := map[int32][]int32{} // way indices at an end node; look-ups only
	for _, i := range parts {
		n := s.Ways[i].Nodes
		ends[n[0]] = append(ends[n[0]], i)
		ends[n[len(n)-1]] = append(ends[n[len(n)-1]], i)
	}
	seen := map[int32]bool{} // look-ups only
	for _, i := range parts {
		if seen[i] {
			continue
		}
		group, closed := []int32{i}, true
		seen[i] = true
		for k := 0; k < len(group); k++ {
			n := s.Ways[group[k]].Nodes
			for _, end := range [2]int32{n[0], n[len(n)-1]} {
				closed = closed && len(ends[end]) == 2
				for _, j := range ends[end] {
					if !seen[j] {
						seen[j] = true
						group = append(group, j)
					}
				}
			}
		}
		if !closed {
			open++
			continue
		}
		rings = append(rings, g.ring(group))
	}
	return rings, open
}

func (g *graph) ring(ways []int32) ring {
	slices.Sort(ways)
	r := ring{ways: ways}
	for _, i := range ways {
		n := g.src.Ways[i].Nodes
		r.m += g.length(n)
		r.nodes = append(r.nodes, n...)
	}
	slices.Sort(r.nodes)
	r.nodes = slices.Compact(r.nodes)
	return r
}

func (g *graph) contractible(r ring) bool {
	for _, i := range r.ways {
		_, fwd, back, ok := wayModes(g.src.Ways[i].Tags)
		if !ok || (fwd|back)&city.AllowCar == 0 {
			return false
		}
	}
	for _, n := range r.nodes {
		if tags, ok := g.src.NodeTags[n]; ok && barrierBlocks(tags) != 0 {
			return false
		}
	}
	return true
}

// contract names the node that stands for each ring: one with a signal if
// there is one, else that of the lowest id. Rings that touch become one.
func (g *graph) contract(rings []ring) {
	s := g.src
	joined := newUnion(0)
	at := map[int32]int32{} // source node -> union member; look-ups only
	var node []int32
	for _, r := range rings {
		for k, n := range r.nodes {
			if _, ok := at[n]; !ok {
				at[n] = int32(len(node))
				node = append(node, n)
				joined.parent = append(joined.parent, at[n])
			}
			joined.join(at[r.nodes[max(k-1, 0)]], at[n])
		}
	}
	stands := make([]int32, len(node)) // by union root
	for i := range stands {
		stands[i] = -1
	}
	rank := func(n int32) int { // lower is better
		if s.NodeTags[n].Find("highway") == "traffic_signals" {
			return 0
		}
		return 1
	}
	for i, n := range node {
		root := joined.find(int32(i))
		if o := stands[root]; o < 0 || rank(n) < rank(o) || rank(n) == rank(o) && s.NodeID[n] < s.NodeID[o] {
			stands[root] = n
		}
	}
	for i, n := range node {
		g.one.to[n] = stands[joined.find(int32(i))]
	}
	// The centre is that of the line, not of its points, which crowd where the
	// approaches join.
	lon, lat, weight := make([]float64, len(node)), make([]float64, len(node)), make([]float64, len(node))
	for _, r := range rings {
		for _, i := range r.ways {
			w := &s.Ways[i]
			g.one.way[w.ID], g.one.skipWays[i] = true, true
			root := joined.find(at[w.Nodes[0]])
			for k := 1; k < len(w.Nodes); k++ {
				a, b := w.Nodes[k-1], w.Nodes[k]
				m := g.length(w.Nodes[k-1 : k+1])
				lon[root] += m * (s.Lon[a] + s.Lon[b]) / 2
				lat[root] += m * (s.Lat[a] + s.Lat[b]) / 2
				weight[root] += m
			}
		}
	}
	for i := range node {
		if weight[i] > 0 {
			g.one.centre = append(g.one.centre, centre{stands[i], lon[i] / weight[i], lat[i] / weight[i]})
		}
	}
}

// oneNode rewrites the points of a way: ring nodes become the node that stands
// for their roundabout.
func (g *graph) oneNode(pts []int32) []int32 {
	for i, n := range pts {
		if to, ok := g.one.to[n]; ok {
			pts[i] = to
		}
	}
	return slices.Compact(pts)
}

// moveToCentres puts the nodes that stand for roundabouts where they belong.
// The source itself is left alone: buildings are read from it too.
func (g *graph) moveToCentres() {
	if len(g.one.centre) == 0 {
		return
	}
	src := *g.src
	src.Lon, src.Lat = slices.Clone(src.Lon), slices.Clone(src.Lat)
	for _, c := range g.one.centre {
		src.Lon[c.node], src.Lat[c.node] = c.lon, c.lat
	}
	g.src = &src
}
