package loading

import (
	"fmt"

	"github.com/malikobaid/cityflow/internal/units"
)

// A chain is a row of links that are alike (speed, capacity and jam density) and
// that every platoon of a run drives from the first to the last: nobody starts,
// ends, joins or leaves in between. On such a row the kinematic wave is that of
// one link of the whole length, so one is loaded: it takes fewer events, and
// platoons too long for a short link do not stretch its storage. Chains are found
// anew for every run, from its paths. The last link stands for all of its chain.
//
// When a platoon passed from link to link inside follows from when it entered
// and from the exits before it, by Newell's formula.

// ChainObserver hears of chains. It is what Run wants as its Observer where
// Links.Chains is set.
type ChainObserver interface {
	Observer
	// ExitChain reports that platoon p was on the chain that ends with link l
	// (Loader.Chain) from enter to exit. crossed is when it went from each link
	// to the next; it is empty where the platoon met no queue and drove freely.
	// It holds for the call.
	ExitChain(p uint32, l units.LinkID, enter, exit float64, crossed []float64)
}

type chains struct {
	// alike numbers the kinds of links; 0 is never in a chain.
	alike []uint32
	// The only link that platoons drive after and before a link in this run, or
	// unseen, or several.
	next, prev []uint32
	// first and last are the chain's members, by its last link: link[first:last].
	first, last []uint32
	link        []units.LinkID
	end         []units.LinkID // by link: the last of its chain
	whole       []whole        // by last link, of chains of two and more
	dep         Departures
	obs         ChainObserver
	renamed     []uint32 // links whose rank is not their own
}

// whole is the diagram of a chain; capacity is that of each link.
type whole struct{ freeS, waveS, storage float64 }

const (
	unseen  = none
	several = none - 1
)

func (ld *Loader) newChains(net *Links) *chains {
	if len(net.Classes) > 0 || net.RegionOf != nil || net.PatienceS > 0 {
		panic("loading: chains need one class, one region and no patience")
	}
	n := len(ld.links)
	c := &chains{
		alike: make([]uint32, n), next: make([]uint32, n), prev: make([]uint32, n),
		first: make([]uint32, n), last: make([]uint32, n), end: make([]units.LinkID, n), whole: make([]whole, n),
	}
	type kind struct{ speed, capacity, jam, weight float32 }
	kinds := map[kind]uint32{}
	changed := make([]bool, n)
	for _, x := range net.Changes {
		changed[x.Link] = true
	}
	capped := func(col []float32, l int) bool { return len(col) > 0 && col[l] != 0 }
	for l := range n {
		c.end[l] = units.LinkID(l)
		if !ld.usable[l] || changed[l] || capped(net.OutCapVS, l) || capped(net.InCapVS, l) || ld.signal(uint32(l)) != nil {
			continue
		}
		k := kind{net.SpeedMS[l], net.CapacityVS[l], net.JamVM[l], float32(ld.weight[l])}
		if kinds[k] == 0 {
			kinds[k] = uint32(len(kinds) + 1)
		}
		c.alike[l] = kinds[k]
	}
	return c
}

// joined reports that link b, which follows a in some path, is the same chain.
func (c *chains) joined(a, b uint32) bool {
	return c.next[a] == b && c.prev[b] == a && c.alike[a] == c.alike[b] && c.alike[a] != 0
}

func (c *chains) members(l uint32) uint32 { return c.last[l] - c.first[l] }

// chain finds the chains of a run and gives its departures with paths of their
// last links.
func (ld *Loader) chain(dep *Departures) *Departures {
	c := ld.chains
	for l := range c.next {
		c.next[l], c.prev[l], c.first[l], c.last[l], c.end[l] = unseen, unseen, 0, 0, units.LinkID(l)
	}
	for _, l := range c.renamed {
		ld.rank[l] = ld.outRank[l]
	}
	c.renamed, c.link = c.renamed[:0], c.link[:0]
	only := func(was *uint32, is uint32) {
		if *was == unseen {
			*was = is
		} else if *was != is {
			*was = several
		}
	}
	for p := range dep.Num() {
		before := uint32(several)
		for _, l := range dep.Path[dep.PathFirst[p]:dep.PathFirst[p+1]] {
			only(&c.prev[l], before)
			if before != several {
				only(&c.next[before], uint32(l))
			}
			before = uint32(l)
		}
		if before != several {
			c.next[before] = several
		}
	}
	d := &c.dep
	d.DepartS, d.Size, d.Class = dep.DepartS, dep.Size, dep.Class
	d.PathFirst, d.Path = append(d.PathFirst[:0], 0), d.Path[:0]
	for p := range dep.Num() {
		for _, l := range dep.Path[dep.PathFirst[p]:dep.PathFirst[p+1]] {
			if b := c.next[l]; b >= several || !c.joined(uint32(l), b) {
				d.Path = append(d.Path, l)
			}
		}
		d.PathFirst = append(d.PathFirst, uint32(len(d.Path)))
	}
	for l := range uint32(len(c.next)) {
		// From each first link on to the last.
		if a := c.prev[l]; a == unseen || a != several && c.joined(a, l) {
			continue
		}
		from, w, at := uint32(len(c.link)), whole{}, l
		for {
			c.link = append(c.link, units.LinkID(at))
			w.freeS, w.waveS, w.storage = w.freeS+ld.base[at].freeS, w.waveS+ld.base[at].waveS, w.storage+ld.storage[at]
			b := c.next[at]
			if b >= several || !c.joined(at, b) {
				break
			}
			at = b
		}
		c.first[at], c.last[at], c.whole[at] = from, uint32(len(c.link)), w
		if at == l {
			continue
		}
		// Who comes from before wants the first link.
		ld.rank[at] = ld.outRank[l]
		c.renamed = append(c.renamed, at)
		for _, m := range c.link[from : len(c.link)-1] {
			c.end[m] = units.LinkID(at)
			ld.visits[m] = 0
		}
	}
	return d
}

