package assign

import "math"

// pairs are pairs of alternative segments (Bar-Gera 2010): two ways from one
// node to another that some origins use both of, or use one of while the other
// is as cheap. Bushes of many origins hold the same pair, so a shift that is
// worked out once per pair serves them all, and a sweep over the pairs costs a
// hundredth of a pass over all bushes. They are collected anew in each
// iteration, so they need no upkeep and the places of their links in the
// bushes stay valid while they are used.
type pairs struct {
	list []pair
	// seg holds core links: the first segment of a pair, then the second.
	seg []int32
	// users hold, per origin of a pair, where its links are in the bush: at
	// at[user.at:], as many as seg has.
	users []user
	at    []int32
	// table finds a pair by its links: open addressing, index + 1, 0 is free.
	table []int32
	a, b  []int32 // of the pair at hand, bush links
}

type pair struct {
	seg, na, nb int32
	hash        uint32
	first, last int32 // users, a chain
}

type user struct{ bush, at, next int32 }

func (p *pairs) reset() {
	p.list, p.seg, p.users, p.at = p.list[:0], p.seg[:0], p.users[:0], p.at[:0]
	if p.table == nil {
		p.table = make([]int32, 1<<12)
	}
	clear(p.table)
}

// collect adds the pairs of a bush whose labels are fresh: at each node, every
// two ways in that are used or cheapest, one followed back along the dearest used way and the
// other along the cheapest until they meet. All two, not each with the cheapest
// alone: of three ways the middle one may be steep, and what must go from the
// first to the last would drip through it. At a node of more than manyWays
// links only those with the cheapest.
func (p *pairs) collect(o int32, b *bush, lb *labels) {
	for k := int32(len(b.node)) - 1; k > 0; k-- {
		lo, hi := b.first[k], b.first[k+1]
		if hi == lo+1 {
			continue
		}
		z := lb.byLeast[k]
		for e := lo; e < hi; e++ {
			if b.flow[e] <= 0 && e != z {
				continue
			}
			for f := e + 1; f < hi; f++ {
				switch {
				case b.flow[f] <= 0 && f != z:
				case e == z:
					p.follow(o, b, lb, f, e)
				case f == z || hi-lo <= manyWays:
					p.follow(o, b, lb, e, f)
				}
			}
		}
	}
}

const manyWays = 8

// follow adds the pair that ends in bush links e and f.
func (p *pairs) follow(o int32, b *bush, lb *labels, e, f int32) {
	p.a, p.b = append(p.a[:0], e), append(p.b[:0], f)
	i, j := b.tail[e], b.tail[f]
	for i != j {
		if i > j {
			x := lb.byMost[i]
			p.a = append(p.a, x)
			i = b.tail[x]
		} else {
			x := lb.byLeast[j]
			p.b = append(p.b, x)
			j = b.tail[x]
		}
	}
	p.add(o, b)
}

func (p *pairs) add(o int32, b *bush) {
	x, y := p.a, p.b
	// A pair has no direction: the segment whose last link is lower is first.
	if b.link[x[0]] > b.link[y[0]] {
		x, y = y, x
	}
	h := uint32(2166136261)
	for _, e := range x {
		h = (h ^ uint32(b.link[e])) * 16777619
	}
	h ^= h >> 15
	for _, e := range y {
		h = (h ^ uint32(b.link[e])) * 16777619
	}
	h ^= h >> 13
	mask := uint32(len(p.table) - 1)
	slot := h & mask
	id := int32(-1)
	for p.table[slot] != 0 {
		if c := p.table[slot] - 1; p.list[c].hash == h && p.same(&p.list[c], b, x, y) {
			id = c
			break
		}
		slot = (slot + 1) & mask
	}
	u := int32(len(p.users))
	p.users = append(p.users, user{o, int32(len(p.at)), -1})
	p.at = append(append(p.at, x...), y...)
	if id >= 0 {
		q := &p.list[id]
		p.users[q.last].next = u
		q.last = u
		return
	}
	p.list = append(p.list, pair{int32(len(p.seg)), int32(len(x)), int32(len(y)), h, u, u})
	for _, e := range x {
		p.seg = append(p.seg, b.link[e])
	}
	for _, e := range y {
		p.seg = append(p.seg, b.link[e])
	}
	p.table[slot] = int32(len(p.list))
	if 2*len(p.list) > len(p.table) {
		p.table = make([]int32, 2*len(p.table))
		mask = uint32(len(p.table) - 1)
		for i := range p.list {
			slot := p.list[i].hash & mask
			for p.table[slot] != 0 {
				slot = (slot + 1) & mask
			}
			p.table[slot] = int32(i + 1)
		}
	}
}

