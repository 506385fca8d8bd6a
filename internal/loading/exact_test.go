package loading_test

import (
	"math"
	"testing"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
)

// Exact cases of the kinematic wave on a chain of links, solved by hand for a continuous fluid.
// u = 20 m/s, k_j = 0.2/m, w = 5 m/s, C = 0.8/s: C (1/u + 1/w) = 0.8*0.25 = 0.2.
const tolerance = 0.01

// chain builds 1 km links 0 -> 1 -> ... one after another.
func chain(n int) loading.Links {
	var net loading.Links
	for i := range n {
		net = addLink(net, i, i+1)
	}
	return net
}

// addLink appends a standard 1 km link between two nodes.
func addLink(net loading.Links, from, to int) loading.Links {
	net.From = append(net.From, units.NodeID(from))
	net.To = append(net.To, units.NodeID(to))
	net.LengthM = append(net.LengthM, 1000)
	net.SpeedMS = append(net.SpeedMS, 20)
	net.CapacityVS = append(net.CapacityVS, 0.8)
	net.JamVM = append(net.JamVM, 0.2)
	net.OutCapVS = append(net.OutCapVS, 0)
	net.InCapVS = append(net.InCapVS, 0)
	net.MergeWeight = append(net.MergeWeight, 0)
	return net
}

// flow is a demand of num/den vehicles per second up to second until.
type flow struct{ num, den, until int64 }

// vehicles gives the departures of a piecewise constant demand: vehicle k when
// the cumulative demand reaches k - 1/2, in integer arithmetic on halves.
func vehicles(flows ...flow) []float64 {
	var out []float64
	var start int64
	// done2 is twice the cumulative demand at start; all cases have whole
	// vehicles at every change of rate.
	var done2 int64
	for _, f := range flows {
		end2 := done2 + 2*f.num*(f.until-start)/f.den
		for h := done2 + 1; h <= end2; h += 2 {
			out = append(out, float64(start)+float64((h-done2)*f.den)/float64(2*f.num))
		}
		start, done2 = f.until, end2
	}
	return out
}

// together merges departures of several paths in order of time, then of path.
func together(departs [][]float64, paths [][]units.LinkID, size float32) *loading.Departures {
	d := &loading.Departures{PathFirst: []uint32{0}}
	at := make([]int, len(departs))
	for {
		best := -1
		for i := range departs {
			if at[i] < len(departs[i]) && (best < 0 || departs[i][at[i]] < departs[best][at[best]]) {
				best = i
			}
		}
		if best < 0 {
			return d
		}
		d.DepartS = append(d.DepartS, departs[best][at[best]])
		d.Size = append(d.Size, size)
		d.Path = append(d.Path, paths[best]...)
		d.PathFirst = append(d.PathFirst, uint32(len(d.Path)))
		at[best]++
	}
}

func onePath(departs []float64, links ...units.LinkID) *loading.Departures {
	return together([][]float64{departs}, [][]units.LinkID{links}, 1)
}

// trace records entries and exits per link.
type trace struct{ enter, exit [][]float64 }

func newTrace(links int) *trace {
	return &trace{make([][]float64, links), make([][]float64, links)}
}

func (r *trace) Exit(_ uint32, l units.LinkID, enter, exit float64) {
	r.enter[l] = append(r.enter[l], enter)
	r.exit[l] = append(r.exit[l], exit)
}

// count is how many of the times are at or before t.
func count(times []float64, t float64) float64 {
	n := 0
	for _, x := range times {
		if x <= t {
			n++
		}
	}
	return float64(n)
}

func total(d *loading.Departures, r *loading.Result) float64 {
	sum := 0.0
	for p, t := range r.ArriveS {
		if !math.IsInf(t, 1) {
			sum += (t - d.DepartS[p]) * float64(d.Size[p])
		}
	}
	return sum
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance*math.Abs(want) {
		t.Errorf("%s: got %.6g, want %.6g (%+.2f%%)", what, got, want, 100*(got/want-1))
	} else {
		t.Logf("%s: got %.6g, want %.6g (%+.3f%%)", what, got, want, 100*(got/want-1))
	}
}

func whole(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %g, want %g", what, got, want)
	}
}

// 250 vehicles, 1000/20 = 50 s each: 12,500 s.
func TestExactFreeFlow(t *testing.T) {
	d := onePath(vehicles(flow{1, 2, 500}), 0)
	r := loading.New(chain(1)).Run(d, math.Inf(1), nil)
	whole(t, "vehicles", float64(d.Num()), 250)
	near(t, "total travel time", total(d, r), 12500)
	for p := range d.DepartS {
		if delay := r.ArriveS[p] - d.DepartS[p] - 50; math.Abs(delay) > 1e-9 {
			t.Fatalf("vehicle %d: delay %g s on an empty street", p, delay)
		}
	}
}

