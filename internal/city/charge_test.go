package city_test

import (
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
)

// A U, open to the north: what lies between its arms is outside.
func TestCarChargeCoversItsArea(t *testing.T) {
	c := city.CarCharge{Area: [][2]float64{{0, 0}, {3, 0}, {3, 3}, {2, 3}, {2, 1}, {1, 1}, {1, 3}, {0, 3}}}
	for _, x := range []struct {
		lon, lat float64
		in       bool
	}{
		{0.5, 2, true}, {2.5, 2, true}, {1.5, 0.5, true}, {1.5, 2, false},
		{-1, 2, false}, {4, 2, false}, {1.5, 4, false}, {1.5, -1, false},
	} {
		if got := c.Covers(x.lon, x.lat); got != x.in {
			t.Errorf("%g, %g: inside is %v, want %v", x.lon, x.lat, got, x.in)
		}
	}
	if (&city.CarCharge{}).Covers(0, 0) {
		t.Error("no area covers something")
	}
}
