// Package raptor finds public transport journeys: from one origin, at one
// departure time, the earliest arrival at every stop for each number of
// boardings, with the parts (access, wait, in vehicle, walk, fare) that
// generalised costs are made of.
//
// The method is RAPTOR (Delling, Pajor, Werneck: Round-based public transit
// routing, ALENEX 2012) over city.Timetable. Departures from the paper:
// vehicle arrivals and walked arrivals are separate labels, so that two walks
// never follow one another (footpaths are not transitive), and ties follow one
// stated order instead of the order of the scan. See Search for both.
//
// Data is immutable and shared; a Search is the workspace of one goroutine and
// allocates nothing per query. Clock times may exceed 24 h. Not modelled:
// pick-up and drop-off restrictions, minimum change times at a stop, vehicles
// that are full, and trips continuing as another trip.
package raptor

import (
	"fmt"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// Data is a timetable prepared for searching. It shares the columns of the
// timetable, which must not change any more.
type Data struct {
	tt *city.Timetable
	// Patterns through a stop, last positions (nobody boards there) left out:
	// visitFirst[s]..visitFirst[s+1] into visit. Sorted by pattern, position.
	visitFirst []uint32
	visit      []visit
	// depCol holds the departures of a pattern position by position (each
	// column in order of trips), so that a binary search stays in one column:
	// TimeFirst[p] + i*trips + (t-PatternTrips[p]). The timetable's own order,
	// trip by trip, serves the ride along a trip.
	depCol []units.Seconds
	// lastDep is the last departure at each place of Timetable.Stop; before
	// all time where no trip runs.
	lastDep []units.Seconds
	// walkS are the seconds of Timetable.TransferM, rounded up: a connection
	// is never made by a fraction of a second that the walk did not leave. They
	// are at least Timetable.TransferS.
	walkS []units.Seconds
	fare  []float32 // of a boarding, by pattern
	ring  []bool    // patterns that call twice at one stop
}

// visit is one call of a pattern at a stop: a place in Timetable.Stop.
type visit struct {
	pattern units.PatternID
	index   uint32
}

// NewData prepares a timetable. walkSpeedMS is the walking speed between stops
// in metres per second. It panics on trips that overtake or run backwards,
// which importers exclude.
func NewData(tt *city.Timetable, walkSpeedMS float64) *Data {
	if !(walkSpeedMS > 0) {
		panic(fmt.Sprintf("raptor: walking speed %v m/s", walkSpeedMS))
	}
	d := &Data{
		tt:         tt,
		visitFirst: make([]uint32, tt.NumStops()+1),
		depCol:     make([]units.Seconds, len(tt.Dep)),
		lastDep:    make([]units.Seconds, len(tt.Stop)),
		walkS:      make([]units.Seconds, len(tt.TransferM)),
		fare:       make([]float32, tt.NumPatterns()),
		ring:       make([]bool, tt.NumPatterns()),
	}
	for p := range units.PatternID(tt.NumPatterns()) {
		d.fare[p] = tt.Lines[tt.PatternLine[p]].Fare
		stops := tt.StopsOf(p)
		for _, s := range stops[:len(stops)-1] {
			d.visitFirst[s+1]++
		}
		for i, s := range stops {
			d.ring[p] = d.ring[p] || slices.Contains(stops[:i], s)
		}
		d.fillColumns(p)
	}
	for s := range tt.NumStops() {
		d.visitFirst[s+1] += d.visitFirst[s]
	}
	d.visit = make([]visit, d.visitFirst[tt.NumStops()])
	next := make([]uint32, tt.NumStops())
	copy(next, d.visitFirst)
	for p := range units.PatternID(tt.NumPatterns()) {
		stops := tt.StopsOf(p)
		for i, s := range stops[:len(stops)-1] {
			d.visit[next[s]] = visit{p, tt.PatternStops[p] + uint32(i)}
			next[s]++
		}
	}
	for k, m := range tt.TransferM {
		d.walkS[k] = units.Seconds(math.Ceil(float64(m) / walkSpeedMS))
		if len(tt.TransferS) > 0 {
			d.walkS[k] = max(d.walkS[k], tt.TransferS[k])
		}
	}
	return d
}

func (d *Data) fillColumns(p units.PatternID) {
	n, trips, base := d.shape(p)
	for v := range trips {
		row := base + v*n
		for i := range n {
			arr, dep := d.tt.Arr[row+i], d.tt.Dep[row+i]
			if dep < arr || i > 0 && arr < d.tt.Dep[row+i-1] {
				panic(fmt.Sprintf("raptor: pattern %d trip %d runs backwards at position %d: arrives %d, departs %d", p, v, i, arr, dep))
			}
			if v > 0 && (arr < d.tt.Arr[row+i-n] || dep < d.tt.Dep[row+i-n]) {
				panic(fmt.Sprintf("raptor: pattern %d trip %d overtakes at position %d: arrives %d after %d", p, v, i, arr, d.tt.Arr[row+i-n]))
			}
			d.depCol[base+i*trips+v] = dep
		}
	}
	for i := range n {
		d.lastDep[d.tt.PatternStops[p]+i] = -units.Never
		if trips > 0 {
			d.lastDep[d.tt.PatternStops[p]+i] = d.tt.Dep[base+(trips-1)*n+i]
		}
	}
}

// shape is the number of stops and trips of a pattern and where its times are.
func (d *Data) shape(p units.PatternID) (stops, trips, base uint32) {
	t := d.tt
	return t.PatternStops[p+1] - t.PatternStops[p], t.PatternTrips[p+1] - t.PatternTrips[p], t.TimeFirst[p]
}

// column is the departures of a pattern at one place of Timetable.Stop, in
// order of trips.
func (d *Data) column(p units.PatternID, index uint32) []units.Seconds {
	_, trips, base := d.shape(p)
	pos := index - d.tt.PatternStops[p]
	return d.depCol[base+pos*trips : base+(pos+1)*trips]
}

// catch is the first trip of a column that departs at or after ready; the
// length of the column when there is none.
func catch(column []units.Seconds, ready units.Seconds) uint32 {
	lo, hi := uint32(0), uint32(len(column))
	for lo < hi {
		if mid := (lo + hi) / 2; column[mid] < ready {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}
