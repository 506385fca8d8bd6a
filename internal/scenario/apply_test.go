package scenario

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/testcity"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

func apply1(t testing.TB, c *city.City, body string) *Plan {
	t.Helper()
	p, ps := Apply(c, merge(t, c, body))
	if len(ps) > 0 {
		t.Fatalf("%s: %v", body, ps)
	}
	if err := p.City.Validate(); err != nil {
		t.Fatalf("%s: the changed city is broken: %v", body, err)
	}
	return p
}

func fingerprint(t testing.TB, c *city.City) [32]byte {
	t.Helper()
	var b bytes.Buffer
	if err := city.Encode(&b, c); err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b.Bytes())
}

// drawn is a street of 5 km with two ends and stops beside it:
//
//	                                          o n110
//	                              o n90
//	                                                 o t1
//	a====near====c3====c4=========|===========|======t2==========early====b
//	0    250     750   1000       2000        3000   3500/3520   4750     5000 m
//
// n90 stands 90 m off the street, n110 110 m; t1 (40 m off) and t2 (10 m off)
// are bays of one stop group.
func drawn() *city.City {
	c := testcity.Grid(testcity.Options{LineEvery: -1})
	stop := func(id, name string, eastM, northM float64) {
		node := testcity.NodeAt(c, int(eastM/250), 10)
		s := testcity.AddStop(c, node, id, name, 0)
		c.Timetable.StopLon[s] += math.Mod(eastM, 250) * testcity.DegPerM
		c.Timetable.StopLat[s] += northM * testcity.DegPerM
	}
	stop("a", "Alpha", 0, 0)
	stop("b", "Beta", 5000, 0)
	stop("near", "Near", 250, 0)
	stop("c3", "Third", 750, 0)
	stop("c4", "Fourth", 1000, 0)
	stop("n90", "Ninety", 2000, 90)
	stop("n110", "Far", 3000, 110)
	stop("t1", "Twins", 3500, 40)
	stop("t2", "Twins", 3520, 10)
	stop("early", "Early", 4750, 0)
	testcity.JoinStops(c, testcity.TransferMaxM)
	return c
}

// Within 100 m of the path, 500 m from the last one and from the end. From
// Beta one would take Fourth (4,000 m) and skip Third (4,250 m): the canonical
// direction, from Alpha, takes Third.
func TestCallingPoints(t *testing.T) {
	for _, x := range []struct{ from, to, want string }{
		{"Alpha", "Beta", "a c3* n90* t2* b"},
		{"Beta", "Alpha", "b t2* n90* c3* a"},
		{"c3", "n110", "c3 n90* n110"},
		{"a", "c4", "a c4"}, // c3 is 250 m from the end
	} {
		cfg := merge(t, drawn(), fmt.Sprintf(`{"city":"testcity","tram_start":%q,"tram_end":%q}`, x.from, x.to))
		var got []string
		for _, s := range cfg.Modifications[0].Stops {
			id := s.ID
			if s.Chosen {
				id += "*"
			}
			got = append(got, id)
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("%s to %s calls at %v, want %s", x.from, x.to, got, x.want)
		}
	}
}

// 5,000 m at 20 km/h (5.556 m/s): 750 m take 135 s, 1,250 m 225 s, 1,520 m
// (to where the way passes t2) 273.6 s, the last 1,480 m 266.4 s: 900 s in
// whole seconds, and three dwells of 25 s between the ends.
func TestLineAsBuilt(t *testing.T) {
	p := apply1(t, drawn(), `{"city":"testcity","tram_start":"Beta","tram_end":"Alpha"}`)
	l := p.Lines[0]
	if l.LengthM != 5000 || l.RunS != 975 {
		t.Errorf("length %g m, run %d s, want 5000 and 975", l.LengthM, l.RunS)
	}
	// Both ways with 300 s at each end: 2 x 1,275 s at 600 s are 4.25 vehicles.
	if l.Vehicles != 5 {
		t.Errorf("%d vehicles, want 5", l.Vehicles)
	}
	if l.Stops[0].ID != "b" || l.Lon[0] < l.Lon[len(l.Lon)-1] || len(l.Lon) != 21 {
		t.Errorf("told from %s at %g to %g over %d points, want as asked, from b westwards over 21 junctions", l.Stops[0].ID, l.Lon[0], l.Lon[len(l.Lon)-1], len(l.Lon))
	}
	tt := &p.City.Timetable
	if tt.NumPatterns() != 2 || tt.NumTrips() != 2*19*6 {
		t.Fatalf("%d patterns and %d trips, want both ways, every 10 min from 05:00 until before 24:00", tt.NumPatterns(), tt.NumTrips())
	}
	arr, dep := tt.Times(0, 0)
	start := units.Seconds(5 * 3600)
	for i := range arr {
		arr[i], dep[i] = arr[i]-start, dep[i]-start
	}
	if d := cmp.Diff([][]units.Seconds{{0, 135, 385, 684, 975}, {0, 160, 410, 709, 975}}, [][]units.Seconds{arr, dep}); d != "" {
		t.Errorf("first trip: %s", d)
	}
}

