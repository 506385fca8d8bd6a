package loading

import (
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"slices"

	"github.com/malikobaid/cityflow/internal/units"
)

// Begin empties the network for a run in steps: Advance as often as wanted, then
// Close. There is one source per region; every platoon has at least smallest and
// at most largest passenger-car units. trips is required, obs may be nil.
func (ld *Loader) Begin(sources []Source, router Router, trips TripObserver, obs Observer, smallest, largest float64) {
	if len(sources) != len(ld.regions) || !(smallest > 0 && largest >= smallest) {
		panic(fmt.Sprintf("loading: %d sources for %d regions, platoons of %g to %g", len(sources), len(ld.regions), smallest, largest))
	}
	ld.reset(smallest, largest, nil)
	ld.router, ld.trips, ld.obs = router, trips, obs
	for i := range ld.regions {
		ld.regions[i].source = sources[i]
		ld.regions[i].nextStart = sources[i].Peek()
	}
}

// reset empties the network and lays out one ring per link; visits, if known,
// is how often each link is entered.
func (ld *Loader) reset(smallest, largest float64, visits []uint32) {
	var total uint64
	for l := range ld.links {
		k := &ld.links[l]
		d := &ld.base[l]
		k.freeS, k.waveS, k.headS, k.inS, k.outS, k.closed = d.freeS, d.waveS, d.headS, d.inS, d.outS, false
		k.base, k.mask = uint32(total), 0
		k.in, k.out, k.wave, k.come, k.seen = 0, 0, 0, 0, 0
		k.nextExit, k.nextIn = math.Inf(-1), math.Inf(-1)
		k.over, k.credit = -ld.storage[l], 0
		k.waits, k.waitHead, k.waitNext, k.next = none, none, none, none
		k.freeRider, k.woken = none, false
		k.queued = 0
		ld.origin[l].reset()
		if !ld.usable[l] || (visits != nil && visits[l] == 0) {
			continue
		}
		most := uint32(math.MaxUint32)
		if visits != nil {
			most = visits[l]
		}
		size := ld.ring(l, smallest, largest, most)
		k.mask = uint32(size - 1)
		total += size
	}
	if total > math.MaxUint32 {
		panic(fmt.Sprintf("loading: %d ring slots, at most %d", total, uint32(math.MaxUint32)))
	}
	clear(ld.turnTag)
	clear(ld.originTag)
	clear(ld.looks)
	ld.slots = resize(ld.slots, int(total))
	for i := range ld.regions {
		r := &ld.regions[i]
		r.heap.Clear()
		r.exits = r.exits[:0]
		r.change, r.entries, r.turns = 0, 0, 0
		r.turned, r.named = r.turned[:0], r.named[:0]
	}
}

// ring is how many slots link l gets, a power of two. A platoon enters while its
// front fits, so the vehicles between the wave and the last one in stay below
// storage and two platoons. No ring needs more slots than the link has visits.
func (ld *Loader) ring(l int, smallest, largest float64, visits uint32) uint64 {
	need := min(uint64((ld.storage[l]+2*largest)/smallest+4), uint64(visits))
	return uint64(1) << bits.Len64(need-1)
}

// RingBytes is the memory that Begin takes for platoons of these sizes: what the
// streets can hold, however long the run.
func (ld *Loader) RingBytes(smallest, largest float64) float64 {
	slots := 0.0
	for l := range ld.links {
		if ld.usable[l] {
			slots += float64(ld.ring(l, smallest, largest, math.MaxUint32))
		}
	}
	return slots * float64(reflect.TypeFor[slot]().Size())
}

// countVisits counts the traversals of each link and checks that every path is
// a chain of usable links.
func (ld *Loader) countVisits(dep *Departures) {
	clear(ld.visits)
	for p := range dep.DepartS {
		path := dep.Path[dep.PathFirst[p]:dep.PathFirst[p+1]]
		for i, l := range path {
			if !ld.usable[l] {
				panic(fmt.Sprintf("loading: platoon %d uses link %d, which has no capacity", p, l))
			}
			if i > 0 && ld.to[path[i-1]] != ld.from[l] {
				panic(fmt.Sprintf("loading: platoon %d goes from link %d, which ends at node %d, to link %d, which starts at node %d",
					p, path[i-1], ld.to[path[i-1]], l, ld.from[l]))
			}
			ld.visits[l]++
		}
	}
}

// resize gives s n elements of unspecified value without allocating when it can.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// finish fills the result of Run from the state at the end.
func (ld *Loader) finish() {
	r := &ld.result
	r.ArriveS, r.EnteredS = ld.arrive, ld.entered
	r.Unfinished, r.StandsOn = r.Unfinished[:0], r.StandsOn[:0]
	for l := range ld.links {
		k := &ld.links[l]
		for i := k.out; i != k.in; i++ {
			ld.onLink[ld.slots[k.base+i&k.mask].p] = units.LinkID(l)
		}
	}
	for p, t := range ld.arrive {
		if math.IsInf(t, 1) {
			r.Unfinished = append(r.Unfinished, uint32(p))
			r.StandsOn = append(r.StandsOn, ld.onLink[p])
		}
	}
}

// Gridlock is a cycle of full links, the head of each waiting for the next and
// the last for the first. In this model it never dissolves.
type Gridlock struct {
	Links  []units.LinkID // starting with the lowest id
	SinceS float64        // when the last head of the cycle began to wait
}

type cycleBuffers struct {
	seen   []uint32 // walk that saw a link, 0 for none
	links  []units.LinkID
	cycles []Gridlock
}

// findGridlock follows "my head waits for that full link" from every link. It
// runs once at the end: a cycle once closed stays, and looking for it at every
// block would cost the hot loop the length of the queue.
func (ld *Loader) findGridlock() []Gridlock {
	c := &ld.cycle
	c.seen = resize(c.seen, len(ld.links))
	clear(c.seen)
	// Cycles are disjoint, so their links fit; growing would move older cycles.
	c.links = resize(c.links, len(ld.links))[:0]
	c.cycles = c.cycles[:0]
	next := func(a uint32) uint32 {
		if b := ld.links[a].waits; b != none && ld.links[b].full() {
			return b
		}
		return none
	}
	for start := range uint32(len(ld.links)) {
		walk := start + 1
		a := start
		for a != none && c.seen[a] == 0 {
			c.seen[a] = walk
			a = next(a)
		}
		if a == none || c.seen[a] != walk {
			continue
		}
		lowest := a
		for b := next(a); b != a; b = next(b) {
			lowest = min(lowest, b)
		}
		from, since := len(c.links), math.Inf(-1)
		for b := lowest; ; {
			c.links = append(c.links, units.LinkID(b))
			since = max(since, ld.links[b].waitSince)
			if b = next(b); b == lowest {
				break
			}
		}
		c.cycles = append(c.cycles, Gridlock{c.links[from:len(c.links):len(c.links)], since})
	}
	slices.SortFunc(c.cycles, func(a, b Gridlock) int {
		if a.SinceS != b.SinceS {
			if a.SinceS < b.SinceS {
				return -1
			}
			return 1
		}
		return int(int64(a.Links[0]) - int64(b.Links[0]))
	})
	return c.cycles
}
