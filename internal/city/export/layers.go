package export

import (
	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// layer is one table of features: points or lines with attributes. GeoJSON and
// GeoParquet write the same layers, so they cannot drift apart.
type layer struct {
	name string
	num  int
	// line gives the points of a line feature; nil for points, which at gives.
	line func(i int) (lon, lat []float32)
	at   func(i int) (lon, lat float64)
	// columns, sorted by name.
	columns []column
}

// column is one attribute; exactly one of the functions is set.
type column struct {
	name    string
	integer func(i int) int64
	number  func(i int) float64
	text    func(i int) string
	truth   func(i int) bool
}

func layers(c *city.City) []layer {
	return []layer{linkLayer(c), nodeLayer(c), stopLayer(c), placeLayer(c)}
}

func linkLayer(c *city.City) layer {
	n := &c.Net
	return layer{name: "links", num: n.NumLinks(),
		line: func(i int) (lon, lat []float32) {
			return n.GeomLon[n.GeomFirst[i]:n.GeomFirst[i+1]], n.GeomLat[n.GeomFirst[i]:n.GeomFirst[i+1]]
		},
		columns: []column{
			{name: "bike", truth: func(i int) bool { return n.Modes[i]&city.AllowBike != 0 }},
			{name: "bus", truth: func(i int) bool { return n.Modes[i]&city.AllowBus != 0 }},
			{name: "capacity_veh_h", number: func(i int) float64 { return float64(n.CapacityVS[i]) * 3600 }},
			{name: "car", truth: func(i int) bool { return n.Modes[i]&city.AllowCar != 0 }},
			{name: "class", text: func(i int) string { return n.Class[i].String() }},
			{name: "free_speed_km_h", number: func(i int) float64 { return float64(n.SpeedMS[i]) * 3.6 }},
			{name: "from_node", integer: func(i int) int64 { return int64(n.From[i]) }},
			{name: "jam_density_veh_km", number: func(i int) float64 { return float64(n.JamVM[i]) * 1000 }},
			{name: "lanes", number: func(i int) float64 { return float64(n.Lanes[i]) }},
			{name: "length_m", number: func(i int) float64 { return float64(n.LengthM[i]) }},
			{name: "link", integer: func(i int) int64 { return int64(i) }},
			{name: "name", text: func(i int) string { return n.Names[n.NameIdx[i]] }},
			{name: "osm_way", integer: func(i int) int64 { return n.WayOSM[i] }},
			{name: "reverse_link", integer: func(i int) int64 {
				if r := n.Reverse[i]; r != units.NoLink {
					return int64(r)
				}
				return -1
			}},
			{name: "roundabout", truth: func(i int) bool { return n.Roundabout[i] }},
			{name: "to_node", integer: func(i int) int64 { return int64(n.To[i]) }},
			{name: "walk", truth: func(i int) bool { return n.Modes[i]&city.AllowWalk != 0 }},
		}}
}

func nodeLayer(c *city.City) layer {
	n := &c.Net
	return layer{name: "nodes", num: n.NumNodes(),
		at: func(i int) (lon, lat float64) { return n.NodeLon[i], n.NodeLat[i] },
		columns: []column{
			{name: "node", integer: func(i int) int64 { return int64(i) }},
			{name: "osm_node", integer: func(i int) int64 { return n.NodeOSM[i] }},
			{name: "signal", truth: func(i int) bool { return n.NodeSignal[i] }},
		}}
}

func stopLayer(c *city.City) layer {
	t := &c.Timetable
	// Those of lines without a published timetable are told besides.
	departures, assumed := make([]int64, t.NumStops()), make([]int64, t.NumStops())
	for p := range t.NumPatterns() {
		stops := t.StopsOf(units.PatternID(p))
		for _, s := range stops[:len(stops)-1] { // nobody boards at the last
			trips := int64(t.PatternTrips[p+1] - t.PatternTrips[p])
			departures[s] += trips
			if t.Lines[t.PatternLine[p]].Assumed {
				assumed[s] += trips
			}
		}
	}
	return layer{name: "stops", num: t.NumStops(),
		at: func(i int) (lon, lat float64) { return t.StopLon[i], t.StopLat[i] },
		columns: []column{
			{name: "departures", integer: func(i int) int64 { return departures[i] }},
			{name: "departures_assumed", integer: func(i int) int64 { return assumed[i] }},
			{name: "name", text: func(i int) string { return t.StopName[i] }},
			{name: "node", integer: func(i int) int64 { return int64(t.StopNode[i]) }},
			{name: "stop", text: func(i int) string { return t.StopID[i] }},
			{name: "stop_group", integer: func(i int) int64 { return int64(t.StopGroup[i]) }},
			{name: "walk_m", number: func(i int) float64 { return float64(t.StopWalkM[i]) }},
		}}
}

func placeLayer(c *city.City) layer {
	p := &c.Places
	out := layer{name: "places", num: p.Num(),
		at: func(i int) (lon, lat float64) { return p.Lon[i], p.Lat[i] },
		columns: []column{
			{name: "access_m", number: func(i int) float64 { return float64(p.AccessM[i]) }},
			{name: "area", text: func(i int) string { return p.AreaName[p.AreaOf[i]] }},
		}}
	for _, k := range []city.Purpose{city.Education, city.Leisure, city.Shopping, city.Work} {
		out.columns = append(out.columns, column{name: "attraction_" + k.String(), number: func(i int) float64 { return float64(p.Attraction[k][i]) }})
	}
	out.columns = append(out.columns,
		column{name: "car_node", integer: func(i int) int64 { return int64(p.CarNode[i]) }},
		column{name: "cluster", integer: func(i int) int64 { return int64(p.Cluster[i]) }},
		column{name: "place", integer: func(i int) int64 { return int64(i) }},
		column{name: "residents", number: func(i int) float64 { return float64(p.Residents[i]) }},
		column{name: "walk_node", integer: func(i int) int64 { return int64(p.WalkNode[i]) }},
	)
	return out
}
