package routing

import (
	"fmt"
	"slices"

	"github.com/malikobaid/cityflow/internal/units"
)

// Static is what searches on link costs that stand still share: a customisable
// contraction hierarchy over the states of a Graph, so that turn restrictions
// hold exactly. It knows no costs; a Metric does. It is immutable.
//
// It differs from the hierarchy that bounds the searches of a Workspace: that one
// is over junctions and leaves restrictions out, which is enough for a bound.
type Static struct {
	g *Graph
	// A junction's states have successive ranks, the one without restrictions
	// last: enter[n] to leave[n].
	enter, leave []uint32
	node         []uint32 // of a rank
	// Edges from rank v upwards: head[first[v]:first[v+1]], rising.
	first, head []uint32
	low         []uint32 // of an edge: its lower end
	parent      []uint32 // in the elimination tree, none at a root
	// Links by edge: links[i] lowers edge slot[i]>>1, upwards when slot[i] is
	// even. A link leads from every state of its first junction that allows it.
	links []units.LinkID
	slot  []uint32
	// Triangles, found once: for v and the edges e of v in turn, all later edges
	// of v meet the edges of head[e] in runs. Runs of v: runs[runFirst[v]:...].
	runFirst []uint32
	runs     []run
}

// run says that successive edges of a node have as opposite edges of their
// triangles the n edges from k on.
type run struct{ k, n uint32 }

// NewStatic contracts the states of g in an order of all its nodes.
func (g *Graph) NewStatic(order Order) *Static {
	if len(order) != g.nodes {
		panic(fmt.Sprintf("routing: an order of %d nodes for %d", len(order), g.nodes))
	}
	n := g.numStates()
	s := &Static{g: g, enter: make([]uint32, g.nodes), leave: make([]uint32, g.nodes), node: make([]uint32, 0, n)}
	rank := make([]uint32, n)
	states := make([][]uint32, g.nodes)
	for i, v := range g.banNode {
		states[v] = append(states[v], uint32(g.nodes+i))
	}
	for _, v := range order {
		s.enter[v] = uint32(len(s.node))
		for _, x := range append(states[v], v) {
			rank[x] = uint32(len(s.node))
			s.node = append(s.node, v)
		}
		s.leave[v] = rank[v]
	}
	type end struct {
		x, y uint32
		down bool
		link units.LinkID
	}
	var ends []end
	up := make([][]uint32, n)
	for x := range uint32(n) {
		v, bans := g.nodeOf(x), g.bans(x)
		for _, a := range g.arcs[g.first[v]:g.first[v+1]] {
			if from, to := rank[x], rank[a.state]; from != to && !slices.Contains(bans, a.link) {
				e := end{min(from, to), max(from, to), from > to, a.link}
				ends = append(ends, e)
				up[e.x] = append(up[e.x], e.y)
			}
		}
	}
	// A chain through the states of a junction, so that whatever ends in one of
	// them finds all on its way up.
	for v := range g.nodes {
		for r := s.enter[v]; r < s.leave[v]; r++ {
			up[r] = append(up[r], r+1)
		}
	}
	s.first, s.head = eliminate(up)
	s.parent = make([]uint32, n)
	for v := range s.parent {
		s.parent[v] = none
		if s.first[v] < s.first[v+1] {
			s.parent[v] = s.head[s.first[v]]
		}
		for range s.head[s.first[v]:s.first[v+1]] {
			s.low = append(s.low, uint32(v))
		}
	}
	for _, e := range ends {
		at, ok := slices.BinarySearch(s.head[s.first[e.x]:s.first[e.x+1]], e.y)
		if !ok {
			panic("routing: a link is not in the hierarchy")
		}
		slot := 2 * (s.first[e.x] + uint32(at))
		if e.down {
			slot++
		}
		s.links, s.slot = append(s.links, e.link), append(s.slot, slot)
	}
	s.triangles()
	return s
}

// triangles fills runs.
func (s *Static) triangles() {
	s.runFirst = make([]uint32, len(s.node)+1)
	for v := range s.node {
		row := s.head[s.first[v]:s.first[v+1]]
		for e, x := range row {
			k, open := s.first[x], false
			for _, y := range row[e+1:] {
				if s.head[k] != y {
					k, open = s.edge(k+1, s.first[x+1], y), false
				}
				if open {
					s.runs[len(s.runs)-1].n++
				} else {
					s.runs = append(s.runs, run{k, 1})
				}
				k, open = k+1, true
			}
		}
		s.runFirst[v+1] = uint32(len(s.runs))
	}
}

