package assign

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
)

// One trip between corners of a grid, and one turn that is banned on its way.
func TestFromCity(t *testing.T) {
	c := testcity.Grid(testcity.Options{N: 3, LineEvery: -1})
	net := &c.Net
	corner, middle, end := testcity.NodeAt(c, 0, 0), testcity.NodeAt(c, 1, 0), testcity.NodeAt(c, 2, 0)
	first, second := linkOf(t, net, corner, middle), linkOf(t, net, middle, end)
	d := &Demand{From: []int32{0}, To: []int32{1}, Trips: []float64{60}}
	solve := func() (*CityNetwork, *Result) {
		n := FromCity(net, []units.NodeID{corner, end})
		r := mustSolve(t, &n.Network, d, Options{Gap: 1e-9})
		verify(t, &n.Network, d, Weights{}, r, 1e-8)
		return n, r
	}
	n, r := solve()
	// 2 x 250 m at 10 m/s, 60 vehicles an hour on 1,800: 50 s and a trifle.
	near(t, "minutes straight on", r.TotalCost/60, 50.0/60, 1e-6)
	near(t, "volume straight on", volumeOf(n, r, second), 60, 1e-9)
	ban(net, first, second)
	n, r = solve()
	// Around: four blocks, by any of three ways, of which none turns as banned.
	near(t, "minutes around", r.TotalCost/60, 100.0/60, 1e-6)
	r.Paths(d, func(p Path) bool {
		last := units.NoLink
		for _, l := range p.Links {
			if s := n.Street[l]; s != units.NoLink {
				if last == first && s == second {
					t.Errorf("%g trips turn where it is banned", p.Flow)
				}
				last = s
			}
		}
		return true
	})
	// A trip that ends where the ban is may still arrive by the banned link.
	n = FromCity(net, []units.NodeID{corner, middle})
	r = mustSolve(t, &n.Network, d, Options{Gap: 1e-9})
	near(t, "minutes to the middle", r.TotalCost/60, 25.0/60, 1e-6)

	var csv, lines bytes.Buffer
	if err := WriteStreets(&csv, net, n, r); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(csv.String(), "\n"); got != net.NumLinks()+1 || !strings.Contains(csv.String(), strconv.FormatInt(net.WayOSM[first], 10)+",") {
		t.Errorf("%d rows:\n%s", got, csv.String())
	}
	if err := WriteStreetsGeoJSON(&lines, net, n, r); err != nil {
		t.Fatal(err)
	}
	var g struct {
		Features []struct {
			Properties map[string]float64
			Geometry   struct{ Coordinates [][2]float64 }
		}
	}
	if err := json.Unmarshal(lines.Bytes(), &g); err != nil || len(g.Features) != 1 || math.Abs(g.Features[0].Properties["volume"]-60) > 1e-9 || len(g.Features[0].Geometry.Coordinates) < 2 {
		t.Errorf("%v\n%s", err, lines.String())
	}
	// The vehicles of a street's copy are the street's.
	twin := int(first)
	for l := range net.NumLinks() {
		if net.From[l] == net.From[first] && l != int(first) {
			twin = l
		}
	}
	net.To[twin], net.WayOSM[twin], net.Reverse[twin] = net.To[first], net.WayOSM[first], units.NoLink
	for _, col := range [][]float32{net.GeomLon, net.GeomLat} {
		copy(col[net.GeomFirst[twin]:net.GeomFirst[twin+1]], col[net.GeomFirst[first]:net.GeomFirst[first+1]])
	}
	for i, l := range n.Street {
		if l == units.LinkID(twin) {
			r.Volume[i] = 5
		}
	}
	g.Features = nil
	lines.Reset()
	if err := WriteStreetsGeoJSON(&lines, net, n, r); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(lines.Bytes(), &g); err != nil || len(g.Features) != 1 || math.Abs(g.Features[0].Properties["volume"]-65) > 1e-9 {
		t.Errorf("with a copy: %v\n%s", err, lines.String())
	}
}

func linkOf(t *testing.T, net *city.Network, a, b units.NodeID) units.LinkID {
	t.Helper()
	for l := net.FirstOut[a]; l < net.FirstOut[a+1]; l++ {
		if net.To[l] == b {
			return units.LinkID(l)
		}
	}
	t.Fatalf("no link from %d to %d", a, b)
	return units.NoLink
}

// ban forbids link b after link a.
func ban(net *city.Network, a, b units.LinkID) {
	net.BanTo = append(append(append([]units.LinkID(nil), net.BanTo[:net.BanFirst[a+1]]...), b), net.BanTo[net.BanFirst[a+1]:]...)
	for l := int(a) + 1; l < len(net.BanFirst); l++ {
		net.BanFirst[l]++
	}
}

func volumeOf(n *CityNetwork, r *Result, street units.LinkID) (v float64) {
	for i, l := range n.Street {
		if l == street {
			v += r.Volume[i]
		}
	}
	return v
}
