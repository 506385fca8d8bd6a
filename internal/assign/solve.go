package assign

import (
	"context"
	"fmt"
	"math"
)

// Options of a solve.
type Options struct {
	Weights Weights
	// Gap is the relative gap to reach; 0 means DefaultGap. Below MinGap
	// rounding decides, so less is refused.
	Gap float64
	// MaxIterations ends a solve that does not converge; 0 means
	// DefaultIterations.
	MaxIterations int
	// Report, if not nil, is called after every iteration.
	Report func(Iteration)
}

// Limits of a solve.
const (
	DefaultGap        = 1e-6
	MinGap            = 1e-15
	DefaultIterations = 1000
	// maxBytes bounds the memory of the bushes.
	maxBytes = 8 << 30
)

// Iteration is the state after one round. Costs are in the data's time unit.
type Iteration struct {
	Number int
	// Objective is Beckmann's: the sum over links of the integral of cost from
	// no flow to the volume.
	Objective float64
	// TotalCost is the sum over links of volume x cost.
	TotalCost float64
	// RelativeGap is the excess over the least total: the sum over origins and
	// links of flow x reduced cost, divided by the cost of all trips on
	// least-cost paths of the whole network. Reduced cost is c + d(tail) -
	// d(head) with d the least cost from the origin, never negative, so that
	// nothing cancels in the sum.
	RelativeGap float64
	// AverageExcess is the same sum per trip, MaxExcess the greatest excess of
	// any used path to any node over the least cost there.
	AverageExcess, MaxExcess float64
}

// Result of a solve.
type Result struct {
	Iteration
	// Converged: the gap was reached. If not, Floor says that it stopped
	// falling at what rounding leaves, otherwise the iterations ran out.
	Converged, Floor bool
	// Volume and Cost are by link of the network.
	Volume, Cost []float64
	// Assigned are the trips on the network, Intrazonal those that start and
	// end in one zone and use no link.
	Assigned, Intrazonal float64
	solver               *solver
}

// Disconnected is the error for demand without a path.
type Disconnected struct {
	Pairs []Pair // the first maxProblems
	Count int
	Trips float64
}

// Pair is an origin and a destination zone, numbered from 1.
type Pair struct {
	From, To int
	Trips    float64
}

func (e *Disconnected) Error() string {
	s := fmt.Sprintf("%d origin-destination pairs with %g trips have no path:", e.Count, e.Trips)
	for i, p := range e.Pairs {
		if i == 20 {
			break
		}
		s += fmt.Sprintf(" %d to %d (%g),", p.From, p.To, p.Trips)
	}
	s = s[:len(s)-1]
	if e.Count > 20 {
		s += " ..."
	}
	return s
}

