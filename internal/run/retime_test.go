package run

import (
	"slices"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/units"
)

// threeStops is a line a-b-c over links 0 and 1, then link 2 from its middle on;
// one hop of 100 s, 20 s standing, one hop of 60 s; buses at 0, 30 and 600 s
// after eight. Line 1 has no way on streets.
func threeStops() *city.Timetable {
	t := &city.Timetable{
		Lines: []city.Line{{ID: "bus"}, {ID: "tram", Mode: city.Tram}}, PatternLine: []units.LineID{0, 1},
		PatternStops: []uint32{0, 3, 5}, Stop: []units.StopID{0, 1, 2, 0, 2}, PatternTrips: []uint32{0, 3, 4}, TimeFirst: []uint32{0, 9, 11},
		HopFirst: []uint32{0, 2, 3, 3, 3, 3}, HopLink: []units.LinkID{0, 1, 2}, HopFrom: []float32{0, .5, 0, 0, 0}, HopTo: []float32{1, 1, 0, 0, 0},
		HopMatch: []city.HopMatch{city.HopShape, city.HopShortest, city.HopNone, city.HopNone, city.HopNone}, HopOffM: make([]float32, 5),
	}
	for _, at := range []units.Seconds{0, 30, 600} {
		at += 8 * 3600
		t.Arr, t.Dep = append(t.Arr, at, at+100, at+180), append(t.Dep, at, at+120, at+180)
	}
	t.Arr, t.Dep = append(t.Arr, 30000, 30100), append(t.Dep, 30000, 30100)
	return t
}

func flat(links ...float32) *routing.Times {
	p := demand.Period{Load: 7 * 3600, From: 8 * 3600, To: 9 * 3600}
	return newTimes(p, links)
}

func TestBusesMeetTraffic(t *testing.T) {
	base := flat(30, 20, 40)
	clock := func(tt *city.Timetable, v int) (out []units.Seconds) {
		for i := range 3 {
			out = append(out, tt.Arr[3*v+i]-8*3600, tt.Dep[3*v+i]-8*3600)
		}
		return out
	}
	for _, tc := range []struct {
		name string
		scen *routing.Times
		want []units.Seconds // the first bus
	}{
		{"link 1 takes twice as long: 50 s become 70", flat(30, 40, 40), []units.Seconds{0, 0, 140, 160, 220, 220}},
		{"half of link 2, which takes half as long", flat(30, 20, 20), []units.Seconds{0, 0, 100, 120, 150, 150}},
	} {
		got, changed := retimed(threeStops(), base, tc.scen)
		if !slices.Equal(clock(got, 0), tc.want) || changed != 3 {
			t.Errorf("%s: %v, want %v; %d trips changed, want the buses", tc.name, clock(got, 0), tc.want, changed)
		}
		if !slices.Equal(got.Arr[9:], threeStops().Arr[9:]) {
			t.Errorf("%s: the tram runs differently: %v", tc.name, got.Arr[9:])
		}
	}
	same := threeStops()
	if got, changed := retimed(same, base, flat(30, 20, 40)); got != same || changed != 0 {
		t.Errorf("equal link times change %d trips", changed)
	}
	bare := threeStops()
	bare.HopFirst = nil
	if got, changed := retimed(bare, base, flat(60, 60, 60)); got != bare || changed != 0 {
		t.Errorf("a timetable without streets changes")
	}
}

// A queue that is there for the first bus and gone for the next: the second
// stays behind the first.
func TestNoBusOvertakes(t *testing.T) {
	base, scen := flat(30, 20, 40), flat(30, 20, 40)
	for b := range scen.Bins { // link 0 is slow until 8:00, then free
		if scen.StartS+float64(b)*scen.BinS < 8*3600 {
			scen.T[b*3] = 9000
		}
	}
	got, changed := retimed(threeStops(), base, scen)
	if changed == 0 {
		t.Fatal("nothing changed")
	}
	for v := range 2 {
		for i := range 3 {
			a, b := 3*v+i, 3*v+3+i
			if got.Arr[b] < got.Arr[a] || got.Dep[b] < got.Dep[a] || got.Dep[a] < got.Arr[a] || i > 0 && got.Arr[a] < got.Dep[a-1] {
				t.Errorf("trip %d at stop %d: %v %v", v, i, got.Arr, got.Dep)
			}
		}
	}
}
