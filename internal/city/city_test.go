package city

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/malikobaid/cityflow/internal/units"
)

// tiny is a city of one two-way street with one stop at each end, one line and
// one place at each node: every column is in use.
//
//	A (stop a, home) ---- 500 m ---- B (stop b, shop)
func tiny() *City {
	c := &City{}
	c.Info = Info{Slug: "tiny", Name: "Tiny", BBox: [4]float64{0, 0, 0.01, 0.01}, ServiceDate: "2023-06-13", Report: []ReportLine{{Part: "streets", What: "nodes", Count: 2}}}
	n := &c.Net
	n.NodeLon, n.NodeLat = []float64{0.001, 0.0055}, []float64{0.005, 0.005}
	n.NodeX, n.NodeY = []float32{-445, 55}, []float32{0, 0}
	n.NodeOSM, n.NodeSignal = []int64{11, -12}, []bool{true, false}
	n.From, n.To = []units.NodeID{0, 1}, []units.NodeID{1, 0}
	n.LengthM, n.SpeedMS, n.Lanes = []float32{500, 500}, []float32{10, 10}, []float32{1, 1}
	n.CapacityVS, n.JamVM = []float32{.3, .3}, []float32{.13, .13}
	n.Modes, n.Class = []ModeSet{AllowCar | AllowWalk, AllowCar | AllowWalk}, []RoadClass{Residential, Residential}
	n.Roundabout = []bool{true, false}
	n.NodeHeightM, n.Grade = []float32{-3, 12}, []float32{.03, -.03}
	n.WayOSM, n.NameIdx, n.Names = []int64{7, 7}, []uint32{1, 1}, []string{"", `The "High" Street`}
	n.Reverse = []units.LinkID{1, 0}
	n.GeomFirst = []uint32{0, 3, 6}
	n.GeomLon, n.GeomLat = []float32{.001, .003, .0055, .0055, .003, .001}, []float32{.005, .005, .005, .005, .005, .005}
	n.BanFirst, n.BanTo = []uint32{0, 1, 1}, []units.LinkID{1}
	n.IndexLinks()
	t := &c.Timetable
	t.StopID, t.StopName = []string{"a", "b"}, []string{"St Julian's", "Market (Bay 4)"}
	t.StopLon, t.StopLat = n.NodeLon, n.NodeLat
	t.StopNode, t.StopWalkM, t.StopGroup = []units.NodeID{0, 1}, []float32{0, 0}, []uint32{0, 1}
	t.Lines = []Line{{ID: "1", Name: "1", Mode: Tram, Fare: 2}}
	t.PatternLine, t.PatternStops, t.Stop = []units.LineID{0}, []uint32{0, 2}, []units.StopID{0, 1}
	t.PatternTrips, t.TripID, t.TripCapacity = []uint32{0, 2}, []string{"x", "y"}, []float32{200, 200}
	t.TimeFirst, t.Arr, t.Dep = []uint32{0, 4}, []units.Seconds{0, 60, 90, 150}, []units.Seconds{0, 60, 90, 150}
	t.TransferFirst, t.TransferTo, t.TransferM = []uint32{0, 1, 2}, []units.StopID{1, 0}, []float32{500, 500}
	t.TransferS = []units.Seconds{0, 90}
	t.StopStation, t.StationID, t.StationName = []uint32{0, NoStation}, []string{"S"}, []string{"Station"}
	t.StationLon, t.StationLat = []float64{.001}, []float64{.005}
	t.PatternShape, t.ShapeFirst = []uint32{0}, []uint32{0, 2}
	t.ShapeLon, t.ShapeLat = []float32{.001, .0055}, []float32{.005, .005}
	t.ShapeM = []float32{0, 500}
	t.HopFirst, t.HopLink = []uint32{0, 1, 1}, []units.LinkID{0}
	t.HopFrom, t.HopTo = []float32{0, 0}, []float32{1, 0}
	t.HopMatch, t.HopOffM = []HopMatch{HopShape, HopNone}, []float32{2, 0}
	p := &c.Places
	p.Lon, p.Lat = n.NodeLon, n.NodeLat
	p.CarNode, p.WalkNode, p.AccessM = []units.NodeID{0, 1}, []units.NodeID{0, 1}, []float32{1, 2}
	p.Residents = []float32{10, 0}
	for k := range p.Attraction {
		p.Attraction[k] = []float32{0, 300}
	}
	p.Cluster, p.ClusterNode = []units.ClusterID{0, 1}, []units.NodeID{0, 1}
	p.AreaOf, p.AreaName = []uint16{0, 300}, make([]string, 301)
	return c
}

