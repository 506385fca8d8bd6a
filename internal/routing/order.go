package routing

import (
	"cmp"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// Order is a contraction order of the nodes of a network: Order[i] is the node
// of rank i. Hierarchies over any part of the network, with any links closed,
// can be built on it; it is good where the network falls into halves joined by
// few streets, and its nodes of high rank are the ends of those streets.
type Order []uint32

// leaf is the size below which a part is not divided further: the quality of
// the order of so few nodes does not show.
const leaf = 6

// balance is the least share of a part that each half must hold.
const balance = 0.25

// NewOrder divides the network again and again into two halves along few
// streets, by inertial flow (Schild and Sommer 2015): nodes are sorted along a
// direction, the first and the last quarter are source and sink, and the
// smallest cut between them divides the part. The ends of the cut streets on
// one side get the highest ranks (nested dissection: George 1973; for road
// networks Dibbelt, Strasser and Wagner 2016). It takes the links that allow any
// of the modes, in both directions.
func NewOrder(net *city.Network, allow city.ModeSet) Order {
	n := net.NumNodes()
	d := &dissector{x: net.NodeX, y: net.NodeY, first: make([]uint32, n+1), inPart: make([]uint32, n), local: make([]uint32, n)}
	if len(d.x) != n { // a network without places
		d.x, d.y = make([]float32, n), make([]float32, n)
	}
	type pair struct{ a, b uint32 }
	var pairs []pair
	for l := range net.From {
		a, b := uint32(net.From[l]), uint32(net.To[l])
		if net.Modes[l]&allow != 0 && a != b {
			pairs = append(pairs, pair{a, b}, pair{b, a})
		}
	}
	slices.SortFunc(pairs, func(p, q pair) int { return cmp.Or(cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b)) })
	pairs = slices.Compact(pairs)
	for _, p := range pairs {
		d.first[p.a+1]++
		d.head = append(d.head, p.b)
	}
	for i := range n {
		d.first[i+1] += d.first[i]
	}
	d.price = prices(net, allow)
	d.order = make([]uint32, n)
	all := make([]uint32, n)
	for i := range all {
		all[i] = uint32(i)
	}
	d.divide(all, n)
	return d.order
}

// prices are 3 for nodes on a street faster than that of the middle node, else 4.
func prices(net *city.Network, allow city.ModeSet) []uint8 {
	speed := make([]float32, net.NumNodes())
	for l, s := range net.SpeedMS {
		if net.Modes[l]&allow != 0 {
			for _, v := range [2]units.NodeID{net.From[l], net.To[l]} {
				speed[v] = max(speed[v], s)
			}
		}
	}
	out := make([]uint8, len(speed))
	if len(out) == 0 {
		return out
	}
	sorted := slices.Sorted(slices.Values(speed))
	for v, s := range speed {
		out[v] = 4
		if s > sorted[len(sorted)/2] {
			out[v] = 3
		}
	}
	return out
}

// dissector holds the undirected network and what a division needs.
type dissector struct {
	x, y        []float32
	first, head []uint32 // neighbours
	order       Order
	part        uint32   // number of the part being divided
	inPart      []uint32 // by node: the part it was last seen in
	local       []uint32 // by node: its index in the part
	price       []uint8  // by node: see dear
	flow        flow
}

// divide gives the ranks [end-len(nodes), end) to the nodes of a part.
func (d *dissector) divide(nodes []uint32, end int) {
	for len(nodes) > leaf {
		side, ok := d.cut(nodes)
		if !ok {
			break
		}
		// The separator: the ends of cut streets on the side where they are
		// fewer.
		var parts [2][]uint32
		var edge [2][]uint32
		for i, v := range nodes {
			s := side[i]
			crosses := false
			for _, u := range d.head[d.first[v]:d.first[v+1]] {
				if d.inPart[u] == d.part && side[d.local[u]] != s {
					crosses = true
					break
				}
			}
			if crosses {
				edge[s] = append(edge[s], v)
			} else {
				parts[s] = append(parts[s], v)
			}
		}
		sep := 0
		if d.dear(edge[1]) < d.dear(edge[0]) {
			sep = 1
		}
		parts[1-sep] = append(parts[1-sep], edge[1-sep]...)
		slices.Sort(parts[1-sep])
		copy(d.order[end-len(edge[sep]):end], edge[sep])
		end -= len(edge[sep])
		// The smaller part by recursion, the larger in this loop.
		small, large := parts[0], parts[1]
		if len(small) > len(large) {
			small, large = large, small
		}
		d.divide(small, end)
		end -= len(small)
		nodes = large
	}
	d.few(nodes, end)
}

// dear is the price of a separator: a node of a fast street costs three
// quarters. Least paths then follow separators, and a hierarchy that leaves out
// what such paths make needless is smaller; see Metric.
func (d *dissector) dear(nodes []uint32) int {
	sum := 0
	for _, v := range nodes {
		sum += int(d.price[v])
	}
	return sum
}

