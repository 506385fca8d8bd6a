package osm

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
)

// Finding is one suspicious thing in the map: what may be wrong, where, and
// which object to mend.
type Finding struct {
	Kind     string // groups findings: see kinds
	OSMType  string // "way", "node" or "relation"
	ID       int64
	Lon, Lat float64
	Detail   string
}

// Link is the page of openstreetmap.org where the object can be seen and
// mended.
func (f Finding) Link() string { return city.OSMLink(f.OSMType, f.ID) }

// Findings is all findings of one kind: how many, and the first of them in
// order of OSM id.
type Findings struct {
	Kind  string
	Means string // what it does to the model
	Total int
	Shown []Finding
}

// maxShown bounds how many findings of a kind are kept.
const maxShown = 50

// kinds says what each kind of finding does to the model, in the order of the
// report.
var kinds = []struct{ kind, means string }{
	{"very slow main road", "its speed limit is taken as tagged: cars avoid it"},
	{"very fast small street", "its speed limit is taken as tagged: cars are drawn to it"},
	{"more lanes than its class has", "lanes are taken as tagged: it carries more than it may in truth"},
	{"one-way dead end", "cars cannot come in or out again: it is closed to them"},
	{"island cut off from the other streets", "cars cannot get there: it is closed to them"},
	{"class changes along one street", "a piece of another class carries less than what comes before and after it"},
	{"lanes change along one street", "a piece with fewer lanes carries less than what comes before and after it"},
	{"wide street into a narrow one", "cars keep one queue per street: those for the narrow arm hold up all lanes when it is full"},
	{"barrier at a junction", "not applied: unclear which arm it closes"},
	{"turn restriction unclear", "not applied: a way passes through the node, or joins it more than once"},
	{"turn restriction would cut streets off", "lifted: nobody could get there or away"},
	{"turn restriction over a way does not join", "not applied"},
	{"turn restriction not understood", "not applied"},
	{"condition not understood", "taken as not in force"},
	{"speed limit not understood", "the default of class and country is taken"},
	{"lanes not understood", "the default is taken"},
}

// find notes a finding at a source node (-1: nowhere).
func (g *graph) find(kind, osmType string, id int64, node int32, detail string) {
	f := Finding{Kind: kind, OSMType: osmType, ID: id, Detail: detail}
	if node >= 0 {
		f.Lon, f.Lat = g.src.Lon[node], g.src.Lat[node]
		if !city.InBox(g.opt.BBox, f.Lon, f.Lat) {
			return // nothing of the city
		}
	}
	g.found = append(g.found, f)
}

// findings groups what was found, each object once per kind, and adds a line
// per kind to the report.
func (g *graph) findings() []Findings {
	slices.SortStableFunc(g.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.OSMType, b.OSMType), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Detail, b.Detail))
	})
	g.found = slices.CompactFunc(g.found, func(a, b Finding) bool { return a.Kind == b.Kind && a.OSMType == b.OSMType && a.ID == b.ID })
	var out []Findings
	for _, k := range kinds {
		first, _ := slices.BinarySearchFunc(g.found, k.kind, func(f Finding, kind string) int { return cmp.Compare(f.Kind, kind) })
		last := first
		for last < len(g.found) && g.found[last].Kind == k.kind {
			last++
		}
		if last == first {
			continue
		}
		all := g.found[first:last]
		out = append(out, Findings{k.kind, k.means, len(all), slices.Clone(all[:min(len(all), maxShown)])})
		detail := k.means + "; such as"
		for _, f := range all[:min(len(all), 3)] {
			detail += " " + f.Link()
		}
		g.report.add("suspicious: "+k.kind, float64(len(all)), "objects", detail)
	}
	return out
}

// suspicious looks over the tags of a way that cars may use.
func (g *graph) suspicious(w *Way, rule highwayRule, onewayCar bool) {
	node := slices.IndexFunc(w.Nodes, func(n int32) bool {
		return n >= 0 && city.InBox(g.opt.BBox, g.src.Lon[n], g.src.Lat[n])
	})
	if node < 0 {
		return
	}
	at := w.Nodes[node]
	hw := w.Tags.Find("highway")
	note := func(kind, detail string) { g.find(kind, "way", w.ID, at, detail) }
	v := w.Tags.Find("maxspeed")
	kmh, ok := parseSpeedKMH(v)
	if v != "" && !ok && v != "signals" && v != "variable" {
		note("speed limit not understood", fmt.Sprintf("maxspeed=%.40s", v))
	}
	if ok && !rule.link {
		// A limit far from what its class is for: a main road at walking pace, a
		// street of homes at the speed of a motorway (bounds assumed).
		switch {
		case rule.class <= city.Trunk && kmh < 30, rule.class == city.Primary && kmh < 15, rule.class <= city.Tertiary && kmh < 10:
			note("very slow main road", fmt.Sprintf("highway=%s with maxspeed=%.40s", hw, v))
		case rule.class >= city.Residential && kmh > 81, rule.class == city.Service && kmh > 60:
			note("very fast small street", fmt.Sprintf("highway=%s with maxspeed=%.40s", hw, v))
		}
	}
	l := w.Tags.Find("lanes")
	n, ok := parseLanes(l)
	if l != "" && !ok {
		note("lanes not understood", fmt.Sprintf("lanes=%.40s", l))
	}
	if !onewayCar {
		n /= 2
	}
	if ok && (rule.class >= city.Unclassified && n > 2 || n > 6) {
		note("more lanes than its class has", fmt.Sprintf("highway=%s with lanes=%.40s", hw, l))
	}
}

