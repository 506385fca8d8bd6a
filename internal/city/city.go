// Package city holds everything that exists without people on the move: the
// street network, the timetable of one service date, and the places where
// people live, work and go. It is pure data: columns, CSR adjacency and typed
// ids. Importers live in city/osm and city/gtfs; this package knows no files.
//
// A *City is immutable once built and is shared by all goroutines. Scenarios
// never change it: they build copies of just the columns they touch.
package city

import (
	"encoding/json"
	"math"

	"github.com/malikobaid/cityflow/internal/units"
)

// City is one compiled city.
type City struct {
	Info      Info
	Net       Network
	Timetable Timetable
	Places    Places
}

// Info is what city.yaml and the importers say about a city.
type Info struct {
	Slug, Name string
	// Digest is the SHA-256 (hex) of the source files and city.yaml, in file
	// name order: the identity of the city's data, the same on every machine.
	Digest string
	// BBox is west, south, east, north in degrees: the view and clip box.
	BBox [4]float64
	// ServiceDate is the default timetable date, "2006-01-02". The pack holds
	// the service of this one date.
	ServiceDate string
	// ServiceFrom and ServiceTo bound the time of day the timetable can be
	// trusted for.
	ServiceFrom, ServiceTo units.Seconds
	Population             Fact
	AreaKM2                Fact
	// ModeShare is the default target in percent (car, bike, walk, transit).
	ModeShare [NumModes]float64
	// ModeShareSource names the survey, or says that it is an assumption.
	ModeShareSource  string
	ModeShareAssumed bool
	Attribution      string
	Sources          []string
	// Default is the city's default what-if: stop ids or names, end to end.
	DefaultName  string
	DefaultStops []string
	// DefaultAlso is what changes beside that line: a JSON list in the form of
	// a request's modifications, which this package does not read.
	DefaultAlso json.RawMessage `json:",omitempty"`
	// Observed is evidence the baseline is shown beside.
	Observed []Observation
	// Report counts what the importers read, kept and dropped, by reason, in a
	// fixed order.
	Report []ReportLine
	// Country selects speed defaults ("GB", "DE", "BR").
	Country string
	// TimeZone is the IANA zone of the timetable.
	TimeZone string
	// CarCharges is what driving to parts of the city costs besides the way.
	CarCharges []CarCharge `json:",omitempty"`
}

// Fact is a number with its source; Known is false when there is none, and
// then Source says why.
type Fact struct {
	Value   float64
	Known   bool
	Assumed bool
	Source  string
}

// Observation is one observed fact about the real city: figures of a kind that
// the model has, too, or words alone.
type Observation struct {
	What, Value, Source string
	Kind                string   `json:",omitempty"` // as spec.Figure has it; "": words alone
	Year                int      `json:",omitempty"`
	Figures             []Figure `json:",omitempty"`
}

// Figure is the number of one mode, or of "all".
type Figure struct {
	Mode  string
	Value float64
	Spot  *Spot `json:",omitempty"` // of a count
}

// Spot is where and when motor vehicles were counted: on a piece of a street,
// in one direction or in both.
type Spot struct {
	WayOSM   int64
	Heading  string  // where the vehicles drove, as Heading names it; "": both ways
	Lon, Lat float64 // degrees
	From, To units.Seconds
	// Links are the directions counted, with their copies (Network.Originals),
	// sorted.
	Links []units.LinkID
}

// ReportLine is one counted outcome of the import.
type ReportLine struct {
	Part   string // "streets", "timetable", "places"
	What   string
	Count  float64
	Unit   string
	Detail string
}

// Mode is a way of travelling that a person can choose.
type Mode uint8

// The modes, in the order used by every column indexed by mode.
const (
	Car Mode = iota
	Bike
	Walk
	Transit
	NumModes = 4
)

var modeNames = [NumModes]string{"car", "bike", "walk", "transit"}

func (m Mode) String() string { return modeNames[m] }

// WalkMS is how fast people walk, in m/s: 4.8 km/h (DfT Journey Time Statistics,
// notes and definitions).
const WalkMS = 4.8 / 3.6

// ModeSet is the set of vehicle kinds and walkers allowed on a link.
type ModeSet uint8

// Members of a ModeSet.
const (
	AllowCar ModeSet = 1 << iota
	AllowBike
	AllowWalk
	AllowBus
)

// RoadClass is the OSM highway class reduced to the classes that have a
// documented capacity.
type RoadClass uint8

// Road classes from largest to smallest; link roads (ramps) share the class
// of their parent.
const (
	Motorway RoadClass = iota
	Trunk
	Primary
	Secondary
	Tertiary
	Unclassified
	Residential
	Service
	Path // footways, cycleways, steps, tracks: never for cars
)

