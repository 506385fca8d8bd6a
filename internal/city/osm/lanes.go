package osm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
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

// maxLanes is the most lanes that a tag is believed.
const maxLanes = 12

// laneHabits is how many lanes streets of a kind have in this map where they are
// tagged: what untagged ones most likely have, too.
type laneHabits map[laneKind]float64

type laneKind struct {
	highway string
	oneway  bool
}

const (
	// enoughTagged is how many tagged ways make a habit.
	enoughTagged = 20
	// habitLanes bounds it, per direction: wide streets are tagged first, so the
	// untagged ones are narrower (assumed).
	habitLanes = 2
)

// learnLanes finds the median of the lanes per direction over the tagged ways
// of each kind, rounded down, where enough ways of the box are tagged.
func (g *graph) learnLanes() {
	found := map[laneKind][]float64{}
	for i := range g.src.Ways {
		w := &g.src.Ways[i]
		hw := w.Tags.Find("highway")
		r, ok := ruleOf(w.Tags)
		if !ok || !drivable(hw) || r.class > city.Tertiary || len(g.inside(w)) == 0 {
			continue
		}
		n, tagged := parseLanes(w.Tags.Find("lanes"))
		if !tagged {
			continue
		}
		k := laneKind{hw, oneway(w.Tags, r, hw) != 0}
		if !k.oneway {
			n /= 2
		}
		found[k] = append(found[k], n)
	}
	g.habits = laneHabits{}
	for k, all := range found { // fills independent cells: order is no matter
		if len(all) >= enoughTagged {
			slices.Sort(all)
			g.habits[k] = min(habitLanes, max(1, float64(int(all[(len(all)-1)/2]))))
		}
	}
}

// String lists the habits for the report.
func (h laneHabits) String() string {
	var out []string
	for k, n := range h { // sorted below
		way := "each way"
		if k.oneway {
			way = "one-way"
		}
		out = append(out, fmt.Sprintf("%s %s %g", k.highway, way, n))
	}
	slices.Sort(out)
	if len(out) == 0 {
		return "one lane each way, two on motorways and one-way trunk roads (assumed)"
	}
	return "the median of the tagged ones where 20 are, at most two (" + strings.Join(out, ", ") + "), else one lane each way, two on motorways and one-way trunk roads (assumed)"
}

// lanes is the number of lanes for cars forward and backward. Untagged main
// streets have what is usual in the map (laneHabits), else one lane each way,
// motorways and one-way trunk roads two (assumed). A two-way street tagged with
// a single lane keeps one each way: cars give way to one another, they do not
// queue in half a lane. Lanes for buses are taken off, but for one.
func (h laneHabits) lanes(t osm.Tags, rule highwayRule, onewayCar bool) (fwd, back float32) {
	def := 1.0
	if rule.class <= city.Trunk && onewayCar && !rule.link {
		def = 2
	}
	if v, ok := h[laneKind{t.Find("highway"), onewayCar}]; ok {
		def = max(def, v)
	}
	f, b := def, def
	all, tagged := parseLanes(t.Find("lanes"))
	if tagged {
		if onewayCar {
			f, b = all, all
		} else {
			both := float64(laneCount(t, "lanes:both_ways")) // the lane for turns in the middle
			f = max(all-both, 0) / 2
			b = f
		}
	}
	fn, okF := parseLanes(t.Find("lanes:forward"))
	bn, okB := parseLanes(t.Find("lanes:backward"))
	switch {
	case okF && okB:
		f, b = fn, bn
	case okF:
		f = fn
		if tagged && !onewayCar && all > fn {
			b = all - fn
		}
	case okB:
		b = bn
		if tagged && !onewayCar && all > bn {
			f = all - bn
		}
	}
	if tagged || okF || okB {
		// The number of lanes counts those for buses.
		bf, bb := busLanes(t, onewayCar)
		f, b = f-bf, b-bb
	}
	return float32(max(f, 1)), float32(max(b, 1))
}

// busLanes is the lanes that only buses may use, by direction, from
// lanes:psv and lanes:bus, else from bus:lanes, psv:lanes or busway.
func busLanes(t osm.Tags, onewayCar bool) (fwd, back float64) {
	for _, bus := range []string{"psv", "bus"} {
		n := float64(laneCount(t, "lanes:"+bus))
		f, b := float64(laneCount(t, "lanes:"+bus+":forward")), float64(laneCount(t, "lanes:"+bus+":backward"))
		if f+b == 0 && n > 0 {
			if onewayCar {
				f, b = n, n
			} else {
				f, b = n/2, n/2
			}
		}
		if f+b == 0 {
			f, b = float64(designated(t.Find(bus+":lanes:forward"))), float64(designated(t.Find(bus+":lanes:backward")))
			if d := float64(designated(t.Find(bus + ":lanes"))); f+b == 0 && d > 0 && onewayCar {
				f, b = d, d
			}
		}
		fwd, back = max(fwd, f), max(back, b)
	}
	if fwd+back > 0 {
		return fwd, back
	}
	for _, side := range []string{"busway", "busway:left", "busway:right", "busway:both"} {
		if t.Find(side) == "lane" {
			if onewayCar {
				return 1, 1
			}
			if side == "busway" || side == "busway:both" {
				return 1, 1
			}
			// Which side is forward depends on where people drive; half a lane
			// each way keeps the street's sum.
			fwd, back = fwd+0.5, back+0.5
		}
	}
	return fwd, back
}

// designated counts the lanes of a list that are for the vehicle alone.
func designated(v string) (n int) {
	for _, lane := range strings.Split(v, "|") {
		if lane == "designated" {
			n++
		}
	}
	return n
}

// laneCount reads a number of lanes; 0 when there is none.
func laneCount(t osm.Tags, key string) int {
	n, err := strconv.Atoi(strings.TrimSpace(t.Find(key)))
	if err != nil || n < 0 || n > maxLanes {
		return 0
	}
	return n
}

func parseLanes(v string) (float64, bool) {
	if i := strings.IndexByte(v, ';'); i >= 0 {
		v = v[:i]
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil || !(f >= 1) || f > maxLanes {
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
