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

// Blocks of sixteen have one number in each sixteenth, and streams of different
// keys are not linked.
func TestEvenNumbersAreStratifiedAndIndependent(t *testing.T) {
	a, b := New(5, Home), New(5, Departure)
	product, mean := 0.0, 0.0
	const n = 16 * 2000
	for block := range uint64(n / 16) {
		var seen [16]bool
		for j := range uint64(16) {
			u := a.Even(block*16 + j)
			if s := int(u * 16); seen[s] {
				t.Fatalf("block %d has two numbers in stratum %d", block, s)
			} else {
				seen[s] = true
			}
			mean += u / n
			product += (u - 0.5) * (b.Even(block*16+j) - 0.5) / n
		}
	}
	if math.Abs(mean-0.5) > 0.001 {
		t.Errorf("mean %.5f", mean)
	}
	// The product of two independent uniforms less a half has sd 1/12.
	if tol := 5.0 / 12 / math.Sqrt(n); math.Abs(product) > tol {
		t.Errorf("streams are linked: covariance %.5f, want below %.5f", product, tol)
	}
}
