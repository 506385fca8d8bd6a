package osm

import (
	"strconv"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
)

// Use is what a building, a piece of land or a point is used for.
type Use string

// The uses that attract or house people. "" is none of them.
const (
	Home     Use = "home"
	Office   Use = "office"
	Mixed    Use = "commercial"
	Shop     Use = "shop"
	Industry Use = "industry"
	Storage  Use = "storage"
	School   Use = "school"
	Campus   Use = "campus"
	Health   Use = "health"
	Hotel    Use = "hotel"
	Public   Use = "public"
	Worship  Use = "worship"
	Food     Use = "food"
	Culture  Use = "culture"
	Sport    Use = "sport"
	Park     Use = "park"
	NoUse    Use = ""
	outbuild     = "outbuilding"
)

// Weights is what a square metre of floor of a use attracts per purpose. Work
// is jobs per m2, after the densities of the Employment Densities Guide (HCA
// 2015: office about 12 m2 per job, retail 20, light industry 47, storage 80,
// food 18, sport 65) as recalled, so assumed; the rest is floor space open to
// visitors of the purpose, assumed.
func (u Use) Weights() (w [city.NumPurposes]float64) {
	return weights[u]
}

var weights = map[Use][city.NumPurposes]float64{
	// work, education, shopping, leisure
	Office:   {1.0 / 12, 0, 0, 0},
	Mixed:    {1.0 / 15, 0, 0.1, 0.05},
	Shop:     {1.0 / 20, 0, 1, 0.1},
	Industry: {1.0 / 47, 0, 0, 0},
	Storage:  {1.0 / 80, 0, 0, 0},
	School:   {1.0 / 80, 1, 0, 0},
	Campus:   {1.0 / 40, 1, 0, 0},
	Health:   {1.0 / 30, 0, 0, 0.1},
	Hotel:    {1.0 / 100, 0, 0, 0.3},
	Public:   {1.0 / 20, 0, 0, 0.3},
	Worship:  {1.0 / 400, 0, 0, 0.3},
	Food:     {1.0 / 18, 0, 0, 1},
	Culture:  {1.0 / 65, 0, 0, 1},
	Sport:    {1.0 / 65, 0, 0, 1},
	Park:     {0, 0, 0, 0.02},
}

// buildingUse reads the building key alone; values not listed say nothing.
var buildingUse = map[string]Use{
	"house": Home, "residential": Home, "detached": Home, "semidetached_house": Home, "semi": Home, "terrace": Home,
	"apartments": Home, "flats": Home, "bungalow": Home, "dormitory": Home, "static_caravan": Home, "houseboat": Home,
	"farm": Home, "cabin": Home, "terraced_house": Home,
	"office": Office, "commercial": Mixed, "retail": Shop, "shop": Shop, "supermarket": Shop, "kiosk": Shop, "mall": Shop,
	"industrial": Industry, "factory": Industry, "manufacture": Industry, "works": Industry,
	"warehouse": Storage, "storage_tank": NoUse, "hangar": Storage,
	"school": School, "kindergarten": School, "university": Campus, "college": Campus,
	"hospital": Health, "clinic": Health, "hotel": Hotel,
	"public": Public, "civic": Public, "government": Public, "train_station": Public, "fire_station": Public, "library": Public,
	"church": Worship, "chapel": Worship, "mosque": Worship, "temple": Worship, "cathedral": Worship, "synagogue": Worship, "religious": Worship,
	"pub": Food, "restaurant": Food, "sports_centre": Sport, "sports_hall": Sport, "pavilion": Sport, "stadium": Sport, "grandstand": Sport,
	"garage": outbuild, "garages": outbuild, "shed": outbuild, "carport": outbuild, "roof": outbuild, "hut": outbuild,
	"greenhouse": outbuild, "conservatory": outbuild, "outbuilding": outbuild, "service": outbuild, "barn": outbuild,
	"farm_auxiliary": outbuild, "stable": outbuild, "parking": outbuild, "construction": outbuild, "ruins": outbuild,
	"bridge": outbuild, "bunker": outbuild, "transformer_tower": outbuild, "toilets": outbuild, "no": outbuild,
	"storage": outbuild, "silo": outbuild, "tank": outbuild, "container": outbuild, "collapsed": outbuild, "allotment_house": outbuild,
}

var amenityUse = map[string]Use{
	"school": School, "kindergarten": School, "childcare": School, "college": Campus, "university": Campus,
	"hospital": Health, "clinic": Health, "doctors": Health, "dentist": Health, "veterinary": Health, "nursing_home": Health, "social_facility": Health,
	"pharmacy": Shop, "bank": Shop, "post_office": Shop, "marketplace": Shop, "fuel": Shop, "car_rental": Shop, "car_wash": Shop, "bureau_de_change": Shop,
	"restaurant": Food, "cafe": Food, "pub": Food, "bar": Food, "fast_food": Food, "food_court": Food, "nightclub": Food, "ice_cream": Food, "biergarten": Food,
	"cinema": Culture, "theatre": Culture, "arts_centre": Culture, "casino": Culture, "library": Culture, "community_centre": Culture,
	"social_centre": Culture, "gambling": Culture, "events_venue": Culture, "bingo": Culture,
	"place_of_worship": Worship, "townhall": Public, "courthouse": Public, "police": Public, "fire_station": Public, "public_building": Public, "prison": Public,
	"driving_school": Office, "coworking_space": Office,
}