// Demand reaches the cap at 50 s. The queue grows by 0.8 - 2/3 = 2/15 per s for
// 500 s to 66.67, shrinks by 2/3 - 0.4 = 4/15 per s for 250 s. Delay = 66.67 *
// 750 / 2 = 25,000 over 800 vehicles: mean 31.25, max 66.67/(2/3) = 100. Free
// time 800 * 100 = 80,000. Queue state on the congested branch: k = k_j - q/w =
// 0.2 - 0.1333 = 0.0667, v = q/k = 10; shock (0.8 - 2/3)/(0.04 - 0.0667) = -5.
// It passes 1 km in 200 s: the origin queue stands from 250 s, grows to 33.33 at
// 500 s, is gone 125 s later: 33.33 * 375 / 2 = 6,250 s.
func TestExactOutflowCap(t *testing.T) {
	net := chain(2)
	net.OutCapVS[0] = 2. / 3
	d := onePath(vehicles(flow{4, 5, 500}, flow{2, 5, 1500}), 0, 1)
	rec := newTrace(2)
	r := loading.New(net).Run(d, math.Inf(1), rec)
	whole(t, "vehicles", float64(d.Num()), 800)
	near(t, "total travel time", total(d, r), 105000)
	origin, delay, worst := 0.0, 0.0, 0.0
	first, last := math.Inf(1), 0.0
	for p, at := range d.DepartS {
		wait := r.EnteredS[p] - at
		origin += wait
		if wait > 1 {
			first, last = min(first, at), max(last, r.EnteredS[p])
		}
		x := r.ArriveS[p] - at - 100
		delay += x
		worst = max(worst, x)
	}
	near(t, "origin queue", origin, 6250)
	near(t, "mean delay", delay/800, 31.25)
	near(t, "largest delay", worst, 100)
	if math.Abs(first-250) > 10 || math.Abs(last-625) > 5 {
		t.Errorf("origin queue stands from %.1f to %.1f s, want 250 to 625 (a wait under 1 s does not show)", first, last)
	}
	// All of link 1 is queue from 250 s to 625 s.
	q := (count(rec.exit[0], 550) - count(rec.exit[0], 300)) / 250
	k := (count(rec.enter[0], 400) - count(rec.exit[0], 400)) / 1000
	near(t, "queue flow", q, 2./3)
	near(t, "queue density", k, 0.2/3)
	near(t, "queue speed", q/k, 10)
	// The tail starts at 1,000 m at 50 s and moves at -5 m/s.
	for _, at := range []float64{100, 150, 200} {
		if x, want := queueTail(rec, at), 1000-5*(at-50); math.Abs(x-want) > 10 {
			t.Errorf("shock at %g s: x = %g m, want %g", at, x, want)
		}
	}
}

// queueTail is how far from the start of link 0 the queue reaches back at time
// at, by Newell's rule on the recorded ends: a point is in the queue where the
// count carried back from the exit is below the count carried on from the entry
// (they are equal in flow at capacity, which is no queue).
func queueTail(rec *trace, at float64) float64 {
	for x := 0.0; x <= 1000; x++ {
		free := countAt(rec.enter[0], at-x/20)
		queued := countAt(rec.exit[0], at-(1000-x)/5) + 0.2*(1000-x)
		if queued < free-0.1 {
			return x
		}
	}
	return 1000
}

// countAt is the cumulative count as a fluid: vehicle k stands for k - 1/2 to
// k + 1/2, so the count passes k - 1/2 at its time, linear in between.
func countAt(times []float64, t float64) float64 {
	n := int(count(times, t))
	if n == 0 || n == len(times) {
		return float64(n)
	}
	return float64(n) - 0.5 + (t-times[n-1])/(times[n]-times[n-1])
}

// Link 2 at 10 m/s: 2/3 = k_j / (1/10 + 1/5) is its capacity, so the inlet is
// the bottleneck of the case before: 800 * (50 + 100) + 25,000.
func TestExactSlowLinkBehind(t *testing.T) {
	net := chain(2)
	net.SpeedMS[1], net.CapacityVS[1] = 10, 2./3
	d := onePath(vehicles(flow{4, 5, 500}, flow{2, 5, 1500}), 0, 1)
	r := loading.New(net).Run(d, math.Inf(1), nil)
	near(t, "total travel time", total(d, r), 145000)
	near(t, "mean travel time", total(d, r)/800, 181.25)
}

