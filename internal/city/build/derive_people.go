package build

import (
	"fmt"
	"math"
	"strconv"

	"github.com/malikobaid/cityflow/internal/city"
)

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

// sharesByDensity are mode shares of a city of which nothing is known: the more
// people live on a square kilometre of the box, the fewer go by car (Newman and
// Kenworthy, Cities and Automobile Dependence, 1989). The figures themselves are
// assumed, in the range of city surveys.
var sharesByDensity = []struct {
	below                    float64 // residents per km2
	car, bike, walk, transit float64
}{
	{1500, 58, 4, 26, 12},
	{4000, 45, 5, 30, 20},
	{8000, 30, 5, 33, 32},
	{math.Inf(1), 18, 4, 38, 40},
}

// deriveShares assumes how people travel, once their number is known.
func (b *builder) deriveShares() {
	density := b.cfg.Population.Value / max(0.1, boxKM2(b.cfg.BBox)) // areas have one decimal, and a hamlet 0.0
	for _, s := range sharesByDensity {
		if density >= s.below {
			continue
		}
		m := &b.cfg.ModeShare
		m.Car, m.Bike, m.Walk, m.Transit = s.car, s.bike, s.walk, s.transit
		if len(b.city.Timetable.Lines) == 0 {
			m.Car, m.Walk, m.Transit = s.car+s.transit/2, s.walk+s.transit/2, 0
		}
		m.Source, m.Assumed = fmt.Sprintf("assumed from %.0f residents per km2 of the box; no survey: replace it with one of the city", density), true
		b.guess("mode_share", fmt.Sprintf("car %g, bike %g, walk %g, transit %g", m.Car, m.Bike, m.Walk, m.Transit), fmt.Sprintf("from %.0f residents per km2 of the box; no survey", density), true)
		b.describe()
		return
	}
}
