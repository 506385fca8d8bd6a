package build

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/malikobaid/cityflow/internal/city"
)

// A street of two pieces west to east, a lane that leads east alone, a path,
// and a turn from way 17 banned over way 12: its piece has a copy.
const countedOSM = `<osm>
<node id="1" lat="0.001" lon="0.001"/><node id="2" lat="0.001" lon="0.004"/><node id="3" lat="0.001" lon="0.009"/>
<node id="4" lat="0.006" lon="0.001"/><node id="5" lat="0.006" lon="0.004"/><node id="6" lat="0.006" lon="0.009"/>
<way id="11"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="residential"/><tag k="name" v="Long Street"/></way>
<way id="12"><nd ref="2"/><nd ref="5"/><tag k="highway" v="residential"/></way>
<way id="13"><nd ref="4"/><nd ref="5"/><nd ref="6"/><tag k="highway" v="residential"/><tag k="oneway" v="yes"/></way>
<way id="14"><nd ref="1"/><nd ref="4"/><tag k="highway" v="residential"/></way>
<way id="15"><nd ref="3"/><nd ref="6"/><tag k="highway" v="residential"/></way>
<node id="7" lat="0.0002" lon="0.004"/><way id="17"><nd ref="7"/><nd ref="2"/><tag k="highway" v="residential"/></way>
<way id="16"><nd ref="4"/><nd ref="3"/><tag k="highway" v="footway"/></way>
<relation id="1"><member type="way" ref="17" role="from"/><member type="way" ref="12" role="via"/><member type="way" ref="13" role="to"/><tag k="type" v="restriction"/><tag k="restriction" v="no_right_turn"/></relation>
</osm>`

func countedTown(t *testing.T, counts ...string) (*city.City, error) {
	t.Helper()
	yaml := goodYAML + "observed:\n  - {kind: mode_share, what: trips, year: 2018, values: {car: 22}, source: SrV}\n" +
		"  - kind: count\n    what: cars\n    source: loops\n    year: 2018\n    counts:\n"
	for _, c := range counts {
		yaml += `      - {from: "08:00", to: "09:00", vehicles_per_hour: 40, ` + c + "}\n"
	}
	return City(fstest.MapFS{"city.yaml": {Data: []byte(yaml)}, "osm.pbf": {Data: []byte(countedOSM)}}, "tiny", nil)
}

// Each count is on the links that were meant, with their copies.
func TestCountsFindTheirStreet(t *testing.T) {
	c, err := countedTown(t, "way: 11", "way: 11, heading: west", "way: 11, heading: north-west, at: [0.002, 0.001]", "way: 13", "way: 12, heading: north")
	if err != nil {
		t.Fatal(err)
	}
	n := &c.Net
	if f := c.Info.Observed[0].Figures; len(f) != 1 || f[0].Spot != nil {
		t.Errorf("the survey became %+v", f)
	}
	figures := c.Info.Observed[1].Figures
	copies := 0
	for i, want := range []struct {
		heading string
		lon     float64
		from    []int64 // nodes that the links leave
		to      []int64
	}{
		{"", 0.0065, []int64{2, 3}, []int64{2, 3}},
		{"west", 0.0065, []int64{3}, []int64{2}},
		{"north-west", 0.002, []int64{2}, []int64{1}},
		{"east", 0.0065, []int64{5}, []int64{6}}, // one way: nobody need say where to
		{"north", 0.004, []int64{2}, []int64{5}},
	} {
		s := figures[i].Spot
		if s.Heading != want.heading || s.Lon != want.lon || s.From != 8*3600 || s.To != 9*3600 || figures[i].Value != 40 || figures[i].Mode != "car" {
			t.Errorf("%d: %+v", i, s)
		}
		from, to := map[int64]bool{}, map[int64]bool{}
		for _, l := range s.Links {
			from[n.NodeOSM[n.From[l]]], to[n.NodeOSM[n.To[l]]] = true, true
		}
		for _, v := range want.from {
			if !from[v] {
				t.Errorf("%d: no link leaves node %d", i, v)
			}
		}
		for _, v := range want.to {
			if !to[v] {
				t.Errorf("%d: no link leads to node %d", i, v)
			}
		}
		if len(from) != len(want.from) || len(to) != len(want.to) || !slices.IsSorted(s.Links) {
			t.Errorf("%d: links %v", i, s.Links)
		}
		copies += len(s.Links) - len(want.from)
	}
	if copies == 0 {
		t.Error("no street with a copy: the restriction is not seen, and this test shows less than it says")
	}
	if !slices.ContainsFunc(c.Info.Report, func(l city.ReportLine) bool {
		return l.What == "traffic counts placed" && l.Count == 5 && strings.HasPrefix(l.Detail, "4 of them")
	}) {
		t.Errorf("the report does not tell of counts: %+v", c.Info.Report)
	}

	// A pack whose counts point elsewhere is refused.
	figures[0].Spot.Links[0] = 9999
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "Observed[1].Figures[0].Spot.Links") {
		t.Errorf("%v", err)
	}
}

// Counts that lie on no street are told together, with what would be right.
func TestCountsOnNoStreet(t *testing.T) {
	_, err := countedTown(t, "way: 99", "way: 16", "way: 11, at: [0.002, 0.003]", "way: 13, heading: west", "way: 11, heading: north", "way: 12")
	if err == nil {
		t.Fatal("no error")
	}
	for i, want := range []string{"way: 99 is no street for cars", "way: 16 is no street for cars", "m from way 11", "drive east there, not west", "drive east and west there, not north"} {
		if line := fmt.Sprintf("observed[1].counts[%d].", i); !strings.Contains(err.Error(), line) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s %q is missing in\n%v", line, want, err)
		}
	}
	if strings.Contains(err.Error(), "counts[5]") {
		t.Errorf("a good count is refused:\n%v", err)
	}
}
