package run

import (
	"context"
	"math"
	"slices"
	"sort"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/routing/raptor"
	"github.com/malikobaid/cityflow/internal/units"
)

// slotS is the resolution of departures in transit searches: everyone leaving
// a cluster within the same three minutes shares one search. Finer than the
// quarter hour usual in models, so that waits are not averaged away.
const slotS = 180

// journeyQuery asks for the best transit journey of one trip.
type journeyQuery struct {
	origin, dest units.ClusterID
	slot         units.Seconds
	purpose      city.Purpose
}

// journey is the answer: parts for the generalised cost, rides for boarding.
// No journey has Boardings 0.
type journey struct {
	parts  choice.TransitParts
	start  units.Seconds
	egress units.Seconds
	rides  []loading.Ride
}

func (j *journey) ok() bool { return j.parts.Boardings > 0 }

func slotOf(departS float64) units.Seconds {
	return units.Seconds(math.Floor(departS/slotS)) * slotS
}

func sortAccess(a []raptor.Access) {
	slices.SortFunc(a, func(x, y raptor.Access) int { return int(x.Stop) - int(y.Stop) })
}

// journeys answers all queries. Queries are grouped by origin cluster and slot;
// each group is one search from the cluster's stops to all others.
func (w *world) journeys(ctx context.Context, qs []journeyQuery, money choice.Money) ([]journey, error) {
	out := make([]journey, len(qs))
	order := make([]int, len(qs))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool {
		x, y := &qs[order[a]], &qs[order[b]]
		if x.origin != y.origin {
			return x.origin < y.origin
		}
		return x.slot > y.slot // searches run from the latest departure back
	})
	var groups [][]int // queries of one origin
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && qs[order[j]].origin == qs[order[i]].origin {
			j++
		}
		groups = append(groups, order[i:j])
		i = j
	}
	type workspace struct {
		search *raptor.Search
		legs   []raptor.Leg
		slots  []units.Seconds
	}
	spaces := make([]workspace, maxWorkers(len(groups)))
	err := each(ctx, len(groups), func(worker, g int) {
		ws := &spaces[worker]
		if ws.search == nil {
			ws.search = w.transit.NewSearch()
		}
		group := groups[g]
		access := w.near[qs[group[0]].origin]
		if len(access) == 0 {
			return
		}
		ws.slots = ws.slots[:0]
		for _, q := range group {
			if s := qs[q].slot; len(ws.slots) == 0 || ws.slots[len(ws.slots)-1] != s {
				ws.slots = append(ws.slots, s)
			}
		}
		next := 0
		ws.search.Range(access, ws.slots, maxBoardings, ws.slots[0]+maxJourneyS, func(depart units.Seconds) {
			for ; next < len(group) && qs[group[next]].slot == depart; next++ {
				q := group[next]
				ws.legs = w.best(ws.search, &qs[q], money, ws.legs, &out[q])
			}
		})
	})
	return out, err
}

// best picks the journey of least generalised cost over the stops around the
// destination and the number of boardings.
func (w *world) best(s *raptor.Search, q *journeyQuery, money choice.Money, legs []raptor.Leg, out *journey) []raptor.Leg {
	least := math.Inf(1)
	var at raptor.Access
	round := 0
	var parts choice.TransitParts
	for _, egress := range w.near[q.dest] {
		for k := 1; k <= maxBoardings; k++ {
			arrive := s.Arrival(k, egress.Stop)
			if arrive == units.Never || arrive > q.slot+maxJourneyS {
				continue
			}
			// A bound without the parts: no time weighs less than a long wait.
			if choice.LongWaitWeight*float64(arrive-q.slot)/60+choice.WalkWeight*float64(egress.WalkS)/60+choice.InterchangeMin*float64(k-1) >= least {
				continue
			}
			p := s.Parts(k, egress.Stop)
			c := choice.TransitParts{
				AccessS: float32(p.AccessS), WaitS: float32(p.WaitS), InVehicleS: float32(p.InVehicleS),
				TransferWalkS: float32(p.TransferWalkS), TransferWaitS: float32(p.TransferWaitS),
				EgressS: float32(egress.WalkS), Boardings: float32(p.Boardings), Fare: p.Fare,
			}
			if cost := choice.TransitMin(&c, q.purpose, money); cost < least {
				least, at, round, parts = cost, egress, k, c
			}
		}
	}
	if round == 0 {
		return legs
	}
	legs = s.Journey(round, at.Stop, legs[:0])
	*out = journey{parts: parts, start: q.slot, egress: at.WalkS, rides: make([]loading.Ride, len(legs))}
	for i, l := range legs {
		out.rides[i] = loading.Ride{Pattern: l.Pattern, Trip: l.Trip, BoardPos: uint32(l.BoardPos), AlightPos: uint32(l.AlightPos), WalkS: l.WalkBeforeS}
	}
	return legs
}
