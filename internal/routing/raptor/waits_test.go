package raptor

import (
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
)

// Waiting on the analytical city. Expected distributions
// are derived here from headways alone. Departures are whole seconds, so the
// uniform density on [0, H) becomes H equal counts at 0, 1, ... H-1 with mean
// (H-1)/2: 299.5 s for a 10-minute service, half a second under the 300 s of
// continuous time, because a person who arrives with the vehicle boards it.

// twoLines is a corner: line 1 from stop 0 to stop 1, line 2 from stop 1 to
// stop 2, running from midnight, line 2 shifted by phase seconds.
func twoLines(headway1, headway2, phase units.Seconds) *city.City {
	c := testcity.Grid(testcity.Options{N: 5, LineEvery: -1})
	var s [3]units.StopID
	for i, at := range [3][2]int{{0, 0}, {4, 0}, {4, 4}} {
		s[i] = testcity.AddStop(c, testcity.NodeAt(c, at[0], at[1]), "", "", 0)
	}
	const run, dwell = 200, 0
	testcity.AddLine(c, city.Bus, s[:2], headway1, 0, 7200, run, dwell)
	testcity.AddLine(c, city.Bus, s[1:], headway2, phase, 7200, run, dwell)
	return c
}

// count adds, for every departure of the window [from, to), the waits of the
// journey to a stop: counts[seconds waited].
func count(t *testing.T, c *city.City, round int, stop units.StopID, from, to units.Seconds, counts []int) {
	t.Helper()
	s := NewData(&c.Timetable, 1).NewSearch()
	var departures []units.Seconds
	for d := to - 1; d >= from; d-- {
		departures = append(departures, d)
	}
	s.Range([]Access{{Stop: 0, WalkS: 60}}, departures, MaxRounds, 7200, func(depart units.Seconds) {
		p := s.Parts(round, stop)
		if sum := p.AccessS + p.WaitS + p.TransferWaitS + p.InVehicleS + p.TransferWalkS; depart+sum != s.Arrival(round, stop) {
			t.Fatalf("leaving at %d: parts %+v, arrival %d", depart, p, s.Arrival(round, stop))
		}
		counts[p.WaitS+p.TransferWaitS]++
	})
}

func TestWaitIsUniform(t *testing.T) {
	counts := make([]int, 600)
	// The window is one headway, at no special second.
	count(t, twoLines(600, 600, 0), 1, 1, 1234, 1834, counts)
	sum := 0
	for w, n := range counts {
		sum += w * n
		if n != 1 {
			t.Fatalf("%d departures wait %d s, want 1", n, w)
		}
	}
	if sum*2 != 599*600 { // mean 299.5
		t.Errorf("waits sum to %d s over 600 departures", sum)
	}
}

// The total wait over two independent lines is the sum of two uniforms:
// triangular for equal headways, trapezoidal for unequal ones. Independence
// comes from taking every phase of line 2 once.
func TestTwoWaitsAreConvolved(t *testing.T) {
	for _, h := range [][2]units.Seconds{{120, 120}, {180, 60}, {60, 180}} {
		h1, h2 := h[0], h[1]
		got, want := make([]int, h1+h2), make([]int, h1+h2)
		// A window of the longer headway sees each wait for line 1 equally
		// often: long/h1 times per phase.
		long := max(h1, h2)
		for a := range h1 {
			for b := range h2 {
				want[a+b] += int(long / h1)
			}
		}
		for phase := range h2 {
			count(t, twoLines(h1, h2, phase), 2, 2, 1234, 1234+long, got)
		}
		flat := 0
		for w := range want {
			if got[w] != want[w] {
				t.Fatalf("headways %v: %d departures wait %d s in all, want %d", h, got[w], w, want[w])
			}
			if got[w] == int(min(h1, h2)*long/h1) {
				flat++
			}
		}
		// The top of the trapezoid is as wide as the headways differ; of the
		// triangle, a point.
		if flat != int(max(h1, h2)-min(h1, h2))+1 {
			t.Errorf("headways %v: flat top of %d s", h, flat)
		}
	}
}
