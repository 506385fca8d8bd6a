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
	// Class of each platoon in Links.Classes; nil means cars.
	Class []uint8
	// PathFirst[p]..PathFirst[p+1] is the path of platoon p in Path. A platoon
	// with no link arrives at once.
	PathFirst []uint32
	Path      []units.LinkID
}

// Num is the number of platoons.
func (d *Departures) Num() int { return len(d.DepartS) }

// Next implements Router: word is the index in Path of the link a platoon is on.
func (d *Departures) Next(p, word uint32, _ units.LinkID) (units.LinkID, uint32) {
	if word++; word == d.PathFirst[p+1] {
		return units.NoLink, word
	}
	return d.Path[word], word
}

// Observer hears what happened, in order of (exit time, link). It is called
// from the goroutine of Run or Advance and must not call the Loader.
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
	Totals
}

// Totals is what a run did besides moving its platoons.
type Totals struct {
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
	t          float64
	ready      float64 // entry time and free drive
	p, word    uint32
	size, pace float32 // passenger-car units; least seconds per metre of its class
}

// Loader holds the network and all working memory of a run. It is not safe for
// concurrent use; use one per goroutine.
type Loader struct {
	links     []link
	base      []diagram // by link, at the start of a run
	changes   []diagram // in order of time
	storage   []float64 // passenger-car units
	weight    []float64
	lengthM   []float32
	wakeAt    []float64 // by link: time of its entrance event
	lookAt    []float64 // when its waiting head looks again
	looks     []bool    // an event for that is in the heap
	usable    []bool
	from, to  []units.NodeID
	turnBase  []uint32
	outRank   []uint32
	signals   []Signal
	classes   []Class
	turnRings bool
	patience  float64

	// Merge credits: start tag of each turn and of each origin queue.
	turnTag, originTag []float64
	origin             []fifo

	slots   []slot
	regions []region
	ofLink  [2][]uint8 // region of a link's upstream and downstream end
	crew    crew
	router  Router
	trips   TripObserver
	obs     Observer
	now     float64 // end of the last Advance

	// For Run.
	visits  []uint32
	arrive  []float64
	entered []float64
	onLink  []units.LinkID
	dep     *Departures
	sources []departures
	result  Result
	cycle   cycleBuffers
}

// Run loads the departures onto an empty network and follows them until no one
// moves any more or the clock passes until (seconds; +Inf for no end). obs may
// be nil. It panics when dep breaks its contract.
func (ld *Loader) Run(dep *Departures, until float64, obs Observer) *Result {
	smallest, largest := ld.check(dep)
	ld.countVisits(dep)
	ld.reset(smallest, largest, ld.visits)
	n := dep.Num()
	ld.arrive, ld.entered, ld.onLink = resize(ld.arrive, n), resize(ld.entered, n), resize(ld.onLink, n)
	for p := range ld.arrive {
		ld.arrive[p], ld.entered[p], ld.onLink[p] = math.Inf(1), math.Inf(1), units.NoLink
	}
	ld.dep, ld.router, ld.trips, ld.obs = dep, dep, ld, obs
	ld.share(dep)
	// Run includes the moment until.
	ld.Advance(math.Nextafter(until, math.Inf(1)))
	ld.Close()
	ld.finish()
	ld.dep, ld.router, ld.trips, ld.obs = nil, nil, nil, nil
	return &ld.result
}

// Entered and Arrived implement TripObserver for Run.
func (ld *Loader) Entered(p uint32, now float64) { ld.entered[p] = now }

// Arrived implements TripObserver for Run.
func (ld *Loader) Arrived(p uint32, _ units.LinkID, _ float32, now float64) { ld.arrive[p] = now }

// departures is a Source: those of Run that start in one region.
type departures struct {
	ld   *Loader
	mine []uint32 // platoons; nil means all
	all  bool
	next int
}

func (s *departures) platoon() (uint32, bool) {
	if s.all {
		return uint32(s.next), s.next < s.ld.dep.Num()
	}
	if s.next == len(s.mine) {
		return 0, false
	}
	return s.mine[s.next], true
}

func (s *departures) Peek() float64 {
	if p, ok := s.platoon(); ok {
		return s.ld.dep.DepartS[p]
	}
	return math.Inf(1)
}

func (s *departures) Take() Departure {
	p, _ := s.platoon()
	s.next++
	dep := s.ld.dep
	d := Departure{Platoon: p, Word: dep.PathFirst[p], Size: dep.Size[p], First: units.NoLink}
	if d.Word != dep.PathFirst[p+1] {
		d.First = dep.Path[d.Word]
	}
	if dep.Class != nil {
		d.Class = dep.Class[p]
	}
	return d
}

// share gives each region the departures from its own nodes.
func (ld *Loader) share(dep *Departures) {
	ld.sources = resize(ld.sources, len(ld.regions))
	for r := range ld.sources {
		s := &ld.sources[r]
		s.ld, s.next, s.all, s.mine = ld, 0, len(ld.regions) == 1, s.mine[:0]
		ld.regions[r].source = s
	}
	defer func() {
		for r := range ld.regions {
			ld.regions[r].nextStart = ld.regions[r].source.Peek()
		}
	}()
	if len(ld.regions) == 1 {
		return
	}
	for p := range uint32(dep.Num()) {
		r := uint8(0)
		if first := dep.PathFirst[p]; first != dep.PathFirst[p+1] {
			r = ld.ofLink[0][dep.Path[first]]
		}
		ld.sources[r].mine = append(ld.sources[r].mine, p)
	}
}

// check panics when departures break their contract; it gives the smallest and
// the largest platoon in passenger-car units.
func (ld *Loader) check(dep *Departures) (smallest, largest float64) {
	n := dep.Num()
	if len(dep.Size) != n || len(dep.PathFirst) != n+1 || int(dep.PathFirst[n]) != len(dep.Path) || (dep.Class != nil && len(dep.Class) != n) {
		panic(fmt.Sprintf("loading: %d departures, %d sizes, %d classes, %d path starts, %d path links", n, len(dep.Size), len(dep.Class), len(dep.PathFirst), len(dep.Path)))
	}
	smallest = math.Inf(1)
	for p, s := range dep.Size {
		if !(s > 0) || math.IsInf(float64(s), 1) {
			panic(fmt.Sprintf("loading: platoon %d has %g vehicles", p, s))
		}
		if dep.Class != nil {
			if int(dep.Class[p]) >= len(ld.classes) {
				panic(fmt.Sprintf("loading: platoon %d is of class %d of %d", p, dep.Class[p], len(ld.classes)))
			}
			s *= ld.classes[dep.Class[p]].PCU
		}
		if math.IsNaN(dep.DepartS[p]) || (p > 0 && dep.DepartS[p] < dep.DepartS[p-1]) {
			panic(fmt.Sprintf("loading: departures are not sorted: platoon %d at %g s after %g s", p, dep.DepartS[p], dep.DepartS[max(p-1, 0)]))
		}
		smallest, largest = min(smallest, float64(s)), max(largest, float64(s))
	}
	return smallest, largest
}
