package osm_test

import (
	"math"
	"strconv"
	"strings"

	posm "github.com/paulmach/osm"
)

// What tags mean for the slow twin of raw_test.go, written down a second time
// from the documentation.

// speed in km/h by the tables of docs/decisions/streets.md.
func rawSpeed(t posm.Tags, country, key string) (kmh float64, tagged bool) {
	v, _, _ := strings.Cut(t.Find(key), ";")
	v = strings.TrimSpace(v)
	if v == "" {
		return 0, false
	}
	switch v {
	case "none":
		return 130, true
	case "walk":
		return 6, true
	case "national":
		return 96.6, true
	case "DE:urban":
		return 50, true
	case "DE:rural":
		return 100, true
	case "DE:motorway":
		return 130, true
	case "DE:living_street", "DE:walk":
		return 7, true
	case "BR:urban":
		return 40, true
	case "GB:nsl_single", "GB:rural":
		return 96.6, true
	case "GB:nsl_dual", "GB:motorway":
		return 112.7, true
	case "GB:nsl_restricted", "GB:urban":
		return 48.3, true
	case "DE:zone30", "DE:zone:30":
		return 30, true
	}
	factor := 1.0
	if s, ok := strings.CutSuffix(v, "mph"); ok {
		v, factor = strings.TrimSpace(s), 1.609344
	}
	f, err := strconv.ParseFloat(v, 64)
	return f * factor, err == nil && f > 0
}

var rawDefault = map[string]map[string]float64{
	"GB": {"motorway": 112.7, "trunk": 64.4, "primary": 48.3, "secondary": 48.3, "tertiary": 48.3, "unclassified": 40, "residential": 32.2, "service": 16},
	"DE": {"motorway": 120, "trunk": 70, "primary": 50, "secondary": 50, "tertiary": 50, "unclassified": 40, "residential": 30, "service": 15},
	"BR": {"motorway": 90, "trunk": 80, "primary": 60, "secondary": 60, "tertiary": 40, "unclassified": 40, "residential": 30, "service": 15},
}

func rawSpeeds(t posm.Tags, country string) (f, b float64) {
	hw := t.Find("highway")
	class := strings.TrimSuffix(hw, "_link")
	switch class {
	case "road":
		class = "unclassified"
	case "living_street":
		class = "residential"
	}
	kmh := rawDefault[country][class]
	if strings.HasSuffix(hw, "_link") && kmh > 64.4 {
		kmh = 64.4
	}
	if s := t.Find("service"); class == "service" && (s == "parking_aisle" || s == "drive-through" || s == "driveway") {
		kmh = 10
	}
	if hw == "living_street" {
		kmh = 10
	}
	for _, k := range []string{"maxspeed", "maxspeed:type", "source:maxspeed", "zone:maxspeed"} {
		if v, ok := rawSpeed(t, country, k); ok {
			kmh = v
			break
		}
	}
	f, b = kmh, kmh
	if v, ok := rawSpeed(t, country, "maxspeed:forward"); ok {
		f = v
	}
	if v, ok := rawSpeed(t, country, "maxspeed:backward"); ok {
		b = v
	}
	clamp := func(v float64) float64 { return math.Max(5, math.Min(130, v)) / 3.6 }
	return clamp(f), clamp(b)
}

const rawYes, rawNo = " yes designated permissive official destination customers customer residents public discouraged access ", " no private agricultural forestry delivery emergency military permit dismount use_sidepath psv bus taxi hov employees staff restricted disabled "

// open follows the keys of a mode from general to special.
func rawOpen(t posm.Tags, open bool, dir string, keys ...string) bool {
	for _, k := range keys {
		v := t.Find(k)
		if d := t.Find(k + dir); dir != "" && d != "" {
			v = d
		}
		v, _, _ = strings.Cut(v, ";")
		v = " " + strings.TrimSpace(v) + " "
		if len(v) < 3 {
			continue
		}
		if strings.Contains(rawYes, v) && k != "access" {
			open = true
		}
		if strings.Contains(rawNo, v) {
			open = false
		}
	}
	return open
}

