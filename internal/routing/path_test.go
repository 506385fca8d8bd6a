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

// A square with a way round, times derived by hand. Blocks 100 m at 10 m/s:
//
//	3 --- 4 --- 5
//	|     |     |
//	0 --- 1 --- 2      all two-way
//
// links by origin: 0>1=0 0>3=1 1>0=2 1>2=3 1>4=4 2>1=5 2>5=6 3>0=7 3>4=8
// 4>1=9 4>3=10 4>5=11 5>2=12 5>4=13
func square(bans ...[2]int) *city.Network {
	var s []street
	for _, l := range [][2]int{{0, 1}, {0, 3}, {1, 0}, {1, 2}, {1, 4}, {2, 1}, {2, 5}, {3, 0}, {3, 4}, {4, 1}, {4, 3}, {4, 5}, {5, 2}, {5, 4}} {
		s = append(s, street{l[0], l[1], 100, 10, anyMode})
	}
	return network(6, s, bans)
}

func TestTurnRestrictions(t *testing.T) {
	for _, c := range []struct {
		name   string
		bans   [][2]int
		links  []units.LinkID
		metres float64
	}{
		{"straight on", nil, []units.LinkID{0, 3}, 200},
		// Right only at 1 is shut too, and so is coming down from 4: 0 3 4 5 2.
		{"the block round", [][2]int{{0, 3}, {0, 4}, {8, 9}}, []units.LinkID{1, 8, 11, 12}, 400},
		// Who comes up to 4 from 3 may not go on to 5, only down: 0 3 4 1 2. The
		// straight on at 1 is banned from 0, not from 4.
		{"only the way down", [][2]int{{0, 3}, {0, 4}, {8, 11}}, []units.LinkID{1, 8, 9, 3}, 400},
		// Both closed to those from 3: up at 1, turn round at 4: 0 1 4 1 2.
		{"turn round", [][2]int{{0, 3}, {8, 11}, {8, 9}, {4, 11}}, []units.LinkID{0, 4, 9, 3}, 400},
		{"nothing left", [][2]int{{0, 3}, {8, 11}, {8, 9}, {4, 11}, {4, 9}, {0, 4}, {2, 0}, {7, 0}, {9, 3}}, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := square(c.bans...)
			w := routing.NewGraph(net, city.AllowCar, nil, freeFlow(net), nil).NewWorkspace()
			path, cost, ok := w.Path(nil, 0, 2, 0, nil)
			if ok != (c.links != nil) || len(path) != len(c.links) {
				t.Fatalf("got path %v (%v), want %v", path, ok, c.links)
			}
			for i := range path {
				if path[i] != c.links[i] {
					t.Fatalf("got path %v, want %v", path, c.links)
				}
			}
			if cost.Metres != c.metres || math.Abs(cost.Seconds-c.metres/10) > 1e-9 {
				t.Errorf("got %+v, want %g m at 10 m/s", cost, c.metres)
			}
		})
	}
}

func TestPathOfNothingAndClosedLinks(t *testing.T) {
	net := square()
	w := routing.NewGraph(net, city.AllowCar, nil, freeFlow(net), nil).NewWorkspace()
	if path, cost, ok := w.Path(nil, 4, 4, 100, nil); !ok || len(path) != 0 || cost != (routing.Cost{}) {
		t.Errorf("from a node to itself: %v %v %v", path, cost, ok)
	}
	net.Modes[0], net.Modes[1] = 0, city.AllowWalk // both ways out of node 0
	w = routing.NewGraph(net, city.AllowCar, nil, freeFlow(net), nil).NewWorkspace()
	if path, _, ok := w.Path(nil, 0, 2, 0, nil); ok {
		t.Errorf("drove over closed links: %v", path)
	}
	if _, _, ok := w.Path(nil, 2, 0, 0, nil); !ok {
		t.Error("the way in is open")
	}
}

