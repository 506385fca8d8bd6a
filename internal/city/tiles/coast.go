package tiles

import (
	"math"
	"slices"

	"github.com/paulmach/orb"

	"github.com/malikobaid/cityflow/internal/city/osm"
)

// sea makes the sea out of coastlines. OSM draws no sea, only its shore: ways
// with the land on their left and the water on their right. Shores that cross
// the area are joined along its edge; islands become holes. A shore that ends
// inside the area leaves open which side is wet, and then no sea is drawn.
func (c *collector) sea() {
	chains := joinCoast(c.src)
	bound := c.area.bound
	var shores []orb.LineString
	var islands []orb.Ring
	for _, nodes := range chains {
		for _, part := range c.parts(nodes) {
			closed := part[0] == part[len(part)-1]
			if closed && contains(bound, part.Bound()) {
				islands = append(islands, orb.Ring(part))
				continue
			}
			if closed && bound.Contains(part[0]) {
				// Begin outside, so that the middle of a shore is not its end.
				for i, p := range part {
					if !bound.Contains(p) {
						part = append(slices.Clone(part[i:len(part)-1]), part[:i+1]...)
						break
					}
				}
			}
			shores = append(shores, clipLine(bound, c.reach(part))...)
		}
	}
	shores = slices.DeleteFunc(shores, func(ls orb.LineString) bool { return len(ls) < 2 })
	if len(shores) == 0 && len(islands) == 0 {
		return
	}
	var seas []orb.Polygon
	if len(shores) == 0 {
		// Islands alone: all around them is water. A ring of water in the land
		// is rare enough to be drawn as a lake.
		if slices.ContainsFunc(islands, func(r orb.Ring) bool { return ringArea(r) < 0 }) {
			seas = append(seas, orb.Polygon{bound.ToRing()})
		}
	} else {
		rings, ok := along(bound, shores)
		if !ok {
			c.res.OpenCoast = true
			c.res.Broken++
			return
		}
		for _, r := range rings {
			seas = append(seas, orb.Polygon{r})
		}
	}
	for _, in := range islands {
		// On the map, y south, land on the left is a ring against the clock.
		if ringArea(in) > 0 {
			seas = append(seas, orb.Polygon{in})
			continue
		}
		for i := range seas {
			if holds(seas[i][0], in[0]) {
				seas[i] = append(seas[i], in)
				break
			}
		}
	}
	for i, s := range seas {
		if a := polygonArea(s) * c.area.unitM2; a > 0 {
			c.out = append(c.out, feature{layer: water, geom: s, kind: "ocean", from: MinZoom, named: never, rank: -a, areaM2: a, id: int64(-1 - i)})
		}
	}
}

// reach draws a shore on to the edge of the area where the file was cut a
// little before it.
func (c *collector) reach(ls orb.LineString) orb.LineString {
	b, near := c.area.bound, 1.5*c.area.margin
	on := func(p orb.Point) (orb.Point, bool) {
		if !b.Contains(p) {
			return p, false
		}
		best, at := near, p
		for _, q := range []orb.Point{{b.Min[0], p[1]}, {b.Max[0], p[1]}, {p[0], b.Min[1]}, {p[0], b.Max[1]}} {
			if d := math.Hypot(q[0]-p[0], q[1]-p[1]); d < best {
				best, at = d, q
			}
		}
		return at, at != p
	}
	if p, ok := on(ls[len(ls)-1]); ok {
		ls = append(ls, p)
	}
	if p, ok := on(ls[0]); ok {
		ls = append(orb.LineString{p}, ls...)
	}
	return ls
}

// joinCoast joins coastline ways end to start, in order of id.
func joinCoast(src *osm.Source) [][]int32 {
	var chains [][]int32
	starts := map[int32]int{} // node -> chain that begins there; look-ups only
	for i := range src.Ways {
		w := &src.Ways[i]
		if w.Tags.Find("natural") == "coastline" && len(w.Nodes) > 1 {
			chains = append(chains, w.Nodes)
		}
	}
	for i, c := range chains {
		if _, dup := starts[c[0]]; !dup && c[0] >= 0 {
			starts[c[0]] = i
		}
	}
	used := make([]bool, len(chains))
	var out [][]int32
	follow := func(i int) {
		used[i] = true
		chain := slices.Clone(chains[i])
		for {
			next, ok := starts[chain[len(chain)-1]]
			if !ok || used[next] {
				break
			}
			used[next] = true
			chain = append(chain, chains[next][1:]...)
		}
		out = append(out, chain)
	}
	ends := map[int32]bool{}
	for _, c := range chains {
		ends[c[len(c)-1]] = true
	}
	for i, c := range chains { // first those that nothing leads to
		if !used[i] && !ends[c[0]] {
			follow(i)
		}
	}
	for i := range chains { // then rings
		if !used[i] {
			follow(i)
		}
	}
	return out
}

// along closes shores along the edge of the area, with the water on their
// right: from the end of one, clockwise on the map, to the start of the next.
func along(b orb.Bound, shores []orb.LineString) ([]orb.Ring, bool) {
	type end struct {
		at    float64
		shore int
	}
	starts := make([]end, 0, len(shores))
	for i, s := range shores {
		from, ok1 := edge(b, s[0])
		_, ok2 := edge(b, s[len(s)-1])
		if !ok1 || !ok2 {
			return nil, false
		}
		starts = append(starts, end{from, i})
	}
	slices.SortStableFunc(starts, func(x, y end) int {
		if x.at < y.at {
			return -1
		}
		if x.at > y.at {
			return 1
		}
		return 0
	})
	corners := []orb.Point{{b.Max[0], b.Min[1]}, {b.Max[0], b.Max[1]}, {b.Min[0], b.Max[1]}, {b.Min[0], b.Min[1]}}
	used := make([]bool, len(shores))
	var rings []orb.Ring
	for first := range shores {
		if used[first] {
			continue
		}
		var r orb.Ring
		for now := first; !used[now]; {
			used[now] = true
			r = append(r, shores[now]...)
			t, _ := edge(b, r[len(r)-1])
			// The next start, going round once at most.
			next, ahead := -1, math.Inf(1)
			for _, s := range starts {
				d := s.at - t
				if d < 0 {
					d += 4
				}
				if d < ahead {
					next, ahead = s.shore, d
				}
			}
			for k := 1.0; k <= 4; k++ {
				corner := math.Floor(t) + k
				if corner > t && corner < t+ahead {
					r = append(r, corners[(int(corner)+3)%4])
				}
			}
			now = next
		}
		rings = append(rings, append(r, r[0]))
	}
	return rings, true
}

// edge is where on the edge of the area a point lies, from 0 at the north-west
// corner clockwise to 4.
func edge(b orb.Bound, p orb.Point) (float64, bool) {
	const near = 1.5 // units: ends are rounded to the grid
	w, h := b.Max[0]-b.Min[0], b.Max[1]-b.Min[1]
	x, y := min(max((p[0]-b.Min[0])/w, 0), 1), min(max((p[1]-b.Min[1])/h, 0), 1)
	switch {
	case math.Abs(p[1]-b.Min[1]) < near:
		return x, true
	case math.Abs(p[0]-b.Max[0]) < near:
		return 1 + y, true
	case math.Abs(p[1]-b.Max[1]) < near:
		return 2 + 1 - x, true
	case math.Abs(p[0]-b.Min[0]) < near:
		return math.Mod(3+1-y, 4), true
	}
	return 0, false
}
