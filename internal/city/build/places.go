package build

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	tags "github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/osm"
)

// place is a place under construction, in metres around the box centre.
type place struct {
	x, y     float64
	home     float64 // weight for residents: m2 of floor or m of street
	attract  [city.NumPurposes]float64
	people   float64
	car, wlk int
	accessM  float64
	cluster  int
	area     *osm.Area // the building, for points inside it
	use      osm.Use
}

// placer turns sources into places.
type placer struct {
	b      *builder
	places []place
}

// reachM is how far a place may lie from the nearest street node on foot;
// blocks of large estates and farms reach it.
const reachM = 400

func (b *builder) buildPlaces() error {
	p := &placer{b: b}
	if b.cfg.Places.Homes == "buildings" {
		p.fromBuildings()
	} else {
		p.fromStreets()
		if b.cfg.Files.Jobs == "" && b.city.Timetable.NumStops() == 0 {
			p.points() // nothing else tells where people go
		}
	}
	p.snap()
	if len(p.places) == 0 {
		return errors.New("no place lies near a street: nobody could live or work anywhere")
	}
	if err := p.residents(); err != nil {
		return err
	}
	if err := p.jobs(); err != nil {
		return err
	}
	if b.cfg.Places.Homes == "streets" && b.cfg.Files.Jobs == "" {
		p.attractByDepartures()
	}
	p.landmarks()
	p.anywhere()
	p.places = slices.DeleteFunc(p.places, func(q place) bool {
		return q.people == 0 && q.attract == [city.NumPurposes]float64{}
	})
	p.cluster()
	p.write()
	p.areas()
	for k := range city.NumPurposes {
		total := 0.0
		for i := range p.places {
			total += p.places[i].attract[k]
		}
		b.line("places", "attraction for "+city.Purpose(k).String(), math.Round(total), "weight", "")
	}
	return nil
}

// anywhere spreads the destinations of a purpose over the homes where the
// sources hold none: a small map may lack schools, not their pupils.
func (p *placer) anywhere() {
	for k := range city.NumPurposes {
		if slices.ContainsFunc(p.places, func(q place) bool { return q.attract[k] > 0 }) {
			continue
		}
		for i := range p.places {
			p.places[i].attract[k] = p.places[i].people
		}
		what := city.Purpose(k).String()
		p.b.line("places", "no destinations for "+what, 1, "", "spread over the homes instead (assumed)")
		p.b.find("places", "destinations", city.Warning, 1, "the sources hold no destination for "+what+": its trips go to other people's homes (assumed)", "")
	}
}

// minHomeM2 is the smallest ground of a building of unknown use that can be a
// home; below it stand sheds and garages (assumed).
const minHomeM2 = 25

// farOfEmptyLand is the floor space per square metre of land of a zone without
// mapped buildings (assumed).
const farOfEmptyLand = 0.2

// fromBuildings makes one place per used building, adds points of interest to
// the building around them, and one place per zone that has no buildings.
func (p *placer) fromBuildings() {
	src, box := p.b.source, p.b.cfg.BBox
	buildings, broken := osm.Areas(src, box, func(t tags.Tags) bool { return t.Find("building") != "" })
	zones, brokenZones := osm.Areas(src, box, func(t tags.Tags) bool { return osm.ZoneUse(t) != osm.NoUse })
	zoneAt := newAreaIndex(zones)
	filled := make([]bool, len(zones))
	var homes, works, unknown, byLand int
	for i := range buildings {
		a := &buildings[i]
		use, known := osm.BuildingUse(a.Tags)
		if use == osm.NoUse && known {
			continue
		}
		for _, z := range zoneAt.at(a.X, a.Y) {
			filled[z] = true
		}
		if !known && a.GroundM2 >= minHomeM2 {
			if z := zoneAt.smallest(a.X, a.Y); z >= 0 {
				use = osm.ZoneUse(zones[z].Tags)
				if use == osm.Park {
					use = osm.NoUse // a hut in a park
				} else {
					byLand++
				}
			}
		}
		if use == osm.NoUse {
			unknown++
			continue
		}
		floor := a.GroundM2 * osm.Levels(a.Tags, use)
		q := place{x: a.X, y: a.Y, area: a, use: use}
		if use == osm.Home {
			q.home = floor
			homes++
		} else {
			w := use.Weights()
			for k := range w {
				q.attract[k] = w[k] * floor
			}
			works++
		}
		p.places = append(p.places, q)
	}
	p.b.line("places", "buildings read", float64(len(buildings)), "buildings", "middle inside the box")
	p.b.line("places", "multipolygons not closed", float64(broken+brokenZones), "relations", "left out")
	p.b.line("places", "residential buildings", float64(homes), "buildings", "floor area by storeys, default 2, apartments 4 (assumed)")
	p.b.line("places", "other buildings in use", float64(works), "buildings", "weights per m2 of floor (assumed)")
	p.b.line("places", "uses read off the land around", float64(byLand), "buildings", "tagged only as a building")
	p.b.line("places", "buildings of unknown use", float64(unknown), "buildings", "not on used land, or too small: left out")

	land := 0
	for i := range zones {
		use := osm.ZoneUse(zones[i].Tags)
		if use == osm.Home || filled[i] && use != osm.Park {
			continue
		}
		floor := zones[i].GroundM2 * farOfEmptyLand
		if use == osm.Park {
			floor = min(zones[i].GroundM2, 1e5) // a larger park draws no more per visit
		}
		q := place{x: zones[i].X, y: zones[i].Y, use: use}
		for k, w := range use.Weights() {
			q.attract[k] = w * floor
		}
		p.places = append(p.places, q)
		land++
	}
	p.b.line("places", "land without buildings", float64(land), "zones", "parks, and 0.2 m2 of floor per m2 elsewhere (assumed)")
	p.points()
}

