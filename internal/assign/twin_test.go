package assign

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// twin is the slow, obvious way: every simple path of every pair is listed, and
// flow goes from the dearest used path to the cheapest, by halving an interval
// until their costs meet, over and over.
func twin(n *Network, d *Demand, w Weights, gap float64) (volume []float64, reached float64) {
	volume = make([]float64, n.NumLinks())
	cost := func(l int) float64 {
		t := n.FreeFlow[l] * (1 + n.B[l]*math.Pow(volume[l]/n.Capacity[l], n.Power[l]))
		return t + w.Toll*n.Toll[l] + w.Distance*n.Length[l]
	}
	sumOf := func(path []int) (c float64) {
		for _, l := range path {
			c += cost(l)
		}
		return c
	}
	type pairOf struct {
		paths [][]int
		flow  []float64
	}
	var all []pairOf
	for i, trips := range d.Trips {
		if d.From[i] == d.To[i] || trips == 0 {
			continue
		}
		p := pairOf{paths: simplePaths(n, d.From[i], d.To[i])}
		p.flow = make([]float64, len(p.paths))
		p.flow[0] = trips
		for _, l := range p.paths[0] {
			volume[l] += trips
		}
		all = append(all, p)
	}
	move := func(p *pairOf, from, to int, x float64) {
		p.flow[from] -= x
		p.flow[to] += x
		for _, l := range p.paths[from] {
			volume[l] = max(0, volume[l]-x)
		}
		for _, l := range p.paths[to] {
			volume[l] += x
		}
	}
	for range 20000 {
		excess, least := 0.0, 0.0
		for i := range all {
			p := &all[i]
			best, worst := -1, -1
			for k, path := range p.paths {
				c := sumOf(path)
				if best < 0 || c < sumOf(p.paths[best]) {
					best = k
				}
				if p.flow[k] > 0 && (worst < 0 || c > sumOf(p.paths[worst])) {
					worst = k
				}
			}
			for k, path := range p.paths {
				excess += p.flow[k] * (sumOf(path) - sumOf(p.paths[best]))
				least += p.flow[k] * sumOf(p.paths[best])
			}
			if best == worst {
				continue
			}
			lo, hi := 0.0, p.flow[worst]
			for range 60 {
				mid := (lo + hi) / 2
				move(p, worst, best, mid)
				if sumOf(p.paths[worst]) > sumOf(p.paths[best]) {
					lo = mid
				} else {
					hi = mid
				}
				move(p, best, worst, mid)
			}
			if hi == p.flow[worst] {
				lo = hi
			}
			move(p, worst, best, lo)
		}
		reached = excess / math.Max(least, 1e-300)
		if excess == 0 || reached < gap {
			break
		}
	}
	return volume, reached
}

// simplePaths lists all ways without a node twice.
func simplePaths(n *Network, from, to int32) (out [][]int) {
	seen := make([]bool, n.Nodes)
	var path []int
	var walk func(v int32)
	walk = func(v int32) {
		if v == to {
			out = append(out, append([]int(nil), path...))
			return
		}
		if v != from && n.NoThru != nil && n.NoThru[v] {
			return
		}
		seen[v] = true
		for l := range n.Tail {
			if n.Tail[l] == v && !seen[n.Head[l]] {
				path = append(path, l)
				walk(n.Head[l])
				path = path[:len(path)-1]
			}
		}
		seen[v] = false
	}
	walk(from)
	return out
}

// randomProblem draws small networks with everything that is allowed: parallel
// links, loops, zones in the middle and at the end of nowhere, zones that may
// not be passed, links without time, constant, linear and steep ones.
func randomProblem(seed uint64, steep float64) (*Network, *Demand, Weights) {
	r := rand.New(rand.NewPCG(seed, 5))
	pick := func(of ...float64) float64 { return of[r.IntN(len(of))] }
	n := &Network{Nodes: 3 + r.IntN(5)}
	n.Zones = 2 + r.IntN(n.Nodes-1)
	if closed := r.IntN(4); closed > 0 {
		n.NoThru = make([]bool, n.Nodes)
		for v := range closed {
			n.NoThru[v] = true
		}
	}
	// Most links of a ring, then others.
	for i := range n.Nodes + 5 + r.IntN(12) {
		a, b := i, (i+1)%n.Nodes
		if i >= n.Nodes || r.IntN(6) == 0 {
			a, b = r.IntN(n.Nodes), r.IntN(n.Nodes)
		}
		n.Tail, n.Head = append(n.Tail, int32(a)), append(n.Head, int32(b))
		n.Capacity = append(n.Capacity, 3+10*r.Float64())
		n.FreeFlow = append(n.FreeFlow, pick(0, 1, 1, 2, 2.5, 7))
		n.B = append(n.B, pick(0, 0.15, 0.15, 1, 3))
		n.Power = append(n.Power, pick(0, 1, 1.5, 2, 4, 4, 4, steep))
		n.Toll = append(n.Toll, pick(0, 0, 3))
		n.Length = append(n.Length, pick(0, 1, 2))
	}
	d := &Demand{}
	for o := range int32(n.Zones) {
		for z := range int32(n.Zones) {
			if r.IntN(2) == 0 && (o == z || len(simplePaths(n, o, z)) > 0) {
				d.From, d.To, d.Trips = append(d.From, o), append(d.To, z), append(d.Trips, pick(0, 0.1, 5, 12, 20))
			}
		}
	}
	return n, d, Weights{Toll: pick(0, 0.5), Distance: pick(0, 0.1)}
}

