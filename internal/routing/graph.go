package routing

import (
	"fmt"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// arc is one allowed link as the search sees it, 16 bytes so that the arcs of a
// junction share a cache line.
type arc struct {
	state uint32 // state reached
	link  units.LinkID
	free  float32 // least time in seconds (metres in a Distances)
	extra float32 // further generalised seconds
}

// Graph is a street network prepared for car paths. It is immutable.
type Graph struct {
	nodes int
	first []uint32 // arcs of node n: arcs[first[n]:first[n+1]]
	arcs  []arc
	// States 0..nodes-1 are the nodes; state nodes+i is the end of a link that
	// turn restrictions start from, with its node and its banned next links.
	banNode  []uint32
	banFirst []uint32
	banTo    []units.LinkID
	// Bounds of searches: a hierarchy with bounds on least costs, or landmarks.
	shape *hierarchy
	least *Bounds
	marks landmarks
	// Per link, for the cost of a given path.
	free, extra, length []float32
}

// Cost is what a path costs.
type Cost struct {
	Seconds     float64 // travel time
	Generalised float64 // travel time plus the extra of its links
	Metres      float64
}

// NewGraph prepares the links of net that allow any of the modes in allow. A
// closed link is one that allows no mode. freeFlow is the least travel time of
// each link in seconds (> 0 on allowed links); extra, which may be nil, is what
// each link costs besides time (money, comfort) in equivalent seconds, >= 0.
// Turn restrictions of net are respected. It panics on lengths or values outside
// these limits. order speeds searches up, more so with Workspace.Guide; without
// one (nil) landmarks do, somewhat.
func NewGraph(net *city.Network, allow city.ModeSet, order Order, freeFlow, extra []float32) *Graph {
	nLinks := net.NumLinks()
	if len(freeFlow) != nLinks || (extra != nil && len(extra) != nLinks) {
		panic(fmt.Sprintf("routing: %d links, %d free-flow times, %d extra costs", nLinks, len(freeFlow), len(extra)))
	}
	g := &Graph{
		nodes:  net.NumNodes(),
		first:  make([]uint32, net.NumNodes()+1),
		free:   slices.Clone(freeFlow),
		length: net.LengthM,
		extra:  slices.Clone(extra),
	}
	if extra == nil {
		g.extra = make([]float32, nLinks)
	}
	g.banFirst = []uint32{0}
	for n := range g.nodes {
		for i := net.FirstOut[n]; i < net.FirstOut[n+1]; i++ {
			if net.Modes[i]&allow == 0 {
				continue
			}
			if !(g.free[i] > 0) || !(g.extra[i] >= 0) {
				panic(fmt.Sprintf("routing: link %d: free-flow time %g s must be above zero, extra %g s not below", i, g.free[i], g.extra[i]))
			}
			a := arc{uint32(net.To[i]), units.LinkID(i), g.free[i], g.extra[i]}
			if bans := net.BanTo[net.BanFirst[i]:net.BanFirst[i+1]]; len(bans) > 0 {
				a.state = uint32(g.nodes + len(g.banNode))
				g.banNode = append(g.banNode, uint32(net.To[i]))
				g.banTo = append(g.banTo, bans...)
				g.banFirst = append(g.banFirst, uint32(len(g.banTo)))
			}
			g.arcs = append(g.arcs, a)
		}
		g.first[n+1] = uint32(len(g.arcs))
	}
	if g.contract(order); order == nil {
		g.marks = newLandmarks(g, false)
	}
	return g
}

// contract lets a hierarchy bound the searches.
func (g *Graph) contract(order Order) {
	if order == nil {
		return
	}
	g.shape = newHierarchy(g, order)
	g.least = g.NewBounds()
	g.least.Fit(nil, 0, 0)
}

// numStates counts nodes and restricted link ends.
func (g *Graph) numStates() int { return g.nodes + len(g.banNode) }

// nodeOf is the node a state stands at.
func (g *Graph) nodeOf(s uint32) uint32 {
	if int(s) < g.nodes {
		return s
	}
	return g.banNode[int(s)-g.nodes]
}

// bans are the links that may not follow state s.
func (g *Graph) bans(s uint32) []units.LinkID {
	i := int(s) - g.nodes
	if i < 0 {
		return nil
	}
	return g.banTo[g.banFirst[i]:g.banFirst[i+1]]
}

// PathCost is what a given path costs when entered at departS, under tt, or in
// free flow when tt is nil, by the taste of a traveller (see Workspace.Taste; nil
// for none). It does not ask whether the path is allowed.
func (g *Graph) PathCost(tt *Times, path []units.LinkID, departS float64, taste []float32) Cost {
	var c Cost
	clock := departS
	for _, l := range path {
		t := float64(g.free[l])
		if tt != nil {
			t = atLeastFree(tt.at(l, clock, 1/tt.BinS), t, l)
		}
		clock += t
		if taste != nil {
			t *= float64(taste[l])
		}
		c.Generalised += t + float64(g.extra[l])
		c.Metres += float64(g.length[l])
	}
	c.Seconds = clock - departS
	return c
}

// atLeastFree guards the landmark bounds: they hold only while no link is faster
// than in free flow. A part in a million is rounding.
func atLeastFree(t, free float64, l units.LinkID) float64 {
	if t >= free {
		return t
	}
	if !(t >= free*(1-1e-6)) {
		panic(fmt.Sprintf("routing: link %d takes %g s, less than its free-flow time of %g s", l, t, free))
	}
	return free
}

// Distances is a street network prepared for distances by metres.
type Distances struct{ g *Graph }

// NewDistances prepares the links of net that allow any mode in allow, with an
// order as in NewGraph. With undirected both directions of every link count, as on foot; without, only the
// legal one. Turn restrictions are left out: on foot they do not hold, and a
// cyclist can get off.
func NewDistances(net *city.Network, allow city.ModeSet, order Order, undirected bool) *Distances {
	type side struct {
		from, to uint32
		m        float32
	}
	var sides []side
	for i := range net.From {
		if net.Modes[i]&allow == 0 {
			continue
		}
		from, to, m := uint32(net.From[i]), uint32(net.To[i]), net.LengthM[i]
		if !(m >= 0) {
			panic(fmt.Sprintf("routing: link %d is %g m long", i, m))
		}
		sides = append(sides, side{from, to, m})
		if undirected {
			sides = append(sides, side{to, from, m})
		}
	}
	slices.SortFunc(sides, func(a, b side) int {
		switch {
		case a.from != b.from:
			return int(int64(a.from) - int64(b.from))
		case a.to != b.to:
			return int(int64(a.to) - int64(b.to))
		case a.m < b.m:
			return -1
		case a.m > b.m:
			return 1
		}
		return 0
	})
	g := &Graph{nodes: net.NumNodes(), first: make([]uint32, net.NumNodes()+1), banFirst: []uint32{0}}
	i := 0
	for n := range g.nodes {
		for ; i < len(sides) && sides[i].from == uint32(n); i++ {
			// Of parallel links the shortest comes first; loops lead nowhere.
			if s := sides[i]; s.to != s.from && (i == 0 || sides[i-1].from != s.from || sides[i-1].to != s.to) {
				g.arcs = append(g.arcs, arc{state: s.to, link: units.NoLink, free: s.m})
			}
		}
		g.first[n+1] = uint32(len(g.arcs))
	}
	if g.contract(order); order == nil {
		g.marks = newLandmarks(g, undirected)
	}
	return &Distances{g}
}

var inf32 = float32(math.Inf(1))
