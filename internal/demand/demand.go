package demand

import (
	"math"
	"sort"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/random"
	"github.com/malikobaid/cityflow/internal/units"
)

// Model holds what all samples of one city share. It is immutable.
type Model struct {
	places    *city.Places
	order     []units.PlaceID // places with residents, in cluster order
	cumHome   []float64       // cumulative residents along order
	gravity   [city.NumPurposes]*Gravity
	byPlace   [city.NumPurposes]clusterPlaces
	Residents float64
}

// clusterPlaces lists, per cluster, the places that attract one purpose with
// cumulative weights.
type clusterPlaces struct {
	first []uint32
	place []units.PlaceID
	cum   []float64
}

// selfKM is the straight distance assumed for trips inside one 250 m cluster:
// the mean distance of two random points of a unit square is 0.52 sides.
const selfKM = 0.13

// New prepares the demand model of a city. x and y are the cluster positions
// in metres.
func New(places *city.Places, x, y []float32) *Model {
	n := places.NumClusters()
	m := &Model{places: places}
	for p := range places.Num() {
		if places.Residents[p] > 0 {
			m.order = append(m.order, units.PlaceID(p))
		}
	}
	sort.SliceStable(m.order, func(i, j int) bool {
		return places.Cluster[m.order[i]] < places.Cluster[m.order[j]]
	})
	m.cumHome = make([]float64, len(m.order))
	home := make([]float64, n)
	for i, p := range m.order {
		r := float64(places.Residents[p])
		m.Residents += r
		m.cumHome[i] = m.Residents
		home[places.Cluster[p]] += r
	}
	for purpose := range city.NumPurposes {
		attraction := make([]float64, n)
		for p, w := range places.Attraction[purpose] {
			attraction[places.Cluster[p]] += float64(w)
		}
		balanced := purpose == int(city.Work) || purpose == int(city.Education)
		m.gravity[purpose] = NewGravity(x, y, home, attraction, deterrence[purpose], selfKM, balanced)
		m.byPlace[purpose] = groupByCluster(places, places.Attraction[purpose], n)
	}
	return m
}

func groupByCluster(places *city.Places, weight []float32, n int) clusterPlaces {
	g := clusterPlaces{first: make([]uint32, n+1)}
	for p, w := range weight {
		if w > 0 {
			g.first[places.Cluster[p]+1]++
		}
	}
	for c := range n {
		g.first[c+1] += g.first[c]
	}
	g.place = make([]units.PlaceID, g.first[n])
	g.cum = make([]float64, g.first[n])
	next := append([]uint32(nil), g.first[:n]...)
	for p, w := range weight {
		if w > 0 {
			c := places.Cluster[p]
			i := next[c]
			next[c]++
			g.place[i] = units.PlaceID(p)
			g.cum[i] = float64(w)
			if i > g.first[c] {
				g.cum[i] += g.cum[i-1]
			}
		}
	}
	return g
}

func (g *clusterPlaces) draw(c int, u float64) units.PlaceID {
	lo, hi := g.first[c], g.first[c+1]
	cum := g.cum[lo:hi]
	i := sort.SearchFloat64s(cum, u*cum[len(cum)-1])
	return g.place[lo+uint32(min(i, len(cum)-1))]
}

// Period is the part of the day that is simulated, as clock times of the
// service date, and the profile that fills it.
type Period struct {
	Level Level
	// Load is when loading starts (before the window), From and To the window.
	Load, From, To units.Seconds
}

// Scale multiplies the weight of trips: a scenario's demand_scale.
type Scale [city.NumPurposes]float64

// NoScale leaves demand as it is.
func NoScale() Scale { return Scale{1, 1, 1, 1} }

// Trips are the trips of a sample that depart in [Load, To), sorted by tour
// (persons ascending, tours of a person in order), columns by trip. Tour
// columns are indexed by TripTour.
type Trips struct {
	Persons int
	// Weight is residents per sampled person.
	Weight float64
	// Tours.
	TourPerson  []uint32
	TourNumber  []uint8 // key of the tour within its person
	TourPurpose []city.Purpose
	TourCar     []bool // the person can use a car
	TourHome    []units.PlaceID
	TourFirst   []uint32 // CSR into the trip columns
	// Trips.
	TripTour     []uint32
	Origin, Dest []units.PlaceID
	DepartS      []float64
}

