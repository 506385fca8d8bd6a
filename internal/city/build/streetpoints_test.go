package build

import (
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// People live once along a street: both directions, and the copy of one that a
// turn restriction over the way makes, are one street of 300 m and three homes;
// the two halves of a loop (another way, equal ends) are two.
func TestStreetPointsCountAStreetOnce(t *testing.T) {
	const none = units.NoLink
	links := []struct {
		way     int64
		reverse units.LinkID
		class   city.RoadClass
		lon     []float32
		metres  float32
	}{
		{1, 1, city.Residential, []float32{0, 1, 3}, 300},
		{1, 0, city.Residential, []float32{3, 1, 0}, 300},
		{1, none, city.Residential, []float32{3, 1, 0}, 300}, // the copy
		{2, none, city.Residential, []float32{0, 5, 6, 3}, 200},
		{2, none, city.Residential, []float32{3, 8, 9, 0}, 200},
		{3, none, city.Tertiary, []float32{0, 3}, 300},
	}
	b := &builder{}
	n := &b.city.Net
	b.city.Info.BBox = [4]float64{0, 0, 10, 1}
	n.GeomFirst = []uint32{0}
	for _, l := range links {
		n.From, n.To = append(n.From, 0), append(n.To, 0)
		n.WayOSM, n.Reverse, n.Class, n.LengthM = append(n.WayOSM, l.way), append(n.Reverse, l.reverse), append(n.Class, l.class), append(n.LengthM, l.metres)
		n.GeomLon, n.GeomLat = append(n.GeomLon, l.lon...), append(n.GeomLat, make([]float32, len(l.lon))...)
		n.GeomFirst = append(n.GeomFirst, uint32(len(n.GeomLon)))
	}
	p := &placer{b: b}
	pts, total := p.streetPoints()
	if len(pts) != 3+2+2 || total != 700 {
		t.Errorf("%d homes on %g m, want 7 on 700", len(pts), total)
	}
}
