package random

import (
	"math"
	"testing"
)

func moments(n int, f func(Key) float64) (mean, sd float64) {
	base := New(7, Home)
	for i := range n {
		v := f(base.At(uint64(i)))
		mean += v
		sd += v * v
	}
	mean /= float64(n)
	return mean, math.Sqrt(sd/float64(n) - mean*mean)
}

func TestDrawsHaveTheirDistributions(t *testing.T) {
	const n = 200_000
	for _, c := range []struct {
		name     string
		f        func(Key) float64
		mean, sd float64
	}{
		{"uniform", Key.Uniform, 0.5, 1 / math.Sqrt(12)},
		{"normal", Key.Normal, 0, 1},
		// Euler's constant and pi/sqrt(6).
		{"gumbel", Key.Gumbel, 0.5772156649, math.Pi / math.Sqrt(6)},
	} {
		mean, sd := moments(n, c.f)
		// Five standard errors.
		if tol := 5 * c.sd / math.Sqrt(n); math.Abs(mean-c.mean) > tol || math.Abs(sd-c.sd) > 2*tol {
			t.Errorf("%s: mean %.4f sd %.4f, want %.4f %.4f", c.name, mean, sd, c.mean, c.sd)
		}
	}
}

func TestStreamsDoNotRepeatEachOther(t *testing.T) {
	seen := map[float64]string{}
	for seed := range uint64(20) {
		for p := Home; p <= Taste; p++ {
			for i := range uint64(50) {
				u := New(seed, p).At(i).Uniform()
				if other, dup := seen[u]; dup {
					t.Fatalf("seed %d purpose %d key %d repeats %s", seed, p, i, other)
				}
				seen[u] = "an earlier draw"
			}
		}
	}
}
