package export

import (
	"math"
	"strconv"
	"strings"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/city/gtfs"
	"github.com/malikobaid/cityflow/internal/units"
)

// gmnsVersion is the version of the specification whose field names are used:
// github.com/zephyr-data-specs/GMNS, folder spec.
const gmnsVersion = 0.96

// GMNS is the street network as GMNS tables. node_id and link_id are the
// city's own numbers, from 0. Fields beyond the specification (it permits them)
// carry what would be lost otherwise; their names begin with cf_.
func GMNS(c *city.City) []File {
	n := &c.Net
	shape, flag := gmnsGeometry(n)
	return []File{
		csvFile("config.csv", "dataset_name,short_length,long_length,speed,crs,geometry_field_format,currency,version_number,id_type,cf_west,cf_south,cf_east,cf_north,cf_digest", func(t *table) {
			t.text(c.Info.Name)
			for _, s := range []string{"m", "km", "km/h", "EPSG:4326", "WKT", ""} {
				t.text(s)
			}
			t.float(gmnsVersion)
			t.text("integer")
			for _, v := range c.Info.BBox {
				t.float(v)
			}
			t.text(c.Info.Digest)
			t.end()
		}),
		csvFile("use_definition.csv", "use,persons_per_vehicle,pce,special_conditions,description", func(t *table) {
			for _, u := range gmnsUses {
				t.text(u.name)
				t.float(u.persons)
				t.float(u.pce)
				t.text("")
				t.text(u.about)
				t.end()
			}
		}),
		csvFile("node.csv", "node_id,name,x_coord,y_coord,z_coord,node_type,ctrl_type,cf_osm_node_id", func(t *table) {
			for v := range n.NumNodes() {
				t.int(int64(v))
				t.text("")
				t.float(n.NodeLon[v])
				t.float(n.NodeLat[v])
				if len(n.NodeHeightM) > 0 {
					t.float32(n.NodeHeightM[v])
				} else {
					t.text("")
				}
				t.text("")
				if n.NodeSignal[v] {
					t.text("signal")
				} else {
					t.text("")
				}
				t.int(n.NodeOSM[v])
				t.end()
			}
		}),
		csvFile("geometry.csv", "geometry_id,geometry", func(t *table) {
			for l := range n.NumLinks() {
				if int(shape[l]) == l {
					t.int(int64(l))
					t.text(wkt(n, units.LinkID(l)))
					t.end()
				}
			}
		}),
		csvFile("link.csv", "link_id,name,from_node_id,to_node_id,directed,geometry_id,dir_flag,length,grade,facility_type,capacity,free_speed,lanes,allowed_uses,"+
			"cf_osm_way_id,cf_reverse_link_id,cf_roundabout,cf_lanes,cf_capacity_link,cf_jam_density", func(t *table) {
			for l := range n.NumLinks() {
				lanes := wholeLanes(n, l)
				t.int(int64(l))
				t.text(n.Names[n.NameIdx[l]])
				t.int(int64(n.From[l]))
				t.int(int64(n.To[l]))
				t.text("true")
				t.int(int64(shape[l]))
				t.int(flag[l])
				t.float(float64(n.LengthM[l]) / 1000)
				if len(n.Grade) > 0 {
					t.float(float64(n.Grade[l]) * 100) // percent
				} else {
					t.text("")
				}
				t.text(n.Class[l].String())
				if n.Modes[l]&city.AllowCar != 0 {
					t.float(math.Round(float64(n.CapacityVS[l]) * 3600 / float64(lanes)))
				} else {
					t.text("")
				}
				t.float(float64(n.SpeedMS[l]) * 3.6)
				t.int(int64(lanes))
				t.text(gmnsAllowed(n.Modes[l]))
				t.int(n.WayOSM[l])
				if r := n.Reverse[l]; r != units.NoLink {
					t.int(int64(r))
				} else {
					t.text("")
				}
				t.text(strconv.FormatBool(n.Roundabout[l]))
				t.float32(n.Lanes[l])
				t.float(float64(n.CapacityVS[l]) * 3600)
				t.float(float64(n.JamVM[l]) * 1000)
				t.end()
			}
		}),
		csvFile("movement.csv", "mvmt_id,node_id,ib_link_id,ob_link_id,type", func(t *table) {
			id := int64(0)
			Movements(n, func(in, out units.LinkID) {
				t.int(id)
				t.int(int64(n.To[in]))
				t.int(int64(in))
				t.int(int64(out))
				t.text(turn(n, in, out))
				t.end()
				id++
			})
		}),
		csvFile("zone.csv", "zone_id,name,cf_node_id,cf_residents,cf_work,cf_education,cf_shopping,cf_leisure", func(t *table) {
			for _, z := range zones(&c.Places) {
				t.int(z.id)
				t.text(z.name)
				t.int(z.node)
				t.float(z.residents)
				for _, w := range z.attraction {
					t.float(w)
				}
				t.end()
			}
		}),
		csvFile("location.csv", "loc_id,link_id,ref_node_id,lr,x_coord,y_coord,loc_type,gtfs_stop_id,cf_name", func(t *table) {
			tt := &c.Timetable
			for s, v := range tt.StopNode {
				l, lr := beside(n, v)
				t.int(int64(s))
				t.int(int64(l))
				t.int(int64(n.From[l]))
				t.float(lr)
				t.float(tt.StopLon[s])
				t.float(tt.StopLat[s])
				t.text("public_transport=platform")
				t.text(tt.StopID[s])
				t.text(tt.StopName[s])
				t.end()
			}
		}),
	}
}