// Network is the street network. Nodes are junctions and ends; degree-2 shape
// points live in the link geometry. Links are directed and sorted by From, so
// that links FirstOut[n]..FirstOut[n+1] leave node n.
//
// Every link with AllowCar lies in the largest strongly connected part of the
// car network; every node with a walkable link in the largest connected part
// of the walking network (walking ignores oneway). What was dropped stands in
// Info.Report.
type Network struct {
	// Nodes.
	NodeLon, NodeLat []float64 // degrees
	NodeX, NodeY     []float32 // metres east, north of the box centre
	NodeOSM          []int64
	NodeSignal       []bool
	// NodeHeightM is metres above the sea; empty where no terrain is known.
	NodeHeightM []float32
	// Links.
	FirstOut []uint32 // len = nodes + 1
	From, To []units.NodeID
	LengthM  []float32
	SpeedMS  []float32 // free-flow speed of cars
	Lanes    []float32 // in this direction
	// CapacityVS is the outflow capacity of the whole link in vehicles per
	// second; JamVM its jam density in vehicles per metre (all lanes).
	CapacityVS, JamVM []float32
	Modes             []ModeSet
	Class             []RoadClass
	// Roundabout marks the links of a ring: there the circulating traffic goes
	// first. Small rings are one node and have no links.
	Roundabout []bool
	WayOSM     []int64
	NameIdx    []uint32 // into Names; 0 is ""
	Names      []string
	// Grade is the rise of a link from end to end over its length, negative
	// downhill; empty where no terrain is known.
	Grade []float32
	// Reverse is the opposite direction of the same street, or NoLink.
	Reverse []units.LinkID
	// GeomFirst[l]..GeomFirst[l+1] are the points of link l, ends included.
	GeomFirst        []uint32
	GeomLon, GeomLat []float32
	// FirstIn/InLink: links entering a node.
	FirstIn []uint32
	InLink  []units.LinkID
	// BanFirst/BanTo: links that may not follow link l (turn restrictions),
	// sorted.
	BanFirst []uint32
	BanTo    []units.LinkID
}

// NumNodes is the number of nodes.
func (n *Network) NumNodes() int { return len(n.NodeLon) }

// NumLinks is the number of directed links.
func (n *Network) NumLinks() int { return len(n.From) }

// FreeFlowS is the car travel time of a link on an empty street, in seconds.
func (n *Network) FreeFlowS(l units.LinkID) float64 {
	return float64(n.LengthM[l]) / float64(n.SpeedMS[l])
}

// TransitMode is the vehicle kind of a line.
type TransitMode uint8

// Transit modes; extended GTFS route types are mapped onto these.
const (
	Bus TransitMode = iota
	Tram
	Rail
	Metro
	Coach
	Ferry
)

var transitModeNames = [...]string{"bus", "tram", "rail", "metro", "coach", "ferry"}

func (m TransitMode) String() string { return transitModeNames[m] }

// Line is a public transport line.
type Line struct {
	ID, Name, Agency string
	Mode             TransitMode
	Fare             float32 // money per boarding, in the city's currency
	// Assumed marks service that is not from a published timetable.
	Assumed bool
	// New marks service added by a scenario.
	New bool
}

// Timetable is the service of one date. Trips of a pattern are sorted by time
// and never overtake one another (importers split a pattern where they would),
// so that the earliest trip is found by binary search.
type Timetable struct {
	// Stops.
	StopID           []string // the feed's own id
	StopName         []string
	StopLon, StopLat []float64
	// StopNode is the nearest node of the walking network, StopWalkM the
	// distance to it in metres.
	StopNode  []units.NodeID
	StopWalkM []float32
	// StopGroup is the index of the group of same-named stops within 250 m or
	// bays of one station. Groups are numbered in order of first stop.
	StopGroup []uint32
	// StopStation is the parent station of each stop, an index into the Station
	// columns, or NoStation. Empty where no stop has one.
	StopStation            []uint32
	StationID, StationName []string
	StationLon, StationLat []float64
	// Lines and patterns.
	Lines        []Line
	PatternLine  []units.LineID
	PatternStops []uint32       // CSR: PatternStops[p]..PatternStops[p+1] into Stop
	Stop         []units.StopID // stop sequence of the patterns
	PatternTrips []uint32       // CSR: trips of pattern p (VehicleTripID range)
	// Trips.
	TripID       []string
	TripCapacity []float32 // persons
	// Times of trip t in pattern p at position i:
	// index TimeFirst[p] + (t-PatternTrips[p])*len + i, len = stops of p.
	TimeFirst []uint32 // len = patterns + 1
	Arr, Dep  []units.Seconds
	// Footpaths between stops on the walking network (not transitive):
	// TransferFirst[s]..TransferFirst[s+1].
	TransferFirst []uint32
	TransferTo    []units.StopID
	TransferM     []float32 // metres walked
	// TransferS are the least seconds a footpath takes whatever its length:
	// minimum transfer times and ways inside stations. Empty means none.
	TransferS []units.Seconds
	// PatternShape is the way of a pattern's vehicles on the map, an index into
	// ShapeFirst (CSR into ShapeLon, ShapeLat), or NoShape. It runs from the
	// pattern's first to its last stop. Empty means that no pattern has one.
	PatternShape       []uint32
	ShapeFirst         []uint32
	ShapeLon, ShapeLat []float32
	// ShapeM is how far along the pattern's shape each place of Stop lies, in
	// metres; 0 without one. Empty like PatternShape.
	ShapeM []float32
	// The way of buses through the streets. Hop k leads from place k of Stop to
	// the next place of the same pattern: over the links HopFirst[k] to
	// HopFirst[k+1] of HopLink, from the share HopFrom[k] of the first one's
	// length to the share HopTo[k] of the last one's. HopMatch says how it was
	// found, HopOffM how far it lies from the shape, in metres on average. The
	// hop at a pattern's last place is empty. All columns are empty where no
	// pattern was looked at.
	HopFirst       []uint32
	HopLink        []units.LinkID
	HopFrom, HopTo []float32
	HopMatch       []HopMatch
	HopOffM        []float32
}

