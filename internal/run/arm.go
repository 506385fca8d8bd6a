package run

import (
	"context"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/random"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// arm is one arm of one replication: the loop choice <-> routing <-> loading.
type arm struct {
	world  *world
	sample *sample
	period demand.Period
	money  choice.Money
	ascs   choice.Constants

	journeys []journey // by trip
	costs    []choice.Costs
	mode     []city.Mode
	*routes

	planner *planner
	loader  *loading.Loader
	rec     *recorder
	fleet   fleet
	times   *routing.Times
	result  *loading.Result
	log     []iteration
	which   []uint32
	excess  []float64
	// iterations is how many there will be, 0 for the common state.
	iterations int
}

// iteration is one line of convergence.csv.
type iteration struct {
	Gap      float64 // relative gap of the drivers who looked
	GapHalf  float64 // half-width of its 95% interval: not all drivers are held against the best path
	Tenth    float64 // part of the gap that lies with the tenth of them who lose most
	Surprise float64 // by how much link times differed from those expected, of the time driven
	Looked   float64 // share of drivers who looked
	Moved    float64 // share of those who changed route
	Switched float64 // share of the tours that chose again and changed mode
	CarMin   float64 // mean travel time of all car trips
	Stuck    int     // platoons not arrived at the horizon
}

// newArm sets one arm up to start from the common state and planned routes.
func newArm(w *world, s *sample, journeys []journey, state *State, planned *routes, period demand.Period, money choice.Money) *arm {
	a := &arm{world: w, sample: s, period: period, money: money, ascs: state.Constants, journeys: journeys, routes: planned.clone()}
	a.costs = make([]choice.Costs, s.trips.NumTours())
	a.mode = make([]city.Mode, s.trips.NumTours())
	a.planner = newPlanner(w, period)
	a.loader = loading.New(w.links)
	a.times = timesOf(w, state, period)
	a.rec = newRecorder(period, len(w.free), a.times.Bins)
	return a
}

// price sets the generalised costs of a tour: means over its trips.
func (a *arm) price(tour int) {
	t, s := a.sample.trips, a.sample
	purpose := t.TourPurpose[tour]
	var c choice.Costs
	n := 0.0
	for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
		n++
		if t.TourCar[tour] {
			seconds, metres := a.mean(trip)
			c[city.Car] += choice.CarMin(seconds, metres, purpose, demand.Occupancy[purpose], a.money)
		}
		c[city.Bike] += choice.BikeMin(s.bikeFlatM[trip])
		c[city.Walk] += choice.WalkMin(s.walkM[trip])
		if j := &a.journeys[trip]; j.ok() {
			c[city.Transit] += choice.TransitMin(&j.parts, purpose, a.money)
		} else {
			c[city.Transit] = choice.Unavailable
		}
	}
	for m := range c {
		c[m] /= n
	}
	if s.charge != nil { // a tour is there and back, whatever of it lies in the period
		c[city.Car] += choice.ChargeMin(s.charge[tour]/2, purpose, demand.Occupancy[purpose], a.money)
	}
	if !t.TourCar[tour] {
		c[city.Car] = choice.Unavailable
	}
	a.costs[tour] = c
}

// stranded tours have no way to travel at all; they stay at home and are
// counted in the report. Their mode is NumModes.
const stranded = city.Mode(city.NumModes)

func (a *arm) choose(tour int) {
	for _, c := range a.costs[tour] {
		if !math.IsInf(c, 1) {
			a.mode[tour] = choice.Choose(&a.costs[tour], &a.ascs, &a.sample.draws[tour])
			return
		}
	}
	a.mode[tour] = stranded
}

// start prices and chooses for everybody on the common state.
func (a *arm) start() {
	for tour := range a.costs {
		a.price(tour)
		a.choose(tour)
	}
}

// load runs the streets once and renews the expected link times; fresh is the
// weight of this run in them. It returns how surprised drivers were.
func (a *arm) load(volume []float64, fresh float32) (surprise float64) {
	a.fleet.fill(a.sample.trips, a.routes, a.mode)
	a.rec.begin(&a.fleet.dep, volume)
	a.result = a.loader.Run(&a.fleet.dep, float64(a.period.To+horizonS), a.rec)
	a.rec.standing(a.result, float64(a.period.To+horizonS))
	return a.rec.times(a.world.free, a.times, fresh)
}

