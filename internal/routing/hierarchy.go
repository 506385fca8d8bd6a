package routing

import (
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/units"
)

// hierarchy is the shape of a customisable contraction hierarchy (Dibbelt,
// Strasser and Wagner 2016) over the nodes of one Graph: every pair of nodes
// that a path over lower nodes could join has an edge. It knows no costs; see
// Bounds. Nodes are named by rank.
type hierarchy struct {
	rank, node []uint32 // by node, by rank
	// Edges from rank v upwards: head[first[v]:first[v+1]], rising. The first
	// head is the parent of v in the elimination tree; all others are above it.
	first, head []uint32
	// slot says which entry of Bounds.w an arc of the graph lowers, none for a
	// loop: 2*edge going up, 2*edge+1 going down.
	slot []uint32
}

// newHierarchy contracts the nodes of g in the given order.
func newHierarchy(g *Graph, order Order) *hierarchy {
	n := g.nodes
	h := &hierarchy{rank: make([]uint32, n), node: order}
	for r, v := range order {
		h.rank[v] = uint32(r)
	}
	up := make([][]uint32, n)
	for v := range n {
		for _, a := range g.arcs[g.first[v]:g.first[v+1]] {
			x, y := h.rank[v], h.rank[g.nodeOf(a.state)]
			if x > y {
				x, y = y, x
			}
			if x != y {
				up[x] = append(up[x], y)
			}
		}
	}
	h.first, h.head = eliminate(up)
	h.slot = make([]uint32, len(g.arcs))
	for v := range n {
		for i := g.first[v]; i < g.first[v+1]; i++ {
			x, y, down := h.rank[v], h.rank[g.nodeOf(g.arcs[i].state)], uint32(0)
			if x == y {
				h.slot[i] = none
				continue
			}
			if x > y {
				x, y, down = y, x, 1
			}
			at, ok := slices.BinarySearch(h.head[h.first[x]:h.first[x+1]], y)
			if !ok {
				panic("routing: a link is not in the hierarchy")
			}
			h.slot[i] = 2*(h.first[x]+uint32(at)) + down
		}
	}
	return h
}

// eliminate adds to the higher neighbours of each rank those that eliminating
// lower ranks brings, and returns them sorted, as columns.
func eliminate(up [][]uint32) (first, head []uint32) {
	first = make([]uint32, len(up)+1)
	// Eliminating a node joins its higher neighbours; it is enough to hand them
	// to the lowest of them (George and Liu 1981).
	for v := range up {
		slices.Sort(up[v])
		up[v] = slices.Compact(up[v])
		if len(up[v]) > 1 {
			p := up[v][0]
			up[p] = append(up[p], up[v][1:]...)
		}
		head = append(head, up[v]...)
		first[v+1] = uint32(len(head))
		up[v] = nil
	}
	return first, head
}

// Costs in a hierarchy are whole milliseconds, rounded down: sums of them are
// exact, so a bound stays a bound whatever order it was added up in.
const (
	perSecond = 1000
	far       = math.MaxInt32 // no way; two of them still fit in a uint32
)

// Bounds are least costs between nodes on least link costs, ready to bound the
// searches of many workspaces.
type Bounds struct {
	g *Graph
	h *hierarchy
	// w[2*e] is the least cost of edge e upwards, w[2*e+1] downwards.
	w []uint32
	// The bounds hold for those on the road between these clocks only.
	from, to float64
}

// NewBounds allocates bounds for g, which must have been given an order.
func (g *Graph) NewBounds() *Bounds {
	return &Bounds{g: g, h: g.shape, w: make([]uint32, 2*len(g.shape.head))}
}

// Fit sets the bounds to hold on link times tt (free flow when nil) for
// everybody who is on the road between two clocks.
func (b *Bounds) Fit(tt *Times, from, to float64) { b.FitTaste(tt, nil, from, to) }

// FitTaste is Fit for travellers of one taste (see Workspace.Taste): tighter,
// and for no other searches than theirs. nil is no taste.
func (b *Bounds) FitTaste(tt *Times, taste []float32, from, to float64) {
	g := b.g
	b.from, b.to = from, to
	for i := range b.w {
		b.w[i] = far
	}
	if tt == nil {
		b.from, b.to = math.Inf(-1), math.Inf(1)
		for i := range g.arcs {
			b.lower(i, feltBy(taste, g.arcs[i].link, float64(g.arcs[i].free))+float64(g.arcs[i].extra))
		}
	} else {
		// Times are linear between bin centres: the least value between two
		// clocks is at most that of the bins around them.
		first := max(0, min(tt.Bins-1, int(math.Floor((from-tt.StartS)/tt.BinS-0.5))))
		last := max(0, min(tt.Bins-1, int(math.Ceil((to-tt.StartS)/tt.BinS-0.5))))
		links := len(tt.T) / tt.Bins
		for i := range g.arcs {
			a := &g.arcs[i]
			least := tt.T[first*links+int(a.link)]
			for bin := first + 1; bin <= last; bin++ {
				least = min(least, tt.T[bin*links+int(a.link)])
			}
			b.lower(i, feltBy(taste, a.link, float64(max(least, a.free)))+float64(a.extra))
		}
	}
	b.close()
}

