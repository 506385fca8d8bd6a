package loading

import (
	"fmt"
	"math"

	"github.com/malikobaid/cityflow/internal/units"
)

// Departures are the platoons of one run, indexed by platoon.
type Departures struct {
	DepartS []float64 // desired departure, clock seconds, ascending
	Size    []float32 // vehicles per platoon, > 0; runs use at most 5
	// PathFirst[p]..PathFirst[p+1] is the path of platoon p in Path. A platoon
	// with no link arrives at once.
	PathFirst []uint32
	Path      []units.LinkID
}

// Num is the number of platoons.
func (d *Departures) Num() int { return len(d.DepartS) }

// Observer hears what happened, in order of exit time. It is called from the
// goroutine of Run and must not call the Loader.
type Observer interface {
	// Exit reports that platoon p was on link l from enter to exit, seconds.
	Exit(p uint32, l units.LinkID, enter, exit float64)
}

// Result is what became of every platoon. Its slices belong to the Loader and
// hold until the next Run.
type Result struct {
	// ArriveS is the clock time of leaving the last link, +Inf when unfinished.
	ArriveS []float64
	// EnteredS is the clock time of entering the first link, +Inf when that has
	// not happened; the desired departure for a path of no links.
	EnteredS []float64
	// Unfinished platoons in order of id, and the link each stands on, NoLink
	// when it still waits before its first link (or departs after the end).
	Unfinished []uint32
	StandsOn   []units.LinkID
	// Gridlock lists the standing cycles, in order of (SinceS, first link).
	Gridlock []Gridlock
	// Turns counts how often a ring of full links rolled on (Links.TurnRings);
	// Turned names the first of each place.
	Turns  int
	Turned []Turned
	// LinkEntries counts entries into links: the work done.
	LinkEntries int
}

// slot is one platoon of a link: its entry time while it is on the link, its
// exit time afterwards, until the backward wave has passed. So "is there room,
// and since when" is one load.
type slot struct {
	t    float64
	p    uint32
	size float32
}

// Loader holds the network and all working memory of a run. It is not safe for
// concurrent use; use one per goroutine.
type Loader struct {
	links    []link
	storage  []float64 // vehicles
	weight   []float64
	usable   []bool
	from, to []units.NodeID
	turnBase []uint32
	outRank  []uint32
	// Rings turned: see turn.go.
	turnRings   bool
	ring, moved []uint32
	named       []uint32

	// Merge credits: start tag of each turn and of each origin queue.
	turnTag, originTag []float64

	slots    []slot
	heap     eventHeap
	visits   []uint32
	pos      []uint32 // index into Path of the link a platoon is on
	nextWait []uint32 // next platoon of the same origin queue
	arrive   []float64
	entered  []float64
	result   Result
	cycle    cycleBuffers

	dep *Departures
	obs Observer
}

// Run loads the departures onto an empty network and follows them until no one
// moves any more or the clock passes until (seconds; +Inf for no end). obs may
// be nil. It panics when dep breaks its contract.
func (ld *Loader) Run(dep *Departures, until float64, obs Observer) *Result {
	ld.reset(dep)
	ld.dep, ld.obs = dep, obs
	n := uint32(len(ld.links))
	depart, next := dep.DepartS, 0
	// The hot loop: one turn per event, no allocation. Departures are sorted
	// already, so they stay out of the heap.
	for {
		if next < len(depart) && (len(ld.heap.e) == 0 || depart[next] <= ld.heap.e[0].t) {
			if depart[next] > until {
				break
			}
			ld.depart(uint32(next), depart[next])
			next++
			continue
		}
		if len(ld.heap.e) == 0 || ld.heap.e[0].t > until {
			break
		}
		if e := ld.heap.pop(); e.id < n {
			ld.head(e.id, e.t)
		} else {
			ld.entrance(e.id-n, e.t)
		}
	}
	ld.dep, ld.obs = nil, nil
	ld.finish(dep)
	return &ld.result
}

// depart puts platoon p before its first link.
func (ld *Loader) depart(p uint32, now float64) {
	first := ld.dep.PathFirst[p]
	if first == ld.dep.PathFirst[p+1] {
		ld.entered[p], ld.arrive[p] = now, now
		return
	}
	ld.pos[p] = first
	b := uint32(ld.dep.Path[first])
	k := &ld.links[b]
	if k.nobodyWaits() && ld.openAt(k) <= now {
		ld.entered[p] = now
		ld.enter(p, b, now)
		k.freeRider = uint32(len(ld.links))
		return
	}
	ld.chargeFreeRider(b, now)
	ld.nextWait[p] = none
	if k.originHead == none {
		k.originHead = p
		ld.originTag[b] = max(ld.originTag[b], k.credit)
	} else {
		ld.nextWait[k.originTail] = p
	}
	k.originTail = p
	ld.wake(b, now)
}

