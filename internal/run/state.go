package run

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/spec"
)

// State is the common state both arms of every replication start from: the
// calibrated mode constants and the link times of a settled baseline. It
// depends on city, time and target shares alone, never on seed, agents or
// modifications, so it can be kept in a file beside the pack.
type State struct {
	Key       string
	Constants choice.Constants
	// Shares reached by calibration, as fractions.
	Shares [city.NumModes]float64
	Gap    float64
	// Times is by quarter hour, then link, as in routing.Times.
	Times []float32
	// P95Min is the 95th percentile of car trip times: loading must start at
	// least that long before the window.
	P95Min float64
}

const (
	// statePersons and stateSeed: the sample that constants are calibrated on
	// (at least 20,000 persons, independent of the seed of a run).
	statePersons    = 20_000
	stateSeed       = 2011
	stateIterations = 30
)

// settling is how many persons a common state is made of, and how many
// iterations it takes: statePersons and stateIterations but for tests.
type settling struct{ persons, iterations int }

// StateKey names the state a config starts from.
func StateKey(cfg *spec.Config) string {
	b, err := spec.Canonical(struct {
		Model, Digest, Date, Level string
		Pack                       int
		Window                     spec.Window
		Share                      spec.ModeShare
		NonWalk                    bool
	}{cfg.ModelVersion, cfg.CityDigest, cfg.Date, cfg.TrafficLevel, city.PackFormat, cfg.Window, cfg.ModeShare, cfg.NonWalk})
	if err != nil {
		panic(fmt.Sprintf("run: state key does not encode: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

func target(s spec.ModeShare, nonWalk bool) choice.Target {
	return choice.Target{Share: [city.NumModes]float64{s.Car / 100, s.Bike / 100, s.Walk / 100, s.Transit / 100}, NonWalk: nonWalk}
}

// settle computes the common state of a config on the unchanged city, and what
// people do in it.
func settle(ctx context.Context, size settling, w *world, model *demand.Model, cfg *spec.Config, period demand.Period, money choice.Money, step func(done float64)) (*State, *spec.Baseline, error) {
	s := newSample(model.Sample(size.persons, stateSeed, period), stateSeed)
	if err := measure(ctx, w, []*sample{s}); err != nil {
		return nil, nil, err
	}
	step(0.15)
	js, err := w.journeys(ctx, s.queries(&w.city.Places), money)
	if err != nil {
		return nil, nil, err
	}
	step(0.4)
	st := &State{Key: StateKey(cfg)}
	planned, err := planAll(ctx, w, []*sample{s}, st, period)
	if err != nil {
		return nil, nil, err
	}
	a := newArm(w, s, js, st, planned[0], period, money)
	for tour := range a.costs {
		a.price(tour)
	}
	info := &w.city.Info
	usual := choice.Target{}
	for m, v := range info.ModeShare {
		usual.Share[m] = v / 100
	}
	calibrate := func() error {
		costs, weight := calibrationSet(a)
		constants, err := a.ascs, error(nil)
		if cfg.NonWalk {
			// Walking stays what it is at the city's own shares.
			constants, err = choice.Calibrate(costs, weight, usual, constants)
		}
		if err == nil {
			constants, err = choice.Calibrate(costs, weight, target(cfg.ModeShare, cfg.NonWalk), constants)
		}
		a.ascs = constants
		return err
	}
	if err := calibrate(); err != nil {
		return nil, nil, err
	}
	for tour := range a.costs {
		a.choose(tour)
	}
	for i := range size.iterations {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		last := i == size.iterations-1
		row := iteration{Surprise: a.load(nil, freshness), CarMin: a.carMinutes(), Stuck: len(a.result.Unfinished)}
		a.reconsider(i, last, row)
		// The constants follow the costs: a few times on the way, and at the
		// end on the settled times.
		if i == 2 || i == 5 || last {
			if err := calibrate(); err != nil {
				return nil, nil, err
			}
		}
		step(0.5 + 0.5*float64(i+1)/float64(size.iterations))
	}
	costs, weight := calibrationSet(a)
	st.Constants, st.Times = a.ascs, a.times.T
	st.Shares = choice.Shares(costs, weight, &a.ascs, cfg.NonWalk)
	st.Gap = a.log[len(a.log)-1].Gap
	st.P95Min = percentile95(a)
	return st, settled(a, st, cfg), nil
}

// calibrationSet are the tours that can travel at all, weighted by their trips
// inside the window: the target is a share of trips.
func calibrationSet(a *arm) ([]choice.Costs, []float64) {
	t := a.sample.trips
	costs, weight := make([]choice.Costs, 0, len(a.costs)), make([]float64, 0, len(a.costs))
	for tour := range a.costs {
		n := 0.0
		for trip := t.TourFirst[tour]; trip < t.TourFirst[tour+1]; trip++ {
			if t.DepartS[trip] >= float64(a.period.From) && t.DepartS[trip] < float64(a.period.To) {
				n++
			}
		}
		c := a.costs[tour]
		if n > 0 && !math.IsInf(min(c[0], c[1], c[2], c[3]), 1) {
			costs, weight = append(costs, c), append(weight, n)
		}
	}
	return costs, weight
}

// EncodeState and DecodeState are the file form: a JSON head, then the times
// as little-endian float32 bits, exactly.
func EncodeState(s *State) []byte {
	head := *s
	head.Times = nil
	b, err := json.Marshal(head)
	if err != nil {
		panic(fmt.Sprintf("run: state does not encode: %v", err))
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(b)))
	out = append(out, b...)
	for _, t := range s.Times {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(t))
	}
	return out
}

// DecodeState reads the file form; key and number of link times must be right.
func DecodeState(b []byte, key string, times int) (*State, error) {
	if len(b) < 4 {
		return nil, fmt.Errorf("state file of %d bytes is cut short", len(b))
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n > len(b)-4 || len(b)-4-n != 4*times {
		return nil, fmt.Errorf("state file of %d bytes does not hold %d link times", len(b), times)
	}
	s := &State{}
	if err := json.Unmarshal(b[4:4+n], s); err != nil {
		return nil, fmt.Errorf("state file: %w", err)
	}
	if s.Key != key {
		return nil, fmt.Errorf("state file is of key %s, want %s", s.Key, key)
	}
	s.Times = make([]float32, times)
	for i := range s.Times {
		s.Times[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4+n+4*i:]))
	}
	return s, nil
}