// looks says whether the people of a taste look round after iteration i: half
// of the tastes do, in turn.
func looks(i int, taste uint8) bool { return int(taste)%2 == i%2 }

// patience is how the chance to change route falls over the second half of the
// iterations, to nothing after the last: when few move from one day to the next,
// the day is the one that they expected. The common state is a mean over its
// last days instead, and does without.
func (a *arm) patience(i int) float64 {
	if a.iterations == 0 {
		return 1
	}
	return min(1, 2*float64(a.iterations-1-i)/float64(a.iterations))
}

// fewestLook is the least part of the drivers of a round who look for a better
// route even when hardly anybody may take it: the gap is measured on them.
const fewestLook = 0.1

// swap times the part of the present cost that a better route saves is the
// chance to change to it, at most eager; for less than a band nobody changes: it
// would move many and save little. All are assumed, after trials on Newport
// (docs/decisions/model.md).
const (
	swap  = 5
	eager = 0.5
	band  = 0.05
	// freshness is the weight of the last day in what people expect: half
	// damps the swing of everybody fleeing yesterday's queue.
	freshness = 0.5
)

// replan lets the people of some tastes look for better routes on the expected
// times and choose their mode again. Who drives changes route with a chance in
// proportion to what it saves (a keyed draw by party), so that those who lose
// most move first and hardly anybody moves where all is well: swapping in
// proportion to excess cost (Smith 1984; for paths of dynamic assignment Lu,
// Mahmassani and Zhou 2009).
func (a *arm) replan(i int, row *iteration) {
	t := a.sample.trips
	key := random.New(a.sample.seed, random.Replan).At(uint64(i))
	driving := func(party uint32) bool { return a.mode[t.TripTour[a.trip[party]]] == city.Car }
	// A party's draw for changing route. Whose draw is above all chances need not
	// search: the gap is then that of a random part of the drivers.
	draw := func(party uint32) float64 {
		return key.At(uint64(a.trip[party])).At(uint64(party - a.first[a.trip[party]])).Uniform()
	}
	patience := a.patience(i)
	a.which = a.which[:0]
	var drivers, looked, moved float64
	for party, taste := range a.taste {
		drives := driving(uint32(party))
		if drives {
			drivers++
		}
		if looks(i, taste) && (!drives || draw(uint32(party)) < max(patience*eager, fewestLook)) {
			a.which = append(a.which, uint32(party))
		}
	}
	var held gapSum
	a.excess = a.excess[:0]
	a.planner.each(a.sample, a.parties, a.times, a.which, func(party uint32, path []units.LinkID, c routing.Cost, ok bool) {
		now := a.world.graph.PathCost(a.times, a.path[party], a.departS[party], a.world.tastes[a.taste[party]])
		if !driving(party) {
			a.take(party, path, c, ok)
			return
		}
		looked++
		saved := max(0, now.Generalised-c.Generalised)
		held.add(now.Generalised, saved)
		a.excess = append(a.excess, saved)
		if saved > band*now.Generalised && draw(party) < patience*min(eager, swap*saved/now.Generalised) {
			a.take(party, path, c, ok)
			moved++
		} else if !math.IsInf(a.seconds[party], 1) {
			a.seconds[party] = now.Seconds
		}
	})
	row.gap(&held, a.excess)
	if drivers > 0 {
		row.Looked = looked / drivers
	}
	if looked > 0 {
		row.Moved = moved / looked
	}
	var tours, switched float64
	for tour := range a.costs {
		if !t.TourCar[tour] || !looks(i, uint8(tasteOf(a.sample.seed, t.TourPerson[tour]))) {
			continue
		}
		a.renew(tour)
		a.price(tour)
		tours++
		before := a.mode[tour]
		a.choose(tour)
		if a.mode[tour] != before {
			switched++
		}
	}
	if tours > 0 {
		row.Switched = switched / tours
	}
}

// renew sets what the paths of a tour cost now.
func (a *arm) renew(tour int) {
	t := a.sample.trips
	for party := a.first[t.TourFirst[tour]]; party < a.first[t.TourFirst[tour+1]]; party++ {
		if !math.IsInf(a.seconds[party], 1) {
			c := a.world.graph.PathCost(a.times, a.path[party], a.departS[party], nil)
			a.seconds[party], a.metres[party] = c.Seconds, c.Metres
		}
	}
}

// gapSample is about how many parties the gap of the last state is measured on.
// An exact search takes a quarter of a millisecond in Newport.
const gapSample = 500

