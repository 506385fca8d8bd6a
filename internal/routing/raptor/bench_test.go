package raptor

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
)

// townSize is a bus network of the size of Newport's: 540 stops, 150 patterns
// of about 18 stops, 950 trips over the day. Patterns are random walks that
// mostly go straight over a 27 x 20 field of stops 300 m apart; footpaths join
// neighbours (8 each, at most 425 m).
func townSize() *city.Timetable {
	const wide, high, patterns, trips = 27, 20, 150, 950
	rng := rand.New(rand.NewPCG(1, 2))
	text := "stop"
	for s := range wide * high {
		text += fmt.Sprintf(" %d", s)
	}
	for s := range wide * high {
		for _, d := range [4][2]int{{1, 0}, {0, 1}, {1, 1}, {-1, 1}} {
			x, y := s%wide+d[0], s/wide+d[1]
			if x >= 0 && x < wide && y < high {
				m := 300
				if d[0]*d[1] != 0 {
					m = 425
				}
				text += fmt.Sprintf("\nwalk %d %d %d", s, y*wide+x, m)
			}
		}
	}
	tt := testcity.ParseTimetable(text)
	for p := range patterns {
		var d drawn
		x, y, dx, dy := rng.IntN(wide), rng.IntN(high), 1, 0
		for range 12 + rng.IntN(13) {
			d.stops = append(d.stops, units.StopID(y*wide+x))
			if rng.IntN(4) == 0 {
				dx, dy = dy, -dx
			}
			for x+dx < 0 || x+dx >= wide || y+dy < 0 || y+dy >= high {
				dx, dy = dy, -dx
			}
			x, y = x+dx, y+dy
		}
		n := trips*(p+1)/patterns - trips*p/patterns
		first, headway := 6*3600+rng.IntN(5400), 12*3600/n
		for v := range n {
			var trip testcity.Trip
			for i := range d.stops {
				at := units.Seconds(first + v*headway + i*70)
				trip.Arr, trip.Dep = append(trip.Arr, at), append(trip.Dep, at+10)
			}
			d.trips = append(d.trips, trip)
		}
		tt.Lines = append(tt.Lines, city.Line{ID: fmt.Sprint(p)})
		testcity.AddPattern(tt, units.LineID(p), d.stops, d.trips)
	}
	return tt
}

// around is the access of an origin in the middle of the field: 12 stops.
func around(tt *city.Timetable, centre int) (access []Access) {
	for v := tt.TransferFirst[centre]; v < tt.TransferFirst[centre+1]; v++ {
		access = append(access, Access{tt.TransferTo[v], units.Seconds(tt.TransferM[v] / 1.25)})
	}
	return append(access, Access{units.StopID(centre), 60}, Access{units.StopID(centre + 2), 600},
		Access{units.StopID(centre - 2), 600}, Access{units.StopID(centre + 54), 600})
}

const benchOrigin = 9*27 + 13

func BenchmarkRun(b *testing.B) {
	tt := townSize()
	s := NewData(tt, 1.25).NewSearch()
	access := around(tt, benchOrigin)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		depart := units.Seconds(7*3600 + i*2503%7200)
		s.Run(access, depart, MaxRounds, depart+7200)
	}
	b.ReportMetric(float64(reached(s)), "labels")
}

// BenchmarkRunTwin is the same work done by the slow twin for arrivals.
func BenchmarkRunTwin(b *testing.B) {
	tt := townSize()
	access := around(tt, benchOrigin)
	for i := 0; b.Loop(); i++ {
		depart := units.Seconds(7*3600 + i*2503%7200)
		spread(&query{tt: tt, access: access, depart: depart, rounds: MaxRounds, maxArrive: depart + 7200})
	}
}

func BenchmarkParts(b *testing.B) {
	tt := townSize()
	s := NewData(tt, 1.25).NewSearch()
	s.Run(around(tt, benchOrigin), 8*3600, MaxRounds, 10*3600)
	b.ReportAllocs()
	for b.Loop() {
		for k := 1; k <= MaxRounds; k++ {
			for v := range units.StopID(tt.NumStops()) {
				if s.Arrival(k, v) != units.Never {
					s.Parts(k, v)
				}
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*reached(s)), "ns/label")
}

// BenchmarkRange is an hour of departures, one a minute.
func BenchmarkRange(b *testing.B) {
	tt := townSize()
	s := NewData(tt, 1.25).NewSearch()
	access := around(tt, benchOrigin)
	var departures []units.Seconds
	for m := range units.Seconds(60) {
		departures = append(departures, 9*3600-60*m)
	}
	b.ReportAllocs()
	searches := 0
	for b.Loop() {
		searches = s.Range(access, departures, MaxRounds, 11*3600, func(units.Seconds) {})
	}
	b.ReportMetric(float64(searches), "searches")
}

func reached(s *Search) (labels int) {
	for k := 1; k <= MaxRounds; k++ {
		for v := range units.StopID(s.stops) {
			if s.Arrival(k, v) != units.Never {
				labels++
			}
		}
	}
	return labels
}
