package run

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/spec"
)

// CarTrips are the vehicle trips by car that depart inside the window of a
// city's default run, for the whole population: columns by sampled trip.
type CarTrips struct {
	City   *city.City
	Config *spec.Config
	Hours  float64 // length of the window
	// Origin and Dest are places; Vehicles is how many a sampled trip stands
	// for: residents per sampled person x probability of going by car /
	// occupancy. Nobody is drawn: it is an expectation.
	Origin, Dest []uint32
	Vehicles     []float64
	// Total is their sum.
	Total       float64
	Assumptions []string
}

// CarTrips asks the demand and choice models for the default morning on the
// common state: the sample that constants are calibrated on (20,000 persons),
// weighted to the population.
func (e *Engine) CarTrips(ctx context.Context, slug string) (*CarTrips, error) {
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
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	st := &study{cfg: cfg, period: periodOf(cfg), base: p.base}
	if st.state, err = e.state(ctx, p, st, func(float64) {}); err != nil {
		return nil, err
	}
	s := newSample(p.demand.Sample(statePersons, stateSeed, st.period), stateSeed)
	if err := measure(ctx, p.base, []*sample{s}); err != nil {
		return nil, err
	}
	js, err := st.base.journeys(ctx, s.queries(&p.city.Places), p.money)
	if err != nil {
		return nil, err
	}
	planned, err := planAll(ctx, st.base, []*sample{s}, st.state, st.period)
	if err != nil {
		return nil, err
	}
	a := newArm(st.base, s, js, st.state, planned[0], st.period, p.money)
	out := &CarTrips{City: p.city, Config: cfg, Hours: float64(st.period.To-st.period.From) / 3600}
	t := s.trips
	for tour := range a.costs {
		a.price(tour)
		c := &a.costs[tour]
		if math.IsInf(c[city.Car], 1) {
			continue
		}
		vehicles := t.Weight * choice.Probabilities(c, &a.ascs)[city.Car] / demand.Occupancy[t.TourPurpose[tour]]
		for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
			if t.DepartS[trip] >= float64(st.period.From) && t.DepartS[trip] < float64(st.period.To) {
				out.Origin, out.Dest = append(out.Origin, uint32(t.Origin[trip])), append(out.Dest, uint32(t.Dest[trip]))
				out.Vehicles = append(out.Vehicles, vehicles)
				out.Total += vehicles
			}
		}
	}
	out.Assumptions = append([]string{
		fmt.Sprintf("Demand: %.0f car trips departing %s to %s, expected by the demand and choice models from %d sampled persons weighted to the population of %.0f.",
			out.Total, cfg.Window.From, cfg.Window.To, statePersons, p.demand.Residents),
	}, demand.Assumptions()...)
	if what := assumed(p.city); len(what) > 0 {
		out.Assumptions = append(out.Assumptions, fmt.Sprintf("Not observed: %s.", strings.Join(what, "; ")))
	}
	out.Assumptions = append(out.Assumptions, chargesInWords(p.city, p.money)...)
	return out, nil
}