// A chosen stop in a side street is passed, not driven to: the line is as long
// as the way between its ends. Asked for by name it is driven to, and so is one
// that a request calls chosen but that stands elsewhere. "side" stands 90 m
// north of the street, "off" 140 m, at 1,200 m, where blocks are 150 m deep: the
// junction nearest to both is 150 m up.
func TestChosenStopsMakeNoDetour(t *testing.T) {
	c := testcity.Grid(testcity.Options{LineEvery: -1, SpacingM: 150})
	for _, x := range []struct {
		id       string
		col, row int
		northM   float64
	}{{"a", 0, 10, 0}, {"side", 8, 10, 90}, {"off", 8, 10, 140}, {"b", 20, 10, 0}} {
		s := testcity.AddStop(c, testcity.NodeAt(c, x.col, x.row), x.id, x.id, 0)
		c.Timetable.StopLat[s] += x.northM * testcity.DegPerM
	}
	testcity.JoinStops(c, testcity.TransferMaxM)
	for _, x := range []struct {
		body string
		want float64
	}{
		{`{"city":"testcity","tram_start":"a","tram_end":"b"}`, 3000},
		{`{"city":"testcity","modifications":[{"type":"new_line","stops":["a",{"id":"side","chosen":true},"b"]}]}`, 3000},
		{`{"city":"testcity","modifications":[{"type":"new_line","stops":["a","side","b"]}]}`, 3300},
		{`{"city":"testcity","modifications":[{"type":"new_line","stops":["a",{"id":"off","chosen":true},"b"]}]}`, 3300},
	} {
		l := apply1(t, c, x.body).Lines[0]
		if len(l.Stops) != 3 || math.Abs(l.LengthM-x.want) > 0.01 {
			t.Errorf("%s: %g m with %d calls, want %g m with 3", x.body, l.LengthM, len(l.Stops), x.want)
		}
	}
}

// The mirrored question builds the same vehicles.
func TestMirroredLines(t *testing.T) {
	for _, x := range []struct{ there, back string }{
		{`"tram_start":"Alpha","tram_end":"Beta"`, `"tram_start":"Beta","tram_end":"Alpha"`},
		{`"modifications":[{"type":"new_line","name":"x","stops":["b","n90",{"lon":1.001,"lat":0.004},"a"]}]`,
			`"modifications":[{"type":"new_line","name":"x","stops":["a",{"lon":1.001,"lat":0.004},"n90","b"]}]`},
		{`"modifications":[{"type":"new_line","name":"x","stops":["a","n90","b","c3","a"]}]`, `"modifications":[{"type":"new_line","name":"x","stops":["a","c3","b","n90","a"]}]`},
	} {
		one, two := apply1(t, drawn(), `{"city":"testcity",`+x.there+`}`), apply1(t, drawn(), `{"city":"testcity",`+x.back+`}`)
		for _, p := range []*Plan{one, two} {
			p.City.Timetable.Lines[0].Name = "" // names its ends
		}
		if d := cmp.Diff(one.City.Timetable, two.City.Timetable); d != "" {
			t.Errorf("%s: %s", x.there, d)
		}
		slices.Reverse(two.Lines[0].Stops)
		if d := cmp.Diff(one.Lines[0].Stops, two.Lines[0].Stops); d != "" {
			t.Errorf("%s: stops as told: %s", x.there, d)
		}
	}
}

func TestOneWayRunsAsAsked(t *testing.T) {
	for _, stops := range []string{"a n90 b", "b n90 a"} {
		p := apply1(t, drawn(), `{"city":"testcity","modifications":[{"type":"new_line","bidirectional":false,"stops":["`+strings.ReplaceAll(stops, " ", `","`)+`"]}]}`)
		tt := &p.City.Timetable
		var got []string
		for _, s := range tt.StopsOf(0) {
			got = append(got, tt.StopID[s])
		}
		if tt.NumPatterns() != 1 || strings.Join(got, " ") != stops {
			t.Errorf("%d patterns, the first along %v, want one along %s", tt.NumPatterns(), got, stops)
		}
	}
}

