package routing

import (
	"math"

	"github.com/malikobaid/cityflow/internal/pq"
)

// columns is the number of distances kept per node: 16 float32 are one cache
// line. Directed: from and to each of 8 landmarks. Undirected: 16 landmarks.
const columns = 16

// active is how many bounds a query evaluates at each node: those that are best
// at its start. Median states settled on a 40,000-node grid in free flow: 2,640
// with 2, 1,653 with 4, 1,386 with 8, no fewer with all 16 or with 16 landmarks.
const active = 8

// landmarks bound the cost from a node to a target from below, by the triangle
// inequality on distances from and to a few far nodes.
type landmarks struct {
	d    []float32 // d[n*columns+c]
	used int       // columns in use
	// slack covers the rounding of float32 distances, so that bounds stay bounds.
	slack float32
	both  bool // undirected: every column serves with both signs
}

// bound is one column used with one sign: h(n) = sign*(at - d[n]).
type bound struct {
	column   uint32
	sign, at float32
}

// newLandmarks spreads landmarks by farthest-point selection: each is the node
// farthest from those chosen, within what the first one reaches and is reached
// from, so that a stray corner cut off from the rest wins none.
func newLandmarks(g *Graph, undirected bool) landmarks {
	m := landmarks{d: make([]float32, g.nodes*columns), both: undirected}
	start := 0
	for start < g.nodes && g.first[start] == g.first[start+1] {
		start++
	}
	if start == g.nodes {
		return m
	}
	back := reverse(g)
	h := &pq.Queue{}
	from, to := make([]float32, g.nodes), make([]float32, g.nodes)
	// spread[n] is the least way there and back over the landmarks so far.
	spread := make([]float32, g.nodes)
	oneToAll(g, uint32(start), from, h)
	oneToAll(back, uint32(start), to, h)
	for n := range spread {
		spread[n] = from[n] + to[n]
	}
	for m.used < columns {
		far, best := -1, float32(0)
		for n, s := range spread {
			if s > best && s < inf32 {
				far, best = n, s
			}
		}
		if far < 0 {
			break // fewer nodes than landmarks
		}
		oneToAll(g, uint32(far), from, h)
		if undirected {
			copy(to, from)
		} else {
			oneToAll(back, uint32(far), to, h)
		}
		for n := range spread {
			m.d[n*columns+m.used] = from[n]
			if !undirected {
				m.d[n*columns+m.used+1] = to[n]
			}
			if s := from[n] + to[n]; m.used == 0 && s < inf32 {
				spread[n] = s // forget the arbitrary start
			} else {
				spread[n] = min(spread[n], s)
			}
		}
		m.used++
		if !undirected {
			m.used++
		}
	}
	longest := float32(0)
	for _, d := range m.d {
		if d < inf32 {
			longest = max(longest, d)
		}
	}
	m.slack = longest / (1 << 22) // three roundings of at most longest/2^24
	return m
}

// choose picks the active bounds that are highest at node from.
func (m *landmarks) choose(from, to uint32, out *[active]bound) []bound {
	n := 0
	var value [active]float32
	row := m.d[int(from)*columns : int(from)*columns+m.used]
	goal := m.d[int(to)*columns : int(to)*columns+m.used]
	try := func(c int, sign float32) {
		v := sign * (goal[c] - row[c])
		// NaN (neither end linked with the landmark) says nothing.
		if !(v > 0) {
			return
		}
		i := n
		if n < active {
			n++
		} else if i--; v <= value[i] {
			return
		}
		for ; i > 0 && value[i-1] < v; i-- {
			value[i], out[i] = value[i-1], out[i-1]
		}
		value[i], out[i] = v, bound{uint32(c), sign, goal[c] - sign*m.slack}
	}
	for c := range row {
		switch {
		case m.both:
			try(c, 1)
			try(c, -1)
		case c%2 == 0:
			try(c, 1) // from the landmark: d(L,t) <= d(L,n) + d(n,t)
		default:
			try(c, -1) // to the landmark: d(n,L) <= d(n,t) + d(t,L)
		}
	}
	return out[:n]
}

// at is the bound at node n, 0 when nothing is known, +Inf when the target
// cannot be reached from n.
func (m *landmarks) at(n uint32, bounds []bound) float32 {
	row := m.d[int(n)*columns : int(n)*columns+columns]
	h := float32(0)
	for i := range bounds {
		b := &bounds[i]
		if v := b.sign * (b.at - row[b.column&(columns-1)]); v > h {
			h = v
		}
	}
	return h
}

// reverse turns the arcs round, between nodes (restrictions only add cost, so
// bounds may ignore them).
func reverse(g *Graph) *Graph {
	r := &Graph{nodes: g.nodes, first: make([]uint32, g.nodes+1), arcs: make([]arc, len(g.arcs))}
	for _, a := range g.arcs {
		r.first[g.nodeOf(a.state)+1]++
	}
	for n := range g.nodes {
		r.first[n+1] += r.first[n]
	}
	next := append([]uint32(nil), r.first...)
	for n := range g.nodes {
		for _, a := range g.arcs[g.first[n]:g.first[n+1]] {
			head := g.nodeOf(a.state)
			r.arcs[next[head]] = arc{state: uint32(n), free: a.free, extra: a.extra}
			next[head]++
		}
	}
	return r
}

// oneToAll is Dijkstra on the least generalised costs between nodes.
func oneToAll(g *Graph, from uint32, d []float32, h *pq.Queue) {
	for n := range d {
		d[n] = inf32
	}
	// Sum in float64: rounding a long sum up would make the bound too high.
	sum := make([]float64, len(d))
	for n := range sum {
		sum[n] = math.Inf(1)
	}
	h.Clear()
	sum[from] = 0
	h.Push(0, from)
	for h.Len() > 0 {
		x := h.Pop()
		node, so := x.ID(), x.Key()
		if so > sum[node] {
			continue
		}
		for _, a := range g.arcs[g.first[node]:g.first[node+1]] {
			to := g.nodeOf(a.state)
			if f := so + float64(a.free) + float64(a.extra); f < sum[to] {
				sum[to] = f
				h.Push(f, to)
			}
		}
	}
	for n, s := range sum {
		d[n] = float32(s)
	}
}
