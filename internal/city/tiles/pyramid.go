package tiles

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/simplify"
)

// buffer is how far a tile goes on beyond its edge, in units of its 4096: 8
// pixels, more than half the widest line, so that lines meet without a seam.
const buffer = 64

// drawn is a shape of one zoom with the properties it shows there.
type drawn struct {
	style style
	geom  orb.Geometry
}

// coarse is how far a line may leave its true course, in units of a tile. At
// the largest zoom the map draws it up to 16 times larger.
func coarse(z int8) float64 {
	if z == MaxZoom {
		return 1.2
	}
	return 5
}

// pyramid draws every zoom and gives the tiles in order of id.
func pyramid(features []feature, a area, progress func(float64)) ([]tile, error) {
	var out []tile
	for z := int8(MinZoom); z <= MaxZoom; z++ {
		// Work grows fourfold from zoom to zoom.
		progress(math.Exp2(float64(2 * (z - MaxZoom - 1))))
		level := newLevel(z, a)
		for i := range features {
			f := &features[i]
			if f.from > z {
				continue
			}
			switch g := f.geom.(type) {
			case orb.Point:
				level.point(f.style(z), g)
			case orb.Polygon:
				level.polygon(f.style(z), g)
			}
		}
		for _, l := range joined(features, z) {
			level.line(l.style, l.geom.(orb.LineString))
		}
		tiles, err := level.encode()
		if err != nil {
			return nil, err
		}
		out = append(out, tiles...)
	}
	return out, nil
}

// level is the tiles of one zoom.
type level struct {
	z      int8
	side   float64 // of a tile, in grid units
	area   area
	x0, y0 int
	nx, ny int
	cells  [][numLayers][]drawn // geometry in units of the tile
}

func newLevel(z int8, a area) *level {
	l := &level{z: z, area: a, side: extent * math.Exp2(float64(MaxZoom-z))}
	l.x0, l.y0 = int(a.bound.Min[0]/l.side), int(a.bound.Min[1]/l.side)
	l.nx, l.ny = int(a.bound.Max[0]/l.side)-l.x0+1, int(a.bound.Max[1]/l.side)-l.y0+1
	l.cells = make([][numLayers][]drawn, l.nx*l.ny)
	return l
}

// each calls do for every tile that a box touches, with the bound to clip to.
func (l *level) each(b orb.Bound, do func(cell int, clipTo orb.Bound, local func(orb.Point) orb.Point)) {
	pad := buffer / float64(extent) * l.side
	fromX, toX := max(int((b.Min[0]-pad)/l.side), l.x0), min(int((b.Max[0]+pad)/l.side), l.x0+l.nx-1)
	fromY, toY := max(int((b.Min[1]-pad)/l.side), l.y0), min(int((b.Max[1]+pad)/l.side), l.y0+l.ny-1)
	for ty := fromY; ty <= toY; ty++ {
		for tx := fromX; tx <= toX; tx++ {
			ox, oy := float64(tx)*l.side, float64(ty)*l.side
			bound := orb.Bound{Min: orb.Point{ox - pad, oy - pad}, Max: orb.Point{ox + l.side + pad, oy + l.side + pad}}
			if !bound.Intersects(b) {
				continue
			}
			do((ty-l.y0)*l.nx+tx-l.x0, bound, func(p orb.Point) orb.Point {
				return orb.Point{math.Round((p[0] - ox) / l.side * extent), math.Round((p[1] - oy) / l.side * extent)}
			})
		}
	}
}

func (l *level) add(cell int, s style, g orb.Geometry) {
	c := &l.cells[cell][s.layer]
	*c = append(*c, drawn{s, g})
}

// point goes into one tile: labels near an edge are drawn by the map anyway.
func (l *level) point(s style, p orb.Point) {
	tx, ty := int(p[0]/l.side), int(p[1]/l.side)
	l.add((ty-l.y0)*l.nx+tx-l.x0, s, orb.Point{
		math.Floor((p[0] - float64(tx)*l.side) / l.side * extent), math.Floor((p[1] - float64(ty)*l.side) / l.side * extent),
	})
}

