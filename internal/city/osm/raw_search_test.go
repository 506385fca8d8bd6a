package osm_test

import (
	"container/heap"
	"slices"
)

// arc is a segment in one direction.
type arc struct {
	seg  int
	back bool
}

func (m *rawMap) ends(a arc) (from, to int64) {
	s := m.segs[a.seg]
	if a.back {
		return s.b, s.a
	}
	return s.a, s.b
}

func (m *rawMap) open(a arc, mode int) bool {
	if a.back {
		return m.segs[a.seg].bwd&mode != 0
	}
	return m.segs[a.seg].fwd&mode != 0
}

// leaving lists the arcs out of a node that a mode may use.
func (m *rawMap) leaving(n int64, mode int) (out []arc) {
	for _, i := range m.at[n] {
		for _, back := range []bool{false, true} {
			a := arc{i, back}
			if f, _ := m.ends(a); f == n && m.open(a, mode) {
				out = append(out, a)
			}
		}
	}
	return out
}

func (m *rawMap) entering(n int64, mode int) (in []arc) {
	for _, i := range m.at[n] {
		for _, back := range []bool{false, true} {
			a := arc{i, back}
			if _, t := m.ends(a); t == n && m.open(a, mode) {
				in = append(in, a)
			}
		}
	}
	return in
}

// state of a search: on an arc, with the rules over ways that are running.
type state struct {
	arc  arc
	over uint32
}

type item struct {
	cost float64
	st   state
}
type queue []item

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].cost < q[j].cost }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(item)) }
func (q *queue) Pop() any          { o := *q; x := o[len(o)-1]; *q = o[:len(o)-1]; return x }

// cars finds the seconds from a node to others, all turns obeyed. Drivers may
// turn round at every node (anywhere) or not in the middle of a way.
func (m *rawMap) cars(from int64, to map[int64]bool, anywhere bool) map[int64]float64 {
	byNode := m.byNode
	var q queue
	done := map[state]bool{}
	out := map[int64]float64{}
	for _, a := range m.leaving(from, rawCar) {
		heap.Push(&q, item{m.seconds(a), state{a, 0}})
	}
	for q.Len() > 0 && len(out) < len(to) {
		x := heap.Pop(&q).(item)
		if done[x.st] {
			continue
		}
		done[x.st] = true
		_, v := m.ends(x.st.arc)
		if to[v] {
			if _, ok := out[v]; !ok {
				out[v] = x.cost
			}
		}
		if p, ok := m.passable[v]; ok && p&rawCar == 0 {
			continue
		}
		wayIn := m.segs[x.st.arc.seg].way
		leaving := m.leaving(v, rawCar)
		for _, a := range leaving {
			if a.seg == x.st.arc.seg && !anywhere && m.midway(v) {
				continue
			}
			if byNode()[v] != nil && m.banned(v, x.st.arc, a, leaving) {
				continue
			}
			way := m.segs[a.seg].way
			var over uint32
			bad := false
			for i, r := range m.over {
				running := x.st.over&(1<<i) != 0
				if running && v == r.leave && wayIn == r.ways[len(r.ways)-1] {
					bad = bad || (way == r.to) != r.only
				}
				if running && slices.Contains(r.ways, way) && a.seg != x.st.arc.seg || v == r.enter && wayIn == r.from && way == r.ways[0] {
					over |= 1 << i
				}
			}
			if !bad {
				heap.Push(&q, item{x.cost + m.seconds(a), state{a, over}})
			}
		}
	}
	return out
}

// midway tells whether a node only bends one way.
func (m *rawMap) midway(v int64) bool {
	at := m.at[v]
	return len(at) == 2 && m.segs[at[0]].way == m.segs[at[1]].way
}

func (m *rawMap) seconds(a arc) float64 {
	if a.back {
		return m.segs[a.seg].sb
	}
	return m.segs[a.seg].sa
}

var rawIndex = map[*rawMap]map[int64][]rawRule{}

func (m *rawMap) byNode() map[int64][]rawRule {
	if rawIndex[m] == nil {
		ix := map[int64][]rawRule{}
		for _, r := range m.rules {
			ix[r.node] = append(ix[r.node], r)
		}
		rawIndex[m] = ix
	}
	return rawIndex[m]
}

// banned asks the restrictions over one node. Where a way runs through the
// node, nobody can say which of its arms is meant.
func (m *rawMap) banned(v int64, in, out arc, leaving []arc) bool {
	for _, r := range m.byNode()[v] {
		if m.segs[in.seg].way != r.from {
			continue
		}
		arms := 0
		for _, a := range m.entering(v, rawCar) {
			if m.segs[a.seg].way == r.from {
				arms++
			}
		}
		var to []arc
		for _, a := range leaving {
			same := r.from == r.to
			if m.segs[a.seg].way == r.to && (!same || (a.seg == in.seg) == r.uTurn) {
				to = append(to, a)
			}
		}
		if arms != 1 || len(to) != 1 {
			continue
		}
		if (out == to[0]) != r.only {
			return true
		}
	}
	return false
}

// steps finds the metres by bike or on foot.
func (m *rawMap) steps(from int64, to map[int64]bool, mode int) map[int64]float64 {
	var q queue
	dist := map[int64]bool{}
	out := map[int64]float64{}
	start := arc{-1, false}
	heap.Push(&q, item{0, state{start, 0}})
	for q.Len() > 0 && len(out) < len(to) {
		x := heap.Pop(&q).(item)
		v := from
		if x.st.arc != start {
			_, v = m.ends(x.st.arc)
		}
		if dist[v] {
			continue
		}
		dist[v] = true
		if to[v] {
			out[v] = x.cost
		}
		passage := 0.0
		if p, ok := m.passable[v]; ok && v != from {
			if p&mode == 0 {
				continue
			}
			passage = 1 // as the documentation has it
		}
		for _, i := range m.at[v] {
			for _, back := range []bool{false, true} {
				a := arc{i, back}
				f, _ := m.ends(a)
				open := m.open(a, mode) || mode == rawWalk && m.open(arc{i, !back}, mode)
				if f == v && open {
					heap.Push(&q, item{x.cost + passage + m.segs[i].m, state{a, 0}})
				}
			}
		}
	}
	return out
}
