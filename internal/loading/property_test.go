package loading_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
	"pgregory.net/rapid"
)

// town draws a small network with short and long links, bottlenecks and odd
// merge weights, and platoons of mixed size on random walks over it.
func town(t *rapid.T) (loading.Links, *loading.Departures) {
	nodes := rapid.IntRange(2, 6).Draw(t, "nodes")
	var net loading.Links
	out := make([][]units.LinkID, nodes)
	float := func(lo, hi float32, what string) float32 { return rapid.Float32Range(lo, hi).Draw(t, what) }
	sometimes := func(lo, hi float32, what string) float32 {
		if rapid.IntRange(0, 3).Draw(t, what+"?") > 0 {
			return 0
		}
		return float(lo, hi, what)
	}
	join := func(a, b int) {
		out[a] = append(out[a], units.LinkID(len(net.From)))
		net.From = append(net.From, units.NodeID(a))
		net.To = append(net.To, units.NodeID(b))
		net.LengthM = append(net.LengthM, float(3, 300, "metres"))
		net.SpeedMS = append(net.SpeedMS, float(2, 30, "speed"))
		net.CapacityVS = append(net.CapacityVS, float(0.1, 1, "capacity"))
		net.JamVM = append(net.JamVM, float(0.1, 0.3, "jam"))
		net.OutCapVS = append(net.OutCapVS, sometimes(0.05, 0.5, "outcap"))
		net.InCapVS = append(net.InCapVS, sometimes(0.05, 0.5, "incap"))
		net.MergeWeight = append(net.MergeWeight, sometimes(0.1, 3, "weight"))
	}
	for a := range nodes { // a ring, so that every walk goes on
		join(a, (a+1)%nodes)
	}
	for range rapid.IntRange(0, 6).Draw(t, "more") {
		join(rapid.IntRange(0, nodes-1).Draw(t, "a"), rapid.IntRange(0, nodes-1).Draw(t, "b"))
	}
	d := &loading.Departures{PathFirst: []uint32{0}}
	for range rapid.IntRange(0, 60).Draw(t, "platoons") {
		d.DepartS = append(d.DepartS, float64(rapid.IntRange(0, 200).Draw(t, "depart")))
		d.Size = append(d.Size, rapid.SampledFrom([]float32{1, 1, 2, 3.25, 4.5, 5}).Draw(t, "size"))
		at := rapid.IntRange(0, nodes-1).Draw(t, "from")
		for range rapid.IntRange(0, 8).Draw(t, "hops") {
			l := rapid.SampledFrom(out[at]).Draw(t, "link")
			d.Path = append(d.Path, l)
			at = int(net.To[l])
		}
		d.PathFirst = append(d.PathFirst, uint32(len(d.Path)))
	}
	slices.Sort(d.DepartS)
	return net, d
}

type move struct {
	p           uint32
	l           units.LinkID
	enter, exit float64
}

type moves []move

func (m *moves) Exit(p uint32, l units.LinkID, enter, exit float64) {
	*m = append(*m, move{p, l, enter, exit})
}

func TestEqualsSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		net, d := town(t)
		until := rapid.SampledFrom([]float64{100, 400, math.Inf(1)}).Draw(t, "until")
		var got, want moves
		r := loading.New(net).Run(d, until, &got)
		arrive, entered := runTwin(net, d, until, &want)
		for p := range arrive {
			if !same(arrive[p], r.ArriveS[p]) || !same(entered[p], r.EnteredS[p]) {
				t.Fatalf("platoon %d: entered %v arrived %v, twin %v %v", p, r.EnteredS[p], r.ArriveS[p], entered[p], arrive[p])
			}
		}
		// The twin tells in the order in which it works; an observer by (time, link).
		order := func(a, b move) int { return cmp.Or(cmp.Compare(a.exit, b.exit), cmp.Compare(a.l, b.l)) }
		if !slices.IsSortedFunc(got, order) {
			t.Fatal("exits are not told in order of time and link")
		}
		// Times that are equal may differ in the last bit between the two.
		each := func(a, b move) int { return cmp.Or(cmp.Compare(a.p, b.p), cmp.Compare(a.exit, b.exit)) }
		slices.SortStableFunc(got, each)
		slices.SortStableFunc(want, each)
		if len(got) != len(want) {
			t.Fatalf("%d exits, twin %d", len(got), len(want))
		}
		for i := range got {
			if got[i].p != want[i].p || got[i].l != want[i].l || !same(got[i].exit, want[i].exit) {
				t.Fatalf("exit %d: %+v, twin %+v", i, got[i], want[i])
			}
		}
	})
}

