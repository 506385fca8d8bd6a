package assign

import (
	"math"
)

// bush is the acyclic part of the core that one origin uses (Dial 2006): all
// nodes the origin reaches, and enough links to carry its flow. Nodes are kept
// in topological order under local numbers, the origin first; links are sorted
// by the node they enter. So a pass over the columns in order meets every tail
// before its head.
type bush struct {
	node  []int32 // local to core node
	first []int32 // links into local node k: first[k]..first[k+1]
	tail  []int32 // local
	link  []int32 // core
	flow  []float64
	// dest are the local nodes of the origin's destinations, in the order of
	// core.to, and base where its demand begins there.
	dest []int32
	base int32
}

// labels are the results of one pass over a bush, by local node: least cost
// from the origin over all its links, greatest over those that carry flow, and
// the links they come by (-1: none). One set serves all bushes in turn.
type labels struct {
	least, most     []float64
	byLeast, byMost []int32
}

func newLabels(n int) labels {
	return labels{make([]float64, n), make([]float64, n), make([]int32, n), make([]int32, n)}
}

// scan fills the labels at the present costs c. It is an inner loop: nothing is
// allocated. A node without flow takes most = least.
func (b *bush) scan(lb *labels, c []float64) {
	n := len(b.node)
	least, most := lb.least[:n], lb.most[:n]
	byLeast, byMost := lb.byLeast[:n], lb.byMost[:n]
	first := b.first[:n+1]
	tail, link, flow := b.tail, b.link[:len(b.tail)], b.flow[:len(b.tail)]
	least[0], most[0], byLeast[0], byMost[0] = 0, 0, -1, -1
	lo := first[1]
	for k := 1; k < n; k++ {
		hi := first[k+1]
		if hi == lo+1 { // most nodes
			t, x := tail[lo], c[link[lo]]
			least[k], byLeast[k] = least[t]+x, lo
			most[k], byMost[k] = most[t]+x, lo
			lo = hi
			continue
		}
		l, m := math.Inf(1), math.Inf(-1)
		bl, bm := int32(-1), int32(-1)
		for e := lo; e < hi; e++ {
			t, x := tail[e], c[link[e]]
			if v := least[t] + x; v < l {
				l, bl = v, e
			}
			if flow[e] > 0 {
				if v := most[t] + x; v > m {
					m, bm = v, e
				}
			}
		}
		if bm < 0 {
			m, bm = l, bl
		}
		least[k], byLeast[k], most[k], byMost[k] = l, bl, m, bm
		lo = hi
	}
}

// dust is the part of a node's flow below which a link's share is rounding,
// not traffic.
const dust = 1e-14

// balance makes the flows conserve trips to the last bit that can be had: from
// the far end, each node's inflow is scaled to what leaves it and what ends
// there. Shifts add and subtract the same number, but rounded differently on
// each link; over thousands of them that would show in the twelfth digit. It
// adds the flows to volume.
func (b *bush) balance(need []float64, trips []float64, volume []float64) {
	n := len(b.node)
	need = need[:n]
	clear(need)
	for i, k := range b.dest {
		need[k] += trips[int(b.base)+i]
	}
	for k := n - 1; k > 0; k-- {
		lo, hi := b.first[k], b.first[k+1]
		want := need[k]
		if hi == lo+1 {
			b.flow[lo] = want
			need[b.tail[lo]] += want
			volume[b.link[lo]] += want
			continue
		}
		have, big := 0.0, lo
		for e := lo; e < hi; e++ {
			if b.flow[e] <= dust*want {
				b.flow[e] = 0
			} else if have += b.flow[e]; b.flow[e] > b.flow[big] {
				big = e
			}
		}
		if want == 0 || have == 0 {
			for e := lo; e < hi; e++ {
				b.flow[e] = 0
			}
			if want == 0 {
				continue
			}
			b.flow[big], have = want, want
		}
		f := want / have
		for e := lo; e < hi; e++ {
			if b.flow[e] > 0 {
				b.flow[e] *= f
				need[b.tail[e]] += b.flow[e]
				volume[b.link[e]] += b.flow[e]
			}
		}
	}
}

// grower rebuilds bushes; its columns are reused.
type grower struct {
	g    *core
	far  []float64 // greatest label over kept links, by local node
	rank []int32   // order of the new local numbers: rank[new] = old
	at   []int32   // old to new
	head []int32   // links to be, heads and tails by old local number
	tail []int32
	link []int32
	flow []float64
	next []int32
	// was are the labels of the bush itself, by core node; -Inf: not in it.
	was []float64
	// Links by head: links[first[k]:first[k+1]] enter old local node k.
	first, links []int32
	stack        []int32
}

