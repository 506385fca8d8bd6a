package osm

import (
	"cmp"
	"slices"

	"github.com/malikobaid/cityflow/internal/city"
	"github.com/malikobaid/cityflow/internal/units"
)

const noLink = units.NoLink

// emit writes the finished streets as columns. Nodes follow a Z-order curve so
// that neighbours are near in memory; links are sorted by From, To, way, then
// length, which orders parallel streets too.
func (g *graph) emit() city.Network {
	var net city.Network
	pr := city.ProjectionOf(g.opt.BBox)

	used := make([]bool, len(g.nodeSrc))
	for i := range g.streets {
		if s := &g.streets[i]; !s.dead {
			used[s.from], used[s.to] = true, true
		}
	}
	var order []int32
	key := make([]uint64, len(g.nodeSrc))
	for v, u := range used {
		if u {
			n := g.nodeSrc[v]
			key[v] = morton(g.opt.BBox, g.src.Lon[n], g.src.Lat[n])
			order = append(order, int32(v))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(key[a], key[b]), cmp.Compare(g.nodeOSM[a], g.nodeOSM[b]))
	})
	id := make([]int32, len(g.nodeSrc))
	for i := range id {
		id[i] = -1
	}
	for i, v := range order {
		id[v] = int32(i)
		n := g.nodeSrc[v]
		x, y := pr.XY(g.src.Lon[n], g.src.Lat[n])
		net.NodeLon, net.NodeLat = append(net.NodeLon, g.src.Lon[n]), append(net.NodeLat, g.src.Lat[n])
		net.NodeX, net.NodeY = append(net.NodeX, float32(x)), append(net.NodeY, float32(y))
		net.NodeOSM = append(net.NodeOSM, g.nodeOSM[v])
		net.NodeSignal = append(net.NodeSignal, g.signal[v])
	}

	type directed struct {
		street   int32
		from, to int32
		backward bool
	}
	var halves []directed
	for i := range g.streets {
		s := &g.streets[i]
		if s.dead {
			continue
		}
		if s.attr.fwd.modes != 0 {
			halves = append(halves, directed{int32(i), id[s.from], id[s.to], false})
		}
		if s.attr.back.modes != 0 {
			halves = append(halves, directed{int32(i), id[s.to], id[s.from], true})
		}
	}
	slices.SortStableFunc(halves, func(a, b directed) int {
		sa, sb := &g.streets[a.street], &g.streets[b.street]
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(sa.way, sb.way),
			cmp.Compare(sa.lengthM, sb.lengthM), cmp.Compare(a.street, b.street))
	})
	names := []string{""}
	for i := range g.streets {
		if s := &g.streets[i]; !s.dead {
			names = append(names, s.attr.name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	net.Names = names

	net.GeomFirst = append(net.GeomFirst, 0)
	linkOf := make([][2]units.LinkID, len(g.streets))
	for i := range linkOf {
		linkOf[i] = [2]units.LinkID{noLink, noLink}
	}
	for l, h := range halves {
		s := &g.streets[h.street]
		sd := s.attr.fwd
		if h.backward {
			sd = s.attr.back
			linkOf[h.street][1] = units.LinkID(l)
		} else {
			linkOf[h.street][0] = units.LinkID(l)
		}
		name, _ := slices.BinarySearch(names, s.attr.name)
		net.From, net.To = append(net.From, units.NodeID(h.from)), append(net.To, units.NodeID(h.to))
		// Two points a few centimetres apart are one place to a driver; a floor
		// keeps times and storage positive.
		net.LengthM = append(net.LengthM, float32(max(s.lengthM, minBarrierM)))
		net.SpeedMS = append(net.SpeedMS, sd.speed)
		net.Lanes = append(net.Lanes, lanesOf(s.attr.class, sd.lanes))
		c, jam := capacity(s.attr.class, s.attr.ring, sd.lanes, sd.speed)
		net.CapacityVS, net.JamVM = append(net.CapacityVS, c), append(net.JamVM, jam)
		net.Modes = append(net.Modes, sd.modes)
		net.Class = append(net.Class, s.attr.class)
		net.Roundabout = append(net.Roundabout, s.attr.ring)
		net.WayOSM = append(net.WayOSM, s.way)
		net.NameIdx = append(net.NameIdx, uint32(name))
		for k := range s.pts {
			n := s.pts[k]
			if h.backward {
				n = s.pts[len(s.pts)-1-k]
			}
			net.GeomLon = append(net.GeomLon, float32(g.src.Lon[n]))
			net.GeomLat = append(net.GeomLat, float32(g.src.Lat[n]))
		}
		net.GeomFirst = append(net.GeomFirst, uint32(len(net.GeomLon)))
	}
	g.linkCopy = make([]units.LinkID, len(halves))
	for l := range g.linkCopy {
		g.linkCopy[l] = noLink
	}
	link := func(h half) units.LinkID {
		if h.back {
			return linkOf[h.street][1]
		}
		return linkOf[h.street][0]
	}
	for l, h := range halves {
		if of, ok := g.copyOf[h.street]; ok {
			g.linkCopy[l] = link(of)
			g.linkCopies = append(g.linkCopies, linkCopy{units.LinkID(l), link(of)})
		}
	}
	net.Reverse = make([]units.LinkID, len(halves))
	for l, h := range halves {
		if h.backward {
			net.Reverse[l] = linkOf[h.street][0]
		} else {
			net.Reverse[l] = linkOf[h.street][1]
		}
	}
	net.IndexLinks()

	street := func(l units.LinkID) *street { return &g.streets[halves[l].street] }
	g.ban(&net, link,
		func(v int32) (arms []arm) {
			if id[v] < 0 {
				return nil
			}
			for _, l := range net.In(units.NodeID(id[v])) {
				if net.Modes[l]&city.AllowCar == 0 {
					continue
				}
				way := street(l).toWay
				if halves[l].backward {
					way = street(l).fromWay
				}
				arms = append(arms, arm{uint32(l), way})
			}
			return arms
		},
		func(v int32) (arms []arm) {
			if id[v] < 0 {
				return nil
			}
			for l, end := net.Out(units.NodeID(id[v])); l < end; l++ {
				if net.Modes[l]&city.AllowCar == 0 {
					continue
				}
				way := street(l).fromWay
				if halves[l].backward {
					way = street(l).toWay
				}
				arms = append(arms, arm{uint32(l), way})
			}
			return arms
		})
	g.reportNetwork(&net)
	return net
}

func lanesOf(c city.RoadClass, lanes float32) float32 {
	if c == city.Path {
		return 0
	}
	return lanes
}

func (g *graph) reportNetwork(net *city.Network) {
	g.report.add("nodes", float64(net.NumNodes()), "nodes", "in the compiled network, footpaths included")
	g.report.add("links", float64(net.NumLinks()), "links", "directed")
	car := 0
	for _, m := range net.Modes {
		if m&city.AllowCar != 0 {
			car++
		}
	}
	g.report.add("car links", float64(car), "links", "directed")
}

// morton interleaves 16 bits of each coordinate of the box.
func morton(box [4]float64, lon, lat float64) uint64 {
	x := uint64((lon - box[0]) / (box[2] - box[0]) * 65535)
	y := uint64((lat - box[1]) / (box[3] - box[1]) * 65535)
	return spread(x) | spread(y)<<1
}

func spread(v uint64) uint64 {
	v &= 0xffff
	v = (v | v<<8) & 0x00ff00ff
	v = (v | v<<4) & 0x0f0f0f0f
	v = (v | v<<2) & 0x33333333
	v = (v | v<<1) & 0x55555555
	return v
}
