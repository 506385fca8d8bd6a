package loading

import (
	"fmt"
	"sort"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/pq"
	"github.com/malikobaid/cityflow/internal/units"
)

// Ride is one leg of a planned transit journey.
type Ride struct {
	Pattern             units.PatternID
	Trip                units.VehicleTripID // the vehicle planned for
	BoardPos, AlightPos uint32              // positions in the pattern
	WalkS               units.Seconds       // walk to the boarding stop
}

// Journeys are the planned transit journeys of a run, as columns. Weight is
// persons: a sampled person stands for many, so seats fill with fractions.
type Journeys struct {
	StartS  []units.Seconds
	Weight  []float32
	EgressS []units.Seconds
	First   []uint32 // CSR into Ride
	Ride    []Ride
}

// PassengerObserver hears of boardings as they happen.
type PassengerObserver interface {
	// Board: weight persons of journey j board a vehicle trip at a clock time.
	Board(j uint32, p units.PatternID, v units.VehicleTripID, at units.Seconds, weight float32)
	// LeftBehind: weight persons find it full and wait for the next.
	LeftBehind(j uint32, p units.PatternID, v units.VehicleTripID, at units.Seconds, weight float32)
}

// PassengerLoader puts passengers into vehicles of limited capacity, in order
// of time. Vehicles run to timetable. Who finds a vehicle full waits for the
// next of the same pattern; who misses a connection takes the next one there.
// It is a workspace: reuse it, one per goroutine.
type PassengerLoader struct {
	tt   *city.Timetable
	load []float32 // by TimeFirst index: persons on board after stop i
	// The queue is ordered by (time, number): first come, first served.
	queue     pq.Queue
	boardings []boarding // of a run, by number
}

type boarding struct {
	j      uint32
	ride   uint32
	trip   units.VehicleTripID
	weight float32
}

// NewPassengerLoader prepares a loader for a timetable.
func NewPassengerLoader(tt *city.Timetable) *PassengerLoader {
	return &PassengerLoader{tt: tt, load: make([]float32, len(tt.Arr))}
}

// PassengerResult says when journeys end. ArriveS is the mean over the
// persons of a journey; those without any later vehicle count as arriving at
// the horizon, and stand in Stranded.
type PassengerResult struct {
	ArriveS  []float64
	WaitS    []float64 // mean wait at stops
	Stranded float64
}

// sliver is a fraction of a person too small to follow.
const sliver = 1e-4

// Run loads all journeys. horizon is the clock time that stands for "never".
func (l *PassengerLoader) Run(js *Journeys, horizon units.Seconds, obs PassengerObserver, res *PassengerResult) {
	n := len(js.StartS)
	res.ArriveS = resize(res.ArriveS, n)
	res.WaitS = resize(res.WaitS, n)
	clear(res.ArriveS)
	clear(res.WaitS)
	res.Stranded = 0
	clear(l.load)
	l.queue.Clear()
	l.boardings = l.boardings[:0]
	for j := range n {
		if js.First[j] == js.First[j+1] {
			panic(fmt.Sprintf("loading: journey %d has no ride", j))
		}
		l.next(js, uint32(j), js.First[j], js.StartS[j], js.Weight[j], horizon, res)
	}
	for l.queue.Len() > 0 {
		b := l.boardings[l.queue.Pop().ID()]
		r := &js.Ride[b.ride]
		arr, dep := l.tt.Times(r.Pattern, b.trip)
		slots := l.slots(r.Pattern, b.trip)
		room := l.tt.TripCapacity[b.trip] - slots[r.BoardPos]
		take := min(b.weight, max(0, room))
		if b.weight-take < sliver {
			take = b.weight
		}
		if take > 0 {
			for i := r.BoardPos; i < r.AlightPos; i++ {
				slots[i] += take
			}
			obs.Board(b.j, r.Pattern, b.trip, dep[r.BoardPos], take)
			l.alight(js, b.j, b.ride, arr[r.AlightPos], take, horizon, res)
		}
		if rest := b.weight - take; rest > 0 {
			obs.LeftBehind(b.j, r.Pattern, b.trip, dep[r.BoardPos], rest)
			next := b.trip + 1
			if uint32(next) >= l.tt.PatternTrips[r.Pattern+1] {
				l.strand(js, b.j, rest, horizon, res)
				continue
			}
			_, later := l.tt.Times(r.Pattern, next)
			res.WaitS[b.j] += float64(later[r.BoardPos]-dep[r.BoardPos]) * float64(rest/js.Weight[b.j])
			l.push(later[r.BoardPos], boarding{j: b.j, ride: b.ride, trip: next, weight: rest})
		}
	}
}

// alight ends a ride: the journey goes on, or ends after the egress walk.
func (l *PassengerLoader) alight(js *Journeys, j, ride uint32, at units.Seconds, weight float32, horizon units.Seconds, res *PassengerResult) {
	if ride+1 < js.First[j+1] {
		l.next(js, j, ride+1, at, weight, horizon, res)
		return
	}
	res.ArriveS[j] += float64(at+js.EgressS[j]) * float64(weight/js.Weight[j])
}

// next walks to a ride's stop and queues for the first vehicle that can be
// caught there.
func (l *PassengerLoader) next(js *Journeys, j, ride uint32, at units.Seconds, weight float32, horizon units.Seconds, res *PassengerResult) {
	r := &js.Ride[ride]
	ready := at + r.WalkS
	// The plan holds for those who come as planned; who is early or late takes
	// the first vehicle of the pattern that they catch.
	first, end := l.tt.PatternTrips[r.Pattern], l.tt.PatternTrips[r.Pattern+1]
	v := first + uint32(sort.Search(int(end-first), func(i int) bool {
		_, dep := l.tt.Times(r.Pattern, units.VehicleTripID(first+uint32(i)))
		return dep[r.BoardPos] >= ready
	}))
	if v < end {
		_, dep := l.tt.Times(r.Pattern, units.VehicleTripID(v))
		res.WaitS[j] += float64(dep[r.BoardPos]-ready) * float64(weight/js.Weight[j])
		l.push(dep[r.BoardPos], boarding{j: j, ride: ride, trip: units.VehicleTripID(v), weight: weight})
		return
	}
	l.strand(js, j, weight, horizon, res)
}

func (l *PassengerLoader) strand(js *Journeys, j uint32, weight float32, horizon units.Seconds, res *PassengerResult) {
	res.Stranded += float64(weight)
	res.ArriveS[j] += float64(horizon) * float64(weight/js.Weight[j])
}

// Load is the number of persons on board after each stop of a trip.
func (l *PassengerLoader) Load(p units.PatternID, v units.VehicleTripID) []float32 {
	return l.slots(p, v)
}

func (l *PassengerLoader) slots(p units.PatternID, v units.VehicleTripID) []float32 {
	n := l.tt.PatternStops[p+1] - l.tt.PatternStops[p]
	i := l.tt.TimeFirst[p] + (uint32(v)-l.tt.PatternTrips[p])*n
	return l.load[i : i+n]
}

// push queues a boarding.
func (l *PassengerLoader) push(at units.Seconds, b boarding) {
	l.queue.Push(float64(at), uint32(len(l.boardings)))
	l.boardings = append(l.boardings, b)
}