// A stop put at the junction (5, 4): along row 4 it is 250 m to the columns 4
// and 6; stops stand 10 m from their junctions. c4-2 and c4-6 are 760 m away.
func TestNewStopByCoordinates(t *testing.T) {
	c := grid()
	at := testcity.NodeAt(c, 5, 4)
	line := fmt.Sprintf(`{"type":"new_line","stops":[{"lon":%v,"lat":%v,"name":"Mill Lane"},"r20-4"]}`, c.Net.NodeLon[at], c.Net.NodeLat[at])
	p := apply1(t, c, `{"city":"testcity","modifications":[`+line+`,`+line+`]}`)
	tt := &p.City.Timetable
	if tt.NumStops() != c.Timetable.NumStops()+1 {
		t.Fatalf("%d stops were added, want one for both lines", tt.NumStops()-c.Timetable.NumStops())
	}
	s := units.StopID(tt.NumStops() - 1)
	if tt.StopName[s] != "Mill Lane" || tt.StopNode[s] != at || tt.StopWalkM[s] > 0.01 {
		t.Errorf("stop %q at node %d, %g m away; want Mill Lane at %d", tt.StopName[s], tt.StopNode[s], tt.StopWalkM[s], at)
	}
	walks := func(from units.StopID, to func(units.StopID) bool) map[string]int {
		out := map[string]int{}
		for i := tt.TransferFirst[from]; i < tt.TransferFirst[from+1]; i++ {
			if to(tt.TransferTo[i]) {
				out[tt.StopID[tt.TransferTo[i]]] = int(math.Round(float64(tt.TransferM[i])))
			}
		}
		return out
	}
	want := map[string]int{"r4-4": 260, "c4-4": 260, "r6-4": 260}
	if d := cmp.Diff(want, walks(s, func(units.StopID) bool { return true })); d != "" {
		t.Errorf("walks from the new stop: %s", d)
	}
	back := map[string]int{}
	for o := range s {
		for _, m := range walks(o, func(to units.StopID) bool { return to == s }) {
			back[tt.StopID[o]] = m
		}
	}
	if d := cmp.Diff(want, back); d != "" {
		t.Errorf("walks to the new stop: %s", d)
	}
}

// Each modification does what it says, and the base keeps every byte.
func TestModificationsLeaveTheBaseAlone(t *testing.T) {
	c := grid()
	before := fingerprint(t, c)
	// Way 15 is the street of row 4: 20 links each way.
	for _, x := range []struct {
		mod   string
		check func(p *Plan, l units.LinkID) bool
	}{
		{`{"type":"speed_limit","links":[{"way":15},{"way":15}],"kmh":18}`, func(p *Plan, l units.LinkID) bool { return p.City.Net.SpeedMS[l] == 5 }},
		{`{"type":"close_links","links":[{"way":15}]}`, func(p *Plan, l units.LinkID) bool {
			return p.City.Net.Modes[l] == city.AllowBike|city.AllowWalk|city.AllowBus
		}},
		{`{"type":"change_capacity","links":[{"way":15},{"way":15}],"lanes":1}`, func(p *Plan, l units.LinkID) bool {
			return p.City.Net.Lanes[l] == 2 && p.City.Net.CapacityVS[l] == 1 && p.City.Net.JamVM[l] == 0.3
		}},
		{`{"type":"demand_scale","factor":1.5,"purpose":"work"}`, func(p *Plan, _ units.LinkID) bool {
			return p.Scale == [city.NumPurposes]float64{1.5, 1, 1, 1} && len(p.Changed) == 0
		}},
		{`{"type":"change_line","line":"L2","remove":true}`, func(p *Plan, _ units.LinkID) bool {
			return p.City.Timetable.NumTrips() < c.Timetable.NumTrips() && len(p.LineChanges) == 1 && len(p.Changed) == 0
		}},
		{`{"type":"change_line","line":"L2","headways":[{"from":"07:00","to":"09:00","every_min":4}]}`, func(p *Plan, _ units.LinkID) bool {
			return p.City.Timetable.NumTrips() > c.Timetable.NumTrips()
		}},
		{`{"type":"new_line","stops":["r0-4",{"lon":1.001,"lat":0.001},"r20-16"]}`, func(p *Plan, _ units.LinkID) bool {
			n := len(p.City.Timetable.Lines)
			return n == len(c.Timetable.Lines)+1 && p.City.Timetable.Lines[n-1].New && len(p.Lines) == 1
		}},
	} {
		p := apply1(t, c, `{"city":"testcity","modifications":[`+x.mod+`]}`)
		if len(p.Changed) > 0 && len(p.Changed) != 40 {
			t.Errorf("%s: %d links changed, want 40", x.mod, len(p.Changed))
		}
		for l := range c.Net.NumLinks() {
			if street := c.Net.WayOSM[l] == 15; street && !x.check(p, units.LinkID(l)) {
				t.Fatalf("%s: link %d is not as asked", x.mod, l)
			} else if !street && (p.City.Net.SpeedMS[l] != c.Net.SpeedMS[l] || p.City.Net.Modes[l] != c.Net.Modes[l] || p.City.Net.Lanes[l] != c.Net.Lanes[l]) {
				t.Fatalf("%s: link %d of another street was changed", x.mod, l)
			}
		}
		if fingerprint(t, c) != before {
			t.Fatalf("%s: the base city was changed", x.mod)
		}
	}
}