// At time 100 s bin centres are 50, 150, 250: a link at 10, 30, 20 s takes 20 s
// at clock 100 and 25 s at clock 200.
func TestTimesInterpolate(t *testing.T) {
	tt := &routing.Times{StartS: 0, BinS: 100, Bins: 3, T: []float32{9, 10, 9, 30, 9, 20}}
	for _, c := range [][2]float64{{-1000, 10}, {0, 10}, {50, 10}, {100, 20}, {150, 30}, {200, 25}, {250, 20}, {1e6, 20}} {
		if got := tt.At(1, c[0]); math.Abs(got-c[1]) > 1e-9 {
			t.Errorf("at %g s: got %g, want %g", c[0], got, c[1])
		}
	}
}

// Money can make a longer way better: 20 s of toll on 1>2 against 20 s of way.
func TestGeneralisedCost(t *testing.T) {
	net := square()
	for _, c := range []struct {
		toll float32
		want routing.Cost
	}{
		{19, routing.Cost{Seconds: 20, Generalised: 39, Metres: 200}},
		{21, routing.Cost{Seconds: 40, Generalised: 40, Metres: 400}},
	} {
		extra := make([]float32, net.NumLinks())
		extra[3] = c.toll
		g := routing.NewGraph(net, city.AllowCar, nil, freeFlow(net), extra)
		path, got, _ := g.NewWorkspace().Path(nil, 0, 2, 0, nil)
		if got != c.want {
			t.Errorf("toll %g: got %+v, want %+v", c.toll, got, c.want)
		}
		if again := g.PathCost(nil, path, 0, nil); again != got {
			t.Errorf("toll %g: path cost %+v, search said %+v", c.toll, again, got)
		}
	}
}

func TestFasterThanFreeFlowPanics(t *testing.T) {
	net := square()
	tt := &routing.Times{BinS: 900, Bins: 1, T: make([]float32, net.NumLinks())}
	defer func() {
		if recover() == nil {
			t.Error("times of zero were taken")
		}
	}()
	routing.NewGraph(net, city.AllowCar, nil, freeFlow(net), nil).NewWorkspace().Path(tt, 0, 2, 0, nil)
}

// slowPath is the obvious twin: Dijkstra with one label per link, container/heap,
// no bounds. It returns the least generalised cost.
func slowPath(net *city.Network, free, extra []float32, tt *routing.Times, from, to units.NodeID, depart float64) (float64, bool) {
	if from == to {
		return 0, true
	}
	type reached struct{ cost, clock float64 }
	done := make(map[units.LinkID]bool)
	best := make(map[units.LinkID]reached)
	var q queue
	relax := func(l units.LinkID, at reached) {
		if net.Modes[l]&city.AllowCar == 0 {
			return
		}
		t := float64(free[l])
		if tt != nil {
			t = math.Max(t, tt.At(l, at.clock))
		}
		r := reached{at.cost + t + float64(extra[l]), at.clock + t}
		if old, ok := best[l]; !ok || r.cost < old.cost {
			best[l] = r
			chp.Push(&q, entry{r.cost, l})
		}
	}
	for l := net.FirstOut[from]; l < net.FirstOut[from+1]; l++ {
		relax(units.LinkID(l), reached{0, depart})
	}
	for q.Len() > 0 {
		l := chp.Pop(&q).(entry).link
		if done[l] {
			continue
		}
		done[l] = true
		if net.To[l] == to {
			return best[l].cost, true
		}
	next:
		for m := net.FirstOut[net.To[l]]; m < net.FirstOut[net.To[l]+1]; m++ {
			for _, b := range net.BanTo[net.BanFirst[l]:net.BanFirst[l+1]] {
				if b == units.LinkID(m) {
					continue next
				}
			}
			relax(units.LinkID(m), best[l])
		}
	}
	return 0, false
}

type entry struct {
	cost float64
	link units.LinkID
}
type queue []entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].cost < q[j].cost }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(entry)) }
func (q *queue) Pop() any {
	x := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return x
}

