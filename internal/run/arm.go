package run

import (
	"context"
	"math"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/random"
	"github.com/malikobaid/cityflow/internal/routing"
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
	// firstStep is the divisor of the first replanning share.
	firstStep int
}

// iteration is one line of convergence.csv.
type iteration struct {
	Gap      float64 // relative gap of the car trips looked at
	Looked   float64 // share of car trips looked at
	Switched float64 // share of looked-at tours that changed mode
	CarMin   float64 // mean travel time of all car trips
	Stuck    int     // platoons not arrived at the horizon
}

// newArm sets one arm up to start from the common state and planned routes.
func newArm(w *world, s *sample, journeys []journey, state *State, planned *routes, period demand.Period, money choice.Money) *arm {
	a := &arm{world: w, sample: s, period: period, money: money, ascs: state.Constants, journeys: journeys, routes: planned.clone(), firstStep: 14}
	a.costs = make([]choice.Costs, s.trips.NumTours())
	a.mode = make([]city.Mode, s.trips.NumTours())
	a.planner = newPlanner(w, period)
	a.loader = loading.New(w.links)
	a.times = timesOf(w, state, period)
	a.rec = newRecorder(period, len(w.free), a.times.Bins)
	return a
}

// taste is how the person of a tour feels the streets.
func (a *arm) taste(tour int) []float32 {
	return a.world.tastes[tasteOf(a.sample.seed, a.sample.trips.TourPerson[tour])]
}

// price sets the generalised costs of a tour: means over its trips.
func (a *arm) price(tour int) {
	t, s := a.sample.trips, a.sample
	purpose := t.TourPurpose[tour]
	var c choice.Costs
	n := 0.0
	for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
		n++
		c[city.Car] += choice.CarMin(a.carS[trip], a.carM[trip], purpose, demand.Occupancy[purpose], a.money)
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
// weight of this run in them.
func (a *arm) load(volume []float64, fresh float32) {
	a.fleet.fill(a.sample, a.world.scale, a.mode, a.path)
	a.rec.begin(&a.fleet.dep, volume)
	a.result = a.loader.Run(&a.fleet.dep, float64(a.period.To+horizonS), a.rec)
	a.rec.standing(a.result, float64(a.period.To+horizonS))
	a.rec.times(a.world.free, a.times, fresh)
	a.planner.guides.renew()
}

// replanShare is the part of the people who reconsider after iteration i (from
// 0): the method of successive averages, begun at a tenth because the common
// state is already near the end of it.
func (a *arm) replanShare(i int) float64 { return 1 / float64(i+a.firstStep) }

// Those whose trip took longer than they had planned for reconsider more
// often: surprise is the factor by which a delay of 100% raises their chance,
// eager its limit. Picking people evenly needs several times the iterations,
// because after a few of them nearly all of the gap lies with a few trips.
const (
	surprise = 7
	eager    = 0.5
	// freshness is the weight of the last day in what people expect: half
	// damps the swing of everybody fleeing yesterday's queue.
	freshness = 0.5
)

// gapSample is the share of tours whose best paths are searched to measure the
// gap of the last state, where nobody moves any more.
const gapSample = 0.25

// replan lets a keyed random part of the tours find new paths and choose again
// on the new times. After the last iteration nobody moves: a sample is looked
// at for the gap, and everybody's costs are renewed on the paths they have. The
// gap is estimated from those who look, each weighted by one over the chance to
// be picked.
func (a *arm) replan(i int, last bool) {
	t := a.sample.trips
	key := random.New(a.sample.seed, random.Replan).At(uint64(i))
	var spent, best, looked, all, tours, switched float64
	for tour := range a.costs {
		if !t.TourCar[tour] {
			continue
		}
		car := a.mode[tour] == city.Car
		now, planned := a.review(tour, last)
		chance := gapSample
		if !last {
			chance = a.replanShare(i)
			if car && planned > 0 {
				chance = max(chance, min(eager, chance*(1+surprise*(now-planned)/planned)))
			}
		}
		if car {
			all++
		}
		if key.At(uint64(t.TourPerson[tour])).Uniform() < chance {
			found := a.planner.plan(a.sample, a.routes, a.times, tour, last)
			if car {
				looked++
				spent += now / chance
				best += found / chance
			}
			if !last {
				a.price(tour)
				tours++
				before := a.mode[tour]
				a.choose(tour)
				if a.mode[tour] != before {
					switched++
				}
			}
		}
		if last {
			a.price(tour)
		}
	}
	row := iteration{CarMin: a.carMinutes(), Stuck: len(a.result.Unfinished)}
	if best > 0 {
		row.Gap = max(0, (spent-best)/best)
	}
	if all > 0 {
		row.Looked = looked / all
	}
	if tours > 0 {
		row.Switched = switched / tours
	}
	a.log = append(a.log, row)
}

// review is the cost of a tour's paths on the present times beside what was
// expected when they were planned. With renew the present costs are kept.
func (a *arm) review(tour int, renew bool) (now, planned float64) {
	t := a.sample.trips
	taste := a.taste(tour)
	for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
		c := a.world.graph.PathCost(a.times, a.path[trip], t.DepartS[trip], taste)
		now += c.Generalised
		planned += a.felt[trip]
		if renew && !math.IsInf(a.carS[trip], 1) {
			a.carS[trip], a.carM[trip] = c.Seconds, c.Metres
		}
	}
	return now, planned
}

// carMinutes is the mean travel time of the loaded car trips, from desired
// departure to arrival; unfinished ones count up to the horizon.
func (a *arm) carMinutes() float64 {
	var s, n float64
	for p, at := range a.result.ArriveS {
		w := float64(a.fleet.persons[p])
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
	a.start()
	out := newOutcome(a)
	for i := range iterations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		last := i >= iterations-average
		var volume []float64
		if last {
			volume = out.volume
		}
		// The gap that is reported last is on the times just experienced.
		fresh := float32(freshness)
		if i == iterations-1 {
			fresh = 1
		}
		a.load(volume, fresh)
		if last {
			out.fold(a, 1/float64(average))
		}
		a.replan(i, i == iterations-1)
		step()
	}
	out.finish(a, average)
	return out, nil
}

var _ loading.Observer = (*recorder)(nil)