// Chain is the links of the chain that ends with l in the last run, l for one
// that is alone, and none where nobody drove or l is not the last.
func (ld *Loader) Chain(l units.LinkID) []units.LinkID {
	return ld.chains.link[ld.chains.first[l]:ld.chains.last[l]]
}

// End is the last link of the chain that l was part of in the last run.
func (ld *Loader) End(l units.LinkID) units.LinkID { return ld.chains.end[l] }

// appendChain appends the links that link l stands for.
func (ld *Loader) appendChain(to []units.LinkID, l uint32) []units.LinkID {
	if ld.chains != nil && ld.chains.members(l) > 1 {
		return append(to, ld.Chain(units.LinkID(l))...)
	}
	return append(to, units.LinkID(l))
}

// standsOn is which of the links that l stands for a platoon is on, in a queue
// from its end, behind so many others.
func (ld *Loader) standsOn(l uint32, ahead float64) units.LinkID {
	if ld.chains == nil || ld.chains.members(l) < 2 {
		return units.LinkID(l)
	}
	row := ld.Chain(units.LinkID(l))
	i := len(row) - 1
	for ; i > 0 && ahead >= ld.storage[row[i]]; i-- {
		ahead -= ld.storage[row[i]]
	}
	return row[i]
}

// cross writes when the platoon of slot s, which leaves the chain that ends with
// a now, went from link to link inside: not before a free drive, nor before the
// queue ahead had room. The vehicle that makes room at a distance d from the end
// is the one k_j d before, and it is felt d/w after it left. It returns where in
// region.crossed they stand.
func (r *region) cross(a uint32, s *slot, now float64) (from, to uint32) {
	ld := r.ld
	c, k := ld.chains, &ld.links[a]
	from = uint32(len(r.crossed))
	if c.members(a) < 2 || now <= s.ready+freely {
		return from, from
	}
	row := c.link[c.first[a]:c.last[a]]
	r.crossed = resizeKeep(r.crossed, int(from)+len(row)-1)
	times := r.crossed[from:]
	var storage, waveS, free, ahead float64
	j, oldest := k.out, uint32(0)
	if k.in > k.mask {
		oldest = k.in - k.mask - 1 // older ones are overwritten
	}
	for i := len(row) - 1; i > 0; i-- {
		l := row[i]
		storage, waveS, free = storage+ld.storage[l], waveS+ld.base[l].waveS, free+ld.base[l].freeS
		for ahead < storage && j > oldest {
			j--
			ahead += float64(ld.slots[k.base+j&k.mask].size)
		}
		at := s.ready - free
		if ahead >= storage {
			at = max(at, ld.slots[k.base+j&k.mask].t+(ahead-storage)*k.headS+waveS)
		}
		times[i-1] = min(at, now-free)
	}
	// In the order driven, no link takes less than its free drive.
	before := s.t
	for i := range times {
		before = max(times[i], before+ld.base[row[i]].freeS)
		times[i] = before
	}
	return from, uint32(len(r.crossed))
}

// freely is how many seconds above the free drive are rounding.
const freely = 1e-6

// resizeKeep gives s n elements, the old ones first.
func resizeKeep(s []float64, n int) []float64 {
	for cap(s) < n {
		s = append(s[:cap(s)], 0)
	}
	return s[:n]
}

// hears takes the observer of a run, which must know chains.
func (c *chains) hears(obs Observer) {
	c.obs = nil
	if obs != nil {
		o, ok := obs.(ChainObserver)
		if !ok {
			panic(fmt.Sprintf("loading: %T hears of no chains", obs))
		}
		c.obs = o
	}
}
