package routing_test

import (
	chp "container/heap"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// ticksOf is a cost as a Metric rounds it.
func ticksOf(cost float32) float64 { return max(1, math.Floor(float64(cost)*10000+0.5)) }

// slowStatic is the obvious twin: Dijkstra with one label per link on whole
// ticks, to all nodes.
func slowStatic(net *city.Network, cost []float32, from units.NodeID) []float64 {
	out := make([]float64, net.NumNodes())
	for n := range out {
		out[n] = math.Inf(1)
	}
	done := make([]bool, net.NumLinks())
	var q queue
	follow := func(at units.NodeID, so float64, bans []units.LinkID) {
	next:
		for l := net.FirstOut[at]; l < net.FirstOut[at+1]; l++ {
			if net.Modes[l]&city.AllowCar == 0 || math.IsInf(float64(cost[l]), 1) {
				continue
			}
			for _, b := range bans {
				if b == units.LinkID(l) {
					continue next
				}
			}
			chp.Push(&q, entry{so + ticksOf(cost[l]), units.LinkID(l)})
		}
	}
	out[from] = 0
	follow(from, 0, nil)
	for q.Len() > 0 {
		e := chp.Pop(&q).(entry)
		if done[e.link] {
			continue
		}
		done[e.link] = true
		to := net.To[e.link]
		out[to] = min(out[to], e.cost)
		follow(to, e.cost, net.BanTo[net.BanFirst[e.link]:net.BanFirst[e.link+1]])
	}
	return out
}

// TestStaticEqualsSlowTwin: every pair of nodes of small towns, costs exact to
// the tick, the path's own cost too, with loops, parallel links, closed links, ties
// and turns banned.
func TestStaticEqualsSlowTwin(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 5))
		net := grid(11, 9, 0.12, []float64{0, 0.05, 0.3}[seed%3], seed)
		if seed%4 == 3 {
			net = tangle(60, seed)
		}
		n := net.NumNodes()
		cost := freeFlow(net)
		for l := range cost {
			switch {
			case seed%5 == 0: // everything ties
				cost[l] = 5
			case seed%5 == 1 && rng.Float64() < 0.5: // rounded up to a tick
				cost[l] = 0
			}
			if rng.Float64() < 0.03 {
				net.Modes[l] = city.AllowWalk
			}
		}
		g := routing.NewGraph(net, city.AllowCar, nil, freeFlow(net), nil)
		static := g.NewStatic(routing.NewOrder(net, anyMode))
		fitter, q := static.NewFitter(), static.NewQuery()
		var m *routing.Metric
		var buf []units.LinkID
		all := make([]float32, n)
		for again := range 4 {
			if again%2 == 0 {
				m = fitter.Fit(m, cost)
			} else {
				m = fitter.FitFew(m, cost)
			}
			for from := range n {
				want := slowStatic(net, cost, units.NodeID(from))
				for to := range n {
					got, ok := q.Cost(m, units.NodeID(from), units.NodeID(to))
					if ok != !math.IsInf(want[to], 1) || (ok && math.Round(got*10000) != want[to]) {
						t.Fatalf("seed %d, fit %d, %d to %d: %g s (%v), twin %g ticks", seed, again, from, to, got, ok, want[to])
					}
					path, same, found := q.Path(m, units.NodeID(from), units.NodeID(to), buf)
					buf = path
					if found != ok || (ok && same != got) {
						t.Fatalf("seed %d: the path costs %g s (%v), the cost was %g s", seed, same, found, got)
					}
					if !ok {
						continue
					}
					checkPath(t, net, path, units.NodeID(from), units.NodeID(to))
					sum := 0.0
					for _, l := range path {
						sum += ticksOf(cost[l])
					}
					if sum != want[to] {
						t.Fatalf("seed %d, %d to %d: the links of %v cost %g ticks, twin %g", seed, from, to, path, sum, want[to])
					}
				}
				q.From(m, units.NodeID(from))
				q.All(all)
				for to := range n {
					got, ok := q.To(units.NodeID(to))
					if ok != !math.IsInf(want[to], 1) || (ok && math.Round(got*10000) != want[to]) {
						t.Fatalf("seed %d, from %d fixed to %d: %g s (%v), twin %g ticks", seed, from, to, got, ok, want[to])
					}
					if one := float64(all[to]); math.IsInf(one, 1) == ok || (ok && math.Abs(one-got) > 1e-6*got) {
						t.Fatalf("seed %d, from %d to all: %d at %g s, alone %g s", seed, from, to, one, got)
					}
				}
			}
			// Other costs for the next round, some links shut.
			for l := range cost {
				cost[l] = float32(rng.IntN(40)) / 8
				if rng.Float64() < 0.05 {
					cost[l] = float32(math.Inf(1))
				}
			}
		}
	}
}

