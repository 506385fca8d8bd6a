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
// wait or which has just become full, and turns it, whatever its signals show.
func (r *region) turn(a uint32, now float64) {
	ld := r.ld
	ring := r.ring[:0]
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
	r.ring = ring
	r.turns++
	r.note(ring, now)
	for _, b := range ring {
		k := &ld.links[b]
		ld.unlist(b, k.waits)
		k.waits = none
		k.head.word = k.nextWord
		r.movers = append(r.movers, k.head)
	}
	for _, b := range ring {
		r.leave(b, now)
	}
	for i := range ring {
		r.enter(r.movers[i], ring[(i+1)%len(ring)], now)
	}
	r.movers = r.movers[:0]
	for _, b := range ring {
		r.wake(b, now)
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
func (r *region) note(ring []uint32, now float64) {
	lowest := ring[0]
	for _, b := range ring {
		lowest = min(lowest, b)
	}
	for _, n := range r.named {
		if n == lowest {
			return
		}
	}
	if len(r.named) == maxNamed {
		return
	}
	r.named = append(r.named, lowest)
	t := Turned{AtS: now, Links: make([]units.LinkID, len(ring))}
	for i, b := range ring {
		t.Links[i] = units.LinkID(b)
	}
	r.turned = append(r.turned, t)
}
