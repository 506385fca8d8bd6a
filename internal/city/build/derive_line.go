package build

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

// The derived what-if: a tram from the busiest stop to the busiest one that no
// vehicle goes to directly, with stops between (all figures assumed).
const (
	lineMinM  = 2000
	lineMaxM  = 5000
	lineStopM = 500 // least distance between two stops of it
	lineNearM = 300 // stops this close serve the same door
	lineSideM = 150 // how far a stop may lie beside the straight line
)

// deriveLine makes a what-if to start from.
func (b *builder) deriveLine() {
	t := &b.city.Timetable
	pr := city.ProjectionOf(b.cfg.BBox)
	dep := make([]float64, t.NumStops())
	for p := range t.NumPatterns() {
		trips := float64(t.PatternTrips[p+1] - t.PatternTrips[p])
		for _, s := range t.StopsOf(units.PatternID(p)) {
			dep[s] += trips
		}
	}
	x, y := make([]float64, len(dep)), make([]float64, len(dep))
	for s := range dep {
		x[s], y[s] = pr.XY(t.StopLon[s], t.StopLat[s])
	}
	busiest := func(ok func(s int) bool) int {
		best := -1
		for s := range dep {
			if dep[s] > 0 && ok(s) && (best < 0 || dep[s] > dep[best]) {
				best = s
			}
		}
		return best
	}
	from := busiest(func(int) bool { return true })
	if from < 0 {
		return
	}
	far := func(s, from int) float64 { return math.Hypot(x[s]-x[from], y[s]-y[from]) }
	// Where a vehicle already goes without a change, a tram would bring little.
	var direct []int
	for p := range t.NumPatterns() {
		stops := t.StopsOf(units.PatternID(p))
		if slices.ContainsFunc(stops, func(s units.StopID) bool { return far(int(s), from) <= lineNearM }) {
			for _, s := range stops {
				direct = append(direct, int(s))
			}
		}
	}
	slices.Sort(direct)
	direct = slices.Compact(direct)
	within := func(s int) bool { m := far(s, from); return m >= lineMinM && m <= lineMaxM }
	to := busiest(func(s int) bool {
		return within(s) && !slices.ContainsFunc(direct, func(o int) bool { return far(s, o) <= lineNearM })
	})
	if to < 0 {
		to = busiest(within)
	}
	if to < 0 {
		b.guess("default", "none", "no two stops are two to five kilometres apart", true)
		return
	}
	length := math.Hypot(x[to]-x[from], y[to]-y[from])
	ux, uy := (x[to]-x[from])/length, (y[to]-y[from])/length
	along := func(s int) float64 { return (x[s]-x[from])*ux + (y[s]-y[from])*uy }
	line := []int{from}
	var near []int
	for s := range dep {
		if side := math.Abs((y[s]-y[from])*ux - (x[s]-x[from])*uy); dep[s] > 0 && side <= lineSideM {
			near = append(near, s)
		}
	}
	// The busiest first, as long as they keep their distance.
	slices.SortStableFunc(near, func(a, c int) int { return int(math.Copysign(1, dep[c]-dep[a])) * b2i(dep[a] != dep[c]) })
	line = append(line, to)
	for _, s := range near {
		if a := along(s); a >= lineStopM && a <= length-lineStopM && !slices.ContainsFunc(line, func(o int) bool { return math.Abs(along(o)-a) < lineStopM }) {
			line = append(line, s)
		}
	}
	slices.SortStableFunc(line, func(a, c int) int { return int(math.Copysign(1, along(a)-along(c))) * b2i(a != c) })
	d := &b.cfg.Default
	d.Name = "Tram " + t.StopName[from] + " - " + t.StopName[to]
	for _, s := range line {
		d.Stops = append(d.Stops, t.StopID[s])
	}
	b.guess("default", fmt.Sprintf("%s, %d stops", d.Name, len(d.Stops)), "the busiest stop, the busiest one two to five kilometres away that no vehicle goes to directly, and busy ones between", true)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// housesPerKM of residential street: where more buildings than this are
// mapped, homes are read off buildings. Newport has about a hundred, a map
// without buildings next to none (assumed).
const housesPerKM = 20

// deriveHomes decides what residents are spread over.
func (b *builder) deriveHomes() {
	s := b.source
	buildings, metres := 0, 0.0
	for i := range s.Ways {
		w := &s.Ways[i]
		if len(w.Nodes) == 0 || w.Nodes[0] < 0 || !city.InBox(b.cfg.BBox, s.Lon[w.Nodes[0]], s.Lat[w.Nodes[0]]) {
			continue
		}
		if v := w.Tags.Find("building"); v != "" && v != "no" {
			buildings++
		}
		if h := w.Tags.Find("highway"); h == "residential" || h == "living_street" {
			for k := 1; k < len(w.Nodes); k++ {
				if p, q := w.Nodes[k-1], w.Nodes[k]; p >= 0 && q >= 0 {
					metres += city.DistanceM(s.Lon[p], s.Lat[p], s.Lon[q], s.Lat[q])
				}
			}
		}
	}
	b.cfg.Places.Homes = "streets"
	what := "the metres of residential streets"
	if float64(buildings) >= housesPerKM*metres/1000 && buildings > 0 {
		b.cfg.Places.Homes, what = "buildings", "residential buildings by floor area"
	}
	b.guess("places.homes", b.cfg.Places.Homes, fmt.Sprintf("the map has %d buildings on %.0f km of residential street, so homes are spread over %s", buildings, metres/1000, what), false)
	if b.cfg.Places.Homes == "streets" {
		b.find("places", "buildings", city.Note, 1, "the map has too few buildings: homes lie along residential streets, destinations at jobs or stops (assumed)", "")
	}
}

// Floor and street that one resident takes where nothing tells (assumed): about
// 40 m2 of floor is the middle of European housing statistics, and 2.5 m of
// residential street what Heidelberg's and Porto Alegre's come to, between one and
// four.
const (
	floorPerPersonM2 = 40
	streetPerPersonM = 2.5
)

// assumePopulation puts a number to residents that nobody counted.
func (b *builder) assumePopulation(p *placer) {
	if b.inputs == nil {
		return
	}
	defer b.deriveShares()
	if b.cfg.Population.Value > 0 {
		return
	}
	size := 0.0
	for i := range p.places {
		size += p.places[i].home
	}
	per, what := float64(floorPerPersonM2), "m2 of residential floor at 40 m2 a person"
	if b.cfg.Places.Homes == "streets" {
		per, what = streetPerPersonM, "m of residential street at 2.5 m a person"
	}
	f := FactYAML{Value: max(1, math.Round(size/per)), Source: fmt.Sprintf("assumed: %.0f %s; state it with --people", size, what), Assumed: true}
	b.cfg.Population = f
	b.guess("population", strconv.FormatFloat(f.Value, 'f', -1, 64), f.Source, true)
	b.find("settings", "population", city.Warning, 1, fmt.Sprintf("nobody counted the residents: %.0f are assumed, and every total scales with them; name them with --people or a population file", f.Value), "")
}

// deriveAttribution credits what the files name.
func (b *builder) deriveAttribution() {
	c := b.cfg
	c.Attribution = "© OpenStreetMap contributors (ODbL)."
	c.Sources = []string{"Streets, buildings, land use: OpenStreetMap (" + c.Files.OSM + "), ODbL 1.0"}
	var names []string
	for i, s := range b.surveys {
		n := s.Publisher
		if n == "" {
			n = strings.Join(s.Agencies[:min(len(s.Agencies), 5)], ", ")
		}
		if n == "" {
			n = "unnamed publisher"
		}
		if n = clipped(n, 200); !slices.Contains(names, n) {
			names = append(names, n)
		}
		c.Sources = append(c.Sources, fmt.Sprintf("Timetable: %s (%s); its licence is not in the file", n, c.Files.GTFS[i]))
	}
	if len(names) > 0 {
		c.Attribution += " Public transport: " + strings.Join(names, "; ") + "."
	}
	for _, f := range []struct{ what, file string }{{"Population", c.Files.Population}, {"Jobs", c.Files.Jobs}, {"Terrain", c.Files.Elevation}} {
		if f.file != "" {
			c.Sources = append(c.Sources, f.what+": "+f.file+"; its licence is not in the file")
		}
	}
	b.guess("attribution", c.Attribution, "names found in the files: check each licence before you publish", true)
	if len(c.Sources) > 1 {
		b.find("settings", "licences", city.Note, len(c.Sources)-1, "files do not say under which licence they are: look it up before you publish results, and write it into city.yaml", "")
	}
}
