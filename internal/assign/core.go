package assign

import (
	"cmp"
	"slices"
)

// core is the part of a network in which there is a choice. Two changes are
// made to the network as given:
//
//   - A node that paths may not pass is two: one where paths start, without
//     links into it, and one where they end, without links out. So the loops
//     need not ask. The same is done with a zone that has one neighbour only:
//     passing it is a there-and-back.
//   - Such an end with one link only is cut off with its link: all its trips
//     use it whatever happens. Its volume is fixed, its demand moves to the
//     neighbour. On Chicago Sketch this leaves 546 of 933 nodes and 2,176 of
//     2,950 links to search.
//
// Columns: core links are sorted by tail (CSR first), then by order of file.
type core struct {
	nodes int
	first []int32 // out-links of node v: first[v]..first[v+1]
	tail  []int32
	head  []int32
	link  []int32 // network link
	// coreOf is the core link of a network link, or -1.
	coreOf []int32
	// Connector volumes, fixed: network links outside the core that carry flow.
	fixed       []int32
	fixedVolume []float64
	// Origins, ascending by node, and their demand: to[destFirst[o]:...].
	origin    []int32
	destFirst []int32
	to        []int32
	trips     []float64
	// By zone: where its trips enter and leave the core, and the network link
	// in between (-1: none).
	start, end         []int32
	startLink, endLink []int32
	assigned           float64 // trips that use the network at all
}

// newCore expects a checked network.
func newCore(n *Network, d *Demand) *core {
	links := n.NumLinks()
	// The only neighbour of a node, -1 none yet, -2 several; and degrees.
	near := make([]int32, n.Nodes)
	in, out := make([]int32, n.Nodes), make([]int32, n.Nodes)
	for i := range near {
		near[i] = -1
	}
	meet := func(a, b int32) {
		if near[a] == -1 {
			near[a] = b
		} else if near[a] != b {
			near[a] = -2
		}
	}
	for l := range links {
		a, b := n.Tail[l], n.Head[l]
		if a == b {
			continue // never on a least-cost path
		}
		meet(a, b)
		meet(b, a)
		out[a]++
		in[b]++
	}
	split := make([]bool, n.Nodes)
	for v := range split {
		split[v] = n.NoThru != nil && n.NoThru[v] || v < n.Zones && near[v] >= 0
	}
	// Two zones that have only each other keep one whole: the higher number.
	for v := range n.Zones {
		if m := near[v]; m > int32(v) && split[m] && (n.NoThru == nil || !n.NoThru[m]) && near[m] == int32(v) {
			split[m] = false
		}
	}
	c := &core{coreOf: make([]int32, links)}
	c.start, c.end = make([]int32, n.Zones), make([]int32, n.Zones)
	c.startLink, c.endLink = make([]int32, n.Zones), make([]int32, n.Zones)
	// Node numbers: nodeIn for links that end there, nodeOut for those that
	// start there; the same for a node that is whole.
	nodeIn, nodeOut := make([]int32, n.Nodes), make([]int32, n.Nodes)
	for v := range n.Nodes {
		nodeIn[v], nodeOut[v] = -1, -1
		if split[v] {
			continue
		}
		nodeIn[v], nodeOut[v] = int32(c.nodes), int32(c.nodes)
		c.nodes++
	}
	for v := range n.Nodes {
		if !split[v] {
			continue
		}
		cut := near[v] >= 0 && !split[near[v]]
		if !(cut && in[v] == 1) && in[v] > 0 {
			nodeIn[v] = int32(c.nodes)
			c.nodes++
		}
		if !(cut && out[v] == 1) && out[v] > 0 {
			nodeOut[v] = int32(c.nodes)
			c.nodes++
		}
	}
	for z := range n.Zones {
		c.start[z], c.end[z], c.startLink[z], c.endLink[z] = nodeOut[z], nodeIn[z], -1, -1
	}
	// The links of the core, counted, then placed.
	c.first = make([]int32, c.nodes+1)
	for l := range links {
		c.coreOf[l] = -1
		a, b := n.Tail[l], n.Head[l]
		if a == b {
			continue
		}
		switch {
		case nodeOut[a] >= 0 && nodeIn[b] >= 0:
			c.first[nodeOut[a]+1]++
		case nodeOut[a] < 0 && int(a) < n.Zones:
			c.start[a], c.startLink[a] = nodeIn[b], int32(l)
		case nodeIn[b] < 0 && int(b) < n.Zones:
			c.end[b], c.endLink[b] = nodeOut[a], int32(l)
		}
	}
	for v := range c.nodes {
		c.first[v+1] += c.first[v]
	}
	m := c.first[c.nodes]
	c.tail, c.head, c.link = make([]int32, m), make([]int32, m), make([]int32, m)
	next := slices.Clone(c.first[:c.nodes])
	for l := range links {
		a, b := nodeOut[n.Tail[l]], nodeIn[n.Head[l]]
		if n.Tail[l] == n.Head[l] || a < 0 || b < 0 {
			continue
		}
		i := next[a]
		next[a]++
		c.tail[i], c.head[i], c.link[i], c.coreOf[l] = a, b, int32(l), i
	}
	c.demand(n, d)
	return c
}

// demand moves trips to the ends that are left and joins those that now share
// both. Trips inside a zone use no link and are left out.
func (c *core) demand(n *Network, d *Demand) {
	type row struct {
		a, b  int32
		trips float64
	}
	var rows []row
	fixed := make([]float64, n.NumLinks())
	for i, t := range d.Trips {
		o, z := d.From[i], d.To[i]
		if o == z || t == 0 {
			continue
		}
		c.assigned += t
		if l := c.startLink[o]; l >= 0 {
			fixed[l] += t
		}
		if l := c.endLink[z]; l >= 0 {
			fixed[l] += t
		}
		if a, b := c.start[o], c.end[z]; a != b || a < 0 {
			rows = append(rows, row{a, b, t})
		}
	}
	for l, v := range fixed {
		if v > 0 {
			c.fixed = append(c.fixed, int32(l))
			c.fixedVolume = append(c.fixedVolume, v)
		}
	}
	slices.SortStableFunc(rows, func(x, y row) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	c.destFirst = []int32{0}
	for i, r := range rows {
		if i == 0 || r.a != rows[i-1].a {
			c.origin = append(c.origin, r.a)
			c.destFirst = append(c.destFirst, int32(len(c.to)))
		} else if r.b == rows[i-1].b {
			c.trips[len(c.trips)-1] += r.trips
			continue
		}
		c.to = append(c.to, r.b)
		c.trips = append(c.trips, r.trips)
		c.destFirst[len(c.origin)] = int32(len(c.to))
	}
}
