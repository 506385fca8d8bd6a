package routing_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// measure runs query on 10,000 random pairs over and over and reports median and
// 99th percentile beside the mean.
func measure(b *testing.B, nodes int, query func(from, to units.NodeID)) {
	rng := rand.New(rand.NewPCG(1, 1))
	pairs := make([][2]units.NodeID, 10000)
	for i := range pairs {
		pairs[i] = [2]units.NodeID{units.NodeID(rng.IntN(nodes)), units.NodeID(rng.IntN(nodes))}
	}
	took := make([]time.Duration, 0, 1<<20)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p := pairs[i%len(pairs)]
		i++
		start := time.Now()
		query(p[0], p[1])
		if len(took) < cap(took) {
			took = append(took, time.Since(start))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "us-median")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "us-p99")
}

// BenchmarkPath: 40,000-node grid, 10,000 random pairs, link
// times of 12 bins, 2% of turns banned.
func BenchmarkPath(b *testing.B) {
	net := grid(200, 200, 0, 0.02, 1)
	free := freeFlow(net)
	tt := rushHour(net, free, rand.New(rand.NewPCG(1, 2)))
	// Mild congestion: bounds on free flow are weak under the jam of the tests.
	mild := *tt
	mild.T = slices.Clone(tt.T)
	for i := range mild.T {
		f := free[i%len(free)]
		mild.T[i] = f * (1 + 0.03*(mild.T[i]/f-1))
	}
	g := routing.NewGraph(net, city.AllowCar, nil, free, nil)
	w := g.NewWorkspace()
	led := routing.NewGraph(net, city.AllowCar, routing.NewOrder(net, city.AllowCar), free, nil)
	lw := led.NewWorkspace()
	bounds := led.NewBounds()
	buf := make([]units.LinkID, 0, 2000)
	for _, c := range []struct {
		name string
		tt   *routing.Times
	}{{"freeflow", nil}, {"mild", &mild}, {"jammed", tt}} {
		b.Run(c.name+"/alt", func(b *testing.B) {
			measure(b, 40000, func(from, to units.NodeID) { w.Path(c.tt, from, to, 7.5*3600, buf) })
		})
		bounds.Fit(c.tt, 7.5*3600, 9*3600)
		lw.Guide(bounds)
		b.Run(c.name+"/hierarchy", func(b *testing.B) {
			measure(b, 40000, func(from, to units.NodeID) { lw.Path(c.tt, from, to, 7.5*3600, buf) })
		})
		b.Run(c.name+"/fit", func(b *testing.B) {
			for b.Loop() {
				bounds.Fit(c.tt, 7.5*3600, 9*3600)
			}
		})
		b.Run(c.name+"/dijkstra", func(b *testing.B) {
			measure(b, 40000, func(from, to units.NodeID) { w.PlainPath(c.tt, from, to, 7.5*3600, buf) })
		})
	}
}

// BenchmarkStatic: costs that stand still, on the same grid without and with
// banned turns. bench/streets measures the same beside plain searches.
func BenchmarkStatic(b *testing.B) {
	for name, banned := range map[string]float64{"free": 0, "banned": 0.02} {
		net := grid(200, 200, 0, banned, 1)
		free := freeFlow(net)
		s := routing.NewGraph(net, city.AllowCar, nil, free, nil).NewStatic(routing.NewOrder(net, city.AllowCar))
		f, q := s.NewFitter(), s.NewQuery()
		m := f.Fit(nil, free)
		buf := make([]units.LinkID, 0, 2000)
		b.Run(name+"/fit", func(b *testing.B) {
			for b.Loop() {
				f.Fit(m, free)
			}
		})
		b.Run(name+"/cost", func(b *testing.B) {
			measure(b, 40000, func(from, to units.NodeID) { q.Cost(m, from, to) })
		})
		b.Run(name+"/path", func(b *testing.B) {
			measure(b, 40000, func(from, to units.NodeID) { q.Path(m, from, to, buf) })
		})
	}
}

// BenchmarkDistance: the size of Newport, 10,000 nodes.
func BenchmarkDistance(b *testing.B) {
	net := grid(100, 100, 0.1, 0.02, 1)
	for _, c := range []struct {
		name string
		d    *routing.Distances
	}{
		{"walk", routing.NewDistances(net, city.AllowWalk, nil, true)},
		{"bike", routing.NewDistances(net, city.AllowBike, nil, false)},
	} {
		w := c.d.NewWorkspace()
		b.Run(c.name, func(b *testing.B) {
			measure(b, 10000, func(from, to units.NodeID) { w.Distance(from, to) })
		})
	}
	w := routing.NewDistances(net, city.AllowWalk, nil, true).NewWorkspace()
	b.Run("reach1000m", func(b *testing.B) {
		measure(b, 10000, func(from, _ units.NodeID) { w.Reach(from, 1000, func(units.NodeID, float64) {}) })
	})
}

// BenchmarkPathNewport is BenchmarkPath at 10,000 nodes.
func BenchmarkPathNewport(b *testing.B) {
	net := grid(100, 100, 0.1, 0.02, 1)
	free := freeFlow(net)
	tt := rushHour(net, free, rand.New(rand.NewPCG(1, 2)))
	buf := make([]units.LinkID, 0, 2000)
	for _, c := range []struct {
		name string
		tt   *routing.Times
	}{{"freeflow", nil}, {"jammed", tt}} {
		w := routing.NewGraph(net, city.AllowCar, nil, free, nil).NewWorkspace()
		b.Run(c.name+"/alt", func(b *testing.B) {
			measure(b, 10000, func(from, to units.NodeID) { w.Path(c.tt, from, to, 7.5*3600, buf) })
		})
		led := routing.NewGraph(net, city.AllowCar, routing.NewOrder(net, city.AllowCar), free, nil)
		lw, bounds := led.NewWorkspace(), led.NewBounds()
		bounds.Fit(c.tt, 7.5*3600, 8*3600)
		lw.Guide(bounds)
		b.Run(c.name+"/hierarchy", func(b *testing.B) {
			measure(b, 10000, func(from, to units.NodeID) { lw.Path(c.tt, from, to, 7.5*3600, buf) })
		})
	}
}

// BenchmarkOrder is what is done once per city.
func BenchmarkOrder(b *testing.B) {
	net := grid(200, 200, 0, 0.02, 1)
	for b.Loop() {
		routing.NewOrder(net, city.AllowCar)
	}
}

// BenchmarkPrepare is the customisation: landmarks of the 40,000-node grid.
func BenchmarkPrepare(b *testing.B) {
	net := grid(200, 200, 0, 0.02, 1)
	free := freeFlow(net)
	for b.Loop() {
		routing.NewGraph(net, city.AllowCar, nil, free, nil)
	}
}
