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

	mode []city.Mode // by tour
	// share is the probability of each mode by tour, averaged like the
	// indicators.
	share [][city.NumModes]float64
	// Workspaces of fold, by tour and by trip.
	chance           [][city.NumModes]float64
	byCar, byTransit []float64 // minutes
	riding           []float64 // persons
	logsum           []float64 // by tour, equivalent minutes
	grid             []loading.Gridlock
	turned           []loading.Turned // rings that rolled on, some of them

	boarded passengerUse
	riders  riders
	loader  *loading.PassengerLoader
	result  loading.PassengerResult
}

// riders are the transit journeys that anybody may make.
type riders struct {
	js   loading.Journeys
	trip []uint32
}

// maxParty is the largest number of persons who travel as one, unless that
// makes more than maxParts parties of one sampled trip.
const (
	maxParty = 5
	maxParts = 6
	// fewest is the fraction of a person below which a journey is not followed.
	fewest = 0.01
)

// add plans the journey of a sampled trip. It stands for many people who would
// leave at different times, so it is split into equal parties on the vehicles
// around the planned one, spread as the platoons of a car trip are (parties).
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

func (u *passengerUse) LeftBehind(_ uint32, _ units.PatternID, _ units.VehicleTripID, at units.Seconds, weight float32) {
	if at >= u.from && at < u.to {
		u.left += float64(weight)
	}
}

