package routing

import (
	"slices"

	"github.com/malikobaid/cityflow/internal/units"
)

// mark is what a static query knows of a rank: least cost so far in the upper
// half, the arc it came by in the lower. The least of two marks is one comparison
// without a branch, which could not be predicted; equal costs go by the arc.
type mark uint64

const (
	unreached = mark(far)<<32 | mark(none)
	atEnd     = mark(none) // cost 0, by no arc
)

func (m mark) cost() uint32 { return uint32(m >> 32) }
func (m mark) by() uint32   { return uint32(m) }

// Query is the memory of one goroutine's queries on the metrics of one Static.
// A query allocates nothing but the growth of the caller's buffer.
//
// The search needs no queue: all that can be above a node on a way up is its
// chain of parents in the elimination tree, and the chains of two nodes meet
// (Dibbelt, Strasser and Wagner 2016).
type Query struct {
	s          *Static
	fore, back []mark // by rank; all unreached between queries
	all        []uint32
	chain      []uint32 // arcs of an unpacked path, upper end
	// The source that From has fixed.
	metric *Metric
	source uint32
}

// NewQuery allocates what a query needs.
func (s *Static) NewQuery() *Query {
	q := &Query{s: s, fore: make([]mark, len(s.node)), back: make([]mark, len(s.node)), source: none}
	for i := range q.fore {
		q.fore[i], q.back[i] = unreached, unreached
	}
	return q
}

// Cost is the least generalised cost in seconds of a path from one node to
// another under m. ok is false when there is none; from == to costs nothing.
func (q *Query) Cost(m *Metric, from, to units.NodeID) (seconds float64, ok bool) {
	cost, _ := q.meet(m, from, to)
	q.forget(from, to)
	return float64(cost) / ticks, cost < far
}

// Path is Cost with the links of a least path, written over buf.
func (q *Query) Path(m *Metric, from, to units.NodeID, buf []units.LinkID) (path []units.LinkID, seconds float64, ok bool) {
	cost, top := q.meet(m, from, to)
	path = buf[:0]
	if cost < far {
		path = q.links(m, top, path)
	}
	q.forget(from, to)
	return path, float64(cost) / ticks, cost < far
}

// start sets the marks of the two ends.
func (q *Query) start(m *Metric, to units.NodeID) uint32 {
	if m.s != q.s {
		panic("routing: a query on a metric of another network")
	}
	for r := q.s.enter[to]; r <= q.s.leave[to]; r++ {
		q.back[r] = atEnd
	}
	return q.s.enter[to]
}

// meet searches from both ends and returns the least cost, far when there is no
// way, and the rank where the two ways meet.
func (q *Query) meet(m *Metric, from, to units.NodeID) (cost, top uint32) {
	q.drop()
	parent := q.s.parent
	y := q.start(m, to)
	x := q.s.leave[from]
	q.fore[x] = atEnd
	for x != y {
		// The lower of the two goes up; the parent of a root is above all.
		if x < y {
			rise(q.fore, m.fore, m.foreAt, x, far)
			x = parent[x]
		} else {
			rise(q.back, m.back, m.backAt, y, far)
			y = parent[y]
		}
	}
	cost, top = far, none
	for ; x != none; x = parent[x] {
		f, b := q.fore[x].cost(), q.back[x].cost()
		if c := f + b; c < cost {
			cost, top = c, x
		}
		rise(q.fore, m.fore, m.foreAt, x, cost)
		rise(q.back, m.back, m.backAt, x, cost)
	}
	return cost, top
}

// rise passes the cost of a rank on to those above it, unless it has reached
// bound already.
func rise(marks []mark, arcs []leg, at []uint32, v, bound uint32) {
	d := marks[v].cost()
	if d >= bound {
		return
	}
	lo := at[v+1]
	by := mark(d)<<32 | mark(lo)
	for _, a := range arcs[lo:at[v]] {
		marks[a.to] = min(marks[a.to], by+mark(a.cost)<<32)
		by++
	}
}

