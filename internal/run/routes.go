package run

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/random"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// parties are the platoons that the car trips of a sample would make, all of
// those who have a car, whether or not they drive. A sampled trip of v vehicles
// is n = ceil(v/5) equal platoons; capacity and storage are never scaled. They
// stand for different people: each has a departure, a taste and a route of its
// own. Departures are spread evenly, with a phase of the trip's own, around its
// departure: over half a quarter hour per platoon, at most three quarter hours.
// The wider the fewer trips there are to average over: with a fixed quarter hour
// a small sample jams streets that a large one does not
// (docs/decisions/model.md). Immutable; columns by party.
type parties struct {
	first   []uint32 // those of a trip: first[trip]..first[trip+1]
	trip    []uint32
	departS []float64
	taste   []uint8
	size    []float32 // vehicles; 0 where nobody travels for this purpose
	persons []float32
	order   []uint32 // by departure, then party
}

func newParties(s *sample, scale demand.Scale) *parties {
	t := s.trips
	p := &parties{first: make([]uint32, t.NumTrips()+1)}
	for tour := range t.NumTours() {
		purpose := t.TourPurpose[tour]
		persons := t.Weight * scale[purpose]
		vehicles := persons / demand.Occupancy[purpose]
		n := max(1, int(math.Ceil(vehicles/maxPlatoon-1e-9)))
		taste := tasteOf(s.seed, t.TourPerson[tour])
		for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
			p.first[trip] = uint32(len(p.trip))
			if !t.TourCar[tour] {
				continue
			}
			spread, phase := 0.0, 0.5
			if n > 1 {
				spread = binS * min(maxSlots, float64(n)/2)
				phase = random.New(s.seed, random.Departure).At(uint64(t.TourPerson[tour])).At(uint64(t.TourNumber[tour])).At(uint64(trip-t.TourFirst[tour]) + 2).Uniform()
			}
			for k := range n {
				p.trip = append(p.trip, trip)
				p.departS = append(p.departS, t.DepartS[trip]+((float64(k)+phase)/float64(n)-0.5)*spread)
				// The one in the middle has the taste of the person.
				p.taste = append(p.taste, uint8((taste+k+tastes*n-n/2)%tastes))
				p.size = append(p.size, float32(vehicles/float64(n)))
				p.persons = append(p.persons, float32(persons/float64(n)))
			}
		}
	}
	p.first[t.NumTrips()] = uint32(len(p.trip))
	p.order = make([]uint32, len(p.trip))
	for i := range p.order {
		p.order[i] = uint32(i)
	}
	slices.SortFunc(p.order, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(p.departS[a], p.departS[b]), cmp.Compare(a, b))
	})
	return p
}

// routes are the car paths of parties and what they cost: columns by party.
type routes struct {
	*parties
	path    [][]units.LinkID
	seconds []float64 // +Inf: no way
	metres  []float64
}

func newRoutes(p *parties) *routes {
	n := len(p.trip)
	return &routes{parties: p, path: make([][]units.LinkID, n), seconds: make([]float64, n), metres: make([]float64, n)}
}

// clone is a copy that can be changed; paths are replaced whole, never in place,
// so they are shared.
func (r *routes) clone() *routes {
	return &routes{parties: r.parties, path: slices.Clone(r.path), seconds: slices.Clone(r.seconds), metres: slices.Clone(r.metres)}
}

// take gives a party a new path, which is copied.
func (r *routes) take(party uint32, path []units.LinkID, c routing.Cost, ok bool) {
	r.path[party] = append(make([]units.LinkID, 0, len(path)), path...)
	r.seconds[party], r.metres[party] = c.Seconds, c.Metres
	if !ok {
		r.seconds[party] = math.Inf(1)
	}
}

// mean are the seconds and metres of a trip by car: means over its parties.
func (r *routes) mean(trip uint32) (seconds, metres float64) {
	from, to := r.first[trip], r.first[trip+1]
	for i := from; i < to; i++ {
		seconds += r.seconds[i]
		metres += r.metres[i]
	}
	return seconds / float64(to-from), metres / float64(to-from)
}

// timesOf are the link times of the common state in a world: no link faster
// than its own empty street.
func timesOf(w *world, state *State, period demand.Period) *routing.Times {
	t := newTimes(period, w.free)
	for i, s := range state.Times {
		t.T[i] = max(t.T[i], s)
	}
	return t
}

// planAll plans everybody who has a car on the common state: the routes from
// which the arms of a world set out.
func planAll(ctx context.Context, w *world, samples []*sample, state *State, period demand.Period) ([]*routes, error) {
	times := timesOf(w, state, period)
	out := make([]*routes, len(samples))
	for i, s := range samples {
		out[i] = newRoutes(newParties(s, w.scale))
	}
	planners := make([]*planner, maxWorkers(tastes))
	err := each(ctx, tastes, func(worker, taste int) {
		if planners[worker] == nil {
			planners[worker] = newPlanner(w, period)
		}
		p := planners[worker]
		for i, r := range out {
			which := p.which[:0]
			for party, t := range r.taste {
				if int(t) == taste {
					which = append(which, uint32(party))
				}
			}
			p.which = which
			p.each(samples[i], r.parties, times, which, func(party uint32, path []units.LinkID, c routing.Cost, ok bool) {
				r.take(party, path, c, ok)
			})
		}
	})
	return out, err
}
