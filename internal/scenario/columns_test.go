package scenario

import (
	"fmt"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
)

// A new line with a new stop beside service that has stations, shapes, ways
// through the streets and least transfer times: those stay what they were, and
// the line has none of its own. apply1 checks the whole city.
func TestANewLineKeepsWhatOtherServiceHas(t *testing.T) {
	c := testcity.Grid(testcity.Default())
	tt := &c.Timetable
	tt.StationID, tt.StationName, tt.StationLon, tt.StationLat = []string{"S"}, []string{"Station"}, []float64{1}, []float64{0}
	tt.StopStation = make([]uint32, tt.NumStops())
	tt.PatternShape, tt.ShapeFirst, tt.ShapeM = make([]uint32, tt.NumPatterns()), []uint32{0, 2}, make([]float32, len(tt.Stop))
	tt.ShapeLon, tt.ShapeLat = []float32{1, 1.001}, []float32{0, 0}
	tt.HopFirst, tt.HopLink = make([]uint32, len(tt.Stop)+1), []units.LinkID{7}
	for k := 1; k < len(tt.HopFirst); k++ {
		tt.HopFirst[k] = 1
	}
	tt.HopMatch, tt.HopFrom = make([]city.HopMatch, len(tt.Stop)), make([]float32, len(tt.Stop))
	tt.HopTo, tt.HopOffM = make([]float32, len(tt.Stop)), make([]float32, len(tt.Stop))
	tt.HopMatch[0], tt.HopTo[0] = city.HopShape, 1
	tt.TransferS = make([]units.Seconds, len(tt.TransferTo))
	for i := range tt.TransferS {
		tt.TransferS[i] = units.Seconds(i)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	before := fingerprint(t, c)
	at := testcity.NodeAt(c, 10, 13)
	p := apply1(t, c, fmt.Sprintf(`{"city":"testcity","modifications":[{"type":"new_line","stops":["r10-4",{"lon":%v,"lat":%v},"r10-16"]}]}`, c.Net.NodeLon[at], c.Net.NodeLat[at]))
	if fingerprint(t, c) != before {
		t.Error("the base city changed")
	}
	got := &p.City.Timetable
	if got.NumStops() == tt.NumStops() || got.NumPatterns() != tt.NumPatterns()+2 {
		t.Fatalf("%d stops, %d patterns", got.NumStops(), got.NumPatterns())
	}
	// Least times belong to pairs of stops, wherever these are listed now.
	least := func(t *city.Timetable) map[[2]units.StopID]units.Seconds {
		m := map[[2]units.StopID]units.Seconds{}
		for s := range units.StopID(t.NumStops()) {
			for i := t.TransferFirst[s]; i < t.TransferFirst[s+1]; i++ {
				m[[2]units.StopID{s, t.TransferTo[i]}] = t.TransferS[i]
			}
		}
		return m
	}
	was := least(tt)
	for pair, s := range least(got) {
		if s != was[pair] { // 0 for pairs that are new
			t.Errorf("from stop %d to %d at least %d s, was %d", pair[0], pair[1], s, was[pair])
		}
	}
	if len(least(got)) == len(was) {
		t.Error("the new stop has no footpaths")
	}
	for q := range units.PatternID(got.NumPatterns()) {
		lon, _ := got.Shape(q)
		if old := int(q) < tt.NumPatterns(); (lon != nil) != old {
			t.Errorf("pattern %d: shape %v", q, lon)
		}
	}
	if links, _, _, how := got.Hop(0, 0); how != city.HopShape || len(links) != 1 || links[0] != 7 {
		t.Errorf("the first hop is %v, found by way %d", links, how)
	}
	if links, _, _, how := got.Hop(units.PatternID(tt.NumPatterns()), 0); how != city.HopNone || len(links) != 0 {
		t.Errorf("the new line drives over %v", links)
	}
}