// forget unmarks what a query from and to two nodes may have marked.
func (q *Query) forget(from, to units.NodeID) {
	for x := q.s.leave[from]; x != none; x = q.s.parent[x] {
		q.fore[x] = unreached
	}
	q.forgetBack(to)
}

func (q *Query) forgetBack(to units.NodeID) {
	for x := q.s.enter[to]; x != none; x = q.s.parent[x] {
		q.back[x] = unreached
	}
}

// links unpacks the path over its highest rank.
func (q *Query) links(m *Metric, top uint32, path []units.LinkID) []units.LinkID {
	s := q.s
	// Up to the top: found backwards.
	q.chain = q.chain[:0]
	for x := top; q.fore[x].by() != none; {
		i := q.fore[x].by()
		q.chain = append(q.chain, m.foreEdge[i])
		x = s.low[m.foreEdge[i]>>1]
	}
	slices.Reverse(q.chain)
	for x := top; q.back[x].by() != none; {
		i := q.back[x].by()
		q.chain = append(q.chain, m.backEdge[i])
		x = s.low[m.backEdge[i]>>1]
	}
	// A stack of what is still to unpack, the next part last.
	slices.Reverse(q.chain)
	for len(q.chain) > 0 {
		id := q.chain[len(q.chain)-1]
		q.chain = q.chain[:len(q.chain)-1]
		e := id >> 1
		via := m.viaUp[e]
		if id&1 == 1 {
			via = m.viaDown[e]
		}
		if via&isLink != 0 {
			path = append(path, units.LinkID(via&^isLink))
			continue
		}
		// Over a lower node: down to it, then up.
		x := s.low[e]
		v := s.low[via]
		down, up := 2*s.edge(s.first[v], via, x)+1, 2*via
		if id&1 == 1 {
			down, up = up+1, down-1
		}
		q.chain = append(q.chain, up, down)
	}
	return path
}

// From fixes a source for many calls of To, which then take half as long. It
// holds until the next call of From, Cost or Path.
func (q *Query) From(m *Metric, from units.NodeID) {
	q.drop()
	q.metric, q.source = m, uint32(from)
	x := q.s.leave[from]
	q.fore[x] = atEnd
	for ; x != none; x = q.s.parent[x] {
		rise(q.fore, m.fore, m.foreAt, x, far)
	}
}

// drop forgets a fixed source.
func (q *Query) drop() {
	if q.source != none {
		for x := q.s.leave[q.source]; x != none; x = q.s.parent[x] {
			q.fore[x] = unreached
		}
		q.source = none
	}
}

// To is Cost from the source that From has fixed.
func (q *Query) To(to units.NodeID) (seconds float64, ok bool) {
	m := q.metric
	cost := uint32(far)
	for y := q.start(m, to); y != none; y = q.s.parent[y] {
		cost = min(cost, q.fore[y].cost()+q.back[y].cost())
		rise(q.back, m.back, m.backAt, y, cost)
	}
	q.forgetBack(to)
	return float64(cost) / ticks, cost < far
}

// All writes the least cost in seconds from the source that From has fixed to
// every node, infinity where there is no way: one sweep down the hierarchy, which
// takes the place of some hundred calls of To (PHAST: Delling et al. 2011).
func (q *Query) All(seconds []float32) {
	m := q.metric
	if q.all == nil {
		q.all = make([]uint32, len(q.s.node))
	}
	for v := len(q.all) - 1; v >= 0; v-- {
		d := q.fore[v].cost()
		for _, a := range m.back[m.backAt[v+1]:m.backAt[v]] {
			d = min(d, q.all[a.to]+a.cost)
		}
		q.all[v] = min(d, far)
	}
	for n := range seconds {
		d := slices.Min(q.all[q.s.enter[n] : q.s.leave[n]+1])
		if seconds[n] = inf32; d < far {
			seconds[n] = float32(float64(d) / ticks)
		}
	}
}
