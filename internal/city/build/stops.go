package build

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/units"
)

func nodeID(v int) units.NodeID { return units.NodeID(v) }

// gate is a node at which a stop hangs on the walking network, and the metres
// between the two. A stop has one, a platform with pathways one per entrance.
type gate struct {
	node units.NodeID
	m    float64
}

// linkStops snaps stops to the walking network, groups them and finds the
// footpaths between them.
func (b *builder) linkStops() error {
	t := &b.city.Timetable
	pr := b.city.Projection()
	if b.extra == nil {
		b.extra = &gtfs.Extra{}
	}
	far, indoors := 0, 0
	gates := make([][]gate, t.NumStops())
	for s := range t.StopID {
		if s < len(b.extra.Doors) {
			for _, d := range b.extra.Doors[s] {
				x, y := pr.XY(d.Lon, d.Lat)
				v, m, _ := b.walk.Nearest(x, y)
				gates[s] = append(gates[s], gate{nodeID(v), float64(float32(m + d.S*city.WalkMS))})
			}
		}
		if len(gates[s]) == 0 {
			x, y := pr.XY(t.StopLon[s], t.StopLat[s])
			v, d, _ := b.walk.Nearest(x, y)
			gates[s] = []gate{{nodeID(v), float64(float32(d))}} // as the columns hold it
			if d > farStopM {
				far++
			}
		} else {
			indoors++
		}
		best := slices.MinFunc(gates[s], func(a, b gate) int { return cmp.Or(cmp.Compare(a.m, b.m), cmp.Compare(a.node, b.node)) })
		t.StopNode = append(t.StopNode, best.node)
		t.StopWalkM = append(t.StopWalkM, float32(best.m))
	}
	t.StopGroup = city.GroupStops(t.StopName, t.StopLon, t.StopLat, b.extra.Parents)
	b.line("timetable", "stops far from a street", float64(far), "stops", fmt.Sprintf("more than %d m: check their position", farStopM))
	if indoors > 0 {
		b.line("timetable", "stops reached through entrances", float64(indoors), "stops", "first and last walks use the nearest entrance, changes all of them")
	}
	b.line("timetable", "stop groups", float64(t.NumGroups()), "groups", "one name within 250 m, or one station")
	b.footpaths(gates)
	b.line("timetable", "footpaths between stops", float64(len(t.TransferTo)), "footpaths", "up to 500 m on the walking network, and what transfers.txt asks for")
	b.matchStreets()
	return nil
}
