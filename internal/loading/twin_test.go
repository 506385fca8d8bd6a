package loading_test

import (
	"math"

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

	at              []int // links of its path a platoon has entered
	arrive, entered []float64
	obs             loading.Observer
}

type twinLink struct {
	platoons         []twinPlatoon
	gone             int // how many of them have left
	nextIn, nextExit float64
	credit           float64
	origin           []int // platoons before the link
	waiting          []int // in-links whose head waits
	idle             int   // who entered last without waiting: in-link, -1 origin, -2 none
}

type twinPlatoon struct {
	p            int
	size, before float64 // vehicles; count of vehicles that entered before it
	enter, exit  float64
}

// constants repeats the fundamental diagram.
func (w *twin) constants(l int) (free, wave, store, c, out, in float64) {
	n := w.net
	free = float64(n.LengthM[l]) / float64(n.SpeedMS[l])
	c = math.Min(float64(n.CapacityVS[l]), float64(n.SpeedMS[l])*float64(n.JamVM[l])/2)
	store = math.Max(math.Round(float64(n.JamVM[l])*float64(n.LengthM[l])*1024), 1) / 1024
	wave = math.Max(0, store/c-free)
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
	_, _, _, c, _, _ := w.constants(l)
	return c
}

// open is when link b takes another platoon.
func (w *twin) open(b int) float64 {
	l := &w.on[b]
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

func (w *twin) enter(p, b int) {
	l := &w.on[b]
	_, _, _, _, _, in := w.constants(b)
	before := 0.0
	for _, x := range l.platoons {
		before += x.size
	}
	size := float64(w.dep.Size[p])
	l.platoons = append(l.platoons, twinPlatoon{p: p, size: size, before: before, enter: w.now})
	l.nextIn = w.now + size*(1/in)
	w.at[p]++
	if w.at[p] == 1 {
		w.entered[p] = w.now
	}
}

func (w *twin) leave(a int) {
	l := &w.on[a]
	x := &l.platoons[l.gone]
	_, _, _, _, out, _ := w.constants(a)
	x.exit = w.now
	l.gone++
	l.nextExit = w.now + x.size*(1/out)
	w.obs.Exit(uint32(x.p), units.LinkID(a), x.enter, x.exit)
}

func (w *twin) path(p int) []units.LinkID {
	return w.dep.Path[w.dep.PathFirst[p]:w.dep.PathFirst[p+1]]
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

// step does the earliest thing: departures first, then heads, then entrances,
// each in order of id. It reports false when nothing is left before until.
func (w *twin) step(next *int, until float64) bool {
	when, kind, id := math.Inf(1), 0, -1
	better := func(t float64, k, i int) {
		if t < when {
			when, kind, id = t, k, i
		}
	}
	if *next < w.dep.Num() {
		better(w.dep.DepartS[*next], 0, *next)
	}
	waits := make(map[int]bool)
	for b := range w.on {
		for _, a := range w.on[b].waiting {
			waits[a] = true
		}
	}
	for a := range w.on {
		l := &w.on[a]
		if l.gone < len(l.platoons) && !waits[a] {
			free, _, _, _, _, _ := w.constants(a)
			better(math.Max(l.platoons[l.gone].enter+free, l.nextExit), 1, a)
		}
	}
	for b := range w.on {
		if len(w.on[b].waiting)+len(w.on[b].origin) > 0 {
			better(math.Max(w.now, w.open(b)), 2, b)
		}
	}
	if id < 0 || when > until {
		return false
	}
	w.now = when
	switch kind {
	case 0:
		*next++
		path := w.path(id)
		if len(path) == 0 {
			w.entered[id], w.arrive[id] = when, when
			return true
		}
		b := int(path[0])
		if w.passes(b, -1) {
			w.enter(id, b)
			return true
		}
		if len(w.on[b].origin) == 0 {
			k := [2]int{-1, b}
			w.tag[k] = math.Max(w.tag[k], w.on[b].credit)
		}
		w.on[b].origin = append(w.on[b].origin, id)
	case 1:
		p := w.on[id].platoons[w.on[id].gone].p
		if w.at[p] == len(w.path(p)) {
			w.leave(id)
			w.arrive[p] = when
			return true
		}
		b := int(w.path(p)[w.at[p]])
		if w.passes(b, id) {
			w.leave(id)
			w.enter(p, b)
			return true
		}
		k := [2]int{id, b}
		w.tag[k] = math.Max(w.tag[k], w.on[b].credit)
		w.on[b].waiting = append(w.on[b].waiting, id)
	case 2:
		l := &w.on[id]
		best, at, tag := -2, -1, math.Inf(1)
		for i, a := range l.waiting {
			if t := w.tag[[2]int{a, id}]; t < tag || (t == tag && a < best) {
				best, at, tag = a, i, t
			}
		}
		if len(l.origin) > 0 && w.tag[[2]int{-1, id}] < tag {
			best, tag = -1, w.tag[[2]int{-1, id}]
		}
		l.credit = tag
		var p int
		weight := w.weight(id)
		if best == -1 {
			p = l.origin[0]
			l.origin = l.origin[1:]
		} else {
			l.waiting = append(l.waiting[:at:at], l.waiting[at+1:]...)
			p = w.on[best].platoons[w.on[best].gone].p
			weight = w.weight(best)
			w.leave(best)
		}
		w.tag[[2]int{best, id}] = tag + float64(w.dep.Size[p])/weight
		w.enter(p, id)
	}
	return true
}

func runTwin(net loading.Links, dep *loading.Departures, until float64, obs loading.Observer) (arrive, entered []float64) {
	w := &twin{
		net: net, dep: dep, obs: obs,
		on:  make([]twinLink, len(net.From)),
		tag: make(map[[2]int]float64),
		now: math.Inf(-1),
		at:  make([]int, dep.Num()), arrive: make([]float64, dep.Num()), entered: make([]float64, dep.Num()),
	}
	for l := range w.on {
		w.on[l].nextIn, w.on[l].nextExit, w.on[l].idle = math.Inf(-1), math.Inf(-1), -2
	}
	for p := range w.arrive {
		w.arrive[p], w.entered[p] = math.Inf(1), math.Inf(1)
	}
	for next := 0; w.step(&next, until); {
	}
	return w.arrive, w.entered
}
