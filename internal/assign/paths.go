package assign

import "math"

// Path is part of the trips of one pair of zones, numbered from 0. Links are
// links of the network in order.
type Path struct {
	From, To int32
	Flow     float64
	Cost     float64
	Links    []int32
}

// Paths gives paths that carry the solution, by origin, then destination. They
// are not unique: equilibrium fixes the volumes of links whose cost rises, not who is on
// which of several paths of equal cost. These are the ones found by taking,
// from the destination back, always the link with most flow left; their number
// is at most that of destinations and used links of an origin. They sum to the
// volumes. Path.Links is valid until yield returns.
func (r *Result) Paths(d *Demand, yield func(Path) bool) {
	s := r.solver
	g := s.g
	bushOf := make(map[int32]int, len(g.origin))
	for i, v := range g.origin {
		bushOf[v] = i
	}
	x := unravel{s: s, bush: -1}
	var links []int32
	for i, t := range d.Trips {
		o, z := d.From[i], d.To[i]
		if o == z || t == 0 {
			continue
		}
		var found []share
		if g.start[o] == g.end[z] {
			found = []share{{1, nil}}
		} else {
			x.take(bushOf[g.start[o]])
			found = x.shares[g.end[z]]
		}
		for _, f := range found {
			links = links[:0]
			if l := g.startLink[o]; l >= 0 {
				links = append(links, l)
			}
			for k := len(f.links) - 1; k >= 0; k-- {
				links = append(links, g.link[f.links[k]])
			}
			// Two zones cut off onto each other's link: it stands once.
			if l := g.endLink[z]; l >= 0 && (len(links) == 0 || links[len(links)-1] != l) {
				links = append(links, l)
			}
			p := Path{o, z, t * f.part, 0, links}
			for _, l := range links {
				p.Cost += r.Cost[l]
			}
			if !yield(p) {
				return
			}
		}
	}
}

// share is the part of a destination's trips on one path, its core links last
// first.
type share struct {
	part  float64
	links []int32
}

// unravel takes the flow of one bush apart.
type unravel struct {
	s      *solver
	bush   int
	left   []float64
	shares map[int32][]share // by core node; looked up, never ranged over
}

func (x *unravel) take(o int) {
	if x.bush == o {
		return
	}
	x.bush = o
	b, g := &x.s.bushes[o], x.s.g
	x.left = append(x.left[:0], b.flow...)
	x.shares = make(map[int32][]share, len(b.dest))
	for i, k := range b.dest {
		want := g.trips[int(b.base)+i]
		rest := want
		var out []share
		for {
			part, links := rest, []int32(nil)
			var at []int32
			for v := k; v > 0; {
				big := b.first[v]
				for e := big + 1; e < b.first[v+1]; e++ {
					if x.left[e] > x.left[big] {
						big = e
					}
				}
				part = min(part, x.left[big])
				at = append(at, big)
				links = append(links, b.link[big])
				v = b.tail[big]
			}
			// What is left below rounding rides with the last path.
			last := rest-part <= 1e-12*want || part <= 1e-12*want
			if last {
				part = rest
			}
			for _, e := range at {
				x.left[e] = math.Max(0, x.left[e]-part)
			}
			out = append(out, share{part / want, links})
			if rest -= part; last {
				break
			}
		}
		x.shares[b.node[k]] = out
	}
}
