package raptor

import (
	"fmt"

	"github.com/malikobaid/cityflow/internal/units"
)

// Leg is one vehicle of a journey.
type Leg struct {
	Pattern         units.PatternID
	Trip            units.VehicleTripID
	Board, Alight   units.StopID
	BoardPos        int // position of Board in the pattern
	AlightPos       int
	BoardS, AlightS units.Seconds // clock times of departure and arrival
	WalkBeforeS     units.Seconds // the access walk, or the walk from the last Alight
}

// Parts are the durations a generalised cost is made of. They sum to arrival
// minus departure. Waits on the way count only time standing at stops.
type Parts struct {
	AccessS, WaitS, TransferWaitS, InVehicleS, TransferWalkS units.Seconds
	Boardings                                                int
	Fare                                                     float32 // money, summed over boardings
}

// Arrival is the arrival at a stop with exactly that many boardings;
// units.Never if there is no such label (see Search), or if fewer boardings
// arrive no later. Round 0 is the access walk.
func (s *Search) Arrival(round int, stop units.StopID) units.Seconds {
	switch {
	case round > s.filled:
		return units.Never
	case round == 0:
		return s.ready[stop]
	}
	return s.arr[round*s.stops+int(stop)]
}

// Journey appends the legs of a label to legs, in order of travel. It panics
// when there is no label. Round 0 has no legs.
func (s *Search) Journey(round int, stop units.StopID, legs []Leg) []Leg {
	s.mustHave(round, stop)
	first := len(legs)
	for range round {
		legs = append(legs, Leg{})
	}
	for k, at := round, stop; k > 0; k-- {
		r := &s.ride[k*s.stops+int(at)]
		stops := s.d.tt.StopsOf(r.pattern)
		board := stops[r.boardPos]
		from := &s.stand[(k-1)*s.stops+int(board)]
		legs[first+k-1] = Leg{
			Pattern: r.pattern, Trip: units.VehicleTripID(s.d.tt.PatternTrips[r.pattern] + r.trip),
			Board: board, Alight: at, BoardPos: int(r.boardPos), AlightPos: int(r.exitPos),
			BoardS: r.boardS, AlightS: s.arr[k*s.stops+int(at)], WalkBeforeS: from.lastS,
		}
		at = from.from
	}
	return legs
}

// Parts are the parts of a label, without building its legs. It panics when
// there is no label.
func (s *Search) Parts(round int, stop units.StopID) Parts {
	s.mustHave(round, stop)
	if round == 0 {
		return Parts{AccessS: s.stand[stop].walkS}
	}
	parts := Parts{Boardings: round}
	for k, at := round, int(stop); ; k-- {
		r := &s.ride[k*s.stops+at]
		parts.InVehicleS += s.arr[k*s.stops+at] - r.boardS
		parts.Fare += s.d.fare[r.pattern]
		board := (k-1)*s.stops + int(s.d.tt.Stop[s.d.tt.PatternStops[r.pattern]+r.boardPos])
		from := &s.stand[board]
		if k == 1 { // by departure, not by label: Range reuses labels
			parts.AccessS = from.lastS
			parts.WaitS = r.boardS - from.lastS - s.depart
			return parts
		}
		parts.TransferWalkS += from.lastS
		parts.TransferWaitS += r.boardS - s.ready[board]
		at = int(from.from)
	}
}

func (s *Search) mustHave(round int, stop units.StopID) {
	if s.Arrival(round, stop) == units.Never {
		panic(fmt.Sprintf("raptor: no journey with %d boardings to stop %d", round, stop))
	}
}
