package osm_test

import (
	"container/heap"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	posm "github.com/paulmach/osm"
	"github.com/paulmach/osm/osmpbf"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/osm"
	"github.com/malikobaid/cityflow/internal/units"
)

// Routes on the imported network against a slow, obvious Dijkstra on the raw
// file: read by another library, every shape point a node, rules of access,
// direction, speed, barriers, small roundabouts and turn restrictions written
// down a second time from the documentation.

type rawCity struct {
	slug, country string
	box           [4]float64
}

var rawCities = []rawCity{
	{"newport", "GB", [4]float64{-3.0941, 51.5175, -2.9204, 51.5987}},
	{"heidelberg", "DE", [4]float64{8.5817, 49.3478, 8.7996, 49.4633}},
	{"porto-alegre", "BR", [4]float64{-51.2664, -30.1133, -51.1322, -29.9905}},
	{"london-camden", "GB", [4]float64{-0.2132, 51.5085, -0.0895, 51.5832}},
}

const (
	rawCar = 1 << iota
	rawBike
	rawWalk
)

type rawSeg struct {
	a, b     int64 // OSM nodes
	way      int64
	m        float64
	sa, sb   float64 // seconds a to b, b to a by car
	fwd, bwd int     // modes
}

type rawMap struct {
	lon, lat map[int64]float64
	tags     map[int64]posm.Tags
	segs     []rawSeg
	at       map[int64][]int // segments at a node
	rules    []rawRule
	over     []rawRule
	ways     map[int64]*posm.Way
	ringOf   map[int64]int64 // nodes of small roundabouts to their stand-in
	passable map[int64]int   // modes that may pass a barrier node
}

type rawRule struct {
	id           int64
	from, to     int64
	node         int64
	ways         []int64
	only, uTurn  bool
	enter, leave int64 // nodes, for rules over ways
}

func metres(lon1, lat1, lon2, lat2 float64) float64 {
	const r = math.Pi / 180
	a := math.Pow(math.Sin((lat2-lat1)*r/2), 2) + math.Cos(lat1*r)*math.Cos(lat2*r)*math.Pow(math.Sin((lon2-lon1)*r/2), 2)
	return 2 * city.EarthRadiusM * math.Asin(math.Sqrt(a))
}

// speed in km/h by the tables of docs/decisions/streets.md.
func rawSpeed(t posm.Tags, country, key string) (kmh float64, tagged bool) {
	v, _, _ := strings.Cut(t.Find(key), ";")
	v = strings.TrimSpace(v)
	if v == "" {
		return 0, false
	}
	switch v {
	case "none":
		return 130, true
	case "walk":
		return 6, true
	case "national":
		return 96.6, true
	case "DE:urban":
		return 50, true
	case "DE:rural":
		return 100, true
	case "DE:motorway":
		return 130, true
	case "DE:living_street", "DE:walk":
		return 7, true
	case "BR:urban":
		return 40, true
	case "GB:nsl_single", "GB:rural":
		return 96.6, true
	case "GB:nsl_dual", "GB:motorway":
		return 112.7, true
	case "GB:nsl_restricted", "GB:urban":
		return 48.3, true
	case "DE:zone30", "DE:zone:30":
		return 30, true
	}
	factor := 1.0
	if s, ok := strings.CutSuffix(v, "mph"); ok {
		v, factor = strings.TrimSpace(s), 1.609344
	}
	f, err := strconv.ParseFloat(v, 64)
	return f * factor, err == nil && f > 0
}

var rawDefault = map[string]map[string]float64{
	"GB": {"motorway": 112.7, "trunk": 64.4, "primary": 48.3, "secondary": 48.3, "tertiary": 48.3, "unclassified": 40, "residential": 32.2, "service": 16},
	"DE": {"motorway": 120, "trunk": 70, "primary": 50, "secondary": 50, "tertiary": 50, "unclassified": 40, "residential": 30, "service": 15},
	"BR": {"motorway": 90, "trunk": 80, "primary": 60, "secondary": 60, "tertiary": 40, "unclassified": 40, "residential": 30, "service": 15},
}

