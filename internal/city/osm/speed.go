package osm

import (
	"math"
	"strconv"
	"strings"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// capacityPerLaneH is the outflow of one lane in vehicles per hour by class.
// Secondary and tertiary streets follow the UK's TA 79/99 (urban all-purpose
// roads UAP3 and UAP4, 1,300 and 1,140 per direction on a 7.3 m carriageway, one
// lane each way), primary streets its UAP2 (1,470); the generic 1,000 and 600 of
// mesoscopic models (MATSim defaults and the like) gridlock a British
// town at its ordinary morning demand. The rest are those generic values
// (assumed). Paths carry no cars.
var capacityPerLaneH = [...]float64{
	city.Motorway: 2000, city.Trunk: 2000, city.Primary: 1500, city.Secondary: 1300,
	city.Tertiary: 1140, city.Unclassified: 600, city.Residential: 600, city.Service: 300, city.Path: 0,
}

// ringCapacityH is what one lane of a roundabout carries past a point, in
// vehicles per hour, where its class would allow less (assumed). Circulating
// traffic has priority and does not stop, so the class, which stands for the
// junctions of a street, does not bind it. FHWA's "Roundabouts: An
// Informational Guide" (2000) lets a single lane circulate up to 1,800; HCM 6
// gives an entry 1,380 before an empty ring, and Kimber's LR942 (TRL 1980) the
// same order per 3.65 m of entry. 1,400 is the careful end. Whom an inlet
// serves first is no matter of capacity: the run gives ring links a large
// loading.Links.MergeWeight.
const ringCapacityH = 1400

// JamSpacingM is the street length one queued car takes, bumper to bumper
// (assumed: the usual figure of queue models).
const JamSpacingM = 7.5

// defaultKMH is the free speed of untagged streets inside a city, by country
// and class. All assumed, guided by law: Great Britain's 30 mph built-up limit
// (48 km/h), less on residential and service streets, whose parked cars and
// bends keep speeds near 20 mph; Germany's 50 km/h built-up limit and 30 zones;
// Brazil's Codigo de Transito art. 61 (80 rapid, 60 arterial, 40 collector,
// 30 local).
var defaultKMH = map[string][9]float64{
	"GB": {112.7, 64.4, 48.3, 48.3, 48.3, 40, 32.2, 16, 5},
	"DE": {120, 70, 50, 50, 50, 40, 30, 15, 5},
	"BR": {90, 80, 60, 60, 40, 40, 30, 15, 5},
	"":   {110, 70, 50, 50, 50, 40, 30, 15, 5},
}

// Named limits that appear as maxspeed values, km/h, by law of the country.
var namedKMH = map[string]float64{
	"walk": 6, "none": 130, "GB:motorway": 112.7, "GB:nsl_dual": 112.7, "GB:nsl_single": 96.6,
	"GB:nsl_restricted": 48.3, "national": 96.6, "DE:urban": 50, "DE:rural": 100, "DE:motorway": 130,
	"DE:living_street": 7, "DE:walk": 7, "BR:urban": 40, "living_street": 10,
}

const (
	kmhPerMPH = 1.609344
	// A link slower than walking or faster than any limit is a tagging error.
	minKMH, maxKMH = 5, 130
	// rampKMH caps untagged ramps of large roads (assumed: their curves).
	rampKMH = 64.4
	// livingKMH is the free speed of a living street without a limit (assumed).
	livingKMH = 10
)

// parseSpeedKMH reads a maxspeed value; ok is false when it says nothing.
func parseSpeedKMH(v string) (kmh float64, ok bool) {
	if i := strings.IndexAny(v, ";|"); i >= 0 {
		v = v[:i]
	}
	v = strings.TrimSpace(v)
	if k, named := namedKMH[v]; named {
		return k, true
	}
	num, factor := v, 1.0
	switch {
	case strings.HasSuffix(v, "mph"):
		num, factor = strings.TrimSuffix(v, "mph"), kmhPerMPH
	case strings.HasSuffix(v, "km/h"):
		num = strings.TrimSuffix(v, "km/h")
	case strings.HasSuffix(v, "kmh"):
		num = strings.TrimSuffix(v, "kmh")
	case strings.HasSuffix(v, "knots"):
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(num), 64)
	if err != nil || !(f > 0) || f > 1000 {
		return 0, false
	}
	return f * factor, true
}

// speeds is the free speed forward and backward in m/s; tagged says that a
// maxspeed was used.
func speeds(t osm.Tags, rule highwayRule, country string) (fwd, back float32, tagged bool) {
	table, known := defaultKMH[country]
	if !known {
		table = defaultKMH[""]
	}
	kmh := table[rule.class]
	if rule.link {
		kmh = min(kmh, rampKMH)
	}
	if t.Find("highway") == "living_street" {
		kmh = livingKMH
	}
	for _, k := range []string{"maxspeed", "maxspeed:type", "source:maxspeed"} {
		if v, ok := parseSpeedKMH(t.Find(k)); ok {
			kmh, tagged = v, true
			break
		}
	}
	f, b := kmh, kmh
	if v, ok := parseSpeedKMH(t.Find("maxspeed:forward")); ok {
		f, tagged = v, true
	}
	if v, ok := parseSpeedKMH(t.Find("maxspeed:backward")); ok {
		b, tagged = v, true
	}
	ms := func(v float64) float32 { return float32(units.KMH(math.Max(minKMH, math.Min(v, maxKMH)))) }
	return ms(f), ms(b), tagged
}

// lanes is the number of lanes forward and backward. Untagged streets have one
// lane each way, motorways and one-way trunk roads two (assumed). A two-way
// street tagged with a single lane keeps one each way: cars give way to one
// another, they do not queue in half a lane.
func lanes(t osm.Tags, rule highwayRule, onewayCar bool) (fwd, back float32) {
	def := 1.0
	if rule.class <= city.Trunk && onewayCar && !rule.link {
		def = 2
	}
	f, b := def, def
	if n, ok := parseLanes(t.Find("lanes")); ok {
		if onewayCar {
			f, b = n, n
		} else {
			f, b = n/2, n/2
		}
	}
	if n, ok := parseLanes(t.Find("lanes:forward")); ok {
		f = n
	}
	if n, ok := parseLanes(t.Find("lanes:backward")); ok {
		b = n
	}
	return float32(max(f, 1)), float32(max(b, 1))
}

func parseLanes(v string) (float64, bool) {
	if i := strings.IndexByte(v, ';'); i >= 0 {
		v = v[:i]
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil || !(f >= 1) || f > 12 {
		return 0, false
	}
	return f, true
}

// capacity is the outflow of a link (veh/s) and its jam density (veh/m). The
// outflow is capped so that the backward wave of the triangular diagram,
// w = C/(k - C/u), is never faster than the free speed u: C <= u*k/2. Very slow
// streets could not carry their class's capacity.
func capacity(class city.RoadClass, ring bool, lanes, speedMS float32) (cVS, jamVM float32) {
	if class == city.Path {
		return 0, 0
	}
	jam := float64(lanes) / JamSpacingM
	perLane := capacityPerLaneH[class]
	if ring {
		perLane = max(perLane, ringCapacityH)
	}
	c := float64(lanes) * perLane / 3600
	return float32(min(c, float64(speedMS)*jam/2)), float32(jam)
}
