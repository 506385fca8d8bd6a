package loading

import (
	"cmp"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/pq"
	"github.com/malikobaid/cityflow/internal/units"
)

// A region is a set of nodes: the downstream ends of the links that lead to
// them and the upstream ends of the links that leave them. What happens at one
// end of a link is felt at the other no sooner than L/u (forwards) or L/w
// (backwards) later, so regions joined by cut links can be loaded at the same
// time for a stretch of that length, the lookahead, and then tell each other
// what passed. All else touches one node only. So where the cuts are, and how
// many, changes nothing in what happens, only who computes it.
type region struct {
	ld *Loader
	// heap holds the events by time, equal ones by id: 0..n-1 are the heads of links
	// 0..n-1, n..2n-1 their entrances, 2n..3n-1 heads that lose patience. Heads come
	// first so that everyone who is ready at an instant takes part in sharing an
	// inlet then. A link has one of each at most, and their times never change.
	heap      pq.Queue
	source    Source
	nextStart float64 // time of the source's next departure
	changes   []uint32
	change    int
	mine      uint8
	exits     []exit

	entries int
	turns   int
	turned  []Turned
	ring    []uint32
	movers  []waiting
	named   []uint32
}

// exit is one line of what an Observer hears.
type exit struct {
	enter, exit float64
	p           uint32
	l           uint32
}

func (a exit) compare(b exit) int {
	if c := cmp.Compare(a.exit, b.exit); c != 0 {
		return c
	}
	return cmp.Compare(a.l, b.l)
}

// Departure is a platoon that wants to start.
type Departure struct {
	Platoon uint32
	Word    uint32 // the Router's, on the first link
	First   units.LinkID
	Size    float32 // vehicles
	Class   uint8
}

// Source gives the departures of one region in order of time. It is called by
// one goroutine at a time.
type Source interface {
	// Peek is the time of the next departure, +Inf when there is none.
	Peek() float64
	// Take gives the next departure; First is NoLink for a trip of no links.
	Take() Departure
}

// Router says where platoons go. It is asked once per platoon and link, when
// the platoon stands first at the end of the link, and again whenever it has lost
// patience there (Links.PatienceS), then with the word of its last answer and
// never to end the trip. It is asked from the goroutines of all regions at once,
// so it only reads. The word is the Router's own: where the
// platoon is on its path, or where it wants to go.
type Router interface {
	// Next is the link after on, NoLink at the end of the trip, and the word on it.
	Next(p, word uint32, on units.LinkID) (units.LinkID, uint32)
}

// TripObserver hears of the two ends of each trip, from the goroutines of all
// regions: calls for one platoon come one after the other.
type TripObserver interface {
	Entered(p uint32, now float64)
	// Arrived: platoon p, of so many passenger-car units, left its last link l
	// (NoLink for a trip of no links).
	Arrived(p uint32, l units.LinkID, size float32, now float64)
}

// layRegions cuts the network.
func (ld *Loader) layRegions(of []uint8) {
	n, count := len(ld.links), 1
	ld.ofLink = [2][]uint8{make([]uint8, n), make([]uint8, n)}
	for l := range ld.links {
		if of == nil {
			break
		}
		a, b := of[ld.from[l]], of[ld.to[l]]
		ld.ofLink[0][l], ld.ofLink[1][l] = a, b
		count = max(count, int(a)+1, int(b)+1)
		ld.links[l].cut = a != b && ld.usable[l]
	}
	if ld.turnRings && count > 1 {
		panic("loading: rings are turned the moment they close, which needs one region")
	}
	ld.regions = make([]region, count)
	for r := range ld.regions {
		ld.regions[r] = region{ld: ld, mine: uint8(r)}
	}
	for i := range ld.changes {
		l := ld.changes[i].link
		a, b := ld.ofLink[0][l], ld.ofLink[1][l]
		ld.regions[a].changes = append(ld.regions[a].changes, uint32(i))
		if a != b {
			ld.regions[b].changes = append(ld.regions[b].changes, uint32(i))
		}
	}
	// The lookahead holds for every diagram a cut link ever has.
	ld.crew.lookahead = math.Inf(1)
	ld.crew.cuts = ld.crew.cuts[:0]
	for l := range ld.links {
		if ld.links[l].cut {
			ld.crew.cuts = append(ld.crew.cuts, uint32(l))
			ld.crew.lookahead = min(ld.crew.lookahead, ld.base[l].freeS, ld.base[l].waveS)
		}
	}
	for _, c := range ld.changes {
		if ld.links[c.link].cut && !c.closed {
			ld.crew.lookahead = min(ld.crew.lookahead, c.freeS, c.waveS)
		}
	}
	if !(ld.crew.lookahead > 0) {
		panic("loading: regions are cut at a link without length in time")
	}
}

// advance does everything that happens in the region before the clock reaches to.
// The hot loop: one turn per event, no allocation. Departures come in order
// already, so they stay out of the heap.
func (r *region) advance(to float64) {
	ld := r.ld
	n := uint32(len(ld.links))
	for {
		top, id := math.Inf(1), uint32(none)
		if r.heap.Len() > 0 {
			first := r.heap.Items()[0]
			top, id = first.Key(), first.ID()
		}
		if r.change < len(r.changes) {
			if at := ld.changes[r.changes[r.change]].at; at <= top && at <= r.nextStart {
				if at >= to {
					return
				}
				r.alter(&ld.changes[r.changes[r.change]])
				r.change++
				continue
			}
		}
		if r.nextStart <= top && r.nextStart < to {
			r.depart(r.nextStart)
			continue
		}
		if top >= to {
			return
		}
		r.heap.Pop()
		switch {
		case id < n:
			r.head(id, top)
		case id < 2*n:
			r.entrance(id-n, top)
		default:
			r.lookAgain(id-2*n, top)
		}
	}
}

// nextTime is when something happens next, +Inf for never.
func (r *region) nextTime() float64 {
	t := r.nextStart
	if r.heap.Len() > 0 {
		t = min(t, r.heap.Items()[0].Key())
	}
	if r.change < len(r.changes) {
		t = min(t, r.ld.changes[r.changes[r.change]].at)
	}
	return t
}

// alter gives the region's ends of a link their new diagram.
func (r *region) alter(d *diagram) {
	ld := r.ld
	k := &ld.links[d.link]
	if ld.ofLink[1][d.link] == r.mine && !d.closed {
		k.outS = d.outS
	}
	if ld.ofLink[0][d.link] != r.mine {
		return
	}
	k.closed = d.closed
	if !d.closed {
		k.freeS, k.waveS, k.headS, k.inS = d.freeS, d.waveS, d.headS, d.inS
	}
	// Who waits is let in by the new diagram; the old entrance event is void.
	k.woken = false
	r.wake(d.link, d.at)
}

// record keeps an exit until all of its moment are known, so that an observer
// hears them in the same order wherever the network is cut.
func (r *region) record(x exit) {
	if len(r.ld.regions) == 1 && len(r.exits) > 0 && x.exit > r.exits[0].exit {
		r.ld.tell(r.exits)
		r.exits = r.exits[:0]
	}
	r.exits = append(r.exits, x)
}

func (ld *Loader) tell(exits []exit) {
	if len(exits) > 1 {
		slices.SortFunc(exits, exit.compare)
	}
	for _, x := range exits {
		ld.obs.Exit(x.p, units.LinkID(x.l), x.enter, x.exit)
	}
}