// points adds shops, offices and the like that are mapped as nodes. Inside a
// building whose own use draws the same purposes they are already counted.
func (p *placer) points() {
	pts := osm.Points(p.b.source, p.b.cfg.BBox, func(t tags.Tags) bool { return osm.PointUse(t) != osm.NoUse })
	var areas []osm.Area
	var owner []int
	for i := range p.places {
		if a := p.places[i].area; a != nil {
			areas, owner = append(areas, *a), append(owner, i)
		}
	}
	at := newAreaIndex(areas)
	alone, inside, counted := 0, 0, 0
	for _, pt := range pts {
		use := osm.PointUse(pt.Tags)
		floor := osm.NominalFloorM2(pt.Tags, use)
		w := use.Weights()
		if z := at.smallest(pt.X, pt.Y); z >= 0 {
			q := &p.places[owner[z]]
			main := city.Purpose(0) // what the point mainly draws besides workers
			for k := range w {
				if w[k] > w[main] {
					main = city.Purpose(k)
				}
			}
			if q.attract[main] > 0 {
				counted++
				continue
			}
			for k := range w {
				q.attract[k] += w[k] * floor
			}
			inside++
			continue
		}
		q := place{x: pt.X, y: pt.Y, use: use}
		for k := range w {
			q.attract[k] = w[k] * floor
		}
		p.places = append(p.places, q)
		alone++
	}
	p.b.line("places", "points of interest", float64(len(pts)), "points",
		fmt.Sprintf("%d on their own, %d added to their building, %d already counted with it; floor by kind (assumed)", alone, inside, counted))
}

// spacingM is the street length that one home point stands for.
const spacingM = 100

// fromStreets makes places along residential streets, for sources without
// buildings.
func (p *placer) fromStreets() {
	pts, total := p.streetPoints()
	p.places = append(p.places, pts...)
	p.b.line("places", "residential streets", total/1000, "km", "one home point per 100 m (assumed: no buildings in the source)")
}

// streetPoints is one home point per 100 m of residential street, and the
// length of those streets in metres. A street counts once: not its other
// direction, nor the copy made for a turn restriction over it (osm, over.go). The two
// carriageways of one street count as two: in Porto Alegre they are 13 of 750 km.
func (p *placer) streetPoints() (pts []place, total float64) {
	n := &p.b.city.Net
	pr := p.b.city.Projection()
	seen := map[drawn]bool{} // look-ups only
	for l := range n.NumLinks() {
		if n.Class[l] != city.Residential {
			continue
		}
		lon, lat := n.GeomLon[n.GeomFirst[l]:n.GeomFirst[l+1]], n.GeomLat[n.GeomFirst[l]:n.GeomFirst[l+1]]
		d := drawnAs(n.WayOSM[l], lon, lat)
		if seen[d] {
			continue
		}
		seen[d] = true
		length := float64(n.LengthM[l])
		total += length
		k := max(1, int(math.Round(length/spacingM)))
		for i := range k {
			x, y := along(pr, lon, lat, (float64(i)+0.5)/float64(k))
			pts = append(pts, place{x: x, y: y, home: length / float64(k), use: osm.Home})
		}
	}
	return pts, total
}

// drawn tells pieces of street apart, whatever their direction: the way, both
// ends in order, the points between, and one of them by which the two halves of
// a loop differ.
type drawn struct {
	way     int64
	a, b, m [2]float32
	points  int
}

func drawnAs(way int64, lon, lat []float32) drawn {
	n := len(lon)
	a, b, m := [2]float32{lon[0], lat[0]}, [2]float32{lon[n-1], lat[n-1]}, n/2
	if a[0] > b[0] || a[0] == b[0] && a[1] > b[1] {
		a, b, m = b, a, n-1-n/2
	}
	return drawn{way, a, b, [2]float32{lon[m], lat[m]}, n}
}

// Where the map shows streets but has no houses yet, people still live there.
const (
	fewHomesM2 = 1000 // residential floor nearest a point below which houses must be missing (assumed)
	gapReachM  = 400  // residential streets this near a point take its people
)

