package gtfs

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// maxShapePoints bounds shapes.txt, of the shapes that are used.
const maxShapePoints = 5_000_000

// Shape is the way of a vehicle. Dist is shape_dist_traveled, nil where a point
// has none or it falls.
type Shape struct {
	ID       string
	Lon, Lat []float64
	Dist     []float64
}

// readShapes reads the shapes that trips follow.
func (f *Feed) readShapes(a *archive, used map[string]int32) error {
	if len(used) == 0 || !a.has("shapes.txt") {
		f.noShapes()
		return nil
	}
	type point struct {
		seq            int64
		lon, lat, dist float64
	}
	points := make([][]point, len(used))
	total := 0
	f.Shapes = make([]Shape, len(used))
	need := []string{"shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"}
	err := a.rows("shapes.txt", true, need, func(t *table) {
		n, ok := used[t.get("shape_id")]
		if !ok {
			return
		}
		lon, lat, ok := position(t.get("shape_pt_lon"), t.get("shape_pt_lat"))
		seq, err := strconv.ParseInt(t.get("shape_pt_sequence"), 10, 64)
		switch {
		case !ok:
			t.skip("no valid position")
			return
		case err != nil:
			t.skip("no sequence number")
			return
		case total >= maxShapePoints:
			t.skip("more points than accepted")
			return
		}
		// Rounded as the columns will hold them, so that metres along a shape
		// are the same before and after an export.
		points[n] = append(points[n], point{seq, float64(float32(lon)), float64(float32(lat)), distance(t.get("shape_dist_traveled"))})
		total++
	})
	if err != nil {
		return err
	}
	for id, n := range used { // sets independent cells: order is no matter
		f.Shapes[n].ID = id
	}
	for n := range points {
		p, s := points[n], &f.Shapes[n]
		slices.SortStableFunc(p, func(a, b point) int { return cmp.Compare(a.seq, b.seq) })
		given := len(p) > 0
		for i, q := range p {
			given = given && !math.IsNaN(q.dist) && (i == 0 || q.dist >= p[i-1].dist)
		}
		for _, q := range p {
			s.Lon, s.Lat = append(s.Lon, q.lon), append(s.Lat, q.lat)
			if given {
				s.Dist = append(s.Dist, q.dist)
			}
		}
	}
	for i := range f.Trips {
		t := &f.Trips[i]
		if t.Shape >= 0 && len(f.Shapes[t.Shape].Lon) < 2 {
			f.Skipped.add("trips.txt", "shape does not exist or has fewer than two points", t.line)
			t.Shape = -1
		}
	}
	return nil
}

func (f *Feed) noShapes() {
	for i := range f.Trips {
		f.Trips[i].Shape = -1
	}
}

// What blank times were filled in by.
const (
	byGivenDistance = iota // shape_dist_traveled
	byShape                // metres along the shape
	byStraightLines        // metres from stop to stop
)

// filler fills blank times. It keeps where the stops of a trip lie along its
// shape, because most trips share both with others.
type filler struct {
	f     *Feed
	along map[string][]float64 // by shape and stops; look-ups only
	key   []byte
}

func newFiller(f *Feed) *filler { return &filler{f: f, along: map[string][]float64{}} }

// blanks fills the blank times between timed calls of a trip in proportion to
// distance; false where the first or last time is missing.
func (w *filler) blanks(t *Trip) bool {
	c := t.Calls
	if c[0].Dep == blank || c[len(c)-1].Arr == blank {
		return false
	}
	for i := 0; i < len(c); {
		j := i + 1
		for j < len(c) && c[j].Arr == blank {
			j++
		}
		if j > i+1 && j < len(c) {
			along, by := w.distances(t, i, j)
			span := float64(c[j].Arr - c[i].Dep)
			for k := i + 1; k < j; k++ {
				at := c[i].Dep + units.Seconds(math.Round(span*along[k-i]))
				c[k].Arr, c[k].Dep = at, at
				if t.days.today {
					w.f.Interpolated[by]++
				}
			}
		}
		i = j
	}
	return true
}

