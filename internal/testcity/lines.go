package testcity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// VehicleCapacity is the number of persons a vehicle of each kind carries;
// assumed, round, only for tests.
func VehicleCapacity(m city.TransitMode) float32 {
	return [...]float32{city.Bus: 70, city.Tram: 200, city.Rail: 400, city.Metro: 600, city.Coach: 50, city.Ferry: 100}[m]
}

// AddStop adds a stop walkM metres from a junction (east of it). Stops of one
// name within 250 m form a group. Call JoinStops after the last stop.
func AddStop(c *city.City, node units.NodeID, id, name string, walkM float64) units.StopID {
	return addStop(c, node, id, name, walkM, walkM, 0)
}

func addStop(c *city.City, node units.NodeID, id, name string, walkM, eastM, northM float64) units.StopID {
	t := &c.Timetable
	s := units.StopID(t.NumStops())
	lon, lat := c.Net.NodeLon[node]+eastM*DegPerM, c.Net.NodeLat[node]+northM*DegPerM
	group, next := uint32(math.MaxUint32), uint32(0)
	for o := range t.StopID {
		if group == math.MaxUint32 && t.StopName[o] == name && math.Hypot(t.StopLon[o]-lon, t.StopLat[o]-lat) <= 250*DegPerM {
			group = t.StopGroup[o]
		}
		next = max(next, t.StopGroup[o]+1)
	}
	if group == math.MaxUint32 {
		group = next
	}
	t.StopID = append(t.StopID, id)
	t.StopName = append(t.StopName, name)
	t.StopLon = append(t.StopLon, lon)
	t.StopLat = append(t.StopLat, lat)
	t.StopNode = append(t.StopNode, node)
	t.StopWalkM = append(t.StopWalkM, float32(walkM))
	t.StopGroup = append(t.StopGroup, group)
	t.TransferFirst = append(t.TransferFirst, uint32(len(t.TransferTo)))
	return s
}

// JoinStops replaces the footpaths: every two stops at most maxM metres apart
// are joined both ways. On a grid the shortest walk between two junctions is
// the sum of the distances east and north.
func JoinStops(c *city.City, maxM float64) {
	t, n := &c.Timetable, &c.Net
	t.TransferFirst, t.TransferTo, t.TransferM = t.TransferFirst[:0], nil, nil
	t.TransferFirst = append(t.TransferFirst, 0)
	for a := range t.StopID {
		for b := range t.StopID {
			u, v := t.StopNode[a], t.StopNode[b]
			m := math.Abs(float64(n.NodeX[u]-n.NodeX[v])) + math.Abs(float64(n.NodeY[u]-n.NodeY[v])) +
				float64(t.StopWalkM[a]) + float64(t.StopWalkM[b])
			if a != b && m <= maxM {
				t.TransferTo = append(t.TransferTo, units.StopID(b))
				t.TransferM = append(t.TransferM, float32(m))
			}
		}
		t.TransferFirst = append(t.TransferFirst, uint32(len(t.TransferTo)))
	}
}

// AddLine adds a line that serves the stops in one direction: departures from
// the first stop at first, first+headway, ... up to and including last; run
// seconds from stop to stop; dwell seconds standing at each stop between the
// ends. The city's digest changes with it.
func AddLine(c *city.City, mode city.TransitMode, stops []units.StopID, headway, first, last, run, dwell units.Seconds) units.LineID {
	t := &c.Timetable
	id := units.LineID(len(t.Lines))
	name := fmt.Sprintf("%s %d", mode, id+1)
	t.Lines = append(t.Lines, city.Line{ID: fmt.Sprintf("L%d", id+1), Name: name, Agency: "Test Transit", Mode: mode, Fare: 2})
	AddDirection(c, id, stops, headway, first, last, run, dwell)
	return id
}

// AddDirection adds another direction (pattern) to a line; as AddLine.
func AddDirection(c *city.City, line units.LineID, stops []units.StopID, headway, first, last, run, dwell units.Seconds) units.PatternID {
	if headway < 1 || run < 0 || dwell < 0 {
		panic(fmt.Sprintf("testcity: headway %d s, run %d s, dwell %d s", headway, run, dwell))
	}
	var trips []Trip
	for at := first; at <= last; at += headway {
		trip := Trip{Capacity: VehicleCapacity(c.Timetable.Lines[line].Mode)}
		for i := range stops {
			arr := at + units.Seconds(i)*run + units.Seconds(max(0, i-1))*dwell
			dep := arr
			if i > 0 && i < len(stops)-1 {
				dep += dwell
			}
			trip.Arr, trip.Dep = append(trip.Arr, arr), append(trip.Dep, dep)
		}
		trips = append(trips, trip)
	}
	sum := sha256.Sum256(fmt.Appendf([]byte(c.Info.Digest), "line %d %v %d %d %d %d %d", line, stops, headway, first, last, run, dwell))
	c.Info.Digest = hex.EncodeToString(sum[:])
	return AddPattern(&c.Timetable, line, stops, trips)
}

// fillLines runs a two-way bus line along every LineEvery-th row and column.
// Rows and columns have stops of their own: where they cross, people change
// between two stops 2 x StopWalkM apart.
func fillLines(c *city.City, o Options) {
	n, mid := o.N, o.N/2
	rowStops, colStops := make([][]units.StopID, n), make([][]units.StopID, n)
	served := func(i int) bool { return (i-mid)%o.LineEvery == 0 }
	for row := range n {
		for col := range n {
			node, name := NodeAt(c, col, row), fmt.Sprintf("Junction %d-%d", col, row)
			if served(row) && (col-mid)%o.StopEvery == 0 {
				s := addStop(c, node, fmt.Sprintf("r%d-%d", col, row), name, StopWalkM, StopWalkM, 0)
				rowStops[row] = append(rowStops[row], s)
			}
			if served(col) && (row-mid)%o.StopEvery == 0 {
				s := addStop(c, node, fmt.Sprintf("c%d-%d", col, row), name, StopWalkM, 0, StopWalkM)
				colStops[col] = append(colStops[col], s)
			}
		}
	}
	JoinStops(c, TransferMaxM)
	for _, streets := range [2][][]units.StopID{rowStops, colStops} {
		for _, stops := range streets {
			if len(stops) < 2 {
				continue
			}
			line := AddLine(c, city.Bus, stops, o.Headway, FirstBus, LastBus, busRun, busDwell)
			back := slices.Clone(stops)
			slices.Reverse(back)
			AddDirection(c, line, back, o.Headway, FirstBus, LastBus, busRun, busDwell)
		}
	}
	if mids := rowStops[mid]; len(mids) >= 2 {
		c.Info.DefaultName = "Tram across the middle"
		for _, s := range [2]units.StopID{mids[0], mids[len(mids)-1]} {
			c.Info.DefaultStops = append(c.Info.DefaultStops, c.Timetable.StopID[s])
		}
	}
	c.Info.Report = append(c.Info.Report,
		city.ReportLine{Part: "timetable", What: "trips kept", Count: float64(c.Timetable.NumTrips()), Unit: "trips"})
}
