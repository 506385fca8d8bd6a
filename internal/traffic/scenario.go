package traffic

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
)

// Scenario is a network and its demand.
type Scenario struct {
	Nodes []string
	Links []string // names
	Net   loading.Links
	Rows  []Row
	// Vehicles is the whole demand, rounded (see Read).
	Vehicles int
	// Given is the demand before rounding.
	Given float64
	work  []float64  // by link: vehicles on the free-flow paths
	order [][]uint32 // by destination, ascending: nodes in order of free-flow time to it
	// Notes say which defaults were used and what was not.
	Notes []string
}

// Row is one line of the demand: vehicles from one node to another, evenly
// spread over [FromS, ToS).
type Row struct {
	Orig, Dest units.NodeID
	FromS, ToS float64
	Vehicles   int
	line       int
	freeS      float64 // free-flow time of its quickest path
}

// defaultJamVM is UXsim's jam density where a link names none.
const defaultJamVM = 0.2

// reactionS is the time a driver keeps to the one before, per lane: UXsim's
// reaction_time. With n lanes w = n/(k_j x 1 s) and C = u w k_j/(u + w).
const reactionS = 1

// Files names the three tables in messages.
type Files struct{ Nodes, Links, Demand string }

// Read reads a scenario. All that is wrong comes back together, as Problems.
//
// The demand of a row is its volume, or flow x time. Vehicles are whole: the
// running total over the rows in file order is rounded, so that no row's
// fraction is lost and the sum is right to half a vehicle.
func Read(files Files, nodes, links, demand io.Reader) (*Scenario, error) {
	s := &Scenario{}
	var problems Problems
	id := s.readNodes(files.Nodes, nodes, &problems)
	s.readLinks(files.Links, links, id, &problems)
	s.readDemand(files.Demand, demand, id, &problems)
	if len(problems) == 0 {
		s.findWays(files.Demand, &problems)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return s, nil
}

func (s *Scenario) readNodes(name string, r io.Reader, problems *Problems) map[string]units.NodeID {
	id := make(map[string]units.NodeID)
	t := open(name, r, []column{{[]string{"name"}, true}, {[]string{"x"}, false}, {[]string{"y"}, false}}, problems, &s.Notes)
	if t == nil {
		return nil
	}
	for t.next() {
		label, ok := t.label(0, "name")
		t.number(1, "x", 0, -1e12, 1e12)
		t.number(2, "y", 0, -1e12, 1e12)
		if !ok {
			continue
		}
		if _, twice := id[label]; twice {
			t.complain(t.at[0], "node %q stands twice", label)
			continue
		}
		if len(s.Nodes) == maxNodes {
			t.complain(0, "more than %d nodes", maxNodes)
			break
		}
		id[label] = units.NodeID(len(s.Nodes))
		s.Nodes = append(s.Nodes, label)
	}
	if len(s.Nodes) == 0 && !t.full() {
		t.add(Problem{File: name, Message: "no nodes"})
	}
	return id
}

// node looks up an end of something.
func (t *table) node(c int, what string, id map[string]units.NodeID) (units.NodeID, bool) {
	label, ok := t.label(c, what)
	if !ok || id == nil {
		return 0, false
	}
	n, ok := id[label]
	if !ok {
		t.complain(t.at[c], "%s %q is not a node", what, label)
	}
	return n, ok
}

func (s *Scenario) readLinks(name string, r io.Reader, id map[string]units.NodeID, problems *Problems) {
	const (
		cName = iota
		cStart
		cEnd
		cLength
		cSpeed
		cJam
		cPriority
		cLanes
		cOut
		cIn
	)
	t := open(name, r, []column{
		{[]string{"name"}, true}, {[]string{"start", "start_node"}, true}, {[]string{"end", "end_node"}, true}, {[]string{"length"}, true},
		{[]string{"u", "free_flow_speed"}, true}, {[]string{"kappa", "jam_density"}, false}, {[]string{"merge_priority"}, false},
		{[]string{"number_of_lanes"}, false}, {[]string{"capacity_out"}, false}, {[]string{"capacity_in"}, false},
	}, problems, &s.Notes)
	if t == nil {
		return
	}
	need := math.NaN()
	seen := make(map[string]bool)
	var noJam, noPriority, noLanes, noCaps int
	blank := func(c int, n *int) {
		if t.text(c) == "" {
			*n++
		}
	}
	s.Net.FastWaves = true
	for t.next() {
		label, ok := t.label(cName, "name")
		if ok && seen[label] {
			t.complain(t.at[cName], "link %q stands twice", label)
		}
		seen[label] = true
		from, okFrom := t.node(cStart, "start node", id)
		to, okTo := t.node(cEnd, "end node", id)
		if okFrom && okTo && from == to {
			t.complain(t.at[cEnd], "link %q ends where it starts", label)
		}
		length, okLength := t.number(cLength, "length", need, 0.1, 1e7)
		speed, okSpeed := t.number(cSpeed, "free speed", need, 0.01, 1000)
		jam, okJam := t.number(cJam, "jam density", defaultJamVM, 1e-4, 1000)
		priority, _ := t.number(cPriority, "merge priority", 1, 0, maxValue)
		lanes, okLanes := t.number(cLanes, "number of lanes", 1, 1, 1000)
		out, _ := t.number(cOut, "outflow capacity", math.Inf(1), 1e-6, maxValue)
		in, _ := t.number(cIn, "inflow capacity", math.Inf(1), 0, maxValue)
		blank(cJam, &noJam)
		blank(cPriority, &noPriority)
		blank(cLanes, &noLanes)
		if t.text(cOut) == "" && t.text(cIn) == "" {
			noCaps++
		}
		if !(okLength && okSpeed && okJam && okLanes) {
			continue
		}
		if lanes != math.Trunc(lanes) {
			t.complain(t.at[cLanes], "number of lanes %g: want a whole number", lanes)
		}
		if cars := length * jam; cars > 1e6 {
			t.complain(t.at[cLength], "the link would hold %.3g vehicles, want at most 1,000,000", cars)
		}
		wave := lanes / (reactionS * jam)
		capacity := speed * wave * jam / (speed + wave)
		if capacity > 0.999*speed*jam {
			t.complain(t.at[cLength], "%g lanes at a jam density of %g per metre: the backward wave (%.3g m/s) is beyond a thousand times the free speed", lanes, jam, wave)
			continue
		}
		n := &s.Net
		s.Links = append(s.Links, label)
		n.From, n.To = append(n.From, from), append(n.To, to)
		n.LengthM, n.SpeedMS = append(n.LengthM, float32(length)), append(n.SpeedMS, float32(speed))
		n.JamVM = append(n.JamVM, float32(jam))
		if in == 0 { // UXsim's way to shut a link
			capacity, in = 0, math.Inf(1)
		}
		n.CapacityVS = append(n.CapacityVS, float32(capacity))
		n.OutCapVS, n.InCapVS = append(n.OutCapVS, limit(out)), append(n.InCapVS, limit(in))
		// A priority of 0 gives way to any other.
		n.MergeWeight = append(n.MergeWeight, float32(max(priority, 1e-6)))
	}
	if len(s.Links) == 0 && len(*problems) == 0 {
		t.add(Problem{File: name, Message: "no links"})
	}
	for _, x := range []struct {
		n    int
		what string
	}{
		{noJam, fmt.Sprintf("a jam density of %g vehicles per metre", defaultJamVM)}, {noPriority, "a merge priority of 1"},
		{noLanes, "1 lane"}, {noCaps, "no cap at either end"},
	} {
		if x.n > 0 {
			s.Notes = append(s.Notes, fmt.Sprintf("%s: %s by default for %d of %d links", name, x.what, x.n, len(s.Links)))
		}
	}
}

// limit is a cap as a column holds it: 0 for none.
func limit(x float64) float32 {
	if math.IsInf(x, 1) {
		return 0
	}
	return float32(x)
}

func (s *Scenario) readDemand(name string, r io.Reader, id map[string]units.NodeID, problems *Problems) {
	const (
		cOrig = iota
		cDest
		cFrom
		cTo
		cFlow
		cVolume
	)
	t := open(name, r, []column{
		{[]string{"orig"}, true}, {[]string{"dest"}, true}, {[]string{"t_start", "start_t"}, true}, {[]string{"t_end", "end_t"}, true},
		{[]string{"flow", "q"}, false}, {[]string{"volume"}, false},
	}, problems, &s.Notes)
	if t == nil {
		return
	}
	if t.at[cFlow] < 0 && t.at[cVolume] < 0 {
		t.complain(-1, "no column flow, q or volume")
		return
	}
	need := math.NaN()
	still := 0
	for t.next() {
		orig, okO := t.node(cOrig, "origin", id)
		dest, okD := t.node(cDest, "destination", id)
		from, okFrom := t.number(cFrom, "start", need, 0, 1e7)
		to, okTo := t.number(cTo, "end", need, 0, 1e7)
		// -1 means: use the other column.
		flow, okFlow := t.number(cFlow, "flow", -1, -1, maxValue)
		volume, okVolume := t.number(cVolume, "volume", -1, -1, maxValue)
		if !(okO && okD && okFrom && okTo && okFlow && okVolume) {
			continue
		}
		if to <= from {
			t.complain(t.at[cTo], "the demand ends at %g s, not after its start at %g s", to, from)
			continue
		}
		if volume < 0 && flow < 0 {
			t.complain(max(t.at[cFlow], t.at[cVolume]), "neither a flow nor a volume of 0 or more")
			continue
		}
		if volume <= 0 && flow >= 0 {
			volume = flow * (to - from)
		}
		before := math.Round(s.Given)
		s.Given += max(volume, 0)
		line, _ := t.r.FieldPos(0)
		row := Row{Orig: orig, Dest: dest, FromS: from, ToS: to, Vehicles: int(math.Round(s.Given) - before), line: line}
		if orig == dest {
			still += row.Vehicles
		}
		s.Rows = append(s.Rows, row)
		if s.Given > maxPlatoons {
			t.complain(-1, "more than %d vehicles", maxPlatoons)
			return
		}
	}
	s.Vehicles = int(math.Round(s.Given))
	if s.Vehicles == 0 && len(*problems) == 0 {
		t.add(Problem{File: name, Message: "no vehicles"})
	}
	if still > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%s: %d vehicles start where they want to go and arrive at once", name, still))
	}
}

