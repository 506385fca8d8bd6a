package loading_test

import (
	"math"
	"testing"

	"github.com/malikobaid/cityflow/internal/loading"
)

// What a day brings, on the links of the exact cases and solved by hand as they
// are: u = 20 m/s, k_j = 0.2/m, w = 5 m/s, C = 0.8/s.

// Half of each minute is green: 0.8 * 30 = 24 vehicles a minute leave while
// there is a queue, and nobody on red.
func TestExactSignal(t *testing.T) {
	net := chain(2)
	net.Signals = []loading.Signal{{CycleS: 60, FromS: 45, GreenS: 30}, {}}
	d := onePath(vehicles(flow{3, 5, 600}), 0, 1)
	rec := newTrace(2)
	r := loading.New(net).Run(d, math.Inf(1), rec)
	whole(t, "unfinished", float64(len(r.Unfinished)), 0)
	near(t, "vehicles through in ten minutes", count(rec.exit[0], 795)-count(rec.exit[0], 195), 240)
	for _, at := range rec.exit[0] {
		if s := math.Mod(at, 60); s >= 15 && s < 45 {
			t.Fatalf("a vehicle leaves at %g s, %g s into the minute: red", at, s)
		}
	}
}

// The second link is shut from 100 s to 400 s. At the node: 0.4/s arrive from 50
// to 550 s. The queue grows to 0.4*300 = 120 at 400 s, discharges at 0.8: 60 are
// left at 550 s and gone 75 s later. Delay 120*300/2 + (120+60)/2*150 + 60*75/2
// = 18,000 + 13,500 + 2,250; free time 200*100.
func TestExactClosure(t *testing.T) {
	net := chain(2)
	net.Changes = []loading.Change{{AtS: 400, Link: 1, SpeedMS: 20, CapacityVS: 0.8}, {AtS: 100, Link: 1}}
	d := onePath(vehicles(flow{2, 5, 500}), 0, 1)
	rec := newTrace(2)
	ld := loading.New(net)
	r := ld.Run(d, math.Inf(1), rec)
	near(t, "total travel time", total(d, r), 20000+33750)
	for _, at := range rec.enter[1] {
		if at >= 100 && at < 400 {
			t.Fatalf("a vehicle enters the closed link at %g s", at)
		}
	}
	// Shut for good: who has not passed by then never does, and it is no gridlock.
	net.Changes = net.Changes[1:]
	r = loading.New(net).Run(d, math.Inf(1), nil)
	whole(t, "unfinished", float64(len(r.Unfinished)), 180)
	whole(t, "gridlocks", float64(len(r.Gridlock)), 0)
}

// From 300 s the second link is driven at 10 m/s. Vehicles that depart before
// 250 s are on it by then: 50 at 100 s each, 50 at 150 s. Its capacity of then,
// 0.5/s, is above the demand.
func TestExactSlowedLink(t *testing.T) {
	net := chain(2)
	net.Changes = []loading.Change{{AtS: 300, Link: 1, SpeedMS: 10, CapacityVS: 0.5}}
	d := onePath(vehicles(flow{1, 5, 500}), 0, 1)
	r := loading.New(net).Run(d, math.Inf(1), nil)
	near(t, "total travel time", total(d, r), 50*100+50*150)
}

// Link 2 is narrowed to 0.2/s along its whole length at 350 s, so its far end is
// the bottleneck: 0.4/s arrive there from 100 to 1,100 s, the queue grows by 0.2
// for 750 s to 150 and clears in another 750: delay 150*1,500/2 = 112,500 on
// 400*100.
func TestExactNarrowedLink(t *testing.T) {
	net := chain(2)
	net.Changes = []loading.Change{{AtS: 350, Link: 1, SpeedMS: 20, CapacityVS: 0.2}}
	d := onePath(vehicles(flow{2, 5, 1000}), 0, 1)
	r := loading.New(net).Run(d, math.Inf(1), nil)
	near(t, "total travel time", total(d, r), 40000+112500)
}

// Lorries of two units at 0.5/s want 1 unit/s of 0.8: the queue grows by 0.1
// lorries/s for 400 s to 40, served at 0.4 for 100 s: 40*500/2 = 10,000, and
// 200*50 of driving.
func TestExactLorries(t *testing.T) {
	net := chain(1)
	net.Classes = []loading.Class{{Name: "car", PCU: 1}, {Name: "lorry", PCU: 2, TopSpeedMS: 25}}
	d := onePath(vehicles(flow{1, 2, 400}), 0)
	for range d.DepartS {
		d.Class = append(d.Class, 1)
	}
	near(t, "total travel time", total(d, loading.New(net).Run(d, math.Inf(1), nil)), 20000)
}

// A bus of 2.5 units at 10 m/s needs 100 s; the cars behind it, one every 10 s,
// cannot pass: the first leaves 2.5/0.8 s behind, the next at capacity until the
// free-flow time of one comes later.
func TestExactBusInTraffic(t *testing.T) {
	net := chain(1)
	net.Classes = []loading.Class{{Name: "car", PCU: 1}, {Name: "bus", PCU: 2.5, TopSpeedMS: 10}}
	d := onePath([]float64{0, 10, 20, 30, 40, 50, 60, 70, 80}, 0)
	d.Class = []uint8{1, 0, 0, 0, 0, 0, 0, 0, 0}
	r := loading.New(net).Run(d, math.Inf(1), nil)
	for p, want := range []float64{100, 103.125, 104.375, 105.625, 106.875, 108.125, 110, 120, 130} {
		if math.Abs(r.ArriveS[p]-want) > 1e-5 {
			t.Errorf("vehicle %d arrives at %g s, want %g", p, r.ArriveS[p], want)
		}
	}
}

// Case 2 of the table: the tail of the queue (10 m/s, 0.0667/m) is at 500 m at
// 150 s, behind it 0.04/m at 20 m/s: (20*20 + 33.3*10)/53.3 = 13.75 on average;
// from 250 s all is queue. An empty link has its free speed, a shut one none.
func TestPresentSpeed(t *testing.T) {
	net := chain(2)
	net.OutCapVS[0] = 2. / 3
	net.Changes = []loading.Change{{AtS: 450, Link: 1}}
	d := onePath(vehicles(flow{4, 5, 500}, flow{2, 5, 1500}), 0, 1)
	ld := loading.New(net)
	mine := &starts{d: d}
	for p := range d.DepartS {
		mine.mine = append(mine.mine, p)
	}
	ends := &trips{make([]float64, d.Num()), make([]float64, d.Num())}
	ld.Begin([]loading.Source{mine}, d, ends, nil, 1, 1)
	for _, c := range []struct{ at, want float64 }{{0, 20}, {40, 20}, {150, 13.75}, {400, 10}} {
		ld.Advance(c.at)
		if v := ld.SpeedMS(0); math.Abs(v-c.want) > 0.03*c.want {
			t.Errorf("at %g s: %.2f m/s, want %g", c.at, v, c.want)
		}
	}
	if v := ld.SpeedMS(1); math.Abs(v-20) > 1e-3 {
		t.Errorf("behind the bottleneck: %g m/s", v)
	}
	ld.Advance(1400)
	if v := ld.SpeedMS(0); v > 0.05 {
		t.Errorf("%g m/s on a link that nobody can leave for 950 s", v)
	}
	if !ld.Closed(1) || ld.Closed(0) || ld.FreeS(0) != 50 {
		t.Error("the wrong link is closed")
	}
	ld.Close()
}

var _ loading.Router = (*loading.Departures)(nil)
