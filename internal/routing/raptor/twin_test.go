package raptor

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
)

// The random cases are tiny and quick: a thousand of each, unless -rapid.checks
// says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "1000"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// query is one call of Run on a timetable whose footpaths are walked at 1 m/s.
type query struct {
	tt        *city.Timetable
	access    []Access
	depart    units.Seconds
	rounds    int
	maxArrive units.Seconds
}

func (q *query) run(s *Search) { s.Run(q.access, q.depart, q.rounds, q.maxArrive) }

// label is one answer of the twin; at is Never when there is none.
type label struct {
	at, walk, board units.Seconds
	pattern         units.PatternID
	pos             int
}

// twin follows the definition of a label in the comment of Search word by
// word, over every pattern, every place to get off and every place to board,
// with no marks, cuts or scans. labels[k][stop]; ready[k][stop] likewise for
// standing there, where pattern is the rank of where the last walk began: 0 for
// the stop itself, else the stop's number and one.
func twin(q *query) (labels, ready [][]label) {
	n := q.tt.NumStops()
	empty := slices.Repeat([]label{{at: units.Never}}, n)
	ready = [][]label{slices.Clone(empty)}
	labels = [][]label{slices.Clone(empty)}
	for _, a := range q.access {
		if at := q.depart + a.WalkS; at <= q.maxArrive && at < ready[0][a.Stop].at {
			ready[0][a.Stop] = label{at: at, walk: a.WalkS}
		}
	}
	for k := 1; k <= q.rounds; k++ {
		rides, stands := slices.Clone(empty), slices.Clone(empty)
		for p := range units.PatternID(q.tt.NumPatterns()) {
			stops := q.tt.StopsOf(p)
			for i := range stops {
				c := twinRide(q.tt, p, i, ready[k-1])
				if c.at <= q.maxArrive && earlierThanAll(labels[1:], stops[i], c.at) && c.less(rides[stops[i]]) {
					rides[stops[i]] = c
				}
			}
		}
		for from, r := range rides {
			if r.at == units.Never {
				continue
			}
			step := func(to units.StopID, w units.Seconds) {
				c := label{at: r.at + w, walk: r.walk + w, pattern: units.PatternID(from + 1)}
				if int(to) == from {
					c.pattern = 0
				}
				if c.at <= q.maxArrive && earlierThanAll(ready, to, c.at) && c.less(stands[to]) {
					stands[to] = c
				}
			}
			step(units.StopID(from), 0)
			for j := q.tt.TransferFirst[from]; j < q.tt.TransferFirst[from+1]; j++ {
				step(q.tt.TransferTo[j], units.Seconds(q.tt.TransferM[j]))
			}
		}
		labels, ready = append(labels, rides), append(ready, stands)
	}
	return labels, ready
}

func twinRide(tt *city.Timetable, p units.PatternID, exit int, ready []label) label {
	stops := tt.StopsOf(p)
	best, bestTrip := label{at: units.Never}, tt.PatternTrips[p+1]
	for b := range exit {
		from := ready[stops[b]]
		if from.at == units.Never || stops[b] == stops[exit] {
			continue
		}
		for v := tt.PatternTrips[p]; v < tt.PatternTrips[p+1]; v++ {
			arr, dep := tt.Times(p, units.VehicleTripID(v))
			if dep[b] < from.at {
				continue
			}
			if v < bestTrip || v == bestTrip && from.walk <= best.walk {
				best, bestTrip = label{at: arr[exit], walk: from.walk, board: dep[b], pattern: p, pos: b}, v
			}
			break
		}
	}
	return best
}

func (l label) less(o label) bool {
	if l.at != o.at {
		return l.at < o.at
	}
	if l.walk != o.walk {
		return l.walk < o.walk
	}
	if l.board != o.board {
		return l.board > o.board
	}
	return l.pattern < o.pattern
}

func earlierThanAll(rounds [][]label, stop units.StopID, at units.Seconds) bool {
	for _, r := range rounds {
		if r[stop].at <= at {
			return false
		}
	}
	return true
}