// Solve finds the static user equilibrium. Errors: Problems, *Disconnected, or
// that of ctx, which is asked between origins.
func Solve(ctx context.Context, n *Network, d *Demand, o Options) (*Result, error) {
	if o.Gap == 0 {
		o.Gap = DefaultGap
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = DefaultIterations
	}
	ps := check(n, d, o.Weights)
	if !(o.Gap >= MinGap && o.Gap < 1) {
		ps.add(0, "gap %g: want at least %g (what rounding leaves) and below 1", o.Gap, MinGap)
	}
	if o.MaxIterations < 1 {
		ps.add(0, "iterations %d: want at least 1", o.MaxIterations)
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	g := newCore(n, d)
	if err := connected(g, n, d); err != nil {
		return nil, err
	}
	if need := 2 * 20 * float64(len(g.origin)) * float64(g.nodes); need > maxBytes {
		ps.add(0, "%d origins on %d nodes need about %.0f GB of memory, more than the limit of %d", len(g.origin), g.nodes, need/1e9, maxBytes>>30)
		return nil, ps
	}
	s := newSolver(n, g, o)
	for i, t := range d.Trips {
		if d.From[i] == d.To[i] {
			s.intrazonal += t
		}
	}
	return s.run(ctx, o)
}

// solver holds everything of one solve.
type solver struct {
	net *Network
	g   *core
	shifter
	search *search
	grower grower
	pairs  pairs
	bushes []bush
	excess []float64 // by origin, of the last measure
	local  []int32   // core node to local, of the bush at hand
	need   []float64
	volume []float64
	// Links outside the core: cost objects by network link, fixed volume.
	rest       []cost
	intrazonal float64
}

func newSolver(n *Network, g *core, o Options) *solver {
	m := len(g.link)
	s := &solver{net: n, g: g, search: newSearch(g), grower: grower{g: g, was: make([]float64, g.nodes)}}
	s.links, s.c, s.lb = make([]cost, m), make([]float64, m), newLabels(g.nodes)
	s.bushes, s.excess = make([]bush, len(g.origin)), make([]float64, len(g.origin))
	s.local, s.need, s.volume = make([]int32, g.nodes), make([]float64, g.nodes), make([]float64, m)
	for i, l := range g.link {
		s.links[i] = newCost(n, int(l), o.Weights)
		s.c[i] = s.links[i].now()
	}
	fixed := make([]float64, n.NumLinks())
	for i, l := range g.fixed {
		fixed[l] = g.fixedVolume[i]
	}
	for l := range n.NumLinks() {
		if g.coreOf[l] < 0 {
			c := newCost(n, l, o.Weights)
			c.volume = fixed[l]
			s.rest = append(s.rest, c)
		}
	}
	return s
}

// start loads each origin on its least-cost tree at the costs that the origins
// before it left: a bush is that tree.
func (s *solver) start(o int) {
	g, b := s.g, &s.bushes[o]
	s.search.tree(g.origin[o], s.c)
	to, trips := g.to[g.destFirst[o]:g.destFirst[o+1]], g.trips[g.destFirst[o]:g.destFirst[o+1]]
	b.base = g.destFirst[o]
	wanted := s.need // by core node: the trips that end there
	for i, v := range to {
		wanted[v] = trips[i]
	}
	n := 0
	for _, v := range s.search.settled {
		// A node without a way on is of use only to those who end there.
		if g.first[v] < g.first[v+1] || wanted[v] > 0 {
			n++
		}
	}
	b.node, b.first = make([]int32, 0, n), make([]int32, 0, n+1)
	b.tail, b.link, b.flow = make([]int32, 0, n+n/4), make([]int32, 0, n+n/4), make([]float64, n-1, n+n/4)
	b.first = append(b.first, 0, 0)
	for _, v := range s.search.settled {
		if g.first[v] == g.first[v+1] && wanted[v] == 0 {
			continue
		}
		s.local[v] = int32(len(b.node))
		b.node = append(b.node, v)
		if l := s.search.by[v]; l >= 0 {
			b.tail = append(b.tail, s.local[g.tail[l]])
			b.link = append(b.link, l)
			b.first = append(b.first, int32(len(b.link)))
		}
	}
	for _, v := range to {
		b.dest = append(b.dest, s.local[v])
		wanted[v] = 0
	}
	need := s.need[:n]
	for i, k := range b.dest {
		need[k] += trips[i]
	}
	for k := n - 1; k > 0; k-- {
		x := need[k]
		need[k] = 0
		need[b.tail[k-1]] += x
		b.flow[k-1] = x
		if x > 0 {
			l := b.link[k-1]
			s.c[l] = s.links[l].add(x)
		}
	}
	need[0] = 0
}

// measure takes stock at the present volumes: the flows of all bushes are
// balanced and summed anew, the gap is found on the whole network, and each bush
// gets the links that shorten its paths.
func (s *solver) measure(ctx context.Context, number int) (Iteration, error) {
	g := s.g
	clear(s.volume)
	for o := range s.bushes {
		s.bushes[o].balance(s.need, g.trips, s.volume)
	}
	it := Iteration{Number: number}
	var objective, total, shortest, excess sum
	for l := range s.links {
		s.links[l].volume = s.volume[l]
		s.c[l] = s.links[l].now()
		objective.add(s.links[l].integral())
		total.add(s.volume[l] * s.c[l])
	}
	for i := range s.rest {
		c := &s.rest[i]
		objective.add(c.integral())
		total.add(c.volume * c.now())
		shortest.add(c.volume * c.now())
	}
	dist := s.search.dist
	for o := range s.bushes {
		if err := ctx.Err(); err != nil {
			return it, err
		}
		b := &s.bushes[o]
		b.scan(&s.lb, s.c)
		if len(b.node) < g.nodes {
			for v := range dist {
				dist[v] = math.Inf(-1)
			}
		}
		for k, v := range b.node {
			dist[v], s.local[v] = s.lb.least[k], int32(k)
		}
		copy(s.grower.was, dist)
		shorter := s.search.repair(b.node, s.c)
		own := 0.0
		for k := 1; k < len(b.node); k++ {
			dk := dist[b.node[k]]
			for e := b.first[k]; e < b.first[k+1]; e++ {
				if f := b.flow[e]; f > 0 {
					own += f * (dist[b.node[b.tail[e]]] + s.c[b.link[e]] - dk)
				}
			}
			it.MaxExcess = max(it.MaxExcess, s.lb.most[k]-dk)
		}
		for i, k := range b.dest {
			shortest.add(g.trips[int(b.base)+i] * dist[b.node[k]])
		}
		s.excess[o] = own
		excess.add(own)
		s.grower.grow(b, &s.lb, dist, s.local, s.c, shorter)
	}
	it.Objective, it.TotalCost = objective.value(), total.value()
	if shortest.value() > 0 {
		it.RelativeGap = excess.value() / shortest.value()
	}
	if g.assigned > 0 {
		it.AverageExcess = excess.value() / g.assigned
	}
	return it, nil
}

// How the work of an iteration is split; measured on Chicago Sketch, Anaheim
// and Sioux Falls (docs/decisions/assign.md).
const (
	// rounds over all bushes, the last of which collects the pairs.
	rounds = 3
	// sweeps over the pairs, fewer once one saves 1e-11 of what
	// the best one did.
	sweeps    = 200
	sweepStop = 1e-11
	// floorWait iterations without halving the best gap, once that is below
	// floorGap, are taken for the floor that rounding sets.
	floorWait = 30
	floorGap  = 1e-12
)

func (s *solver) run(ctx context.Context, o Options) (*Result, error) {
	for i := range s.bushes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.start(i)
	}
	r := &Result{Assigned: s.g.assigned, Intrazonal: s.intrazonal, solver: s}
	best, since := math.Inf(1), 0
	for i := 0; ; i++ {
		it, err := s.measure(ctx, i)
		if err != nil {
			return nil, err
		}
		r.Iteration = it
		if o.Report != nil {
			o.Report(it)
		}
		if since++; it.RelativeGap < best/2 {
			best, since = it.RelativeGap, 0
		}
		r.Converged = it.RelativeGap <= o.Gap
		r.Floor = !r.Converged && best < floorGap && since >= floorWait
		if r.Converged || r.Floor || i == o.MaxIterations {
			break
		}
		if err := s.equalise(ctx); err != nil {
			return nil, err
		}
	}
	s.finish(r)
	return r, nil
}