// grow replaces a bush by one that offers better paths. lb holds its labels,
// dist the least costs over the whole core and where the bush's nodes stand
// (core node to local, -1).
//
// Links without flow that are not on the least-cost tree go. A link (i, j) comes
// in if it shortens the way to j, dist_i + c < least_j, and i stands strictly
// below j in the greatest labels U of the bush. U never falls along a link
// that is kept, and rises strictly along one that comes in, so there is no cycle: sorting by
// U, ties in the old order, is the new topological order. It is Algorithm B's
// rule in the form of Nie (2010, Transportation Research B 44) and Boyles,
// with true least costs instead of the bush's own, which lets a shortcut of several
// new links come in at once.
func (r *grower) grow(b *bush, lb *labels, dist []float64, local []int32, c []float64, shorter bool) {
	if !shorter {
		b.prune(lb)
		return
	}
	n, added := len(b.node), 0
	r.far = grown(r.far, n)
	far := r.far
	r.head, r.tail, r.link, r.flow = r.head[:0], r.tail[:0], r.link[:0], r.flow[:0]
	far[0] = 0
	for k := 1; k < n; k++ {
		u := 0.0
		for e := b.first[k]; e < b.first[k+1]; e++ {
			if b.flow[e] > 0 || e == lb.byLeast[k] {
				u = max(u, far[b.tail[e]]+c[b.link[e]])
				r.head = append(r.head, int32(k))
				r.tail = append(r.tail, b.tail[e])
				r.link = append(r.link, b.link[e])
				r.flow = append(r.flow, b.flow[e])
			}
		}
		far[k] = u
	}
	// was: least-cost labels of the bush, by core node.
	g := r.g
	was, out, heads := r.was, g.first, g.head
	for i, v := range b.node {
		d := dist[v]
		for l := out[v]; l < out[v+1]; l++ {
			if h := heads[l]; d+c[l] < was[h] {
				if j := local[h]; far[i] < far[j] {
					r.head = append(r.head, j)
					r.tail = append(r.tail, int32(i))
					r.link = append(r.link, l)
					r.flow = append(r.flow, 0)
					added++
				}
			}
		}
	}
	if added == 0 {
		b.prune(lb)
		return
	}
	// Links by head in the old numbers, counted, then placed.
	m := len(r.link)
	r.first, r.links = grown(r.first, n+2), grown(r.links, m)
	first := r.first
	clear(first)
	for _, h := range r.head {
		first[h+2]++
	}
	for k := range n {
		first[k+2] += first[k+1]
	}
	for i, h := range r.head {
		r.links[first[h+1]] = int32(i)
		first[h+1]++
	}
	r.order(n)
	b.tail, b.link, b.flow = grown(b.tail, m), grown(b.link, m), grown(b.flow, m)
	e := int32(0)
	for k, old := range r.rank {
		b.first[k] = e
		for _, i := range r.links[first[old]:first[old+1]] {
			b.tail[e], b.link[e], b.flow[e] = r.at[r.tail[i]], r.link[i], r.flow[i]
			e++
		}
	}
	b.first[n] = e
	r.next = append(r.next[:0], b.node...)
	for k, old := range r.rank {
		b.node[k] = r.next[old]
	}
	for i, k := range b.dest {
		b.dest[i] = r.at[k]
	}
}

// prune drops links without flow that are not on the least-cost tree.
func (b *bush) prune(lb *labels) {
	to, e := int32(0), int32(0)
	for k := range b.node {
		hi := b.first[k+1]
		b.first[k] = to
		for ; e < hi; e++ {
			if b.flow[e] > 0 || e == lb.byLeast[k] {
				b.tail[to], b.link[to], b.flow[to] = b.tail[e], b.link[e], b.flow[e]
				to++
			}
		}
	}
	b.first[len(b.node)] = to
	b.tail, b.link, b.flow = b.tail[:to], b.link[:to], b.flow[:to]
}

// order fills rank and at: the old order, but each node after the tails of its
// links (depth first).
func (r *grower) order(n int) {
	r.rank, r.at = grown(r.rank, n)[:0], grown(r.at, n)
	for k := range r.at {
		r.at[k] = -1
	}
	r.next = append(r.next[:0], r.first[:n]...)
	for k := range int32(n) {
		if r.at[k] >= 0 {
			continue
		}
		r.stack = append(r.stack[:0], k)
		for len(r.stack) > 0 {
			v := r.stack[len(r.stack)-1]
			deeper := false
			for e := r.next[v]; e < r.first[v+1]; e++ {
				if t := r.tail[r.links[e]]; r.at[t] < 0 {
					r.next[v] = e + 1
					r.stack = append(r.stack, t)
					deeper = true
					break
				}
			}
			if !deeper {
				r.stack = r.stack[:len(r.stack)-1]
				r.at[v] = int32(len(r.rank))
				r.rank = append(r.rank, v)
			}
		}
	}
}

// grown is s with length n, its content undefined, reallocated only when it
// must be, with a quarter to spare.
func grown[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n, n+n/4+16)
}
