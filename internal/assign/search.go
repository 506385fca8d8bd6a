package assign

import (
	"math"

	"github.com/malikobaid/cityflow/internal/pq"
)

// search finds least-cost trees in the core.
type search struct {
	g    *core
	dist []float64 // by core node
	by   []int32   // core link into it on the tree, -1 none
	// settled nodes in order of distance.
	settled []int32
	heap    pq.Queue
	queue   []int32
	queued  []bool
}

func newSearch(g *core) *search {
	return &search{g: g, dist: make([]float64, g.nodes), by: make([]int32, g.nodes), settled: make([]int32, 0, g.nodes),
		heap: pq.WithCapacity(g.nodes), queue: make([]int32, g.nodes+1), queued: make([]bool, g.nodes)}
}

// tree searches from an origin over all nodes (Dijkstra with a 4-ary heap). A
// node whose label falls is pushed again and the old item skipped.
func (s *search) tree(origin int32, c []float64) {
	g := s.g
	for v := range s.dist {
		s.dist[v], s.by[v] = math.Inf(1), -1
	}
	s.settled = s.settled[:0]
	s.heap.Clear()
	s.dist[origin] = 0
	s.heap.Push(0, uint32(origin))
	for s.heap.Len() > 0 {
		x := s.heap.Pop()
		v, so := int32(x.ID()), x.Key()
		if so > s.dist[v] || s.queued[v] {
			continue
		}
		s.queued[v] = true // settled: with links of no cost a node could come twice
		s.settled = append(s.settled, v)
		for l := g.first[v]; l < g.first[v+1]; l++ {
			h := g.head[l]
			if d := so + c[l]; d < s.dist[h] {
				s.dist[h], s.by[h] = d, l
				s.heap.Push(d, uint32(h))
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
