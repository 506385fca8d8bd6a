package traffic

import (
	"slices"
	"sync"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/random"
	"github.com/malikobaid/cityflow/internal/units"
)

// noise is UXsim's duo_noise: it breaks ties between paths of equal time.
const noise = 0.01

// hopBits is the part of a platoon's word that counts junctions passed, so that
// it draws anew at each; the rest is the destination's number.
const hopBits = 12

// preference is how much the links that leave a node are wanted, by destination.
// It is a loading.Router.
type preference struct {
	g      *graph
	dests  []units.NodeID // nodes that are a destination, ascending
	number []uint32       // by node: index in dests
	// want of the out-links of node n toward destination d begin at
	// outFirst[n]*len(dests) + d*(out-degree of n): one junction's table lies
	// together, which is what a junction reads.
	want    []float32
	best    []uint32 // by destination and node: rank of the best out-link, for one update
	draws   random.Key
	noises  random.Key
	updates uint64
	weight  float32

	cost []float32
	dist [][]float32 // by worker
	work []*graph
}

func newPreference(s *Scenario, g *graph, seed uint64, weight float64, workers int) *preference {
	p := &preference{g: g, number: make([]uint32, len(s.Nodes)), weight: float32(weight), cost: make([]float32, len(s.Links)),
		draws: random.New(seed, random.RouteDraw), noises: random.New(seed, random.RouteNoise)}
	for _, r := range s.Rows {
		p.dests = append(p.dests, r.Dest)
	}
	slices.Sort(p.dests)
	p.dests = slices.Compact(p.dests)
	for i, n := range p.dests {
		p.number[n] = uint32(i)
	}
	p.want = make([]float32, len(s.Links)*len(p.dests))
	for range workers {
		own := *g
		own.heap = nil
		p.work = append(p.work, &own)
		p.dist = append(p.dist, make([]float32, len(s.Nodes)))
	}
	return p
}

// update measures travel times and moves the preferences.
func (p *preference) update(ld *loading.Loader, length []float32) {
	at := p.noises.At(p.updates)
	for l := range p.cost {
		if ld.Closed(l) {
			p.cost[l] = inf
			continue
		}
		free := ld.FreeS(l)
		// UXsim takes a hundredth of the free speed where all stand.
		t := min(float64(length[l])/ld.SpeedMS(l), 100*free)
		p.cost[l] = float32(t * (1 + noise*at.At(uint64(l)).Uniform()))
	}
	weight := p.weight
	if p.updates == 0 {
		weight = 1
	}
	p.updates++
	// Destinations are independent; each is written by one goroutine.
	var crew sync.WaitGroup
	for worker := range p.work {
		crew.Go(func() {
			for d := worker; d < len(p.dests); d += len(p.work) {
				p.toward(worker, d, weight)
			}
		})
	}
	crew.Wait()
}

// toward moves the preferences for one destination.
func (p *preference) toward(worker, d int, weight float32) {
	g, dist := p.work[worker], p.dist[worker]
	g.toward(p.dests[d], p.cost, dist)
	for n := range dist {
		first, end := g.outFirst[n], g.outFirst[n+1]
		want := p.of(uint32(n), d)
		best, least := -1, inf
		for i, l := range g.outLink[first:end] {
			if t := p.cost[l] + dist[g.to[l]]; t < least {
				best, least = i, t
			}
		}
		if best < 0 {
			continue // no way from here: what was wanted stays
		}
		for i := range want {
			want[i] *= 1 - weight
		}
		want[best] += weight
	}
}

// of is the preferences at a node toward destination number d.
func (p *preference) of(node uint32, d int) []float32 {
	first, end := p.g.outFirst[node], p.g.outFirst[node+1]
	degree := end - first
	at := int(first)*len(p.dests) + d*int(degree)
	return p.want[at : at+int(degree)]
}

// first is the first link of a platoon.
func (p *preference) first(id uint32, orig, dest units.NodeID) (units.LinkID, uint32) {
	word := p.number[dest] << hopBits
	return p.choose(id, word, uint32(orig)), word
}

// Next implements loading.Router.
func (p *preference) Next(id, word uint32, on units.LinkID) (units.LinkID, uint32) {
	node := p.g.to[on]
	if p.dests[word>>hopBits] == node {
		return units.NoLink, word
	}
	hop := (word + 1) & (1<<hopBits - 1)
	word = word&^(1<<hopBits-1) | hop
	return p.choose(id, word, uint32(node)), word
}

// choose draws a link that leaves node, with the preferences as odds.
func (p *preference) choose(id, word, node uint32) units.LinkID {
	want := p.of(node, int(word>>hopBits))
	links := p.g.outLink[p.g.outFirst[node]:p.g.outFirst[node+1]]
	// With all odds on one link there is nothing to draw.
	total := float32(0)
	for i, w := range want {
		total += w
		if w > 0 && w == total && i == len(want)-1 {
			return units.LinkID(links[i])
		}
	}
	x := float32(p.draws.At(uint64(id)<<hopBits|uint64(word&(1<<hopBits-1))).Uniform()) * total
	for i, w := range want {
		if x < w {
			return units.LinkID(links[i])
		}
		x -= w
	}
	// Rounding, or no preference at all: the last one wanted, else the last.
	for i := len(want) - 1; i > 0; i-- {
		if want[i] > 0 {
			return units.LinkID(links[i])
		}
	}
	return units.LinkID(links[0])
}