func newOutcome(a *arm) *outcome {
	c := a.world.city
	areas := len(c.Places.AreaName)
	o := &outcome{
		kpi:    &kpi.Arm{AreaTrips: make([]float64, areas), AreaMin: make([]float64, areas)},
		volume: make([]float64, c.Net.NumLinks()),
		share:  make([][city.NumModes]float64, len(a.mode)), chance: make([][city.NumModes]float64, len(a.mode)),
		byCar: make([]float64, a.sample.trips.NumTrips()), byTransit: make([]float64, a.sample.trips.NumTrips()), riding: make([]float64, a.sample.trips.NumTrips()),
		loader: loading.NewPassengerLoader(&c.Timetable),
	}
	o.boarded = passengerUse{from: a.period.From, to: a.period.To, line: make([]float64, len(c.Timetable.Lines)), lineOf: c.Timetable.PatternLine}
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

// fold adds the present iteration with a weight. Cars are those drawn and
// loaded; everything else counts by probability: each tour travels by each mode
// with the share the choice model gives it, which has the same mean as one draw
// per tour and far less noise.
func (o *outcome) fold(a *arm, share float64) {
	t := a.sample.trips
	window := func(trip int) bool {
		return t.DepartS[trip] >= float64(a.period.From) && t.DepartS[trip] < float64(a.period.To)
	}
	for tour, m := range a.mode {
		o.chance[tour] = [city.NumModes]float64{}
		if m != stranded {
			o.chance[tour] = choice.Probabilities(&a.costs[tour], &a.ascs)
		}
		for mode, p := range o.chance[tour] {
			o.share[tour][mode] += share * p
		}
	}
	o.foldCars(a, share, window)
	o.foldTransit(a, share, window)
	for tour, drawn := range a.mode {
		if drawn == stranded {
			continue
		}
		weight := share * t.Weight * a.world.scale[t.TourPurpose[tour]]
		for trip := int(t.TourFirst[tour]); trip < int(t.TourFirst[tour+1]); trip++ {
			o.foldTrip(a, tour, trip, drawn, weight, window(trip))
		}
	}
}

// foldTrip adds one trip by all its modes.
func (o *outcome) foldTrip(a *arm, tour, trip int, drawn city.Mode, weight float64, inside bool) {
	var minutes [city.NumModes]float64
	minutes[city.Car] = o.byCar[trip]
	if drawn != city.Car {
		// Not loaded: what the street shows to those who think of driving.
		seconds, _ := a.mean(uint32(trip))
		minutes[city.Car] = seconds/60 + choice.CarAccessMin
	}
	minutes[city.Bike] = choice.BikeMin(a.sample.bikeFlatM[trip])
	minutes[city.Walk] = a.sample.walkM[trip] / choice.WalkMS / 60
	minutes[city.Transit] = o.byTransit[trip]
	if !inside {
		return
	}
	k := o.kpi
	area := a.world.city.Places.AreaOf[a.sample.trips.Origin[trip]]
	k.AreaTrips[area] += weight
	for m, p := range o.chance[tour] {
		if p == 0 {
			continue
		}
		k.Expected[m] += weight * p
		k.AreaMin[area] += weight * p * minutes[m]
		if city.Mode(m) != city.Car {
			k.Trips[m] += weight * p
			k.Min[m] += weight * p * minutes[m]
		}
	}
	if drawn == city.Car {
		k.Trips[city.Car] += weight
		k.Min[city.Car] += weight * minutes[city.Car]
		_, metres := a.mean(uint32(trip))
		k.KM[city.Car] += weight * metres / 1000
	}
	if p := o.chance[tour][city.Bike]; p > 0 {
		k.KM[city.Bike] += weight * p * a.sample.bikeM[trip] / 1000
	}
	if p := o.chance[tour][city.Walk]; p > 0 {
		k.KM[city.Walk] += weight * p * a.sample.walkM[trip] / 1000
	}
}

// foldCars reads arrivals: minutes per trip are means over its platoons, from
// the desired departure on, plus getting to and from the car.
func (o *outcome) foldCars(a *arm, share float64, window func(int) bool) {
	t := a.sample.trips
	clear(o.byCar)
	for p, at := range a.result.ArriveS {
		party := a.fleet.party[p]
		trip := int(a.trip[party])
		persons := float64(a.persons[party])
		weight := t.Weight * a.world.scale[t.TourPurpose[t.TripTour[trip]]]
		spent := (a.arrival(at) - a.fleet.dep.DepartS[p]) / 60
		o.byCar[trip] += (spent + choice.CarAccessMin) * persons / weight
		if !window(trip) {
			continue
		}
		free, metres := 0.0, 0.0
		for _, l := range a.path[party] {
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
	u.total, u.left = 0, 0
	r := &o.riders
	r.trip = r.trip[:0]
	j := &r.js
	j.StartS, j.Weight, j.EgressS, j.First, j.Ride = j.StartS[:0], j.Weight[:0], j.EgressS[:0], append(j.First[:0], 0), j.Ride[:0]
	for tour := range a.mode {
		weight := t.Weight * a.world.scale[t.TourPurpose[tour]] * o.chance[tour][city.Transit]
		if weight < fewest {
			continue
		}
		for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
			o.riders.add(&a.world.city.Timetable, trip, &a.journeys[trip], weight)
		}
	}
	o.loader.Run(j, a.period.To+horizonS, u, &o.result)
	clear(o.byTransit)
	clear(o.riding)
	for i, trip := range r.trip {
		o.byTransit[trip] += (o.result.ArriveS[i] - float64(j.StartS[i])) / 60 * float64(j.Weight[i])
		o.riding[trip] += float64(j.Weight[i])
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
	for trip, w := range o.riding {
		if w > 0 {
			o.byTransit[trip] /= w
		} else if jo := &a.journeys[trip]; jo.ok() {
			o.byTransit[trip] = jo.parts.TotalS() / 60
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
	o.chance, o.byCar, o.byTransit, o.riding = nil, nil, nil, nil
}

// pair compares the two arms of a replication tour by tour. Shifts are the
// fewest moves that lead from one arm's probabilities to the other's: who can
// stay stays, and modes that lose feed those that gain in proportion.
func pair(base, scen *outcome, s *sample, b, w *world, from, to units.Seconds) *kpi.Pair {
	p := &kpi.Pair{}
	t := s.trips
	for tour := range base.share {
		p0, p1 := &base.share[tour], &scen.share[tour]
		trips := 0.0
		for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
			if t.DepartS[trip] >= float64(from) && t.DepartS[trip] < float64(to) {
				trips++
			}
		}
		if trips == 0 || base.mode[tour] == stranded || scen.mode[tour] == stranded {
			continue
		}
		// People the scenario adds or removes (demand_scale) have no pair.
		purpose := t.TourPurpose[tour]
		weight := trips * t.Weight * min(b.scale[purpose], w.scale[purpose])
		p.BenefitH += weight * (base.logsum[tour] - scen.logsum[tour]) / 60
		gained := 0.0
		for m := range p0 {
			gained += max(0, p1[m]-p0[m])
			p.Shift[m][m] += weight * min(p0[m], p1[m])
		}
		if gained == 0 {
			continue
		}
		for i := range p0 {
			for j := range p0 {
				if lost, gain := p0[i]-p1[i], p1[j]-p0[j]; lost > 0 && gain > 0 {
					p.Shift[i][j] += weight * lost * gain / gained
				}
			}
		}
	}
	return p
}
