package run

import (
	"math"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/kpi"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
)

// maxTurnedNamed bounds the rings an outcome remembers by name.
const maxTurnedNamed = 8

// outcome is what one arm of one replication came to: indicators averaged over
// the last iterations, and the last state trip by trip for pairing the arms.
type outcome struct {
	kpi    *kpi.Arm
	volume []float64 // by link, summed over the averaged iterations
	log    []iteration

	mode    []city.Mode // by tour
	minutes []float64   // by trip
	logsum  []float64   // by tour, equivalent minutes
	grid    []loading.Gridlock
	turned  []loading.Turned // rings that rolled on, some of them

	boarded  passengerUse
	expected []float64 // boardings by line, by probability
	riders   riders
	loader   *loading.PassengerLoader
	result   loading.PassengerResult
}

// riders are the transit journeys of the present mode choice.
type riders struct {
	js   loading.Journeys
	trip []uint32
}

// maxParty is the largest number of persons who travel as one, unless that
// makes more than maxParts parties of one sampled trip.
const (
	maxParty = 5
	maxParts = 6
)

// add plans the journey of a sampled trip. It stands for many people who would
// leave at different times, so it is split into equal parties on the vehicles
// around the planned one, spread as the platoons of a car trip are (fleet.fill).
func (r *riders) add(tt *city.Timetable, trip uint32, jo *journey, weight float64) {
	n := int(min(math.Ceil(weight/maxParty-1e-9), maxParts))
	spread := binS * min(maxSlots, float64(n)/2)
	first := &jo.rides[0]
	_, planned := tt.Times(first.Pattern, first.Trip)
	from, to := tt.PatternTrips[first.Pattern], tt.PatternTrips[first.Pattern+1]
	for k := range n {
		v := first.Trip
		if n > 1 {
			wish := float64(planned[first.BoardPos]) + ((float64(k)+0.5)/float64(n)-0.5)*spread
			// The vehicle nearest to the wish; the planned one wins ties.
			best := math.Abs(float64(planned[first.BoardPos]) - wish)
			for c := from; c < to; c++ {
				_, dep := tt.Times(first.Pattern, units.VehicleTripID(c))
				if d := math.Abs(float64(dep[first.BoardPos]) - wish); d < best {
					best, v = d, units.VehicleTripID(c)
				}
			}
		}
		_, dep := tt.Times(first.Pattern, v)
		j := &r.js
		j.StartS = append(j.StartS, jo.start+dep[first.BoardPos]-planned[first.BoardPos])
		j.Weight = append(j.Weight, float32(weight/float64(n)))
		j.EgressS = append(j.EgressS, jo.egress)
		j.Ride = append(j.Ride, jo.rides...)
		j.Ride[len(j.Ride)-len(jo.rides)].Trip = v
		j.First = append(j.First, uint32(len(j.Ride)))
		r.trip = append(r.trip, trip)
	}
}

// passengerUse hears of boardings and folds those inside the window.
type passengerUse struct {
	from, to units.Seconds
	line     []float64 // boardings by line
	planned  []float64 // boardings by line had every vehicle room
	total    float64
	left     float64
	lineOf   []units.LineID
}

func (u *passengerUse) Board(_ uint32, p units.PatternID, _ units.VehicleTripID, at units.Seconds, weight float32) {
	if at >= u.from && at < u.to {
		u.line[u.lineOf[p]] += float64(weight)
		u.total += float64(weight)
	}
}

// room is the share of the planned boardings of a line that took place.
func (u *passengerUse) room(l units.LineID) float64 {
	if u.planned[l] == 0 {
		return 1
	}
	return min(1, u.line[l]/u.planned[l])
}

func (u *passengerUse) LeftBehind(_ uint32, _ units.PatternID, _ units.VehicleTripID, at units.Seconds, weight float32) {
	if at >= u.from && at < u.to {
		u.left += float64(weight)
	}
}

func newOutcome(a *arm) *outcome {
	c := a.world.city
	areas := len(c.Places.AreaName)
	o := &outcome{
		kpi:      &kpi.Arm{AreaTrips: make([]float64, areas), AreaMin: make([]float64, areas)},
		volume:   make([]float64, c.Net.NumLinks()),
		minutes:  make([]float64, a.sample.trips.NumTrips()),
		loader:   loading.NewPassengerLoader(&c.Timetable),
		expected: make([]float64, len(c.Timetable.Lines)),
	}
	o.boarded = passengerUse{from: a.period.From, to: a.period.To, line: make([]float64, len(c.Timetable.Lines)), planned: make([]float64, len(c.Timetable.Lines)), lineOf: c.Timetable.PatternLine}
	o.kpi.Lines = linesInWindow(&c.Timetable, a.period.From, a.period.To)
	return o
}