func feltBy(taste []float32, l units.LinkID, t float64) float64 {
	if taste != nil {
		t *= float64(taste[l])
	}
	return t
}

func (b *Bounds) lower(arc int, seconds float64) {
	if s := b.h.slot[arc]; s != none {
		b.w[s] = min(b.w[s], uint32(min(seconds*perSecond, far)))
	}
}

// close carries the costs of paths over lower nodes up into the edges: after
// it, the least cost between two nodes is that of a path going up, then down.
func (b *Bounds) close() {
	h, w := b.h, b.w
	for v := range uint32(len(h.rank)) {
		lo, hi := h.first[v], h.first[v+1]
		for e := lo; e < hi; e++ {
			upX, downX := w[2*e], w[2*e+1] // v->x, x->v
			if upX == far && downX == far {
				continue
			}
			x := h.head[e]
			// The higher neighbours of v above x are among those of x.
			k := h.first[x]
			for f := e + 1; f < hi; f++ {
				y := h.head[f]
				for h.head[k] != y {
					k++
				}
				// x -> v -> y and y -> v -> x.
				w[2*k] = min(w[2*k], downX+w[2*f])
				w[2*k+1] = min(w[2*k+1], w[2*f+1]+upX)
			}
		}
	}
}

// potential is the least cost to one target from any node, worked out where it
// is asked for (Strasser and Zeitz 2021, CH-Potentials).
type potential struct {
	b *Bounds
	// By rank: cost to the target going down only, and in all; each counts when
	// its stamp is the present one.
	down, all   []uint32
	sDown, sAll []uint32
	stamp       uint32
	stack       []uint32
}

// aim turns to a new target.
func (p *potential) aim(b *Bounds, target uint32) {
	n := len(b.h.rank)
	if len(p.down) < n {
		p.down, p.all = make([]uint32, n), make([]uint32, n)
		p.sDown, p.sAll = make([]uint32, n), make([]uint32, n)
		p.stamp = 0
	}
	p.b = b
	p.stamp++
	if p.stamp == 0 {
		clear(p.sDown)
		clear(p.sAll)
		p.stamp = 1
	}
	h := b.h
	t := h.rank[target]
	p.down[t], p.sDown[t] = 0, p.stamp
	// All that can be above t on a way down is its chain of parents.
	for v := t; ; {
		if p.sDown[v] == p.stamp {
			d := p.down[v]
			for e := h.first[v]; e < h.first[v+1]; e++ {
				x := h.head[e]
				c := d + b.w[2*e+1]
				if c >= far {
					continue
				}
				if p.sDown[x] != p.stamp || c < p.down[x] {
					p.down[x], p.sDown[x] = c, p.stamp
				}
			}
		}
		if h.first[v] == h.first[v+1] {
			return
		}
		v = h.head[h.first[v]]
	}
}

// at is the least cost from a node to the target in seconds, rounded down.
func (p *potential) at(node uint32) float32 {
	h, w := p.b.h, p.b.w
	v := h.rank[node]
	if p.sAll[v] != p.stamp {
		// Everything above v that is not known yet, lowest first.
		p.stack = p.stack[:0]
		for x := v; p.sAll[x] != p.stamp; x = h.head[h.first[x]] {
			p.stack = append(p.stack, x)
			if h.first[x] == h.first[x+1] {
				break
			}
		}
		for i := len(p.stack) - 1; i >= 0; i-- {
			x := p.stack[i]
			d := uint32(far)
			if p.sDown[x] == p.stamp {
				d = p.down[x]
			}
			for e := h.first[x]; e < h.first[x+1]; e++ {
				d = min(d, w[2*e]+p.all[h.head[e]])
			}
			p.all[x], p.sAll[x] = min(d, far), p.stamp
		}
	}
	if p.all[v] == far {
		return inf32
	}
	// float32 holds milliseconds exactly for the first four hours; the factor
	// covers its rounding beyond, and that of the product.
	return float32(p.all[v]) * float32((1-1.0/(1<<21))/perSecond)
}