func rawSpeeds(t posm.Tags, country string) (f, b float64) {
	hw := t.Find("highway")
	class := strings.TrimSuffix(hw, "_link")
	switch class {
	case "road":
		class = "unclassified"
	case "living_street":
		class = "residential"
	}
	kmh := rawDefault[country][class]
	if strings.HasSuffix(hw, "_link") && kmh > 64.4 {
		kmh = 64.4
	}
	if s := t.Find("service"); class == "service" && (s == "parking_aisle" || s == "drive-through" || s == "driveway") {
		kmh = 10
	}
	if hw == "living_street" {
		kmh = 10
	}
	for _, k := range []string{"maxspeed", "maxspeed:type", "source:maxspeed", "zone:maxspeed"} {
		if v, ok := rawSpeed(t, country, k); ok {
			kmh = v
			break
		}
	}
	f, b = kmh, kmh
	if v, ok := rawSpeed(t, country, "maxspeed:forward"); ok {
		f = v
	}
	if v, ok := rawSpeed(t, country, "maxspeed:backward"); ok {
		b = v
	}
	clamp := func(v float64) float64 { return math.Max(5, math.Min(130, v)) / 3.6 }
	return clamp(f), clamp(b)
}

const rawYes, rawNo = " yes designated permissive official destination customers customer residents public discouraged access ", " no private agricultural forestry delivery emergency military permit dismount use_sidepath psv bus taxi hov employees staff restricted disabled "

// open follows the keys of a mode from general to special.
func rawOpen(t posm.Tags, open bool, dir string, keys ...string) bool {
	for _, k := range keys {
		v := t.Find(k)
		if d := t.Find(k + dir); dir != "" && d != "" {
			v = d
		}
		v, _, _ = strings.Cut(v, ";")
		v = " " + strings.TrimSpace(v) + " "
		if len(v) < 3 {
			continue
		}
		if strings.Contains(rawYes, v) && k != "access" {
			open = true
		}
		if strings.Contains(rawNo, v) {
			open = false
		}
	}
	return open
}

var rawKeys = map[int][]string{rawCar: {"access", "vehicle", "motor_vehicle", "motorcar"}, rawBike: {"access", "vehicle", "bicycle"}, rawWalk: {"access", "foot"}}

func rawModes(t posm.Tags, dir string) (modes int, routable bool) {
	hw := t.Find("highway")
	roads := " motorway trunk primary secondary tertiary unclassified residential service road living_street motorway_link trunk_link primary_link secondary_link tertiary_link "
	base := 0
	road := strings.Contains(roads, " "+hw+" ")
	switch {
	case hw == "service" && t.Find("service") == "emergency_access":
		base = rawBike | rawWalk
	case strings.HasPrefix(hw, "motorway"):
		base = rawCar
	case road:
		base = rawCar | rawBike | rawWalk
	case strings.Contains(" pedestrian footway platform corridor steps ", " "+hw+" "):
		base = rawWalk
	case strings.Contains(" path cycleway bridleway track ", " "+hw+" "):
		base = rawWalk | rawBike
	case hw == "busway" || hw == "bus_guideway":
	default:
		return 0, false
	}
	if t.Find("motorroad") == "yes" {
		base &^= rawBike | rawWalk
	}
	for _, m := range []int{rawCar, rawBike, rawWalk} {
		if rawOpen(t, base&m != 0, dir, rawKeys[m]...) {
			modes |= m
		}
	}
	if !road || t.Find("area") == "yes" {
		modes &^= rawCar
	}
	if strings.HasPrefix(hw, "motorway") {
		modes &^= rawWalk | rawBike
	}
	return modes, true
}

