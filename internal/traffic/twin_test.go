package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
)

// tangle is a random network with parallel links, ends that lead nowhere on, and
// parts that cannot be reached, as CSV; perhaps with shut links.
func tangle(seed uint64) (*Scenario, error) {
	rng := rand.New(rand.NewPCG(seed, 7))
	n := 2 + rng.IntN(30)
	var nodes, links, demand strings.Builder
	nodes.WriteString("name\n")
	links.WriteString("name,start,end,length,u,capacity_in\n")
	demand.WriteString("orig,dest,t_start,t_end,volume\n")
	join := func(a, b int) {
		if a != b {
			fmt.Fprintf(&links, "%d,%d,%d,%d,10,%s\n", links.Len(), a, b, 10*(1+rng.IntN(30)), []string{"", "", "", "", "0"}[rng.IntN(5)])
		}
	}
	for v := range n {
		fmt.Fprintf(&nodes, "%d\n", v)
		switch a := rng.IntN(n); rng.IntN(4) {
		case 0: // a street end
			join(v, a)
			join(a, v)
		default:
			join(v, a)
			join(rng.IntN(n), v)
			join(rng.IntN(n), v)
		}
	}
	for range 1 + rng.IntN(20) { // more than a batch of destinations at times
		fmt.Fprintf(&demand, "%d,%d,0,100,0\n", rng.IntN(n), rng.IntN(n))
	}
	demand.WriteString("0,0,0,100,5\n")
	join(0, 1)
	return Read(Files{"n", "l", "d"}, strings.NewReader(nodes.String()), strings.NewReader(links.String()), strings.NewReader(demand.String()))
}

// slowMove is the obvious twin of moveAll: every link looked at until nothing
// gets shorter, then at every node with a way on the best link, the first of
// equals, gains. It shares no table and no order.
func slowMove(s *Scenario, cost []float32, dests []units.NodeID, want map[[2]int]float32, weight float32) {
	for d, dest := range dests {
		dist := make([]float32, len(s.Nodes))
		for v := range dist {
			dist[v] = float32(math.Inf(1))
		}
		dist[dest] = 0
		for again := true; again; {
			again = false
			for l := range cost {
				if t := cost[l] + dist[s.Net.To[l]]; t < dist[s.Net.From[l]] {
					dist[s.Net.From[l]], again = t, true
				}
			}
		}
		for v := range s.Nodes {
			if v == int(dest) || math.IsInf(float64(dist[v]), 1) {
				continue
			}
			best := -1
			for l := range cost {
				if int(s.Net.From[l]) != v {
					continue
				}
				want[[2]int{l, d}] *= 1 - weight
				if best < 0 || cost[l]+dist[s.Net.To[l]] < cost[best]+dist[s.Net.To[best]] {
					best = l
				}
			}
			want[[2]int{best, d}] += weight
		}
	}
}

// Preferences are those of the twin, to the bit, on costs that rise and fall,
// tie, and are infinite for a while.
func TestPreferencesEqualSlowTwin(t *testing.T) {
	used := 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 8))
		s, err := tangle(seed)
		if err != nil {
			t.Fatal(err)
		}
		g := newGraph(s)
		p := newPreference(s, g, 1, 0.5, 1+int(seed%3))
		want := map[[2]int]float32{}
		cost := freeCosts(s)
		for update := range 4 {
			if update > 0 {
				for l := range cost {
					if s.Net.CapacityVS[l] == 0 {
						continue // shut for the whole run
					}
					switch rng.IntN(8) {
					case 0:
						cost[l] = float32(math.Inf(1))
					case 1, 2:
						cost[l] = float32(rng.IntN(10) + 1)
					}
				}
			}
			for i, l := range g.outLink {
				p.cost[i] = cost[l]
			}
			weight := []float32{1, 0.5, 0.25, 1. / 3}[update]
			p.moveAll(weight)
			slowMove(s, cost, p.dests, want, weight)
			for l := range cost {
				for d := range p.dests {
					v := s.Net.From[l]
					i := slices.Index(g.outLink[g.outFirst[v]:g.outFirst[v+1]], uint32(l))
					got := p.of(uint32(v), d)[i]
					if got != want[[2]int{l, d}] {
						t.Fatalf("seed %d, update %d: link %d toward node %d is wanted %g, twin %g", seed, update, l, p.dests[d], got, want[[2]int{l, d}])
					}
					if got > 0 && got < 1 {
						used++
					}
				}
			}
		}
	}
	if used < 1000 {
		t.Errorf("only %d links are wanted in part: the networks are too plain", used)
	}
}