// distances is the share of the way covered at each call of a gap, from i to j:
// by shape_dist_traveled where every call of the gap has it, else along the
// shape, else by straight lines.
func (w *filler) distances(t *Trip, i, j int) ([]float64, int) {
	c := t.Calls[i : j+1]
	d := make([]float64, len(c))
	by := byGivenDistance
	for k := range c {
		d[k] = c[k].Dist - c[0].Dist
		if math.IsNaN(d[k]) || k > 0 && d[k] < d[k-1] {
			by = byShape
		}
	}
	if by == byShape {
		if along := w.onShape(t); along != nil {
			d[0] = 0
			for k := 1; k < len(c); k++ {
				// No vehicle gets from stop to stop on less than the straight
				// line, wherever the shape says that they lie.
				d[k] = d[k-1] + max(along[i+k]-along[i+k-1], w.straight(c[k-1], c[k]))
			}
		} else {
			by = byStraightLines
		}
	}
	if by == byStraightLines || !(d[len(d)-1] > 0) {
		by = byStraightLines
		d[0] = 0
		for k := 1; k < len(c); k++ {
			d[k] = d[k-1] + w.straight(c[k-1], c[k])
		}
	}
	total := d[len(d)-1]
	for k := range d {
		if total > 0 {
			d[k] /= total
		} else {
			d[k] = float64(k) / float64(len(d)-1)
		}
	}
	return d, by
}

func (w *filler) straight(a, b Call) float64 {
	p, q := &w.f.Stops[a.Stop], &w.f.Stops[b.Stop]
	return city.DistanceM(p.Lon, p.Lat, q.Lon, q.Lat)
}

// onShape is where the calls of a trip lie along its shape, nil without one.
func (w *filler) onShape(t *Trip) []float64 {
	if t.Shape < 0 {
		return nil
	}
	w.key = binary.LittleEndian.AppendUint32(w.key[:0], uint32(t.Shape))
	for _, c := range t.Calls {
		w.key = binary.LittleEndian.AppendUint32(w.key, uint32(c.Stop))
	}
	if along, ok := w.along[string(w.key)]; ok {
		return along
	}
	s := &w.f.Shapes[t.Shape]
	lon, lat := make([]float64, len(t.Calls)), make([]float64, len(t.Calls))
	for i, c := range t.Calls {
		lon[i], lat[i] = w.f.Stops[c.Stop].Lon, w.f.Stops[c.Stop].Lat
	}
	along := alongShape(s.Lon, s.Lat, lon, lat)
	if along != nil && !newMeasured(s.Lon, s.Lat).near(along, lon, lat) {
		along = nil // the shape of another route
	}
	w.along[string(w.key)] = along
	return along
}

// maxAlong bounds the work of one trip: calls times points.
const maxAlong = 20_000_000

// alongShape is the metres along a line at which each of a sequence of stops
// lies: of all ways to put the stops on the line in their order the one of the
// least sum of squared distances. That a line passes one place twice is no
// problem then. nil where the line has no length or is too long to try.
func alongShape(lon, lat, stopLon, stopLat []float64) []float64 {
	segments, stops := len(lon)-1, len(stopLon)
	if segments < 1 || stops == 0 || segments*stops > maxAlong {
		return nil
	}
	pr := city.ProjectionOf([4]float64{lon[0], lat[0], lon[0], lat[0]})
	x, y, start := make([]float64, len(lon)), make([]float64, len(lon)), make([]float64, len(lon))
	for i := range lon {
		x[i], y[i] = pr.XY(lon[i], lat[i])
		if i > 0 {
			start[i] = start[i-1] + math.Hypot(x[i]-x[i-1], y[i]-y[i-1])
		}
	}
	if !(start[segments] > 0) || math.IsInf(start[segments], 0) {
		return nil
	}
	// least[k]: the least sum for the stops so far when the last of them lies on
	// one of the segments 0..k; from[i*segments+k]: on which one.
	least := make([]float64, segments)
	from := make([]int32, stops*segments)
	project := func(i, k int) (d2, at float64) {
		px, py := pr.XY(stopLon[i], stopLat[i])
		dx, dy := x[k+1]-x[k], y[k+1]-y[k]
		n2 := dx*dx + dy*dy
		u := 0.0
		if n2 > 0 {
			u = min(max(((px-x[k])*dx+(py-y[k])*dy)/n2, 0), 1)
		}
		ex, ey := px-x[k]-u*dx, py-y[k]-u*dy
		return ex*ex + ey*ey, start[k] + u*math.Sqrt(n2)
	}
	for i := range stops {
		best, arg := math.Inf(1), int32(0)
		for k := range segments {
			d2, _ := project(i, k)
			if sum := least[k] + d2; sum < best {
				best, arg = sum, int32(k)
			}
			least[k], from[i*segments+k] = best, arg
		}
	}
	along := make([]float64, stops)
	k := int32(segments - 1)
	for i := stops - 1; i >= 0; i-- {
		k = from[i*segments+int(k)]
		_, along[i] = project(i, int(k))
	}
	for i := 1; i < stops; i++ { // two stops on one segment the wrong way round
		along[i] = max(along[i], along[i-1])
	}
	return along
}