func (p *pairs) same(q *pair, b *bush, x, y []int32) bool {
	if int(q.na) != len(x) || int(q.nb) != len(y) {
		return false
	}
	s := p.seg[q.seg:]
	for i, e := range x {
		if s[i] != b.link[e] {
			return false
		}
	}
	s = s[len(x):]
	for i, e := range y {
		if s[i] != b.link[e] {
			return false
		}
	}
	return true
}

// sweep equalises each pair once and gives the cost saved, to first order.
// Inner loop: nothing is allocated.
func (s *solver) sweep(p *pairs) (saved float64) {
	for i := range p.list {
		q := &p.list[i]
		a, b := p.seg[q.seg:q.seg+q.na], p.seg[q.seg+q.na:q.seg+q.na+q.nb]
		diff, slope := 0.0, 0.0
		for _, l := range a {
			diff += s.c[l]
			slope += s.links[l].slope
		}
		for _, l := range b {
			diff -= s.c[l]
			slope += s.links[l].slope
		}
		if diff == 0 {
			continue
		}
		back := diff < 0
		if back {
			diff = -diff
		}
		want := math.Inf(1)
		if slope > 0 {
			want = diff / slope
		}
		moved, after := s.transfer(p, q, back, want)
		if moved <= 0 {
			continue
		}
		saved += moved * diff
		for k := 0; after < -overshoot*diff && k < halvings; k++ {
			moved, after = s.transfer(p, q, !back, moved/2)
			after = -after
		}
	}
	return saved
}

// transfer moves up to want from the first segment of a pair to the second
// (back: the other way), user by user, and gives what was moved and the difference of
// costs that is left. How the users share it is not fixed by equilibrium.
func (s *solver) transfer(p *pairs, q *pair, back bool, want float64) (moved, after float64) {
	from, to, na, nb := int32(0), q.na, q.na, q.nb
	if back {
		from, to, na, nb = q.na, 0, q.nb, q.na
	}
	for u := q.first; u >= 0 && moved < want; u = p.users[u].next {
		x := &p.users[u]
		flow := s.bushes[x.bush].flow
		at := p.at[x.at : x.at+q.na+q.nb]
		have := flow[at[from]]
		for _, e := range at[from+1 : from+na] {
			have = min(have, flow[e])
		}
		if have <= 0 {
			continue
		}
		step, all := have, true
		if moved+have > want {
			step, all = want-moved, false
		}
		for _, e := range at[from : from+na] {
			if flow[e] -= step; all && flow[e] < dust*step || flow[e] < 0 {
				flow[e] = 0
			}
		}
		for _, e := range at[to : to+nb] {
			flow[e] += step
		}
		moved += step
	}
	if moved <= 0 {
		return 0, 0
	}
	for _, l := range p.seg[q.seg+from : q.seg+from+na] {
		s.c[l] = s.links[l].add(-moved)
		after += s.c[l]
	}
	for _, l := range p.seg[q.seg+to : q.seg+to+nb] {
		s.c[l] = s.links[l].add(moved)
		after -= s.c[l]
	}
	return moved, after
}