// One link in one direction, named by its OSM nodes.
func TestOneDirectionOfAStreet(t *testing.T) {
	c := grid()
	p := apply1(t, c, `{"city":"testcity","modifications":[{"type":"close_links","links":[{"way":15,"from":1085,"to":1084}]}]}`)
	if len(p.Changed) != 1 || c.Net.NodeOSM[c.Net.From[p.Changed[0]]] != 1085 || c.Net.NodeOSM[c.Net.To[p.Changed[0]]] != 1084 {
		t.Errorf("changed %v", p.Changed)
	}
}

// genModification draws modifications of which about half are sound.
func genModification(c *city.City) *rapid.Generator[spec.Modification] {
	rare := func(t *rapid.T) bool { return rapid.IntRange(0, 39).Draw(t, "odd?") == 17 }
	number := func(t *rapid.T, what string, lo, hi float64) float64 {
		if rare(t) {
			return rapid.SampledFrom([]float64{-1, 0.5, 1e9, math.Inf(1), math.NaN()}).Draw(t, what)
		}
		return rapid.Float64Range(lo, hi).Draw(t, what)
	}
	stop := func(t *rapid.T) spec.StopRef {
		switch {
		case rare(t):
			return spec.StopRef{ID: rapid.SampledFrom([]string{"nowhere", "", "r0-4|"}).Draw(t, "odd")}
		case rapid.IntRange(0, 3).Draw(t, "new?") == 0:
			lon, lat := 1+number(t, "lon", -0.011, 0.011), number(t, "lat", -0.011, 0.011)
			return spec.StopRef{Lon: &lon, Lat: &lat, Name: rapid.StringN(0, 3, -1).Draw(t, "name")}
		case rapid.Bool().Draw(t, "by name?"):
			return spec.StopRef{ID: rapid.SampledFrom(c.Timetable.StopName).Draw(t, "by name")}
		}
		return spec.StopRef{ID: rapid.SampledFrom(c.Timetable.StopID).Draw(t, "by id"), Chosen: rapid.Bool().Draw(t, "chosen")}
	}
	clock := func(t *rapid.T, hour int) string {
		if rare(t) {
			return rapid.SampledFrom([]string{"", "24", "30:00", "-1:00"}).Draw(t, "clock")
		}
		return fmt.Sprintf("%d:%02d", hour, rapid.IntRange(0, 59).Draw(t, "minute"))
	}
	street := func(t *rapid.T) spec.LinkRef {
		l := rapid.IntRange(0, c.Net.NumLinks()-1).Draw(t, "link")
		r := spec.LinkRef{Way: c.Net.WayOSM[l]}
		if rapid.Bool().Draw(t, "one direction") {
			r.From, r.To = c.Net.NodeOSM[c.Net.From[l]], c.Net.NodeOSM[c.Net.To[l]]
		}
		if rare(t) {
			r.Way++
		}
		return r
	}
	return rapid.Custom(func(t *rapid.T) spec.Modification {
		m := spec.Modification{Type: rapid.SampledFrom(append([]string{spec.NewLine, spec.NewLine}, supported...)).Draw(t, "type")}
		if rare(t) {
			m.Type = rapid.SampledFrom([]string{"", spec.Toll}).Draw(t, "odd type")
		}
		if rare(t) {
			m.ID = rapid.SampledFrom([]string{"a", "L1", "new-line-1"}).Draw(t, "id")
		}
		some := func(what string) bool { return rapid.IntRange(0, 2).Draw(t, what) == 0 }
		switch m.Type {
		case spec.NewLine:
			for range rapid.IntRange(2, 4).Draw(t, "stops") {
				m.Stops = append(m.Stops, stop(t))
			}
			if some("headways?") {
				for k := range rapid.IntRange(1, 3).Draw(t, "windows") {
					m.Headways = append(m.Headways, spec.Headway{From: clock(t, 5+8*k), To: clock(t, 5+8*k+rapid.IntRange(1, 8).Draw(t, "hours")), EveryMin: number(t, "every", 1, 90)})
				}
			}
			if some("vehicle?") {
				m.SpeedKMH, m.DwellS, m.Capacity = number(t, "speed", 5, 160), number(t, "dwell", 1, 600), number(t, "capacity", 1, 3000)
			}
			if some("fare?") {
				v := number(t, "fare", 0, 1000)
				m.Fare = &v
			}
			if some("one way?") {
				v := rapid.Bool().Draw(t, "both ways")
				m.Bidirectional = &v
			}
		case spec.ChangeLine:
			l := rapid.SampledFrom(c.Timetable.Lines).Draw(t, "line")
			m.Line = rapid.SampledFrom([]string{l.ID, l.Name, l.Label()}).Draw(t, "called")
			if rare(t) {
				m.Line = rapid.SampledFrom([]string{"", "nowhere", "bus"}).Draw(t, "odd line")
			}
			if m.Remove = some("remove?"); !m.Remove || rare(t) {
				for k := range rapid.IntRange(1, 3).Draw(t, "windows") {
					m.Headways = append(m.Headways, spec.Headway{From: clock(t, 3+8*k), To: clock(t, 3+8*k+rapid.IntRange(1, 8).Draw(t, "hours")), EveryMin: number(t, "every", 1, 90)})
				}
			}
		case spec.DemandScale:
			v := number(t, "factor", 0, 10)
			m.Factor, m.Purpose = &v, rapid.SampledFrom([]string{"", "work", "leisure"}).Draw(t, "purpose")
		default:
			for range rapid.IntRange(1, 4).Draw(t, "links") {
				m.Links = append(m.Links, street(t))
			}
			switch m.Type {
			case spec.SpeedLimit:
				m.KMH = number(t, "kmh", 5, 130)
			case spec.ChangeCapacity:
				m.Lanes = number(t, "lanes", 0, 6)
			}
		}
		return m
	})
}