// tangle is a network without shape: loops, parallel links, several pieces, bans
// everywhere, also after loops.
func tangle(n int, seed uint64) *city.Network {
	rng := rand.New(rand.NewPCG(seed, 6))
	var streets []street
	for range 4 * n {
		a := rng.IntN(n)
		b := min(n-1, max(0, a+rng.IntN(7)-3))
		if a/20 != b/20 {
			b = a // three pieces
		}
		streets = append(streets, street{a, b, 50 + 100*rng.Float32(), 10, anyMode})
	}
	var bans [][2]int
	for i, s := range streets {
		for j, o := range streets {
			if o.from == s.to && rng.Float64() < 0.2 {
				bans = append(bans, [2]int{i, j})
			}
		}
	}
	net := network(n, streets, bans)
	net.NodeX, net.NodeY = make([]float32, n), make([]float32, n)
	for i := range n {
		net.NodeX[i], net.NodeY[i] = float32(i), float32(rng.IntN(5))
	}
	return net
}

// Round a closed street a loop can be the only legal way: left at 1 is banned
// from 0, not after driving once round the loop at 1.
func TestStaticUsesLoops(t *testing.T) {
	net := network(3, []street{{0, 1, 100, 10, anyMode}, {1, 1, 50, 10, anyMode}, {1, 2, 100, 10, anyMode}, {1, 0, 100, 10, anyMode}}, [][2]int{{0, 2}})
	s := routing.NewGraph(net, city.AllowCar, nil, freeFlow(net), nil).NewStatic(routing.NewOrder(net, anyMode))
	path, cost, ok := s.NewQuery().Path(s.NewFitter().Fit(nil, freeFlow(net)), 0, 2, nil)
	if !ok || cost != 25 || len(path) != 3 {
		t.Errorf("%v costs %g s (%v), want three links and 25 s", path, cost, ok)
	}
}

func TestStaticRefuses(t *testing.T) {
	net := square()
	s := routing.NewGraph(net, city.AllowCar, nil, freeFlow(net), nil).NewStatic(routing.NewOrder(net, anyMode))
	for name, spoil := range map[string]func([]float32) []float32{
		"not a number": func(c []float32) []float32 { c[3] = float32(math.NaN()); return c },
		"below zero":   func(c []float32) []float32 { c[3] = -1; return c },
		"too few":      func(c []float32) []float32 { return c[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("taken")
				}
			}()
			s.NewFitter().Fit(nil, spoil(freeFlow(net)))
		})
	}
	// A path that costs more than can be counted is none; one below is found.
	long := make([]float32, net.NumLinks())
	for l := range long {
		long[l] = 0.6 * float32(routing.LongestS)
	}
	m, q := s.NewFitter().Fit(nil, long), s.NewQuery()
	if _, ok := q.Cost(m, 0, 3); !ok {
		t.Error("one dear link is a path")
	}
	if c, ok := q.Cost(m, 0, 2); ok {
		t.Errorf("a path of more than %g s: %g s", routing.LongestS, c)
	}
}

func TestStaticDoesNotAllocate(t *testing.T) {
	net := grid(30, 30, 0, 0.05, 3)
	s := routing.NewGraph(net, city.AllowCar, nil, freeFlow(net), nil).NewStatic(routing.NewOrder(net, anyMode))
	f, q := s.NewFitter(), s.NewQuery()
	cost := freeFlow(net)
	m := f.Fit(nil, cost)
	rng := rand.New(rand.NewPCG(3, 3))
	buf, all := make([]units.LinkID, 0, 1000), make([]float32, 900)
	query := func() {
		from, to := units.NodeID(rng.IntN(900)), units.NodeID(rng.IntN(900))
		f.Fit(m, cost)
		q.Path(m, from, to, buf)
		q.From(m, from)
		q.To(to)
		q.All(all)
	}
	for range 20 {
		query()
	}
	if n := testing.AllocsPerRun(20, query); n != 0 {
		t.Errorf("%v allocations per query", n)
	}
}
