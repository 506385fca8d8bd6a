package loading

import (
	"math"
	"sync/atomic"
)

// crew drives the regions side by side: one goroutine per region beyond the
// first, for as long as the run lasts.
type crew struct {
	lookahead float64
	cuts      []uint32 // cut links
	exits     []exit

	hands  []hand // by region; the first is the caller's own
	busy   atomic.Int32
	asleep atomic.Bool // the caller waits on wakes
	wakes  chan struct{}
}

// hand is one goroutine's inbox: to is what to advance to.
type hand struct {
	to    float64
	turn  atomic.Uint32 // raised for each stretch, and once to end
	end   bool
	wakes chan struct{} // when the hand sleeps
	sleep atomic.Bool
	_     [64]byte // hands of different goroutines share no cache line
}

// spins bounds how long a goroutine polls before it sleeps: about as long as
// waking it takes, so that waiting costs at most twice the best of both.
const spins = 2000

// Advance does everything that happens before the clock reaches to: with more
// than one region in stretches of the lookahead, each starting at the next thing
// that happens anywhere.
func (ld *Loader) Advance(to float64) {
	defer func() { ld.now = to }()
	if len(ld.regions) == 1 {
		r := &ld.regions[0]
		r.advance(to)
		if ld.obs != nil {
			ld.tell(r.exits)
			r.exits = r.exits[:0]
		}
		return
	}
	for {
		start := math.Inf(1)
		for i := range ld.regions {
			start = min(start, ld.regions[i].nextTime())
		}
		if start >= to {
			return
		}
		end := min(to, start+ld.crew.lookahead)
		ld.together(end)
		ld.exchange(end)
	}
}

// together advances every region to the same time.
func (ld *Loader) together(to float64) {
	c := &ld.crew
	if c.hands == nil {
		c.hands = make([]hand, len(ld.regions))
		c.wakes = make(chan struct{}, 1)
		for i := range c.hands {
			if i > 0 {
				c.hands[i].wakes = make(chan struct{}, 1)
				go ld.work(i)
			}
		}
	}
	for i := 1; i < len(c.hands); i++ {
		// A region with nothing to do is left in peace.
		if h := &c.hands[i]; ld.regions[i].nextTime() < to {
			c.busy.Add(1)
			h.to = to
			h.call()
		}
	}
	ld.regions[0].advance(to)
	c.wait()
}

// wait returns when all other hands are done.
func (c *crew) wait() {
	for n := 0; c.busy.Load() > 0; n++ {
		if n < spins {
			continue
		}
		// Announced first, looked at again afterwards: done cannot slip between.
		c.asleep.Store(true)
		if c.busy.Load() > 0 {
			<-c.wakes
		}
		c.asleep.Store(false)
	}
}

func (c *crew) done() {
	if c.busy.Add(-1) == 0 && c.asleep.Load() {
		nudge(c.wakes)
	}
}

// nudge wakes who waits on a channel of one place, or will wait next: that one
// looks again and goes back to sleep.
func nudge(wakes chan struct{}) {
	select {
	case wakes <- struct{}{}:
	default:
	}
}

func (h *hand) call() {
	h.turn.Add(1)
	if h.sleep.Load() {
		nudge(h.wakes)
	}
}

func (ld *Loader) work(i int) {
	h := &ld.crew.hands[i]
	for seen := uint32(0); ; seen++ {
		for n := 0; h.turn.Load() == seen; n++ {
			if n < spins {
				continue
			}
			// Announced first, looked at again afterwards: call cannot slip between.
			h.sleep.Store(true)
			if h.turn.Load() == seen {
				<-h.wakes
			}
			h.sleep.Store(false)
		}
		if h.end {
			ld.crew.done()
			return
		}
		ld.regions[i].advance(h.to)
		ld.crew.done()
	}
}

// exchange tells the ends of every cut link what passed at the other.
func (ld *Loader) exchange(now float64) {
	for _, l := range ld.crew.cuts {
		k := &ld.links[l]
		if k.come != k.in {
			if k.come == k.out {
				s := &ld.slots[k.base+k.out&k.mask]
				k.head = waiting{s.p, s.word, s.size, s.pace}
				ld.regions[ld.ofLink[1][l]].heap.Push(max(s.ready, k.nextExit), l)
			}
			k.come = k.in
		}
		if k.seen != k.out {
			k.seen = k.out
			ld.regions[ld.ofLink[0][l]].wake(l, now)
		}
	}
	if ld.obs == nil {
		return
	}
	all := ld.crew.exits[:0]
	for i := range ld.regions {
		all = append(all, ld.regions[i].exits...)
		ld.regions[i].exits = ld.regions[i].exits[:0]
	}
	ld.crew.exits = all
	ld.tell(all)
}

// Close ends the goroutines of a run and sums up. No Advance may follow.
func (ld *Loader) Close() *Totals {
	c := &ld.crew
	for i := 1; i < len(c.hands); i++ {
		c.busy.Add(1)
		c.hands[i].end = true
		c.hands[i].call()
	}
	if c.hands != nil {
		c.wait()
		c.hands = nil
	}
	t := &ld.result.Totals
	t.LinkEntries, t.Turns, t.Turned = 0, 0, t.Turned[:0]
	for i := range ld.regions {
		r := &ld.regions[i]
		t.LinkEntries += r.entries
		t.Turns += r.turns
		t.Turned = append(t.Turned, r.turned...)
	}
	t.Gridlock = ld.findGridlock()
	return t
}

// Standing calls f for every platoon on a link, in order of link and entry, and
// for every one before its first link, with on false.
func (ld *Loader) Standing(f func(p uint32, l uint32, on bool)) {
	for l := range ld.links {
		k := &ld.links[l]
		if !ld.usable[l] {
			continue
		}
		for i := k.out; i != k.in; i++ {
			f(ld.slots[k.base+i&k.mask].p, uint32(l), true)
		}
		for _, w := range ld.origin[l].q[ld.origin[l].head:] {
			f(w.p, uint32(l), false)
		}
	}
}

// Entries is how many platoons have entered link l so far.
func (ld *Loader) Entries(l int) int { return int(ld.links[l].in) }

// Regions is how many regions the network is cut into.
func (ld *Loader) Regions() int { return len(ld.regions) }

// Idle reports that nothing will ever happen again: all have arrived, or stand
// for good.
func (ld *Loader) Idle() bool {
	for i := range ld.regions {
		if !math.IsInf(ld.regions[i].nextTime(), 1) {
			return false
		}
	}
	return true
}

// UnderWay is how many platoons are on a link.
func (ld *Loader) UnderWay() int {
	n := 0
	for l := range ld.links {
		n += int(ld.links[l].in - ld.links[l].out)
	}
	return n
}
