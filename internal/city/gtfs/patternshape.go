package gtfs

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
)

// offShapeM is how far from its shape a stop may lie; beyond, the shape is that
// of another route. The canonical validator warns from the same distance on
// (stop_too_far_from_shape).
const offShapeM = 100

// shapeOf writes the shape of a pattern, cut to its stops: that of its first
// trip that has one.
func (c *compiled) shapeOf(chain []trip) {
	tt := &c.tt
	got := shaped{number: city.NoShape}
	if k := slices.IndexFunc(chain, func(t trip) bool { return t.shape >= 0 }); k >= 0 {
		t := &chain[k]
		key := binary.LittleEndian.AppendUint32(nil, uint32(t.feed))
		key = binary.LittleEndian.AppendUint32(key, uint32(t.shape))
		for _, s := range t.stops {
			key = binary.LittleEndian.AppendUint32(key, uint32(s))
		}
		var ok bool
		if got, ok = c.shape[string(key)]; !ok {
			got = c.cutShape(&c.feeds[t.feed].Shapes[t.shape], t)
			c.shape[string(key)] = got
		}
		if got.number == city.NoShape {
			c.offWay++
		}
	}
	if got.number == city.NoShape {
		got.at = make([]float32, len(chain[0].stops))
	}
	tt.PatternShape, tt.ShapeM = append(tt.PatternShape, got.number), append(tt.ShapeM, got.at...)
}

// cutShape appends the part of a shape between the first and the last stop.
// Where the stops lie along it is what the feed gives, if it fits, else the
// nearest places in order.
func (c *compiled) cutShape(s *Shape, t *trip) shaped {
	none := shaped{number: city.NoShape}
	lon, lat := make([]float64, len(t.stops)), make([]float64, len(t.stops))
	for i, stop := range t.stops {
		lon[i], lat[i] = c.stops.stop(stop).Lon, c.stops.stop(stop).Lat
	}
	line := newMeasured(s.Lon, s.Lat)
	at := line.given(s.Dist, t.dist)
	if at == nil || !line.near(at, lon, lat) {
		if at = alongShape(s.Lon, s.Lat, lon, lat); at == nil || !line.near(at, lon, lat) {
			return none
		}
	}
	if !spread(at, line.start[len(line.start)-1]) {
		return none
	}
	first, last := at[0], at[len(at)-1]
	tt := &c.tt
	begin := len(tt.ShapeLon)
	put := func(x, y float64) {
		if n := len(tt.ShapeLon); n == begin || tt.ShapeLon[n-1] != float32(x) || tt.ShapeLat[n-1] != float32(y) {
			tt.ShapeLon, tt.ShapeLat = append(tt.ShapeLon, float32(x)), append(tt.ShapeLat, float32(y))
		}
	}
	put(line.point(first))
	for i, m := range line.start {
		if m > first && m < last {
			put(s.Lon[i], s.Lat[i])
		}
	}
	put(line.point(last))
	// Columns hold float32: the metres are those of the line as it is kept.
	kept := newMeasured(widen(tt.ShapeLon[begin:]), widen(tt.ShapeLat[begin:]))
	total := kept.start[len(kept.start)-1]
	if !(total > 0) {
		tt.ShapeLon, tt.ShapeLat = tt.ShapeLon[:begin], tt.ShapeLat[:begin]
		return none
	}
	tt.ShapeFirst = append(tt.ShapeFirst, uint32(len(tt.ShapeLon)))
	out := shaped{number: uint32(len(tt.ShapeFirst) - 2), at: make([]float32, len(at))}
	for i := range at {
		out.at[i] = float32((at[i] - first) / (last - first) * total)
	}
	return out
}

// spread moves stops that share a place on a line, or stand there against their
// order as neighbouring bays do, one metre apart; false where there is no room.
func spread(at []float64, total float64) bool {
	const apartM = 1
	for i := 1; i < len(at); i++ {
		at[i] = max(at[i], at[i-1]+apartM)
	}
	limit := total
	for i := len(at) - 1; i >= 0 && at[i] > limit; i-- {
		at[i] = limit
		limit -= apartM
	}
	return at[0] >= 0
}

func widen(v []float32) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = float64(v[i])
	}
	return out
}

// given turns distances that the feed gives for points and calls into metres;
// nil where one is missing, falls or leaves the line.
func (m *measured) given(points, calls []float64) []float64 {
	if points == nil || len(calls) == 0 || !(points[len(points)-1] > points[0]) {
		return nil
	}
	total := m.start[len(m.start)-1]
	length := points[len(points)-1] - points[0]
	at := make([]float64, len(calls))
	for i, d := range calls {
		// A little beyond the end is rounding.
		if !(d >= points[0]-length*1e-3 && d <= points[len(points)-1]+length*1e-3) || i > 0 && d < calls[i-1] {
			return nil
		}
		k, _ := slices.BinarySearch(points, d)
		k = min(max(k, 1), len(points)-1)
		u := 0.0
		if w := points[k] - points[k-1]; w > 0 {
			u = min(max((d-points[k-1])/w, 0), 1)
		}
		at[i] = m.start[k-1] + u*(m.start[k]-m.start[k-1])
		// So that a line that was cut before is not cut again.
		const endM = 0.01
		if at[i] < endM {
			at[i] = 0
		} else if at[i] > total-endM {
			at[i] = total
		}
	}
	return at
}

// near tells whether every stop lies within offShapeM of its place on the line.
func (m *measured) near(at, lon, lat []float64) bool {
	for i := range at {
		x, y := m.point(at[i])
		if city.DistanceM(x, y, lon[i], lat[i]) > offShapeM {
			return false
		}
	}
	return true
}

// measured is a line with metres along it.
type measured struct{ lon, lat, start []float64 }

func newMeasured(lon, lat []float64) *measured {
	m := &measured{lon, lat, make([]float64, len(lon))}
	pr := city.ProjectionOf([4]float64{lon[0], lat[0], lon[0], lat[0]})
	px, py := 0.0, 0.0
	for i := range lon {
		x, y := pr.XY(lon[i], lat[i])
		if i > 0 {
			m.start[i] = m.start[i-1] + math.Hypot(x-px, y-py)
		}
		px, py = x, y
	}
	return m
}

// point is the place at some metres.
func (m *measured) point(at float64) (lon, lat float64) {
	k, _ := slices.BinarySearch(m.start, at)
	k = min(max(k, 1), len(m.start)-1)
	u := 0.0
	if d := m.start[k] - m.start[k-1]; d > 0 {
		u = min(max((at-m.start[k-1])/d, 0), 1)
	}
	return m.lon[k-1] + u*(m.lon[k]-m.lon[k-1]), m.lat[k-1] + u*(m.lat[k]-m.lat[k-1])
}
