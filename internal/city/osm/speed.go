package osm

import (
	"math"
	"strconv"
	"strings"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// defaultKMH is the free speed of untagged streets inside a city, by country
// and class. All assumed, guided by law: Great Britain's 30 mph built-up limit
// (48 km/h), less on residential and service streets, whose parked cars and
// bends keep speeds near 20 mph; Germany's 50 km/h built-up limit and 30 zones;
// Brazil's Codigo de Transito art. 61 (80 rapid, 60 arterial, 40 collector,
// 30 local). Countries that are not here follow their legal limits, see
// untagged.
var defaultKMH = map[string][9]float64{
	"GB": {112.7, 64.4, 48.3, 48.3, 48.3, 40, 32.2, 16, 5},
	"DE": {120, 70, 50, 50, 50, 40, 30, 15, 5},
	"BR": {90, 80, 60, 60, 40, 40, 30, 15, 5},
}

// law is the general limits of a country in km/h: built-up, rural and motorway.
type law struct{ urban, rural, motorway float64 }

// laws follow the OSM wiki page "Default speed limits" (cars, as of 2023), from
// memory: assumed. Federal countries stand with what most of their states say.
// Where a motorway has no limit, the advised speed stands.
var laws = map[string]law{
	"": {50, 90, 120}, "AR": {50, 110, 130}, "AT": {50, 100, 130}, "AU": {50, 100, 110}, "BE": {50, 70, 120}, "BG": {50, 90, 140},
	"BR": {60, 100, 110}, "CA": {50, 80, 100}, "CH": {50, 80, 120}, "CL": {50, 100, 120}, "CO": {50, 90, 120}, "CZ": {50, 90, 130},
	"DE": {50, 100, 130}, "DK": {50, 80, 130}, "EE": {50, 90, 110}, "ES": {50, 90, 120}, "FI": {50, 80, 120}, "FR": {50, 80, 130},
	"GB": {48.3, 96.6, 112.7}, "GR": {50, 90, 130}, "HR": {50, 90, 130}, "HU": {50, 90, 130}, "IE": {50, 80, 120}, "IT": {50, 90, 130},
	"JP": {60, 60, 100}, "LT": {50, 90, 130}, "LU": {50, 90, 130}, "LV": {50, 90, 110}, "MX": {50, 80, 110}, "NL": {50, 80, 100},
	"NO": {50, 80, 110}, "NZ": {50, 100, 110}, "PL": {50, 90, 140}, "PT": {50, 90, 120}, "RO": {50, 90, 130}, "RS": {50, 80, 130},
	"SE": {50, 70, 110}, "SI": {50, 90, 130}, "SK": {50, 90, 130}, "TR": {50, 90, 120}, "UA": {50, 90, 130}, "US": {40.2, 88.5, 104.6}, "ZA": {60, 100, 120},
}

// untagged is the free speeds of a country by class: its own table, or one
// derived from its law: main streets at the built-up limit, trunk roads 20 km/h
// above it, side streets 40 and residential ones 30 (assumed).
func untagged(country string) [9]float64 {
	if t, ok := defaultKMH[country]; ok {
		return t
	}
	l, ok := laws[country]
	if !ok {
		l = laws[""]
	}
	return [9]float64{l.motorway, l.urban + 20, l.urban, l.urban, l.urban, min(l.urban, 40), min(l.urban, 30), 15, 5}
}

// Named limits that appear as maxspeed values, km/h, whatever the country.
var namedKMH = map[string]float64{
	"walk": 6, "none": 130, "national": 96.6, "living_street": 10,
	"DE:living_street": 7, "BR:urban": 40, // what urban means there depends on the street; local ones dominate
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

// serviceKMH is the free speed on service roads by kind (assumed; others have
// that of the class).
var serviceKMH = map[string]float64{"parking_aisle": 10, "drive-through": 10, "driveway": 10}

// parseSpeedKMH reads a maxspeed value; ok is false when it says nothing.
// Besides numbers it reads limits by law, COUNTRY:context as the wiki page
// "Key:maxspeed" lists them: GB:nsl_single, DE:urban, DE:zone:30.
func parseSpeedKMH(v string) (kmh float64, ok bool) {
	if i := strings.IndexAny(v, ";|"); i >= 0 {
		v = v[:i]
	}
	v = strings.TrimSpace(v)
	if k, named := namedKMH[v]; named {
		return k, true
	}
	if country, context, is := strings.Cut(v, ":"); is && len(country) == 2 {
		return lawKMH(strings.ToUpper(country), context)
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

// lawKMH is a limit by law of a country.
func lawKMH(country, context string) (kmh float64, ok bool) {
	l, ok := laws[country]
	if !ok {
		return 0, false
	}
	switch context {
	case "urban", "nsl_restricted":
		return l.urban, true
	case "rural", "nsl_single":
		return l.rural, true
	case "motorway", "trunk", "nsl_dual":
		if context == "trunk" {
			return l.rural, true
		}
		return l.motorway, true
	case "living_street", "pedestrian_zone":
		return livingKMH, true
	case "walk":
		return 7, true
	}
	zone, ok := strings.CutPrefix(context, "zone")
	if !ok {
		zone, ok = strings.CutSuffix(context, "zone")
	}
	f, err := strconv.ParseFloat(strings.Trim(zone, ": "), 64)
	if !ok || err != nil || !(f > 0) || f > 130 {
		return 0, false
	}
	if country == "GB" || country == "US" {
		f *= kmhPerMPH
	}
	return f, true
}

// speeds is the free speed forward and backward in m/s; tagged says that a
// maxspeed was used.
func speeds(t osm.Tags, rule highwayRule, country string) (fwd, back float32, tagged bool) {
	kmh := untagged(country)[rule.class]
	if rule.link {
		kmh = min(kmh, rampKMH)
	}
	if v, ok := serviceKMH[t.Find("service")]; ok && rule.class == city.Service {
		kmh = v
	}
	if t.Find("highway") == "living_street" {
		kmh = livingKMH
	}
	for _, k := range []string{"maxspeed", "maxspeed:type", "source:maxspeed", "zone:maxspeed"} {
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
