package traffic

import (
	"fmt"
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
	draws   random.Key
	noises  random.Key
	updates uint64
	weight  float32

	// Out-links in the order of outLink: what the sweeps of an update read.
	cost []float32
	to   []uint32
	from []uint32 // of in-links, in the order of inLink
	// order is the nodes in order of free-flow time to each destination.
	order [][]uint32
	work  []sweeper // by worker
}

// sweeper is the working memory of one goroutine.
type sweeper struct {
	dist  []float32
	best  []uint32 // by node: index of its best out-link
	dirty []bool   // by node: a node that it leads to has changed
}

// maxWants bounds the table of preferences (a gigabyte).
const maxWants = 1 << 28

func newPreference(s *Scenario, g *graph, seed uint64, weight float64, workers int) (*preference, error) {
	p := &preference{g: g, order: s.order, number: make([]uint32, len(s.Nodes)), weight: float32(weight),
		cost: make([]float32, len(s.Links)), to: make([]uint32, len(s.Links)), from: make([]uint32, len(s.Links)),
		draws: random.New(seed, random.RouteDraw), noises: random.New(seed, random.RouteNoise)}
	for _, r := range s.Rows {
		p.dests = append(p.dests, r.Dest)
	}
	slices.Sort(p.dests)
	p.dests = slices.Compact(p.dests)
	if n := len(s.Links) * len(p.dests); n > maxWants {
		return nil, fmt.Errorf("traffic: %d links and %d destinations make %d preferences, at most %d", len(s.Links), len(p.dests), n, maxWants)
	}
	for i, n := range p.dests {
		p.number[n] = uint32(i)
	}
	p.want = make([]float32, len(s.Links)*len(p.dests))
	for range workers {
		p.work = append(p.work, sweeper{make([]float32, len(s.Nodes)), make([]uint32, len(s.Nodes)), make([]bool, len(s.Nodes))})
	}
	for i, l := range g.outLink {
		p.to[i] = uint32(g.to[l])
	}
	for i, l := range g.inLink {
		p.from[i] = uint32(g.from[l])
	}
	return p, nil
}

// update measures travel times and moves the preferences.
func (p *preference) update(ld *loading.Loader, length []float32) {
	at := p.noises.At(p.updates)
	for i, l := range p.g.outLink {
		if ld.Closed(int(l)) {
			p.cost[i] = inf
			continue
		}
		free := ld.FreeS(int(l))
		// UXsim takes a hundredth of the free speed where all stand.
		t := min(float64(length[l])/ld.SpeedMS(int(l)), 100*free)
		p.cost[i] = float32(t * (1 + noise*at.At(uint64(l)).Uniform()))
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
				p.toward(&p.work[worker], d, weight)
			}
		})
	}
	crew.Wait()
}

// toward moves the preferences for one destination. Least costs come from sweeps
// over the nodes in order of free-flow time, looking at those again that lead to
// one that has changed, until none is left (Bellman and Ford; in that order most
// are right at once). Costs are above zero, so the answer is Dijkstra's.
func (p *preference) toward(w *sweeper, d int, weight float32) {
	dist, best, dirty, outFirst, inFirst := w.dist, w.best, w.dirty, p.g.outFirst, p.g.inFirst
	for n := range dist {
		dist[n], dirty[n] = inf, true
	}
	dest := p.dests[d]
	dist[dest] = 0
	order := p.order[d]
	for changed := true; changed; {
		changed = false
		for _, n := range order {
			if !dirty[n] {
				continue
			}
			dirty[n] = false
			first, end := outFirst[n], outFirst[n+1]
			least, at := inf, end
			for i := first; i < end; i++ {
				// The lowest link of equals: outLink is in order of id.
				if t := p.cost[i] + dist[p.to[i]]; t < least {
					least, at = t, i
				}
			}
			if best[n] = at; least != dist[n] {
				dist[n] = least
				changed = true
				for _, m := range p.from[inFirst[n]:inFirst[n+1]] {
					dirty[m] = true
				}
			}
		}
	}
	for _, n := range order {
		first, end := outFirst[n], outFirst[n+1]
		if best[n] == end {
			continue // no way from here: what was wanted stays
		}
		want := p.of(n, d)
		for i := range want {
			want[i] *= 1 - weight
		}
		want[best[n]-first] += weight
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