// linesInWindow lists the lines with a vehicle leaving its first stop inside
// the window; service outside it is no part of the statistics.
func linesInWindow(tt *city.Timetable, from, to units.Seconds) []kpi.LineUse {
	departs := make([]int, len(tt.Lines))
	for p := range tt.NumPatterns() {
		for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
			if _, dep := tt.Times(units.PatternID(p), units.VehicleTripID(v)); dep[0] >= from && dep[0] < to {
				departs[tt.PatternLine[p]]++
			}
		}
	}
	var use []kpi.LineUse
	for l, n := range departs {
		if n > 0 {
			use = append(use, kpi.LineUse{ID: tt.Lines[l].ID, Name: tt.Lines[l].Name, Mode: tt.Lines[l].Mode.String(), Departs: n})
		}
	}
	return use
}

// fold adds the present iteration with a weight.
func (o *outcome) fold(a *arm, share float64) {
	t := a.sample.trips
	window := func(trip int) bool {
		return t.DepartS[trip] >= float64(a.period.From) && t.DepartS[trip] < float64(a.period.To)
	}
	clear(o.minutes)
	o.foldCars(a, share, window)
	o.foldTransit(a, share, window)
	for tour, m := range a.mode {
		if m == stranded {
			continue
		}
		weight := share * t.Weight * a.world.scale[t.TourPurpose[tour]]
		o.expect(a, tour, weight, window)
		for trip := int(t.TourFirst[tour]); trip < int(t.TourFirst[tour+1]); trip++ {
			if m == city.Bike || m == city.Walk {
				o.minutes[trip] = a.sample.minutesOf(trip, m)
			}
			if !window(trip) {
				continue
			}
			area := a.world.city.Places.AreaOf[t.Origin[trip]]
			o.kpi.Trips[m] += weight
			o.kpi.Min[m] += weight * o.minutes[trip]
			o.kpi.AreaTrips[area] += weight
			o.kpi.AreaMin[area] += weight * o.minutes[trip]
			switch m {
			case city.Car:
				o.kpi.KM[m] += weight * a.carM[trip] / 1000
			case city.Bike:
				o.kpi.KM[m] += weight * a.sample.bikeM[trip] / 1000
			case city.Walk:
				o.kpi.KM[m] += weight * a.sample.walkM[trip] / 1000
			}
		}
	}
}

// expect adds a tour's trips by probability, and the boardings they would make.
func (o *outcome) expect(a *arm, tour int, weight float64, window func(int) bool) {
	t := a.sample.trips
	p := choice.Probabilities(&a.costs[tour], &a.ascs)
	for trip := int(t.TourFirst[tour]); trip < int(t.TourFirst[tour+1]); trip++ {
		if window(trip) {
			for m := range p {
				o.kpi.Expected[m] += weight * p[m]
			}
		}
		if p[city.Transit] == 0 {
			continue
		}
		rides := a.journeys[trip].rides
		for i := range rides {
			if l, ok := o.rideInWindow(a, &rides[i]); ok {
				o.expected[l] += weight * p[city.Transit] * o.boarded.room(l)
			}
		}
	}
}

// rideInWindow is the line of a planned ride that boards inside the window.
func (o *outcome) rideInWindow(a *arm, r *loading.Ride) (units.LineID, bool) {
	tt := &a.world.city.Timetable
	_, dep := tt.Times(r.Pattern, r.Trip)
	at := dep[r.BoardPos]
	return tt.PatternLine[r.Pattern], at >= a.period.From && at < a.period.To
}

// foldCars reads arrivals: minutes per trip are means over its platoons, from
// the desired departure on, plus getting to and from the car.
func (o *outcome) foldCars(a *arm, share float64, window func(int) bool) {
	t := a.sample.trips
	for p, at := range a.result.ArriveS {
		trip := int(a.fleet.trip[p])
		persons := float64(a.fleet.persons[p])
		weight := t.Weight * a.world.scale[t.TourPurpose[t.TripTour[trip]]]
		spent := (a.arrival(at) - a.fleet.dep.DepartS[p]) / 60
		o.minutes[trip] += (spent + choice.CarAccessMin) * persons / weight
		if !window(trip) {
			continue
		}
		free, metres := 0.0, 0.0
		for _, l := range a.path[trip] {
			free += float64(a.world.free[l])
			metres += float64(a.world.city.Net.LengthM[l])
		}
		o.kpi.CarDelayMin += share * persons * max(0, spent-free/60)
		o.kpi.VehicleKM += share * float64(a.fleet.dep.Size[p]) * metres / 1000
		if at > float64(a.period.To+horizonS) {
			o.kpi.Stuck += share * persons
		}
	}
	// The loader reuses its result: keep copies.
	o.grid = o.grid[:0]
	for _, g := range a.result.Gridlock {
		o.grid = append(o.grid, loading.Gridlock{Links: append([]units.LinkID(nil), g.Links...), SinceS: g.SinceS})
	}
	o.kpi.RingTurns += share * float64(a.result.Turns)
	for _, r := range a.result.Turned {
		if len(o.turned) < maxTurnedNamed {
			o.turned = append(o.turned, r)
		}
	}
}

