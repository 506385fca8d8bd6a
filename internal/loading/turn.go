package loading

import "github.com/malikobaid/cityflow/internal/units"

// Links.TurnRings: drivers in a closed ring of full links, each waiting for the
// next, do not stand there for good as the kinematic wave has it: they all roll
// one place on. With the rule, the moment a ring closes every head in it enters
// the link that the next head leaves, so that no storage is exceeded and nobody
// jumps a queue. It is off by default, and every turn is counted and the first
// ring of each place is named in the Result: gridlock stays visible.

// maxRing bounds the search for a ring; longer ones stay locked and are
// reported as gridlock at the end.
const maxRing = 256

// Turned is a ring of full links that had to be turned.
type Turned struct {
	Links []units.LinkID // starting with the link whose head closed it
	AtS   float64        // first time
}

// turn looks for a ring of full links through a, whose head has just begun to
// wait or which has just become full, and turns it.
func (ld *Loader) turn(a uint32, now float64) {
	ring := ld.ring[:0]
	for b := a; ; {
		next := ld.links[b].waits
		if next == none || !ld.links[next].full() || len(ring) == maxRing {
			return
		}
		ring = append(ring, b)
		if b = next; b == a {
			break
		}
	}
	ld.ring = ring
	ld.result.Turns++
	ld.note(ring, now)
	for _, b := range ring {
		k := &ld.links[b]
		ld.unlist(b, k.waits)
		k.waits = none
		ld.moved = append(ld.moved, ld.slots[k.base+k.out&k.mask].p)
	}
	for _, b := range ring {
		ld.leave(b, now)
	}
	for i := range ring {
		p := ld.moved[i]
		ld.pos[p]++
		ld.enter(p, ring[(i+1)%len(ring)], now)
	}
	ld.moved = ld.moved[:0]
	for _, b := range ring {
		ld.wake(b, now)
	}
}

// unlist takes link a out of the list of those waiting for b.
func (ld *Loader) unlist(a, b uint32) {
	kb := &ld.links[b]
	if kb.waitHead == a {
		kb.waitHead = ld.links[a].waitNext
		return
	}
	for c := kb.waitHead; ; c = ld.links[c].waitNext {
		if ld.links[c].waitNext == a {
			ld.links[c].waitNext = ld.links[a].waitNext
			return
		}
	}
}

// maxNamed bounds the rings a result names.
const maxNamed = 32

// note names a ring unless one through its lowest link is named already.
func (ld *Loader) note(ring []uint32, now float64) {
	lowest := ring[0]
	for _, b := range ring {
		lowest = min(lowest, b)
	}
	for _, n := range ld.named {
		if n == lowest {
			return
		}
	}
	if len(ld.named) == maxNamed {
		return
	}
	ld.named = append(ld.named, lowest)
	t := Turned{AtS: now, Links: make([]units.LinkID, len(ring))}
	for i, b := range ring {
		t.Links[i] = units.LinkID(b)
	}
	ld.result.Turned = append(ld.result.Turned, t)
}