func rawDirections(t posm.Tags) (f, b int, routable bool) {
	f, routable = rawModes(t, ":forward")
	b, _ = rawModes(t, ":backward")
	one := 0
	switch t.Find("oneway") {
	case "yes", "true", "1":
		one = 1
	case "-1", "reverse":
		one = -1
	case "reversible":
		return f &^ rawCar, b &^ rawCar, routable
	case "no", "false", "0", "alternating":
	default:
		if j := t.Find("junction"); j == "roundabout" || j == "circular" || t.Find("highway") == "motorway" {
			one = 1
		}
	}
	bikeBack := func(dir string) bool {
		switch t.Find("oneway:bicycle") {
		case "no":
			return true
		case "-1":
			return false
		}
		for _, side := range []string{"", ":left", ":right", ":both"} {
			v := t.Find("cycleway" + side)
			if strings.HasPrefix(v, "opposite") {
				return true
			}
			o := t.Find("cycleway" + side + ":oneway")
			if side != "" && v != "" && v != "no" && v != "none" && v != "separate" && (o == "-1" || o == "no") {
				return true
			}
		}
		return rawOpen(t, false, "", "bicycle"+dir)
	}
	switch one {
	case 1:
		keep := b & rawBike
		b &^= rawCar | rawBike
		if bikeBack(":backward") {
			b |= keep
		}
	case -1:
		keep := f & rawBike
		f &^= rawCar | rawBike
		if bikeBack(":forward") {
			f |= keep
		}
	}
	if t.Find("oneway:motor_vehicle") == "yes" || t.Find("oneway:motorcar") == "yes" {
		b &^= rawCar
	}
	switch t.Find("oneway:bicycle") {
	case "yes", "1":
		b &^= rawBike
	case "-1":
		f &^= rawBike
	}
	return f, b, routable
}

// rawBarrier is who may pass a node.
func rawBarrier(t posm.Tags) int {
	v := t.Find("barrier")
	if v == "" {
		return rawCar | rawBike | rawWalk
	}
	open := rawCar | rawBike | rawWalk
	switch v {
	case "bollard", "block", "planter", "jersey_barrier", "log", "chain", "motorcycle_barrier", "cycle_barrier", "rope", "bus_trap", "sump_buster":
		open &^= rawCar
	case "kissing_gate", "stile", "turnstile", "full-height_turnstile", "horse_stile", "wicket_gate":
		open &^= rawCar | rawBike
	}
	out := 0
	for m, keys := range rawKeys {
		if rawOpen(t, open&m != 0, "", keys...) {
			out |= m
		}
	}
	return out
}