var landUse = map[string]Use{
	"residential": Home, "commercial": Mixed, "retail": Shop, "industrial": Industry, "port": Industry, "depot": Storage,
	"education": School, "institutional": Public, "religious": Worship,
}

var leisureUse = map[string]Use{
	"sports_centre": Sport, "fitness_centre": Sport, "stadium": Sport, "swimming_pool": NoUse, "ice_rink": Sport, "bowling_alley": Sport,
	"sports_hall": Sport, "golf_course": Park, "park": Park, "garden": NoUse, "playground": Park, "pitch": Park, "nature_reserve": Park,
	"dance": Culture, "amusement_arcade": Culture, "adult_gaming_centre": Culture, "escape_game": Culture,
}

var tourismUse = map[string]Use{
	"hotel": Hotel, "guest_house": Hotel, "hostel": Hotel, "motel": Hotel, "museum": Culture, "gallery": Culture, "attraction": Culture,
	"zoo": Culture, "theme_park": Culture, "aquarium": Culture, "camp_site": Hotel,
}

// poiUse reads every key but building and landuse.
func poiUse(t osm.Tags) Use {
	if u, ok := amenityUse[t.Find("amenity")]; ok {
		return u
	}
	if s := t.Find("shop"); s != "" && s != "no" && s != "vacant" {
		return Shop
	}
	if s := t.Find("office"); s != "" && s != "no" && s != "vacant" {
		return Office
	}
	if s := t.Find("craft"); s != "" {
		return Industry
	}
	if t.Find("healthcare") != "" {
		return Health
	}
	if u, ok := tourismUse[t.Find("tourism")]; ok {
		return u
	}
	return leisureUse[t.Find("leisure")]
}

// BuildingUse is the use of a building by its own tags; known is false when
// only the land around it can tell, and then NoUse may still mean a home.
func BuildingUse(t osm.Tags) (u Use, known bool) {
	if p := poiUse(t); p != NoUse && p != Park {
		return p, true
	}
	switch u := buildingUse[t.Find("building")]; u {
	case outbuild:
		return NoUse, true
	case NoUse:
		return NoUse, false
	default:
		return u, true
	}
}

// ZoneUse is the use of a piece of land that is no building.
func ZoneUse(t osm.Tags) Use {
	if t.Find("building") != "" {
		return NoUse
	}
	if p := poiUse(t); p != NoUse {
		return p
	}
	return landUse[t.Find("landuse")]
}

// PointUse is the use of a node.
func PointUse(t osm.Tags) Use { return poiUse(t) }

// Levels is the number of storeys: tagged, else a default by use (assumed).
func Levels(t osm.Tags, u Use) float64 {
	if v, err := strconv.ParseFloat(t.Find("building:levels"), 64); err == nil && v >= 1 && v <= 100 {
		return v
	}
	switch t.Find("building") {
	case "apartments", "flats", "dormitory":
		return 4
	case "bungalow", "static_caravan", "kiosk", "cabin":
		return 1
	}
	switch u {
	case Home, School, Hotel, Public, Mixed:
		return 2
	case Office, Health, Campus:
		return 3
	}
	return 1
}

// NominalFloorM2 is the floor of a shop, office or other use that is mapped as
// a point without a building of its own (assumed).
func NominalFloorM2(t osm.Tags, u Use) float64 {
	switch t.Find("shop") {
	case "supermarket":
		return 1500
	case "mall", "department_store", "doityourself":
		return 4000
	}
	switch u {
	case School, Campus:
		return 1500
	case Health:
		return 300
	case Hotel, Culture, Sport:
		return 800
	case Public, Worship:
		return 400
	case Park:
		return 1000
	}
	return 120
}

// Point is a tagged node.
type Point struct {
	OSM  int64
	X, Y float64
	Tags osm.Tags
}

// Points lists the tagged nodes of the box for which want is true, by id.
func Points(src *Source, box [4]float64, want func(t osm.Tags) bool) []Point {
	pr := city.ProjectionOf(box)
	var out []Point
	for _, n := range src.TaggedNodes() {
		t := src.NodeTags[n]
		if !city.InBox(box, src.Lon[n], src.Lat[n]) || !want(t) {
			continue
		}
		x, y := pr.XY(src.Lon[n], src.Lat[n])
		out = append(out, Point{src.NodeID[n], x, y, t})
	}
	return out
}
