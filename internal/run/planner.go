package run

import (
	"slices"

	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// halfwayS is how long after its departure a trip is typically halfway: it
// chooses the quarter hours whose link times a search looks at (the mean car
// trip of Newport takes eight minutes). It decides which paths are found, never
// what they are said to cost.
const halfwayS = 240

// fewQueries is below how many queries a fit leaves out its last step: it saves a
// third of the fit, and in Porto Alegre a query then takes twice as long, which is
// even at 500 queries (in Newport queries take no longer; docs/decisions/model.md).
const fewQueries = 500

// planner searches paths for parties; one per goroutine.
//
// A search looks at link times that stand still, those of a quarter hour, felt
// by one taste: then a query of the hierarchy takes microseconds, once it is
// fitted. Each party asks for the two quarter hours around its time halfway,
// and takes the path that costs less on the times as they change under way
// (routing.Graph.PathCost). That is not always the very best path; exact does
// find it, at a hundred times the cost (TestPlannerLoss).
type planner struct {
	w      *world
	period demand.Period
	fitter *routing.Fitter
	query  *routing.Query
	// Two quarter hours in turn; fitted says of which group they are.
	metric [2]*routing.Metric
	fitted [2]int
	cost   []float32
	road   *routing.Workspace
	guide  *routing.Bounds

	// asked is how many parties are in each group of the present round.
	asked []uint32

	spare [2][]units.LinkID
	keys  []uint64
	which []uint32
}

func newPlanner(w *world, period demand.Period) *planner {
	return &planner{w: w, period: period, fitter: w.static.NewFitter(), query: w.static.NewQuery(), cost: make([]float32, len(w.free))}
}

// binOf is the first of the two quarter hours a party looks at.
func binOf(times *routing.Times, departS float64) int {
	x := (departS+halfwayS-times.StartS)/times.BinS - 0.5
	return min(max(int(x), 0), times.Bins-2)
}

// sort puts parties into groups that share fits of a hierarchy: by taste, then
// quarter hour. Keys are group<<32 | party.
func (p *planner) sort(of *parties, times *routing.Times, which []uint32) []uint64 {
	p.keys = p.keys[:0]
	p.asked = append(p.asked[:0], make([]uint32, tastes*times.Bins)...)
	for _, party := range which {
		group := int(of.taste[party])*times.Bins + binOf(times, of.departS[party])
		p.keys = append(p.keys, uint64(group)<<32|uint64(party))
		p.asked[group]++
	}
	slices.Sort(p.keys)
	return p.keys
}

// each searches for some parties and hands every answer over, in order of taste,
// quarter hour and party. The path holds until the next one.
func (p *planner) each(s *sample, of *parties, times *routing.Times, which []uint32, found func(party uint32, path []units.LinkID, c routing.Cost, ok bool)) {
	p.fitted = [2]int{-1, -1} // the times may be others
	places := &p.w.city.Places
	for _, key := range p.sort(of, times, which) {
		party, group := uint32(key), int(key>>32)
		trip := of.trip[party]
		from, to := places.CarNode[s.trips.Origin[trip]], places.CarNode[s.trips.Dest[trip]]
		taste, at := p.w.tastes[of.taste[party]], of.departS[party]
		one, ok := p.still(0, times, group, from, to)
		c := p.w.graph.PathCost(times, one, at, taste)
		if ok {
			if two, _ := p.still(1, times, group+1, from, to); !slices.Equal(one, two) {
				if d := p.w.graph.PathCost(times, two, at, taste); d.Generalised < c.Generalised {
					one, c = two, d
				}
			}
		}
		found(party, one, c, ok)
	}
}

// still searches on the times of one quarter hour as they stand.
func (p *planner) still(buffer int, times *routing.Times, group int, from, to units.NodeID) ([]units.LinkID, bool) {
	m := group % 2
	if p.fitted[m] != group {
		taste, bin := p.w.tastes[group/times.Bins], group%times.Bins
		for l, t := range times.T[bin*len(p.cost) : (bin+1)*len(p.cost)] {
			p.cost[l] = t * taste[l]
		}
		// Those of the group itself ask, and those of the quarter hour before.
		queries := p.asked[group]
		if group > 0 {
			queries += p.asked[group-1]
		}
		if queries < fewQueries {
			p.metric[m] = p.fitter.FitFew(p.metric[m], p.cost)
		} else {
			p.metric[m] = p.fitter.Fit(p.metric[m], p.cost)
		}
		p.fitted[m] = group
	}
	path, _, ok := p.query.Path(p.metric[m], from, to, p.spare[buffer][:0])
	p.spare[buffer] = path
	return path, ok
}

// A guide leads the exact searches of those who depart in one quarter hour and
// arrive within guideHoldS after it. Wider bounds are looser (the queue of eight
// is gone by ten).
const guideHoldS = 900

// exact is each by searches on the times as they change, led by bounds that are
// fitted to the least times of a while: nothing is cheaper than what it finds.
func (p *planner) exact(s *sample, of *parties, times *routing.Times, which []uint32, found func(party uint32, c routing.Cost, ok bool)) {
	if p.road == nil {
		p.road, p.guide = p.w.graph.NewWorkspace(), p.w.graph.NewBounds()
	}
	places := &p.w.city.Places
	last := -1
	for _, key := range p.sort(of, times, which) {
		party, group := uint32(key), int(key>>32)
		trip, taste := of.trip[party], p.w.tastes[of.taste[party]]
		if group != last {
			last = group
			start := times.StartS + (float64(group%times.Bins)+0.5)*times.BinS - halfwayS
			p.guide.FitTaste(times, taste, start, start+times.BinS+guideHoldS)
			p.road.Taste(taste)
			p.road.Guide(p.guide)
		}
		path, c, ok := p.road.Path(times, places.CarNode[s.trips.Origin[trip]], places.CarNode[s.trips.Dest[trip]], of.departS[party], p.spare[0][:0])
		p.spare[0] = path
		found(party, c, ok)
	}
}
