package run_test

import (
	"context"
	"math"
	"testing"
)

// Car trips are of the whole population, inside the window, between places of
// the city, and the same every time.
func TestCarTrips(t *testing.T) {
	e, c := townEngine(t)
	a, err := e.CarTrips(context.Background(), c.Info.Slug)
	if err != nil {
		t.Fatal(err)
	}
	residents := 0.0
	for _, r := range c.Places.Residents {
		residents += float64(r)
	}
	sum := 0.0
	for i, v := range a.Vehicles {
		if !(v > 0) || int(a.Origin[i]) >= c.Places.Num() || int(a.Dest[i]) >= c.Places.Num() || a.Origin[i] == a.Dest[i] {
			t.Fatalf("trip %d: %d to %d, %g vehicles", i, a.Origin[i], a.Dest[i], v)
		}
		sum += v
	}
	// Between one car trip for thirty residents and one for two in two hours of
	// morning.
	if a.Hours != 2 || math.Abs(sum-a.Total) > 1e-9*sum || sum < residents/30 || sum > residents/2 || len(a.Assumptions) < 3 {
		t.Errorf("%g vehicles of %g residents in %g h", sum, residents, a.Hours)
	}
	b, err := e.CarTrips(context.Background(), c.Info.Slug)
	if err != nil || b.Total != a.Total || len(b.Vehicles) != len(a.Vehicles) {
		t.Errorf("again: %v, %v", b, err)
	}
	if _, err := e.CarTrips(context.Background(), "nowhere"); err == nil {
		t.Error("an unknown city has trips")
	}
}
