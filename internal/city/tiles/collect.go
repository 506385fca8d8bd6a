package tiles

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/clip"
	pbf "github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city/osm"
)

// feature is one thing to draw. Geometry is in grid units, see grid.go: an
// orb.Point, orb.LineString or orb.Polygon whose outer ring comes first.
type feature struct {
	layer             layer
	geom              orb.Geometry
	kind, detail      string
	name, ref         string
	link, bridge, tun bool
	from, named       int8    // first zoom of the thing and of its name
	rank              float64 // drawn in ascending order within its layer
	areaM2            float64
	id                int64 // OSM id, so that ties have an order
}

// maxName bounds what a label may hold, in runes.
const maxName = 80

// collector turns a source into features.
type collector struct {
	src  *osm.Source
	res  *Result
	area area
	out  []feature
}

// collect gives all features in drawing order.
func (c *collector) collect() []feature {
	used := c.relations()
	for i := range c.src.Ways {
		w := &c.src.Ways[i]
		c.line(w)
		if w.Closed() && !used[w.ID] {
			if poly, ok := c.polygon(w.Nodes, nil); ok {
				c.surface(w.ID, w.Tags, poly)
			}
		}
	}
	c.nodes()
	c.sea()
	slices.SortStableFunc(c.out, func(a, b feature) int {
		return cmp.Or(cmp.Compare(a.layer, b.layer), cmp.Compare(a.rank, b.rank), cmp.Compare(a.id, b.id))
	})
	return c.out
}

// relations draws multipolygons. It gives the outer ways whose own tags say
// what the relation says, so that they are not drawn twice.
func (c *collector) relations() map[int64]bool {
	used := map[int64]bool{} // look-ups only
	for _, r := range c.src.Relations {
		if r.Tags.Find("type") != "multipolygon" || !drawable(r.Tags) {
			continue
		}
		outer, ok := c.src.Rings(r, "outer")
		inner, okInner := c.src.Rings(r, "inner")
		if !ok || len(outer) == 0 {
			c.res.Broken++ // its ways are drawn by their own tags, if any
			continue
		}
		if !okInner {
			inner = nil
			c.res.Broken++
		}
		drawn := false
		for _, poly := range c.nest(outer, inner) {
			c.surface(-int64(r.ID), r.Tags, poly)
			drawn = true
		}
		for _, m := range r.Members {
			if drawn && m.Type == pbf.TypeWay && m.Role != "inner" {
				used[m.Ref] = true
			}
		}
	}
	return used
}

// drawable tells areas that are on the map from multipolygons of other uses.
func drawable(t pbf.Tags) bool {
	kind, _ := groundKind(t)
	poi, _ := poiKind(t)
	return kind != "" || poi != "" || waterArea(t) != "" || isYes(t.Find("building")) || placeKinds[t.Find("place")].kind != ""
}

// nest puts each inner ring into the outer ring that holds it.
func (c *collector) nest(outer, inner [][]int32) []orb.Polygon {
	holes := make([][][]int32, len(outer))
	rings := make([]orb.Ring, len(outer))
	for i, o := range outer {
		rings[i], _ = c.ring(o)
	}
	for _, in := range inner {
		hole, ok := c.ring(in)
		if !ok {
			continue
		}
		for i := range rings {
			if len(rings[i]) > 0 && holds(rings[i], hole[0]) {
				holes[i] = append(holes[i], in)
				break
			}
		}
	}
	var out []orb.Polygon
	for i, o := range outer {
		if poly, ok := c.polygon(o, holes[i]); ok {
			out = append(out, poly)
		}
	}
	return out
}

// ring projects nodes into a closed ring. It is not ok with nodes that the
// file does not hold, or across the antimeridian.
func (c *collector) ring(nodes []int32) (orb.Ring, bool) {
	out := make(orb.Ring, 0, len(nodes)+1)
	for i, n := range nodes {
		if n < 0 || i > 0 && math.Abs(c.src.Lon[n]-c.src.Lon[nodes[i-1]]) > 180 {
			return nil, false
		}
		out = append(out, gridOf(c.src.Lon[n], c.src.Lat[n]))
	}
	if len(out) < 3 {
		return nil, false
	}
	if out[0] != out[len(out)-1] {
		out = append(out, out[0])
	}
	return out, len(out) >= 4
}

// polygon is rings clipped to the city; not ok when nothing is left of it.
func (c *collector) polygon(outer []int32, inner [][]int32) (orb.Polygon, bool) {
	var poly orb.Polygon
	for k, nodes := range append([][]int32{outer}, inner...) {
		r, ok := c.ring(nodes)
		if !ok {
			if k == 0 {
				c.res.Broken++
				return nil, false
			}
			continue
		}
		if b := r.Bound(); !b.Intersects(c.area.bound) {
			if k == 0 {
				return nil, false
			}
			continue
		} else if !contains(c.area.bound, b) {
			r = clip.Ring(c.area.bound, r) // r is ours to change
		}
		if len(r) < 4 {
			if k == 0 {
				return nil, false
			}
			continue
		}
		poly = append(poly, r)
	}
	return poly, len(poly) > 0
}

// surface draws what an area is: ground, water, a building; and its name.
func (c *collector) surface(id int64, t pbf.Tags, poly orb.Polygon) {
	a := polygonArea(poly) * c.area.unitM2
	if !(a > 0) {
		return
	}
	f := feature{geom: poly, id: id, rank: -a, areaM2: a, named: never}
	switch {
	case isYes(t.Find("building")) && t.Find("location") != "underground":
		f.layer, f.kind, f.from = buildings, "building", 14
		if a < 20 { // a shed is not seen
			f.from = never
		}
		f.rank = 0
	case waterArea(t) != "":
		f.layer, f.kind, f.from = water, waterArea(t), bySize(a, 8)
	default:
		kind, from := groundKind(t)
		if kind == "" {
			break
		}
		f.layer, f.kind, f.from = landuse, kind, max(from, bySize(a, 8))
	}
	if f.kind != "" && f.from < never {
		c.out = append(c.out, f)
	}
	c.label(id, t, poly, a)
}