// narrow looks for pieces of a named main street whose class or lanes are
// less than those of the pieces on both sides, with nowhere to turn off
// between: most often a tag that was forgotten on a bridge or a crossing.
func (g *graph) narrow() {
	in, out := make([][]int32, len(g.nodeSrc)), make([][]int32, len(g.nodeSrc))
	for i := range g.streets {
		s := &g.streets[i]
		if s.dead || s.synthetic || s.attr.modes()&city.AllowCar == 0 {
			continue
		}
		if s.attr.fwd.modes&city.AllowCar != 0 {
			out[s.from], in[s.to] = append(out[s.from], int32(i)), append(in[s.to], int32(i))
		}
		if s.attr.back.modes&city.AllowCar != 0 {
			out[s.to], in[s.from] = append(out[s.to], int32(i)), append(in[s.from], int32(i))
		}
	}
	oneWay := func(s *street) bool { return s.attr.back.modes&city.AllowCar == 0 }
	g.funnels(in, out)
	for i := range g.streets {
		s := &g.streets[i]
		if s.dead || s.synthetic || s.attr.class > city.Tertiary || s.attr.name == "" || !oneWay(s) || s.attr.fwd.modes&city.AllowCar == 0 {
			continue
		}
		if len(in[s.from]) != 1 || len(out[s.to]) != 1 || len(out[s.from]) != 1 || len(in[s.to]) != 1 {
			continue
		}
		a, b := &g.streets[in[s.from][0]], &g.streets[out[s.to][0]]
		if !oneWay(a) || !oneWay(b) || a.attr.name != s.attr.name || b.attr.name != s.attr.name {
			continue
		}
		switch lanes := min(a.attr.fwd.lanes, b.attr.fwd.lanes); {
		case s.attr.class > max(a.attr.class, b.attr.class):
			g.find("class changes along one street", "way", s.way, g.nodeSrc[s.from], fmt.Sprintf("%s: %s between %s and %s", s.attr.name, s.attr.class, a.attr.class, b.attr.class))
		case s.attr.fwd.lanes < lanes:
			g.find("lanes change along one street", "way", s.way, g.nodeSrc[s.from], fmt.Sprintf("%s: %s between %g and %g", s.attr.name, inLanes(s.attr.fwd.lanes), a.attr.fwd.lanes, b.attr.fwd.lanes))
		}
	}
}

// inLanes says a number of lanes.
func inLanes(n float32) string {
	if n == 1 {
		return "1 lane"
	}
	return fmt.Sprintf("%g lanes", n)
}

// funnels looks for wide one-way main streets with an arm ahead that carries at
// most a third of them: at full demand the queue for that arm closes all lanes,
// for whoever drives straight on is behind it (loading: first in, first out).
func (g *graph) funnels(in, out [][]int32) {
	const wide, third = 3, 3 // lanes; share (assumed)
	for v := range in {
		for _, i := range in[v] {
			s := &g.streets[i]
			// One-way streets run from -> to unless they are drawn against it.
			sd := s.attr.fwd
			if s.from == int32(v) {
				sd = s.attr.back
			}
			if s.attr.class > city.Secondary || sd.lanes < wide || s.attr.fwd.modes&city.AllowCar != 0 && s.attr.back.modes&city.AllowCar != 0 {
				continue
			}
			have, _ := capacity(s.attr.class, s.attr.ring, sd.lanes, sd.speed)
			for _, o := range out[v] {
				b := &g.streets[o]
				bd := b.attr.fwd
				if b.to == int32(v) {
					bd = b.attr.back
				}
				arm, _ := capacity(b.attr.class, b.attr.ring, bd.lanes, bd.speed)
				if b.attr.class <= city.Tertiary && arm*third <= have {
					g.find("wide street into a narrow one", "way", s.way, g.nodeSrc[v],
						fmt.Sprintf("%s, %g lanes (%.0f an hour), into %s, way %d (%.0f an hour)", s.attr.name, sd.lanes, have*3600, b.attr.name, b.way, arm*3600))
				}
			}
		}
	}
}