// spread is an even plainer twin for arrival times alone: it knows no
// patterns, ties or rounds' dominance, only "this trip, from here to there".
// It returns the earliest arrival with at most k boardings.
func spread(q *query) (arrival [][]units.Seconds) {
	n := q.tt.NumStops()
	never := slices.Repeat([]units.Seconds{units.Never}, n)
	at := slices.Clone(never)
	for _, a := range q.access {
		if t := q.depart + a.WalkS; t <= q.maxArrive {
			at[a.Stop] = min(at[a.Stop], t)
		}
	}
	arrival = append(arrival, slices.Clone(never))
	for k := 1; k <= q.rounds; k++ {
		off := slices.Clone(arrival[k-1])
		for p := range units.PatternID(q.tt.NumPatterns()) {
			stops := q.tt.StopsOf(p)
			for v := q.tt.PatternTrips[p]; v < q.tt.PatternTrips[p+1]; v++ {
				arr, dep := q.tt.Times(p, units.VehicleTripID(v))
				for b := range stops {
					for i := b + 1; i < len(stops); i++ {
						if at[stops[b]] <= dep[b] && arr[i] <= q.maxArrive && stops[b] != stops[i] {
							off[stops[i]] = min(off[stops[i]], arr[i])
						}
					}
				}
			}
		}
		for v, t := range off {
			if t == units.Never {
				continue
			}
			at[v] = min(at[v], t)
			for j := q.tt.TransferFirst[v]; j < q.tt.TransferFirst[v+1]; j++ {
				if w := t + units.Seconds(q.tt.TransferM[j]); w <= q.maxArrive {
					at[q.tt.TransferTo[j]] = min(at[q.tt.TransferTo[j]], w)
				}
			}
		}
		arrival = append(arrival, off)
	}
	return arrival
}

// drawn is a pattern of a random timetable.
type drawn struct {
	stops []units.StopID
	trips []testcity.Trip
}

// drawPattern makes times from small numbers, so that ties, bunched vehicles,
// waits of zero and loops are common.
func drawPattern(t *rapid.T, stops int, from, to units.Seconds) drawn {
	small := rapid.IntRange(0, 6)
	var d drawn
	for range rapid.IntRange(2, 6).Draw(t, "calls") {
		d.stops = append(d.stops, units.StopID(rapid.IntRange(0, stops-1).Draw(t, "stop")))
	}
	at := from + units.Seconds(rapid.IntRange(0, int(to-from)).Draw(t, "first"))
	var last testcity.Trip
	for v := range rapid.IntRange(0, 5).Draw(t, "trips") {
		var trip testcity.Trip
		now := at
		for i := range d.stops {
			times := [2]units.Seconds{}
			for e := range times {
				now += units.Seconds(small.Draw(t, "step")) / 2
				if v > 0 {
					now = max(now, [2]units.Seconds{last.Arr[i], last.Dep[i]}[e])
				}
				times[e] = now
			}
			trip.Arr, trip.Dep = append(trip.Arr, times[0]), append(trip.Dep, times[1])
		}
		if trip.Arr[len(trip.Arr)-1] > to {
			break
		}
		d.trips, last, at = append(d.trips, trip), trip, trip.Arr[0]
	}
	return d
}

type drawnQuery struct {
	query
	patterns []drawn
}

func drawQuery(t *rapid.T) *drawnQuery {
	stops := rapid.IntRange(2, 8).Draw(t, "stops")
	q := &drawnQuery{query: query{
		depart: 100 + units.Seconds(rapid.IntRange(0, 20).Draw(t, "depart")),
		rounds: rapid.IntRange(0, MaxRounds).Draw(t, "rounds"),
	}}
	q.maxArrive = q.depart + units.Seconds(rapid.IntRange(0, 60).Draw(t, "longest"))
	text := "stop"
	for s := range stops {
		text += fmt.Sprintf(" S%d", s)
	}
	for range rapid.IntRange(0, 5).Draw(t, "footpaths") {
		a, b := rapid.IntRange(0, stops-1).Draw(t, "a"), rapid.IntRange(0, stops-1).Draw(t, "b")
		if a != b {
			text += fmt.Sprintf("\nwalk S%d S%d %d", a, b, rapid.IntRange(0, 8).Draw(t, "metres"))
		}
	}
	q.tt = testcity.ParseTimetable(text)
	for range rapid.IntRange(1, 7).Draw(t, "patterns") {
		q.patterns = append(q.patterns, drawPattern(t, stops, 90, 160))
	}
	for range rapid.IntRange(1, 3).Draw(t, "access stops") {
		q.access = append(q.access, Access{
			Stop:  units.StopID(rapid.IntRange(0, stops-1).Draw(t, "access")),
			WalkS: units.Seconds(rapid.IntRange(0, 10).Draw(t, "walk")),
		})
	}
	q.tt = withPatterns(q.tt, q.patterns...)
	return q
}

