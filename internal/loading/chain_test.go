package loading_test

import (
	"math"
	"slices"
	"testing"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
	"pgregory.net/rapid"
)

// chained hears of chains: the whole of each in moves, by its last link, and
// what happened inside in crossed.
type chained struct {
	moves
	ld      *loading.Loader
	inside  [][]float64 // exits, by link
	queued  int
	wrong   string
	freeS   []float64
	members [][]units.LinkID
}

func (c *chained) ExitChain(p uint32, l units.LinkID, enter, exit float64, crossed []float64) {
	c.moves = append(c.moves, move{p, l, enter, exit})
	row := c.ld.Chain(l)
	for len(c.members) <= int(l) {
		c.members = append(c.members, nil)
	}
	c.members[l] = slices.Clone(row)
	if len(crossed) > 0 {
		c.queued++
		if len(crossed) != len(row)-1 {
			c.wrong = "not one crossing between each two links"
		}
	}
	free, at := 0.0, enter
	for i, m := range row {
		free += c.freeS[m]
		next := exit
		if i < len(crossed) {
			next = crossed[i]
		} else if len(crossed) == 0 {
			next = enter + free
		}
		if next < at+c.freeS[m]-1e-6 {
			c.wrong = "faster than free"
		}
		c.inside[m] = append(c.inside[m], next)
		at = next
	}
	if at < exit-1e-5 || at > exit+1e-5 {
		c.wrong = "the links inside do not add up to the chain"
	}
	if c.ld.End(row[0]) != l {
		c.wrong = "End is not the end"
	}
}

func newChained(net loading.Links) *chained {
	net.Chains = true
	c := &chained{ld: loading.New(net), inside: make([][]float64, len(net.From))}
	for l := range net.From {
		c.freeS = append(c.freeS, float64(net.LengthM[l])/float64(net.SpeedMS[l]))
	}
	return c
}

// split cuts the links of a town, made of numbers without rounding errors, into
// rows of links; end[l] is the last of what l became.
func split(t *rapid.T, net loading.Links, d *loading.Departures) (whole, parts loading.Links, fine *loading.Departures, end []units.LinkID) {
	whole = net
	rows := make([][]units.LinkID, len(net.From))
	next := units.NodeID(100)
	for l := range net.From {
		eights := rapid.IntRange(1, 40).Draw(t, "length")
		whole.LengthM[l] = 8 * float32(eights)
		whole.SpeedMS[l] = rapid.SampledFrom([]float32{2, 4, 8, 16}).Draw(t, "speed")
		whole.CapacityVS[l] = rapid.SampledFrom([]float32{1. / 8, 1. / 4}).Draw(t, "capacity")
		whole.JamVM[l] = rapid.SampledFrom([]float32{1. / 8, 1. / 4}).Draw(t, "jam")
		whole.OutCapVS[l], whole.InCapVS[l] = 0, 0
		whole.MergeWeight[l] = 1 + float32(l)/64 // no two links are alike
		if rapid.IntRange(0, 4).Draw(t, "cap") == 0 {
			whole.OutCapVS[l] = 1. / 16 // stays in one piece
		}
		n := 1
		if whole.OutCapVS[l] == 0 {
			n = min(rapid.IntRange(1, 4).Draw(t, "parts"), eights)
		}
		from := whole.From[l]
		for i := range n {
			to, length := whole.To[l], 8*float32(eights-n+1)
			if i < n-1 {
				to, length = next, 8
				next++
			}
			rows[l] = append(rows[l], units.LinkID(len(parts.From)))
			parts.From, parts.To = append(parts.From, from), append(parts.To, to)
			parts.LengthM, parts.SpeedMS = append(parts.LengthM, length), append(parts.SpeedMS, whole.SpeedMS[l])
			parts.CapacityVS, parts.JamVM = append(parts.CapacityVS, whole.CapacityVS[l]), append(parts.JamVM, whole.JamVM[l])
			parts.OutCapVS, parts.InCapVS = append(parts.OutCapVS, whole.OutCapVS[l]), append(parts.InCapVS, 0)
			parts.MergeWeight = append(parts.MergeWeight, whole.MergeWeight[l])
			from = to
		}
		end = append(end, rows[l][n-1])
	}
	fine = &loading.Departures{DepartS: d.DepartS, Size: d.Size, PathFirst: []uint32{0}}
	for p := range d.DepartS {
		for _, l := range d.Path[d.PathFirst[p]:d.PathFirst[p+1]] {
			fine.Path = append(fine.Path, rows[l]...)
		}
		fine.PathFirst = append(fine.PathFirst, uint32(len(fine.Path)))
	}
	return whole, parts, fine, end
}

