package run

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/scenario"
	"github.com/malikobaid/cityflow/spec"
)

func isUnknown(err error) bool { return errors.Is(err, ErrUnknownCity) }

// stageShare is where each stage ends on the way from 0 to 1.
var stageShare = map[string][2]float64{
	"load": {0, 0.02}, "demand": {0.02, 0.05}, "calibrate": {0.05, 0.3},
	"transit": {0.3, 0.45}, "simulate": {0.45, 0.95}, "compare": {0.95, 0.97}, "write": {0.97, 1},
}

// Run implements Model.
func (e *Engine) Run(ctx context.Context, cfg *spec.Config, sink Sink, report func(Progress)) (*spec.Config, error) {
	tell := func(stage string, done float64, message string) {
		s := stageShare[stage]
		report(Progress{Stage: stage, Done: s[0] + (s[1]-s[0])*done, Message: message})
	}
	tell("load", 0, "Opening the city")
	p, err := e.open(ctx, cfg.City)
	if err != nil {
		return nil, err
	}
	// The request may have been checked by another version: name what runs.
	real := *cfg
	real.ModelVersion, real.CityDigest = ModelVersion, p.city.Info.Digest
	plan, ps := scenario.Apply(p.city, &real)
	if len(ps) > 0 {
		return nil, ps
	}
	st := &study{cfg: &real, plan: plan, period: periodOf(&real)}
	tell("demand", 0, "Preparing people and places")
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	st.base = p.base
	streets := p.base.streets
	if len(plan.Changed) > 0 {
		streets = newStreets(&plan.City.Net, p.order)
	}
	if st.scen, err = newWorld(ctx, plan.City, streets, plan.Scale); err != nil {
		return nil, err
	}
	tell("calibrate", 0, "Calibrating the baseline")
	st.state, err = e.state(ctx, p, st, func(done float64) { tell("calibrate", done, "Calibrating the baseline") })
	var unreachable *choice.UnreachableError
	if errors.As(err, &unreachable) {
		ps.Add("mode_share", unreachable.Error(), fmt.Sprintf("%s at most %.1f%%", unreachable.Mode, math.Floor(1000*unreachable.Max)/10))
		return nil, ps
	}
	if err != nil {
		return nil, err
	}
	if err := simulate(ctx, p, st, tell); err != nil {
		return nil, err
	}
	tell("compare", 0, "Comparing the two cities")
	files, err := artifacts(p, st)
	if err != nil {
		return nil, err
	}
	tell("write", 0, "Writing the results")
	for i, f := range files {
		if err := sink.Put(ctx, f.name, f.contentType, f.data); err != nil {
			return nil, fmt.Errorf("write %s: %w", f.name, err)
		}
		tell("write", float64(i+1)/float64(len(files)), "Writing the results")
	}
	return &real, nil
}

// maxStates bounds the common states held in memory for one city.
const maxStates = 8

// state finds the common state in memory, in the source, or computes it.
func (e *Engine) state(ctx context.Context, p *prepared, st *study, step func(float64)) (*State, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := StateKey(st.cfg)
	if s, ok := p.states[key]; ok {
		return s, nil
	}
	times := len(newTimes(st.period, st.base.free).T)
	if b := e.source.State(ctx, st.cfg.City, key); b != nil {
		if s, err := DecodeState(b, key, times); err == nil {
			p.states[key] = s
			return s, nil
		}
	}
	s, shown, err := settle(ctx, e.settling, st.base, p.demand, st.cfg, st.period, p.money, step)
	if err != nil {
		return nil, err
	}
	if len(p.states) >= maxStates {
		clear(p.states) // a few megabytes each; settling anew costs seconds
	}
	p.states[key] = s
	// Shares that somebody typed are endless; only the city's own are kept.
	if st.cfg.ShareSource != scenario.TypedShares {
		e.source.Keep(ctx, st.cfg.City, key, EncodeState(s))
		e.keepBaseline(ctx, p.city, st.cfg, shown)
	}
	return s, nil
}

// Prepare computes the common state of a city's default run and keeps it in
// the source, with the baseline to show, so that the first run does not wait.
func (e *Engine) Prepare(ctx context.Context, slug string) error {
	cfg, ps, err := e.Check(ctx, asItIs(slug))
	if err != nil {
		return err
	}
	if err := ps.Err(); err != nil {
		return err
	}
	p, err := e.open(ctx, slug)
	if err != nil {
		return err
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	st := &study{cfg: cfg, period: periodOf(cfg), base: p.base}
	shown := e.baselineOf(ctx, p.city.Info.Slug, p.city.Info.Digest)
	if (shown == nil || shown.FullDemand == nil) && e.source.State(ctx, cfg.City, StateKey(cfg)) != nil {
		// Settled before there was a baseline, or all of it, to show: once more.
		_, shown, err = settle(ctx, e.settling, st.base, p.demand, cfg, st.period, p.money, func(float64) {})
		if err == nil {
			e.keepBaseline(ctx, p.city, cfg, shown)
		}
		return err
	}
	_, err = e.state(ctx, p, st, func(float64) {})
	return err
}
