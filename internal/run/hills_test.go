package run

import (
	"math"
	"testing"

	"github.com/malikobaid/cityflow/internal/choice"
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/routing"
	"github.com/malikobaid/cityflow/internal/testcity"
)

func TestHillFactor(t *testing.T) {
	for _, c := range []struct{ grade, want float64 }{
		{0, 1},
		{0.03, 6.01 / (6.01 - 3*0.4002)},
		{-0.03, 6.01 / (6.01 + 3*0.2379)},
		{-0.15, 6.01 / 9.5785},
		{-1, 6.01 * 3.6 / 35},
		{0.15, choice.BikeMS / choice.WalkMS}, // pushed
		{1, choice.BikeMS / choice.WalkMS},
	} {
		if got := hillFactor(c.grade); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("grade %g: %g, want %g", c.grade, got, c.want)
		}
	}
	// There and back over a hill is never quicker than on the flat.
	for g := 0.0; g <= 0.15; g += 0.005 {
		if up, down := hillFactor(g), hillFactor(-g); up+down < 2 {
			t.Errorf("grade %g: there and back takes %g of the flat", g, (up+down)/2)
		}
	}
}

// A grid that rises by 5 % to the east: up takes the factor of 5 % longer, down
// that of -5 %, along the slope nothing changes; without heights nothing is
// measured twice.
func TestHillsOnAGrid(t *testing.T) {
	o := testcity.Default()
	o.N = 5
	c := testcity.Grid(o)
	n := &c.Net
	order := routing.NewOrder(n, city.AllowCar|city.AllowBike|city.AllowWalk)
	if newHills(&c.Net, order) != nil {
		t.Error("a flat city has hills")
	}
	n.NodeHeightM, n.Grade = make([]float32, n.NumNodes()), make([]float32, n.NumLinks())
	for v := range n.NodeHeightM {
		n.NodeHeightM[v] = 0.05 * n.NodeX[v]
	}
	for l := range n.Grade {
		n.Grade[l] = (n.NodeHeightM[n.To[l]] - n.NodeHeightM[n.From[l]]) / n.LengthM[l]
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	ways := newHills(&c.Net, order).NewWorkspace()
	looked := 0
	for l, m := range n.LengthM {
		if n.Modes[l]&city.AllowBike == 0 {
			continue
		}
		looked++
		got, ok := ways.Distance(n.From[l], n.To[l])
		want := float64(m) * hillFactor(float64(n.Grade[l]))
		if !ok || math.Abs(got-want) > 0.01 {
			t.Fatalf("link of grade %g: %g m (%v), want %g", n.Grade[l], got, ok, want)
		}
	}
	if looked < 20 {
		t.Errorf("%d links looked at", looked)
	}
}
