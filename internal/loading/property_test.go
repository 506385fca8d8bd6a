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

// busy adds to a town what a day brings: signals, streets closed, slowed and
// narrowed for a while, vehicles of several classes.
func busy(t *rapid.T) (loading.Links, *loading.Departures) {
	net, d := town(t)
	if rapid.Bool().Draw(t, "signals") {
		net.Signals = make([]loading.Signal, len(net.From))
		for l := range net.Signals {
			if rapid.Bool().Draw(t, "signal") {
				cycle := rapid.SampledFrom([]float32{10, 30, 61.7}).Draw(t, "cycle")
				net.Signals[l] = loading.Signal{CycleS: cycle, FromS: cycle * rapid.Float32Range(0, 0.99).Draw(t, "from"), GreenS: cycle * rapid.Float32Range(0.1, 1).Draw(t, "green")}
			}
		}
	}
	for range rapid.IntRange(0, 5).Draw(t, "changes") {
		c := loading.Change{AtS: float64(rapid.IntRange(-5, 250).Draw(t, "at")), Link: units.LinkID(rapid.IntRange(0, len(net.From)-1).Draw(t, "changed")),
			SpeedMS: rapid.Float32Range(2, 30).Draw(t, "new speed")}
		if rapid.IntRange(0, 2).Draw(t, "closed") > 0 {
			c.CapacityVS = rapid.Float32Range(0.1, 1).Draw(t, "new capacity")
		} else {
			// What is closed opens again, or the day has no end.
			net.Changes = append(net.Changes, loading.Change{AtS: c.AtS + 60, Link: c.Link, SpeedMS: net.SpeedMS[c.Link], CapacityVS: net.CapacityVS[c.Link]})
		}
		net.Changes = append(net.Changes, c)
	}
	if rapid.Bool().Draw(t, "classes") {
		net.Classes = []loading.Class{{Name: "car", PCU: 1}, {Name: "lorry", PCU: 2, TopSpeedMS: 22.2}, {Name: "bus", PCU: 2.5, TopSpeedMS: 13.9}, {Name: "tram", PCU: 4, TopSpeedMS: 11}}
		for range d.DepartS {
			d.Class = append(d.Class, uint8(rapid.IntRange(0, 3).Draw(t, "class")))
		}
	}
	return net, d
}

// cuts draws ways to cut a network: none, and one of up to four regions.
func cuts(t *rapid.T, net loading.Links) [][]uint8 {
	nodes := 0
	for l := range net.From {
		nodes = max(nodes, int(net.From[l])+1, int(net.To[l])+1)
	}
	of := make([]uint8, nodes)
	for n := range of {
		of[n] = uint8(rapid.IntRange(0, 3).Draw(t, "region"))
	}
	return [][]uint8{nil, of}
}

func TestEqualsSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		net, d := busy(t)
		until := rapid.SampledFrom([]float64{100, 400, math.Inf(1)}).Draw(t, "until")
		var want moves
		arrive, entered := runTwin(net, d, nil, until, &want)
		var first moves
		for i, of := range cuts(t, net) {
			var got moves
			net.RegionOf = of
			r := loading.New(net).Run(d, until, &got)
			agree(t, d, arrive, entered, want, r.ArriveS, r.EnteredS, got)
			if i == 0 {
				first = got
			} else if !slices.Equal(first, got) {
				t.Fatalf("cut up, exits are told otherwise")
			}
		}
	})
}

// agree compares a run with its twin, vehicle by vehicle.
func agree(t *rapid.T, d *loading.Departures, arrive, entered []float64, want moves, arriveS, enteredS []float64, got moves) {
	t.Helper()
	for p := range arrive {
		if !same(arrive[p], arriveS[p]) || !same(entered[p], enteredS[p]) {
			t.Fatalf("platoon %d: entered %v arrived %v, twin %v %v", p, enteredS[p], arriveS[p], entered[p], arrive[p])
		}
	}
	// The twin tells in the order in which it works; an observer by (time, link).
	order := func(a, b move) int { return cmp.Or(cmp.Compare(a.exit, b.exit), cmp.Compare(a.l, b.l)) }
	if !slices.IsSortedFunc(got, order) {
		t.Fatal("exits are not told in order of time and link")
	}
	// Times that are equal may differ in the last bit between the two.
	each := func(a, b move) int { return cmp.Or(cmp.Compare(a.p, b.p), cmp.Compare(a.exit, b.exit)) }
	got, want = slices.Clone(got), slices.Clone(want)
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
}

// wander is a Router: a platoon draws among the links that leave a node, and ends
// on some links; the word counts the draws.
type wander struct{ net loading.Links }