func pack(t testing.TB, c *City) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPackRoundTrip(t *testing.T) {
	want := tiny()
	got, err := Decode(pack(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the city changed (-want +got):\n%s", d)
	}
	if !bytes.Equal(pack(t, want), pack(t, got)) {
		t.Error("the same city gives different bytes")
	}
}

func TestDecodeRefusesWhatItCannotTrust(t *testing.T) {
	good := pack(t, tiny())
	edit := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	for _, tc := range []struct {
		name, want string
		pack       []byte
	}{
		{"empty", "not a city pack", nil},
		{"other file", "not a city pack", []byte("PK\x03\x04 some archive that is long enough")},
		{"newer format", "a newer version made it", edit(func(b []byte) []byte { b[8]++; return b })},
		{"older format", "an older version made it: build the city again", edit(func(b []byte) []byte { b[8]--; return b })},
		{"truncated", "", good[:len(good)-5]},
		{"truncated header", "not a city pack", good[:12]},
		{"flipped checksum", "damaged", edit(func(b []byte) []byte { b[20]++; return b })},
		{"claims 2^60 bytes", "at most", edit(func(b []byte) []byte { b[19] = 0x10; return b })},
		{"claims less than it holds", "", edit(func(b []byte) []byte { b[12]--; return b })},
	} {
		if _, err := Decode(tc.pack); !errors.Is(err, ErrPack) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", tc.name, err, tc.want)
		}
	}
}

// Each broken promise must be found, in whatever column it is.
func TestValidateFindsBrokenColumns(t *testing.T) {
	if err := tiny().Validate(); err != nil {
		t.Fatalf("the whole city is refused: %v", err)
	}
	for name, breakIt := range map[string]func(c *City){
		"heights of some nodes":  func(c *City) { c.Net.NodeHeightM = c.Net.NodeHeightM[:1] },
		"heights without grades": func(c *City) { c.Net.Grade = nil },
		"a cliff":                func(c *City) { c.Net.Grade[0] = 3 },
		"node out of range":      func(c *City) { c.Net.To[0] = 9 },
		"short column":           func(c *City) { c.Net.SpeedMS = c.Net.SpeedMS[:1] },
		"short bool column":      func(c *City) { c.Net.Roundabout = nil },
		"path on a roundabout":   func(c *City) { c.Net.Class[0] = Path },
		"NaN length":             func(c *City) { c.Net.LengthM[0] = float32(math.NaN()) },
		"zero speed":             func(c *City) { c.Net.SpeedMS[1] = 0 },
		"falling CSR":            func(c *City) { c.Net.FirstOut[1] = 7 },
		"hop that jumps":         func(c *City) { c.Timetable.HopLink = []units.LinkID{0, 0}; c.Timetable.HopFirst = []uint32{0, 2, 2} },
		"hop without links":      func(c *City) { c.Timetable.HopLink = nil; c.Timetable.HopFirst = []uint32{0, 0, 0} },
		"hop that runs back":     func(c *City) { c.Timetable.HopFrom[0], c.Timetable.HopTo[0] = .9, .2 },
		"hop after the last stop": func(c *City) {
			c.Timetable.HopFirst = []uint32{0, 0, 1}
			c.Timetable.HopMatch = []HopMatch{HopNone, HopShape}
		},
		"unknown link of a hop":    func(c *City) { c.Timetable.HopLink[0] = 9 },
		"hop found by magic":       func(c *City) { c.Timetable.HopMatch[0] = 9 },
		"share beyond the link":    func(c *City) { c.Timetable.HopTo[0] = 1.5 },
		"unknown shape":            func(c *City) { c.Timetable.PatternShape[0] = 3 },
		"stop before its shape":    func(c *City) { c.Timetable.ShapeM[0] = -3 },
		"shape of no pattern":      func(c *City) { c.Timetable.PatternShape = nil },
		"unknown station":          func(c *City) { c.Timetable.StopStation[1] = 4 },
		"short station column":     func(c *City) { c.Timetable.StationName = nil },
		"walk against time":        func(c *City) { c.Timetable.TransferS[0] = -1 },
		"short transfer times":     func(c *City) { c.Timetable.TransferS = c.Timetable.TransferS[:1] },
		"self-loop":                func(c *City) { c.Net.To[0], c.Net.Reverse = 0, []units.LinkID{units.NoLink, units.NoLink} },
		"wrong reverse":            func(c *City) { c.Net.Reverse[0] = 0 },
		"ban out of range":         func(c *City) { c.Net.BanTo[0] = 5 },
		"car without capacity":     func(c *City) { c.Net.CapacityVS[0] = 0 },
		"link for nobody":          func(c *City) { c.Net.Modes[0] = 0 },
		"stop at no node":          func(c *City) { c.Timetable.StopNode[0] = units.NoNode },
		"groups skip a number":     func(c *City) { c.Timetable.StopGroup[1] = 2 },
		"overtaking trips":         func(c *City) { c.Timetable.Arr[3], c.Timetable.Dep[3] = 55, 55 },
		"times run backwards":      func(c *City) { c.Timetable.Arr[1] = -1 },
		"transfer to nowhere":      func(c *City) { c.Timetable.TransferTo[0] = 2 },
		"negative residents":       func(c *City) { c.Places.Residents[0] = -1 },
		"unknown area":             func(c *City) { c.Places.AreaOf[0] = 301 },
		"unknown cluster":          func(c *City) { c.Places.Cluster[0] = 2 },
		"box inside out":           func(c *City) { c.Info.BBox[0] = 2 },
		"line number out of range": func(c *City) { c.Timetable.PatternLine[0] = 1 },
	} {
		c := tiny()
		breakIt(c)
		if c.Validate() == nil {
			t.Errorf("%s: not found", name)
		}
		if err := Encode(&bytes.Buffer{}, c); err == nil {
			t.Errorf("%s: written all the same", name)
		}
	}
}

