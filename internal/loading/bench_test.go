package loading_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
)

// city is a side x side grid of two-way 150 m streets, every eighth an artery,
// with trips of an L shape between random corners.
func city(side, trips int, seed uint64) (loading.Links, *loading.Departures) {
	rng := rand.New(rand.NewPCG(seed, 1))
	var net loading.Links
	link := make(map[[2]int]units.LinkID)
	join := func(a, b int, artery bool) {
		link[[2]int{a, b}] = units.LinkID(len(net.From))
		net = addLink(net, a, b)
		l := len(net.From) - 1
		net.LengthM[l], net.SpeedMS[l], net.CapacityVS[l], net.JamVM[l] = 150, 8, 0.25, 0.133
		if artery {
			net.SpeedMS[l], net.CapacityVS[l], net.JamVM[l] = 14, 1, 0.266
		}
	}
	for y := range side {
		for x := range side {
			if x+1 < side {
				join(y*side+x, y*side+x+1, y%8 == 4)
				join(y*side+x+1, y*side+x, y%8 == 4)
			}
			if y+1 < side {
				join(y*side+x, (y+1)*side+x, x%8 == 4)
				join((y+1)*side+x, y*side+x, x%8 == 4)
			}
		}
	}
	d := &loading.Departures{PathFirst: []uint32{0}}
	for range trips {
		d.DepartS = append(d.DepartS, 3600*rng.Float64())
	}
	slices.Sort(d.DepartS)
	for range trips {
		d.Size = append(d.Size, 5)
		x, y, u, v := rng.IntN(side), rng.IntN(side), rng.IntN(side), rng.IntN(side)
		for x != u {
			n := x + 1
			if u < x {
				n = x - 1
			}
			d.Path = append(d.Path, link[[2]int{y*side + x, y*side + n}])
			x = n
		}
		for y != v {
			n := y + 1
			if v < y {
				n = y - 1
			}
			d.Path = append(d.Path, link[[2]int{y*side + x, n*side + x}])
			y = n
		}
		d.PathFirst = append(d.PathFirst, uint32(len(d.Path)))
	}
	return net, d
}

type counter struct{ exits int }

func (c *counter) Exit(uint32, units.LinkID, float64, float64) { c.exits++ }

func TestRunDoesNotAllocate(t *testing.T) {
	net, d := city(16, 600, 2)
	ld := loading.New(net)
	obs := &counter{}
	ld.Run(d, math.Inf(1), obs)
	if obs.exits == 0 {
		t.Fatal("nothing moved")
	}
	if n := testing.AllocsPerRun(5, func() { ld.Run(d, 7200, obs) }); n != 0 {
		t.Errorf("%v allocations per run", n)
	}
}

// BenchmarkRun loads platoons of 5 vehicles over one hour on a grid of 2,500
// junctions: 4,000 (light) and 12,000 (heavy, long queues).
func BenchmarkRun(b *testing.B) {
	for _, c := range []struct {
		name  string
		trips int
	}{{"light", 4000}, {"heavy", 12000}} {
		b.Run(c.name, func(b *testing.B) {
			net, d := city(50, c.trips, 1)
			ld := loading.New(net)
			obs := &counter{}
			entries := 0
			var r *loading.Result
			b.ReportAllocs()
			for b.Loop() {
				r = ld.Run(d, 3*3600, obs)
				entries += r.LinkEntries
			}
			b.ReportMetric(float64(entries)/b.Elapsed().Seconds()/1e6, "Mentries/s")
			b.ReportMetric(float64(len(r.Unfinished)), "unfinished")
			b.ReportMetric(float64(r.LinkEntries), "entries")
		})
	}
}
