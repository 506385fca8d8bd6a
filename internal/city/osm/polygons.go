package osm

import (
	"math"
	"slices"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
)

// Area is a closed way or multipolygon with tags: a building or a zone of land
// use. Coordinates are metres east and north of the box centre.
type Area struct {
	OSM                    int64 // way id; negative for a relation
	X, Y                   float64
	GroundM2               float64
	Tags                   osm.Tags
	rings                  [][][2]float64 // outer and inner alike: even-odd rule
	minX, minY, maxX, maxY float64
}

// Contains tells whether a point lies in the area (even-odd rule, so that
// courtyards are outside).
func (a *Area) Contains(x, y float64) bool {
	if x < a.minX || x > a.maxX || y < a.minY || y > a.maxY {
		return false
	}
	in := false
	for _, r := range a.rings {
		for i, j := 0, len(r)-1; i < len(r); j, i = i, i+1 {
			if (r[i][1] > y) != (r[j][1] > y) && x < (r[j][0]-r[i][0])*(y-r[i][1])/(r[j][1]-r[i][1])+r[i][0] {
				in = !in
			}
		}
	}
	return in
}

// Areas lists the closed ways and multipolygons with a wanted tag whose middle
// lies in the box, in order of id. Broken multipolygons are counted.
func Areas(src *Source, box [4]float64, want func(t osm.Tags) bool) (areas []Area, broken int) {
	pr := city.ProjectionOf(box)
	x0, y0 := pr.XY(box[0], box[1])
	x1, y1 := pr.XY(box[2], box[3])
	add := func(id int64, tags osm.Tags, outer, inner [][]int32) {
		a := Area{OSM: id, Tags: tags}
		var sx, sy, sa float64
		for k, ring := range slices.Concat(outer, inner) {
			pts := make([][2]float64, len(ring))
			for i, n := range ring {
				pts[i][0], pts[i][1] = pr.XY(src.Lon[n], src.Lat[n])
			}
			area, cx, cy := shoelace(pts)
			if k >= len(outer) {
				area = -area
			}
			sx, sy, sa = sx+cx*area, sy+cy*area, sa+area
			a.rings = append(a.rings, pts)
		}
		if !(sa > 0) {
			return
		}
		a.X, a.Y, a.GroundM2 = sx/sa, sy/sa, sa
		if a.X < x0 || a.X > x1 || a.Y < y0 || a.Y > y1 {
			return
		}
		a.minX, a.minY, a.maxX, a.maxY = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
		for _, r := range a.rings {
			for _, p := range r {
				a.minX, a.maxX = min(a.minX, p[0]), max(a.maxX, p[0])
				a.minY, a.maxY = min(a.minY, p[1]), max(a.maxY, p[1])
			}
		}
		areas = append(areas, a)
	}
	for _, r := range src.Relations {
		if r.Tags.Find("type") != "multipolygon" || !want(r.Tags) {
			continue
		}
		outer, ok := src.rings(r, "outer")
		inner, _ := src.rings(r, "inner")
		if !ok || len(outer) == 0 {
			broken++
			continue
		}
		add(-int64(r.ID), r.Tags, outer, inner)
	}
	for i := range src.Ways {
		w := &src.Ways[i]
		if !w.Closed() || !want(w.Tags) || slices.Contains(w.Nodes, -1) {
			continue
		}
		add(w.ID, w.Tags, [][]int32{w.Nodes[:len(w.Nodes)-1]}, nil)
	}
	slices.SortStableFunc(areas, func(a, b Area) int { return cmp64(a.OSM, b.OSM) })
	return areas, broken
}

// shoelace is the unsigned area of a ring and its centroid. Coordinates are
// taken relative to the first point, which keeps small buildings far from the
// centre exact.
func shoelace(p [][2]float64) (area, cx, cy float64) {
	if len(p) == 0 {
		return 0, 0, 0
	}
	ox, oy := p[0][0], p[0][1]
	for i := range p {
		j := (i + 1) % len(p)
		ax, ay, bx, by := p[i][0]-ox, p[i][1]-oy, p[j][0]-ox, p[j][1]-oy
		c := ax*by - bx*ay
		area += c
		cx += (ax + bx) * c
		cy += (ay + by) * c
	}
	if area == 0 {
		return 0, ox, oy
	}
	return math.Abs(area) / 2, ox + cx/(3*area), oy + cy/(3*area)
}

// rings joins the member ways of one role end to end; ok is false when a way
// is missing or an end stays open.
func (s *Source) rings(r *osm.Relation, role string) (rings [][]int32, ok bool) {
	var open [][]int32
	for _, m := range r.Members {
		if m.Type != osm.TypeWay || !(m.Role == role || m.Role == "" && role == "outer") {
			continue
		}
		w := s.way(m.Ref)
		if w == nil || len(w.Nodes) < 2 || slices.Contains(w.Nodes, -1) {
			return nil, false
		}
		open = append(open, w.Nodes)
	}
	for len(open) > 0 {
		ring := slices.Clone(open[0])
		open = open[1:]
		for ring[0] != ring[len(ring)-1] {
			end, joined := ring[len(ring)-1], false
			for i, next := range open {
				switch end {
				case next[0]:
					ring = append(ring, next[1:]...)
				case next[len(next)-1]:
					back := slices.Clone(next[:len(next)-1])
					slices.Reverse(back)
					ring = append(ring, back...)
				default:
					continue
				}
				open = slices.Delete(slices.Clone(open), i, i+1)
				joined = true
				break
			}
			if !joined {
				return nil, false
			}
		}
		if len(ring) < 4 {
			return nil, false
		}
		rings = append(rings, ring[:len(ring)-1])
	}
	return rings, true
}

// Bounds is the area's bounding box in metres.
func (a *Area) Bounds() (minX, minY, maxX, maxY float64) { return a.minX, a.minY, a.maxX, a.maxY }
