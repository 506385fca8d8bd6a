package tiles

import (
	"strings"

	"github.com/paulmach/osm"
)

// What an OSM tag is on the map. Kinds are those of the Protomaps basemap
// schema 4 where it has one; the first key of a table that matches wins. The
// zooms are ours: chosen by looking at the four shipped cities.

type kindOf map[string]string

// ground is the areas of the landuse layer, most telling key first.
var ground = []struct {
	key   string
	kinds kindOf
}{
	{"leisure", kindOf{
		"park": "park", "garden": "garden", "common": "park", "dog_park": "park", "nature_reserve": "nature_reserve", "recreation_ground": "recreation_ground",
		"golf_course": "golf_course", "pitch": "pitch", "track": "pitch", "court": "pitch", "playground": "playground", "sports_centre": "stadium", "stadium": "stadium",
	}},
	{"amenity", kindOf{
		"school": "school", "kindergarten": "school", "college": "college", "university": "university", "hospital": "hospital", "grave_yard": "cemetery", "parking": "parking",
	}},
	{"natural", kindOf{
		"wood": "wood", "scrub": "scrub", "heath": "scrub", "grassland": "grassland", "grass": "grass", "fell": "grassland", "wetland": "wetland", "mud": "wetland", "beach": "beach", "sand": "sand", "shingle": "beach", "bare_rock": "bare_rock",
	}},
	{"landuse", kindOf{
		"forest": "forest", "grass": "grass", "meadow": "meadow", "village_green": "village_green", "recreation_ground": "recreation_ground", "flowerbed": "garden", "greenery": "grass",
		"orchard": "orchard", "vineyard": "vineyard", "allotments": "allotments", "plant_nursery": "plant_nursery", "cemetery": "cemetery",
		"farmland": "farmland", "farmyard": "farmyard", "residential": "residential", "commercial": "commercial", "retail": "commercial", "hospitality": "commercial", "religious": "commercial",
		"industrial": "industrial", "railway": "railway", "military": "military", "brownfield": "brownfield", "construction": "brownfield", "landfill": "brownfield", "quarry": "quarry", "greenfield": "grass",
	}},
	{"aeroway", kindOf{"aerodrome": "aerodrome", "apron": "runway", "runway": "runway", "taxiway": "runway"}},
	{"man_made", kindOf{"pier": "pier", "bridge": "pier", "pontoon": "pier", "wastewater_plant": "industrial", "works": "industrial"}},
	{"public_transport", kindOf{"platform": "platform"}},
	{"railway", kindOf{"platform": "platform"}},
}

// groundFrom is the zoom from which a kind of ground is drawn; others: by size.
var groundFrom = kindZoom{
	"pitch": 13, "playground": 14, "parking": 14, "platform": 14, "pier": 13, "garden": 13, "pedestrian": 13,
	"school": 13, "college": 12, "university": 12, "hospital": 12, "allotments": 12,
}

type kindZoom map[string]int8

func groundKind(t osm.Tags) (kind string, from int8) {
	if h := t.Find("highway"); h != "" {
		// Squares are areas; a street that ends where it starts is a loop.
		if t.Find("area") == "yes" || t.Find("type") == "multipolygon" {
			switch h {
			case "pedestrian", "footway", "service", "living_street", "residential", "platform", "path":
				return "pedestrian", groundFrom["pedestrian"]
			}
		}
		return "", 0
	}
	for _, g := range ground {
		if kind, ok := g.kinds[t.Find(g.key)]; ok {
			if from, ok := groundFrom[kind]; ok {
				return kind, from
			}
			return kind, 9
		}
	}
	return "", 0
}

// waterArea is the kind of an area of water, or "".
func waterArea(t osm.Tags) string {
	if in := t.Find("intermittent"); in == "yes" {
		return ""
	}
	switch {
	case t.Find("natural") == "water":
		switch w := t.Find("water"); w {
		case "river", "canal", "lake", "pond", "reservoir", "basin", "stream", "lock":
			return w
		}
		return "water"
	case t.Find("waterway") == "riverbank":
		return "river"
	case t.Find("waterway") == "dock", t.Find("landuse") == "basin", t.Find("landuse") == "reservoir":
		return "basin"
	case t.Find("leisure") == "swimming_pool" && t.Find("indoor") != "yes" && t.Find("building") == "":
		return "swimming_pool"
	}
	return ""
}

// waterLine is the kind of a watercourse and the zoom it shows from.
func waterLine(t osm.Tags) (string, int8) {
	switch t.Find("tunnel") {
	case "", "no":
	default:
		return "", 0 // under the ground
	}
	switch w := t.Find("waterway"); w {
	case "river":
		return w, 9
	case "canal":
		return w, 11
	case "stream":
		return w, 13
	case "drain", "ditch":
		return w, 14
	}
	return "", 0
}

