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
// one: access < vehicle < motor_vehicle < motorcar, and so on per mode; a key for
// one direction (bus:backward) over the same key for both. Conditions
// (motor_vehicle:conditional and the like) are counted, not applied: most name
// hours of the night, weights or permits.

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

// serviceRules are the service roads that differ from the others: an access for
// fire engines is no street.
var serviceRules = map[string]highwayRule{
	"emergency_access": {city.Service, city.AllowBike | city.AllowWalk, false},
}

// ruleOf is the rule of a way; ok is false when it is no road or path.
func ruleOf(t osm.Tags) (rule highwayRule, ok bool) {
	hw := t.Find("highway")
	if rule, ok = highwayRules[hw]; ok && hw == "service" {
		if r, special := serviceRules[t.Find("service")]; special {
			rule = r
		}
	}
	return rule, ok
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
	case "yes", "designated", "permissive", "official", "destination", "customers", "customer", "residents", "public", "discouraged", "access":
		return 1
	case "no", "private", "agricultural", "forestry", "delivery", "emergency", "military", "permit",
		"dismount", "use_sidepath", "psv", "bus", "taxi", "hov", "employees", "staff", "restricted", "disabled":
		return -1
	}
	return 0
}

// applyAccess narrows or widens one mode by its access keys. direction is
// ":forward", ":backward" or "".
func applyAccess(t osm.Tags, keys []string, direction string, allowed bool) bool {
	for _, k := range keys {
		v := t.Find(k)
		if direction != "" {
			if d := t.Find(k + direction); d != "" {
				v = d
			}
		}
		switch verdict(v) {
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

var modeKeys = []struct {
	mode city.ModeSet
	keys []string
}{{city.AllowCar, carKeys}, {city.AllowBus, busKeys}, {city.AllowBike, bikeKeys}, {city.AllowWalk, walkKeys}}

// wayModes is what a way allows forward and backward along its node order,
// and whether it is a road, path or ferry at all (ok).
func wayModes(t osm.Tags) (rule highwayRule, fwd, back city.ModeSet, ok bool) {
	rule, ok = ruleOf(t)
	if !ok {
		return rule, 0, 0, false
	}
	directed := hasDirections(t)
	modes := accessModes(t, rule, "")
	fwd, back = modes, modes
	if directed {
		fwd, back = accessModes(t, rule, ":forward"), accessModes(t, rule, ":backward")
	}
	const wheels = city.AllowCar | city.AllowBike | city.AllowBus
	switch oneway(t, rule, t.Find("highway")) {
	case 1:
		back = back&^wheels | contraflow(t, back, ":backward")
	case -1:
		fwd = fwd&^wheels | contraflow(t, fwd, ":forward")
	case 2: // reversible at times we do not know: closed to cars, reported
		fwd &^= city.AllowCar | city.AllowBus
		back &^= city.AllowCar | city.AllowBus
	}
	// A street for all with a direction for motors only.
	for _, k := range []string{"oneway:motor_vehicle", "oneway:motorcar"} {
		m := city.AllowCar
		if k == "oneway:motor_vehicle" {
			m |= city.AllowBus
		}
		switch t.Find(k) {
		case "yes", "1":
			back &^= m
		case "-1":
			fwd &^= m
		}
	}
	if v := t.Find("oneway:bicycle"); v == "yes" || v == "1" {
		back &^= city.AllowBike
	} else if v == "-1" {
		fwd &^= city.AllowBike
	}
	return rule, fwd, back, true
}

// hasDirections tells whether any access key is given for one direction.
func hasDirections(t osm.Tags) bool {
	for _, tag := range t {
		if k, ok := strings.CutSuffix(tag.Key, ":forward"); ok && accessKey[k] {
			return true
		}
		if k, ok := strings.CutSuffix(tag.Key, ":backward"); ok && accessKey[k] {
			return true
		}
	}
	return false
}

var accessKey = map[string]bool{"access": true, "vehicle": true, "motor_vehicle": true, "motorcar": true, "psv": true, "bus": true, "bicycle": true, "foot": true}

// conditional tells whether access, direction, speed or lanes depend on a
// condition that the import does not read.
func conditional(t osm.Tags) bool {
	for _, tag := range t {
		k, ok := strings.CutSuffix(tag.Key, ":conditional")
		if !ok {
			continue
		}
		k, _, _ = strings.Cut(k, ":")
		if accessKey[k] || k == "oneway" || k == "maxspeed" || k == "lanes" {
			return true
		}
	}
	return false
}

// accessModes is what a way allows in one direction before one-way rules.
func accessModes(t osm.Tags, rule highwayRule, direction string) city.ModeSet {
	modes := rule.modes
	if t.Find("motorroad") == "yes" {
		modes &^= city.AllowBike | city.AllowWalk
	}
	for _, m := range modeKeys {
		if applyAccess(t, m.keys, direction, modes&m.mode != 0) {
			modes |= m.mode
		} else {
			modes &^= m.mode
		}
	}
	if rule.class == city.Path || t.Find("area") == "yes" {
		// Paths are never for cars (city.Path); drivable areas (car parks,
		// squares) have no lane to queue in.
		modes &^= city.AllowCar | city.AllowBus
	}
	if rule.class == city.Motorway {
		modes &^= city.AllowWalk | city.AllowBike
	}
	return modes
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

// contraflow is the modes, of those allowed, that may ride against a one-way
// street: by oneway:bicycle, by a lane drawn against it (cycleway=opposite_lane,
// cycleway:right:oneway=-1), or by a key for that direction (bus:backward=yes).
func contraflow(t osm.Tags, allowed city.ModeSet, against string) city.ModeSet {
	var m city.ModeSet
	if leadsAgainst(t, "cycleway", "oneway:bicycle") || verdict(t.Find("bicycle"+against)) > 0 {
		m |= allowed & city.AllowBike
	}
	if leadsAgainst(t, "busway", "oneway:psv", "oneway:bus") || opposite(t.Find("psv")) || opposite(t.Find("bus")) ||
		verdict(t.Find("bus"+against)) > 0 || verdict(t.Find("psv"+against)) > 0 || laneCount(t, "lanes:psv"+against)+laneCount(t, "lanes:bus"+against) > 0 {
		m |= allowed & city.AllowBus
	}
	return m
}

func opposite(v string) bool { return strings.HasPrefix(v, "opposite") }

// leadsAgainst tells whether lanes of one kind, or a oneway key, lead against a
// one-way street.
func leadsAgainst(t osm.Tags, lane string, keys ...string) bool {
	for _, k := range keys {
		if v := t.Find(k); v == "no" || v == "-1" {
			return v == "no"
		}
	}
	if opposite(t.Find(lane)) {
		return true
	}
	for _, side := range []string{":left", ":right", ":both"} {
		v := t.Find(lane + side)
		if opposite(v) {
			return true
		}
		if v != "" && v != "no" && v != "separate" && v != "none" {
			if o := t.Find(lane + side + ":oneway"); o == "-1" || o == "no" {
				return true
			}
		}
	}
	return false
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
	for _, r := range modeKeys {
		if applyAccess(t, r.keys, "", blocked&r.mode == 0) {
			blocked &^= r.mode
		} else {
			blocked |= r.mode
		}
	}
	return blocked
}
