package scenario

import (
	"container/heap"
	"fmt"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// transferM bounds the walk between a new stop and its neighbours, as the
// timetable importer does for existing ones.
const transferM = 500

// addLine puts a new line into the timetable. It is laid out in canonical
// direction whatever way round it was asked.
func (p *Plan) addLine(ps *spec.Problems, path string, base *city.City, m *spec.Modification) {
	refs := m.Stops
	reversed := againstOrder(refs)
	if reversed {
		refs = slices.Clone(refs)
		slices.Reverse(refs)
	}
	// Positions as they were asked.
	stopPath := func(i int) string {
		if reversed {
			i = len(refs) - 1 - i
		}
		return fmt.Sprintf("%s.stops[%d]", path, i)
	}
	pl := base.Projection()
	line := Line{ID: m.ID, Name: m.Name}
	tt := cloneTimetable(&p.City.Timetable)
	var stops []units.StopID
	var legS []units.Seconds
	for i, ref := range refs {
		s, ok := stopByID(base, ref.ID)
		if ref.Lon != nil {
			s, ok = addStop(p.City, tt, ref)
		}
		if !ok {
			ps.Add(stopPath(i), fmt.Sprintf("no stop %q in %s", ref.ID, base.Info.Name), "a stop id or name")
			return
		}
		stops = append(stops, s)
		line.Stops = append(line.Stops, LineStop{s, ref.ID, ref.Name, ref.Chosen})
	}
	for i := 1; i < len(refs); {
		w, ok := wayOf(base, pl, refs[i-1:])
		if !ok {
			if reversed { // told in the order asked, at the later stop
				ps.Add(stopPath(i-1), unjoined(refs[i], refs[i-1]), joined)
			} else {
				ps.Add(stopPath(i), unjoined(refs[i-1], refs[i]), joined)
			}
			return
		}
		if len(line.Lon) > 0 {
			w.lon, w.lat = w.lon[1:], w.lat[1:]
		}
		line.Lon, line.Lat = append(line.Lon, w.lon...), append(line.Lat, w.lat...)
		for _, metres := range w.legM {
			line.LengthM += metres
			legS = append(legS, units.Seconds(math.Round(metres/units.KMH(m.SpeedKMH))))
		}
		i += len(w.legM)
	}
	dwell := units.Seconds(math.Round(m.DwellS))
	for _, s := range legS {
		line.RunS += s
	}
	line.RunS += dwell * units.Seconds(len(stops)-2)
	shortest := math.Inf(1)
	for _, h := range m.Headways {
		shortest = min(shortest, h.EveryMin*60)
	}
	line.Line = units.LineID(len(tt.Lines))
	tt.Lines = append(tt.Lines, city.Line{ID: m.ID, Name: m.Name, Mode: transitMode(m.Mode), Fare: float32(*m.Fare), Assumed: true, New: true})
	cycle := float64(line.RunS + layoverS)
	if reversed && !*m.Bidirectional { // one way means the way it was asked
		slices.Reverse(stops)
		slices.Reverse(legS)
	}
	addPattern(tt, line.Line, stops, legS, dwell, m)
	if *m.Bidirectional {
		slices.Reverse(stops)
		slices.Reverse(legS)
		addPattern(tt, line.Line, stops, legS, dwell, m)
		cycle *= 2
	}
	line.Vehicles = int(math.Ceil(cycle / shortest))
	if reversed {
		slices.Reverse(line.Stops)
		slices.Reverse(line.Lon)
		slices.Reverse(line.Lat)
	}
	p.City.Timetable = *tt
	p.Lines = append(p.Lines, line)
}

// way is a stretch of a line between two stops that somebody asked for, with
// the lengths of its legs from call to call.
type way struct {
	lon, lat []float64
	legM     []float64
}

// wayOf lays out the stretch that begins at refs[0]. Stops that were chosen
// because they stand beside it are called at where the way passes them: they
// do not pull the line into side streets. Where that does not hold (a request
// may mark any stop as chosen) the way leads to the next stop, whatever it is.
func wayOf(c *city.City, pl city.Projection, refs []spec.StopRef) (way, bool) {
	end := 1
	for end < len(refs)-1 && refs[end].Chosen {
		end++
	}
	if end > 1 {
		if lon, lat, metres, ok := pathBetween(c, pl, refs[0], refs[end]); ok {
			w := way{lon: lon, lat: lat}
			px, py := planar(pl, lon, lat)
			last := 0.0
			for _, ref := range refs[1:end] {
				rlon, rlat, ok := position(c, ref)
				if !ok {
					break
				}
				x, y := pl.XY(rlon, rlat)
				away, along := project(px, py, x, y)
				if away > nearPathM || along <= last || along >= metres {
					break
				}
				w.legM = append(w.legM, along-last)
				last = along
			}
			if len(w.legM) == end-1 {
				w.legM = append(w.legM, metres-last)
				return w, true
			}
		}
	}
	lon, lat, metres, ok := pathBetween(c, pl, refs[0], refs[1])
	return way{lon, lat, []float64{metres}}, ok
}

func transitMode(name string) city.TransitMode {
	switch name {
	case "bus":
		return city.Bus
	case "rail":
		return city.Rail
	}
	return city.Tram
}

// addPattern appends one direction with its trips.
func addPattern(tt *city.Timetable, line units.LineID, stops []units.StopID, legS []units.Seconds, dwell units.Seconds, m *spec.Modification) {
	pattern := tt.NumPatterns()
	tt.PatternLine = append(tt.PatternLine, line)
	tt.Stop = append(tt.Stop, stops...)
	tt.PatternStops = append(tt.PatternStops, uint32(len(tt.Stop)))
	for _, h := range m.Headways {
		from, _ := ParseClock(h.From)
		to, _ := ParseClock(h.To)
		for k := 0; ; k++ {
			t := from + units.Seconds(math.Round(float64(k)*h.EveryMin*60))
			if t >= to {
				break
			}
			tt.TripID = append(tt.TripID, fmt.Sprintf("%s:%d:%s", m.ID, pattern, Clock(t)))
			tt.TripCapacity = append(tt.TripCapacity, float32(m.Capacity))
			for i := range stops {
				if i > 0 {
					t += legS[i-1]
				}
				tt.Arr = append(tt.Arr, t)
				if i > 0 && i < len(stops)-1 {
					t += dwell
				}
				tt.Dep = append(tt.Dep, t)
			}
		}
	}
	tt.PatternTrips = append(tt.PatternTrips, uint32(len(tt.TripID)))
	tt.TimeFirst = append(tt.TimeFirst, uint32(len(tt.Arr)))
	// A new line has no shape, and a way of its own instead of streets.
	if len(tt.PatternShape) > 0 {
		tt.PatternShape = append(tt.PatternShape, city.NoShape)
		tt.ShapeM = append(tt.ShapeM, make([]float32, len(stops))...)
	}
	if len(tt.HopFirst) > 0 {
		for range stops {
			tt.HopFirst = append(tt.HopFirst, uint32(len(tt.HopLink)))
			tt.HopFrom, tt.HopTo = append(tt.HopFrom, 0), append(tt.HopTo, 0)
			tt.HopMatch, tt.HopOffM = append(tt.HopMatch, city.HopNone), append(tt.HopOffM, 0)
		}
	}
}

// cloneTimetable copies every column that a line touches; appends to the copy
// cannot reach the base.
func cloneTimetable(t *city.Timetable) *city.Timetable {
	c := *t
	c.StopID, c.StopName = slices.Clone(t.StopID), slices.Clone(t.StopName)
	c.StopLon, c.StopLat = slices.Clone(t.StopLon), slices.Clone(t.StopLat)
	c.StopNode, c.StopWalkM = slices.Clone(t.StopNode), slices.Clone(t.StopWalkM)
	c.StopGroup = slices.Clone(t.StopGroup)
	c.Lines, c.PatternLine = slices.Clone(t.Lines), slices.Clone(t.PatternLine)
	c.PatternStops, c.Stop = slices.Clone(t.PatternStops), slices.Clone(t.Stop)
	c.PatternTrips, c.TripID = slices.Clone(t.PatternTrips), slices.Clone(t.TripID)
	c.TripCapacity, c.TimeFirst = slices.Clone(t.TripCapacity), slices.Clone(t.TimeFirst)
	c.Arr, c.Dep = slices.Clone(t.Arr), slices.Clone(t.Dep)
	c.TransferFirst, c.TransferTo = slices.Clone(t.TransferFirst), slices.Clone(t.TransferTo)
	c.TransferM, c.TransferS = slices.Clone(t.TransferM), slices.Clone(t.TransferS)
	c.ShapeM = slices.Clone(t.ShapeM)
	c.StopStation, c.PatternShape = slices.Clone(t.StopStation), slices.Clone(t.PatternShape)
	c.HopFirst, c.HopMatch = slices.Clone(t.HopFirst), slices.Clone(t.HopMatch)
	c.HopFrom, c.HopTo, c.HopOffM = slices.Clone(t.HopFrom), slices.Clone(t.HopTo), slices.Clone(t.HopOffM)
	return &c
}

// addStop appends a stop at a place, with footpaths both ways to every stop
// within transferM on the walking network.
func addStop(c *city.City, tt *city.Timetable, ref spec.StopRef) (units.StopID, bool) {
	pl := c.Projection()
	x, y := pl.XY(*ref.Lon, *ref.Lat)
	best, node := math.Inf(1), units.NoNode
	for n := range c.Net.NumNodes() {
		nx, ny := pl.XY(c.Net.NodeLon[n], c.Net.NodeLat[n])
		if d := math.Hypot(nx-x, ny-y); d < best && walkable(&c.Net, units.NodeID(n)) {
			best, node = d, units.NodeID(n)
		}
	}
	if node == units.NoNode {
		return units.NoStop, false
	}
	id := fmt.Sprintf("new:%.5f,%.5f", *ref.Lon, *ref.Lat)
	if s := slices.Index(tt.StopID, id); s >= 0 {
		return units.StopID(s), true // one place is one stop, for all lines
	}
	s := units.StopID(tt.NumStops())
	group := uint32(tt.NumGroups())
	tt.StopID = append(tt.StopID, id)
	tt.StopName = append(tt.StopName, ref.Name)
	tt.StopLon, tt.StopLat = append(tt.StopLon, *ref.Lon), append(tt.StopLat, *ref.Lat)
	tt.StopNode, tt.StopWalkM = append(tt.StopNode, node), append(tt.StopWalkM, float32(best))
	tt.StopGroup = append(tt.StopGroup, group)
	if len(tt.StopStation) > 0 {
		tt.StopStation = append(tt.StopStation, city.NoStation)
	}
	metres := walkFrom(&c.Net, node, transferM)
	first := []uint32{0}
	var to []units.StopID
	var m []float32
	var least []units.Seconds
	var fromNew []units.StopID
	var fromNewM []float32
	for a := range units.StopID(tt.NumStops() - 1) {
		lo, hi := tt.TransferFirst[a], tt.TransferFirst[a+1]
		to = append(to, tt.TransferTo[lo:hi]...)
		m = append(m, tt.TransferM[lo:hi]...)
		if len(tt.TransferS) > 0 {
			least = append(least, tt.TransferS[lo:hi]...)
		}
		if d, ok := metres[tt.StopNode[a]]; ok {
			if d += best + float64(tt.StopWalkM[a]); d <= transferM {
				to, m = append(to, s), append(m, float32(d))
				if len(tt.TransferS) > 0 {
					least = append(least, 0)
				}
				fromNew, fromNewM = append(fromNew, a), append(fromNewM, float32(d))
			}
		}
		first = append(first, uint32(len(to)))
	}
	tt.TransferTo, tt.TransferM = append(to, fromNew...), append(m, fromNewM...)
	if len(tt.TransferS) > 0 {
		tt.TransferS = append(least, make([]units.Seconds, len(fromNew))...)
	}
	tt.TransferFirst = append(first, uint32(len(tt.TransferTo)))
	return s, true
}

func walkable(net *city.Network, n units.NodeID) bool {
	for l := net.FirstOut[n]; l < net.FirstOut[n+1]; l++ {
		if net.Modes[l]&city.AllowWalk != 0 {
			return true
		}
	}
	for i := net.FirstIn[n]; i < net.FirstIn[n+1]; i++ {
		if net.Modes[net.InLink[i]]&city.AllowWalk != 0 {
			return true
		}
	}
	return false
}

// walkFrom is the walking distance to every node within a bound; the map is
// for look-up only.
func walkFrom(net *city.Network, from units.NodeID, bound float64) map[units.NodeID]float64 {
	dist := map[units.NodeID]float64{from: 0}
	q := nodeQueue{{0, from}}
	for len(q) > 0 {
		top := heap.Pop(&q).(queued)
		if top.d > dist[top.n] {
			continue
		}
		relax := func(l units.LinkID, next units.NodeID) {
			if net.Modes[l]&city.AllowWalk == 0 {
				return
			}
			d := top.d + float64(net.LengthM[l])
			if have, ok := dist[next]; d <= bound && (!ok || d < have) {
				dist[next] = d
				heap.Push(&q, queued{d, next})
			}
		}
		for l := net.FirstOut[top.n]; l < net.FirstOut[top.n+1]; l++ {
			relax(units.LinkID(l), net.To[l])
		}
		for i := net.FirstIn[top.n]; i < net.FirstIn[top.n+1]; i++ {
			relax(net.InLink[i], net.From[net.InLink[i]])
		}
	}
	return dist
}