// zone is a cluster of places: a cell of 250 m.
type zone struct {
	id, node   int64
	name       string // of the area around
	residents  float64
	attraction [city.NumPurposes]float64
}

func zones(p *city.Places) []zone {
	out := make([]zone, p.NumClusters())
	for i, node := range p.ClusterNode {
		out[i].id, out[i].node = int64(i), int64(node)
	}
	for i, cl := range p.Cluster {
		z := &out[cl]
		if z.name == "" {
			z.name = p.AreaName[p.AreaOf[i]]
		}
		z.residents += float64(p.Residents[i])
		for k := range z.attraction {
			z.attraction[k] += float64(p.Attraction[k][i])
		}
	}
	return out
}

// beside is a link at a stop's node, which a walker may use where there is one,
// and how far along it the node lies, in metres from the link's beginning.
func beside(n *city.Network, v units.NodeID) (l units.LinkID, lr float64) {
	first, end := n.Out(v)
	for l := first; l < end; l++ {
		if n.Modes[l]&city.AllowWalk != 0 {
			return l, 0
		}
	}
	in := n.In(v)
	for _, l := range in {
		if n.Modes[l]&city.AllowWalk != 0 {
			return l, float64(n.LengthM[l])
		}
	}
	if first < end {
		return first, 0
	}
	return in[0], float64(n.LengthM[in[0]])
}

// gmnsUses are the members of a ModeSet. A street does not tell how many
// persons a car holds: the driver is certain.
var gmnsUses = []struct {
	set          city.ModeSet
	name         string
	persons, pce float64
	about        string
}{
	{city.AllowCar, "auto", 1, 1, "cars and other private motor vehicles"},
	{city.AllowBike, "bike", 1, 0.2, "bicycles (pce assumed)"},
	{city.AllowWalk, "walk", 1, 0, "people on foot"},
	{city.AllowBus, "bus", float64(gtfs.Capacity(city.Bus)), 2.5, "buses: capacity, not load (pce assumed)"},
}

func gmnsAllowed(m city.ModeSet) string {
	var names []string
	for _, u := range gmnsUses {
		if m&u.set != 0 {
			names = append(names, u.name)
		}
	}
	return strings.Join(names, ",")
}