// road is one line of the road table.
type road struct {
	kind  string
	from  int8 // first zoom
	named int8 // first zoom with a name
	rank  int  // drawing order among roads: later is on top
}

// roadKinds is by highway=*; "_link" follows its road.
var roadKinds = map[string]road{
	"motorway":     {"highway", 8, 12, 90},
	"trunk":        {"major_road", 8, 12, 80},
	"primary":      {"major_road", 9, 12, 70},
	"secondary":    {"major_road", 9, 12, 60},
	"tertiary":     {"major_road", 10, 13, 50},
	"busway":       {"minor_road", 11, 14, 45},
	"unclassified": {"minor_road", 11, 13, 40},
	"residential":  {"minor_road", 11, 13, 40}, "living_street": {"minor_road", 11, 13, 38}, "road": {"minor_road", 11, 14, 38},
	"pedestrian": {"path", 13, 14, 20},
	"service":    {"minor_road", 13, 14, 30},
	"track":      {"path", 12, 14, 12}, "cycleway": {"path", 13, 14, 14},
	"footway": {"path", 14, 14, 10}, "path": {"path", 14, 14, 10}, "steps": {"path", 14, 14, 10}, "bridleway": {"path", 14, 14, 10}, "corridor": {},
}

// rails is by railway=*. What is gone or only planned is not drawn.
var rails = map[string]road{
	"rail":         {"rail", 9, 14, 55},
	"subway":       {"rail", 11, 14, 54},
	"light_rail":   {"rail", 10, 14, 54},
	"tram":         {"rail", 11, 14, 53},
	"narrow_gauge": {"rail", 11, 14, 52},
	"funicular":    {"rail", 12, 14, 52},
	"monorail":     {"rail", 11, 14, 52},
	"miniature":    {"rail", 14, 14, 5},
}

// roadOf is the road that a way is, its kind_detail, and whether it is a link
// between two others.
func roadOf(t osm.Tags) (r road, detail string, link bool) {
	if rail := t.Find("railway"); rail != "" {
		r, ok := rails[rail]
		if ok && t.Find("service") != "" && rail != "tram" { // yards and sidings
			r.from = 13
			return r, "service", false
		}
		if ok {
			return r, rail, false
		}
	}
	detail = t.Find("highway")
	base, link := strings.CutSuffix(detail, "_link")
	if t.Find("area") == "yes" {
		return road{}, "", false
	}
	r = roadKinds[base]
	if link && r.from < 11 {
		r.from = 11
	}
	if detail == "service" {
		if s := t.Find("service"); s == "parking_aisle" || s == "driveway" {
			r.from = 14
		}
	}
	if t.Find("indoor") == "yes" || detail == "footway" && t.Find("footway") == "crossing" {
		return road{}, "", false
	}
	return r, base, link
}

// placeKinds is by place=*: kind_detail stays the OSM value.
var placeKinds = map[string]struct {
	kind string
	from int8
}{
	"city": {"locality", 8}, "town": {"locality", 9}, "village": {"locality", 11}, "hamlet": {"locality", 13},
	"borough": {"neighbourhood", 10}, "suburb": {"neighbourhood", 11}, "quarter": {"neighbourhood", 12}, "neighbourhood": {"neighbourhood", 13},
	"island": {"island", 13}, "square": {"square", 14},
}

// poiKind is a named thing that helps to find the way, and its first zoom.
func poiKind(t osm.Tags) (string, int8) {
	switch t.Find("railway") {
	case "station":
		return "station", 11
	case "halt":
		return "station", 12
	}
	if t.Find("aeroway") == "aerodrome" {
		return "aerodrome", 10
	}
	switch t.Find("amenity") {
	case "hospital":
		return "hospital", 12
	case "university", "college":
		return t.Find("amenity"), 13
	case "school", "library", "theatre", "townhall", "marketplace", "courthouse", "ferry_terminal", "bus_station", "arts_centre", "cinema":
		return t.Find("amenity"), 14
	}
	switch t.Find("tourism") {
	case "museum", "attraction", "zoo", "gallery":
		return t.Find("tourism"), 14
	}
	switch t.Find("leisure") {
	case "stadium":
		return "stadium", 13
	case "park", "nature_reserve", "golf_course", "common", "recreation_ground":
		return "park", 14 // sooner when large
	}
	if t.Find("shop") == "mall" {
		return "mall", 14
	}
	switch t.Find("landuse") {
	case "cemetery", "forest":
		return t.Find("landuse"), 14
	}
	if t.Find("natural") == "wood" {
		return "forest", 14
	}
	return "", 0
}

func isYes(v string) bool { return v != "" && v != "no" }