// What an update measures: free-flow times with up to 1% of noise, other noise
// each time and on each link, a hundred times the free time where all stand, and
// no way into a shut link.
func TestMeasuredTimes(t *testing.T) {
	s, err := Read(Files{"n", "l", "d"}, strings.NewReader("name\na\nb\nc\n"),
		strings.NewReader("name,start,end,length,u,capacity_in,capacity_out\nfree,a,b,1000,20,,\nshut,a,b,1000,20,0,\njam,a,c,400,20,,0.000001\n"),
		strings.NewReader("orig,dest,t_start,t_end,volume\na,c,0,100,90\na,b,0,1,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	g := newGraph(s)
	p := newPreference(s, g, 1, 0.5, 1)
	ld := loading.New(s.Net)
	c := cut(s, 1)
	rows := &stream{p: c, pref: p}
	for i := range s.Rows {
		rows.add(i)
	}
	ld.Begin([]loading.Source{rows}, p, &arrivals{make([]int, 3), make([]float64, 3)}, nil, 1, 1)
	var before []float32
	for update := range 3 {
		p.update(ld, s.Net.LengthM)
		for l, free := range []float32{50, 50, 20} {
			switch got := p.cost[l]; {
			case l == 1:
				if !math.IsInf(float64(got), 1) {
					t.Errorf("the shut link takes %g s", got)
				}
			case l == 2 && update == 2: // the first left at once, 79 stand
				if !(got >= 100*free && got < 101*free) {
					t.Errorf("the jammed link takes %g s, want 100 times its free time", got)
				}
			case !(got >= free && got < 1.01*free):
				t.Errorf("update %d: link %d takes %g s, want %g and up to 1%% more", update, l, got, free)
			case update > 0 && got == before[l]:
				t.Errorf("update %d: link %d has the same noise again", update, l)
			}
		}
		if p.cost[0]/50 == p.cost[2]/20 {
			t.Error("two links have the same noise")
		}
		before = slices.Clone(p.cost)
		ld.Advance([]float64{10, 3000, 3000}[update])
	}
	ld.Close()
}

// A platoon draws anew at every junction: of two draws with even odds half agree.
func TestDrawsAreIndependent(t *testing.T) {
	s, err := Read(Files{"n", "l", "d"}, strings.NewReader("name\na\nb\nc\n"),
		strings.NewReader("name,start,end,length,u\n1,a,b,100,10\n2,a,b,100,10\n3,b,c,100,10\n4,b,c,100,10\n"), strings.NewReader("orig,dest,t_start,t_end,volume\na,c,0,100,4000\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := newPreference(s, newGraph(s), 1, 0.5, 1)
	for i := range p.want {
		p.want[i] = 0.5
	}
	var seen [2][2]int
	for id := range uint32(4000) {
		first, word := p.first(id, 0, 2)
		second, word := p.Next(id, word, first)
		if end, _ := p.Next(id, word, second); end != units.NoLink {
			t.Fatal("nobody arrives")
		}
		seen[first][second-2]++
	}
	for _, row := range seen {
		for _, n := range row {
			// 1,000 each; four standard deviations are 110.
			if n < 890 || n > 1110 {
				t.Fatalf("draws of first and second junction: %v, want 1,000 each", seen)
			}
		}
	}
	// Weights of odds, and none at all.
	p.want[0], p.want[1] = 0.9, 0.1
	n := 0
	for id := range uint32(4000) {
		if l, _ := p.first(id, 0, 2); l == 0 {
			n++
		}
	}
	if n < 3520 || n > 3680 {
		t.Errorf("%d of 4,000 draw what has nine tenths of the odds", n)
	}
	clear(p.want)
	if l, _ := p.first(1, 0, 2); l != 0 {
		t.Errorf("without a preference link %d", l)
	}
}