// equalise moves flow within the bushes as they are.
func (s *solver) equalise(ctx context.Context) error {
	s.pairs.reset()
	for round := range rounds {
		for b := range s.bushes {
			if err := ctx.Err(); err != nil {
				return err
			}
			var p *pairs
			if round == rounds-1 {
				p = &s.pairs
			}
			s.pass(int32(b), &s.bushes[b], p)
		}
	}
	most := 0.0
	for range sweeps {
		if err := ctx.Err(); err != nil {
			return err
		}
		saved := s.sweep(&s.pairs)
		if most = max(most, saved); saved <= sweepStop*most {
			break
		}
	}
	return nil
}

// finish copies volumes and costs to the links of the network.
func (s *solver) finish(r *Result) {
	n := s.net.NumLinks()
	r.Volume, r.Cost = make([]float64, n), make([]float64, n)
	k := 0
	for l := range n {
		if i := s.g.coreOf[l]; i >= 0 {
			r.Volume[l], r.Cost[l] = s.links[i].volume, s.c[i]
			continue
		}
		r.Volume[l], r.Cost[l] = s.rest[k].volume, s.rest[k].now()
		k++
	}
}

// connected looks for demand that has no path.
func connected(g *core, n *Network, d *Demand) error {
	var e Disconnected
	reached := make([]int32, g.nodes)
	stack := make([]int32, 0, g.nodes)
	last, mark := int32(-2), int32(0)
	for i, t := range d.Trips {
		o, z := d.From[i], d.To[i]
		if o == z || t == 0 {
			continue
		}
		from, to := g.start[o], g.end[z]
		if from >= 0 && from != last {
			last = from
			mark++
			reached[from] = mark
			stack = append(stack[:0], from)
			for len(stack) > 0 {
				v := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				for _, h := range g.head[g.first[v]:g.first[v+1]] {
					if reached[h] != mark {
						reached[h] = mark
						stack = append(stack, h)
					}
				}
			}
		}
		if from >= 0 && to >= 0 && reached[to] == mark {
			continue
		}
		e.Count++
		e.Trips += t
		if len(e.Pairs) < maxProblems {
			e.Pairs = append(e.Pairs, Pair{int(o) + 1, int(z) + 1, t})
		}
	}
	if e.Count > 0 {
		return &e
	}
	return nil
}
