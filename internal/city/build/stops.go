package build

import (
	"cmp"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/pq"
	"github.com/malikobaid/cityflow/internal/units"
)

func nodeID(v int) units.NodeID { return units.NodeID(v) }

// transferM is how far a passenger walks between two stops, along streets and
// including the way from and to the kerb (assumed; about six minutes).
const transferM = 500

// Footpaths that a feed asks for (transfers.txt) may be longer.
const (
	ruleM = 2000
	// innerS bounds ways inside stations.
	innerS = 15 * 60
	walkMS = 4.8 / 3.6 // as everywhere
)

// gate is a node at which a stop hangs on the walking network, and the metres
// between the two. A stop has one, a platform with pathways one per entrance.
type gate struct {
	node units.NodeID
	m    float64
}

// linkStops snaps stops to the walking network, groups them and finds the
// footpaths between them.
func (b *builder) linkStops() error {
	t := &b.city.Timetable
	pr := b.city.Projection()
	if b.extra == nil {
		b.extra = &gtfs.Extra{}
	}
	far, indoors := 0, 0
	gates := make([][]gate, t.NumStops())
	for s := range t.StopID {
		if s < len(b.extra.Doors) {
			for _, d := range b.extra.Doors[s] {
				x, y := pr.XY(d.Lon, d.Lat)
				v, m, _ := b.walk.Nearest(x, y)
				gates[s] = append(gates[s], gate{nodeID(v), float64(float32(m + d.S*walkMS))})
			}
		}
		if len(gates[s]) == 0 {
			x, y := pr.XY(t.StopLon[s], t.StopLat[s])
			v, d, _ := b.walk.Nearest(x, y)
			gates[s] = []gate{{nodeID(v), float64(float32(d))}} // as the columns hold it
			if d > 150 {
				far++
			}
		} else {
			indoors++
		}
		best := slices.MinFunc(gates[s], func(a, b gate) int { return cmp.Or(cmp.Compare(a.m, b.m), cmp.Compare(a.node, b.node)) })
		t.StopNode = append(t.StopNode, best.node)
		t.StopWalkM = append(t.StopWalkM, float32(best.m))
	}
	t.StopGroup = city.GroupStops(t.StopName, t.StopLon, t.StopLat, b.extra.Parents)
	b.line("timetable", "stops far from a street", float64(far), "stops", "more than 150 m: check their position")
	if indoors > 0 {
		b.line("timetable", "stops reached through entrances", float64(indoors), "stops", "first and last walks use the nearest entrance, changes all of them")
	}
	groups := uint32(0)
	for _, g := range t.StopGroup {
		groups = max(groups, g+1)
	}
	b.line("timetable", "stop groups", float64(groups), "groups", "one name within 250 m, or one station")
	b.footpaths(gates)
	b.line("timetable", "footpaths between stops", float64(len(t.TransferTo)), "footpaths", "up to 500 m on the walking network, and what transfers.txt asks for")
	return b.matchStreets()
}

// footpath is a walk between two stops while footpaths are made: metres, and
// the least seconds it takes whatever its length.
type footpath struct {
	to units.StopID
	m  float64
	s  float64
}

