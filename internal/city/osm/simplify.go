package osm

import (
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
)

// merge turns nodes that only join two like streets into geometry. Streets for
// cars must also agree in their OSM way, because scenarios name streets by way
// id; paths may differ in way and name. Kept: nodes of turn restrictions,
// barriers and stops.
func (g *graph) merge() {
	var touch [][2]int32 // the first two streets at a node
	degree := make([]int32, len(g.nodeSrc))
	touch = make([][2]int32, len(g.nodeSrc))
	note := func(v, s int32) {
		if degree[v] < 2 {
			touch[v][degree[v]] = s
		}
		degree[v]++
	}
	for i := range g.streets {
		if s := &g.streets[i]; !s.dead {
			note(s.from, int32(i))
			note(s.to, int32(i))
		}
	}
	merged := 0
	for v := range g.nodeSrc {
		if degree[v] != 2 || g.keep[v] {
			continue
		}
		ia, ib := touch[v][0], touch[v][1]
		if ia == ib {
			continue
		}
		a, b := &g.streets[ia], &g.streets[ib]
		// Orient so that a ends at v and b starts there.
		if a.from == int32(v) {
			a.reverse()
		}
		if b.to == int32(v) {
			b.reverse()
		}
		if a.from == b.to || !alike(a, b) {
			continue
		}
		g.fold(a, b)
		b.dead = true
		// b's far node now touches a instead.
		for k := range touch[b.to] {
			if touch[b.to][k] == ib {
				touch[b.to][k] = ia
			}
		}
		degree[v] = 0
		merged++
	}
	g.report.add("nodes merged into geometry", float64(merged), "nodes", "they only joined two like streets")
}

func alike(a, b *street) bool {
	if a.synthetic || b.synthetic {
		return false
	}
	if a.attr.modes()&(city.AllowCar|city.AllowBus) != 0 {
		return a.attr == b.attr && a.way == b.way
	}
	return a.attr.class == b.attr.class && a.attr.fwd.modes == b.attr.fwd.modes && a.attr.back.modes == b.attr.back.modes
}

// fold appends b to a.
func (g *graph) fold(a, b *street) {
	a.pts = append(slices.Clip(a.pts), b.pts[1:]...)
	a.to, a.toWay = b.to, b.toWay
	a.lengthM += b.lengthM
	if b.wayLenM > a.wayLenM {
		a.way, a.wayLenM, a.attr.name = b.way, b.wayLenM, b.attr.name
	}
}

// reverse turns a street round without changing what it allows.
func (s *street) reverse() {
	s.pts = slices.Clone(s.pts)
	slices.Reverse(s.pts)
	s.from, s.to = s.to, s.from
	s.fromWay, s.toWay = s.toWay, s.fromWay
	s.attr = s.attr.reversed()
}

// clusterM is how far apart, along a street, two signals of one junction stand:
// the four corners where two dual carriageways cross (assumed).
const clusterM = 40

// junctions counts signalled junctions: signals joined by short streets for
// cars are one.
func (g *graph) junctions() int {
	u := newUnion(len(g.nodeSrc))
	for i := range g.streets {
		s := &g.streets[i]
		if !s.dead && s.attr.modes()&city.AllowCar != 0 && s.lengthM <= clusterM && g.signal[s.from] && g.signal[s.to] {
			u.join(s.from, s.to)
		}
	}
	n := 0
	for v, on := range g.signal {
		if on && u.find(int32(v)) == int32(v) {
			n++
		}
	}
	return n
}

// signalReachM is how far a signal drawn before a junction may stand from it.
const signalReachM = 30

// placeSignals marks signalled nodes. Mappers put a signal on the junction or
// on the stop line before it; the second kind, if it became geometry, belongs
// to the nearer end of its street.
func (g *graph) placeSignals() {
	isSignal := func(n int32) bool { return g.src.NodeTags[n].Find("highway") == "traffic_signals" }
	found := map[int32]bool{} // look-ups only
	onNode, moved, far := 0, 0, 0
	for i := range g.streets {
		s := &g.streets[i]
		if s.dead || s.attr.modes()&city.AllowCar == 0 {
			continue
		}
		for _, v := range [2]int32{s.from, s.to} {
			if n := g.nodeSrc[v]; isSignal(n) && !g.signal[v] {
				g.signal[v] = true
				found[n] = true
				onNode++
			}
		}
		along := 0.0
		for j := 1; j < len(s.pts)-1; j++ {
			along += g.length(s.pts[j-1 : j+1])
			if n := s.pts[j]; isSignal(n) && !found[n] {
				found[n] = true
				v, d := s.from, along
				if s.lengthM-along < along {
					v, d = s.to, s.lengthM-along
				}
				if d > signalReachM {
					far++
					continue
				}
				if !g.signal[v] {
					g.signal[v] = true
				}
				moved++
			}
		}
	}
	g.report.add("signals on junctions", float64(onNode), "nodes", "")
	g.report.add("signals moved to their junction", float64(moved), "nodes", "drawn on a stop line up to 30 m before it")
	g.report.add("signalled junctions", float64(g.junctions()), "junctions", "signals within 40 m of each other along a street are one")
	g.report.add("signals between junctions", float64(far), "nodes", "mostly pedestrian crossings: not used")
}

// stubM is the length below which a dead-end driveway or path is left out: it
// leads to one building, whose trips start at the street it leaves anyway, and
// such stubs are a tenth of all nodes.
const stubM = 30

// trim drops short dead ends that are service roads or paths.
func (g *graph) trim() {
	degree := make([]int32, len(g.nodeSrc))
	for i := range g.streets {
		if s := &g.streets[i]; !s.dead {
			degree[s.from]++
			degree[s.to]++
		}
	}
	m := 0.0
	for i := range g.streets {
		s := &g.streets[i]
		if s.dead || s.attr.class < city.Service || s.lengthM >= stubM {
			continue
		}
		end := func(v int32) bool { return degree[v] == 1 && !g.keep[v] }
		if end(s.from) != end(s.to) {
			s.dead = true
			m += s.lengthM
		}
	}
	g.report.add("short dead ends left out", m/1000, "km", "driveways and path stubs under 30 m")
}
