package scenario

import (
	"fmt"
	"sort"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
	"github.com/malikobaid/cityflow/spec"
)

// Rules of the short-form line: it also calls at stop groups near its path.
const (
	nearPathM   = 100
	minSpacingM = 500
)

// resolveStop finds the stop a person named and writes its id and name, or
// checks the coordinates of a new one.
func resolveStop(ps *spec.Problems, path string, ref spec.StopRef, c *city.City) (spec.StopRef, bool) {
	if ref.Lon != nil || ref.Lat != nil {
		return newStop(ps, path, ref, c)
	}
	query := ref.ID
	if query == "" {
		query = ref.Name
	}
	if query == "" {
		ps.Add(path, "the stop has neither id, name nor place", "a stop id or name", `{"lon":..,"lat":..,"name":".."}`)
		return ref, false
	}
	stops, near := c.LookupStop(query)
	if len(stops) == 0 {
		if len(near) == 0 {
			near = usualStops(c)
		}
		ps.Add(path, fmt.Sprintf("no stop %q in %s", query, c.Info.Name), near...)
		return ref, false
	}
	tt := &c.Timetable
	best := stops[0]
	groups := map[uint32]units.StopID{}
	for _, s := range stops {
		if tt.StopID[s] < tt.StopID[best] {
			best = s
		}
		if g, ok := groups[tt.StopGroup[s]]; !ok || tt.StopID[s] < tt.StopID[g] {
			groups[tt.StopGroup[s]] = s
		}
	}
	if len(groups) > 1 {
		var ids []string
		for _, s := range groups {
			ids = append(ids, fmt.Sprintf("%s (%s, %.5f,%.5f)", tt.StopID[s], tt.StopName[s], tt.StopLon[s], tt.StopLat[s]))
		}
		sort.Strings(ids)
		ps.Add(path, fmt.Sprintf("%d stops far apart are called %q: name one by its id", len(groups), query), ids...)
		return ref, false
	}
	return spec.StopRef{ID: tt.StopID[best], Name: tt.StopName[best], Chosen: ref.Chosen}, true
}

func newStop(ps *spec.Problems, path string, ref spec.StopRef, c *city.City) (spec.StopRef, bool) {
	b := c.Info.BBox
	if ref.Lon == nil || ref.Lat == nil || !(*ref.Lon >= b[0] && *ref.Lon <= b[2] && *ref.Lat >= b[1] && *ref.Lat <= b[3]) {
		ps.Add(path, "the place is not inside "+c.Info.Name, fmt.Sprintf("lon %.4f to %.4f, lat %.4f to %.4f", b[0], b[2], b[1], b[3]))
		return ref, false
	}
	if ref.ID != "" {
		ps.Add(path, fmt.Sprintf("the stop has an id (%q) and a place: an existing stop stands where it stands", ref.ID), "an id", "lon, lat and a name")
		return ref, false
	}
	if ref.Name == "" {
		ref.Name = fmt.Sprintf("New stop %.4f,%.4f", *ref.Lon, *ref.Lat)
	}
	return ref, true
}

// usualStops are examples for those who are far off: the names of the default
// what-if.
func usualStops(c *city.City) []string {
	var names []string
	for _, q := range c.Info.DefaultStops {
		if stops, _ := c.LookupStop(q); len(stops) > 0 {
			names = append(names, c.Timetable.StopName[stops[0]])
		}
	}
	what := "a stop id or name of " + c.Info.Name
	if len(names) > 0 {
		what += ", such as " + strings.Join(names, ", ")
	}
	return []string{what}
}

// stopByID is the index of an existing stop of a resolved reference.
func stopByID(c *city.City, id string) (units.StopID, bool) {
	for s, have := range c.Timetable.StopID {
		if have == id {
			return units.StopID(s), true
		}
	}
	return units.NoStop, false
}

func position(c *city.City, ref spec.StopRef) (lon, lat float64, ok bool) {
	if ref.Lon != nil && ref.Lat != nil {
		return *ref.Lon, *ref.Lat, true
	}
	s, ok := stopByID(c, ref.ID)
	if !ok {
		return 0, 0, false
	}
	return c.Timetable.StopLon[s], c.Timetable.StopLat[s], true
}

func sameGroup(c *city.City, a, b spec.StopRef) bool {
	if a.Lon != nil || b.Lon != nil {
		return a.Lon != nil && b.Lon != nil && *a.Lon == *b.Lon && *a.Lat == *b.Lat
	}
	sa, okA := stopByID(c, a.ID)
	sb, okB := stopByID(c, b.ID)
	return okA && okB && c.Timetable.StopGroup[sa] == c.Timetable.StopGroup[sb]
}