// freeCosts are the free-flow times of the links, infinite where nobody may go.
func freeCosts(s *Scenario) []float32 {
	cost := make([]float32, len(s.Links))
	for l := range cost {
		cost[l] = s.Net.LengthM[l] / s.Net.SpeedMS[l]
		if s.Net.CapacityVS[l] == 0 {
			cost[l] = inf
		}
	}
	return cost
}

// destinations are the nodes that are one, ascending.
func (s *Scenario) destinations() []units.NodeID {
	var dests []units.NodeID
	for _, r := range s.Rows {
		dests = append(dests, r.Dest)
	}
	slices.Sort(dests)
	return slices.Compact(dests)
}

// findWays finds the free-flow path of every row, and complains of demand
// between nodes that no path joins.
func (s *Scenario) findWays(name string, problems *Problems) {
	t := &table{name: name, problems: problems}
	if links, dests := len(s.Links), len(s.destinations()); links*dests > maxWants {
		t.add(Problem{File: name, Message: fmt.Sprintf("%d links and %d destinations make %d preferences, want at most %d", links, dests, links*dests, maxWants)})
		return
	}
	g := newGraph(s)
	s.work = make([]float64, len(s.Links))
	cost := freeCosts(s)
	dist := make([]float32, len(s.Nodes))
	seen := -1
	for _, i := range byDest(s.Rows) {
		row := &s.Rows[i]
		if int(row.Dest) != seen {
			seen = int(row.Dest)
			s.order = append(s.order, g.toward(row.Dest, cost, dist))
		}
		row.freeS = float64(dist[row.Orig])
		if row.Vehicles == 0 {
			continue
		}
		if dist[row.Orig] == inf {
			t.add(Problem{name, row.line, 1, fmt.Sprintf("no way from %q to %q", s.Nodes[row.Orig], s.Nodes[row.Dest])})
			continue
		}
		for n := row.Orig; n != row.Dest; {
			l := g.best(uint32(n), cost, dist)
			s.work[l] += float64(row.Vehicles)
			n = g.to[l]
		}
	}
}

// Names are the names of links.
func (s *Scenario) Names(links []units.LinkID) []string {
	out := make([]string, len(links))
	for i, l := range links {
		out[i] = s.Links[l]
	}
	return out
}
