package osm

import (
	"strconv"
	"strings"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
)

// TransitLine is one direction, or one variant, of a public transport route
// that OpenStreetMap knows (a relation of type route), with its stops in order.
type TransitLine struct {
	OSM            int64 // relation
	Name, Operator string
	Mode           city.TransitMode
	Stops          []LineStop
	// BothWays is true where one relation stands for both directions.
	BothWays bool
	// HeadwayS is the tag interval in seconds, 0 where it is not mapped.
	HeadwayS float64
}

// LineStop is a place where a line stops. Key names the OSM object.
type LineStop struct {
	Key, Name string
	Lon, Lat  float64
}

// lineModes are the values of route that carry passengers, after the OSM wiki
// page "Relation:route".
var lineModes = map[string]city.TransitMode{
	"bus": city.Bus, "trolleybus": city.Bus, "minibus": city.Bus, "share_taxi": city.Bus, "coach": city.Coach,
	"tram": city.Tram, "light_rail": city.Tram, "funicular": city.Tram, "subway": city.Metro, "monorail": city.Metro,
	"train": city.Rail, "ferry": city.Ferry,
}

// TransitLines lists the routes with two or more stops in the file, in order of
// id; few counts the others.
func TransitLines(src *Source) (lines []TransitLine, few int) {
	ends := map[string]int{} // relations by line; look-ups only
	name := func(r *osm.Relation) string {
		for _, k := range []string{"ref", "name"} {
			if v := strings.TrimSpace(r.Tags.Find(k)); v != "" {
				return v
			}
		}
		return ""
	}
	operator := func(r *osm.Relation) string {
		for _, k := range []string{"operator", "network"} {
			if v := strings.TrimSpace(r.Tags.Find(k)); v != "" {
				return v
			}
		}
		return ""
	}
	key := func(r *osm.Relation) string {
		return r.Tags.Find("route") + "\x00" + name(r) + "\x00" + r.Tags.Find("network")
	}
	wanted := func(r *osm.Relation) (city.TransitMode, bool) {
		m, ok := lineModes[r.Tags.Find("route")]
		return m, ok && r.Tags.Find("type") == "route" && r.Tags.Find("state") != "proposed"
	}
	for _, r := range src.Relations {
		if _, ok := wanted(r); ok {
			ends[key(r)]++
		}
	}
	for _, r := range src.Relations {
		mode, ok := wanted(r)
		if !ok {
			continue
		}
		stops := src.lineStops(r)
		if len(stops) < 2 {
			few++
			continue
		}
		l := TransitLine{OSM: int64(r.ID), Name: name(r), Operator: operator(r), Mode: mode, Stops: stops, HeadwayS: interval(r.Tags.Find("interval"))}
		if l.Name == "" {
			l.Name = strconv.FormatInt(l.OSM, 10)
		}
		// Version 2 of the scheme maps each direction; so do mappers who draw
		// several relations of one line. A ring needs no way back.
		l.BothWays = r.Tags.Find("public_transport:version") != "2" && ends[key(r)] == 1 &&
			r.Tags.Find("roundtrip") != "yes" && stops[0].Key != stops[len(stops)-1].Key
		lines = append(lines, l)
	}
	return lines, few
}

// lineStops are the stops of a route relation: its platforms, where passengers
// stand, if it lists as many as stopping places, else those, else the members
// that are tagged as stops. Members missing from the file are left out.
func (s *Source) lineStops(r *osm.Relation) []LineStop {
	var platforms, positions, bare []LineStop
	for _, m := range r.Members {
		stop, tags, ok := s.memberStop(m)
		if !ok {
			continue
		}
		role := strings.ToLower(m.Role)
		switch {
		case strings.Contains(role, "platform"):
			platforms = append(platforms, stop)
		case strings.Contains(role, "stop"):
			positions = append(positions, stop)
		case role == "" && isStop(tags):
			bare = append(bare, stop)
		}
	}
	stops := platforms
	if len(stops) < len(positions) {
		stops = positions
	}
	if len(stops) < 2 {
		stops = bare
	}
	// Names are at times on the other object of the pair.
	const sameM = 60
	out := stops[:0:0]
	for _, p := range stops {
		if len(out) > 0 && out[len(out)-1].Key == p.Key {
			continue
		}
		for _, others := range [][]LineStop{positions, platforms} {
			for _, o := range others {
				if p.Name == "" && o.Name != "" && city.DistanceM(p.Lon, p.Lat, o.Lon, o.Lat) <= sameM {
					p.Name = o.Name
				}
			}
		}
		out = append(out, p)
	}
	return out
}

func isStop(t osm.Tags) bool {
	switch t.Find("public_transport") {
	case "stop_position", "platform", "station":
		return true
	}
	switch t.Find("railway") {
	case "tram_stop", "halt", "station", "stop":
		return true
	}
	return t.Find("highway") == "bus_stop" || t.Find("amenity") == "ferry_terminal"
}

// memberStop is the place of a node, or the middle of a way's points.
func (s *Source) memberStop(m osm.Member) (stop LineStop, tags osm.Tags, ok bool) {
	switch m.Type {
	case osm.TypeNode:
		n := s.node(m.Ref)
		if n < 0 {
			return stop, nil, false
		}
		tags = s.NodeTags[n]
		return LineStop{"n" + strconv.FormatInt(m.Ref, 10), tags.Find("name"), s.Lon[n], s.Lat[n]}, tags, true
	case osm.TypeWay:
		// Only platforms: a street that is a member is no stop.
		w := s.way(m.Ref)
		if w == nil || !strings.Contains(strings.ToLower(m.Role), "platform") {
			return stop, nil, false
		}
		count := 0.0
		for i, n := range w.Nodes {
			if n < 0 || i > 0 && i == len(w.Nodes)-1 && w.Closed() {
				continue
			}
			stop.Lon, stop.Lat = stop.Lon+s.Lon[n], stop.Lat+s.Lat[n]
			count++
		}
		if count == 0 {
			return stop, nil, false
		}
		stop.Lon, stop.Lat = stop.Lon/count, stop.Lat/count
		stop.Key, stop.Name = "w"+strconv.FormatInt(m.Ref, 10), w.Tags.Find("name")
		return stop, w.Tags, true
	}
	return stop, nil, false
}

// interval reads the tag interval: minutes, "H:MM" or "HH:MM:SS" (OSM wiki,
// "Key:interval"). What cannot be read, or is no headway, is 0.
func interval(s string) float64 {
	parts := strings.Split(strings.TrimSpace(s), ":")
	total := 0.0
	for _, p := range parts {
		v, err := strconv.ParseFloat(p, 64)
		if err != nil || v < 0 {
			return 0
		}
		total = total*60 + v
	}
	switch len(parts) {
	case 1, 2: // minutes, hours and minutes
		total *= 60
	case 3:
	default:
		return 0
	}
	if !(total >= 60 && total <= 86400) {
		return 0
	}
	return total
}
