package choice

import (
	"errors"
	"math"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/random"
	"pgregory.net/rapid"
)

// tours makes n tours with spread costs; a fifth have no transit, a quarter no
// car.
func tours(n int) ([]Costs, []float64) {
	costs, weight := make([]Costs, n), make([]float64, n)
	k := random.New(3, random.Destination)
	for i := range costs {
		km := 0.3 + 9*k.At(uint64(i)).At(0).Uniform()
		costs[i] = Costs{5 + 2*km, BikeMin(km * 1000), WalkMin(km * 1000), 20 + 3*km}
		if k.At(uint64(i)).At(1).Uniform() < 0.2 {
			costs[i][city.Transit] = Unavailable
		}
		if k.At(uint64(i)).At(2).Uniform() < 0.25 {
			costs[i][city.Car] = Unavailable
		}
		weight[i] = 1 + k.At(uint64(i)).At(3).Uniform()
	}
	return costs, weight
}

func TestCalibrationReachesItsTarget(t *testing.T) {
	costs, weight := tours(5000)
	full := Target{Share: [4]float64{0.63, 0.02, 0.26, 0.09}}
	a, err := Calibrate(costs, weight, full, Constants{})
	if err != nil {
		t.Fatal(err)
	}
	got := Shares(costs, weight, &a, false)
	for m := range got {
		if math.Abs(got[m]-full.Share[m]) > Tolerance {
			t.Errorf("%v share %.4f, want %.4f", city.Mode(m), got[m], full.Share[m])
		}
	}
	walk := a[city.Walk]
	nonWalk := Target{Share: [4]float64{0.60, 0.10, 0, 0.30}, NonWalk: true}
	b, err := Calibrate(costs, weight, nonWalk, a)
	if err != nil {
		t.Fatal(err)
	}
	if b[city.Walk] != walk || b[city.Car] != 0 {
		t.Errorf("walk constant moved from %v to %v (car %v)", walk, b[city.Walk], b[city.Car])
	}
	got = Shares(costs, weight, &b, true)
	for _, m := range []city.Mode{city.Car, city.Bike, city.Transit} {
		if math.Abs(got[m]-nonWalk.Share[m]) > Tolerance {
			t.Errorf("%v share of non-walk trips %.4f, want %.4f", m, got[m], nonWalk.Share[m])
		}
	}
}

func TestCalibrationNamesTheReachableMaximum(t *testing.T) {
	costs, weight := tours(5000)
	_, err := Calibrate(costs, weight, Target{Share: [4]float64{0.9, 0.02, 0.03, 0.05}}, Constants{})
	var u *UnreachableError
	if !errors.As(err, &u) || u.Mode != city.Car || math.Abs(u.Max-0.75) > 0.02 {
		t.Fatalf("got %v, want car reachable to about 75%%", err)
	}
}

func TestChoiceFollowsTheProbabilities(t *testing.T) {
	c := Costs{15, 25, 40, 30}
	a := Constants{0, 10, -5, 12}
	want := Probabilities(&c, &a)
	const n = 200_000
	var got [4]float64
	for i := range n {
		d := NewDraws(9, uint32(i), 3)
		got[Choose(&c, &a, &d)] += 1.0 / n
	}
	for m := range want {
		if tol := 5 * math.Sqrt(want[m]*(1-want[m])/n); math.Abs(got[m]-want[m]) > tol {
			t.Errorf("%v chosen %.4f, probability %.4f", city.Mode(m), got[m], want[m])
		}
	}
}

// Improving transit moves people only into transit.
func TestImprovementMovesPeopleOnlyIntoIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cost := rapid.Float64Range(0, 120)
		c := Costs{cost.Draw(t, "car"), cost.Draw(t, "bike"), cost.Draw(t, "walk"), cost.Draw(t, "transit")}
		var a Constants
		d := NewDraws(rapid.Uint64().Draw(t, "seed"), rapid.Uint32().Draw(t, "person"), 1)
		before := Choose(&c, &a, &d)
		c[city.Transit] -= rapid.Float64Range(0, 60).Draw(t, "gain")
		after := Choose(&c, &a, &d)
		if after != before && after != city.Transit {
			t.Fatalf("cheaper transit moved a person from %v to %v", before, after)
		}
	})
}

// The derivative of the logsum by a cost is that alternative's probability.
func TestLogsumDerivativeIsProbability(t *testing.T) {
	c, a := Costs{15, 25, 40, 30}, Constants{0, 10, -5, 12}
	p := Probabilities(&c, &a)
	for m := range c {
		const h = 1e-4
		up, down := c, c
		up[m] += h
		down[m] -= h
		if got := (LogsumMin(&up, &a) - LogsumMin(&down, &a)) / (2 * h); math.Abs(got-p[m]) > 1e-6 {
			t.Errorf("%v: %.8f, want %.8f", city.Mode(m), got, p[m])
		}
	}
}
