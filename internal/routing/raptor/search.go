package raptor

import (
	"fmt"

	"github.com/malikobaid/cityflow/internal/units"
)

// MaxRounds is the largest number of boardings a search can be asked for.
const MaxRounds = 4

// Access is a stop that can be walked to from the origin.
type Access struct {
	Stop  units.StopID
	WalkS units.Seconds
}

// Search is the workspace of one goroutine: the labels of the last query.
//
// A label of round k at a stop is the best journey with exactly k boardings
// that ends by getting off a vehicle there, kept only if it arrives strictly
// earlier than every journey with fewer boardings (round 0, the access walk,
// is not such a journey: its labels stand apart). Onward walks to a
// destination are the caller's egress, so a journey never strings two walks
// together.
//
// Ties. Among journeys with the same number of boardings to the same stop the
// label is, in this order: the earliest arrival; the least walking so far; the
// latest boarding of the last vehicle (least riding); the lowest pattern. On
// one pattern the earliest trip that can be caught is taken, boarded where the
// walking so far is least, then at the furthest such stop. Of the ways to
// stand at a stop ready to board: the earliest; the least walking so far; no
// walk; the walk from the lowest stop. Nothing here depends on the order of
// the scan, so patterns that cannot be used change nothing at all. Walking
// comes before riding because the earliest arrival often ties over all stops
// of one bus near the origin, and the nearest is the one people use.
//
// The order is applied stop by stop: a label builds on labels, never on a
// later arrival with less walking that was displaced at an earlier stop.
type Search struct {
	d      *Data
	stops  int
	depart units.Seconds
	filled int // rounds whose labels are valid; later rounds hold none

	// Labels, indexed round*stops + stop.
	arr   []units.Seconds // by vehicle; Never when there is none
	ride  []ride          // valid where arr is
	ready []units.Seconds // standing at the stop, able to board in the next round
	stand []stand         // valid where ready is

	// Highest time that still improves a label, by stop: one comparison in the
	// inner loop covers the latest allowed arrival, all lower rounds (less one
	// second: strictly earlier) and this round (ties are decided by keys).
	cutArr, cutReady []units.Seconds

	// missed holds, by place of Timetable.Stop, the departure just before that
	// of the earliest trip ridden past it in lower rounds; the last departure
	// when none was. Who is ready later than that catches no trip, or none that
	// brings a label which fewer boardings would not beat. Rides on rings are
	// not noted, because they have one stop they may not get off at.
	missed []units.Seconds

	rode     []units.StopID // stops with a ride label of this round
	standing []units.StopID // stops with a stand label of the last round
	queue    []units.PatternID
	span     []span // by pattern in the queue; else noSpan

	accessDropped bool // an access stop was too far for the latest arrival
}

// span is the first and last position of a pattern worth boarding at.
type span struct{ first, last uint32 }

var noSpan = span{first: 1<<32 - 1}

// ride is how a vehicle label came about.
type ride struct {
	walkS, boardS     units.Seconds // walking so far, departure of the vehicle
	pattern           units.PatternID
	trip              uint32 // within the pattern
	boardPos, exitPos uint32
}

// stand is how one came to stand at a stop.
type stand struct {
	walkS units.Seconds // walking so far, the last walk included
	lastS units.Seconds // the last walk; zero when stepping off a vehicle here
	from  units.StopID  // where that walk began; the stop itself when none, or when access
}

// NewSearch makes a workspace, without labels.
func (d *Data) NewSearch() *Search {
	n := d.tt.NumStops()
	s := &Search{
		d: d, stops: n,
		arr: make([]units.Seconds, (MaxRounds+1)*n), ride: make([]ride, (MaxRounds+1)*n),
		ready: make([]units.Seconds, (MaxRounds+1)*n), stand: make([]stand, (MaxRounds+1)*n),
		missed: make([]units.Seconds, len(d.tt.Stop)),
		cutArr: make([]units.Seconds, n), cutReady: make([]units.Seconds, n),
		rode: make([]units.StopID, 0, n), standing: make([]units.StopID, 0, n),
		queue: make([]units.PatternID, 0, d.tt.NumPatterns()), span: make([]span, d.tt.NumPatterns()),
	}
	for p := range s.span {
		s.span[p] = noSpan
	}
	s.clear(0) // no labels before the first Run
	return s
}

