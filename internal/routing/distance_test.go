package routing_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// slowDistances is Bellman-Ford by metres from one node.
func slowDistances(net *city.Network, allow city.ModeSet, undirected bool, from int) []float64 {
	d := make([]float64, net.NumNodes())
	for n := range d {
		d[n] = math.Inf(1)
	}
	d[from] = 0
	for again := true; again; {
		again = false
		for l := range net.From {
			if net.Modes[l]&allow == 0 {
				continue
			}
			a, b, m := net.From[l], net.To[l], float64(net.LengthM[l])
			if d[a]+m < d[b] {
				d[b], again = d[a]+m, true
			}
			if undirected && d[b]+m < d[a] {
				d[a], again = d[b]+m, true
			}
		}
	}
	return d
}

func TestDistancesEqualSlowTwin(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 4))
		// A third of the links missing: one-way streets and unreachable corners.
		net := grid(12, 12, 0.35, 0.2, seed)
		for l := range net.Modes {
			if rng.Float64() < 0.1 {
				net.Modes[l] = city.AllowCar
			}
		}
		unreachable := 0
		for _, walk := range []bool{true, false} {
			allow := city.AllowBike
			if walk {
				allow = city.AllowWalk
			}
			d := routing.NewDistances(net, allow, nil, walk).NewWorkspace()
			led := routing.NewDistances(net, allow, routing.NewOrder(net, anyMode), walk).NewWorkspace()
			for range 12 {
				from := rng.IntN(144)
				want := slowDistances(net, allow, walk, from)
				for to := range want {
					got, ok := d.Distance(units.NodeID(from), units.NodeID(to))
					if byOrder, same := led.Distance(units.NodeID(from), units.NodeID(to)); same != ok || math.Abs(byOrder-got) > 1e-6 {
						t.Fatalf("%d to %d: %g by landmarks (%v), %g by hierarchy (%v)", from, to, got, ok, byOrder, same)
					}
					if ok != !math.IsInf(want[to], 1) || (ok && math.Abs(got-want[to]) > 1e-6) {
						t.Fatalf("seed %d, walk %v, %d to %d: got %v (%v), twin %v", seed, walk, from, to, got, ok, want[to])
					}
					if !ok {
						unreachable++
					}
				}
				seen := make(map[units.NodeID]float64)
				last := -1.0
				d.Reach(units.NodeID(from), 600, func(n units.NodeID, m float64) {
					if _, twice := seen[n]; twice || m < last {
						t.Errorf("node %d at %g m visited twice or out of order", n, m)
					}
					seen[n], last = m, m
				})
				for n, m := range want {
					got, ok := seen[units.NodeID(n)]
					if ok != (m <= 600) || (ok && math.Abs(got-m) > 1e-6) {
						t.Fatalf("seed %d, reach from %d: node %d at %v (%v), twin %v", seed, from, n, got, ok, m)
					}
				}
			}
		}
		if unreachable == 0 {
			t.Errorf("seed %d: every node reached, the hard case is missing", seed)
		}
	}
}

func TestWalkingIgnoresOneway(t *testing.T) {
	net := network(3, []street{{0, 1, 100, 10, anyMode}, {1, 2, 50, 10, anyMode}}, nil)
	if m, ok := routing.NewDistances(net, city.AllowWalk, nil, true).NewWorkspace().Distance(2, 0); !ok || m != 150 {
		t.Errorf("walking against oneway: %g m (%v), want 150", m, ok)
	}
	if _, ok := routing.NewDistances(net, city.AllowBike, nil, false).NewWorkspace().Distance(2, 0); ok {
		t.Error("cycled against oneway")
	}
}

func TestEmptyNetwork(t *testing.T) {
	net := network(2, nil, nil)
	if _, ok := routing.NewDistances(net, city.AllowWalk, nil, true).NewWorkspace().Distance(0, 1); ok {
		t.Error("walked over nothing")
	}
	w := routing.NewGraph(net, city.AllowCar, nil, nil, nil).NewWorkspace()
	if _, _, ok := w.Path(nil, 0, 1, 0, nil); ok {
		t.Error("drove over nothing")
	}
}
