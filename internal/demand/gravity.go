package demand

import "math"

// Gravity is a trip distribution between n clusters for one purpose: row o is
// the cumulative probability of destinations for a trip produced in o.
type Gravity struct {
	n   int
	cum []float32 // n x n, row-major, last entry of a row is 1 (or all 0)
}

// furnessRounds balances to well under 1% of any column on the shipped cities
// (TestGravityBalances); the rest is noise beside the other assumptions.
const furnessRounds = 30

// NewGravity distributes production[o] over attraction[d] by the deterrence
// exp(-beta * km). With balanced true, column totals are matched to the
// attractions as well (Furness / iterative proportional fitting); otherwise
// only rows are. Distances inside a cluster count as selfKM.
func NewGravity(x, y []float32, production, attraction []float64, beta, selfKM float64, balanced bool) *Gravity {
	n := len(x)
	g := &Gravity{n: n, cum: make([]float32, n*n)}
	f := make([]float32, n*n)
	for o := range n {
		for d := range n {
			km := math.Hypot(float64(x[o]-x[d]), float64(y[o]-y[d])) / 1000
			f[o*n+d] = float32(math.Exp(-beta * max(km, selfKM)))
		}
	}
	var produced, attracted float64
	for i := range n {
		produced += production[i]
		attracted += attraction[i]
	}
	b := make([]float64, n) // column factors
	for d := range n {
		b[d] = attraction[d]
	}
	if balanced && produced > 0 && attracted > 0 {
		col := make([]float64, n)
		for range furnessRounds {
			clear(col)
			for o := range n {
				if production[o] == 0 {
					continue
				}
				row := f[o*n : o*n+n]
				sum := 0.0
				for d, v := range row {
					sum += b[d] * float64(v)
				}
				if sum == 0 {
					continue
				}
				a := production[o] / sum
				for d, v := range row {
					col[d] += a * b[d] * float64(v)
				}
			}
			for d := range n {
				if col[d] > 0 {
					b[d] *= attraction[d] * produced / attracted / col[d]
				}
			}
		}
	}
	for o := range n {
		row := f[o*n : o*n+n]
		sum := 0.0
		for d, v := range row {
			sum += b[d] * float64(v)
		}
		if sum == 0 {
			continue
		}
		acc, last := 0.0, 0
		for d, v := range row {
			if w := b[d] * float64(v) / sum; w > 0 {
				acc += w
				last = d
			}
			g.cum[o*n+d] = float32(acc)
		}
		// Rounding must not leave a sliver of probability on a cluster that
		// attracts nothing.
		for d := last; d < n; d++ {
			g.cum[o*n+d] = 1
		}
	}
	return g
}

// Draw picks a destination cluster for u in (0,1); ok is false when nothing
// attracts.
func (g *Gravity) Draw(o int, u float64) (d int, ok bool) {
	row := g.cum[o*g.n : o*g.n+g.n]
	if row[g.n-1] == 0 {
		return 0, false
	}
	lo, hi := 0, g.n-1
	for lo < hi {
		mid := (lo + hi) / 2
		if row[mid] > float32(u) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo, true
}

// Share is the probability of destination d for a trip produced in o.
func (g *Gravity) Share(o, d int) float64 {
	row := g.cum[o*g.n : o*g.n+g.n]
	if d == 0 {
		return float64(row[0])
	}
	return float64(row[d] - row[d-1])
}
