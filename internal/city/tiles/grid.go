package tiles

import (
	"math"
	"slices"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/clip"
)

// Positions are on the grid of the largest zoom: Web Mercator, x to the east
// and y to the south, from 0 to 2^26 around the world. Exact in a float64.
const (
	extent = 4096
	world  = extent << MaxZoom
)

// equatorM is once around the world on WGS 84.
const equatorM = 40_075_016.0

// maxLat is where Web Mercator ends.
const maxLat = 85.051129

func gridOf(lon, lat float64) orb.Point {
	s := math.Sin(min(max(lat, -maxLat), maxLat) * math.Pi / 180)
	x := (lon + 180) / 360
	y := 0.5 - math.Log((1+s)/(1-s))/(4*math.Pi)
	return orb.Point{math.Round(x * world), math.Round(min(max(y, 0), 1) * world)}
}

// area is the part of the world that is drawn.
type area struct {
	bound  orb.Bound
	margin float64 // of the bound around the box, in grid units
	unitM2 float64 // one square unit of the grid, at the middle of the box
}

// marginShare is how far beyond the box the map goes on, so that streets do
// not end exactly on the line: a share of the longer side.
const marginShare = 0.02

func areaOf(box [4]float64) area {
	a, b := gridOf(box[0], box[3]), gridOf(box[2], box[1])
	m := marginShare * max(b[0]-a[0], b[1]-a[1])
	unit := equatorM / world * math.Cos((box[1]+box[3])/2*math.Pi/180)
	clamp := func(v float64) float64 { return min(max(v, 0), world-1) }
	return area{orb.Bound{Min: orb.Point{clamp(a[0] - m), clamp(a[1] - m)}, Max: orb.Point{clamp(b[0] + m), clamp(b[1] + m)}}, m, unit * unit}
}

// maxTiles bounds the work for a box: 300 km by 300 km in the middle latitudes.
const maxTiles = 40_000

func tilesIn(box [4]float64, zoom int) int {
	b := areaOf(box).bound
	side := float64(extent) * math.Exp2(float64(MaxZoom-zoom))
	return int(math.Floor(b.Max[0]/side)-math.Floor(b.Min[0]/side)+1) * int(math.Floor(b.Max[1]/side)-math.Floor(b.Min[1]/side)+1)
}

func contains(outer, inner orb.Bound) bool {
	return outer.Contains(inner.Min) && outer.Contains(inner.Max)
}

// clipLine is the parts of a line inside a box.
func clipLine(b orb.Bound, ls orb.LineString) orb.MultiLineString {
	lb := ls.Bound()
	switch {
	case !lb.Intersects(b):
		return nil
	case contains(b, lb):
		return orb.MultiLineString{ls}
	}
	return clip.LineString(b, ls)
}

// clipPolygon is the part of a polygon inside a box. Rings stay whole along
// the edges of the box, which lie outside of what a tile shows.
func clipPolygon(b orb.Bound, p orb.Polygon) orb.Polygon {
	var out orb.Polygon
	for i, r := range p {
		rb := r.Bound()
		if !rb.Intersects(b) {
			if i == 0 {
				return nil
			}
			continue
		}
		if !contains(b, rb) {
			r = clip.Ring(b, slices.Clone(r)) // which works in place
		}
		if len(r) < 4 {
			if i == 0 {
				return nil
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// ringArea is the signed area: positive clockwise as seen on the map (y south).
func ringArea(r orb.Ring) float64 {
	if len(r) < 3 {
		return 0
	}
	var sum float64
	o := r[0]
	for i := range r {
		a, b := r[i], r[(i+1)%len(r)]
		sum += (a[0]-o[0])*(b[1]-o[1]) - (b[0]-o[0])*(a[1]-o[1])
	}
	return sum / 2
}

// polygonArea is that of the outer ring without its holes.
func polygonArea(p orb.Polygon) float64 {
	a := math.Abs(ringArea(p[0]))
	for _, h := range p[1:] {
		a -= math.Abs(ringArea(h))
	}
	return a
}

// holds tells whether a point lies in a ring (even-odd rule).
func holds(r orb.Ring, p orb.Point) bool {
	in := false
	for i, j := 0, len(r)-1; i < len(r); j, i = i, i+1 {
		if (r[i][1] > p[1]) != (r[j][1] > p[1]) && p[0] < (r[j][0]-r[i][0])*(p[1]-r[i][1])/(r[j][1]-r[i][1])+r[i][0] {
			in = !in
		}
	}
	return in
}

// inside is a point well within a polygon: the middle of its longest part on
// the horizontal line through the middle of its bounds, or through a third.
func inside(p orb.Polygon) (orb.Point, bool) {
	b := p.Bound()
	best, at := 0.0, orb.Point{}
	for _, share := range []float64{0.5, 0.35, 0.65} {
		y := b.Min[1] + share*(b.Max[1]-b.Min[1]) + 0.5 // between grid rows
		var xs []float64
		for _, r := range p {
			for i, j := 0, len(r)-1; i < len(r); j, i = i, i+1 {
				if (r[i][1] > y) != (r[j][1] > y) {
					xs = append(xs, (r[j][0]-r[i][0])*(y-r[i][1])/(r[j][1]-r[i][1])+r[i][0])
				}
			}
		}
		slices.Sort(xs)
		for i := 0; i+1 < len(xs); i += 2 {
			// The middle line wins unless another is clearly longer.
			if w := xs[i+1] - xs[i]; w > 1.3*best {
				best, at = w, orb.Point{math.Round((xs[i] + xs[i+1]) / 2), math.Round(y)}
			}
		}
	}
	return at, best > 0
}