// few ranks a small part, or one that is all neighbours, by rising degree.
func (d *dissector) few(nodes []uint32, end int) {
	out := d.order[end-len(nodes) : end]
	copy(out, nodes)
	slices.SortFunc(out, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(d.first[a+1]-d.first[a], d.first[b+1]-d.first[b]), cmp.Compare(a, b))
	})
}

// cut divides a part in two: side by index, and false when it cannot.
func (d *dissector) cut(nodes []uint32) (side []uint8, ok bool) {
	d.part++
	for i, v := range nodes {
		d.inPart[v], d.local[v] = d.part, uint32(i)
	}
	if side, ok := d.apart(nodes); ok {
		return side, true
	}
	f := &d.flow
	f.load(d, nodes)
	best, least := -1, math.Inf(1)
	sorted := make([]uint32, len(nodes))
	var other []uint8
	ends := max(1, int(balance*float64(len(nodes))))
	for _, dir := range [][2]float32{{1, 0}, {0, 1}, {1, 1}, {1, -1}} {
		for i := range sorted {
			sorted[i] = uint32(i)
		}
		along := func(i uint32) float32 { return dir[0]*d.x[nodes[i]] + dir[1]*d.y[nodes[i]] }
		slices.SortFunc(sorted, func(a, b uint32) int { return cmp.Or(cmp.Compare(along(a), along(b)), cmp.Compare(a, b)) })
		if n := f.most(sorted[:ends], sorted[len(sorted)-ends:], best); n >= 0 {
			var score float64
			if other, score = f.side(sorted, other); n < best || best < 0 || score < least {
				best, least = n, score
				side, other = other, side
			}
		}
	}
	return side, best >= 0
}

// apart divides a part that is in pieces: each piece goes to the lighter side.
func (d *dissector) apart(nodes []uint32) (side []uint8, ok bool) {
	const unseen = 2
	side = make([]uint8, len(nodes))
	for i := range side {
		side[i] = unseen
	}
	var weight [2]int
	var stack []uint32
	for i := range nodes {
		if side[i] != unseen {
			continue
		}
		s := uint8(0)
		if weight[1] < weight[0] {
			s = 1
		}
		side[i] = s
		stack = append(stack[:0], uint32(i))
		for len(stack) > 0 {
			v := nodes[stack[len(stack)-1]]
			stack = stack[:len(stack)-1]
			weight[s]++
			for _, u := range d.head[d.first[v]:d.first[v+1]] {
				if d.inPart[u] == d.part && side[d.local[u]] == unseen {
					side[d.local[u]] = s
					stack = append(stack, d.local[u])
				}
			}
		}
	}
	return side, weight[0] > 0 && weight[1] > 0
}

// flow is a unit-capacity maximum flow on one part (Dinic 1970).
type flow struct {
	first, head []uint32 // neighbours by index in the part
	twin        []uint32 // the opposite direction of each arc
	room        []int8   // what an arc can still take: 0, 1 or 2
	level       []int32
	next        []uint32
	queue       []uint32
	kind        []uint8 // 1 source, 2 sink
	stack       []uint32
	price       []uint8 // of a node in a separator
	cut         []uint32
}

func (f *flow) load(d *dissector, nodes []uint32) {
	f.first, f.head = append(f.first[:0], 0), f.head[:0]
	for _, v := range nodes {
		for _, u := range d.head[d.first[v]:d.first[v+1]] {
			if d.inPart[u] == d.part {
				f.head = append(f.head, d.local[u])
			}
		}
		f.first = append(f.first, uint32(len(f.head)))
	}
	f.twin = slices.Grow(f.twin[:0], len(f.head))[:len(f.head)]
	f.next = append(f.next[:0], f.first[:len(nodes)]...)
	// Neighbours are sorted, so going through the arcs by tail meets the
	// opposite arcs of each head in the same order.
	for v := range nodes {
		for e := f.first[v]; e < f.first[v+1]; e++ {
			u := f.head[e]
			f.twin[e] = f.next[u]
			f.next[u]++
		}
	}
	f.room = slices.Grow(f.room[:0], len(f.head))[:len(f.head)]
	f.level = slices.Grow(f.level[:0], len(nodes))[:len(nodes)]
	f.kind = slices.Grow(f.kind[:0], len(nodes))[:len(nodes)]
	f.cut = slices.Grow(f.cut[:0], len(nodes))[:len(nodes)]
	f.price = f.price[:0]
	for _, v := range nodes {
		f.price = append(f.price, d.price[v])
	}
}

