package mapmatch

import (
	"cmp"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// grid finds the bus links near a point. Cells hold the links whose sample
// points or ends lie in them.
type grid struct {
	cells map[[2]int32][]units.LinkID // look-ups only
}

const cellM = 60

func cellOf(x, y float64) [2]int32 {
	return [2]int32{int32(math.Floor(x / cellM)), int32(math.Floor(y / cellM))}
}

func newGrid(m *Matcher) grid {
	g := grid{map[[2]int32][]units.LinkID{}}
	put := func(l units.LinkID, x, y float32) {
		c := cellOf(float64(x), float64(y))
		if at := g.cells[c]; len(at) == 0 || at[len(at)-1] != l {
			g.cells[c] = append(at, l)
		}
	}
	for l := range units.LinkID(m.net.NumLinks()) {
		if m.net.Modes[l]&city.AllowBus == 0 {
			continue
		}
		gx, gy := m.geometry(l)
		put(l, gx[0], gy[0])
		for i := m.sampleFirst[l]; i < m.sampleFirst[l+1]; i++ {
			put(l, m.sx[i], m.sy[i])
		}
		put(l, gx[len(gx)-1], gy[len(gy)-1])
	}
	return g
}

// candidates are the nearest places on links within reachM, nearest first.
func (m *Matcher) candidates(p point) []candidate {
	var out []candidate
	seen := map[units.LinkID]bool{} // look-ups only
	lo, hi := cellOf(p.x-reachM, p.y-reachM), cellOf(p.x+reachM, p.y+reachM)
	for cy := lo[1]; cy <= hi[1]; cy++ {
		for cx := lo[0]; cx <= hi[0]; cx++ {
			for _, l := range m.grid.cells[[2]int32{cx, cy}] {
				if seen[l] {
					continue
				}
				seen[l] = true
				if d, at := m.project(l, p.x, p.y); d <= reachM {
					out = append(out, candidate{link: l, at: at, off: d, cost: emission(d), src: -1})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.link, b.link)) })
	return out[:min(len(out), maxCandidates)]
}

// step finds the cheapest way from the candidates of one stop to each of those
// of the next, and which of the former it begins at. Candidates that are not
// reached, or only at much higher cost, cost infinity after it; false when none
// is reached.
func (m *Matcher) step(from, to []candidate) bool {
	m.gen++
	m.queue.Clear()
	net := m.net
	for k := range to {
		to[k].cost, to[k].src, to[k].path = math.Inf(1), -1, nil
	}
	// last[k]: the link before the one of candidate k; -1-j: straight from j.
	last := make([]int32, len(to))
	offer := func(k int, cost float64, pred int32) {
		if cost < to[k].cost {
			to[k].cost, last[k] = cost, pred
		}
	}
	for j := range from {
		c := &from[j]
		if math.IsInf(c.cost, 1) {
			continue
		}
		for k := range to {
			if to[k].link == c.link && to[k].at >= c.at {
				offer(k, c.cost+m.portion(c.link, c.at, to[k].at), int32(-1-j))
			}
		}
		m.relax(c.link, c.cost+m.portion(c.link, c.at, 1), int32(-1-j))
	}
	best := math.Inf(1)
	for k := range to {
		best = min(best, to[k].cost)
	}
	for settled := 0; m.queue.Len() > 0 && settled < maxSettled; settled++ {
		top := m.queue.Pop()
		l, cost := units.LinkID(top.ID()), top.Key()
		if cost > m.cost[l] {
			settled--
			continue
		}
		if cost > best+spareM {
			break
		}
		bans := net.Bans(l)
		first, end := net.Out(net.To[l])
		only := true // the way back is the only way on
		for o := first; o < end; o++ {
			only = only && (o == net.Reverse[l] || net.Modes[o]&city.AllowBus == 0)
		}
		for o := first; o < end; o++ {
			if net.Modes[o]&city.AllowBus == 0 || o == net.Reverse[l] && !only || slices.Contains(bans, o) {
				continue
			}
			for k := range to {
				if to[k].link == o {
					offer(k, cost+m.portion(o, 0, to[k].at), int32(l))
					best = min(best, to[k].cost)
				}
			}
			m.relax(o, cost+m.weight(o), int32(l))
		}
	}
	found := false
	for k := range to {
		if math.IsInf(to[k].cost, 1) {
			continue
		}
		found = true
		path := []units.LinkID{to[k].link}
		pred := last[k]
		for pred >= 0 {
			path = append(path, units.LinkID(pred))
			pred = m.prev[pred]
		}
		to[k].src = int(-1 - pred)
		if c := from[to[k].src]; last[k] >= 0 && path[len(path)-1] != c.link {
			panic("mapmatch: a way does not begin at its candidate")
		}
		slices.Reverse(path)
		to[k].path = path
		to[k].cost += emission(to[k].off)
	}
	return found
}

// trace follows the cheapest candidate of the last stop back.
func (m *Matcher) trace(layers [][]candidate, hops []Hop) {
	if len(layers) < 2 {
		return
	}
	end := len(layers) - 1
	k := -1
	for i := range layers[end] {
		if c := &layers[end][i]; c.src >= 0 && (k < 0 || c.cost < layers[end][k].cost) {
			k = i
		}
	}
	for i := end; i > 0; i-- {
		c := &layers[i][k]
		before := &layers[i-1][c.src]
		hops[i-1] = Hop{Links: c.path, From: float32(before.at), To: float32(c.at)}
		k = c.src
	}
}

func (m *Matcher) relax(l units.LinkID, cost float64, pred int32) {
	if m.seen[l] == m.gen && m.cost[l] <= cost {
		return
	}
	m.seen[l], m.cost[l], m.prev[l] = m.gen, cost, pred
	m.queue.Push(cost, uint32(l))
}