// By 1,500 s 100 + 250 + 300 = 650 have left. At the cap: 0.2*500 + 0.5*500 until
// 1,050 s, then 450 s at 0.5: 575 exits. The queue grows by 0.1 for 500 s to 50
// and shrinks by 0.3 for 166.7 s: 50*666.7/2 = 16,667 on 750*100 = 75,000.
func TestExactPeak(t *testing.T) {
	net := chain(2)
	net.OutCapVS[0] = 0.5
	d := onePath(vehicles(flow{1, 5, 500}, flow{1, 2, 1000}, flow{3, 5, 1500}, flow{1, 5, 2000}), 0, 1)
	rec := newTrace(2)
	r := loading.New(net).Run(d, math.Inf(1), rec)
	whole(t, "vehicles", float64(d.Num()), 750)
	near(t, "entries by 1,500 s", count(rec.enter[0], 1500), 650)
	near(t, "exits by 1,500 s", count(rec.exit[0], 1500), 575)
	near(t, "total travel time", total(d, r), 91667)
}

// At the cap (x = 2,000 m): 0.8/s from 100 s, 0.4 from 500 s, 0.1 from 900 s. The
// queue is 160 vehicles at 500 s, stays so until 900 s, shrinks by 0.3/s for
// 533.3 s: cleared at 1,433 s; delay 32,000 + 64,000 + 42,667 = 138,667. Who
// leaves by 2,000 - 150 s finishes: 480 + 105 = 585, 585*150 + 138,667 =
// 226,417. Queue: k = 0.2 - 0.4/5 = 0.12, v = 3.33; shock (0.8-0.4)/(0.04-0.12)
// = -5 m/s. The 0.4/s demand left at 400 s meets it where 20 (t-400) = 2,000 -
// 5 (t-100): t = 420 s, x = 400 m; inflow = outflow then, so the tail stands
// until the 0.1/s demand comes by at 800 + 400/20 = 820 s. Then it moves
// forward: 80 vehicles on link 1 = 400*0.02 + 600*0.12 while it stands.
func TestExactThreeLinks(t *testing.T) {
	net := chain(3)
	net.OutCapVS[1] = 0.4
	d := onePath(vehicles(flow{4, 5, 400}, flow{2, 5, 800}, flow{1, 10, 2000}), 0, 1, 2)
	rec := newTrace(3)
	ld := loading.New(net)
	r := ld.Run(d, 2000, rec)
	whole(t, "vehicles", float64(d.Num()), 600)
	near(t, "finished", float64(d.Num()-len(r.Unfinished)), 585)
	near(t, "total travel time of those", total(d, r), 226417)
	for _, on := range r.StandsOn {
		if on == units.NoLink {
			t.Error("someone waits before the first link: there is no queue any more")
		}
	}
	// The last vehicle delayed by more than its share of one headway.
	cleared := 0.0
	for i, at := range rec.exit[1] {
		if at-rec.enter[1][i] > 50+2.5 {
			cleared = at
		}
	}
	near(t, "queue cleared", cleared, 1433)

	rec = newTrace(3)
	ld.Run(d, math.Inf(1), rec)
	for _, at := range []float64{430, 500, 600, 700, 800, 815} {
		if x := queueTail(rec, at); math.Abs(x-400) > 10 {
			t.Errorf("queue tail at %g s: x = %g m, want 400", at, x)
		}
		if at > 800 {
			continue // the weaker demand is on its way
		}
		near(t, "vehicles on link 1", countAt(rec.enter[0], at)-countAt(rec.exit[0], at), 80)
	}
	for _, at := range []float64{380, 400, 410} {
		if x, want := queueTail(rec, at), 2000-5*(at-100); math.Abs(x-want) > 10 {
			t.Errorf("queue tail at %g s: x = %g m, want %g", at, x, want)
		}
	}
	// Then the tail goes forward: (0.4-0.1)/(0.12-0.005) = 2.609 m/s.
	if x := queueTail(rec, 900); math.Abs(x-(400+80*0.3/0.115)) > 10 {
		t.Errorf("queue tail at 900 s: x = %g m, want %g", x, 400+80*0.3/0.115)
	}
	q := (count(rec.exit[0], 1000) - count(rec.exit[0], 500)) / 500
	k := (countAt(rec.enter[1], 700) - countAt(rec.exit[1], 700)) / 1000
	near(t, "queue flow", q, 0.4)
	near(t, "queue density", k, 0.12)
	near(t, "queue speed", q/k, 10./3)
}