var rawKeys = map[int][]string{rawCar: {"access", "vehicle", "motor_vehicle", "motorcar"}, rawBike: {"access", "vehicle", "bicycle"}, rawWalk: {"access", "foot"}}

func rawModes(t posm.Tags, dir string) (modes int, routable bool) {
	hw := t.Find("highway")
	roads := " motorway trunk primary secondary tertiary unclassified residential service road living_street motorway_link trunk_link primary_link secondary_link tertiary_link "
	base := 0
	road := strings.Contains(roads, " "+hw+" ")
	switch {
	case hw == "service" && t.Find("service") == "emergency_access":
		base = rawBike | rawWalk
	case strings.HasPrefix(hw, "motorway"):
		base = rawCar
	case road:
		base = rawCar | rawBike | rawWalk
	case strings.Contains(" pedestrian footway platform corridor steps ", " "+hw+" "):
		base = rawWalk
	case strings.Contains(" path cycleway bridleway track ", " "+hw+" "):
		base = rawWalk | rawBike
	case hw == "busway" || hw == "bus_guideway":
	default:
		return 0, false
	}
	if t.Find("motorroad") == "yes" {
		base &^= rawBike | rawWalk
	}
	for _, m := range []int{rawCar, rawBike, rawWalk} {
		if rawOpen(t, base&m != 0, dir, rawKeys[m]...) {
			modes |= m
		}
	}
	if !road || t.Find("area") == "yes" {
		modes &^= rawCar
	}
	if strings.HasPrefix(hw, "motorway") {
		modes &^= rawWalk | rawBike
	}
	return modes, true
}

func rawDirections(t posm.Tags) (f, b int, routable bool) {
	f, routable = rawModes(t, ":forward")
	b, _ = rawModes(t, ":backward")
	one := 0
	switch t.Find("oneway") {
	case "yes", "true", "1":
		one = 1
	case "-1", "reverse":
		one = -1
	case "reversible":
		return f &^ rawCar, b &^ rawCar, routable
	case "no", "false", "0", "alternating":
	default:
		if j := t.Find("junction"); j == "roundabout" || j == "circular" || t.Find("highway") == "motorway" {
			one = 1
		}
	}
	bikeBack := func(dir string) bool {
		switch t.Find("oneway:bicycle") {
		case "no":
			return true
		case "-1":
			return false
		}
		for _, side := range []string{"", ":left", ":right", ":both"} {
			v := t.Find("cycleway" + side)
			if strings.HasPrefix(v, "opposite") {
				return true
			}
			o := t.Find("cycleway" + side + ":oneway")
			if side != "" && v != "" && v != "no" && v != "none" && v != "separate" && (o == "-1" || o == "no") {
				return true
			}
		}
		return rawOpen(t, false, "", "bicycle"+dir)
	}
	switch one {
	case 1:
		keep := b & rawBike
		b &^= rawCar | rawBike
		if bikeBack(":backward") {
			b |= keep
		}
	case -1:
		keep := f & rawBike
		f &^= rawCar | rawBike
		if bikeBack(":forward") {
			f |= keep
		}
	}
	if t.Find("oneway:motor_vehicle") == "yes" || t.Find("oneway:motorcar") == "yes" {
		b &^= rawCar
	}
	switch t.Find("oneway:bicycle") {
	case "yes", "1":
		b &^= rawBike
	case "-1":
		f &^= rawBike
	}
	return f, b, routable
}

// rawBarrier is who may pass a node.
func rawBarrier(t posm.Tags) int {
	v := t.Find("barrier")
	if v == "" {
		return rawCar | rawBike | rawWalk
	}
	open := rawCar | rawBike | rawWalk
	switch v {
	case "bollard", "block", "planter", "jersey_barrier", "log", "chain", "motorcycle_barrier", "cycle_barrier", "rope", "bus_trap", "sump_buster":
		open &^= rawCar
	case "kissing_gate", "stile", "turnstile", "full-height_turnstile", "horse_stile", "wicket_gate":
		open &^= rawCar | rawBike
	}
	out := 0
	for m, keys := range rawKeys {
		if rawOpen(t, open&m != 0, "", keys...) {
			out |= m
		}
	}
	return out
}