func readRaw(t *testing.T, file string, c rawCity, lifted map[int64]bool) *rawMap {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := &rawMap{lon: map[int64]float64{}, lat: map[int64]float64{}, tags: map[int64]posm.Tags{}, at: map[int64][]int{}, ways: map[int64]*posm.Way{}, ringOf: map[int64]int64{}, passable: map[int64]int{}}
	var ways []*posm.Way
	var relations []*posm.Relation
	sc := osmpbf.New(context.Background(), f, 1)
	defer sc.Close()
	for sc.Scan() {
		switch o := sc.Object().(type) {
		case *posm.Node:
			m.lon[int64(o.ID)], m.lat[int64(o.ID)] = o.Lon, o.Lat
			if len(o.Tags) > 0 {
				m.tags[int64(o.ID)] = o.Tags
			}
		case *posm.Way:
			if m.ways[int64(o.ID)] == nil {
				m.ways[int64(o.ID)] = o
				ways = append(ways, o)
			}
		case *posm.Relation:
			if o.Tags.Find("type") == "restriction" {
				relations = append(relations, o)
			}
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	skip := m.smallRings(ways, c.box)
	in := func(n int64) bool {
		lon, ok := m.lon[n]
		return ok && lon >= c.box[0] && lon <= c.box[2] && m.lat[n] >= c.box[1] && m.lat[n] <= c.box[3]
	}
	for _, w := range ways {
		fwd, bwd, ok := rawDirections(w.Tags)
		if !ok || fwd|bwd == 0 || skip[int64(w.ID)] {
			continue
		}
		sf, sb := rawSpeeds(w.Tags, c.country)
		for i := 1; i < len(w.Nodes); i++ {
			a, b := int64(w.Nodes[i-1].ID), int64(w.Nodes[i].ID)
			if !in(a) || !in(b) {
				continue
			}
			a, b = m.node(a), m.node(b)
			if a == b {
				continue
			}
			d := metres(m.lon[a], m.lat[a], m.lon[b], m.lat[b])
			m.at[a], m.at[b] = append(m.at[a], len(m.segs)), append(m.at[b], len(m.segs))
			m.segs = append(m.segs, rawSeg{a, b, int64(w.ID), d, d / sf, d / sb, fwd, bwd})
		}
	}
	for n, t := range m.tags {
		if p := rawBarrier(t); p != rawCar|rawBike|rawWalk && len(m.at[n]) == 2 && m.ringOf[n] == 0 {
			m.passable[n] = p
		}
	}
	for _, r := range relations {
		if !lifted[int64(r.ID)] {
			m.rule(r)
		}
	}
	return m
}

func (m *rawMap) node(n int64) int64 {
	if r, ok := m.ringOf[n]; ok {
		return r
	}
	return n
}

// smallRings draws roundabouts of at most 150 m as one point in the middle.
func (m *rawMap) smallRings(ways []*posm.Way, box [4]float64) map[int64]bool {
	type group struct {
		ways []*posm.Way
	}
	var rings []*posm.Way
	for _, w := range ways {
		if j := w.Tags.Find("junction"); (j == "roundabout" || j == "circular") && len(w.Nodes) > 1 {
			f, b, ok := rawDirections(w.Tags)
			if base, _ := rawModes(posm.Tags{{Key: "highway", Value: w.Tags.Find("highway")}}, ""); !ok || base&rawCar == 0 || (f|b)&rawCar == 0 {
				continue
			}
			rings = append(rings, w)
		}
	}
	ends := map[int64]int{}
	for _, w := range rings {
		a, b := int64(w.Nodes[0].ID), int64(w.Nodes[len(w.Nodes)-1].ID)
		if a != b {
			ends[a]++
			ends[b]++
		}
	}
	part := map[int64]int64{} // node -> root, over ways that share an end
	var find func(n int64) int64
	find = func(n int64) int64 {
		if p, ok := part[n]; ok && p != n {
			return find(p)
		}
		return n
	}
	for _, w := range rings {
		part[find(int64(w.Nodes[0].ID))] = find(int64(w.Nodes[len(w.Nodes)-1].ID))
	}
	groups := map[int64]*group{}
	for _, w := range rings {
		r := find(int64(w.Nodes[0].ID))
		if groups[r] == nil {
			groups[r] = &group{}
		}
		groups[r].ways = append(groups[r].ways, w)
	}
	var small [][]*posm.Way
	for _, g := range groups {
		length, ok := 0.0, true
		for _, w := range g.ways {
			a, b := int64(w.Nodes[0].ID), int64(w.Nodes[len(w.Nodes)-1].ID)
			ok = ok && (a == b && len(g.ways) == 1 && len(w.Nodes) > 3 || a != b && ends[a] == 2 && ends[b] == 2)
			for i, n := range w.Nodes {
				lon, has := m.lon[int64(n.ID)]
				lat := m.lat[int64(n.ID)]
				ok = ok && has && lon >= box[0] && lon <= box[2] && lat >= box[1] && lat <= box[3] && rawBarrier(m.tags[int64(n.ID)]) == rawCar|rawBike|rawWalk
				if i > 0 {
					length += metres(m.lon[int64(w.Nodes[i-1].ID)], m.lat[int64(w.Nodes[i-1].ID)], lon, lat)
				}
			}
		}
		if ok && length <= 150 {
			small = append(small, g.ways)
		}
	}
	// Rings that touch are one; the middle is that of the line.
	joined := map[int64]int64{}
	var root func(n int64) int64
	root = func(n int64) int64 {
		if p, ok := joined[n]; ok && p != n {
			return root(p)
		}
		return n
	}
	for _, g := range small {
		for _, w := range g {
			for _, n := range w.Nodes {
				joined[root(int64(n.ID))] = root(int64(w.Nodes[0].ID))
			}
		}
	}
	skip := map[int64]bool{}
	type sum struct{ x, y, w float64 }
	sums := map[int64]*sum{}
	for _, g := range small {
		for _, w := range g {
			skip[int64(w.ID)] = true
			r := root(int64(w.Nodes[0].ID))
			if sums[r] == nil {
				sums[r] = &sum{}
			}
			for i, n := range w.Nodes {
				m.ringOf[int64(n.ID)] = r
				if i > 0 {
					a, b := int64(w.Nodes[i-1].ID), int64(n.ID)
					d := metres(m.lon[a], m.lat[a], m.lon[b], m.lat[b])
					sums[r].x += d * (m.lon[a] + m.lon[b]) / 2
					sums[r].y += d * (m.lat[a] + m.lat[b]) / 2
					sums[r].w += d
				}
			}
		}
	}
	for r, s := range sums {
		m.lon[r], m.lat[r] = s.x/s.w, s.y/s.w
	}
	return skip
}

// rule reads one turn restriction.
func (m *rawMap) rule(r *posm.Relation) {
	kind := r.Tags.Find("restriction")
	for _, e := range strings.Split(r.Tags.Find("except"), ";") {
		if e = strings.TrimSpace(e); e == "motorcar" || e == "motor_vehicle" || e == "vehicle" {
			return
		}
	}
	q := rawRule{id: int64(r.ID), only: strings.HasPrefix(kind, "only_"), uTurn: kind == "no_u_turn"}
	if !q.only && !strings.HasPrefix(kind, "no_") {
		return
	}
	var from, to []int64
	for _, x := range r.Members {
		if n := m.ringOf[x.Ref]; x.Type == posm.TypeNode && n != 0 {
			return
		}
		if w := m.ways[x.Ref]; x.Type == posm.TypeWay && (w == nil || m.ringOf[int64(w.Nodes[0].ID)] != 0 && m.ringOf[int64(w.Nodes[len(w.Nodes)/2].ID)] != 0) {
			return
		}
		switch {
		case x.Role == "from":
			from = append(from, x.Ref)
		case x.Role == "to":
			to = append(to, x.Ref)
		case x.Role == "via" && x.Type == posm.TypeNode:
			q.node = x.Ref
		case x.Role == "via":
			q.ways = append(q.ways, x.Ref)
		}
	}
	ends := func(way int64) (int64, int64) {
		w := m.ways[way].Nodes
		return int64(w[0].ID), int64(w[len(w)-1].ID)
	}
	for _, f := range from {
		for _, t := range to {
			q.from, q.to = f, t
			if len(q.ways) == 0 {
				m.rules = append(m.rules, q)
				continue
			}
			q.enter, q.leave = 0, 0
			a, b := ends(q.ways[0])
			fa, fb := ends(f)
			if a == fa || a == fb {
				q.enter = a
			} else if b == fa || b == fb {
				q.enter = b
			}
			la, lb := ends(q.ways[len(q.ways)-1])
			for _, n := range m.ways[t].Nodes {
				if x := int64(n.ID); x == la && (len(q.ways) > 1 || la != q.enter) || x == lb && (len(q.ways) > 1 || lb != q.enter) {
					q.leave = x
				}
			}
			if q.enter != 0 && q.leave != 0 {
				m.over = append(m.over, q)
			}
		}
	}
}

// arc is a segment in one direction.
type arc struct {
	seg  int
	back bool
}

func (m *rawMap) ends(a arc) (from, to int64) {
	s := m.segs[a.seg]
	if a.back {
		return s.b, s.a
	}
	return s.a, s.b
}

func (m *rawMap) open(a arc, mode int) bool {
	if a.back {
		return m.segs[a.seg].bwd&mode != 0
	}
	return m.segs[a.seg].fwd&mode != 0
}

// leaving lists the arcs out of a node that a mode may use.
func (m *rawMap) leaving(n int64, mode int) (out []arc) {
	for _, i := range m.at[n] {
		for _, back := range []bool{false, true} {
			a := arc{i, back}
			if f, _ := m.ends(a); f == n && m.open(a, mode) {
				out = append(out, a)
			}
		}
	}
	return out
}

func (m *rawMap) entering(n int64, mode int) (in []arc) {
	for _, i := range m.at[n] {
		for _, back := range []bool{false, true} {
			a := arc{i, back}
			if _, t := m.ends(a); t == n && m.open(a, mode) {
				in = append(in, a)
			}
		}
	}
	return in
}

// state of a search: on an arc, with the rules over ways that are running.
type state struct {
	arc  arc
	over uint32
}

type item struct {
	cost float64
	st   state
}
type queue []item

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].cost < q[j].cost }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(item)) }
func (q *queue) Pop() any          { o := *q; x := o[len(o)-1]; *q = o[:len(o)-1]; return x }

