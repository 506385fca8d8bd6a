// What happens at the ends of links: departures, heads and entrances.

package loading

import (
	"fmt"
	"math"

	"github.com/malikobaid/cityflow/internal/units"
)

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
	if k.nobodyWaits() && ld.openAt(k) <= now {
		ld.trips.Entered(d.Platoon, now)
		r.enter(w, b, now)
		k.freeRider = uint32(len(ld.links))
		return
	}
	r.chargeFreeRider(b, now)
	if k.queued == 0 {
		ld.originTag[b] = max(ld.originTag[b], k.credit)
	}
	ld.origin[b].push(w)
	k.queued++
	r.wake(b, now)
}

// head lets the first platoon of link a go on, or wait for its next link.
func (r *region) head(a uint32, now float64) {
	ld := r.ld
	ka := &ld.links[a]
	if len(ld.signals) > 0 {
		if at := ld.green(a, now); at > now {
			r.heap.Push(at, a)
			return
		}
	}
	if ka.next == none {
		p, size := ka.head.p, ka.head.size
		next, word := ld.router.Next(p, ka.head.word, units.LinkID(a))
		if next == units.NoLink {
			r.leave(a, now)
			r.wake(a, now)
			ld.trips.Arrived(p, units.LinkID(a), size, now)
			return
		}
		ka.next, ka.nextWord = uint32(next), word
	}
	b := ka.next
	kb := &ld.links[b]
	if kb.nobodyWaits() && ld.openAt(kb) <= now {
		w := ka.head
		w.word = ka.nextWord
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
		if ld.lookAt[a] = now + ld.patience; !ld.looks[a] {
			ld.looks[a] = true
			r.heap.Push(ld.lookAt[a], uint32(2*len(ld.links))+a)
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
	ld.looks[a] = false
	if ka.waits == none {
		return
	}
	if ld.lookAt[a] > now {
		ld.looks[a] = true
		r.heap.Push(ld.lookAt[a], uint32(2*len(ld.links))+a)
		return
	}
	next, word := ld.router.Next(ka.head.p, ka.nextWord, units.LinkID(a))
	if next == units.NoLink {
		panic(fmt.Sprintf("loading: platoon %d, waiting on link %d, is told that its trip ends there", ka.head.p, a))
	}
	ka.nextWord = word
	if b := ka.waits; uint32(next) != b {
		ld.unlist(a, b)
		ka.waits, ka.next = none, uint32(next)
		r.head(a, now)
		return
	}
	ld.lookAt[a], ld.looks[a] = now+ld.patience, true
	r.heap.Push(ld.lookAt[a], uint32(2*len(ld.links))+a)
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
	if len(ld.changes) > 0 && !(kb.woken && ld.wakeAt[b] == now) {
		return // made void by a change
	}
	kb.woken = false
	if len(ld.signals) > 0 {
		r.sendBackRed(b, now)
	}
	if kb.nobodyWaits() {
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
	if kb.queued > 0 && ld.originTag[b] < tag {
		w = ld.origin[b].pop()
		kb.queued--
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
		w = ka.head
		w.word = ka.nextWord
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
		r.heap.Push(at, a)
	}
}

func (k *link) nobodyWaits() bool { return k.waitHead == none && k.queued == 0 }

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
	if k.woken || k.closed || k.nobodyWaits() || k.full() {
		return
	}
	k.woken = true
	at := max(now, ld.openAt(k))
	ld.wakeAt[b] = at
	r.heap.Push(at, uint32(len(ld.links))+b)
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
		free = max(free, float64(ld.lengthM[b])*float64(w.pace))
	}
	ready := now + free
	ld.slots[k.base+k.in&k.mask] = slot{now, ready, w.p, w.word, w.size, w.pace}
	if !k.cut {
		if k.come == k.out {
			k.head = w
			r.heap.Push(max(ready, k.nextExit), b)
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
	if k.nextExit = now + float64(k.head.size)*k.outS; len(ld.signals) > 0 {
		k.nextExit = ld.after(a, now, float64(k.head.size)*k.outS)
	}
	k.out++
	k.next = none
	if !k.cut {
		k.seen++
	}
	if k.come != k.out {
		s := &ld.slots[k.base+k.out&k.mask]
		k.head = waiting{s.p, s.word, s.size, s.pace}
		r.heap.Push(max(s.ready, k.nextExit), a)
	}
}