func (w wander) Next(p, word uint32, on units.LinkID) (units.LinkID, uint32) {
	word++
	if (p*7+uint32(on))%4 == 0 {
		return units.NoLink, word
	}
	var out []units.LinkID
	for l, n := range w.net.From {
		if n == w.net.To[on] {
			out = append(out, units.LinkID(l))
		}
	}
	return out[(p*2654435761+word*40503+uint32(on))>>7%uint32(len(out))], word
}

// trips is a TripObserver that remembers.
type trips struct{ entered, arrived []float64 }

func (r *trips) Entered(p uint32, now float64)                            { r.entered[p] = now }
func (r *trips) Arrived(p uint32, _ units.LinkID, _ float32, now float64) { r.arrived[p] = now }

// starts is a Source: the departures of one region, by their first links.
type starts struct {
	d    *loading.Departures
	mine []int
}

func (s *starts) Peek() float64 {
	if len(s.mine) == 0 {
		return math.Inf(1)
	}
	return s.d.DepartS[s.mine[0]]
}

func (s *starts) Take() loading.Departure {
	p := s.mine[0]
	s.mine = s.mine[1:]
	x := loading.Departure{Platoon: uint32(p), First: units.NoLink, Size: s.d.Size[p]}
	if at := s.d.PathFirst[p]; at != s.d.PathFirst[p+1] {
		x.First, x.Word = s.d.Path[at], at
	}
	if s.d.Class != nil {
		x.Class = s.d.Class[p]
	}
	return x
}

