package run

import (
	"cmp"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
)

// jamWatch hears one loading and tells for every link how much was lost there
// and what its cars waited for. All of it follows from the exits, for the rules
// of the loader say why a platoon entered when it did (docs/decisions/loading.md):
//   - the first platoon of a link is ready when it has driven the link and the
//     one before it has passed the end at capacity; from then on it waits for
//     the next link;
//   - the next link takes one platoon after another at capacity. Who waited and
//     came in as soon as the one before had passed waited for capacity; who came
//     in later waited for room.
//
// It knows no signals and no changes during the run: a baseline has none.
type jamWatch struct {
	dep    *loading.Departures
	links  []jamLink
	starts []uint32  // platoons by the time they set out
	set    []float64 // that time, by platoon
	next   int       // of starts
	on     []uint32  // by platoon: index in dep.Path of the link it is on
	since  []float64 // by platoon: when it entered it
}

// jamLink is one link: its end, where cars wait to leave it, and its entrance,
// where those of other links wait. Delays in vehicle-seconds.
type jamLink struct {
	freeS, headS float64 // to drive it; per vehicle at capacity
	delayS       float64 // lost on it
	startS       float64 // lost before setting out on it
	lastOut      float64 // when the last platoon left
	outS         float64 // and how long that takes
	lastIn, inS  float64 // the same at the entrance
	busyS, fullS float64 // somebody waited: and it took in what it can; and it was full
	passS        float64 // cars waited on it for the one before to pass its end
	ahead        []jamTurn
}

// jamTurn is what went on to another link.
type jamTurn struct {
	to       units.LinkID
	waitS    float64 // seconds that first platoons waited for it
	vehicles float64
}

// newJamWatch prepares for hearing the loading of dep, of which entered is known
// from a run before: when each platoon set out.
func newJamWatch(net *loading.Links, dep *loading.Departures, entered []float64) *jamWatch {
	n := dep.Num()
	w := &jamWatch{dep: dep, links: make([]jamLink, len(net.From)), set: slices.Clone(entered), on: make([]uint32, n), since: make([]float64, n)}
	for l := range w.links {
		k := &w.links[l]
		k.lastOut, k.lastIn = math.Inf(-1), math.Inf(-1)
		if net.CapacityVS[l] > 0 {
			k.freeS = float64(net.LengthM[l]) / float64(net.SpeedMS[l])
			k.headS = 1 / min(float64(net.CapacityVS[l]), float64(net.SpeedMS[l])*float64(net.JamVM[l])/2)
		}
	}
	for p := range uint32(n) {
		if w.on[p] = dep.PathFirst[p]; w.on[p] != dep.PathFirst[p+1] && !math.IsInf(w.set[p], 1) {
			w.starts = append(w.starts, p)
		}
	}
	slices.SortFunc(w.starts, func(a, b uint32) int { return cmp.Or(cmp.Compare(w.set[a], w.set[b]), cmp.Compare(a, b)) })
	return w
}

// Exit implements loading.Observer.
func (w *jamWatch) Exit(p uint32, l units.LinkID, enter, exit float64) {
	w.setOut(exit)
	size := float64(w.dep.Size[p])
	k := &w.links[l]
	driven, last := enter+k.freeS, k.lastOut
	ready := max(driven, last+k.outS)
	k.delayS += max(0, exit-enter-k.freeS) * size
	k.lastOut, k.outS = exit, size*k.headS
	w.on[p]++
	w.since[p] = exit
	if w.on[p] == w.dep.PathFirst[p+1] {
		return
	}
	k.passS += max(0, ready-max(driven, last))
	next := w.dep.Path[w.on[p]]
	k.turn(next, exit-ready, size)
	if exit-ready < jamGrainS {
		last = exit // it did not wait for the next link
	}
	w.enter(next, max(driven, last), exit, size)
}

// setOut lets those begin who set out until now: no exit tells of them.
func (w *jamWatch) setOut(now float64) {
	for ; w.next < len(w.starts) && w.set[w.starts[w.next]] <= now; w.next++ {
		p := w.starts[w.next]
		l, at, size := w.dep.Path[w.on[p]], w.set[p], float64(w.dep.Size[p])
		w.since[p] = at
		w.links[l].startS += (at - w.dep.DepartS[p]) * size
		w.enter(l, w.dep.DepartS[p], at, size)
	}
}

// enter hears of a platoon that came into link l, for which it had waited since.
func (w *jamWatch) enter(l units.LinkID, since, now, size float64) {
	k := &w.links[l]
	k.waited(since, now)
	k.lastIn, k.inS = now, size*k.headS
}