// FuzzDecode feeds bytes below the checksum too: raw columns are packed with a
// right checksum, so that the column reader and Validate meet hostile values.
func FuzzDecode(f *testing.F) {
	e := &encoder{}
	columns(tiny(), e)
	f.Add(pack(f, tiny()), false)
	f.Add([]byte("CITYPACK"), false)
	f.Add(e.raw, true)
	f.Add(e.raw[:len(e.raw)/2], true)
	f.Add(bytes.Repeat([]byte{0xff}, 64), true)
	z, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	f.Fuzz(func(t *testing.T, b []byte, raw bool) {
		if raw {
			head := append([]byte(packMagic), PackFormat, 0, 0, 0)
			head = binary.LittleEndian.AppendUint64(head, uint64(len(b)))
			head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(b, castagnoli))
			b = z.EncodeAll(b, head)
		}
		c, err := Decode(b)
		if (c == nil) == (err == nil) {
			t.Fatalf("city %v, error %v", c != nil, err)
		}
		if err == nil {
			if err := c.Validate(); err != nil {
				t.Fatalf("a decoded city is not valid: %v", err)
			}
			StreetsGeoJSON(c)
		}
	})
}

func TestStreetsGeoJSON(t *testing.T) {
	want := `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"class":"residential","name":"The \"High\" Street","way":7},` +
		`"geometry":{"type":"LineString","coordinates":[[0.001,0.005],[0.003,0.005],[0.0055,0.005]]}}]}` + "\n"
	if d := cmp.Diff(want, string(StreetsGeoJSON(tiny()))); d != "" {
		t.Error(d)
	}
}

func TestGroupStops(t *testing.T) {
	// 0.001 degrees of latitude are 111 m.
	name := []string{"High St", "high st.", "High St", "Mill", "Bay 1", "Bay 2"}
	lat := []float64{0, 0.002, 0.0041, 0, 1, 1}
	lon := make([]float64, len(name))
	parent := []string{"", "", "", "", "S", "S"}
	// The third High St is 455 m from the first but 233 m from the second.
	if d := cmp.Diff([]uint32{0, 0, 0, 1, 2, 2}, GroupStops(name, lon, lat, parent)); d != "" {
		t.Error(d)
	}
	lat[2] = 0.0045 // 278 m from the second
	if d := cmp.Diff([]uint32{0, 0, 1, 2, 3, 4}, GroupStops(name, lon, lat, nil)); d != "" {
		t.Error(d)
	}
}

func TestLookupStop(t *testing.T) {
	c := tiny()
	for q, want := range map[string][]units.StopID{"a": {0}, "st julians": {0}, "Market (Bay 4)": {1}, "market bay": {1}, "Elsewhere": nil} {
		if got, _ := c.LookupStop(q); !cmp.Equal(got, want) {
			t.Errorf("LookupStop(%q) = %v, want %v", q, got, want)
		}
	}
	if _, near := c.LookupStop("Markt (Bay 4)"); !cmp.Equal(near, []string{"Market (Bay 4)"}) {
		t.Errorf("near matches %q", near)
	}
}