// edge is the edge to y between lo and hi, which must be there.
func (s *Static) edge(lo, hi, y uint32) uint32 {
	for lo < hi {
		if mid := (lo + hi) / 2; s.head[mid] < y {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Costs are whole ticks of a tenth of a millisecond: sums are exact whatever
// order they are added up in.
const ticks = 10000

// LongestS is the cost in generalised seconds, 59 hours, from which on a link or
// a path counts as none.
const LongestS = float64(far) / ticks

// Metric is one set of link costs, ready for queries by many workspaces at once.
type Metric struct {
	s *Static
	// What is left of the hierarchy to search in: arcs from rank v upwards, and
	// arcs to it from above (against their direction). Arcs of v are
	// fore[foreAt[v+1]:foreAt[v]]: highest ranks first.
	fore, back     []leg
	foreAt, backAt []uint32
	// Of each arc: its edge twice, plus one going down, to unpack it.
	foreEdge, backEdge []uint32
	// By edge, upwards and downwards: link with the top bit set, or the edge to
	// its upper end from the lower node that it goes over.
	viaUp, viaDown []uint32
}

// leg is an arc to another rank.
type leg struct{ to, cost uint32 }

// isLink marks a link in via.
const isLink = 1 << 31

// Fitter is the memory to fit metrics with; it belongs to one goroutine.
type Fitter struct {
	s              *Static
	up, down       []uint32
	altUp, altDown []uint32
}

// NewFitter allocates what fitting needs.
func (s *Static) NewFitter() *Fitter {
	widest := uint32(0)
	for v := range s.node {
		widest = max(widest, s.first[v+1]-s.first[v])
	}
	return &Fitter{s: s, up: make([]uint32, len(s.head)), down: make([]uint32, len(s.head)), altUp: make([]uint32, widest), altDown: make([]uint32, widest)}
}

// Fit customises m (nil: a new one) to what each link costs in generalised
// seconds, rounded to a tenth of a millisecond and at least that; infinity
// closes a link. It panics on NaN and on costs below zero. m must not be in use.
func (f *Fitter) Fit(m *Metric, cost []float32) *Metric {
	m = f.set(m, cost)
	f.shortcuts(m)
	f.prune(m)
	return m
}

// FitFew is Fit for a metric that is asked little: it leaves no arc out of the
// search, which takes half of the time to fit and a query more arcs to look at.
// Least costs are the same; of equally short paths it may find another.
func (f *Fitter) FitFew(m *Metric, cost []float32) *Metric {
	m = f.set(m, cost)
	f.shortcuts(m)
	f.all(m)
	return m
}

// set gives the edges the costs of their links.
func (f *Fitter) set(m *Metric, cost []float32) *Metric {
	s := f.s
	if m == nil {
		n := len(s.head)
		m = &Metric{s: s, foreAt: make([]uint32, len(s.node)+1), backAt: make([]uint32, len(s.node)+1), viaUp: make([]uint32, n), viaDown: make([]uint32, n)}
	}
	if m.s != s || len(cost) != len(s.g.free) {
		panic(fmt.Sprintf("routing: a metric of another network, or %d costs for %d links", len(cost), len(s.g.free)))
	}
	for i := range f.up {
		f.up[i], f.down[i] = far, far
	}
	for i, l := range s.links {
		c := cost[l]
		if !(c >= 0) {
			panic(fmt.Sprintf("routing: link %d costs %g s", l, c))
		}
		w := uint32(min(max(float64(c)*ticks+0.5, 1), far))
		if e := s.slot[i] >> 1; s.slot[i]&1 == 0 {
			if w < f.up[e] {
				f.up[e], m.viaUp[e] = w, isLink|uint32(l)
			}
		} else if w < f.down[e] {
			f.down[e], m.viaDown[e] = w, isLink|uint32(l)
		}
	}
	return m
}

// shortcuts carries the costs of paths over lower nodes up into the edges, as
// Bounds.close does, and keeps which node each goes over.
func (f *Fitter) shortcuts(m *Metric) {
	s := f.s
	r := 0
	for v := range uint32(len(s.node)) {
		lo, hi := s.first[v], s.first[v+1]
		for e := lo; e < hi; e++ {
			a, b := f.up[e], f.down[e] // v->x, x->v
			at := e + 1
			for at < hi {
				k, n := s.runs[r].k, s.runs[r].n
				r++
				if b != far { // x -> v -> y
					shorten(f.up[k:k+n], f.up[at:at+n], m.viaUp[k:k+n], b, at)
				}
				if a != far { // y -> v -> x
					shorten(f.down[k:k+n], f.down[at:at+n], m.viaDown[k:k+n], a, at)
				}
				at += n
			}
		}
	}
}

// shorten is the innermost loop of shortcuts: more are the costs of the edges from
// at on. Few triangles improve anything, so the branch is well predicted.
func shorten(w, more, via []uint32, add, at uint32) {
	more, via = more[:len(w)], via[:len(w)]
	for i, c := range more {
		if c += add; c < w[i] {
			w[i], via[i] = c, at+uint32(i)
		}
	}
}

// prune makes the costs of all edges true least costs, from the highest down,
// and leaves out of the search every arc that some way over a higher node equals:
// the rest is still enough for a least path between any two nodes, up and then
// down (perfect customisation: Dibbelt, Strasser and Wagner 2016). Costs above
// zero are what makes leaving out equal ones safe.
func (f *Fitter) prune(m *Metric) {
	s := f.s
	m.fore, m.back = m.fore[:0], m.back[:0]
	m.foreEdge, m.backEdge = m.foreEdge[:0], m.backEdge[:0]
	last := len(s.node)
	m.foreAt[last], m.backAt[last] = 0, 0
	for v := last - 1; v >= 0; v-- {
		lo, hi := s.first[v], s.first[v+1]
		up, down := f.up[lo:hi], f.down[lo:hi]
		altUp, altDown := f.altUp[:len(up)], f.altDown[:len(up)]
		for i := range altUp {
			altUp[i], altDown[i] = far, far
		}
		r := s.runFirst[v]
		for e := range up {
			at := e + 1
			for at < len(up) {
				k, n := s.runs[r].k, s.runs[r].n
				r++
				end := at + int(n)
				altUp[e] = detour(up[e], altUp[e], altUp[at:end], up[at:end], f.up[k:k+n], f.down[k:k+n])
				altDown[e] = detour(down[e], altDown[e], altDown[at:end], down[at:end], f.down[k:k+n], f.up[k:k+n])
				at = end
			}
		}
		for e := range up {
			id := 2 * (lo + uint32(e))
			if up[e] < altUp[e] {
				m.fore, m.foreEdge = append(m.fore, leg{s.head[lo+uint32(e)], up[e]}), append(m.foreEdge, id)
			}
			if down[e] < altDown[e] {
				m.back, m.backEdge = append(m.back, leg{s.head[lo+uint32(e)], down[e]}), append(m.backEdge, id+1)
			}
			up[e], down[e] = min(up[e], altUp[e]), min(down[e], altDown[e])
		}
		m.foreAt[v], m.backAt[v] = uint32(len(m.fore)), uint32(len(m.back))
	}
}

// all keeps every arc of the hierarchy that leads anywhere. It writes each one and
// goes on only if it was one: no branch to predict.
func (f *Fitter) all(m *Metric) {
	s := f.s
	n := len(s.head)
	m.fore, m.foreEdge = slices.Grow(m.fore[:0], n)[:n], slices.Grow(m.foreEdge[:0], n)[:n]
	m.back, m.backEdge = slices.Grow(m.back[:0], n)[:n], slices.Grow(m.backEdge[:0], n)[:n]
	i, j := 0, 0
	for v := len(s.node) - 1; v >= 0; v-- {
		m.foreAt[v+1], m.backAt[v+1] = uint32(i), uint32(j)
		for e := s.first[v]; e < s.first[v+1]; e++ {
			m.fore[i], m.foreEdge[i] = leg{s.head[e], f.up[e]}, 2*e
			m.back[j], m.backEdge[j] = leg{s.head[e], f.down[e]}, 2*e+1
			if f.up[e] < far {
				i++
			}
			if f.down[e] < far {
				j++
			}
		}
	}
	m.foreAt[0], m.backAt[0] = uint32(i), uint32(j)
	m.fore, m.foreEdge, m.back, m.backEdge = m.fore[:i], m.foreEdge[:i], m.back[:j], m.backEdge[:j]
}

// detour looks at the ways from a node over a neighbour x, which costs first, to
// each of its neighbours y (out there: onward) and over each y (which costs ys) to x
// (back here: across). It lowers alts, of the y, and returns the lowest for x.
func detour(first, alt uint32, alts, ys, onward, across []uint32) uint32 {
	alts, onward, across = alts[:len(ys)], onward[:len(ys)], across[:len(ys)]
	for i, y := range ys {
		alts[i] = min(alts[i], first+onward[i])
		alt = min(alt, y+across[i])
	}
	return alt
}