func (l *level) line(s style, ls orb.LineString) {
	unit := l.side / extent
	ls = simplify.DouglasPeucker(coarse(l.z) * unit).LineString(slices.Clone(ls))
	l.each(ls.Bound(), func(cell int, clipTo orb.Bound, local func(orb.Point) orb.Point) {
		var out orb.MultiLineString
		for _, part := range clipLine(clipTo, ls) {
			if p := snapped(part, local); len(p) >= 2 {
				out = append(out, p)
			}
		}
		switch len(out) {
		case 0:
		case 1:
			l.add(cell, s, out[0])
		default:
			l.add(cell, s, out)
		}
	})
}

// least is the area of a ring that is still drawn, in square units: a pixel
// has 64. At the largest zoom the map draws it larger.
func least(z int8) float64 {
	if z == MaxZoom {
		return 8
	}
	return 200
}

func (l *level) polygon(s style, p orb.Polygon) {
	unit := l.side / extent
	simple := make(orb.Polygon, 0, len(p))
	dp := simplify.DouglasPeucker(coarse(l.z) * unit)
	for i, r := range p {
		if math.Abs(ringArea(r)) < least(l.z)*unit*unit {
			if i == 0 {
				return
			}
			continue
		}
		if r = dp.Ring(slices.Clone(r)); len(r) < 4 {
			if i == 0 {
				return
			}
			continue
		}
		simple = append(simple, r)
	}
	l.each(simple.Bound(), func(cell int, clipTo orb.Bound, local func(orb.Point) orb.Point) {
		var out orb.Polygon
		for i, r := range clipPolygon(clipTo, simple) {
			q := orb.Ring(snapped(orb.LineString(r), local))
			a := ringArea(q)
			if len(q) < 4 || a == 0 {
				if i == 0 {
					return
				}
				continue
			}
			// The format tells outer rings from holes by their direction.
			if (a > 0) != (i == 0) {
				slices.Reverse(q)
			}
			out = append(out, q)
		}
		if len(out) > 0 {
			l.add(cell, s, out)
		}
	})
}

// snapped is a line in the units of a tile, without points that fall together.
func snapped(ls orb.LineString, local func(orb.Point) orb.Point) orb.LineString {
	out := make(orb.LineString, 0, len(ls))
	for _, p := range ls {
		if q := local(p); len(out) == 0 || out[len(out)-1] != q {
			out = append(out, q)
		}
	}
	return out
}

// encode gives the tiles that hold something, in order of id.
func (l *level) encode() ([]tile, error) {
	var out []tile
	for cell := range l.cells {
		var layers mvt.Layers
		for name, shapes := range l.cells[cell] {
			if len(shapes) == 0 {
				continue
			}
			layer := &mvt.Layer{Name: Layers[name], Version: 2, Extent: extent}
			for _, d := range shapes {
				f := geojson.NewFeature(d.geom)
				f.Properties = d.style.properties()
				layer.Features = append(layer.Features, f)
			}
			layers = append(layers, layer)
		}
		if len(layers) == 0 {
			continue
		}
		data, err := mvt.Marshal(layers)
		if err != nil {
			return nil, fmt.Errorf("tiles: encode: %w", err)
		}
		out = append(out, tile{tileID(uint32(l.z), uint32(l.x0+cell%l.nx), uint32(l.y0+cell/l.nx)), data})
	}
	slices.SortFunc(out, func(a, b tile) int { return cmp.Compare(a.id, b.id) })
	return out, nil
}

// properties are what a style is drawn by; what is not so is left away.
func (s style) properties() geojson.Properties {
	p := geojson.Properties{"kind": s.kind}
	for key, v := range map[string]string{"kind_detail": s.detail, "name": s.name, "ref": s.ref} { // independent cells
		if v != "" {
			p[key] = v
		}
	}
	for key, on := range map[string]bool{"is_link": s.link, "is_bridge": s.bridge, "is_tunnel": s.tun} { // independent cells
		if on {
			p[key] = true
		}
	}
	return p
}
