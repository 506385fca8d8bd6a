package scenario

import (
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// closeTo makes footpaths of all streets that touch one of these nodes, but of
// those among them.
func closeTo(c *city.City, nodes ...units.NodeID) {
	in := map[units.NodeID]bool{}
	for _, n := range nodes {
		in[n] = true
	}
	for l := range c.Net.NumLinks() {
		if in[c.Net.From[l]] != in[c.Net.To[l]] {
			c.Net.Class[l], c.Net.Modes[l] = city.Path, city.AllowWalk
		}
	}
}

// Beta stands at two junctions that only a footpath joins to the rest, as stops
// in a square for people on foot do: the line ends at the nearest junction of
// the streets that are joined, 4,750 m from Alpha along the row or 5,250 m
// around the island's corner, whatever is shorter.
func TestAStopOnAnIslandIsJoined(t *testing.T) {
	c := drawn()
	closeTo(c, testcity.NodeAt(c, 20, 10), testcity.NodeAt(c, 20, 11))
	p := apply1(t, c, `{"city":"testcity","tram_start":"Alpha","tram_end":"Beta"}`)
	if m := p.Lines[0].LengthM; m < 4700 || m > 5300 {
		t.Errorf("%.0f m", m)
	}
}

// Two stops that one junction serves give a problem, with the short form and
// with the full one.
func TestStopsAtOneJunctionAreAProblem(t *testing.T) {
	c := drawn()
	s := testcity.AddStop(c, testcity.NodeAt(c, 4, 10), "beside", "Beside", 0)
	c.Timetable.StopLat[s] += 20 * testcity.DegPerM
	testcity.JoinStops(c, testcity.TransferMaxM)
	for _, body := range []string{
		`{"city":"testcity","tram_start":"c4","tram_end":"beside"}`,
		`{"city":"testcity","modifications":[{"type":"new_line","stops":["c4","beside"]}]}`,
	} {
		cfg, ps := Merge(parse(t, body), c, spec.DefaultLimits(), "test")
		if len(ps) == 0 {
			_, ps = Apply(c, cfg)
		}
		if len(ps) != 1 || !strings.Contains(ps[0].Message, "both are at one junction") {
			t.Errorf("%s: %v", body, ps)
		}
	}
}