// NumTours and NumTrips are the lengths of the columns.
func (t *Trips) NumTours() int { return len(t.TourPerson) }

// NumTrips is the number of trips.
func (t *Trips) NumTrips() int { return len(t.Origin) }

// Keys of the two draws of a departure.
const (
	whichPeak = iota
	whichTime
)

// Sample draws n persons and their trips in a period.
func (m *Model) Sample(n int, seed uint64, period Period) *Trips {
	t := &Trips{Persons: n, Weight: m.Residents / float64(n), TourFirst: []uint32{0}}
	shift := float64(period.From - period.Level.Anchor())
	homeKey, kindKey, carKey := random.New(seed, random.Home), random.New(seed, random.Kind), random.New(seed, random.CarAvailable)
	h := 0
	for i := range n {
		id := uint64(i)
		target := (float64(i) + homeKey.At(id).Uniform()) / float64(n) * m.Residents
		for h < len(m.cumHome)-1 && m.cumHome[h] < target {
			h++
		}
		// Draws of neighbouring slices may step back by one slice at most.
		k := h
		for k > 0 && m.cumHome[k-1] >= target {
			k--
		}
		home := m.order[k]
		who := pickKind(kindKey.Even(id))
		car := carKey.Even(id) < CarAvailable
		for j := range tours[who] {
			m.addTour(t, seed, id, home, who, j, car, period, shift)
		}
	}
	return t
}

func pickKind(u float64) kind {
	for k, share := range kindShare {
		if u < share {
			return kind(k)
		}
		u -= share
	}
	return other
}

func (m *Model) addTour(t *Trips, seed, person uint64, home units.PlaceID, who kind, j int, car bool, period Period, shift float64) {
	r := &tours[who][j]
	tour := uint64(who)*kindStream + uint64(j)
	// Persons are numbered along the city, so that even draws spread kinds,
	// destinations and departure times over every neighbourhood: a small sample
	// then loads a street about as a large one does.
	key := func(p random.Purpose) random.Key { return random.New(seed, p).At(tour) }
	if key(random.TourMade).Even(person) >= r.rate {
		return
	}
	leave := leaveHour(r, key(random.Departure).At(whichPeak).Even(person), key(random.Departure).At(whichTime).Even(person))*3600 + shift
	stay := max(0.25, r.stay+r.staySD*random.Quantile(key(random.Duration).Even(person))) * 3600
	back := leave + stay
	in := func(s float64) bool { return s >= float64(period.Load) && s < float64(period.To) }
	if !in(leave) && !in(back) {
		return
	}
	cluster, ok := m.gravity[r.purpose].Draw(int(m.places.Cluster[home]), key(random.Destination).Even(person))
	if !ok {
		return
	}
	dest := m.byPlace[r.purpose].draw(cluster, key(random.Place).Even(person))
	if dest == home {
		return // a trip of no length is no trip
	}
	index := uint32(t.NumTours())
	t.TourPerson = append(t.TourPerson, uint32(person))
	t.TourNumber = append(t.TourNumber, uint8(tour))
	t.TourPurpose = append(t.TourPurpose, r.purpose)
	t.TourCar = append(t.TourCar, car)
	t.TourHome = append(t.TourHome, home)
	if in(leave) {
		t.addTrip(index, home, dest, leave)
	}
	if in(back) {
		t.addTrip(index, dest, home, back)
	}
	t.TourFirst = append(t.TourFirst, uint32(t.NumTrips()))
}

func (t *Trips) addTrip(tour uint32, from, to units.PlaceID, depart float64) {
	t.TripTour = append(t.TripTour, tour)
	t.Origin = append(t.Origin, from)
	t.Dest = append(t.Dest, to)
	t.DepartS = append(t.DepartS, math.Floor(depart))
}

// leaveHour is the time of leaving home: u picks the component of the mixture,
// v the place within it.
func leaveHour(r *tourRate, u, v float64) float64 {
	c := r.leave[len(r.leave)-1]
	for _, x := range r.leave {
		if u < x.share {
			c = x
			break
		}
		u -= x.share
	}
	return c.mean + c.sd*random.Quantile(v)
}