// Whatever is asked, there is a list of problems with places, or a sound city
// whose config means the same when said again; the base never changes.
func TestAnyModificationsGiveProblemsOrASoundCity(t *testing.T) {
	c := testcity.Grid(testcity.Options{N: 9, LineEvery: 4})
	before := fingerprint(t, c)
	gen := genModification(c)
	plans, lines, refused := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		mods := rapid.SliceOfN(gen, 0, 4).Draw(t, "modifications")
		cfg, ps := Merge(&spec.RunRequest{City: "testcity", Modifications: &mods}, c, spec.DefaultLimits(), "test")
		if (cfg == nil) != (len(ps) > 0) {
			t.Fatalf("config %v with problems %v", cfg, ps)
		}
		if cfg == nil {
			refused++
			for _, p := range ps {
				if !strings.HasPrefix(p.Path, "modifications[") || p.Message == "" || len(p.Valid) == 0 {
					t.Errorf("a problem without place, words or way out: %+v", p)
				}
			}
			return
		}
		plans++
		p, ps := Apply(c, cfg)
		if len(ps) > 0 {
			t.Fatalf("merged, then refused: %v", ps)
		}
		if len(p.Lines) > 0 {
			lines++
		}
		if err := p.City.Validate(); err != nil {
			t.Fatalf("broken city: %v", err)
		}
		again, ps := Merge(&spec.RunRequest{City: "testcity", Modifications: &cfg.Modifications}, c, spec.DefaultLimits(), "test")
		if len(ps) > 0 || again.RunKey() != cfg.RunKey() {
			t.Fatalf("said again: %v\n%s", ps, cmp.Diff(cfg, again))
		}
	})
	t.Logf("%d plans, %d with lines; %d refused", plans, lines, refused)
	if plans == 0 || lines == 0 || refused == 0 {
		t.Error("the generator is one-sided")
	}
	if fingerprint(t, c) != before {
		t.Error("the base city was changed")
	}
}