// cars finds the seconds from a node to others, all turns obeyed. Drivers may
// turn round at every node (anywhere) or not in the middle of a way.
func (m *rawMap) cars(from int64, to map[int64]bool, anywhere bool) map[int64]float64 {
	byNode := m.byNode
	var q queue
	done := map[state]bool{}
	out := map[int64]float64{}
	for _, a := range m.leaving(from, rawCar) {
		heap.Push(&q, item{m.seconds(a), state{a, 0}})
	}
	for q.Len() > 0 && len(out) < len(to) {
		x := heap.Pop(&q).(item)
		if done[x.st] {
			continue
		}
		done[x.st] = true
		_, v := m.ends(x.st.arc)
		if to[v] {
			if _, ok := out[v]; !ok {
				out[v] = x.cost
			}
		}
		if p, ok := m.passable[v]; ok && p&rawCar == 0 {
			continue
		}
		wayIn := m.segs[x.st.arc.seg].way
		leaving := m.leaving(v, rawCar)
		for _, a := range leaving {
			if a.seg == x.st.arc.seg && !anywhere && m.midway(v) {
				continue
			}
			if byNode()[v] != nil && m.banned(v, x.st.arc, a, leaving) {
				continue
			}
			way := m.segs[a.seg].way
			var over uint32
			bad := false
			for i, r := range m.over {
				running := x.st.over&(1<<i) != 0
				if running && v == r.leave && wayIn == r.ways[len(r.ways)-1] {
					bad = bad || (way == r.to) != r.only
				}
				if running && slices.Contains(r.ways, way) && a.seg != x.st.arc.seg || v == r.enter && wayIn == r.from && way == r.ways[0] {
					over |= 1 << i
				}
			}
			if !bad {
				heap.Push(&q, item{x.cost + m.seconds(a), state{a, over}})
			}
		}
	}
	return out
}

