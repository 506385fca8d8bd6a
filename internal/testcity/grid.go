// Package testcity builds the analytical city: a square grid of streets in an
// empty place, with round-number speeds, capacities and headways, so that
// expected times can be derived by hand in a comment instead of copied from
// the program under test.
//
// It leans only on the data types of package city and keeps every promise made
// there (sorted links, CSR columns, Reverse, geometry, trips that do not
// overtake). The same Options give the same bytes. Nothing here is a model of
// a real city: every figure is chosen to be round and plausible.
//
// Grid makes a whole city; AddStop, AddLine and AddPattern extend one while it
// is being built (before it is shared, because a *city.City is immutable from
// then on); ParseTimetable reads a timetable drawn as text.
package testcity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// Options are the dimensions of a grid. Zero fields take the value of Default.
type Options struct {
	N          int     // junctions along each side, at least 2
	SpacingM   float64 // metres between junctions
	Population int     // residents, spread evenly over the junctions
	SpeedMS    float64 // free-flow speed of cars
	CapacityVS float64 // outflow capacity per direction, vehicles per second
	JamVM      float64 // jam density per direction, vehicles per metre
	// ClusterSide is the side, in junctions, of the square blocks of places
	// that form a cluster.
	ClusterSide int
	// LineEvery puts a bus line on every such row and column, counted from the
	// middle one; negative means no lines and no stops.
	LineEvery int
	// StopEvery is the distance between stops of a line, in junctions. Lines
	// cross at a stop when LineEvery is a multiple of it.
	StopEvery int
	Headway   units.Seconds
}

// Default is a 5 km square: 21 x 21 junctions 250 m (25 s of driving) apart,
// 20,000 people, three bus lines each way across, every 10 minutes.
//
// The triangular fundamental diagram of a link has round corners too: with
// u = 10 m/s, C = 0.5/s and k_j = 0.15/m the backward wave C/(k_j - C/u) is
// 5 m/s.
func Default() Options {
	return Options{
		N: 21, SpacingM: 250, Population: 20000,
		SpeedMS: 10, CapacityVS: 0.5, JamVM: 0.15,
		ClusterSide: 2, LineEvery: 6, StopEvery: 2, Headway: 600,
	}
}

// The grid lies on the equator, where a metre is the same number of degrees
// both ways, and off the zero meridian, so that no node is at (0, 0), which
// many readers take for "missing".
const centreLon, centreLat = 1.0, 0.0

// DegPerM is the number of degrees in a metre at the city, north and east.
const DegPerM = 180 / (math.Pi * city.EarthRadiusM)

// Bus service of the grid's own lines: 500 m between stops take 80 s of
// driving and 20 s of standing, 5 m/s in all.
const (
	busRun   units.Seconds = 80
	busDwell units.Seconds = 20
	// FirstBus and LastBus are the departures of the first and the latest
	// possible last bus at the first stop.
	FirstBus units.Seconds = 5 * 3600
	LastBus  units.Seconds = 23 * 3600
	// StopWalkM is the walk between a stop of the grid and its junction.
	StopWalkM = 10
	// TransferMaxM bounds the walks between stops of the grid.
	TransferMaxM = 520
)

// Grid builds the city.
func Grid(o Options) *city.City {
	o = withDefaults(o)
	if o.N < 2 || o.ClusterSide < 1 || o.StopEvery < 1 || o.Headway < 1 || o.Population < 0 {
		panic(fmt.Sprintf("testcity: impossible options %+v", o))
	}
	c := &city.City{}
	fillNetwork(&c.Net, o)
	fillPlaces(&c.Places, &c.Net, o)
	c.Timetable = emptyTimetable()
	fillInfo(c, o)
	if o.LineEvery > 0 {
		fillLines(c, o)
	}
	return c
}

// Small are options of a city whose runs take about a second.
func Small() Options { return Options{N: 12, Population: 6000, Headway: 1200} }

// NodeAt is the junction in column col (from the west) and row row (from the
// south) of a grid.
func NodeAt(c *city.City, col, row int) units.NodeID {
	n := Side(c)
	if col < 0 || row < 0 || col >= n || row >= n {
		panic(fmt.Sprintf("testcity: no junction (%d, %d) in a grid of side %d", col, row, n))
	}
	return units.NodeID(row*n + col)
}

// Side is the number of junctions along each side of a grid.
func Side(c *city.City) int { return int(math.Round(math.Sqrt(float64(c.Net.NumNodes())))) }

func withDefaults(o Options) Options {
	d := Default()
	set := func(v *float64, def float64) {
		if *v == 0 {
			*v = def
		}
	}
	seti := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	seti(&o.N, d.N)
	set(&o.SpacingM, d.SpacingM)
	seti(&o.Population, d.Population)
	set(&o.SpeedMS, d.SpeedMS)
	set(&o.CapacityVS, d.CapacityVS)
	set(&o.JamVM, d.JamVM)
	seti(&o.ClusterSide, d.ClusterSide)
	seti(&o.LineEvery, d.LineEvery)
	seti(&o.StopEvery, d.StopEvery)
	if o.Headway == 0 {
		o.Headway = d.Headway
	}
	return o
}