func same(a, b float64) bool { return a == b || math.Abs(a-b) < 1e-6 }

func TestLaws(t *testing.T) {
	const eps = 1e-9
	gridlocks, mixed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		net, d := town(t)
		var all moves
		ld := loading.New(net)
		r := ld.Run(d, math.Inf(1), &all)

		// Each platoon drives its path link by link, without a gap, and no
		// faster than free flow; those that do not arrive are named.
		at := make([]int, d.Num())
		clock := slices.Clone(r.EnteredS)
		perLink := make([][]move, len(net.From))
		last := math.Inf(-1)
		for _, m := range all {
			if m.exit < last {
				t.Fatalf("exit at %v reported after one at %v", m.exit, last)
			}
			last = m.exit
			path := d.Path[d.PathFirst[m.p]:d.PathFirst[m.p+1]]
			if at[m.p] >= len(path) || path[at[m.p]] != m.l || m.enter != clock[m.p] {
				t.Fatalf("platoon %d: move %+v after %d links at %v", m.p, m, at[m.p], clock[m.p])
			}
			if free := float64(net.LengthM[m.l] / net.SpeedMS[m.l]); m.exit-m.enter < free-1e-4 {
				t.Fatalf("platoon %d takes %v s over link %d, free flow %v", m.p, m.exit-m.enter, m.l, free)
			}
			at[m.p]++
			clock[m.p] = m.exit
			perLink[m.l] = append(perLink[m.l], m)
		}
		lost := 0
		for p := range d.DepartS {
			n := int(d.PathFirst[p+1] - d.PathFirst[p])
			arrived := !math.IsInf(r.ArriveS[p], 1)
			if arrived && (at[p] != n || r.ArriveS[p] != clock[p]) {
				t.Fatalf("platoon %d arrived at %v after %d of %d links, last at %v", p, r.ArriveS[p], at[p], n, clock[p])
			}
			if r.EnteredS[p] < d.DepartS[p] {
				t.Fatalf("platoon %d on the road at %v, departs at %v", p, r.EnteredS[p], d.DepartS[p])
			}
			if !arrived {
				if lost >= len(r.Unfinished) || r.Unfinished[lost] != uint32(p) {
					t.Fatalf("platoon %d is unfinished and not in %v", p, r.Unfinished)
				}
				on := units.NoLink
				if !math.IsInf(r.EnteredS[p], 1) {
					on = d.Path[int(d.PathFirst[p])+at[p]]
				}
				if r.StandsOn[lost] != on {
					t.Fatalf("platoon %d stands on %d, reported %d", p, on, r.StandsOn[lost])
				}
				lost++
			}
		}
		if lost != len(r.Unfinished) {
			t.Fatalf("%d unfinished, %d reported", lost, len(r.Unfinished))
		}
		if (lost > 0) != (len(r.Gridlock) > 0) {
			t.Fatalf("%d never arrive and gridlock is %v", lost, r.Gridlock)
		}

		for l, ms := range perLink {
			capacity := min(float64(net.CapacityVS[l]), float64(net.SpeedMS[l])*float64(net.JamVM[l])/2)
			out, in := capacity, capacity
			if net.OutCapVS[l] > 0 {
				out = min(out, float64(net.OutCapVS[l]))
			}
			if net.InCapVS[l] > 0 {
				in = min(in, float64(net.InCapVS[l]))
			}
			store := float64(net.JamVM[l]) * float64(net.LengthM[l])
			for i := 1; i < len(ms); i++ {
				size := float64(d.Size[ms[i-1].p])
				if ms[i].enter < ms[i-1].enter {
					t.Fatalf("link %d: %+v overtook %+v", l, ms[i], ms[i-1])
				}
				if ms[i].exit-ms[i-1].exit < size/out-eps || ms[i].enter-ms[i-1].enter < size/in-eps {
					t.Fatalf("link %d: %+v too close behind %+v (size %v, %v in and %v out per s)", l, ms[i], ms[i-1], size, in, out)
				}
				// What stands on the link when a platoon comes leaves room for
				// its front.
				load := 0.0
				for _, before := range ms[:i] {
					if before.exit > ms[i].enter {
						load += float64(d.Size[before.p])
					}
				}
				if load > store+1./1024 {
					t.Fatalf("link %d stores %v vehicles and held %v when %+v entered", l, store, load, ms[i])
				}
			}
		}
		for _, g := range r.Gridlock {
			gridlocks++
			for i, l := range g.Links {
				if next := g.Links[(i+1)%len(g.Links)]; net.To[l] != net.From[next] {
					t.Fatalf("gridlock %v: link %d does not lead to link %d", g.Links, l, next)
				}
				if !slices.Contains(r.StandsOn, l) {
					t.Fatalf("gridlock %v: nobody stands on link %d", g.Links, l)
				}
			}
		}
		if len(all) > 20 {
			mixed++
		}

		// The workspace leaves no trace: the same run again is the same run.
		arrive := slices.Clone(r.ArriveS)
		var again moves
		if r2 := ld.Run(d, math.Inf(1), &again); !slices.Equal(arrive, r2.ArriveS) || !slices.Equal(all, again) {
			t.Fatal("the second run differs from the first")
		}
	})
	if gridlocks == 0 || mixed == 0 {
		t.Errorf("%d gridlocks and %d busy towns: the generator misses the hard cases", gridlocks, mixed)
	}
}