// NoShape and NoStation stand for none in PatternShape and StopStation.
const (
	NoShape   = math.MaxUint32
	NoStation = math.MaxUint32
)

// HopMatch is how the way of a hop through the streets was found.
type HopMatch uint8

// The ways of finding a way.
const (
	HopNone     HopMatch = iota // off the streets, or no way was found
	HopShape                    // the feed's shape, matched to the streets
	HopShortest                 // the shortest way for buses between the stops (assumed)
)

// Hop is the way through the streets from place i of a pattern to the next;
// links is empty where none is known.
func (t *Timetable) Hop(p units.PatternID, i int) (links []units.LinkID, from, to float32, how HopMatch) {
	if len(t.HopFirst) == 0 {
		return nil, 0, 0, HopNone
	}
	k := t.PatternStops[p] + uint32(i)
	return t.HopLink[t.HopFirst[k]:t.HopFirst[k+1]], t.HopFrom[k], t.HopTo[k], t.HopMatch[k]
}

// Shape is the way of a pattern's vehicles on the map, nil where none is known.
func (t *Timetable) Shape(p units.PatternID) (lon, lat []float32) {
	if len(t.PatternShape) == 0 || t.PatternShape[p] == NoShape {
		return nil, nil
	}
	s := t.PatternShape[p]
	return t.ShapeLon[t.ShapeFirst[s]:t.ShapeFirst[s+1]], t.ShapeLat[t.ShapeFirst[s]:t.ShapeFirst[s+1]]
}

// NumStops is the number of stops.
func (t *Timetable) NumStops() int { return len(t.StopID) }

// NumGroups is the number of stop groups.
func (t *Timetable) NumGroups() int {
	n := 0
	for _, g := range t.StopGroup {
		n = max(n, int(g)+1)
	}
	return n
}

// NumPatterns is the number of patterns.
func (t *Timetable) NumPatterns() int { return len(t.PatternLine) }

// NumTrips is the number of vehicle trips.
func (t *Timetable) NumTrips() int { return len(t.TripID) }

// StopsOf is the stop sequence of a pattern.
func (t *Timetable) StopsOf(p units.PatternID) []units.StopID {
	return t.Stop[t.PatternStops[p]:t.PatternStops[p+1]]
}

// Times returns the arrival and departure columns of trip v of pattern p.
func (t *Timetable) Times(p units.PatternID, v units.VehicleTripID) (arr, dep []units.Seconds) {
	n := t.PatternStops[p+1] - t.PatternStops[p]
	i := t.TimeFirst[p] + (uint32(v)-t.PatternTrips[p])*n
	return t.Arr[i : i+n], t.Dep[i : i+n]
}

// Purpose is why a person goes somewhere.
type Purpose uint8

// Purposes; Home is an end of a tour, not an attraction column.
const (
	Work Purpose = iota
	Education
	Shopping
	Leisure
	NumPurposes = 4
)

var purposeNames = [NumPurposes]string{"work", "education", "shopping", "leisure"}

func (p Purpose) String() string { return purposeNames[p] }

// Places are the points where trips start and end: buildings where the source
// has them, else street points. Residents sum to the population; Attraction
// holds relative weights per purpose (floor area in m2, or jobs where known).
type Places struct {
	Lon, Lat []float64
	// CarNode and WalkNode are the nearest nodes a car or a walker can use;
	// AccessM is the straight distance to WalkNode in metres.
	CarNode, WalkNode []units.NodeID
	AccessM           []float32
	Residents         []float32
	Attraction        [NumPurposes][]float32
	// Cluster groups places in cells of about 250 m.
	Cluster []units.ClusterID
	// ClusterNode is the walking node that stands for a cluster in transit
	// searches: the WalkNode of the place nearest the weighted centre.
	ClusterNode []units.NodeID
	// AreaOf and AreaName: the city areas results are reported by.
	AreaOf   []uint16
	AreaName []string
}

// Num is the number of places.
func (p *Places) Num() int { return len(p.Lon) }

// NumClusters is the number of clusters.
func (p *Places) NumClusters() int { return len(p.ClusterNode) }
