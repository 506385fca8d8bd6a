package run

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/random"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// FixedRoutes are the cars of a city's default morning, baseline, first
// replication, on the routes and at the times of its last iteration: columns by
// single vehicle, sorted by departure.
type FixedRoutes struct {
	City      *city.City
	Config    *spec.Config
	DepartS   []float64 // seconds after midnight
	PathFirst []uint32  // PathFirst[v]..PathFirst[v+1] into Path
	Path      []units.LinkID
	// NoStreet is how many vehicles more start and end at one junction.
	NoStreet int
	// Platoons and Loaded are what the run itself moved: platoons, and their
	// vehicles with fractions.
	Platoons int
	Loaded   float64
	// Links are the streets as the run loads them.
	Links loading.Links
}

// FixedRoutes runs the baseline of the default run and takes its last
// iteration apart into vehicles.
func (e *Engine) FixedRoutes(ctx context.Context, slug string, report func(Progress)) (*FixedRoutes, error) {
	tell := func(done float64, message string) { report(Progress{Stage: "simulate", Done: done, Message: message}) }
	cfg, ps, err := e.Check(ctx, asItIs(slug))
	if err != nil {
		return nil, err
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	p, err := e.open(ctx, slug)
	if err != nil {
		return nil, err
	}
	tell(0, "Preparing people and places")
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	st := &study{cfg: cfg, period: periodOf(cfg), base: p.base}
	if st.state, err = e.state(ctx, p, st, func(done float64) { tell(0.5*done, "Calibrating the baseline") }); err != nil {
		return nil, err
	}
	seed := random.Seed(cfg.Seed, 0)
	s := newSample(p.demand.Sample(cfg.Agents, seed, st.period), seed)
	if err := measure(ctx, p.base, []*sample{s}); err != nil {
		return nil, err
	}
	tell(0.5, "Searching journeys by public transport")
	js, err := st.base.journeys(ctx, s.queries(&p.city.Places), p.money)
	if err != nil {
		return nil, err
	}
	routes, err := planAll(ctx, st.base, []*sample{s}, st.state, st.period)
	if err != nil {
		return nil, err
	}
	a := newArm(st.base, s, js, st.state, routes[0], st.period, p.money)
	done := 0
	if _, err := a.run(ctx, cfg.Iterations, cfg.AverageLast, func() {
		done++
		tell(0.6+0.4*float64(done)/float64(cfg.Iterations), "Simulating the baseline")
	}); err != nil {
		return nil, err
	}
	out := a.vehicles()
	out.City, out.Config, out.Links = p.city, cfg, st.base.links
	return out, nil
}

// vehicles takes the platoons of the last loading apart. Whole vehicles: the
// sum of sizes so far, rounded, so that the total is right to one half. A
// platoon stands for departures over half a bin (see parties): its vehicles
// are spread evenly over that, with a phase of their own, around its departure.
func (a *arm) vehicles() *FixedRoutes {
	type vehicle struct {
		at      float64
		platoon int
	}
	const spread = binS / 2
	out := &FixedRoutes{PathFirst: []uint32{0}}
	var all []vehicle
	d, t := &a.fleet.dep, a.sample.trips
	given := 0
	for i, at := range d.DepartS {
		out.Platoons++
		out.Loaded += float64(d.Size[i])
		n := int(math.Round(out.Loaded)) - given
		given += n
		if d.PathFirst[i] == d.PathFirst[i+1] {
			out.NoStreet += n
			continue
		}
		party := a.fleet.party[i]
		trip := a.trip[party]
		tour := t.TripTour[trip]
		phase := random.New(a.sample.seed, random.Departure).At(uint64(t.TourPerson[tour])).At(uint64(t.TourNumber[tour])).
			At(uint64(trip-t.TourFirst[tour]) + 2).At(uint64(party - a.first[trip])).Uniform()
		for k := range n {
			all = append(all, vehicle{max(0, at+((float64(k)+phase)/float64(n)-0.5)*spread), i})
		}
	}
	slices.SortStableFunc(all, func(x, y vehicle) int { return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.platoon, y.platoon)) })
	for _, v := range all {
		out.DepartS = append(out.DepartS, v.at)
		out.Path = append(out.Path, d.Path[d.PathFirst[v.platoon]:d.PathFirst[v.platoon+1]]...)
		out.PathFirst = append(out.PathFirst, uint32(len(out.Path)))
	}
	return out
}