// Platoons that draw their way, and draw again when they wait too long, loaded
// in steps of any length.
func TestWanderersEqualSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		net, d := busy(t)
		net.PatienceS = rapid.SampledFrom([]float64{0, 1, 5, 20}).Draw(t, "patience")
		router := wander{net}
		const until = 600.0
		var want moves
		arrive, entered := runTwin(net, d, router, math.Nextafter(until, 0), &want)
		smallest, largest := math.Inf(1), 0.0
		for p, s := range d.Size {
			if d.Class != nil {
				s *= net.Classes[d.Class[p]].PCU
			}
			smallest, largest = min(smallest, float64(s)), max(largest, float64(s))
		}
		if d.Num() == 0 {
			smallest, largest = 1, 1
		}
		ways := cuts(t, net)
		loaders := make([]*loading.Loader, len(ways))
		// Each a second time: nothing may be left of the run before.
		for i := range 2 * len(ways) {
			of := ways[i/2]
			net.RegionOf = of
			if i%2 == 0 {
				loaders[i/2] = loading.New(net)
			}
			ld := loaders[i/2]
			sources := make([]loading.Source, ld.Regions())
			for i := range sources {
				mine := &starts{d: d}
				for p := range d.DepartS {
					r := 0
					if at := d.PathFirst[p]; at != d.PathFirst[p+1] && of != nil {
						r = int(of[net.From[d.Path[at]]])
					}
					if r == i {
						mine.mine = append(mine.mine, p)
					}
				}
				sources[i] = mine
			}
			var got moves
			ends := &trips{make([]float64, d.Num()), make([]float64, d.Num())}
			for p := range ends.entered {
				ends.entered[p], ends.arrived[p] = math.Inf(1), math.Inf(1)
			}
			ld.Begin(sources, router, ends, &got, smallest, largest)
			for now := 0.0; now < until; {
				now = min(until, now+rapid.Float64Range(1, 300).Draw(t, "step"))
				ld.Advance(now)
				for l := range net.From {
					if v := ld.SpeedMS(l); !(v >= 0 && v <= 30.001) {
						t.Fatalf("link %d: %v m/s at %v s", l, v, now)
					}
				}
			}
			ld.Close()
			agree(t, d, arrive, entered, want, ends.arrived, ends.entered, got)
			standing := 0
			ld.Standing(func(uint32, uint32, bool) { standing++ })
			for p := range arrive {
				if math.IsInf(arrive[p], 1) && d.DepartS[p] < until {
					standing--
				}
			}
			if standing != 0 {
				t.Fatalf("%d platoons stand that should not", standing)
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

// Two streets into each other, both with vehicles that wait to get into the other:
// at 60 s for their turn, 100 s after the last entry, which is no gridlock; nor is
// a queue before a shut street.
func TestWaitingIsNotGridlock(t *testing.T) {
	net := addLink(addLink(loading.Links{}, 0, 1), 1, 0)
	net.InCapVS[0], net.InCapVS[1] = 0.01, 0.01
	d := together([][]float64{{0}, {0}}, [][]units.LinkID{{0, 1}, {1, 0}}, 1)
	r := loading.New(net).Run(d, 60, nil)
	if len(r.Gridlock) != 0 || len(r.Unfinished) != 2 {
		t.Errorf("while they wait: %+v", r)
	}
	if r = loading.New(net).Run(d, math.Inf(1), nil); len(r.Unfinished) != 0 {
		t.Errorf("in the end: %+v", r)
	}
	net = addLink(addLink(addLink(loading.Links{}, 0, 1), 1, 2), 1, 0)
	net.Changes = []loading.Change{{AtS: 0, Link: 1}}
	d = onePath([]float64{1, 2, 3}, 0, 1)
	if r = loading.New(net).Run(d, 3600, nil); len(r.Gridlock) != 0 || len(r.Unfinished) != 3 {
		t.Errorf("before a shut street: %+v", r)
	}
}

// A ring longer than the rule searches for stays locked, and is named in full.
func TestALongRingIsNamed(t *testing.T) {
	const n = 300
	var net loading.Links
	var departs [][]float64
	var paths [][]units.LinkID
	for l := range n {
		net = addLink(net, l, (l+1)%n)
		net.LengthM[l] = 5 // stores one vehicle
		departs = append(departs, []float64{0, 0.5, 1})
		paths = append(paths, []units.LinkID{units.LinkID(l), units.LinkID((l + 1) % n), units.LinkID((l + 2) % n)})
	}
	d := together(departs, paths, 1)
	for _, rule := range []bool{false, true} {
		net.TurnRings = rule
		r := loading.New(net).Run(d, math.Inf(1), nil)
		if len(r.Gridlock) != 1 || len(r.Gridlock[0].Links) != n || len(r.Unfinished) == 0 || r.Turns != 0 {
			t.Errorf("rule %v: %d rings, %d unfinished, %d turns", rule, len(r.Gridlock), len(r.Unfinished), r.Turns)
		}
	}
}

// On a day with signals, streets shut and slowed and vehicles of all classes:
// nobody overtakes, nobody is faster than the street was when they came or than
// their class, nobody comes into a shut street or leaves on red, and nobody is lost.
func TestLawsOfABusyDay(t *testing.T) {
	slowed, red, slow := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		net, d := busy(t)
		var all moves
		r := loading.New(net).Run(d, math.Inf(1), &all)
		changes := slices.Clone(net.Changes)
		slices.SortStableFunc(changes, func(a, b loading.Change) int { return cmp.Compare(a.AtS, b.AtS) })
		lastIn := make([]float64, len(net.From))
		for l := range lastIn {
			lastIn[l] = math.Inf(-1)
		}
		passed := make([]int, d.Num())
		for _, m := range all {
			speed, shut := net.SpeedMS[m.l], false
			for _, c := range changes {
				if c.Link != m.l || c.AtS > m.enter {
					continue
				}
				if shut = c.CapacityVS == 0; !shut {
					speed = c.SpeedMS
				}
			}
			if shut {
				t.Fatalf("%+v enters a shut street", m)
			}
			if speed < net.SpeedMS[m.l] {
				slowed++
			}
			if d.Class != nil {
				if top := net.Classes[d.Class[m.p]].TopSpeedMS; top > 0 && top < speed {
					speed = top
					slow++
				}
			}
			if least := float64(net.LengthM[m.l]) / float64(speed); m.exit-m.enter < least*(1-1e-6) {
				t.Fatalf("%+v takes %g s, least %g", m, m.exit-m.enter, least)
			}
			if m.enter < d.DepartS[m.p] || m.enter <= lastIn[m.l] {
				t.Fatalf("%+v departs at %g; the one before came at %g", m, d.DepartS[m.p], lastIn[m.l])
			}
			lastIn[m.l] = m.enter
			passed[m.p]++
			if net.Signals != nil && net.Signals[m.l].CycleS > 0 {
				s := net.Signals[m.l]
				since := math.Mod(m.exit-float64(s.FromS)+2*float64(s.CycleS), float64(s.CycleS))
				if since > float64(s.GreenS)+1e-4 && since < float64(s.CycleS)-1e-4 {
					t.Fatalf("%+v leaves %g s after green began, which is %g s long", m, since, s.GreenS)
				}
				red++
			}
		}
		for p, n := range passed {
			want := int(d.PathFirst[p+1] - d.PathFirst[p])
			if n > want || (n < want) != math.IsInf(r.ArriveS[p], 1) {
				t.Fatalf("platoon %d passed %d of %d links and arrived at %g", p, n, want, r.ArriveS[p])
			}
		}
	})
	if slowed == 0 || red == 0 || slow == 0 {
		t.Errorf("%d moves on slowed links, %d at signals, %d by slow vehicles: the generator misses the hard cases", slowed, red, slow)
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
