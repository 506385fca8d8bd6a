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

// transferM is how far a passenger walks between two stops, along streets and
// including the way from and to the kerb (assumed; about six minutes).
const transferM = 500

// Footpaths that a feed asks for (transfers.txt) may be longer.
const (
	ruleM = 2000
	// innerS bounds ways inside stations.
	innerS = 15 * 60
)

// footpath is a walk between two stops while footpaths are made: metres, and
// the least seconds it takes whatever its length.
type footpath struct {
	to units.StopID
	m  float64
	s  float64
}

// stopFinder finds the stops around a stop on foot. It is a workspace.
type stopFinder struct {
	t      *city.Timetable
	gates  [][]gate
	byNode map[units.NodeID][]stopAt // look-ups only
	walker *walker
	best   []float64 // by stop, of those seen
	seen   []bool
}

// stopAt is a stop that hangs on a node, and the metres between the two.
type stopAt struct {
	stop units.StopID
	m    float64
}

func newStopFinder(c *city.City, gates [][]gate) *stopFinder {
	n := len(gates)
	f := &stopFinder{t: &c.Timetable, gates: gates, byNode: map[units.NodeID][]stopAt{}, walker: newWalker(&c.Net), best: make([]float64, n), seen: make([]bool, n)}
	for s := range gates {
		for _, g := range gates[s] {
			f.byNode[g.node] = append(f.byNode[g.node], stopAt{units.StopID(s), g.m})
		}
	}
	return f
}

// within lists the stops within limitM of a stop, each once.
func (f *stopFinder) within(s int, limitM float64) (found []footpath) {
	t, gates := f.t, f.gates
	f.walker.search(gates[s], limitM, func(v units.NodeID, m float64) {
		for _, o := range f.byNode[v] {
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
			if !f.seen[o.stop] {
				f.seen[o.stop], f.best[o.stop] = true, total
				found = append(found, footpath{to: o.stop})
			}
			f.best[o.stop] = min(f.best[o.stop], total)
		}
	})
	for i := range found {
		found[i].m, f.seen[found[i].to] = f.best[found[i].to], false
	}
	return found
}

// footpaths writes the footpaths between stops: on the walking network up to
// transferM, inside stations, and as transfers.txt wants them.
func (b *builder) footpaths(gates [][]gate) {
	t := &b.city.Timetable
	finder := newStopFinder(&b.city, gates)
	inner, rules := b.extra.Inner, b.extra.Rules
	slices.SortStableFunc(inner, func(x, y gtfs.Inner) int { return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To)) })
	slices.SortStableFunc(rules, func(x, y gtfs.Rule) int { return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To)) })
	var least []units.Seconds
	timed, added, forbidden, atStop, tooFar, timedWait := false, 0, 0, 0, 0, 0
	t.TransferFirst = []uint32{0}
	for s := range t.StopID {
		found := finder.within(s, transferM)
		at := func(to units.StopID) *footpath {
			for i := range found {
				if found[i].to == to {
					return &found[i]
				}
			}
			return nil
		}
		for ; len(inner) > 0 && int(inner[0].From) == s; inner = inner[1:] {
			way := inner[0]
			if way.S > innerS {
				continue
			}
			if f := at(way.To); f == nil {
				found = append(found, footpath{way.To, way.S * city.WalkMS, way.S})
			} else if way.S*city.WalkMS < f.m {
				f.m, f.s = way.S*city.WalkMS, way.S
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
					wide = finder.within(s, ruleM)
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