// settle closes the last iteration, after which nobody moves: a sample of the
// drivers is held against the best paths there are, by exact searches, and the
// costs of everybody are renewed on the paths they have.
func (a *arm) settle(i int, row *iteration) {
	t := a.sample.trips
	key := random.New(a.sample.seed, random.Replan).At(uint64(i))
	drivers := 0.0
	for _, party := range a.fleet.party {
		if len(a.path[party]) > 0 {
			drivers++
		}
	}
	a.which = a.which[:0]
	for _, party := range a.fleet.party {
		if len(a.path[party]) > 0 && key.At(uint64(a.trip[party])).At(uint64(party-a.first[a.trip[party]])).Uniform() < gapSample/drivers {
			a.which = append(a.which, party)
		}
	}
	var held gapSum
	a.excess = a.excess[:0]
	a.planner.exact(a.sample, a.parties, a.times, a.which, func(party uint32, c routing.Cost, _ bool) {
		now := a.world.graph.PathCost(a.times, a.path[party], a.departS[party], a.world.tastes[a.taste[party]])
		saved := max(0, now.Generalised-c.Generalised)
		held.add(now.Generalised, saved)
		a.excess = append(a.excess, saved)
	})
	row.gap(&held, a.excess)
	if drivers > 0 {
		row.Looked = float64(len(a.which)) / drivers
	}
	for tour := range a.costs {
		if t.TourCar[tour] {
			a.renew(tour)
			a.price(tour)
		}
	}
}

// gapSum adds up what a sample of drivers spend, what they would on their best
// paths, and the squares and products that the error of the ratio needs.
type gapSum struct{ n, saved, least, saved2, least2, both float64 }

func (g *gapSum) add(now, saved float64) {
	least := now - saved
	g.n++
	g.saved += saved
	g.least += least
	g.saved2 += saved * saved
	g.least2 += least * least
	g.both += saved * least
}

// gap fills in the relative gap, half of the width of its 95% interval (of a ratio
// of two means of independent draws, to first order: Cochran, Sampling Techniques,
// 1977, chapter 6) and the part of it that lies with the tenth of the parties that
// lose most; excess is put in order.
func (row *iteration) gap(g *gapSum, excess []float64) {
	if g.least == 0 || g.saved <= 0 {
		return
	}
	row.Gap = g.saved / g.least
	residual := g.saved2 - 2*row.Gap*g.both + row.Gap*row.Gap*g.least2
	row.GapHalf = 1.96 * math.Sqrt(max(0, residual)) / g.least
	slices.Sort(excess)
	for _, e := range excess[len(excess)-(len(excess)+9)/10:] {
		row.Tenth += e / g.saved
	}
}

// reconsider ends an iteration: some look round and choose again, or, after the
// last, nobody moves and the gap is measured.
func (a *arm) reconsider(i int, last bool, row iteration) {
	if last {
		a.settle(i, &row)
	} else {
		a.replan(i, &row)
	}
	a.log = append(a.log, row)
}

// carMinutes is the mean travel time of the loaded car trips, from desired
// departure to arrival; unfinished ones count up to the horizon.
func (a *arm) carMinutes() float64 {
	var s, n float64
	for p, at := range a.result.ArriveS {
		w := float64(a.persons[a.fleet.party[p]])
		s += w * (a.arrival(at) - a.fleet.dep.DepartS[p])
		n += w
	}
	if n == 0 {
		return 0
	}
	return s / n / 60
}

func (a *arm) arrival(at float64) float64 {
	return min(at, float64(a.period.To+horizonS))
}

// run iterates and folds the means of the last iterations into an outcome.
func (a *arm) run(ctx context.Context, iterations, average int, step func()) (*outcome, error) {
	a.iterations = iterations
	a.start()
	a.spread()
	out := newOutcome(a)
	for i := range iterations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		counts, last := i >= iterations-average, i == iterations-1
		var volume []float64
		if counts {
			volume = out.volume
		}
		fresh := float32(freshness)
		if last {
			fresh = 1 // the gap that is reported is on the times just experienced
		}
		row := iteration{Surprise: a.load(volume, fresh), CarMin: a.carMinutes(), Stuck: len(a.result.Unfinished)}
		if counts {
			out.fold(a, 1/float64(average))
		}
		a.reconsider(i, last, row)
		step()
	}
	out.finish(a, average)
	return out, nil
}

var _ loading.Observer = (*recorder)(nil)