func fillInfo(c *city.City, o Options) {
	half := float64(o.N-1)/2*o.SpacingM + o.SpacingM // one block of margin
	side := 2 * half / 1000
	sum := sha256.Sum256(fmt.Appendf(nil, "testcity grid %+v", o))
	c.Info = city.Info{
		Slug: "testcity", Name: "Test City",
		Digest: hex.EncodeToString(sum[:]),
		BBox: [4]float64{
			centreLon - half*DegPerM, centreLat - half*DegPerM,
			centreLon + half*DegPerM, centreLat + half*DegPerM,
		},
		ServiceDate: "2026-03-04", // a Wednesday
		ServiceFrom: FirstBus, ServiceTo: 24 * 3600,
		Population:       city.Fact{Value: float64(o.Population), Known: true, Assumed: true, Source: "analytical test city"},
		AreaKM2:          city.Fact{Value: side * side, Known: true, Source: "the box of the grid"},
		ModeShare:        [city.NumModes]float64{55, 5, 25, 15},
		ModeShareSource:  "assumed for the analytical test city",
		ModeShareAssumed: true,
		Attribution:      "Invented for tests",
		Sources:          []string{"testcity"},
		Report: []city.ReportLine{
			{Part: "streets", What: "links kept", Count: float64(c.Net.NumLinks()), Unit: "links"},
			{Part: "places", What: "places", Count: float64(c.Places.Num()), Unit: "places"},
		},
		Country: "GB", TimeZone: "UTC",
	}
}

// fillNetwork numbers nodes row by row from the south-west; the links of a
// node leave south, west, east, north, which is also the order of their ends.
func fillNetwork(net *city.Network, o Options) {
	n := o.N
	nodes := n * n
	mid := float64(n-1) / 2
	for i := range nodes {
		x, y := (float64(i%n)-mid)*o.SpacingM, (float64(i/n)-mid)*o.SpacingM
		net.NodeX = append(net.NodeX, float32(x))
		net.NodeY = append(net.NodeY, float32(y))
		net.NodeLon = append(net.NodeLon, centreLon+x*DegPerM)
		net.NodeLat = append(net.NodeLat, centreLat+y*DegPerM)
		net.NodeOSM = append(net.NodeOSM, int64(1000+i))
		net.NodeSignal = append(net.NodeSignal, false)
	}
	net.Names = []string{""}
	for i := range n {
		net.Names = append(net.Names, fmt.Sprintf("Row %d Street", i))
	}
	for i := range n {
		net.Names = append(net.Names, fmt.Sprintf("Column %d Street", i))
	}
	net.FirstOut = append(net.FirstOut, 0)
	net.GeomFirst = append(net.GeomFirst, 0)
	for i := range nodes {
		col, row := i%n, i/n
		if row > 0 {
			addLink(net, o, i, i-n, 1+n+col)
		}
		if col > 0 {
			addLink(net, o, i, i-1, 1+row)
		}
		if col < n-1 {
			addLink(net, o, i, i+1, 1+row)
		}
		if row < n-1 {
			addLink(net, o, i, i+n, 1+n+col)
		}
		net.FirstOut = append(net.FirstOut, uint32(len(net.From)))
	}
	fillReverseAndIn(net)
	net.BanFirst = make([]uint32, net.NumLinks()+1)
}

func addLink(net *city.Network, o Options, from, to, name int) {
	net.From = append(net.From, units.NodeID(from))
	net.To = append(net.To, units.NodeID(to))
	net.LengthM = append(net.LengthM, float32(o.SpacingM))
	net.SpeedMS = append(net.SpeedMS, float32(o.SpeedMS))
	net.Lanes = append(net.Lanes, 1)
	net.CapacityVS = append(net.CapacityVS, float32(o.CapacityVS))
	net.JamVM = append(net.JamVM, float32(o.JamVM))
	net.Modes = append(net.Modes, city.AllowCar|city.AllowBike|city.AllowWalk|city.AllowBus)
	net.Class = append(net.Class, city.Tertiary)
	net.Roundabout = append(net.Roundabout, false)
	net.WayOSM = append(net.WayOSM, int64(10+name))
	net.NameIdx = append(net.NameIdx, uint32(name))
	for _, v := range [2]int{from, to} {
		net.GeomLon = append(net.GeomLon, float32(net.NodeLon[v]))
		net.GeomLat = append(net.GeomLat, float32(net.NodeLat[v]))
	}
	net.GeomFirst = append(net.GeomFirst, uint32(len(net.GeomLon)))
}

func fillReverseAndIn(net *city.Network) {
	links, nodes := net.NumLinks(), net.NumNodes()
	net.Reverse = make([]units.LinkID, links)
	in := make([][]units.LinkID, nodes)
	for l := range links {
		net.Reverse[l] = units.NoLink
		for r := net.FirstOut[net.To[l]]; r < net.FirstOut[net.To[l]+1]; r++ {
			if net.To[r] == net.From[l] {
				net.Reverse[l] = units.LinkID(r)
			}
		}
		in[net.To[l]] = append(in[net.To[l]], units.LinkID(l))
	}
	net.FirstIn = append(net.FirstIn, 0)
	for v := range nodes {
		net.InLink = append(net.InLink, in[v]...)
		net.FirstIn = append(net.FirstIn, uint32(len(net.InLink)))
	}
}
