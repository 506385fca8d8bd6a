package osm

import (
	"github.com/malikobaid/cityflow/internal/city"
)

// A dual carriageway that leaves the map ends in one carriageway with no way
// back: without help the largest strongly connected part would lose it up to
// the last junction, and with it the city's main roads. Drivers would turn at
// the next junction outside the map, so the ends are joined by a link of that
// length. The link is marked in the report and never drawn far: both ends are
// within pairM of each other.
const (
	// pairM is the widest gap between two carriageways (assumed).
	pairM = 200
	// turnAroundM is the way to the next junction outside and back (assumed).
	turnAroundM = 2000
)

// joinCarriageways links every car dead end of a main road that can only be
// reached to the nearest one that can only be left, and the other way round.
func (g *graph) joinCarriageways() {
	n := len(g.nodeSrc)
	in, out := make([]int32, n), make([]int32, n)
	for v := range n {
		in[v], out[v] = -1, -1
	}
	for i := range g.streets {
		s := &g.streets[i]
		if s.attr.fwd.modes&city.AllowCar != 0 {
			out[s.from], in[s.to] = int32(i), int32(i)
		}
		if s.attr.back.modes&city.AllowCar != 0 {
			out[s.to], in[s.from] = int32(i), int32(i)
		}
	}
	main := func(street int32) bool { return g.streets[street].attr.class <= city.Secondary }
	var sinks, sources []int32
	for v := range int32(n) {
		switch {
		case in[v] >= 0 && out[v] < 0 && main(in[v]):
			sinks = append(sinks, v)
		case out[v] >= 0 && in[v] < 0 && main(out[v]):
			sources = append(sources, v)
		}
	}
	type pair struct{ from, to int32 }
	var pairs []pair
	seen := map[pair]bool{} // look-ups only
	nearest := func(v int32, among []int32) (best int32) {
		best, bestM := int32(-1), float64(pairM)
		for _, w := range among {
			a, b := g.nodeSrc[v], g.nodeSrc[w]
			if d := city.DistanceM(g.src.Lon[a], g.src.Lat[a], g.src.Lon[b], g.src.Lat[b]); d <= bestM && w != v {
				best, bestM = w, d
			}
		}
		return best
	}
	add := func(p pair) {
		if p.from >= 0 && p.to >= 0 && !seen[p] {
			seen[p] = true
			pairs = append(pairs, p)
		}
	}
	for _, v := range sinks {
		add(pair{v, nearest(v, sources)})
	}
	for _, v := range sources {
		add(pair{nearest(v, sinks), v})
	}
	for _, p := range pairs {
		s := g.streets[in[p.from]]
		sd := s.attr.fwd
		if s.attr.fwd.modes&city.AllowCar == 0 || s.to != p.from {
			sd = s.attr.back
		}
		sd.modes = city.AllowCar | city.AllowBus
		g.keep[p.from], g.keep[p.to] = true, true
		g.streets = append(g.streets, street{
			from: p.from, to: p.to, pts: []int32{g.nodeSrc[p.from], g.nodeSrc[p.to]},
			attr: attributes{fwd: sd, back: side{0, sd.speed, sd.lanes}, class: s.attr.class},
			way:  s.way, fromWay: s.way, toWay: s.way, lengthM: turnAroundM, wayLenM: turnAroundM, synthetic: true,
		})
	}
	g.report.add("carriageways joined at the edge of the map", float64(len(pairs)), "links",
		"where the two directions of a main road leave the map: 2 km to turn outside (assumed)")
}
