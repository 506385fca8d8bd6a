package build

import (
	"cmp"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

func nodeID(v int) units.NodeID { return units.NodeID(v) }

// transferM is how far a passenger walks between two stops, along streets and
// including the way from and to the kerb (assumed; about six minutes).
const transferM = 500

// linkStops snaps stops to the walking network, groups them and finds the
// footpaths between them.
func (b *builder) linkStops() error {
	t, n := &b.city.Timetable, &b.city.Net
	pr := b.city.Projection()
	far := 0
	for s := range t.StopID {
		x, y := pr.XY(t.StopLon[s], t.StopLat[s])
		v, d, _ := b.walk.Nearest(x, y)
		t.StopNode = append(t.StopNode, nodeID(v))
		t.StopWalkM = append(t.StopWalkM, float32(d))
		if d > 150 {
			far++
		}
	}
	t.StopGroup = city.GroupStops(t.StopName, t.StopLon, t.StopLat, b.parents)
	b.line("timetable", "stops far from a street", float64(far), "stops", "more than 150 m: check their position")
	groups := uint32(0)
	for _, g := range t.StopGroup {
		groups = max(groups, g+1)
	}
	b.line("timetable", "stop groups", float64(groups), "groups", "one name within 250 m, or one station")

	// Stops by node, for reading off a search.
	byNode := map[units.NodeID][]units.StopID{} // look-ups only
	for s, v := range t.StopNode {
		byNode[v] = append(byNode[v], units.StopID(s))
	}
	w := newWalker(n)
	type reach struct {
		stop units.StopID
		m    float32
	}
	t.TransferFirst = []uint32{0}
	for s := range t.StopID {
		var found []reach
		start := float64(t.StopWalkM[s])
		w.search(t.StopNode[s], transferM-start, func(v units.NodeID, m float64) {
			for _, o := range byNode[v] {
				total := start + m + float64(t.StopWalkM[o])
				if v == t.StopNode[s] {
					// Both at one node: they may stand side by side, so the way
					// over the node is an upper bound and the straight line a
					// fair one.
					total = min(total, city.DistanceM(t.StopLon[s], t.StopLat[s], t.StopLon[o], t.StopLat[o]))
				}
				if int(o) != s && total <= transferM {
					found = append(found, reach{o, float32(total)})
				}
			}
		})
		slices.SortFunc(found, func(a, b reach) int { return cmp.Compare(a.stop, b.stop) })
		for _, f := range found {
			t.TransferTo = append(t.TransferTo, f.stop)
			t.TransferM = append(t.TransferM, f.m)
		}
		t.TransferFirst = append(t.TransferFirst, uint32(len(t.TransferTo)))
	}
	b.line("timetable", "footpaths between stops", float64(len(t.TransferTo)), "footpaths", "up to 500 m on the walking network")
	return nil
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
	net  *city.Network
	dist []float64
	seen []uint32
	gen  uint32
	heap []entry
}

type entry struct {
	m    float64
	node units.NodeID
}

func newWalker(n *city.Network) *walker {
	return &walker{net: n, dist: make([]float64, n.NumNodes()), seen: make([]uint32, n.NumNodes())}
}

// search calls found for every node within limitM of from, nearest first.
// Walking ignores direction: a link that may be walked may be walked both ways.
func (w *walker) search(from units.NodeID, limitM float64, found func(v units.NodeID, m float64)) {
	w.gen++
	w.heap = w.heap[:0]
	w.relax(from, 0, max(limitM, 0))
	for len(w.heap) > 0 {
		e := w.pop()
		if e.m > w.dist[e.node] {
			continue
		}
		found(e.node, e.m)
		for l, end := w.net.Out(e.node); l < end; l++ {
			if w.net.Modes[l]&city.AllowWalk != 0 {
				w.relax(w.net.To[l], e.m+float64(w.net.LengthM[l]), limitM)
			}
		}
		for _, l := range w.net.In(e.node) {
			if w.net.Modes[l]&city.AllowWalk != 0 {
				w.relax(w.net.From[l], e.m+float64(w.net.LengthM[l]), limitM)
			}
		}
	}
}

func (w *walker) relax(v units.NodeID, m, limitM float64) {
	if m > limitM || w.seen[v] == w.gen && w.dist[v] <= m {
		return
	}
	w.seen[v], w.dist[v] = w.gen, m
	w.heap = append(w.heap, entry{m, v})
	for i := len(w.heap) - 1; i > 0; {
		p := (i - 1) / 2
		if !before(w.heap[i], w.heap[p]) {
			break
		}
		w.heap[i], w.heap[p] = w.heap[p], w.heap[i]
		i = p
	}
}

func (w *walker) pop() entry {
	top := w.heap[0]
	last := len(w.heap) - 1
	w.heap[0] = w.heap[last]
	w.heap = w.heap[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && before(w.heap[c+1], w.heap[c]) {
			c++
		}
		if !before(w.heap[c], w.heap[i]) {
			break
		}
		w.heap[i], w.heap[c] = w.heap[c], w.heap[i]
		i = c
	}
	return top
}

func before(a, b entry) bool { return a.m < b.m || a.m == b.m && a.node < b.node }
