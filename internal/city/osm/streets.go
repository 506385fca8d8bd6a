package osm

import (
	"fmt"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// Options control the street import.
type Options struct {
	// BBox (west, south, east, north) clips: only way parts whose points all
	// lie inside are kept.
	BBox [4]float64
	// Country selects default speeds ("GB", "DE", "BR"; others use the common
	// table).
	Country string
	// Anchors are points (lon, lat), such as stops, whose nearest street point
	// must stay a node even in the middle of a block.
	Anchors [][2]float64
	// When decides which restrictions by time of day are in force; zero is
	// DefaultWhen.
	When When
}

// Result is a street network and what is known of its making.
type Result struct {
	Net      city.Network
	Report   []city.ReportLine
	Findings []Findings
}

// street is one undirected piece of street between two graph nodes while the
// network is under construction. Forward is from -> to.
type street struct {
	from, to  int32   // graph nodes
	pts       []int32 // source node indices, ends included
	attr      attributes
	way       int64
	fromWay   int64 // way at the from end, where turn restrictions apply
	toWay     int64
	lengthM   float64
	dead      bool
	wayLenM   float64 // length of the longest single way, which names the street
	synthetic bool    // the passage through a barrier
	double    bool    // a copy for a turn restriction over a way
}

// attributes decide whether two streets may be merged into one.
type attributes struct {
	fwd, back side
	class     city.RoadClass
	name      string
	ring      bool // part of a roundabout that cars use
}

type side struct {
	modes city.ModeSet
	speed float32
	lanes float32
}

func (a attributes) reversed() attributes {
	a.fwd, a.back = a.back, a.fwd
	return a
}

func (a attributes) modes() city.ModeSet { return a.fwd.modes | a.back.modes }

// graph is the network under construction. Graph nodes are source nodes plus
// the far sides of barriers.
type graph struct {
	src     *Source
	opt     Options
	nodeSrc []int32 // source node of a graph node
	nodeOSM []int64 // OSM id; negative on the far side of a barrier
	keep    []bool  // never merged away
	signal  []bool
	ofSrc   map[int32]int32
	streets []street
	rules   []restriction
	bans    []halfBan
	copyOf  map[int32]half // look-ups only
	found   []Finding
	// linkCopy is the original of a copied link, else NoLink; linkCopies lists
	// the copies.
	linkCopy   []units.LinkID
	linkCopies []linkCopy
	one        contraction
	habits     laneHabits
	report     reporter
}

// reporter collects report lines in order.
type reporter struct{ lines []city.ReportLine }

func (r *reporter) add(what string, count float64, unit, detail string) {
	r.lines = append(r.lines, city.ReportLine{Part: "streets", What: what, Count: count, Unit: unit, Detail: detail})
}

// Import builds the street network of a city.
//
// Small roundabouts become one junction. Way parts inside the box are cut at
// shared nodes, barriers and anchors; the
// largest strongly connected part is kept for cars and for bikes, the largest
// connected part for walkers; then nodes that join two like streets become
// geometry. The report counts what was read, dropped and merged; findings are
// what looks wrong in the map.
func Import(src *Source, opt Options) (*Result, error) {
	if !(opt.BBox[0] < opt.BBox[2] && opt.BBox[1] < opt.BBox[3]) {
		return nil, fmt.Errorf("osm: the box %v is empty (want west, south, east, north)", opt.BBox)
	}
	if opt.When == (When{}) {
		opt.When = DefaultWhen
	}
	g := &graph{src: src, opt: opt, ofSrc: map[int32]int32{}}
	g.cut()
	if len(g.streets) == 0 {
		return nil, fmt.Errorf("osm: no street lies in the box %v", opt.BBox)
	}
	g.passBarriers()
	g.joinCarriageways()
	g.readRestrictions()
	g.connect()
	g.trim()
	g.merge()
	g.placeSignals()
	g.narrow()
	g.turnsOverWays()
	net := g.emit()
	if net.NumLinks() == 0 {
		return nil, fmt.Errorf("osm: no connected street is left in the box %v", opt.BBox)
	}
	findings := g.findings()
	return &Result{net, g.report.lines, findings}, nil
}

// run is a part of a way inside the box.
type run struct {
	way  *Way
	attr attributes
	pts  []int32
}

// cut reads the ways and splits them into streets.
func (g *graph) cut() {
	s := g.src
	var runs []run
	use := make([]uint8, len(s.NodeID))  // by routable ways, saturating at 2
	road := make([]uint8, len(s.NodeID)) // by drivable ways, for the report
	var waysRead, taggedSpeed, taggedLanes, noMode, reversible, conditions int
	var readM, privateM float64
	parts := newUnion(len(s.NodeID))
	g.findRings()
	g.learnLanes()
	for i := range s.Ways {
		w := &s.Ways[i]
		hw := w.Tags.Find("highway")
		if hw == "" {
			continue
		}
		pieces := g.inside(w)
		if len(pieces) == 0 {
			continue
		}
		rule, fwd, back, ok := wayModes(w.Tags)
		if !ok {
			continue
		}
		if drivable(hw) {
			waysRead++
			for _, p := range pieces {
				m := g.length(p)
				readM += m
				if (fwd|back)&city.AllowCar == 0 {
					privateM += m
				}
				for j, n := range p {
					road[n] = min(road[n]+1, 2)
					if j > 0 {
						parts.join(p[j-1], n)
					}
				}
			}
			if oneway(w.Tags, rule, hw) == 2 {
				reversible++
			}
			if conditional(w.Tags) {
				conditions++
			}
			if _, ok := parseLanes(w.Tags.Find("lanes")); ok {
				taggedLanes++
			}
		}
		if fwd|back == 0 {
			noMode++
			continue
		}
		onewayCar := (fwd&city.AllowCar == 0) != (back&city.AllowCar == 0)
		sf, sb, tagged := speeds(w.Tags, rule, g.opt.Country)
		if tagged && drivable(hw) {
			taggedSpeed++
		}
		if g.one.skipWays[int32(i)] {
			continue // read, but now part of a node
		}
		lf, lb := g.habits.lanes(w.Tags, rule, onewayCar)
		if (fwd|back)&city.AllowCar != 0 {
			g.suspicious(w, rule, onewayCar)
		}
		a := attributes{fwd: side{fwd, sf, lf}, back: side{back, sb, lb}, class: rule.class, name: w.Tags.Find("name"), ring: drivable(hw) && isRing(w.Tags)}
		for _, p := range pieces {
			if p = g.oneNode(p); len(p) < 2 {
				continue
			}
			runs = append(runs, run{w, a, p})
			for j, n := range p {
				if j == 0 || j == len(p)-1 {
					use[n] = 2 // ends are always nodes
				} else {
					use[n] = min(use[n]+1, 2)
				}
			}
		}
	}
	shared := 0
	for _, u := range road {
		if u >= 2 {
			shared++
		}
	}
	g.report.add("drivable ways read", float64(waysRead), "ways", "service roads included, access tags not yet applied")
	g.report.add("drivable length read", readM/1000, "km", "each way once, inside the box")
	g.report.add("junctions of drivable ways read", float64(shared), "nodes", "used at least twice by drivable ways")
	g.report.add("largest connected part of drivable ways", 100*g.largestShare(parts), "%", "of length, before access tags and directions")
	g.report.add("drivable ways with a speed limit", float64(taggedSpeed), "ways", "the others get a default by class and country (assumed)")
	g.report.add("drivable ways with a number of lanes", float64(taggedLanes), "ways", "the others get a default: "+g.habits.String())
	g.report.add("drivable ways with conditions", float64(conditions), "ways", "access, direction, speed or lanes by time of day or vehicle: taken as without the condition")
	g.report.add("closed to cars by access tags", privateM/1000, "km", "private, no, bus only and the like")
	g.report.add("ways nobody may use", float64(noMode), "ways", "dropped")
	g.report.add("reversible one-way roads", float64(reversible), "ways", "closed to cars: their hours are not in the data")

	g.moveToCentres()
	for _, c := range g.one.centre {
		use[c.node] = 2
	}
	g.anchor(runs, use)
	for _, n := range s.TaggedNodes() {
		if use[n] == 1 && barrierBlocks(s.NodeTags[n]) != 0 {
			use[n] = 2
		}
	}
	for _, r := range runs {
		g.split(r, use)
	}
}

// inside is the parts of a way whose points exist and lie in the box.
func (g *graph) inside(w *Way) [][]int32 {
	var out [][]int32
	start := -1
	for i := 0; i <= len(w.Nodes); i++ {
		ok := i < len(w.Nodes) && w.Nodes[i] >= 0 && city.InBox(g.opt.BBox, g.src.Lon[w.Nodes[i]], g.src.Lat[w.Nodes[i]])
		if ok && start < 0 {
			start = i
		}
		if !ok && start >= 0 {
			if p := w.Nodes[start:i]; len(p) > 1 {
				out = append(out, slices.Compact(slices.Clone(p)))
				if len(out[len(out)-1]) < 2 {
					out = out[:len(out)-1]
				}
			}
			start = -1
		}
	}
	return out
}

// anchor makes the street point nearest to each anchor a node.
func (g *graph) anchor(runs []run, use []uint8) {
	if len(g.opt.Anchors) == 0 {
		return
	}
	const reachM = 60 // a stop farther from any street point gains nothing
	pr := city.ProjectionOf(g.opt.BBox)
	x, y := make([]float32, len(use)), make([]float32, len(use))
	walkable := make([]bool, len(use))
	for _, r := range runs {
		if r.attr.modes()&city.AllowWalk == 0 {
			continue
		}
		for _, n := range r.pts {
			if !walkable[n] {
				walkable[n] = true
				px, py := pr.XY(g.src.Lon[n], g.src.Lat[n])
				x[n], y[n] = float32(px), float32(py)
			}
		}
	}
	ix := city.NewPointIndex(x, y, 50, func(i int) bool { return walkable[i] })
	made := 0
	for _, a := range g.opt.Anchors {
		px, py := pr.XY(a[0], a[1])
		if n, d, ok := ix.Nearest(px, py); ok && d <= reachM {
			if use[n] < 2 {
				made++
			}
			use[n] = 2
			g.keep[g.graphNode(int32(n))] = true
		}
	}
	g.report.add("street points kept as nodes for stops", float64(made), "nodes", "so that a stop between two junctions is walked to directly")
}

// graphNode is the graph node of a source node.
func (g *graph) graphNode(n int32) int32 {
	if v, ok := g.ofSrc[n]; ok {
		return v
	}
	v := g.newNode(n, g.src.NodeID[n])
	g.ofSrc[n] = v
	return v
}

func (g *graph) newNode(src int32, id int64) int32 {
	g.nodeSrc = append(g.nodeSrc, src)
	g.nodeOSM = append(g.nodeOSM, id)
	g.keep = append(g.keep, false)
	g.signal = append(g.signal, false)
	return int32(len(g.nodeSrc) - 1)
}

// split cuts a run at every node used twice. A piece that returns to its own
// start is cut once more in the middle: the network has no self-loops.
func (g *graph) split(r run, use []uint8) {
	start := 0
	for i := 1; i < len(r.pts); i++ {
		if i < len(r.pts)-1 && use[r.pts[i]] < 2 {
			continue
		}
		p := r.pts[start : i+1]
		start = i
		if p[0] == p[len(p)-1] {
			if len(p) < 4 {
				continue // there and back over the same point: no street
			}
			mid := len(p) / 2
			g.keep[g.graphNode(p[mid])] = true
			g.addStreet(r, p[:mid+1])
			g.addStreet(r, p[mid:])
			continue
		}
		g.addStreet(r, p)
	}
}

func (g *graph) addStreet(r run, pts []int32) {
	m := g.length(pts)
	g.streets = append(g.streets, street{
		from: g.graphNode(pts[0]), to: g.graphNode(pts[len(pts)-1]), pts: pts, attr: r.attr,
		way: r.way.ID, fromWay: r.way.ID, toWay: r.way.ID, lengthM: m, wayLenM: m,
	})
}

func (g *graph) length(pts []int32) float64 {
	m := 0.0
	for i := 1; i < len(pts); i++ {
		a, b := pts[i-1], pts[i]
		m += city.DistanceM(g.src.Lon[a], g.src.Lat[a], g.src.Lon[b], g.src.Lat[b])
	}
	return m
}

// largestShare is the share of drivable length in its largest connected part.
func (g *graph) largestShare(u *union) float64 {
	byRoot := map[int32]float64{}
	total, best := 0.0, 0.0
	for i := range g.src.Ways {
		w := &g.src.Ways[i]
		if !drivable(w.Tags.Find("highway")) {
			continue
		}
		for _, p := range g.inside(w) {
			m := g.length(p)
			root := u.find(p[0])
			byRoot[root] += m
			total += m
			best = max(best, byRoot[root])
		}
	}
	if total == 0 {
		return 0
	}
	return best / total
}

// minBarrierM is the length of the passage through a barrier.
const minBarrierM = 1

// passBarriers opens each blocking node that joins exactly two streets: one
// street is moved to a second node at the same place, and a passage of one
// metre for those who may pass joins the two. At junctions of three or more
// streets nobody can say which arm the barrier closes; those are counted.
func (g *graph) passBarriers() {
	touch := make([][]int32, len(g.nodeSrc))
	for i := range g.streets {
		s := &g.streets[i]
		touch[s.from] = append(touch[s.from], int32(i))
		touch[s.to] = append(touch[s.to], int32(i))
	}
	passed, unclear := 0, 0
	for v, n := 0, len(touch); v < n; v++ {
		tags, ok := g.src.NodeTags[g.nodeSrc[v]]
		if !ok || len(touch[v]) == 0 {
			continue
		}
		blocked := barrierBlocks(tags)
		if blocked == 0 || len(touch[v]) == 1 {
			continue
		}
		a, b := touch[v][0], touch[v][1]
		if len(touch[v]) > 2 || a == b {
			unclear++
			g.find("barrier at a junction", "node", g.nodeOSM[v], g.nodeSrc[v], "barrier="+tags.Find("barrier"))
			continue
		}
		passed++
		far := g.newNode(g.nodeSrc[v], -g.nodeOSM[v])
		g.keep[v], g.keep[far] = true, true
		sb := &g.streets[b]
		attr, way := sb.attr, sb.way
		if sb.from == int32(v) {
			sb.from = far
		} else {
			sb.to = far
			attr = attr.reversed()
		}
		// What may continue from a into b may pass, unless the barrier stops it.
		attr.fwd.modes &^= blocked
		attr.back.modes &^= blocked
		if attr.modes() == 0 {
			continue
		}
		g.streets = append(g.streets, street{
			from: int32(v), to: far, pts: []int32{g.nodeSrc[v], g.nodeSrc[v]}, attr: attr,
			way: way, fromWay: way, toWay: way, lengthM: minBarrierM, wayLenM: minBarrierM, synthetic: true,
		})
	}
	g.report.add("barriers", float64(passed), "nodes", "bollards, gates and the like that stop some or all")
	g.report.add("barriers at junctions", float64(unclear), "nodes", "not applied: unclear which arm they close")
}
