package choice

import (
	"fmt"
	"math"

	"github.com/malikobaid/cityflow/internal/city"
)

// Target is the share of trips to reproduce, as fractions.
type Target struct {
	Share [city.NumModes]float64
	// NonWalk: Share holds fractions of the trips that are not walked; the
	// walking constant stays what it is at the start.
	NonWalk bool
}

// Tolerance is how close calibration comes: 0.05 percentage points.
const Tolerance = 0.0005

// LargeConstant is reported: a constant above 60 equivalent minutes means that
// the measured costs explain little of the requested share.
const LargeConstant = 60

// UnreachableError says that no constants reach a target.
type UnreachableError struct {
	Mode city.Mode
	// Want and Max are fractions (of non-walk trips when so asked).
	Want, Max float64
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("a %s share of %.1f%% cannot be reached: at most %.1f%% of these trips can use it", e.Mode, 100*e.Want, 100*e.Max)
}

// Calibrate finds constants that make the summed probabilities over tours
// (weighted) reproduce the target. Only the modes with a positive share are
// offered a finite constant; a target of zero switches a mode off.
func Calibrate(costs []Costs, weight []float64, target Target, start Constants) (Constants, error) {
	a := start
	a[city.Car] = 0
	if err := reachable(costs, weight, target); err != nil {
		return a, err
	}
	for m := range city.NumModes {
		if target.Share[m] == 0 && !(target.NonWalk && city.Mode(m) == city.Walk) {
			a[m] = switchedOff
		}
	}
	// A damped fixed point on the logit constants: share odds move by the
	// scale times the change of the constant. Newton would be faster, but
	// this needs no derivatives and takes milliseconds.
	ref := reference(target)
	for range 2000 {
		share := Shares(costs, weight, &a, target.NonWalk)
		worst := 0.0
		for m := range city.NumModes {
			want := target.Share[m]
			if a[m] == switchedOff || target.NonWalk && city.Mode(m) == city.Walk {
				continue
			}
			worst = max(worst, math.Abs(share[m]-want))
			scale := ScaleTop
			if city.Mode(m) == city.Bike || city.Mode(m) == city.Walk {
				scale = ScaleActive
			}
			a[m] += 0.7 * math.Log(max(share[m], 1e-9)/want) / scale
		}
		a = normalise(a, ref, target.NonWalk)
		if worst < Tolerance/10 {
			return a, nil
		}
	}
	share := Shares(costs, weight, &a, target.NonWalk)
	for m := range city.NumModes {
		if a[m] != switchedOff && !(target.NonWalk && city.Mode(m) == city.Walk) && math.Abs(share[m]-target.Share[m]) > Tolerance {
			return a, &UnreachableError{Mode: city.Mode(m), Want: target.Share[m], Max: share[m]}
		}
	}
	return a, nil
}

// switchedOff is a constant that nobody overcomes (exp(-0.04e5) is 0).
const switchedOff = 1e5

// reference is the mode whose constant is the zero of the scale: car, or the
// first mode that is wanted when car is not.
func reference(t Target) city.Mode {
	for m := range city.NumModes {
		if t.Share[m] > 0 {
			return city.Mode(m)
		}
	}
	return city.Car
}

// normalise shifts the constants so that the reference has 0. A walking
// constant that is given (keepWalk) stays: it is already relative to it.
func normalise(a Constants, ref city.Mode, keepWalk bool) Constants {
	shift := a[ref]
	for m := range a {
		if a[m] != switchedOff && !(keepWalk && city.Mode(m) == city.Walk) {
			a[m] -= shift
		}
	}
	return a
}

// Shares are the expected shares by mode, as fractions of all trips or of
// those not walked.
func Shares(costs []Costs, weight []float64, a *Constants, nonWalk bool) [city.NumModes]float64 {
	var sum [city.NumModes]float64
	total := 0.0
	for i := range costs {
		p := Probabilities(&costs[i], a)
		for m, v := range p {
			sum[m] += weight[i] * v
			if !(nonWalk && city.Mode(m) == city.Walk) {
				total += weight[i] * v
			}
		}
	}
	for m := range sum {
		sum[m] /= total
	}
	return sum
}

// reachable checks the bounds that availability sets.
func reachable(costs []Costs, weight []float64, t Target) error {
	var can [city.NumModes]float64
	total := 0.0
	for i := range costs {
		total += weight[i]
		for m, c := range costs[i] {
			if t.NonWalk && city.Mode(m) == city.Walk {
				continue
			}
			if !math.IsInf(c, 1) {
				can[m] += weight[i]
			}
		}
	}
	for m := range city.NumModes {
		if t.NonWalk && city.Mode(m) == city.Walk {
			continue
		}
		if most := can[m] / total; t.Share[m] > most-Tolerance && t.Share[m] > 0 && t.Share[m] < 1-Tolerance {
			return &UnreachableError{Mode: city.Mode(m), Want: t.Share[m], Max: most}
		}
	}
	return nil
}
