package run

import (
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// On the times of the common state, which are means over many routes, all who
// feel alike find the same best route, and the first day is a jam that takes the
// days after it to dissolve. So before the first day routes are spread as by an
// incremental assignment (Sheffi 1985, chapter 5): one after the other, drivers
// change to what is best on the times of the common state plus the waits that the
// routes chosen so far would make where more want in than the capacity takes.
// Waits are those of point queues (Vickrey 1969), a stand-in for a loading:
// bottlenecks of their own are seen, spillback is not. It decides where the
// first day starts; the days do the rest.

// spreadRounds is how many times half of the tastes look, in turn: each driver
// once.
const spreadRounds = 2

// spreadBand is the least part of the cost that a change saves: smaller than the
// band of replanning, because nobody else moves at the same moment.
const spreadBand = 0.02

// pointQueues are link times plus the waits at the entrance of links that more
// vehicles want to enter than their capacity takes. Buffers are reused.
type pointQueues struct {
	links *loading.Links
	empty *routing.Times // times without the waits
	times *routing.Times // with them
	wants []float64      // vehicles by link, then quarter hour
}

func newPointQueues(links *loading.Links, times *routing.Times) pointQueues {
	with := *times
	with.T = append([]float32(nil), times.T...)
	return pointQueues{links: links, empty: times, times: &with, wants: make([]float64, len(times.T))}
}

// add puts vehicles on a path, or takes them off it when size is negative. When
// they come to its links goes by the times without waits.
func (q *pointQueues) add(path []units.LinkID, departS, size float64) {
	clock := departS
	for _, l := range path {
		b := min(max(int((clock-q.empty.StartS)/q.empty.BinS), 0), q.empty.Bins-1)
		q.wants[int(l)*q.empty.Bins+b] += size
		q.wait(l)
		clock += q.empty.At(l, clock)
	}
}

// wait renews the times of a link. Who enters in a quarter hour waits for the mean
// of the queues at its ends to pass at capacity.
func (q *pointQueues) wait(l units.LinkID) {
	links, bins := len(q.links.CapacityVS), q.empty.Bins
	c := float64(q.links.CapacityVS[l])
	queue := 0.0
	for b, n := range q.wants[int(l)*bins : (int(l)+1)*bins] {
		next := max(0, queue+n-c*q.empty.BinS)
		i := b*links + int(l)
		q.times.T[i] = q.empty.T[i]
		if queue+next > 0 {
			q.times.T[i] += float32((queue + next) / 2 / c)
		}
		queue = next
	}
}

// spread is what is said above.
func (a *arm) spread() {
	t := a.sample.trips
	q := newPointQueues(&a.world.links, a.times)
	driving := func(party int) bool { return a.mode[t.TripTour[a.trip[party]]] == city.Car && a.size[party] > 0 }
	for party := range a.trip {
		if driving(party) {
			q.add(a.path[party], a.departS[party], float64(a.size[party]))
		}
	}
	for round := range spreadRounds {
		a.which = a.which[:0]
		for party, taste := range a.taste {
			if looks(round, taste) && driving(party) {
				a.which = append(a.which, uint32(party))
			}
		}
		a.planner.each(a.sample, a.parties, q.times, a.which, func(party uint32, path []units.LinkID, c routing.Cost, ok bool) {
			at, size := a.departS[party], float64(a.size[party])
			now := a.world.graph.PathCost(q.times, a.path[party], at, a.world.tastes[a.taste[party]])
			if ok && now.Generalised-c.Generalised > spreadBand*now.Generalised {
				q.add(a.path[party], at, -size)
				q.add(path, at, size)
				a.take(party, path, c, ok)
			}
		})
	}
}
