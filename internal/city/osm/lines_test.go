package osm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/malikobaid/cityflow/internal/city"
)

func TestTransitLines(t *testing.T) {
	src, err := Read(strings.NewReader(`<osm version="0.6">
<node id="1" lon="1" lat="1"><tag k="name" v="Alpha"/><tag k="public_transport" v="stop_position"/></node>
<node id="2" lon="2" lat="1"><tag k="public_transport" v="stop_position"/></node>
<node id="3" lon="3" lat="1"><tag k="name" v="Gamma"/><tag k="highway" v="bus_stop"/></node>
<node id="4" lon="2.0001" lat="1"/><node id="5" lon="2.0003" lat="1"/><node id="6" lon="2.0003" lat="1.0002"/><node id="7" lon="2.0001" lat="1.0002"/>
<way id="10"><nd ref="4"/><nd ref="5"/><nd ref="6"/><nd ref="7"/><nd ref="4"/><tag k="name" v="Beta"/><tag k="public_transport" v="platform"/></way>
<way id="11"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="primary"/></way>
<relation id="20"><member type="node" ref="1" role="stop"/><member type="node" ref="2" role="stop"/><member type="node" ref="2" role="stop_exit_only"/><member type="node" ref="3" role="stop"/><member type="way" ref="10" role="platform"/><member type="way" ref="11" role=""/><member type="node" ref="99" role="stop"/>
 <tag k="type" v="route"/><tag k="route" v="tram"/><tag k="ref" v="5"/><tag k="operator" v="City"/><tag k="public_transport:version" v="2"/><tag k="interval" v="00:10"/></relation>
<relation id="21"><member type="node" ref="3" role=""/><member type="node" ref="1" role=""/><tag k="type" v="route"/><tag k="route" v="bus"/><tag k="ref" v="7"/></relation>
<relation id="22"><member type="way" ref="11" role=""/><tag k="type" v="route"/><tag k="route" v="bus"/><tag k="ref" v="8"/></relation>
<relation id="23"><member type="node" ref="3" role="forward_stop"/><member type="node" ref="1" role="forward_stop"/><tag k="type" v="route"/><tag k="route" v="bus"/><tag k="name" v="Ring"/><tag k="roundtrip" v="yes"/></relation>
<relation id="24"><member type="node" ref="3" role="platform"/><member type="way" ref="10" role="platform"/><tag k="type" v="route"/><tag k="route" v="ferry"/><tag k="ref" v="F"/></relation>
<relation id="25"><member type="way" ref="10" role="platform"/><member type="node" ref="3" role="platform"/><tag k="type" v="route"/><tag k="route" v="ferry"/><tag k="ref" v="F"/></relation>
<relation id="26"><member type="node" ref="3" role="stop"/><member type="node" ref="1" role="stop"/><tag k="type" v="route"/><tag k="route" v="bicycle"/></relation>
</osm>`))
	if err != nil {
		t.Fatal(err)
	}
	alpha, gamma := LineStop{"n1", "Alpha", 1, 1}, LineStop{"n3", "Gamma", 3, 1}
	// The stopping place has no name; its platform, 20 m away, has.
	beta := LineStop{"n2", "Beta", 2, 1}
	platform := LineStop{"w10", "Beta", 2.0002, 1.0001}
	lines, few := TransitLines(src)
	want := []TransitLine{
		{OSM: 20, Name: "5", Operator: "City", Mode: city.Tram, HeadwayS: 600, Stops: []LineStop{alpha, beta, gamma}},
		{OSM: 21, Name: "7", Mode: city.Bus, BothWays: true, Stops: []LineStop{gamma, alpha}},
		{OSM: 23, Name: "Ring", Mode: city.Bus, Stops: []LineStop{gamma, alpha}},
		{OSM: 24, Name: "F", Mode: city.Ferry, Stops: []LineStop{gamma, platform}},
		{OSM: 25, Name: "F", Mode: city.Ferry, Stops: []LineStop{platform, gamma}},
	}
	near := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })
	if d := cmp.Diff(want, lines, near); d != "" || few != 1 {
		t.Errorf("%d without stops, want 1 (-want +got):\n%s", few, d)
	}
}

func TestInterval(t *testing.T) {
	for s, want := range map[string]float64{"10": 600, "7.5": 450, "00:20": 1200, "1:00": 3600, "00:02:30": 150, "": 0, "often": 0, "-5": 0, "0": 0, "1:2:3:4": 0, "99:00": 0, "NaN": 0} {
		if got := interval(s); got != want {
			t.Errorf("%q is %g s, want %g", s, got, want)
		}
	}
}
