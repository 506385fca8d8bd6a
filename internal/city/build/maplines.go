package build

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/city/osm"
	"github.com/malikobaid/cityflow/internal/units"
)

// mapFeed is the name of the service made from route relations of the map.
const mapFeed = "osm"

// What a line on the map does not tell, by mode. All assumed: headways of an
// ordinary line by day, where the relation has no interval; commercial speeds,
// stops included (Vuchic, Urban Transit Systems and Technology, 2007, gives 15
// to 25 km/h for buses and trams in mixed traffic and 25 to 60 for metros and
// suburban rail, as recalled); how much longer the way is than straight lines
// from stop to stop.
var mapService = [...]struct {
	headwayMin, kmh, detour float64
}{
	city.Bus: {20, 18, 1.3}, city.Tram: {10, 18, 1.2}, city.Rail: {30, 45, 1.1},
	city.Metro: {6, 32, 1.1}, city.Coach: {60, 40, 1.3}, city.Ferry: {30, 15, 1.1},
}

// maxMapTrips bounds what intervals on the map may expand to.
const maxMapTrips = 200_000

// withMapLines adds the lines of the map to the feeds of a city: all of them
// where there is no feed, else those of the modes that city.yaml names.
func (b *builder) withMapLines(feeds []*gtfs.Feed, opt *gtfs.Options) []*gtfs.Feed {
	var want [city.Ferry + 1]bool
	for _, n := range b.cfg.Files.OSMRoutes {
		want[fareModes[n]] = true
	}
	if len(feeds) == 0 && len(b.cfg.Files.OSMRoutes) == 0 {
		for m := range want {
			want[m] = true
		}
	}
	if !slices.Contains(want[:], true) {
		return feeds
	}
	lines, few := osm.TransitLines(b.source)
	lines = slices.DeleteFunc(lines, func(l osm.TransitLine) bool {
		inside := 0
		for _, s := range l.Stops {
			if city.InBox(b.cfg.BBox, s.Lon, s.Lat) {
				inside++
			}
		}
		return !want[l.Mode] || inside < 2
	})
	b.line("timetable", "route relations without stops", float64(few), "relations", "of the map: fewer than two of their stops are in the file")
	if len(lines) == 0 {
		return feeds
	}
	feed, mapped := headways(lines, b.city.Info.ServiceFrom, b.city.Info.ServiceTo)
	b.line("timetable", "lines from the map", float64(len(feed.Routes)), "lines",
		fmt.Sprintf("ASSUMED: route relations of OpenStreetMap, %d with a mapped interval; else every %s minutes; at %s km/h", mapped,
			perMode(func(m city.TransitMode) float64 { return mapService[m].headwayMin }), perMode(func(m city.TransitMode) float64 { return mapService[m].kmh })))
	opt.Assumed[mapFeed] = true
	return append(feeds, feed)
}

func perMode(f func(city.TransitMode) float64) string {
	var words []string
	for m := range city.TransitMode(len(mapService)) {
		words = append(words, fmt.Sprintf("%s %g", m, f(m)))
	}
	return strings.Join(words, ", ")
}

// headways makes a feed of lines at headways from from to to. The relations of
// one mode, name and operator are one line: two directions, or more variants,
// which then share its service so that the line as a whole keeps its headway.
// mapped counts the lines whose headway the map tells.
func headways(lines []osm.TransitLine, from, to units.Seconds) (feed *gtfs.Feed, mapped int) {
	key := func(l *osm.TransitLine) string {
		return fmt.Sprintf("%d\x00%s\x00%s", l.Mode, l.Operator, l.Name)
	}
	slices.SortStableFunc(lines, func(x, y osm.TransitLine) int {
		return cmp.Or(strings.Compare(key(&x), key(&y)), cmp.Compare(x.OSM, y.OSM))
	})
	var routes []gtfs.Route
	var stops []gtfs.Stop
	var trips []gtfs.Trip
	number := map[string]int32{} // look-ups only
	stopOf := func(s osm.LineStop) int32 {
		n, ok := number[s.Key]
		if !ok {
			n = int32(len(stops))
			number[s.Key] = n
			stops = append(stops, gtfs.Stop{ID: mapFeed + ":" + s.Key, Name: cmp.Or(s.Name, "Stop "+s.Key), Lon: s.Lon, Lat: s.Lat})
		}
		return n
	}
	for i := 0; i < len(lines); {
		j := i
		headway := 0.0
		for ; j < len(lines) && key(&lines[j]) == key(&lines[i]); j++ {
			if h := lines[j].HeadwayS; h > 0 && (headway == 0 || h < headway) {
				headway = h
			}
		}
		l := &lines[i]
		if headway > 0 {
			mapped++
		} else {
			headway = mapService[l.Mode].headwayMin * 60
		}
		route := int32(len(routes))
		routes = append(routes, gtfs.Route{
			ID: fmt.Sprintf("%s:r%d", mapFeed, l.OSM), Name: l.Name, Agency: cmp.Or(l.Operator, "OpenStreetMap"), Mode: l.Mode, Fare: math.NaN(),
		})
		// Directions of service: two keep the headway each, three run one and a
		// half times as seldom, and so on.
		ways := 0
		for _, v := range lines[i:j] {
			ways++
			if v.BothWays {
				ways++
			}
		}
		every := headway * max(1, float64(ways)/2)
		way := 0
		run := func(v *osm.TransitLine, back bool) {
			calls := make([]gtfs.Call, len(v.Stops))
			at := 0.0
			for k := range v.Stops {
				s := v.Stops[k]
				if back {
					s = v.Stops[len(v.Stops)-1-k]
				}
				calls[k] = gtfs.Call{Stop: stopOf(s), Seq: int32(k), Dist: math.NaN()}
				if k > 0 {
					p, q := &stops[calls[k-1].Stop], &stops[calls[k].Stop]
					at += city.DistanceM(p.Lon, p.Lat, q.Lon, q.Lat) * mapService[v.Mode].detour / units.KMH(mapService[v.Mode].kmh)
				}
				calls[k].Arr = units.Seconds(math.Round(at))
			}
			// Variants take turns; opposite directions leave together.
			phase := every * float64(way/2) / math.Ceil(float64(ways)/2)
			way++
			for n := 0; len(trips) < maxMapTrips; n++ {
				dep := float64(from) + phase + float64(n)*every
				if dep >= float64(to) {
					break
				}
				t := gtfs.Trip{ID: fmt.Sprintf("%s:%d%s@%05d", mapFeed, v.OSM, map[bool]string{true: "b"}[back], int(dep)), Route: route, Calls: slices.Clone(calls)}
				for k := range t.Calls {
					t.Calls[k].Arr += units.Seconds(math.Round(dep))
					t.Calls[k].Dep = t.Calls[k].Arr
				}
				trips = append(trips, t)
			}
		}
		for k := i; k < j; k++ {
			run(&lines[k], false)
			if lines[k].BothWays {
				run(&lines[k], true)
			}
		}
		i = j
	}
	return gtfs.NewFeed(mapFeed, routes, stops, trips), mapped
}
