package loading_test

import (
	"cmp"
	"math"
	"slices"

	"github.com/malikobaid/cityflow/internal/loading"
	"github.com/malikobaid/cityflow/internal/units"
)

// twin is the loader written the slow, obvious way: every platoon that was ever
// on a link is kept in a list, counts are summed anew, and the next thing to
// happen is found by looking at everything. It shares only the rules.
type twin struct {
	net loading.Links
	dep *loading.Departures
	on  []twinLink
	tag map[[2]int]float64 // credit of (in-link, or -1 for the origin; link)
	now float64

	router          loading.Router
	first           []units.LinkID // by platoon, NoLink for none
	word            []uint32       // by platoon
	arrive, entered []float64
	obs             loading.Observer

	changes      []loading.Change // in order of time
	changed      int
	speed, flow  []float64 // by link, since a change; 0 before
	shut         []bool
	plainWeights []float64
}

type twinLink struct {
	platoons         []twinPlatoon
	gone             int // how many of them have left
	nextIn, nextExit float64
	credit           float64
	origin           []int // platoons before the link
	waiting          []int // in-links whose head waits
	idle             int   // who entered last without waiting: in-link, -1 origin, -2 none
	next             int   // where its head goes, -1: not asked yet
	word             uint32
	waits            bool
	since            float64 // when it began to wait
}

type twinPlatoon struct {
	p                  int
	size, before       float64 // passenger-car units; count of those that entered before it
	enter, ready, exit float64
}

// constants repeats the fundamental diagram.
func (w *twin) constants(l int) (free, wave, store, c, out, in float64) {
	n := w.net
	length, jam := float64(n.LengthM[l]), float64(n.JamVM[l])
	store = math.Max(math.Round(jam*length*1024), 1) / 1024
	free = length / float64(n.SpeedMS[l])
	c = math.Min(float64(n.CapacityVS[l]), float64(n.SpeedMS[l])*jam/2)
	wave = math.Max(0, store/c-free)
	if w.flow[l] > 0 { // changed: the wave stays
		free = length / w.speed[l]
		c = math.Min(w.flow[l], store/(free+wave))
	}
	out, in = c, c
	if x := float64(n.OutCapVS[l]); x > 0 {
		out = math.Min(c, x)
	}
	if x := float64(n.InCapVS[l]); x > 0 {
		in = math.Min(c, x)
	}
	return
}

func (w *twin) weight(l int) float64 {
	if x := float64(w.net.MergeWeight[l]); x > 0 {
		return x
	}
	return w.plainWeights[l]
}

// size is a platoon in passenger-car units.
func (w *twin) size(p int) float64 {
	if w.dep.Class == nil {
		return float64(w.dep.Size[p])
	}
	return float64(w.dep.Size[p] * w.net.Classes[w.dep.Class[p]].PCU)
}

// green is the first moment from t on at which a link may be left.
func (w *twin) green(l int, t float64) float64 {
	if w.net.Signals == nil || w.net.Signals[l].CycleS == 0 {
		return t
	}
	s := w.net.Signals[l]
	for n := -2.0; ; n++ {
		start := float64(s.FromS) + n*float64(s.CycleS)
		if start > t {
			return start
		}
		if t < start+float64(s.GreenS) {
			return t
		}
	}
}

// open is when link b takes another platoon.
func (w *twin) open(b int) float64 {
	l := &w.on[b]
	if w.shut[b] {
		return math.Inf(1)
	}
	_, wave, store, c, _, _ := w.constants(b)
	count := 0.0
	for _, x := range l.platoons {
		count += x.size
	}
	must := count - store // this many vehicles must have left, L/w ago
	if must < 0 {
		return l.nextIn
	}
	for i, x := range l.platoons {
		if x.before <= must && must < x.before+x.size {
			if i >= l.gone {
				return math.Inf(1)
			}
			return math.Max(l.nextIn, x.exit+(must-x.before)*(1/c)+wave)
		}
	}
	panic("no such vehicle")
}

