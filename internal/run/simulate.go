package run

import (
	"context"
	"sync"

	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/kpi"
	"github.com/malikobaid/cityflow/internal/random"
	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/spec"
)

// study is everything a finished run knows; artifacts are written from it.
type study struct {
	cfg                  *spec.Config
	plan                 *scenario.Plan
	period               demand.Period
	base, scen           *world
	state                *State
	outcomes             [2][]*outcome // by arm, replication
	pairs                []*kpi.Pair
	access               [2]*access
	unreachable, persons int // tours nobody can make, by the first replication
	retimed              int // vehicle trips that the scenario's traffic made slower or quicker
}

// arms in the order of every two-element array.
const (
	baseline = 0
	changed  = 1
)

// period of a config.
func periodOf(cfg *spec.Config) demand.Period {
	from, _ := scenario.ParseClock(cfg.Window.From)
	to, _ := scenario.ParseClock(cfg.Window.To)
	p := demand.Period{Level: demand.Peak, Load: from - loadBeforeS, From: from, To: to}
	if cfg.TrafficLevel == "off-peak" {
		p.Level = demand.OffPeak
	}
	return p
}

// simulate runs both arms of every replication.
func simulate(ctx context.Context, p *prepared, st *study, report func(stage string, done float64, message string)) error {
	cfg, money := st.cfg, p.money
	var samples []*sample
	for r := range cfg.Replications {
		seed := random.Seed(cfg.Seed, r)
		samples = append(samples, newSample(p.demand.Sample(cfg.Agents, seed, st.period), seed))
	}
	if err := measure(ctx, p.base, samples); err != nil {
		return err
	}
	report("transit", 0, "Searching journeys by public transport")
	var journeys [2][]journey
	var qs []journeyQuery
	first := []int{0}
	for _, s := range samples {
		qs = append(qs, s.queries(&p.city.Places)...)
		first = append(first, len(qs))
	}
	worlds := [2]*world{st.base, st.scen}
	for i, w := range worlds {
		var err error
		if journeys[i], err = w.journeys(ctx, qs, money); err != nil {
			return err
		}
		if st.access[i], err = w.reach(ctx, p.foot, st.period); err != nil {
			return err
		}
		report("transit", float64(i+1)/2, "Searching journeys by public transport")
	}
	// Where streets and people are the same in both cities, so are the routes to
	// set out with.
	var planned [2][]*routes
	for i, w := range worlds {
		if i == changed && st.scen.streets == st.base.streets && st.scen.scale == st.base.scale {
			planned[i] = planned[baseline]
			continue
		}
		var err error
		if planned[i], err = planAll(ctx, w, samples, st.state, st.period); err != nil {
			return err
		}
	}
	slowed, err := slowBuses(ctx, p, st, samples[0], [2][]journey{journeys[baseline][:first[1]], journeys[changed][:first[1]]}, [2]*routes{planned[baseline][0], planned[changed][0]})
	if err != nil {
		return err
	}
	if slowed != st.scen {
		st.scen, worlds[changed] = slowed, slowed
		if journeys[changed], err = slowed.journeys(ctx, qs, money); err != nil {
			return err
		}
		if st.access[changed], err = slowed.reach(ctx, p.foot, st.period); err != nil {
			return err
		}
	}
	var mu sync.Mutex
	done, total := 0, 2*cfg.Replications*cfg.Iterations
	step := func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		report("simulate", float64(done)/float64(total), "Simulating both cities")
	}
	for i := range worlds {
		st.outcomes[i] = make([]*outcome, cfg.Replications)
	}
	errs := make([]error, 2*cfg.Replications)
	err = each(ctx, len(errs), func(_, i int) {
		r, side := i/2, i%2
		a := newArm(worlds[side], samples[r], journeys[side][first[r]:first[r+1]], st.state, planned[side][r], st.period, money)
		st.outcomes[side][r], errs[i] = a.run(ctx, cfg.Iterations, cfg.AverageLast, step)
	})
	if err != nil {
		return err
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	for r, s := range samples {
		b, c := st.outcomes[baseline][r], st.outcomes[changed][r]
		st.pairs = append(st.pairs, pair(b, c, s, st.base, st.scen, st.period.From, st.period.To))
		for i, o := range []*outcome{b, c} {
			o.kpi.Jobs30, o.kpi.Jobs45, o.kpi.JobsMin, o.kpi.AreaJobs30 = st.access[i].means(&p.city.Places)
		}
	}
	for _, m := range st.outcomes[baseline][0].mode {
		if m == stranded {
			st.unreachable++
		}
	}
	st.persons = len(st.outcomes[baseline][0].mode)
	return nil
}
