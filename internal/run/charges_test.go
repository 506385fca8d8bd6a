package run

import (
	"math"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/demand"
)

// Who drives to a place where parking costs 12 to work and 6 to go out pays half
// of it each way, shared by those in the car (1.2 to work, 1.7 to go out), at the
// value of a minute. Who lives there pays nothing where residents are spared.
func TestChargesAreInThePriceOfDriving(t *testing.T) {
	a := busy(t, 1000)
	before := make([]float64, len(a.costs))
	for tour := range a.costs {
		a.price(tour)
		before[tour] = a.costs[tour][city.Car]
	}
	c := a.world.city
	b, middle := c.Info.BBox, (c.Info.BBox[0]+c.Info.BBox[2])/2
	west := city.CarCharge{What: "Parking", SparesResidents: true, Source: "a test", Area: [][2]float64{{b[0] - 1, b[1] - 1}, {middle, b[1] - 1}, {middle, b[3] + 1}, {b[0] - 1, b[3] + 1}}}
	west.Amounts[city.Work], west.Amounts[city.Leisure] = 12, 6
	if a.sample.charge != nil {
		t.Fatal("a city without charges has some")
	}
	c.Info.CarCharges = []city.CarCharge{west}
	a.sample.charge = charges(c, a.sample.trips)
	tr := a.sample.trips
	var paid, spared, outside, back int
	for tour := range a.costs {
		a.price(tour)
		if !tr.TourCar[tour] {
			continue
		}
		home, trip := tr.TourHome[tour], tr.TourFirst[tour]
		there := tr.Dest[trip]
		if there == home {
			there = tr.Origin[trip]
			back++
		}
		amount, purpose := 0.0, tr.TourPurpose[tour]
		switch {
		case c.Places.Lon[there] >= middle:
			outside++
		case c.Places.Lon[home] < middle:
			spared++
		case purpose == city.Work:
			amount = 12
			paid++
		case purpose == city.Leisure:
			amount = 6
			paid++
		}
		want := amount / 2 / demand.Occupancy[purpose] * 60 / a.money.Other
		if purpose == city.Work {
			want = amount / 2 / demand.Occupancy[purpose] * 60 / a.money.Commute
		}
		if got := a.costs[tour][city.Car] - before[tour]; math.Abs(got-want) > 1e-9 && !math.IsInf(before[tour], 1) {
			t.Fatalf("tour %d to %v costs %.3f minutes more, want %.3f", tour, purpose, got, want)
		}
	}
	if min(paid, spared, outside, back) == 0 {
		t.Errorf("%d paid, %d were spared, %d went elsewhere, %d on the way back: a case is missing", paid, spared, outside, back)
	}
	words := strings.Join(chargesInWords(c, a.money), " ")
	if !strings.Contains(words, "work 12.00, leisure 6.00") || strings.Contains(words, "assumed") {
		t.Errorf("said as %q", words)
	}
}