// midway tells whether a node only bends one way.
func (m *rawMap) midway(v int64) bool {
	at := m.at[v]
	return len(at) == 2 && m.segs[at[0]].way == m.segs[at[1]].way
}

func (m *rawMap) seconds(a arc) float64 {
	if a.back {
		return m.segs[a.seg].sb
	}
	return m.segs[a.seg].sa
}

var rawIndex = map[*rawMap]map[int64][]rawRule{}

func (m *rawMap) byNode() map[int64][]rawRule {
	if rawIndex[m] == nil {
		ix := map[int64][]rawRule{}
		for _, r := range m.rules {
			ix[r.node] = append(ix[r.node], r)
		}
		rawIndex[m] = ix
	}
	return rawIndex[m]
}

// banned asks the restrictions over one node. Where a way runs through the
// node, nobody can say which of its arms is meant.
func (m *rawMap) banned(v int64, in, out arc, leaving []arc) bool {
	for _, r := range m.byNode()[v] {
		if m.segs[in.seg].way != r.from {
			continue
		}
		arms := 0
		for _, a := range m.entering(v, rawCar) {
			if m.segs[a.seg].way == r.from {
				arms++
			}
		}
		var to []arc
		for _, a := range leaving {
			same := r.from == r.to
			if m.segs[a.seg].way == r.to && (!same || (a.seg == in.seg) == r.uTurn) {
				to = append(to, a)
			}
		}
		if arms != 1 || len(to) != 1 {
			continue
		}
		if (out == to[0]) != r.only {
			return true
		}
	}
	return false
}