// footpaths writes the footpaths between stops: on the walking network up to
// transferM, inside stations, and as transfers.txt wants them.
func (b *builder) footpaths(gates [][]gate) {
	t := &b.city.Timetable
	// Stops by node, for reading off a search.
	type hung struct {
		stop units.StopID
		m    float64
	}
	byNode := map[units.NodeID][]hung{} // look-ups only
	for s := range gates {
		for _, g := range gates[s] {
			byNode[g.node] = append(byNode[g.node], hung{units.StopID(s), g.m})
		}
	}
	w := newWalker(&b.city.Net)
	best := make([]float64, t.NumStops())
	seen := make([]bool, t.NumStops())
	// reach lists the stops within limitM of a stop, each once.
	reach := func(s int, limitM float64) (found []footpath) {
		w.search(gates[s], limitM, func(v units.NodeID, m float64) {
			for _, o := range byNode[v] {
				total := m + o.m
				if len(gates[s]) == 1 && v == gates[s][0].node && len(gates[o.stop]) == 1 {
					// Both at one node: they may stand side by side, so the way
					// over the node is an upper bound and the straight line a
					// fair one.
					total = min(total, city.DistanceM(t.StopLon[s], t.StopLat[s], t.StopLon[o.stop], t.StopLat[o.stop]))
				}
				if int(o.stop) == s || total > limitM {
					continue
				}
				if !seen[o.stop] {
					seen[o.stop], best[o.stop] = true, total
					found = append(found, footpath{to: o.stop})
				}
				best[o.stop] = min(best[o.stop], total)
			}
		})
		for i := range found {
			found[i].m, seen[found[i].to] = best[found[i].to], false
		}
		return found
	}
	inner, rules := b.extra.Inner, b.extra.Rules
	byFrom := func(i gtfs.Inner) units.StopID { return i.From }
	slices.SortStableFunc(inner, func(x, y gtfs.Inner) int { return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To)) })
	slices.SortStableFunc(rules, func(x, y gtfs.Rule) int { return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To)) })
	var least []units.Seconds
	timed, added, forbidden, atStop, tooFar, timedWait := false, 0, 0, 0, 0, 0
	t.TransferFirst = []uint32{0}
	for s := range t.StopID {
		found := reach(s, transferM)
		at := func(to units.StopID) *footpath {
			for i := range found {
				if found[i].to == to {
					return &found[i]
				}
			}
			return nil
		}
		for ; len(inner) > 0 && int(byFrom(inner[0])) == s; inner = inner[1:] {
			way := inner[0]
			if way.S > innerS {
				continue
			}
			if f := at(way.To); f == nil {
				found = append(found, footpath{way.To, way.S * walkMS, way.S})
			} else if way.S*walkMS < f.m {
				f.m, f.s = way.S*walkMS, way.S
			}
		}
		var wide []footpath // stops within ruleM, searched for once
		for ; len(rules) > 0 && int(rules[0].From) == s; rules = rules[1:] {
			r := rules[0]
			if int(r.To) == s {
				if r.Kind >= gtfs.MinimumTime {
					atStop++
				}
				continue
			}
			f := at(r.To)
			if r.Kind == gtfs.NotPossible {
				if f != nil {
					found = slices.DeleteFunc(found, func(x footpath) bool { return x.to == r.To })
					forbidden++
				}
				continue
			}
			if f == nil {
				if wide == nil {
					wide = reach(s, ruleM)
				}
				k := slices.IndexFunc(wide, func(x footpath) bool { return x.to == r.To })
				if k < 0 {
					tooFar++
					continue
				}
				found = append(found, wide[k])
				f = &found[len(found)-1]
				added++
			}
			if r.Kind == gtfs.Timed {
				timedWait++
			}
			f.s = max(f.s, float64(r.MinS))
		}
		slices.SortFunc(found, func(a, b footpath) int { return cmp.Compare(a.to, b.to) })
		for _, f := range found {
			t.TransferTo = append(t.TransferTo, f.to)
			t.TransferM = append(t.TransferM, float32(f.m))
			least = append(least, units.Seconds(math.Ceil(f.s)))
			timed = timed || f.s > 0
		}
		t.TransferFirst = append(t.TransferFirst, uint32(len(t.TransferTo)))
	}
	if timed {
		t.TransferS = least
	}
	if len(b.extra.Rules) > 0 {
		b.line("timetable", "footpaths added by transfers.txt", float64(added), "footpaths", "farther than 500 m, at most 2,000 m")
		b.line("timetable", "footpaths forbidden by transfers.txt", float64(forbidden), "footpaths", "transfer type 3")
		b.line("timetable", "transfers too far to walk", float64(tooFar), "rules", "more than 2,000 m on the walking network, or no way: not used")
		b.line("timetable", "timed transfers", float64(timedWait), "rules", "type 1: the footpath is there, but no vehicle waits in the model")
		b.line("timetable", "minimum times at one stop", float64(atStop), "rules", "not modelled: changing at a stop takes no time of its own")
	}
}

func (b *builder) line(part, what string, n float64, unit, detail string) {
	l := city.ReportLine{Part: part, What: what, Count: n, Unit: unit, Detail: detail}
	switch part {
	case "timetable":
		b.table = append(b.table, l)
	default:
		b.places = append(b.places, l)
	}
}

// walker is a reusable Dijkstra on the walking network.
type walker struct {
	net   *city.Network
	dist  []float64
	seen  []uint32
	gen   uint32
	queue pq.Queue // nodes by metres
}

func newWalker(n *city.Network) *walker {
	return &walker{net: n, dist: make([]float64, n.NumNodes()), seen: make([]uint32, n.NumNodes())}
}

// search calls found for every node within limitM of the nearest of the gates,
// nearest first, and for the gates themselves. Walking ignores direction: a
// link that may be walked may be walked both ways.
func (w *walker) search(from []gate, limitM float64, found func(v units.NodeID, m float64)) {
	w.gen++
	w.queue.Clear()
	for _, g := range from {
		w.relax(g.node, g.m, max(limitM, g.m))
	}
	for w.queue.Len() > 0 {
		top := w.queue.Pop()
		v, m := units.NodeID(top.ID()), top.Key()
		if m > w.dist[v] {
			continue
		}
		found(v, m)
		for l, end := w.net.Out(v); l < end; l++ {
			if w.net.Modes[l]&city.AllowWalk != 0 {
				w.relax(w.net.To[l], m+float64(w.net.LengthM[l]), limitM)
			}
		}
		for _, l := range w.net.In(v) {
			if w.net.Modes[l]&city.AllowWalk != 0 {
				w.relax(w.net.From[l], m+float64(w.net.LengthM[l]), limitM)
			}
		}
	}
}

func (w *walker) relax(v units.NodeID, m, limitM float64) {
	if m > limitM || w.seen[v] == w.gen && w.dist[v] <= m {
		return
	}
	w.seen[v], w.dist[v] = w.gen, m
	w.queue.Push(m, uint32(v))
}
