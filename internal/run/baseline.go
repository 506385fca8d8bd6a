package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/spec"
)

// asItIs asks for a city's usual morning with nothing changed: also of a city
// that has no what-if of its own.
func asItIs(slug string) *spec.RunRequest {
	return &spec.RunRequest{City: slug, Modifications: &[]spec.Modification{}}
}

// settled tells how people travel in the state that a settling ended in, to be
// held against what was observed in the real city.
func settled(a *arm, st *State, cfg *spec.Config) *spec.Baseline {
	b := &spec.Baseline{
		Date: cfg.Date, Window: cfg.Window, TrafficLevel: cfg.TrafficLevel, ModelVersion: cfg.ModelVersion,
		Persons: a.sample.trips.Persons, Converged: st.Gap <= convergedGap, RelativeGap: st.Gap, Figures: []spec.Figure{},
	}
	o := newOutcome(a)
	o.fold(a, 1)
	add := func(kind, mode string, value float64) {
		b.Figures = append(b.Figures, spec.Figure{Kind: kind, Mode: mode, Value: value})
	}
	for _, seen := range a.world.city.Info.Observed {
		for _, f := range seen.Figures {
			if s := f.Spot; s != nil && s.From >= a.period.From && s.To <= a.period.To {
				b.Figures = append(b.Figures, spec.Figure{Kind: seen.Kind, Mode: f.Mode, Value: a.rec.hourly(s), Spot: spotOf(&a.world.city.Net, s)})
			}
		}
	}
	k := o.kpi
	all := 0.0
	for m := range city.NumModes {
		all += k.Expected[m]
	}
	b.FullDemand = a.fullDemand() // last: it loads the day again
	if all == 0 {
		return b // nobody travels: no figure means anything
	}
	minutes := 0.0
	for m := range city.NumModes {
		name := city.Mode(m).String()
		add(spec.ModeShareFigure, name, 100*k.Expected[m]/all)
		if k.Trips[m] == 0 {
			continue
		}
		mean := k.Min[m] / k.Trips[m]
		minutes += mean * k.Expected[m] / all
		add(spec.TravelTimeFigure, name, mean)
		if city.Mode(m) != city.Transit { // its distance is not measured
			add(spec.TripLengthFigure, name, k.KM[m]/k.Trips[m])
		}
	}
	add(spec.TravelTimeFigure, spec.AllModes, minutes)
	add(spec.TripRateFigure, spec.AllModes, demand.TripRate())
	return b
}

// baselineKey names a city's baseline among its kept states: like them it is a
// cache that can be computed again.
func baselineKey(digest string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s %d", digest, city.PackFormat, ModelVersion, DescriptionFormat))
	return "baseline-" + hex.EncodeToString(sum[:8])
}

// keepBaseline keeps what a settling showed, if it was that of the city's
// default run.
func (e *Engine) keepBaseline(ctx context.Context, c *city.City, cfg *spec.Config, b *spec.Baseline) {
	usual, ps := scenario.Merge(asItIs(c.Info.Slug), c, e.limits, ModelVersion)
	if len(ps) > 0 || StateKey(usual) != StateKey(cfg) {
		return
	}
	kept, err := json.Marshal(b)
	if err != nil {
		panic(fmt.Sprintf("run: baseline does not encode: %v", err))
	}
	e.source.Keep(ctx, c.Info.Slug, baselineKey(c.Info.Digest), kept)
}

// baselineOf is the kept baseline of a city, nil while there is none.
func (e *Engine) baselineOf(ctx context.Context, slug, digest string) *spec.Baseline {
	kept := e.source.State(ctx, slug, baselineKey(digest))
	var b spec.Baseline
	if kept == nil || json.Unmarshal(kept, &b) != nil {
		return nil
	}
	return &b
}