// steps finds the metres by bike or on foot.
func (m *rawMap) steps(from int64, to map[int64]bool, mode int) map[int64]float64 {
	var q queue
	dist := map[int64]bool{}
	out := map[int64]float64{}
	start := arc{-1, false}
	heap.Push(&q, item{0, state{start, 0}})
	for q.Len() > 0 && len(out) < len(to) {
		x := heap.Pop(&q).(item)
		v := from
		if x.st.arc != start {
			_, v = m.ends(x.st.arc)
		}
		if dist[v] {
			continue
		}
		dist[v] = true
		if to[v] {
			out[v] = x.cost
		}
		passage := 0.0
		if p, ok := m.passable[v]; ok && v != from {
			if p&mode == 0 {
				continue
			}
			passage = 1 // as the documentation has it
		}
		for _, i := range m.at[v] {
			for _, back := range []bool{false, true} {
				a := arc{i, back}
				f, _ := m.ends(a)
				open := m.open(a, mode) || mode == rawWalk && m.open(arc{i, !back}, mode)
				if f == v && open {
					heap.Push(&q, item{x.cost + passage + m.segs[i].m, state{a, 0}})
				}
			}
		}
	}
	return out
}

// model is plain Dijkstra on the imported network, over links.
func modelCosts(n *city.Network, from units.NodeID, mode city.ModeSet, cost func(units.LinkID) float64, bans, undirected bool) []float64 {
	links := n.NumLinks()
	best := make([]float64, links)
	at := make([]float64, n.NumNodes())
	for i := range best {
		best[i] = math.Inf(1)
	}
	for i := range at {
		at[i] = math.Inf(1)
	}
	var q queue
	try := func(l units.LinkID, c float64) {
		if c += cost(l); c < best[l] {
			best[l] = c
			heap.Push(&q, item{c, state{arc{int(l), false}, 0}})
		}
	}
	out := func(v units.NodeID, f func(l units.LinkID, w units.NodeID)) {
		for l, e := n.Out(v); l < e; l++ {
			if n.Modes[l]&mode != 0 {
				f(l, n.To[l])
			}
		}
	}
	// Where directions and bans do not count, nodes do.
	if !bans {
		at[from] = 0
		heap.Push(&q, item{0, state{arc{int(from), false}, 0}})
		for q.Len() > 0 {
			x := heap.Pop(&q).(item)
			v := units.NodeID(x.st.arc.seg)
			if x.cost > at[v] {
				continue
			}
			relax := func(l units.LinkID, w units.NodeID) {
				if c := x.cost + cost(l); c < at[w] {
					at[w] = c
					heap.Push(&q, item{c, state{arc{int(w), false}, 0}})
				}
			}
			out(v, relax)
			if undirected {
				for _, l := range n.In(v) {
					if n.Modes[l]&mode != 0 {
						relax(l, n.From[l])
					}
				}
			}
		}
		return at
	}
	out(from, func(l units.LinkID, _ units.NodeID) { try(l, 0) })
	for q.Len() > 0 {
		x := heap.Pop(&q).(item)
		l := units.LinkID(x.st.arc.seg)
		if x.cost > best[l] {
			continue
		}
		at[n.To[l]] = min(at[n.To[l]], x.cost)
		banned := n.Bans(l)
		out(n.To[l], func(m units.LinkID, _ units.NodeID) {
			if !slices.Contains(banned, m) {
				try(m, x.cost)
			}
		})
	}
	return at
}