// Run searches forward from the access stops, leaving the origin at depart,
// with at most maxRounds boardings. Labels later than maxArrive are dropped.
func (s *Search) Run(access []Access, depart units.Seconds, maxRounds int, maxArrive units.Seconds) {
	if maxRounds < 0 || maxRounds > MaxRounds || maxArrive >= units.Never {
		panic(fmt.Sprintf("raptor: %d rounds (at most %d), latest arrival %d (below %d)", maxRounds, MaxRounds, maxArrive, units.Never))
	}
	s.depart, s.filled = depart, 0
	fill(s.cutArr, maxArrive)
	fill(s.cutReady, maxArrive)
	copy(s.missed, s.d.lastDep)
	s.walkToStops(access)
	for s.filled < maxRounds && len(s.standing) > 0 {
		s.filled++
		s.enqueue()
		s.clear(s.filled)
		for _, p := range s.queue {
			s.scan(p, s.span[p])
			s.span[p] = noSpan
		}
		s.queue = s.queue[:0]
		for _, v := range s.rode {
			s.cutArr[v]--
		}
		if s.filled < maxRounds {
			s.change()
		}
	}
}

// walkToStops writes round 0.
func (s *Search) walkToStops(access []Access) {
	s.clear(0)
	s.accessDropped = false
	for _, a := range access {
		at := s.depart + a.WalkS
		if at > s.cutReady[a.Stop] {
			s.accessDropped = s.accessDropped || s.ready[a.Stop] == units.Never
			continue
		}
		if s.ready[a.Stop] == units.Never {
			s.standing = append(s.standing, a.Stop)
		}
		s.ready[a.Stop], s.cutReady[a.Stop] = at, at
		s.stand[a.Stop] = stand{walkS: a.WalkS, lastS: a.WalkS, from: a.Stop}
	}
	for _, v := range s.standing {
		s.cutReady[v]--
	}
}

// clear empties a round.
func (s *Search) clear(round int) {
	lo, hi := round*s.stops, (round+1)*s.stops
	fill(s.arr[lo:hi], units.Never)
	fill(s.ready[lo:hi], units.Never)
	s.rode, s.standing = s.rode[:0], s.standing[:0]
}

func fill(column []units.Seconds, v units.Seconds) {
	for i := range column {
		column[i] = v
	}
}

// enqueue lists the patterns that can be boarded with the labels of the last
// round, each from its first such position.
func (s *Search) enqueue() {
	d, ready := s.d, s.ready[(s.filled-1)*s.stops:]
	for _, v := range s.standing {
		at := ready[v]
		for _, call := range d.visit[d.visitFirst[v]:d.visitFirst[v+1]] {
			if at > s.missed[call.index] {
				continue
			}
			where := &s.span[call.pattern]
			if *where == noSpan {
				s.queue = append(s.queue, call.pattern)
			}
			pos := call.index - d.tt.PatternStops[call.pattern]
			where.first, where.last = min(where.first, pos), max(where.last, pos)
		}
	}
}

// scan rides pattern p once, from the first to the last position worth
// boarding and on to where the ride brings nothing new: the inner loop of the
// search. It may not allocate. What is known of the ride lives in locals, not
// in a struct, to stay in registers.
func (s *Search) scan(p units.PatternID, where span) {
	d := s.d
	n, trips, base := d.shape(p)
	stops := d.tt.StopsOf(p)
	lo := (s.filled - 1) * s.stops
	ready, stands := s.ready[lo:lo+s.stops], s.stand[lo:lo+s.stops]
	missed := s.missed[d.tt.PatternStops[p]:d.tt.PatternStops[p+1]]
	trip, boarded := trips, uint32(0) // trips: not aboard
	boardPos, boardStop := uint32(0), units.NoStop
	var walkS, boardS units.Seconds
	var arr, dep []units.Seconds // of the trip ridden
	for i := where.first; i < n; i++ {
		v := stops[i]
		at := ready[v] // Never is later than any departure and than missed
		t := trip
		if trip < trips {
			if arr[i] <= s.cutArr[v] {
				if v != boardStop {
					s.offer(v, arr[i], walkS, boardS, p, trip, boardPos, i)
				} else {
					s.offerLoop(p, where.first, i)
				}
			}
			if missed[i] < dep[i] { // lower rounds rode on from here as early
				s.markMissed(p, trip, boarded, i)
				trip, t = trips, trips
			}
		}
		if trip < trips {
			if at > dep[i] {
				continue
			}
			// Board here the trip ridden, or one of the few just before it.
			for t > 0 && d.tt.Dep[base+(t-1)*n+i] >= at {
				t--
			}
			if t == trip && stands[v].walkS > walkS {
				continue
			}
		} else {
			if i > where.last {
				return
			}
			if at > missed[i] {
				continue
			}
			t = catch(d.depCol[base+i*trips:base+(i+1)*trips], at)
		}
		if t != trip {
			if trip < trips {
				s.markMissed(p, trip, boarded, i)
			}
			trip, boarded = t, i
			arr, dep = d.tt.Arr[base+t*n:base+(t+1)*n], d.tt.Dep[base+t*n:base+(t+1)*n]
		}
		boardPos, boardStop, walkS, boardS = i, v, stands[v].walkS, dep[i]
	}
	if trip < trips {
		s.markMissed(p, trip, boarded, n)
	}
}

