package traffic

import (
	"math/bits"
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

	// Out-links in the order of outLink, and the links into each node: what the
	// searches of an update read.
	cost    []float32
	to      []uint32
	inFirst []uint32
	in      []inward
	// leaf marks nodes that lead to one node and are reached from that one only:
	// no way leads through them, and they are left out of in.
	leaf []bool
	// order is the nodes in order of free-flow time to each destination.
	order [][]uint32
	work  []sweeper // by worker
}

// inward is a link as its end sees it.
type inward struct {
	from, out uint32 // out is its index in outLink
	cost      float32
}

// sweeper is the working memory of one goroutine.
type sweeper struct {
	dist []float32
	best []uint32 // by node: index of its best out-link
	at   []uint32 // by node: its place in order
	// due is a set of places in order: a way from there has become shorter.
	due []uint64
	// chosen is best, by node and destination of a batch.
	chosen []uint32
}

// batch is how many destinations are searched for before their preferences are
// moved: those of one node lie together, and a few fill its cache lines.
const batch = 8

const none = 1<<32 - 1

func newPreference(s *Scenario, g *graph, seed uint64, weight float64, workers int) *preference {
	p := &preference{g: g, order: s.order, number: make([]uint32, len(s.Nodes)), weight: float32(weight),
		cost: make([]float32, len(s.Links)), to: make([]uint32, len(s.Links)),
		draws: random.New(seed, random.RouteDraw), noises: random.New(seed, random.RouteNoise)}
	p.dests = s.destinations()
	for i, n := range p.dests {
		p.number[n] = uint32(i)
	}
	p.want = make([]float32, len(s.Links)*len(p.dests))
	n := len(s.Nodes)
	for range workers {
		p.work = append(p.work, sweeper{make([]float32, n), make([]uint32, n), make([]uint32, n), make([]uint64, (n+63)/64), make([]uint32, n*batch)})
	}
	index := make([]uint32, len(s.Links))
	for i, l := range g.outLink {
		p.to[i] = uint32(g.to[l])
		index[l] = uint32(i)
	}
	p.leaf = make([]bool, n)
	for v := range p.leaf {
		p.leaf[v] = p.isLeaf(units.NodeID(v))
	}
	p.inFirst = make([]uint32, n+1)
	for v := range n {
		for _, l := range g.inLink[g.inFirst[v]:g.inFirst[v+1]] {
			if from := g.from[l]; !p.leaf[from] {
				p.in = append(p.in, inward{from: uint32(from), out: index[l]})
			}
		}
		p.inFirst[v+1] = uint32(len(p.in))
	}
	return p
}

// bytes is the memory of the table.
func (p *preference) bytes() float64 { return 4 * float64(len(p.want)) }

// isLeaf asks whether a node has one neighbour, which is no leaf itself.
func (p *preference) isLeaf(v units.NodeID) bool {
	g, only := p.g, v
	for _, l := range g.outLink[g.outFirst[v]:g.outFirst[v+1]] {
		if only == v {
			only = g.to[l]
		} else if only != g.to[l] {
			return false
		}
	}
	for _, l := range g.inLink[g.inFirst[v]:g.inFirst[v+1]] {
		if only == v {
			only = g.from[l]
		} else if only != g.from[l] {
			return false
		}
	}
	return only != v && !p.leaf[only]
}

// update measures travel times and moves the preferences.
func (p *preference) update(ld *loading.Loader, length []float32) {
	p.measure(ld, length)
	weight := p.weight
	if p.updates == 0 {
		weight = 1
	}
	p.updates++
	p.moveAll(weight)
}

// measure takes the travel times of the moment, with noise; infinite where nobody
// may enter.
func (p *preference) measure(ld *loading.Loader, length []float32) {
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
}

// moveAll moves the preferences for all destinations by the costs at hand.
func (p *preference) moveAll(weight float32) {
	for i := range p.in {
		p.in[i].cost = p.cost[p.in[i].out]
	}
	// Destinations are independent; each is written by one goroutine.
	var crew sync.WaitGroup
	for worker := range p.work {
		crew.Go(func() {
			for d := worker * batch; d < len(p.dests); d += len(p.work) * batch {
				p.move(&p.work[worker], d, min(d+batch, len(p.dests)), weight)
			}
		})
	}
	crew.Wait()
}

// move moves the preferences for destinations lo to hi-1.
func (p *preference) move(w *sweeper, lo, hi int, weight float32) {
	for i := range w.chosen {
		w.chosen[i] = none
	}
	for d := lo; d < hi; d++ {
		p.toward(w, d)
		for _, n := range p.order[d] {
			if w.dist[n] < inf { // else no way from here: what was wanted stays
				w.chosen[int(n)*batch+d-lo] = w.best[n]
			}
		}
	}
	for n := range p.leaf {
		first := p.g.outFirst[n]
		for i, best := range w.chosen[n*batch : n*batch+hi-lo] {
			if best == none {
				continue
			}
			want := p.of(uint32(n), lo+i)
			for i := range want {
				want[i] *= 1 - weight
			}
			want[best-first] += weight
		}
	}
}

// toward finds the quickest way from every node to a destination: dist and, of
// equals the lowest, best. It goes over the nodes in order of free-flow time and
// tells those that lead to a node whose way has become shorter, until nobody is
// left to tell (Bellman and Ford; in that order most are right at once). Costs are
// above zero, so the answer is Dijkstra's.
func (p *preference) toward(w *sweeper, d int) {
	dist, best, at, due, order := w.dist, w.best, w.at, w.due, p.order[d]
	dest := uint32(p.dests[d])
	for i, n := range order {
		dist[n], best[n], at[n] = inf, 0, uint32(i)
	}
	left := 0 // due
	dist[dest] = 0
	tell := func(n uint32) {
		so := dist[n]
		for _, l := range p.in[p.inFirst[n]:p.inFirst[n+1]] {
			t := l.cost + so
			if t > dist[l.from] {
				continue
			}
			if t < dist[l.from] {
				dist[l.from], best[l.from] = t, l.out
				i := at[l.from]
				if bit := uint64(1) << (i & 63); due[i>>6]&bit == 0 {
					due[i>>6] |= bit
					left++
				}
			} else if l.out < best[l.from] {
				best[l.from] = l.out
			}
		}
	}
	tell(dest)
	for left > 0 {
		for word := range due {
			for due[word] != 0 {
				i := bits.TrailingZeros64(due[word])
				due[word] &^= 1 << i
				left--
				tell(order[word<<6+i])
			}
		}
	}
	for _, n := range order {
		if !p.leaf[n] {
			continue
		}
		for i := p.g.outFirst[n]; i < p.g.outFirst[n+1]; i++ {
			if t := p.cost[i] + dist[p.to[i]]; t < dist[n] {
				dist[n], best[n] = t, i
			}
		}
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