// Two links of 10 m make a roundabout of two; each stores 2 vehicles and each
// platoon wants to go once round: full, each head waits for the other link.
func TestGridlockIsNamed(t *testing.T) {
	net := addLink(addLink(addLink(loading.Links{}, 0, 1), 1, 0), 1, 2)
	net.LengthM[0], net.LengthM[1] = 10, 10
	d := together([][]float64{{0, 1.5, 3}, {0, 1.5, 3}}, [][]units.LinkID{{0, 1, 0, 2}, {1, 0, 1, 0, 2}}, 1)
	r := loading.New(net).Run(d, math.Inf(1), nil)
	if len(r.Gridlock) != 1 || !slices.Equal(r.Gridlock[0].Links, []units.LinkID{0, 1}) {
		t.Fatalf("gridlock: %+v, want the cycle 0, 1", r.Gridlock)
	}
	if s := r.Gridlock[0].SinceS; s <= 0 || s > 60 {
		t.Errorf("since %g s", s)
	}
	if len(r.Unfinished) < 4 {
		t.Errorf("unfinished: %v, but two links of two vehicles are stuck", r.Unfinished)
	}
	// One vehicle in each direction gets round: no gridlock.
	d = together([][]float64{{0}, {0}}, [][]units.LinkID{{0, 1, 0, 2}, {1, 0, 1, 0, 2}}, 1)
	if r := loading.New(net).Run(d, math.Inf(1), nil); len(r.Gridlock)+len(r.Unfinished) != 0 {
		t.Errorf("two vehicles: %+v", r)
	}
}

// A link shorter than a platoon, and links that store a fraction of one, still
// pass their capacity: what a link passes may not hang on how it was cut up.
func TestShortLinksPassCapacity(t *testing.T) {
	for _, c := range []struct {
		metres float32
		size   float32
	}{{1000, 1}, {13, 1}, {7.5, 1}, {3, 1}, {13, 5}, {60, 5}, {3, 5}, {41, 3.3}} {
		net := chain(12)
		for l := range net.LengthM {
			net.LengthM[l] = c.metres
		}
		departs := make([]float64, 600) // all at once
		path := make([]units.LinkID, 12)
		for i := range path {
			path[i] = units.LinkID(i)
		}
		d := together([][]float64{departs}, [][]units.LinkID{path}, c.size)
		r := loading.New(net).Run(d, math.Inf(1), nil)
		rate := 599 * float64(c.size) / (r.ArriveS[599] - r.ArriveS[0])
		if math.Abs(rate-0.8) > 1e-6 {
			t.Errorf("links of %g m, platoons of %g: %g vehicles/s, want 0.8", c.metres, c.size, rate)
		}
	}
}

// Cutting a demand into larger platoons moves nobody by more than a platoon's
// own passage through the bottleneck.
func TestPlatoonSizeHardlyMatters(t *testing.T) {
	net := chain(2)
	net.OutCapVS[0] = 2. / 3
	one := onePath(vehicles(flow{4, 5, 500}, flow{2, 5, 1500}), 0, 1)
	ld := loading.New(net)
	want := total(one, ld.Run(one, math.Inf(1), nil))
	for _, size := range []int{2, 4, 5} {
		d := &loading.Departures{PathFirst: []uint32{0}}
		for k := 0; k < one.Num(); k += size {
			d.DepartS = append(d.DepartS, one.DepartS[k])
			d.Size = append(d.Size, float32(size))
			d.Path = append(d.Path, 0, 1)
			d.PathFirst = append(d.PathFirst, uint32(len(d.Path)))
		}
		got := total(d, ld.Run(d, math.Inf(1), nil))
		t.Logf("platoons of %d: %+.2f%%", size, 100*(got/want-1))
		if math.Abs(got/want-1) > 0.02 {
			t.Errorf("platoons of %d: total %g, of 1 %g", size, got, want)
		}
	}
}