// most finds the greatest flow between two sets, or -1 when it exceeds stop
// (-1: never), where a better cut is known.
func (f *flow) most(source, sink []uint32, stop int) int {
	for i := range f.room {
		f.room[i] = 1
	}
	clear(f.kind)
	for _, v := range source {
		f.kind[v] = 1
	}
	for _, v := range sink {
		f.kind[v] = 2
	}
	total := 0
	for f.levels(source) {
		copy(f.next, f.first[:len(f.level)])
		for _, s := range source {
			for f.push(s) {
				if total++; stop >= 0 && total > stop {
					return -1
				}
			}
		}
	}
	return total
}

// levels lays breadth-first levels from the source over arcs with room; false
// when the sink is out of reach.
func (f *flow) levels(source []uint32) bool {
	for i := range f.level {
		f.level[i] = -1
	}
	f.queue = f.queue[:0]
	for _, s := range source {
		f.level[s] = 0
		f.queue = append(f.queue, s)
	}
	reached := false
	for i := 0; i < len(f.queue); i++ {
		v := f.queue[i]
		if f.kind[v] == 2 {
			reached = true
			continue
		}
		for e := f.first[v]; e < f.first[v+1]; e++ {
			if u := f.head[e]; f.room[e] > 0 && f.level[u] < 0 {
				f.level[u] = f.level[v] + 1
				f.queue = append(f.queue, u)
			}
		}
	}
	return reached
}

// push sends one unit from s along rising levels to the sink.
func (f *flow) push(s uint32) bool {
	f.stack = f.stack[:0] // arcs of the way so far
	v := s
	for {
		if f.kind[v] == 2 {
			for _, e := range f.stack {
				f.room[e]--
				f.room[f.twin[e]]++
			}
			return true
		}
		moved := false
		for ; f.next[v] < f.first[v+1]; f.next[v]++ {
			e := f.next[v]
			if u := f.head[e]; f.room[e] > 0 && f.level[u] == f.level[v]+1 {
				f.stack = append(f.stack, e)
				v, moved = u, true
				break
			}
		}
		if moved {
			continue
		}
		if len(f.stack) == 0 {
			return false
		}
		e := f.stack[len(f.stack)-1]
		f.stack = f.stack[:len(f.stack)-1]
		v = f.head[f.twin[e]]
		f.next[v]++ // that arc is a dead end
	}
}

// side is the best cut of as few streets as the last flow: 0 on the side of the
// source. Of all that are met on the way from the nearest to the source to the
// nearest to the sink, it takes the one that costs least for how evenly it divides.
func (f *flow) side(sorted []uint32, into []uint8) (side []uint8, score float64) {
	const near, beyond = 0, 1
	side = slices.Grow(into[:0], len(f.level))[:len(f.level)]
	for i := range side {
		side[i] = beyond
	}
	clear(f.cut)
	price := [2]int{}     // of the ends of cut streets on either side
	f.queue = f.queue[:0] // what is near, as it was added
	add := func(v uint32) {
		if f.cut[v] > 0 {
			price[beyond] -= int(f.price[v])
		}
		side[v], f.cut[v] = near, 0
		for _, u := range f.head[f.first[v]:f.first[v+1]] {
			if side[u] == near {
				if f.cut[u]--; f.cut[u] == 0 {
					price[near] -= int(f.price[u])
				}
				continue
			}
			if f.cut[v]++; f.cut[v] == 1 {
				price[near] += int(f.price[v])
			}
			if f.cut[u]++; f.cut[u] == 1 {
				price[beyond] += int(f.price[u])
			}
		}
		f.queue = append(f.queue, v)
	}
	for i, l := range f.level {
		if l >= 0 {
			add(uint32(i))
		}
	}
	// What can still send to the sink stays beyond.
	f.stack = f.stack[:0]
	for i, k := range f.kind {
		if k == 2 {
			f.stack = append(f.stack, uint32(i))
		}
	}
	for len(f.stack) > 0 {
		v := f.stack[len(f.stack)-1]
		f.stack = f.stack[:len(f.stack)-1]
		for e := f.first[v]; e < f.first[v+1]; e++ {
			if u := f.head[e]; f.room[f.twin[e]] > 0 && f.kind[u] != 2 {
				f.kind[u] = 2
				f.stack = append(f.stack, u)
			}
		}
	}
	score, best := math.Inf(1), 0
	look := func() {
		even := min(len(f.queue), len(side)-len(f.queue))
		if s := float64(min(price[near], price[beyond])) / float64(even); s < score {
			score, best = s, len(f.queue)
		}
	}
	look()
	for _, i := range sorted {
		if side[i] == near || f.kind[i] == 2 {
			continue
		}
		// It comes over with all that it could send to.
		from := len(f.queue)
		add(i)
		for ; from < len(f.queue); from++ {
			v := f.queue[from]
			for e := f.first[v]; e < f.first[v+1]; e++ {
				if u := f.head[e]; f.room[e] > 0 && side[u] == beyond {
					add(u)
				}
			}
		}
		look()
	}
	for _, v := range f.queue[best:] {
		side[v] = beyond
	}
	return side, score
}