// canonicalOrder says whether a comes before b in the direction in which
// lines are laid out, so that A-B and B-A are one line.
func canonicalOrder(a, b spec.StopRef) bool {
	ka, kb := a.ID+"|"+a.Name, b.ID+"|"+b.Name
	if ka != kb {
		return ka < kb
	}
	return a.Lon != nil && b.Lon != nil && (*a.Lon < *b.Lon || *a.Lon == *b.Lon && *a.Lat < *b.Lat)
}

// againstOrder says whether a sequence of stops comes after its own mirror
// image in that order. A line that ends where it began is told by the stops
// between.
func againstOrder(refs []spec.StopRef) bool {
	for i, j := 0, len(refs)-1; i < j; i, j = i+1, j-1 {
		if canonicalOrder(refs[i], refs[j]) {
			return false
		}
		if canonicalOrder(refs[j], refs[i]) {
			return true
		}
	}
	return false
}

const joined = "stops that streets join"

func unjoined(a, b spec.StopRef) string {
	return fmt.Sprintf("no street joins %s and %s, or both are at one junction", a.Name, b.Name)
}

// callingPoints are the ends and the stop groups within 100 m of the street
// path between them, at least 500 m apart, in the order asked for.
func callingPoints(ps *spec.Problems, path string, a, b spec.StopRef, c *city.City) ([]spec.StopRef, bool) {
	if !canonicalOrder(a, b) {
		stops, ok := callingPoints(ps, path, b, a, c)
		for i, j := 0, len(stops)-1; i < j; i, j = i+1, j-1 {
			stops[i], stops[j] = stops[j], stops[i]
		}
		return stops, ok
	}
	pl := c.Projection()
	lon, lat, length, ok := pathBetween(c, pl, a, b)
	if !ok {
		ps.Add(path, unjoined(a, b), joined)
		return nil, false
	}
	px, py := planar(pl, lon, lat)
	tt := &c.Timetable
	sa, _ := stopByID(c, a.ID)
	sb, _ := stopByID(c, b.ID)
	type candidate struct {
		stop        units.StopID
		away, along float64
	}
	best := map[uint32]candidate{}
	for s := range tt.NumStops() {
		g := tt.StopGroup[s]
		if g == tt.StopGroup[sa] || g == tt.StopGroup[sb] {
			continue
		}
		x, y := pl.XY(tt.StopLon[s], tt.StopLat[s])
		away, along := project(px, py, x, y)
		if have, ok := best[g]; away <= nearPathM && (!ok || away < have.away) {
			best[g] = candidate{units.StopID(s), away, along}
		}
	}
	list := make([]candidate, 0, len(best))
	for _, x := range best {
		list = append(list, x)
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].along != list[j].along {
			return list[i].along < list[j].along
		}
		return list[i].stop < list[j].stop
	})
	stops := []spec.StopRef{a}
	last := 0.0
	for _, x := range list {
		if x.along-last >= minSpacingM && length-x.along >= minSpacingM {
			stops = append(stops, spec.StopRef{ID: tt.StopID[x.stop], Name: tt.StopName[x.stop], Chosen: true})
			last = x.along
		}
	}
	return append(stops, b), true
}

// pathBetween is the way over streets between the junctions nearest to two
// stops. Where one of these lies on an island, such as a bus bay in a square
// for people on foot, the nearest junction of the largest part stands in.
func pathBetween(c *city.City, pl city.Projection, a, b spec.StopRef) (lon, lat []float64, metres float64, ok bool) {
	alon, alat, okA := position(c, a)
	blon, blat, okB := position(c, b)
	if !okA || !okB {
		return nil, nil, 0, false
	}
	any := func(units.NodeID) bool { return true }
	from, okA := nearestStreetNode(c, pl, alon, alat, any)
	to, okB := nearestStreetNode(c, pl, blon, blat, any)
	if !okA || !okB {
		return nil, nil, 0, false
	}
	if from != to {
		if lon, lat, metres, ok = streetPath(c, from, to); ok {
			return lon, lat, metres, true
		}
	}
	main := largestPart(&c.Net)
	if main[from] && main[to] {
		return nil, nil, 0, false // at one junction
	}
	in := func(n units.NodeID) bool { return main[n] }
	from, okA = nearestStreetNode(c, pl, alon, alat, in)
	to, okB = nearestStreetNode(c, pl, blon, blat, in)
	if !okA || !okB || from == to {
		return nil, nil, 0, false
	}
	return streetPath(c, from, to)
}
