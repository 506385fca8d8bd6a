package run

import (
	"context"
	"math"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// maxWalkM and maxBikeM: beyond them (straight line) nobody goes all the way
// by own force, and no path is searched (assumed; 2% of English trips on foot
// are longer).
const (
	maxWalkM = 6000
	maxBikeM = 20000
)

// sample is what both arms of a replication share: people, their trips, their
// random terms, and the distances on foot and by bicycle. No modification of
// this version changes walking or cycling, so the distances are measured once.
type sample struct {
	seed         uint64
	trips        *demand.Trips
	draws        []choice.Draws // by tour
	walkM, bikeM []float64      // by trip; +Inf where there is no way
	// bikeFlatM is the metres on the flat that take as long as the way by
	// bicycle does: bikeM itself where the city has no heights (hills.go).
	bikeFlatM []float64
	// charge is what drivers pay at their destination, money per car, by tour;
	// nil where nobody pays.
	charge []float64
}

func newSample(trips *demand.Trips, seed uint64) *sample {
	s := &sample{seed: seed, trips: trips, draws: make([]choice.Draws, trips.NumTours())}
	for t := range s.draws {
		s.draws[t] = choice.NewDraws(seed, trips.TourPerson[t], trips.TourNumber[t])
	}
	s.walkM = make([]float64, trips.NumTrips())
	s.bikeM = make([]float64, trips.NumTrips())
	s.bikeFlatM = s.bikeM
	return s
}

// measure fills the distances and charges of several samples.
func measure(ctx context.Context, w *world, samples []*sample) error {
	c := w.city
	for _, s := range samples {
		s.charge = charges(c, s.trips)
	}
	if w.hills != nil {
		for _, s := range samples {
			s.bikeFlatM = make([]float64, len(s.bikeM))
		}
	}
	pl := c.Projection()
	type item struct{ s, from, to int }
	const chunk = 64
	var items []item
	for i, s := range samples {
		for from := 0; from < s.trips.NumTrips(); from += chunk {
			items = append(items, item{i, from, min(from+chunk, s.trips.NumTrips())})
		}
	}
	walkers := make([]*routing.DistanceWorkspace, maxWorkers(len(items)))
	bikers := make([]*routing.DistanceWorkspace, maxWorkers(len(items)))
	climbers := make([]*routing.DistanceWorkspace, maxWorkers(len(items)))
	places := &c.Places
	return each(ctx, len(items), func(worker, i int) {
		if walkers[worker] == nil {
			walkers[worker], bikers[worker] = w.walk.NewWorkspace(), w.bike.NewWorkspace()
			if w.hills != nil {
				climbers[worker] = w.hills.NewWorkspace()
			}
		}
		s := samples[items[i].s]
		for t := items[i].from; t < items[i].to; t++ {
			o, d := s.trips.Origin[t], s.trips.Dest[t]
			ox, oy := pl.XY(places.Lon[o], places.Lat[o])
			dx, dy := pl.XY(places.Lon[d], places.Lat[d])
			straight := math.Hypot(ox-dx, oy-dy)
			ends := float64(places.AccessM[o] + places.AccessM[d])
			s.walkM[t] = distance(walkers[worker], places.WalkNode[o], places.WalkNode[d], straight, maxWalkM, ends)
			s.bikeM[t] = distance(bikers[worker], places.CarNode[o], places.CarNode[d], straight, maxBikeM, ends)
			if w.hills != nil {
				s.bikeFlatM[t] = distance(climbers[worker], places.CarNode[o], places.CarNode[d], straight, maxBikeM, ends)
			}
		}
	})
}

func distance(ws *routing.DistanceWorkspace, from, to units.NodeID, straight, most, ends float64) float64 {
	if straight > most {
		return math.Inf(1)
	}
	m, ok := ws.Distance(from, to)
	if !ok {
		return math.Inf(1)
	}
	return m + ends
}

// queries are the transit questions of a sample's trips.
func (s *sample) queries(places *city.Places) []journeyQuery {
	qs := make([]journeyQuery, s.trips.NumTrips())
	for t := range qs {
		qs[t] = journeyQuery{
			origin:  places.Cluster[s.trips.Origin[t]],
			dest:    places.Cluster[s.trips.Dest[t]],
			slot:    slotOf(s.trips.DepartS[t]),
			purpose: s.trips.TourPurpose[s.trips.TripTour[t]],
		}
	}
	return qs
}
