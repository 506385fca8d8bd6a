package build

import (
	"cmp"
	"math"
	"slices"

	tags "github.com/paulmach/osm"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/osm"
	"github.com/malikobaid/cityflow/internal/units"
)

// write fills the columns of city.Places.
func (p *placer) write() {
	out := &p.b.city.Places
	pr := p.b.city.Projection()
	for k := range out.Attraction {
		out.Attraction[k] = make([]float32, len(p.places))
	}
	for i := range p.places {
		q := &p.places[i]
		lon, lat := pr.LonLat(q.x, q.y)
		out.Lon, out.Lat = append(out.Lon, lon), append(out.Lat, lat)
		out.CarNode, out.WalkNode = append(out.CarNode, nodeID(q.car)), append(out.WalkNode, nodeID(q.wlk))
		out.AccessM = append(out.AccessM, float32(q.accessM))
		out.Residents = append(out.Residents, float32(q.people))
		for k := range q.attract {
			out.Attraction[k][i] = float32(q.attract[k])
		}
		out.Cluster = append(out.Cluster, units.ClusterID(q.cluster))
	}
	out.ClusterNode = p.clusterNodes()
	p.b.line("places", "places", float64(len(p.places)), "places", "")
	p.b.line("places", "clusters", float64(len(out.ClusterNode)), "clusters", "cells of 250 m")
}

// clusterNodes is the walking node of the place nearest each cluster's centre,
// weighted by the share of the city's residents and attractions a place holds.
func (p *placer) clusterNodes() []units.NodeID {
	var people float64
	var attract [city.NumPurposes]float64
	for i := range p.places {
		people += p.places[i].people
		for k, a := range p.places[i].attract {
			attract[k] += a
		}
	}
	weight := func(q *place) float64 {
		w := q.people / people
		for k, a := range q.attract {
			if attract[k] > 0 {
				w += a / attract[k] / city.NumPurposes
			}
		}
		return w
	}
	var nodes []units.NodeID
	for i := 0; i < len(p.places); {
		j := i
		var sx, sy, sw float64
		for ; j < len(p.places) && p.places[j].cluster == p.places[i].cluster; j++ {
			w := weight(&p.places[j])
			sx, sy, sw = sx+w*p.places[j].x, sy+w*p.places[j].y, sw+w
		}
		best, bestD := i, math.Inf(1)
		for k := i; k < j; k++ {
			if d := math.Hypot(p.places[k].x-sx/sw, p.places[k].y-sy/sw); d < bestD {
				best, bestD = k, d
			}
		}
		nodes = append(nodes, nodeID(p.places[best].wlk))
		i = j
	}
	return nodes
}

// maxAreas is how many areas a report can show at a glance.
const maxAreas = 25

// areas names the parts of the city that results are reported by: the places
// nearest to each named suburb, town, village or quarter of the map. Of more
// than 25 the ones with most residents are kept. Without names the compass
// sectors around the middle serve.
func (p *placer) areas() {
	out := &p.b.city.Places
	named := osm.Points(p.b.source, p.b.cfg.BBox, func(t tags.Tags) bool {
		switch t.Find("place") {
		case "suburb", "village", "neighbourhood", "quarter", "town", "city":
			return t.Find("name") != ""
		}
		return false
	})
	// One name, one area: the first by OSM id.
	seen := map[string]bool{} // look-ups only
	named = slices.DeleteFunc(named, func(n osm.Point) bool {
		dup := seen[n.Tags.Find("name")]
		seen[n.Tags.Find("name")] = true
		return dup
	})
	if len(named) < 2 {
		p.sectors()
		return
	}
	assign := func() (of []int, people []float64) {
		x, y := make([]float32, len(named)), make([]float32, len(named))
		for i, n := range named {
			x[i], y[i] = float32(n.X), float32(n.Y)
		}
		ix := city.NewPointIndex(x, y, 500, nil)
		of, people = make([]int, len(p.places)), make([]float64, len(named))
		for i := range p.places {
			k, _, _ := ix.Nearest(p.places[i].x, p.places[i].y)
			of[i] = k
			people[k] += p.places[i].people
		}
		return of, people
	}
	of, people := assign()
	if len(named) > maxAreas {
		order := make([]int, len(named))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(people[b], people[a]) })
		keep := order[:maxAreas]
		slices.Sort(keep)
		var few []osm.Point
		for _, i := range keep {
			few = append(few, named[i])
		}
		named = few
		of, _ = assign()
	}
	for _, n := range named {
		out.AreaName = append(out.AreaName, n.Tags.Find("name"))
	}
	for _, k := range of {
		out.AreaOf = append(out.AreaOf, uint16(k))
	}
	p.b.line("places", "areas", float64(len(named)), "areas", "by the nearest named part of the city on the map")
}

// sectors divides the city into the centre and eight directions.
func (p *placer) sectors() {
	out := &p.b.city.Places
	out.AreaName = []string{"Centre", "East", "North-east", "North", "North-west", "West", "South-west", "South", "South-east"}
	const centreM = 1000
	for i := range p.places {
		q := &p.places[i]
		k := 0
		if math.Hypot(q.x, q.y) > centreM {
			k = 1 + int(math.Round(math.Atan2(q.y, q.x)/(math.Pi/4))+8)%8
		}
		out.AreaOf = append(out.AreaOf, uint16(k))
	}
	p.b.line("places", "areas", float64(len(out.AreaName)), "areas", "compass sectors around the middle: the map names too few parts")
}

// areaIndex finds the areas around a point: a grid of cells, each with the
// areas whose bounding box touches it.
type areaIndex struct {
	areas []osm.Area
	cells map[[2]int][]int32 // look-ups only
}

const (
	areaCellM  = 200
	areaReachM = 50_000 // half the width of the largest city
)

func newAreaIndex(areas []osm.Area) *areaIndex {
	ix := &areaIndex{areas: areas, cells: map[[2]int][]int32{}}
	for i := range areas {
		// A lake or estate may reach far beyond the map; its cells need not.
		x0, y0, x1, y1 := areas[i].Bounds()
		x0, y0, x1, y1 = max(x0, -areaReachM), max(y0, -areaReachM), min(x1, areaReachM), min(y1, areaReachM)
		for cy := int(math.Floor(y0 / areaCellM)); cy <= int(math.Floor(y1/areaCellM)); cy++ {
			for cx := int(math.Floor(x0 / areaCellM)); cx <= int(math.Floor(x1/areaCellM)); cx++ {
				ix.cells[[2]int{cx, cy}] = append(ix.cells[[2]int{cx, cy}], int32(i))
			}
		}
	}
	return ix
}

// at is the areas that contain a point, in order of index.
func (ix *areaIndex) at(x, y float64) (found []int) {
	for _, i := range ix.cells[[2]int{int(math.Floor(x / areaCellM)), int(math.Floor(y / areaCellM))}] {
		if ix.areas[i].Contains(x, y) {
			found = append(found, int(i))
		}
	}
	return found
}

// smallest is the smallest area that contains a point, or -1.
func (ix *areaIndex) smallest(x, y float64) int {
	best := -1
	for _, i := range ix.at(x, y) {
		if best < 0 || ix.areas[i].GroundM2 < ix.areas[best].GroundM2 {
			best = i
		}
	}
	return best
}