func (o *outcome) foldTransit(a *arm, share float64, window func(int) bool) {
	t := a.sample.trips
	u := &o.boarded
	clear(u.line)
	clear(u.planned)
	u.total, u.left = 0, 0
	r := &o.riders
	r.trip = r.trip[:0]
	j := &r.js
	j.StartS, j.Weight, j.EgressS, j.First, j.Ride = j.StartS[:0], j.Weight[:0], j.EgressS[:0], append(j.First[:0], 0), j.Ride[:0]
	for tour, m := range a.mode {
		weight := t.Weight * a.world.scale[t.TourPurpose[tour]]
		if m != city.Transit || weight == 0 {
			continue
		}
		for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
			jo := &a.journeys[trip]
			for i := range jo.rides {
				if l, ok := o.rideInWindow(a, &jo.rides[i]); ok {
					u.planned[l] += weight
				}
			}
			o.riders.add(&a.world.city.Timetable, trip, jo, weight)
		}
	}
	o.loader.Run(j, a.period.To+horizonS, u, &o.result)
	for i, trip := range r.trip {
		whole := t.Weight * a.world.scale[t.TourPurpose[t.TripTour[trip]]]
		o.minutes[trip] += (o.result.ArriveS[i] - float64(j.StartS[i])) / 60 * float64(j.Weight[i]) / whole
		if !window(int(trip)) {
			continue
		}
		weight := share * float64(j.Weight[i])
		parts := &a.journeys[trip].parts
		o.kpi.WaitMin += weight * o.result.WaitS[i] / 60
		o.kpi.WalkMin += weight * float64(parts.AccessS+parts.EgressS+parts.TransferWalkS) / 60
		if parts.Boardings > 1 {
			o.kpi.Transferred += weight
		}
	}
	o.kpi.Boardings += share * u.total
	o.kpi.LeftBehind += share * u.left
	tt := &a.world.city.Timetable
	use := 0
	for l := range tt.Lines {
		if use < len(o.kpi.Lines) && o.kpi.Lines[use].ID == tt.Lines[l].ID {
			o.kpi.Lines[use].Boardings += share * u.line[l]
			use++
		}
	}
	// The busiest vehicle of each line that leaves in the window.
	most := make([]float64, len(tt.Lines))
	for p := range tt.NumPatterns() {
		for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
			_, dep := tt.Times(units.PatternID(p), units.VehicleTripID(v))
			if dep[0] < a.period.From || dep[0] >= a.period.To {
				continue
			}
			for _, load := range o.loader.Load(units.PatternID(p), units.VehicleTripID(v)) {
				most[tt.PatternLine[p]] = max(most[tt.PatternLine[p]], float64(load))
			}
		}
	}
	use = 0
	for l := range tt.Lines {
		if use < len(o.kpi.Lines) && o.kpi.Lines[use].ID == tt.Lines[l].ID {
			o.kpi.Lines[use].MaxLoad += share * most[l]
			use++
		}
	}
}

// finish keeps the last state for pairing and drops the workspaces.
func (o *outcome) finish(a *arm, average int) {
	for l := range o.volume {
		o.volume[l] /= float64(average)
	}
	use := 0
	for l, line := range a.world.city.Timetable.Lines {
		if use < len(o.kpi.Lines) && o.kpi.Lines[use].ID == line.ID {
			o.kpi.Lines[use].Expected = o.expected[l]
			use++
		}
	}
	o.kpi.RelativeGap = a.log[len(a.log)-1].Gap
	o.kpi.GridlockLinks = len(o.grid)
	o.mode = a.mode
	o.log = a.log
	o.logsum = make([]float64, len(a.costs))
	for tour := range a.costs {
		if a.mode[tour] != stranded {
			o.logsum[tour] = choice.LogsumMin(&a.costs[tour], &a.ascs)
		}
	}
	o.loader, o.riders, o.result = nil, riders{}, loading.PassengerResult{}
}

// pair compares the two arms of a replication trip by trip.
func pair(base, scen *outcome, s *sample, b, w *world, from, to units.Seconds) *kpi.Pair {
	p := &kpi.Pair{}
	t := s.trips
	for tour := range base.mode {
		m0, m1 := base.mode[tour], scen.mode[tour]
		if m0 == stranded || m1 == stranded {
			continue
		}
		// People the scenario adds or removes (demand_scale) have no pair.
		purpose := t.TourPurpose[tour]
		weight := t.Weight * min(b.scale[purpose], w.scale[purpose])
		for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
			if t.DepartS[trip] < float64(from) || t.DepartS[trip] >= float64(to) {
				continue
			}
			p.Shift[m0][m1] += weight
			p.BenefitH += weight * (base.logsum[tour] - scen.logsum[tour]) / 60
			switch d := scen.minutes[trip] - base.minutes[trip]; {
			case d < -kpi.ChangeMin:
				p.Faster += weight
			case d > kpi.ChangeMin:
				p.Slower += weight
			}
		}
	}
	return p
}
