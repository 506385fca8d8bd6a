package osm

import (
	"strings"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
)

// Access rules. The table of what a highway value allows when nothing else is
// tagged follows the OSM wiki page "OSM tags for routing/Access restrictions"
// (world-wide defaults; Great Britain's where they differ, e.g. walking on
// trunk roads that are not motorroad). A more specific key wins over a general
// one: access < vehicle < motor_vehicle < motorcar, and so on per mode.

const allModes = city.AllowCar | city.AllowBike | city.AllowWalk | city.AllowBus

type highwayRule struct {
	class city.RoadClass
	modes city.ModeSet
	link  bool // a ramp: slower than its parent class
}

var highwayRules = map[string]highwayRule{
	"motorway":       {city.Motorway, city.AllowCar | city.AllowBus, false},
	"motorway_link":  {city.Motorway, city.AllowCar | city.AllowBus, true},
	"trunk":          {city.Trunk, allModes, false},
	"trunk_link":     {city.Trunk, allModes, true},
	"primary":        {city.Primary, allModes, false},
	"primary_link":   {city.Primary, allModes, true},
	"secondary":      {city.Secondary, allModes, false},
	"secondary_link": {city.Secondary, allModes, true},
	"tertiary":       {city.Tertiary, allModes, false},
	"tertiary_link":  {city.Tertiary, allModes, true},
	"unclassified":   {city.Unclassified, allModes, false},
	"road":           {city.Unclassified, allModes, false},
	"residential":    {city.Residential, allModes, false},
	"living_street":  {city.Residential, allModes, false},
	"service":        {city.Service, allModes, false},
	"busway":         {city.Service, city.AllowBus, false},
	"bus_guideway":   {city.Service, city.AllowBus, false},
	"pedestrian":     {city.Path, city.AllowWalk, false},
	"footway":        {city.Path, city.AllowWalk, false},
	"platform":       {city.Path, city.AllowWalk, false},
	"corridor":       {city.Path, city.AllowWalk, false},
	"steps":          {city.Path, city.AllowWalk, false},
	"path":           {city.Path, city.AllowWalk | city.AllowBike, false},
	"cycleway":       {city.Path, city.AllowWalk | city.AllowBike, false},
	"bridleway":      {city.Path, city.AllowWalk | city.AllowBike, false},
	"track":          {city.Path, city.AllowWalk | city.AllowBike, false},
}

// drivable tells whether a highway value is a road for cars in principle, the
// definition behind the counts in the city READMEs (service roads included,
// access tags ignored).
func drivable(highway string) bool {
	r, ok := highwayRules[highway]
	return ok && r.modes&city.AllowCar != 0
}

// The access keys of each mode, general to specific.
var (
	carKeys  = []string{"access", "vehicle", "motor_vehicle", "motorcar"}
	busKeys  = []string{"access", "vehicle", "motor_vehicle", "psv", "bus"}
	bikeKeys = []string{"access", "vehicle", "bicycle"}
	walkKeys = []string{"access", "foot"}
)

// verdict reads one access value: +1 allowed, -1 forbidden, 0 says nothing.
// "destination" and "customers" count as allowed: people who live or shop
// there drive in, and through traffic is kept away by the slow speeds.
// "dismount" and "use_sidepath" forbid riding.
func verdict(v string) int {
	if i := strings.IndexByte(v, ';'); i >= 0 {
		v = v[:i]
	}
	switch strings.TrimSpace(v) {
	case "yes", "designated", "permissive", "official", "destination", "customers", "residents", "public":
		return 1
	case "no", "private", "agricultural", "forestry", "delivery", "emergency", "military", "permit",
		"dismount", "use_sidepath", "psv", "bus", "taxi", "employees", "staff", "restricted":
		return -1
	}
	return 0
}

// applyAccess narrows or widens one mode by its access keys.
func applyAccess(t osm.Tags, keys []string, allowed bool) bool {
	for _, k := range keys {
		switch verdict(t.Find(k)) {
		case 1:
			// A general "access=yes" does not open a footpath to cars or a
			// motorway to walkers; only the mode's own keys do.
			if k != "access" {
				allowed = true
			}
		case -1:
			allowed = false
		}
	}
	return allowed
}