// never is a zoom that no tile has.
const never = 99

// bySize is the first zoom at which an area takes about 12 pixels.
func bySize(m2 float64, least int8) int8 {
	for z := least; z < MaxZoom; z++ {
		// A pixel of a 512-pixel tile, about 45 degrees north.
		pixel := equatorM * 0.7 / 512 / math.Exp2(float64(z))
		if m2 > 12*pixel*pixel {
			return z
		}
	}
	return MaxZoom
}

// label puts a name inside an area.
func (c *collector) label(id int64, t pbf.Tags, poly orb.Polygon, m2 float64) {
	name := nameOf(t)
	if name == "" {
		return
	}
	f := feature{id: id, name: name, rank: -m2}
	if p, ok := placeKinds[t.Find("place")]; ok {
		f.layer, f.kind, f.detail, f.from = places, p.kind, t.Find("place"), p.from
	} else if kind := waterArea(t); kind == "swimming_pool" {
		return
	} else if kind != "" {
		f.layer, f.kind, f.from = water, kind, min(MaxZoom, bySize(m2/60, 9))
		f.rank = 0
	} else if kind, from := poiKind(t); kind != "" {
		f.layer, f.kind, f.from = pois, kind, from
		if kind == "park" || kind == "forest" || kind == "cemetery" {
			f.from = min(from, bySize(m2/60, 11))
		}
	} else {
		return
	}
	at, ok := inside(poly)
	if !ok || !c.area.bound.Contains(at) {
		return
	}
	f.geom, f.named = at, f.from
	c.out = append(c.out, f)
}

// line draws a way that is a road, a railway or a watercourse.
func (c *collector) line(w *osm.Way) {
	f := feature{id: w.ID}
	if kind, from := waterLine(w.Tags); kind != "" {
		f.layer, f.kind, f.from, f.named, f.name = water, kind, from, max(from, 12), nameOf(w.Tags)
	} else {
		r, detail, link := roadOf(w.Tags)
		if r.kind == "" {
			return
		}
		f.layer, f.kind, f.detail, f.link, f.from, f.named = roads, r.kind, detail, link, r.from, r.named
		f.bridge, f.tun = isYes(w.Tags.Find("bridge")), isYes(w.Tags.Find("tunnel")) && w.Tags.Find("tunnel") != "building_passage"
		f.rank = float64(r.rank)
		f.name = nameOf(w.Tags)
		if link {
			f.rank, f.name = f.rank-1, ""
		}
		if r.rank >= 60 && !link && r.kind != "rail" {
			f.ref = shortRef(w.Tags.Find("ref"))
		}
		if r.kind == "rail" {
			f.name = "" // of a line, which many ways share in other words
		}
		switch {
		case f.tun:
			f.rank -= 200
		case f.bridge:
			f.rank += 200
		}
	}
	for _, part := range c.parts(w.Nodes) {
		for _, ls := range clipLine(c.area.bound, part) {
			if len(ls) >= 2 {
				g := f
				g.geom = ls
				c.out = append(c.out, g)
			}
		}
	}
}

// parts projects nodes into lines, broken where the file has no node or the
// line jumps around the world.
func (c *collector) parts(nodes []int32) []orb.LineString {
	var out []orb.LineString
	var now orb.LineString
	last := int32(-1)
	for _, n := range nodes {
		if n < 0 || last >= 0 && math.Abs(c.src.Lon[n]-c.src.Lon[last]) > 180 {
			if len(now) > 1 {
				out = append(out, now)
			}
			now = nil
		}
		if last = n; n >= 0 {
			if p := gridOf(c.src.Lon[n], c.src.Lat[n]); len(now) == 0 || now[len(now)-1] != p {
				now = append(now, p)
			}
		}
	}
	if len(now) > 1 {
		out = append(out, now)
	}
	return out
}

// nodes draws places and other names of points.
func (c *collector) nodes() {
	for _, n := range c.src.TaggedNodes() {
		t := c.src.NodeTags[n]
		name := nameOf(t)
		at := gridOf(c.src.Lon[n], c.src.Lat[n])
		if name == "" || !c.area.bound.Contains(at) {
			continue
		}
		f := feature{geom: at, id: c.src.NodeID[n], name: name}
		if p, ok := placeKinds[t.Find("place")]; ok {
			f.layer, f.kind, f.detail, f.from, f.rank = places, p.kind, t.Find("place"), p.from, float64(p.from)
		} else if kind, from := poiKind(t); kind != "" {
			f.layer, f.kind, f.from, f.rank = pois, kind, from, float64(from)
			if kind == "station" {
				f.rank = -math.MaxFloat32 // placed first, so that it stays when labels meet
			}
		} else {
			continue
		}
		f.named = f.from
		c.out = append(c.out, f)
	}
}

// nameOf is a name fit for a label.
func nameOf(t pbf.Tags) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(t.Find("name"), "")), " ")
	if utf8.RuneCountInString(s) > maxName {
		s = string([]rune(s)[:maxName-1]) + "…"
	}
	return s
}

// shortRef is the first number of a road, when it is short enough for a label.
func shortRef(s string) string {
	s, _, _ = strings.Cut(strings.ToValidUTF8(s, ""), ";")
	if s = strings.TrimSpace(s); utf8.RuneCountInString(s) > 8 {
		return ""
	}
	return s
}