// withPatterns is a copy of a timetable with more patterns, a line each.
func withPatterns(tt *city.Timetable, patterns ...drawn) *city.Timetable {
	c := *tt
	c.Lines = slices.Clone(c.Lines)
	c.PatternLine, c.PatternStops, c.PatternTrips = slices.Clone(c.PatternLine), slices.Clone(c.PatternStops), slices.Clone(c.PatternTrips)
	c.Stop, c.TripID, c.TripCapacity = slices.Clone(c.Stop), slices.Clone(c.TripID), slices.Clone(c.TripCapacity)
	c.TimeFirst, c.Arr, c.Dep = slices.Clone(c.TimeFirst), slices.Clone(c.Arr), slices.Clone(c.Dep)
	for _, p := range patterns {
		line := units.LineID(len(c.Lines))
		c.Lines = append(c.Lines, city.Line{ID: fmt.Sprint(line), Fare: float32(1 + line)})
		testcity.AddPattern(&c, line, p.stops, p.trips)
	}
	return &c
}

func TestTwins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		s := NewData(q.tt, 1).NewSearch()
		(&query{access: []Access{{Stop: 0}, {Stop: 1}}, rounds: MaxRounds, maxArrive: 200}).run(s) // leave dirt
		q.run(s)
		plain := spread(&q.query)
		want, ready := twin(&q.query)
		for k := 1; k <= MaxRounds; k++ {
			for v := range units.StopID(q.tt.NumStops()) {
				at := s.Arrival(k, v)
				if k > q.rounds {
					if at != units.Never {
						t.Fatalf("round %d of %d: stop %d at %d", k, q.rounds, v, at)
					}
					continue
				}
				best := units.Never
				for j := 1; j <= k; j++ {
					best = min(best, s.Arrival(j, v))
				}
				if best != plain[k][v] {
					t.Fatalf("at most %d boardings to stop %d: %d, spreading all trips gives %d", k, v, best, plain[k][v])
				}
				if at != want[k][v].at {
					t.Fatalf("round %d stop %d: arrival %d, twin %d", k, v, at, want[k][v].at)
				}
				if at != units.Never {
					checkJourney(t, q, s, k, v, want[k][v], ready)
				}
			}
		}
	})
}

// checkJourney holds a label against the timetable, its own parts and the twin.
func checkJourney(t *rapid.T, q *drawnQuery, s *Search, k int, v units.StopID, want label, ready [][]label) {
	legs, parts := s.Journey(k, v, nil), s.Parts(k, v)
	fail := func(why string) {
		t.Helper()
		t.Fatalf("round %d stop %d: %s\nlegs %+v\nparts %+v\ntwin %+v", k, v, why, legs, parts, want)
	}
	sum := Parts{Boardings: len(legs)}
	now := q.depart
	for i, l := range legs {
		arr, dep := q.tt.Times(l.Pattern, l.Trip)
		stops := q.tt.StopsOf(l.Pattern)
		if l.BoardPos >= l.AlightPos || stops[l.BoardPos] != l.Board || stops[l.AlightPos] != l.Alight || l.Board == l.Alight {
			fail("a leg does not follow its pattern")
		}
		if dep[l.BoardPos] != l.BoardS || arr[l.AlightPos] != l.AlightS || l.BoardS < now+l.WalkBeforeS {
			fail("a leg does not follow its trip or leaves too early")
		}
		wait := l.BoardS - now - l.WalkBeforeS
		if i == 0 {
			sum.AccessS, sum.WaitS = l.WalkBeforeS, wait
			if !slices.Contains(q.access, Access{l.Board, l.WalkBeforeS}) {
				fail("no such access")
			}
		} else {
			sum.TransferWalkS += l.WalkBeforeS
			sum.TransferWaitS += wait
			row := q.tt.TransferTo[q.tt.TransferFirst[legs[i-1].Alight]:q.tt.TransferFirst[legs[i-1].Alight+1]]
			if l.Board != legs[i-1].Alight && !slices.Contains(row, l.Board) || l.Board == legs[i-1].Alight && l.WalkBeforeS != 0 {
				fail("no such footpath")
			}
			if from := ready[i][l.Board].pattern; from == 0 && l.Board != legs[i-1].Alight || from > 0 && units.StopID(from-1) != legs[i-1].Alight {
				fail("another walk was chosen than the rule says")
			}
		}
		sum.InVehicleS += l.AlightS - l.BoardS
		sum.Fare += q.tt.Lines[q.tt.PatternLine[l.Pattern]].Fare
		now = l.AlightS
	}
	if sum != parts || now != s.Arrival(k, v) || len(legs) != k || legs[k-1].Alight != v {
		fail(fmt.Sprintf("legs sum to %+v", sum))
	}
	last := legs[k-1]
	if parts.AccessS+parts.TransferWalkS != want.walk || last.BoardS != want.board || last.Pattern != want.pattern || last.BoardPos != want.pos {
		fail("another tie was chosen than the rule says")
	}
}