// waited counts the time in which somebody waited at the entrance, as far as it
// lies after the last platoon that came in: for capacity if it ends when that one
// had passed, else for room.
func (k *jamLink) waited(since, now float64) {
	if now-since < jamGrainS {
		return
	}
	waited := now - max(since, k.lastIn)
	if math.Abs(now-k.lastIn-k.inS) < jamGrainS {
		k.busyS += waited
	} else {
		k.fullS += waited
	}
}

// jamGrainS is below what a wait can be: times are sums of float64.
const jamGrainS = 1e-6

func (k *jamLink) turn(to units.LinkID, waitS, vehicles float64) {
	i := slices.IndexFunc(k.ahead, func(t jamTurn) bool { return t.to == to })
	if i < 0 {
		i = len(k.ahead)
		k.ahead = append(k.ahead, jamTurn{to: to})
	}
	if waitS >= jamGrainS {
		k.ahead[i].waitS += waitS
	}
	k.ahead[i].vehicles += vehicles
}

// end accounts for those who are still on their way at the end.
func (w *jamWatch) end(res *loading.Result, until float64) {
	w.setOut(until)
	first := make([]uint32, len(w.links)) // the first platoon of each link, +1
	for i, p := range res.Unfinished {
		size := float64(w.dep.Size[p])
		l := res.StandsOn[i]
		if l == units.NoLink {
			if w.on[p] != w.dep.PathFirst[p+1] && w.dep.DepartS[p] < until {
				k := &w.links[w.dep.Path[w.on[p]]]
				k.startS += (until - w.dep.DepartS[p]) * size
			}
			continue
		}
		w.links[l].delayS += max(0, until-w.since[p]-w.links[l].freeS) * size
		if f := first[l]; f == 0 || w.since[p] < w.since[f-1] {
			first[l] = p + 1
		}
	}
	for l, f := range first {
		if f == 0 || w.on[f-1]+1 == w.dep.PathFirst[f] {
			continue
		}
		k := &w.links[l]
		if ready := max(w.since[f-1]+k.freeS, k.lastOut+k.outS); ready < until {
			next := w.dep.Path[w.on[f-1]+1]
			k.turn(next, until-ready, 0)
			w.links[next].waited(ready, until)
		}
	}
}

// passes is the share of its capacity from which on a link with a queue is said
// to pass all it can (assumed: platoons meet junctions at odd moments).
const passes = 0.95

// waitsFor is the link that the cars of link l waited for most; false if it
// passed all it can while cars waited on it.
func (k *jamLink) waitsFor() (units.LinkID, bool) {
	best, most, all := units.NoLink, 0.0, 0.0
	for _, t := range k.ahead {
		all += t.waitS
		if t.waitS > most || t.waitS == most && most > 0 && t.to < best {
			best, most = t.to, t.waitS
		}
	}
	return best, best != units.NoLink && k.passS < passes*(k.passS+all)
}

// share is how much of what left a link for another went to one.
func (k *jamLink) share(to units.LinkID) float64 {
	all, there := 0.0, 0.0
	for _, t := range k.ahead {
		all += t.vehicles
		if t.to == to {
			there = t.vehicles
		}
	}
	if all == 0 {
		return 1
	}
	return there / all
}

// jamCause is what the cars of a link waited for: the entrance of cause, from
// the link before it, after so many full links. Where both are one, it passes
// all it can, or (set) its cars wait to set out. ring: the full links lead back
// to one that was there before, and cause is the one with most pressure.
type jamCause struct {
	cause, before units.LinkID
	full          []units.LinkID
	set, ring     bool
}

// cause follows a queue to where it begins. At every link it goes on to what the
// cars waited for most, and ends where somebody waited longer before an entrance
// that took in all it can than before a full one.
func (w *jamWatch) cause(l units.LinkID) jamCause {
	c := jamCause{before: l}
	if k := &w.links[l]; k.startS > k.delayS && k.busyS >= k.fullS {
		c.cause, c.set = l, true
		return c
	}
	for {
		to, ok := w.links[c.before].waitsFor()
		if !ok {
			c.cause = c.before
			return c
		}
		if e := &w.links[to]; e.busyS >= e.fullS {
			c.cause = to
			return c
		}
		at := slices.Index(c.full, to) + 1 // 0: not among them
		if to == l || at > 0 {
			loop := append([]units.LinkID{l}, c.full...)[at:]
			c.ring, c.cause = true, loop[0]
			for _, x := range loop {
				if w.links[x].busyS > w.links[c.cause].busyS {
					c.cause = x
				}
			}
			return c
		}
		c.full = append(c.full, to)
		c.before = to
	}
}