// A street cut into links is loaded as if it were one link: everything happens
// at the same moments, to the last bit, with rings turned or not.
func TestChainsAreTheWholeStreet(t *testing.T) {
	queued, chains := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		net, d := town(t)
		net, parts, fine, end := split(t, net, d)
		net.TurnRings = rapid.Bool().Draw(t, "rings")
		parts.TurnRings = net.TurnRings
		var want moves
		ld := loading.New(net)
		got := newChained(parts)
		for range 2 { // a Loader forgets the chains of the run before
			want, got.moves = want[:0], got.moves[:0]
			a, b := ld.Run(d, math.Inf(1), &want), got.ld.Run(fine, math.Inf(1), got)
			if got.wrong != "" {
				t.Fatal(got.wrong)
			}
			if !slices.Equal(a.ArriveS, b.ArriveS) || !slices.Equal(a.EnteredS, b.EnteredS) || a.Turns != b.Turns || len(a.Gridlock) != len(b.Gridlock) {
				t.Fatalf("arrivals %v and %v, turns %d and %d", a.ArriveS, b.ArriveS, a.Turns, b.Turns)
			}
			for i, l := range a.StandsOn {
				if l != units.NoLink && got.ld.End(b.StandsOn[i]) != end[l] {
					t.Fatalf("platoon %d stands on %d, not a part of %d", a.Unfinished[i], b.StandsOn[i], l)
				}
			}
			for i := range want {
				want[i].l = end[want[i].l]
			}
			if !slices.Equal(want, got.moves) {
				t.Fatalf("moves\n%v\n%v", want, got.moves)
			}
		}
		queued += got.queued
		for _, m := range got.members {
			if len(m) > 1 {
				chains++
			}
		}
	})
	if queued < 100 || chains < 100 {
		t.Errorf("%d chains and %d platoons in queues: the test shows nothing", chains, queued)
	}
}

// Loaded as one or link by link, vehicles on a street with a queue in it arrive
// at the same times and pass every joint within the time of two vehicles. The
// queue grows over three joints and dissolves again: 0.2 to 0.6 vehicles/s come
// to a link of 0.4/s.
func TestChainsKnowWhereTheQueueIs(t *testing.T) {
	var net loading.Links
	for i := range 6 {
		net = addLink(net, i, i+1)
		net.LengthM[i] = 200
	}
	net.CapacityVS[5] = 0.4
	d := onePath(vehicles(flow{1, 5, 500}, flow{3, 5, 1100}, flow{1, 5, 2500}), 0, 1, 2, 3, 4, 5)
	apart := newTrace(len(net.From))
	a := loading.New(net).Run(d, math.Inf(1), apart)
	one := newChained(net)
	b := one.ld.Run(d, math.Inf(1), one)
	if got := one.ld.Chain(4); len(got) != 5 {
		t.Fatalf("the chain is %v", got)
	}
	for p := range a.ArriveS {
		if math.Abs(a.ArriveS[p]-b.ArriveS[p]) > 1e-6 {
			t.Fatalf("vehicle %d arrives at %g and %g", p, a.ArriveS[p], b.ArriveS[p])
		}
	}
	worst, late := 0.0, 0.0
	for l := range 4 {
		for p, x := range apart.exit[l] {
			worst = max(worst, math.Abs(one.inside[l][p]-x))
			late = max(late, x-apart.enter[l][p]-10)
		}
	}
	if worst > 2/0.4 {
		t.Errorf("a joint is passed %g s off", worst)
	}
	if late < 40 {
		t.Errorf("no queue above the last link of the chain, %g s at most: the test shows nothing", late)
	}
	t.Logf("joints within %.2f s; delays up to %.0f s, %d vehicles queued", worst, late, one.queued)
}

// A row is cut where somebody starts, ends, joins or leaves, where links differ,
// and nowhere else.
func TestWhereChainsEnd(t *testing.T) {
	net := chain(7) // 0 1 2 3 4 5 6
	net = addLink(net, 4, 50)
	net.SpeedMS[1] = 10
	c := newChained(net)
	d := together([][]float64{{0}, {1}, {2}}, [][]units.LinkID{{0, 1, 2, 3, 4, 5, 6}, {2, 3, 4, 5, 6}, {2, 3, 7}}, 1)
	c.ld.Run(d, math.Inf(1), c)
	for last, want := range map[units.LinkID][]units.LinkID{0: {0}, 1: {1}, 3: {2, 3}, 6: {4, 5, 6}, 7: {7}, 2: nil} {
		if got := c.ld.Chain(last); !slices.Equal(got, want) {
			t.Errorf("chain that ends with %d: %v, want %v", last, got, want)
		}
	}
	// The next run has chains of its own.
	c.ld.Run(onePath([]float64{0}, 2, 3, 4), math.Inf(1), c)
	if got := c.ld.Chain(4); !slices.Equal(got, []units.LinkID{2, 3, 4}) || c.ld.Chain(6) != nil && len(c.ld.Chain(6)) > 0 {
		t.Errorf("second run: %v and %v", got, c.ld.Chain(6))
	}
}