// fillGaps adds home points on residential streets near population points
// whose surroundings hold too few mapped homes.
func (p *placer) fillGaps(pts []weighted) {
	px, py := make([]float32, len(pts)), make([]float32, len(pts))
	for i, q := range pts {
		px[i], py[i] = float32(q.x), float32(q.y)
	}
	near := city.NewPointIndex(px, py, 300, nil)
	floor := make([]float64, len(pts))
	for i := range p.places {
		if q := &p.places[i]; q.home > 0 {
			k, _, _ := near.Nearest(q.x, q.y)
			floor[k] += q.home
		}
	}
	gaps := 0
	for _, f := range floor {
		if f < fewHomesM2 {
			gaps++
		}
	}
	if gaps == 0 {
		return
	}
	street, _ := p.streetPoints()
	before := len(p.places)
	for _, q := range street {
		k, d, _ := near.Nearest(q.x, q.y)
		if d > gapReachM || floor[k] >= fewHomesM2 {
			continue
		}
		// Comparable with the few mapped homes there: two rows of houses, about
		// 10 m2 of floor per metre of street (assumed).
		q.home *= 10
		p.places = append(p.places, q)
	}
	added := p.places[before:]
	p.places = append(p.places[:before], p.snapped(added)...)
	p.b.line("places", "population points with too few mapped homes", float64(gaps), "points",
		fmt.Sprintf("%d home points added along residential streets near them (assumed)", len(p.places)-before))
}

// along is the point at a share of a line's length.
func along(pr city.Projection, lon, lat []float32, share float64) (x, y float64) {
	var total float64
	px, py := pr.XY(float64(lon[0]), float64(lat[0]))
	at := make([]float64, len(lon))
	for i := 1; i < len(lon); i++ {
		qx, qy := pr.XY(float64(lon[i]), float64(lat[i]))
		total += math.Hypot(qx-px, qy-py)
		at[i] = total
		px, py = qx, qy
	}
	want := share * total
	for i := 1; i < len(lon); i++ {
		if at[i] >= want {
			ax, ay := pr.XY(float64(lon[i-1]), float64(lat[i-1]))
			bx, by := pr.XY(float64(lon[i]), float64(lat[i]))
			f := 0.0
			if at[i] > at[i-1] {
				f = (want - at[i-1]) / (at[i] - at[i-1])
			}
			return ax + f*(bx-ax), ay + f*(by-ay)
		}
	}
	return px, py
}

// snap finds the street nodes of every place and drops the remote ones.
func (p *placer) snap() {
	before := len(p.places)
	p.places = p.snapped(p.places)
	p.b.line("places", "places far from any street", float64(before-len(p.places)), "places", "more than 400 m on foot or 1,200 m by car: left out")
}

func (p *placer) snapped(places []place) []place {
	kept := places[:0]
	for _, q := range places {
		w, d, _ := p.b.walk.Nearest(q.x, q.y)
		c, dc, _ := p.b.car.Nearest(q.x, q.y)
		if d > reachM || dc > 3*reachM {
			continue
		}
		q.wlk, q.car, q.accessM = w, c, d
		kept = append(kept, q)
	}
	return kept
}

// attractByDepartures lets stops stand for what is around them: each stop's
// departures are shared by the places within 300 m (assumed).
func (p *placer) attractByDepartures() {
	const aroundM = 300
	t := &p.b.city.Timetable
	dep := make([]float64, t.NumStops())
	for q := range t.NumPatterns() {
		trips := float64(t.PatternTrips[q+1] - t.PatternTrips[q])
		for _, s := range t.Stop[t.PatternStops[q]:t.PatternStops[q+1]] {
			dep[s] += trips
		}
	}
	cx, cy := make([]float32, len(p.places)), make([]float32, len(p.places))
	for i := range p.places {
		cx[i], cy[i] = float32(p.places[i].x), float32(p.places[i].y)
	}
	ix := city.NewPointIndex(cx, cy, 100, nil)
	pr := p.b.city.Projection()
	total := 0.0
	for s := range dep {
		x, y := pr.XY(t.StopLon[s], t.StopLat[s])
		var near []int
		ix.Within(x, y, aroundM, func(i int, _ float64) { near = append(near, i) })
		if len(near) == 0 {
			if i, _, ok := ix.Nearest(x, y); ok {
				near = append(near, i)
			}
		}
		for _, i := range near {
			for k := range p.places[i].attract {
				p.places[i].attract[k] += dep[s] / float64(len(near))
			}
		}
		total += dep[s]
	}
	p.b.line("places", "departures that stand for destinations", total, "departures", "shared by the places within 300 m (assumed: no buildings or jobs in the sources)")
}

// cellM is the size of a cluster.
const cellM = 250

// cluster numbers the cells of 250 m that hold places, row by row, and brings
// the places into that order: places of a cluster are neighbours in memory.
func (p *placer) cluster() {
	type cell struct{ cy, cx int }
	of := func(q *place) cell { return cell{int(math.Floor(q.y / cellM)), int(math.Floor(q.x / cellM))} }
	slices.SortStableFunc(p.places, func(a, b place) int {
		x, y := of(&a), of(&b)
		return cmp.Or(cmp.Compare(x.cy, y.cy), cmp.Compare(x.cx, y.cx))
	})
	id := -1
	var last cell
	for i := range p.places {
		if c := of(&p.places[i]); i == 0 || c != last {
			id++
			last = c
		}
		p.places[i].cluster = id
	}
}