// head lets the first platoon of link a go on, or wait for its next link.
func (ld *Loader) head(a uint32, now float64) {
	ka := &ld.links[a]
	p := ld.slots[ka.base+ka.out&ka.mask].p
	next := ld.pos[p] + 1
	if next == ld.dep.PathFirst[p+1] {
		ld.leave(a, now)
		ld.wake(a, now)
		ld.arrive[p] = now
		return
	}
	b := uint32(ld.dep.Path[next])
	kb := &ld.links[b]
	if kb.nobodyWaits() && ld.openAt(kb) <= now {
		ld.pos[p] = next
		ld.leave(a, now)
		ld.enter(p, b, now)
		ld.wake(a, now)
		kb.freeRider = a
		return
	}
	ld.chargeFreeRider(b, now)
	turn := ld.turnBase[a] + ld.outRank[b]
	ld.turnTag[turn] = max(ld.turnTag[turn], kb.credit)
	ka.waits, ka.waitSince = b, now
	ka.waitNext, kb.waitHead = kb.waitHead, a
	ld.wake(b, now)
	if ld.turnRings && kb.full() {
		ld.turn(a, now)
	}
}

// chargeFreeRider is called before someone begins to wait for link b. Entering
// an idle inlet costs no credit; but when it keeps the first one to come later
// waiting it was a share, and is booked now.
func (ld *Loader) chargeFreeRider(b uint32, now float64) {
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
func (ld *Loader) entrance(b uint32, now float64) {
	kb := &ld.links[b]
	kb.woken = false
	best, before, tag := uint32(none), uint32(none), math.Inf(1)
	prev := uint32(none)
	for a := kb.waitHead; a != none; a = ld.links[a].waitNext {
		t := ld.turnTag[ld.turnBase[a]+ld.outRank[b]]
		if t < tag || (t == tag && a < best) {
			best, before, tag = a, prev, t
		}
		prev = a
	}
	var p uint32
	if kb.originHead != none && ld.originTag[b] < tag {
		p = kb.originHead
		kb.originHead = ld.nextWait[p]
		ld.entered[p] = now
		best = none
		kb.credit = ld.originTag[b]
		ld.originTag[b] += float64(ld.dep.Size[p]) / ld.weight[b]
	} else {
		ka := &ld.links[best]
		if before == none {
			kb.waitHead = ka.waitNext
		} else {
			ld.links[before].waitNext = ka.waitNext
		}
		ka.waits = none
		p = ld.slots[ka.base+ka.out&ka.mask].p
		ld.pos[p]++
		kb.credit = tag
		ld.turnTag[ld.turnBase[best]+ld.outRank[b]] = tag + float64(ld.dep.Size[p])/ld.weight[best]
		ld.leave(best, now)
	}
	ld.enter(p, b, now)
	ld.wake(b, now)
	if best != none {
		ld.wake(best, now)
	}
	if ld.turnRings && kb.waits != none && kb.full() {
		ld.turn(b, now)
	}
}

func (k *link) nobodyWaits() bool { return k.waitHead == none && k.originHead == none }

// full reports that the platoon whose exit makes room for the next one is still
// on the link.
func (k *link) full() bool { return k.over >= 0 && int32(k.wave-k.out) >= 0 }

// openAt is when the link takes the next platoon, +Inf when an exit must come
// first. It does not depend on the size of that platoon: a platoon enters when
// its first vehicle fits, and the rest follow at capacity.
func (ld *Loader) openAt(k *link) float64 {
	if k.over < 0 {
		return k.nextIn
	}
	if int32(k.wave-k.out) >= 0 {
		return math.Inf(1)
	}
	return max(k.nextIn, ld.slots[k.base+k.wave&k.mask].t+k.over*k.headS+k.waveS)
}

// wake schedules the next entrance of b when someone waits and its time is known.
func (ld *Loader) wake(b uint32, now float64) {
	k := &ld.links[b]
	if k.woken || k.nobodyWaits() || k.full() {
		return
	}
	k.woken = true
	ld.heap.push(event{max(now, ld.openAt(k)), uint32(len(ld.links)) + b})
}

// enter puts platoon p at the upstream end of link b.
func (ld *Loader) enter(p, b uint32, now float64) {
	k := &ld.links[b]
	size := ld.dep.Size[p]
	if k.in-min(k.out, k.wave) > k.mask {
		panic(fmt.Sprintf("loading: link %d holds platoons %d to %d, wave %d, in a ring of %d", b, k.out, k.in, k.wave, k.mask+1))
	}
	ld.slots[k.base+k.in&k.mask] = slot{now, p, size}
	if k.in == k.out {
		ld.heap.push(event{max(now+k.freeS, k.nextExit), b})
	}
	k.in++
	k.nextIn = now + float64(size)*k.inS
	k.over += float64(size)
	for k.over >= 0 {
		s := float64(ld.slots[k.base+k.wave&k.mask].size)
		if k.over < s {
			break
		}
		k.over -= s
		k.wave++
	}
	ld.result.LinkEntries++
}

// leave takes the first platoon off link a and calls the next one forward. The
// caller wakes a's entrance, after the platoon has entered its next link: that
// may be a itself.
func (ld *Loader) leave(a uint32, now float64) {
	k := &ld.links[a]
	s := &ld.slots[k.base+k.out&k.mask]
	if ld.obs != nil {
		ld.obs.Exit(s.p, units.LinkID(a), s.t, now)
	}
	s.t = now
	k.nextExit = now + float64(s.size)*k.outS
	k.out++
	if k.in != k.out {
		ld.heap.push(event{max(ld.slots[k.base+k.out&k.mask].t+k.freeS, k.nextExit), a})
	}
}