// wayModes is what a way allows forward and backward along its node order,
// and whether it is a road, path or ferry at all (ok).
func wayModes(t osm.Tags) (rule highwayRule, fwd, back city.ModeSet, ok bool) {
	hw := t.Find("highway")
	rule, ok = highwayRules[hw]
	if !ok {
		return rule, 0, 0, false
	}
	modes := rule.modes
	if t.Find("motorroad") == "yes" {
		modes &^= city.AllowBike | city.AllowWalk
	}
	set := func(m city.ModeSet, keys []string) {
		if applyAccess(t, keys, modes&m != 0) {
			modes |= m
		} else {
			modes &^= m
		}
	}
	set(city.AllowCar, carKeys)
	set(city.AllowBus, busKeys)
	set(city.AllowBike, bikeKeys)
	set(city.AllowWalk, walkKeys)
	if rule.class == city.Path || t.Find("area") == "yes" {
		// Paths are never for cars (city.Path); drivable areas (car parks,
		// squares) have no lane to queue in.
		modes &^= city.AllowCar | city.AllowBus
	}
	if rule.class == city.Motorway {
		modes &^= city.AllowWalk | city.AllowBike
	}

	fwd, back = modes, modes
	const wheels = city.AllowCar | city.AllowBike | city.AllowBus
	switch oneway(t, rule, hw) {
	case 1:
		back &^= wheels
		back |= contraflow(t, modes)
	case -1:
		fwd &^= wheels
		fwd |= contraflow(t, modes)
	case 2: // reversible at times we do not know: closed to cars, reported
		fwd &^= city.AllowCar | city.AllowBus
		back &^= city.AllowCar | city.AllowBus
	}
	if v := t.Find("oneway:bicycle"); v == "yes" || v == "1" {
		back &^= city.AllowBike
	} else if v == "-1" {
		fwd &^= city.AllowBike
	}
	return rule, fwd, back, true
}

// oneway is 1 forward only, -1 backward only, 2 reversible, 0 both ways.
func oneway(t osm.Tags, rule highwayRule, hw string) int {
	switch t.Find("oneway") {
	case "yes", "true", "1":
		return 1
	case "-1", "reverse":
		return -1
	case "reversible":
		return 2
	case "no", "false", "0", "alternating":
		return 0
	}
	if j := t.Find("junction"); j == "roundabout" || j == "circular" {
		return 1
	}
	if hw == "motorway" {
		return 1
	}
	return 0
}

// contraflow is the modes that may ride against a one-way street.
func contraflow(t osm.Tags, modes city.ModeSet) city.ModeSet {
	var m city.ModeSet
	bikeBoth := t.Find("oneway:bicycle") == "no"
	for _, k := range []string{"cycleway", "cycleway:left", "cycleway:right", "cycleway:both"} {
		bikeBoth = bikeBoth || strings.HasPrefix(t.Find(k), "opposite")
	}
	if bikeBoth {
		m |= modes & city.AllowBike
	}
	busBoth := t.Find("oneway:psv") == "no" || t.Find("oneway:bus") == "no"
	for _, k := range []string{"busway", "busway:left", "busway:right"} {
		busBoth = busBoth || strings.HasPrefix(t.Find(k), "opposite")
	}
	if busBoth {
		m |= modes & city.AllowBus
	}
	return m
}

// barrierBlocks is the modes that cannot pass a node. Which barrier stops whom
// follows the OSM wiki page "Key:barrier"; access tags on the node win.
func barrierBlocks(t osm.Tags) city.ModeSet {
	b := t.Find("barrier")
	var blocked city.ModeSet
	switch b {
	case "":
		return 0
	case "bollard", "block", "planter", "jersey_barrier", "log", "chain", "motorcycle_barrier", "cycle_barrier", "rope":
		blocked = city.AllowCar | city.AllowBus
	case "bus_trap", "sump_buster":
		blocked = city.AllowCar
	case "kissing_gate", "stile", "turnstile", "full-height_turnstile", "horse_stile", "wicket_gate":
		blocked = city.AllowCar | city.AllowBus | city.AllowBike
	}
	for _, r := range []struct {
		m    city.ModeSet
		keys []string
	}{{city.AllowCar, carKeys}, {city.AllowBus, busKeys}, {city.AllowBike, bikeKeys}, {city.AllowWalk, walkKeys}} {
		if applyAccess(t, r.keys, blocked&r.m == 0) {
			blocked &^= r.m
		} else {
			blocked |= r.m
		}
	}
	return blocked
}
