package osm

import (
	"fmt"

	"github.com/malikobaid/cityflow/internal/city"
)

// union is a disjoint-set forest with path halving.
type union struct{ parent []int32 }

func newUnion(n int) *union {
	u := &union{make([]int32, n)}
	for i := range u.parent {
		u.parent[i] = int32(i)
	}
	return u
}

func (u *union) find(a int32) int32 {
	for u.parent[a] != a {
		u.parent[a] = u.parent[u.parent[a]]
		a = u.parent[a]
	}
	return a
}

// join keeps the lower root, so that roots do not depend on the join order.
func (u *union) join(a, b int32) {
	a, b = u.find(a), u.find(b)
	if a > b {
		a, b = b, a
	}
	u.parent[b] = a
}

// connect keeps what belongs together: cars and bikes lose the streets outside
// their largest strongly connected part, walkers those outside their largest
// connected part (walking ignores one-way rules). Streets with no mode left
// vanish.
func (g *graph) connect() {
	for _, m := range []struct {
		mode city.ModeSet
		name string
	}{{city.AllowCar, "car"}, {city.AllowBike, "bike"}} {
		g.keepLargest(m.mode, g.strong(m.mode), m.name+" streets", "the largest strongly connected part", "cannot be reached and left again by "+m.name)
	}
	g.keepLargest(city.AllowWalk, g.weak(city.AllowWalk), "walking network", "the largest connected part", "not connected to the rest on foot")
	gone := 0
	for i := range g.streets {
		if s := &g.streets[i]; s.attr.modes() == 0 {
			s.dead = true
			gone++
		}
	}
	g.report.add("streets dropped", float64(gone), "streets", "no mode left")
}

// weak numbers the connected parts of one mode, whatever the direction.
func (g *graph) weak(mode city.ModeSet) []int32 {
	u := newUnion(len(g.nodeSrc))
	for i := range g.streets {
		if s := &g.streets[i]; s.attr.modes()&mode != 0 {
			u.join(s.from, s.to)
		}
	}
	comp := make([]int32, len(g.nodeSrc))
	for v := range comp {
		comp[v] = u.find(int32(v))
	}
	return comp
}

// longest is the component with the most metres of streets inside it.
func (g *graph) longest(mode city.ModeSet, comp []int32) (best int32) {
	size := make([]float64, len(comp)+1)
	for i := range g.streets {
		s := &g.streets[i]
		if s.attr.modes()&mode != 0 && comp[s.from] == comp[s.to] {
			size[comp[s.from]] += s.lengthM
		}
	}
	for c := range size {
		if size[c] > size[best] {
			best = int32(c)
		}
	}
	return best
}

// keepLargest takes a mode away from every street direction that does not lie
// inside the longest component, and reports the lengths kept and lost, the
// lost ones by class. What cars lose is a finding for every street: either it
// hangs on the rest in one direction only, or not at all.
func (g *graph) keepLargest(mode city.ModeSet, comp []int32, what, kept, lost string) {
	best := g.longest(mode, comp)
	var whole []int32
	var wholeBest int32
	if mode == city.AllowCar {
		whole = g.weak(mode)
		wholeBest = g.longest(mode, whole)
	}
	var keptM, lostM float64
	var byClass [city.Path + 1]float64
	for i := range g.streets {
		s := &g.streets[i]
		if s.attr.modes()&mode == 0 {
			continue
		}
		inside := comp[s.from] == best && comp[s.to] == best
		switch {
		case s.synthetic: // no real length to report
		case inside:
			keptM += s.lengthM
		default:
			lostM += s.lengthM
			byClass[s.attr.class] += s.lengthM
			if whole != nil {
				kind := "island cut off from the other streets"
				if whole[s.from] == wholeBest {
					kind = "one-way dead end"
				}
				g.find(kind, "way", s.way, s.pts[0], fmt.Sprintf("%s %s, %.0f m", s.attr.class, s.attr.name, s.lengthM))
			}
		}
		if inside {
			continue
		}
		s.attr.fwd.modes &^= mode
		s.attr.back.modes &^= mode
	}
	for c, m := range byClass {
		if m > 0 {
			lost += fmt.Sprintf("; %s %.2f km", city.RoadClass(c), m/1000)
		}
	}
	g.report.add(what+" kept", keptM/1000, "km", "each way once, "+kept)
	g.report.add(what+" dropped", lostM/1000, "km", lost)
}

// strong numbers the strongly connected components of one mode's directed
// graph (Tarjan 1972, with an explicit stack: real street networks are deeper
// than a goroutine stack should be).
func (g *graph) strong(mode city.ModeSet) []int32 {
	n := len(g.nodeSrc)
	first := make([]int32, n+1)
	each := func(f func(from, to int32)) {
		for i := range g.streets {
			s := &g.streets[i]
			if s.attr.fwd.modes&mode != 0 {
				f(s.from, s.to)
			}
			if s.attr.back.modes&mode != 0 {
				f(s.to, s.from)
			}
		}
	}
	each(func(from, _ int32) { first[from+1]++ })
	for v := range n {
		first[v+1] += first[v]
	}
	head := make([]int32, first[n])
	next := append([]int32(nil), first...)
	each(func(from, to int32) { head[next[from]] = to; next[from]++ })
	return strongComponents(first, head)
}

// strongComponents numbers the components of a graph in CSR form.
func strongComponents(first, head []int32) []int32 {
	n := len(first) - 1
	comp := make([]int32, n)
	low := make([]int32, n)
	num := make([]int32, n)
	next := append([]int32(nil), first[:n]...)
	for v := range comp {
		comp[v] = -1
	}
	var stack, path []int32
	var count, comps int32
	for root := range n {
		if num[root] != 0 {
			continue
		}
		path = append(path[:0], int32(root))
		for len(path) > 0 {
			v := path[len(path)-1]
			if num[v] == 0 {
				count++
				num[v], low[v] = count, count
				stack = append(stack, v)
			}
			if next[v] < first[v+1] {
				w := head[next[v]]
				next[v]++
				if num[w] == 0 {
					path = append(path, w)
				} else if comp[w] < 0 {
					low[v] = min(low[v], num[w])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				p := path[len(path)-1]
				low[p] = min(low[p], low[v])
			}
			if low[v] == num[v] {
				for {
					w := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					comp[w] = comps
					if w == v {
						break
					}
				}
				comps++
			}
		}
	}
	return comp
}