func (w *twin) enter(p, b int, word uint32) {
	l := &w.on[b]
	free, _, _, _, _, in := w.constants(b)
	before := 0.0
	for _, x := range l.platoons {
		before += x.size
	}
	size := w.size(p)
	if w.dep.Class != nil {
		if top := w.net.Classes[w.dep.Class[p]].TopSpeedMS; top > 0 {
			free = math.Max(free, float64(w.net.LengthM[b])*float64(1/top))
		}
	}
	l.platoons = append(l.platoons, twinPlatoon{p: p, size: size, before: before, enter: w.now, ready: w.now + free})
	l.nextIn = w.now + size*(1/in)
	w.word[p] = word
	if math.IsInf(w.entered[p], 1) {
		w.entered[p] = w.now
	}
}

func (w *twin) leave(a int) {
	l := &w.on[a]
	x := &l.platoons[l.gone]
	_, _, _, _, out, _ := w.constants(a)
	x.exit = w.now
	l.gone++
	l.next = -1
	l.nextExit = w.now
	for gap := x.size * (1 / out); gap > 0; { // only green counts
		l.nextExit = w.green(a, l.nextExit)
		rest := gap
		if w.net.Signals != nil && w.net.Signals[a].CycleS > 0 {
			s := w.net.Signals[a]
			n := 0.0
			for float64(s.FromS)+n*float64(s.CycleS)+float64(s.GreenS) <= l.nextExit {
				n++
			}
			for float64(s.FromS)+(n-1)*float64(s.CycleS)+float64(s.GreenS) > l.nextExit {
				n--
			}
			rest = math.Min(gap, float64(s.FromS)+n*float64(s.CycleS)+float64(s.GreenS)-l.nextExit)
		}
		l.nextExit += rest
		gap -= rest
	}
	w.obs.Exit(uint32(x.p), units.LinkID(a), x.enter, x.exit)
}

// passes says whether anyone may enter b at once; if not, the last to enter
// without waiting is charged, should it be what keeps b shut.
func (w *twin) passes(b, who int) bool {
	l := &w.on[b]
	if len(l.waiting) == 0 && len(l.origin) == 0 && w.open(b) <= w.now {
		l.idle = who
		return true
	}
	if l.idle != -2 && l.nextIn > w.now {
		k := [2]int{l.idle, b}
		weight := w.weight(b)
		if l.idle >= 0 {
			weight = w.weight(l.idle)
		}
		w.tag[k] = math.Max(w.tag[k], l.credit) + l.platoons[len(l.platoons)-1].size/weight
	}
	l.idle = -2
	return false
}

// head lets the first platoon of link a go on, or wait.
func (w *twin) head(a int) {
	l := &w.on[a]
	p := l.platoons[l.gone].p
	if l.next < 0 {
		next, word := w.router.Next(uint32(p), w.word[p], units.LinkID(a))
		if next == units.NoLink {
			w.leave(a)
			w.arrive[p] = w.now
			return
		}
		l.next, l.word = int(next), word
	}
	b, word := l.next, l.word
	if w.passes(b, a) {
		w.leave(a)
		w.enter(p, b, word)
		return
	}
	k := [2]int{a, b}
	w.tag[k] = math.Max(w.tag[k], w.on[b].credit)
	w.on[b].waiting = append(w.on[b].waiting, a)
	l.waits, l.since = true, w.now
}

// unlist takes link a off those that wait for b.
func (w *twin) unlist(a, b int) {
	i := slices.Index(w.on[b].waiting, a)
	w.on[b].waiting = slices.Delete(w.on[b].waiting, i, i+1)
	w.on[a].waits = false
}