// The index must agree with looking at every point.
func TestPointIndexAgreesWithAScan(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float32, 500), make([]float32, 500)
	for i := range x {
		x[i], y[i] = float32(r.Float64()*2000-700), float32(r.Float64()*900)
	}
	keep := func(i int) bool { return i%3 != 0 }
	ix := NewPointIndex(x, y, 60, keep)
	for range 400 {
		qx, qy := r.Float64()*6000-3000, r.Float64()*6000-3000
		best, bestD := -1, math.Inf(1)
		within := 0
		for i := range x {
			if d := math.Hypot(float64(x[i])-qx, float64(y[i])-qy); keep(i) {
				if d < bestD {
					best, bestD = i, d
				}
				if d <= 500 {
					within++
				}
			}
		}
		got, d, ok := ix.Nearest(qx, qy)
		if !ok || got != best || math.Abs(d-bestD) > 1e-6 {
			t.Fatalf("nearest to %g, %g: point %d at %g, want %d at %g", qx, qy, got, d, best, bestD)
		}
		n := 0
		ix.Within(qx, qy, 500, func(int, float64) { n++ })
		if n != within {
			t.Fatalf("%d points within 500 m of %g, %g, want %d", n, qx, qy, within)
		}
	}
	if _, _, ok := NewPointIndex(nil, nil, 10, nil).Nearest(0, 0); ok {
		t.Error("an empty index found a point")
	}
}

func TestDistances(t *testing.T) {
	// One degree of latitude on a sphere of radius R is R*pi/180.
	want := EarthRadiusM * math.Pi / 180
	if got := DistanceM(10, 50, 10, 51); math.Abs(got-want) > 1e-6*want {
		t.Errorf("one degree of latitude is %g m, want %g", got, want)
	}
	p := ProjectionOf([4]float64{-3.1, 51.5, -2.9, 51.6})
	x, y := p.XY(-2.95, 51.58)
	if got, want := math.Hypot(x, y), DistanceM(-3.0, 51.55, -2.95, 51.58); math.Abs(got/want-1) > 0.001 {
		t.Errorf("projected distance %g m, great circle %g m", got, want)
	}
	if lon, lat := p.LonLat(x, y); math.Abs(lon+2.95) > 1e-12 || math.Abs(lat-51.58) > 1e-12 {
		t.Errorf("back at %g, %g", lon, lat)
	}
}

// What takes a search: a street that cars cannot leave, one they cannot enter,
// a town in two halves for people on foot, and ends that hang in the air.
func TestConnectedFindsWhatIsCutOff(t *testing.T) {
	if err := tiny().Connected(); err != nil {
		t.Fatalf("the whole city is refused: %v", err)
	}
	for want, breakIt := range map[string]func(c *City){
		"drive from":                   func(c *City) { c.Net.Modes[0] = AllowWalk },
		"drive back":                   func(c *City) { c.Net.Modes[1] = AllowWalk },
		"no way on foot":               func(c *City) { island(c) },
		"StopNode[0] is node 0, where": func(c *City) { c.Net.Modes[0], c.Net.Modes[1] = AllowCar, AllowCar },
		"CarNode[0] is node 0, where":  func(c *City) { c.Net.Modes[0], c.Net.Modes[1] = AllowWalk, AllowWalk },
	} {
		c := tiny()
		breakIt(c)
		if err := c.Connected(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// island adds a footway between two nodes that nothing else reaches.
func island(c *City) {
	n := &c.Net
	n.NodeLon, n.NodeLat = append(n.NodeLon, 0, 0), append(n.NodeLat, 0, 0)
	n.From, n.To = append(n.From, 2, 3), append(n.To, 3, 2)
	n.Modes = append(n.Modes, AllowWalk, AllowWalk)
	n.IndexLinks()
}

func TestLineLabel(t *testing.T) {
	for want, l := range map[string]Line{
		"Bus 31": {ID: "a", Name: "31"}, "Tram 5": {Name: " 5 ", Mode: Tram}, "Metro Circle": {Name: "Circle", Mode: Metro},
		"Bus route-7": {ID: "route-7"}, "Ferry to Mud Island": {Name: "ferry to Mud Island", Mode: Ferry}, "Rail Überland": {Name: "Überland", Mode: Rail},
	} {
		if got := l.Label(); got != want {
			t.Errorf("%+v is %q, want %q", l, got, want)
		}
	}
}