// rushHour gives every link its own peak over free flow, FIFO by construction:
// in 300 s bins no time falls by more than 150 s.
func rushHour(net *city.Network, free []float32, rng *rand.Rand) *routing.Times {
	tt := &routing.Times{StartS: 7 * 3600, BinS: 300, Bins: 12}
	tt.T = make([]float32, tt.Bins*len(free))
	for l := range free {
		peak, height := rng.IntN(tt.Bins), 10*rng.Float64()
		for b := range tt.Bins {
			f := 1 + height*math.Exp(-math.Pow(float64(b-peak)/2, 2))
			tt.T[b*len(free)+l] = float32(min(float64(free[l])*f, float64(free[l])+140))
		}
	}
	return tt
}

func TestPathEqualsSlowTwin(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 2))
		net := grid(13, 11, 0.1, []float64{0, 0.05, 0.3}[seed%3], seed)
		free := freeFlow(net)
		extra := make([]float32, len(free))
		for l := range extra {
			if seed%2 == 1 {
				extra[l] = 20 * rng.Float32()
			}
			if rng.Float64() < 0.03 {
				net.Modes[l] = city.AllowWalk
			}
		}
		tt := rushHour(net, free, rng)
		order := routing.NewOrder(net, anyMode)
		g := routing.NewGraph(net, city.AllowCar, nil, free, extra)
		led := routing.NewGraph(net, city.AllowCar, order, free, extra)
		w, lw := g.NewWorkspace(), led.NewWorkspace()
		// Bounds of half an hour: some departures lie before it, and some paths
		// last beyond it.
		bounds := led.NewBounds()
		bounds.Fit(tt, 7.25*3600, 7.75*3600)
		taste := make([]float32, len(free))
		for l := range taste {
			taste[l] = 1 + 0.3*rng.Float32()
		}
		tasted := led.NewBounds()
		tasted.FitTaste(tt, taste, 7.25*3600, 7.75*3600)
		var buf []units.LinkID
		found := 0
		for q := range 150 {
			from, to := units.NodeID(rng.IntN(143)), units.NodeID(rng.IntN(143))
			depart := 7*3600 + 3600*rng.Float64()
			use := tt
			if q%5 == 0 {
				use = nil
			}
			want, wantOK := slowPath(net, free, extra, use, from, to, depart)
			path, got, ok := w.Path(use, from, to, depart, buf)
			buf = path
			// Least cost is exact when it is time alone or times stand still.
			// With money on changing times it is not (see Path), and two orders
			// of search may end a little apart.
			within := 1e-6
			if use != nil && seed%2 == 1 {
				within = 0.05
			}
			if ok != wantOK || math.Abs(got.Generalised-want) > within*(1+want) {
				t.Fatalf("seed %d, %d to %d at %.1f: got %.9f (%v), twin %.9f (%v)", seed, from, to, depart, got.Generalised, ok, want, wantOK)
			}
			// The hierarchy leads to the same cost as the landmarks, with and
			// without taste and bounds on link times.
			for _, felt := range [][]float32{nil, taste} {
				w.Taste(felt)
				lw.Taste(felt)
				lw.Guide(nil)
				switch {
				case use != nil && q%2 == 0:
					lw.Guide(bounds)
				case use != nil && q%3 == 0 && felt != nil:
					lw.Guide(tasted)
				}
				_, byMarks, _ := w.PlainPath(use, from, to, depart, nil)
				path, byHierarchy, led := lw.Path(use, from, to, depart, nil)
				slack := within
				if use != nil && felt != nil {
					slack = 0.05
				}
				if led != wantOK || math.Abs(byMarks.Generalised-byHierarchy.Generalised) > slack*(1+want) {
					t.Fatalf("seed %d, %d to %d at %.1f: %+v by hierarchy (%v), %+v plain (%v)", seed, from, to, depart, byHierarchy, led, byMarks, wantOK)
				}
				if led {
					checkPath(t, net, path, from, to)
				}
			}
			w.Taste(nil)
			if !ok {
				continue
			}
			// Speed switches that must not change the answer.
			plainPath, plain, _ := w.PlainPath(use, from, to, depart, nil)
			if within == 1e-6 && math.Abs(plain.Generalised-got.Generalised) > within*(1+want) {
				t.Fatalf("seed %d: %v with landmarks, %v without (%v)", seed, got, plain, plainPath)
			}
			found++
			checkPath(t, net, path, from, to)
			if again := g.PathCost(use, path, depart, nil); math.Abs(again.Generalised-got.Generalised) > 1e-9*(1+want) || math.Abs(again.Seconds-got.Seconds) > 1e-6 {
				t.Fatalf("seed %d: the path costs %+v, the search said %+v", seed, again, got)
			}
		}
		if found < 50 {
			t.Errorf("seed %d: only %d of 150 queries had a path", seed, found)
		}
	}
}

