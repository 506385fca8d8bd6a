package run

import (
	"context"
	"math"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/routing/raptor"
	"github.com/malikobaid/cityflow/internal/units"
)

// Bounds of a transit journey.
const (
	maxAccessM   = 1200 // walk to the first and from the last stop
	maxBoardings = 3
	maxJourneyS  = 2 * 3600
)

// ringPriority is how much more a roundabout's own traffic weighs than its
// capacity where it competes for the next link. Who enters gives way to who
// circulates, and still gets in: Kimber's LR942 (TRL 1980) gives an entry of one
// lane (3.65 m) 1,106 - 0.545 q vehicles an hour before q that circulate, which
// leaves 343 of them at the 1,400 that a lane of a ring carries here: one for
// four. With equal weights entries fill the ring, each of its links waits for the
// next, and it locks. With a much greater weight an entry to a ring that stands
// waits for an hour for the first gap (docs/decisions/model.md).
const ringPriority = 4

// world is one arm's side of a run: a city prepared for searches. Immutable.
type world struct {
	city  *city.City
	scale demand.Scale
	*streets
	transit *raptor.Data
	// near lists, per cluster, the stops within maxAccessM on foot, by stop.
	near [][]raptor.Access
}

// streets are those of a world, prepared for searches and for loading: the same
// for all worlds that change none of them. Immutable.
type streets struct {
	// free is the travel time of each link on an empty street.
	free   []float32
	graph  *routing.Graph
	static *routing.Static
	links  loading.Links
	// walk and bike measure distances.
	walk, bike *routing.Distances
	// hills measures ways by bicycle as newHills says; nil without heights.
	hills *routing.Distances
	// tastes are link factors, see newTastes.
	tastes [][]float32
}

func newWorld(ctx context.Context, c *city.City, s *streets, scale demand.Scale) (*world, error) {
	w := &world{city: c, scale: scale, streets: s, transit: raptor.NewData(&c.Timetable, choice.WalkMS)}
	var err error
	w.near, err = stopsNear(ctx, c, s.walk)
	return w, err
}

func newStreets(net *city.Network, order routing.Order) *streets {
	w := &streets{tastes: newTastes(net), free: make([]float32, net.NumLinks())}
	capacity := make([]float32, net.NumLinks())
	weight := make([]float32, net.NumLinks()) // 0: the link's capacity
	for l := range w.free {
		w.free[l] = net.LengthM[l] / net.SpeedMS[l]
		if net.Modes[l]&city.AllowCar != 0 {
			capacity[l] = net.CapacityVS[l]
			if net.Roundabout[l] {
				weight[l] = ringPriority * capacity[l]
			}
		}
	}
	w.links = loading.Links{From: net.From, To: net.To, LengthM: net.LengthM, SpeedMS: net.SpeedMS, CapacityVS: capacity, JamVM: net.JamVM, MergeWeight: weight, TurnRings: true}
	w.graph = routing.NewGraph(net, city.AllowCar, order, w.free, nil)
	w.static = w.graph.NewStatic(order)
	w.walk = routing.NewDistances(net, city.AllowWalk, order, true)
	w.bike = routing.NewDistances(net, city.AllowBike, order, false)
	w.hills = newHills(net, order)
	return w
}

// residents is the population.
func (w *world) residents() float64 {
	sum := 0.0
	for _, r := range w.city.Places.Residents {
		sum += float64(r)
	}
	return sum
}

// stopsNear walks from every cluster to the stops around it.
func stopsNear(ctx context.Context, c *city.City, walk *routing.Distances) ([][]raptor.Access, error) {
	tt := &c.Timetable
	first := make([]uint32, c.Net.NumNodes()+1)
	for _, n := range tt.StopNode {
		first[n+1]++
	}
	for n := range c.Net.NumNodes() {
		first[n+1] += first[n]
	}
	at := make([]units.StopID, tt.NumStops())
	next := append([]uint32(nil), first...)
	for s, n := range tt.StopNode {
		at[next[n]] = units.StopID(s)
		next[n]++
	}
	n := c.Places.NumClusters()
	near := make([][]raptor.Access, n)
	spaces := make([]*routing.DistanceWorkspace, maxWorkers(n))
	err := each(ctx, n, func(worker, i int) {
		if spaces[worker] == nil {
			spaces[worker] = walk.NewWorkspace()
		}
		spaces[worker].Reach(c.Places.ClusterNode[i], maxAccessM, func(node units.NodeID, metres float64) {
			for _, s := range at[first[node]:first[node+1]] {
				if m := metres + float64(tt.StopWalkM[s]); m <= maxAccessM {
					near[i] = append(near[i], raptor.Access{Stop: s, WalkS: units.Seconds(math.Round(m / choice.WalkMS))})
				}
			}
		})
		sortAccess(near[i])
	})
	return near, err
}
