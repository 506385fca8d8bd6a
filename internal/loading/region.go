package loading

import (
	"cmp"
	"fmt"
	"math"
	"slices"

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
	ld        *Loader
	heap      eventHeap
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
		top := math.Inf(1)
		if len(r.heap.e) > 0 {
			top = r.heap.e[0].t
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
		switch e := r.heap.pop(); {
		case e.id < n:
			r.head(e.id, e.t)
		case e.id < 2*n:
			r.entrance(e.id-n, e.t)
		default:
			r.lookAgain(e.id-2*n, e.t)
		}
	}
}

// nextTime is when something happens next, +Inf for never.
func (r *region) nextTime() float64 {
	t := r.nextStart
	if len(r.heap.e) > 0 {
		t = min(t, r.heap.e[0].t)
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

// depart puts the next platoon of the source before its first link.
func (r *region) depart(now float64) {
	ld := r.ld
	d := r.source.Take()
	r.nextStart = r.source.Peek()
	if !(r.nextStart >= now) {
		panic(fmt.Sprintf("loading: departures are not sorted: %g s after %g s", r.nextStart, now))
	}
	if d.First == units.NoLink {
		ld.trips.Entered(d.Platoon, now)
		ld.trips.Arrived(d.Platoon, units.NoLink, d.Size, now)
		return
	}
	w := waiting{p: d.Platoon, word: d.Word, size: d.Size}
	if len(ld.classes) > 0 {
		c := &ld.classes[d.Class]
		w.size *= c.PCU
		if c.TopSpeedMS > 0 {
			w.pace = 1 / c.TopSpeedMS
		}
	}
	b := uint32(d.First)
	k := &ld.links[b]
	if ld.nobodyWaits(b) && ld.openAt(k) <= now {
		ld.trips.Entered(d.Platoon, now)
		r.enter(w, b, now)
		k.freeRider = uint32(len(ld.links))
		return
	}
	r.chargeFreeRider(b, now)
	if ld.origin[b].empty() {
		ld.originTag[b] = max(ld.originTag[b], k.credit)
	}
	ld.origin[b].push(w)
	r.wake(b, now)
}

// head lets the first platoon of link a go on, or wait for its next link.
func (r *region) head(a uint32, now float64) {
	ld := r.ld
	ka := &ld.links[a]
	if len(ld.signals) > 0 {
		if at := ld.green(a, now); at > now {
			r.heap.push(event{at, a})
			return
		}
	}
	s := &ld.slots[ka.base+ka.out&ka.mask]
	if ka.next == none {
		next, word := ld.router.Next(s.p, s.word, units.LinkID(a))
		if next == units.NoLink {
			p, size := s.p, s.size
			r.leave(a, now)
			r.wake(a, now)
			ld.trips.Arrived(p, units.LinkID(a), size, now)
			return
		}
		ka.next, ka.nextWord = uint32(next), word
	}
	b := ka.next
	kb := &ld.links[b]
	if ld.nobodyWaits(b) && ld.openAt(kb) <= now {
		w := waiting{s.p, ka.nextWord, s.size, s.pace}
		r.leave(a, now)
		r.enter(w, b, now)
		r.wake(a, now)
		kb.freeRider = a
		return
	}
	r.chargeFreeRider(b, now)
	turn := ld.turnBase[a] + ld.outRank[b]
	ld.turnTag[turn] = max(ld.turnTag[turn], kb.credit)
	ka.waits, ka.waitSince = b, now
	ka.waitNext, kb.waitHead = kb.waitHead, a
	r.wake(b, now)
	if ld.patience > 0 {
		if ka.lookAt = now + ld.patience; !ka.looks {
			ka.looks = true
			r.heap.push(event{ka.lookAt, uint32(2*len(ld.links)) + a})
		}
	}
	if ld.turnRings && kb.full() {
		r.turn(a, now)
	}
}

// lookAgain asks the router once more for a head that has waited too long. A
// link has one such event at a time, put off while heads come and go.
func (r *region) lookAgain(a uint32, now float64) {
	ld := r.ld
	ka := &ld.links[a]
	ka.looks = false
	if ka.waits == none {
		return
	}
	if ka.lookAt > now {
		ka.looks = true
		r.heap.push(event{ka.lookAt, uint32(2*len(ld.links)) + a})
		return
	}
	s := &ld.slots[ka.base+ka.out&ka.mask]
	next, word := ld.router.Next(s.p, ka.nextWord, units.LinkID(a))
	if next == units.NoLink {
		panic(fmt.Sprintf("loading: platoon %d, waiting on link %d, is told that its trip ends there", s.p, a))
	}
	ka.nextWord = word
	if b := ka.waits; uint32(next) != b {
		ld.unlist(a, b)
		ka.waits, ka.next = none, uint32(next)
		r.head(a, now)
		return
	}
	ka.lookAt, ka.looks = now+ld.patience, true
	r.heap.push(event{ka.lookAt, uint32(2*len(ld.links)) + a})
}

// chargeFreeRider is called before someone begins to wait for link b. Entering
// an idle inlet costs no credit; but when it keeps the first one to come later
// waiting it was a share, and is booked now.
func (r *region) chargeFreeRider(b uint32, now float64) {
	ld := r.ld
	k := &ld.links[b]
	a := k.freeRider
	k.freeRider = none
	if a == none || k.nextIn <= now {
		return
	}
	size := float64(ld.slots[k.base+(k.in-1)&k.mask].size)
	if int(a) == len(ld.links) {
		ld.originTag[b] = max(ld.originTag[b], k.credit) + size/ld.weight[b]
		return
	}
	turn := ld.turnBase[a] + ld.outRank[b]
	ld.turnTag[turn] = max(ld.turnTag[turn], k.credit) + size/ld.weight[a]
}

// entrance lets one platoon into link b: of the heads and the origin queue that
// wait, the one with the least credit used (start-time fair queueing, Goyal,
// Vin and Cheng 1996; a share not used passes on to the others).
func (r *region) entrance(b uint32, now float64) {
	ld := r.ld
	kb := &ld.links[b]
	if len(ld.changes) > 0 && !(kb.woken && kb.wakeAt == now) {
		return // made void by a change
	}
	kb.woken = false
	if len(ld.signals) > 0 {
		r.sendBackRed(b, now)
	}
	if ld.nobodyWaits(b) {
		return // who waited has a red signal, or lost patience
	}
	if ld.patience > 0 && ld.openAt(kb) > now {
		r.wake(b, now) // they all left, and somebody came in between
		return
	}
	best, before, tag := uint32(none), uint32(none), math.Inf(1)
	prev := uint32(none)
	for a := kb.waitHead; a != none; a = ld.links[a].waitNext {
		t := ld.turnTag[ld.turnBase[a]+ld.outRank[b]]
		if t < tag || (t == tag && a < best) {
			best, before, tag = a, prev, t
		}
		prev = a
	}
	var w waiting
	if !ld.origin[b].empty() && ld.originTag[b] < tag {
		w = ld.origin[b].pop()
		ld.trips.Entered(w.p, now)
		best = none
		kb.credit = ld.originTag[b]
		ld.originTag[b] += float64(w.size) / ld.weight[b]
	} else {
		ka := &ld.links[best]
		if before == none {
			kb.waitHead = ka.waitNext
		} else {
			ld.links[before].waitNext = ka.waitNext
		}
		ka.waits = none
		s := &ld.slots[ka.base+ka.out&ka.mask]
		w = waiting{s.p, ka.nextWord, s.size, s.pace}
		kb.credit = tag
		ld.turnTag[ld.turnBase[best]+ld.outRank[b]] = tag + float64(w.size)/ld.weight[best]
		r.leave(best, now)
	}
	r.enter(w, b, now)
	r.wake(b, now)
	if best != none {
		r.wake(best, now)
	}
	if ld.turnRings && kb.waits != none && kb.full() {
		r.turn(b, now)
	}
}

// sendBackRed takes the heads whose signal is red by now off those that wait
// for link b; they come again with their next green.
func (r *region) sendBackRed(b uint32, now float64) {
	ld := r.ld
	prev := &ld.links[b].waitHead
	for a := *prev; a != none; a = *prev {
		ka := &ld.links[a]
		at := ld.green(a, now)
		if at == now {
			prev = &ka.waitNext
			continue
		}
		*prev = ka.waitNext
		ka.waits = none
		r.heap.push(event{at, a})
	}
}

func (ld *Loader) nobodyWaits(b uint32) bool {
	return ld.links[b].waitHead == none && ld.origin[b].empty()
}

// full reports that the platoon whose exit makes room for the next one is still
// on the link.
func (k *link) full() bool { return k.over >= 0 && int32(k.wave-k.seen) >= 0 }

// openAt is when the link takes the next platoon, +Inf when an exit must come
// first. It does not depend on the size of that platoon: a platoon enters when
// its first vehicle fits, and the rest follow at capacity.
func (ld *Loader) openAt(k *link) float64 {
	if k.closed {
		return math.Inf(1)
	}
	if k.over < 0 {
		return k.nextIn
	}
	if int32(k.wave-k.seen) >= 0 {
		return math.Inf(1)
	}
	return max(k.nextIn, ld.slots[k.base+k.wave&k.mask].t+k.over*k.headS+k.waveS)
}

// wake schedules the next entrance of b when someone waits and its time is known.
func (r *region) wake(b uint32, now float64) {
	ld := r.ld
	k := &ld.links[b]
	if k.cut && ld.ofLink[0][b] != r.mine {
		return // its upstream end hears of the exit at the end of the stretch
	}
	if k.woken || k.closed || ld.nobodyWaits(b) || k.full() {
		return
	}
	k.woken = true
	k.wakeAt = max(now, ld.openAt(k))
	r.heap.push(event{k.wakeAt, uint32(len(ld.links)) + b})
}

// enter puts a platoon at the upstream end of link b.
func (r *region) enter(w waiting, b uint32, now float64) {
	ld := r.ld
	k := &ld.links[b]
	if k.in-min(k.seen, k.wave) > k.mask {
		panic(fmt.Sprintf("loading: link %d holds platoons %d to %d, wave %d, in a ring of %d", b, k.seen, k.in, k.wave, k.mask+1))
	}
	free := k.freeS
	if w.pace > 0 {
		free = max(free, float64(k.lengthM)*float64(w.pace))
	}
	ready := now + free
	ld.slots[k.base+k.in&k.mask] = slot{now, ready, w.p, w.word, w.size, w.pace}
	if !k.cut {
		if k.come == k.out {
			r.heap.push(event{max(ready, k.nextExit), b})
		}
		k.come++
	}
	k.in++
	k.nextIn = now + float64(w.size)*k.inS
	k.over += float64(w.size)
	for k.over >= 0 {
		s := float64(ld.slots[k.base+k.wave&k.mask].size)
		if k.over < s {
			break
		}
		k.over -= s
		k.wave++
	}
	r.entries++
}

// leave takes the first platoon off link a and calls the next one forward. The
// caller wakes a's entrance, after the platoon has entered its next link: that
// may be a itself.
func (r *region) leave(a uint32, now float64) {
	ld := r.ld
	k := &ld.links[a]
	s := &ld.slots[k.base+k.out&k.mask]
	if ld.obs != nil {
		r.record(exit{s.t, now, s.p, a})
	}
	s.t = now
	if k.nextExit = now + float64(s.size)*k.outS; len(ld.signals) > 0 {
		k.nextExit = ld.after(a, now, float64(s.size)*k.outS)
	}
	k.out++
	k.next = none
	if !k.cut {
		k.seen++
	}
	if k.come != k.out {
		r.heap.push(event{max(ld.slots[k.base+k.out&k.mask].ready, k.nextExit), a})
	}
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
