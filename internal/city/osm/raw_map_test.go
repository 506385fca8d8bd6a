package osm_test

import (
	"context"
	"math"
	"os"
	"strings"
	"testing"

	posm "github.com/paulmach/osm"
	"github.com/paulmach/osm/osmpbf"

	"github.com/malikobaid/cityflow/internal/city"
)

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
