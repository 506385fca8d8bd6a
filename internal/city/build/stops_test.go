package build

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
)

// Stops along a street with a junction every 250 m: A, B, C and D stand at
// junctions 0, 1, 4 and 10. P and Q are platforms of a station; P is reached
// through doors at junctions 2 (a minute) and 3 (half a minute), Q through the
// latter (15 s). People walk 4.8 km/h: half a minute is 40 m.
func TestFootpathsFollowStreetsStationsAndRules(t *testing.T) {
	o := testcity.Default()
	o.N, o.LineEvery = 12, -1
	c := testcity.Grid(o)
	n := &c.Net
	at := func(col int) (lon, lat float64) {
		v := testcity.NodeAt(c, col, 0)
		return n.NodeLon[v], n.NodeLat[v]
	}
	tt := &c.Timetable
	tt.StopID, tt.StopName = []string{"A", "B", "C", "D", "P", "Q"}, []string{"A", "B", "C", "D", "P", "Q"}
	for _, col := range []int{0, 1, 4, 10, 8, 8} {
		lon, lat := at(col)
		tt.StopLon, tt.StopLat = append(tt.StopLon, lon), append(tt.StopLat, lat)
	}
	door := func(col int, s float64) gtfs.Door {
		lon, lat := at(col)
		return gtfs.Door{Lon: lon, Lat: lat, S: s}
	}
	const (
		A, B, C, D, P, Q = units.StopID(0), units.StopID(1), units.StopID(2), units.StopID(3), units.StopID(4), units.StopID(5)
	)
	b := &builder{city: *c, walk: city.NewPointIndex(n.NodeX, n.NodeY, 120, nil), extra: &gtfs.Extra{
		Parents: []string{"", "", "", "", "S", "S"},
		Doors:   [][]gtfs.Door{nil, nil, nil, nil, {door(2, 60), door(3, 30)}, {door(3, 15)}},
		Inner:   []gtfs.Inner{{From: P, To: Q, S: 40}, {From: Q, To: P, S: 3000}},
		Rules: []gtfs.Rule{
			{From: C, To: P, Kind: gtfs.MinimumTime, MinS: 600}, {From: A, To: C, Kind: gtfs.MinimumTime, MinS: 900}, {From: A, To: D},
			{From: B, To: A, Kind: gtfs.NotPossible}, {From: B, To: P, Kind: gtfs.Timed}, {From: A, To: A, Kind: gtfs.MinimumTime, MinS: 60},
		},
	}}
	b.city.Timetable = *tt
	if err := b.linkStops(); err != nil {
		t.Fatal(err)
	}
	tt = &b.city.Timetable
	got := map[string]string{}
	for s := range tt.StopID {
		for i := tt.TransferFirst[s]; i < tt.TransferFirst[s+1]; i++ {
			got[tt.StopID[s]+tt.StopID[tt.TransferTo[i]]] = fmt.Sprintf("%.0f m, %d s", math.Round(float64(tt.TransferM[i])), tt.TransferS[i])
		}
	}
	want := map[string]string{
		"AB": "250 m, 0 s", "AC": "1000 m, 900 s", // BA is forbidden, AD too far
		"BP": "330 m, 0 s", "PB": "330 m, 0 s", // through the door at junction 2
		"CP": "290 m, 600 s", "PC": "290 m, 0 s", "CQ": "270 m, 0 s", "QC": "270 m, 0 s",
		"PQ": "53 m, 40 s", // inside, where the pathway is shorter than out and in
		"QP": "60 m, 0 s",  // the pathway back takes 50 minutes
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if tt.StopNode[P] != testcity.NodeAt(c, 3, 0) || tt.StopWalkM[P] != 40 || tt.StopNode[A] != testcity.NodeAt(c, 0, 0) {
		t.Errorf("P hangs on node %d at %g m", tt.StopNode[P], tt.StopWalkM[P])
	}
	if tt.StopGroup[P] != tt.StopGroup[Q] || tt.StopGroup[A] == tt.StopGroup[B] {
		t.Errorf("groups %v", tt.StopGroup)
	}
	counts := map[string]float64{}
	for _, l := range b.table {
		counts[l.What] = l.Count
	}
	for what, n := range map[string]float64{"footpaths added by transfers.txt": 1, "footpaths forbidden by transfers.txt": 1, "transfers too far to walk": 1,
		"timed transfers": 1, "minimum times at one stop": 1, "stops reached through entrances": 2, "footpaths between stops": 10} {
		if counts[what] != n {
			t.Errorf("%s: %g, want %g", what, counts[what], n)
		}
	}
}
