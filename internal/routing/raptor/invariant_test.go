package raptor

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
)

// answer is everything a search says about one label.
type answer struct {
	Round   int
	Stop    units.StopID
	Arrival units.Seconds
	Parts   Parts
	Legs    []Leg
}

func answers(s *Search) (all []answer) {
	for k := range MaxRounds + 1 {
		for v := range units.StopID(s.stops) {
			if at := s.Arrival(k, v); at != units.Never {
				all = append(all, answer{k, v, at, s.Parts(k, v), s.Journey(k, v, nil)})
			}
		}
	}
	return all
}

func runOn(tt *city.Timetable, q *query) []answer {
	s := NewData(tt, 1).NewSearch()
	q.run(s)
	return answers(s)
}

// A line whose vehicles have all gone before the departure, or leave after the
// latest arrival, changes no label, journey or part, wherever its ids fall.
func TestUselessLineChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		want := runOn(q.tt, &q.query)
		early := drawPattern(t, q.tt.NumStops(), 0, q.depart-1)
		late := drawPattern(t, q.tt.NumStops(), q.maxArrive+1, q.maxArrive+100)
		if d := cmp.Diff(want, runOn(withPatterns(q.tt, early, late), &q.query)); d != "" {
			t.Fatalf("a line added at the end changed:\n%s", d)
		}

		bare := *q.tt
		empty := testcity.ParseTimetable("")
		bare.Lines, bare.PatternLine, bare.Stop, bare.TripID, bare.TripCapacity, bare.Arr, bare.Dep = nil, nil, nil, nil, nil, nil, nil
		bare.PatternStops, bare.PatternTrips, bare.TimeFirst = empty.PatternStops, empty.PatternTrips, empty.TimeFirst
		got := runOn(withPatterns(&bare, append([]drawn{early}, q.patterns...)...), &q.query)
		for i := range got { // back to the numbers without the line in front
			got[i].Parts.Fare -= float32(got[i].Parts.Boardings) // fares count up with the line
			for j := range got[i].Legs {
				got[i].Legs[j].Pattern--
				got[i].Legs[j].Trip -= units.VehicleTripID(len(early.trips))
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("a line added in front changed:\n%s", d)
		}
	})
}

func TestAddingServiceNeverHurts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		more := withPatterns(q.tt, drawPattern(t, q.tt.NumStops(), q.depart-5, q.depart+40))
		before, after := NewData(q.tt, 1).NewSearch(), NewData(more, 1).NewSearch()
		q.run(before)
		q.run(after)
		for v := range units.StopID(q.tt.NumStops()) {
			was, is := units.Never, units.Never
			for k := 1; k <= q.rounds; k++ {
				was, is = min(was, before.Arrival(k, v)), min(is, after.Arrival(k, v))
				if is > was {
					t.Fatalf("at most %d boardings to stop %d: %d, with more service %d", k, v, was, is)
				}
			}
		}
	})
}

// Leaving earlier never means arriving later.
func TestLeavingEarlierNeverHurts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		s := NewData(q.tt, 1).NewSearch()
		q.run(s)
		last := spread(&q.query)[q.rounds]
		q.depart -= units.Seconds(rapid.IntRange(0, 20).Draw(t, "earlier"))
		q.run(s)
		for v, was := range last {
			is := units.Never
			for k := 1; k <= q.rounds; k++ {
				is = min(is, s.Arrival(k, units.StopID(v)))
			}
			if is > was {
				t.Fatalf("stop %d: %d, leaving earlier %d", v, was, is)
			}
		}
	})
}

func TestRangeEqualsRuns(t *testing.T) {
	spared := 0
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		d := NewData(q.tt, 1)
		ranged, single := d.NewSearch(), d.NewSearch()
		var departures []units.Seconds
		for range rapid.IntRange(1, 30).Draw(t, "departures") {
			departures = append(departures, q.depart-units.Seconds(rapid.IntRange(0, 30).Draw(t, "minus")))
		}
		if rapid.Bool().Draw(t, "sorted") {
			slices.SortFunc(departures, func(a, b units.Seconds) int { return int(b - a) })
		}
		i := 0
		n := ranged.Range(q.access, departures, q.rounds, q.maxArrive, func(depart units.Seconds) {
			if depart != departures[i] {
				t.Fatalf("visit %d is of %d, want %d", i, depart, departures[i])
			}
			i++
			single.Run(q.access, depart, q.rounds, q.maxArrive)
			if d := cmp.Diff(answers(single), answers(ranged)); d != "" {
				t.Fatalf("leaving at %d, run and range differ:\n%s", depart, d)
			}
		})
		if i != len(departures) {
			t.Fatalf("%d visits of %d departures", i, len(departures))
		}
		spared += len(departures) - n
	})
	if spared == 0 {
		t.Error("no search was ever spared: the test compares Run with itself")
	}
}

func TestNoAllocation(t *testing.T) {
	c := testcity.Grid(testcity.Options{})
	s := NewData(&c.Timetable, 1.25).NewSearch()
	access := []Access{{Stop: 0, WalkS: 100}, {Stop: 7, WalkS: 300}}
	departures := []units.Seconds{8*3600 + 600, 8*3600 + 300, 8 * 3600}
	if a := answers(s); a != nil {
		t.Fatalf("labels before the first search: %v", a)
	}
	legs := make([]Leg, 0, MaxRounds)
	var sum units.Seconds
	read := func(units.Seconds) {
		for k := 1; k <= MaxRounds; k++ {
			for v := range units.StopID(c.Timetable.NumStops()) {
				if s.Arrival(k, v) < units.Never {
					sum += s.Parts(k, v).InVehicleS + s.Journey(k, v, legs[:0])[0].BoardS
				}
			}
		}
	}
	if n := testing.AllocsPerRun(10, func() {
		s.Run(access, 8*3600, MaxRounds, 12*3600)
		read(0)
		s.Range(access, departures, MaxRounds, 12*3600, read)
	}); n != 0 {
		t.Errorf("%v allocations per query", n)
	}
	if sum == 0 {
		t.Error("nothing was reached")
	}
}

func TestBrokenInvariantsPanic(t *testing.T) {
	tt := testcity.ParseTimetable("stop A B\nline 1 A B\n 8:00 8:10\n 8:10 8:20")
	overtaking := *tt
	overtaking.Arr, overtaking.Dep = slices.Clone(tt.Arr), slices.Clone(tt.Dep)
	overtaking.Arr[3], overtaking.Dep[3] = 8*3600+900, 8*3600+900
	overtaking.Arr[1], overtaking.Dep[1] = 8*3600+1000, 8*3600+1000
	s := NewData(tt, 1).NewSearch()
	for want, f := range map[string]func(){
		"raptor: pattern 0 trip 1 overtakes at position 1: arrives 29700 after 29800": func() { NewData(&overtaking, 1) },
		"raptor: walking speed 0 m/s":                                       func() { NewData(tt, 0) },
		"raptor: 5 rounds (at most 4), latest arrival 9 (below 1073741824)": func() { s.Run(nil, 0, 5, 9) },
		"raptor: no journey with 1 boardings to stop 1":                     func() { s.Run(nil, 0, 1, 9); s.Parts(1, 1) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != want {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			f()
		}()
	}
}
