package assign

import "math"

// search finds least-cost trees in the core.
type search struct {
	g    *core
	dist []float64 // by core node
	by   []int32   // core link into it on the tree, -1 none
	// settled nodes in order of distance.
	settled []int32
	heap    []heapItem
	queue   []int32
	queued  []bool
}

type heapItem struct {
	d float64
	v int32
}

func (a heapItem) before(b heapItem) bool { return a.d < b.d || a.d == b.d && a.v < b.v }

func newSearch(g *core) *search {
	return &search{g: g, dist: make([]float64, g.nodes), by: make([]int32, g.nodes), settled: make([]int32, 0, g.nodes),
		heap: make([]heapItem, 0, g.nodes), queue: make([]int32, g.nodes+1), queued: make([]bool, g.nodes)}
}

// tree searches from an origin over all nodes (Dijkstra with a 4-ary heap). A
// node whose label falls is pushed again and the old item skipped.
func (s *search) tree(origin int32, c []float64) {
	g := s.g
	for v := range s.dist {
		s.dist[v], s.by[v] = math.Inf(1), -1
	}
	s.settled, s.heap = s.settled[:0], s.heap[:0]
	s.dist[origin] = 0
	s.push(heapItem{0, origin})
	for len(s.heap) > 0 {
		x := s.pop()
		if x.d > s.dist[x.v] || s.queued[x.v] {
			continue
		}
		s.queued[x.v] = true // settled: with links of no cost a node could come twice
		s.settled = append(s.settled, x.v)
		for l := g.first[x.v]; l < g.first[x.v+1]; l++ {
			h := g.head[l]
			if d := x.d + c[l]; d < s.dist[h] {
				s.dist[h], s.by[h] = d, l
				s.push(heapItem{d, h})
			}
		}
	}
	for _, v := range s.settled {
		s.queued[v] = false
	}
}

// repair lowers dist, which must hold lengths of real paths (+Inf: unknown; -Inf: not wanted), to the
// least ones: first in, first out, starting from nodes whose links shorten the
// way to their head. With the labels of a bush nearly all are final already, so it
// costs one look at every link. It says whether any fell.
func (s *search) repair(nodes []int32, c []float64) (fell bool) {
	g, dist := s.g, s.dist
	first, head := g.first, g.head
	queue, queued := s.queue, s.queued
	in, out := 0, 0
	look := func(v int32) {
		d := dist[v]
		lo, hi := first[v], first[v+1]
		for l := lo; l < hi; l++ {
			h := head[l]
			if x := d + c[l]; x < dist[h] {
				dist[h] = x
				if !queued[h] {
					queued[h] = true
					queue[in] = h
					if in++; in == len(queue) {
						in = 0
					}
				}
			}
		}
	}
	for _, v := range nodes {
		look(v)
	}
	fell = in != out
	for in != out {
		v := queue[out]
		if out++; out == len(queue) {
			out = 0
		}
		queued[v] = false
		look(v)
	}
	return fell
}

func (s *search) push(x heapItem) {
	s.heap = append(s.heap, x)
	h := s.heap
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !x.before(h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = x
}

func (s *search) pop() heapItem {
	h := s.heap
	top := h[0]
	n := len(h) - 1
	x := h[n]
	h = h[:n]
	s.heap = h
	if n == 0 {
		return top
	}
	i := 0
	for {
		k := 4*i + 1
		if k >= n {
			break
		}
		best := k
		for j := k + 1; j < min(k+4, n); j++ {
			if h[j].before(h[best]) {
				best = j
			}
		}
		if !h[best].before(x) {
			break
		}
		h[i] = h[best]
		i = best
	}
	h[i] = x
	return top
}