// checkPath asserts a legal chain of open links.
func checkPath(t *testing.T, net *city.Network, path []units.LinkID, from, to units.NodeID) {
	t.Helper()
	at := from
	for i, l := range path {
		if net.From[l] != at || net.Modes[l]&city.AllowCar == 0 {
			t.Fatalf("link %d of %v starts at %d, not %d, or is closed", l, path, net.From[l], at)
		}
		if i > 0 {
			p := path[i-1]
			for _, b := range net.BanTo[net.BanFirst[p]:net.BanFirst[p+1]] {
				if b == l {
					t.Fatalf("banned turn %d to %d in %v", p, l, path)
				}
			}
		}
		at = net.To[l]
	}
	if at != to {
		t.Fatalf("path %v ends at %d, not %d", path, at, to)
	}
}

func TestPathDoesNotAllocate(t *testing.T) {
	net := grid(30, 30, 0, 0.05, 3)
	free := freeFlow(net)
	rng := rand.New(rand.NewPCG(3, 3))
	tt := rushHour(net, free, rng)
	order := routing.NewOrder(net, anyMode)
	w := routing.NewGraph(net, city.AllowCar, nil, free, nil).NewWorkspace()
	led := routing.NewGraph(net, city.AllowCar, order, free, nil)
	lw, bounds := led.NewWorkspace(), led.NewBounds()
	lw.Guide(bounds)
	d := routing.NewDistances(net, city.AllowWalk, nil, true).NewWorkspace()
	buf := make([]units.LinkID, 0, 1000)
	reached := 0
	query := func() {
		from, to := units.NodeID(rng.IntN(900)), units.NodeID(rng.IntN(900))
		w.Path(tt, from, to, 8*3600, buf)
		bounds.Fit(tt, 8*3600, 9*3600)
		lw.Path(tt, from, to, 8*3600, buf)
		d.Distance(from, to)
		d.Reach(from, 500, func(units.NodeID, float64) { reached++ })
	}
	for range 50 {
		query()
	}
	if n := testing.AllocsPerRun(50, query); n != 0 {
		t.Errorf("%v allocations per query", n)
	}
	if reached == 0 {
		t.Error("nothing reached")
	}
}

func TestStampWrapsRound(t *testing.T) {
	net := grid(8, 8, 0, 0.1, 1)
	g := routing.NewGraph(net, city.AllowCar, nil, freeFlow(net), nil)
	w := g.NewWorkspace()
	// Labels of the very first search carry stamp 1, which comes round again.
	w.Path(nil, 0, 63, 0, nil)
	w.WearOut()
	_, got, ok := w.Path(nil, 63, 0, 0, nil)
	_, want, _ := g.NewWorkspace().Path(nil, 63, 0, 0, nil)
	if !ok || got != want {
		t.Errorf("after the stamp wrapped round: %+v (%v), want %+v", got, ok, want)
	}
}