// Two links of 0.5/s meet a link of 0.8/s at 50 s, for 1,000 s. Equal weights:
// 0.4/s each, each queue grows by 0.1 to 100 and is served at 0.4 for 250 s:
// 100*1,250/2 = 62,500, plus 500*100. Weights 3:1: shares 0.6 and 0.2; the first
// needs 0.5 only and is never delayed: 50,000; the second gets 0.3, grows to 200
// and is served at 0.8 for 250 s: 200*1,250/2 = 125,000, plus 50,000.
func TestExactMerge(t *testing.T) {
	for _, c := range []struct {
		name          string
		weightA       float32
		wantA, wantB  float64
		flowA, flowB  float64
		first, second units.LinkID
	}{
		{"equal", 0, 112500, 112500, 0.4, 0.4, 0, 1},
		{"3:1", 2.4, 50000, 175000, 0.5, 0.3, 0, 1},
		// The outcome may not hang on which link has the lower id.
		{"3:1 swapped", 2.4, 50000, 175000, 0.5, 0.3, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := addLink(addLink(addLink(loading.Links{}, 0, 2), 1, 2), 2, 3)
			net.MergeWeight[c.first] = c.weightA
			departs := vehicles(flow{1, 2, 1000})
			d := together([][]float64{departs, departs}, [][]units.LinkID{{c.first, 2}, {c.second, 2}}, 1)
			rec := newTrace(3)
			r := loading.New(net).Run(d, math.Inf(1), rec)
			sum := map[units.LinkID]float64{}
			for p := range d.DepartS {
				sum[d.Path[d.PathFirst[p]]] += r.ArriveS[p] - d.DepartS[p]
			}
			near(t, "total A", sum[c.first], c.wantA)
			near(t, "total B", sum[c.second], c.wantB)
			near(t, "flow A", (count(rec.exit[c.first], 1000)-count(rec.exit[c.first], 200))/800, c.flowA)
			near(t, "flow B", (count(rec.exit[c.second], 1000)-count(rec.exit[c.second], 200))/800, c.flowB)
		})
	}
}

// 0.3/s want an inlet of 0.2/s, 0.2/s a free branch; FIFO holds both to the
// ratio 3:2, so the exit is 0.2/0.6 = 1/3 and the free branch gets 0.1333. The
// queue grows by 1/6 for 1,000 s to 166.7 and shrinks by 1/3 for 500 s: 166.7 *
// 1,500 / 2 = 125,000, plus 500*100.
func TestExactDiverge(t *testing.T) {
	net := addLink(addLink(addLink(loading.Links{}, 0, 1), 1, 2), 1, 3)
	net.InCapVS[1] = 0.2
	departs := vehicles(flow{1, 2, 1000})
	d := &loading.Departures{PathFirst: []uint32{0}}
	for i, at := range departs {
		branch := units.LinkID(1)
		if i%5 == 1 || i%5 == 3 {
			branch = 2
		}
		d.DepartS = append(d.DepartS, at)
		d.Size = append(d.Size, 1)
		d.Path = append(d.Path, 0, branch)
		d.PathFirst = append(d.PathFirst, uint32(len(d.Path)))
	}
	rec := newTrace(3)
	r := loading.New(net).Run(d, math.Inf(1), rec)
	near(t, "total travel time", total(d, r), 175000)
	rate := func(times []float64) float64 { return (count(times, 1101) - count(times, 201)) / 900 }
	near(t, "exit of link 1", rate(rec.exit[0]), 1./3)
	near(t, "capped branch", rate(rec.enter[1]), 0.2)
	near(t, "free branch", rate(rec.enter[2]), 0.4/3)
}

// Vickrey's bottleneck: value of travel time 6.4, of being early 3.9, of being
// late 15.21 per hour, everyone wants to arrive at 0 h, 6,000 vehicles, 3,000/h.
// The analytic departures (rates s*6.4/(6.4-3.9) = 7,680 and s*6.4/(6.4+15.21)
// = 888.5 per h) make every one cost 3.9*15.21/(3.9+15.21) * 6000/3000 = 6.208.
func TestExactVickrey(t *testing.T) {
	const early, late, value = 3.9, 15.21, 6.4
	net := chain(1)
	// A short link with no queue in it: the wait is at the origin, which is
	// what Vickrey's point queue is.
	net.LengthM[0] = 10
	net.CapacityVS[0] = 3000. / 3600
	cost := early * late / (early + late) * 2
	start, corner := -cost/early, -cost/early+cost/early*(value-early)/value
	var departs []float64
	firstRate, lastRate := 3000*value/(value-early), 3000*value/(value+late)
	n1 := firstRate * (corner - start)
	for k := range 6000 {
		c := float64(k) + 0.5
		at := start + c/firstRate
		if c > n1 {
			at = corner + (c-n1)/lastRate
		}
		departs = append(departs, at*3600)
	}
	near(t, "first departure", start, -1.592)
	near(t, "change of rate", corner, -0.970)
	d := onePath(departs, 0)
	r := loading.New(net).Run(d, math.Inf(1), nil)
	for p := range departs {
		at := r.ArriveS[p] / 3600
		c := value*(at-departs[p]/3600) + early*max(0, -at) + late*max(0, at)
		if math.Abs(c-6.208) > tolerance*6.208 {
			t.Fatalf("vehicle %d departs at %.4f h and costs %.4f, want 6.208", p, departs[p]/3600, c)
		}
	}
}
