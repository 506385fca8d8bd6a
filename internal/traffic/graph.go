package traffic

import (
	"cmp"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/pq"
	"github.com/malikobaid/cityflow/internal/units"
)

var inf = float32(math.Inf(1))

// graph is the network as columns: links in and out of each node.
type graph struct {
	inFirst, inLink   []uint32
	outFirst, outLink []uint32
	from, to          []units.NodeID
	queue             pq.Queue // nodes by cost of the way on
}

func newGraph(s *Scenario) *graph {
	g := &graph{from: s.Net.From, to: s.Net.To}
	g.inFirst, g.inLink = star(len(s.Nodes), s.Net.To)
	g.outFirst, g.outLink = star(len(s.Nodes), s.Net.From)
	return g
}

// star groups links by a node of theirs, in order of id.
func star(nodes int, of []units.NodeID) (first, link []uint32) {
	first = make([]uint32, nodes+1)
	for _, n := range of {
		first[n+1]++
	}
	for n := range nodes {
		first[n+1] += first[n]
	}
	link = make([]uint32, len(of))
	at := slices.Clone(first)
	for l, n := range of {
		link[at[n]] = uint32(l)
		at[n]++
	}
	return first, link
}

// toward writes the least cost from every node to dest, and gives the nodes from
// which it is reached in order of cost, without dest (Dijkstra 1959, with
// repeated entries instead of decreased keys).
func (g *graph) toward(dest units.NodeID, cost, dist []float32) (order []uint32) {
	for n := range dist {
		dist[n] = inf
	}
	dist[dest] = 0
	g.queue.Clear()
	g.queue.Push(0, uint32(dest))
	for g.queue.Len() > 0 {
		top := g.queue.Pop()
		node, far := top.ID(), float32(top.Key())
		if far > dist[node] {
			continue
		}
		if node != uint32(dest) {
			order = append(order, node)
		}
		for _, l := range g.inLink[g.inFirst[node]:g.inFirst[node+1]] {
			n := g.from[l]
			if d := far + cost[l]; d < dist[n] {
				dist[n] = d
				g.queue.Push(float64(d), uint32(n))
			}
		}
	}
	return order
}

// byDest is the rows in order of destination, then of file.
func byDest(rows []Row) []int {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rows[a].Dest, rows[b].Dest) })
	return order
}

// best is the out-link of a node on the quickest path; the lowest id of several.
func (g *graph) best(node uint32, cost, dist []float32) uint32 {
	best, least := uint32(0), inf
	for _, l := range g.outLink[g.outFirst[node]:g.outFirst[node+1]] {
		if t := cost[l] + dist[g.to[l]]; t < least {
			best, least = l, t
		}
	}
	return best
}