// vehicles are the modes that bans of turns speak about.
const vehicles = city.AllowCar | city.AllowBus | city.AllowBike

// Movements calls f for every pair of links that may follow one another at
// their common node, where both carry vehicles: what is not listed is banned.
// People on foot turn as they like.
func Movements(n *city.Network, f func(in, out units.LinkID)) {
	for in := range n.NumLinks() {
		l := units.LinkID(in)
		if n.Modes[l]&vehicles == 0 {
			continue
		}
		bans := n.Bans(l)
		first, end := n.Out(n.To[l])
		for out := first; out < end; out++ {
			if n.Modes[out]&vehicles == 0 {
				continue
			}
			for len(bans) > 0 && bans[0] < out {
				bans = bans[1:]
			}
			if len(bans) == 0 || bans[0] != out {
				f(l, out)
			}
		}
	}
}

// turn names a movement by the angle between the last stretch of one link and
// the first of the next.
func turn(n *city.Network, in, out units.LinkID) string {
	if n.Reverse[in] == out {
		return "uturn"
	}
	a, b := n.GeomFirst[in+1], n.GeomFirst[out]
	scale := math.Cos(float64(n.GeomLat[b]) * math.Pi / 180)
	ax, ay := float64(n.GeomLon[a-1]-n.GeomLon[a-2])*scale, float64(n.GeomLat[a-1]-n.GeomLat[a-2])
	bx, by := float64(n.GeomLon[b+1]-n.GeomLon[b])*scale, float64(n.GeomLat[b+1]-n.GeomLat[b])
	switch angle := math.Atan2(ax*by-ay*bx, ax*bx+ay*by) * 180 / math.Pi; {
	case angle > 45:
		return "left"
	case angle < -45:
		return "right"
	}
	return "thru"
}

// wholeLanes is the number of lanes for formats that know whole ones only.
func wholeLanes(n *city.Network, l int) int {
	if n.Modes[l]&(city.AllowCar|city.AllowBus) == 0 {
		return int(math.Round(float64(n.Lanes[l])))
	}
	return max(1, int(math.Round(float64(n.Lanes[l]))))
}

// gmnsGeometry shares one line between the two directions of a street where it
// is the same: shape is the link whose line is used, flag its direction.
func gmnsGeometry(n *city.Network) (shape []units.LinkID, flag []int64) {
	shape, flag = make([]units.LinkID, n.NumLinks()), make([]int64, n.NumLinks())
	for l := range shape {
		shape[l], flag[l] = units.LinkID(l), 1
		if r := n.Reverse[l]; r != units.NoLink && int(r) < l && mirrored(n, units.LinkID(l), r) {
			shape[l], flag[l] = r, -1
		}
	}
	return shape, flag
}

func mirrored(n *city.Network, l, r units.LinkID) bool {
	a, aEnd, b, bEnd := n.GeomFirst[l], n.GeomFirst[l+1], n.GeomFirst[r], n.GeomFirst[r+1]
	if aEnd-a != bEnd-b {
		return false
	}
	for i := range aEnd - a {
		if n.GeomLon[a+i] != n.GeomLon[bEnd-1-i] || n.GeomLat[a+i] != n.GeomLat[bEnd-1-i] {
			return false
		}
	}
	return true
}

func wkt(n *city.Network, l units.LinkID) string {
	var s strings.Builder
	for i := n.GeomFirst[l]; i < n.GeomFirst[l+1]; i++ {
		sep := ", "
		if i == n.GeomFirst[l] {
			sep = "LINESTRING ("
		}
		s.WriteString(sep)
		s.Write(strconv.AppendFloat(nil, float64(n.GeomLon[i]), 'f', -1, 32))
		s.WriteByte(' ')
		s.Write(strconv.AppendFloat(nil, float64(n.GeomLat[i]), 'f', -1, 32))
	}
	s.WriteByte(')')
	return s.String()
}