func TestRoutesAgreeWithTheRawMap(t *testing.T) {
	for _, c := range rawCities[:rawCitiesTested] {
		t.Run(c.slug, func(t *testing.T) {
			file := filepath.Join("..", "..", "..", "cities", c.slug, "osm.pbf")
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			src, err := osm.Read(f)
			if err != nil {
				t.Fatal(err)
			}
			res, err := osm.Import(src, osm.Options{BBox: c.box, Country: c.country})
			if err != nil {
				t.Fatal(err)
			}
			lifted := map[int64]bool{}
			for _, k := range res.Findings {
				for _, x := range k.Shown {
					if k.Kind == "turn restriction would cut streets off" {
						lifted[x.ID] = true
					}
				}
			}
			m := readRaw(t, file, c, lifted)
			n := &res.Net
			var cars []units.NodeID
			for v := range n.NumNodes() {
				if _, barrier := m.passable[n.NodeOSM[v]]; barrier {
					continue // two nodes at one place
				}
				if n.NodeOSM[v] > 0 && n.NodeModes(units.NodeID(v)) == city.AllowCar|city.AllowBike|city.AllowWalk|city.AllowBus {
					cars = append(cars, units.NodeID(v))
				}
			}
			compare(t, m, n, cars)
		})
	}
}

func compare(t *testing.T, m *rawMap, n *city.Network, nodes []units.NodeID) {
	// A draw of our own, the same on every machine.
	x := uint64(88172645463325252)
	draw := func() units.NodeID {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return nodes[x%uint64(len(nodes))]
	}
	const origins, targets = rawPairs / 4, 4
	pairs, turned := 0, 0
	for range origins {
		from := draw()
		to := map[int64]bool{}
		var at []units.NodeID
		for range targets {
			v := draw()
			at = append(at, v)
			to[m.node(n.NodeOSM[v])] = true
		}
		a := m.node(n.NodeOSM[from])
		length := func(l units.LinkID) float64 {
			if a, b := n.From[l], n.To[l]; n.LengthM[l] == 1 && n.NodeOSM[a] != -n.NodeOSM[b] {
				// No link is shorter than a metre, but for a passage drawn so.
				return metres(n.NodeLon[a], n.NodeLat[a], n.NodeLon[b], n.NodeLat[b])
			}
			return float64(n.LengthM[l])
		}
		seconds := func(l units.LinkID) float64 {
			if n.LengthM[l] == 2000 { // the way round outside the map, which the raw file does not have
				return math.Inf(1)
			}
			return length(l) / float64(n.SpeedMS[l])
		}
		got := modelCosts(n, from, city.AllowCar, seconds, true, false)
		high := m.cars(a, to, false)
		var low map[int64]float64
		for _, v := range at {
			if v == from {
				continue
			}
			pairs++
			want := orInf(high, m.node(n.NodeOSM[v]))
			if same(got[v], want, 0.001) {
				continue
			}
			// Where drivers may turn round decides: the network has nodes at stops
			// and barriers too, the raw map at every bend.
			if low == nil {
				low = m.cars(a, to, true)
			}
			if least := orInf(low, m.node(n.NodeOSM[v])); got[v] > least-0.001 && got[v] < want {
				turned++
				continue
			}
			t.Errorf("car from node %d to %d: %.4f s, on the raw map %.4f s", n.NodeOSM[from], n.NodeOSM[v], got[v], want)
		}
		for _, k := range []struct {
			name string
			mode city.ModeSet
			raw  int
			both bool
		}{{"bike", city.AllowBike, rawBike, false}, {"walk", city.AllowWalk, rawWalk, true}} {
			got := modelCosts(n, from, k.mode, length, false, k.both)
			want := m.steps(a, to, k.raw)
			for _, v := range at {
				w := orInf(want, m.node(n.NodeOSM[v]))
				if !same(got[v], w, 0.01) {
					t.Errorf("%s from node %d to %d: %.3f m, on the raw map %.3f m", k.name, n.NodeOSM[from], n.NodeOSM[v], got[v], w)
				}
			}
		}
	}
	t.Logf("%d pairs by car, %d of them told apart by where drivers may turn round", pairs, turned)
	if turned > pairs/50 {
		t.Errorf("%d of %d pairs hang on where drivers may turn round", turned, pairs)
	}
}

func orInf(costs map[int64]float64, node int64) float64 {
	if c, ok := costs[node]; ok {
		return c
	}
	return math.Inf(1)
}

func same(a, b, tolerance float64) bool { return a == b || math.Abs(a-b) <= tolerance+1e-6*a }
