package run

import (
	"context"
	"math"

	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// routes are the car paths of a sample's trips and what they cost when they
// were planned: columns by trip.
type routes struct {
	path       [][]units.LinkID
	carS, carM []float64 // seconds (+Inf: no way) and metres
	felt       []float64 // generalised cost to the traveller's taste
}

func newRoutes(trips int) *routes {
	return &routes{path: make([][]units.LinkID, trips), carS: make([]float64, trips), carM: make([]float64, trips), felt: make([]float64, trips)}
}

// clone is a copy that can be changed; paths are replaced whole, never in place,
// so they are shared.
func (r *routes) clone() *routes {
	return &routes{
		path: append([][]units.LinkID(nil), r.path...),
		carS: append([]float64(nil), r.carS...), carM: append([]float64(nil), r.carM...), felt: append([]float64(nil), r.felt...),
	}
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

// planAll plans everybody who can use a car on the common state: the routes
// from which the arms of a world set out.
func planAll(ctx context.Context, w *world, samples []*sample, state *State, period demand.Period) ([]*routes, error) {
	times := timesOf(w, state, period)
	const block = 32
	type item struct{ sample, from, to int }
	var items []item
	out := make([]*routes, len(samples))
	for i, s := range samples {
		out[i] = newRoutes(s.trips.NumTrips())
		for from := 0; from < s.trips.NumTours(); from += block {
			items = append(items, item{i, from, min(from+block, s.trips.NumTours())})
		}
	}
	planners := make([]*planner, maxWorkers(len(items)))
	err := each(ctx, len(items), func(worker, i int) {
		if planners[worker] == nil {
			planners[worker] = newPlanner(w, period)
		}
		it := items[i]
		for tour := it.from; tour < it.to; tour++ {
			if samples[it.sample].trips.TourCar[tour] {
				planners[worker].plan(samples[it.sample], out[it.sample], times, tour, false)
			}
		}
	})
	return out, err
}

// planner searches paths for the tours of a sample; one per goroutine.
type planner struct {
	w      *world
	search *routing.Workspace
	guides *guides
	spare  []units.LinkID
}

func newPlanner(w *world, period demand.Period) *planner {
	return &planner{w: w, search: w.graph.NewWorkspace(), guides: newGuides(w.graph, period)}
}

// plan finds the best car paths of a tour on link times and returns their
// generalised cost. With look the traveller only looks: nothing changes.
func (p *planner) plan(s *sample, r *routes, times *routing.Times, tour int, look bool) (best float64) {
	t := s.trips
	places := &p.w.city.Places
	p.search.Taste(p.w.tastes[tasteOf(s.seed, t.TourPerson[tour])])
	for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
		p.search.Guide(p.guides.at(times, t.DepartS[trip]))
		path, cost, ok := p.search.Path(times, places.CarNode[t.Origin[trip]], places.CarNode[t.Dest[trip]], t.DepartS[trip], p.spare[:0])
		p.spare = path
		best += cost.Generalised
		if look {
			continue
		}
		r.path[trip] = append([]units.LinkID(nil), path...)
		r.carS[trip], r.carM[trip], r.felt[trip] = cost.Seconds, cost.Metres, cost.Generalised
		if !ok {
			r.carS[trip] = math.Inf(1)
		}
	}
	return best
}