// step does the earliest thing: changes first, then departures, heads,
// entrances and heads out of patience, each in order of id. It reports false
// when nothing is left before until.
func (w *twin) step(next *int, until float64) bool {
	when, kind, id := math.Inf(1), 0, -1
	better := func(t float64, k, i int) {
		if t < when {
			when, kind, id = t, k, i
		}
	}
	if w.changed < len(w.changes) {
		better(w.changes[w.changed].AtS, -1, w.changed)
	}
	if *next < w.dep.Num() {
		better(w.dep.DepartS[*next], 0, *next)
	}
	for a := range w.on {
		if l := &w.on[a]; l.gone < len(l.platoons) && !l.waits {
			better(w.green(a, math.Max(w.now, math.Max(l.platoons[l.gone].ready, l.nextExit))), 1, a)
		}
	}
	for b := range w.on {
		if len(w.on[b].waiting)+len(w.on[b].origin) > 0 {
			better(math.Max(w.now, w.open(b)), 2, b)
		}
	}
	for a := range w.on {
		if l := &w.on[a]; l.waits && w.net.PatienceS > 0 {
			better(l.since+w.net.PatienceS, 3, a)
		}
	}
	if id < 0 || when > until {
		return false
	}
	w.now = when
	switch kind {
	case -1:
		w.changed++
		c := w.changes[id]
		w.shut[c.Link] = c.CapacityVS == 0
		if c.CapacityVS > 0 {
			w.speed[c.Link], w.flow[c.Link] = float64(c.SpeedMS), float64(c.CapacityVS)
		}
	case 0:
		*next++
		if w.first[id] == units.NoLink {
			w.entered[id], w.arrive[id] = when, when
			return true
		}
		b := int(w.first[id])
		if w.passes(b, -1) {
			w.enter(id, b, w.word[id])
			return true
		}
		if len(w.on[b].origin) == 0 {
			k := [2]int{-1, b}
			w.tag[k] = math.Max(w.tag[k], w.on[b].credit)
		}
		w.on[b].origin = append(w.on[b].origin, id)
	case 1:
		w.head(id)
	case 2:
		l := &w.on[id]
		for _, a := range slices.Clone(l.waiting) {
			if w.green(a, when) > when {
				w.unlist(a, id)
			}
		}
		if len(l.waiting)+len(l.origin) == 0 {
			return true
		}
		best, tag := -2, math.Inf(1)
		for _, a := range l.waiting {
			if t := w.tag[[2]int{a, id}]; t < tag || (t == tag && a < best) {
				best, tag = a, t
			}
		}
		if len(l.origin) > 0 && w.tag[[2]int{-1, id}] < tag {
			best, tag = -1, w.tag[[2]int{-1, id}]
		}
		l.credit = tag
		var p int
		var word uint32
		weight := w.weight(id)
		if best == -1 {
			p = l.origin[0]
			l.origin = l.origin[1:]
			word = w.word[p]
		} else {
			w.unlist(best, id)
			p, word = w.on[best].platoons[w.on[best].gone].p, w.on[best].word
			weight = w.weight(best)
			w.leave(best)
		}
		w.tag[[2]int{best, id}] = tag + w.size(p)/weight
		w.enter(p, id, word)
	case 3:
		l := &w.on[id]
		p := l.platoons[l.gone].p
		b, word := w.router.Next(uint32(p), l.word, units.LinkID(id))
		l.word, l.since = word, when
		if int(b) != l.next {
			w.unlist(id, l.next)
			l.next = int(b)
			if w.green(id, when) == when {
				w.head(id)
			}
		}
	}
	return true
}

// runTwin follows platoons from their first links by a router; the departures
// themselves when router is nil.
func runTwin(net loading.Links, dep *loading.Departures, router loading.Router, until float64, obs loading.Observer) (arrive, entered []float64) {
	n := dep.Num()
	w := &twin{
		net: net, dep: dep, obs: obs, router: router,
		on:  make([]twinLink, len(net.From)),
		tag: make(map[[2]int]float64),
		now: math.Inf(-1), first: make([]units.LinkID, n), word: make([]uint32, n),
		arrive: make([]float64, n), entered: make([]float64, n),
		changes: slices.Clone(net.Changes), shut: make([]bool, len(net.From)),
		speed: make([]float64, len(net.From)), flow: make([]float64, len(net.From)),
	}
	slices.SortStableFunc(w.changes, func(a, b loading.Change) int { return cmp.Compare(a.AtS, b.AtS) })
	if router == nil {
		w.router = dep
	}
	for l := range w.on {
		w.on[l].nextIn, w.on[l].nextExit, w.on[l].idle, w.on[l].next = math.Inf(-1), math.Inf(-1), -2, -1
	}
	for l := range w.on {
		_, _, _, c, _, _ := w.constants(l)
		w.plainWeights = append(w.plainWeights, c)
	}
	for p := range w.arrive {
		w.arrive[p], w.entered[p] = math.Inf(1), math.Inf(1)
		w.first[p] = units.NoLink
		if at := dep.PathFirst[p]; at != dep.PathFirst[p+1] {
			w.first[p] = dep.Path[at]
			w.word[p] = at
		}
	}
	for next := 0; w.step(&next, until); {
	}
	return w.arrive, w.entered
}
