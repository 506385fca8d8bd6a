package routing

import (
	"slices"

	"github.com/malikobaid/cityflow/internal/pq"
	"github.com/malikobaid/cityflow/internal/units"
)

// label is what a search knows of a state; 32 bytes, two to a cache line.
type label struct {
	cost, clock float64 // generalised cost so far; clock of arrival
	h           float32 // bound on the rest
	stamp       uint32  // search the label belongs to
	viaLink     units.LinkID
	viaState    uint32
}

// none is no state.
const none uint32 = 1<<32 - 1

// Workspace is the memory of one goroutine's searches on one Graph.
type Workspace struct {
	g       *Graph
	labels  []label
	stamp   uint32
	queue   pq.Queue
	bounds  [active]bound
	settled int // states taken from the queue by the last search
	taste   []float32
	guide   *Bounds
	ahead   potential
}

// NewWorkspace allocates what a search needs.
func (g *Graph) NewWorkspace() *Workspace {
	return &Workspace{g: g, labels: make([]label, g.numStates()), queue: pq.WithCapacity(1024)}
}

// Taste sets how much longer than it is each link feels to the traveller of the
// next searches: factors of at least 1 by link, nil for none. The generalised
// cost feels them, the clock does not. Bounds stay bounds, since nothing feels
// shorter than it is.
func (w *Workspace) Taste(factors []float32) { w.taste = factors }

// Guide sets the bounds that lead the next searches, nil for those on least
// costs alone. They must have been fitted to the link times of the searches. A
// path that lasts beyond the time they hold for is searched for again without
// them, so they change how long a search takes and nothing else.
func (w *Workspace) Guide(b *Bounds) { w.guide = b }

// Path finds the path of least generalised cost from one node to another when
// departing at departS, on link times tt (free flow when nil). The links are
// written over buf. ok is false when no path exists; from == to is the path of
// no links.
//
// The answer is exact when extra is nil and tt keeps FIFO, or when times do not
// change. With extra and changing times a junction keeps only its cheapest
// label, not one that is dearer but there at a better time: the cost returned is
// that of the path, but a slightly cheaper path may exist.
func (w *Workspace) Path(tt *Times, from, to units.NodeID, departS float64, buf []units.LinkID) (path []units.LinkID, c Cost, ok bool) {
	return w.path(tt, from, to, departS, buf, true)
}

func (w *Workspace) path(tt *Times, from, to units.NodeID, departS float64, buf []units.LinkID, guided bool) (path []units.LinkID, c Cost, ok bool) {
	path = buf[:0]
	end := none
	switch b := w.guide; {
	case !guided || w.g.shape == nil:
		end = w.search(tt, uint32(from), uint32(to), departS, nil, guided)
	default:
		if b == nil || departS < b.from {
			b = w.g.least
		}
		end = w.search(tt, uint32(from), uint32(to), departS, b, true)
		// Nothing feels shorter than it is: who arrives by the generalised
		// cost has arrived by the clock.
		if end != none && departS+w.labels[end].cost > b.to {
			end = w.search(tt, uint32(from), uint32(to), departS, w.g.least, true)
		}
	}
	if end == none {
		return path, Cost{}, false
	}
	l := &w.labels[end]
	c.Seconds, c.Generalised = l.clock-departS, l.cost
	for s := end; w.labels[s].viaState != none; s = w.labels[s].viaState {
		path = append(path, w.labels[s].viaLink)
		c.Metres += float64(w.g.length[w.labels[s].viaLink])
	}
	slices.Reverse(path)
	return path, c, true
}

// begin opens a new search. When the stamp wraps round all labels are wiped, or
// labels of four billion searches ago would look fresh.
func (w *Workspace) begin() {
	w.stamp++
	if w.stamp == 0 {
		clear(w.labels)
		w.stamp = 1
	}
	w.queue.Clear()
	w.settled = 0
}

// search runs A* and returns the first state settled at node to, or none. It is
// led by b, or by landmarks, or (guided false, for tests) by nothing: the answer
// is the same.
func (w *Workspace) search(tt *Times, from, to uint32, departS float64, b *Bounds, guided bool) uint32 {
	w.begin()
	g := w.g
	var marks []bound
	switch {
	case b != nil:
		w.ahead.aim(b, to)
	case guided:
		marks = g.marks.choose(from, to, &w.bounds)
	}
	rest := func(node uint32) float32 {
		if b != nil {
			return w.ahead.at(node)
		}
		return g.marks.at(node, marks)
	}
	perBin := 0.0
	if tt != nil {
		perBin = 1 / tt.BinS
	}
	w.labels[from] = label{clock: departS, h: rest(from), stamp: w.stamp, viaState: none}
	w.queue.Push(float64(w.labels[from].h), from)
	// The hot loop: one turn per settled state, inner index the arcs of a node.
	for w.queue.Len() > 0 {
		x := w.queue.Pop()
		s := x.ID()
		here := w.labels[s]
		if x.Key() > here.cost+float64(here.h) {
			continue // a better label has been settled
		}
		w.settled++
		node := g.nodeOf(s)
		if node == to {
			return s
		}
		bans := g.bans(s)
		for i := g.first[node]; i < g.first[node+1]; i++ {
			a := &g.arcs[i]
			if len(bans) > 0 && slices.Contains(bans, a.link) {
				continue
			}
			t := float64(a.free)
			if tt != nil {
				t = atLeastFree(tt.at(a.link, here.clock, perBin), t, a.link)
			}
			felt := t
			if w.taste != nil {
				felt *= float64(w.taste[a.link])
			}
			cost := here.cost + (felt + float64(a.extra))
			there := &w.labels[a.state]
			h := there.h
			if there.stamp != w.stamp {
				h = rest(g.nodeOf(a.state))
			} else if cost >= there.cost {
				continue
			}
			*there = label{cost, here.clock + t, h, w.stamp, a.link, s}
			if h < inf32 {
				w.queue.Push(cost+float64(h), a.state)
			}
		}
	}
	return none
}

// DistanceWorkspace is the memory of one goroutine's searches on one Distances.
type DistanceWorkspace struct{ w *Workspace }

// NewWorkspace allocates what a search needs.
func (d *Distances) NewWorkspace() *DistanceWorkspace {
	return &DistanceWorkspace{d.g.NewWorkspace()}
}

// Distance is the length in metres of the shortest way from one node to another.
func (d *DistanceWorkspace) Distance(from, to units.NodeID) (metres float64, ok bool) {
	end := d.w.search(nil, uint32(from), uint32(to), 0, d.w.g.least, true)
	if end == none {
		return 0, false
	}
	return d.w.labels[end].cost, true
}

// Reach calls visit for every node within maxM metres of from, itself included,
// in order of distance, equal distances in order of id. visit must not start
// another search on this workspace.
func (d *DistanceWorkspace) Reach(from units.NodeID, maxM float64, visit func(n units.NodeID, metres float64)) {
	w := d.w
	w.begin()
	w.labels[from] = label{stamp: w.stamp, viaState: none}
	w.queue.Push(0, uint32(from))
	for w.queue.Len() > 0 {
		x := w.queue.Pop()
		s, so := x.ID(), x.Key()
		if so > w.labels[s].cost {
			continue
		}
		visit(units.NodeID(s), so)
		for _, a := range w.g.arcs[w.g.first[s]:w.g.first[s+1]] {
			m := so + float64(a.free)
			there := &w.labels[a.state]
			if m > maxM || (there.stamp == w.stamp && m >= there.cost) {
				continue
			}
			*there = label{cost: m, stamp: w.stamp, viaState: s}
			w.queue.Push(m, a.state)
		}
	}
}
