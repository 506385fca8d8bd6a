package run

import (
	"context"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/routing/raptor"
	"github.com/malikobaid/cityflow/internal/units"
)

// A timetable contains the congestion of its day. So baseline buses run to
// timetable, and where the scenario changes the streets or how many people
// travel, the run time between two stops is that of the timetable times
// simulated scenario over simulated baseline time of the links in between.

// spanS is how far before and after its departure link times are averaged for
// a hop: a bus runs every day, the simulated one has queues of its own.
const spanS = 900

// retimed is a timetable with the run times of buses changed by the ratio of
// scenario to baseline link times. Departures from first stops and the time
// vehicles stand at stops stay. Nobody overtakes within a pattern: who would
// catch up with the vehicle before stays behind it. The same times on both
// sides give back the timetable itself; changed counts the trips that are not
// what they were.
func retimed(tt *city.Timetable, base, scen *routing.Times) (out *city.Timetable, changed int) {
	if len(tt.HopFirst) == 0 {
		return tt, 0
	}
	arr, dep := slices.Clone(tt.Arr), slices.Clone(tt.Dep)
	for p := range units.PatternID(tt.NumPatterns()) {
		first, last := tt.PatternStops[p], tt.PatternStops[p+1]-1
		if tt.HopFirst[first] == tt.HopFirst[last] {
			continue // off the streets
		}
		n := int(last - first + 1)
		for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
			at := int(tt.TimeFirst[p]) + int(v-tt.PatternTrips[p])*n
			moved := false
			for i := 1; i < n; i++ {
				k := at + i
				run := float64(tt.Arr[k] - tt.Dep[k-1])
				ratio := hopRatio(tt, p, i-1, float64(dep[k-1]), base, scen)
				arr[k] = dep[k-1] + units.Seconds(math.Round(run*ratio))
				if v > tt.PatternTrips[p] {
					arr[k] = max(arr[k], arr[k-n])
				}
				dep[k] = arr[k] + tt.Dep[k] - tt.Arr[k]
				if v > tt.PatternTrips[p] {
					dep[k] = max(dep[k], dep[k-n])
				}
				moved = moved || arr[k] != tt.Arr[k] || dep[k] != tt.Dep[k]
			}
			if moved {
				changed++
			}
		}
	}
	if changed == 0 {
		return tt, 0
	}
	c := *tt
	c.Arr, c.Dep = arr, dep
	return &c, changed
}

// hopRatio is how much longer the links of a hop take in the scenario; 1 where
// the hop is not on streets.
func hopRatio(tt *city.Timetable, p units.PatternID, i int, clock float64, base, scen *routing.Times) float64 {
	links, from, to, how := tt.Hop(p, i)
	if how == city.HopNone {
		return 1
	}
	var before, after float64
	for j, l := range links {
		share := 1.0
		if j == 0 {
			share -= float64(from)
		}
		if j == len(links)-1 {
			share -= 1 - float64(to)
		}
		for _, d := range [...]float64{-spanS, 0, spanS} {
			before += share * base.At(l, clock+d)
			after += share * scen.At(l, clock+d)
		}
	}
	if !(before > 0) || !(after > 0) {
		return 1
	}
	return after / before
}

// slowBuses lets the buses of the scenario meet its traffic: both cities are
// simulated once on the first sample, and the scenario's timetable is changed by
// how their link times differ. It returns the scenario's world as it is where
// nothing that buses meet has changed.
func slowBuses(ctx context.Context, p *prepared, st *study, s *sample, journeys [2][]journey, planned [2]*routes) (*world, error) {
	if len(st.plan.Changed) == 0 && st.plan.Scale == demand.NoScale() || len(st.plan.City.Timetable.HopFirst) == 0 {
		return st.scen, nil
	}
	worlds := [2]*world{st.base, st.scen}
	var times [2]*routing.Times
	var errs [2]error
	if err := each(ctx, len(worlds), func(_, i int) {
		a := newArm(worlds[i], s, journeys[i], st.state, planned[i], st.period, p.money)
		_, errs[i] = a.run(ctx, st.cfg.Iterations, st.cfg.AverageLast, func() {})
		times[i] = a.times
	}); err != nil {
		return nil, err
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	tt, changed := retimed(&st.plan.City.Timetable, times[baseline], times[changed])
	st.retimed = changed
	if changed == 0 {
		return st.scen, nil
	}
	c := *st.plan.City
	c.Timetable = *tt
	w := *st.scen
	w.city, w.transit = &c, raptor.NewData(&c.Timetable, choice.WalkMS)
	return &w, nil
}