// markMissed notes that a trip was ridden past the positions from..to-1.
func (s *Search) markMissed(p units.PatternID, trip, from, to uint32) {
	d := s.d
	n, _, base := d.shape(p)
	missed := s.missed[d.tt.PatternStops[p]:d.tt.PatternStops[p+1]][from:to]
	switch {
	case d.ring[p]:
	case trip > 0:
		copy(missed, d.tt.Dep[base+(trip-1)*n+from:base+(trip-1)*n+to])
	default:
		fill(missed, -units.Never)
	}
}

// offer improves the label of stop v by a ride that arrives at time at, which
// the caller has compared with cutArr. The ride comes in parts because the
// compiler copies a struct of this size through memory (5% of a search).
func (s *Search) offer(v units.StopID, at, walkS, boardS units.Seconds, p units.PatternID, trip, boardPos, exitPos uint32) {
	k := s.filled*s.stops + int(v)
	r := &s.ride[k]
	switch {
	case s.arr[k] == units.Never:
		s.rode = append(s.rode, v)
	case at < s.arr[k]:
	case walkS != r.walkS:
		if walkS > r.walkS {
			return
		}
	case boardS < r.boardS || boardS == r.boardS && p >= r.pattern:
		return
	}
	s.arr[k], s.cutArr[v] = at, at
	r.walkS, r.boardS, r.pattern, r.trip, r.boardPos, r.exitPos = walkS, boardS, p, trip, boardPos, exitPos
}

// offerLoop offers the ride that gets off at position exit of a pattern that
// calls twice at that stop, when the best place to board would be that same
// stop: the best ride among the other places to board. Rare, so plain.
func (s *Search) offerLoop(p units.PatternID, first, exit uint32) {
	d := s.d
	n, trips, base := d.shape(p)
	stops := d.tt.StopsOf(p)
	best := ride{trip: trips}
	for i := first; i < exit; i++ {
		k := (s.filled-1)*s.stops + int(stops[i])
		if stops[i] == stops[exit] || s.ready[k] == units.Never {
			continue
		}
		column := d.depCol[base+i*trips : base+(i+1)*trips]
		t := catch(column, s.ready[k])
		if t < best.trip || t == best.trip && t < trips && s.stand[k].walkS <= best.walkS {
			best.trip, best.boardPos, best.boardS, best.walkS = t, i, column[t], s.stand[k].walkS
		}
	}
	if best.trip < trips {
		if at := d.tt.Arr[base+best.trip*n+exit]; at <= s.cutArr[stops[exit]] {
			s.offer(stops[exit], at, best.walkS, best.boardS, p, best.trip, best.boardPos, exit)
		}
	}
}

// change turns the rides of this round into places to board in the next: at
// the stop itself, and after a walk to others.
func (s *Search) change() {
	d := s.d
	lo := s.filled * s.stops
	for _, v := range s.rode {
		at, walked := s.arr[lo+int(v)], s.ride[lo+int(v)].walkS
		if at <= s.cutReady[v] {
			s.reach(v, at, stand{walkS: walked, from: v})
		}
		for k := d.tt.TransferFirst[v]; k < d.tt.TransferFirst[v+1]; k++ {
			to, w := d.tt.TransferTo[k], d.walkS[k]
			if at+w <= s.cutReady[to] {
				s.reach(to, at+w, stand{walkS: walked + w, lastS: w, from: v})
			}
		}
	}
	for _, v := range s.standing {
		s.cutReady[v]--
	}
}

// reach improves the way to stand at stop v; the caller has compared at with
// cutReady.
func (s *Search) reach(v units.StopID, at units.Seconds, how stand) {
	k := s.filled*s.stops + int(v)
	switch old := &s.stand[k]; {
	case s.ready[k] == units.Never:
		s.standing = append(s.standing, v)
	case at < s.ready[k]:
	case how.walkS != old.walkS:
		if how.walkS > old.walkS {
			return
		}
	case old.from == v || how.from != v && how.from > old.from:
		return
	}
	s.ready[k], s.cutReady[v], s.stand[k] = at, at, how
}