// Two algorithms, one answer.
func TestTwin(t *testing.T) {
	const problems = 400
	split := 0
	for seed := range uint64(problems) {
		n, d, w := randomProblem(seed, 6)
		r := mustSolve(t, n, d, Options{Weights: w, Gap: 1e-12})
		if len(r.solver.pairs.list) > 0 {
			split++
		}
		volume, reached := twin(n, d, w, 1e-10)
		objective := 0.0
		for l := range volume {
			c := newCost(n, l, w)
			c.volume = volume[l]
			objective += c.integral()
		}
		// The twin is above the least objective by less than its own excess.
		spent := math.Max(1, r.TotalCost)
		if objective < r.Objective-1e-9*spent || objective > r.Objective+(2*reached+1e-9)*spent {
			t.Errorf("seed %d: objective %.15g, the twin's %.15g (gap %.2g)", seed, r.Objective, objective, reached)
		}
		verify(t, n, d, w, r, 1e-9)
		checkPaths(t, n, d, r)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if split < problems/3 {
		t.Errorf("only %d of %d problems have a pair with two used ways", split, problems)
	}
}

// Steep links converge as well where volumes are anywhere near capacity. Far
// above it (power 12 at 40 times the capacity costs a million times more than
// the way around) the solve may end at its cap of iterations, and says so; the
// objective falls all the way and no trip is lost.
func TestSteep(t *testing.T) {
	for seed := range uint64(1500) {
		n, d, w := randomProblem(seed, []float64{12, 20, MaxPower}[seed%3])
		heavy := seed%2 == 0
		for i := range d.Trips {
			if heavy {
				d.Trips[i] *= 5
			} else {
				d.Trips[i] *= 0.3
			}
		}
		last := math.Inf(1)
		r, err := Solve(context.Background(), n, d, Options{Weights: w, Gap: 1e-10, MaxIterations: 100, Report: func(i Iteration) {
			if !(i.Objective <= last*(1+1e-12)+1e-12) {
				t.Errorf("seed %d: the objective rises at iteration %d: %.15g after %.15g", seed, i.Number, i.Objective, last)
			}
			last = i.Objective
		}})
		if err != nil && strings.Contains(err.Error(), "too much to compute with") {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !r.Converged && !heavy {
			t.Errorf("seed %d: not converged: %+v", seed, r.Iteration)
		}
		verify(t, n, d, w, r, math.Max(1e-9, 2*r.RelativeGap))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// checkPaths: paths hang together, cost what the best does and sum to demand
// and volumes.
func checkPaths(t testing.TB, n *Network, d *Demand, r *Result) {
	t.Helper()
	volume := make([]float64, n.NumLinks())
	trips := map[[2]int32]float64{}
	r.Paths(d, func(p Path) bool {
		at, cost := p.From, 0.0
		for i, l := range p.Links {
			if n.Tail[l] != at || i > 0 && n.NoThru != nil && n.NoThru[at] {
				t.Errorf("path %+v breaks at link %s", p, n.name(int(l)))
			}
			at = n.Head[l]
			cost += r.Cost[l]
			volume[l] += p.Flow
		}
		if at != p.To || len(p.Links) == 0 || !(p.Flow > 0) || p.Cost != cost {
			t.Errorf("path %+v ends at %d and costs %g", p, at, cost)
		}
		trips[[2]int32{p.From, p.To}] += p.Flow
		return true
	})
	for l, v := range volume {
		if math.Abs(v-r.Volume[l]) > 1e-9*math.Max(1, r.Assigned) {
			t.Errorf("link %s: paths sum to %.15g, volume %.15g", n.name(l), v, r.Volume[l])
		}
	}
	for i, x := range d.Trips {
		if got := trips[[2]int32{d.From[i], d.To[i]}]; d.From[i] != d.To[i] && math.Abs(got-x) > 1e-9*math.Max(1, x) {
			t.Errorf("paths from %d to %d carry %g, want %g", d.From[i]+1, d.To[i]+1, got, x)
		}
	}
}
